"""The command `crm` itself: its subcommands by name, and how it fails."""

from __future__ import annotations

import errno
import sys
from typing import Any

import click

from crmkit import __version__
from crmkit.cli.app import App, app_of
from crmkit.cli.command import Context, Group, global_options, keep_global_options
from crmkit.cli.language import Word
from crmkit.cli.width import escaped

__all__ = ["crm"]

COMMANDS = {
    "init": ("setup:init", Word("Make a crm.toml and its database in this folder.")),
    "doctor": ("doctor:doctor", Word("Check the configuration, the plugins and the database.")),
    "customer": ("customer:customer", Word("Customers and what belongs to them.")),
    "interaction": ("customer:interaction", Word("Contacts with customers.")),
    "record": ("records:record", Word("Records of any kind.")),
    "search": ("journal:search", Word("Find records by their words.")),
    "changes": ("journal:changes", Word("What was changed, in order.")),
    "history": ("journal:history", Word("Who changed what in one record, and when.")),
    "journal": ("trim:journal", Word("The journal, and how far back it goes.")),
    "work": ("work:work", Word("Run the workers of plugins.")),
    "worker": ("work:worker", Word("How far the workers have come.")),
    "backup": ("work:backup", Word("Write a copy of the database to a new file.")),
    "plugin": ("plugin:plugin", Word("Plugins: which there are, and which are in use.")),
    "config": ("setup:config", Word("What crm.toml says.")),
}


def failure(error: Exception) -> click.ClickException:
    """The error as `crm` ends with it: one sentence, and the exit code of its class."""
    from crmkit.errors import BackendError, CrmError, NotFound

    own = isinstance(error, CrmError | OSError)
    text = str(error) if own else f"{type(error).__name__}: {error}; --debug shows where"
    failed = click.ClickException("\n".join(map(escaped, text.split("\n"))))
    codes = {NotFound: 3, BackendError: 4}
    code = next((code for kind, code in codes.items() if isinstance(error, kind)), 1)
    failed.exit_code = code  # type: ignore[misc]  # of this one error
    return failed


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
        keep_global_options(app := extra.pop("obj", None) or App(), args)
        return super().make_context(info_name, args, parent, obj=app, **extra)

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


_VERSION: Any = {"is_flag": True, "expose_value": False, "is_eager": True}

crm = Root(
    "crm",
    help="A CRM in the terminal. Every command takes these options, before or after its own.",
    params=[
        *global_options(False),
        click.Option(["--version"], callback=_print_version, help="Show the version.", **_VERSION),
    ],
    lazy=COMMANDS,
)
