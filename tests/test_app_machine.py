"""Two apps, one in memory and one on a database, live through the same random histories and answer alike.

Next to what storages are compared in (`test_state_machine`), apps merge by field, follow merged ids, restrict and
mask, and read the past.
"""

import itertools
from collections.abc import Callable
from types import ModuleType
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from crmkit import (
    CRM,
    Config,
    CrmError,
    Customer,
    Identity,
    Interaction,
    Manifest,
    Restriction,
    hookimpl,
    linked,
    where,
)
from crmkit.testing.fixtures import FakeClock

NAMES = st.sampled_from(["김", "김철수", "환불 요청", "Kim", "kim b", ""])
OWNERS = st.sampled_from(["a", "b", None])
PLACES = st.integers(0, 7)
FIELDS = st.fixed_dictionaries(
    {}, optional={"name": NAMES, "owner": OWNERS, "country": st.sampled_from(["KR", None])}
)
CONDITIONS = st.lists(
    st.sampled_from(
        [
            where.owner == "a",
            where.owner != "a",
            where.name.prefix("김"),
            where.country.present(),
            where.organization_id.owner == "b",
            linked(Interaction, "customer_id", where.channel == "phone"),
            linked(Identity, "customer_id"),
        ]
    ),
    max_size=2,
)
ORDERS = st.sampled_from([None, "name", "-owner", ("country", "-name"), "organization_id.name"])


def rules() -> ModuleType:
    """A plugin by which people see what they own, without its country."""
    module = ModuleType("rules")
    module.manifest = Manifest(name="rules")

    @hookimpl
    def crm_restrict(actor, kind):
        if kind == "customer" and actor.id != "boss":
            return Restriction([where.owner == actor.id], masked={"country"})
        return None

    module.crm_restrict = crm_restrict
    return module


