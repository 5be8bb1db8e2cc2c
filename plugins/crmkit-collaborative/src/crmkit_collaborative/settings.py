"""The plugin's settings, `[plugin.collaborative]` in crm.toml."""

from __future__ import annotations

import attrs

__all__ = ["Settings"]


@attrs.frozen
class Settings:
    """What a company decides about contacts and duplicates.

    `consent_for`: the purposes for which a customer must have agreed to be contacted.
    `auto`, `review`: the scores (0 to 1) from which on two customers are one, or are to be looked at. `group`: how
    many customers may become one without being asked for one by one. `compare`: the fields of customers that are
    compared beside names and addresses, as in `custom.birthday`; all that people added, if none are given.
    """

    consent_for: tuple[str, ...] = ("marketing",)
    auto: float = 0.92
    review: float = 0.75
    group: int = 5
    compare: tuple[str, ...] = ()
