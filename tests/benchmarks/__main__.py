"""`python -m tests.benchmarks`: the table of design section 10; `--help` says what can be asked."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs

from tests.benchmarks.analytical import ANALYTICAL, measured_analytical
from tests.benchmarks.backends import Absent, Backend, Postgres, Sqlite
from tests.benchmarks.files import FILES, GROWING, measured_files, measured_memory
from tests.benchmarks.measuring import INDEXED, Row, table
from tests.benchmarks.operational import OPERATIONAL, measured_operational
from tests.benchmarks.processes import PROCESSES, measured_processes
from tests.benchmarks.rows import LOADING, READING, WRITING, Plan, grown, measured

ROWS = (*LOADING, *READING, *WRITING, "bulk", *OPERATIONAL, *ANALYTICAL)
NAMES = (*ROWS, *FILES, *GROWING, *PROCESSES)


def settings() -> dict[str, Any]:
    """What a server of our own is given beside PostgreSQL's defaults: a quarter of the memory, as its manual advises."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"shared_buffers": f"{memory // 4 // 2**20}MB", "max_wal_size": "8GB"}


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests.benchmarks", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--interactions", type=int, default=100_000)
    parser.add_argument("--tickets", type=int, default=20_000, help="and as many deals")
    parser.add_argument("--backend", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--postgres", metavar="URL", help="a server, in place of one of our own")
    parser.add_argument("--large", action="store_true", help="measure a large company as well")
    parser.add_argument("--large-customers", type=int, default=1_000_000)
    parser.add_argument("--large-interactions", type=int, default=10_000_000)
    parser.add_argument("--large-tickets", type=int, default=200_000)
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


def rows(given: argparse.Namespace, folder: Path, backends: Sequence[Backend]) -> Iterator[Row]:
    """Every row that was asked for, as it is measured."""
    for backend in backends:
        plan = Plan(
            folder, backend, given.customers, given.interactions, given.tickets, given.effort
        )
        small = []
        names = [name for name in given.names if name != "load_memory"]
        for row in every(plan, names):
            small.append(row)
            yield row
        if isinstance(backend, Sqlite):
            yield from measured_files(plan, given.names)
            yield from measured_processes(plan, given.names)
        if given.large:
            yield from large(given, plan, small)


def every(plan: Plan, names: Sequence[str]) -> Iterator[Row]:
    """The rows of a company of one size."""
    yield from measured(plan, names)
    yield from measured_operational(plan, names)
    yield from measured_analytical(plan, names)


def large(given: argparse.Namespace, plan: Plan, small: Sequence[Row]) -> Iterator[Row]:
    """The rows of a large company, beside those of the small one."""
    larger = attrs.evolve(
        plan,
        folder=plan.folder / "large",
        customers=given.large_customers,
        interactions=given.large_interactions,
        tickets=given.large_tickets,
    )
    larger.folder.mkdir(exist_ok=True)
    those = (*LOADING, *INDEXED, *OPERATIONAL, *ANALYTICAL, "search")
    names = [name for name in given.names if name in those]
    yield from grown(small, every(larger, names))
    if {*GROWING} & {*given.names} and isinstance(plan.on, Sqlite):
        yield from measured_memory(plan, larger, given.names)


@contextmanager
def backends(given: argparse.Namespace) -> Iterator[list[Backend]]:
    """Those that were asked for and can be had; says why one cannot."""
    found: list[Backend] = []
    if given.backend != "postgres":
        found.append(Sqlite(given.synchronous))
    with ExitStack() as stack:
        if given.backend != "sqlite":
            try:
                there = Postgres.on(given.postgres or stack.enter_context(server()))
                stack.callback(there.close)
                found.append(there)
            except Absent as error:
                print(f"no rows for PostgreSQL: {error}", file=sys.stderr)
        yield found


@contextmanager
def server() -> Iterator[str]:
    """A server of our own that keeps what it says it has kept; the URL of a database there."""
    try:
        from crmkit_sql.testing import Cluster, NoServer
    except ImportError as error:
        raise Absent(str(error)) from error
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(Cluster(durable=True, **settings()))
        except NoServer as error:
            raise Absent(str(error)) from error
        yield cluster.create()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, keep the rows as JSON."""
    given = parsed(arguments)
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="crmkit-benchmarks-", dir=given.folder) as folder,
        backends(given) as those,
    ):
        for row in rows(given, Path(folder), those):
            found.append(row)
            said = f"{row.backend} {row.name}: {row.ratio:.2f} (at most {row.budget:.2f})"
            print(said, file=sys.stderr, flush=True)
    print(table(found))
    if given.json:
        text = json.dumps([attrs.asdict(row) for row in found], indent=1)
        given.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
