"""The figures of the story: everything that is known of a customer, or of somebody whom nobody knows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import attrs

from crmkit import Customer, Identity
from crmkit_demo.names import FirmName, PersonName
from crmkit_demo.story import Branch, Staff

__all__ = ["Figure", "Rename", "Role"]

Role = Literal["person", "business", "organization", "stranger", "leaver"]
"""What somebody is to the company: which scenes are theirs."""


@attrs.frozen
class Rename:
    """At some moment somebody writes another name."""

    at: datetime
    name: str


@attrs.frozen(eq=False)
class Figure:
    """Somebody who is heard of from `joined` until `end`.

    `key` names their dice. `record` is what is written first, None for a stranger. `employer` is an organization that
    the person works for, which this figure `brings` along if it is the first to come. `unknown` figures write before
    anybody knows who they are.
    """

    key: str
    role: Role
    language: str
    branch: Branch
    owner: Staff
    joined: datetime
    end: datetime
    record: Customer | None
    identities: tuple[Identity, ...] = ()
    name: PersonName | None = None
    firm: FirmName | None = None
    employer: Figure | None = None
    brings: Figure | None = None
    unknown: bool = False
    rename: Rename | None = None

    @property
    def id(self) -> str | None:
        """The customer's id, if there is a customer."""
        return self.record.id if self.record else None

    def on(self, channel: str) -> Identity | None:
        """The first address on a channel."""
        return next((each for each in self.identities if each.channel == channel), None)

    def firm_at(self, moment: datetime) -> str:
        """What the organization is called at a moment, its own or the employer's; nothing for private people."""
        if self.employer is not None:
            return self.employer.firm_at(moment)
        if self.firm is None:
            return ""
        is_renamed = self.rename is not None and self.rename.at <= moment
        return self.firm.later if is_renamed else self.firm.name
