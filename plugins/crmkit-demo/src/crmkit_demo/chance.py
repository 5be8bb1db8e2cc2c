"""Chance that is the same each time: seeded generators by name, and ids that are made from a moment."""

from __future__ import annotations

from datetime import datetime
from random import Random

__all__ = ["dice", "id_at"]


def dice(seed: int, *names: object) -> Random:
    """A generator for one thing alone: what it gives depends on the seed and these names, and on nothing drawn elsewhere."""
    return Random("/".join(map(str, (seed, *names))))


def id_at(moment: datetime, random: Random) -> str:
    """A UUIDv7 (RFC 9562) of that moment, its random bits from the generator."""
    milliseconds, drawn = int(moment.timestamp() * 1000), random.getrandbits(74)
    high, low = drawn >> 62, drawn & (1 << 62) - 1
    digits = f"{milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
