"""Guessing what the columns of an unknown table hold: by what they are called first, then by what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import attrs

from crmkit_exchange.channels import Address, addresses
from crmkit_exchange.columns import is_elsewhere, meaning, plain
from crmkit_exchange.dates import Orders
from crmkit_exchange.placeholders import is_placeholder

__all__ = ["Guess", "guess"]

MOST = 0.8
"""Which part of a column's values must be addresses for it to be a column of them, whatever it is called."""
SOME = 0.3
"""Which part suffices if it is called so."""
CUSTOMER_FIELDS = ("owner", "tags", "language", "timezone", "country")
INTERACTION_FIELDS = ("happened_at", "subject", "body", "direction", "channel")
CHANNELS = ("email", "phone", "fax", "web")
_DECIMAL = re.compile(r"[+-]?\d+[.,]\d+")
_WRITTEN = {
    "email": re.compile(r"(?!<[^<>]*>$)"),
    "phone": re.compile(r"[+(0]|tel:|\d{3}[-. ]\d{3}[-. ]\d{4}$|1[568]\d\d-\d{4}$"),
}
"""How people write addresses: without this, ids of messages (`<1.2@host>`) and many a plain figure would be some."""
_WORDS = {"email": "e-mail addresses", "phone": "telephone numbers", "fax": "fax numbers", "web": "web pages"}  # fmt: skip
_ANY = re.compile("")
_NUMERIC = re.compile(r"[\d\s.,:%+\-/()]*")


@attrs.frozen(kw_only=True)
class Guess:
    """What the columns of a table seem to hold.

    `kind` is that of the rows, None if nothing names a customer. `fields` are field -> column; `given`,
    `family` and `organization` (the name of a person's company) stand among them. `addresses` are channel -> columns,
    `external_id` the column of ids. `reasons` say for each column why it was taken; and of those that are called like
    addresses and were not, why not.
    """

    kind: str | None
    fields: Mapping[str, str] = attrs.field(factory=dict)
    addresses: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    external_id: str | None = None
    reasons: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class _Column:
    """One column of a sample: its name, its values that say something, and of how many rows."""

    name: str
    values: tuple[str, ...]
    rows: int

    @property
    def means(self) -> str | None:
        return meaning(self.name)

    @property
    def distinct(self) -> float:
        """Which part of its values is different from the others."""
        return len({*self.values}) / len(self.values) if self.values else 0.0

    def share_of(self, channel: str, region: str, written: re.Pattern[str]) -> float | None:
        """Which part of its values are addresses on a channel, placeholders apart; None if there is nothing else."""
        texts = [each for each in self.values if not is_placeholder(each, "address")]
        found = sum(
            bool(written.match(each))
            and any(isinstance(a, Address) for a in addresses(channel, each, region, region))
            for each in texts
        )
        return found / len(texts) if texts else None

    @property
    def decimal(self) -> bool:
        """Whether it holds figures with a decimal point, which may look like telephone numbers: a longitude."""
        figures = sum(bool(_DECIMAL.fullmatch(each)) for each in self.values)
        return figures > len(self.values) / 2

    @property
    def names(self) -> bool:
        """Whether its values could be names: short, and neither numbers nor dates."""
        if not self.values or median(map(len, self.values)) > 40:
            return False
        return sum(map(_is_wordy, self.values)) > len(self.values) * 0.5


def guess(
    columns: Sequence[str],
    sample: Sequence[Mapping[str, Any]],
    region: str,
    kind: str = "customer",
) -> Guess:
    """What the columns of a table seem to hold, from their names and up to a thousand rows.

    Of a `kind` that is no customer's only names are looked at, and only those of interactions are known.
    """
    found = [_column(name, sample) for name in columns]
    reasons: dict[str, str] = {}
    if kind != "customer":
        known = INTERACTION_FIELDS if kind == "interaction" else ()
        told = dict(_called(found, known, reasons))
        return Guess(kind=kind, fields=told, external_id=_id(found, reasons), reasons=reasons)
    held = dict(_addresses(found, region, reasons))
    free = [each for each in found if each.name not in reasons]
    reaching = [each for each in found if each.name in _of_people(held)]
    has_addresses = any(each.values or not each.rows for each in reaching)
    fields = dict(_names(free, has_addresses, reasons))
    if not (fields or has_addresses):
        return Guess(kind=None)
    fields |= dict(_called(free, CUSTOMER_FIELDS, reasons))
    fields |= dict(_company(free, reasons)) if {"name", "given", "family"} & {*fields} else {}
    id = _id(free, reasons)
    reasons |= dict(_not_taken([each for each in free if each.name not in reasons], region))
    return Guess(kind=kind, fields=fields, addresses=held, external_id=id, reasons=reasons)


