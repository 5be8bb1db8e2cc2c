"""Addresses on channels: what a text of a file holds of them, and the one form under which they are matched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

__all__ = ["NUMBERS", "Address", "NoAddress", "addresses", "normalised"]

NUMBERS = frozenset({"phone", "mobile", "sms", "fax"})
"""The channels whose addresses are telephone numbers."""


@attrs.frozen
class Address:
    """One address: the channel, how it was written, the form under which it is matched.

    `role` is what it is to the record: the customer's `own`, or whom a message is `from`, `to`, `cc` or `bcc`; `name`
    is whose it is said to be.
    """

    channel: str
    value: str
    normalised: str
    role: str = "own"
    name: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """Under what it is looked up."""
        return self.channel, self.normalised


@attrs.frozen
class NoAddress:
    """A text that is no address, and why; `says_nothing` if it is a placeholder and nothing is lost with it."""

    why: str
    says_nothing: bool


def normalised(channel: str, value: str, region: str) -> str | None:
    """The form under which an address is matched; None where nothing is known of the channel or the value.

    Telephone numbers in E.164 (ITU-T), e-mail addresses as RFC 5321 with the domain and the local part in lower case.
    """
    if channel in NUMBERS:
        from crmkit_exchange.phones import phone

        return phone(value, region)
    if channel == "email":
        from crmkit_exchange.emails import email

        return email(value)
    return None


def addresses(channel: str, given: Any, region: str, home: str) -> Iterator[Address | NoAddress]:
    """The addresses in what a column holds: a text with one or several, or a list; and why others are none.

    `region` is that of numbers without a country's code. `home` is the company's: a number from elsewhere is kept with
    its country's code, so that everybody reads it alike.
    """
    for text in _texts(given):
        found = list(_split(channel, text, region))
        if not found:
            yield _why_not(channel, text)
        for form in found:
            same = len(found) == 1 and (normalised(channel, text, home) or form) == form
            yield Address(channel, text if same else form, form)


def _texts(given: Any) -> Iterator[str]:
    """The texts in a column's value, without blank ones: lists are gone through, `{"value": ...}` is looked into."""
    if isinstance(given, list | tuple):
        for each in given:
            yield from _texts(each)
    elif isinstance(given, dict):
        yield from _texts(given.get("value", given.get("address")))
    elif given is not None and given is not False and (text := str(given).strip()):
        yield text


def _split(channel: str, text: str, region: str) -> Iterator[str]:
    """The normal form of each address in a text."""
    from crmkit_exchange.placeholders import is_placeholder

    if is_placeholder(text, "address"):
        return
    if channel in NUMBERS:
        from crmkit_exchange.phones import phones

        yield from phones(text, region)
    elif channel == "email":
        from crmkit_exchange.emails import emails

        yield from emails(text)
    else:
        yield text.casefold()


def _why_not(channel: str, text: str) -> NoAddress:
    from crmkit_exchange.placeholders import placeholder_reason

    reason = placeholder_reason(text)
    wanted = "telephone number" if channel in NUMBERS else "e-mail address"
    if reason:
        return NoAddress(f"{text!r:.60} is {reason}, no {wanted}", True)
    return NoAddress(f"{text!r:.60} is no {wanted}", False)
