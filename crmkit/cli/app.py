"""What a command works with: its options, the CRM they name, the actor, time and language."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.language import CORE, Language, locale_language

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from crmkit.config import Config
    from crmkit.crm import CRM, Handle
    from crmkit.errors import CrmError
    from crmkit.manifest import Found
    from crmkit.plugins import Plugins
    from crmkit.schema import Field, Kind

__all__ = ["App", "app_of"]


class App:
    """What `@click.pass_obj` gives a command, a plugin's too. Nothing is read or opened before it is asked for.

    Attributes: the options that every command has, `db`, `config_path`, `format`, `actor_id`, `lang` and `debug`.
    """

    def __init__(self) -> None:
        self.db: str | None = None
        self.config_path: str | None = None
        self.format = "table"
        self.actor_id: str | None = None
        self.lang: str | None = None
        self.debug = False
        # Apart from the language, which `--lang` behind a plugin's command names only after it was found.
        self.packages = [CORE]

    @cached_property
    def config(self) -> Config:
        """What crm.toml says."""
        from crmkit.config import load_config

        return load_config(self.config_path)

    @property
    def url(self) -> str | None:
        """The database that `--db` or `CRMKIT_DB` names; None leaves it to crm.toml."""
        return self.db or os.environ.get("CRMKIT_DB")

    @cached_property
    def crm(self) -> CRM:
        """The app, unrestricted; opened when first used, closed when the command ends."""
        from crmkit.crm import CRM

        return self.opened(CRM.open(self.url, config=self.config))

    def opened(self, crm: CRM) -> CRM:
        """Take an app that is open: it is closed when the command ends, its plugins' words are looked up."""
        click.get_current_context().find_root().call_on_close(crm.close)
        self.packages += map(_package, crm.plugins.found.values())
        return crm

    @cached_property
    def handle(self) -> Handle:
        """The app as the actor of this command sees it: `--actor`, `CRMKIT_ACTOR`, or who is logged in."""
        from crmkit.changes import Actor
        from crmkit.errors import ValueRefused
        from crmkit.types import check_text

        given = os.environ.get("CRMKIT_ACTOR") or None if self.actor_id is None else self.actor_id
        check_text(id := _login() if given is None else given)
        if not (id.strip() and id.isprintable()):
            raise ValueRefused(f"nobody is called {id!r}; say who does it, as in --actor kim")
        return self.crm.acting(Actor(id, "person", "cli"))

    def kind(self, name: str) -> Kind:
        """A kind by its name, with all the fields that it has in this database."""
        return self.crm.schema[name]

    @cached_property
    def language(self) -> Language:
        """The language of the answers: `--lang`, the locale's, that of crm.toml."""
        code = self.lang or locale_language()
        if code is None:
            from crmkit.errors import CrmError

            with suppress(CrmError):
                code = self.config.company.language
        return Language(code or "en", self.packages)

    def label(self, named: Kind | Field) -> str:
        """What people call a kind or a field, in their language."""
        found = self.crm.plugins.found.get(named.owner.partition(" ")[0])
        return self.language(named.label, _package(found) if found else CORE)

    @cached_property
    def timezone(self) -> tzinfo:
        """The company's time zone, in which times are shown and read."""
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.config.company.timezone)

    def time(self, text: str) -> datetime:
        """The time that a person wrote: ISO 8601; without a zone in the company's; a date is the start of that day."""
        from datetime import datetime

        from crmkit.values import parse_time, utc

        try:
            moment = datetime.fromisoformat(text.strip())
            return utc(moment if moment.tzinfo else moment.replace(tzinfo=self.timezone))
        except (ValueError, OverflowError):
            return parse_time(text)

    def local(self, moment: datetime) -> str:
        """A time as people read it: in the company's zone, to the minute."""
        with suppress(OverflowError):
            moment = moment.astimezone(self.timezone)
        return moment.isoformat(" ")[:16]

    @cached_property
    def sound(self) -> tuple[Plugins, list[CrmError]]:
        """The plugins that load, and what is wrong with the others."""
        from crmkit.errors import CrmError
        from crmkit.plugins import BrokenPlugins, Plugins, choose, discover

        failures: list[CrmError] = []
        try:
            config = self.config
            found = choose(discover(), config.plugins, config.disabled, config.folder)
            while found:
                try:
                    return Plugins.load(found, config.plugin), failures
                except BrokenPlugins as error:
                    failures += error.broken
                    broken = {each.plugin for each in error.broken}
                    rest = tuple(each for each in found if each.name not in broken)
                    found = rest if len(rest) < len(found) else ()
        except CrmError as error:
            failures.append(error)
        return Plugins.load(()), failures

    @cached_property
    def commands(self) -> tuple[dict[str, Any], list[CrmError]]:
        """The commands that plugins bring, and what is wrong with those that cannot be asked."""
        plugins, failures = self.sound
        found, unasked = plugins.commands()
        self.packages += map(_package, plugins.found.values())
        return found, [*failures, *unasked]


def _package(found: Found) -> str:
    """The package whose catalogs a plugin's words are in."""
    return found.name if found.local else found.target.partition(":")[0].partition(".")[0]


def _login() -> str:
    import getpass

    with suppress(KeyError, OSError):
        return getpass.getuser()
    return "unknown"


def app_of(context: Any) -> App:
    """The app of a context, whatever a plugin's command put into `obj` meanwhile."""
    app: App = context.find_root().obj
    return app
