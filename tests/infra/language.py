"""What a compiler would say of the Bicep files, as far as it can be known without one.

Each rule takes the templates by file name and answers with sentences; none means that all is well.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import tree_sitter

from tests.infra.bicep import (
    Module,
    Resource,
    Template,
    entries,
    fields,
    loop_variables,
    text,
    walk,
)
from tests.infra.shapes import READ, SHAPES

Templates = Mapping[str, Template]

FUNCTIONS = frozenset(
    {
        *("concat", "empty", "environment", "filter", "guid", "length", "replace", "resourceId"),
        *("string", "subscription", "subscriptionResourceId", "take", "union", "uniqueString"),
    }
)
"""Those of Bicep's functions that the files use; another one is a slip, or belongs here."""

DECORATORS = frozenset({"allowed", "description", "maxLength", "maxValue", "minLength", "minValue"})
_PRIMITIVES = frozenset({"string", "int", "bool", "array", "object"})
_OF_AZURE = frozenset(
    {
        *("subscription().id", "subscription().tenantId"),
        *("environment().suffixes.storage", "environment().authentication.loginEndpoint"),
    }
)
"""What the files ask Azure for; another one is a slip, or belongs here."""
_OF_A_MODULE = frozenset({"name", "scope", "params", "dependsOn"})
_LITERALS = {
    "string": "string",
    "number": "int",
    "boolean": "bool",
    "array": "array",
    "for_statement": "array",
    "object": "object",
}
_UNLOCATED = re.compile(
    r"Microsoft\.(Authorization/.*|Cdn/profiles/.*|Storage/storageAccounts/.*|Web/sites/.*)"
)


def findings(templates: Templates) -> list[str]:
    """Everything that is wrong, each with its file."""
    found: list[str] = []
    for template in templates.values():
        for rule in (_syntax, _symbols, _unused, _members, _outputs, _resources, *SHAPES):
            found += [f"{template.name}: {said}" for said in rule(template)]
        found += [f"{template.name}: {said}" for said in _modules(template, templates)]
    return found + list(_versions(templates)) + list(_orphans(templates))


def _syntax(template: Template) -> Iterator[str]:
    for node in walk(template.root):
        if node.is_error or node.is_missing:
            yield f"line {node.start_point.row + 1} is not Bicep"
            return
    for symbol in template.twice:
        yield f"{symbol} is declared twice"
    for node in entries(template.root):
        if node.type in ("import_statement", "extension_statement"):
            yield f"{text(node)} would be fetched from elsewhere"


def _symbols(template: Template) -> Iterator[str]:
    """Names that nobody declared."""
    for node, name in _used(template.root, frozenset(template.symbols)):
        yield f"line {node.start_point.row + 1} uses {name}, which is not declared"


def _used(node: tree_sitter.Node, known: frozenset[str]) -> Iterator[tuple[tree_sitter.Node, str]]:
    match node.type:
        case "for_statement":
            *_, over, body = entries(node)
            yield from _used(over, known)
            yield from _used(body, known | set(loop_variables(node)))
            return
        case "lambda_expression":
            *names, body = entries(node)
            variables = {text(each) for name in names for each in walk(name)}
            yield from _used(body, known | variables)
            return
        case "decorator":
            call = entries(node)[0]
            if text(entries(call)[0]) not in DECORATORS:
                yield node, f"@{text(entries(call)[0])}"
            yield from _used(entries(call)[1], known)
            return
        case "call_expression":
            function, *arguments = entries(node)
            if function.type == "identifier" and text(function) not in FUNCTIONS:
                yield node, f"{text(function)}()"
            for argument in arguments:
                yield from _used(argument, known)
            return
        case "object_property":
            key, *values = entries(node)
            for child in values if key.type == "identifier" else entries(node):
                yield from _used(child, known)
            return
        case "array":
            yield from _used_in_array(node, known)
            return
        case "identifier":
            if text(node) not in known:
                yield node, text(node)
            return
    declares = node.type.endswith("_declaration")
    for place, child in enumerate(entries(node)):
        if not (declares and place == 0):
            yield from _used(child, known)
    for child in node.children:
        if child.type == "decorators":
            yield from _used(child, known)


