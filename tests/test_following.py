"""Many processes write at once and are killed; whoever follows the journal sees each change once, in one order."""

from __future__ import annotations

import random
import subprocess
import time
from contextlib import contextmanager
from itertools import groupby

import pytest

from crmkit import Customer
from tests.company import open_company
from tests.processes import Process
from tests.test_processes import assert_the_journal_is_lawful


@contextmanager
def transaction_elsewhere(request, url):
    """Another database of the same server has a transaction open: its number is older than all that follow."""
    if url.startswith("sqlite:"):
        yield
        return
    import psycopg

    with psycopg.connect(request.getfixturevalue("new_postgres")()) as link:
        link.execute("CREATE TABLE open AS SELECT txid_current()")
        yield


def followed(follower: Process) -> list[tuple[str, ...]]:
    """What a follower has seen: (position, transaction, kind, id, version)."""
    return [tuple(line[1:]) for line in follower.said]


def journal(url: str, after: int = 0) -> list[tuple[str, ...]]:
    with open_company(url) as crm:
        return [
            (str(each.position), each.transaction, each.kind, each.id, str(each.version))
            for each in crm.changes(after=after)
        ]


def caught_up(follower: Process, end: str) -> None:
    until = time.monotonic() + 60
    while (not follower.said or follower.said[-1][1] != end) and time.monotonic() < until:
        time.sleep(0.02)


def write_and_kill(url: str, writers: int, seconds: float, every: float) -> tuple[set[str], int]:
    """Let processes write, one being killed now and then; the transactions they know of, and the kills."""
    draw = random.Random(5)
    running = Process.of(url, *["mix"] * writers)
    ended, kills = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() + every < end:
        time.sleep(every)
        ended.append(running.pop(draw.randrange(len(running))))
        ended[-1].kill()
        kills += 1
        running += Process.of(url, "mix")
    time.sleep(max(0, end - time.monotonic()))
    for each in running:
        each.kill()
    return {line[1] for each in [*ended, *running] for line in each.said}, kills


def many_write(request, url: str, writers: int, followers: int, seconds: float, every: float):
    open_company(url).close()
    followed_by = [Process("follow", url, 0).ready() for _ in range(followers)]
    with transaction_elsewhere(request, url):
        told, kills = write_and_kill(url, writers, seconds, every)
        kept = journal(url)
        for each in followed_by:
            caught_up(each, kept[-1][0])
    for each in followed_by:
        each.kill()
        assert followed(each) == kept
    # SQLite finds a commit whose writer died before it could tell the others when all have closed the file, not sooner.
    later = journal(url)
    assert later[: len(kept)] == kept
    assert later == kept or url.startswith("sqlite:")
    kept = later

    # What was reported is there; what a transaction did is there whole, and stands together.
    assert told <= {transaction for _, transaction, *_ in kept}
    runs = [transaction for transaction, _ in groupby(kept, key=lambda each: each[1])]
    assert len(runs) == len(set(runs))
    with open_company(url) as crm:
        assert_the_journal_is_lawful(crm)
        assert crm.storage.check() == []
        first = {id: tx for _, tx, kind, id, version in kept if version == "1"}
        added = {(kind, tx) for _, tx, kind, id, version in kept if version == "1"}
        for customer in crm.find(Customer):
            assert ("identity", first[customer.id]) in added
    print(
        f"{url.partition(':')[0]}: {len(told)} transactions told, {len(kept)} changes, {kills} kills"
    )
    assert told
    assert kills
    return kept


def moved(url: str, new: str, folder) -> None:
    """Dump a database and restore it into another one, as an administrator does."""
    from crmkit_sql.testing.binaries import binaries

    if not (binaries() / "pg_dump").exists():
        pytest.skip("pg_dump is not there")
    file = folder / "dump"
    subprocess.run([binaries() / "pg_dump", "-Fc", f"--dbname={url}", "-f", file], check=True)
    command = [binaries() / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={new}", file]
    subprocess.run(command, check=True)


def test_followers_miss_nothing_while_many_write(request, shared_url):
    many_write(request, shared_url, writers=3, followers=2, seconds=2.5, every=0.8)


@pytest.mark.long
def test_followers_miss_nothing_in_a_minute_of_eight_writers(request, shared_url):
    writers = 3 if shared_url.startswith("sqlite:") else 8
    many_write(request, shared_url, writers=writers, followers=3, seconds=60, every=3)


def goes_on_elsewhere(request, url, new, folder, writers, seconds):
    kept = many_write(request, url, writers, 1, seconds, seconds / 3)
    middle = int(kept[len(kept) // 2][0])
    moved(url, new, folder)
    assert journal(new) == kept
    follower = Process("follow", new, middle).ready()
    told, _ = write_and_kill(new, writers, seconds / 2, seconds / 5)
    more = journal(new, middle)
    caught_up(follower, more[-1][0])
    follower.kill()
    assert followed(follower) == more
    assert more[: len(kept) - len(kept) // 2 - 1] == kept[len(kept) // 2 + 1 :]
    assert told <= {transaction for _, transaction, *_ in more}
    assert told
    with open_company(new) as crm:
        assert_the_journal_is_lawful(crm)
        assert crm.storage.check() == []


def test_a_follower_goes_on_after_a_dump_and_a_restore(request, new_postgres, tmp_path):
    goes_on_elsewhere(request, new_postgres(), new_postgres(), tmp_path, 2, 1.2)


@pytest.mark.long
def test_a_follower_goes_on_after_a_dump_of_much(request, new_postgres, tmp_path):
    goes_on_elsewhere(request, new_postgres(), new_postgres(), tmp_path, 8, 20)
