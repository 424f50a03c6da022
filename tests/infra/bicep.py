"""Reads Bicep files: what they declare, and the values that stand in them literally.

The grammar is tree-sitter's; no compiler is needed. What depends on something that only Azure knows
stays an `Expression`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tree_sitter
import tree_sitter_bicep


@functools.cache
def _parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


@dataclass(frozen=True)
class Expression:
    """What Azure works out; here it is only its text."""

    text: str


@dataclass(frozen=True)
class Loop:
    """A `for`: what it goes over, the names of its variables, and what is made each time."""

    over: Any
    variables: tuple[str, ...]
    body: Any


@dataclass(frozen=True)
class Declared:
    """A `param`, `var`, `type` or `output`: its type as written, and its value where it has one;
    `allowed` is what `@allowed` lists."""

    name: str
    type: str
    value: tree_sitter.Node | None
    allowed: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Resource:
    """A `resource`; `body` is what it says, a `Loop` where it is several."""

    symbol: str
    type: str
    version: str
    existing: bool
    body: Any

    @property
    def one(self) -> dict[str, Any]:
        """What one of them says, whether it is several or not."""
        said = self.body.body if isinstance(self.body, Loop) else self.body
        return dict(said) if isinstance(said, dict) else {}

    @property
    def names(self) -> list[Any]:
        """Their names, those of a literal list where a loop goes over one."""
        name = self.one.get("name")
        loop = self.body
        if isinstance(loop, Loop) and name == Expression(loop.variables[0]):
            return loop.over if isinstance(loop.over, list) else [name]
        return [name]


@dataclass(frozen=True)
class Module:
    """A `module`: the file it takes, its scope as written, what it hands over, and every name that
    stands in it."""

    symbol: str
    path: str
    scope: str
    given: Mapping[str, tree_sitter.Node]
    keys: frozenset[str]
    names: frozenset[str]


@dataclass
class Template:
    """One Bicep file."""

    name: str
    root: tree_sitter.Node
    scope: str = "resourceGroup"
    params: dict[str, Declared] = field(default_factory=dict)
    vars: dict[str, Declared] = field(default_factory=dict)
    types: dict[str, Declared] = field(default_factory=dict)
    outputs: dict[str, Declared] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)

    @property
    def symbols(self) -> set[str]:
        return {*self.params, *self.vars, *self.types, *self.resources, *self.modules}

    def plain(self, node: tree_sitter.Node) -> Any:
        """The value of a node; variables of the file are looked up."""
        match node.type:
            case "string":
                if any(child.type == "interpolation" for child in node.children):
                    return Expression(text(node))
                return "".join(_unescaped(child) for child in node.named_children)
            case "number":
                return int(text(node))
            case "boolean":
                return text(node) == "true"
            case "null":
                return None
            case "array":
                return [self.plain(child) for child in entries(node)]
            case "object":
                return {key: self.plain(value) for key, value in properties(node)}
            case "for_statement":
                *_, over, body = entries(node)
                return Loop(self.plain(over), loop_variables(node), self.plain(body))
            case "if_statement":
                return self.plain(entries(node)[-1])
            case "identifier" if text(node) in self.vars:
                value = self.vars[text(node)].value
                assert value is not None
                return self.plain(value)
            case "call_expression" if text(node).startswith("concat("):
                lists = [self.plain(child) for child in entries(entries(node)[1])]
                if all(isinstance(each, list) for each in lists):
                    return [item for each in lists for item in each]
        return Expression(text(node))


def read(texts: Mapping[str, str]) -> dict[str, Template]:
    """The templates of files, by file name."""
    return {name: _template(name, source) for name, source in texts.items()}


def text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


def walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def entries(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    """The named children, without comments and decorators."""
    return [child for child in node.named_children if child.type not in ("comment", "decorators")]


def properties(node: tree_sitter.Node) -> Iterator[tuple[str, tree_sitter.Node]]:
    """Keys and values of an object."""
    for each in entries(node):
        key, value = entries(each)
        yield text(key).strip("'"), value


def decorators_of(node: tree_sitter.Node) -> dict[str, tree_sitter.Node]:
    """The decorators of a parameter, or of a property of a type, each with its argument."""
    before = node.prev_named_sibling
    if before is None or before.type != "decorators":
        return {}
    calls = [entries(each)[0] for each in entries(before)]
    return {text(entries(call)[0]): entries(entries(call)[1])[0] for call in calls}


def fields(node: tree_sitter.Node) -> dict[str, tree_sitter.Node]:
    """The properties of a type, each as it is declared."""
    return {text(entries(each)[0]): each for each in entries(node)}


def loop_variables(node: tree_sitter.Node) -> tuple[str, ...]:
    """The variables of a `for`: the item, and its place where it is asked for."""
    first = entries(node)[0]
    names = entries(first) if first.type == "for_loop_parameters" else [first]
    return tuple(text(name) for name in names)


def _unescaped(node: tree_sitter.Node) -> str:
    return text(node).removeprefix("\\") if node.type == "escape_sequence" else text(node)


@functools.cache
def _template(name: str, source: str) -> Template:
    root = _parser().parse(source.encode()).root_node
    template = Template(name, root)
    declarations = [node for node in entries(root) if node.type in _READ]
    # Variables first: they may stand below what uses them.
    for node in sorted(declarations, key=lambda node: node.type != "variable_declaration"):
        parts = entries(node)
        names_a_symbol = node.type not in ("target_scope_assignment", "output_declaration")
        if names_a_symbol and text(parts[0]) in template.symbols:
            template.twice.append(text(parts[0]))
        _READ[node.type](template, parts, node)
    return template


def _scope(template: Template, parts: list[tree_sitter.Node], node: tree_sitter.Node) -> None:
    template.scope = str(template.plain(parts[0]))


def _param(template: Template, parts: list[tree_sitter.Node], node: tree_sitter.Node) -> None:
    value = parts[2] if len(parts) > 2 else None
    listed = decorators_of(node).get("allowed")
    allowed = tuple(template.plain(listed)) if listed is not None else ()
    template.params[text(parts[0])] = Declared(text(parts[0]), text(parts[1]), value, allowed)


def _var(template: Template, parts: list[tree_sitter.Node], node: tree_sitter.Node) -> None:
    template.vars[text(parts[0])] = Declared(text(parts[0]), "", parts[1])


def _type(template: Template, parts: list[tree_sitter.Node], node: tree_sitter.Node) -> None:
    template.types[text(parts[0])] = Declared(text(parts[0]), "object", parts[1])


def _output(template: Template, parts: list[tree_sitter.Node], node: tree_sitter.Node) -> None:
    template.outputs[text(parts[0])] = Declared(text(parts[0]), text(parts[1]), parts[-1])


def _resource(template: Template, parts: list[tree_sitter.Node], node: tree_sitter.Node) -> None:
    kind, _, version = str(template.plain(parts[1])).partition("@")
    existing = any(child.type == "existing" for child in node.children)
    body = template.plain(parts[2])
    template.resources[text(parts[0])] = Resource(text(parts[0]), kind, version, existing, body)


def _module(template: Template, parts: list[tree_sitter.Node], node: tree_sitter.Node) -> None:
    body = parts[2]
    while body.type != "object":
        body = entries(body)[-1]
    said = dict(properties(body))
    given = dict(properties(said["params"])) if "params" in said else {}
    path = str(template.plain(parts[1]))
    names = frozenset(text(each) for each in walk(parts[2]) if each.type == "identifier")
    scope = text(said["scope"]) if "scope" in said else ""
    symbol = text(parts[0])
    template.modules[symbol] = Module(symbol, path, scope, given, frozenset(said), names)


_READ = {
    "target_scope_assignment": _scope,
    "parameter_declaration": _param,
    "variable_declaration": _var,
    "type_declaration": _type,
    "output_declaration": _output,
    "resource_declaration": _resource,
    "module_declaration": _module,
}
