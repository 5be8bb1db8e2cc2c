"""Imports of files as people start them, without a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs
from crmkit_exchange.importing.files import RefusedFile, made_ready
from crmkit_exchange.importing.invalid import InvalidFile
from crmkit_exchange.importing.laying import Table
from crmkit_exchange.importing.options import ImportOptions
from crmkit_exchange.importing.order import in_order
from crmkit_exchange.importing.outcome import Counts, Outcome
from crmkit_exchange.importing.planning import planned
from crmkit_exchange.importing.running import Brought, run_import, run_planned
from crmkit_exchange.kinds import ImportRun

from crmkit import CRM, Actor

KIM = Actor("user", "kim")


@attrs.frozen
class Done:
    """What one import did."""

    run: ImportRun
    counts: Counts
    outcomes: list[Outcome]

    @property
    def sums(self) -> tuple[int, int, int, int, int]:
        """Read, created, updated, skipped, invalid."""
        found = self.counts
        return (found.read, found.created, found.updated, found.skipped, found.invalid)


@attrs.frozen
class Importer:
    """Imports files into an app as kim; invalid rows go into a folder."""

    crm: CRM
    folder: Path

    def __call__(
        self, *paths: Path, stop_after: int = 0, stop_in: str = "", **said: Any
    ) -> dict[str, Done]:
        """Import files, those first that others refer to; by the names of their presets.

        With `stop_after`, the first import of a file whose name begins with `stop_in` ends with `KeyboardInterrupt` once
        so many rows are in.
        """
        options, done = ImportOptions(**said), {}
        brought: Brought = {}
        with self._tables(paths, options) as tables:
            for each in tables:
                name = each.layout.preset.name
                stop = stop_after if each.name.startswith(stop_in) else 0
                done[name] = self._import(each, options, stop, brought)
        return done

    def _import(
        self, table: Table, options: ImportOptions, stop_after: int, brought: Brought
    ) -> Done:
        found: list[Outcome] = []

        def told(_: Table, some: Sequence[Outcome]) -> None:
            found.extend(some)
            if stop_after and len(found) >= stop_after:
                raise KeyboardInterrupt

        with InvalidFile(self.folder / f"{table.name}.invalid.csv") as invalid:
            run, counts = run_import(self.crm, KIM, table, options.said(), invalid, told, brought)
        return Done(run, counts, found)

    def plan(self, *paths: Path, **said: Any) -> tuple[str, list[Counts], list[Outcome]]:
        """The token of a plan, the sums of each file, and what becomes of each row."""
        options, found = ImportOptions(**said), list[Outcome]()
        handle = self.crm.acting(KIM)
        with self._tables(paths, options) as tables:
            told = lambda _, some: found.extend(some)  # noqa: E731
            plan = planned(handle, tables, options.said(), told)
        return plan.token, list(plan.counts), found

    def apply(self, token: str, *paths: Path, **said: Any) -> list[Counts]:
        """Import files if that does what the plan said."""
        options = ImportOptions(**said)
        with self._tables(paths, options) as tables, ExitStack() as stack:
            invalid = (InvalidFile(self.folder / f"{each.name}.invalid.csv") for each in tables)
            files = list(zip(tables, map(stack.enter_context, invalid), strict=True))
            done = run_planned(self.crm, KIM, files, options.said(), token, lambda _, __: None)
        return [counts for _, counts in done]

    @contextmanager
    def _tables(self, paths: Sequence[Path], options: ImportOptions) -> Iterator[list[Table]]:
        handle = self.crm.acting(KIM)
        with made_ready(self.crm, handle, paths, options, lambda _: None) as ready:
            for each in ready:
                if isinstance(each, RefusedFile):
                    raise each.error
            yield in_order([each for each in ready if isinstance(each, Table)])
