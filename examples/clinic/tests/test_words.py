"""Whatever people read has a Korean translation, and what is compiled is what is written."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from clinic.kinds import VisitStatus

from crmkit import CRM

PACKAGE = Path(__file__).parents[1] / "clinic"
CATALOG = PACKAGE / "locale" / "ko" / "LC_MESSAGES" / "clinic.po"


def catalog() -> Any:
    return read_po(io.BytesIO(CATALOG.read_bytes()))


def spoken(crm: CRM) -> Iterator[str]:
    """Every text of the plugin that people read: in `_()`, in labels, in the help of its commands."""
    yield from (str(found[2]) for found in extract_from_dir(PACKAGE, keywords={"_": None}))
    for kind in crm.schema:
        own = kind.owner.startswith("clinic")
        yield from [kind.label] if own else []
        yield from (
            field.label for field in kind.fields.values() if field.owner.startswith("clinic")
        )
    for spec, _ in crm.plugins.commands()[0].values():
        yield spec.summary
    for check, _ in crm.plugins.checks()[0].values():
        yield check.summary
    yield from (status.value for status in VisitStatus)
    from clinic import cli

    for command in (each for each in vars(cli).values() if isinstance(each, click.Command)):
        yield command.help or ""
        options = (each for each in command.params if isinstance(each, click.Option))
        yield from (option.help for option in options if option.help and not option.hidden)


def test_everything_is_translated_and_nothing_else(crm: CRM) -> None:
    translated = {message.id for message in catalog() if message.id and message.string}

    assert translated == set(spoken(crm))


def test_the_compiled_catalog_is_that_of_the_text() -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalog())
    compiled.seek(0)
    expected = {message.id: message.string for message in read_mo(compiled) if message.id}

    kept = read_mo(io.BytesIO(CATALOG.with_suffix(".mo").read_bytes()))

    assert {message.id: message.string for message in kept if message.id} == expected
