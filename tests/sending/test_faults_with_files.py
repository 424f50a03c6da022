"""Two followed files and an ordinary one, and whatever goes wrong at any step: one mail, and every
file where it belongs (S2, T5).

    FILE_SEQUENCES=all FAULT_SEED=7 pytest -s tests/sending/test_faults_with_files.py

goes through every pair of faults, which takes hours. Ordinarily it is every single fault of Graph,
every death of our process, and a sample of pairs and triples: `FILE_PAIRS` of them, by the seed
that is printed.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.sending.journeys import Incident
from tests.sending.roads import Road, Roads, Travelled, on_all

EVERYTHING = os.environ.get("FILE_SEQUENCES") == "all"
PAIRS = int(os.environ.get("FILE_PAIRS", "8"))
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
    print(f"\n{what}: {len(travelled)} sequences, {dict(outcomes)}, seed {SEED}")
    assert set(outcomes) <= {"sent", "mayHaveBeenSent"}


async def test_no_single_fault_of_graph_and_no_death_keeps_the_files_from_arriving(
    roads: Roads,
) -> None:
    plain = await roads[0].travel([])
    incidents = plain.incidents(storage=EVERYTHING)
    travelled = await on_all(roads, [(one,) for one in incidents], travel)
    tell("single faults", travelled)


async def test_no_two_or_three_faults_keep_the_files_from_arriving(roads: Roads) -> None:
    """Distinct in their steps; the later ones in what the earlier ones made of the journey."""
    chance = random.Random(SEED)
    first = (await roads[0].travel([])).incidents(storage=True)
    chance.shuffle(first)
    travelled: list[Travelled] = []

    async def on(road: Road, one: Incident) -> None:
        """That incident, and then everything, or a few, that may come after it."""
        single = await road.travel([one])
        seconds = single.incidents((one,), storage=True)
        for two in seconds if EVERYTHING else chance.sample(seconds, min(1, len(seconds))):
            pair = await road.travel([one, two])
            travelled.append(pair)
            thirds = pair.incidents((one, two), storage=True)
            if thirds and (not EVERYTHING or chance.random() < 0.05):
                travelled.append(await road.travel([one, two, chance.choice(thirds)]))

    await on_all(roads, first if EVERYTHING else first[:PAIRS], on)
    tell("pairs and triples", travelled)
