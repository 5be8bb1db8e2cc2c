"""What a broken storage is, and how one is made of its fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

from crmkit.memory import MemoryStorage, MemoryTransaction

__all__ = ["Broken", "Faults"]

Fault = TypeVar("Fault", bound=type)


@attrs.frozen
class Broken:
    """A storage with one fault, what the fault is, and the tests of the contract that it must fail."""

    storage: type[MemoryStorage]
    fault: str
    caught_by: tuple[str, ...]


class Faults(list[Broken]):
    """The broken storages of one part of the contract."""

    def caught_by(self, *tests: str) -> Callable[[Fault], Fault]:
        """Make a storage of a fault in reading (a `Reader`), in writing (a `MemoryTransaction`) or of its own."""

        def add(fault: Fault) -> Fault:
            bases: tuple[type, ...] = (MemoryStorage,)
            transactions: type = MemoryTransaction
            if issubclass(fault, MemoryTransaction):
                transactions = fault
            elif issubclass(fault, MemoryStorage):
                bases = (fault,)
            else:
                bases = (fault, MemoryStorage)
                transactions = type(fault.__name__, (fault, MemoryTransaction), {})
            made = type(fault.__name__, bases, {"transactions": transactions})
            self.append(Broken(made, (fault.__doc__ or "").strip(), tests))
            return fault

        return add
