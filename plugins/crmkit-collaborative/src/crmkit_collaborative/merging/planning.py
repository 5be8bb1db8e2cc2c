"""What a merge would do: the values that survive, what moves, what clashes, what stands against it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from crmkit import CrmError, Customer, Handle, Reader, RestrictedError, where
from crmkit_collaborative.merging.clashing import Clash, Pairs, clashes, pairs
from crmkit_collaborative.merging.options import MergeOptions
from crmkit_collaborative.merging.surviving import Choice, choices, hidden_fields
from crmkit_collaborative.settings import Settings

__all__ = ["MergePlan", "Moving", "check_group", "plan", "planned", "two"]


@attrs.frozen
class Moving:
    """How many records of a kind refer to the one who goes, and in which field."""

    kind: str
    field: str
    count: int


@attrs.frozen
class MergePlan:
    """What merging `lose` into `keep` does; `problems` are sentences that say why it would be refused."""

    keep: Customer
    lose: Customer
    choices: tuple[Choice, ...]
    moving: tuple[Moving, ...]
    clashes: tuple[Clash, ...]
    pairs: Pairs
    problems: tuple[str, ...]


def plan(handle: Handle, keep_id: str, lose_id: str, options: MergeOptions) -> MergePlan:
    """What a merge would do, as far as the actor may see it. Nothing is written."""
    keep, lose = two(handle, keep_id, lose_id)
    hidden = hidden_fields(handle.schema[Customer.__kind__], keep, lose)
    return planned(handle, keep, lose, options, hidden)


def two(reader: Reader, keep_id: str, lose_id: str) -> tuple[Customer, Customer]:
    """The two customers; raises `NotFound`, and `CrmError` if they are one already."""
    keep, lose = reader.get(Customer, keep_id), reader.get(Customer, lose_id)
    if keep.id == lose.id:
        raise CrmError(f"{keep_id} and {lose_id} are one customer already; name two")
    return keep, lose


def planned(
    reader: Reader,
    keep: Customer,
    lose: Customer,
    options: MergeOptions,
    hidden: Collection[str],
) -> MergePlan:
    """What a merge of these two does, as far as `reader` sees it."""
    found = clashes(reader, keep.id, lose.id)
    paired = pairs(reader, keep.id, lose.id)
    return MergePlan(
        keep,
        lose,
        tuple(choices(reader, keep, lose, options, hidden)),
        tuple(_moving(reader, lose)),
        tuple(found),
        paired,
        tuple(_problems(found, paired, options)),
    )


def _moving(reader: Reader, lose: Customer) -> list[Moving]:
    moving = []
    for kind, field in reader.schema.referring(Customer.__kind__):
        try:
            count = reader.count(kind.name, where[field.name] == lose.id)
        except RestrictedError:
            continue
        if count:
            moving.append(Moving(kind.name, field.name, count))
    return moving


def _problems(found: Sequence[Clash], paired: Pairs, options: MergeOptions) -> list[str]:
    problems = [
        f"{each.goes.__kind__} {each.goes.id} clashes with {each.stays.id}, and {each.by} records refer to both; "
        "delete or change one of them first"
        for each in found
        if each.by
    ]
    if paired.not_same is not None and not options.anyway:
        reason = f" ({paired.not_same.reason})" if paired.not_same.reason else ""
        problems.append(
            f"somebody looked and said that these two are not the same{reason}; merge them with --anyway"
        )
    return problems


def check_group(reader: Reader, lose_ids: Sequence[str]) -> None:
    """Raise `CrmError` if more customers are to become one at once than the setting `group` allows."""
    allowed = reader.settings(Settings).group
    if len(lose_ids) > 1 and len(lose_ids) + 1 > allowed:
        raise CrmError(
            f"{len(lose_ids) + 1} customers would become one, more than the {allowed} that `group` in "
            "[plugin.collaborative] allows at once; look at them one by one, and merge two at a time"
        )
