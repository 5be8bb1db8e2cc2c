"""`crm init` and `crm config`."""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from crmkit.cli.app import App
from crmkit.cli.command import Group, define
from crmkit.cli.language import _
from crmkit.cli.output import note, show
from crmkit.config import Config, resolve_storage, shown
from crmkit.crm import CRM, chosen
from crmkit.errors import ConfigError
from crmkit.plugins import Plugins

__all__ = ["begin", "config", "init"]

DATABASE = "sqlite:///crm.db"
TEMPLATE = Path(__file__).with_name("crm.toml")


def begin(app: App) -> dict[str, str]:
    """Make a crm.toml and its database in this folder; which files that are."""
    file = Path(app.config_path or "crm.toml").absolute()
    if file.exists():
        raise ConfigError(f"{file} is there already; remove it first, or work in another folder")
    url, text = app.url or DATABASE, TEMPLATE.read_text("utf-8")
    storage = resolve_storage(url, Path.cwd() if app.url else file.parent)
    app.opened(CRM.open(storage, config=Config(storage=storage, path=file)))
    with file.open("x", encoding="utf-8") as target:
        target.write(text.replace(json.dumps(DATABASE), json.dumps(url, ensure_ascii=False), 1))
    return {"configuration": str(file), "database": shown(storage)}


@define("init")
def init(app: App) -> None:
    """Make a crm.toml and its database in this folder."""
    show(app, [begin(app)], columns="configuration database", one=True)


config = Group("config", help="What crm.toml says.")


@config.define("show")
def show_config(app: App) -> None:
    """The settings in use, defaults included."""
    found = attrs.asdict(app.config)
    found["path"] = app.config.path and str(app.config.path)
    url = app.url or app.config.storage
    found["storage"] = url and shown(url)
    if app.format != "json":
        found |= {f"company.{name}": value for name, value in found.pop("company").items()}
    show(app, [found], {name: name for name in found}, one=True)


@config.define("check")
def check(app: App) -> None:
    """Check crm.toml against the plugins that it is for."""
    plugins = Plugins.load(chosen(app.config), app.config.plugin)
    for warning in plugins.warnings:
        note(f"{_('Warning')}: {warning}")
    fine = str(app.config.path or _("no crm.toml; the defaults hold"))
    show(app, [{"fine": fine}], columns="fine", one=True)
