"""`crm import`: what may be said of an import, and running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from crmkit.cli.app import App
from crmkit.cli.command import define, many
from crmkit_exchange.formats.items import ReadOptions
from crmkit_exchange.importing.options import ImportOptions
from crmkit_exchange.terminal.dialogue import Dialogue
from crmkit_exchange.words import _

__all__ = ["import_files"]

FORMATS = click.Choice(["csv", "json", "vcard", "mail"])
ORDERS = click.Choice(["ymd", "dmy", "mdy", "ydm"])

WHAT = (
    click.Argument(
        ["files"], nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True)
    ),
    click.Option(["--plan"], is_flag=True, help="Only say what would become of each row."),
    click.Option(
        ["--apply", "token"], metavar="PLAN", help="Import if that does what the plan said."
    ),
    click.Option(["--preset"], metavar="NAME", help="What the file is, as in hubspot-contacts."),
    click.Option(["--kind"], metavar="KIND", help="What its rows become, as in customer or order."),
    many(
        "--map",
        "maps",
        "COLUMN=FIELD",
        help="What a column is; FIELD may be email, phone, id, or - for nothing.",
    ),
    many("--set", "sets", "FIELD=VALUE", help="Set a field of every row."),
    click.Option(
        ["--key", "keys"],
        metavar="COLUMN,...",
        help="The columns that name a row, if it has no id.",
    ),
    click.Option(
        ["--source"],
        metavar="NAME",
        help="Where the rows come from: what their ids are kept under.",
    ),
)
HOW = (
    click.Option(
        ["--region"], metavar="CC", help="The country of telephone numbers without a code."
    ),
    click.Option(["--timezone", "zone"], metavar="ZONE", help="The zone of times without one."),
    click.Option(
        ["--date-order", "date_order"], type=ORDERS, help="The order of day, month and year."
    ),
    many("--me", "own", "ADDRESS", help="An address or @domain of ours: mail from it went out."),
    click.Option(
        ["--new-customers"], is_flag=True, help="Make customers of unknown senders of mail."
    ),
    click.Option(["--input", "input_format"], type=FORMATS, help="The format of the files."),
    click.Option(["--encoding"], metavar="NAME", help="Their encoding, as in cp949."),
    click.Option(
        ["--delimiter"], metavar="CHARACTER", help="What stands between values; \\t for a tab."
    ),
    click.Option(
        ["--no-header"], is_flag=True, help="The first row is data; columns are called 1, 2, ..."
    ),
    click.Option(
        ["--skip-lines", "skip"],
        type=click.IntRange(0),
        default=0,
        help="Lines before the heading.",
    ),
)
WHERE = (
    click.Option(
        ["--invalid"],
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Where invalid rows go.",
    ),
    click.Option(
        ["--report"],
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Write what became of each row.",
    ),
)


@define("import", *WHAT, *HOW, *WHERE)
def import_files(
    app: App,
    files: Sequence[Path],
    plan: bool,
    token: str | None,
    invalid: Path | None,
    report: Path | None,
    **said: Any,
) -> None:
    """Bring files in: CSV, JSON, vCards, mail, exports of other CRMs, and full exports of crmkit."""
    dialogue = Dialogue(app, _options(**said), invalid, report)
    if plan and token:
        raise click.UsageError(_("--plan and --apply do not go together"))
    if plan:
        fine = dialogue.plan(files)
    elif token:
        fine = dialogue.apply(files, token)
    else:
        fine = dialogue.run(files)
    if not fine:
        click.get_current_context().exit(1)


def _options(
    preset: str | None,
    kind: str | None,
    maps: Sequence[str],
    sets: Sequence[str],
    keys: str | None,
    source: str | None,
    region: str | None,
    zone: str | None,
    date_order: str | None,
    own: Sequence[str],
    new_customers: bool,
    input_format: str | None,
    encoding: str | None,
    delimiter: str | None,
    no_header: bool,
    skip: int,
) -> ImportOptions:
    tab = {"\\t": "\t", "tab": "\t"}
    reading = ReadOptions(
        format=input_format,
        encoding=encoding,
        delimiter=tab.get(delimiter, delimiter) if delimiter else None,
        header=not no_header,
        skip=skip,
    )
    return ImportOptions(
        reading=reading,
        preset=preset,
        kind=kind,
        maps=tuple(_pair(each, "--map COLUMN=FIELD") for each in maps),
        sets=tuple(_pair(each, "--set FIELD=VALUE", first=True) for each in sets),
        keys=tuple(name for each in (keys or "").split(",") if (name := each.strip())),
        source=source,
        region=region.upper() if region else None,
        timezone=zone,
        date_order=date_order,
        own=frozenset(each.strip().casefold() for each in own),
        new_customers=new_customers,
    )


def _pair(text: str, wanted: str, first: bool = False) -> tuple[str, str]:
    """What stands on the two sides of the equals sign: the last one, for columns may hold some."""
    left, equals, right = text.partition("=") if first else text.rpartition("=")
    if not (equals and left.strip() and right.strip()):
        raise click.UsageError(
            _("{text!r} is no pair; write it as in {wanted}").format(text=text, wanted=wanted)
        )
    return left.strip(), right.strip() if not first else right
