"""`crm watch` in a process of its own: it shows what other processes commit, and ends by Ctrl-C."""

import json
import signal
import subprocess
import sys
import threading
from importlib.util import find_spec

import pytest

from crmkit import CRM, Config, Customer

CRM_COMMAND = [sys.executable, "-c", "from crmkit.cli import main; main()"]
PATIENCE = 30

pytestmark = pytest.mark.skipif(not find_spec("crmkit_sqlite"), reason="needs a database in a file")


class Watching:
    """A `crm watch` that is running, and the lines it has said."""

    def __init__(self, folder, *arguments):
        self.process = subprocess.Popen(
            [*CRM_COMMAND, "watch", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            # A shell's background jobs ignore it, and so would what they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def line(self):
        """The next line; it must come."""
        timer = threading.Timer(PATIENCE, self.process.kill)
        timer.start()
        try:
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        assert line, self.process.communicate()[1]
        return line

    def interrupt(self):
        """End it as Ctrl-C does; its exit code, and all that it said from then on."""
        self.process.send_signal(signal.SIGINT)
        said, complaints = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said, complaints


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "crm.toml").write_text(
        'storage = "sqlite:///crm.db"\nplugins = ["sqlite", "collaborative"]\n', "utf-8"
    )
    return tmp_path


@pytest.fixture
def crm(folder):
    """The same database in this process, which is another one than that which watches."""
    with CRM.open(
        f"sqlite:///{folder}/crm.db", plugins=["sqlite", "collaborative"], config=Config()
    ) as crm:
        yield crm


@pytest.fixture
def watching(folder, crm):
    started = []

    def watch(*arguments):
        started.append(Watching(folder, *arguments))
        return started[-1]

    yield watch
    for each in started:
        each.process.kill()
        each.process.communicate()


def add(crm, *names):
    with crm.acting("kim").transaction() as tx:
        return tx.add_all(Customer(name=each) for each in names)


def test_what_another_process_commits_shows_and_ctrl_c_ends_it_cleanly(crm, watching):
    add(crm, "before")
    running = watching("--format", "json", "--after", str(crm.storage.position()))
    add(crm, "한빛전자", "Lee")

    first, second = json.loads(running.line()), json.loads(running.line())
    add(crm, "later")
    third = json.loads(running.line())

    assert [each["title"] for each in (first, second, third)] == ["한빛전자", "Lee", "later"]
    assert first["who"] == "kim"
    assert running.interrupt() == (0, "", "")


def test_people_see_a_line_for_each(crm, watching):
    [kim] = add(crm, "한빛전자")
    running = watching("--customer", kim.id, "--after", str(crm.storage.position()), "--lang", "en")
    add(crm, "somebody else")
    with crm.acting("lee").transaction() as tx:
        tx.update(kim.evolve(owner="park"))

    line = running.line()

    assert "lee" in line
    assert "Owner: - → park" in line
    assert running.interrupt() == (0, "", "")


def test_a_customer_who_becomes_another_is_followed(crm, watching):
    keep, lose = add(crm, "한빛전자", "한빛 전자")
    running = watching("--customer", lose.id, "--format", "json", "--after", str(crm.storage.position()))  # fmt: skip
    with crm.transaction() as tx:
        tx.update(lose.evolve(owner="lee"))
    first = json.loads(running.line())
    with crm.transaction() as tx:
        tx.merge(tx.get(Customer, keep.id), tx.get(Customer, lose.id))
    with crm.transaction() as tx:
        tx.update(tx.get(Customer, keep.id).evolve(country="KR"))

    shown = [first]
    while shown[-1]["id"] != keep.id:
        shown.append(json.loads(running.line()))

    assert shown[-1]["changes"]["country"] == [None, "KR"]
    assert running.interrupt() == (0, "", "")


def test_of_many_who_write_at_once_each_change_shows_once_in_order(crm, watching):
    start = crm.storage.position()
    running = watching("--format", "json", "--after", str(start))

    def write(name):
        for number in range(15):
            with crm.acting(name).transaction() as tx:
                made = tx.add(Customer(name=f"{name} {number}"))
                tx.update(made.evolve(owner=name))

    writers = [threading.Thread(target=write, args=(name,)) for name in ("kim", "lee", "park")]
    for each in writers:
        each.start()
    shown = [json.loads(running.line()) for _ in range(3 * 15 * 2)]
    for each in writers:
        each.join()

    expected = [(each.position, each.action, each.id) for each in crm.changes(start)]
    assert [(each["position"], each["action"], each["id"]) for each in shown] == expected
    assert running.interrupt() == (0, "", "")


def test_without_a_position_it_begins_now(crm, watching):
    add(crm, "before")
    running = watching("--format", "json")
    # Nobody knows when it has begun: something is committed until it says so.
    stop = threading.Event()

    def keep_adding():
        while not stop.wait(0.2):
            add(crm, "after")

    adding = threading.Thread(target=keep_adding)
    adding.start()
    try:
        line = json.loads(running.line())
    finally:
        stop.set()
        adding.join()

    assert line["title"] == "after"
    assert running.interrupt()[0] == 0
