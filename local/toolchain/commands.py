"""The commands of `dev.py`: what they are called, what they prepare, what they start."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from local import azurite
from local.ports import DEFAULT_PORT, Ports, first_taken
from local.toolchain import ROOT, chromium, doctor, node, storage
from local.toolchain.asking import KEY_VARIABLE
from local.toolchain.checks import check
from local.toolchain.environments import Environment, prepare
from local.toolchain.interpreters import find
from local.toolchain.rebuild import rebuild
from local.toolchain.steps import Stop, say

_ABOUT = """\
Runs, tests and checks the project on this machine. Needs Python 3.11 or newer and, the first time,
the network: it makes its own virtual environment in .venv and installs what is missing there.
"""
_RUN = """\
Serves the app on http://localhost:PORT, the local Graph on the next port and Azurite (blobs,
queues, tables) on the three after it, with demo data of two organizations; prints the addresses
when all is ready. A process that dies is started again. Ctrl-C stops everything.
"""
_TEST = """\
Installs what the tests need (Azurite, a Chromium) and runs pytest, two test files at a time;
whatever follows goes to pytest, as in: dev.py test tests/dev -k ports (or -n0 --pdb)
"""
_CHECK = "Checks format, lint, types, imports between the rooms, and the npm lock, as CI does."
_REBUILD = """\
Asks a running service to recompute an organization's KPIs and lists from its events, says what
differed and has put it right. The key (scope admin) is taken from ENGAGEMENT_KEY; on one machine
none is needed.
"""
_COSTS = """\
Writes docs/costs.md, what a month costs, from the prices in bench/prices.toml, the assumptions in
bench/traffic.py and the requests that were counted on the real code.
"""
_DOCTOR = """\
Examines a deployment: settings, permissions, clocks, queues, what waits, subscriptions, Microsoft
Graph and the sending mailboxes. Says of each thing that is wrong what to do, and ends with 1.
Without --url it is the one of this machine, whether it runs or not.
"""
_TABLES = """\
Saves the tables of an organization's storage account into a file, or puts them back, over what is
there. As whoever `az login` signed in, who needs the role Storage Table Data Contributor on it.
"""
_BENCH = "Measures; without names everything there is. Also: --events N, --minutes M, --rate R."

TEST_PROCESSES = 3
"""Each has an Azurite of its own and starts browsers and hosts; much of it waits."""


def main(arguments: list[str]) -> int:
    """Runs one command; returns the exit code. Everything expected ends in a sentence."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that has no ✓ shows a question mark instead of failing.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    for number in (signal.SIGINT, signal.SIGTERM):
        # Also SIGINT: a shell starts what runs in its background with that one ignored.
        signal.signal(number, _end)
    try:
        return _command(arguments)
    except Stop as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _command(arguments: list[str]) -> int:
    # Taken out first: everything else after `test` and `bench` belongs to them, in its order.
    python, rest = _python_parser().parse_known_args(arguments)
    if rest[:1] == ["test"] and not {"-h", "--help"} & set(rest):
        return _test(python.python, rest[1:])
    if rest[:1] == ["bench"] and not {"-h", "--help"} & set(rest):
        return _bench(python.python, rest[1:])
    options = _parser().parse_args(rest)
    match options.command:
        case "run":
            return _run(python.python, options)
        case "check":
            return 0 if check(prepare(python.python, "develop"), fix=options.fix) else 1
        case "doctor":
            return _doctor(python.python, options)
        case "tables":
            copying = ["-m", "local.tables", options.what, options.endpoint, str(options.file)]
            return _call([str(prepare(python.python, "run").python), *copying], {})
        case "costs":
            return _costs(python.python, count=options.count)
        case "rebuild":
            for organization in options.organizations or ("contoso", "fabrikam"):
                rebuild(options.address, organization)
            return 0
    raise AssertionError(options.command)


def _python_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--python",
        metavar="VERSION",
        help="the Python to use, a version such as 3.11 or a path "
        "(default: 3.13 where this machine has it, else the one that runs dev.py)",
    )
    return parser


