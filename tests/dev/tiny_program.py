"""A tiny program that stands where Azurite, the local Graph or the host would.

listen PORT…       answers every request on these ports with 200
stubborn PORT…     the same, and does not end when asked to
parent PORT…       the same, with a child of its own
say SENTENCE       prints it and ends well
fail SENTENCE      prints it and ends with exit code 3
small-machine PORT DATA HOST   supervises tiny programs, the host being `listen`, `stubborn` …
start-tied [--watch]   starts `listen` without ports, tied to itself, and waits
"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from local import tied
from local.data_folder import DataFolder, Refused
from local.ports import Ports
from local.supervisor import Program, Programs, Supervisor
from tests.dev.machine import tiny


async def answer_on(ports: list[int]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    for port in ports:
        await asyncio.start_server(answer, "127.0.0.1", port)
    print(f"listening as {os.getpid()}", flush=True)
    await asyncio.Event().wait()


async def small_machine(port: int, data: Path, host: str) -> int:
    ports = Ports(port)
    environment = dict(os.environ)
    what = Programs(
        azurite=Program("Azurite", tiny("listen", *ports.every()[2:]), environment),
        graph=Program("The local Graph", tiny("listen", ports.graph), environment),
        demo=Program("Demo data", tiny("say", "made"), environment),
        host=Program("The host", tiny(host, ports.host), environment),
    )
    try:
        folder = DataFolder.open(data)
    except Refused as reason:
        print(reason)
        return 1
    asked_to_end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_end.set)
    say = lambda sentence: print(sentence, flush=True)  # noqa: E731
    return await Supervisor(what, ports, folder, say).run(asked_to_end)


def start_tied(watch: bool) -> int:
    shim, command = tied.tied(tiny("listen")), subprocess.PIPE
    if watch:
        shim.insert(shim.index(str(os.getpid())), "--watch")
    return subprocess.Popen(shim, stdin=command, start_new_session=True).wait()


def main(what: str, *arguments: str) -> int:
    match what:
        case "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "parent":
            subprocess.Popen(tiny("listen"))
        case "small-machine":
            port, data, host = arguments
            return asyncio.run(small_machine(int(port), Path(data), host))
        case "start-tied":
            return start_tied("--watch" in arguments)
        case "say" | "fail":
            print(*arguments)
            return 3 if what == "fail" else 0
    asyncio.run(answer_on([int(port) for port in arguments]))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
