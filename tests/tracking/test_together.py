"""What hits tell together: scanners behind browsers' agents are found, people stay people (T8)."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.model import Event, EventKind
from shared.tracking.classify import REASONS, Weight
from shared.tracking.together import judged

NINE = datetime(2026, 11, 25, 9, tzinfo=UTC)
OPEN, CLICK, VIEW = EventKind.OPEN, EventKind.CLICK, EventKind.ATTACHMENT_VIEW
SOON = ("secondsAfterDelivery",)


def event(
    kind: EventKind,
    seconds: float,
    part: int = 0,
    *,
    agent: str = "chrome",
    network: str | None = None,
    reasons: tuple[str, ...] = (),
    signs: tuple[str, ...] = (),
    id: str | None = None,
) -> Event:
    return Event(
        id or f"{kind.value}-{seconds}-{part}-{network}",
        kind,
        NINE + timedelta(seconds=seconds),
        0,
        automated=any(REASONS[code] is Weight.PROOF for code in reasons),
        reasons=reasons,
        signs=signs,
        link=part if kind is CLICK else None,
        attachment=part if kind is VIEW else None,
        agent=agent,
        network=network,
    )


def verdicts(
    *hits: Event, links: int | None = 9, one_person: bool = True
) -> list[tuple[str, ...] | None]:
    """For each hit the reasons why it is a machine's; None where it is a person's."""
    found = judged(hits, links, one_person=one_person)
    return [found[hit.id].reasons if found[hit.id].automated else None for hit in hits]


BURST = ("burst", "secondLink")


def test_three_links_within_ten_seconds_are_a_scanners() -> None:
    assert verdicts(event(CLICK, 0, 0), event(CLICK, 5, 1), event(CLICK, 10, 2)) == [BURST] * 3


def test_three_links_in_eleven_seconds_are_a_persons() -> None:
    assert verdicts(event(CLICK, 0, 0), event(CLICK, 5, 1), event(CLICK, 11, 2)) == [None] * 3


def test_files_are_links_too() -> None:
    assert verdicts(event(CLICK, 0, 1), event(VIEW, 1, 1), event(VIEW, 2, 2)) == [BURST] * 3


def test_one_link_followed_again_and_again_is_a_persons() -> None:
    assert verdicts(*(event(CLICK, second) for second in range(5))) == [None] * 5


def test_every_one_of_two_links_is_a_scanners_and_two_of_more_are_a_persons() -> None:
    both = event(CLICK, 0, 0), event(CLICK, 3, 1)
    assert verdicts(*both, links=2) == [BURST] * 2
    assert verdicts(*both, links=3) == [None] * 2
    assert verdicts(*both, links=None) == [None] * 2


def test_the_only_link_is_a_persons() -> None:
    assert verdicts(event(CLICK, 0), links=1) == [None]


def test_a_second_link_is_evidence_only_with_another_sign() -> None:
    at_once = [event(CLICK, 2, 0, signs=SOON), event(CLICK, 4, 1, signs=SOON)]
    assert verdicts(*at_once) == [("secondsAfterDelivery", "secondLink")] * 2
    assert verdicts(at_once[0]) == [None]


def test_the_open_of_the_program_that_followed_the_links_is_a_scanners() -> None:
    burst = [event(CLICK, 10 + n, n) for n in range(3)]
    assert verdicts(event(OPEN, 1), *burst)[0] == ("sameScanner",)
    assert verdicts(event(OPEN, 22), *burst)[0] == ("sameScanner",)


def test_a_person_who_opens_with_another_program_beside_a_scanner_stays_a_person() -> None:
    burst = [event(CLICK, 10 + n, n, network="gateway") for n in range(3)]
    assert verdicts(event(OPEN, 9, agent="outlook"), *burst)[0] is None
    assert verdicts(event(OPEN, 9, network="office"), *burst)[0] is None
    assert verdicts(event(OPEN, 9, network="gateway"), *burst)[0] == ("sameScanner",)


def test_networks_of_different_hours_cannot_be_told_apart_and_prove_nothing() -> None:
    """A network's hash is another one each hour."""
    assert verdicts(event(CLICK, -2, network="a"), event(CLICK, 3, network="b")) == [None] * 2
    assert verdicts(event(CLICK, 2, network="a"), event(CLICK, 7, network="b"))[1] is not None
    burst = [event(CLICK, n, n, network="a") for n in range(3)]
    assert verdicts(event(OPEN, -2, network="b"), *burst)[0] == ("sameScanner",)


