"""The storage contract: what every storage must do, as tests that a vendor inherits."""

from __future__ import annotations

from crmkit.testing.contracts.conditions import Conditions
from crmkit.testing.contracts.hostile import Hostile
from crmkit.testing.contracts.journal import Journal
from crmkit.testing.contracts.keeping import Keeping
from crmkit.testing.contracts.paging import Paging
from crmkit.testing.contracts.restoring import Restoring
from crmkit.testing.contracts.savepoints import Savepoints
from crmkit.testing.contracts.scope import Scoped
from crmkit.testing.contracts.search import Search
from crmkit.testing.contracts.totals import Totals
from crmkit.testing.contracts.transactions import Transactions
from crmkit.testing.contracts.trimming import Trimming
from crmkit.testing.contracts.values import Values
from crmkit.testing.contracts.writing import Writing

__all__ = ["StorageContract"]


class StorageContract(
    Values,
    Conditions,
    Paging,
    Scoped,
    Totals,
    Search,
    Writing,
    Transactions,
    Savepoints,
    Journal,
    Trimming,
    Restoring,
    Keeping,
    Hostile,
):
    """Everything that `crmkit.storage` promises. Override the fixture `open_storage`.

    `exempt` names tests that the storage is known to fail, with the reason; a capability that it has not got skips
    its tests.
    """
