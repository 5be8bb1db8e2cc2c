"""The progress bar: on a terminal, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from crmkit.storage import Progress

__all__ = ["bar"]


@contextmanager
def bar(length: int = 1) -> Iterator[Progress]:
    """A bar of this length, which is told how much of how much is done."""
    shown = click.progressbar(length=length, file=sys.stderr, hidden=not sys.stderr.isatty())
    with shown as found:

        def tell(done: int, total: int) -> None:
            found.length = total
            found.update(done - found.pos)

        yield tell
