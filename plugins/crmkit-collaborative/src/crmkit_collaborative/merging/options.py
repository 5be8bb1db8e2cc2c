"""What is said of a merge: whose values win, and what is done in spite of what stands against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias, cast, get_args

import attrs

from crmkit import CrmError

__all__ = ["POLICIES", "VIA", "MergeOptions", "Policy", "Side", "read_takes"]

Policy: TypeAlias = Literal["newest", "complete", "keep"]
"""Whose value wins where both have one: the one stated last, the fuller one, that of the customer who stays."""

Side: TypeAlias = Literal["keep", "lose"]
"""One of the two customers."""

POLICIES: tuple[str, ...] = get_args(Policy)

VIA = "merge"
"""Through what merges and their undoing act: so the journal tells them from what people state."""


@attrs.frozen
class MergeOptions:
    """`policy` is for fields that `take` does not name; `anyway` merges those of whom somebody said they are not one."""

    policy: Policy = "newest"
    take: Mapping[str, Side] = attrs.field(factory=dict)
    anyway: bool = False


def read_takes(texts: Iterable[str]) -> dict[str, Side]:
    """What people write: `FIELD=keep` or `FIELD=lose`. Raises `CrmError` for anything else."""
    found: dict[str, Side] = {}
    for text in texts:
        name, _, side = text.partition("=")
        if side not in get_args(Side):
            raise CrmError(f"--take {text} says no side; write FIELD=keep or FIELD=lose")
        found[name.strip()] = cast("Side", side)
    return found
