"""What the work at hand is about, told with every line of the log, and as spans to Application
Insights.

A message's id is what correlates: lines end with `{organization=… message=…}`, and the spans of all
work on a message, days apart and on many instances, are one trace whose id is the message's own.
Nothing of it says an address or a subject. Work on hits has no spans: it must cost nothing.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

log = logging.getLogger(__name__)

SPANS_A_SECOND = 5.0
"""Traces beyond are left out whole, by each instance; lines of the log never are."""

_OURS = ("shared.", "function_app")
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_NOTHING: Mapping[str, str] = {}

_fields: ContextVar[Mapping[str, str]] = ContextVar("fields", default=_NOTHING)


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Within the block, lines of the log and spans tell these fields, beside those around it."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def fields() -> Mapping[str, str]:
    """What the work at hand is about."""
    return _fields.get()


def tell_fields() -> None:
    """From now on our lines of the log end with the fields; called once in a process.

    They are in the text, because the Functions worker hands nothing else of a line to the host, and
    attributes of the record for everybody who reads those.
    """
    make = logging.getLogRecordFactory()
    if getattr(make, "tells_fields", False):
        return

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = make(*args, **kwargs)
        told = _fields.get()
        if told and made.name.startswith(_OURS):
            made.__dict__.update(told)
            text = " ".join(f"{name}={value}" for name, value in told.items())
            made.msg = f"{made.msg} {{{text.replace('%', '%%') if made.args else text}}}"
        return made

    record.tells_fields = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(record)


class _Tracing:
    """The tracer of this process, once it is there. Its libraries take half a second to load, in a
    thread, and the work that comes first goes without."""

    def __init__(self) -> None:
        self.connection: str | None = None
        self.tracer: Any = None
        self.provider: Any = None
        self._loading: threading.Thread | None = None

    def begin(self) -> None:
        if self.connection and self._loading is None:
            self._loading = threading.Thread(target=self._load, name="tracing", daemon=True)
            self._loading.start()

    def wait(self) -> None:
        """Until the tracer is there, for tests."""
        if self._loading is not None:
            self._loading.join()

    def _load(self) -> None:
        try:
            from azure.monitor.opentelemetry import exporter as azure_monitor

            # Its identity: APPLICATIONINSIGHTS_AUTHENTICATION_STRING, which the host reads, too.
            exporter = azure_monitor.AzureMonitorTraceExporter(
                connection_string=self.connection, disable_offline_storage=True
            )
            self.use(exporter, azure_monitor.RateLimitedSampler(SPANS_A_SECOND))
        except Exception:
            # Telemetry that does not work must not stop what it tells about.
            log.exception("there are no traces in this process")

    def use(self, exporter: Any, sampler: Any) -> None:
        """Spans that are sampled go to this exporter. The provider is our own and not the global
        one: libraries with spans of their own would write addresses of people into them."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

        class MessageIds(RandomIdGenerator):
            """A trace is about a message, and has its id; any other has one of its own."""

            def generate_trace_id(self) -> int:
                message = _fields.get().get("message", "")
                return int(message, 16) if _TRACE_ID.fullmatch(message) else self._other()

            def _other(self) -> int:
                return super().generate_trace_id()

        provider = TracerProvider(
            sampler=sampler,
            resource=Resource.create({"service.name": "email-engagement"}),
            id_generator=MessageIds(),
        )
        provider.add_span_processor(BatchSpanProcessor(exporter))
        self.provider = provider
        self.tracer = provider.get_tracer(__name__)


tracing = _Tracing()


@contextmanager
def work(name: str, **about_what: str) -> Iterator[None]:
    """One work of a queue function, as a trace of its own; `about` what is in the block."""
    with about(**about_what):
        tracing.begin()
        with step(name):
            yield


@contextmanager
def step(name: str) -> Iterator[None]:
    """A part of such a work; nothing where there are no traces. An error ends it as failed, told by
    its kind only: its words may name people."""
    if tracing.tracer is None:
        yield
        return
    from opentelemetry.trace import StatusCode

    told = dict(_fields.get())
    with tracing.tracer.start_as_current_span(
        name, attributes=told, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
