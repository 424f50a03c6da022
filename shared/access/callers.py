"""Who calls: authentication first, then the organization, then the scope.

Another organization's path answers 404 also to a valid key or a signed-in person: it must not even
tell that the organization exists (rule A1).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import azure.functions as func

from shared.access.keys import Keyring, organization_named_by
from shared.access.people import HEADER, Person, person_of
from shared.errors import Refusal
from shared.organizations import Organization, Organizations

_SAFE_METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Caller:
    """A key of the organization, or a person of it."""

    organization: Organization
    scopes: frozenset[str]
    person: Person | None = None

    @property
    def sees_own_or_followed(self) -> str | None:
        """The address of a seller, who sees followed messages and their own; None sees all."""
        if self.person is None or self.person.roles & {"manager", "administrator"}:
            return None
        return self.person.address

    @property
    def manages(self) -> bool:
        """Whether they are a manager, or an administrator: who is told what managers are."""
        return self.person is not None and self.sees_own_or_followed is None

    def require(self, *scopes: str) -> None:
        """Refuses unless the caller has one of the scopes."""
        if not self.scopes.intersection(scopes):
            wanted = " or ".join(scopes)
            raise Refusal(403, f"This needs the scope {wanted}, which this key or role lacks.")

    def may_act_for(self, *sellers: str) -> bool:
        """Whether the caller is one of these sellers; keys and administrators act for all."""
        return self.person is None or "admin" in self.scopes or self.person.address in sellers

    @property
    def gives_away(self) -> bool:
        """Whether they may give messages to another seller, whosever they are: a manager, who
        reads only otherwise. (Keys and administrators change everything.)"""
        return self.person is not None and "manager" in self.person.roles

    def require_own(self, *sellers: str) -> None:
        """Refuses who may not act for any of these sellers."""
        if not self.may_act_for(*sellers):
            raise Refusal(403, "Only its seller can do this with the message.")

    def require_own_name(self, *names: str) -> None:
        """Refuses a person who writes in a name that is not theirs; keys and administrators may."""
        if self.person and "admin" not in self.scopes and set(names) != {self.person.address}:
            raise Refusal(403, f"You can send in your own name, {self.person.address}, only.")


async def caller_of(
    req: func.HttpRequest,
    organizations: Organizations,
    keyring: Keyring,
    *,
    people_sign_in: bool,
) -> Caller:
    """Who calls about the organization in the path; 401, 403 or 404 where they may not."""
    key = _key_of(req)
    if key is not None:
        named = organizations.get(organization_named_by(key))
        found = await keyring.find(named, key) if named else None
        if named is None or found is None:
            raise Refusal(401, "This key is not known. Ask your administrator for one.")
        caller = Caller(named, found.scopes)
    else:
        caller = _signed_in(req, organizations, people_sign_in)
    _refuse_elsewhere(caller, req.route_params.get("org", ""))
    return caller


def visitor_of(
    req: func.HttpRequest, organizations: Organizations, *, people_sign_in: bool
) -> Caller | None:
    """The person who visits a page, None where nobody has signed in; a key opens no page.

    401 where the platform's word cannot be read, 403 without a role, 404 at another organization's
    path. A path without an organization is everybody's.
    """
    if not people_sign_in or HEADER not in req.headers:
        return None
    caller = _signed_in(req, organizations, people_sign_in)
    _refuse_elsewhere(caller, req.route_params.get("org", caller.organization.id))
    return caller


def _refuse_elsewhere(caller: Caller, organization: str) -> None:
    if caller.organization.id != organization.lower():
        raise Refusal(404, "There is nothing here.")


def _signed_in(req: func.HttpRequest, organizations: Organizations, trusted: bool) -> Caller:
    person = person_of(req.headers) if trusted else None
    if person is None:
        raise Refusal(
            401, "Send a key of your organization as `Authorization: Bearer …`, or sign in."
        )
    organization = organizations.of_person(person.tenant, person.address)
    if organization is None or not person.scopes:
        raise Refusal(403, "You are signed in, but have no role here. Ask your administrator.")
    if req.method not in _SAFE_METHODS and not _from_our_pages(req):
        raise Refusal(403, "This request did not come from our own pages.")
    return Caller(organization, person.scopes, person)


def _from_our_pages(req: func.HttpRequest) -> bool:
    """Whether a browser says that one of our pages asked, so that no other site can in its name.

    (Fetch metadata; browsers without it send Origin with every unsafe request.)
    """
    site: str | None = req.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = req.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == urlsplit(req.url).netloc


def _key_of(req: func.HttpRequest) -> str | None:
    authorization: str = req.headers.get("authorization", "")
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    given: str | None = req.headers.get("x-api-key")
    return given or None
