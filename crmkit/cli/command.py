"""Groups that import a command when it is used, take in those of plugins, and give each the options that all have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import click

from crmkit.cli.app import app_of
from crmkit.cli.language import LANGUAGES, Word, _
from crmkit.cli.width import escaped

__all__ = [
    "AS_OF",
    "SKIP",
    "Context",
    "Group",
    "Time",
    "adopt",
    "define",
    "global_options",
    "keep_global_options",
    "limit",
    "many",
]


OF_CLICK = (Word("Options"), Word("Commands"), Word("Show this message and exit."))
"""What click itself says in the help of a command."""


class Formatter(click.HelpFormatter):
    """Help in the language that was chosen."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The line that shows how to call it."""
        super().write_usage(prog, args, prefix or f"{_('Usage')}: ")

    def write_heading(self, heading: str) -> None:
        """A heading."""
        super().write_heading(_(heading))

    def write_text(self, text: str) -> None:
        """A paragraph."""
        super().write_text(_(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], *args: Any, **options: Any) -> None:
        """Options or commands; click appends what it says of defaults in brackets."""
        parts = [(term, *text.partition("  [")) for term, text in rows]
        super().write_dl(
            [(t, _(text) + sep + end) for t, text, sep, end in parts], *args, **options
        )


class Context(click.Context):
    """A context whose help is translated."""

    formatter_class = Formatter


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value not in (None, False):
        setattr(app_of(context), str(parameter.name), value)


def global_options(hidden: bool) -> list[click.Option]:
    """The options that every command has; shown in the help of `crm` only."""
    keep: Any = {"expose_value": False, "callback": _keep, "is_eager": True, "hidden": hidden}
    option: Any = partial(click.Option, **keep)
    formats = click.Choice(["table", "json", "csv"])
    return [
        option(["--db"], metavar="URL", help="The database, as in sqlite:///crm.db."),
        option(["--config", "config_path"], metavar="PATH", help="The crm.toml to use."),
        option(["--format"], type=formats, help="How to print the answer."),
        option(["--actor", "actor_id"], metavar="ID", help="Who does it."),
        option(["--lang"], type=click.Choice(LANGUAGES), help="The language."),
        option(["--debug"], is_flag=True, help="Show where an error comes from."),
    ]


def keep_global_options(app: Any, args: Sequence[str]) -> None:
    """Keep those options wherever they stand: help, and the commands of kinds, need them before the last is reached."""
    lenient: Any = {
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "resilient_parsing": True,
    }
    finder = click.Command("crm", params=[*global_options(True)], add_help_option=False)
    finder.make_context("crm", [*args], obj=app, **lenient)


def adopt(command: click.Command) -> click.Command:
    """Give a command, and those in it, translated help and the options that every command has."""
    if command.context_class is not Context:
        command.context_class = Context
        taken = {each for parameter in command.params for each in parameter.opts}
        command.params += [each for each in global_options(True) if not taken & {*each.opts}]
        for each in command.commands.values() if isinstance(command, click.Group) else ():
            adopt(each)
    return command


def define(name: str, *params: click.Parameter) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function, which is given the app and these parameters; its docstring is the help."""

    def make(run: Callable[..., Any]) -> click.Command:
        callback = click.pass_obj(run)
        return click.Command(name, callback=callback, params=[*params], help=run.__doc__)

    return make


class Group(click.Group):
    """A group of commands, into which plugins may put further ones.

    `lazy` has commands that are imported when they run: name -> (`"module:object"`, summary).
    """

    def __init__(self, name: str, lazy: Any = None, **options: Any) -> None:
        super().__init__(name, **options)
        self.lazy: dict[str, tuple[str, str]] = lazy or {}

    def define(self, name: str, *params: click.Parameter) -> Callable[[Callable[..., Any]], None]:
        """As the function `define`, for a command of this group."""
        return lambda run: self.add_command(define(name, *params)(run))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name: a built-in one before a plugin's."""
        command = self.commands.get(cmd_name)
        if command is None and cmd_name in self.lazy:
            module, _, name = self.lazy[cmd_name][0].partition(":")
            command = getattr(import_module(f"crmkit.cli.{module}"), name)
        if command is None:
            command = self._brought(ctx, cmd_name)
        return command and adopt(command)

    def _brought(self, ctx: click.Context, name: str) -> click.Command | None:
        from crmkit.plugins import resolve

        found, failures = app_of(ctx).commands
        path = f"{self.name} {name}" if ctx.parent else name
        if path not in found:
            if failures and not ctx.resilient_parsing:
                ctx.fail(f"there is no command {name!r}, and a plugin is broken: {failures[0]}")
            return None
        spec, call = found[path]
        command = resolve(spec.target, call.owner)
        if not isinstance(command, click.Command):
            raise call.owner.refusal(f"names {spec.target}, which is no click command; mend it")
        return command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, plugins' last."""
        return [row[0] for row in self.summaries(ctx)]

    def summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The names and summaries of all commands; imports none of them."""
        rows = {name: summary for name, (_, summary) in self.lazy.items()}
        rows |= {name: (each.help or "").partition("\n")[0] for name, each in self.commands.items()}
        group = self.name if ctx.parent else None
        specs = (found[0] for found in app_of(ctx).commands[0].values())
        brought = {spec.name: spec.summary for spec in specs if spec.group == group}
        return list({**rows, **brought, **rows}.items())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their summaries, and a line for each plugin that cannot say what it brings."""
        if rows := self.summaries(ctx):
            with formatter.section("Commands"):
                formatter.write_dl(rows)
        for failure in app_of(ctx).commands[1] if ctx.parent is None else ():
            formatter.write(f"\n{_('Warning')}: {escaped(str(failure))}\n")


class Time(click.ParamType[Any]):
    """A time that a person writes; see `App.time`."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The time in UTC."""
        try:
            return app_of(ctx).time(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


AS_OF = click.Option(["--as-of"], type=Time(), help="Answer as it was then.")
SKIP = click.Option(["--after"], metavar="CURSOR", help="Go on behind a page.")


def limit(default: int) -> click.Option:
    """The option `--limit`."""
    size, flags = click.IntRange(1, 1_000_000), ["--limit"]
    return click.Option(flags, type=size, default=default, show_default=True, help="How many.")


def many(flag: str, name: str, metavar: str, help: str) -> click.Option:
    """An option that may be given several times."""
    return click.Option([flag, name], multiple=True, metavar=metavar, help=help)
