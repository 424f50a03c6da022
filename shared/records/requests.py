"""What a caller may say of a record."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.model import Record, RecordRef
from shared.web.fields import (
    MailAddress,
    Name,
    Phone,
    PostalAddress,
    RecordId,
    RecordType,
    RequestModel,
    TimeZoneName,
)

MOST_ADDRESSES = 20


class RefInPath(RequestModel):
    type: RecordType
    id: RecordId


class RecordRequest(RequestModel):
    """A record as the CRM tells it, whole: what is left out is empty."""

    name: Name | None = None
    addresses: Annotated[list[MailAddress], Field(max_length=MOST_ADDRESSES)] = []
    phone: Phone | None = None
    address: PostalAddress | None = None
    time_zone: TimeZoneName | None = None
    follow_email: bool = True

    def to_record(self, ref: RecordRef) -> Record:
        return Record(
            ref=ref,
            name=self.name,
            addresses=tuple(dict.fromkeys(address.lower() for address in self.addresses)),
            phone=self.phone,
            address=self.address.model_dump(exclude_none=True) if self.address else None,
            time_zone=self.time_zone,
            follow_email=self.follow_email,
        )