def _used_in_array(
    node: tree_sitter.Node, known: frozenset[str]
) -> Iterator[tuple[tree_sitter.Node, str]]:
    """The grammar takes `[f()]` for two entries, `f` and `()`; nothing stands between them."""
    calls = {child.start_byte for child in entries(node)}
    for child in entries(node):
        called = child.type == "identifier" and child.end_byte in calls
        yield from _used(child, known | FUNCTIONS if called else known)


def _unused(template: Template) -> Iterator[str]:
    names = [text(node) for node in walk(template.root) if node.type == "identifier"]
    for symbol in (*template.params, *template.vars, *template.types):
        if names.count(symbol) == 1:
            yield f"{symbol} is declared and never used"


def _members(template: Template) -> Iterator[str]:
    """What is asked of a resource, of Azure or of a loop's variable that it does not have."""
    for node in walk(template.root):
        if node.type == "for_statement":
            yield from _of_loop(template, node)
        inner = node.parent is not None and node.parent.type == "member_expression"
        if node.type != "member_expression" or inner:
            continue
        of, _, member = re.sub(r"\[[^]]*\]", "", text(node)).partition(".")
        if of in template.resources:
            readable = READ.get(template.resources[of].type, frozenset())
            if member not in {"id", "name", *(f"properties.{each}" for each in readable)}:
                yield f"line {node.start_point.row + 1}: {of} has no {member}"
    # In the text, since the grammar takes `[f().x]` for two entries, and `a ? b : f().x` otherwise.
    for asked in sorted({found[0] for found in re.finditer(r"\w+\(\)[.\w]+", text(template.root))}):
        if asked not in _OF_AZURE:
            yield f"nobody looked up {asked}"


def _of_loop(template: Template, node: tree_sitter.Node) -> Iterator[str]:
    """What is asked of a loop's variable, where it is known what the loop goes over."""
    *_, over, body = entries(node)
    known = _fields_of(template, over)
    variable = loop_variables(node)[0]
    for each in walk(body) if known is not None else ():
        if each.type == "member_expression" and text(entries(each)[0]) == variable:
            member = text(entries(each)[1])
            if member not in (known or ()):
                yield f"line {each.start_point.row + 1}: {variable} has no {member}"


def _fields_of(template: Template, over: tree_sitter.Node) -> frozenset[str] | None:
    """The fields of each item: of a parameter's declared type, or of a list of objects."""
    if text(over) in template.params:
        declared = template.types.get(template.params[text(over)].type.removesuffix("[]"))
        return frozenset(fields(declared.value)) if declared and declared.value else None
    items = template.plain(over)
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        return None
    return frozenset.intersection(*map(frozenset, items))


def _resources(template: Template) -> Iterator[str]:
    for resource in template.resources.values():
        said = resource.one
        if "name" not in said:
            yield f"{resource.symbol} has no name"
        if resource.existing:
            continue
        if "location" not in said and not _UNLOCATED.fullmatch(resource.type):
            yield f"{resource.symbol} has no location"
        yield from _parent(template, resource)
        if resource.type.startswith("Microsoft.Authorization/") and "scope" not in said:
            yield f"{resource.symbol} has no scope"


def _parent(template: Template, resource: Resource) -> Iterator[str]:
    above, _, _ = resource.type.rpartition("/")
    if above.count("/") == 0:
        return
    named = getattr(resource.one.get("parent"), "text", "")
    parent = template.resources.get(named)
    if parent is None:
        yield f"{resource.symbol} has no parent"
    elif parent.type != above:
        yield f"{resource.symbol} is of {above}, its parent {named} is {parent.type}"


def _modules(template: Template, templates: Templates) -> Iterator[str]:
    for module in template.modules.values():
        target = templates.get(module.path)
        if target is None:
            yield f"module {module.symbol} takes {module.path}, which is not here"
            continue
        for key in sorted(module.keys - _OF_A_MODULE):
            yield f"module {module.symbol} has {key}, which modules do not have"
        if template.scope != target.scope and "scope" not in module.keys:
            yield f"module {module.symbol} says no scope"
        elif template.scope != target.scope:
            group = template.resources.get(module.scope)
            if group is None or group.type != "Microsoft.Resources/resourceGroups":
                yield f"module {module.symbol} is for a {target.scope}, not for {module.scope}"
        yield from _given(template, module, target)
        yield from _handed_over(template, module, templates)
    for node in walk(template.root):
        yield from _asked(template, templates, node)


