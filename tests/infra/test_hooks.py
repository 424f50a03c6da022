"""What azd runs around Bicep: the app registration, its trust, the first signing key."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from infra import hooks
from shared.access.people import ROLE_SCOPES
from shared.settings import Settings
from tests.infra import used
from tests.infra.bicep import read
from tests.test_settings import SOUND

HOME = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"
ENVIRON = {
    "AZURE_ENV_NAME": "production",
    "AZURE_SUBSCRIPTION_ID": "s-1",
    "AZURE_RESOURCE_GROUP": "rg-production",
    "APP_NAME": "app-1",
    "VAULT_NAME": "keys-1",
    "IDENTITY_PRINCIPAL_ID": "principal-1",
    "ENTRA_CLIENT_ID": "client-1",
    "SIGN_IN_CLIENT_ID": "client-1",
    "SIGN_IN_HOSTS": json.dumps(["app-1.azurewebsites.net", "mail.contoso.com"]),
    "ORGANIZATION_TENANTS": json.dumps([HOME, OTHER]),
}
GRAPH_ROLES = {
    "Mail.ReadWrite": "id-rw",
    "Mail.Send": "id-send",
    "MailboxSettings.Read": "id-settings",
    "Files.ReadWrite.All": "id-files",
}


class Cloud:
    """An Azure CLI before a small Entra and a vault, which remember."""

    def __init__(self) -> None:
        self.applications: list[dict[str, Any]] = []
        self.principals: list[str] = []
        self.trusts: list[dict[str, Any]] = []
        self.secrets: dict[str, str] = {}
        self.requests: list[str] = []
        self.forbidden = 0
        self.signed_in_to = HOME

    def az(self, *arguments: str) -> str:
        named = dict(pairwise(arguments))
        if arguments[:2] == ("account", "show"):
            return json.dumps(HOME if "--subscription" in arguments else self.signed_in_to)
        if arguments[:3] == ("keyvault", "secret", "list"):
            if self.forbidden:
                self.forbidden -= 1
                raise hooks.AzFailed("(Forbidden) Caller is not authorized")
            return json.dumps(list(self.secrets))
        if arguments[:3] == ("keyvault", "secret", "set"):
            self.secrets[named["--name"]] = Path(named["--file"]).read_text(encoding="utf-8")
            assert not any("k1:" in argument for argument in arguments)
            return ""
        assert arguments[0] == "rest"
        url, method = unquote(named["--url"]), named["--method"]
        self.requests.append(f"{method} {url}")
        answer = self._graph(method, url.removeprefix(hooks.GRAPH), named.get("--body", "null"))
        return "" if answer is None else json.dumps(answer)

    def _graph(self, method: str, path: str, body: str) -> Any:
        given = json.loads(body)
        match method, path.split("?")[0]:
            case "get", p if p == f"/servicePrincipals(appId='{hooks.GRAPH_APP}')":
                roles = [{"value": name, "id": id_} for name, id_ in GRAPH_ROLES.items()]
                return {"appRoles": roles}
            case "get", "/servicePrincipals":
                return {"value": [{"id": each} for each in self.principals]}
            case "post", "/servicePrincipals":
                self.principals.append(given["appId"])
            case "get", "/applications":
                return {"value": [a for a in self.applications if f"'{a['displayName']}'" in path]}
            case "post", "/applications":
                place = len(self.applications) + 1
                made = {**given, "id": f"object-{place}", "appId": f"client-{place}"}
                self.applications.append(made)
                return made
            case "get", "/applications(appId='client-1')/federatedIdentityCredentials":
                return {"value": self.trusts}
            case "post", "/applications(appId='client-1')/federatedIdentityCredentials":
                self.trusts.append({**given, "id": f"trust-{len(self.trusts) + 1}"})
            case "delete", p:
                self.trusts = [each for each in self.trusts if not p.endswith(each["id"])]
            case "patch", "/applications/object-1" | "/applications(appId='client-1')":
                self.applications[0].update(given)
            case "post", p if p.endswith("/refresh"):
                pass
            case _:
                raise AssertionError(f"{method} {path}")
        return None


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def no_wait(seconds: float) -> None:
    raise AssertionError("there is nothing to wait for")


def test_a_second_deploy_finds_its_app_registration_again(cloud: Cloud) -> None:
    first = hooks.register(cloud.az, ENVIRON, {HOME})
    before = json.dumps(cloud.applications)
    assert hooks.register(cloud.az, ENVIRON, {HOME}) == first == "client-1"
    assert json.dumps(cloud.applications) == before


def test_nothing_is_registered_in_a_tenant_that_is_not_the_subscriptions(cloud: Cloud) -> None:
    cloud.signed_in_to = OTHER
    with pytest.raises(hooks.Stopped, match="az account set --subscription s-1"):
        hooks.register(cloud.az, ENVIRON, {HOME})
    assert cloud.requests == []


def test_an_app_registration_is_not_guessed_among_several(cloud: Cloud) -> None:
    hooks.register(cloud.az, ENVIRON, {HOME})
    cloud.applications.append({**cloud.applications[0], "id": "object-2"})
    with pytest.raises(hooks.AzFailed, match="2 app registrations called email-engagement-prod"):
        hooks.register(cloud.az, ENVIRON, {HOME})


@pytest.mark.parametrize(
    ("tenants", "audience"), [({HOME}, "AzureADMyOrg"), ({HOME, OTHER}, "AzureADMultipleOrgs")]
)
def test_people_of_other_tenants_sign_in_where_an_organization_is_of_one(
    cloud: Cloud, tenants: set[str], audience: str
) -> None:
    hooks.register(cloud.az, ENVIRON, tenants)
    assert cloud.applications[0]["signInAudience"] == audience


def test_the_roles_people_are_given_are_those_the_app_knows_a3(cloud: Cloud) -> None:
    hooks.register(cloud.az, ENVIRON, {HOME})
    assert {role["value"] for role in cloud.applications[0]["appRoles"]} == set(ROLE_SCOPES)


@pytest.mark.parametrize(
    ("scoped", "ids"),
    [("", ["id-rw", "id-send", "id-settings", "id-files"]), ("true", ["id-files"])],
)
def test_permissions_for_mail_are_not_asked_for_where_exchange_gives_them(
    cloud: Cloud, scoped: str, ids: list[str]
) -> None:
    hooks.register(cloud.az, ENVIRON | {"MAIL_SCOPED_IN_EXCHANGE": scoped}, {HOME})
    [access] = cloud.applications[0]["requiredResourceAccess"]
    assert [each["id"] for each in access["resourceAccess"]] == ids


def test_the_registration_knows_its_addresses_and_trusts_the_identity_once(cloud: Cloud) -> None:
    hooks.register(cloud.az, ENVIRON, {HOME})
    for _ in range(2):
        hooks.trust_identity(cloud.az, ENVIRON)
    assert cloud.applications[0]["web"]["redirectUris"] == [
        "https://app-1.azurewebsites.net/.auth/login/aad/callback",
        "https://mail.contoso.com/.auth/login/aad/callback",
    ]
    assert cloud.principals == ["client-1"]
    assert [(each["subject"], each["audiences"]) for each in cloud.trusts] == [
        ("principal-1", ["api://AzureADTokenExchange"])
    ]


def test_an_identity_made_anew_replaces_the_one_that_is_gone(cloud: Cloud) -> None:
    hooks.register(cloud.az, ENVIRON, {HOME})
    hooks.trust_identity(cloud.az, ENVIRON)
    hooks.trust_identity(cloud.az, ENVIRON | {"IDENTITY_PRINCIPAL_ID": "principal-2"})
    assert [each["subject"] for each in cloud.trusts] == ["principal-2"]


def test_the_first_key_is_one_the_app_can_sign_with(cloud: Cloud) -> None:
    assert hooks.make_first_key(cloud.az, ENVIRON, no_wait)
    settings = Settings.from_env(SOUND | {"SIGNING_KEYS": cloud.secrets["signing-keys"]})
    assert [(id_, len(key)) for id_, key in settings.signing_keys.items()] == [("k1", 32)]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the command of the docs needs openssl")
def test_keys_are_rotated_again_and_again_as_the_docs_say(tmp_path: Path) -> None:
    page = (used.ROOT / "docs/operations.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^printf .* > newer$", page, re.MULTILINE)
    clock = tmp_path / "date"
    (tmp_path / "keys").write_text("k1:" + base64.urlsafe_b64encode(b"s" * 32).decode())
    for hour in ("08", "09"):
        clock.write_text(f'#!/bin/sh\necho "$1" | sed "s/+%y%j%H/26333{hour}/"\n')
        clock.chmod(0o755)
        path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
        subprocess.run(["sh", "-c", command], cwd=tmp_path, env={"PATH": path}, check=True)
        (tmp_path / "newer").replace(tmp_path / "keys")
    keys = (tmp_path / "keys").read_text()
    settings = Settings.from_env(SOUND | {"SIGNING_KEYS": keys})
    assert list(settings.signing_keys) == ["k2633309", "k2633308", "k1"]
    assert {len(key) for key in settings.signing_keys.values()} == {32}


def test_no_two_deployments_get_the_same_key(cloud: Cloud) -> None:
    other = Cloud()
    hooks.make_first_key(cloud.az, ENVIRON, no_wait)
    hooks.make_first_key(other.az, ENVIRON, no_wait)
    assert cloud.secrets != other.secrets


def test_a_second_deploy_leaves_the_keys_unchanged(cloud: Cloud) -> None:
    key = base64.urlsafe_b64encode(b"s" * 32).decode()
    cloud.secrets["signing-keys"] = f"k2:{key},k1:withdrawn"
    assert not hooks.make_first_key(cloud.az, ENVIRON, no_wait)
    assert cloud.secrets == {"signing-keys": f"k2:{key},k1:withdrawn"}


def test_a_role_that_has_not_arrived_yet_is_waited_for(cloud: Cloud) -> None:
    cloud.forbidden = 3
    waits: list[float] = []
    assert hooks.make_first_key(cloud.az, ENVIRON, waits.append)
    assert len(waits) == 3


@pytest.mark.parametrize("words", ["(Forbidden) not authorized", "no such vault"])
def test_a_vault_that_refuses_for_good_gets_no_key(words: str) -> None:
    def refuse(*arguments: str) -> str:
        assert arguments[2] == "list", "nothing may be written where nothing could be read"
        raise hooks.AzFailed(words)

    waits: list[float] = []
    with pytest.raises(hooks.AzFailed):
        hooks.make_first_key(refuse, ENVIRON, waits.append)
    assert sum(waits) <= 300


def test_the_app_is_told_of_its_first_key(cloud: Cloud) -> None:
    hooks.read_keys_now(cloud.az, ENVIRON)
    [request] = cloud.requests
    assert "/sites/app-1/config/configreferences/appsettings/refresh" in request


def test_every_tenant_is_told_where_to_consent() -> None:
    said = "\n".join(hooks.left_to_do(ENVIRON))
    for tenant in (HOME, OTHER):
        address = f"https://login.microsoftonline.com/{tenant}/adminconsent?client_id=client-1"
        assert address in said


def test_what_the_hooks_read_is_what_bicep_tells_them() -> None:
    """azd hands Bicep's outputs on; the others are its own, or made by the hook itself."""
    main = (used.ROOT / "infra/main.bicep").read_text(encoding="utf-8")
    outputs = set(read({"main.bicep": main})["main.bicep"].outputs)
    given = outputs | {"AZURE_ENV_NAME", "AZURE_SUBSCRIPTION_ID", "ENTRA_CLIENT_ID"}
    assert set(ENVIRON) <= given


