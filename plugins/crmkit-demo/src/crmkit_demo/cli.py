"""`crm demo`: making the company, and showing a newcomer around in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from typing import Any

import click

from crmkit import CrmError, Customer, Identity, Interaction, Participant
from crmkit.cli.app import App
from crmkit.cli.command import define
from crmkit.cli.output import note, show
from crmkit.cli.setup import begin
from crmkit_demo.running import Company, made
from crmkit_demo.telling import unfinished
from crmkit_demo.tour import seen_by, show_around
from crmkit_demo.words import _

__all__ = ["demo"]

EARLIEST = date(2000, 1, 1)
"""Stories of an earlier time are not told."""

CUSTOMERS = click.Option(
    ["--customers"],
    type=click.IntRange(1, 1_000_000),
    default=200,
    show_default=True,
    help="How many customers there are in the end; plugins may add some.",
)
SEED = click.Option(
    ["--seed"], type=int, default=1, show_default=True, help="Another seed is another company."
)
UNTIL = click.Option(
    ["--until"],
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which it ends; today if not given.",
)


@define("demo", CUSTOMERS, SEED, UNTIL)
def demo(app: App, customers: int, seed: int, until: datetime | None) -> None:
    """Make a small company with two branches and three years behind it, in an empty database, and show it."""
    if not (app.url or app.config.path):
        files = begin(app)
        vars(app).pop("config", None)  # there is one now
        note(_("made {configuration} and {database}").format(**files))
    company = _told(app, customers, seed, _day(app, until))
    if app.format == "table":
        show_around(app, company.plot, seen_by(app, company.plot, app.language.code))
    else:
        found = _summary(app, company)
        show(app, [found], {name: name for name in found}, one=True)


def _day(app: App, until: datetime | None) -> date | None:
    """The day that was given, if there can be a story that ends then: times to come are nobody's history."""
    if until is None:
        return None
    today = app.crm.clock().date()
    if not EARLIEST <= until.date() <= today:
        raise click.BadParameter(f"--until is a day from {EARLIEST} to {today}, in UTC")
    return until.date()


def _told(app: App, customers: int, seed: int, until: date | None) -> Company:
    """Make the company; whoever has to stop is told how to go on."""
    if left := unfinished(app.crm):
        text = _(
            "going on with {customers} customers, seed {seed}, until {until}, where it was stopped"
        )
        values = {"customers": left.customers, "seed": left.seed, "until": left.until}
        note(text.format(**values))
    try:
        with _bar() as started:
            return made(app.crm, customers, seed, until, started)
    except (CrmError, KeyboardInterrupt):
        if unfinished(app.crm):
            note(_("what is written stays; `crm demo` goes on from there"))
        raise


@contextmanager
def _bar() -> Iterator[Callable[[int], Callable[[int], object]]]:
    """A progress bar on a terminal, there once its length is known."""
    with ExitStack() as stack:

        def start(length: int) -> Callable[[int], object]:
            hidden = not sys.stderr.isatty()
            bar = click.progressbar(length=length, file=sys.stderr, hidden=hidden)
            return stack.enter_context(bar).update

        yield start


def _summary(app: App, company: Company) -> dict[str, Any]:
    """What scripts are told; `first` is the customer whom the tour shows in Korean."""
    counts = {
        "customers": Customer,
        "identities": Identity,
        "interactions": Interaction,
        "participants": Participant,
    }
    first = seen_by(app, company.plot, "ko").customer
    return {
        **{name: app.crm.count(kind) for name, kind in counts.items()},
        "seed": company.telling.seed,
        "until": company.telling.until,
        "first": first.id if first else None,
    }
