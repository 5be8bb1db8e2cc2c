"""What is relied on of libraries, beyond what their manuals promise in so many words: fails loudly when it changes."""

from __future__ import annotations

import io

import psycopg
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from crmkit_sql.compile import _DIALECT
from psycopg.types.numeric import Int8Dumper
from sqlalchemy.pool import QueuePool


def test_statements_come_with_marks_and_the_order_of_their_parameters():
    table = sa.table("a%b", sa.column("x", sa.Text()), sa.column("y", sa.BigInteger()))
    x, y = sa.bindparam("p0", type_=sa.Text()), sa.bindparam("p1", type_=sa.BigInteger())
    made = sa.select(table.c.x).where(table.c.y > y, table.c.x == x, table.c.y < y)
    compiled = made.compile(dialect=_DIALECT)
    assert compiled.positiontup == ["p1", "p0", "p1"]
    assert str(compiled).count("%s") == 3
    assert '"a%%b"' in str(compiled)
    assert not compiled.params.keys() - {"p0", "p1"}


def test_alembic_writes_down_what_it_would_do():
    written = io.StringIO()
    options = {"as_sql": True, "output_buffer": written}
    context = MigrationContext.configure(dialect=_DIALECT, opts=options)
    Operations(context).add_column("thing", sa.Column("n", sa.BigInteger()))
    assert written.getvalue().strip() == "ALTER TABLE thing ADD COLUMN n BIGINT;"


def test_a_pool_gives_the_driver_s_own_connection_back_as_it_was(postgres_url):
    pool = QueuePool(
        lambda: psycopg.connect(postgres_url, autocommit=True), pool_size=1, reset_on_return=None
    )
    proxy = pool.connect()
    first = proxy.dbapi_connection
    proxy.info["kept"] = True
    first.execute("SET application_name TO 'kept'")
    proxy.close()
    proxy = pool.connect()
    assert proxy.dbapi_connection is first
    assert proxy.info["kept"]
    assert first.execute("SHOW application_name").fetchone() == ("kept",)
    proxy.invalidate()
    assert first.closed
    proxy.close()
    pool.dispose()


def test_whole_numbers_are_of_one_type_whatever_their_size(postgres_url):
    with psycopg.connect(postgres_url) as link:
        link.adapters.register_dumper(int, Int8Dumper)
        for value in (1, 2**15, 2**31, 2**63 - 1):
            assert link.execute("SELECT pg_typeof(%s)", (value,)).fetchone() == ("bigint",)
        assert link.execute("SELECT pg_typeof(%s)", ([1, 2**40],)).fetchone() == ("bigint[]",)


def test_a_pipeline_is_one_trip_and_its_results_can_be_read_afterwards(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as link:
        cursor = link.cursor()
        with link.pipeline():
            link.execute("BEGIN")
            cursor.execute("SELECT 1")
            link.execute("COMMIT")
        assert cursor.fetchall() == [(1,)]
        assert link.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
