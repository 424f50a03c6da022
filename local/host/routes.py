"""Route templates of ASP.NET, as the Functions host matches them.

Matching ignores case and one trailing slash; parameters keep their case. A template's segments are
literals, `{name}`, `{name?}`, `{name=default}`, `{name:constraint}`, mixtures such as
`{token}.gif`, and at the end `{*rest}`.

Where several routes match, the more literal one wins. The real host goes by the alphabetical order
of the function names instead (azure-functions-host issues 3153 and 9876, open for years), so
`ambiguities` finds the routes for which the two orders differ: they would work here only.
"""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Generic, TypeVar

Check = Callable[[str], bool]
T = TypeVar("T")


@dataclass(frozen=True)
class Parameter:
    """A `{…}` of a template."""

    name: str
    checks: tuple[Check, ...] = ()
    default: str | None = None
    optional: bool = False
    catch_all: bool = False


Part = str | Parameter
Segment = tuple[Part, ...]


@dataclass(frozen=True)
class Template:
    """A route template, ready to match."""

    text: str
    segments: tuple[Segment, ...]
    pattern: re.Pattern[str] = field(repr=False)
    parameters: tuple[Parameter, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters of that path (leading slash, no trailing one), or None."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values = {}
        for parameter, text in zip(self.parameters, found.groups(), strict=True):
            value = text or parameter.default
            if value is None:
                continue
            if not all(check(value) for check in parameter.checks):
                return None
            values[parameter.name] = value
        return values

    @property
    def precedence(self) -> tuple[int, ...]:
        """Sorts the more literal first, as ASP.NET's RoutePrecedence does."""
        return tuple(_rank(segment) for segment in self.segments)


@dataclass(frozen=True)
class Route(Generic[T]):
    """A template, the methods it answers to (None: all), and what answers."""

    name: str
    template: Template
    methods: frozenset[str] | None
    target: T

    def accepts(self, method: str) -> bool:
        return self.methods is None or method in self.methods


class Routes(Generic[T]):
    """All routes of an app."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        ordered = sorted(routes, key=lambda r: (r.template.precedence, r.name.lower()))
        self._open = [route for route in ordered if _first_literal(route) is None]
        self._by_first = {
            first: [route for route in ordered if _first_literal(route) in (first, None)]
            for first in {_first_literal(route) for route in ordered} - {None}
        }

    def find(self, method: str, path: str) -> tuple[Route[T], dict[str, str]] | None:
        """The route that answers and its parameters; None also when only the method differs."""
        if path.endswith("/"):
            path = path[:-1]
        for route in self._by_first.get(path[1:].partition("/")[0].lower(), self._open):
            if route.accepts(method):
                parameters = route.template.match(path)
                if parameters is not None:
                    return route, parameters
        return None


def _first_literal(route: Route[T]) -> str | None:
    segments = route.template.segments
    if segments and len(segments[0]) == 1 and isinstance(segments[0][0], str):
        return segments[0][0].lower()
    return None


def ambiguities(routes: Sequence[Route[T]]) -> list[tuple[Route[T], Route[T]]]:
    """Pairs that can match one request and that the real host may try in the other order."""
    found = []
    for one, other in combinations(routes, 2):
        here = one.template.precedence < other.template.precedence
        there = one.name.lower() < other.name.lower()
        differ = here != there and one.template.precedence != other.template.precedence
        if differ and _share_a_method(one, other) and _overlap(one.template, other.template):
            found.append((one, other) if here else (other, one))
    return found


def _share_a_method(one: Route[T], other: Route[T]) -> bool:
    return one.methods is None or other.methods is None or bool(one.methods & other.methods)


def _overlap(one: Template, other: Template) -> bool:
    for mine, theirs in zip(one.segments, other.segments, strict=False):
        if _is_catch_all(mine) or _is_catch_all(theirs):
            return True
        literals = [s[0] for s in (mine, theirs) if len(s) == 1 and isinstance(s[0], str)]
        if len(literals) == 2 and literals[0].lower() != literals[1].lower():
            return False
        if len(literals) == 1:
            variable = theirs if literals[0] == mine[0] else mine
            if _make_template("", (variable,)).match("/" + literals[0]) is None:
                return False
    shared = min(len(one.segments), len(other.segments))
    rest = one.segments[shared:] + other.segments[shared:]
    return all(_may_be_absent(segment) for segment in rest)


def _is_catch_all(segment: Segment) -> bool:
    return isinstance(segment[0], Parameter) and segment[0].catch_all


def _may_be_absent(segment: Segment) -> bool:
    part = segment[0]
    return isinstance(part, Parameter) and (
        part.catch_all or part.optional or part.default is not None
    )


def _rank(segment: Segment) -> int:
    part = segment[0]
    if len(segment) > 1:
        return 2
    if isinstance(part, str):
        return 1
    if part.catch_all:
        return 4 if part.checks else 5
    return 2 if part.checks else 3


def read_template(text: str) -> Template:
    """Read a template; raises ValueError with a sentence for what is not supported."""
    names = text.strip("/").split("/") if text.strip("/") else []
    segments = tuple(_read_segment(text, name) for name in names)
    for index, segment in enumerate(segments):
        special = [p for p in segment if isinstance(p, Parameter) and _may_be_absent((p,))]
        if special and (len(segment) > 1 or index < len(segments) - 1):
            raise ValueError(f"route {text!r}: {{{special[0].name}}} may only be the last segment")
    return _make_template(text, segments)


def _make_template(text: str, segments: tuple[Segment, ...]) -> Template:
    parameters = [part for segment in segments for part in segment if isinstance(part, Parameter)]
    return Template(text, segments, _compile(segments), tuple(parameters))


def _read_segment(template: str, text: str) -> Segment:
    written = re.findall(r"\{(?:[^{}]|\{\{|\}\})*\}|[^{}]+", text)
    if not written or "".join(written) != text:
        raise ValueError(f"route {template!r}: {text!r} cannot be read")
    parts = [
        _read_parameter(template, part[1:-1]) if part.startswith("{") else part for part in written
    ]
    for one, other in pairwise(parts):
        if isinstance(one, Parameter) and isinstance(other, Parameter):
            raise ValueError(f"route {template!r}: parameters need a literal between them")
    return tuple(parts)


def _read_parameter(template: str, text: str) -> Parameter:
    catch_all = text.startswith("*")
    text = text.lstrip("*").replace("{{", "{").replace("}}", "}")
    match = re.fullmatch(r"([^:=?]+)((?::[^:=(?]+(?:\(.*?\))?)*)(?:=(.*)|(\?))?", text)
    if match is None:
        raise ValueError(f"route {template!r}: {{{text}}} cannot be read")
    name, constraints, default, question = match.groups()
    return Parameter(
        name=name,
        checks=tuple(
            _read_constraint(template, constraint, arguments)
            for constraint, arguments in re.findall(
                r":([^:=(?]+)(?:\((.*?)\)(?=:|$))?", constraints
            )
        ),
        default=default,
        optional=bool(question),
        catch_all=catch_all,
    )


def _compile(segments: Iterable[Segment]) -> re.Pattern[str]:
    pattern = ""
    for segment in segments:
        if _is_catch_all(segment):
            pattern += "(?:/(.*))?"
        elif _may_be_absent(segment):
            pattern += "(?:/([^/]+))?"
        else:
            # ASP.NET reads a mixed segment from the right, which is what greedy groups do.
            pattern += "/" + "".join(
                re.escape(part) if isinstance(part, str) else "([^/]+)" for part in segment
            )
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _matches(pattern: str) -> Check:
    compiled = re.compile(pattern, re.IGNORECASE | re.ASCII)
    return lambda value: compiled.fullmatch(value) is not None


def _whole(bits: int) -> Check:
    written = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
    limit = 2 ** (bits - 1)
    return lambda value: bool(written.fullmatch(value)) and -limit <= int(value) < limit


def _between(low: int, high: int) -> Check:
    is_whole = _whole(64)
    return lambda value: is_whole(value) and low <= int(value) <= high


def _length(low: int, high: int | None = None) -> Check:
    highest = low if high is None else high
    return lambda value: low <= len(value) <= highest


def _found(pattern: str) -> Check:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda value: compiled.search(value) is not None


_GUID = r"[({]?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}[)}]?"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"

# The constraints of ASP.NET that make sense on a path. Each takes the text in its parentheses.
_CONSTRAINTS: dict[str, Callable[[str], Check]] = {
    "int": lambda _: _whole(32),
    "long": lambda _: _whole(64),
    "bool": lambda _: _matches("true|false"),
    "guid": lambda _: _matches(_GUID),
    "alpha": lambda _: _matches("[a-z]*"),
    "decimal": lambda _: _matches(_NUMBER),
    "double": lambda _: _matches(_NUMBER),
    "float": lambda _: _matches(_NUMBER),
    "required": lambda _: bool,
    "min": lambda low: _between(int(low), sys.maxsize),
    "max": lambda high: _between(-sys.maxsize, int(high)),
    "range": lambda both: _between(*map(int, both.split(","))),
    "minlength": lambda low: _length(int(low), sys.maxsize),
    "maxlength": lambda high: _length(0, int(high)),
    "length": lambda both: _length(*map(int, both.split(","))),
    "regex": _found,
}


def _read_constraint(template: str, name: str, arguments: str) -> Check:
    if name.lower() not in _CONSTRAINTS:
        raise ValueError(f"route {template!r}: the constraint {name!r} is unknown here")
    try:
        return _CONSTRAINTS[name.lower()](arguments)
    except (TypeError, ValueError, re.error) as error:
        raise ValueError(f"route {template!r}: {name}({arguments}): {error}") from None
