"""Whether customers had to say it again: messages after a hand-over that restate an earlier request, with the evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import attrs

from crmkit import search_tokens

__all__ = [
    "ALIKE",
    "BEFORE",
    "FEWEST",
    "WITHIN",
    "Message",
    "Repeat",
    "content",
    "likeness",
    "repeats",
]

WITHIN = timedelta(days=14)
"""How long after a hand-over a message may restate what was said before it."""

BEFORE = timedelta(days=90)
"""How far back an earlier request may be."""

ALIKE = 0.26
"""From this likeness on, a message restates another: where F1 is best on one half of `tests/repeats.csv`.

Customers who say it again use other words; at 0.6, where this was before, none of the other half was found.
"""

FEWEST = 4
"""A text of fewer different tokens restates nothing: greetings, thanks, a yes."""

_QUOTED = re.compile(r"^\s*(>|On .* wrote:$|-{2,}\s*(Original Message|원본 메시지))")
_REPLY = re.compile(r"^((re|fwd?|답장|회신|전달)\s*[::]\s*)+", re.IGNORECASE)


@attrs.frozen
class Message:
    """What a customer wrote or said: id, time and text."""

    id: str
    at: datetime
    subject: str
    body: str


@attrs.frozen
class Repeat:
    """A message after a hand-over that restates an earlier one: how alike they are, and by which tokens."""

    handover: str
    message: str
    earlier: str
    likeness: float
    shared: tuple[str, ...]


def content(message: Message) -> frozenset[str]:
    """The tokens of a message, as search has them; what it quotes of others is left out."""
    kept: list[str] = []
    for line in message.body.splitlines():
        if re.match(_QUOTED, line):
            if not line.lstrip().startswith(">"):
                break
            continue
        kept.append(line)
    subject = _REPLY.sub("", message.subject)
    return frozenset(search_tokens(f"{subject} {' '.join(kept)}"))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """How much of the shorter text is in the longer one: 0 to 1, by different tokens.

    The overlap coefficient (Szymkiewicz, 1934; Simpson, 1943): |A and B| / min(|A|, |B|); 0 below `FEWEST` tokens.
    """
    least = min(len(one), len(other))
    return len(one & other) / least if least >= FEWEST else 0.0


def repeats(
    handover: str, at: datetime, messages: Iterable[Message]
) -> Iterator[tuple[Message, Repeat | None]]:
    """Each message of the customer in the time after a hand-over, and what it restates, if anything.

    Of several earlier ones it is the most alike, of those the newest.
    """
    known = sorted(messages, key=lambda each: (each.at, each.id))
    earlier = [(each, content(each)) for each in known if at - BEFORE <= each.at < at]
    for each in known:
        if at <= each.at <= at + WITHIN:
            yield each, _best(handover, each, earlier)


def _best(
    handover: str, message: Message, earlier: Sequence[tuple[Message, frozenset[str]]]
) -> Repeat | None:
    mine = content(message)
    found = max(
        ((likeness(mine, tokens), one.at, one.id, mine & tokens) for one, tokens in earlier),
        default=None,
        key=lambda each: each[:3],
    )
    if found is None or found[0] < ALIKE:
        return None
    return Repeat(handover, message.id, found[2], round(found[0], 4), tuple(sorted(found[3])))
