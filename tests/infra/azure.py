"""What Azure would say, or would do wrong, with files that a compiler takes.

Each rule answers with sentences; none means that all is well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import tree_sitter

from infra.hooks import KEYS
from tests.infra.bicep import Expression, Loop, Template, entries, text
from tests.infra.language import Templates

AFTER: Mapping[str, tuple[str, ...]] = {
    "roles": ("identity", "monitoring", "vault", "hostStorage", "organizationStorage"),
    "app": ("roles",),
    "entrance": ("app",),
    "alerts": ("monitoring", "hostStorage", "organizationStorage"),
}
"""What must be there before a module: what its roles are on, what the app acts with, what is
watched. Without it a deployment fails or not as it happens."""

LONGEST: Mapping[str, int] = {
    "hostAccount": 24,
    "organizationAccounts": 24,
    # A host takes the first 32 for its id, by which it holds its locks.
    "appName": 32,
}
"""Letters that a name may have at most; of the vault 24, too."""

_HASH = 13
"""Letters of `uniqueString()`."""


def order(templates: Templates) -> Iterator[str]:
    """A module waits for everything that it needs."""
    modules = templates["main.bicep"].modules

    def waits_for(module: str) -> frozenset[str]:
        direct = modules[module].names & modules.keys() - {module}
        return direct.union(*map(waits_for, direct))

    for module, needed in AFTER.items():
        for missing in sorted(frozenset(needed) - waits_for(module)):
            yield f"module {module} does not wait for {missing}"


def names(templates: Templates) -> Iterator[str]:
    """Names are short enough, however long what they are made of is."""
    template = templates["main.bicep"]
    made = {name: template.vars[name].value for name in LONGEST}
    made["vault"] = template.modules["vault"].given["name"]
    for name, node in made.items():
        assert node is not None
        length, most = _longest(template, node), LONGEST.get(name, 24)
        if length is None or length > most:
            yield f"{name} may have {length} letters, and Azure takes {most}"


def _longest(template: Template, node: tree_sitter.Node) -> int | None:
    """How many letters a text may have; None where nothing limits it."""
    match node.type:
        case "string_content":
            return len(text(node))
        case "string" | "interpolation":
            parts = [_longest(template, each) for each in entries(node)]
            known = [part for part in parts if part is not None]
            return sum(known) if len(known) == len(parts) else None
        case "for_statement":
            return _longest(template, entries(node)[-1])
        case "identifier" if text(node) in template.vars:
            value = template.vars[text(node)].value
            return _longest(template, value) if value is not None else None
        case "call_expression" if text(node).startswith("uniqueString("):
            return _HASH
        case "call_expression" if text(node).startswith("take("):
            return int(text(entries(entries(node)[1])[1]))
    return None


def addresses(templates: Templates) -> Iterator[str]:
    """Each address of storage is that of its service, and the vault's that of the secret that the
    hook makes."""
    registry = templates["main.bicep"].vars["registry"].value
    assert registry is not None
    loop = templates["main.bicep"].plain(registry)
    entry = loop.body if isinstance(loop, Loop) else {}
    said = {**app_settings(templates), **entry}
    for name, service in _SERVICES.items():
        account = "${organizationAccounts[i]}" if name in entry else "${hostAccount}"
        if f"//{account}.{service}." not in getattr(said.get(name), "text", ""):
            yield f"{name} is not the address of {service} storage"
    signed_in = templates["main.bicep"].outputs["SIGN_IN_HOSTS"].value
    if signed_in is None or text(signed_in) != "union([appHost], hosts)":
        yield "people cannot sign in at every host: SIGN_IN_HOSTS"
    uri = templates["vault.bicep"].outputs["signingKeysUri"].value
    # Azure's own vaultUri ends with a slash.
    if uri is None or text(uri) != f"'${{vault.properties.vaultUri}}secrets/{KEYS}'":
        yield f"SIGNING_KEYS is not the secret {KEYS}, which hooks.py makes"


_SERVICES = {
    "AzureWebJobsStorage__blobServiceUri": "blob",
    "AzureWebJobsStorage__queueServiceUri": "queue",
    "AzureWebJobsStorage__tableServiceUri": "table",
    "tables": "table",
    "blobs": "blob",
}


def settings(templates: Templates) -> Iterator[str]:
    """App settings are texts, schedules have the six fields of NCRONTAB, and ids are those of the
    app's identity, but for that of the registration."""
    for name, value in app_settings(templates).items():
        if not isinstance(value, str | Expression):
            yield f"{name} is {value!r}, and settings are texts"
        elif name.endswith("_SCHEDULE") and len(str(value).split()) != 6:
            yield f"{name} is no schedule of six fields"
        elif name.lower().replace("_", "").endswith("clientid"):
            whose = "entraClientId" if name == "ENTRA_CLIENT_ID" else "identityClientId"
            if value != Expression(whose):
                yield f"{name} is not {whose}"


def app_settings(templates: Templates) -> dict[str, Any]:
    """The app's settings by name."""
    for resource in templates["app.bicep"].resources.values():
        if resource.type == "Microsoft.Web/sites/config" and resource.one["name"] == "appsettings":
            return dict(resource.one["properties"])
    return {}
