"""A tour of the company: a customer's profile and timeline, a search, and what to type next."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

import attrs
import click

from crmkit import CrmError, Customer, Interaction
from crmkit.cli.app import App
from crmkit.cli.output import note
from crmkit.cli.root import crm as command
from crmkit_demo.company import NAMES, YEARS
from crmkit_demo.figures import Figure
from crmkit_demo.plot import Plot
from crmkit_demo.story import Stop
from crmkit_demo.words import _

__all__ = ["Sights", "seen_by", "show_around"]

PLAIN = re.compile(r"[\w@%+=:,./-]+")
"""Words that no shell reads otherwise; those of Hangul are, for `shlex.quote`, not among them."""
HOME = {"KR": "ko", "GB": "en"}
WORD = "환불"
"""What the tour searches for: a word of two syllables, which stands within longer ones."""


@attrs.frozen
class Sights:
    """What there is to show: a customer, and an id that was merged into another's; None where there is none."""

    customer: Customer | None
    merged: str | None


def seen_by(app: App, plot: Plot, language: str) -> Sights:
    """What to show to whoever types, of those who speak a language: nobody whom they may not see.

    The customer is a private person who asked for a refund once, and of whom there is most to tell.
    """
    people = [each for each in plot.customers if each.role == "person"]
    able = [each for each in people if each.language == language and _wanted(plot, each)]
    ids = [each.id for each in able if each.id is not None]
    found = {each.id: each for each in app.handle.get_many(Customer, ids) if each is not None}
    shown = [each for each in able if each.id in found]
    best = max(shown, key=lambda each: _told(plot, each, found[str(each.id)]), default=None)
    return Sights(found[str(best.id)] if best else None, _merged(plot, best, language))


def _merged(plot: Plot, best: Figure | None, language: str) -> str | None:
    """An id that was merged away: rather that of the customer who is shown, or of one of the same language."""
    fitting = sorted(
        plot.duplicates, key=lambda each: (each.of is not best, each.of.language != language)
    )
    return fitting[0].figure.id if fitting else None


def _wanted(plot: Plot, figure: Figure) -> bool:
    return any(each.scene.topic == "refund" for each in plot.talks[figure])


def _told(plot: Plot, figure: Figure, record: Customer) -> tuple[bool, int, int, str]:
    """How much there is to tell of a customer: on how many channels, how often it was edited, of how many things.

    Somebody who was never edited has no past to show, and comes last.

    Rather of one at a branch where most speak that language.
    """
    talks, is_at_home = plot.talks[figure], figure.language == HOME[figure.branch.country]
    channels, topics = (
        {each.scene.channel for each in talks},
        {each.scene.topic for each in talks},
    )
    return (
        record.version > 1,
        4 * is_at_home + 3 * len(channels) + 2 * min(record.version, 4) + len(topics),
        len(talks),
        record.id,
    )


def show_around(app: App, plot: Plot, sights: Sights) -> None:
    """The company in a few screens, by the commands that show it."""
    name, customer = NAMES[app.language.code], sights.customer
    counts = {
        "customers": f"{app.handle.count(Customer):,}",
        "contacts": f"{app.handle.count(Interaction):,}",
    }
    said = _(
        "{name}, a coffee roaster in Seoul and London: {years} years, {customers} customers, {contacts} contacts."
    )
    click.echo(said.format(name=name, years=YEARS, **counts))
    zone = app.config.company.timezone
    click.echo(_("Times are those of {zone}, the time zone in crm.toml.").format(zone=zone))
    if customer is None:
        note(
            _("{actor} may see no customer here; --actor says who you are").format(
                actor=app.handle.actor
            )
        )
    else:
        _run(app, "customer", "show", customer.id)
        _run(app, "customer", "timeline", customer.id, "--limit", "8")
    _run(app, "search", WORD, "--limit", "5")
    click.echo(f"\n{_('What to type next:')}")
    for stop in chain(_past(app, sights), _company(), _shared(app, plot, sights), _own(app)):
        click.echo(f"  {_typed(app, *stop.words)}\n      {stop.why}")
    if (app.url or "").startswith("memory:"):
        note(_("this company is in memory only, and gone now; leave out --db to keep one"))


def _run(app: App, *words: str) -> None:
    """Show a command, and what it prints."""
    click.echo(f"\n$ {_typed(app, *words)}")
    command.main(list(words), prog_name="crm", standalone_mode=False, obj=app)


def _typed(app: App, *words: str) -> str:
    """A command as it is typed by whoever typed this one: with its options, and through uv if that ran it."""
    given = [("--config", app.config_path), ("--db", app.db)]
    options = [each for name, value in given if value for each in (name, value)]
    begin = "uv run crm " if "UV_RUN_RECURSION_DEPTH" in os.environ else "crm "
    return begin + " ".join(map(_quoted, [*words, *options]))


def _quoted(word: str) -> str:
    return word if PLAIN.fullmatch(word) else shlex.quote(word)


# Commands that work as they stand, and what they show --------------------------------------------------------------


def _past(app: App, sights: Sights) -> Iterator[Stop]:
    """What the journal has of the customer who is shown, and of one who was merged away."""
    if sights.customer is not None:
        id = sights.customer.id
        yield Stop(("history", "customer", id), _("who changed what in this customer, and when"))
        if sights.customer.version > 1:
            yield Stop(
                ("customer", "show", id, "--as-of", _before(app, sights.customer)),
                _("the same customer, as it was before the last change"),
            )
    if sights.merged is not None:
        yield Stop(
            ("customer", "show", sights.merged),
            _("an id that was merged away leads to who took it in"),
        )


def _before(app: App, customer: Customer) -> str:
    """A time before the last change of a customer: the day before, if they were there when it began, else to the second."""
    day = (customer.updated_at - timedelta(days=1)).astimezone(app.timezone).date()
    if app.time(day.isoformat()) >= customer.created_at:
        return day.isoformat()
    return (customer.updated_at - timedelta(seconds=1)).isoformat(timespec="seconds")


def _company() -> Iterator[Stop]:
    """The company in lists and figures."""
    yield Stop(
        ("customer", "list", "--where", "country=GB", "--order", "name"),
        _("the customers in Britain"),
    )
    yield Stop(("customer", "totals", "--by", "owner"), _("how many customers each owner has"))
    yield Stop(
        ("interaction", "totals", "--by", "channel"),
        _("how many contacts there were on each channel"),
    )


def _shared(app: App, plot: Plot, sights: Sights) -> Iterator[Stop]:
    """What plugins would have typed next; one that fails is named, and the others are not kept from it."""
    for call in app.crm.plugins.calls("crm_demo_tour"):
        told = {
            "story": plot.story(call.owner.name),
            "crm": app.handle,
            "customer": sights.customer,
        }
        answer = call.attempt(told)
        if isinstance(answer, CrmError):
            note(str(answer))
            continue
        for each in answer or ():
            if isinstance(each, Stop):
                yield each
            else:
                text = f"returned {each!r:.80} from crm_demo_tour; return Stop objects"
                note(str(call.owner.refusal(text, "crm_demo_tour")))


def _own(app: App) -> Iterator[Stop]:
    """What whoever types may add of their own."""
    yield Stop(
        ("customer", "add", "--name", "김하늘", "--email", "sky@hanbit.example"),
        _("a customer of your own"),
    )
    if "exchange" in app.crm.plugins.found:
        yield Stop(("import", "FILE.csv", "--plan"), _("what your own files would become"))
    yield Stop(("doctor",), _("whether all is well"))
