"""The rows that bring files in: `import` beside `executemany` of the same, and how memory grows with the file."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from crmkit import CRM
from tests.benchmarks.company import OWNERS, name_of
from tests.benchmarks.measuring import Row
from tests.benchmarks.raw import tokens
from tests.benchmarks.raw_sqlite import SqliteRaw
from tests.benchmarks.rows import Plan

FILES = ("import",)
GROWING = ("import_memory", "export_memory")
BATCH = 500
TABLES = ("customer", "identity", "external_id", "import_run", "crm_journal")
WITH_TOKENS = ("customer", "identity")
_PEAK = """
import resource, sys
from crmkit.cli import main
sys.argv = ["crm", *sys.argv[1:]]
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=sys.stderr)
"""


def measured_files(plan: Plan, names: Sequence[str]) -> Iterator[Row]:
    """The row of an import of as many people as the company has customers."""
    if "import" in names:
        yield imported(plan)


def table(path: Path, rows: int) -> Path:
    """A CSV of people with an address, a telephone number and a column that no field takes."""
    draw = random.Random(11)
    with path.open("w", encoding="utf-8") as file:
        file.write("id,이름,이메일,휴대폰,담당자,등급\n")
        for number in range(rows):
            phone = f"010-{draw.randrange(2000, 9999)}-{draw.randrange(10_000):04d}"
            file.write(
                f"{number},{name_of(draw)},c{number}@acme.example,{phone},{draw.choice(OWNERS)},gold\n"
            )
    return path


def imported(plan: Plan) -> Row:
    """A file of people, beside the same customers, addresses, external ids, changes and search rows by hand."""
    file = table(plan.folder / "people.csv", plan.customers)
    ours, theirs = [], []
    for turn in range(max(1, plan.times(2) - 1)):
        name = f"import-{turn}"
        with plan.open(name, "exchange") as crm, plan.on.copied(crm, plan.folder, name) as raw:
            start = time.perf_counter()
            run(crm, file, plan.folder)
            ours.append(time.perf_counter() - start)
            rows = {name: made(crm, name) for name in TABLES}
            start = time.perf_counter()
            by_hand(raw, rows)
            theirs.append(time.perf_counter() - start)
    times = statistics.median(ours) / plan.customers, statistics.median(theirs) / plan.customers
    return plan.row("import", times)


def run(crm: CRM, file: Path, folder: Path) -> None:
    from crmkit_exchange.importing.files import made_ready
    from crmkit_exchange.importing.invalid import InvalidFile
    from crmkit_exchange.importing.options import ImportOptions
    from crmkit_exchange.importing.running import run_import

    options = ImportOptions()
    with (
        made_ready(crm, crm, [file], options, lambda _: None) as [ready],
        InvalidFile(folder / "invalid.csv") as invalid,
    ):
        run_import(crm, crm.actor, ready, options.said(), invalid, lambda *_: None)  # type: ignore[arg-type]


def made(crm: CRM, name: str) -> list[tuple[Any, ...]]:
    """The rows of a table, as they are to be written again."""
    connection = crm.storage._connections.get()  # type: ignore[attr-defined]
    return [tuple(row) for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY 1')]


def by_hand(raw: SqliteRaw, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    """Write the same rows with `executemany`, as many in a transaction as an import has, tokens made anew."""
    # Order numbers and positions are of one sequence, so a batch is what lies between two customers' numbers.
    starts = [row[0] for row in rows["customer"][::BATCH]]
    for start, end in zip(starts, [*starts[1:], sys.maxsize], strict=True):
        raw.execute("BEGIN IMMEDIATE")
        for name, found in rows.items():
            low = bisect_left(found, start, key=lambda row: row[0])
            part = found[low : bisect_left(found, end, key=lambda row: row[0])]
            raw.executemany(raw.inserting(name), part)
            if name in WITH_TOKENS:
                index(raw, name, part)
        raw.execute("COMMIT")


def index(raw: SqliteRaw, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    columns = raw.columns(name)
    searched = [columns.index(each.removeprefix("f_")) for each in raw.columns(f"{name}__search")]
    raw.executemany(
        raw.indexing(name),
        ((row[0], *(tokens(str(row[place] or "")) for place in searched)) for row in rows),
    )


def measured_memory(plan: Plan, large: Plan, names: Sequence[str]) -> Iterator[Row]:
    """The peak memory of the commands at the large size, beside that at a tenth of it."""
    sizes = (large.customers, large.customers // 10)
    peaks = [_peaks(large.folder, size) for size in sizes]
    for place, name in enumerate(GROWING):
        if name in names:
            values = (peaks[0][place], peaks[1][place])
            yield large.row(name, values)


def _peaks(folder: Path, size: int) -> tuple[float, float]:
    """The peak memory of an import and of a full export, in bytes."""
    file = table(folder / f"people-{size}.csv", size)
    db = ["--db", f"sqlite:///{folder}/memory-{size}.db"]
    return (
        _peak([*db, "import", str(file)], folder),
        _peak([*db, "export", "--all", str(folder / f"all-{size}.jsonl")], folder),
    )


def _peak(arguments: Sequence[str], folder: Path) -> float:
    command = [sys.executable, "-c", _PEAK, *arguments]
    ended = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return float(ended.stderr.splitlines()[-1])
