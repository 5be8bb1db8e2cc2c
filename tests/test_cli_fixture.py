"""The fixture `crm_cli` works on the app of the fixture `crm`, with the plugins of a test."""

from types import ModuleType
from typing import Any

import click
import pytest

from crmkit import CommandSpec, Manifest, Record, field, hookimpl, kind


@kind("visit", title="reason")
class Visit(Record):
    """A visit."""

    reason: str = field()


@click.command()
@click.pass_obj
def visits(app: Any) -> None:
    click.echo(f"{app.handle.count(Visit)} visits")


@pytest.fixture
def crm_plugins() -> list[ModuleType]:
    plugin: Any = ModuleType("spa")
    plugin.manifest = Manifest(name="spa")
    plugin.crm_kinds = hookimpl(lambda: [Visit])
    plugin.crm_commands = hookimpl(lambda: [CommandSpec("visits", "Visits.", f"{__name__}:visits")])
    return [plugin]


def test_commands_and_tests_see_one_app(crm: Any, crm_cli: Any) -> None:
    crm_cli("record", "visit", "add", "--reason", "치통")

    assert [each.reason for each in crm.find(Visit)] == ["치통"]
    assert crm_cli("visits").stdout == "1 visits\n"
    assert "Visits." in crm_cli("--help").stdout
