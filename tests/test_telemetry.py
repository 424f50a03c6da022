"""Lines of the log tell what they are about, and the work on a message is one trace."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import StatusCode

from shared.telemetry import _Tracing, about, step, tell_fields, tracing, work

ROOT = Path(__file__).parent.parent
log = logging.getLogger("shared.of_a_test")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    make = logging.getLogRecordFactory()
    tell_fields()
    caplog.set_level(logging.INFO)
    yield caplog.messages
    logging.setLogRecordFactory(make)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.use(exporter, ALWAYS_ON)
    yield exporter
    tracing.provider.shutdown()
    tracing.tracer = None


def test_a_line_tells_what_the_work_is_about(
    lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with about(organization="contoso"):
        with about(message="m-1"):
            log.info("%d hits", 3)
        log.info("100 % plain")
    log.info("about nothing")
    assert caplog.messages == [
        "3 hits {organization=contoso message=m-1}",
        "100 % plain {organization=contoso}",
        "about nothing",
    ]
    assert caplog.records[0].__dict__["message"] == caplog.messages[0]
    assert caplog.records[0].__dict__["organization"] == "contoso"


def test_lines_of_libraries_stay_as_they_are(
    lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with about(organization="contoso"):
        logging.getLogger("azure.core").warning("theirs")
    assert caplog.messages == ["theirs"]


async def test_works_at_the_same_time_tell_their_own(
    lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def one(message: str) -> None:
        with about(message=message):
            await asyncio.sleep(0)
            log.info("mine is %s", message)

    await asyncio.gather(*(one(f"m-{n}") for n in range(5)))
    assert caplog.messages == [f"mine is m-{n} {{message=m-{n}}}" for n in range(5)]


def test_all_work_on_a_message_is_one_trace_whose_id_is_the_messages(
    spans: InMemorySpanExporter,
) -> None:
    message = uuid.uuid4().hex
    for name in ("deliver_message", "settle_file"):
        with work(name, organization="contoso", message=message), step("Graph: send the draft"):
            pass
    tracing.provider.force_flush()
    found = spans.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in found} == {message}
    assert [span.name for span in found if span.parent is None] == [
        "deliver_message",
        "settle_file",
    ]
    assert [dict(span.attributes or {})["organization"] for span in found] == ["contoso"] * 4


def test_a_failure_is_told_by_its_kind_and_not_by_its_words(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="is not served"), work("deliver_message"):
        raise ValueError("li@example.com is not served")
    tracing.provider.force_flush()
    [span] = spans.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
    assert span.events == ()


def test_without_a_connection_string_nothing_is_loaded_for_traces() -> None:
    program = (
        "import sys\nfrom shared.telemetry import step, work\n"
        "with work('deliver_message', message='m'), step('a step'): pass\n"
        "print([name for name in sys.modules if 'opentelemetry' in name])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_the_real_exporter_is_made_from_the_connection_string(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is sent: no span ends, and the library says nothing of itself to its makers."""
    monkeypatch.setenv("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
    made = _Tracing()
    made.connection = (
        "InstrumentationKey=00000000-0000-0000-0000-000000000000;"
        "IngestionEndpoint=http://127.0.0.1:9/"
    )
    made.begin()
    made.wait()
    assert made.tracer is not None
    made.provider.shutdown()
