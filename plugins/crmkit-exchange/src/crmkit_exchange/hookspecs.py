"""The hooks of the exchange plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crmkit import hookspec

if TYPE_CHECKING:
    from crmkit_exchange.presets.fields import ImportFields
    from crmkit_exchange.presets.preset import Preset


@hookspec
def crm_import_presets() -> Iterable[Preset] | None:
    """Bring presets: how the tables of another product become records of your kinds.

    Called when a file is imported, and for the list of presets. Returns `Preset`s. Merged by name; a second one is
    `PluginConflict`. A plugin's preset goes before one of the exchange plugin's own that fits as well. A failure
    refuses the import. Since exchange 1.0.
    """


@hookspec
def crm_import_fields() -> Iterable[ImportFields] | None:
    """Bring fields that a kind has in files only, for `--map`: a total that is kept as a line.

    Called when a file is imported. Returns `ImportFields`. Merged by kind; a second one for a kind is
    `PluginConflict`. A failure refuses the import. Since exchange 1.0.
    """
