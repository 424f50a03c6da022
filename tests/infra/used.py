"""What the product uses of Azure, gathered from its code: names, settings, log lines, timers."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.storage import names

ROOT = Path(__file__).parents[2]
TIMER_RAN = "the timer %s has run"
Module = tuple[str, ast.Module]


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every module of the product, read."""
    return tuple(
        (
            ".".join(path.relative_to(ROOT).with_suffix("").parts),
            ast.parse(path.read_text(encoding="utf-8")),
        )
        for path in sorted((ROOT / "shared").rglob("*.py"))
    )


@functools.cache
def tables() -> frozenset[str]:
    """Those the code names where it reads and writes rows, and those it lists."""
    return frozenset({*names.TABLES, *_first_arguments("tables")})


@functools.cache
def queues() -> frozenset[str]:
    """Those that something is sent to or that start a function, with the twins for what broke."""
    started = {
        _value(module, keyword.value)
        for module, tree in modules()
        for call in _calls(tree, "queue_trigger")
        for keyword in call.keywords
        if keyword.arg == "queue_name"
    }
    used = {*names.QUEUES, *started, *_first_arguments("queues")}
    plain = {name for name in used if not name.endswith("-poison")}
    return frozenset({*plain, *(f"{name}-poison" for name in plain)})


@functools.cache
def containers() -> frozenset[str]:
    """Blob containers of an organization."""
    in_code = frozenset(_first_arguments("blobs"))
    return frozenset(names.CONTAINERS) | (in_code - host_containers())


@functools.cache
def host_containers() -> frozenset[str]:
    """Blob containers of the host's account."""
    return frozenset(names.HOST_CONTAINERS)


@functools.cache
def settings() -> frozenset[str]:
    """The app settings that are read: by shared/settings.py, and in schedules (`%NAME%`)."""
    [tree] = [tree for module, tree in modules() if module == "shared.settings"]
    literals = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    read = {str(each) for each in literals if isinstance(each, str) and _is_setting(each)}
    scheduled = {
        str(keyword.value.value).strip("%")
        for _, parsed in modules()
        for call in _calls(parsed, "timer_trigger")
        for keyword in call.keywords
        if keyword.arg == "schedule" and isinstance(keyword.value, ast.Constant)
    }
    storage = {f"AzureWebJobsStorage__{service}ServiceUri" for service in ("queue", "blob")}
    return frozenset(read | scheduled | storage)


@functools.cache
def timers() -> frozenset[str]:
    """The names of the timer functions."""
    return frozenset(
        function.name
        for _, tree in modules()
        for function in ast.walk(tree)
        if isinstance(function, ast.AsyncFunctionDef)
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and _name(decorator.func) == "timer_trigger"
    )


def scheduled_by(setting: str) -> frozenset[str]:
    """The timer functions whose schedule is that setting."""
    return frozenset(
        function.name
        for _, tree in modules()
        for function in ast.walk(tree)
        if isinstance(function, ast.AsyncFunctionDef)
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and _name(decorator.func) == "timer_trigger"
        for keyword in decorator.keywords
        if keyword.arg == "schedule" and _value("", keyword.value) == f"%{setting}%"
    )


@functools.cache
def log_lines() -> tuple[str, ...]:
    """Every text that is written into the log, its places for values included."""
    return tuple(
        str(call.args[0].value)
        for _, tree in modules()
        for level in ("info", "warning", "error", "exception")
        for call in _calls(tree, level)
        if call.args and isinstance(call.args[0], ast.Constant)
    )


@functools.cache
def timers_that_tell() -> frozenset[str]:
    """Those that say in the log that they have run."""
    return frozenset(
        str(call.args[1].value)
        for _, tree in modules()
        for call in _calls(tree, "info")
        if len(call.args) == 2
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value == TIMER_RAN
        and isinstance(call.args[1], ast.Constant)
    )


def _is_setting(text: str) -> bool:
    return re.fullmatch(r"[A-Z][A-Z_]{7,}", text) is not None


def _calls(tree: ast.Module, method: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == method:
            yield node


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _first_arguments(of: str) -> Iterator[str]:
    """The first arguments of calls on `….tables`, `….queues` or `….blobs`, as far as they are known
    before anything runs."""
    for module, tree in modules():
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            if _name(call.func.value).lstrip("_") == of and call.args:
                value = _value(module, call.args[0])
                if isinstance(value, str):
                    yield value


def _value(module: str, node: ast.expr) -> Any:
    """A constant, a constant of this or another module, or an f-string of such; else None."""
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return _constants(module).get(name)
        case ast.JoinedStr(values):
            return "".join(str(_value(module, each)) for each in values)
        case ast.FormattedValue(value):
            return _value(module, value)
    return None


@functools.cache
def _constants(module: str) -> dict[str, Any]:
    """The texts that a module calls by a name, imported ones too."""
    found: dict[str, Any] = {}
    for node in dict(modules()).get(module, ast.Module([], [])).body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Constant(value)):
                found[name] = value
            case ast.ImportFrom(str(source), imported) if source.startswith("shared."):
                theirs = _constants(source)
                found |= {
                    each.asname or each.name: theirs[each.name]
                    for each in imported
                    if each.name in theirs
                }
    return found
