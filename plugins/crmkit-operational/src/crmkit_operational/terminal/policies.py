"""`crm policy`: what is promised for tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import click

from crmkit import MASKED, Customer, Kind, Record, ValueRefused
from crmkit.cli.app import App
from crmkit.cli.command import many
from crmkit.cli.output import note, show
from crmkit_operational.clock.amounts import amount_text, read_amount
from crmkit_operational.clock.finding import calendar_named
from crmkit_operational.clock.kinds import Calendar
from crmkit_operational.finding import named
from crmkit_operational.service.kinds import Policy, Ticket
from crmkit_operational.service.promises import TARGETS, in_turn, matching, mismatch
from crmkit_operational.terminal.reading import DeskGroup, RecordGroup, called, worded
from crmkit_operational.words import _

__all__ = ["policy"]

policy = DeskGroup("policy", help="What is promised for tickets.")


MINUTE = timedelta(minutes=1)


class Amount(click.ParamType[int]):
    """An amount of open time that a person writes: 30m, 4h, 1시간 30분."""

    name = "amount"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The amount in minutes."""
        if isinstance(value, int):
            return value
        try:
            minutes = read_amount(value) // MINUTE
        except ValueRefused as error:
            return self.fail(str(error), param, ctx)
        return minutes or self.fail(_("a target is a minute or more"), param, ctx)


@policy.define(
    "add",
    click.Argument(["name"]),
    click.Option(["--first-response"], type=Amount(), help="Until the first answer, as in 2h."),
    click.Option(["--next-reply"], type=Amount(), help="Until each answer after it."),
    click.Option(["--resolution"], type=Amount(), help="Until it is solved."),
    click.Option(
        ["--calendar"],
        metavar="NAME",
        help="In the hours of this calendar; else on the wall's clock.",
    ),
    click.Option(["--position"], type=int, help="Its place; behind all others without it."),
    many("--priority", "priorities", "PRIORITY", help="Only for tickets of this priority."),
    many("--topic", "topics", "TOPIC", help="Only about this."),
    many("--channel", "channels", "CHANNEL", help="Only from this channel."),
    many("--team", "teams", "TEAM", help="Only for this team's tickets."),
    many("--tag", "tags", "TAG", help="Only of customers with this tag."),
)
def add(app: App, name: str, calendar: str | None, position: int | None, **given: Any) -> None:
    """Promise something for tickets: of the policies that match one, the first by position counts."""
    values: dict[str, Any] = {
        key: tuple(each) if isinstance(each, list | tuple) else each for key, each in given.items()
    }
    with app.handle.transaction() as tx:
        if calendar is not None:
            values["calendar_id"] = calendar_named(tx, calendar).id
        last = max((each.position for each in tx.find(Policy)), default=0)
        place = last + 1 if position is None else position
        made = tx.add(Policy(name=name, position=place, **values))
    _written(app, made)
    if all(values[name] is None for name in TARGETS):
        note(_("it promises nothing; give one of --first-response, --next-reply and --resolution"))


class PolicyGroup(RecordGroup):
    """Prints policies with their targets as people give them."""

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """Targets as amounts of time, the calendar by name; minutes and an id for scripts."""
        if app.format != "table":
            return {}
        kind = app.kind(self.kind)
        targets = {
            str(each): (app.label(kind.field(each)), _amount(record[each])) for each in TARGETS
        }
        calendar = called(app, record, "calendar_id", Calendar)
        return worded(app, record, "priorities", "pauses") | calendar | targets


def _written(app: App, found: Policy) -> None:
    kind = app.kind(Policy.__kind__)
    PolicyGroup(kind, app.label(kind)).written(found.id, app)


@policy.define("show", click.Argument(["name"]))
def show_policy(app: App, name: str) -> None:
    """What a policy promises, and for which tickets."""
    _written(app, named(app.handle, Policy, name))


@policy.define("list")
def list_policies(app: App) -> None:
    """The policies, in the order in which they are tried."""
    found = in_turn(app.handle.find(Policy))
    _table(app, [_row(app, each) for each in found])


def _row(app: App, found: Policy) -> dict[str, Any]:
    names = ("position", "name", "first_response", "next_reply", "resolution", "priorities")
    row = {name: found[name] for name in (*names, "topics", "channels", "teams", "tags", "id")}
    [calendar] = app.handle.get_many(Calendar, [found.calendar_id or ""])
    if app.format == "table":
        row |= {name: _amount(found[name]) for name in TARGETS}
    return row | {"calendar": calendar.name if calendar is not None else None}


def _amount(minutes: Any) -> Any:
    """Minutes as people write them; what is masked or missing stays so."""
    return amount_text(timedelta(minutes=minutes)) if isinstance(minutes, int) else minutes


def _table(app: App, rows: Sequence[dict[str, Any]], **more: str) -> None:
    kind = app.kind(Policy.__kind__)
    names = ("position", "name", "first_response", "next_reply", "resolution")
    columns = {name: app.label(kind.field(name)) for name in names}
    columns |= {"calendar": _("Business calendar")}
    show(
        app,
        rows,
        columns | more | {"id": _("Id")},
        empty=_("nothing is promised yet; `crm policy add` does it"),
    )


@policy.define("test", click.Argument(["ticket"]))
def test(app: App, ticket: str) -> None:
    """Which policy holds for a ticket now, and why not those before it."""
    found = app.handle.get(Ticket, ticket)
    [customer] = app.handle.get_many(Customer, [found.customer_id or ""])
    tags = () if customer is None or customer.tags is MASKED else customer.tags
    policies = in_turn(app.handle.find(Policy))
    holds = matching(policies, found, tags)
    kind = app.kind(Policy.__kind__)
    rows = []
    for each in policies:
        is_it = holds is not None and each.id == holds.id
        why = mismatch(each, found, tags) or ("holds" if is_it else "after")
        rows.append(_row(app, each) | {"why": _why(app, kind, why)})
    _table(app, rows, why=_("Why"))


def _why(app: App, kind: Kind, why: str) -> str:
    if app.format != "table":
        return why
    if why in kind.fields:
        return _("{field} differ").format(field=app.label(kind.field(why)))
    return _("holds") if why == "holds" else _("after it")
