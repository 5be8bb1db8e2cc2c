"""The file of invalid rows: row, line, reason, and the text as it stood in the file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Self

from crmkit import CrmError
from crmkit_exchange.importing.outcome import Outcome

__all__ = ["InvalidFile"]

HEADING = ("row", "line", "reason", "text")


class InvalidFile:
    """A CSV file that is there once there is an invalid row; `size` is how many bytes of it are for good.

    An import that goes on after a kill cuts it back to the size that was committed with its rows.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path = path
        self.size = size
        self._file: IO[str] | None = None

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Write the invalid ones of these rows, so that they are on the disk; raises `CrmError` if that cannot be."""
        rows = [_row(each) for each in outcomes if each.action == "invalid"]
        if not rows:
            return
        try:
            file = self._file = self._file or self._opened()
            csv.writer(file).writerows(rows)
            file.flush()
            os.fsync(file.fileno())
            self.size = file.tell()
        except OSError as error:
            raise CrmError(
                f"{self.path} for the invalid rows cannot be written: {error.strerror}; name another with --invalid"
            ) from error

    def go_on(self, path: str, size: int) -> None:
        """Go on with the file of an import that was broken off."""
        self.path, self.size = Path(path), size

    @property
    def written(self) -> Path | None:
        """Where the invalid rows are, None if there are none."""
        return self.path if self.size else None

    def forget(self) -> None:
        """Remove what was written: the import did not happen."""
        if self._file is not None:
            self._file.close()
            self.path.unlink(missing_ok=True)

    def _opened(self) -> IO[str]:
        goes_on = self.size > 0 and self.path.exists() and self.path.stat().st_size >= self.size
        if goes_on:
            os.truncate(self.path, self.size)
        file = self.path.open(
            "a" if goes_on else "w", encoding="utf-8", errors="backslashreplace", newline=""
        )
        if not goes_on:
            file.write("\ufeff")  # or a spreadsheet does not show Korean
            csv.writer(file).writerow(HEADING)
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()


def _row(outcome: Outcome) -> tuple[object, ...]:
    item = outcome.draft.item
    return item.number, item.line, outcome.reason, item.text
