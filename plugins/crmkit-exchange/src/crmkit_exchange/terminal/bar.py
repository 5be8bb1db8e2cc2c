"""The progress bar: on a terminal, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from crmkit.storage import Progress

__all__ = ["bar"]


@contextmanager
def bar(length: int = 1, *, shown: bool = True) -> Iterator[Progress]:
    """A bar of this length, which is told how much of how much is done; it may be kept from being shown."""
    hidden = not (shown and sys.stderr.isatty())
    with click.progressbar(length=length, file=sys.stderr, hidden=hidden) as found:

        def tell(done: int, total: int) -> None:
            found.length = total
            found.update(done - found.pos)

        yield tell
