"""The same seed makes the same company, wherever and however often it is told; what was stopped is told on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from crmkit_demo.chance import dice, id_at
from crmkit_demo.company import three_years_before
from crmkit_demo.running import made
from crmkit_demo.telling import KEY, unfinished

from crmkit import ConfigError, Customer, Identity, Interaction

from .conftest import UNTIL, everything, make, opened

MOMENT = datetime(2026, 3, 2, tzinfo=UTC)
MAKE = """
import sys
from datetime import date
from crmkit import CRM, Config
from crmkit_demo.running import made
with CRM.open(sys.argv[1], plugins=["sqlite", "demo"], config=Config()) as crm:
    made(crm, int(sys.argv[2]), 1, date(2026, 3, 2), lambda length: lambda count: print(count, flush=True))
"""


def started(*arguments: str, seed: str = "0") -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.Popen(
        [sys.executable, "-c", MAKE, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )


def test_two_backends_two_processes_one_company(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "other")]
    processes = [started(url, "30", seed=str(number)) for number, url in enumerate(urls)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0

    with opened() as memory, opened(urls[0]) as one, opened(urls[1]) as other:
        make(memory, 30)
        assert everything(one) == everything(memory)
        assert everything(other) == everything(memory)


def test_another_seed_is_another_company() -> None:
    with opened() as one, opened() as other:
        make(one)
        make(other, seed=2)
        names = [{each.name for each in crm.find(Customer)} for crm in (one, other)]

    assert len(names[0] & names[1]) < 5


@pytest.mark.parametrize("size", [1, 2, 3, 5, 13, 200])
def test_there_are_as_many_customers_as_asked_for(size: int) -> None:
    with opened() as crm:
        make(crm, size)
        assert crm.count(Customer) == size


def test_ids_are_of_their_moment_and_of_the_seventh_version() -> None:
    moment = three_years_before(MOMENT)
    made_ = id_at(moment, dice(1, "x"))

    assert int(made_.replace("-", "")[:12], 16) == int(moment.timestamp() * 1000)
    assert (made_[14], made_[19] in "89ab") == ("7", True)
    assert made_ == id_at(moment, dice(1, "x"))
    assert made_ != id_at(moment, dice(1, "y"))


def test_a_story_may_end_on_a_leap_day() -> None:
    assert three_years_before(datetime(2024, 2, 29, tzinfo=UTC)) == datetime(
        2021, 2, 28, tzinfo=UTC
    )


# Stopped and told on ----------------------------------------------------------------------------------------------


def stopping(after: int) -> Callable[[int], Callable[[int], object]]:
    """Progress that is interrupted once so many steps are written."""
    written = 0

    def told(count: int) -> None:
        nonlocal written
        written += count
        if written > after:
            raise KeyboardInterrupt

    return lambda length: told


@pytest.mark.parametrize("after", [0, 1, 60])
def test_a_run_that_was_stopped_is_told_to_its_end(after: int) -> None:
    with opened() as whole, opened() as stopped:
        make(whole)
        with pytest.raises(KeyboardInterrupt):
            made(stopped, 40, 1, UNTIL, stopping(after))
        left = unfinished(stopped)

        company = make(stopped, 999, seed=7)  # what was begun is finished, whatever is asked for

        assert left is not None
        assert left.done > 0
        assert company.telling.customers == 40
        assert stopped.storage.state(KEY) is None
        assert everything(stopped) == everything(whole)


def test_a_killed_process_leaves_what_another_finishes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/demo.db"
    with started(url, "60") as process:
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)

    with opened(url) as crm, opened() as whole:
        assert unfinished(crm) is not None
        make(crm, 60)
        make(whole, 60)
        assert everything(crm) == everything(whole)


# Refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        Customer(name="Kim"),
        Identity(channel="email", value="a@b.example"),
        Interaction(channel="phone", happened_at=MOMENT),
    ],
    ids=["customer", "identity", "interaction"],
)
def test_a_database_in_use_is_refused(record: Customer | Identity | Interaction) -> None:
    with opened() as crm:
        with crm.transaction() as tx:
            tx.add(record)
        with pytest.raises(
            ConfigError, match=f"there are {record.__kind__} records .* an empty one"
        ):
            make(crm)
        assert len(crm.changes()) == 1


def test_a_company_that_is_done_is_not_made_again() -> None:
    with opened() as crm:
        make(crm, 5)
        before = everything(crm)
        with pytest.raises(ConfigError, match="customer records in this database already"):
            make(crm, 5)
        assert everything(crm) == before


def test_nothing_is_left_of_a_clock_that_failed() -> None:
    with opened() as crm:
        clock = crm.clock
        with pytest.raises(KeyboardInterrupt):
            made(crm, 40, 1, UNTIL, stopping(3))
        assert crm.clock is clock
