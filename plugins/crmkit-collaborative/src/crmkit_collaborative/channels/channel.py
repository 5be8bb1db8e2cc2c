"""A channel: a way on which customers and the company reach each other."""

from __future__ import annotations

from typing import Literal

import attrs

__all__ = ["Channel"]


@attrs.frozen
class Channel:
    """What one channel can do.

    `name` is what interactions and identities call it, `label` what people read. `directions`: whether customers can
    come in on it, the company go out on it, or both. `identity`: the channel of the identities it uses, its own name if
    none is given, as `sms` uses those of `phone`. `live`: people talk at the same time, as on the telephone or in
    person. `addressed`: nobody is reached on it without an address; in person, say, they are.
    """

    name: str
    label: str
    directions: tuple[Literal["in", "out"], ...] = ("in", "out")
    identity: str | None = None
    live: bool = False
    addressed: bool = True
