"""What happens by itself: submitted messages leave, and go to the SMTP server where there is one.

Both queues are in the store, so what was accepted before a kill happens after the restart.
"""

from __future__ import annotations

import asyncio
import json
import logging
import smtplib
import time
from datetime import UTC, datetime

from . import mime, sending
from .store import Store

log = logging.getLogger(__name__)
LONGEST_WAIT_SECONDS = 30.0


class Dispatch:
    """The two loops. ``wake`` says that there may be something to do earlier than expected."""

    def __init__(self, store: Store, smtp: tuple[str, int] | None) -> None:
        self.smtp = smtp
        self._store = store
        self._submitted = asyncio.Event()
        self._to_smtp = asyncio.Event()

    def wake(self) -> None:
        self._submitted.set()

    async def move_submitted(self) -> None:
        """Deliver each submitted message when it is due; never ends."""
        while True:
            self._submitted.clear()
            for row in sending.due(self._store, time.time()):
                await self._deliver(row["key"])
            await self._sleep_until(sending.next_due(self._store))

    async def hand_to_smtp(self) -> None:
        """Send what is queued to the SMTP server, waiting longer while it is away; never ends."""
        failures = 0
        while True:
            self._to_smtp.clear()
            done = await self._empty_smtp_queue()
            failures = 0 if done else failures + 1
            wait = None if done else min(2.0**failures, LONGEST_WAIT_SECONDS)
            await _wait(self._to_smtp, wait)

    async def _sleep_until(self, due: float | None) -> None:
        await _wait(self._submitted, None if due is None else max(0.0, due - time.time()))

    async def _deliver(self, key: int) -> None:
        # Everything can be forgotten (DELETE /_local) before this, and while it is composed.
        row = sending.submitted(self._store, key)
        if row is None:
            return
        resource = sending.with_sender(row["mailbox"], json.loads(row["resource"]))
        parts = sending.parts(self._store, key)
        references = sending.references(self._store, key)
        now = datetime.now(UTC)
        try:
            text = await asyncio.to_thread(mime.text_of, resource.get("body") or {})
            mail = await asyncio.to_thread(
                mime.build, resource, row["internet_message_id"], now, text, parts, references
            )
            row = sending.submitted(self._store, key)
            if row is None:
                return
            sending.move_to_sent(self._store, row, mail, text, now, smtp=self.smtp is not None)
        except Exception:
            # One message that cannot be built must not hold up the others.
            log.exception("Message %s could not be delivered; trying again in a minute.", key)
            with self._store.transaction():
                self._store.run("UPDATE messages SET send_due = send_due + 60 WHERE key = ?", key)
        self._to_smtp.set()

    async def _empty_smtp_queue(self) -> bool:
        for row in self._store.rows("SELECT * FROM smtp_queue ORDER BY key"):
            if self.smtp is None:
                return True
            try:
                await asyncio.to_thread(
                    _send_smtp, self.smtp, row["sender"], json.loads(row["recipients"]), row["mime"]
                )
            except (OSError, smtplib.SMTPException) as error:
                if not _is_final(error):
                    log.warning(
                        "The SMTP server at %s:%s did not take a message: %s", *self.smtp, error
                    )
                    return False
                log.warning("The SMTP server refused a message for good: %s", error)
            with self._store.transaction():
                self._store.run("DELETE FROM smtp_queue WHERE key = ?", row["key"])
        return True


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        pass


def _send_smtp(server: tuple[str, int], sender: str, recipients: list[str], data: bytes) -> None:
    with smtplib.SMTP(*server, timeout=10) as smtp:
        smtp.sendmail(sender, recipients, data)


def _is_final(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500
