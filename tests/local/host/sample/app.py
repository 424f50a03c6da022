"""A small app that the host's tests run: it tells what it was given."""

import asyncio
import json
import os
import signal
import threading
from pathlib import Path
from types import FrameType

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)

noted: list[dict[str, object]] = []
_has_noted = asyncio.Condition()
_tasks: set[asyncio.Task[None]] = set()


async def note(**what: object) -> None:
    async with _has_noted:
        noted.append(what)
        _has_noted.notify_all()


def answer_json(content: object) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(content), mimetype="application/json")


@app.route(route="noted", methods=["GET"])
async def tell_noted(req: func.HttpRequest) -> func.HttpResponse:
    """What was noted, as soon as there are `count` notes that have `of`."""

    def wanted() -> list[dict[str, object]]:
        return [each for each in noted if each.get("of") == req.params["of"]]

    async with _has_noted:
        await asyncio.wait_for(
            _has_noted.wait_for(lambda: len(wanted()) >= int(req.params["count"])), 30
        )
    return answer_json(wanted())


@app.route(route="everything", methods=["GET"])
async def tell_everything(req: func.HttpRequest) -> func.HttpResponse:
    """All notes, in the order they were made."""
    return answer_json(noted)


@app.route(route="Echo/{first}/{*rest}", methods=["GET", "POST", "HEAD"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    return answer_json(
        {
            "method": req.method,
            "url": req.url,
            "headers": dict(req.headers),
            "params": dict(req.params),
            "route": dict(req.route_params),
            "body": req.get_body().decode("latin-1"),
        }
    )


@app.route(route="size", methods=["POST"])
async def tell_size(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(str(len(req.get_body())))


@app.route(route="o/{token}.gif", methods=["GET", "HEAD"])
async def pixel(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(GIF, mimetype="image/gif", headers={"X-Token": "was read"})


@app.route(route="people/me", methods=["GET"])
async def a_person_me(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("me")


@app.route(route="people/{id:int}", methods=["GET"])
async def b_person_by_number(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("number " + req.route_params["id"])


@app.route(route="people/{name}", methods=["GET"])
async def c_person_by_name(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("name " + req.route_params["name"])


@app.route(route="people/{name}", methods=["DELETE"])
async def remove_person(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


@app.route(route="returns/{what}")
async def returns(req: func.HttpRequest) -> func.HttpResponse:
    match req.route_params["what"]:
        case "nothing":
            return None  # type: ignore[return-value]
        case "number":
            return 7  # type: ignore[return-value]
        case "text":
            return "só texto"  # type: ignore[return-value]
        case "error":
            raise RuntimeError("a secret of the app")
        case "latin":
            return func.HttpResponse("não", mimetype="text/html", charset="latin-1")
        case "same-named":
            response = func.HttpResponse("x", status_code=202)
            response.headers.add("X-Kind", "first")
            response.headers.add("X-Kind", "last")
            return response
        case "cookies":
            response = func.HttpResponse("x")
            response.headers.add("Set-Cookie", "a=1; HttpOnly; SameSite=Lax")
            response.headers.add("Set-Cookie", "b=2; Path=/b")
            return response
        case "wrong-header":
            return func.HttpResponse(status_code=302, headers={"Location": "https://exämple.com/"})
    return func.HttpResponse(status_code=418)


@app.route(route="blocking", methods=["GET"])
def blocking(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return func.HttpResponse(f"{threading.current_thread().name} {context.function_name}")


@app.route(route="slow", methods=["GET"])
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    await note(of="slow")
    await asyncio.sleep(float(req.params["seconds"]))
    return func.HttpResponse("done")


@app.route(route="background", methods=["POST"])
async def start_background(req: func.HttpRequest) -> func.HttpResponse:
    """Start a task that lives until the host ends, and a clean-up at SIGTERM, as an app would."""
    _tasks.add(asyncio.create_task(_hold_until_the_end()))
    previous = signal.getsignal(signal.SIGTERM)

    def at_sigterm(number: int, frame: FrameType | None) -> None:
        _leave_word("signal")
        assert callable(previous)
        previous(number, frame)

    signal.signal(signal.SIGTERM, at_sigterm)
    return func.HttpResponse("started")


async def _hold_until_the_end() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        _leave_word("cancelled")


def _leave_word(word: str) -> None:
    with Path(os.environ["LAST_WORDS"]).open("a") as words:
        words.write(word + "\n")


@app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
async def take(message: func.QueueMessage) -> None:
    content = message.get_json()
    await note(
        of=content["name"],
        id=message.id,
        attempt=message.dequeue_count,
        inserted=message.insertion_time.isoformat() if message.insertion_time else None,
        has_receipt=bool(message.pop_receipt),
    )
    if content.get("fails", 0) >= (message.dequeue_count or 0):
        raise RuntimeError("as it was told")
    await asyncio.sleep(content.get("seconds", 0))
    await note(of=content["name"] + " done")


@app.timer_trigger(arg_name="timer", schedule="%TICKS%", run_on_startup=False)
async def tick(timer: func.TimerRequest) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(float(os.environ.get("TICK_SECONDS", "0")))
    await note(of="tick", began=began, ended=loop.time(), past_due=timer.past_due)


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
async def at_start(timer: func.TimerRequest) -> None:
    await note(of="start", past_due=timer.past_due)
