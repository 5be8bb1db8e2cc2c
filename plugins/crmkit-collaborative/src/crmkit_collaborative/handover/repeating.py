"""Whether customers had to say it again: messages after a hand-over that restate an earlier request, with the evidence."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import attrs

from crmkit import search_tokens

__all__ = [
    "ALIKE",
    "BEFORE",
    "FEWEST",
    "IMAGINED",
    "WITHIN",
    "Message",
    "Repeat",
    "Weighed",
    "Weights",
    "content",
    "likeness",
    "repeats",
]

WITHIN = timedelta(days=14)
"""How long after a hand-over a message may restate what was said before it."""

BEFORE = timedelta(days=90)
"""How far back an earlier request may be."""

ALIKE = 0.23
"""From this likeness on, a message restates another: where F1 is best on one half of `tests/repeats.csv`."""

IMAGINED = 10
"""So many imagined texts, one of which has every word, are added to those read: few texts say little of what is rare."""

FEWEST = 4
"""A text of fewer different tokens restates nothing: greetings, thanks, a yes."""

_ATTRIBUTION = re.compile(r"^\s*(On\b.*\bwrote|.*작성):\s*$")
_ORIGINAL = re.compile(r"^\s*-{2,}\s*(Original Message|원본 메시지)")
_REPLY = re.compile(r"^((re|fwd?|답장|회신|전달)\s*[::]\s*)+", re.IGNORECASE)


@attrs.frozen
class Message:
    """What a customer wrote or said: id, time and text."""

    id: str
    at: datetime
    subject: str
    body: str


@attrs.frozen
class Weighed:
    """A token, how many texts have it, and its weight."""

    token: str
    texts: int
    weight: float


@attrs.frozen
class Repeat:
    """A message after a hand-over that restates an earlier one.

    `shared` are the tokens that both have, `rest` what else the lighter of the two has: `likeness` is the sum of the
    weights of `shared`, divided by that of both.
    """

    handover: str
    message: str
    earlier: str
    likeness: float
    shared: tuple[Weighed, ...]
    rest: tuple[Weighed, ...]


class Weights:
    """How rare each token is among the texts that were read: log2((N + `IMAGINED`) / (n + 1)), n of N having it.

    Inverse document frequency (Spärck Jones, 1972), smoothed. N are the texts with any token.
    """

    def __init__(self, texts: Iterable[frozenset[str]]) -> None:
        read = [each for each in texts if each]
        self.size = len(read)
        self._counts = Counter(token for each in read for token in each)

    def __call__(self, token: str) -> float:
        """The weight of a token."""
        return math.log2((self.size + IMAGINED) / (self._counts[token] + 1))

    def total(self, tokens: Iterable[str]) -> float:
        """The sum of the weights, whatever the order."""
        return math.fsum(map(self, tokens))

    def weighed(self, tokens: Iterable[str]) -> tuple[Weighed, ...]:
        """Tokens with what their weights are made of, by token."""
        return tuple(Weighed(each, self._counts[each], self(each)) for each in sorted(tokens))


def content(message: Message) -> frozenset[str]:
    """The tokens of a message, as search has them; what it quotes of others is left out."""
    kept: list[str] = []
    for line in message.body.splitlines():
        if _ORIGINAL.match(line):
            break
        if not line.lstrip().startswith(">") and not _ATTRIBUTION.match(line):
            kept.append(line)
    subject = _REPLY.sub("", message.subject)
    return frozenset(search_tokens(f"{subject} {' '.join(kept)}"))


def likeness(one: frozenset[str], other: frozenset[str], weights: Weights) -> float:
    """How much of the lighter text is in the other one: 0 to 1, by the weights of different tokens.

    The overlap coefficient (Szymkiewicz, 1934; Simpson, 1943) of weighed sets: w(A and B) / min(w(A), w(B)); 0 below
    `FEWEST` tokens.
    """
    if min(len(one), len(other)) < FEWEST:
        return 0.0
    return weights.total(one & other) / min(weights.total(one), weights.total(other))


def repeats(
    handover: str, at: datetime, messages: Iterable[Message], weights: Weights
) -> Iterator[tuple[Message, Repeat | None]]:
    """Each message of the customer in the time after a hand-over, and what it restates, if anything.

    Of several earlier ones it is the most alike, of those the newest.
    """
    known = sorted(messages, key=lambda each: (each.at, each.id))
    earlier = [(each, content(each)) for each in known if at - BEFORE <= each.at < at]
    for each in known:
        if at <= each.at <= at + WITHIN:
            yield each, _best(handover, each, earlier, weights)


def _best(
    handover: str,
    message: Message,
    earlier: Sequence[tuple[Message, frozenset[str]]],
    weights: Weights,
) -> Repeat | None:
    mine = content(message)
    found = max(
        ((likeness(mine, tokens, weights), one.at, one.id, tokens) for one, tokens in earlier),
        default=None,
        key=lambda each: each[:3],
    )
    if found is None or found[0] < ALIKE:
        return None
    alike, _, id, other = found
    lighter, shared = min(mine, other, key=weights.total), mine & other
    evidence = weights.weighed(shared), weights.weighed(lighter - shared)
    return Repeat(handover, message.id, id, round(alike, 4), *evidence)
