"""What the SDK costs: nothing before it is used, and then no more than is used of it."""

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


def test_reading_what_graph_answers_loads_no_kind_of_entity_but_those_asked_for() -> None:
    program = """
import asyncio, importlib.util, sys
from shared.graph.client import GraphTenant, close_graph_clients, entity_fields, graph_client
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory

async def main():
    await graph_client(GraphTenant("tenant", "http://127.0.0.1:9/v1.0"))
    await close_graph_clients()

asyncio.run(main())
from msgraph.generated.models.message import Message
node = JsonParseNodeFactory().get_root_parse_node("application/json", b'{"id": "m"}')
message = node.get_object_value(Message)
print(message.id)
print(len([name for name in sys.modules if name.startswith("msgraph.generated.models.")]) < 200)
entity = sys.modules["msgraph.generated.models.entity"]
name = "msgraph.generated.models.shipped"
shipped = importlib.util.spec_from_file_location(name, entity.__file__)
module = importlib.util.module_from_spec(shipped)
sys.modules[name] = module
shipped.loader.exec_module(module)
print(entity_fields(None).keys() == module.Entity().get_field_deserializers().keys())
"""
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True, text=True
    )
    assert answer.stdout.split("\n")[:3] == ["m", "True", "True"]
