"""Drafts: made, found, changed, deleted; and everything that is not a draft refused."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local.graph.mail import (
    ANA,
    IMMUTABLE,
    SEND_KEY_ID,
    created,
    draft,
    person,
    refused,
    sent,
    shown,
)


def with_key(key: str) -> list[dict[str, str]]:
    return [{"id": SEND_KEY_ID, "value": key}]


def by_key(key: str, property_id: str = SEND_KEY_ID) -> str:
    quoted = key.replace("'", "''")
    return (
        "singleValueExtendedProperties/Any("
        f"ep: ep/id eq '{property_id}' and ep/value eq '{quoted}')"
    )


def found(http: httpx.Client, filter_text: str) -> list[str]:
    answer = http.get(ANA, params={"$filter": filter_text, "$select": "id"}, headers=IMMUTABLE)
    assert answer.status_code == 200, answer.text
    return [message["id"] for message in answer.json()["value"]]


def test_a_draft_answers_its_ids_and_that_it_is_a_draft(http: httpx.Client) -> None:
    answer = http.post(ANA, json=draft(importance="High"), headers=IMMUTABLE)
    message = answer.json()
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == 'IdType="ImmutableId"'
    assert message["isDraft"] is True
    assert message["internetMessageId"].startswith("<")
    assert message["conversationId"]
    assert message["importance"] == "high"
    assert message["body"]["content"] == draft()["body"]["content"]
    assert shown(http, message["id"])["subject"] == "Offer"


def test_without_the_preference_the_id_is_another_and_both_find_the_message(
    http: httpx.Client,
) -> None:
    immutable = created(http)["id"]
    ordinary = http.get(f"{ANA}/{immutable}").json()["id"]
    assert ordinary != immutable
    assert shown(http, ordinary)["id"] == immutable


def test_a_draft_is_changed_and_then_gone(http: httpx.Client) -> None:
    message = created(http)
    changed = http.patch(f"{ANA}/{message['id']}", json={"subject": "Better", "categories": ["a"]})
    assert (changed.status_code, changed.json()["subject"]) == (200, "Better")
    assert changed.json()["toRecipients"] == message["toRecipients"]
    gone = f"{ANA}/{message['id']}/permanentDelete"
    assert http.post(gone).status_code == 204
    refused(http.get(f"{ANA}/{message['id']}"), 404, "ErrorItemNotFound")
    refused(http.post(gone), 404, "ErrorItemNotFound")


def test_only_what_is_selected_is_answered(http: httpx.Client) -> None:
    headers = [{"name": "x-one", "value": "1"}]
    item = created(http, internetMessageHeaders=headers)["id"]
    selected = shown(http, item, **{"$select": "isDraft,internetMessageHeaders"})
    assert selected.keys() - {"@odata.context", "@odata.etag"} == {
        "id",
        "isDraft",
        "internetMessageHeaders",
    }
    assert selected["internetMessageHeaders"] == headers
    assert "internetMessageHeaders" not in shown(http, item)


def test_a_message_is_found_by_its_send_key_whatever_the_key_is(http: httpx.Client) -> None:
    # The same mailbox throughout: a key must not find another key's message.
    @settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1))
    def check(key: str) -> None:
        before = found(http, by_key(key))
        item = created(http, singleValueExtendedProperties=with_key(key))["id"]
        assert set(found(http, by_key(key))) == {item, *before}
        assert found(http, by_key(key + "x")) == []
        http.post(f"{ANA}/{item}/permanentDelete")

    check()


def test_the_property_s_guid_is_compared_without_case_and_shown_when_expanded(
    http: httpx.Client,
) -> None:
    upper = "String {ABCDEF00-1111-2222-3333-444444444444} Name SendKey"
    item = created(http, singleValueExtendedProperties=[{"id": upper, "value": "k"}])["id"]
    assert found(http, by_key("k", upper.replace("ABCDEF", "abcdef"))) == [item]
    expand = {"$expand": f"singleValueExtendedProperties($filter=id eq '{upper}')"}
    assert shown(http, item, **expand)["singleValueExtendedProperties"] == [
        {"id": upper.replace("ABCDEF", "abcdef"), "value": "k"}
    ]


def test_pages_lead_to_each_other_until_the_end(http: httpx.Client) -> None:
    items = [created(http)["id"] for _ in range(5)]
    seen: list[str] = []
    address = f"{ANA}?$top=2&$select=id"
    while address:
        page = http.get(address, headers=IMMUTABLE).json()
        seen += [message["id"] for message in page["value"]]
        address = page.get("@odata.nextLink", "")
    assert seen == items[::-1]
    oldest = http.get(ANA, params={"$orderby": "receivedDateTime asc"}, headers=IMMUTABLE).json()
    assert [message["id"] for message in oldest["value"]] == items


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"$filter": "subject eq 'Offer'"}, "BadRequest"),
        ({"$filter": by_key("k").replace("ep/value", "other/value")}, "BadRequest"),
        ({"$filter": by_key("k").replace("eq 'k'", 'eq "k"')}, "BadRequest"),
        ({"$filter": by_key("k'").replace("''", "'")}, "BadRequest"),
        ({"$filter": by_key("k", "Integer {0} Name X")}, "ErrorInvalidProperty"),
        ({"$filter": by_key("k"), "$orderby": "receivedDateTime"}, "InefficientFilter"),
        ({"$orderby": "subject"}, "RequestBroker--ParseUri"),
        ({"$select": "id,isJunk"}, "RequestBroker--ParseUri"),
        ({"$expand": "attachments"}, "RequestBroker--ParseUri"),
        ({"$search": '"offer"'}, "RequestBroker--ParseUri"),
        ({"$top": "0"}, "BadRequest"),
        ({"$top": "many"}, "BadRequest"),
    ],
)
def test_a_question_graph_would_not_answer_is_refused(
    http: httpx.Client, options: dict[str, str], code: str
) -> None:
    refused(http.get(ANA, params=options), 400, code)


@pytest.mark.parametrize(
    ("changes", "status", "code", "said"),
    [
        ({"colour": "red"}, 400, "RequestBodyRead", "'colour' does not exist on type 'microsoft.g"),
        ({"body": {"html": "x"}}, 400, "RequestBodyRead", "'html' does not exist on type "),
        ({"toRecipients": [{"address": "a@b.example"}]}, 400, "RequestBodyRead", "graph.recipient"),
        (
            {"ccRecipients": [{"emailAddress": {"email": "a@b.example"}}]},
            *(400, "RequestBodyRead", "microsoft.graph.emailAddress"),
        ),
        ({"toRecipients": person("a@b.example")}, 400, "RequestBodyRead", "'toRecipients'"),
        ({"subject": 5}, 400, "RequestBodyRead", "'subject'"),
        ({"isRead": "true"}, 400, "RequestBodyRead", "'isRead'"),
        ({"importance": "urgent"}, 400, "RequestBodyRead", "'urgent' was not found"),
        ({"body": {"contentType": "rtf"}}, 400, "RequestBodyRead", "'rtf' was not found"),
        ({"@odata.type": "#microsoft.graph.event"}, 400, "RequestBodyRead", "graph.event"),
        ({"isDraft": False}, 400, "ErrorInvalidPropertySet", "isDraft"),
        ({"attachments": []}, 501, "NotImplemented", "attachments"),
        (
            {"internetMessageHeaders": [{"name": "List-Unsubscribe", "value": "x"}]},
            *(400, "InvalidInternetMessageHeader", "'List-Unsubscribe' should start with 'x-'"),
        ),
        (
            {"internetMessageHeaders": [{"name": "x-a", "value": "1\r\nBcc: spy@a.example"}]},
            *(400, "InvalidInternetMessageHeader", "x-a"),
        ),
        (
            {"internetMessageHeaders": [{"name": f"x-{n}", "value": "1"} for n in range(6)]},
            *(400, "InvalidInternetMessageHeaderCollection", "less than or equal to 5"),
        ),
        (
            {"internetMessageHeaders": []},
            *(400, "InvalidInternetMessageHeaderCollection", "less than or equal to 5"),
        ),
        (
            {"singleValueExtendedProperties": [{"id": "SendKey", "value": "k"}]},
            *(400, "ErrorInvalidProperty", "SendKey"),
        ),
    ],
)
def test_a_body_that_is_not_a_message_is_refused_in_graph_s_words(
    http: httpx.Client, changes: dict[str, object], status: int, code: str, said: str
) -> None:
    assert said in refused(http.post(ANA, json=draft(**changes)), status, code)
    assert http.get(ANA).json()["value"] == []


def test_a_body_without_its_type_or_without_json_is_refused(http: httpx.Client) -> None:
    body = json.dumps(draft())
    refused(http.post(ANA, content=body), 400, "BadRequest")
    refused(http.post(ANA, content=body, headers={"Content-Type": "text/plain"}), 400, "BadRequest")
    json_type = {"Content-Type": "application/json"}
    refused(http.post(ANA, content="{'a': 1}", headers=json_type), 400, "BadRequest")
    refused(http.post(ANA, content="[]", headers=json_type), 400, "RequestBodyRead")
    big = draft(body={"contentType": "text", "content": "x" * (4 * 1024 * 1024)})
    refused(http.post(ANA, json=big), 413, "RequestEntityTooLarge")


def test_only_sellers_have_a_mailbox_one_can_send_from(http: httpx.Client) -> None:
    said = refused(
        http.post("/v1.0/users/li@example.com/messages", json=draft()), 404, "ErrorInvalidUser"
    )
    assert "li@example.com" in said
    for name in ("ana", "bruno", "carla"):
        for domain in ("contoso.com", "FABRIKAM.com"):
            assert http.get(f"/v1.0/users/{name}@{domain}/messages").status_code == 200


def test_a_mailbox_s_messages_are_nobody_else_s(http: httpx.Client) -> None:
    item = created(http)["id"]
    refused(http.get(f"/v1.0/users/bruno@contoso.com/messages/{item}"), 404, "ErrorItemNotFound")


def test_a_sent_message_can_be_read_and_marked_but_not_rewritten(http: httpx.Client) -> None:
    item = sent(http)["id"]
    said = refused(
        http.patch(f"{ANA}/{item}", json={"subject": "Other"}), 400, "ErrorInvalidPropertySet"
    )
    assert "subject" in said
    assert http.patch(f"{ANA}/{item}", json={"isRead": False}).json()["isRead"] is False


def test_what_graph_does_not_have_is_refused_in_its_shape(http: httpx.Client) -> None:
    said = refused(http.get("/v1.0/users/ana@contoso.com/letters"), 400, "BadRequest")
    assert "'letters'" in said
    refused(http.put(ANA), 405, "BadRequest")
    answer = http.get(f"{ANA}/nothing", headers={"client-request-id": "mine"})
    assert answer.json()["error"]["innerError"]["client-request-id"] == "mine"
    assert answer.headers["client-request-id"] == "mine"
