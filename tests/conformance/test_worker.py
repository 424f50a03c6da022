"""The harness sees through Azure's worker: it finds planted mistakes, and agrees with our host."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from local.host.web import write_answer
from tests.conformance.worker import (
    IndexingFailed,
    InvocationFailed,
    Worker,
    needs_worker,
    running_worker,
)

pytestmark = [needs_worker, pytest.mark.processes]

SAMPLE = Path(__file__).parent.parent / "local" / "host" / "sample" / "app.py"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    directory = tmp_path_factory.mktemp("sample")
    shutil.copy(SAMPLE, directory / "function_app.py")
    with running_worker(directory, {}) as running:
        yield running


def app_with(tmp_path: Path, code: str) -> Path:
    head = "import azure.functions as func\napp = func.FunctionApp(func.AuthLevel.ANONYMOUS)\n"
    (tmp_path / "function_app.py").write_text(head + code)
    return tmp_path


MISTAKES = {
    "a parameter without a binding": """
@app.route(route="x")
async def f(req: func.HttpRequest, storage: str) -> func.HttpResponse: ...
""",
    "a binding without a parameter": """
@app.queue_trigger(arg_name="msg", queue_name="q", connection="C")
async def f() -> None: ...
""",
    "an annotation of another trigger": """
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
async def f(timer: func.HttpRequest) -> None: ...
""",
    "an annotation that is no type": """
@app.queue_trigger(arg_name="message", queue_name="q", connection="C")
async def f(message: 7) -> None: ...
""",
    "a wrong return annotation": """
@app.route(route="x")
async def f(req: func.HttpRequest) -> dict: ...
""",
    "an output that is declared as an input": """
@app.route(route="x")
@app.queue_output(arg_name="out", queue_name="q", connection="C")
async def f(req: func.HttpRequest, out: str) -> func.HttpResponse: ...
""",
    "two functions of one name": """
@app.route(route="x")
async def f(req: func.HttpRequest) -> func.HttpResponse: ...
@app.route(route="y")
async def f(req: func.HttpRequest) -> func.HttpResponse: ...
""",
}
COMPLAINTS = {
    "a parameter without a binding": "declared in Python but not in the function definition",
    "a binding without a parameter": "declared as bindings but are not present in Python: .'msg'",
    "an annotation of another trigger": "do not match the .* Python type annotation HttpRequest",
    "an annotation that is no type": "annotation|Forward references",
    "a wrong return annotation": 'return annotation "dict" does not match binding type',
    "an output that is declared as an input": "not a subclass of azure.functions.Out",
    "two functions of one name": "f does not have a unique function name",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_found(tmp_path: Path, mistake: str) -> None:
    with (
        pytest.raises(IndexingFailed, match=COMPLAINTS[mistake]),
        running_worker(app_with(tmp_path, MISTAKES[mistake]), {}),
    ):
        pass


def test_returning_nothing_from_a_route_is_a_failure(worker: Worker) -> None:
    for what in ("nothing", "number"):
        with pytest.raises(InvocationFailed, match="unable to encode outgoing TypedData"):
            worker.request("returns", "GET", "http://h/", params={"what": what})


def test_returning_something_from_a_timer_is_a_failure(tmp_path: Path) -> None:
    code = (
        "@app.timer_trigger(arg_name='timer', schedule='0 * * * * *')\n"
        "async def f(timer: func.TimerRequest): return 'x'"
    )
    with (
        running_worker(app_with(tmp_path, code), {}) as worker,
        pytest.raises(InvocationFailed, match=r"without a .return binding"),
    ):
        worker.invoke("f", {"json": "{}"})


def test_a_request_looks_the_same_as_in_our_host(worker: Worker) -> None:
    answer = worker.request(
        "echo",
        "POST",
        "http://localhost/echo/one/two?a=1",
        headers={"host": "localhost", "x-some": "Thing"},
        params={"first": "one", "rest": "two"},
        query={"a": "1"},
        body="\x00\xff",
    )
    # `test_web` holds our host to these very keys and forms.
    assert json.loads(answer.body) == {
        "method": "POST",
        "url": "http://localhost/echo/one/two?a=1",
        "headers": {"host": "localhost", "x-some": "Thing"},
        "params": {"a": "1"},
        "route": {"first": "one", "rest": "two"},
        "body": "\x00\xff",
    }


def responses() -> dict[str, func.HttpResponse]:
    several = func.HttpResponse("x", status_code=202)
    several.headers.add("X-Kind", "first")
    several.headers.add("X-Kind", "last")
    return {
        "latin": func.HttpResponse("não", mimetype="text/html", charset="latin-1"),
        "same-named": several,
        "unknown": func.HttpResponse(status_code=418),
    }


@pytest.mark.parametrize("what", ["latin", "same-named", "unknown"])
def test_an_answer_becomes_the_same_as_in_our_host(worker: Worker, what: str) -> None:
    theirs = worker.request("returns", "GET", "http://h/", params={"what": what})
    status, headers, body = write_answer(responses()[what])
    ours = {name.decode().lower(): value.decode() for name, value in headers}
    assert (status, body) == (theirs.status, theirs.body)
    assert ours == {name.lower(): value for name, value in theirs.headers.items()}


def test_each_cookie_is_handed_on(worker: Worker) -> None:
    answer = worker.request("returns", "GET", "http://h/", params={"what": "cookies"})
    assert [(cookie["name"], cookie["value"]) for cookie in answer.cookies] == [
        ("a", "1"),
        ("b", "2"),
    ]
    assert "Set-Cookie" not in answer.headers


def test_a_queue_function_takes_its_message(worker: Worker) -> None:
    metadata: dict[str, Any] = {
        "Id": {"string": "m-1"},
        "DequeueCount": {"string": "1"},
        "InsertionTime": {"json": '"2026-11-23T12:00:00+00:00"'},
        "PopReceipt": {"string": "receipt"},
    }
    assert worker.invoke("take", {"string": '{"name": "x"}'}, metadata) is None


def test_a_timer_function_takes_its_tick(worker: Worker) -> None:
    tick = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
    assert worker.invoke("tick", {"json": json.dumps(tick)}) is None


def test_a_def_function_gets_its_context(worker: Worker) -> None:
    answer = worker.request("blocking", "GET", "http://h/blocking")
    assert answer.body.decode().endswith(" blocking")