class TwoApps(RuleBasedStateMachine):
    """Every rule does the same on both and compares the outcome, errors included."""

    plugin: ClassVar[str]
    new_url: ClassVar[Callable[[], str]]

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        url = type(self).new_url()
        self.apps = [
            CRM.open("memory://", plugins=[rules()], config=Config(), clock=self.clock),
            CRM.open(url, plugins=[self.plugin, rules()], config=Config(), clock=self.clock),
        ]
        self.ids: list[str] = []
        self.read: dict[str, Customer] = {}
        self.moments = [self.clock()]
        self.made = 0

    def teardown(self) -> None:
        for app in self.apps:
            app.close()

    def same(self, act):
        """What `act` answers for each app: a value, or an error's type and text."""
        answers = []
        for app in self.apps:
            try:
                answers.append(act(app))
            except CrmError as error:
                answers.append((type(error).__name__, str(error)))
        assert answers[0] == answers[1]
        return answers[0]

    def write(self, act, actor="boss"):
        def run(app):
            with app.acting(actor).transaction() as tx:
                return act(tx)

        self.clock.tick(seconds=1)
        return self.same(run)

    def one(self, place: int) -> str:
        return self.ids[place % len(self.ids)]

    def new_id(self) -> str:
        self.made += 1
        return f"id-{self.made:05}"

    @initialize(each=st.lists(FIELDS, min_size=3, max_size=3))
    def open_for_business(self, each):
        for place, values in enumerate(each):
            self.add(values)
            self.look(place)

    @rule(values=FIELDS)
    def add(self, values):
        id = self.new_id()
        self.write(lambda tx: tx.add(Customer(id=id, **{"name": "x", **values})))
        self.ids.append(id)

    @rule(place=PLACES, channel=st.sampled_from(["phone", "mail"]))
    def talk(self, place, channel):
        record = Interaction(
            id=self.new_id(), customer_id=self.one(place), channel=channel, happened_at=self.clock()
        )
        self.write(lambda tx: tx.add(record))

    @rule(place=PLACES)
    def look(self, place):
        """Read a record now, to write it later, when others have changed it."""
        id = self.one(place)
        found = self.same(lambda app: app.get(Customer, id))
        if isinstance(found, Customer):
            self.read[id] = found

    @rule(place=PLACES, values=FIELDS, actor=st.sampled_from(["boss", "boss", "a"]))
    def update(self, place, values, actor):
        id = self.one(place)
        self.write(lambda tx: tx.update(tx.get(Customer, id).evolve(**values)), actor)

    @rule(place=PLACES, values=FIELDS)
    def update_what_was_read_before(self, place, values):
        stale = sorted(self.read.items())[place % len(self.read)][1]
        self.write(lambda tx: tx.update(stale.evolve(**values)))

    @rule(place=PLACES, other=PLACES)
    def belong(self, place, other):
        id, organization = self.one(place), self.one(other)
        self.write(lambda tx: tx.update(tx.get(Customer, id).evolve(organization_id=organization)))

    @rule(place=PLACES)
    def delete(self, place):
        id = self.one(place)
        self.write(lambda tx: tx.delete(tx.get(Customer, id)))

    @rule(place=PLACES, values=FIELDS)
    def insert_again(self, place, values):
        id = self.one(place)
        self.write(lambda tx: tx.add(Customer(id=id, **{"name": "again", **values})))

    @rule(place=PLACES, other=PLACES)
    def merge(self, place, other):
        keep, lose = self.one(place), self.one(other)

        def act(tx):
            # Which record is made for the alias has a time of its own, and no id of its own.
            return tx.merge(tx.get(Customer, keep), tx.get(Customer, lose))

        self.write(act)

    @rule(place=PLACES)
    def redact(self, place):
        id = self.one(place)
        self.write(lambda tx: tx.redact(Customer, [id]))

    @rule(place=PLACES, version=st.integers(1, 4))
    def revert(self, place, version):
        id = self.one(place)
        self.write(lambda tx: tx.revert(Customer, id, version))

    @rule(place=PLACES, values=FIELDS)
    def roll_back(self, place, values):
        id = self.one(place)

        def act(tx):
            tx.add(Customer(id=f"{id}-never", name="never"))
            tx.update(tx.get(Customer, id).evolve(**values))
            raise CrmError("rolled back")

        self.write(act)

    @rule()
    def remember_the_moment(self):
        self.moments.append(self.clock())
        self.clock.tick(hours=1)

    @rule(
        actor=st.sampled_from(["boss", "a", "b"]),
        conditions=CONDITIONS,
        order=ORDERS,
        moment=st.one_of(st.none(), PLACES),
        limit=st.integers(1, 4),
    )
    def ask(self, actor, conditions, order, moment, limit):
        as_of = None if moment is None else self.moments[moment % len(self.moments)]
        options = {"as_of": as_of}

        def act(app):
            handle = app.acting(actor)
            page = handle.page(Customer, *conditions, order=order, limit=limit, **options)
            rest = (
                handle.page(Customer, *conditions, order=order, after=page.after, **options)
                if page.after
                else ()
            )
            found = list(handle.find(Customer, *conditions, order=order, **options))
            assert [*page, *rest] == found
            assert len(found) == handle.count(Customer, *conditions, **options)
            return found, page.after

        self.same(act)

    @rule(actor=st.sampled_from(["boss", "a"]), text=st.sampled_from(["김", "환불", "kim", "b"]))
    def search_and_total(self, actor, text):
        self.same(lambda app: app.acting(actor).search(text))
        self.same(lambda app: app.acting(actor).totals(Customer, by="owner", min="name"))

    @rule(place=PLACES, actor=st.sampled_from(["boss", "a"]), moment=st.one_of(st.none(), PLACES))
    def look_at_one(self, place, actor, moment):
        id = self.one(place)
        as_of = None if moment is None else self.moments[moment % len(self.moments)]
        self.same(lambda app: app.acting(actor).get(Customer, id, as_of=as_of))
        self.same(lambda app: list(app.acting(actor).timeline(id, as_of=as_of)))
        self.same(lambda app: [_told(c) for c in app.acting(actor).history(Customer, id)])

    @invariant()
    def journals_agree(self):
        self.same(lambda app: [_told(change) for change in app.changes()])


def _told(change):
    """A change without what no two databases share: positions and transactions."""
    return (
        change.kind,
        change.id,
        change.version,
        change.action,
        change.at,
        change.effective,
        change.actor,
        change.delta,
    )


QUICK = settings(
    max_examples=80,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(params=["sqlite", "sql"])
def machine(request, tmp_path):
    """Two apps, the second one each time on an empty database."""
    pytest.importorskip(f"crmkit_{request.param}")
    numbers = itertools.count()
    if request.param == "sqlite":
        prefix, options = f"sqlite:///{tmp_path}/", ".db?synchronous=normal"
    else:
        prefix = f"{request.getfixturevalue('postgres_url')}?schema=s"
        options = "&synchronous=off"

    class Machine(TwoApps):
        plugin = request.param
        new_url = staticmethod(lambda: f"{prefix}{next(numbers)}{options}")

    return Machine


def test_two_apps_live_through_the_same(machine):
    # Each history on a server begins with its tables, which takes longer than the history itself.
    few = QUICK if machine.plugin == "sqlite" else settings(QUICK, max_examples=6)
    run_state_machine_as_test(machine, settings=few)


@pytest.mark.long
def test_two_apps_through_many_histories(machine):
    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=400))
