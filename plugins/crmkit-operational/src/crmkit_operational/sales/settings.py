"""The settings of sales, `[plugin.sales]` in crm.toml."""

from __future__ import annotations

from typing import Literal

import attrs

from crmkit import ConfigError

__all__ = ["Settings"]


def _percent(instance: object, attribute: object, value: int) -> None:
    if not 0 <= value <= 100:
        raise ConfigError(f"commit_from is {value}; write a chance in percent, 0 to 100")


@attrs.frozen
class Settings:
    """What a company decides about its forecast.

    `commit_from`: the chance in percent from which on a deal counts as committed. `keep_forecast`: how often
    `crm work` keeps a forecast, so that its accuracy can be measured: once a day, once a week (from Monday), never.
    """

    commit_from: int = attrs.field(default=70, validator=_percent)
    keep_forecast: Literal["day", "week", "never"] = "week"
