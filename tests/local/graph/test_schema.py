"""Names and types against Microsoft's own schema of Graph, where that file is present."""

from __future__ import annotations

import types
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import httpx
import pytest
from pydantic import AwareDatetime

from local.graph import drive_bodies, resources
from local.graph.notifier import LIFECYCLE_EVENTS
from local.graph.resources import MESSAGE_PROPERTIES, Resource
from tests.local.graph.mail import created
from tests.local.graph.receiver import receiver
from tests.local.graph.test_subscriptions import subscribed

SCHEMA = Path(__file__).parents[4] / "shared" / "graph" / "v1.0.csdl"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
PLAIN_TYPES = {
    "Edm.String": str,
    "Edm.Boolean": bool,
    "Edm.Binary": bytes,
    "Edm.Int32": int,
    "Edm.Int64": int,
    "Edm.DateTimeOffset": AwareDatetime,
}

pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason="Graph's schema file is not here")


@pytest.fixture(scope="module")
def schema() -> dict[str, ElementTree.Element]:
    root = ElementTree.parse(SCHEMA).getroot()
    kinds = (EDM + "EntityType", EDM + "ComplexType", EDM + "EnumType")
    found = {t.get("Name", ""): t for t in root.iter() if t.tag in kinds}
    for action in root.iter(EDM + "Action"):
        bound, *_ = [p.get("Type", "") for p in action if p.get("Name")]
        found[f"{bound.removeprefix('graph.')}.{action.get('Name')}"] = action
    return found


def properties(schema: dict[str, ElementTree.Element], name: str) -> dict[str, str]:
    """The properties of a type and its ancestors, with the names of their types."""
    if name == "createUploadSession":
        name = "Collection(graph.attachment).createUploadSession"
    element = schema[name]
    own = {p.get("Name", ""): p.get("Type", "") for p in element if p.get("Name")}
    base = element.get("BaseType")
    return (properties(schema, base.removeprefix("graph.")) if base else {}) | own


def accepts(schema: dict[str, ElementTree.Element], annotation: Any, edm: str) -> bool:
    """Whether a field of that annotation takes what the schema's type says."""
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = [a for a in get_args(annotation) if a is not type(None)]
    if get_origin(annotation) is list:
        (inner,) = get_args(annotation)
        return edm.startswith("Collection(") and accepts(schema, inner, edm[11:-1])
    if get_origin(annotation) is not Literal and hasattr(annotation, "__metadata__"):
        return accepts(schema, get_args(annotation)[0], edm)
    if get_origin(annotation) is Literal:
        members = {m.get("Name") for m in schema[edm.removeprefix("graph.")]}
        return set(get_args(annotation)) <= members
    if isinstance(annotation, type) and issubclass(annotation, Resource):
        return edm == f"graph.{annotation.graph_type}"
    return PLAIN_TYPES.get(edm) is annotation


MODELS = [
    model
    for model in {**vars(resources), **vars(drive_bodies)}.values()
    if isinstance(model, type) and issubclass(model, Resource) and model is not Resource
]


@pytest.mark.parametrize("model", MODELS)
def test_every_property_is_graph_s_own(
    schema: dict[str, ElementTree.Element], model: type[Resource]
) -> None:
    known = properties(schema, model.graph_type)
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if alias == "@odata.type":
            assert f"#microsoft.graph.{model.graph_type}" in str(field.annotation)
            continue
        if alias.startswith("@"):
            continue  # an annotation, which no schema lists
        assert alias in known, f"{model.graph_type} has no {alias}"
        assert accepts(schema, field.annotation, known[alias]), f"{alias} is {known[alias]}"


def test_every_property_that_can_be_selected_is_graph_s_own(
    schema: dict[str, ElementTree.Element],
) -> None:
    assert properties(schema, "message").keys() >= MESSAGE_PROPERTIES


def test_every_property_of_a_subscription_and_of_a_notification_is_graph_s_own(
    schema: dict[str, ElementTree.Element], http: httpx.Client
) -> None:
    with receiver() as subscriber:
        made = subscribed(http, subscriber)
        created(http)
        http.post("/_local/mailboxes/ana@contoso.com/lifecycle", json={"event": "missed"})
        first, second = subscriber.told(2)
    assert made.keys() - {"@odata.context"} <= properties(schema, "subscription").keys()
    assert {*first, *second} <= properties(schema, "changeNotification").keys()
    events = {member.get("Name") for member in schema["lifecycleEventType"]}
    assert set(LIFECYCLE_EVENTS) == events


def test_every_setting_of_a_mailbox_is_graph_s_own(
    schema: dict[str, ElementTree.Element], http: httpx.Client
) -> None:
    told = http.get("/v1.0/users/ana@contoso.com/mailboxSettings").json()
    known = properties(schema, "mailboxSettings")
    assert known["timeZone"] == "Edm.String"
    assert known.keys() >= told.keys() - {"@odata.context"} >= {"timeZone"}


def test_the_upload_session_s_parameter_is_graph_s_own() -> None:
    root = ElementTree.parse(SCHEMA).getroot()
    bound = [
        {p.get("Name"): p.get("Type") for p in action if p.get("Name")}
        for action in root.iter(EDM + "Action")
        if action.get("Name") == "createUploadSession"
    ]
    assert {
        "bindingParameter": "Collection(graph.attachment)",
        "AttachmentItem": "graph.attachmentItem",
    } in bound
