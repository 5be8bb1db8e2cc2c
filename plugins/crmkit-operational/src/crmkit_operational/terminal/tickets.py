"""`crm ticket`: what customers want, from the first word to the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, get_args

import click

from crmkit import Interaction, Record, where
from crmkit.cli.app import App
from crmkit.cli.command import SKIP, Time, limit, many
from crmkit.cli.output import note as tell
from crmkit.cli.output import show
from crmkit_operational.finding import customer_called
from crmkit_operational.routing.staff import actor_named
from crmkit_operational.service import opening
from crmkit_operational.service.brief import brief
from crmkit_operational.service.kinds import MetricEvent, Policy, Priority, State, Ticket
from crmkit_operational.service.metrics import in_order
from crmkit_operational.service.stages import states_of
from crmkit_operational.terminal.reading import (
    DeskGroup,
    RecordGroup,
    called,
    customers,
    said,
    spoken,
)
from crmkit_operational.words import _, word

__all__ = ["ticket"]

ID = click.Argument(["id"])
TEXT = click.Argument(["text"])
PRIORITY = click.Option(["--priority"], type=click.Choice(get_args(Priority)), help="How urgent.")
STATE = click.Option(["--state"], type=click.Choice(get_args(State)), help="Its state.")
CHANNEL = click.Option(["--channel"], help="On which channel.")
FIELDS = (
    click.Option(["--topic"], help="What it is about, as in refund."),
    click.Option(
        ["--assignee"], metavar="AGENT", help="Whose it is, by name or by the id they act under."
    ),
    click.Option(["--team"], help="Whose team's work it is."),
    click.Option(["--problem", "parent_id"], metavar="TICKET", help="The problem it is a case of."),
)

ticket = DeskGroup("ticket", help="What customers want: opened, answered, solved, and measured.")


class TicketGroup(RecordGroup):
    """Prints tickets without the key by which the queue sorts them; `crm queue --explain` explains it."""

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """Names in place of ids and nothing in place of the key, but for scripts."""
        if app.format != "table":
            return {}
        names = called(app, record, "policy_id", Policy)
        names |= called(app, record, "parent_id", Ticket, with_id=True)
        return {**super().details(record, app), **names, "queue_key": ("", None)}


def _written(app: App, record: Record) -> None:
    kind = app.kind(record.__kind__)
    group = TicketGroup if isinstance(record, Ticket) else RecordGroup
    group(kind, app.label(kind)).written(record.id, app)


def _given(app: App, values: Mapping[str, Any]) -> dict[str, Any]:
    """What was given; an agent may be given by their name."""
    found = {name: value for name, value in values.items() if value is not None}
    if who := found.get("assignee"):
        found["assignee"] = actor_named(app.handle, who) or who
    return found


# Working on one -------------------------------------------------------------------------------------------------


@ticket.define(
    "open",
    click.Argument(["subject"]),
    click.Option(["--customer"], help="Who wants it, by id or by the very name."),
    click.Option(["--contact"], metavar="ID", help="The contact in which they said so."),
    click.Option(["--body"], help="What they said."),
    PRIORITY,
    CHANNEL,
    *FIELDS,
    many("--skill", "skills", "SKILL", help="What is needed for it."),
)
def open_one(
    app: App,
    subject: str,
    customer: str | None,
    contact: str | None,
    skills: Sequence[str],
    **given: Any,
) -> None:
    """Open a ticket, and print it with what is promised."""
    values = _given(app, given)
    with app.handle.transaction() as tx:
        if customer is not None:
            values["customer_id"] = customer_called(tx, customer).id
        about = tx.get(Interaction, contact) if contact else None
        made = opening.open_ticket(tx, subject, about, skills=tuple(skills), **values)
    _written(app, made)


@ticket.define("reply", ID, TEXT, CHANNEL)
def reply(app: App, id: str, text: str, channel: str | None) -> None:
    """Log what was answered, and print the ticket."""
    with app.handle.transaction() as tx:
        opening.reply(tx, tx.get(Ticket, id), text, channel)
    _written(app, app.handle.get(Ticket, id))


@ticket.define("note", ID, TEXT)
def leave_note(app: App, id: str, text: str) -> None:
    """Leave a note for colleagues: it answers nobody."""
    with app.handle.transaction() as tx:
        made = opening.note(tx, tx.get(Ticket, id), text)
    _written(app, made)


@ticket.define("set", ID, STATE, PRIORITY, *FIELDS)
def change(app: App, id: str, **given: Any) -> None:
    """Change a ticket's state, priority, topic, or whose it is; what is promised follows."""
    changes = _given(app, given)
    if not changes:
        raise click.UsageError(_("nothing is to be changed; give an option"))
    with app.handle.transaction() as tx:
        tx.update(tx.get(Ticket, id).evolve(**changes))
    _written(app, app.handle.get(Ticket, id))


