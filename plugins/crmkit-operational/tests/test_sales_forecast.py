"""What is forecast is what the open deals say; what was kept is measured against what was won."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from crmkit_operational.sales.board import board
from crmkit_operational.sales.finding import stages_of
from crmkit_operational.sales.forecast import forecast
from crmkit_operational.sales.kinds import Deal, ForecastLine
from crmkit_operational.sales.money import weighted
from crmkit_operational.sales.moving import lose, win
from crmkit_operational.sales.snapshots import accuracy, keep, taken, wape
from crmkit_operational.sales.velocity import velocity
from hypothesis import given
from hypothesis import strategies as st
from sales_company import START, krw, make_company

from crmkit import CRM, Config, ConfigError, Money
from crmkit.testing.fixtures import FakeClock
from crmkit.worker import run_workers

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
SEOUL = ZoneInfo("Asia/Seoul")


def row(found, month=MARCH, currency="KRW"):
    return next(each for each in found.rows if (each.month, each.currency) == (month, currency))


# Forecasting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "percent", "expected"),
    [(1, 50, 1), (1, 49, 0), (3, 50, 2), (501, 75, 376), (0, 50, 0)],
)
def test_a_weighted_amount_is_rounded_half_up_to_the_minor_unit(minor, percent, expected):
    assert weighted(krw(minor), percent) == krw(expected)
    assert weighted(Money(minor, "EUR"), percent) == Money(expected, "EUR")


def test_open_deals_are_weighted_committed_and_at_best_and_lost_ones_nothing(open_crm):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    day = date(2026, 3, 31)
    with crm.transaction() as tx:
        tx.add(company.deal(amount=krw(1000), expected_close=day))
        tx.add(company.deal("offer", amount=krw(501), expected_close=day))
        tx.add(company.deal("offer", amount=Money(999, "USD"), expected_close=day))
        tx.add(company.deal(amount=krw(7)))
        bare = tx.add(company.deal(expected_close=day))
        gone = tx.add(company.deal("offer", amount=krw(10**9), expected_close=day))
        lose(tx, gone, company.reasons["price"])
        won = tx.add(company.deal("offer", amount=krw(40), expected_close=APRIL))
        win(tx, won, datetime(2026, 3, 31, 14, 59, tzinfo=UTC))  # 23:59 in Seoul
        late = tx.add(company.deal("offer", amount=krw(80), expected_close=day))
        win(tx, late, datetime(2026, 3, 31, 15, 0, tzinfo=UTC))
    found = forecast(crm, MARCH, APRIL, commit_from=50)

    one = row(found)
    assert (one.deals, one.weighted, one.commit, one.best) == (2, 100 + 251, 501, 1501)
    assert (one.won_deals, one.won) == (1, 40)
    assert row(found, currency="USD").weighted == 500
    assert row(found, None).best == 7
    assert [each.month for each in found.rows] == [MARCH, MARCH, None]
    assert found.without_amount == (bare.id,)
    assert [each.deal_id for each in found.won] == [won.id]


AMOUNTS = st.one_of(
    st.none(), st.builds(Money, st.integers(0, 10**6), st.sampled_from(["KRW", "USD"]))
)
DEALS = st.lists(
    st.tuples(
        st.sampled_from(["lead", "won", "lost"]),
        AMOUNTS,
        st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2026, 6, 30))),
        st.integers(-60, 60),
    ),
    max_size=12,
)


@given(DEALS, st.integers(0, 100), st.integers(0, 100))
def test_law_forecast_and_board_are_what_adding_up_by_hand_gives(made, chance, threshold):
    with CRM.open("memory://", plugins=["sales"], config=Config(), clock=FakeClock()) as crm:
        company = make_company(crm)
        with crm.transaction() as tx:
            tx.update(company.stages["lead"].evolve(probability=chance))
            for stage, amount, close, days in made:
                fields = {"amount": amount, "expected_close": close}
                fields |= {"lost_reason_id": company.reasons["price"].id} if stage == "lost" else {}
                closed = START + timedelta(days=days)
                fields |= {"closed_at": closed} if stage != "lead" else {}
                tx.add(company.deal(stage, **fields))
        found = forecast(crm, date(2026, 2, 1), date(2026, 5, 1), commit_from=threshold)
        expected = slowly(made, chance, threshold)
        got = {
            (each.month, each.currency): (
                each.deals, each.weighted, each.commit, each.best, each.won_deals, each.won
            )
            for each in found.rows
        }  # fmt: skip
        assert got == {key: tuple(figures) for key, figures in expected.items()}

        columns = board(crm, stages_of(crm, company.pipeline), [], START, limit=3)
        for each in columns:
            own = [amount for stage, amount, *_ in made if stage == each.stage.name]
            sums = {}
            for amount in filter(None, own):
                sums[amount.currency] = sums.get(amount.currency, 0) + amount.minor
            assert each.count == len(own)
            assert {sum.currency: sum.minor for sum in each.sums} == sums
            assert len(each.deals) == min(3, len(own))


def slowly(made, chance, threshold):
    rows = {}
    for stage, amount, close, days in made:
        closed = (START + timedelta(days=days)).astimezone(SEOUL).date()
        is_won = stage == "won" and date(2026, 2, 1) <= closed < date(2026, 5, 1)
        if amount is None or not (stage == "lead" or is_won):
            continue
        day = closed if is_won else close
        key = (day and day.replace(day=1), amount.currency)
        figures = rows.setdefault(key, [0] * 6)
        if is_won:
            figures[4] += 1
            figures[5] += amount.minor
        else:
            figures[0] += 1
            figures[1] += int(Decimal(amount.minor * chance) / 100 + Decimal("0.5"))
            figures[2] += amount.minor if chance >= threshold else 0
            figures[3] += amount.minor
    return rows


# Keeping --------------------------------------------------------------------------------------------------------


def kept(crm):
    with crm.transaction() as tx:
        return keep(tx, crm.clock())


def test_a_kept_forecast_has_a_line_for_each_open_deal_and_stays_as_it_was(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    with crm.transaction() as tx:
        deal = tx.add(company.deal(amount=krw(1000), expected_close=APRIL))
        tx.add_all([company.deal(), company.deal("won", amount=krw(5))])

    assert kept(crm) == 1
    clock.tick(days=1)
    with crm.transaction() as tx:
        tx.update(deal.evolve(amount=krw(1)))
    [line] = crm.find(ForecastLine)
    assert (line.deal_id, line.amount, line.probability) == (deal.id, krw(1000), 10)
    assert (line.expected_close, line.taken_at) == (APRIL, START)


@pytest.mark.parametrize(
    ("often", "days"), [("day", [1, 2, 3, 4, 5]), ("week", [1, 2]), ("never", [])]
)
def test_work_keeps_one_a_day_or_a_week_however_often_it_runs(open_crm, clock, often, days):
    config = Config(plugin={"sales": {"keep_forecast": often}})
    crm = open_crm(own=["sales"], config=config)
    company = make_company(crm)
    with crm.transaction() as tx:
        tx.add(company.deal(amount=krw(5)))
    clock.set(datetime(2026, 3, 1, 10, tzinfo=SEOUL))  # a Sunday
    for _ in range(4 * 3):
        run_workers(crm, once=True, names=["sales-forecast"])
        run_workers(crm, once=True, names=["sales-forecast"])
        clock.tick(hours=8)

    assert [each.astimezone(SEOUL).day for each in taken(crm)] == days


def test_settings_that_make_no_sense_are_named(open_crm):
    with pytest.raises(ConfigError, match="commit_from"):
        open_crm(own=["sales"], config=Config(plugin={"sales": {"commit_from": 101}}))
    with pytest.raises(ConfigError, match="keep_forecast"):
        open_crm(own=["sales"], config=Config(plugin={"sales": {"keep_forecast": "hour"}}))


# Measuring ------------------------------------------------------------------------------------------------------


def test_accuracy_is_the_distance_to_what_was_won_over_what_was_won(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    clock.set(datetime(2026, 2, 20, tzinfo=UTC))
    with crm.transaction() as tx:
        one = tx.add(company.deal("offer", amount=krw(200), expected_close=date(2026, 3, 10)))
        tx.add(company.deal("offer", amount=krw(100), expected_close=date(2026, 4, 10)))
    kept(crm)
    clock.set(datetime(2026, 3, 5, tzinfo=UTC))
    with crm.transaction() as tx:
        tx.update(one.evolve(amount=krw(9999)))  # later than what March is measured by
    kept(crm)
    with crm.transaction() as tx:
        win(tx, tx.get(Deal, one.id).evolve(amount=krw(250)))
    clock.set(datetime(2026, 5, 5, tzinfo=UTC))
    march, april = accuracy(crm, MARCH, date(2026, 5, 1))

    assert (march.forecast, march.actual, march.error) == (krw(100), krw(250), krw(150))
    assert (april.forecast, april.actual, april.error) == (krw(50), krw(0), krw(50))
    assert april.taken_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert [each.deal_id for each in march.won] == [one.id]
    assert wape([march]) == Decimal("0.6")
    assert wape([march, april]) == Decimal("0.8")
    assert wape([april]) is None


def test_a_month_before_any_forecast_is_in_no_error(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    with crm.transaction() as tx:
        tx.add(company.deal("won", amount=krw(5), closed_at=datetime(2026, 1, 5, tzinfo=UTC)))
    [january] = accuracy(crm, date(2026, 1, 1), date(2026, 2, 1))

    assert (january.taken_at, january.error, january.actual) == (None, None, krw(5))
    assert wape([january]) is None


def test_velocity_is_what_a_pipeline_brings_in_a_day():
    found = velocity(40, Decimal(5000), Decimal("0.25"), Decimal(60))

    assert round(found, 2) == Decimal("833.33")
    assert velocity(1, Decimal(1), Decimal(1), Decimal(0)) is None
