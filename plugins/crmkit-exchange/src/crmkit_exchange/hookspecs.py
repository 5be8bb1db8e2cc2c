"""The hooks of the exchange plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crmkit import hookspec

if TYPE_CHECKING:
    from crmkit_exchange.presets.preset import Preset


@hookspec
def crm_import_presets() -> Iterable[Preset] | None:
    """Bring presets: how the tables of another product become records of your kinds.

    Called when a file is imported, and for the list of presets. Returns `Preset`s. Merged by name; a second one is
    `PluginConflict`. A plugin's preset goes before one of the exchange plugin's own that fits as well. A failure
    refuses the import. Since exchange 1.0.
    """
