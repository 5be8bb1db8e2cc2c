"""The hooks of automation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crmkit import hookspec

if TYPE_CHECKING:
    from crmkit_operational.automation.action import Action


@hookspec
def crm_actions() -> Iterable[Action] | None:
    """Bring actions: what rules can do.

    Called when rules are written, run or tried. Returns `Action`s. Merged by name; a second one is `PluginConflict`. A
    failure keeps rules from being written and run. Since automation 1.0.
    """
