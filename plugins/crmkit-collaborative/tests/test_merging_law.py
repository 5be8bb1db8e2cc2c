"""The law of undoing: merge, edit, undo is edit, whatever the edits are.

One database has a history with a merge in it that is undone at its end, the other only the rest of the history;
then both hold the same. Some records are of a kind whose plugin is gone when the merge comes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import attrs
import pytest
from crmkit_collaborative.kinds import (
    ChannelPreference,
    ContactRule,
    Duplicate,
    Handover,
    Merge,
    NotSame,
)
from crmkit_collaborative.merging.applying import apply
from crmkit_collaborative.merging.options import MergeOptions
from crmkit_collaborative.merging.undoing import undo
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Actor,
    AnyOf,
    Config,
    CrmError,
    Customer,
    Identity,
    Interaction,
    Manifest,
    Participant,
    Record,
    field,
    hookimpl,
    kind,
    where,
)
from crmkit.crm import chosen
from crmkit.memory import MemoryStorage
from crmkit.plugins import Plugins
from crmkit.testing.fixtures import FakeClock

KIM = Actor("kim@acme.example")
NOW = datetime(2026, 2, 1, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
PEOPLE = ("c0", "c1", "c2", "c3")


@kind("pet", unique=(("customer_id", "name"),))
class Pet(Record):
    """Of another plugin: one of a name for each customer, and perhaps somebody who walks it."""

    customer_id: str = field(refers_to=Customer, on_delete="cascade")
    name: str = field()
    walker_id: str | None = field(default=None, refers_to=Customer, on_delete="clear")


@kind("ghost", unique=(("customer_id", "name"),))
class Ghost(Record):
    """Of a plugin that is gone when the merge comes."""

    customer_id: str = field(refers_to=Customer, on_delete="cascade")
    name: str = field()
    walker_id: str | None = field(default=None, refers_to=Customer, on_delete="clear")


def plugin(name: str, cls: type[Record]) -> ModuleType:
    module = ModuleType(name)
    module.manifest = Manifest(name=name)  # type: ignore[attr-defined]
    module.crm_kinds = hookimpl(lambda: [cls])  # type: ignore[attr-defined]
    return module


PETS, GHOSTS = plugin("pets", Pet), plugin("ghosts", Ghost)


def made(kind: str, id: str, one: str, other: str, turn: int) -> Record:
    """A record of one customer, and perhaps of another, with values that are few and so clash."""
    a, b = sorted((one, other))
    since = NOW + timedelta(days=turn)
    name = "abc"[turn % 3]
    source: Any = ("stated", "policy")[turn % 2]
    makers: dict[str, Any] = {
        "customer": lambda: Customer(id=id, name=id, organization_id=one),
        "identity": lambda: Identity(id=id, customer_id=one, channel="email", value=name),
        "interaction": lambda: Interaction(
            id=id, customer_id=one, channel="phone", happened_at=since
        ),
        "participant": lambda: Participant(id=id, customer_id=one, interaction_id="i"),
        "channel_preference": lambda: ChannelPreference(
            id=id, customer_id=one, channel=name, source=source, since=since
        ),
        "contact_rule": lambda: ContactRule(
            id=id, customer_id=one, verdict="withdrawn", since=since
        ),
        "duplicate": lambda: Duplicate(id=id, a_id=a, b_id=b, score=0.5, zone="review"),
        "not_same": lambda: NotSame(id=id, a_id=a, b_id=b),
        "pet": lambda: Pet(id=id, customer_id=one, name=name, walker_id=other),
        "ghost": lambda: Ghost(id=id, customer_id=one, name=name, walker_id=other),
    }
    record: Record = makers[kind]()
    return record


KINDS = (
    *("customer", "identity", "interaction", "participant", "channel_preference"),
    *("contact_rule", "duplicate", "not_same", "pet", "ghost"),
)
OWNERS = {
    "customer": ("organization_id",),
    "duplicate": (),
    "not_same": (),
    "pet": ("customer_id", "walker_id"),
}
"""The fields whose customer edits change, where it is not `customer_id` alone."""
VALUES = {
    "customer": ("owner", "language", "name"),
    "identity": ("value",),
    "interaction": ("subject",),
    "participant": ("role",),
    "channel_preference": ("channel", "note"),
    "contact_rule": ("reason",),
    "not_same": ("reason",),
    "pet": ("name",),
    "ghost": ("name",),
}
LOADED = {
    each: Plugins.load(chosen(Config(), ["collaborative", PETS, *more]), {})
    for each, more in (("all", [GHOSTS]), ("less", []))
}


@attrs.frozen
class Step:
    """What is drawn: which step, and numbers that choose among what there is then."""

    what: str
    a: int
    b: int
    c: int


@attrs.define
class World:
    """A database with customers, and a history of steps."""

    crm: CRM
    clock: FakeClock
    gone: frozenset[str] = frozenset()
    merges: list[Merge] = attrs.field(factory=list)
    merged_at: datetime = NEVER

    @classmethod
    def new(cls) -> World:
        clock = FakeClock()
        crm = CRM(MemoryStorage(), LOADED["all"], Config(), clock)
        crm.start()
        with crm.transaction() as tx:
            tx.add_all(Customer(id=each, name=each, tags=(each,)) for each in PEOPLE)
            tx.add(Interaction(id="i", channel="mail", happened_at=NOW))
        return cls(crm, clock)

    def without_ghosts(self) -> None:
        """Open it anew without the plugin of ghosts."""
        self.crm = CRM(self.crm.storage, LOADED["less"], Config(), self.clock)
        self.crm.start()

    def everything(self) -> dict[tuple[str, ...], dict[str, Any]]:
        """What there is, by kind and id.

        Hand-overs have ids of their own and tell what was known at their time; some of those that come later
        are there only since an owner came with the merge.
        """
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        for of in self.crm.schema:
            for each in () if of.name == "merge" else self.crm.find(of.name):
                said = {name: each[name] for name in of.fields}
                key: tuple[str, ...] = (of.name, each.id)
                if isinstance(each, Handover):
                    if each.at > self.merged_at:
                        continue
                    key = (of.name, each.subject_id, each.at.isoformat())
                    del said["facts"]
                assert key not in found
                found[key] = said
        return found

    # What a step is, with what there is ------------------------------------------------------------------------

    def drawn(self, step: Step, number: int) -> tuple[Any, ...]:
        people = [each for each in PEOPLE if each not in self.gone]
        one, other = people[step.a % len(people)], people[step.b % len(people)]
        if step.what == "add":
            return "add", made(KINDS[step.c % len(KINDS)], f"r{number}", one, other, step.b)
        if step.what == "tag":
            return "tag", one, f"c{step.b % 5}", bool(step.c % 2)
        if step.what == "merge":
            return "merge", one, other
        if step.what == "undo":
            return ("undo",)
        name = KINDS[step.c % len(KINDS)]
        found = [each.id for each in self.crm.find(name) if each.id not in self.gone]
        if not found or (self.crm.schema[name].opaque and step.what != "delete"):
            return ("nothing",)
        id = found[step.a % len(found)]
        if step.what == "delete":
            return "delete", name, id
        fields = VALUES.get(name, ()) if step.what == "set" else OWNERS.get(name, ("customer_id",))
        if not fields:
            return ("nothing",)
        field = fields[step.a % len(fields)]
        short = "abc"[step.b % 3] if field in ("channel", "name") else f"v{number}"
        return "set", name, id, field, short if step.what == "set" else other

    def do(self, step: tuple[Any, ...]) -> bool:
        """Do it; whether it did anything."""
        self.clock.tick()
        before = self.crm.storage.position()
        try:
            getattr(self, step[0])(*step[1:])
        except CrmError:
            return False
        return self.crm.storage.position() > before

    def nothing(self) -> None: ...

    def add(self, record: Record) -> None:
        with self.crm.transaction() as tx:
            tx.add(record)

    def set(self, name: str, id: str, field: str, value: Any) -> None:
        with self.crm.transaction() as tx:
            tx.update(tx.get(name, id).set(field, value))

    def tag(self, id: str, tag: str, there: bool) -> None:
        with self.crm.transaction() as tx:
            customer = tx.get(Customer, id)
            rest = tuple(each for each in customer.tags if each != tag)
            if there != (tag in customer.tags):
                tx.update(customer.evolve(tags=(*rest, tag) if there else rest))

    def delete(self, name: str, id: str) -> None:
        with self.crm.transaction() as tx:
            tx.delete(tx.get(name, id))

    def merge(self, keep: str, lose: str) -> None:
        either = (keep, lose)
        if self.crm.count(NotSame, AnyOf((where.a_id.in_(either), where.b_id.in_(either)))):
            return
        # What belongs to both of the first two is one value while they are one.
        take: Any = {"organization_id": "keep"}
        [done] = apply(self.crm, KIM, keep, [lose], MergeOptions(take=take))
        self.merges.append(done.merge)
        self.gone |= {lose}

    def undo(self) -> None:
        if self.merges:
            undo(self.crm, KIM, self.merges[-1].id)
            self.gone -= {self.merges.pop().lose_id}


STEPS = st.builds(
    Step,
    st.sampled_from(["add", "add", "add", "set", "move", "move", "tag", "delete", "merge", "undo"]),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
)
HISTORIES = st.tuples(
    st.lists(STEPS, min_size=4, max_size=14),
    st.sampled_from([(a, b) for a in PEOPLE for b in PEOPLE if a != b]),
    st.lists(STEPS, min_size=2, max_size=12),
    st.booleans(),
)


def check(history: Any) -> None:
    """Live one history with the merge and without it, and compare."""
    before, (keep, lose), after, ghosts = history
    one, other = World.new(), World.new()
    for number, step in enumerate(before):
        if step.what not in ("merge", "undo"):
            drawn = one.drawn(step, number)
            assert one.do(drawn) == other.do(drawn)
    if ghosts:
        one.without_ghosts()
        other.without_ghosts()
    assert one.everything() == other.everything()
    try:
        [merge] = apply(one.crm, KIM, keep, [lose], MergeOptions(anyway=True))
    except CrmError:
        return  # one of the two was deleted
    one.gone = other.gone = frozenset({lose})
    one.merged_at = other.merged_at = one.clock()
    for number, step in enumerate(after, len(before)):
        drawn = one.drawn(step, number)
        stays = {each.keep_id for each in one.merges}
        if drawn[0] == "delete" and drawn[-1] in stays:
            continue
        if one.do(drawn):
            # What only the merge made possible, as in a place that it made free, is no history without it.
            assume(other.do(drawn) or drawn[0] == "tag")
    while keep in one.gone or any(each.keep_id == keep for each in one.merges):
        one.undo()
        other.undo()
    undo(one.crm, KIM, merge.merge.id)
    assert one.everything() == other.everything()


PLAIN = settings(
    deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)


@settings(PLAIN, max_examples=60)
@given(HISTORIES)
def test_merge_edit_undo_is_edit(history):
    check(history)


@pytest.mark.long
@settings(PLAIN, max_examples=10_000)
@given(HISTORIES)
def test_merge_edit_undo_is_edit_for_long(history):
    check(history)