def _parser() -> argparse.ArgumentParser:
    python = [_python_parser()]
    parser = argparse.ArgumentParser(prog="dev.py", description=_ABOUT, parents=python)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run", help="start everything on this machine", description=_RUN, parents=python
    )
    run.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help=f"the port of the service; the next four are used too (default {DEFAULT_PORT})",
    )
    run.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=ROOT / ".local-data",
        help="where everything is kept, also over stops and kills (default .local-data)",
    )
    run.add_argument(
        "--fresh", action="store_true", help="empty the data folder first (only one made by run)"
    )

    test = commands.add_parser(
        "test", help="run the tests", description=_TEST, usage="dev.py test [PYTEST ARGUMENT …]",
        parents=python,
    )  # fmt: skip
    _add_also(test)

    look = commands.add_parser(
        "check", help="format, lint, types, imports", description=_CHECK, parents=python
    )
    look.add_argument("--fix", action="store_true", help="mend what can be mended by itself first")

    bench = commands.add_parser("bench", help="measure", description=_BENCH, parents=python)
    bench.add_argument("names", nargs="*", metavar="NAME", help="what to measure (default: all)")

    examined = commands.add_parser(
        "doctor", help="find what is wrong with a deployment", description=_DOCTOR, parents=python
    )
    examined.add_argument(
        "organizations", nargs="*", metavar="ORGANIZATION", help="with --url (default: contoso)"
    )
    examined.add_argument("--url", metavar="ADDRESS", help="of a deployed app, as https://…")
    examined.add_argument(
        "--key", help=f"with --url: a key with the scope admin (default: {KEY_VARIABLE})"
    )
    examined.add_argument(
        "--port", type=_port, help="on this machine (default: that of the last run)"
    )
    examined.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=ROOT / ".local-data",
        help="on this machine: what dev.py run was given (default .local-data)",
    )

    tables = commands.add_parser(
        "tables", help="save an organization's tables", description=_TABLES, parents=python
    )
    tables.add_argument("what", choices=["save", "restore"])
    tables.add_argument("endpoint", help="as https://<account>.table.core.windows.net")
    tables.add_argument("file", type=lambda text: Path(text).absolute())

    costs = commands.add_parser(
        "costs", help="write down what a month costs", description=_COSTS, parents=python
    )
    costs.add_argument("--count", action="store_true", help="count the requests anew first")

    again = commands.add_parser(
        "rebuild", help="recompute KPIs and lists", description=_REBUILD, parents=python
    )
    again.add_argument(
        "organizations", nargs="*", metavar="ORGANIZATION", help="default: contoso fabrikam"
    )
    again.add_argument(
        "--address",
        default=f"http://localhost:{DEFAULT_PORT}",
        help=f"where the service is (default http://localhost:{DEFAULT_PORT})",
    )
    return parser


def _add_also(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--also",
        metavar="VERSION",
        help="then, if the machine has this Python, on it the tests that start no real processes, "
        "storage among them, and do not go through every fault",
    )


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 1 <= port <= 65531:
        raise argparse.ArgumentTypeError("a number from 1 to 65531, since the next four are used")
    return port


def _run(python: str | None, options: argparse.Namespace) -> int:
    taken = first_taken(Ports(options.port))
    if taken is not None:
        raise Stop(
            f"Port {taken} is taken (--port {options.port} needs {options.port} to "
            f"{options.port + 4}): stop what listens there, or choose other ports with --port."
        )
    data = options.data.expanduser().absolute()
    environment = prepare(python, "run")
    found = node.find(environment)
    storage.install(found)
    command = [str(environment.python), "-m", "local.supervisor"]
    command += [f"--port={options.port}", f"--data={data}", f"--node={found.path}"]
    if options.fresh:
        command.append("--fresh")
    _become(command)


def _become(command: list[str]) -> NoReturn:
    """Turns this process into another; what a caller knows as `dev.py` is the supervisor itself."""
    os.chdir(ROOT)
    # What a shell set for another Python must not reach this one.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    if sys.platform == "win32":
        # exec on Windows starts a second process and lets go of the terminal.
        sys.exit(subprocess.call(command, env=environment))
    os.execve(command[0], command, environment)


def _test(python: str | None, arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_also(parser)
    options, pytest_arguments = parser.parse_known_args(arguments)
    environment = prepare(python, "develop")
    tools = _tools(environment)
    browser = chromium.provide(environment)
    if browser is not None:
        tools["CHROMIUM"] = str(browser)
    code = _pytest(environment, tools, pytest_arguments)
    other = find(options.also) if options.also is not None else None
    if code == 0 and other is not None and other.series != environment.series:
        say(f"\nThe same on Python {other.series}, without storage and other real processes:")
        without = ["-m", "not (browser or processes or storage or thorough)", *pytest_arguments]
        code = _pytest(prepare(other.series, "develop"), tools, without)
    return code


def _bench(python: str | None, arguments: list[str]) -> int:
    environment = prepare(python, "develop")
    return _call([str(environment.python), "-m", "bench", *arguments], _tools(environment))


def _doctor(python: str | None, options: argparse.Namespace) -> int:
    if options.url is not None:
        key = options.key or os.environ.get(KEY_VARIABLE)
        keys = doctor.keys_of(options.organizations or ["contoso"], key)
        return doctor.tell(doctor.of_deployment(options.url, keys))
    data = options.data.expanduser().absolute()
    interpreter = prepare(python, "run").python
    return doctor.tell(doctor.of_this_machine(interpreter, data, options.port))


def _costs(python: str | None, *, count: bool) -> int:
    environment = prepare(python, "develop")
    counting = _tools(environment) if count else {}
    command = [str(environment.python), "-m", "bench.costs", *(["--count"] if count else [])]
    return _call(command, counting)


def _tools(environment: Environment) -> dict[str, str]:
    """What tests and benches find in their environment: a Node, and where Azurite is installed."""
    found = node.find(environment)
    storage.install(found)
    return {"NODE": str(found.path), "AZURITE_HOME": str(azurite.HOME)}


def _pytest(environment: Environment, tools: Mapping[str, str], arguments: list[str]) -> int:
    command = [str(environment.python), "-m", "pytest", "-p", "local.toolchain.skips"]
    # A file's tests stay together: they share storage and processes that took seconds to start.
    command += [f"--numprocesses={TEST_PROCESSES}", "--dist=loadfile", "--no-loadscope-reorder"]
    command += arguments
    return _call(command, tools)


def _call(command: list[str], tools: Mapping[str, str]) -> int:
    """Runs a command in the foreground of this terminal, from the checkout's root."""
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | tools)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal told the command too; one told only us tells it through us.
            process.send_signal(signal.SIGINT)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
