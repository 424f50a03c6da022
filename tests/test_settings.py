"""The settings of a deployment: everything that is wrong is said at once, and no secret ever."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from shared.errors import Misconfigured
from shared.settings import Settings

SECRET = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
ACCOUNT_KEY = base64.b64encode(b"an account's key").decode()
CONTOSO = {
    "id": "contoso",
    "name": "Contoso",
    "tables": "https://contoso.table.core.windows.net/",
    "blobs": "https://contoso.blob.core.windows.net",
    "tenant": "11111111-1111-1111-1111-111111111111",
    "domains": ["Contoso.com"],
    "publicAddress": None,
}
FABRIKAM: dict[str, object] = {
    "id": "fabrikam",
    "tables": "https://fabrikam.table.core.windows.net",
    "blobs": "https://fabrikam.blob.core.windows.net",
    "tenant": "22222222-2222-2222-2222-222222222222",
}
SOUND = {
    "ORGANIZATIONS": json.dumps([CONTOSO]),
    "SIGNING_KEYS": f"k1:{SECRET}",
    "PUBLIC_ADDRESS": "https://follow.example",
    "AzureWebJobsStorage": f"AccountName=host;AccountKey={ACCOUNT_KEY};",
}


def wrong(**changes: str) -> str:
    """What is said about settings with these changes."""
    with pytest.raises(Misconfigured) as raised:
        Settings.from_env({**SOUND, **changes})
    return str(raised.value)


def organizations(*changes: dict[str, object]) -> str:
    return json.dumps([CONTOSO | change for change in changes])


def test_everything_that_is_missing_is_named_in_one_message() -> None:
    with pytest.raises(Misconfigured) as raised:
        Settings.from_env({})
    for name in ("ORGANIZATIONS", "SIGNING_KEYS", "PUBLIC_ADDRESS", "AzureWebJobsStorage"):
        assert name in str(raised.value)


def test_everything_that_is_wrong_is_named_in_one_message() -> None:
    said = wrong(
        ORGANIZATIONS="[{",
        SIGNING_KEYS="k1:short",
        PUBLIC_ADDRESS="follow.example",
        LOCAL_STORAGE_KEYS="{",
        AzureWebJobsStorage="",
    )
    for name in ("ORGANIZATIONS", "SIGNING_KEYS", "PUBLIC_ADDRESS", "LOCAL_STORAGE_KEYS"):
        assert name in said
    assert "AzureWebJobsStorage" in said


@pytest.mark.parametrize("text", ["0", "-5", "5 s", "1.5", "1" * 7])
def test_looks_are_whole_seconds_apart(text: str) -> None:
    assert "LOOK_SECONDS" in wrong(LOOK_SECONDS=text)
    assert Settings.from_env(SOUND).look_seconds == 300
    assert Settings.from_env({**SOUND, "LOOK_SECONDS": "20"}).look_seconds == 20


@pytest.mark.parametrize("text", ["-1", "10", "1.0", "two", "²"])
def test_of_proxies_there_are_none_to_nine(text: str) -> None:
    assert "TRUSTED_PROXY_HOPS" in wrong(TRUSTED_PROXY_HOPS=text)
    assert Settings.from_env(SOUND).trusted_proxy_hops == 1
    assert Settings.from_env({**SOUND, "TRUSTED_PROXY_HOPS": "0"}).trusted_proxy_hops == 0


def test_a_header_is_found_however_it_is_spelled() -> None:
    assert Settings.from_env(SOUND).country_header is None
    named = Settings.from_env({**SOUND, "COUNTRY_HEADER": " CF-IPCountry "})
    assert named.country_header == "cf-ipcountry"


def test_what_is_empty_is_missing() -> None:
    assert "PUBLIC_ADDRESS is missing" in wrong(PUBLIC_ADDRESS="")


@pytest.mark.parametrize(
    "address",
    [
        "follow.example",
        "ftp://follow.example",
        "https://follow.example/a/path",
        "https://follow.example?query",
        "https://follow.example#part",
        "https://",
        "https://follow.example evil",
        "javascript:alert(1)",
    ],
)
def test_the_public_address_is_an_origin(address: str) -> None:
    assert "PUBLIC_ADDRESS" in wrong(PUBLIC_ADDRESS=address)


def test_addresses_lose_their_last_slash() -> None:
    settings = Settings.from_env({**SOUND, "PUBLIC_ADDRESS": "https://follow.example/"})
    assert settings.public_address == "https://follow.example"
    assert settings.organizations["contoso"].tables == "https://contoso.table.core.windows.net"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://Follow.Example", "https://follow.example"),
        ("https://follow.example:443/", "https://follow.example"),
        ("http://FOLLOW.example:80", "http://follow.example"),
        ("http://localhost:7071", "http://localhost:7071"),
        ("https://follow.example:80", "https://follow.example:80"),
        ("https://follow.example:4430", "https://follow.example:4430"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_a_public_address_is_kept_as_browsers_spell_it(given: str, address: str) -> None:
    """So that links of ours are known again in what people quote."""
    assert Settings.from_env({**SOUND, "PUBLIC_ADDRESS": given}).public_address == address
    own = Settings.from_env({**SOUND, "ORGANIZATIONS": organizations({"publicAddress": given})})
    assert own.organizations["contoso"].public_address == address


def test_an_organization_may_have_a_public_address_of_its_own_a1() -> None:
    own = organizations({"publicAddress": "https://mail.contoso.com/"}, FABRIKAM)
    settings = Settings.from_env({**SOUND, "ORGANIZATIONS": own})
    assert settings.organizations["contoso"].public_address == "https://mail.contoso.com"
    assert settings.organizations["fabrikam"].public_address == "https://follow.example"


def test_domains_are_compared_in_lower_case() -> None:
    assert Settings.from_env(SOUND).organizations["contoso"].domains == ("contoso.com",)


@pytest.mark.parametrize("key", ["id", "tables", "blobs", "tenant", "domains"])
def test_an_organization_without_something_is_named(key: str) -> None:
    entry = {name: value for name, value in CONTOSO.items() if name != key}
    said = wrong(ORGANIZATIONS=json.dumps([entry]))
    assert "ORGANIZATIONS" in said and key in said


@pytest.mark.parametrize("id_", ["", "C", "Contoso", "con toso", "a/b", "x" * 25, "ünï"])
def test_an_organizations_id_fits_into_links(id_: str) -> None:
    said = wrong(ORGANIZATIONS=organizations({"id": id_}))
    assert "ORGANIZATIONS" in said and repr(id_) in said


@pytest.mark.parametrize(
    "keys",
    [
        f"K1:{SECRET}",
        f":{SECRET}",
        f"toolongkey:{SECRET}",
        SECRET,
        "k1:",
        f"k1:{SECRET[:-4]}",
        "k1:!!!",
        f"k1:{SECRET},k2",
        "k1:withdrawn",
        ",",
    ],
)
def test_signing_keys_are_ids_with_enough_bytes_and_one_of_them_signs(keys: str) -> None:
    said = wrong(SIGNING_KEYS=keys)
    assert "SIGNING_KEYS" in said
    assert SECRET not in said


def test_the_first_key_is_the_newest_and_withdrawn_ones_are_remembered() -> None:
    other = base64.urlsafe_b64encode(b"o" * 48).decode()
    text = f" k3:{other} , k2:withdrawn,k1:{SECRET}"
    keys = Settings.from_env({**SOUND, "SIGNING_KEYS": text}).signing_keys
    assert list(keys.items()) == [("k3", b"o" * 48), ("k2", b""), ("k1", b"s" * 32)]


def test_the_hosts_storage_may_be_reached_by_identity() -> None:
    environ = {name: value for name, value in SOUND.items() if name != "AzureWebJobsStorage"}
    environ["AzureWebJobsStorage__queueServiceUri"] = "https://host.queue.core.windows.net"
    environ["AzureWebJobsStorage__blobServiceUri"] = "https://host.blob.core.windows.net"
    settings = Settings.from_env(environ)
    assert settings.host_queues == "https://host.queue.core.windows.net"
    assert settings.host_blobs == "https://host.blob.core.windows.net"


@pytest.mark.parametrize(
    ("value", "trusted"), [("True", True), ("true", True), ("False", False), ("1", False)]
)
def test_people_are_trusted_only_where_the_platform_signs_them_in(
    value: str, trusted: bool
) -> None:
    assert Settings.from_env({**SOUND, "WEBSITE_AUTH_ENABLED": value}).signed_in_people is trusted
    assert Settings.from_env(SOUND).signed_in_people is False


@pytest.mark.parametrize(("value", "registration"), [("", None), ("a-client-id", "a-client-id")])
def test_without_a_registration_the_identity_itself_acts(
    value: str, registration: str | None
) -> None:
    assert Settings.from_env({**SOUND, "ENTRA_CLIENT_ID": value}).entra_client_id == registration
    assert Settings.from_env(SOUND).entra_client_id is None


def test_a_journal_is_kept_where_nothing_says_where() -> None:
    assert Settings.from_env(SOUND).journal_dir.is_absolute()
    assert Settings.from_env({**SOUND, "JOURNAL_DIR": "/data/j"}).journal_dir == Path("/data/j")


def test_no_secret_is_shown() -> None:
    keys = json.dumps({"contoso": ACCOUNT_KEY})
    settings = Settings.from_env({**SOUND, "LOCAL_STORAGE_KEYS": keys})
    shown = f"{settings!r} {settings} {settings.organizations!r}"
    for secret in (SECRET, ACCOUNT_KEY, "ssss"):
        assert secret not in shown


@pytest.mark.parametrize("name", ["SIGNING_KEYS", "LOCAL_STORAGE_KEYS", "AzureWebJobsStorage"])
def test_no_secret_is_in_what_is_said_about_wrong_settings(name: str) -> None:
    said = wrong(**{name: f"{{hunter2 {SECRET[:-6]}", "PUBLIC_ADDRESS": "wrong"})
    assert "hunter2" not in said and SECRET[:-6] not in said


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("5", "must be a JSON list"),
        ("[5]", "ORGANIZATIONS[0] has no usable tables, blobs, tenant"),
        (organizations({"id": 7}), "not 7"),
        (organizations({"domains": "contoso.com"}), "domains (a list)"),
        (organizations({"publicAddress": "contoso.com"}), "publicAddress"),
        (organizations({}, {}), "the id contoso twice"),
        (organizations({}, {"id": "fabrikam"}), "fabrikam shares its storage account"),
    ],
)
def test_an_organization_that_cannot_be_used_is_named_with_the_reason_a1(
    entries: str, said: str
) -> None:
    assert said in wrong(ORGANIZATIONS=entries)


def test_a_key_id_stands_once_and_storage_keys_are_texts() -> None:
    assert "k1 twice" in wrong(SIGNING_KEYS=f"k1:{SECRET},k1:{SECRET}")
    assert "LOCAL_STORAGE_KEYS" in wrong(LOCAL_STORAGE_KEYS='{"contoso": 5}')
    assert "LOCAL_STORAGE_KEYS" in wrong(LOCAL_STORAGE_KEYS="[]")
