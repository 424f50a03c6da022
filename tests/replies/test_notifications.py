"""What Graph posts: who is believed, what is read of it, and what is no notification."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Refusal
from shared.graph.subscriptions import LONGEST_CLIENT_STATE
from shared.replies.notifications import (
    MOST_MESSAGES,
    ClientStates,
    News,
    handshake,
    mailbox_key,
    read_news,
)

OLD, NEW = b"o" * 32, b"n" * 32
ANA = mailbox_key("ana@contoso.com")
STATES = ClientStates({"k2": NEW, "k1": OLD})
STATE = STATES.of("contoso", ANA)


def told(**changes: Any) -> dict[str, Any]:
    """A notification of a message, as Graph sends it."""
    return {
        "subscriptionId": "2a3b",
        "subscriptionExpirationDateTime": "2026-03-05T07:00:00Z",
        "clientState": STATE,
        "changeType": "created",
        "resource": "Users/7d1c/Messages/AAkA-1=",
        "tenantId": "11111111-1111-1111-1111-111111111111",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "AAkA-1="},
    } | changes


def read(*items: Any) -> tuple[list[News], int]:
    return read_news({"value": list(items)}, STATES)


def test_a_client_state_is_believed_and_fits_whatever_it_names() -> None:
    assert STATES.believed(STATE) == ("contoso", ANA)
    longest = ClientStates({"k" * 8: NEW}).of("o" * 24, ANA)
    assert len(longest) <= LONGEST_CLIENT_STATE


def test_it_survives_a_rotation_of_keys_and_ends_with_its_key() -> None:
    before = ClientStates({"k1": OLD}).of("contoso", ANA)
    assert STATES.believed(before) == ("contoso", ANA)
    assert before != STATE
    assert ClientStates({"k2": NEW, "k1": b""}).believed(before) is None
    assert ClientStates({"k2": NEW}).believed(before) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "secret",
        STATE + "A",
        STATE[:-1],
        STATE.replace("contoso", "fabrikam"),
        STATE.replace(ANA, mailbox_key("bruno@contoso.com")),
        STATE.replace(".k2.", ".k1."),
        STATE.replace(".k2.", ".k9."),
        STATE + "\n",
        STATE.replace("contoso", "contosé"),
    ],
)
def test_what_is_altered_is_not_believed_and_told_of_nothing(text: object) -> None:
    assert STATES.believed(text) is None
    assert read(told(clientState=text), told()) == ([News("contoso", ANA, message="AAkA-1=")], 1)


def test_what_graph_says_twice_is_read_once() -> None:
    assert read(told(), told()) == ([News("contoso", ANA, message="AAkA-1=")], 0)


@pytest.mark.parametrize("event", ["missed", "subscriptionRemoved", "reauthorizationRequired"])
def test_a_lifecycle_event_names_its_subscription(event: str) -> None:
    item = told(lifecycleEvent=event)
    for name in ("changeType", "resourceData"):
        del item[name]
    assert read(item) == ([News("contoso", ANA, event=event, subscription="2a3b")], 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"changeType": "deleted"},
        {"changeType": None},
        {"resourceData": None},
        {"resourceData": {"id": "../../users"}},
        {"resourceData": {"id": "x" * 513}},
        {"resourceData": {"id": ["AAkA"]}},
        {"lifecycleEvent": "exploded"},
        {"lifecycleEvent": "missed", "subscriptionId": None},
    ],
)
def test_what_we_did_not_ask_for_is_ignored(changes: dict[str, Any]) -> None:
    assert read(told(**changes)) == ([], 1)


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": "x"}, {"value": [told(), 7]}])
def test_what_is_no_collection_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        read_news(body, STATES)
    assert refused.value.status == 400


def test_very_many_news_of_a_mailbox_are_one_word_to_catch_up() -> None:
    items = [told(resourceData={"id": f"A{n}"}) for n in range(MOST_MESSAGES + 1)]
    bruno = mailbox_key("bruno@contoso.com")
    other = told(clientState=STATES.of("contoso", bruno))
    assert read(*items, other)[0] == [
        News("contoso", bruno, message="AAkA-1="),
        News("contoso", ANA, event="missed"),
    ]
    assert len(read(*items[1:])[0]) == MOST_MESSAGES


def test_news_come_back_from_their_word_which_holds_ids_only() -> None:
    news = News("contoso", ANA, message="AAkA-1=")
    assert news.word() == {"organization": "contoso", "mailbox": ANA, "message": "AAkA-1="}
    assert News.from_word(news.word()) == news


def test_a_handshake_repeats_graph_s_token_and_nobody_s_page() -> None:
    token = "Validation: Testing client application reachability, Request-Id: 7+&="
    assert handshake(token) == token
    for wrong in ("<script>alert(1)</script>", "a\r\nb", "x" * 2049, "é"):
        with pytest.raises(Refusal):
            handshake(wrong)
