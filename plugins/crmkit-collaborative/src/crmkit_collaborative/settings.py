"""The plugin's settings, `[plugin.collaborative]` in crm.toml."""

from __future__ import annotations

import attrs

__all__ = ["Settings"]


@attrs.frozen
class Settings:
    """What a company decides about duplicates.

    `auto`, `review`: the scores (0 to 1) from which on two customers are one, or are to be looked at. `group`: how
    many customers may become one without being asked for one by one.
    """

    auto: float = 0.92
    review: float = 0.75
    group: int = 5
