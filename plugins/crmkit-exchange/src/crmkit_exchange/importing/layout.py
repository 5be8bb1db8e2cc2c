"""How the rows of one file become records: a preset or a guess, with what the person said besides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

import attrs

from crmkit import Kind
from crmkit_exchange.dates import DateOrder
from crmkit_exchange.presets.preset import Preset

__all__ = ["Layout"]


@attrs.frozen(kw_only=True)
class Layout:
    """What is needed to read a row of one file as records of one kind.

    `preset` says where values come from, `kind` what they become. `orders` has the order of dates in each column of
    dates, `zone` is where times without a zone were written. `region` is that of numbers without a country's code,
    `home` and `currency` are the company's. `keys` are the columns that name a row where it has no id. `constants`
    are accepted values. `own` are the company's addresses and domains. `new_customers`: unknown correspondents become
    customers. `parts` are the layouts of further records that a row makes, by the field that refers to the row's own. `times`
    has since when the versions of records are true that a plan has written: it is one transaction of one time,
    whatever the rows say; None outside of plans.
    """

    preset: Preset
    kind: Kind
    zone: tzinfo
    region: str
    home: str
    currency: str
    orders: Mapping[str, DateOrder] = attrs.field(factory=dict)
    keys: tuple[str, ...] = ()
    constants: Mapping[str, Any] = attrs.field(factory=dict)
    own: frozenset[str] = frozenset()
    new_customers: bool = False
    parts: Mapping[str, Layout] = attrs.field(factory=dict)
    times: dict[tuple[str, int], datetime] | None = None
