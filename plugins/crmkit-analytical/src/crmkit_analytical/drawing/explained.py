"""How the figures of an answer came about, in words: the same facts for the terminal and for a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, tzinfo
from typing import Any

import attrs

from crmkit.cli.width import padded, width
from crmkit_analytical.drawing.values import plain, readable, shown, unit_of
from crmkit_analytical.report.answer import Excluded, Explained, Window
from crmkit_analytical.words import _

__all__ = ["Fact", "explained_lines", "facts", "records"]

_MOST_EXCLUDED = 3


@attrs.frozen
class Fact:
    """One thing to know about the figures: what it is called, and what there is to say."""

    label: str
    texts: tuple[str, ...]


def facts(explained: Explained, timezone: tzinfo = UTC) -> list[Fact]:
    """Definition, window, denominator, what is left out and why, and parameters.

    No definition or no parameters are not mentioned; that nothing is left out is.
    """
    total = shown(explained.total, "count")
    found = [
        Fact(_("Definition"), tuple(map(readable, explained.definition))),
        Fact(_("Window"), (_window(explained.window, timezone),)),
        Fact(_("Out of"), (f"{readable(explained.denominator)}: {total}",)),
        Fact(_("Left out"), tuple(map(_left_out, explained.excluded)) or (_("nothing"),)),
        Fact(
            _("Parameters"),
            tuple(
                f"{readable(name)} = {_exact(value, timezone)}"
                for name, value in explained.parameters.items()
            ),
        ),
    ]
    return [fact for fact in found if fact.texts]


def records(explained: Explained, most: int | None = None) -> list[tuple[str, int, str]]:
    """Of each row its name, how many records are behind it, and their ids: all, or the first `most` of them."""
    return [
        (readable(name), len(ids), _listed(ids, len(ids), most))
        for name, ids in explained.ids.items()
    ]


def explained_lines(
    explained: Explained, *, name: str, timezone: tzinfo = UTC, most: int | None = 5
) -> list[str]:
    """The explanation as aligned lines for the terminal; `name` is the report's.

    Of each row's ids the first `most` are listed, all of them with None; where some are missing, the last line says
    which command has all.
    """
    found = facts(explained, timezone)
    listed = records(explained, most)
    if listed:
        found.append(Fact(_("Records"), tuple(_counted(*each) for each in listed)))
    if most is not None and any(count > most for row, count, ids in listed):
        text = _("crm report {name} --format json has all").format(name=readable(name))
        found.append(Fact("", (f"({text})",)))
    widest = max(width(fact.label) for fact in found)
    return [line for fact in found for line in _lines(fact, widest)]


def _counted(row: str, count: int, ids: str) -> str:
    return f"{row}: {shown(count, 'count')} ({ids})" if ids else f"{row}: {shown(count, 'count')}"


def _lines(fact: Fact, widest: int) -> Iterator[str]:
    for place, text in enumerate(fact.texts):
        yield f"{padded('' if place else fact.label, widest)}  {text}"


def _window(window: Window, timezone: tzinfo) -> str:
    since, until = (shown(each, "time", timezone) for each in (window.since, window.until))
    if window.since and window.until:
        text = _("from {since} on, before {until}").format(since=since, until=until)
    elif window.since:
        text = _("from {since} on").format(since=since)
    else:
        text = _("before {until}").format(until=until) if window.until else _("without end")
    return f"{readable(window.of)}: {text}" if window.of else text


def _left_out(excluded: Excluded) -> str:
    listed = _listed(excluded.ids, excluded.count, _MOST_EXCLUDED)
    return _counted(readable(excluded.reason), excluded.count, listed)


def _listed(ids: Sequence[str], count: int, most: int | None) -> str:
    kept = [readable(each) for each in (ids if most is None else ids[:most])]
    rest = count - len(kept)
    if kept and rest > 0:
        kept.append(_("… and {count} more").format(count=shown(rest, "count")))
    return ", ".join(kept)


def _exact(value: Any, timezone: tzinfo) -> str:
    """A parameter with all its digits: a reader computes with it."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict | list | tuple):
        return readable(json.dumps(plain(value), ensure_ascii=False))
    return shown(value, unit_of(value), timezone)
