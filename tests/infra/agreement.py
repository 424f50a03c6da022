"""What the Bicep files and the product must agree upon, and what must hold in any case.

Each rule answers with sentences; none means that all is well.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.attachments.uploads import KEPT_FOR, upload_name
from shared.messages.content import CONTAINER, file_name
from tests.infra import used
from tests.infra.azure import app_settings
from tests.infra.bicep import Expression, Loop, Resource, Template, text
from tests.infra.language import Templates

STORAGE = "Microsoft.Storage/storageAccounts"
ROLES = "Microsoft.Authorization/roleAssignments"

PLATFORM_SETTINGS = frozenset(
    {
        "AzureWebJobsStorage__tableServiceUri",
        "AzureWebJobsStorage__credential",
        "AzureWebJobsStorage__clientId",
        "AzureWebJobsDisableHomepage",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
        "AZURE_CLIENT_ID",
        "AZURE_TOKEN_CREDENTIALS",
        "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
    }
)
"""Settings for the Functions host, for App Service and for azure-identity, not for our code."""

REFUSED_ON_FLEX = frozenset(
    {
        *("FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE"),
        *("FUNCTIONS_WORKER_RUNTIME_VERSION", "PYTHON_ISOLATE_WORKER_DEPENDENCIES"),
        *("WEBSITE_CONTENTSHARE", "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING"),
        *("SCM_DO_BUILD_DURING_DEPLOYMENT", "ENABLE_ORYX_BUILD"),
        *("WEBSITE_TIME_ZONE", "TZ", "WEBSITE_LOAD_CERTIFICATES"),
    }
)
"""App settings that Flex Consumption does not take (Functions documentation, "Flex Consumption plan
deprecations" and its considerations)."""

ROLE_IDS = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Delegator": "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
}
"""Azure's built-in roles that are narrow enough to be given here."""


@dataclass(frozen=True)
class Need:
    """A role that something in the project cannot do without, on what, and whose it is."""

    role: str
    on: str
    file: str
    line: str
    whose: str = "appPrincipalId"


NEEDS = (
    Need("Storage Blob Data Owner", "host", "shared/storage/blobs.py", "put_blob|upload_blob"),
    Need("Storage Queue Data Contributor", "host", "shared/storage/queues.py", "send_message"),
    Need("Storage Table Data Contributor", "host", "host.json", '"version": "2.0"'),
    Need("Storage Table Data Contributor", "accounts", "shared/storage/tables.py", "TableClient"),
    Need("Storage Blob Data Contributor", "contents", "shared/storage/blobs.py", "delete_blob"),
    Need("Storage Blob Delegator", "accounts", "shared/storage/blobs.py", "user_delegation_key"),
    Need("Key Vault Secrets User", "vault", "infra/app.bicep", "@Microsoft.KeyVault"),
    Need(
        *("Key Vault Secrets Officer", "vault", "infra/hooks.py", "keyvault"),
        whose="deployerPrincipalId",
    ),
    Need("Monitoring Metrics Publisher", "applicationInsights", "infra/app.bicep", "=AAD"),
)


def roles(templates: Templates, files: Mapping[str, str]) -> Iterator[str]:
    """Every role that is needed is given, where it is needed, and no other."""
    given: set[tuple[str, str, str]] = set()
    for template in templates.values():
        for resource in _of_type(template, ROLES):
            if template.name != "roles.bicep":
                yield f"{resource.symbol} gives a role outside roles.bicep"
            role, scope, whose, faults = _assignment(template, resource)
            yield from faults
            given.add((role, scope, whose))
    for contents in templates["roles.bicep"].resources.values():
        container = getattr(contents.one.get("name"), "text", "").rpartition("/")[2].strip("'")
        if contents.type.endswith("/containers") and container not in used.containers():
            yield f"{contents.symbol} is the container {container}, which nothing uses"
    for need in NEEDS:
        if not re.search(need.line, files[need.file]):
            yield f"{need.role} on {need.on}: {need.file} does not do what it is for any more"
        if (need.role, need.on, need.whose) not in given:
            yield f"nobody gives {need.role} on {need.on}, which {need.file} needs"
    for role, scope, whose in sorted(given - {(need.role, need.on, need.whose) for need in NEEDS}):
        yield f"{role} on {scope} is given to {whose} and not needed"


def _assignment(template: Template, resource: Resource) -> tuple[str, str, str, list[str]]:
    said = resource.one
    scope = re.sub(r"\[.*", "", getattr(said.get("scope"), "text", ""))
    properties = said["properties"]
    role_key = re.search(r"roleIds\.(\w+)", getattr(properties["roleDefinitionId"], "text", ""))
    roles_value = template.vars["roleIds"].value if "roleIds" in template.vars else None
    ids = template.plain(roles_value) if roles_value is not None else {}
    id_ = ids.get(role_key[1]) if role_key else None
    role = next((name for name, known in ROLE_IDS.items() if known == id_), str(id_))
    name = getattr(said["name"], "text", "")
    principal = getattr(properties["principalId"], "text", "?")
    faults = [
        f"the name of {resource.symbol} does not tell {part} from others"
        for part in (scope, principal, role_key[0] if role_key else "?")
        if part not in name
    ]
    if role not in ROLE_IDS:
        faults.append(f"{resource.symbol} gives {role}, which is no role that may be given here")
    return role, scope, principal, faults


