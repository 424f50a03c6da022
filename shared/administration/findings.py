"""What an examination can find, and what to do about each; docs/operations.md has the same list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: `about` names the part, `advice` says what to do next."""

    code: str
    about: str
    problem: str
    advice: str


def finding(code: str, about: str, **values: object) -> Finding:
    """The finding with that code, its sentences filled in."""
    problem, advice = SENTENCES[code]
    values |= {"about": about}
    return Finding(code, about, problem.format(**values), advice.format(**values))


SENTENCES: Mapping[str, tuple[str, str]] = {
    "settingWrong": (
        "The settings cannot be used: {detail}.",
        "Correct it where it comes from (docs/settings.md), then restart the app.",
    ),
    "addressNotSecure": (
        "{about} is reached by plain HTTP.",
        "Give it an https:// address: mail programs warn of others, and Graph takes no other.",
    ),
    "tenantNotReached": (
        "Organizations have several Entra tenants, and ENTRA_CLIENT_ID is empty.",
        "Run `azd up`: its hook makes the app registration and sets ENTRA_CLIENT_ID.",
    ),
    "serviceAway": (
        "Nothing answers at {about}: {detail}.",
        "Start it (one machine: dev.py run), or see in the portal why it does not start.",
    ),
    "storageAway": (
        "Storage does not answer for {about} ({said}).",
        "Is the account there, its name right, its network open? Azure's status page tells of "
        "outages; nothing is lost meanwhile.",
    ),
    "storageRefused": (
        "Storage refuses {about} ({said}).",
        "The roles of the app's identity (infra/roles.bicep: `azd provision`), or on one machine "
        "the key in LOCAL_STORAGE_KEYS. New roles take some minutes.",
    ),
    "tableMissing": (
        "There is no table {about}.",
        "`azd provision` makes it; on one machine dev.py run does.",
    ),
    "containerMissing": (
        "There is no blob container {about}.",
        "`azd provision` makes it; on one machine dev.py run does.",
    ),
    "queueMissing": (
        "There is no queue {about}.",
        "`azd provision` makes it; on one machine dev.py run does.",
    ),
    "poisoned": (
        "{number} words about this organization lie in the queue {about}.",
        "Search the log for the exceptions before them. deliver and upload: what they were about "
        "is ended by its own function, is that running? fold and replies: the timers do the work; "
        "clear the queue when the cause is mended.",
    ),
    "clockWrong": (
        "The clock here and the clock of {about} differ by {seconds} s.",
        "Set this machine's clock (NTP). Beyond 15 minutes storage refuses every request.",
    ),
    "hitsWait": (
        "Hits have been waiting to be counted for {seconds} s.",
        "Do fold_hits and sweep_hits run, and without exceptions? Is storage throttled? One "
        "organization has a limit: docs/limits.md.",
    ),
    "hitsAside": (
        "Hits that broke their counting were set aside.",
        "The log has the exception (`set aside`). When it is mended: dev.py rebuild {about}.",
    ),
    "hitsInOverflow": (
        "Hits lie in the overflow since the organization's storage did not take them.",
        "Does sweep_hits run? It gives them back, within a minute of storage being there again.",
    ),
    "dueNotFired": (
        "A message that was due {seconds} s ago has not been looked at.",
        "Does fire_due_messages run, and without exceptions? It makes up for everything missed.",
    ),
    "remindersWait": (
        "A reminder of {about} has been due for more than an hour, and is not decided.",
        "Does fire_due_reminders run, and without exceptions? One with a condition waits for hits "
        "to be counted (hitsWait). It makes up for everything missed.",
    ),
    "queueStands": (
        "What is in the queue {about} is not taken, or more slowly than it comes: a word there was "
        "sent {seconds} s ago.",
        "Do the functions run (portal: Functions; disabled to drain?), and without exceptions? "
        "Nothing is lost; it is taken when they do.",
    ),
    "graphAway": (
        "Microsoft Graph does not answer ({detail}).",
        "Messages wait for a day. Azure's and Microsoft 365's status pages tell of outages; on "
        "one machine see logs/graph.log in the data folder.",
    ),
    "graphThrottles": (
        "Microsoft Graph asks us to come later.",
        "Nothing, if it passes. Else fewer messages a minute (sendsPerMinute).",
    ),
    "graphRefuses": (
        "Microsoft Graph refuses us ({detail}).",
        "Has an administrator of the organization's tenant consented (docs/first-deployment.md, "
        "step 4)? Does the registration trust the app's identity (`azd provision`)?",
    ),
    "mailboxOutOfScope": (
        "The mailbox {about} is closed to us.",
        "Put it into the Exchange scope (docs/first-deployment.md, step 5); that takes up to two "
        "hours.",
    ),
    "mailboxUnknown": (
        "There is no mailbox {about}.",
        "Correct sendingMailboxes in the organization's settings, or make the mailbox.",
    ),
    "subscriptionExpired": (
        "Graph does not tell of the mailbox {about}: its subscription has ended.",
        "Does the timer watch_mailboxes run? It makes another, and catches up.",
    ),
    "notWatched": (
        "The mailbox {about} could not be watched: {detail}.",
        "docs/operations.md, `Subscriptions to mailboxes`, says what each problem means.",
    ),
}
