"""What customers are worth: against published figures, and a plain recomputation."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from crmkit_analytical.report.asking import ask
from crmkit_analytical.reports.lifetime.purchases import local_days
from crmkit_analytical.statistics.bgnbd import BgNbd
from hypothesis import given
from hypothesis import strategies as st

from crmkit import CRM, Company, Config, Customer, Money

sales = pytest.importorskip(
    "crmkit_operational.sales.kinds", reason="crmkit-operational is not installed"
)

SEOUL = ZoneInfo("Asia/Seoul")
IN_DOLLARS = Config(company=Company(currency="USD", timezone="UTC"))


@pytest.fixture
def crm(clock):
    with CRM.open(
        "memory://", plugins=["analytical", "sales"], config=IN_DOLLARS, clock=clock
    ) as crm:
        yield crm


def buy(crm, who, placed_at, *amounts, currency="USD", **more):
    with crm.transaction() as tx:
        order = tx.add(sales.SalesOrder(customer_id=who and who.id, placed_at=placed_at, **more))
        tx.add_all(
            sales.OrderLine(
                order_id=order.id,
                customer_id=order.customer_id,
                product="x",
                unit_price=Money(each, currency),
            )
            for each in amounts
        )
    return order


def customers(crm, count):
    with crm.transaction() as tx:
        return tx.add_all(Customer(name=f"고객 {n}") for n in range(count))


def test_it_gives_the_published_figures(crm, data):
    rows = [
        line.split() for line in (data / "01_clv" / "CDNOW_sample.txt").read_text().splitlines()
    ]
    with crm.transaction() as tx:
        known = {each: tx.add(Customer(name=each)) for each in sorted({row[1] for row in rows})}
        orders = tx.add_all(
            sales.SalesOrder(
                customer_id=known[row[1]].id,
                placed_at=datetime.strptime(row[2], "%Y%m%d").replace(tzinfo=UTC),
            )
            for row in rows
        )
        tx.add_all(
            sales.OrderLine(
                order_id=order.id,
                customer_id=order.customer_id,
                product="CDs",
                unit_price=Money.of(row[4], "USD"),
            )
            for order, row in zip(orders, rows, strict=True)
        )

    answer = ask(crm, "lifetime-value", until=date(1997, 9, 30), top=0)

    buying, spending = (answer.explained.parameters[each] for each in ("bgnbd", "gamma_gamma"))
    assert {name: round(buying[name], 4) for name in ("r", "alpha", "a", "b")} == pytest.approx(
        {"r": 0.2426, "alpha": 4.4135, "a": 0.7929, "b": 2.4258}, rel=0.01
    )
    assert buying["log_likelihood"] == pytest.approx(-9582.43, abs=0.01)
    assert [spending[each] for each in "pqv"] == pytest.approx([6.25, 3.74, 15.44], rel=0.01)
    assert (answer.explained.total, spending["customers"], len(answer.rows)) == (2357, 946, 2357)
    behind = answer.explained.parameters["behind_the_last_day"]
    assert (behind["weeks"], behind["purchases"], round(behind["expected"])) == (39, 1882, 1653)
    whole = ask(crm, "lifetime-value", by="country", top=0)
    assert sum((row["spent"] for row in whole.rows), Money(0, "USD")) == Money(24409194, "USD")


def days_of_one(draw):
    """The days of a year on which a customer of the model buys: at a rate of their own, and lost by chance."""
    day, rate, lost = draw.randrange(120), draw.gammavariate(0.5, 0.1), draw.betavariate(1, 3)
    days = [day]
    while draw.random() > lost:
        day += 1 + int(draw.expovariate(rate))
        if day >= 365:
            break
        days.append(day)
    return days


def test_a_row_can_be_recomputed_by_hand(crm):
    known, draw = customers(crm, 150), Random(7)
    bought = {who.id: days_of_one(draw) for who in known}
    for who in known:
        for each in bought[who.id]:
            buy(
                crm,
                who,
                datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=each),
                1000 + draw.randrange(900),
                500,
            )

    answer = ask(crm, "lifetime-value", until=date(2025, 12, 31), least=10, top=0)

    fitted = answer.explained.parameters["bgnbd"]
    model = BgNbd(*(fitted[name] for name in ("r", "alpha", "a", "b")))
    for row in answer.rows:
        [id] = answer.explained.ids[row["name"]]
        days = bought[id]
        x, t_x, T = len(days) - 1, (days[-1] - days[0]) / 7, (364 - days[0]) / 7
        assert (row["purchases"], row["last"]) == (
            len(days),
            date(2025, 1, 1) + timedelta(days=days[-1]),
        )
        assert row["alive"] == pytest.approx(float(model.alive(x, t_x, T)[0]))
        assert row["expected"] == pytest.approx(float(model.expected(x, t_x, T, 52)[0]))


def test_what_does_not_count_is_named(crm):
    [who, other] = customers(crm, 2)
    when = datetime(2026, 1, 5, tzinfo=UTC)
    buy(crm, who, when, 100)
    left = [
        buy(crm, None, when, 100),
        buy(crm, who, when, 100, currency="KRW"),
        buy(crm, other, when, -100),
        buy(crm, who, when, 100, status="cancelled"),
    ]

    answer = ask(crm, "lifetime-value")

    assert {each.ids for each in answer.explained.excluded} == {(each.id,) for each in left}
    assert [row["spent"] for row in answer.rows] == [Money(100, "USD")]
    assert not answer.is_enough
    assert (
        answer.sentence
        == "Only 1 customers bought by 2026-03-01; from 100 on this says what they are worth."
    )


def test_groups_add_up_to_all(crm):
    known = customers(crm, 40)
    for number, who in enumerate(known):
        for again in range(number % 3 + 1):
            buy(crm, who, datetime(2025, 1 + number % 6, 1 + again * 9, tzinfo=UTC), 100 + number)

    for by in ("customer", "rfm", "cohort", "type"):
        answer = ask(crm, "lifetime-value", by=by, top=0, least=5)
        ids = [each for of in answer.explained.ids.values() for each in of]
        assert sorted(ids) == sorted(each.id for each in known)
        assert sum(row["customers"] for row in answer.rows) == 40
        assert sum(row["spent"].minor for row in answer.rows) == sum(
            (100 + n) * (n % 3 + 1) for n in range(40)
        )


def test_who_bought_before_the_window_does_not_begin_in_it(crm):
    [old, new] = customers(crm, 2)
    buy(crm, old, datetime(2025, 1, 1, tzinfo=UTC), 100)
    for who in (old, new):
        buy(crm, who, datetime(2026, 1, 1, tzinfo=UTC), 100)

    answer = ask(crm, "lifetime-value", since=date(2025, 6, 1))

    assert [row["name"] for row in answer.rows] == ["고객 1"]
    assert [each.ids for each in answer.explained.excluded] == [(old.id,)]


@given(
    st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)), max_size=20),
    st.sampled_from(
        ["Asia/Seoul", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]
    ),
)
def test_days_are_those_of_the_companys_calendar(moments, zone):
    times = np.array([each.replace(tzinfo=UTC).timestamp() * 1_000_000 for each in moments]).astype(
        "int64"
    )
    aware = [datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(each)) for each in times]

    found = local_days(times, ZoneInfo(zone))

    assert found.tolist() == [each.astimezone(ZoneInfo(zone)).date().toordinal() for each in aware]


def test_the_same_on_every_storage(open_crm):
    crm = open_crm()
    known = customers(crm, 30)
    bought = defaultdict(int)
    for number, who in enumerate(known):
        for again in range(number % 4 + 1):
            buy(
                crm, who, datetime(2025, 1 + again, 1, 16, tzinfo=UTC), 100 * number, currency="KRW"
            )
            bought[who.id] += 100 * number

    answer = ask(crm, "lifetime-value", least=5, top=0)

    assert {
        answer.explained.ids[row["name"]][0]: row["spent"].minor for row in answer.rows
    } == bought
    assert {row["last"] for row in answer.rows} == {
        date(2025, month, 2) for month in range(1, 5)
    }  # in Seoul