def test_an_open_long_before_or_after_a_burst_is_a_persons() -> None:
    burst = [event(CLICK, 100 + n, n) for n in range(3)]
    assert verdicts(event(OPEN, 89.9), event(OPEN, 112.1), *burst)[:2] == [None, None]


def test_a_link_that_another_network_follows_at_once_again_is_counted_once() -> None:
    twice = event(CLICK, 0, network="home"), event(CLICK, 4, network="gateway")
    assert verdicts(*twice) == [None, ("fetchedAgain",)]
    assert verdicts(*twice, one_person=False) == [None, None]
    assert verdicts(twice[0], event(CLICK, 4, network="home")) == [None, None]
    assert verdicts(twice[0], event(CLICK, 11, network="gateway")) == [None, None]
    assert verdicts(twice[0], event(CLICK, 4)) == [None, None], "unknown networks prove nothing"


def test_a_machine_that_says_so_is_no_evidence_against_others() -> None:
    """Somebody puts the message into a chat, which looks at its links; they follow one."""
    previews = [event(CLICK, n, n, reasons=("linkPreview",)) for n in range(4)]
    assert verdicts(event(CLICK, 2, 5), *previews)[0] is None
    assert verdicts(event(OPEN, 2), *previews)[0] is None


def test_verdicts_of_before_are_forgotten_when_hits_are_judged_anew() -> None:
    burst = [event(CLICK, n, n) for n in range(3)]
    known = judged(burst, 9, one_person=True)
    assert [
        hit.automated for hit in judged(list(known.values())[:1], 9, one_person=True).values()
    ] == [False]


def test_gateway_bursts_behind_browsers_are_caught_and_people_are_not() -> None:
    """Simulated: a gateway follows all links within seconds of delivery from changing networks; a
    person reads, and follows a link every now and then, at most two within 10 s."""
    chance = random.Random(7)
    caught = clicks = wrong = human = 0
    for _ in range(400):
        links = chance.randint(1, 12)
        hits = []
        for link in chance.sample(range(links), links):
            seconds = chance.uniform(0, 12)
            signs = SOON if seconds < 10 else ()
            network = str(chance.randint(0, 3))
            hits.append(event(CLICK, seconds, link, signs=signs, network=network))
        gateway = {hit.id for hit in hits}
        at = 60.0
        people: list[Event] = []
        for number in range(chance.randint(1, 8)):
            at += chance.choice([4, 7, 20, 90, 3000])
            if number > 1 and at - (people[-2].at - NINE).total_seconds() <= 10:
                at += 20
            people.append(event(CLICK, at, chance.randrange(links), agent="edge", network="home"))
        found = judged([*hits, *people], links, one_person=True)
        if links > 1:
            clicks += len(gateway)
            caught += sum(found[id_].automated for id_ in gateway)
        if links > 2:
            human += len(people)
            wrong += sum(found[hit.id].automated for hit in people)
    print(f"{caught} of {clicks} clicks caught, {wrong} of {human} people's taken for machines")
    assert caught > 0.9 * clicks
    assert wrong * 200 <= human


