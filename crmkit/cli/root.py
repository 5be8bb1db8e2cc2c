"""The command `crm` itself: its subcommands by name, and how it fails."""

from __future__ import annotations

import errno
import sys
from typing import Any

import click

from crmkit import __version__
from crmkit.cli.app import App, app_of
from crmkit.cli.command import Context, Group, global_options
from crmkit.cli.width import escaped

__all__ = ["crm"]

COMMANDS = {
    "init": ("setup:init", "Make a crm.toml and its database in this folder."),
    "doctor": ("doctor:doctor", "Check the configuration, the plugins and the database."),
    "customer": ("customer:customer", "Customers and what belongs to them."),
    "interaction": ("interaction:interaction", "Contacts with customers."),
    "record": ("records:record", "Records of any kind."),
    "search": ("journal:search", "Find records by their words."),
    "changes": ("journal:changes", "What was changed, in order."),
    "history": ("journal:history", "Who changed what in one record, and when."),
    "work": ("work:work", "Run the workers of plugins."),
    "worker": ("work:worker", "How far the workers have come."),
    "backup": ("setup:backup", "Write a copy of the database to a new file."),
    "plugin": ("plugin:plugin", "Plugins: which there are, and which are in use."),
    "config": ("setup:config", "What crm.toml says."),
}


class Failure(click.ClickException):
    """Any error as a sentence."""

    def __init__(self, error: Exception) -> None:
        from crmkit.errors import CrmError

        own = isinstance(error, CrmError | OSError)
        text = str(error) if own else f"{type(error).__name__}: {error}; --debug shows where"
        super().__init__("\n".join(map(escaped, text.split("\n"))))


class Missing(Failure):
    """There is no such record."""

    exit_code = 3


class Unusable(Failure):
    """The database is busy or cannot be used."""

    exit_code = 4


def failure(error: Exception) -> Failure:
    """The error as `crm` ends with it."""
    from crmkit.errors import BackendError, NotFound

    if isinstance(error, NotFound):
        return Missing(error)
    return (Unusable if isinstance(error, BackendError) else Failure)(error)


def _print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"crm {__version__}")
        context.exit()


class Root(Group):
    """The whole command: nothing it does ends in a traceback unless that is asked for."""

    context_class = Context

    def main(self, *args: Any, **options: Any) -> Any:
        """Run it; terminals that cannot show a character get its escape."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*args, **options)

    def make_context(
        self, info_name: Any, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Refuse bytes that are no text before anything looks at them."""
        for number, each in enumerate(args, 1):
            if not each.isascii() and any("\ud800" <= c <= "\udfff" for c in each):
                raise click.UsageError(f"argument {number} is not text in this terminal's encoding")
        return super().make_context(info_name, args, parent, **{"obj": App(), **extra})

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand, and turn what it raises into a sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            ctx.exit(130)
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise
            if app_of(ctx).debug:
                import traceback

                traceback.print_exc()
            raise failure(error) from error


crm = Root(
    "crm",
    help="A CRM in the terminal. Every command takes the options below, before or after its own.",
    params=[
        *global_options(False),
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            help="Show the version and exit.",
            callback=_print_version,
        ),
    ],
    lazy=COMMANDS,
)
