"""Whatever goes wrong is an answer: problem+json, with the words for it and nothing of ours."""

from __future__ import annotations

import json
import logging

import azure.functions as func
import pytest

from shared.errors import Busy, Lost, Problem, Refusal, StorageUnavailable
from shared.web.answers import answer_json, answering

REQUEST = func.HttpRequest("GET", "http://localhost/", body=b"")


async def answer_to(error: Exception) -> func.HttpResponse:
    @answering
    async def handler(req: func.HttpRequest) -> func.HttpResponse:
        raise error

    return await handler(REQUEST)


async def test_a_refusal_is_problem_json_with_its_pointers() -> None:
    problems = (Problem("/to/0", "Wrong."), Problem("", "Whole."))
    refusal = Refusal(422, "No.", problems, code="why", extra={"more": [1]})
    answer = await answer_to(refusal)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert json.loads(answer.get_body()) == {
        "type": "about:blank",
        "title": "The request cannot be done",
        "status": 422,
        "detail": "No.",
        "code": "why",
        "more": [1],
        "errors": [{"pointer": "/to/0", "detail": "Wrong."}, {"pointer": "", "detail": "Whole."}],
    }


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(StorageUnavailable("table storage: no answer from account x"), "5"), (Busy("twin"), "2")],
)
async def test_what_may_work_later_is_a_503_that_says_when(error: Exception, seconds: str) -> None:
    answer = await answer_to(error)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, seconds)
    assert "account" not in answer.get_body().decode()


async def test_what_somebody_deleted_is_a_409_and_no_riddle() -> None:
    answer = await answer_to(Lost("there is no blob messages/1/content.json"))
    assert (answer.status_code, json.loads(answer.get_body())["code"]) == (409, "lost")
    assert "content.json" not in answer.get_body().decode()


async def test_what_nobody_foresaw_is_a_500_with_an_incident_to_look_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await answer_to(KeyError("secret"))
    value = json.loads(answer.get_body())
    assert (answer.status_code, value["status"]) == (500, 500)
    assert "secret" not in answer.get_body().decode()
    assert value["incident"] in value["detail"]
    assert value["incident"] in caplog.text


@pytest.mark.parametrize("wait", [0.0, 0.2, 1.4, 77.0])
async def test_retry_after_is_a_whole_second_or_more(wait: float) -> None:
    answer = await answer_to(Refusal(409, "Wait.", retry_after=wait))
    assert int(answer.headers["retry-after"]) == max(1, round(wait))


def test_every_answer_may_be_kept_by_nobody_and_is_what_it_says() -> None:
    answer = answer_json({"name": "Lí ✓"}, 202, {"Location": "/x"})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["location"] == "/x"
    assert json.loads(answer.get_body().decode("utf-8")) == {"name": "Lí ✓"}