def _given(template: Template, module: Module, target: Template) -> Iterator[str]:
    for name in sorted(module.given.keys() - target.params.keys()):
        yield f"module {module.symbol} is given {name}, which {target.name} does not take"
    for name, param in target.params.items():
        if param.value is None and name not in module.given:
            yield f"module {module.symbol} is not given {name}, which {target.name} needs"
    for name, node in module.given.items():
        if name in target.params:
            given, taken = type_of(template, node), _simple(target.params[name].type)
            if given and given != taken:
                yield f"module {module.symbol} gives {name} as {given}, not as {taken}"


def _handed_over(template: Template, module: Module, templates: Templates) -> Iterator[str]:
    """Outputs that go to a parameter which is called like another output of the same module."""
    for name, node in module.given.items():
        asked = re.fullmatch(r"(\w+)\.outputs\.(\w+)", text(node))
        source = template.modules.get(asked[1]) if asked else None
        outputs = templates[source.path].outputs if source and source.path in templates else {}
        alike = [each for each in outputs if name.lower().endswith(each.lower())]
        if asked and alike and asked[2] != max(alike, key=len):
            yield f"module {module.symbol} is given {asked[2]} as {name}"


def _outputs(template: Template) -> Iterator[str]:
    """Outputs of another type than they are said to be."""
    for output in template.outputs.values():
        given = type_of(template, output.value) if output.value is not None else None
        if given and given != _simple(output.type):
            yield f"output {output.name} is {given}, not {output.type}"


def _asked(template: Template, templates: Templates, node: tree_sitter.Node) -> Iterator[str]:
    """Outputs that a module does not have."""
    if node.type != "member_expression":
        return
    of, member = entries(node)
    if of.type != "member_expression" or text(entries(of)[1]) != "outputs":
        return
    symbol = entries(of)[0]
    while symbol.type == "subscript_expression":
        symbol = entries(symbol)[0]
    module = template.modules.get(text(symbol))
    target = templates.get(module.path) if module else None
    if target is not None and text(member) not in target.outputs:
        yield f"{target.name} has no output {text(member)}, which {text(symbol)} is asked for"


def type_of(template: Template, node: tree_sitter.Node) -> str | None:
    """The type of a value where it is plain to see."""
    if node.type == "identifier":
        name = text(node)
        if name in template.params:
            return _simple(template.params[name].type)
        if name in template.vars:
            value = template.vars[name].value
            return type_of(template, value) if value is not None else None
    if node.type == "member_expression" and text(node).split(".")[0] in template.resources:
        return "string"  # of what may be asked: _members
    if node.type == "unary_expression" and text(node).startswith("!"):
        return "bool"
    if node.type == "call_expression":
        function = text(entries(node)[0])
        return {"concat": "array", "string": "string", "empty": "bool"}.get(function)
    return _LITERALS.get(node.type)


def _simple(written: str) -> str:
    if written.endswith("[]"):
        return "array"
    return written if written in _PRIMITIVES else "object"


def _versions(templates: Templates) -> Iterator[str]:
    """One version for each type, none of them a preview."""
    versions: defaultdict[str, set[str]] = defaultdict(set)
    for template in templates.values():
        for resource in template.resources.values():
            versions[resource.type].add(resource.version)
    for kind, found in sorted(versions.items()):
        if len(found) > 1:
            yield f"{kind} is used in {len(found)} versions: {', '.join(sorted(found))}"
        for version in found:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", version):
                yield f"{kind} is used in the version {version!r}"


def _orphans(templates: Templates) -> Iterator[str]:
    taken = {module.path for each in templates.values() for module in each.modules.values()}
    for name in sorted(templates.keys() - taken - {"main.bicep"}):
        yield f"{name} is taken by no module"
