"""`crm contact`: how customers want to be met, whether they may be, and how they are met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import click

from crmkit import Customer
from crmkit.cli.app import App
from crmkit.cli.command import Group
from crmkit.cli.output import bar, note, show
from crmkit.cli.records import KindGroup
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.channels.registry import channels, named
from crmkit_collaborative.preference.choosing import Choice, choose
from crmkit_collaborative.preference.gathering import everybody, known
from crmkit_collaborative.preference.observing import HALF_LIFE, Observed, weight
from crmkit_collaborative.preference.reporting import Cell, matrix
from crmkit_collaborative.preference.sampling import EACH, Base, Sample, bases, sample
from crmkit_collaborative.preference.stating import prefer, rule
from crmkit_collaborative.settings import Settings
from crmkit_collaborative.words import _

__all__ = ["contact"]

contact = Group("contact", help="How customers want to be met, and whether they may be.")

CUSTOMER = click.Argument(["customer"])
CHANNEL = click.Argument(["channel"])
PURPOSE = click.Option(["--purpose"], metavar="PURPOSE", help="For this purpose, as in service.")
ONLY = click.Option(["--channel"], metavar="CHANNEL", help="On this channel; on all without it.")
EXPLAIN = click.Option(["--explain"], is_flag=True, help="Show how each figure comes about.")
NONE = Base(0.0, 0.0, 0)
REASON = click.Option(["--reason"], default="", metavar="TEXT", help="Why.")


@contact.define("how", CUSTOMER, PURPOSE, EXPLAIN)
def how(app: App, customer: str, purpose: str | None, explain: bool) -> None:
    """The channels on which to try a customer, the best first, each with its reasons."""
    found = app.handle.get(Customer, customer)
    known_, now = _channels(app), app.crm.clock()
    seen = sample(app.handle, known_.values(), purpose, now)
    base = bases(seen.contacts, now)
    mine = known(app.handle, found, known_.values(), purpose, now)
    needed = purpose in app.crm.settings(Settings).consent_for
    rates = {name: each.rate for name, each in base.items()}
    chosen = choose(known_.values(), mine, purpose, now, rates, needs_consent=needed)
    rows = [_row(app, place, each) for place, each in enumerate(chosen, 1)]
    if explain and app.format == "json":
        rows = [
            {**row, "sum": _sum(each.observed, base.get(each.channel, NONE), seen)}
            for row, each in zip(rows, chosen, strict=True)
        ]
    show(app, rows, columns="rank channel use rate because")
    if explain and app.format != "json":
        observed = [each.observed for each in chosen if each.observed.evidence]
        for each in observed:
            _explained(app, each, now)
        if observed:
            _sampled(app, [each.channel for each in observed], base, seen)


def _channels(app: App) -> Mapping[str, Channel]:
    return {name: each.channel for name, each in channels(app.crm).items()}


def _counted(app: App, found: Iterable[Any], progress: Any) -> Iterable[Any]:
    total = app.handle.count(Customer)
    for number, each in enumerate(found, 1):
        progress(min(number, total), total)
        yield each


def _row(app: App, place: int, choice: Choice) -> Mapping[str, Any]:
    return {
        "rank": place,
        "channel": choice.channel,
        "use": choice.usable,
        "rate": round(choice.observed.rate, 4),
        "because": _because(app, choice),
    }


def _day(app: App, at: datetime) -> str:
    return app.local(at)[:10]


def _because(app: App, choice: Choice) -> str:
    ruled, preference = choice.permit.rule, choice.preference
    if ruled is not None and not choice.permit.allowed:
        said = {
            "withdrawn": _("consent was withdrawn"),
            "do_not_contact": _("asked for no contact"),
        }
        return f"{said[ruled.verdict]} {_day(app, ruled.since)} ({ruled.id})"
    if not choice.permit.allowed:
        return _("no consent, which this purpose needs")
    if not choice.reachable:
        return _("no address on it")
    if preference is not None:
        stated = _("stated") if preference.source == "stated" else _("decided by the company")
        return f"{stated} {_day(app, preference.since)} ({preference.id})"
    seen = len(choice.observed.evidence)
    return _("observed: {count}").format(count=seen) if seen else _("not tried yet")


def _sum(observed: Observed, base: Base, seen: Sample) -> Mapping[str, Any]:
    return {
        "hits": observed.hits,
        "total": observed.total,
        "base": observed.base,
        "base_hits": base.hits,
        "base_total": base.total,
        "base_contacts": base.contacts,
        "base_customers": seen.customers,
        "base_until": seen.until,
        "prior": observed.prior,
        "half_life_days": HALF_LIFE,
        "contacts": [
            {"id": each.contact.id, "used": each.value, "why": each.why, "by": each.by}
            for each in observed.evidence
        ],
    }


def _explained(app: App, observed: Observed, now: datetime) -> None:
    note(
        f"{observed.channel}: ({observed.hits:.4f} + {observed.prior:g} x {observed.base:.4f}) / "
        f"({observed.total:.4f} + {observed.prior:g}) = {observed.rate:.4f}"
    )
    for each in observed.evidence:
        at, weighed = each.contact.at, weight(each.contact.at, now)
        days = max(0.0, (now - at).total_seconds() / 86_400)
        by = f" {each.by}" if each.by else ""
        note(
            f"  {_day(app, at)} {each.contact.id}: {each.value} x 0.5^({days:.2f}/{HALF_LIFE:g}) = "
            f"{each.value} x {weighed:.4f}, {each.why}{by}"
        )


def _sampled(app: App, channels: Sequence[str], base: Mapping[str, Base], seen: Sample) -> None:
    """Say what each p0 is, and over how many contacts of how many customers."""
    for channel in channels:
        of = base.get(channel, NONE)
        made = f"{of.hits:.4f} / {of.total:.4f} = {of.rate:.4f}" if of.total else f"{of.rate:.4f}"
        text = _("p0 of {channel}: {sum}; contacts: {contacts}")
        note(text.format(channel=channel, sum=made, contacts=of.contacts))
    text = _(
        "p0 is over the customers met last: {customers}, of each the newest contacts, up to {each}"
    )
    note(text.format(customers=len(seen.customers), each=EACH))
    if seen.until is not None:
        text = _("the contacts after {at} are left out of p0, since answers to them may yet come")
        note(text.format(at=app.local(seen.until)))


@contact.define(
    "prefer",
    CUSTOMER,
    CHANNEL,
    PURPOSE,
    click.Option(["--policy"], is_flag=True, help="The company decided it, not the customer."),
    click.Option(["--note"], default="", metavar="TEXT", help="What they said."),
)
def prefer_channel(
    app: App, customer: str, channel: str, purpose: str | None, policy: bool, note: str
) -> None:
    """Note on which channel a customer wants to be met."""
    wanted = named(app.crm, channel)
    source: Literal["stated", "policy"] = "policy" if policy else "stated"
    with app.handle.transaction() as tx:
        made = prefer(tx, customer, wanted, purpose=purpose, source=source, note=note)
    _written(app, made)


def _written(app: App, made: Any) -> None:
    kind = app.kind(made.__kind__)
    KindGroup(kind, app.label(kind)).written(made.id, app)


@contact.define("forbid", CUSTOMER, ONLY, PURPOSE, REASON)
def forbid(app: App, **said: Any) -> None:
    """Note that a customer wants no contact: on a channel or any, for a purpose or any."""
    _ruled(app, "do_not_contact", **said)


@contact.define("consent", CUSTOMER, ONLY, PURPOSE, REASON)
def consent(app: App, **said: Any) -> None:
    """Note that a customer agreed to be contacted."""
    _ruled(app, "consent", **said)


@contact.define("withdraw", CUSTOMER, ONLY, PURPOSE, REASON)
def withdraw(app: App, **said: Any) -> None:
    """Note that a customer took their consent back."""
    _ruled(app, "withdrawn", **said)


def _ruled(app: App, verdict: Any, customer: str, channel: str | None, **said: Any) -> None:
    wanted = None if channel is None else named(app.crm, channel)
    with app.handle.transaction() as tx:
        made = rule(tx, customer, verdict, channel=wanted, **said)
    _written(app, made)


@contact.define("report", PURPOSE, EXPLAIN)
def report(app: App, purpose: str | None, explain: bool) -> None:
    """How each sort of customer is met: contacts, answers, and how long they took, by purpose and channel."""
    known_, now = _channels(app), app.crm.clock()
    types: dict[str, str] = {}
    for ids, sorts in app.handle.columns(Customer, ["id", "type"]):
        types.update(zip(ids, sorts, strict=True))
    with bar() as progress:
        found = _counted(app, everybody(app.handle, known_.values(), purpose, now), progress)
        cells = matrix(found, types)
    rows = [_cell(each, explain) for each in cells]
    show(app, rows, _headings(), empty=_("nobody was contacted yet"))
    if explain and app.format != "json":
        for each in cells:
            if each.answered:
                told = " ".join(each.answered)
                note(f"{each.type} {each.purpose or '-'} {each.channel}: {told}")


def _headings() -> Mapping[str, str]:
    return {
        "type": _("Type"),
        "purpose": _("Purpose"),
        "channel": _("Channel"),
        "contacts": _("Contacts"),
        "attempts": _("Attempts"),
        "answered": _("Answered"),
        "reply_rate": _("Reply rate"),
        "waited_minutes": _("Waited minutes"),
    }


def _cell(cell: Cell, explain: bool) -> Mapping[str, Any]:
    row: dict[str, Any] = {
        "type": cell.type,
        "purpose": cell.purpose,
        "channel": cell.channel,
        "contacts": len(cell.contacts),
        "attempts": len(cell.attempts),
        "answered": len(cell.answered),
        "reply_rate": None if cell.reply_rate is None else round(cell.reply_rate, 4),
        "waited_minutes": None
        if cell.waited is None
        else round(cell.waited.total_seconds() / 60, 1),
    }
    if explain:
        row["ids"] = {
            "contacts": cell.contacts,
            "attempts": cell.attempts,
            "answered": cell.answered,
        }
    return row
