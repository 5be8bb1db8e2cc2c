"""The embedded database keeps the contract."""

from __future__ import annotations

import pytest
from crmkit_sqlite.storage import open_sqlite

from crmkit.testing import StorageContract


class TestSQLite(StorageContract):
    @pytest.fixture
    def open_storage(self, tmp_path):
        return lambda: open_sqlite(f"sqlite:///{tmp_path}/crm.db")


class TestSQLiteInMemory(StorageContract):
    @pytest.fixture
    def open_storage(self):
        return lambda: open_sqlite("sqlite://")
