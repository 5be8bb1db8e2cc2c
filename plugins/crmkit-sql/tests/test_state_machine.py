"""PostgreSQL and the reference, side by side through random histories."""

from __future__ import annotations

import itertools

import pytest
from crmkit_sql.storage import open_postgresql
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from crmkit.testing.machine import storage_machine

QUICK = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)


@pytest.fixture
def new_storage(postgres_url):
    numbers = itertools.count()
    return lambda: open_postgresql(f"{postgres_url}?schema=s{next(numbers)}&synchronous=off")


def test_postgres_and_the_reference_give_the_same_answers(new_storage):
    run_state_machine_as_test(storage_machine(new_storage), settings=QUICK)


@pytest.mark.long
def test_postgres_and_the_reference_give_the_same_answers_for_long(new_storage):
    many = settings(QUICK, max_examples=1_000, stateful_step_count=40)
    run_state_machine_as_test(storage_machine(new_storage), settings=many)
