"""`crm channels`: the channels that plugins bring."""

from __future__ import annotations

from typing import Any

from crmkit.cli.app import App
from crmkit.cli.command import define
from crmkit.cli.language import Word
from crmkit.cli.output import show
from crmkit_collaborative.channels.registry import Brought
from crmkit_collaborative.channels.registry import channels as known
from crmkit_collaborative.words import _

__all__ = ["channels"]

DIRECTIONS = {str(each): each for each in (Word("in"), Word("out"))}


@define("channels")
def channels(app: App) -> None:
    """The channels on which customers are met, and who brings them."""
    rows = [_row(app, each) for each in known(app.crm).values()]
    columns = {"channel": _("Channel"), "label": _("Name"), "directions": _("Directions")}
    columns |= {"identity": _("Address of"), "live": _("Live"), "plugin": _("Plugin")}
    show(app, rows, columns)


def _row(app: App, found: Brought) -> dict[str, Any]:
    channel, is_table = found.channel, app.format == "table"
    return {
        "channel": channel.name,
        "label": app.language(channel.label) if is_table else channel.label,
        "directions": [DIRECTIONS.get(each, each) for each in channel.directions],
        "identity": channel.identity or channel.name,
        "live": channel.live,
        "plugin": found.plugin,
    }
