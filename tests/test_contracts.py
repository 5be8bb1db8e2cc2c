"""The storage contract catches what it must: storages with one fault each fail the tests that say so."""

from __future__ import annotations

import pytest

from crmkit.memory import MemoryStorage
from crmkit.testing import StorageContract
from crmkit.testing.broken import BROKEN
from crmkit.testing.runner import contract_tests, failing

FAULTS = [pytest.param(each, id=each.storage.__name__) for each in BROKEN]


def test_there_are_enough_broken_storages():
    assert len({each.storage.__name__ for each in BROKEN}) == len(BROKEN) >= 14


@pytest.mark.parametrize("broken", FAULTS)
def test_a_broken_storage_is_caught(broken):
    failed = failing(StorageContract, lambda: broken.storage, broken.caught_by)
    assert set(failed) == set(broken.caught_by)
    assert all(isinstance(each, Exception) for each in failed.values())


@pytest.mark.parametrize("broken", FAULTS)
def test_a_fault_is_caught_where_it_is(broken):
    # Each of these passes on a storage without the fault: what fails is the fault, not the test.
    assert failing(StorageContract, lambda: MemoryStorage, broken.caught_by) == {}


@pytest.mark.long
@pytest.mark.parametrize("broken", FAULTS)
def test_most_of_the_contract_still_holds(broken):
    assert (
        len(failing(StorageContract, lambda: broken.storage))
        < len(contract_tests(StorageContract)) / 2
    )


def test_every_test_states_its_rule():
    for name, rule in contract_tests(StorageContract).items():
        assert rule.endswith("."), name
