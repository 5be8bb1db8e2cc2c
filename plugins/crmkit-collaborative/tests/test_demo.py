"""The plugin's share in the company of `crm demo`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("crmkit_demo", reason="crmkit-demo is not installed")
pytest.importorskip("crmkit_sqlite", reason="crmkit-sqlite is not installed")

import crmkit_demo
from crmkit_collaborative.demo.calls import calls
from crmkit_collaborative.demo.colleagues import colleagues
from crmkit_collaborative.demo.parts import parted
from crmkit_collaborative.demo.tour import stops
from crmkit_collaborative.demo.twice import Entry, entries
from crmkit_collaborative.directory.structure import in_force
from crmkit_collaborative.duplicates.finding import find
from crmkit_collaborative.handover.measuring import measure
from crmkit_collaborative.interactions.fields import DONE_AT, INTERNAL, REMEMBER
from crmkit_collaborative.kinds import (
    ChannelPreference,
    ContactRule,
    Handover,
    Member,
    Membership,
    Team,
)
from crmkit_collaborative.merging.applying import apply
from crmkit_collaborative.merging.undoing import undo
from crmkit_collaborative.settings import Settings
from crmkit_demo.plot import plotted
from crmkit_demo.running import made
from crmkit_demo.story import Stop, Story
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    Customer,
    Identity,
    Interaction,
    Manifest,
    Restriction,
    hookimpl,
    where,
)
from crmkit.codec import dump_document

UNTIL = date(2026, 3, 2)
SINCE, END = datetime(2023, 3, 2, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
OWN = ("customer", "identity", "interaction", "participant")
MAKE = """
import sys
from datetime import date
from crmkit import CRM, Config
from crmkit_demo.running import made
with CRM.open(sys.argv[1], plugins=["sqlite", "demo", "collaborative"], config=Config()) as crm:
    made(crm, 40, 1, date(2026, 3, 2), lambda length: lambda count: None)
"""


def opened(*plugins: Any, url: str = "memory://") -> CRM:
    return CRM.open(url, plugins=["sqlite", crmkit_demo, *plugins], config=Config())


def tell(crm: CRM, customers: int, seed: int = 1, told: Callable[[int], object] = id) -> None:
    made(crm, customers, seed, UNTIL, lambda length: told)


def story_of(customers: int, seed: int = 1) -> Story:
    return plotted(customers, seed, END).story("collaborative")


def doubles(customers: int, seed: int = 1) -> list[Entry]:
    return entries(parted(story_of(customers, seed))("twice"))


def everything(crm: CRM) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    """All documents, and the journal without positions and transactions, which are the database's."""
    records = [dump_document(kind, each) for kind in crm.schema for each in crm.find(kind.name)]
    changes = [
        (each.kind, each.id, each.version, each.action, each.at, each.actor, each.delta)
        for each in crm.changes()
    ]
    return sorted(records, key=lambda each: each["id"]), changes


@pytest.fixture(scope="module")
def crm() -> Iterator[CRM]:
    """A company of the usual size; nobody writes to it."""
    with opened("collaborative") as crm:
        tell(crm, 200)
        yield crm


# The same company ------------------------------------------------------------------------------------------------


def test_the_demos_own_records_are_the_same_with_the_plugin_and_without(crm: CRM) -> None:
    with opened() as plain:
        tell(plain, 200)
        for name in OWN:
            own = documents(plain, name)
            shared = documents(crm, name)
            assert {id: shared[id] for id in own} == own
            journal = changes(plain, name)
            ids = {id for id, *_ in journal}
            assert [each for each in changes(crm, name) if each[0] in ids] == journal


def documents(crm: CRM, name: str) -> dict[str, dict[str, Any]]:
    """The records of a kind by id, without the fields that the plugin adds."""
    found = (dump_document(crm.schema[name], each) for each in crm.find(name))
    return {
        each["id"]: {key: value for key, value in each.items() if "collaborative." not in key}
        for each in found
    }


