"""Throw-away servers: certainly ours, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from crmkit_sql.testing import Cluster, NoServer, ServerFailed
from crmkit_sql.testing import processes as processes_module
from crmkit_sql.testing.binaries import binaries
from crmkit_sql.testing.databases import beside
from crmkit_sql.testing.processes import living

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module")
def cluster():
    try:
        with Cluster(durable=False) as quick:
            yield quick
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def wheel():
    try:
        return binaries(own=False)
    except NoServer as error:
        pytest.skip(str(error))


def asked(url, sql):
    with psycopg.connect(url, autocommit=True) as link:
        return link.execute(sql).fetchone()[0]


def family(process):
    """A process and those it has started, as far as they have not ended."""
    return {each for each, parent in living().items() if process in (each, parent)}


def eventually(predicate):
    until = time.monotonic() + 10
    while not predicate() and time.monotonic() < until:
        time.sleep(0.02)
    return predicate()


# Ours ----------------------------------------------------------------------------------------------------------------


def test_a_server_is_new_enough_and_nobody_else_s(cluster):
    server = cluster.url("postgres")
    assert cluster.version >= 15
    assert asked(server, "SHOW cluster_name") == cluster.name
    assert asked(server, "SHOW listen_addresses") == "127.0.0.1"
    assert asked(server, "SHOW unix_socket_directories") == ""
    assert asked(server, "SHOW fsync") == "off"
    assert asked(cluster.create(), "SHOW server_encoding") == "UTF8"
    with pytest.raises(psycopg.OperationalError, match="password"):
        asked(server.replace(cluster.password, "guessed"), "SELECT 1")


def test_a_server_that_answers_and_is_not_ours_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(cluster, "name", "crmkit_other")
    with pytest.raises(ServerFailed, match=f"another server answers on port {cluster.port}"):
        cluster._verify()


def test_a_port_that_is_taken_is_left_to_its_owner(cluster):
    with Cluster(durable=False, port=cluster.port) as other:
        assert other.port != cluster.port
        assert asked(other.url("postgres"), "SHOW cluster_name") == other.name
        assert asked(cluster.url("postgres"), "SHOW cluster_name") == cluster.name
        folder, server = other._folder, other._process.pid
        assert len(family(server)) > 1
    assert not folder.exists()
    assert not family(server)


def test_a_server_comes_back_on_its_own_port_or_not_at_all(cluster):
    port = cluster.port
    cluster.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(ServerFailed, match="Address already in use"):
            cluster.start()
    cluster.start()
    assert cluster.port == port
    assert asked(cluster.url("postgres"), "SELECT 1") == 1


def test_a_server_that_runs_is_not_started_again(cluster):
    server = cluster._process
    cluster.start()
    assert cluster._process is server


# What it keeps -------------------------------------------------------------------------------------------------------


def test_what_was_committed_outlives_a_restart_and_a_power_cut():
    try:
        durable = Cluster()
    except NoServer as error:
        pytest.skip(str(error))
    with durable:
        url = durable.create()
        with psycopg.connect(url, autocommit=True) as link:
            assert link.execute("SHOW fsync").fetchone() == ("on",)
            link.execute("CREATE TABLE kept AS SELECT 1 AS n")
        durable.restart()
        with psycopg.connect(url, autocommit=True) as link:
            link.execute("INSERT INTO kept VALUES (2)")
        durable.kill()
        with pytest.raises(psycopg.OperationalError):
            asked(url, "SELECT 1")
        durable.start()
        assert asked(url, "SELECT count(*) FROM kept") == 2
        durable.kill()
        folder = durable._folder
    assert not folder.exists()


def test_a_power_cut_ends_what_is_in_the_middle_of_work(cluster):
    with closing(psycopg.connect(cluster.create(), autocommit=True)) as link:
        busy = "SELECT count(*) FROM generate_series(1, 1000000000)"
        link.pgconn.send_query(busy.encode())
        before = family(cluster._process.pid)
        assert link.info.backend_pid in before
        cluster.kill()
        assert not before & set(living())
    cluster.start()


def test_a_server_outlives_the_thread_that_started_it(cluster):
    cluster.stop()
    thread = threading.Thread(target=cluster.start, daemon=True)
    thread.start()
    thread.join()
    time.sleep(0.1)
    assert asked(cluster.url("postgres"), "SELECT 1") == 1


def test_a_database_that_was_there_before_is_never_dropped(cluster):
    with pytest.raises(ValueError, match="was not made here"):
        cluster.drop(cluster.url("postgres"))


@pytest.mark.parametrize(
    ("server", "made"),
    [
        ("postgresql://me:secret@host:5432/postgres", "postgresql://me:secret@host:5432/new"),
        ("postgresql://me@host:5432", "postgresql://me@host:5432/new"),
        ("postgresql://host/?sslcert=/a/b", "postgresql://host/new?sslcert=/a/b"),
        ("postgresql:///postgres?host=/run/postgresql", "postgresql:///new?host=/run/postgresql"),
    ],
)
def test_a_database_is_made_on_the_server_that_a_url_names(server, made):
    assert beside(server, "new") == made


# What is left of it --------------------------------------------------------------------------------------------------


def test_nothing_is_left_of_a_server_that_does_not_start():
    try:
        broken = Cluster(durable=False, no_such_setting=1)
    except NoServer as error:
        pytest.skip(str(error))
    with pytest.raises(ServerFailed, match="no_such_setting") as caught, broken:
        pass
    assert "unrecognized configuration parameter" in caught.value.log
    assert not broken._folder.exists()
    broken.remove()


def test_a_forked_child_leaves_the_server_to_its_parent(cluster):
    child = os.fork()
    if child == 0:
        cluster.remove()
        os._exit(0)
    os.waitpid(child, 0)
    assert cluster._folder.exists()
    assert asked(cluster.url("postgres"), "SELECT 1") == 1


def test_a_server_ends_with_whoever_started_it(cluster):
    # With a child that was forked meanwhile and lives on: it holds what its parent held.
    source = """
        import os, time
        from crmkit_sql.testing import Cluster
        cluster = Cluster(durable=False).__enter__()
        child = os.fork()
        if child == 0:
            time.sleep(60)
        print(cluster._process.pid, cluster._folder, child, flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", "if True:" + source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        server, folder, child = started.stdout.readline().split()
        assert len(family(int(server))) > 1
        os.kill(started.pid, signal.SIGKILL)
        try:
            assert eventually(lambda: not Path(folder).exists())
            assert eventually(lambda: not family(int(server)))
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_both_ways_to_list_processes_agree():
    if not Path("/proc/self/stat").exists() or not shutil.which("ps"):
        pytest.skip("there is one way only here")
    with subprocess.Popen(["sleep", "60"]) as child:
        for told in (processes_module._told_by_linux, processes_module._told_by_ps):
            found = dict(told())
            assert found[child.pid] == os.getpid()
            assert found[os.getpid()] == os.getppid()
        child.kill()


# Whose programs, which server ----------------------------------------------------------------------------------------


def test_the_wheel_s_programs_do_where_the_machine_has_none(wheel, tmp_path):
    # Where only we may read, so that the user whom the server runs as needs a copy.
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    package = wheel.parent.parent
    for folder in (wheel.parent, package.parent / f"{package.name}.libs"):
        if folder.is_dir():
            copy = hidden / folder.relative_to(package.parent)
            shutil.copytree(folder, copy, symlinks=True, copy_function=linked)
    programs = hidden / wheel.relative_to(package.parent)
    with Cluster(durable=False, bin=programs) as other:
        assert other.version >= 15
        assert other.bin == programs or other.bin.is_relative_to(other._folder)
        assert asked(other.create(), "SHOW server_version_num") >= "150000"


def linked(source, target):
    """Link a file, which takes no time, or copy it."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def test_without_any_programs_it_says_what_to_do():
    with pytest.raises(NoServer, match="CRMKIT_TEST_POSTGRES"):
        binaries(own=False, wheel=False)


def test_a_server_that_is_named_is_the_one(cluster, pytester, monkeypatch):
    count = "SELECT count(*) FROM pg_database WHERE datname LIKE 'crmkit_test_%'"
    before = asked(cluster.url("postgres"), count)
    monkeypatch.setenv("CRMKIT_TEST_POSTGRES", cluster.url("postgres"))
    pytester.makepyfile(
        f"""
        import psycopg

        left = []

        def test_it(postgres_url, new_postgres):
            for url in (postgres_url, new_postgres()):
                assert "crmkit_test_" in url
                link = psycopg.connect(url)
                assert link.execute("SHOW cluster_name").fetchone() == ("{cluster.name}",)
                assert link.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
                left.append(link)

        def test_they_were_dropped_although_connected():
            for link in left:
                link.close()
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)
    assert asked(cluster.url("postgres"), count) == before


def test_the_fixtures_cost_nothing_until_they_are_used():
    code = (
        "import sys, pytest; import crmkit_sql.testing.fixtures; "
        "print([m for m in ('psycopg', 'sqlalchemy', 'crmkit_sql.testing.cluster') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
