"""`python -m local.host --port 7071`: starts the host, and stops it at SIGINT and SIGTERM."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import uvicorn

from local.host.functions import (
    App,
    AppError,
    HttpTrigger,
    QueueTrigger,
    TimerTrigger,
    load_app,
    triggered_by,
)
from local.host.invocations import make_invoke
from local.host.queues import QueueListener
from local.host.routes import Route, Routes, ambiguities, read_template
from local.host.sign_in import SignIn, read_people
from local.host.timers import TimerListener
from local.host.web import Target, Web

logger = logging.getLogger("local.host")

GRACE_SECONDS = 5
"""What is under way at the signal may go on for that long."""
CLEANUP_SECONDS = 1.5
"""Then the app's own background tasks are cancelled and may take that long to clean up."""
THREAD_SECONDS = 0.5
"""And the threads of `def` functions may take that long to end."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _read_options(arguments)
    _start_logging()
    try:
        sockets = open_sockets(options.host, options.port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        print(f"Port {options.port} cannot be listened on: {reason}.", file=sys.stderr)
        return 1
    try:
        app = load_app(options.app, os.environ)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(app, sockets, os.environ))
    except AppError as error:
        print(f"The app cannot be served: {error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the host's own handler is there
        return 0
    return 0


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--app", default="function_app:app", help="module:attribute of the app")
    return parser.parse_args(arguments)


def _start_logging() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("azure", "httpx", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """The listening sockets; raises OSError where the port is taken.

    "localhost" may mean either address family, so 127.0.0.1 brings ::1 along where there is one.
    """
    first = socket.create_server((host, port), family=_family(host), backlog=2048)
    sockets = [first]
    if host == "127.0.0.1":
        with contextlib.suppress(OSError):
            port = first.getsockname()[1]
            sockets.append(socket.create_server(("::1", port), family=socket.AF_INET6))
    return sockets


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def serve(app: App, sockets: list[socket.socket], environ: Mapping[str, str]) -> None:
    """Serve the app until a signal; raises AppError before anything has started."""
    stopping = asyncio.Event()
    _stop_at_signals(stopping)
    port = sockets[0].getsockname()[1]
    with ThreadPoolExecutor(_thread_count(environ), "function") as threads:
        web = Web(_read_routes(app, threads), _read_sign_in(environ, port))
        listeners: list[QueueListener | TimerListener] = [
            *_queue_listeners(app, threads),
            *_timer_listeners(app, threads, environ),
        ]
        server = _Server(
            uvicorn.Config(
                web,
                http="httptools",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=120,
            )
        )
        tasks = [asyncio.create_task(each.run()) for each in listeners]
        tasks.append(asyncio.create_task(server.serve(sockets)))
        for task in tasks:
            task.add_done_callback(lambda task: stopping.set() if _failed(task) else None)
        print(f"Host listens on http://{sockets[0].getsockname()[0]}:{port}", flush=True)
        await stopping.wait()
        server.should_exit = True
        for listener in listeners:
            listener.stop()
        await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        failures = [task.exception() for task in tasks if _failed(task)]
        await _cancel_what_is_left()
        await _end(threads)
        # An app's clients are never closed, here as on Azure: no word of it at each Ctrl-C.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        if failures and failures[0]:
            raise failures[0]


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the host has its own, for all that it runs."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _stop_at_signals(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopping.set)

    # `signal.signal` and not the loop's own way: an app that wants to clean up at SIGTERM can then
    # put its handler before this one and call it, as it would with any other.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


async def _cancel_what_is_left() -> None:
    """Cancel every other task of the loop; their `finally` may still do its work."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        _, stuck = await asyncio.wait(left, timeout=CLEANUP_SECONDS)
        if stuck:
            _exit_now()


async def _end(threads: ThreadPoolExecutor) -> None:
    """End the threads, or the process where one is still at work: they cannot be cancelled."""
    try:
        await asyncio.wait_for(asyncio.to_thread(threads.shutdown), THREAD_SECONDS)
    except TimeoutError:
        _exit_now()


def _exit_now() -> None:
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _thread_count(environ: Mapping[str, str]) -> int | None:
    count = environ.get("PYTHON_THREADPOOL_THREAD_COUNT")
    return int(count) if count else None


def _read_routes(app: App, threads: ThreadPoolExecutor) -> Routes[Target]:
    routes = []
    for function, trigger in triggered_by(HttpTrigger, app.functions):
        try:
            template = read_template(trigger.route)
        except ValueError as error:
            raise AppError(f"function {function.name}: {error}") from None
        target = Target(function.name, make_invoke(function, threads))
        routes.append(Route(function.name, template, trigger.methods, target))
    for here, there in ambiguities(routes):
        logger.warning(
            "Routes %s and %s overlap: here %s wins, on Azure %s, whose name comes first",
            here.template.text,
            there.template.text,
            here.name,
            there.name,
        )
    return Routes(routes)


def _read_sign_in(environ: Mapping[str, str], port: int) -> SignIn | None:
    if environ.get("WEBSITE_AUTH_ENABLED", "").lower() != "true":
        return None
    try:
        people = read_people(environ.get("LOCAL_PEOPLE", "[]"))
    except ValueError as error:
        raise AppError(str(error)) from None
    return SignIn(people, environ.get("LOCAL_AUTH_SECRET", ""), port)


def _queue_listeners(app: App, threads: ThreadPoolExecutor) -> list[QueueListener]:
    return [
        QueueListener(function, trigger, make_invoke(function, threads), app.queues)
        for function, trigger in triggered_by(QueueTrigger, app.functions)
    ]


def _timer_listeners(
    app: App, threads: ThreadPoolExecutor, environ: Mapping[str, str]
) -> list[TimerListener]:
    storage = environ.get("AzureWebJobsStorage")
    return [
        TimerListener(function, trigger, make_invoke(function, threads), storage)
        for function, trigger in triggered_by(TimerTrigger, app.functions)
    ]


if __name__ == "__main__":
    sys.exit(main())