def naive(hits: Sequence[Event], links: int | None, *, one_person: bool) -> dict[str, set[str]]:
    """The rules word by word, every hit against every other."""
    ten = timedelta(seconds=10)

    def target(hit: Event) -> tuple[EventKind, int | None]:
        return hit.kind, hit.link if hit.kind is CLICK else hit.attachment

    def near(a: Event, b: Event) -> bool:
        return abs(a.at - b.at) <= ten

    clicks = [hit for hit in hits if hit.kind in (CLICK, VIEW) and not hit.automated]
    found: dict[str, set[str]] = {hit.id: set() for hit in hits}
    for hit in clicks:
        for first in clicks:
            span = [one for one in clicks if first.at <= one.at <= first.at + ten]
            followed = {target(one) for one in span}
            every = len(followed) == links and len(followed) > 1
            if hit in span and (len(followed) >= 3 or every):
                found[hit.id].add("burst")
        if any(near(hit, other) and target(hit) != target(other) for other in clicks):
            found[hit.id].add("secondLink")
        if one_person and any(
            target(other) == target(hit)
            and (other.at, other.id) < (hit.at, hit.id)
            and near(hit, other)
            and None not in (hit.network, other.network)
            and hit.network != other.network
            for other in clicks
        ):
            found[hit.id].add("fetchedAgain")
    scans = [
        hit
        for hit in clicks
        if "burst" in found[hit.id] or ("secondLink" in found[hit.id] and hit.signs == SOON)
    ]
    for hit in hits:
        if hit.kind in (OPEN, EventKind.IMAGE) and any(
            near(hit, scan)
            and hit.agent == scan.agent
            and (None in (hit.network, scan.network) or hit.network == scan.network)
            for scan in scans
        ):
            found[hit.id].add("sameScanner")
    return found


def tangled(chance: random.Random) -> list[Event]:
    """Many hits within little time, few programs, networks and links."""
    span = chance.choice([5, 15, 40])
    return [
        event(
            chance.choice([OPEN, EventKind.IMAGE, CLICK, CLICK, CLICK, VIEW]),
            chance.choice([chance.randint(0, span), chance.uniform(0, span)]),
            chance.randint(0, 3),
            agent=chance.choice("ab"),
            network=chance.choice(["n", "m", None]),
            reasons=chance.choice([(), (), (), ("program",)]),
            signs=chance.choice([(), (), SOON]),
            id=f"{number:032x}",
        )
        for number in range(chance.randint(1, 12))
    ]


@pytest.mark.thorough
def test_thousands_of_tangled_hits_are_judged_as_the_rules_say_word_by_word_t8() -> None:
    for seed in range(1_500):
        chance = random.Random(seed)
        hits = [replace(hit, signs=() if hit.automated else hit.signs) for hit in tangled(chance)]
        links, one_person = chance.choice([None, 1, 2, 3, 4]), chance.random() < 0.7
        found = judged(chance.sample(hits, len(hits)), links, one_person=one_person)
        expected = naive(hits, links, one_person=one_person)
        for hit in hits:
            now = found[hit.id]
            together = {*now.reasons, *now.signs} - {*hit.reasons, *hit.signs}
            assert together == expected[hit.id], f"seed {seed}"
            proof = {"burst", "sameScanner", "fetchedAgain"} & together
            two_signs = len({*hit.signs, *together} & {*SOON, "secondLink"}) == 2
            assert now.automated == bool(hit.automated or proof or two_signs), f"seed {seed}"


def test_thousands_of_hits_within_seconds_cost_little_more_each() -> None:
    """Counted, not timed: whoever knows a link must not keep a worker busy with it."""
    seen = itertools.count()

    class Counted(datetime):
        def __sub__(self, other):  # type: ignore[no-untyped-def]
            next(seen)
            return super().__sub__(other)

    hits = [
        replace(
            event(CLICK, n / 1000, n % 2, network=str(n), id=f"{n:032x}"),
            at=Counted(2026, 11, 25, 9, 0, n // 1000, n % 1000 * 1000, UTC),
        )
        for n in range(5_000)
    ]
    judged(hits, 9, one_person=True)
    assert next(seen) < 12 * len(hits)
