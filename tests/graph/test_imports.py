"""What importing the client costs: nothing of the SDK."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_client_loads_neither_the_sdk_nor_http_nor_identity() -> None:
    program = (
        "import sys, shared.graph.mail, shared.graph.drive, shared.graph.drive_names\n"
        "import shared.graph.inbox, shared.graph.subscriptions\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "print(sorted(name for name in sys.modules if name.startswith('azure')))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = set(answer.stdout.split("'"))
    heavy = ("msgraph", "msgraph_core", "kiota_abstractions", "kiota_http", "httpx", "azure")
    assert not loaded & {*heavy, "opentelemetry", "pydantic", "azure.identity"}
