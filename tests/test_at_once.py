"""Two transactions at once: no update is lost, uniqueness and references hold, and a rule under a lock does too.

On a server both are open at the same time and meet in the middle; on SQLite they take turns.
"""

from __future__ import annotations

import threading
import time
from types import ModuleType

import pytest

from crmkit import (
    CRM,
    BusyError,
    Config,
    ConflictError,
    CrmError,
    Customer,
    Duplicate,
    Identity,
    Interaction,
    InvalidRecords,
    Manifest,
    MissingReference,
    Record,
    ReferencedError,
    field,
    hookimpl,
    kind,
    where,
)
from crmkit.values import now
from tests.company import storage_of


@kind("voucher", title="number", unique=(("number",),))
class Voucher(Record):
    number: int = field()
    worth: int = field(default=0)


def vouchers() -> ModuleType:
    module = ModuleType("vouchers")
    module.manifest = Manifest(name="vouchers")
    module.crm_kinds = hookimpl(lambda: [Voucher])
    return module


class Together:
    """One database and several threads; what each ends in is kept under its number."""

    def __init__(self, crm: CRM, url: str) -> None:
        self.crm = crm
        self.server = not url.startswith("sqlite:")
        self.ends: dict[int, BaseException | None] = {}
        self._barrier = threading.Barrier(2)

    def run(self, *deeds) -> list[BaseException | None]:
        """Run them at once, each in a thread of its own; what they raised, in their order."""

        def act(number: int, deed) -> None:
            self.ends[number] = None
            try:
                deed()
            except BaseException as error:
                self.ends[number] = error

        threads = [
            threading.Thread(target=act, args=pair, daemon=True) for pair in enumerate(deeds)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join(30)
            assert not each.is_alive()
        return [self.ends[number] for number in range(len(deeds))]

    def meet(self) -> None:
        """Wait until the other one is here too, where both can be."""
        if self.server:
            self._barrier.wait(10)

    def until_one_waits(self) -> None:
        """Go on when the server says that another transaction waits for this one; elsewhere after a moment."""
        if not self.server:
            time.sleep(0.1)
            return
        sql = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with self.crm.storage._connections.lent() as link:  # type: ignore[attr-defined]
                if link.row(sql)[0]:
                    return
            time.sleep(0.01)
        raise AssertionError("nobody waits")


@pytest.fixture
def open_at(shared_url):
    """Opens the database of the test, with options of its URL; all are closed at the end."""
    opened: list[CRM] = []

    def open_(options: str = "", *plugins) -> CRM:
        wanted = [storage_of(shared_url), vouchers(), *plugins]
        opened.append(CRM.open(f"{shared_url}{options}", plugins=wanted, config=Config()))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def crm(open_at):
    return open_at()


@pytest.fixture
def both(crm, shared_url):
    return Together(crm, shared_url)


def add(crm, record):
    with crm.transaction() as tx:
        return tx.add(record)


def failed(ends) -> list[BaseException]:
    return [each for each in ends if each is not None]


def assert_nothing_dangles(crm) -> None:
    known = {each.id for each in crm.find(Customer)}
    for kind_ in (Interaction, Identity):
        assert all(each.customer_id in known | {None} for each in crm.find(kind_))
    assert crm.storage.check() == []


# No update is lost ---------------------------------------------------------------------------------------------


def test_different_fields_of_one_record_are_both_kept(crm, both):
    read = add(crm, Customer(name="Kim"))

    def write(**values):
        with crm.transaction() as tx:
            tx.get(Customer, read.id)
            both.meet()
            tx.update(read.evolve(**values))

    assert both.run(lambda: write(owner="lee"), lambda: write(country="KR")) == [None, None]
    stored = crm.get(Customer, read.id)
    assert (stored.owner, stored.country, stored.version) == ("lee", "KR", 3)
    assert [each.version for each in crm.history(Customer, read.id)] == [1, 2, 3]


def test_the_same_field_is_a_conflict_for_one_of_them(crm, both):
    read = add(crm, Customer(name="Kim", owner="nobody"))

    def write(value):
        with crm.transaction() as tx:
            tx.get(Customer, read.id)
            both.meet()
            tx.update(read.evolve(owner=value, country=value))

    ends = both.run(lambda: write("AA"), lambda: write("BB"))
    [error] = failed(ends)
    assert isinstance(error, ConflictError)
    assert error.clashes.keys() == {"owner", "country"}
    mine, theirs = ("AA", "BB") if ends[0] else ("BB", "AA")
    assert error.clashes["owner"] == (mine, theirs, "nobody")
    stored = crm.get(Customer, read.id)
    assert (stored.owner, stored.country, stored.version) == (theirs, theirs, 2)


def test_a_batch_is_kept_wholly_or_not_at_all(crm, both):
    with crm.transaction() as tx:
        read = tx.add_all(Customer(name=str(number)) for number in range(50))

    def write(records, value):
        with crm.transaction() as tx:
            tx.get(Customer, read[0].id)
            both.meet()
            tx.update_all(each.evolve(owner=value) for each in records)

    ends = both.run(lambda: write(read, "A"), lambda: write(read[::-1], "B"))
    [error] = failed(ends)
    assert isinstance(error, ConflictError), error
    owners = {each.owner for each in crm.find(Customer)}
    assert owners == {"B" if ends[0] else "A"}


def test_a_record_that_is_being_changed_is_not_deleted_unseen(crm, both):
    read = add(crm, Customer(name="Kim"))
    changed = threading.Event()

    def change():
        with crm.transaction() as tx:
            tx.update(read.evolve(owner="lee"))
            changed.set()
            both.until_one_waits()

    def delete():
        changed.wait(10)
        with crm.transaction() as tx:
            tx.delete(read)

    _, error = both.run(change, delete)
    assert isinstance(error, ConflictError)
    assert (error.expected, error.actual) == (1, 2)
    assert crm.get(Customer, read.id).owner == "lee"


def test_a_record_that_is_being_deleted_is_not_changed(crm, both):
    read = add(crm, Customer(name="Kim"))
    gone = threading.Event()

    def delete():
        with crm.transaction() as tx:
            tx.delete(read)
            gone.set()
            both.until_one_waits()

    def change():
        gone.wait(10)
        with crm.transaction() as tx:
            tx.update(read.evolve(owner="lee"))

    _, error = both.run(delete, change)
    assert isinstance(error, ConflictError)
    assert error.actual == 0
    assert crm.count(Customer) == 0


def test_a_note_is_compared_and_set_by_one_of_two(crm, both):
    for before, after in ((None, 1), (1, 2), (2, None)):
        answers = []

        def note(before=before, after=after, answers=answers):
            with crm.transaction() as tx:
                tx.state("note")
                both.meet()
                answers.append(tx.set_state("note", after, before))

        assert both.run(note, note) == [None, None]
        assert sorted(answers) == [False, True]


# Uniqueness ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 60], ids=["one", "many"])
@pytest.mark.parametrize("kept", [True, False], ids=["committed", "rolled back"])
def test_a_unique_value_that_another_transaction_is_writing(crm, both, count, kept):
    written = threading.Event()

    def first():
        with crm.transaction() as tx:
            tx.add(Voucher(number=7))
            written.set()
            both.until_one_waits()
            if not kept:
                raise ZeroDivisionError

    def second():
        written.wait(10)
        with crm.transaction() as tx:
            tx.add_all(Voucher(number=7 + number) for number in range(count))

    one, other = both.run(first, second)
    if kept:
        assert one is None
        assert isinstance(other, Duplicate)
        assert crm.count(Voucher) == 1
    else:
        assert isinstance(one, ZeroDivisionError)
        assert other is None
        assert crm.count(Voucher) == count


def test_two_that_change_to_the_same_unique_value(crm, both):
    with crm.transaction() as tx:
        read = tx.add_all([Voucher(number=1), Voucher(number=2)])

    def change(record):
        with crm.transaction() as tx:
            tx.get(Voucher, record.id)
            both.meet()
            tx.update(record.evolve(number=7))

    [error] = failed(both.run(*(lambda record=each: change(record) for each in read)))
    assert isinstance(error, Duplicate)
    assert crm.count(Voucher, where.number == 7) == 1


def test_two_that_add_the_same_record(crm, both):
    record = Customer(name="Kim")

    def write():
        with crm.transaction() as tx:
            tx.count(Customer)
            both.meet()
            tx.add(record)

    [error] = failed(both.run(write, write))
    assert isinstance(error, ConflictError)
    assert crm.count(Customer) == 1
    assert len(crm.history(Customer, record.id)) == 1


# References ----------------------------------------------------------------------------------------------------


def contact(customer):
    return Interaction(customer_id=customer.id, channel="mail", happened_at=now())


def test_a_customer_whose_interaction_is_being_added_stays(crm, both):
    customer = add(crm, Customer(name="Kim"))
    added = threading.Event()

    def write():
        with crm.transaction() as tx:
            tx.add(contact(customer))
            added.set()
            both.until_one_waits()

    def delete():
        added.wait(10)
        with crm.transaction() as tx:
            tx.delete(customer)

    one, other = both.run(write, delete)
    assert one is None
    assert isinstance(other, ReferencedError)
    assert crm.count(Customer) == crm.count(Interaction) == 1
    assert_nothing_dangles(crm)


def test_no_interaction_is_added_to_a_customer_who_is_being_deleted(crm, both):
    customer = add(crm, Customer(name="Kim"))
    gone = threading.Event()

    def delete():
        with crm.transaction() as tx:
            tx.delete(customer)
            gone.set()
            both.until_one_waits()

    def write():
        gone.wait(10)
        with crm.transaction() as tx:
            tx.add(contact(customer))

    one, other = both.run(delete, write)
    assert one is None
    assert isinstance(other, MissingReference)
    assert crm.count(Customer) == crm.count(Interaction) == 0


@pytest.mark.parametrize("what", ["interaction", "identity"])
@pytest.mark.parametrize("how", ["delete", "merge"])
def test_a_reference_never_dangles(crm, both, what, how):
    """Whoever comes first: what is added goes along with its customer, or one of the two is refused."""
    for _ in range(8):
        with crm.transaction() as tx:
            keep, customer = tx.add_all([Customer(name="keep"), Customer(name="lose")])

        def take(keep=keep, customer=customer):
            with crm.transaction() as tx:
                tx.count(Customer)
                both.meet()
                if how == "merge":
                    tx.merge(keep, customer)
                else:
                    tx.delete(customer)

        def write(customer=customer):
            with crm.transaction() as tx:
                tx.count(Customer)
                both.meet()
                if what == "interaction":
                    tx.add(contact(customer))
                else:
                    tx.add(Identity(customer_id=customer.id, channel="email", value="a@b.example"))

        ends = both.run(take, write)
        assert len(failed(ends)) < 2
        assert all(isinstance(e, ReferencedError | MissingReference) for e in failed(ends)), ends
        assert_nothing_dangles(crm)


# Rules over several records ------------------------------------------------------------------------------------


def at_most_ten(locks: bool) -> ModuleType:
    def crm_validate(tx, kind, writes):
        if locks:
            tx.lock("ten")
        if kind == "customer" and tx.count(Customer) + len(writes) > 10:
            yield writes[0].problem(None, "ten are enough")

    module = ModuleType("few")
    module.manifest = Manifest(name="few")
    module.crm_validate = hookimpl(crm_validate)
    return module


@pytest.mark.parametrize("locks", [True, False], ids=["locked", "not locked"])
def test_a_rule_over_several_records(open_at, shared_url, locks):
    """It holds under a lock. Without one it may be broken, where two can write at once."""
    crm = open_at("", at_most_ten(locks))
    both = Together(crm, shared_url)
    with crm.transaction() as tx:
        tx.add_all(Customer(name=str(number)) for number in range(9))

    def write():
        with crm.transaction() as tx:
            assert tx.count(Customer) in (9, 10)
            both.meet()
            tx.add(Customer(name="the tenth"))
            if not locks:
                both.meet()

    refused = failed(both.run(write, write))
    if locks or not both.server:
        assert [type(each) for each in refused] == [InvalidRecords]
        assert crm.count(Customer) == 10
    else:
        assert refused == []
        assert crm.count(Customer) == 11


# Waiting for each other ----------------------------------------------------------------------------------------


def test_two_that_want_what_the_other_holds(crm, both):
    with crm.transaction() as tx:
        a, b = tx.add_all([Customer(name="a"), Customer(name="b")])

    def write(first, second, **values):
        with crm.transaction() as tx:
            tx.update(first.evolve(**values))
            both.meet()
            tx.update(second.evolve(**values))

    ends = both.run(lambda: write(a, b, owner="one"), lambda: write(b, a, country="TW"))
    if both.server:
        [error] = failed(ends)
        assert isinstance(error, BusyError)
        assert "another order; try again" in str(error)
        assert "\n" not in str(error)
    else:
        assert failed(ends) == []
    for number, (name, value) in enumerate((("owner", "one"), ("country", "TW"))):
        kept = value if ends[number] is None else None
        assert [getattr(crm.get(Customer, each.id), name) or None for each in (a, b)] == [kept] * 2
    assert crm.storage.check() == []


def test_two_that_hold_the_same_records_in_another_order_do_not_wait_for_each_other(crm, both):
    with crm.transaction() as tx:
        records = tx.add_all(Customer(name=str(number)) for number in range(30))

    def write(each_time, **values):
        for _ in range(5):
            with crm.transaction() as tx:
                tx.count(Customer)
                both.meet()
                tx.update_all(each.evolve(**values) for each in each_time)
            values = {name: f"{value[0]}{value}" for name, value in values.items()}

    ends = both.run(
        lambda: write(records, owner="a"),
        lambda: write(list(reversed(records)), language="ko"),
    )
    assert all(isinstance(each, ConflictError) for each in failed(ends)), ends


@pytest.mark.parametrize("what", ["record", "name"])
def test_waiting_ends_with_the_timeout(crm, both, open_at, what):
    customer = add(crm, Customer(name="Kim"))
    hasty = open_at("?timeout=0.2")
    held, refused = threading.Event(), threading.Event()

    def hold():
        with crm.transaction() as tx:
            tx.lock("rule") if what == "name" else tx.update(customer.evolve(owner="lee"))
            held.set()
            refused.wait(10)

    def want():
        held.wait(10)
        try:
            with hasty.transaction() as tx:
                tx.add(Customer(name="half"))
                tx.lock("rule") if what == "name" else tx.update(customer.evolve(country="KR"))
        finally:
            refused.set()

    one, error = both.run(hold, want)
    assert one is None
    assert isinstance(error, BusyError)
    assert "busy" in str(error)
    assert "?timeout=" in str(error) or "timeout" in str(error)
    assert [each.name for each in crm.find(Customer)] == ["Kim"]
    with hasty.transaction() as tx:
        tx.add(Customer(name="after"))
    assert crm.count(Customer) == 2


def test_every_refusal_is_an_error_of_crmkit(crm, both):
    """Many threads, few records, everything at once: nothing else comes out, and the journal is whole."""
    with crm.transaction() as tx:
        known = tx.add_all(Customer(name=str(number)) for number in range(4))

    def write(number: int):
        for turn in range(15):
            record = known[(number + turn) % 4]
            try:
                with crm.transaction() as tx:
                    if (number + turn) % 5 == 0:
                        tx.merge(known[turn % 4], record)
                    elif (number + turn) % 7 == 0:
                        tx.delete(record)
                    else:
                        tx.update(record.evolve(owner=f"{number} {turn}"))
                        tx.add(contact(known[turn % 4]))
            except CrmError:
                continue

    assert failed(both.run(*(lambda n=number: write(n) for number in range(6)))) == []
    assert_nothing_dangles(crm)
    # The alias of what was merged away has its id, too.
    versions: dict[tuple[str, str], int] = {}
    for change in crm.changes():
        key = (change.kind, change.id)
        assert change.version == versions.get(key, 0) + 1
        versions[key] = change.version
