"""Fixtures for pytest, there wherever crmkit is installed; nothing heavy is imported until one is used."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "crmkit.testing.contracts",
    "crmkit.testing.lab",
    "crmkit.testing.machine",
    "crmkit.testing.plugin_contract",
)
