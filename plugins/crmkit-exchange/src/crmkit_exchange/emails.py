"""E-mail addresses: checked by the `email-validator` library without any look-up, in the form for matching."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["email", "emails"]

LONGEST = 1000
"""So many characters an address with its name has at most; longer texts are not looked at, nor kept in a cache."""
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_USUAL = re.compile(rf"[a-z0-9_+\-]+(?:\.[a-z0-9_+\-]+)*@(?:{_LABEL}\.)+[a-z]{{2,24}}", re.I)
_UNUSUAL_DOMAIN = re.compile(
    r"(^|[.@])(arpa|invalid|local|localhost|onion|test|xn--.*|..--.*)([.@]|$)", re.I
)
_NAMED = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>\s*")
_WRAPPED = re.compile(r"""[<('"\[]+([^<>()'"\[\]]+)[>)'"\]]+""")

_BEGUN = re.compile(r"[a-z0-9._+]$", re.I)
"""How a word ends that may be the beginning of the address behind it."""


def email(text: str) -> str | None:
    """An e-mail address (RFC 5321) in the form under which it is matched; None if it is none or several.

    The local part is case-folded, the domain in lower case, a foreign one in its own letters (IDNA 2008). `Name
    <a@b.example>` and `mailto:` are understood. Nothing is looked up: whether there is such a mailbox nobody knows.
    Names of domains that can never be reached (`.invalid`, `.test`, `localhost`) are none, `.example` is one.
    """
    found = emails(text)
    return found[0] if len(found) == 1 else None


def emails(text: str) -> list[str]:
    """The addresses in one cell, each once: separated by commas, semicolons, spaces, bars or slashes."""
    whole = _address(text) if len(text) <= LONGEST else None
    if whole and text.count("@") == 1:
        return [whole]
    return list(dict.fromkeys(_parts(text))) or ([whole] if whole else [])


def _parts(text: str) -> Iterator[str]:
    """The address in each word of a text; a bar or slash, which may be within one, is looked at last.

    In `john doe@acme.example` there is none: a letter was left out or a blank put in, and `doe` is somebody else.
    """
    for piece in re.split(r"[,;\n]", text):
        before = ""
        for word in piece.split():
            if "@" not in word:
                before = word
            elif len(word) <= LONGEST and (word[0] in "<([\"'" or not _BEGUN.search(before)):
                found = _address(word)
                yield from [found] if found else filter(None, map(_address, re.split("[|/]", word)))
                before = ""


@lru_cache(maxsize=2048)
def _address(text: str) -> str | None:
    """The one address that a text is."""
    bare = text.strip()
    if named := _NAMED.fullmatch(bare) or _WRAPPED.fullmatch(bare):
        bare = named[1]
    if bare[:7].casefold() == "mailto:":
        bare = bare[7:].partition("?")[0]
    if len(bare) <= 254 and _is_usual(bare):
        return bare.casefold()
    if "@" not in bare:
        return None
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(bare, check_deliverability=False)
    except EmailNotValidError:
        return None
    return f"{_folded(found.local_part)}@{found.domain}"


def _folded(local: str) -> str:
    """A local part without regard to case; composed before and behind, so that folding it again changes nothing."""
    folded = unicodedata.normalize("NFD", local).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", folded).casefold())


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
