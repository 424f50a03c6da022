"""The numbers a seller sees are about people: machines are recognized, people stay people."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model import EventKind
from shared.tracking.classify import REASONS, Signals, Weight, agent_reason, classify
from tests.tracking.agents import rows

PEOPLE = [agent for _name, _device, agent in rows("people.tsv")]
MACHINES = [(reason, agent) for reason, agent in rows("machines.tsv")]

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"
GMAIL_PROXY = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
)
GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
BARE_WEBKIT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
)
DELIVERED = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LATER = DELIVERED + timedelta(hours=1)


def hit(
    agent: str = BROWSER,
    *,
    method: str = "GET",
    at: datetime = LATER,
    delivered_at: datetime | None = DELIVERED,
    kind: EventKind = EventKind.OPEN,
    **headers: str,
) -> Signals:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Signals(method, agent, at, named, delivered_at, kind)


def reasons(signals: Signals) -> tuple[str, ...]:
    """The reasons of a hit that is automated."""
    verdict = classify(signals)
    assert verdict.automated
    return verdict.reasons


# --- People ---


def test_there_are_enough_labelled_agents() -> None:
    assert len(PEOPLE) >= 120
    assert len(MACHINES) >= 120


@pytest.mark.parametrize("agent", PEOPLE)
def test_a_mail_program_or_browser_is_a_person(agent: str) -> None:
    verdict = classify(hit(agent))
    assert not verdict.automated
    assert verdict.reasons in ((), ("imageProxy",))


def test_a_plain_open_has_no_reasons() -> None:
    assert classify(hit()).reasons == ()


def test_gmails_image_proxy_is_a_person_and_says_why_it_looks_unusual() -> None:
    verdict = classify(hit(GMAIL_PROXY))
    assert (verdict.automated, verdict.reasons) == (False, ("imageProxy",))


def test_opening_at_once_is_no_evidence() -> None:
    assert not classify(hit(at=DELIVERED)).automated
    assert not classify(hit(BARE_WEBKIT, at=DELIVERED + timedelta(seconds=1))).automated


def test_an_unknown_delivery_time_is_no_evidence() -> None:
    assert not classify(hit(delivered_at=None)).automated


def test_asking_for_privacy_does_not_make_a_machine() -> None:
    assert not classify(hit(dnt="1", sec_gpc="1")).automated


def test_a_phone_named_like_a_bot_is_a_person() -> None:
    agent = (
        "Mozilla/5.0 (Linux; Android 9; VR BOT 552 Build/X) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Chrome/99.0.0.0 Mobile Safari/537.36"
    )
    assert agent_reason(agent) is None
    assert agent_reason(agent + " (compatible; Googlebot/2.1)") == "crawler"


def test_the_edge_of_2015_is_not_gmails_prefetch() -> None:
    assert agent_reason(GMAIL_PREFETCH.removesuffix(" Mozilla/5.0")) is None


def test_an_apps_own_library_loads_pictures_for_people_but_clicks_for_nobody() -> None:
    assert not classify(hit("okhttp/4.12.0")).automated
    assert not classify(hit("okhttp/4.12.0", kind=EventKind.IMAGE)).automated
    assert reasons(hit("okhttp/4.12.0", kind=EventKind.CLICK)) == ("program",)


# --- Machines ---


@pytest.mark.parametrize(("reason", "agent"), MACHINES)
def test_a_machine_is_recognized_for_what_it_is(reason: str, agent: str) -> None:
    assert reasons(hit(agent)) == (reason,)
    assert reasons(hit(agent, kind=EventKind.CLICK)) == (reason,)


@pytest.mark.parametrize("agent", ["", " ", "\t"])
def test_no_agent_is_a_machine(agent: str) -> None:
    assert reasons(hit(agent)) == ("noAgent",)


def test_gmails_prefetch_is_a_machine() -> None:
    assert reasons(hit(GMAIL_PREFETCH)) == ("gmailPrefetch",)


def test_apples_privacy_protection_is_a_machine_for_pictures_and_a_script_for_links() -> None:
    assert reasons(hit("Mozilla/5.0")) == ("applePrivacy",)
    assert reasons(hit("Mozilla/5.0", kind=EventKind.IMAGE)) == ("applePrivacy",)
    assert reasons(hit("Mozilla/5.0", kind=EventKind.CLICK)) == ("program",)


def test_an_agent_that_names_no_system_engine_or_mail_program_is_a_program() -> None:
    assert reasons(hit("Acme/1.0")) == ("program",)


def test_a_head_request_is_a_machine() -> None:
    assert reasons(hit(method="HEAD")) == ("headRequest",)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("purpose", "prefetch"),
        ("purpose", "Preview"),
        ("sec_purpose", "prefetch;prerender"),
        ("sec_purpose", "prefetch;anonymous-client-ip"),
        ("x_purpose", "preview"),
        ("x_moz", "prefetch"),
    ],
)
def test_loading_ahead_is_a_machine(header: str, value: str) -> None:
    assert reasons(hit(**{header: value})) == ("prefetch",)  # type: ignore[arg-type]


def test_other_purposes_are_no_evidence() -> None:
    assert not classify(hit(purpose="reading", x_moz="")).automated


def test_a_hit_before_delivery_is_a_machine() -> None:
    before = DELIVERED - timedelta(milliseconds=1)
    assert reasons(hit(at=before)) == ("beforeDelivery",)
    assert reasons(hit(GMAIL_PROXY, at=before)) == ("beforeDelivery",)


# --- Signs ---


def test_asking_for_a_part_of_the_pixel_is_only_a_second_sign() -> None:
    assert not classify(hit(range="bytes=0-")).automated
    at_once = hit(range="bytes=0-", at=DELIVERED + timedelta(seconds=3))
    assert reasons(at_once) == ("secondsAfterDelivery", "partialRequest")


def test_a_file_may_be_read_in_parts_at_once() -> None:
    part = hit(range="bytes=0-", at=DELIVERED, kind=EventKind.ATTACHMENT_VIEW)
    assert not classify(part).automated


def test_every_reason_that_applies_is_told() -> None:
    everything = hit("curl/8.5.0", method="HEAD", purpose="prefetch", at=DELIVERED)
    told = ("headRequest", "prefetch", "program", "secondsAfterDelivery")
    assert reasons(everything) == told


# --- Whatever is sent ---


@given(agent=st.text(max_size=700))
def test_any_agent_gets_a_verdict(agent: str) -> None:
    verdict = classify(hit(agent))
    assert set(verdict.reasons) <= set(REASONS)
    assert verdict.automated == any(REASONS[code] is not Weight.NOTE for code in verdict.reasons)


@given(agent=st.sampled_from(PEOPLE), rest=st.text(max_size=100))
def test_only_the_first_512_characters_of_an_agent_count(agent: str, rest: str) -> None:
    start = agent.ljust(512, ";")
    assert agent_reason(start + rest) == agent_reason(start)
