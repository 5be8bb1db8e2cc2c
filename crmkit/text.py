"""How text is searched: one tokenizer for every backend, Korean, Chinese and Japanese first."""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import lru_cache

import attrs

__all__ = [
    "TOKENS_PER_FIELD",
    "TOKENS_VERSION",
    "Phrase",
    "matches",
    "search_phrases",
    "search_tokens",
]

TOKENS_VERSION = 1
"""Goes up when the tokens of a text change; storages then rebuild their indexes."""

TOKENS_PER_FIELD = 16_000
"""Only so many tokens of one field are searchable."""

# Hangul (syllables and jamo), kana, ideographs with their extensions: scripts without spaces between words
# or with particles glued on, so that a word is found only by its parts.
_CJK = (
    "\u1100-\u11ff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3105-\u312f\u3130-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7af"
    "\ud7b0-\ud7ff\uf900-\ufaff\uff66-\uff9f\uffa0-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_ASCII_WORD = re.compile("[0-9a-z]+")


@lru_cache(1)
def _runs() -> re.Pattern[str]:
    """Runs of CJK, in group 1, and other words; compiled when first used, which takes 3 ms."""
    return re.compile(f"([{_CJK}]+)|[^ {_CJK}]+")


class _Classes(dict[int, str]):
    """What becomes of a character before splitting: itself, a space, or a token of its own (emoji)."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        category = unicodedata.category(character)
        if category == "So":
            kept = f" {character} "
        elif category[0] in "LN" or (category[0] == "M" and not 0xFE00 <= point <= 0xFE0F):
            kept = character
        elif category == "Cf" or 0xFE00 <= point <= 0xFE0F or 0x1F3FB <= point <= 0x1F3FF:
            kept = ""  # joiners, direction marks, variation selectors, skin tones
        else:
            kept = " "
        self[point] = kept
        return kept


_classes = _Classes()


def _folded(text: str) -> str:
    """NFC, case-folded, everything that is not part of a word turned into spaces."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    text = text.translate(_classes)
    # Taking joiners out can bring a letter and its mark together.
    return unicodedata.normalize("NFC", text)


def search_tokens(text: str) -> list[str]:
    """The tokens under which a text is found, in order: whole words, or a CJK run's bigrams and last syllable.

    `환불은` gives `환불 불은 은`: its last syllable ends the run, so that bigrams of two runs never look contiguous.
    """
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())[:TOKENS_PER_FIELD]
    tokens: list[str] = []
    for match in _runs().finditer(_folded(text)):
        run = match[0]
        if match[1] is None:
            tokens.append(run)
        else:
            tokens += map("".join, itertools.pairwise(run))
            tokens.append(run[-1])
        if len(tokens) >= TOKENS_PER_FIELD:
            return tokens[:TOKENS_PER_FIELD]
    return tokens


@attrs.frozen
class Phrase:
    """Tokens that must stand next to each other; `prefix`: the last one may go on."""

    tokens: tuple[str, ...]
    prefix: bool = False


def search_phrases(query: str) -> tuple[Phrase, ...]:
    """What a query asks for: all of these phrases, each within one field.

    A Latin word is meant whole, the last one of the query as a prefix; a CJK run contiguous, also inside a
    longer word, so its last syllable is left open.
    """
    phrases: list[Phrase] = []
    runs = list(_runs().finditer(_folded(query)))
    for place, match in enumerate(runs):
        run = match[0]
        if match[1] is None:
            phrases.append(Phrase((run,), prefix=place == len(runs) - 1))
        elif len(run) == 1:
            phrases.append(Phrase((run,), prefix=True))
        else:
            phrases.append(Phrase(tuple(map("".join, itertools.pairwise(run)))))
    return tuple(dict.fromkeys(phrases))


def matches(phrase: Phrase, tokens: list[str]) -> bool:
    """Whether a field with these tokens holds the phrase: the meaning that every backend must reproduce."""
    size = len(phrase.tokens)
    *head, last = phrase.tokens
    for start in range(len(tokens) - size + 1):
        end = tokens[start + size - 1]
        if tokens[start : start + size - 1] == head and (
            end.startswith(last) if phrase.prefix else end == last
        ):
            return True
    return False
