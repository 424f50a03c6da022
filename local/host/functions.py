"""What an app consists of: its functions, their triggers, and the host.json beside it.

Read once at start, from the same JSON that the Python worker hands to the real host. Whatever the
real host or this one could not serve is refused here, by name, instead of failing at a request.
"""

import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

import azure.functions as func


class AppError(Exception):
    """The app cannot be served; the message says which part and why."""


@dataclass(frozen=True)
class HttpTrigger:
    """A route template (the prefix of host.json included) and the methods it answers to."""

    route: str
    methods: frozenset[str] | None
    """None means all."""


@dataclass(frozen=True)
class QueueTrigger:
    """The queue to read and the connection string of the account it is in."""

    queue: str
    connection: str


@dataclass(frozen=True)
class TimerTrigger:
    """A schedule as NCRONTAB text, its settings already filled in."""

    schedule: str
    run_on_startup: bool
    use_monitor: bool


Trigger = HttpTrigger | QueueTrigger | TimerTrigger
_Trigger = TypeVar("_Trigger", HttpTrigger, QueueTrigger, TimerTrigger)


@dataclass(frozen=True)
class Function:
    """One function of the app."""

    name: str
    call: Callable[..., Any]
    parameter: str
    """The parameter that takes what triggered it."""
    annotation: Any
    """What that parameter is declared as; None where it is not."""
    takes_context: bool
    trigger: Trigger


@dataclass(frozen=True)
class QueueSettings:
    """host.json, `extensions.queues`; defaults as the real host has them. Seconds."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: float = 0
    max_polling_interval: float = 60
    base64: bool = True


@dataclass(frozen=True)
class App:
    """Everything the host has to serve."""

    functions: tuple[Function, ...]
    queues: QueueSettings


def load_app(name: str, environ: Mapping[str, str]) -> App:
    """Import `module:attribute` and read its functions; raises AppError with a sentence."""
    module_name, _, attribute = name.partition(":")
    module = importlib.import_module(module_name)
    app = getattr(module, attribute or "app", None)
    if not isinstance(app, func.FunctionApp):
        raise AppError(f"{name} is no azure.functions.FunctionApp")
    host = _read_host_json(Path(cast("str", module.__file__)).parent)
    extensions = host.get("extensions", {})
    prefix = extensions.get("http", {}).get("routePrefix", "api")
    functions = tuple(
        read_function(function, prefix, environ)
        for function in cast("Any", app).get_functions()  # works once: it fills in its builders
    )
    return App(functions, read_queue_settings(extensions.get("queues", {})))


def _read_host_json(directory: Path) -> dict[str, Any]:
    for candidate in (directory, Path.cwd()):
        if (candidate / "host.json").is_file():
            return cast("dict[str, Any]", json.loads((candidate / "host.json").read_bytes()))
    raise AppError(f"there is no host.json in {directory}")


def read_function(function: Any, prefix: str, environ: Mapping[str, str]) -> Function:
    """Read one `azure.functions` function; raises AppError for what cannot be served."""
    name = function.get_function_name()
    bindings = [json.loads(binding) for binding in function.get_raw_bindings()]
    triggers = [binding for binding in bindings if binding["type"] in _TRIGGERS]
    others = [b["type"] for b in bindings if b not in triggers and b["name"] != "$return"]
    if len(triggers) != 1 or others:
        what = ", ".join(others) or "no trigger that it knows"
        raise AppError(f"function {name} has {what}: served are HTTP, queue and timer triggers")
    try:
        trigger = _TRIGGERS[triggers[0]["type"]](triggers[0], prefix, environ)
    except ValueError as error:
        raise AppError(f"function {name}: {error}") from None
    call, parameter = function.get_user_function(), triggers[0]["name"]
    declared = set(inspect.signature(call).parameters)
    if parameter not in declared:
        raise AppError(f"function {name} has no parameter {parameter!r} for its trigger")
    if unbound := declared - {parameter, "context"}:
        raise AppError(f"function {name} has parameters without a binding: {sorted(unbound)}")
    return Function(
        name=name,
        call=call,
        parameter=parameter,
        annotation=_read_annotations(name, call).get(parameter),
        takes_context="context" in declared,
        trigger=trigger,
    )


def _read_annotations(name: str, call: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(call)
    except NameError as error:  # the worker cannot index such a function either
        raise AppError(f"function {name}: its annotations cannot be read: {error}") from None


def _read_http(binding: dict[str, Any], prefix: str, environ: Mapping[str, str]) -> HttpTrigger:
    level = str(binding.get("authLevel", "function")).lower()
    if level != "anonymous":
        raise ValueError(
            f"its authLevel is {level}, which needs the platform's function keys; "
            "this host has none, and a call that needs no key here would need one there"
        )
    methods = binding.get("methods")
    return HttpTrigger(
        route="/".join(part for part in (prefix.strip("/"), binding["route"].strip("/")) if part),
        methods=frozenset(method.upper() for method in methods) if methods else None,
    )


def _read_queue(binding: dict[str, Any], prefix: str, environ: Mapping[str, str]) -> QueueTrigger:
    connection = fill_in_settings(binding.get("connection") or "AzureWebJobsStorage", environ)
    for key in (f"AzureWebJobs{connection}", connection):
        if key in environ:
            return QueueTrigger(fill_in_settings(binding["queueName"], environ), environ[key])
    raise ValueError(f"its connection {connection} is not set")


def _read_timer(binding: dict[str, Any], prefix: str, environ: Mapping[str, str]) -> TimerTrigger:
    return TimerTrigger(
        schedule=fill_in_settings(binding["schedule"], environ),
        run_on_startup=bool(binding.get("runOnStartup")),
        use_monitor=binding.get("useMonitor") is not False,
    )


_TRIGGERS: dict[str, Callable[[dict[str, Any], str, Mapping[str, str]], Trigger]] = {
    "httpTrigger": _read_http,
    "queueTrigger": _read_queue,
    "timerTrigger": _read_timer,
}


def fill_in_settings(text: str, environ: Mapping[str, str]) -> str:
    """Replace each `%NAME%` by the setting NAME; raises ValueError that names a missing one."""

    def setting(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise ValueError(f"the setting {match[1]} of {text!r} is missing")
        return environ[match[1]]

    return re.sub(r"%([^%]+)%", setting, text)


def read_queue_settings(section: Mapping[str, Any]) -> QueueSettings:
    """Read host.json's `extensions.queues`."""
    batch_size = int(section.get("batchSize", 16))
    return QueueSettings(
        batch_size=batch_size,
        new_batch_threshold=int(section.get("newBatchThreshold", batch_size // 2)),
        max_dequeue_count=int(section.get("maxDequeueCount", 5)),
        visibility_timeout=read_time_span(section.get("visibilityTimeout", "00:00:00")),
        max_polling_interval=read_time_span(section.get("maxPollingInterval", "00:01:00")),
        base64=str(section.get("messageEncoding", "base64")).lower() != "none",
    )


def read_time_span(text: str) -> float:
    """Seconds of a .NET TimeSpan `hh:mm:ss[.fff]`, the form host.json uses."""
    match = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)", text)
    if not match:
        raise AppError(f"host.json: {text!r} is no time span hh:mm:ss")
    days, hours, minutes, seconds = match.groups(default="0")
    return int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def triggered_by(
    kind: type[_Trigger], functions: Iterable[Function]
) -> list[tuple[Function, _Trigger]]:
    """The functions whose trigger is of that kind, each with its trigger."""
    return [(each, each.trigger) for each in functions if isinstance(each.trigger, kind)]
