"""E-mail addresses: checked by the `email-validator` library without any look-up, in the form for matching."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["email", "emails"]

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_USUAL = re.compile(rf"[a-z0-9_+\-]+(?:\.[a-z0-9_+\-]+)*@(?:{_LABEL}\.)+[a-z]{{2,24}}", re.I)
_UNUSUAL_DOMAIN = re.compile(
    r"(^|[.@])(arpa|invalid|local|localhost|onion|test|xn--.*|..--.*)([.@]|$)", re.I
)
_NAMED = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>\s*")


@lru_cache(maxsize=2048)
def email(text: str) -> str | None:
    """An e-mail address (RFC 5321) in the form under which it is matched: all in lower case; None if it is none.

    `Name <a@b.example>` and `mailto:` are understood. Nothing is looked up: whether there is such a mailbox nobody
    knows. Names of domains that can never be reached (`.invalid`, `.test`, `localhost`) are none, `.example` is one.
    """
    bare = text.strip()
    if named := _NAMED.fullmatch(bare):
        bare = named[1]
    if bare[:7].casefold() == "mailto:":
        bare = bare[7:].partition("?")[0]
    if len(bare) <= 254 and _is_usual(bare):
        return bare.casefold()
    if "@" not in bare or len(bare) > 1000:
        return None
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(bare, check_deliverability=False).normalized.casefold()
    except EmailNotValidError:
        return None


def _is_usual(text: str) -> bool:
    """Whether an address is one of those on which the library would say yes and change nothing but case.

    The library takes a fifth of a millisecond for each, and most of a million are of this kind.
    """
    local, _, domain = text.partition("@")
    return (
        bool(_USUAL.fullmatch(text))
        and len(local) <= 64
        and not _UNUSUAL_DOMAIN.search(f"@{domain}")
    )


def emails(text: str) -> list[str]:
    """The addresses in one cell, each once: separated by commas, semicolons or spaces."""
    whole = email(text)
    if whole:
        return [whole]
    parts = [email(each) for each in re.split(r"[,;\s]+", text) if "@" in each]
    return list(dict.fromkeys(each for each in parts if each))
