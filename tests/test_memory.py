"""The storage in memory keeps the contract."""

from __future__ import annotations

import pytest

from crmkit.memory import open_memory
from crmkit.testing import StorageContract


class TestMemory(StorageContract):
    @pytest.fixture
    def open_storage(self):
        return lambda: open_memory("memory://")
