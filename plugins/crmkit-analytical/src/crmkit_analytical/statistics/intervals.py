"""How far an estimate may be off: intervals for shares and means; that of a survival curve stands with the curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from crmkit_analytical.statistics.refusing import refuse_unless

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


__all__ = ["Z95", "bootstrap_mean", "net_share", "t_mean", "wilson"]

Z95 = 1.959963984540054
"""The normal quantile of 0.975: two-sided 95 %."""

DRAWN_AT_ONCE = 4_000_000
"""How many indices of a bootstrap are held in memory: 32 MB."""


def wilson(hits: float, of: float, z: float = Z95) -> tuple[float, float]:
    """The score interval of a share, (low, high) within 0 to 1; of nothing it is (0, 1): all is possible.

    (h + z²/2 ∓ z √(h (n - h) / n + z²/4)) / (n + z²) (Wilson 1927). It always holds hits / of. InputError unless
    0 <= hits <= of.
    """
    refuse_unless(0 <= hits <= of, f"{hits} of {of} is no share; hits are among those counted")
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, z * z
    centre = (hits + square / 2) / (of + square)
    half = z * math.sqrt(hits * (of - hits) / of + square / 4) / (of + square)
    # At no hits, and at nothing but hits, the bound is the share itself: rounding must not move it.
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def net_share(
    promoters: float, detractors: float, of: float, z: float = Z95
) -> tuple[float, float, float]:
    """The net promoter score as a share of -1 to 1, and its interval: (net, low, high).

    p₊ - p₋ ∓ z √((p₊ + p₋ - (p₊ - p₋)²) / n), the normal interval of a mean of +1, 0 and -1, cut at -1 and 1.
    InputError if nobody answered or more than answered are counted.
    """
    refuse_unless(of > 0, "nobody answered; there is no score")
    refuse_unless(
        promoters >= 0 and detractors >= 0 and promoters + detractors <= of,
        f"{promoters} promoters and {detractors} detractors are not among {of}; count each once",
    )
    net = (promoters - detractors) / of
    half = z * math.sqrt(max(0.0, (promoters + detractors) / of - net * net) / of)
    return net, max(-1.0, net - half), min(1.0, net + half)


def t_mean(values: ArrayLike, level: float = 0.95) -> tuple[float, float] | None:
    """Student's interval of a mean, in the unit of the values: mean ∓ t s / √n with n - 1 degrees; None of fewer than 2.

    It holds for few values if they are roughly normal, and for many of any kind. InputError unless 0 < level < 1.
    """
    from scipy.special import stdtrit

    from crmkit_analytical.statistics.arrays import floats

    refuse_unless(0 < level < 1, f"a level of {level}; it lies between 0 and 1")
    (known,) = floats(values)
    if len(known) < 2:
        return None
    mean = float(known.mean())
    error = float(known.std(ddof=1)) / math.sqrt(len(known))
    half = float(stdtrit(len(known) - 1, (1 + level) / 2)) * error
    return mean - half, mean + half


def bootstrap_mean(
    values: ArrayLike, level: float = 0.95, seed: int = 0, rounds: int = 2000
) -> tuple[float, float] | None:
    """The percentile interval of a mean: quantiles of the means of `rounds` samples with replacement; None of fewer than 2.

    Efron 1979. It is in the unit of the values, skewed as they are, and the same for the same seed. Of fewer than
    about 20 values it is too narrow: `t_mean` is the more careful one. InputError unless 0 < level < 1 and rounds > 0.
    """
    import numpy as np

    from crmkit_analytical.statistics.arrays import floats

    refuse_unless(0 < level < 1, f"a level of {level}; it lies between 0 and 1")
    refuse_unless(rounds > 0, f"{rounds} rounds; draw at least one")
    (known,) = floats(values)
    if len(known) < 2:
        return None
    draw, means = np.random.default_rng(seed), np.empty(rounds)
    step = max(1, DRAWN_AT_ONCE // len(known))
    for start in range(0, rounds, step):
        size = (min(step, rounds - start), len(known))
        means[start : start + step] = known[draw.integers(len(known), size=size)].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