@pytest.mark.parametrize(
    ("permission", "file", "does"),
    [
        ("Mail.ReadWrite", "shared/graph/mail.py", "create_draft"),
        ("Mail.Send", "shared/graph/mail.py", ".send"),
        ("MailboxSettings.Read", "shared/graph/inbox.py", "mailbox_settings.get"),
        ("Files.ReadWrite.All", "shared/graph/drive.py", "create_link"),
    ],
)
def test_every_permission_is_used_and_explained(permission: str, file: str, does: str) -> None:
    assert permission in hooks.MAIL_PERMISSIONS + hooks.FILE_PERMISSIONS
    assert does in (used.ROOT / file).read_text(encoding="utf-8")
    page = (used.ROOT / "docs/first-deployment.md").read_text(encoding="utf-8")
    assert f"| `{permission}` |" in page


GOOD = {
    "id": "contoso",
    "name": "Contoso",
    "tenant": HOME,
    "domains": ["contoso.com", "contoso.com.br"],
    "publicHost": "mail.contoso.com",
}


def parameters(*organizations: object) -> str:
    return json.dumps({"parameters": {"organizations": {"value": organizations}}})


def test_the_organizations_are_those_of_the_parameters() -> None:
    other = GOOD | {"id": "fabrikam", "tenant": OTHER, "publicHost": ""}
    assert hooks.organizations_in(parameters(GOOD, other)) == [GOOD, other]
    assert hooks.organizations_in(hooks.PARAMETERS.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "Contoso"),
        ("id", "c"),
        ("id", None),
        ("name", ""),
        ("tenant", "contoso.com"),
        ("domains", []),
        ("domains", "contoso.com"),
        ("domains", ["contoso"]),
        ("domains", ["@contoso.com"]),
        ("publicHost", "https://mail.contoso.com"),
        ("publicHost", None),
        ("public_host", "mail.contoso.com"),
    ],
)
def test_an_organization_that_cannot_be_made_stops_the_deployment_before_anything_is(
    field: str, value: object
) -> None:
    with pytest.raises(hooks.Stopped, match=rf"organizations\[1\] has .*{field}"):
        hooks.organizations_in(parameters(GOOD, GOOD | {"id": "fabrikam", field: value}))


