"""`crm interaction note`, `notes`, `done` and `thread`, and `crm customer stream`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from crmkit import Customer, Identity, Interaction, Record, Records, where
from crmkit.cli.app import App
from crmkit.cli.command import AS_OF, SKIP, define, limit, many
from crmkit.cli.output import document, note, show, write_json
from crmkit.cli.records import ID, KindGroup
from crmkit_collaborative.channels.replying import reply_to
from crmkit_collaborative.directory.finding import named
from crmkit_collaborative.interactions.fields import DONE_AT, REMEMBER
from crmkit_collaborative.interactions.remembering import mark_done, notes, remember
from crmkit_collaborative.interactions.stream import Filter, is_internal, stream
from crmkit_collaborative.kinds import Team
from crmkit_collaborative.words import _

__all__ = ["note_down", "show_notes", "show_stream", "show_thread", "tick_off"]


def _written(app: App, found: Interaction) -> None:
    kind = app.kind("interaction")
    KindGroup(kind, app.label(kind)).written(found.id, app)


def _more(page: Records[Any]) -> None:
    if page.after:
        note(_("there are more: --after {cursor}").format(cursor=page.after))


# To remember ----------------------------------------------------------------------------------------------------


@define("note", ID, click.Argument(["text"]))
def note_down(app: App, id: str, text: str) -> None:
    """Leave a note on a contact, which shows at the next one, and print the contact."""
    with app.handle.transaction() as tx:
        found = remember(tx, id, text)
    _written(app, found)


@define("done", ID)
def tick_off(app: App, id: str) -> None:
    """Mark the note of a contact as seen to, and print the contact."""
    with app.handle.transaction() as tx:
        found = mark_done(tx, id, app.crm.clock())
    _written(app, found)


ALL = click.Option(["--all", "all_"], is_flag=True, help="Those that were seen to as well.")


@define("notes", click.Argument(["customer"]), ALL, limit(50), SKIP)
def show_notes(app: App, customer: str, all_: bool, **options: Any) -> None:
    """What to remember of a customer, newest first."""
    found = app.handle.get(Customer, customer)
    page = notes(app.handle, found.id, done=all_, **options)
    rows = [
        {
            "at": each.happened_at,
            "channel": each.channel,
            "text": each[REMEMBER],
            "done": each[DONE_AT],
            "id": each.id,
        }
        for each in page
    ]
    columns = {"at": _("At"), "channel": _("Channel"), "text": _("To remember")}
    columns |= {"done": _("Done")} if all_ else {}
    empty = _("there is nothing to remember of this customer")
    show(app, rows, columns | {"id": _("Id")}, empty=empty)
    _more(page)


# Threads --------------------------------------------------------------------------------------------------------


@define("thread", ID, limit(50), SKIP)
def show_thread(app: App, id: str, **options: Any) -> None:
    """The conversation that a contact belongs to, oldest first, and to which address a reply goes."""
    found = app.handle.get(Interaction, id)
    same = [where.id == found.id]
    if isinstance(found.thread, str):
        same = [where.thread == found.thread, where.customer_id == found.customer_id]
    page = app.handle.page(Interaction, *same, order="happened_at", **options)
    address = reply_to(app.handle, found)
    kind = app.kind("interaction")
    if app.format == "json":
        whom = address and document(app.kind("identity"), address)
        rows = [document(kind, each) for each in page]
        write_json({"interactions": rows, "reply_to": whom, "after": page.after})
        return
    # A table shows the column `text` whole, however long it is.
    said = "text" if app.format == "table" else "body"
    fields = {each: each for each in ("happened_at", "channel", "direction", "subject")}
    fields |= {said: "body"}
    headings = {name: app.label(kind.field(field)) for name, field in fields.items()}
    rows = [
        {"id": each.id} | {name: each[field] for name, field in fields.items()} for each in page
    ]
    show(app, rows, headings | {"id": _("Id")})
    _more(page)
    _tell(address)


def _tell(address: Identity | None) -> None:
    if address is not None:
        note(_("a reply goes to {address}").format(address=address.value))


# The stream -----------------------------------------------------------------------------------------------------


@define(
    "stream",
    ID,
    many("--kind", "kinds", "KIND", help="Only of this kind."),
    click.Option(["--channel"], help="Only on this channel."),
    click.Option(["--team"], help="Only what is this team's work."),
    click.Option(
        ["--internal/--shared"],
        default=None,
        help="Only what is among colleagues, or only what the customer may see too.",
    ),
    limit(50),
    SKIP,
    AS_OF,
)
def show_stream(
    app: App,
    id: str,
    kinds: Sequence[str],
    channel: str | None,
    team: str | None,
    internal: bool | None,
    **options: Any,
) -> None:
    """Everything that happened with a customer, newest first: of some kinds, on a channel, of a team."""
    found = app.handle.get(Customer, id, as_of=options["as_of"])
    of = None if team is None else named(app.handle, Team, team).id
    wanted = Filter(tuple(kinds) or None, channel, of, internal)
    page = stream(app.handle, found.id, wanted, **options)
    teams = _teams(app, page.records)
    rows = [_event(app, each, teams) for each in page]
    columns = {"at": _("At"), "kind": _("Kind"), "channel": _("Channel"), "team": _("Team")}
    columns |= {"internal": _("Internal"), "title": _("Title"), "id": _("Id")}
    show(app, rows, columns, empty=_("nothing like that has happened with this customer"))
    _more(page)


def _team_id(app: App, record: Record) -> str | None:
    references = app.kind(record.__kind__).references
    own = (record[each.name] for each in references if each.refers_to == Team.__kind__)
    return next((each for each in own if isinstance(each, str)), None)


def _teams(app: App, records: Sequence[Record]) -> dict[str, Team]:
    ids = list(dict.fromkeys(id for each in records if (id := _team_id(app, each))))
    return {each.id: each for each in app.handle.get_many(Team, ids) if each is not None}


def _event(app: App, record: Record, teams: Mapping[str, Team]) -> dict[str, Any]:
    kind, is_table = app.kind(record.__kind__), app.format == "table"
    team = teams.get(_team_id(app, record) or "")
    found = {
        "at": record[str(kind.timeline)],
        "kind": app.label(kind) if is_table else kind.name,
        "channel": record["channel"] if "channel" in kind.fields else None,
        "team": team and team.name,
        "internal": is_internal(kind, record) or (None if is_table else False),
        "title": kind.title_of(record),
        "id": record.id,
    }
    return {**document(kind, record), **found} if app.format == "json" else found
