"""SQLite and the reference, side by side through random histories."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from crmkit.memory import MemoryStorage
from crmkit.testing import broken
from crmkit.testing.machine import storage_machine

QUICK = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)


@pytest.fixture
def new_sqlite(tmp_path):
    module = pytest.importorskip("crmkit_sqlite.storage", reason="crmkit-sqlite is not installed")
    numbers = itertools.count()
    return lambda: module.open_sqlite(f"sqlite:///{tmp_path}/{next(numbers)}.db?synchronous=NORMAL")


def test_sqlite_and_the_reference_give_the_same_answers(new_sqlite):
    run_state_machine_as_test(storage_machine(new_sqlite), settings=QUICK)


@pytest.mark.long
def test_sqlite_and_the_reference_give_the_same_answers_for_long(new_sqlite):
    many = settings(QUICK, max_examples=2_000, stateful_step_count=40)
    run_state_machine_as_test(storage_machine(new_sqlite), settings=many)


def test_the_reference_agrees_with_itself():
    few = settings(QUICK, max_examples=5)
    run_state_machine_as_test(storage_machine(MemoryStorage), settings=few)


FAULTS = [
    "RedactionForgetsDeltas",
    *(
        pytest.param(each, marks=pytest.mark.long)
        for each in ("NeMissesMissing", "FindsGhosts", "TrimsStepByStep")
    ),
]


def find(name):
    """Run random histories on the storage with this fault, until one shows it; an `AssertionError` says that it does."""
    (fault,) = (each.storage for each in broken.BROKEN if each.storage.__name__ == name)
    blind = settings(QUICK, max_examples=3_000, phases=[Phase.generate], derandomize=True)
    run_state_machine_as_test(storage_machine(fault), settings=blind)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name):
    # Which histories are drawn depends on the constants of all modules that are loaded, so in a process of its own.
    source = f"from tests.test_state_machine import find; find({name!r})"
    root = Path(__file__).parents[1]
    ended = subprocess.run([sys.executable, "-c", source], cwd=root, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "AssertionError" in ended.stderr