@pytest.mark.parametrize(
    "text",
    [
        parameters(GOOD).replace("]}}}", ",]}}}"),
        "{}",
        '{"parameters": {"organizations": []}}',
        parameters("contoso"),
        '{"parameters": {"organizations": {"value": {"id": "contoso"}}}}',
    ],
)
def test_parameters_that_cannot_be_read_are_told_in_a_sentence(text: str) -> None:
    with pytest.raises(hooks.Stopped, match=r"main\.parameters\.json.* organizations "):
        hooks.organizations_in(text)


def test_the_organization_that_the_docs_show_can_be_made() -> None:
    page = (used.ROOT / "docs/first-deployment.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    [organization] = hooks.organizations_in(f'{{"parameters": {{{example}}}}}')
    assert organization["id"] == "contoso"


def test_every_value_that_a_deployer_can_set_is_in_the_docs() -> None:
    page = (used.ROOT / "docs/first-deployment.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\$\{(\w+)", hooks.PARAMETERS.read_text(encoding="utf-8")))
    by_azd = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_PRINCIPAL_ID"}
    assert [name for name in sorted(named - by_azd) if name not in page] == []


def test_two_organizations_of_one_id_stop_the_deployment() -> None:
    with pytest.raises(hooks.Stopped, match="the id contoso is there twice"):
        hooks.organizations_in(parameters(GOOD, GOOD))


