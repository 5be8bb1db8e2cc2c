"""Several processes and threads on one file."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import pytest

from crmkit.errors import BusyError
from crmkit.query import where
from crmkit.testing.kinds import Specimen, zoo
from crmkit.testing.lab import Lab

HOLD = """
    import sys
    from crmkit.testing.kinds import Specimen
    from crmkit.testing.lab import Lab
    from crmkit_sqlite.storage import open_sqlite
    lab = Lab(open_sqlite(f"sqlite:///{sys.argv[1]}"))
    with lab.storage.transaction() as tx:
        lab.add(Specimen(name="theirs"), tx=tx)
        print("holding", flush=True)
        sys.stdin.readline()
    print("done", flush=True)
"""

PREPARE = """
    import sys
    from crmkit.testing.kinds import zoo
    from crmkit_sqlite.storage import open_sqlite
    storage = open_sqlite(f"sqlite:///{sys.argv[1]}?timeout=30")
    print("ready", flush=True)
    sys.stdin.readline()
    print(len(storage.prepare(zoo())))
"""

WRITE = """
    import sys
    from crmkit.query import where
    from crmkit.testing.kinds import Specimen
    from crmkit.testing.lab import Lab
    from crmkit_sqlite.storage import open_sqlite
    lab = Lab(open_sqlite(f"sqlite:///{sys.argv[1]}"))
    print("ready", flush=True)
    number = 0
    while True:
        number += 1
        with lab.storage.transaction() as tx:
            made = lab.insert(*(Specimen(name=f"alpha {number}") for _ in range(3)), tx=tx)
            lab.update(made[0], tx=tx, name=f"beta {number}")
            lab.delete(made[1], tx=tx)
            tx.set_state("number", number)
        print(number, flush=True)
"""


def test_a_busy_database_is_waited_for_then_a_sentence(lab, open_storage, path, run):
    other = run(HOLD, path)
    assert other.stdout.readline() == "holding\n"
    hasty = open_storage("?timeout=0.1")
    with pytest.raises(BusyError, match=rf"{path} is busy.*timeout"), hasty.transaction():
        pass
    threading.Timer(0.3, lambda: (other.stdin.write("\n"), other.stdin.flush())).start()
    lab.named("mine")
    assert lab.names(order="name") == ["mine", "theirs"]


def test_readers_neither_wait_nor_see_what_is_not_committed(lab, path, run):
    lab.named("mine")
    other = run(HOLD, path)
    assert other.stdout.readline() == "holding\n"
    assert lab.names() == ["mine"]
    with lab.storage.transaction(write=False) as tx:
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "done\n"
        assert [each.name for each in lab.find(tx=tx)] == ["mine"]
    assert lab.count() == 2


def test_a_find_loop_writes_after_another_process_committed(lab, path, run):
    lab.named("a", "b", "c")
    for each in lab.storage.find(lab.query("specimen", where.name < "d"), batch=1):
        other = run(HOLD, path)
        assert other.stdout.readline() == "holding\n"
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "done\n"
        lab.update(each, notes="seen")
    assert lab.count(where.notes == "seen") == 3
    assert lab.count() == 6


def test_processes_that_prepare_at_once_agree(path, run, open_storage):
    others = [run(PREPARE, path) for _ in range(4)]
    for each in others:
        assert each.stdout.readline() == "ready\n"
    for each in others:
        each.stdin.write("\n")
        each.stdin.flush()
    results = [each.communicate(timeout=60) for each in others]
    assert sorted(out for out, _ in results)[:3] == ["0\n"] * 3, results
    assert open_storage().prepare(zoo()) == []


def test_killing_a_writer_loses_no_committed_write_and_applies_none_by_half(
    open_storage, path, run
):
    draw = random.Random(4)
    Lab(open_storage())
    for _ in range(5):
        writer = run(WRITE, path)
        assert writer.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.05, 0.4))
        writer.send_signal(signal.SIGKILL)
        told = [int(line) for line in writer.communicate()[0].split()]
        lab = Lab(open_storage())
        number = lab.storage.state("number") or 0
        assert number >= (told[-1] if told else 0)
        assert lab.storage.check() == []
        assert lab.count(where.name == f"alpha {number}") == lab.count(
            where.name == f"beta {number}"
        )
        check_law(lab)


def check_law(lab: Lab) -> None:
    """Versions without a gap; the last is the record's; search finds exactly what is there."""
    versions: dict[str, int] = {}
    alive: dict[str, int] = {}
    for change in lab.storage.changes():
        assert change.version == versions.get(change.id, 0) + 1
        versions[change.id] = alive[change.id] = change.version
        if change.action == "delete":
            del alive[change.id]
    found = lab.find()
    assert {each.id: each.version for each in found} == alive
    for word in ("alpha", "beta"):
        hits = lab.search(word, limit=100_000)
        assert sorted(hits) == sorted(each.name for each in found if word in each.name)


def test_threads_read_and_write_at_once(lab):
    lab.named("start")
    failures: list[BaseException] = []

    def work(number: int) -> None:
        own = Lab(lab.storage)
        try:
            for turn in range(20):
                own.add(Specimen(name=f"{number} {turn}"))
                assert own.count(where.name.prefix(f"{number} ")) == turn + 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert lab.count() == 81


def test_connections_of_ended_threads_are_closed(lab):
    for _ in range(20):
        thread = threading.Thread(target=lab.count, daemon=True)
        thread.start()
        thread.join()
    assert len(lab.storage._connections._open) <= 2


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_uses_a_connection_of_its_own(lab):
    lab.named("a")
    child = os.fork()
    if child == 0:
        try:
            lab.named("b")
            os._exit(0 if lab.count() == 2 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    lab.named("c")
    assert lab.names(order="name") == ["a", "b", "c"]
    assert lab.storage.check() == []


def test_a_process_with_fewer_fields_keeps_the_tokens_of_the_others(lab, open_storage):
    """Two apps with other plugins on one file: neither leaves ghosts in the search of the other."""
    small = Lab(open_storage(), zoo(added=False))
    record = lab.add(
        Specimen(name="a").set("clinic.story", "fracture").set("custom.remark", "limp")
    )
    seen = small.get(record)
    assert seen.extra == {"clinic.story": "fracture", "custom.remark": "limp"}
    changed = small.update(seen, extra={"clinic.story": "plaster"}, name="b")
    assert lab.search("fracture") == lab.search("limp") == []
    assert lab.search("plaster") == ["b"]
    assert small.search("plaster") == []
    small.delete(changed)
    assert lab.search("plaster") == []


def test_fields_that_another_process_added_are_kept_by_those_who_do_not_know_them(open_storage):
    small = Lab(open_storage(), zoo(added=False))
    old = small.add(Specimen(name="a"))
    large = Lab(open_storage())
    large.update(large.get(old), added={"clinic.story": "fracture"})
    assert large.search("fracture") == ["a"]
    seen = small.update(small.get(old), name="b")
    small.delete(seen)
    assert large.search("fracture") == []
    assert large.storage.check() == []
