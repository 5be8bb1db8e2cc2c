"""`python -m tests.benchmarks`: the table of design section 10; `--help` says what can be asked."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from tests.benchmarks.files import FILES, GROWING, measured_files, measured_memory
from tests.benchmarks.measuring import INDEXED, Row, table
from tests.benchmarks.processes import PROCESSES, measured_processes
from tests.benchmarks.rows import READING, WRITING, Plan, grown, measured

NAMES = (*READING, *WRITING, "bulk", *FILES, *GROWING, *PROCESSES)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests.benchmarks", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--interactions", type=int, default=100_000)
    parser.add_argument("--large", action="store_true", help="measure a large company as well")
    parser.add_argument("--large-customers", type=int, default=1_000_000)
    parser.add_argument("--large-interactions", type=int, default=10_000_000)
    parser.add_argument("--synchronous", choices=("full", "normal"), default="full")
    parser.add_argument("--effort", type=float, default=1.0, help="repetitions, as a factor")
    parser.add_argument("--only", help=f"rows, with commas between: {', '.join(NAMES)}")
    parser.add_argument("--json", type=Path, help="write the rows to this file as well")
    parser.add_argument("--folder", type=Path, help="where to put the databases")
    given = parser.parse_args(arguments)
    given.names = given.only.split(",") if given.only else list(NAMES)
    unknown = {*given.names} - {*NAMES}
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return given


def rows(given: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Every row that was asked for, as it is measured."""
    plan = Plan(folder, given.customers, given.interactions, given.synchronous, given.effort)
    small = []
    for row in measured(plan, given.names):
        small.append(row)
        yield row
    yield from measured_files(plan, given.names)
    yield from measured_processes(plan, given.names)
    if given.large:
        larger = attrs.evolve(
            plan,
            folder=folder / "large",
            customers=given.large_customers,
            interactions=given.large_interactions,
        )
        larger.folder.mkdir()
        names = [name for name in given.names if name in (*INDEXED, "search")]
        yield from grown(small, list(measured(larger, names)))
        if {*GROWING} & {*given.names}:
            yield from measured_memory(plan, larger, given.names)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, keep the rows as JSON."""
    given = parsed(arguments)
    found = []
    with tempfile.TemporaryDirectory(prefix="crmkit-benchmarks-", dir=given.folder) as folder:
        for row in rows(given, Path(folder)):
            found.append(row)
            print(f"{row.name}: {row.ratio:.2f} (at most {row.budget:.2f})", file=sys.stderr)
    print(table(found))
    if given.json:
        text = json.dumps([attrs.asdict(row) for row in found], indent=1)
        given.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
