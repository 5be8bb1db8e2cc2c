"""What was published of CDNOW's customers comes out of their 6,919 transactions, and service's median of its log."""

from __future__ import annotations

import csv
import time
from datetime import date, datetime
from pathlib import Path

import attrs
import numpy as np
import pytest
from crmkit_analytical.statistics import bgnbd, gamma_gamma
from crmkit_analytical.statistics.histories import Histories, histories
from crmkit_analytical.statistics.quantiles import nearest_rank
from crmkit_analytical.statistics.survival import survival
from scipy import optimize

assert optimize  # imported before any test is timed

DATA = Path(__file__).parents[4] / "shared" / "data"
END = date(1997, 9, 30).toordinal()

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")


@pytest.fixture(scope="module")
def transactions() -> tuple[list[int], list[int], list[float]]:
    """Of each purchase the customer, the day and the dollars."""
    lines = (DATA / "01_clv" / "CDNOW_sample.txt").read_text().splitlines()
    rows = [line.split() for line in lines]
    return (
        [int(row[1]) for row in rows],
        [datetime.strptime(row[2], "%Y%m%d").toordinal() for row in rows],
        [float(row[4]) for row in rows],
    )


@pytest.fixture(scope="module")
def cdnow(transactions) -> Histories:
    """The 39 weeks of the calibration."""
    return histories(*transactions, until=END)


@pytest.fixture(scope="module")
def cdnow_whole(transactions) -> Histories:
    return histories(*transactions, until=END + 39 * 7)


def test_cdnow_gives_the_published_parameters(cdnow):
    """Fader, Hardie and Lee 2005, table 2: .243, 4.414, .793, 2.426, log-likelihood -9582.4."""
    assert (len(cdnow.x), int((cdnow.x == 0).sum())) == (2357, 1411)
    found = bgnbd.fit(cdnow.x, cdnow.t_x, cdnow.T)
    assert attrs.astuple(found.model) == pytest.approx((0.2426, 4.4135, 0.7929, 2.4258), rel=1e-3)
    assert found.log_likelihood == pytest.approx(-9582.43, abs=0.01)
    assert found.customers == 2357
    again = found.model.log_likelihood(cdnow.x, cdnow.t_x, cdnow.T)
    assert found.log_likelihood == pytest.approx(again, abs=1e-6)
    # Nowhere near is it higher.
    for name in ("r", "alpha", "a", "b"):
        for factor in (0.98, 1.02):
            moved = attrs.evolve(found.model, **{name: getattr(found.model, name) * factor})
            assert moved.log_likelihood(cdnow.x, cdnow.t_x, cdnow.T) < again


def test_cdnow_is_fitted_at_once(cdnow):
    bgnbd.fit(cdnow.x, cdnow.t_x, cdnow.T)
    took = []
    for _ in range(3):
        start = time.process_time()
        bgnbd.fit(cdnow.x, cdnow.t_x, cdnow.T)
        took.append(time.process_time() - start)
    assert min(took) < 0.3


def test_what_is_foretold_of_cdnow_happened(cdnow, cdnow_whole):
    """In the 39 weeks after the calibration. Of all customers together the model is some 12 % low, as published."""
    bought = cdnow_whole.x - cdnow.x
    model = bgnbd.fit(cdnow.x, cdnow.t_x, cdnow.T).model
    expected = model.expected(cdnow.x, cdnow.t_x, cdnow.T, 39)
    low, high = model.interval(cdnow.x, cdnow.t_x, cdnow.T, 39)
    assert (int(bought.sum()), round(float(expected.sum()))) == (1882, 1653)
    assert np.corrcoef(expected, bought)[0, 1] == pytest.approx(0.63, abs=0.02)
    assert 0.95 <= np.mean((low <= bought) & (bought <= high)) <= 0.985


def test_the_gamma_gamma_of_cdnow_is_the_published_one(cdnow):
    """Fader and Hardie 2013: p 6.25, q 3.74, v 15.44, of the repeat purchases of the 946 who bought again."""
    again = cdnow.x > 0
    found = gamma_gamma.fit(cdnow.x[again], cdnow.mean[again])
    assert found.customers == 946
    assert attrs.astuple(found.model) == pytest.approx((6.25, 3.74, 15.44), rel=2e-3)
    assert found.correlation == pytest.approx(0.11, abs=0.005)
    whole = found.model.expected(0, 0)[0]
    assert whole == pytest.approx(6.25 * 15.44 / 2.74, rel=0.01)


def test_the_histories_are_those_of_the_authors_summary(cdnow):
    """It has times to two digits, and mean values, of the same customers in the same order."""
    with (DATA / "01_clv" / "cdnow_customers_summary_with_transactions.csv").open() as file:
        rows = [[float(each) for each in row] for row in list(csv.reader(file))[1:]]
    ids, x, t_x, T, mean = np.array(rows).T
    assert list(cdnow.customers) == list(ids)
    assert list(cdnow.x) == list(x)
    assert cdnow.t_x == pytest.approx(t_x, abs=0.0051)
    assert pytest.approx(T, abs=0.0051) == cdnow.T
    assert cdnow.mean == pytest.approx(mean, abs=0.0051)


def test_every_dollar_is_somewhere(transactions, cdnow_whole):
    assert sum(transactions[2]) == pytest.approx(244_091.94, abs=0.005)
    assert cdnow_whole.total.sum() == pytest.approx(244_091.94, abs=0.005)


def test_the_median_of_a_service_log_counts_what_was_never_resolved():
    """890 incidents of which 29 are open: 60.97 hours; of the 861 that were resolved alone it would be 54.47."""
    with (DATA / "04_tickets" / "uci_incident_first5998.csv").open() as file:
        last = {row["number"]: row for row in csv.DictReader(file)}
    took, is_reached = [], []
    for row in last.values():
        is_reached.append(row["resolved_at"] != "?")
        end = row["resolved_at"] if is_reached[-1] else row["sys_updated_at"]
        start, end = (datetime.strptime(each, "%d-%m-%Y %H:%M") for each in (row["opened_at"], end))
        took.append((end - start).total_seconds() / 3600)
    reached = np.array(is_reached)
    curve = survival(took, reached, ~reached)
    assert (curve.count, reached.sum()) == (890, 861)
    assert curve.quantile(0.5) == pytest.approx(60.97, abs=5e-3)
    assert nearest_rank(np.array(took)[reached], 0.5) == pytest.approx(54.47, abs=5e-3)
    low, high = curve.quantile_interval(0.5)
    assert low < 60.97 < high
