"""The app settings of one machine are what the product reads, and what the API promises."""

import json
from pathlib import Path

from local.deployment import Secrets, app_settings, new_secrets, people
from local.ports import Ports
from shared.settings import Settings

DATA = Path("/somewhere/data")


def test_the_product_accepts_its_settings() -> None:
    settings = Settings.from_env(app_settings(Ports(9000), DATA, new_secrets()))

    assert set(settings.organizations) == {"contoso", "fabrikam"}
    assert settings.organizations["contoso"].tables == "http://127.0.0.1:9004/contoso"
    assert settings.organizations["fabrikam"].blobs == "http://127.0.0.1:9002/fabrikam"
    assert settings.public_address == "http://localhost:9000"
    assert settings.local_graph == "http://127.0.0.1:9001/v1.0"
    assert len(settings.signing_keys["k1"]) == 32


def test_each_organization_has_its_own_account_and_key_and_the_host_another() -> None:
    keys = new_secrets()
    settings = app_settings(Ports(9000), DATA, keys)

    of_organizations = json.loads(settings["LOCAL_STORAGE_KEYS"])
    assert set(of_organizations) == {"contoso", "fabrikam"}
    assert "AccountName=host" in settings["AzureWebJobsStorage"]
    assert len({*of_organizations.values(), keys.account_keys["host"]}) == 3


def test_the_keys_survive_being_written_and_read() -> None:
    keys = new_secrets()

    assert Secrets.from_json(keys.to_json()) == keys


def test_ana_sells_bruno_manages_and_carla_administers_in_both_organizations() -> None:
    signed_in = {person["address"]: person["roles"] for person in people()}

    assert signed_in == {
        "ana@contoso.com": ["seller"],
        "bruno@contoso.com": ["manager"],
        "carla@contoso.com": ["administrator"],
        "ana@fabrikam.com": ["seller"],
        "bruno@fabrikam.com": ["manager"],
        "carla@fabrikam.com": ["administrator"],
    }
