"""Two storages side by side: both do the same, and every answer must be the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from crmkit.changes import Change
from crmkit.errors import CrmError
from crmkit.memory import MemoryStorage
from crmkit.query import Query
from crmkit.resolve import resolve, resolve_conditions
from crmkit.schema import Schema
from crmkit.storage import Scope, Storage, Transaction
from crmkit.testing.compare import exact, told
from crmkit.testing.kinds import zoo
from crmkit.testing.lab import Lab
from crmkit.testing.strategies import queries, scopes

__all__ = ["BARE", "KINDS", "ZOO", "SideBySide", "Step", "unplaced"]

KINDS = ("customer", "specimen", "slip")
ZOO, BARE = zoo(), zoo(added=False)
Step = Callable[[Lab, Transaction], Any]


def unplaced(changes: list[Change]) -> list[Change]:
    """Changes without their positions, which only order them."""
    return [attrs.evolve(each, position=0) for each in changes]


class SideBySide(RuleBasedStateMachine):
    """The reference and another storage, each in a lab of its own; subclasses say by which rules they are driven."""

    new_storage: Callable[[], Storage]

    def __init__(self) -> None:
        super().__init__()
        self.labs = (Lab(MemoryStorage(), ZOO), Lab(type(self).new_storage(), ZOO))

    @property
    def schema(self) -> Schema:
        """What both are prepared for."""
        return self.labs[0].schema

    def teardown(self) -> None:
        """Check the whole, then close."""
        self.both(lambda lab: [lab.find(kind=kind) for kind in KINDS])
        self.both(lambda lab: unplaced(lab.storage.changes()))
        self.both(lambda lab: lab.storage.check())
        for lab in self.labs:
            lab.storage.close()

    def both(self, work: Callable[[Lab], Any], batch: int = 1) -> Any:
        """What both answer, `None` if both refuse; of a batch, any record may be the one that is refused."""
        outcomes = []
        for lab in self.labs:
            try:
                outcomes.append(("value", work(lab)))
            except CrmError as error:
                outcomes.append(told(error, batch))
        reference, other = outcomes
        assert exact(other) == exact(reference)
        return reference[1] if reference[0] == "value" else None

    def write(self, step: Step, batch: int = 1) -> None:
        """Take a step in a transaction of each."""

        def work(lab: Lab) -> Any:
            with lab.storage.transaction() as tx:
                return step(lab, tx)

        self.both(work, batch)

    def question(self, data: st.DataObject) -> tuple[Query, Scope]:
        """A query and a scope for it."""
        schema = self.schema
        query = resolve(schema, data.draw(queries(schema, KINDS)))
        asked = data.draw(scopes(schema, KINDS))
        scope = {n: resolve_conditions(schema, schema[n], each) for n, each in asked.items()}
        return query, scope
