"""`dev.py doctor`: has a deployment examined, and says what is wrong and what to do about it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from local.data_folder import last_port, was_used
from local.ports import DEFAULT_PORT
from local.toolchain import ROOT
from local.toolchain.asking import ask, refusal
from local.toolchain.steps import Stop, say

_PATIENCE_S = 120
CLOCKS_DIFFER_S = 60

Examined = Mapping[str, Any]
"""What `GET /api/orgs/{org}/health` answers."""


def of_this_machine(python: Path, data: Path, port: int | None) -> dict[str, Examined]:
    """Examines what `dev.py run` keeps in that folder, whether it runs or not."""
    if not was_used(data):
        raise Stop(f"dev.py run has never used {data}: start it once, or name its --data.")
    port = port or last_port(data) or DEFAULT_PORT
    command = [str(python), "-m", "local.doctor", f"--port={port}", f"--data={data}"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Stop("The examination itself failed; it says why above.")
    examined: dict[str, Examined] = json.loads(done.stdout)
    return examined


def of_deployment(address: str, keys: Mapping[str, str]) -> dict[str, Examined]:
    """Asks a deployed app about organizations, each with its key (scope admin)."""
    return {organization: _asked(address, organization, key) for organization, key in keys.items()}


def tell(examined: Mapping[str, Examined]) -> int:
    """Says what was found; returns the exit code: 1 where anything is wrong."""
    number = 0
    told: set[tuple[str, str]] = set()
    for about, one in examined.items():
        for each in one["findings"]:
            if (each["about"], each["problem"]) in told:
                continue  # what organizations share is said once
            told.add((each["about"], each["problem"]))
            number += 1
            say(f"{about}: {each['problem']}  [{each['code']}]\n    {each['advice']}")
        seen = ", ".join(f"{name} {value}" for name, value in one["seen"].items())
        if seen:
            say(f"{about}: {seen}")
    say(f"{number} thing{'s' * (number != 1)} to mend." if number else "Everything is well.")
    return 1 if number else 0


def _asked(address: str, organization: str, key: str) -> Examined:
    path = f"/api/orgs/{organization}/health"
    try:
        examined, headers = ask(
            address, path, key, method="GET", patience=_PATIENCE_S, has="findings"
        )
    except urllib.error.HTTPError as error:
        if error.code < 500:
            raise refusal(error) from None
        return _failing("appFails", address, f"The app fails ({error.code}).", _APP_FAILS)
    except OSError as error:
        reason = getattr(error, "reason", error)
        return _failing("serviceAway", address, f"Nothing answers ({reason}).", _SERVICE_AWAY)
    date = headers.get("Date")
    difference = time.time() - parsedate_to_datetime(date).timestamp() if date else 0.0
    if abs(difference) > CLOCKS_DIFFER_S:
        problem = f"The clock here and the app's differ by {difference:.0f} s."
        examined["findings"].append(_found("clockWrong", address, problem, "Set this clock."))
    return examined


_APP_FAILS = (
    "Its settings or its storage: look at the exceptions in Application Insights, at the app's "
    "settings in the portal (a red mark at SIGNING_KEYS is the vault), and run `azd provision`."
)
_SERVICE_AWAY = "Is the address right, and the app running? `az functionapp show -g … -n …`"


def _failing(code: str, about: str, problem: str, advice: str) -> Examined:
    return {"findings": [_found(code, about, problem, advice)], "seen": {}}


def _found(code: str, about: str, problem: str, advice: str) -> dict[str, str]:
    return {"code": code, "about": about, "problem": problem, "advice": advice}


def keys_of(organizations: Sequence[str], key: str | None) -> dict[str, str]:
    """The key of each organization: the one that is given, else the one of one machine."""
    if key and len(organizations) > 1:
        raise Stop("A key is one organization's: ask for each by itself, with its own key.")
    return {one: key or f"local-{one}" for one in organizations}