def storage(templates: Templates) -> Iterator[str]:
    """Every table, queue and container that the code names is there, and no other."""
    organization, host = templates["organization-storage.bicep"], templates["host-storage.bicep"]
    packages = host.outputs["packagesContainer"].value
    assert packages is not None
    yield from _same("table", organization, "tableServices/tables", used.tables())
    yield from _same("container", organization, "blobServices/containers", used.containers())
    yield from _same("queue", host, "queueServices/queues", used.queues())
    yield from _same(
        "container",
        host,
        "blobServices/containers",
        used.host_containers() | {str(host.plain(packages))},
    )


def _same(what: str, template: Template, kind: str, wanted: Collection[str]) -> Iterator[str]:
    there = [name for each in _of_type(template, f"{STORAGE}/{kind}") for name in each.names]
    for name in sorted(set(wanted) - set(there)):
        yield f"{template.name}: nobody provisions the {what} {name}, which the code uses"
    for name in sorted(str(each) for each in set(there) - set(wanted)):
        yield f"{template.name}: the {what} {name} is provisioned, and nothing uses it"


def settings(templates: Templates, docs: str, sample: Mapping[str, str]) -> Iterator[str]:
    """The code, Bicep, docs/settings.md and the sample name the same app settings."""
    bicep = set(app_settings(templates))
    documented = documented_settings(docs)
    code = set(used.settings())
    for name in sorted(code | bicep):
        if name not in documented:
            yield f"docs/settings.md does not tell of {name}"
    for name in sorted(code):
        by_platform = documented.get(name) == "the platform"
        if not name.startswith("LOCAL_") and name not in bicep and not by_platform:
            yield f"Bicep forgets {name}"
    for name in sorted(bicep):
        if name.startswith("LOCAL_"):
            yield f"Bicep names {name}, which is for one machine only"
        elif name in REFUSED_ON_FLEX:
            yield f"Bicep names {name}, which Flex Consumption refuses"
        elif name not in code | PLATFORM_SETTINGS:
            yield f"Bicep names {name}, which nothing reads"
        elif documented.get(name) != "Bicep":
            yield f"docs/settings.md does not say that {name} comes from Bicep"
    for name in sorted(set(sample) - set(documented)):
        yield f"local.settings.sample.json names {name}, which docs/settings.md does not tell of"


def documented_settings(docs: str) -> dict[str, str]:
    """The app settings of docs/settings.md, and who sets each in Azure (last column)."""
    deployment = docs.split("## Of an organization")[0]
    found: dict[str, str] = {}
    for row in re.findall(r"^\| (`.*) \|$", deployment, re.MULTILINE):
        first, *_, last = row.split(" | ")
        found |= dict.fromkeys(re.findall(r"`([A-Za-z_]+)`", first), last)
    return found


def registry(templates: Templates, fields: Collection[str]) -> Iterator[str]:
    """ORGANIZATIONS has the fields that shared/settings.py reads."""
    value = templates["main.bicep"].vars["registry"].value
    assert value is not None
    loop = templates["main.bicep"].plain(value)
    assert isinstance(loop, Loop)
    for name in sorted(set(fields) ^ set(loop.body)):
        yield f"ORGANIZATIONS: {name} is written or read, not both"


def safety(templates: Templates) -> Iterator[str]:
    """No shared keys, nothing public, nothing unencrypted, nothing lost by a slip."""
    for template in templates.values():
        for resource in template.resources.values():
            if resource.existing:
                continue
            said = resource.one.get("properties", {})
            for key, wanted in _MUST.get(resource.type, {}).items():
                if said.get(key) != wanted:
                    yield f"{template.name}: {resource.symbol} has {key} not {wanted}"
            if resource.type == "Microsoft.KeyVault/vaults/secrets":
                yield f"{template.name}: {resource.symbol} would be written anew by every deploy"
        for kind in ("Microsoft.KeyVault/vaults", STORAGE):
            kept = [each.one["scope"].text for each in _of_type(template, _LOCKS)]
            for resource in _of_type(template, kind):
                if template.name != "host-storage.bicep" and resource.symbol not in kept:
                    yield f"{template.name}: nothing keeps {resource.symbol} from being deleted"


