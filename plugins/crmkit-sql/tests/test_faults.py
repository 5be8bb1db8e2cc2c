"""Servers that cannot be used, or not for this: each a sentence with the database and what to do, never the password."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from crmkit_sql.storage import open_postgresql
from crmkit_sql.testing import Cluster, NoServer

from crmkit.errors import BackendError, ClosedError, TransactionError
from crmkit.testing.kinds import Specimen, zoo
from crmkit.testing.lab import Lab


def refusal(action, secret: str = "") -> str:
    """The one sentence that an action ends in; no secret in it, nor in what caused it."""
    with pytest.raises(BackendError) as caught:
        action()
    text, error = str(caught.value), caught.value
    assert "\n" not in text
    assert text.startswith("postgresql://")
    while secret and error is not None:
        assert secret not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__
    return text


def at(url: str, **parts: str) -> str:
    """The URL with another user, password or database."""
    info = psycopg.conninfo.conninfo_to_dict(url) | parts
    return f"postgresql://{info['user']}:{info.get('password', '')}@{info['host']}:{info['port']}/{info['dbname']}"


@pytest.fixture
def opened():
    """Opens URLs; all that were opened are closed at the end."""
    storages = []

    def open_(url: str):
        storages.append(open_postgresql(url))
        return storages[-1]

    yield open_
    for each in storages:
        each.close()


@pytest.fixture
def admin(postgres_cluster):
    """A connection of the server's administrator to a database of the test's own."""
    url = postgres_cluster.create()
    with psycopg.connect(url, autocommit=True) as link:
        link.crm_url = url
        yield link
    postgres_cluster.drop(url)


@pytest.fixture
def poor(admin):
    """A user who may connect, and not more; their URL."""
    name = admin.execute("SELECT 'poor_' || substr(md5(random()::text), 1, 8)").fetchone()[0]
    admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'sesame-open'")
    yield at(admin.crm_url, user=name, password="sesame-open")
    admin.execute(f"DROP OWNED BY {name}")
    admin.execute(f"DROP ROLE {name}")


# Getting in ----------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_said_and_never_shown(opened, admin):
    storage = opened(at(admin.crm_url, password="hunter2-secret"))
    sentence = refusal(lambda: storage.prepare(zoo()), "hunter2-secret")
    assert "refuses the password" in sentence
    assert "~/.pgpass" in sentence
    assert "hunter2-secret" not in repr(storage._connections.location)
    assert "crmkit@127.0.0.1" in sentence


@pytest.mark.parametrize(
    "password", ["p%40sesame", "p/sesame", "sesame?p", "p?sesame", "sesame#p", "p:sesame"]
)
def test_an_odd_password_is_never_shown(opened, admin, password):
    port = psycopg.conninfo.conninfo_to_dict(admin.crm_url)["port"]
    with pytest.raises(BackendError) as caught:
        opened(f"postgresql://crmkit:{password}@127.0.0.1:{port}/acme").position()
    assert "sesame" not in str(caught.value)


def test_a_password_in_the_options_is_never_shown(opened, admin):
    url = f"{at(admin.crm_url, password='x')}?password=hunter2-secret"
    refusal(lambda: opened(url).position(), "hunter2-secret")


def test_no_password(opened, admin, monkeypatch, tmp_path):
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    monkeypatch.delenv("PGPASSWORD", raising=False)
    assert "refuses the password" in refusal(opened(at(admin.crm_url, password="")).position)


def test_a_missing_database(opened, admin):
    sentence = refusal(opened(at(admin.crm_url, dbname="nowhere")).position)
    assert "does not exist on the server" in sentence
    assert "createdb" in sentence


def test_a_user_who_may_not_log_in(opened, admin, poor):
    name = psycopg.conninfo.conninfo_to_dict(poor)["user"]
    admin.execute(f"ALTER ROLE {name} NOLOGIN")
    assert "cannot be opened: role" in refusal(opened(poor).position, "sesame-open")


def test_a_port_on_which_nobody_listens(opened):
    sentence = refusal(opened("postgresql://kim:hunter2@127.0.0.1:1/acme").position, "hunter2")
    assert "is not to be reached: Connection refused; check that the server runs" in sentence


def test_a_host_that_does_not_exist(opened):
    sentence = refusal(opened("postgresql://kim:hunter2@nowhere.invalid/acme").position, "hunter2")
    assert "is not to be reached" in sentence


def test_another_encoding(opened, postgres_cluster, admin):
    name = psycopg.conninfo.conninfo_to_dict(admin.crm_url)["dbname"] + "_latin"
    admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1'")
    try:
        storage = opened(at(admin.crm_url, dbname=name))
        assert "encoded in LATIN1" in refusal(lambda: storage.prepare(zoo()))
        assert "ENCODING 'UTF8'" in refusal(storage.position)
    finally:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_too_many_connections(opened, admin):
    name = psycopg.conninfo.conninfo_to_dict(admin.crm_url)["dbname"]
    admin.execute("CREATE ROLE crowd LOGIN PASSWORD 'sesame-open' CONNECTION LIMIT 1")
    url = at(admin.crm_url, user="crowd", password="sesame-open")
    try:
        with psycopg.connect(url):
            assert name in refusal(opened(url).position, "sesame-open")
            assert "takes no more connections; close some" in refusal(opened(url).position)
    finally:
        admin.execute("DROP ROLE crowd")


# Rights --------------------------------------------------------------------------------------------------------


def test_no_right_to_create_tables(opened, poor):
    storage = opened(poor)
    sentence = refusal(lambda: storage.prepare(zoo()))
    assert "may not be used so by this user; grant it" in sentence
    assert storage.prepare(zoo(), plan=True)


def test_no_right_to_create_a_schema(opened, poor):
    storage = opened(f"{poor}?schema=crm")
    assert "grant it" in refusal(lambda: storage.prepare(zoo()))


def test_no_right_to_write(opened, admin, poor):
    kept = Lab(opened(admin.crm_url)).named("a")
    name = psycopg.conninfo.conninfo_to_dict(poor)["user"]
    admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    lab = Lab(opened(poor))
    assert lab.find() == kept
    assert "may not be used so by this user" in refusal(lambda: lab.named("b"))
    assert lab.find() == kept


def test_no_right_to_read(opened, admin, poor):
    Lab(opened(admin.crm_url))
    assert "may not be used so by this user" in refusal(opened(poor).position)


def test_a_database_that_is_set_to_be_read_only(opened, admin):
    kept = Lab(opened(admin.crm_url)).named("a")
    lab = Lab(opened(f"{admin.crm_url}?options=-c%20default_transaction_read_only%3Don"))
    assert lab.find() == kept
    assert "is read-only, as a standby is" in refusal(lambda: lab.named("b"))
    assert "is read-only" in refusal(lambda: lab.update(kept[0], name="b"))
    assert "is read-only" in refusal(lambda: lab.delete(kept[0]))
    with pytest.raises(BackendError, match="is read-only"), lab.storage.transaction() as tx:
        tx.set_state("key", 1)
    assert lab.find() == kept


def test_a_standby_may_be_read_and_not_written(opened):
    try:
        cluster = Cluster().__enter__()
    except NoServer as error:
        pytest.skip(str(error))
    try:
        url, empty = cluster.create(), cluster.create()
        storage = opened(url)
        kept = Lab(storage).named("a")
        storage.close()
        cluster.stop()
        (cluster._data / "standby.signal").touch()
        cluster.start()
        lab = Lab(opened(url))
        assert lab.find() == kept
        assert "is read-only, as a standby is" in refusal(lambda: lab.named("b"))
        assert "connect to the primary" in refusal(lambda: lab.update(kept[0], name="b"))
        assert "is read-only" in refusal(lambda: opened(empty).prepare(zoo()))
        assert lab.storage.check() == []
        lab.storage.close()
    finally:
        cluster.remove()


# What is there already -----------------------------------------------------------------------------------------


def test_a_table_of_another_program(opened, admin):
    admin.execute("CREATE TABLE customer AS SELECT 'theirs' AS name")
    sentence = refusal(lambda: opened(admin.crm_url).prepare(zoo()))
    assert "a table customer of another program" in sentence
    assert "?schema=crm" in sentence
    assert admin.execute("SELECT name FROM customer").fetchall() == [("theirs",)]
    assert admin.execute("SELECT to_regclass('crm_journal')").fetchone() == (None,)
    lab = Lab(opened(f"{admin.crm_url}?schema=crm"))
    lab.named("ours")
    assert lab.names() == ["ours"]


def test_a_newer_format(opened, admin):
    Lab(opened(admin.crm_url))
    admin.execute("UPDATE crm_meta SET value = '99' WHERE name = 'format'")
    sentence = refusal(lambda: opened(admin.crm_url).prepare(zoo()))
    assert "newer crmkit-sql (format 99" in sentence
    assert "upgrade crmkit-sql" in sentence


def test_a_database_that_was_not_prepared(opened, admin):
    storage = opened(admin.crm_url)
    assert storage.state("key") is None
    assert storage.states("") == {}
    assert "was not prepared" in refusal(lambda: storage.history("specimen", "1"))
    assert "was not prepared" in refusal(storage.position)
    assert admin.execute("SELECT to_regclass('crm_state')").fetchone() == (None,)


def test_a_missing_index_is_named_and_built_again(opened, admin):
    lab = Lab(opened(admin.crm_url))
    admin.execute("DROP INDEX specimen__by__shelf__number")
    assert "specimen__by__shelf__number" in lab.storage.check()[0]
    assert lab.storage.prepare(zoo()) == ["create the index specimen__by__shelf__number"]
    assert lab.storage.check() == []


def test_writes_past_the_storage_are_found(opened, admin):
    lab = Lab(opened(admin.crm_url))
    record = lab.named("a")[0]
    admin.execute("UPDATE specimen SET version = 7")
    assert f"specimen {record.id} is at version 7 and its journal at 1" in lab.storage.check()[0]


# The end -------------------------------------------------------------------------------------------------------


def test_a_closed_storage(opened, admin):
    lab = Lab(opened(admin.crm_url))
    lab.storage.close()
    lab.storage.close()
    with pytest.raises(ClosedError, match="open it again"):
        lab.find()
    with pytest.raises(ClosedError), lab.storage.transaction():
        pass


def test_a_transaction_after_its_end(opened, admin):
    lab = Lab(opened(admin.crm_url))
    with lab.storage.transaction() as tx:
        pass
    with pytest.raises(TransactionError, match="over"):
        lab.find(tx=tx)
    with pytest.raises(TransactionError, match="over"):
        lab.add(Specimen(name="a"), tx=tx)


# A full disk ---------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(cluster, megabytes: int):
    """A folder of the server's user on a disk of this size; skips where none can be made."""
    with tempfile.TemporaryDirectory(prefix="crmkit-disk-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
        made = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
        if not made:
            pytest.skip("only root can make a small disk")
        try:
            if cluster._user:
                os.chown(folder, *cluster._user)
            Path(folder).chmod(0o700)
            Path(folder).parent.stat()
            yield folder
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_loses_nothing(opened, postgres_cluster, admin):
    name = psycopg.conninfo.conninfo_to_dict(admin.crm_url)["dbname"]
    with small_disk(postgres_cluster, 24) as folder:
        admin.execute(f"CREATE TABLESPACE small_{name} LOCATION '{folder}'")
        url = at(admin.crm_url, dbname=f"{name}_small")
        admin.execute(f"CREATE DATABASE {name}_small TEMPLATE template0 TABLESPACE small_{name}")
        try:
            lab = Lab(opened(url))
            kept = lab.named(*(f"before {n}" for n in range(10)))
            sentence = refusal(lambda: [fill(lab) for _ in range(100)])
            assert "has no room left: the server's disk is full" in sentence
            assert "make room and try again" in sentence
            whole = lab.count()
            assert (whole - len(kept)) % 50 == 0
            assert [each for each in lab.find() if each.name.startswith("before")] == kept
            assert lab.storage.check() == []
        finally:
            lab.storage.close()
            admin.execute(f"DROP DATABASE {name}_small WITH (FORCE)")
            admin.execute(f"DROP TABLESPACE small_{name}")


def fill(lab: Lab) -> None:
    text = os.urandom(10_000).hex()
    lab.insert(*(Specimen(name="much", details={"text": f"{n}{text}"}) for n in range(50)))
