"""The settings of service, `[plugin.service]` in crm.toml."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs import validators

__all__ = ["Settings", "Strategy"]

Strategy = Literal["least_loaded", "round_robin", "weighted"]


@attrs.frozen
class Settings:
    """What a company decides about its tickets.

    `strategy`: who of several gets a ticket (see `crmkit_operational.routing.strategies`). `ageing`: after so many
    minutes of waiting a ticket counts one level of priority higher. `skill_timeout`: after so many minutes of waiting
    it can do without the last of its skills, after as many again without the last but one, but never without the
    first; 0 keeps them all.
    """

    strategy: Strategy = "least_loaded"
    ageing: int = attrs.field(default=1440, validator=validators.ge(1))
    skill_timeout: int = attrs.field(default=60, validator=validators.ge(0))