def _of_people(held: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The columns with addresses that tell who somebody is; many have one web page or fax."""
    return {*held.get("email", ()), *held.get("phone", ())}


def _called(
    columns: Sequence[_Column], wanted: Sequence[str], reasons: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """The columns that are called what a field is, the first for each."""
    for means in wanted:
        named = (each for each in columns if each.means == means and each.values)
        if first := next(named, None):
            reasons[first.name] = f"called {first.name}"
            yield means, first.name


def _id(columns: Sequence[_Column], reasons: dict[str, str]) -> str | None:
    """The column of ids: called so, and different in every row."""
    named = (each for each in columns if each.means == "id" and each.values)
    for each in named:
        if each.distinct == 1.0 and len(each.values) == each.rows:
            reasons[each.name] = f"called {each.name}, and different in every row"
            return each.name
    return None


def _column(name: str, sample: Sequence[Mapping[str, Any]]) -> _Column:
    texts = (each.get(name) for each in sample)
    said = (str(each).strip() for each in texts if each not in (None, "", [], {}))
    return _Column(
        name, tuple(each for each in said if not is_placeholder(each, "name")), len(sample)
    )


def _is_wordy(text: str) -> bool:
    if _NUMERIC.fullmatch(text):
        return False
    orders = Orders("")
    orders.feed(text)
    return not orders.total


def _addresses(
    columns: Sequence[_Column], region: str, reasons: dict[str, str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The columns with addresses on each channel."""
    for channel in CHANNELS:
        taken = []
        for each in columns:
            why = None if each.name in reasons else _why_taken(each, channel, region)
            if why is not None:
                reasons[each.name] = why
                taken.append(each.name)
        if taken:
            yield channel, tuple(taken)


def _why_taken(column: _Column, channel: str, region: str) -> str | None:
    """Why a column holds addresses on a channel; None if it does not seem to."""
    if column.means == channel:
        share = column.share_of(channel, region, _ANY)
        return f"called {column.name}" if share is None or share >= SOME else None
    if channel not in _WRITTEN or column.means or column.decimal or is_elsewhere(column.name):
        return None
    share = column.share_of(channel, region, _WRITTEN[channel])
    if share is None or share < MOST:
        return None
    return f"{share:.0%} of its values are {_WORDS[channel]}"


def _not_taken(columns: Sequence[_Column], region: str) -> Iterator[tuple[str, str]]:
    """Why columns that are called like addresses are none."""
    for each in columns:
        if each.means in CHANNELS:
            share = each.share_of(each.means, region, _ANY) or 0
            words = _WORDS[each.means]
            yield each.name, f"not taken: only {share:.0%} of its values are {words}"


def _names(
    columns: Sequence[_Column], has_addresses: bool, reasons: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """The columns with names: given and family name, else one that is called so, else the best that ends so.

    Without addresses, names that come again and again are no customers' but those of the things in a log.
    """
    by = {means: each for each in reversed(columns) if (means := each.means) and each.names}
    if (
        "family" in by
        and "given" not in by
        and "name" in by
        and not _is_whole(by["name"], by["family"])
    ):
        by["given"] = by["name"]
    chosen: dict[str, _Column] = {}
    if "given" in by and "family" in by:
        chosen = {"given": by["given"], "family": by["family"]}
    elif whole := by.get("name") or by.get("company_name"):
        chosen = {"name": whole} if has_addresses or whole.distinct > 0.5 else {}
    elif "given" in by or "family" in by:
        chosen = {means: by[means] for means in ("given", "family") if means in by}
    elif has_addresses and (ending := _ending(columns)):
        chosen = {"name": ending}
    elif has_addresses and "organization" in by:
        chosen = {"name": by["organization"]}
    for means, each in chosen.items():
        reasons[each.name] = f"called {each.name}"
        yield means, each.name


def _is_whole(name: _Column, family: _Column) -> bool:
    """Whether a column called `Name` or `이름` has whole names beside one of family names, or only the given ones."""
    families = (*{*family.values},)
    whole = sum(each.startswith(families) or each.endswith(families) for each in name.values)
    return whole > len(name.values) / 2


def _ending(columns: Sequence[_Column]) -> _Column | None:
    """The column whose name ends in a word for names (`도서관명`, `Shop name`) and that tells most rows apart."""
    found = [
        each
        for each in columns
        if re.search("(명|이름|name)$", plain(each.name)) and each.names and each.distinct > 0.5
    ]
    return max(found, key=lambda each: each.distinct, default=None)


def _company(columns: Sequence[_Column], reasons: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The column with the name of a person's company, beside that with the person's own."""
    means = ("organization", "company_name")
    found = (each for each in columns if each.means in means and each.name not in reasons)
    if company := next((each for each in found if each.values), None):
        reasons[company.name] = f"called {company.name}"
        yield "organization", company.name