def test_without_a_subscription_nothing_is_registered(cloud: Cloud) -> None:
    """azd may ask for it only after the hook."""
    unknown = {name: value for name, value in ENVIRON.items() if name != "AZURE_SUBSCRIPTION_ID"}
    with pytest.raises(hooks.Stopped, match="azd env set AZURE_SUBSCRIPTION_ID"):
        hooks.register(cloud.az, unknown, {HOME})
    assert [one for one in cloud.requests if one.startswith(("post", "patch"))] == []


@pytest.mark.parametrize("given", ["", "client-0"])
def test_an_app_that_was_given_another_registration_is_said(given: str) -> None:
    hooks.refuse_other_registration(ENVIRON)
    with pytest.raises(hooks.Stopped, match="Run azd up again"):
        hooks.refuse_other_registration(ENVIRON | {"SIGN_IN_CLIENT_ID": given})


@pytest.mark.parametrize("host", ["https://mail.contoso.com", "Mail.contoso.com", "contoso", " "])
def test_a_common_host_that_cannot_be_one_stops_the_deployment(host: str) -> None:
    with pytest.raises(hooks.Stopped, match="PUBLIC_HOST must be a host name"):
        hooks.refuse_unusable_host({"PUBLIC_HOST": host})
    for usable in ({}, {"PUBLIC_HOST": ""}, {"PUBLIC_HOST": "mail.contoso.com"}):
        hooks.refuse_unusable_host(usable)


@pytest.mark.parametrize("arguments", [[], ["during"], ["before", "after"]])
def test_a_hook_that_does_not_exist_is_refused(arguments: list[str]) -> None:
    assert hooks.main(arguments, ENVIRON) == 2


def test_by_hand_without_what_azd_sets_a_hook_says_how_it_is_run() -> None:
    command = [sys.executable, "-m", "infra.hooks", "after"]
    environ = {"PATH": ""}
    done = subprocess.run(
        command, cwd=used.ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.endswith("azd hooks run preprovision|postprovision\n")


def test_azd_calls_the_hooks_that_exist() -> None:
    azure = (used.ROOT / "azure.yaml").read_text(encoding="utf-8")
    for when, step in (("preprovision", "before"), ("postprovision", "after")):
        hook = azure.split(f"{when}:")[1]
        assert hook.index(f"run: python3 -m infra.hooks {step}") < 80


def test_azd_finds_the_app_by_its_service() -> None:
    azure = (used.ROOT / "azure.yaml").read_text(encoding="utf-8")
    app = (used.ROOT / "infra/app.bicep").read_text(encoding="utf-8")
    assert "services:\n  app:\n" in azure and "{ 'azd-service-name': 'app' }" in app
