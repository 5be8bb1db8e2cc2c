"""URLs and the databases that they name."""

from __future__ import annotations

import pytest
from crmkit_sql.location import read_url
from crmkit_sql.storage import open_postgresql

from crmkit.errors import BackendError


def test_a_url_names_user_host_port_and_database():
    location = read_url("postgresql://kim:p%40ss%2Fword@db.example:5433/acme")
    found = dict(location.parameters)
    assert found.pop("connect_timeout") == "5"
    assert found == {
        "user": "kim",
        "password": "p@ss/word",
        "host": "db.example",
        "port": "5433",
        "dbname": "acme",
    }


def test_what_is_left_out_is_libpq_s():
    assert set(read_url("postgresql:///acme").parameters) == {"dbname", "connect_timeout"}
    assert set(read_url("postgres://").parameters) == {"connect_timeout"}


def test_the_password_is_never_shown():
    location = read_url("postgresql://kim:secret@db.example/acme?schema=crm&password=secret2")
    assert "secret" not in location.place
    assert "secret" not in repr(location)
    assert location.place == "postgresql://kim@db.example/acme?schema=crm"


def test_an_address_may_be_ipv6_or_a_socket():
    assert read_url("postgresql://[::1]:5432/acme").parameters["host"] == "::1"
    assert (
        read_url("postgresql:///acme?host=/run/postgresql").parameters["host"] == "/run/postgresql"
    )


def test_options_are_read_and_have_defaults():
    location = read_url("postgresql://h/a")
    assert (location.schema, location.timeout, location.pool, location.synchronous) == (
        None,
        5.0,
        10,
        True,
    )
    location = read_url("postgresql://h/a?schema=crm&timeout=0.5&pool=3&synchronous=off")
    assert (location.schema, location.timeout, location.pool, location.synchronous) == (
        "crm",
        0.5,
        3,
        False,
    )


def test_libpq_s_own_options_are_passed_on():
    assert read_url("postgresql://h/a?sslmode=require").parameters["sslmode"] == "require"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql:acme", "write it as in postgresql://"),
        ("mysql://h/a", "write it as in postgresql://"),
        ("postgresql://h:port/a", "no port"),
        ("postgresql://h/a?shema=crm", "did you mean 'schema'"),
        ("postgresql://h/a?zzzzzz=1", "there are schema"),
        ("postgresql://h/a?timeout=-1", "timeout=5"),
        ("postgresql://h/a?timeout=nan", "timeout=5"),
        ("postgresql://h/a?pool=2.5", "pool=10"),
        ("postgresql://h/a?pool=many", "pool=10"),
        ("postgresql://h/a?synchronous=maybe", "on or off"),
    ],
)
def test_a_misspelt_url_is_a_sentence(url, sentence):
    with pytest.raises(BackendError, match=sentence):
        open_postgresql(url)
