"""Columns as Arrow: of the database that the URL names, and of the schema in it."""

from __future__ import annotations

import pytest
from crmkit_sql import arrow

from crmkit import CRM, Config, Customer

columns = pytest.importorskip(
    "crmkit_analytical.engine.columns", reason="crmkit-analytical is not installed"
)
pytest.importorskip("adbc_driver_postgresql", reason="crmkit-sql[arrow] is not installed")

FIELDS = ("id", "country", "created_at")


@pytest.mark.parametrize("schema", ["", '?schema="acme" inc'])
def test_all_of_a_kind_is_read(postgres_url, schema):
    with CRM.open(f"{postgres_url}{schema}", plugins=["sql"], config=Config()) as crm:
        with crm.transaction() as tx:
            made = tx.add_all(Customer(name=f"{n}", country=["KR", None][n % 2]) for n in range(40))
        kind = crm.schema["customer"]
        wanted = columns.arrow_schema(kind, FIELDS)
        batches = list(arrow.read(crm.storage, kind, FIELDS, wanted))
        assert {each.schema for each in batches} == {wanted}
        rows = [row for batch in batches for row in batch.to_pylist()]
        assert sorted(rows, key=lambda row: row["id"]) == [
            {
                "id": each.id,
                "country": each.country,
                "created_at": each.created_at.replace(tzinfo=None),
            }
            for each in made
        ]
