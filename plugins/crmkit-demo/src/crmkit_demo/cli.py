"""`crm demo`: making the company, and showing a newcomer around in it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import click

from crmkit import Customer, Interaction
from crmkit.cli.app import App
from crmkit.cli.command import define
from crmkit.cli.customer import customer
from crmkit.cli.journal import search
from crmkit.cli.output import note, write_json
from crmkit.cli.setup import begin
from crmkit_demo.company import NAMES, YEARS
from crmkit_demo.running import made
from crmkit_demo.telling import Telling
from crmkit_demo.words import _

__all__ = ["demo"]

WORD = "환불"
"""What the tour searches for: a word of two syllables, which stands within longer ones."""

CUSTOMERS = click.Option(
    ["--customers"],
    type=click.IntRange(1, 1_000_000),
    default=200,
    show_default=True,
    help="How many.",
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
    if not (app.url or app.config.storage):
        files = begin(app)
        vars(app).pop("config", None)  # there is one now
        note(_("made {configuration} and {database}").format(**files))
    with _bar() as started:
        telling = made(app.crm, customers, seed, until.date() if until else None, started)
    hero = _hero(app)
    if app.format == "json":
        write_json(_summary(app, telling, hero))
    else:
        _show_around(app, hero)


@contextmanager
def _bar() -> Iterator[Callable[[int], Callable[[int], object]]]:
    """A progress bar on a terminal, whose length is told when it is known."""
    with click.progressbar(length=1, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def start(length: int) -> Callable[[int], object]:
            bar.length = length
            return bar.update

        yield start


def _hero(app: App) -> Customer | None:
    """Whom to show: of those who asked for a refund in the language of the terminal, who was most often in touch."""
    korean = app.language.code == "ko"
    asked = app.handle.search(WORD if korean else "refund", [Interaction], limit=100)
    times = Counter(each["customer_id"] for each in asked if each["customer_id"])
    return app.handle.get(Customer, times.most_common(1)[0][0]) if times else None


def _summary(app: App, telling: Telling, hero: Customer | None) -> dict[str, Any]:
    counts = {kind.name: app.crm.count(kind.name) for kind in app.crm.schema}
    return {
        "customers": counts["customer"],
        "identities": counts["identity"],
        "interactions": counts["interaction"],
        "changes": app.crm.storage.position(),
        "seed": telling.seed,
        "until": telling.until,
        "first": hero.id if hero else None,
    }


def _show_around(app: App, hero: Customer | None) -> None:
    """The company in a few screens: a profile, a timeline, a search, and what to type next."""
    counted = {
        name: f"{app.crm.count(kind):,}"
        for name, kind in (("customers", Customer), ("contacts", Interaction))
    }
    name = NAMES[app.language.code]
    said = _(
        "{name}, a coffee roaster in Seoul and London: {years} years, {customers} customers, {contacts} contacts."
    )
    click.echo(said.format(name=name, years=YEARS, **counted))
    context = click.get_current_context()
    if hero is not None:
        _prompt(f"crm customer show {hero.id}")
        context.invoke(customer.commands["show"], id=hero.id, as_of=None)
        _prompt(f"crm customer timeline {hero.id} --limit 8")
        context.invoke(
            customer.commands["timeline"], id=hero.id, kinds=(), limit=8, after=None, as_of=None
        )
    _prompt(f"crm search {WORD} --limit 5")
    context.invoke(search, text=WORD, kinds=(), limit=5, as_of=None)
    click.echo(f"\n{_('What to type next:')}")
    for command, why in _next(app, hero):
        click.echo(f"  {command}\n      {why}")


def _prompt(command: str) -> None:
    click.echo(f"\n$ {command}")


def _next(app: App, hero: Customer | None) -> Iterator[tuple[str, str]]:
    """Commands that work as they stand, and what they show."""
    if hero is not None:
        then = (hero.created_at + timedelta(days=2)).date().isoformat()
        yield f"crm history customer {hero.id}", _("who changed what in this customer, and when")
        yield (
            f"crm customer show {hero.id} --as-of {then}",
            _("the same customer as it was when it was new"),
        )
    yield "crm customer list --where country=GB --order name", _("the customers in London")
    yield (
        "crm record interaction totals --by channel",
        _("how many contacts there were on each channel"),
    )
    yield "crm customer add --name 김하늘 --email sky@hanbit.example", _("a customer of your own")
    yield "crm import FILE.csv --plan", _("what your own files would become")
    yield "crm doctor", _("whether all is well")
