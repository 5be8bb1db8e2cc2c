"""What vendors test with: contracts, fixtures for pytest, and broken storages that keep the contract honest.

A storage backend proves itself by a test class that inherits `StorageContract`:

```python
import pytest
from crmkit.testing import StorageContract


class TestMyStorage(StorageContract):
    @pytest.fixture
    def open_storage(self, tmp_path):
        return lambda: open_mine(f"mine:///{tmp_path}/acme.db")
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.testing.broken import BROKEN, Broken
    from crmkit.testing.fixtures import FakeClock, HookCalls
    from crmkit.testing.kinds import Slip, Specimen, zoo
    from crmkit.testing.lab import Lab
    from crmkit.testing.machine import storage_machine
    from crmkit.testing.plugin_contract import KindContract, PluginContract
    from crmkit.testing.runner import contract_tests, failing
    from crmkit.testing.storage_contract import StorageContract

__all__ = [
    "BROKEN",
    "Broken",
    "FakeClock",
    "HookCalls",
    "KindContract",
    "Lab",
    "PluginContract",
    "Slip",
    "Specimen",
    "StorageContract",
    "contract_tests",
    "failing",
    "storage_machine",
    "zoo",
]

_HOMES = {
    "BROKEN": "crmkit.testing.broken",
    "Broken": "crmkit.testing.broken",
    "FakeClock": "crmkit.testing.fixtures",
    "HookCalls": "crmkit.testing.fixtures",
    "KindContract": "crmkit.testing.plugin_contract",
    "Lab": "crmkit.testing.lab",
    "PluginContract": "crmkit.testing.plugin_contract",
    "Slip": "crmkit.testing.kinds",
    "Specimen": "crmkit.testing.kinds",
    "StorageContract": "crmkit.testing.storage_contract",
    "contract_tests": "crmkit.testing.runner",
    "failing": "crmkit.testing.runner",
    "storage_machine": "crmkit.testing.machine",
    "zoo": "crmkit.testing.kinds",
}


def __getattr__(name: str) -> Any:
    # pytest imports this package in every project where crmkit is installed: nothing heavy until it is used.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
