"""Our app in Azure's own Python worker: it is indexed, and answers with its storage away."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.host.functions import fill_in_settings
from local.host.routes import Route, Routes, ambiguities, read_template
from local.host.schedules import read_schedule
from shared.tracking.tokens import Addresses, Signer, Target
from tests.conformance.worker import (
    HttpAnswer,
    IndexedFunction,
    Worker,
    needs_worker,
    running_worker,
)

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [needs_worker, pytest.mark.processes]

# Nobody listens on port 1: every call to a storage fails at once.
AWAY = "http://127.0.0.1:1"
KEY = base64.b64encode(b"a key of nobody's account").decode()
ORGANIZATION = {
    "id": "contoso",
    "name": "Contoso",
    "tables": f"{AWAY}/contoso",
    "blobs": f"{AWAY}/contoso",
    "tenant": "11111111-1111-1111-1111-111111111111",
    "domains": ["contoso.com"],
    "publicAddress": None,
}
SETTINGS = {
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "AzureWebJobsStorage": (
        f"DefaultEndpointsProtocol=http;AccountName=host;AccountKey={KEY};"
        f"BlobEndpoint={AWAY}/host;QueueEndpoint={AWAY}/host;TableEndpoint={AWAY}/host;"
    ),
    "ORGANIZATIONS": json.dumps([ORGANIZATION]),
    "SIGNING_KEYS": "k1:" + base64.urlsafe_b64encode(bytes(32)).decode().rstrip("="),
    "PUBLIC_ADDRESS": "http://localhost:7071",
    "WEBSITE_AUTH_ENABLED": "True",
    "LOCAL_STORAGE_KEYS": json.dumps({"contoso": KEY}),
    "LOCAL_GRAPH": f"{AWAY}/v1.0",
    "DUE_SCHEDULE": "*/15 * * * * *",
    "SWEEP_SCHEDULE": "*/10 * * * * *",
    "WATCH_SCHEDULE": "*/2 * * * * *",
}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    settings = SETTINGS | {"JOURNAL_DIR": str(tmp_path_factory.mktemp("journal"))}
    with running_worker(ROOT, settings) as running:
        yield running


def http_functions(worker: Worker) -> list[IndexedFunction]:
    return [each for each in worker.functions.values() if each.trigger["type"] == "httpTrigger"]


def test_every_function_is_bound_in_the_right_direction(
    worker: Worker, subtests: pytest.Subtests
) -> None:
    assert worker.functions
    for function in worker.functions.values():
        with subtests.test(function.name):
            expected = {function.trigger["name"]: 0}
            if function.trigger["type"] == "httpTrigger":
                expected["$return"] = 1
            # No output binding beside the answer: its failure would turn the answer into a 500.
            assert function.directions == expected


def test_no_function_needs_a_function_key(worker: Worker, subtests: pytest.Subtests) -> None:
    for function in http_functions(worker):
        with subtests.test(function.name):
            assert function.trigger["authLevel"].lower() == "anonymous"


def routes_of(worker: Worker) -> list[Route[str]]:
    return [
        Route(
            function.name,
            read_template(function.trigger["route"]),
            frozenset(function.trigger.get("methods") or ()) or None,
            function.name,
        )
        for function in http_functions(worker)
    ]


def test_no_two_routes_depend_on_an_order_that_azure_does_not_keep(worker: Worker) -> None:
    pairs = ambiguities(routes_of(worker))
    assert [(one.template.text, other.template.text) for one, other in pairs] == []


def test_every_schedule_is_one_that_azure_reads(worker: Worker) -> None:
    for function in worker.functions.values():
        if function.trigger["type"] == "timerTrigger":
            assert read_schedule(fill_in_settings(function.trigger["schedule"], SETTINGS))


def ask(worker: Worker, method: str, path: str) -> HttpAnswer:
    """The answer to a request that is routed as the host routes it."""
    found = Routes(routes_of(worker)).find(method, path)
    assert found is not None
    route, parameters = found
    return worker.request(route.target, method, f"http://localhost{path}", params=parameters)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("token", ["x", "forged.token", "%FF", "a" * 3000])
def test_the_pixel_is_a_gif_with_a_bad_token_and_no_storage(
    worker: Worker, method: str, token: str
) -> None:
    answer = ask(worker, method, f"/o/{token}.gif")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert answer.status == 200
    assert headers["content-type"] == "image/gif"
    assert "no-store" in headers["cache-control"]
    assert answer.body.startswith(b"GIF89a")


def test_the_pixel_is_the_same_however_often_it_was_answered(worker: Worker) -> None:
    """All answers are one object: nobody may leave a trace on it."""
    first = ask(worker, "GET", "/o/forged.gif")
    for method in ("HEAD", "GET"):
        assert ask(worker, method, "/o/forged.gif") == first
    assert len(first.headers) == len({name.lower() for name in first.headers})


def test_recipients_are_answered_although_neither_storage_nor_disk_takes_the_hit(
    tmp_path: Path,
) -> None:
    """Rules T1, T4: what is lost then is logged and counted, and theirs is no error."""
    full = tmp_path / "journal"
    full.write_text("a file where the folder should be")
    addresses = Addresses(Signer({"k1": bytes(32)}), "")
    target = Target("contoso", "0" * 32)
    pixel = addresses.pixel(target)
    redirect = addresses.redirect(target, "https://example.com/").partition("?")[0]
    with running_worker(ROOT, SETTINGS | {"JOURNAL_DIR": str(full)}) as running:
        opened = ask(running, "GET", pixel)
        clicked = running.request(
            "redirect",
            "GET",
            f"http://localhost{redirect}",
            params={"token": redirect.removeprefix("/r/")},
            query={"u": "https://example.com/"},
        )
    assert (opened.status, opened.body[:6]) == (200, b"GIF89a")
    assert (clicked.status, clicked.headers["Location"]) == (302, "https://example.com/")


def test_a_forged_redirect_goes_nowhere(worker: Worker) -> None:
    answer = ask(worker, "GET", "/r/forged.token")
    assert answer.status == 400
    assert "location" not in {name.lower() for name in answer.headers}


def test_a_word_to_deliver_a_message_whose_storage_is_away_does_not_fail(worker: Worker) -> None:
    """A function that fails again and again has its message set aside, and the message given up."""
    word = json.dumps({"organization": "contoso", "message": "0" * 32})
    assert worker.invoke("deliver_message", {"string": word}) is None


def test_every_http_function_answers_whatever_it_is_asked(
    worker: Worker, subtests: pytest.Subtests
) -> None:
    for function in http_functions(worker):
        for method in function.trigger.get("methods") or ["GET"]:
            with subtests.test(f"{function.name} {method}"):
                answer = worker.request(
                    function.name,
                    method,
                    "http://localhost/anything",
                    headers={"host": "localhost", "x-api-key": "local-contoso"},
                    params=_parameters(function),
                    body="no json" if method in ("POST", "PUT", "PATCH") else "",
                )
                assert 200 <= answer.status < 600
                assert answer.status != 500


def _parameters(function: IndexedFunction) -> dict[str, str]:
    template = read_template(function.trigger["route"])
    return {parameter.name: "x" for parameter in template.parameters} | (
        {"org": "contoso"} if "{org}" in function.trigger["route"] else {}
    )


def test_importing_the_app_needs_no_settings_of_this_machine() -> None:
    """The worker indexes at the start of each instance: nothing may be looked up by then."""
    bare = {name: "" for name in SETTINGS if name in os.environ}
    with running_worker(ROOT, bare) as running:
        assert running.functions
