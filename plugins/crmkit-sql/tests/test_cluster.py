"""Throw-away servers: certainly ours, and gone afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from crmkit_sql.testing import Cluster, NoServer
from crmkit_sql.testing import cluster as module
from crmkit_sql.testing.binaries import binaries

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module")
def durable():
    try:
        with Cluster(durable=True) as cluster:
            yield cluster
    except NoServer as error:
        pytest.skip(str(error))


def asked(url, sql):
    with psycopg.connect(url, autocommit=True) as link:
        return link.execute(sql).fetchone()[0]


def test_a_server_is_new_enough_and_nobody_else_s(durable):
    assert durable.version >= 15
    assert asked(durable.url("postgres"), "SHOW cluster_name") == durable.name
    assert asked(durable.url("postgres"), "SHOW fsync") == "on"
    assert asked(durable.create(), "SHOW server_encoding") == "UTF8"


def test_what_was_committed_outlives_a_restart_and_a_power_cut(durable):
    url = durable.create()
    with psycopg.connect(url, autocommit=True) as link:
        link.execute("CREATE TABLE kept AS SELECT 1 AS n")
    durable.restart()
    with psycopg.connect(url, autocommit=True) as link:
        link.execute("INSERT INTO kept VALUES (2)")
    durable.kill()
    with pytest.raises(psycopg.OperationalError):
        asked(url, "SELECT 1")
    durable.start()
    assert asked(url, "SELECT count(*) FROM kept") == 2


def test_a_port_that_is_taken_is_left_to_its_owner(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = iter([taken.getsockname()[1], *(module._free_port() for _ in range(3))])
        monkeypatch.setattr(module, "_free_port", lambda: next(ports))
        with Cluster() as cluster:
            assert cluster.port != taken.getsockname()[1]
            assert asked(cluster.url("postgres"), "SELECT 1") == 1


def test_nothing_is_left_of_a_server():
    with Cluster() as cluster:
        folder, process = cluster._folder, cluster._process
        assert folder.exists()
    assert not folder.exists()
    assert process.poll() is not None


def test_a_server_ends_with_whoever_started_it():
    source = (
        "import time\nfrom crmkit_sql.testing import Cluster\n"
        "cluster = Cluster().__enter__()\nprint(cluster.port, cluster._folder, flush=True)\ntime.sleep(60)"
    )
    started = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    port, folder = started.stdout.readline().split()
    os.kill(started.pid, signal.SIGKILL)
    started.communicate()
    until = time.monotonic() + 10
    while (Path(folder) / "data" / "postmaster.pid").exists() and time.monotonic() < until:
        time.sleep(0.05)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0
    subprocess.run(["rm", "-rf", folder], check=True)


def test_a_database_that_was_there_before_is_never_dropped(durable):
    with pytest.raises(ValueError, match="was not made here"):
        durable.drop(durable.url("postgres"))


def test_the_wheel_s_programs_do_where_the_machine_has_none():
    try:
        found = binaries(own=False)
    except NoServer as error:
        pytest.skip(str(error))
    with Cluster(bin=found) as cluster:
        assert cluster.version >= 15
        assert asked(cluster.create(), "SELECT 1") == 1


def test_without_any_programs_it_says_what_to_do():
    with pytest.raises(NoServer, match="CRMKIT_TEST_POSTGRES"):
        binaries(own=False, wheel=False)


def test_a_server_that_is_named_is_the_one(durable, pytester, monkeypatch):
    count = "SELECT count(*) FROM pg_database WHERE datname LIKE 'crmkit_test_%'"
    before = asked(durable.url("postgres"), count)
    monkeypatch.setenv("CRMKIT_TEST_POSTGRES", durable.url("postgres"))
    pytester.makepyfile(
        f"""
        import psycopg
        def test_it(postgres_url):
            assert "crmkit_test_" in postgres_url
            with psycopg.connect(postgres_url) as link:
                assert link.execute("SHOW cluster_name").fetchone() == ("{durable.name}",)
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert asked(durable.url("postgres"), count) == before
