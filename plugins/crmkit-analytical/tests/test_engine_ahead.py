"""Reading ahead: the same items in the same order, what is raised is raised here, and what is open is closed there."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from crmkit_analytical.engine.ahead import ROOM, Ahead
from hypothesis import given
from hypothesis import strategies as st


class Source:
    """Numbers that are read in whatever thread asks; it can break, and knows in which thread it was closed."""

    def __init__(self, size: int, broken_at: int | None = None) -> None:
        self.size, self.broken_at = size, broken_at
        self.read = 0
        self.threads: set[str] = set()
        self.closed_in = ""

    def items(self):
        try:
            for number in range(self.size):
                self.threads.add(threading.current_thread().name)
                if number == self.broken_at:
                    raise ConnectionError("the server is gone")
                self.read += 1
                yield number
        finally:
            self.closed_in = threading.current_thread().name


@given(st.integers(0, 12))
def test_everything_comes_in_order(size):
    source = Source(size)
    with closing(Ahead(source.items())) as ahead:
        assert list(ahead) == list(range(size))
    assert source.closed_in not in ("", threading.current_thread().name)
    assert source.threads <= {source.closed_in}


@given(st.integers(0, 8))
def test_what_reading_raises_comes_where_it_was_reached(broken_at):
    source, found = Source(20, broken_at), []
    with closing(Ahead(source.items())) as ahead, pytest.raises(ConnectionError):
        found.extend(ahead)
    assert found == list(range(broken_at))[: len(found)]
    assert source.read == broken_at


@given(st.integers(0, 8))
def test_who_stops_early_leaves_nothing_open_and_little_read(taken):
    source = Source(1_000)
    with closing(Ahead(source.items())) as ahead:
        assert [each for each, _ in zip(ahead, range(taken), strict=False)] == list(range(taken))
    assert {source.closed_in} - {""} == source.threads  # one that was not begun has nothing open
    assert threading.current_thread().name not in source.threads
    assert source.read <= taken + 1 + ROOM


def test_it_begins_before_anybody_asks():
    begun = threading.Event()

    def items():
        begun.set()
        yield 1

    with closing(Ahead(items())):
        assert begun.wait(10)
