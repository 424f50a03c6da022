"""Files that must leave OneDrive again, with our process dying after any call: they are gone in the
end, and the message went out without links, or failed and says why (F1, F4, T5).

    FILE_SEQUENCES=all FAULT_SEED=7 pytest -s tests/sending/test_files_taken_back.py

lets it die after every call; ordinarily that is a sample, by the seed that is printed.
"""

from __future__ import annotations

import os
import random
import uuid
from dataclasses import replace

import pytest

from shared.attachments.use import address_of_file
from shared.attachments.withdraw import withdraw
from shared.graph.drive import Drive
from shared.messages.files import Place, read_file, read_files
from shared.model import FollowChoice, Record, RecordRef
from shared.organizations import OrganizationSettings
from shared.records.store import store_record
from tests.sending.journeys import LOOKS_ONLY, Incident, Journey, Turn, Word, clock_of_today
from tests.sending.mortality import Killed
from tests.sending.roads import Road, Roads, Travelled, files_in_drive, on_all, order

EVERYTHING = os.environ.get("FILE_SEQUENCES") == "all"
SAMPLE = 3
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.processes,
    pytest.mark.timeout(3600 if EVERYTHING else 600),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

TURNS = {
    "engagement is switched off": (FollowChoice.PREFERRED, "sentUnfollowed"),
    "the recipient is opted out": (FollowChoice.PREFERRED, "sentUnfollowed"),
    "it is too large without links": (FollowChoice.PREFERRED, "attachmentsTooLarge"),
    "it has to be followed": (FollowChoice.REQUIRED, "cannotFollow"),
}


def turned(what: str, *, once_stored: bool) -> Turn:
    """Before anything was brought, or once all files are in OneDrive."""

    async def turn(journey: Journey, word: Word) -> None:
        if journey.turned:
            return
        if once_stored:
            files = await read_files(journey.office.organization, journey.message)
            if any(stored.file.place is not Place.STORED for stored in files):
                return
        journey.turned = True
        if what == "the recipient is opted out":
            (to,) = (await journey.office.stored(journey.message)).message.to_text.split(" ")[-1:]
            address = to.strip("<>")
            ref = RecordRef("contact", f"of {address}")
            record = Record(ref, addresses=(address,), follow_email=False)
            await store_record(journey.office.organization, record)
            return
        limit = 1024 * 1024 if "too large" in what else OrganizationSettings().attachment_limit
        await journey.office.organization.change_settings(
            lambda before: replace(before, attachment_limit=limit).with_engagement(
                False, journey.clock()
            )
        )

    return turn


@pytest.mark.parametrize("once_stored", [False, True], ids=["waiting", "stored"])
@pytest.mark.parametrize("what", TURNS)
async def test_files_of_a_message_that_is_not_followed_any_more_leave_onedrive(
    roads: Roads, what: str, once_stored: bool
) -> None:
    choice, expected = TURNS[what]

    async def go(road: Road, incident: Incident | None) -> Travelled:
        incidents = [incident] if incident else []
        try:
            found = await road.travel(incidents, choice, turned(what, once_stored=once_stored))
        finally:
            await restored(road)
        assert found.outcome == expected, incident
        return found

    plain = await go(roads[0], None)
    deaths = after_acceptance(plain.calls)
    chosen = deaths if EVERYTHING else random.Random(SEED).sample(deaths, SAMPLE)
    await on_all(roads, chosen, go)
    print(f"\n{what}: {len(chosen)} of {len(deaths)} deaths, seed {SEED}")


def after_acceptance(calls: list[str]) -> list[Incident]:
    first = calls.index("say a word") + 1
    return [
        Incident("killed after", at)
        for at, call in enumerate(calls, start=1)
        if at >= first and not call.startswith(LOOKS_ONLY)
    ]


async def restored(road: Road) -> None:
    defaults = OrganizationSettings()
    await road.office.organization.change_settings(
        lambda before: replace(before, attachment_limit=defaults.attachment_limit).with_engagement(
            True, clock_of_today()()
        )
    )


@pytest.mark.parametrize("comes_again", [True, False], ids=["caller asks again", "never again"])
async def test_a_withdrawn_file_leaves_onedrive_whenever_we_die(
    roads: Roads, comes_again: bool
) -> None:
    async def go(road: Road, at: int) -> bool:
        """Whether there was a call with that number."""
        office = replace(road.office, clock=clock_of_today())
        road.begin([])
        mortal = replace(office, organization=road.organization)
        journey = Journey(office, mortal, road.troubles)
        address = f"withdrawn{uuid.uuid4().hex}@example.com"
        await journey.accepted(order(office, address, FollowChoice.PREFERRED), address)
        await journey.ended()
        assert await journey.sent()

        road.troubles.begin([Incident("killed after", at).moment()])
        died = await asked(journey)
        if died and comes_again:
            assert not await asked(journey)
        await journey.ended()
        met = len(road.troubles.calls) >= at
        road.troubles.begin([])
        await gone_or_untouched(journey, died and not comes_again)
        return met

    async def asked(journey: Journey) -> bool:
        """Whether our process died of it."""
        try:
            await withdraw(
                journey.mortal.organization,
                journey.message,
                3,
                now=journey.clock(),
                new_id=lambda: uuid.uuid4().hex,
                upload=journey.say_file,
            )
        except Killed:
            return True
        return False

    most = 40
    assert not await go(roads[0], most)
    calls = range(1, most) if EVERYTHING else sorted(random.Random(SEED).sample(range(1, 26), 8))
    met = await on_all(roads, calls, go)
    print(f"\nwithdrawn: {sum(met)} deaths, seed {SEED}")


async def gone_or_untouched(journey: Journey, may_be_untouched: bool) -> None:
    office = journey.office
    stored = await read_file(office.organization, journey.message, 3)
    assert stored is not None
    drive = Drive(office.tenant)
    address = await address_of_file(office.organization, drive, journey.message, 3, office.clock())
    if stored.file.place is Place.STORED:
        assert may_be_untouched and address is not None
        files_in_drive(office, journey.message, [1, 3])
        return
    assert (stored.file.place, address) == (Place.GONE, None)
    files_in_drive(office, journey.message, [1])
    withdrawn = [
        row for row in await office.rows("event~", journey.message) if row["kind"] == "withdrawn"
    ]
    assert len(withdrawn) == 1
