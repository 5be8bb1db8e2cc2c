"""Plugins add their share to the company, and nothing else changes for it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from crmkit_demo.running import made
from crmkit_demo.story import Step, Story
from crmkit_demo.telling import KEY, unfinished

from crmkit import (
    CRM,
    Config,
    ConfigError,
    Customer,
    Denied,
    Interaction,
    InvalidRecords,
    Manifest,
    PluginError,
    Record,
    Transaction,
    field,
    hookimpl,
    kind,
    where,
)

from .conftest import UNTIL, everything, make, opened

Share = Callable[[Story], Iterable[Step]]


@kind("claim", timeline="at", title="topic")
class Claim(Record):
    """What a complaint leads to; it refers to the customer and to the contact."""

    customer_id: str = field(refers_to=Customer)
    interaction_id: str = field(refers_to=Interaction)
    at: datetime = field(index=True)
    topic: str = field(search=True)
    points: int = field(default=0)
    closed: bool = field(default=False)


def claims(story: Story) -> Iterator[Step]:
    """A claim for each complaint and refund, written in the moment when it was opened, closed when that was."""
    for matter in story.matters:
        if matter.topic not in {"complaint", "refund"}:
            continue
        claim = Claim(
            id=story.new_id(matter.opened),
            customer_id=matter.customer_id,
            interaction_id=matter.interaction_id,
            at=matter.opened,
            topic=matter.topic,
            points=story.random.randrange(100),
        )
        yield Step(matter.opened, [claim], actor=matter.staff.actor)
        if matter.closed:
            yield Step(matter.closed, write=closing(claim.id))


def closing(id: str) -> Callable[[Transaction], object]:
    return lambda tx: tx.update(tx.get(Claim, id).evolve(closed=True))


def visits(story: Story) -> Iterator[Step]:
    """Something of every customer at the first moment that it is there, in no order."""
    steps = [Step(each.since, write=visiting(each.id)) for each in story.customers]
    story.random.shuffle(steps)
    yield from steps


def visiting(id: str) -> Callable[[Transaction], object]:
    def write(tx: Transaction) -> None:
        assert tx.get(Customer, id).id == id

    return write


def plugin(
    name: str, share: Share, kinds: Iterable[type[Record]] = (), **hooks: object
) -> ModuleType:
    module = ModuleType(name)
    module.manifest = Manifest(name, requires=("demo",))  # type: ignore[attr-defined]
    module.crm_kinds = hookimpl(lambda: list(kinds))  # type: ignore[attr-defined]

    def crm_demo(story: Story) -> Iterable[Step]:
        return share(story)

    module.crm_demo = hookimpl(crm_demo)  # type: ignore[attr-defined]
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))  # type: ignore[call-overload]
    return module


def nothing(story: Story) -> list[Step]:
    return []


def test_a_share_is_written_and_the_demos_own_is_as_without_it() -> None:
    with (
        opened() as plain,
        opened("memory://", plugin("claims", claims, [Claim])) as crm,
    ):
        make(plain, 80)
        make(crm, 80)

        assert crm.count(Claim) > 20
        assert crm.count(Claim, where.closed == True) > 10  # noqa: E712  (a condition)
        records, changes = everything(crm, but=("claim",))
        expected = everything(plain)
        assert records == expected[0]
        assert [each[1:] for each in changes] == [each[1:] for each in expected[1]]


@kind("voucher", title="code")
class Voucher(Record):
    """What is given for a claim."""

    claim_id: str = field(refers_to=Claim)
    code: str = field(search=True)


def test_a_plugin_that_only_extends_the_demo_works_with_it_and_without() -> None:
    def crm_demo(story: Story) -> Iterable[Step]:
        return claims(story)

    module = ModuleType("extending")
    module.manifest = Manifest("extending", extends=("demo",))  # type: ignore[attr-defined]
    module.crm_kinds = hookimpl(lambda: [Claim])  # type: ignore[attr-defined]
    module.crm_demo = hookimpl(optionalhook=True)(crm_demo)  # type: ignore[attr-defined]

    with CRM.open("memory://", plugins=[module], config=Config()) as alone:
        assert alone.count(Claim) == 0
    with opened("memory://", module) as crm:
        make(crm, 40)
        assert crm.count(Claim) > 10


def test_what_is_referred_to_is_added_before_what_refers_to_it() -> None:
    def share(story: Story) -> Iterator[Step]:
        for step in claims(story):
            for claim in step.adds:
                voucher = Voucher(id=story.new_id(step.at), claim_id=claim.id, code="SORRY")
                yield Step(step.at, [voucher], actor=step.actor)
            yield step

    with opened("memory://", plugin("claims", share, [Voucher, Claim])) as crm:
        make(crm, 40)

        assert crm.count(Voucher) == crm.count(Claim) > 10


def test_a_share_does_not_depend_on_other_plugins_or_their_order() -> None:
    plugins = [
        plugin("claims", claims, [Claim]),
        plugin("visits", visits),
        plugin(
            "before",
            lambda story: [Step(each.since, actor=each.owner.actor) for each in story.customers],
        ),
    ]
    with opened("memory://", plugins[0]) as alone:
        make(alone, 40)
        expected = everything(alone)
    for seed in range(4):
        random.Random(seed).shuffle(plugins)
        with opened("memory://", *plugins) as crm:
            make(crm, 40)
            records, changes = everything(crm)
            assert records == expected[0]
            assert sorted(each[1:3] for each in changes) == sorted(
                each[1:3] for each in expected[1]
            )


def test_the_journal_stays_in_order_and_a_change_is_of_the_day_of_its_step() -> None:
    steps: list[Step] = []

    def kept(story: Story) -> list[Step]:
        steps.extend(claims(story))
        return steps

    with opened("memory://", plugin("claims", kept, [Claim])) as crm:
        make(crm, 60)
        times = [each.at for each in crm.changes()]
        assert times == sorted(times)
        written = {
            each.id: each.at for each in crm.changes(kinds=[Claim]) if each.action == "insert"
        }

    for step in steps:
        for claim in step.adds:
            assert step.at <= written[claim.id]
            assert step.at.date() == written[claim.id].date()


def test_every_customer_of_the_story_is_there_from_when_the_story_says_until_the_end() -> None:
    told: list[Story] = []

    def keep(story: Story) -> Iterable[Step]:
        told.append(story)
        return visits(story)

    with opened("memory://", plugin("visits", keep)) as crm:
        make(crm, 120)
        [story] = told

        assert {each.id for each in story.customers} == {each.id for each in crm.find(Customer)}
        assert [each.since for each in story.customers] == sorted(
            each.since for each in story.customers
        )
        for matter in story.matters:
            contact = crm.get(Interaction, matter.interaction_id)
            assert (contact.customer_id, contact.happened_at) == (matter.customer_id, matter.opened)
        for each in story.customers:
            last = max(
                (found["happened_at"] for found in crm.timeline(each.id)), default=story.since
            )
            assert each.quiet is None or last < each.quiet + timedelta(days=15)


# Refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at",
    [
        lambda story: story.until,
        lambda story: story.since - timedelta(seconds=1),
        lambda story: story.since.replace(tzinfo=None),
    ],
    ids=["late", "early", "naive"],
)
def test_a_step_outside_of_the_story_names_the_plugin(at: Callable[[Story], datetime]) -> None:
    wrong = plugin("wrong", lambda story: [Step(at(story))])
    with opened("memory://", wrong) as crm:
        with pytest.raises(PluginError, match=r"plugin wrong .* has a step at .*; keep to that"):
            make(crm, 5)
        assert crm.changes() == []


def test_what_is_no_step_names_the_plugin() -> None:
    wrong = plugin("wrong", lambda story: [story])  # type: ignore[list-item]
    with opened("memory://", wrong) as crm, pytest.raises(PluginError, match="return Step objects"):
        make(crm, 5)


def test_a_step_that_fails_names_the_plugin_and_can_be_gone_on_from() -> None:
    def fail(tx: Transaction) -> None:
        raise ZeroDivisionError("no tables left")

    def share(story: Story) -> list[Step]:
        return [Step(story.customers[2].since, write=fail if broken else None)]

    broken = True
    with (
        opened("memory://", plugin("diner", share)) as crm,
        opened("memory://", plugin("diner", share)) as whole,
    ):
        with pytest.raises(PluginError, match=r"plugin diner .* no tables left"):
            make(crm, 20)
        assert unfinished(crm) is not None
        assert crm.count(Customer) > 0

        broken = False
        make(crm, 20)
        make(whole, 20)
        assert everything(crm) == everything(whole)
        assert crm.storage.state(KEY) is None


def test_a_reference_to_nothing_names_the_plugin() -> None:
    def share(story: Story) -> Iterator[Step]:
        at = story.customers[0].since
        yield Step(
            at, [Claim(id=story.new_id(at), customer_id="x", interaction_id="y", at=at, topic="")]
        )

    lost = plugin("lost", share, [Claim])
    with opened("memory://", lost) as crm, pytest.raises(PluginError, match=r"plugin lost .*'x'"):
        make(crm, 5)


def test_the_refusal_of_a_guard_names_its_plugin() -> None:
    def crm_validate(kind, writes):
        if kind == "identity":
            return [each.problem("value", "is none of ours") for each in writes]
        return None

    def crm_authorize(kind, writes, actor):
        if kind == "customer" and actor.type == "person":
            return [each.denial("people may not") for each in writes]
        return None

    strict = plugin("strict", nothing, crm_validate=crm_validate)
    with opened("memory://", strict) as crm:
        with pytest.raises(InvalidRecords, match=r"identity.value: is none of ours \[strict\]"):
            make(crm, 5)
        assert crm.changes() == []
    closed = plugin("closed", nothing, crm_authorize=crm_authorize)
    with (
        opened("memory://", closed) as crm,
        pytest.raises(Denied, match=r"people may not \[closed\]"),
    ):
        make(crm, 40)


def test_a_restriction_of_people_does_not_stand_in_the_way() -> None:
    from crmkit import Restriction

    def crm_restrict(actor, kind):
        if kind == "customer" and actor.type == "person":
            return Restriction([where.owner == actor.id], masked={"tags"})
        return None

    own = plugin("own", nothing, crm_restrict=crm_restrict)
    with opened() as plain, opened("memory://", own) as crm:
        make(plain, 30)
        try:
            make(crm, 30)
        except Exception as error:
            pytest.fail(f"{error}")
        assert everything(crm) == everything(plain)


def test_a_stopped_run_is_not_gone_on_with_by_other_plugins() -> None:
    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with opened() as crm:
        with pytest.raises(KeyboardInterrupt):
            made(crm, 20, 1, UNTIL, lambda length: stop)
        kept = unfinished(crm)
        assert kept is not None
        state = {**crm.storage.state(KEY), "plugins": ["demo 0.0.1", "other (other 1.0)"]}
        with crm.transaction() as tx:
            tx.set_state(KEY, state)

        with pytest.raises(
            ConfigError, match=r"made by demo 0\.0\.1, other .* the same plugins again"
        ):
            make(crm, 20)


def test_a_story_is_in_universal_time() -> None:
    def share(story: Story) -> list[Step]:
        assert story.since.tzinfo is UTC
        assert all(each.since.tzinfo is UTC for each in story.customers)
        assert all(
            branch.hours.is_open(each.opened)
            for each in story.matters[:50]
            for branch in story.branches
            if each.staff in branch.staff
        )
        return []

    with opened("memory://", plugin("zones", share)) as crm:
        make(crm, 30)