def changes(crm: CRM, name: str) -> list[tuple[Any, ...]]:
    """What the journal has of a kind, in order."""
    return [
        (each.id, each.version, each.action, each.at, each.actor, each.delta)
        for each in crm.changes(kinds=[name])
    ]


def test_the_same_seed_is_the_same_company_in_whatever_process(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "other")]
    for number, url in enumerate(urls):
        environment = {**os.environ, "PYTHONHASHSEED": str(number)}
        subprocess.run([sys.executable, "-c", MAKE, url], check=True, env=environment)

    with (
        opened("collaborative") as memory,
        opened("collaborative", url=urls[0]) as one,
        opened("collaborative", url=urls[1]) as other,
    ):
        tell(memory, 40)
        assert everything(one) == everything(other) == everything(memory)


def test_another_seed_is_another_company() -> None:
    with opened("collaborative") as crm, opened("collaborative") as other:
        tell(crm, 40)
        tell(other, 40, seed=2)
        rules = [{each.id for each in each_.find(ContactRule)} for each_ in (crm, other)]
    assert rules[0]
    assert not rules[0] & rules[1]


@pytest.mark.parametrize("after", [30, 150, 400])
def test_a_run_that_was_stopped_goes_on_as_if_nothing_had_been(after: int) -> None:
    written = 0

    def told(count: int) -> None:
        nonlocal written
        written += count
        if written > after:
            raise KeyboardInterrupt

    with opened("collaborative") as whole, opened("collaborative") as stopped:
        tell(whole, 60)
        with pytest.raises(KeyboardInterrupt):
            tell(stopped, 60, told=told)
        tell(stopped, 60)
        assert everything(stopped) == everything(whole)


def test_every_id_is_of_the_time_of_the_story(crm: CRM) -> None:
    for kind in crm.schema:
        for each in crm.find(kind.name):
            moment = datetime.fromtimestamp(int(each.id.replace("-", "")[:12], 16) / 1000, UTC)
            assert SINCE <= moment < END, (kind.name, each.id)


@settings(max_examples=10, deadline=None)
@given(size=st.integers(1, 45), seed=st.integers(0, 10_000))
def test_a_company_of_any_size_can_be_told(size: int, seed: int) -> None:
    with opened("collaborative") as crm:
        tell(crm, size, seed)
        story = story_of(size, seed)
        assert crm.count(Customer) == size + len(doubles(size, seed))
        assert list(stops(story, crm, None))


# What is in it ----------------------------------------------------------------------------------------------------


def test_everybody_is_a_member_and_whoever_left_is_in_no_team_and_never_at_work(crm: CRM) -> None:
    story = story_of(200)
    staff = {each.id: each for branch in story.branches for each in branch.staff}
    members = {each.actor: each for each in crm.find(Member)}
    placed = {each.member_id for each in crm.find(Membership, *in_force(UNTIL))}

    assert members.keys() == staff.keys()
    for actor, member in members.items():
        is_gone = staff[actor].leaves is not None
        assert (member.id not in placed) == is_gone == (not member.working_hours)
        assert crm.count(Membership, where.member_id == member.id) > 0
    assert crm.count(Membership, where.until.present()) >= 4
    assert any(each.timezone for each in members.values())
    assert {"ko", "en"} <= {one for each in members.values() for one in each.languages}


def test_customers_want_this_and_forbid_that_and_take_it_back(crm: CRM) -> None:
    reachable = {(each.customer_id, each.channel) for each in crm.find(Identity)}
    for each in crm.find(ChannelPreference):
        assert (each.customer_id, each.channel) in reachable
        assert each.note
    verdicts = {each.verdict for each in crm.find(ContactRule)}
    assert verdicts == {"consent", "withdrawn", "do_not_contact"}
    for each in crm.find(ContactRule, where.verdict == "withdrawn"):
        mine = (where.customer_id == each.customer_id, where.verdict == "consent")
        [before] = crm.find(ContactRule, *mine)
        assert before.since < each.since