_LOCKS = "Microsoft.Authorization/locks"
_MUST: Mapping[str, Mapping[str, Any]] = {
    STORAGE: {
        "allowSharedKeyAccess": False,
        "allowBlobPublicAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    },
    f"{STORAGE}/blobServices/containers": {"publicAccess": "None"},
    "Microsoft.Insights/components": {"DisableLocalAuth": True},
    "Microsoft.KeyVault/vaults": {
        "enableRbacAuthorization": True,
        "enableSoftDelete": True,
        "enablePurgeProtection": True,
    },
    "Microsoft.Web/sites": {"httpsOnly": True},
    _LOCKS: {"level": "CanNotDelete"},
}


def files(templates: Templates) -> Iterator[str]:
    """Blobs: browsers may put them, deleted ones come back, and old ones go."""
    template = templates["organization-storage.bicep"]
    [service] = _of_type(template, f"{STORAGE}/blobServices")
    said = service.one["properties"]
    if not said.get("deleteRetentionPolicy", {}).get("enabled"):
        yield "a deleted blob cannot be brought back"
    [rule] = said.get("cors", {}).get("corsRules") or [{}]
    if rule.get("allowedMethods") != ["PUT"] or "x-ms-blob-type" not in rule["allowedHeaders"]:
        yield "a page cannot put a file to the address of its upload"
    if rule.get("allowedOrigins") != Expression("pageAddresses"):
        yield "files may be put from pages that are not ours"
    given = text(templates["main.bicep"].modules["organizationStorage"].given["pageAddresses"])
    for host in ("${appHost}", "publicAddress", "${one.publicHost}"):
        if host not in given:
            yield f"a page under {host} cannot put files"
    [policy] = _of_type(template, f"{STORAGE}/managementPolicies")
    ages = {
        prefix: rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterCreationGreaterThan"]
        for rule in policy.one["properties"]["policy"]["rules"]
        for prefix in rule["definition"]["filters"]["prefixMatch"]
    }
    for name in (upload_name("0"), file_name("0", 1)):
        prefix = f"{CONTAINER}/{name.split('/')[0]}/"
        if prefix not in ages:
            yield f"nothing ever deletes what is left in {prefix}"
    uploads = ages.get(f"{CONTAINER}/uploads/")
    if isinstance(uploads, int) and uploads <= KEPT_FOR.days:
        yield f"uploads are deleted after {uploads} days, and {KEPT_FOR.days} are promised"


def alerts(templates: Templates, operations: str) -> Iterator[str]:
    """What an alert looks for is what the code logs; docs/operations.md tells of each."""
    template = templates["alerts.bicep"]

    def variable(name: str) -> Any:
        value = template.vars[name].value
        return template.plain(value) if value is not None else None

    for line in variable("lines"):
        if not any(line["says"] in logged for logged in used.log_lines()):
            yield f"the alert {line['name']} waits for a line that nothing logs"
    for name in sorted(used.timers() - set(variable("timers"))):
        yield f"no alert tells of it when the timer {name} is silent"
    for name in sorted(used.timers() - used.timers_that_tell()):
        yield f"the timer {name} does not say in the log that it has run"
    if used.TIMER_RAN % "${timer}" not in str(template.resources["silent"].one):
        yield "the alert on silent timers waits for a line that nothing logs"
    for name in sorted(set(variable("timers")) - used.timers()):
        yield f"an alert waits for the timer {name}, which does not exist"
    for symbol in ("saidInLog", "silent"):
        if template.resources[symbol].one["properties"]["scopes"] != [Expression("workspaceId")]:
            yield f"{symbol} does not look into the workspace, where the log is"
    names = [line["name"] for line in (*variable("lines"), *variable("hostLines"))]
    for name in (*names, "silent-", "throttled-"):
        if f"`{name}" not in operations:
            yield f"docs/operations.md does not say what to do about {name}"


def app(templates: Templates) -> Iterator[str]:
    """Flex Consumption with Python 3.13, instances that wait, and the identity everywhere."""
    template = templates["app.bicep"]
    [site] = _of_type(template, "Microsoft.Web/sites")
    config = site.one["properties"]["functionAppConfig"]
    if config["runtime"] != {"name": "python", "version": "3.13"}:
        yield "the app does not run on Python 3.13"
    ready = [each["name"] for each in config["scaleAndConcurrency"].get("alwaysReady", [])]
    if "http" not in ready:
        yield "a pixel may meet a cold start: no HTTP instance is always ready"
    if site.one["properties"].get("keyVaultReferenceIdentity") != Expression("identityId"):
        yield "the app cannot read its signing keys: keyVaultReferenceIdentity is not its identity"
    if app_settings(templates).get("AzureWebJobsDisableHomepage") != "true":
        yield "Azure's own page hides ours at /"
    if site.one["tags"] == Expression("tags"):
        yield "azd does not find the app: the tag azd-service-name is missing"


def parameters(templates: Templates, given: Mapping[str, Any]) -> Iterator[str]:
    """main.parameters.json gives what main.bicep takes."""
    params = templates["main.bicep"].params
    for name in sorted(given.keys() - params.keys()):
        yield f"main.parameters.json gives {name}, which main.bicep does not take"
    for name, param in params.items():
        if param.value is None and name not in given:
            yield f"main.parameters.json does not give {name}, which main.bicep needs"
        default = re.fullmatch(r"\$\{\w+=(.*)\}", str(given.get(name, {}).get("value")))
        if default and param.allowed and default[1] not in param.allowed:
            yield f"main.parameters.json gives {name} as {default[1]}, which main.bicep refuses"


def _of_type(template: Template, kind: str) -> list[Resource]:
    return [each for each in template.resources.values() if each.type == kind and not each.existing]
