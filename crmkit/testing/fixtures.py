"""Fixtures for pytest, there wherever crmkit is installed; nothing heavy is imported until one is used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

__all__ = ["FakeClock", "clock"]

pytest.register_assert_rewrite(
    "crmkit.testing.contracts",
    "crmkit.testing.lab",
    "crmkit.testing.machine",
    "crmkit.testing.plugin_contract",
)


class FakeClock:
    """A clock that stands still until it is told: an app's `clock`."""

    def __init__(self, start: datetime = datetime(2026, 3, 1, 9, tzinfo=UTC)) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """The time."""
        return self._now

    def tick(self, **passed: float) -> datetime:
        """Go on by a second, or by `days=`, `hours=`, `minutes=`, `seconds=`, `microseconds=` as in a timedelta."""
        self._now += timedelta(**(passed or {"seconds": 1}))
        return self._now

    def set(self, moment: datetime) -> datetime:
        """Show another time, an earlier one too; it needs a zone."""
        if moment.utcoffset() is None:
            raise ValueError(f"{moment.isoformat()} has no time zone; say which, as in tzinfo=UTC")
        self._now = moment.astimezone(UTC)
        return self._now


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still at 2026-03-01 09:00 UTC until a test moves it."""
    return FakeClock()