@ticket.define(
    "solve", ID, click.Option(["--with-cases"], is_flag=True, help="The cases of a problem, too.")
)
def solve(app: App, id: str, with_cases: bool) -> None:
    """Solve a ticket; what the customer says next brings it back."""
    with app.handle.transaction() as tx:
        done = opening.solve(tx, tx.get(Ticket, id), with_cases)
    _table(app, done)


@ticket.define(
    "give",
    ID,
    click.Option(
        ["--to"],
        required=True,
        metavar="CUSTOMER",
        help="Whose it is in truth, by id or by the very name.",
    ),
)
def give(app: App, id: str, to: str) -> None:
    """Let a ticket belong to another customer, with all that was measured of it."""
    with app.handle.transaction() as tx:
        opening.give(tx, tx.get(Ticket, id), customer_called(tx, to).id)
    _written(app, app.handle.get(Ticket, id))


# Looking --------------------------------------------------------------------------------------------------------


@ticket.define("show", ID)
def show_ticket(app: App, id: str) -> None:
    """Print a ticket, with what is promised."""
    _written(app, app.handle.get(Ticket, id))


@ticket.define(
    "list",
    STATE,
    PRIORITY,
    click.Option(["--topic"], help="Only about this."),
    click.Option(["--assignee"], metavar="AGENT", help="Only theirs."),
    click.Option(["--customer"], help="Only this customer's, by id or by the very name."),
    click.Option(["--all", "all_"], is_flag=True, help="Solved and closed ones, too."),
    limit(50),
    SKIP,
)
def list_tickets(
    app: App, customer: str | None, all_: bool, limit: int, after: str | None, **given: Any
) -> None:
    """The tickets that are not solved, newest first."""
    wanted: list[Any] = [where[name] == value for name, value in _given(app, given).items()]
    if customer is not None:
        wanted.append(where.customer_id == customer_called(app.handle, customer).id)
    if not all_ and given["state"] is None:
        wanted.append(where.state.in_(["new", "open", "pending", "on_hold"]))
    page = app.handle.page(Ticket, *wanted, order="-opened_at", limit=limit, after=after)
    _table(app, page.records, empty=_("no ticket waits for anything"))
    if page.after:
        tell(_("there are more: --after {cursor}").format(cursor=page.after))


def _table(app: App, found: Sequence[Ticket], empty: str = "") -> None:
    kind = app.kind(Ticket.__kind__)
    names = ("opened_at", "state", "priority", "subject", "customer", "assignee", "due", "id")
    who = customers(app, found)
    rows = [
        {name: each[name] for name in ("opened_at", "subject", "assignee", "id")}
        | {name: said(app, each[name]) for name in ("state", "priority")}
        | {"customer": who.get(each.customer_id), "due": _next_due(each)}
        for each in found
    ]
    own = {"customer": _("Customer"), "due": _("Next due"), "id": _("Id")}
    columns = {name: own.get(name) or app.label(kind.field(name)) for name in names}
    show(app, rows, columns, empty=empty)


