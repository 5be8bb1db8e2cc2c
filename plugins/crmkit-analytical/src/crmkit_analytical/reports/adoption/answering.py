"""The report `adoption`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import attrs

from crmkit import TrimmedError
from crmkit.cli.language import Word
from crmkit_analytical.report.answer import Answer, Chart, Column, Excluded, Row
from crmkit_analytical.report.definition import Parameter, Report
from crmkit_analytical.reports.adoption.acting import Acted, acted, beginning, ever, not_counted
from crmkit_analytical.reports.adoption.people import BY, Directory, Person, directory
from crmkit_analytical.reports.period import period
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["REPORT", "answer"]

REPORT = Report(
    name="adoption",
    question=Word("Who works with the CRM, of those who should?"),
    answer=f"{__name__}:answer",
    kinds={
        "member": ("actor", "branch_id"),
        "membership": ("member_id", "team_id", "since", "until"),
        "team": ("department_id",),
        "department": ("parent_id",),
        "branch": (),
    },
    journal=True,
    window=Word("what people did, by when it was recorded"),
    measures=(
        Word("Expected: the members of the directory at the end of the window who are in a team then, or in none at all ever; the directory does not know who is on leave. Whoever is in several groups counts in each, in the sentence once; a department has those of the departments within."),
        Word("Action: one transaction in which a person created or changed records, however many; no imports, no deletions, nothing that programs did."),
        Word("Active: expected, with at least so many actions, on at least so many days of the company's calendar in the window."),
        Word("Adoption: the active of the expected, with its Wilson interval."),
        Word("Actions: those of the expected, for each of them; kinds: how many kinds of records they created or changed."),
        Word("Before: the adoption in a window just as long that ends where this one begins, of who was expected then; change: by how much the share is higher now."),
        Word("Never: expected, and not in the journal at all, whatever they might have done."),
    ),
    parameters=(
        Parameter("by", Word("A row for each of what."), "text", "department", tuple(BY)),
        Parameter("actions", Word("From how many actions on somebody is active."), "whole", 5),
        Parameter("on_days", Word("On how many days these must have been."), "whole", 3),
        Parameter("days", Word("How many days the window has, if it is not told from when on."), "whole", 28),
        Parameter("never", Word("Name those who never did anything."), "flag", False),
    ),
    least=10,
)  # fmt: skip

COLUMNS = (
    Column("group", Word("Group")),
    Column("expected", Word("Expected"), "count"),
    Column("active", Word("Active"), "count"),
    Column("adoption", Word("Adoption"), "share"),
    Column("low", Word("From"), "share"),
    Column("high", Word("To"), "share"),
    Column("actions", Word("Actions"), "number"),
    Column("kinds", Word("Kinds"), "count"),
    Column("before", Word("Before"), "share"),
    Column("change", Word("Change"), "share"),
    Column("never", Word("Never"), "count"),
)

NEVER = (
    Column("name", Word("Name")),
    Column("actor", Word("Acts as")),
    Column("groups", Word("Group")),
    Column("since", Word("In the directory since"), "date"),
    Column("days", Word("Days"), "days"),
)


@attrs.frozen
class Used:
    """How a group of people, or all, used the CRM: who was expected and who was active, and what they did."""

    expected: tuple[Person, ...]
    active: tuple[Person, ...]
    actions: int
    kinds: frozenset[str]

    @property
    def share(self) -> float | None:
        """The active of the expected; None of nobody."""
        return len(self.active) / len(self.expected) if self.expected else None


def answer(ask: Ask) -> Answer:
    """A row for each group, the largest first; with `never` one for each member who never did anything."""
    current, earlier = _windows(ask)
    found = directory(ask, ask.parameters["by"], current.until or ask.now)
    done, known = acted(current), ever(ask)
    silent = [each for each in found.expected if each.actor not in known]
    excluded = [*_unexpected(current, found, done), *not_counted(current)]
    if ask.parameters["never"]:
        return _never(current, found, silent, excluded)
    groups = _groups(ask, found, done)
    everybody = _used(ask, found.expected, done)
    before = _before(earlier)
    return Answer(
        COLUMNS,
        tuple(_row(name, each, before, silent) for name, each in groups.items()),
        _sentence(current, everybody, before, len(silent)),
        current.explained(
            denominator=_("members of the directory who are expected"),
            total=len(found.expected),
            excluded=excluded,
            ids=_ids(groups),
            parameters={"before_since": earlier.since, "before_until": earlier.until},
        ),
        Chart("bar", x="group", y="adoption", low="low", high="high"),
        is_enough=len(found.expected) >= ask.least,
    )


# Windows --------------------------------------------------------------------------------------------------------


def _windows(ask: Ask) -> tuple[Ask, Ask]:
    """The window that is asked for, the last days without one, and the one before it, which is as long by the clock
    on the wall: a change of the clock in between moves no midnight.
    """

    def wall(moment: datetime) -> datetime:
        return moment.astimezone(ask.zone).replace(tzinfo=None)

    first = ask.last_day - timedelta(days=max(ask.parameters["days"], 1) - 1)
    begin = ask.since or datetime.combine(first, time(), ask.zone)
    length = wall(ask.until or ask.now) - wall(begin)
    start = (wall(begin) - length).replace(tzinfo=ask.zone)
    return attrs.evolve(ask, since=begin), attrs.evolve(ask, since=start, until=begin)


def _before(ask: Ask) -> Mapping[str, float | None]:
    """The adoption of each group in the window before, under its name, and of all under nothing."""
    assert ask.until is not None
    try:
        found = directory(ask, ask.parameters["by"], ask.until)
    except TrimmedError:  # who was expected then is not known any more
        return {}
    done = acted(ask)
    shares = {name: each.share for name, each in _groups(ask, found, done).items()}
    return {**shares, "": _used(ask, found.expected, done).share}


# Who used it ----------------------------------------------------------------------------------------------------


def _groups(ask: Ask, found: Directory, done: Mapping[str, Acted]) -> dict[str, Used]:
    """The groups by name, the largest first; at the end those who are in none."""
    members: dict[str, list[Person]] = {}
    for person in found.expected:
        for group in person.groups:
            members.setdefault(group, []).append(person)
    order = sorted(members, key=lambda id: (-len(members[id]), found.names[id], id))
    groups = {found.names[id]: _used(ask, members[id], done) for id in order}
    alone = [each for each in found.expected if not each.groups]
    return {**groups, _("in none"): _used(ask, alone, done)} if alone else groups


def _used(ask: Ask, people: Sequence[Person], done: Mapping[str, Acted]) -> Used:
    nothing, least, days = Acted(), ask.parameters["actions"], ask.parameters["on_days"]
    did = {each.actor: done.get(each.actor, nothing) for each in people}
    active = [
        each for each in people if did[each.actor].actions >= least and did[each.actor].days >= days
    ]
    kinds = frozenset(kind for each in did.values() for kind in each.kinds)
    actions = sum(each.actions for each in did.values())
    return Used(tuple(people), tuple(active), actions, kinds)


def _unexpected(ask: Ask, found: Directory, done: Mapping[str, Acted]) -> list[Excluded]:
    """Who is in the directory and not expected, and who acted without being in it.

    The latter are told from members whom the asking actor may not read by the whole directory, and only counted: their
    ids are of people about whom no restriction says anything.
    """
    everybody = {each["actor"] for each in ask.crm.find("member")}
    everybody |= {each.actor for each in found.expected}
    strangers = done.keys() - everybody
    return [
        Excluded(_("members who are in no team any more, or not yet"), len(found.left), found.left),
        Excluded(_("people who acted and are not in the directory"), len(strangers)),
    ]


# Rows -----------------------------------------------------------------------------------------------------------


def _row(
    name: str, used: Used, before: Mapping[str, float | None], silent: Sequence[Person]
) -> Row:
    from crmkit_analytical.statistics.intervals import wilson

    low, high = wilson(len(used.active), len(used.expected))
    share, then = used.share, before.get(name)
    return {
        "group": name,
        "expected": len(used.expected),
        "active": len(used.active),
        "adoption": share,
        "low": low,
        "high": high,
        "actions": used.actions / len(used.expected),
        "kinds": len(used.kinds),
        "before": then,
        "change": None if share is None or then is None else share - then,
        "never": len({*used.expected} & {*silent}),
    }


def _ids(groups: Mapping[str, Used]) -> dict[str, tuple[str, ...]]:
    """The members behind each row, and those of them who were active."""
    found: dict[str, tuple[str, ...]] = {}
    for name, used in groups.items():
        found[name] = tuple(each.id for each in used.expected)
        active = _("{group}: active").format(group=name)
        found[active] = tuple(each.id for each in used.active)
    return found


def _never(
    ask: Ask, found: Directory, silent: Sequence[Person], excluded: Sequence[Excluded]
) -> Answer:
    """Those who never did anything, whom the directory has known longest first."""
    order = sorted(silent, key=lambda each: (each.since, each.name, each.id))
    ids: dict[str, tuple[str, ...]] = {}
    for each in order:  # two people may have one name
        ids[each.name] = (*ids.get(each.name, ()), each.id)
    begin = beginning(ask)
    text = _("Of {total} people in the directory, {silent} never did anything here.")
    return Answer(
        NEVER,
        tuple(_silent(each, found, ask.now) for each in order),
        text.format(total=len(found.expected), silent=len(silent)),
        ask.explained(
            denominator=_("members of the directory who are expected"),
            total=len(found.expected),
            excluded=excluded,
            ids=ids,
            parameters={"journal_since": begin},
        ),
        Chart("bar", x="name", y="days"),
    )


def _silent(person: Person, found: Directory, now: datetime) -> Row:
    return {
        "name": person.name,
        "actor": person.actor,
        "groups": ", ".join(found.names[each] for each in person.groups) or _("in none"),
        "since": person.since,
        "days": (now - person.since) / timedelta(days=1),
    }


# In words -------------------------------------------------------------------------------------------------------


def _sentence(ask: Ask, used: Used, before: Mapping[str, float | None], silent: int) -> str:
    from crmkit_analytical.statistics.intervals import wilson

    total, when = len(used.expected), period(ask)
    if total < ask.least or used.share is None:
        text = _(
            "Only {total} people are in the directory; from {least} on this says how many of them work with the CRM."
        )
        return text.format(total=total, least=ask.least)
    low, high = wilson(len(used.active), total)
    text = _(
        "Of {total} people in the directory, {active} ({share:.1%}, 95 % interval {low:.1%} to {high:.1%}) worked with "
        "the CRM {when}: at least {actions} actions on {days} days or more; {silent} never did anything."
    )
    said = text.format(
        total=total,
        active=len(used.active),
        share=used.share,
        low=low,
        high=high,
        when=when,
        actions=ask.parameters["actions"],
        days=ask.parameters["on_days"],
        silent=silent,
    )
    then = before.get("")
    if then is None:
        return said
    return _("{said} In the time before it was {share:.1%}.").format(said=said, share=then)