def test_calls_leave_something_to_remember_and_colleagues_talk_among_themselves(crm: CRM) -> None:
    noted = list(crm.find(Interaction, where[REMEMBER].present()))
    done = [each for each in noted if each[DONE_AT] is not None]

    assert len(noted) > len(done) > 0
    assert all(each[DONE_AT] > each.happened_at for each in done)
    assert crm.count(Interaction, where[INTERNAL] == True) > 0  # noqa: E712  (a condition)


def test_who_leaves_hands_over_in_words_and_some_customers_say_it_again(crm: CRM) -> None:
    written = list(crm.find(Handover, where.reason != ""))
    transfers = [(each.at.date(), each.subject_id, each.to_actor) for each in crm.find(Handover)]

    assert len(written) > 3
    for each in written:
        assert each.summary
        assert each.open_questions
        assert crm.get(Customer, each.customer_id)
        history = crm.history(Customer, each.customer_id)
        # The packet was written beforehand, and the transfer made no second one.
        assert any("owner" in (change.delta or {}) for change in history if change.at > each.at)
    assert len(set(transfers)) == len(transfers)
    found = measure(crm, SINCE, END)
    assert 0 < len(found.repeated) < len(found.messages)


def test_those_who_are_there_twice_are_found_made_one_and_parted_again() -> None:
    with opened("collaborative") as crm:
        tell(crm, 200)
        pairs = [(each.of.id, each.record.id) for each in doubles(200)]
        zones = {
            (each.score.a, each.score.b): each.zone
            for each in find(crm, crm.settings(Settings)).found
        }
        before = dump_document(crm.schema["customer"], crm.get(Customer, pairs[0][1]))

        assert len(pairs) == 4
        assert [zones.get((min(pair), max(pair))) for pair in pairs] == ["auto"] * 4
        for keep, lose in pairs:
            [done] = apply(crm, crm.actor, keep, [lose])
            assert crm.get(Customer, lose).id == keep
            undo(crm, crm.actor, done.merge.id)
        after = dump_document(crm.schema["customer"], crm.get(Customer, pairs[0][1]))
        assert {**after, "version": 0, "updated_at": 0} == {**before, "version": 0, "updated_at": 0}


def test_a_team_is_known_before_its_work_is(crm: CRM) -> None:
    part = parted(story_of(200))
    teams, _ = colleagues(part("colleagues"))
    assert {each.id for each in crm.find(Team)} == set(teams.values())
    assert len(list(calls(part("calls"), teams))) > 10


# The tour ---------------------------------------------------------------------------------------------------------


def shown(crm: Any) -> list[Stop]:
    return list(stops(story_of(200), crm, None))


def test_the_tour_shows_each_side_of_the_plugin(crm: CRM) -> None:
    begun = [" ".join(each.words[:2]) for each in shown(crm)]
    assert begun == [
        "directory show",
        "directory who",
        "interaction notes",
        "customer stream",
        "contact how",
        "handover show",
        "handover report",
        "duplicates find",
        "merge plan",
        "merge apply",
    ]


def test_the_tour_names_nobody_whom_the_actor_may_not_see() -> None:
    module = ModuleType("shy")
    module.manifest = Manifest("shy")  # type: ignore[attr-defined]

    def crm_restrict(actor, kind):
        if actor.id == "nobody":
            return Restriction([where.id == "none"])
        return None

    module.crm_restrict = hookimpl(crm_restrict)  # type: ignore[attr-defined]
    with opened("collaborative", module) as crm:
        tell(crm, 200)
        found = shown(crm.acting("nobody"))

    assert [each.words[:2] for each in found] == [
        ("directory", "show"),
        ("directory", "who"),
        ("handover", "report"),
        ("duplicates", "find"),
    ]
