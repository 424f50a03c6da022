"""The sample of the settings names every setting that the app reads, and no other."""

import json
import re
from pathlib import Path

from local.deployment import app_settings, new_secrets
from local.ports import Ports
from tests.dev.machine import ROOT

SAMPLE = ROOT / "local.settings.sample.json"
# The platform's own: which language the worker speaks, where the host keeps its own state.
OF_THE_PLATFORM = {"FUNCTIONS_WORKER_RUNTIME"}
# Only the local host reads these, for its sign-in page.
OF_THE_LOCAL_HOST = {"LOCAL_PEOPLE", "LOCAL_AUTH_SECRET"}


def sample() -> set[str]:
    return set(json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"])


def read_by_the_product() -> set[str]:
    """Names in capitals that shared/ and function_app.py read, and those in `%…%` of bindings."""
    found = {"AzureWebJobsStorage"}
    for file in [*(ROOT / "shared").rglob("*.py"), ROOT / "function_app.py"]:
        source = file.read_text(encoding="utf-8")
        found |= set(re.findall(r"%([A-Z][A-Z_]+)%", source))
        if file.name == "settings.py" or "environ" in source:
            found |= set(re.findall(r'"([A-Z][A-Z]+(?:_[A-Z]+)+)"', source))
            found |= set(re.findall(r'"(ORGANIZATIONS)"', source))
    return found


def test_the_sample_names_every_setting_that_the_product_reads() -> None:
    assert read_by_the_product() - sample() == set()


def test_the_sample_names_no_setting_that_nobody_reads() -> None:
    assert sample() - read_by_the_product() == OF_THE_PLATFORM


def test_one_machine_gets_every_setting_of_the_sample() -> None:
    given = set(app_settings(Ports(7071), Path("data"), new_secrets()))

    assert given == sample() | OF_THE_LOCAL_HOST


def test_the_sample_holds_no_secret() -> None:
    text = SAMPLE.read_text(encoding="utf-8")

    assert re.findall(r"[A-Za-z0-9+/]{40,}={0,2}", text) == []
