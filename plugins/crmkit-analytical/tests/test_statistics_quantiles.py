"""Nearest rank, against the same quantile of service and a plain list."""

from __future__ import annotations

import math
from datetime import timedelta
from statistics import median

import pytest
from crmkit_analytical.statistics.quantiles import nearest_rank
from crmkit_analytical.statistics.refusing import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

LAW = settings(max_examples=40, deadline=None)

GROUPS = st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 9)), max_size=15)
SHARES = st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0])


@LAW
@given(GROUPS, SHARES)
def test_grouped_counts_give_what_a_plain_list_gives(groups, share):
    plain = sorted(value for value, many in groups for _ in range(many))
    found = nearest_rank([v for v, _ in groups], share, [many for _, many in groups])
    assert found == nearest_rank(plain, share)
    if not plain:
        assert found is None
    elif share == 0.5:
        assert found == median(plain)
    else:
        assert found == plain[max(math.ceil(share * len(plain)), 1) - 1]


@LAW
@given(st.lists(st.integers(0, 10_000), max_size=40), SHARES)
def test_it_is_the_quantile_of_service(seconds, share):
    service = pytest.importorskip("crmkit_operational.service.reporting")
    found = service.nearest_rank([timedelta(seconds=each) for each in seconds], share)
    assert nearest_rank(seconds, share) == (None if found is None else found.total_seconds())


def test_what_has_no_rank_is_refused():
    with pytest.raises(InputError, match="share"):
        nearest_rank([1], 1.1)
    with pytest.raises(InputError, match="negative"):
        nearest_rank([1], 0.5, [-1])
    with pytest.raises(InputError, match="for 2 rows"):
        nearest_rank([1, 2], 0.5, [1])
