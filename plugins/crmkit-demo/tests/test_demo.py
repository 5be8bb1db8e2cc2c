"""The company of the demo: the same for the same seed, true to its own rules, and told through the usual doors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import ModuleType
from zoneinfo import ZoneInfo

import crmkit_demo
import pytest
from click.testing import CliRunner
from crmkit_demo.company import branches
from crmkit_demo.running import made
from crmkit_demo.story import Step
from crmkit_demo.telling import KEY, Telling, tell, unfinished

from crmkit import (
    CRM,
    Alias,
    Config,
    CrmError,
    Customer,
    Identity,
    Interaction,
    Manifest,
    Participant,
    PluginError,
    Record,
    field,
    hookimpl,
    kind,
)
from crmkit.cli.root import crm as command
from crmkit.codec import dump_document

UNTIL = date(2026, 11, 25)


def quiet(length):
    return lambda count: None


def make(crm, customers=40, seed=1, until=UNTIL):
    made(crm, customers, seed, until, quiet)
    return crm


def opened(url="memory://", *plugins):
    return CRM.open(url, plugins=["sqlite", crmkit_demo, *plugins], config=Config())


def everything(crm, without=()):
    """All documents and the journal, positions and transactions apart."""
    records = [
        dump_document(each, record)
        for each in crm.schema
        if each.name not in without
        for record in crm.find(each.name, order="id")
    ]
    changes = [
        (c.kind, c.id, c.version, c.action, c.at, str(c.actor), c.delta)
        for c in crm.changes()
        if c.kind not in without
    ]
    return records, changes


@pytest.fixture(scope="module")
def company() -> Iterator[CRM]:
    with opened() as crm:
        yield make(crm, 80)


def test_the_same_seed_makes_the_same_company_on_every_backend(tmp_path):
    with opened() as one, opened(f"sqlite:///{tmp_path}/demo.db") as other:
        assert everything(make(one)) == everything(make(other))


def test_another_seed_is_another_company():
    with opened() as one, opened() as other:
        make(one), make(other, seed=2)
        names = [{each.name for each in crm.find(Customer)} for crm in (one, other)]
        assert names[0] != names[1]


@pytest.mark.parametrize("size", [1, 2, 7, 60])
def test_there_are_as_many_customers_as_asked_for(size):
    with opened() as crm:
        assert make(crm, size).count(Customer) == size


def test_the_journal_is_three_years_old_and_in_order(company):
    times = [change.at for change in company.changes()]

    assert times == sorted(times)
    assert times[-1] < datetime(2026, 11, 25, tzinfo=UTC)
    assert (times[-1] - times[0]).days > 2.5 * 365
    assert company.clock() > times[-1]  # its own clock again


def test_nobody_is_called_at_night(company):
    zones = {each.country: each.hours for each in branches(datetime(2023, 11, 25, tzinfo=UTC))}
    owners = {
        staff.id: each
        for each in branches(datetime(2023, 11, 25, tzinfo=UTC))
        for staff in each.staff
    }
    assert set(zones) == {"KR", "GB"}
    for contact in company.find(Interaction):
        if contact.channel in {"phone", "meeting"}:
            customer = contact.customer_id and company.get(Customer, contact.customer_id)
            branch = owners.get(customer.owner) if customer else None
            zone = branch.hours.zone if branch else ZoneInfo("Asia/Seoul")
            if branch:
                local = contact.happened_at.astimezone(zone)
                assert branch.hours.opens <= local.time() <= branch.hours.closes, contact
                assert local.weekday() < 5


def test_every_contact_came_from_an_address_of_its_customer(company):
    aliases = {each.id: each.target for each in company.find(Alias)}
    owners = {each.id: each.customer_id for each in company.find(Identity)}
    for contact in company.find(Interaction):
        if contact.identity_id and contact.customer_id:
            owner = owners[contact.identity_id]
            assert aliases.get(owner, owner) == contact.customer_id


def test_a_thread_is_of_one_channel_and_in_order(company):
    threads: dict[str, list[Interaction]] = {}
    for contact in company.find(Interaction, order="happened_at"):
        if contact.thread:
            threads.setdefault(contact.thread, []).append(contact)
    assert threads
    for contacts in threads.values():
        assert len({each.channel for each in contacts}) == 1


def test_there_is_something_of_everything(company):
    assert company.count(Alias) > 0
    assert company.count(Participant) > 0
    assert {"insert", "update", "delete"} <= {each.action for each in company.changes()}
    assert {each.type for each in company.find(Customer)} == {"person", "organization"}
    assert {each.country for each in company.find(Customer)} == {"KR", "GB"}
    assert len(company.search("환불")) > 0
    assert len(company.search("refund")) > 0
    assert any(each.customer_id is None for each in company.find(Identity))


def test_a_database_with_customers_is_refused():
    with opened() as crm:
        with crm.transaction() as tx:
            tx.add(Customer(name="Kim"))
        with pytest.raises(CrmError, match="empty one"):
            make(crm)
        assert crm.count(Customer) == 1


def test_a_run_that_was_broken_off_is_told_to_its_end():
    with opened() as whole, opened() as broken:
        make(whole)
        count = 0

        def stop(length):
            def told(steps):
                nonlocal count
                count += 1
                if count > 50:
                    raise KeyboardInterrupt

            return told

        with pytest.raises(KeyboardInterrupt):
            made(broken, 40, 1, UNTIL, stop)
        left = unfinished(broken)
        assert left is not None
        assert left.done > 0
        made(broken, 999, 7, UNTIL, quiet)  # what was begun is finished, whatever is asked for

        assert broken.storage.state(KEY) is None
        assert everything(broken) == everything(whole)


# Shares of plugins ------------------------------------------------------------------------------------------------


@kind("tasting", timeline="at", title="note")
class Tasting(Record):
    customer_id: str = field(refers_to=Customer, on_delete="cascade")
    at: datetime = field(index=True)
    note: str = field(search=True)


def share(story):
    for character in story.customers[:10]:
        at = character.since
        record = Tasting(
            id=story.new_id(at),
            customer_id=character.id,
            at=at,
            note=story.random.choice(["산미가 좋다고 하심", "prefers dark roasts"]),
        )
        yield Step(at, [record])


def tastings(demo=share):
    module = ModuleType("tastings")
    module.manifest = Manifest("tastings", requires=("demo",))
    module.crm_kinds = hookimpl(lambda: [Tasting])

    def crm_demo(story):
        return demo(story)

    module.crm_demo = hookimpl(crm_demo)
    return module


def test_a_plugin_adds_its_share_and_changes_nothing_else():
    with (
        opened() as plain,
        opened("memory://", tastings()) as shared,
        opened("memory://", tastings()) as again,
    ):
        make(plain), make(shared), make(again)

        assert shared.count(Tasting) > 5
        assert everything(shared) == everything(again)
        assert everything(shared, without={"tasting"}) == everything(plain)


def test_a_share_outside_of_the_story_names_the_plugin():
    late = lambda story: [Step(story.until, [])]  # noqa: E731

    with opened("memory://", tastings(late)) as crm, pytest.raises(PluginError, match="tastings"):
        make(crm)


def test_telling_needs_no_progress():
    from crmkit_demo.plot import plotted

    with opened() as crm:
        tell(crm, plotted(3, 1, datetime(2026, 11, 25, tzinfo=UTC)), Telling(3, 1, "2026-11-25"))
        assert crm.count(Customer) == 3


# The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRMKIT_DB", raising=False)
    monkeypatch.delenv("CRMKIT_CONFIG", raising=False)

    def run_(*arguments, code=0):
        result = CliRunner().invoke(command, list(arguments), prog_name="crm")
        assert result.exit_code == code, result.output
        return result

    return run_


@pytest.mark.parametrize(("language", "word"), [("ko", "다음에"), ("en", "What to type next")])
def test_an_empty_folder_is_enough(run, tmp_path, language, word):
    shown = run("demo", "--customers", "30", "--until", "2026-11-25", "--lang", language)

    assert (tmp_path / "crm.toml").exists()
    assert (tmp_path / "crm.db").exists()
    assert "환불" in shown.stdout
    assert word in shown.stdout
    again = run("demo", code=1)
    assert "customers in this database already" in again.stderr


def test_what_it_says_to_type_next_works(run):
    shown = run("demo", "--customers", "30", "--lang", "en").stdout

    commands = [line.strip() for line in shown.splitlines() if line.startswith("  crm ")]
    assert len(commands) >= 6
    for each in commands:
        if "FILE" not in each:
            run(*each.removeprefix("crm ").split())


def test_scripts_get_a_summary(run):
    found = json.loads(run("demo", "--customers", "12", "--seed", "3", "--format", "json").stdout)

    assert (found["customers"], found["seed"]) == (12, 3)
    assert found["interactions"] > 12
