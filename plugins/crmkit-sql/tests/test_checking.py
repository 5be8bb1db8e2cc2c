"""What `check`, and with it `crm doctor`, finds wrong in a database."""

from __future__ import annotations

import pytest

from crmkit.testing.kinds import Specimen


@pytest.fixture
def spoil(lab, connection):
    """Something else than crmkit writes to the database."""
    return lambda sql: connection(lab.storage).execute(sql)


def test_a_sound_database_has_nothing_to_be_said_of(lab):
    record = lab.add(Specimen(name="a"))
    lab.delete(lab.update(record, name="b"))
    lab.add(Specimen(id=record.id, name="c"))
    assert lab.storage.check() == []


def test_an_index_that_is_missing_is_named_and_comes_back_with_the_next_opening(
    lab, spoil, open_storage
):
    spoil("DROP INDEX specimen__by__shelf__number")
    spoil("DROP INDEX slip__search")
    found = lab.storage.check()
    assert [each.split()[2] for each in found] == ["slip__search", "specimen__by__shelf__number"]
    assert all("open the database again" in each for each in found)
    assert len(open_storage().prepare(lab.schema)) == 2
    assert lab.storage.check() == []


def test_changes_that_are_missing_are_told(lab, spoil):
    record = lab.add(Specimen(name="a"))
    for name in "bcd":
        record = lab.update(record, name=name)
    spoil("DELETE FROM crm_journal WHERE version = 2")
    (found,) = lab.storage.check()
    assert record.id in found
    assert "3 changes from version 1 to 4" in found
    spoil("DELETE FROM crm_journal WHERE version = 1")
    (found,) = lab.storage.check()
    assert "2 changes from version 3 to 4" in found


def test_a_record_that_something_else_wrote_is_told(lab, spoil):
    record = lab.add(Specimen(name="a"))
    spoil("UPDATE specimen SET version = 7")
    (found,) = lab.storage.check()
    assert f"specimen {record.id} is at version 7 and its journal at 1" in found


def test_a_journal_that_goes_back_in_time_is_told(lab, spoil):
    lab.update(lab.add(Specimen(name="a")), name="b")
    spoil("UPDATE crm_journal SET at = at - interval '1 day' WHERE version = 2")
    (found,) = lab.storage.check()
    assert "goes back in time at version 2" in found


def test_it_says_what_it_is(lab):
    assert lab.storage.describe().startswith("PostgreSQL 1")
