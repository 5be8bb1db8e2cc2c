"""How many statements run; nothing that people write is in one."""

from __future__ import annotations

import pytest

from crmkit.errors import QueryError
from crmkit.query import Where, where
from crmkit.testing.kinds import Specimen, zoo
from crmkit.testing.lab import Lab


def verbs(statements: list[str]) -> list[str]:
    """The first words of statements, those that FTS5 runs by itself left out."""
    return [each.split()[0] for each in statements if not each.startswith("--")]


def test_one_statement_reads_one_record_and_one_reads_many(lab, statements):
    records = lab.named("a", "b", "c")
    ran = statements(lab.storage)
    lab.get(records[0])
    assert len(ran) == 1
    lab.storage.get("specimen", [each.id for each in records])
    assert len(ran) == 2


def test_one_statement_reads_a_page_with_what_it_refers_to(lab, statements):
    lab.named("a", "b", "c")
    ran = statements(lab.storage)
    page = lab.page(where.customer_id.owner == None, order="name", limit=1)  # noqa: E711
    lab.page(where.customer_id.owner == None, order="name", limit=1, after=page.after)  # noqa: E711
    assert len(ran) == 2


def test_a_new_record_is_a_handful_of_statements(lab, statements):
    ran = statements(lab.storage)
    with lab.storage.transaction() as tx:
        lab.add(Specimen(name="a"), tx=tx)
    assert verbs(ran) == [
        "BEGIN",
        "SELECT",  # did anybody change the tables?
        "SELECT",  # the lab asks for the last version
        "SELECT",  # the last position
        "INSERT",
        "INSERT",
        "INSERT",
        "COMMIT",
    ]


def test_an_update_leaves_alone_what_it_does_not_change(lab, statements):
    record = lab.named("a")[0]
    ran = statements(lab.storage)
    lab.update(record, weight=1.5)
    assert verbs(ran) == ["BEGIN", "SELECT", "SELECT", "UPDATE", "INSERT", "COMMIT"]
    update = next(each for each in ran if each.startswith("UPDATE"))
    assert '"weight"' in update
    assert '"name"' not in update


def test_opening_what_is_prepared_is_a_few_statements(lab, open_storage, statements):
    storage = open_storage()
    storage.state("any")
    ran = statements(storage)
    assert storage.prepare(zoo()) == []
    assert len(ran) <= 5
    assert not any(each.startswith(("BEGIN", "CREATE", "INSERT")) for each in ran)


def test_a_shape_is_compiled_once(lab):
    lab.named("a")
    lab.count(where.name == "a", where.number.in_([1, 2]))
    kept = len(lab.storage._book.cache)
    lab.count(where.name == "b", where.number.in_([1, 2, 3, 4]))
    assert len(lab.storage._book.cache) == kept


@pytest.mark.parametrize(
    "hostile",
    ['name" = 1 OR "1', "name; DROP TABLE specimen", "rowid", "crm_seq", "rest", "customer_id.x'y"],
)
def test_a_hostile_path_never_reaches_sql(lab, statements, hostile):
    ran = statements(lab.storage)
    with pytest.raises(QueryError):
        lab.count(Where(hostile, "eq", "x"))
    with pytest.raises(QueryError):
        lab.page(order=hostile, limit=1)
    assert ran == []


def test_hostile_values_are_only_ever_bound(lab, connection, tmp_path):
    text = """'); DROP TABLE specimen; --"%s?1 \N{RIGHT-TO-LEFT OVERRIDE}"""
    record = lab.add(Specimen(name=text, labels=(text,), details={text: text}))
    assert lab.get(record) == record
    assert lab.count(where.name == text, where.labels.has(text), where.name.contains(text)) == 1
    lab.search(text)
    sources = [row[0] for row in connection(lab.storage).execute("SELECT sql FROM sqlite_master")]
    assert not any("RIGHT" in str(each) or text in str(each) for each in sources)


def test_many_shapes_do_not_pile_up(lab):
    for number in range(1100):
        lab.storage._book.compiled(("probe", number), dict)
    assert len(lab.storage._book.cache) <= 1000


def test_two_storages_share_nothing(open_storage, tmp_path):
    first, second = Lab(open_storage()), Lab(open_storage(file=tmp_path / "other.db"))
    first.named("a")
    assert second.count() == 0
