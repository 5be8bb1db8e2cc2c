"""`crm init`, `crm config` and `crm backup`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from crmkit.cli.app import App
from crmkit.cli.command import Group
from crmkit.cli.language import _
from crmkit.cli.output import note, show_one
from crmkit.config import Config, resolve_storage
from crmkit.crm import CRM, chosen
from crmkit.errors import ConfigError
from crmkit.plugins import Plugins

__all__ = ["backup", "config", "init"]

TEMPLATE = """\
storage = {url}

# Which plugins to load; without this line, all that are installed.
# plugins = ["sqlite", "./clinic"]
disabled = []

# [company]
# name = ""
# region = "KR"
# timezone = "Asia/Seoul"
# currency = "KRW"
# language = "ko"
"""


@click.command("init")
@click.pass_obj
def init(app: App) -> None:
    """Make a crm.toml and its database in this folder."""
    import json

    file = Path(app.config_path or "crm.toml").absolute()
    if file.exists():
        raise ConfigError(f"{file} is there already; remove it first, or work in another folder")
    url = app.url or "sqlite:///crm.db"
    storage = resolve_storage(url, Path.cwd() if app.url else file.parent)
    app.opened(CRM.open(storage, config=Config(storage=storage, path=file)))
    try:
        with file.open("x", encoding="utf-8") as target:
            target.write(TEMPLATE.format(url=json.dumps(url, ensure_ascii=False)))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
    made = {"config": str(file), "storage": storage}
    show_one(app, made, {"config": _("Configuration"), "storage": _("Database")})


@click.group("config", cls=Group)
def config() -> None:
    """What crm.toml says."""


@config.command("show")
@click.pass_obj
def show(app: App) -> None:
    """The settings in use, defaults included."""
    found = attrs.asdict(app.config)
    found |= {
        "path": app.config.path and str(app.config.path),
        "storage": app.url or found["storage"],
    }
    company = {f"company.{name}": value for name, value in found["company"].items()}
    row: dict[str, Any] = found if app.format == "json" else {**found, **company, "company": None}
    show_one(app, row, {name: name for name in row})


@config.command("check")
@click.pass_obj
def check(app: App) -> None:
    """Check crm.toml against the plugins that it is for."""
    plugins = Plugins.load(chosen(app.config), app.config.plugin)
    for warning in plugins.warnings:
        note(f"{_('Warning')}: {warning}")
    place = str(app.config.path or _("no crm.toml; the defaults hold"))
    show_one(app, {"checked": place}, {"checked": _("Fine")})


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(app: App, file: Path) -> None:
    """Write a copy of the database to a new file, while others go on working."""
    app.crm.storage.backup(file)
    show_one(app, {"file": str(file)}, {"file": _("Written")})
