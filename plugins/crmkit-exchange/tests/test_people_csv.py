"""Tables for people: every cell reads back, each sees what they may, and a customer's addresses stand beside the name."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from crmkit_exchange.full.people import columns_of, rows_of, values_of
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    CrmError,
    Customer,
    CustomField,
    Identity,
    Manifest,
    Money,
    QueryError,
    Restriction,
    hookimpl,
    where,
)
from crmkit.testing.fixtures import FakeClock
from crmkit.testing.kinds import Specimen, zoo
from crmkit.testing.strategies import records
from crmkit.testing.strategies import values_of as values_of_type

SEOUL = ZoneInfo("Asia/Seoul")


def plugin(name, **hooks):
    module = ModuleType(name)
    module.manifest = Manifest(name)
    for each, does in hooks.items():
        setattr(module, each, hookimpl(does))
    return module


ZOO = plugin("zoo", crm_kinds=lambda: [Specimen])


def opened(url, *plugins):
    chosen = ["sqlite", "exchange", *plugins]
    return CRM.open(url, plugins=chosen, config=Config(), clock=FakeClock())


def table(crm, name, *conditions, columns=(), zone=SEOUL):
    """What somebody finds who opens the file: rows of text by column."""
    kind = crm.schema[name]
    wanted = columns_of(kind, columns)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(wanted)
    writer.writerows(rows_of(crm, kind, wanted, conditions, zone))
    text.seek(0)
    return list(csv.DictReader(text))


# Every cell reads back --------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(
    drawn=st.lists(records(zoo(added=False)["specimen"]), min_size=1, max_size=4),
    zone=st.sampled_from([SEOUL, UTC, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")]),
)
def test_the_type_of_a_field_reads_its_cell(drawn, zone):
    with opened("memory://", ZOO) as crm:
        with crm.transaction() as tx:
            tx.add_all(Customer(id=each, name=each) for each in "abcde")
        for number, each in enumerate(drawn):
            with crm.transaction() as tx:
                tx.add(each.evolve(id=str(number), parent_id=None, serial=None, batch=None))
        kind = crm.schema["specimen"]

        rows = table(crm, "specimen", zone=zone)

        kept = list(crm.find(Specimen))
        assert [row["id"] for row in rows] == [each.id for each in kept]
        for row, record in zip(rows, kept, strict=True):
            for field in kind.fields.values():
                value, cell = record[field.name], row[field.name]
                if cell == "":
                    assert value in (None, "", ())
                else:
                    assert field.type.parse(cell) == value


WORDS = st.text(st.sampled_from('a가 ,;"[]\n'), max_size=4)


@settings(deadline=None, max_examples=200)
@given(words=st.lists(st.one_of(WORDS, values_of_type(zoo()["specimen"].field("notes").type))))
def test_words_read_back_whatever_is_in_them(words):
    with opened("memory://") as crm:
        with crm.transaction() as tx:
            tx.add(Customer(name="Kim", tags=tuple(words)))
        [row] = table(crm, "customer")
        tags = crm.schema["customer"].field("tags")
        assert tags.type.parse(row["tags"]) == tuple(words)


@pytest.fixture(params=["memory", "sqlite"])
def url(request, tmp_path):
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/crm.db"


def test_cells_are_as_people_write_them(url):
    with opened(url, ZOO) as crm:
        with crm.transaction() as tx:
            tx.add(
                Specimen(
                    name='김 "하늘"\n둘',
                    labels=("가전", "vip"),
                    flag=True,
                    seen_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
                    worth=Money(12_000, "KRW"),
                    details={"색": "빨강"},
                )
            )
        [row] = table(crm, "specimen")

    shown = {name: row[name] for name in ("name", "labels", "flag", "seen_at", "worth", "details")}
    assert shown == {
        "name": '김 "하늘"\n둘',
        "labels": "가전,vip",
        "flag": "yes",
        "seen_at": "2026-03-01T18:30:00+09:00",
        "worth": "12000 KRW",
        "details": '{"색": "빨강"}',
    }


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
def test_the_first_and_the_last_moment_are_times_in_any_zone(moment):
    with opened("memory://", ZOO) as crm:
        with crm.transaction() as tx:
            tx.add(Specimen(name="x", seen_at=moment.replace(tzinfo=UTC)))
        for zone in (SEOUL, ZoneInfo("America/New_York")):
            [row] = table(crm, "specimen", zone=zone)
            assert datetime.fromisoformat(row["seen_at"]) == moment.replace(tzinfo=UTC)


def test_records_of_a_plugin_that_is_gone_look_as_they_did(tmp_path):
    url = f"sqlite:///{tmp_path}/crm.db"
    with opened(url, ZOO) as crm:
        with crm.transaction() as tx:
            tx.add(
                Specimen(
                    name="x",
                    labels=("가", "나"),
                    price=Decimal("12.50"),
                    seen_at=datetime(2026, 3, 1, tzinfo=UTC),
                    day=datetime(2026, 3, 1, tzinfo=UTC).date(),
                    worth=Money(1250, "EUR"),
                    flag=False,
                )
            )
        before = table(crm, "specimen")
    with opened(url) as crm:
        assert table(crm, "specimen") == before


# Columns ----------------------------------------------------------------------------------------------------------


def test_the_heading_has_the_names_of_fields_and_of_added_ones(url):
    with opened(url) as crm:
        with crm.transaction() as tx:
            tx.add(CustomField(on="customer", name="tier"))
        with crm.transaction() as tx:
            tx.add(Customer(name="Kim", extra={"unknown": 1}).set("custom.tier", "gold"))
        kind = crm.schema["customer"]
        [row] = table(crm, "customer")

        assert columns_of(kind) == ["id", *kind.fields, "email", "phone"]
        assert row["custom.tier"] == "gold"
        assert not {"version", "created_at", "unknown"} & row.keys()
        assert columns_of(crm.schema["identity"])[-1] == "last_seen_at"
        assert columns_of(kind, ["phone", "custom.tier"]) == ["phone", "custom.tier"]
        with pytest.raises(QueryError, match="no field 'colour'"):
            columns_of(kind, ["colour"])
        with pytest.raises(QueryError, match="no field 'email'"):
            columns_of(crm.schema["identity"], ["email"])


def test_customers_have_their_addresses_in_few_queries(url, monkeypatch):
    with opened(url) as crm:
        with crm.transaction() as tx:
            people = tx.add_all(Customer(name=f"Customer {n}") for n in range(1_100))
            tx.add_all(
                Identity(customer_id=each.id, channel=channel, value=f"{number}{value}")
                for number, each in enumerate(people)
                for channel, value in [
                    ("email", "@a.example"),
                    ("email", "@b.example"),
                    ("web", ""),
                ]
            )
            tx.add(Identity(customer_id=people[7].id, channel="phone", value="010-2345-6789"))
        asked = []
        page = crm.storage.page

        def spy(query, scope):
            asked.append(query.kind)
            return page(query, scope)

        monkeypatch.setattr(crm.storage, "page", spy)
        rows = table(crm, "customer")

        found = {row["name"]: (row["email"], row["phone"]) for row in rows}
        assert found["Customer 7"] == ("7@a.example; 7@b.example", "010-2345-6789")
        assert all(
            emails == f"{name[9:]}@a.example; {name[9:]}@b.example"
            for name, (emails, _) in found.items()
        )
        assert len(asked) < 15
        asked.clear()
        table(crm, "customer", columns=["name"])
        assert "identity" not in asked


# Who sees what ----------------------------------------------------------------------------------------------------


def rules(actor, kind):
    if actor.id != "desk":
        return None
    if kind == "customer":
        return Restriction(conditions=[where.owner == "desk"], masked={"country"})
    if kind == "identity":
        return Restriction(masked={"value"}, conditions=[where.customer_id.owner == "desk"])
    return None


def test_each_gets_what_they_may_see(url):
    with opened(url, plugin("guard", crm_restrict=rules)) as crm:
        with crm.transaction() as tx:
            for owner in ("desk", "boss"):
                made = tx.add(Customer(name=f"of {owner}", owner=owner, country="KR"))
                tx.add(Identity(customer_id=made.id, channel="email", value=f"{owner}@a.example"))
        columns = ["name", "country", "email"]
        desk, boss = crm.acting("desk"), crm.acting("boss")

        assert [[*row.values()] for row in table(desk, "customer", columns=columns)] == [
            ["of desk", "•••", "•••"]
        ]
        assert [row["email"] for row in table(boss, "customer", columns=columns)] == [
            "desk@a.example",
            "boss@a.example",
        ]
        kind = crm.schema["customer"]
        assert [str(each["country"]) for each in values_of(desk, kind, columns, ())] == ["•••"]
        with pytest.raises(CrmError, match=r"may not see customer\.country"):
            table(desk, "customer", where.country == "KR")
