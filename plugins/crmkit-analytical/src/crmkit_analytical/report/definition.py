"""What a report is: a question, what it reads, what can be said to it, and the function that answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import attrs

from crmkit_analytical.words import _

__all__ = ["Parameter", "Report"]

Takes: TypeAlias = Literal["text", "whole", "number", "share", "days", "date", "flag"]


@attrs.frozen
class Parameter:
    """Something that can be said to a report: `--NAME` in the terminal, `NAME=` in Python.

    `takes` says what: a `share` is 0 to 1, `days` a number of days. With `choices` it is one of them.
    """

    name: str
    help: str
    takes: Takes = "text"
    default: Any = None
    choices: tuple[str, ...] = ()


@attrs.frozen
class Report:
    """One report. Its `name` is what `crm report NAME` calls it; `question` is what it answers, in words.

    `answer` is `"module:function"`: the function is given an `Ask` and returns an `Answer`. `kinds` says which fields
    of which kinds it reads, `extras` which more of them where a plugin brings these, `histories` of which fields it wants
    the past, `journal` whether it asks who did what; one that needs a kind that no plugin brings is not there. `window` says whose time `--since` and `--until` are of;
    `least` is from how many on it concludes anything. `measures` says what each figure is, in a sentence.
    """

    name: str
    question: str
    answer: str
    kinds: Mapping[str, Sequence[str]]
    window: str
    measures: tuple[str, ...] = ()
    histories: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    extras: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    journal: bool = False
    parameters: tuple[Parameter, ...] = ()
    least: int = 1

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        """Those it declares, and from how many on it concludes anything."""
        least = Parameter(
            "least", _("From how many on anything is concluded."), "whole", self.least
        )
        return (*self.parameters, least)
