"""Two followed files and an ordinary one, and whatever goes wrong at any step: one mail, and every
file where it belongs (S2, T5).

    THOROUGH=all pytest -s tests/sending/test_faults_with_files.py

goes through every single fault of Graph and every death of our process (two minutes).

    FILE_SEQUENCES=all FILE_PART=1/2 pytest -s tests/sending/test_faults_with_files.py -k two_or

goes through every pair of these and a twentieth of as many triples, one part of two (about half an
hour on a core of its own), over storage inside the process. Ordinarily it is every eighth single
one, and a sample of pairs and triples, with storage away at any call, too: two pairs for each of
`FILE_PAIRS` first ones, by the seed that is printed.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from shared.graph.drive import Drive
from shared.messages.files import Place, read_files
from tests.sampling import steps
from tests.sending.journeys import Incident, Journey, Word
from tests.sending.roads import Road, Roads, Travelled, on_all

EVERYTHING = os.environ.get("FILE_SEQUENCES") == "all"
PAIRS = int(os.environ.get("FILE_PAIRS", "6"))
PART = os.environ.get("FILE_PART", "1/1")
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.processes,
    pytest.mark.timeout(24 * 3600 if EVERYTHING else 600),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]


async def travel(road: Road, incidents: Sequence[Incident]) -> Travelled:
    return await road.travel(incidents)


def tell(what: str, travelled: Sequence[Travelled]) -> None:
    outcomes = Counter(one.outcome for one in travelled)
    unclear = outcomes["mayHaveBeenSent"]
    print(
        f"\n{what}: {len(travelled)} sequences, {outcomes['sent']} sent, "
        f"{unclear} may have been sent, seed {SEED}"
    )
    assert set(outcomes) <= {"sent", "mayHaveBeenSent"}


async def test_no_single_fault_of_graph_and_no_death_keeps_the_files_from_arriving(
    roads: Roads,
) -> None:
    plain = await roads[0].travel([])
    incidents = plain.incidents(storage=EVERYTHING)
    chosen = [incidents[number - 1] for number in steps(len(incidents) + 1)]
    travelled = await on_all(roads, [(one,) for one in chosen], travel)
    tell("single faults", travelled)


async def test_no_two_or_three_faults_keep_the_files_from_arriving(memory_roads: Roads) -> None:
    """Distinct in their steps; the later ones in what the earlier ones made of the journey."""
    chance = random.Random(SEED)
    plain = await memory_roads[0].travel([])
    first = plain.incidents(storage=not EVERYTHING)
    if not EVERYTHING:
        chance.shuffle(first)
    travelled: list[Travelled] = []
    counted: Counter[str] = Counter()

    async def on(road: Road, one: Incident) -> None:
        """That incident, and then everything, or a few, that may come after it."""
        single = await road.travel([one])
        seconds = single.incidents((one,), storage=not EVERYTHING)
        if not one.of_graph:
            # With a fault of Graph that comes in any journey it was had the other way round.
            seconds = [s for s in seconds if not s.of_graph or s.at > len(plain.requests)]
        for two in seconds if EVERYTHING else chance.sample(seconds, min(2, len(seconds))):
            pair = await road.travel([one, two])
            travelled.append(pair)
            counted["pairs"] += 1
            thirds = pair.incidents((one, two), storage=not EVERYTHING)
            if thirds and (not EVERYTHING or chance.random() < 0.05):
                travelled.append(await road.travel([one, two, chance.choice(thirds)]))
                counted["triples"] += 1
        if EVERYTHING:
            outcomes = dict(Counter(way.outcome for way in travelled))
            print(f"{one}: {dict(counted)} so far, {outcomes}", flush=True)

    number, of = map(int, PART.split("/"))
    await on_all(memory_roads, first[number - 1 :: of] if EVERYTHING else first[:PAIRS], on)
    tell(f"{counted['pairs']} pairs and {counted['triples']} triples, part {PART}", travelled)


REFUSALS: dict[str, tuple[int, dict[str, Any], str]] = {
    "the drive is full": (1, {"kind": "quota", "path": "/content"}, "driveFull"),
    "the drive fills up": (1, {"kind": "quota", "path": "uploadSession"}, "driveFull"),
    "there is no drive": (
        2,
        {"kind": "status", "status": 404, "code": "ResourceNotFound", "path": "/drive$"},
        "driveUnknown",
    ),
    "the drive is out of scope": (
        1,
        {"kind": "status", "status": 403, "code": "accessDenied", "path": "createUploadSession"},
        "driveOutOfScope",
    ),
    "the mailbox is full": (
        1,
        {"kind": "status", "status": 413, "code": "ErrorMessageSizeExceeded", "path": "/send$"},
        "messageTooLarge",
    ),
    "the mailbox is out of scope": (
        1,
        {"kind": "status", "status": 403, "code": "ErrorAccessDenied", "path": "/attachments$"},
        "mailboxOutOfScope",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_what_graph_refuses_for_good_fails_with_its_reason_and_no_mail(
    roads: Roads, refusal: str
) -> None:
    times, fault, expected = REFUSALS[refusal]
    planned = False

    async def turn(journey: Journey, word: Word) -> None:
        nonlocal planned
        if not planned:
            journey.office.faults(fault | {"times": times})
            planned = True

    travelled = await roads[0].travel([], turn=turn)
    assert travelled.outcome == expected


async def test_a_file_that_somebody_deleted_before_it_was_linked_is_brought_again(
    roads: Roads,
) -> None:
    async def turn(journey: Journey, word: Word) -> None:
        office = journey.office
        files = [one.file for one in await read_files(office.organization, journey.message)]
        if journey.turned or any(file.place is not Place.STORED for file in files):
            return
        journey.turned = True
        assert files[0].drive_id and files[0].item_id
        await Drive(office.tenant).delete_item(files[0].drive_id, files[0].item_id)

    travelled = await roads[0].travel([], turn=turn)
    assert travelled.outcome == "sent"
    assert sum("createLink" in request for request in travelled.requests) == 3
