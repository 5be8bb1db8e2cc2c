"""Wording: templates with ways to say it, filled with words that take the Korean particle which fits them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

__all__ = ["Word", "said"]

CHOICE = re.compile(r"\[(=?)([^\[\]]*)\]")
PARTICLES = {"을": "를", "이": "가", "은": "는", "과": "와", "으로": "로"}
PARTICLES |= {"이라고": "라고", "이고": "고", "이며": "며"}
"""Particles behind a final consonant, and what they are behind a vowel."""
RIEUL = 8
"""The final ㄹ, behind which 으로 is 로."""
FINALS = {"0": 21, "1": RIEUL, "3": 16, "6": 1, "7": RIEUL, "8": RIEUL, "g": 16}
"""The finals with which digits and a kilogram are read; those that are missing end in a vowel."""


class Word(str):
    """A word to be put into a template: `{product:을}` puts the particle that fits behind it."""

    __slots__ = ()

    def __format__(self, particle: str) -> str:
        return str(self) + _fitting(self, particle) if particle else str(self)


def _fitting(word: str, particle: str) -> str:
    last = ord(word[-1]) - 0xAC00
    final = last % 28 if 0 <= last < 11_172 else FINALS.get(word[-1], 0)
    is_open = final == 0 or (particle == "으로" and final == RIEUL)
    return PARTICLES.get(particle, particle) if is_open else particle


def said(template: str, words: Mapping[str, str], random: Random, case: int) -> str:
    """One of the ways in which a template says it.

    `[a|b]` is either, as chance has it; `[=a|b]` goes with the case, so that an answer fits its question. `{name}` is
    the word of that name. It begins with a capital letter.
    """

    def chosen(match: re.Match[str]) -> str:
        ways = match[2].split("|")
        return ways[case % len(ways)] if match[1] else random.choice(ways)

    while CHOICE.search(template):  # the inner ones first
        template = CHOICE.sub(chosen, template)
    text = template.format_map({name: Word(word) for name, word in words.items()})
    return text[:1].upper() + text[1:]
