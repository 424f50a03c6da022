"""What a delivery writes into the log of the host: nobody's address."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.messages.stored import read_message
from shared.model import Status
from tests.running_graph import RunningGraph
from tests.running_storage import Deployment
from tests.sending.post_office import PostOffice

ROOT = Path(__file__).resolve().parents[2]

# As Azure's host does it: whatever is said at INFO goes into the log.
_DELIVERS = """
import asyncio, json, logging, os, sys
import azure.functions as func
from local.host.functions import load_app

logging.basicConfig(level=logging.INFO)
functions = {each.name: each.call for each in load_app("function_app:app", os.environ).functions}

async def main():
    word = json.dumps({"organization": "contoso", "message": sys.argv[1]})
    await functions["deliver_message"](func.QueueMessage(id="1", body=word.encode()))
    logging.getLogger("shared.tests").info("what we say ourselves is heard")
    for library in ("azure", "azure.core.pipeline.policies.http_logging_policy", "httpx"):
        print(library, logging.getLogger(library).getEffectiveLevel())

asyncio.run(main())
"""


@pytest.mark.processes
@pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")
async def test_nobodys_address_is_in_the_log_after_a_delivery(
    new_office: PostOffice, deployment: Deployment, graph: RunningGraph
) -> None:
    message = await new_office.accepted(new_office.order(subject="A private matter"))
    environ = deployment.environ | {"LOCAL_GRAPH": graph.base_url}
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _DELIVERS, message],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    stored = await read_message(new_office.organization, message)
    assert stored is not None and stored.message.status is Status.SENT, ran.stderr
    for private in ("ana@", "ana%40", "li@", "li%40", "contoso.com", "example.com", "A private"):
        assert private not in ran.stderr
    assert {line.split()[1] for line in ran.stdout.splitlines()} == {"30"}
    assert "what we say ourselves is heard" in ran.stderr