def _next_due(found: Ticket) -> Any:
    dues = (found.first_response_due, found.next_reply_due, found.resolution_due)
    return min((each for each in dues if each is not None), default=None)


@ticket.define("board")
def board(app: App) -> None:
    """How many tickets are in each state, by priority."""
    counted = {
        total.group: total.count for total in app.handle.totals(Ticket, by=("state", "priority"))
    }
    rows = [
        {"state": said(app, state)}
        | {each: counted.get((state, each), 0) for each in get_args(Priority)}
        | {"all": sum(counted.get((state, each), 0) for each in get_args(Priority))}
        for state in get_args(State)
    ]
    columns = {"state": _("State")} | {each: word(each) for each in get_args(Priority)}
    show(app, rows, columns | {"all": _("All")})


@ticket.define("history", ID)
def history(app: App, id: str) -> None:
    """The states of a ticket: when it came into each by the time of the world, for how long, and by whom."""
    rows = [
        {
            "state": said(app, each.state),
            "since": each.since,
            "until": each.until,
            "minutes": _minutes(app, each.length(app.crm.clock())),
            "by": each.by,
        }
        for each in states_of(app.handle, app.handle.get(Ticket, id))
    ]
    columns = {"state": _("State"), "since": _("Since"), "until": _("Until")}
    show(app, rows, columns | {"minutes": _("Duration"), "by": _("By")})


def _minutes(app: App, length: timedelta) -> str | float:
    return spoken(length) if app.format == "table" else round(length / timedelta(minutes=1), 1)


@ticket.define("events", ID)
def events(app: App, id: str) -> None:
    """The metric events of a ticket, of which every figure is made."""
    found = app.handle.get(Ticket, id)
    rows = [
        {
            "at": each.at,
            "metric": said(app, each.metric),
            "instance": each.instance,
            "type": said(app, each.type),
            "due": each.due,
            "id": each.id,
        }
        for each in in_order(app.handle.find(MetricEvent, where.ticket_id == found.id))
    ]
    columns = {"at": _("At"), "metric": _("Metric"), "instance": _("Instance")}
    show(app, rows, columns | {"type": _("Type"), "due": _("Due"), "id": _("Id")})


@ticket.define("brief", ID)
def show_brief(app: App, id: str) -> None:
    """What matters now: at most twelve lines, each with the record that says so."""
    rows = [
        {"about": each.about, "text": each.text, "kind": each.kind, "id": each.id}
        for each in brief(app.handle, app.handle.get(Ticket, id))
    ]
    columns = {"about": _("About"), "text": _("What"), "kind": _("Kind"), "id": _("Id")}
    show(app, rows, columns)


PERIOD = timedelta(days=90)


@ticket.define(
    "report",
    click.Option(["--since"], type=Time(), help="Opened from then on; 90 days without it."),
    click.Option(["--until"], type=Time(), help="Opened before then; now without it."),
    click.Option(["--explain"], is_flag=True, help="Show what each figure is made of."),
)
def report(app: App, since: Any, until: Any, explain: bool) -> None:
    """How fast tickets were answered and solved, in calendar and business hours, and what was promised and kept."""
    from crmkit_operational.terminal.reporting import show_report

    until = until or app.crm.clock() + timedelta.resolution  # what happens now belongs to it
    since = since or until - PERIOD
    if until <= since:
        raise click.UsageError(_("--until is not after --since; give a later time"))
    show_report(app, since, until, explain)


# The clocks -----------------------------------------------------------------------------------------------------


@ticket.define(
    "clocks",
    ID,
    click.Option(["--explain"], is_flag=True, help="Say day by day what each is made of."),
)
def clocks(app: App, id: str, explain: bool) -> None:
    """Each clock of a ticket with its arithmetic: when it ran, in calendar and in business time."""
    from crmkit_operational.terminal.clocks import show_clocks

    show_clocks(app, app.handle.get(Ticket, id), explain)
