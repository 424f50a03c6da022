"""Killed between any two steps, or storage away at any call: one message, one mail (S1, S2, S4).

Each test puts the trouble at one call after the other until one run meets none.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from shared.errors import StorageUnavailable
from shared.messages.stored import read_message
from shared.model import Status, Step
from shared.sending.accept import Order
from shared.sending.deliver import deliver
from tests.sampling import steps
from tests.sending.mortality import Killed, Trouble, TroubledMail, away, trouble_in, troubled
from tests.sending.post_office import BODY, WORD_COMES_BACK_S, PostOffice

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

SEND = {"method": "POST", "path": "/send$"}
REFUSED = {"kind": "status", "status": 400, "code": "ErrorInvalidRecipients"}
TROUBLES = {"killed": Killed, "storage is away": away}
MORE_THAN_THERE_ARE = 60


async def attempt(office: PostOffice, message: str, trouble: Trouble) -> None:
    """One delivery that meets the trouble, in storage or at Graph."""
    async with trouble_in(office, trouble) as theirs:
        workshop = theirs.workshop()
        if trouble.error is Killed:
            workshop = replace(workshop, mail=TroubledMail(office.mail.graph, trouble))
        later = await deliver(workshop, message)
        if later is not None:
            office.clock.move(seconds=later.seconds)


def every(error: Callable[[], BaseException]) -> Iterator[Trouble]:
    """The trouble at one call after the other, before and after it was done."""
    yield Trouble(1, False, error)
    for number in steps(MORE_THAN_THERE_ARE):
        yield Trouble(number, True, error)
        if error is not Killed:  # killed before a call is killed after the one before it
            yield Trouble(number + 1, False, error)
    raise AssertionError("it makes more calls than any test expects")


async def all_end_well(office: PostOffice, messages: dict[str, str]) -> None:
    """Each message is sent, listed as it is, its address has one mail, and nothing is left."""
    listed = {one.id: one for one in await office.listed()}
    for message, address in messages.items():
        stored = await office.stored(message)
        assert (stored.message.status, stored.copies[0].step) == (Status.SENT, Step.SENT)
        (mail,) = office.received(address)
        assert mail["headers"]["Message-ID"] == stored.copies[0].internet_message_id
        assert await office.rows("todo~", message) == []
        assert listed[message] == stored.message
    assert office.drafts() == []
    assert await office.due() == []


@pytest.mark.parametrize("error", TROUBLES)
async def test_a_delivery_in_trouble_at_any_step_ends_in_one_mail(
    office: PostOffice, error: str
) -> None:
    messages: dict[str, str] = {}
    for trouble in every(TROUBLES[error]):
        address = f"{len(messages)}-{error[:4]}@example.com"
        message = await office.accepted(office.order(*office.contact(address)))
        messages[message] = address
        await attempt(office, message, trouble)
        if not trouble.came:
            break
    office.clock.move(seconds=WORD_COMES_BACK_S)
    for message in messages:
        await office.finish(message)
    await office.finish_by_timer(minutes=4)
    await all_end_well(office, messages)


async def test_a_delivery_that_is_killed_is_taken_up_by_the_timer_alone_s4(
    office: PostOffice,
) -> None:
    messages: dict[str, str] = {}
    for trouble in every(Killed):
        address = f"{len(messages)}-timer@example.com"
        message = await office.accepted(office.order(*office.contact(address)))
        messages[message] = address
        await attempt(office, message, trouble)
        if not trouble.came:
            break
    await office.finish_by_timer(minutes=12)
    await all_end_well(office, messages)


@pytest.mark.parametrize("seed", range(8))
async def test_a_delivery_that_is_killed_again_and_again_ends_in_one_mail(
    office: PostOffice, seed: int
) -> None:
    chance = random.Random(seed)
    message = await office.accepted()
    for _ in range(chance.randint(2, 5)):
        await attempt(office, message, Trouble(chance.randint(1, 12), chance.random() < 0.5))
        office.clock.move(seconds=chance.choice([WORD_COMES_BACK_S, 120, 240]))
    await office.finish(message)
    await office.finish_by_timer(minutes=4)
    await all_end_well(office, {message: "li@example.com"})


async def test_a_refused_message_whose_end_is_killed_still_fails_with_its_reason(
    office: PostOffice,
) -> None:
    office.faults(SEND | REFUSED | {"times": 1_000})
    messages = []
    for trouble in every(Killed):
        messages.append(await office.accepted())
        await attempt(office, messages[-1], trouble)
        if not trouble.came:
            break
    office.clock.move(seconds=WORD_COMES_BACK_S)
    for message in messages:
        row = await office.finish(message)
        assert row.failure is not None and row.failure.code == "recipientRefused"
    await office.finish_by_timer(minutes=4)
    assert office.drafts() == []
    assert office.received() == []
    assert await office.due() == []


@pytest.mark.parametrize("error", TROUBLES)
async def test_an_acceptance_in_trouble_is_made_up_for_by_the_same_key_s1(
    office: PostOffice, error: str
) -> None:
    orders: list[tuple[str, Order, str]] = []
    for trouble in every(TROUBLES[error]):
        address = f"{len(orders)}-key-{error[:4]}@example.com"
        orders.append((f"{error} {address}", office.order(*office.contact(address)), address))
        async with trouble_in(office, trouble) as theirs:
            await theirs.send(orders[-1][1], orders[-1][0])
        if not trouble.came:
            break
    office.clock.move(seconds=11)
    messages: dict[str, str] = {}
    for key, order, address in orders:
        answer = await office.send(order, key)
        assert await office.send(order, key) == answer
        messages[answer["id"]] = address
    assert len(messages) == len(orders)
    await office.finish_by_timer()
    await all_end_well(office, messages)


async def test_an_acceptance_in_trouble_is_a_message_or_nothing(office: PostOffice) -> None:
    """The caller never comes back: what is there is sent, and of the rest no trace stays."""
    tried: dict[str, str] = {}
    for trouble in every(Killed):
        message = f"{len(tried):032x}"
        tried[message] = f"{len(tried)}-gone@example.com"
        async with trouble_in(office, trouble) as theirs:
            await theirs.send(office.order(*office.contact(tried[message])), new_id=message)
        if not trouble.came:
            break
    await office.finish_by_timer(minutes=14)
    there = {m: a for m, a in tried.items() if await read_message(office.organization, m)}
    assert 0 < len(there) < len(tried)
    await all_end_well(office, there)
    for message in tried.keys() - there.keys():
        assert office.received(tried[message]) == []


async def test_storage_that_is_away_is_told_to_the_caller(office: PostOffice) -> None:
    trouble = Trouble(1, after=False, error=away)
    organization = troubled(office.organization, trouble)
    with pytest.raises(StorageUnavailable):
        await replace(office, organization=organization).send(office.order())
    await organization.tables.close()
    await organization.blobs.close()


async def test_following_that_ended_meanwhile_survives_a_kill_at_any_step_f1(
    office: PostOffice,
) -> None:
    """Engagement is switched off between the draft and the second attempt."""
    messages: dict[str, str] = {}
    for trouble in every(Killed):
        address = f"{len(messages)}@example.com"
        await office.switch_engagement(on=True)
        office.faults(SEND | {"kind": "throttle", "retryAfter": 1})
        message = await office.accepted(office.order(*office.contact(address)))
        messages[message] = address
        assert await office.deliver(message)
        await office.switch_engagement(on=False)
        await attempt(office, message, trouble)
        if not trouble.came:
            break
    office.clock.move(seconds=WORD_COMES_BACK_S)
    for message, address in messages.items():
        await office.finish(message)
        assert office.received(address)[0]["html"] == BODY
    await office.finish_by_timer(minutes=4)
    await all_end_well(office, messages)
    await office.switch_engagement(on=True)
