"""What the report asks of the engine: each a few rows, whatever number of deals there are, and ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from crmkit_analytical.report.asking import naive
from crmkit_analytical.reports.pipeline.ladder import Ladder

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["HOUR", "been", "cycles", "deleted", "lengths", "places", "standing", "unknown_begins"]

Found: TypeAlias = Sequence[Mapping[str, Any]]

HOUR = 3_600_000_000
"""In microseconds."""

BITS = 62
"""So many stages of a pipeline fit into one whole number that every database has."""


def places(found: Sequence[Ladder]) -> Any:
    """Of each stage `stage_id`, the number `way` of its pipeline, `category`, and its bit in one of `bit_0`, `bit_1` ..."""
    import ibis
    import pyarrow as pa

    stages = [(way, rung) for way, each in enumerate(found) for rung in each.rungs]
    columns = {
        "stage_id": pa.array([rung.id for _, rung in stages], pa.string()),
        "way": pa.array([way for way, _ in stages], pa.int64()),
        "category": pa.array([rung.category for _, rung in stages], pa.string()),
    }
    words = max((rung.place for _, rung in stages), default=0) // BITS + 1
    for word in range(words):
        bits = [
            1 << rung.place % BITS if rung.place // BITS == word else 0 for _, rung in stages
        ]
        columns[f"bit_{word}"] = pa.array(bits, pa.int64())
    return ibis.memtable(pa.table(columns))


def standing(ask: Ask, places: Any) -> Found:
    """The deals that are open, and those closed in the window or nobody knows when, with ids.

    By stage, currency, `is_dated`, and `rest`, the amount modulo 100: what is below a hundredth of an amount is all
    that is ever rounded, so deals with the same rest are weighted together and yet each by itself.
    """
    deal = ask.table("deal").inner_join(places, "stage_id")
    is_open = deal.category == "open"
    counted = deal.filter(is_open | deal.closed_at.isnull() | ask.within(deal.closed_at))
    keys = {
        "stage_id": counted.stage_id,
        "currency": counted.amount__currency,
        "is_dated": counted.closed_at.notnull(),
        "rest": counted.amount % 100,
    }
    groups = counted.group_by(**keys).agg(
        minor=counted.amount.sum(), count=counted.id.count(), ids=counted.id.collect()
    )
    return ask.rows(groups)


def cycles(ask: Ask, places: Any) -> Found:
    """Of each pipeline the median of microseconds from opened to won, and how many were won before they were opened."""
    deal = ask.table("deal").inner_join(places, "stage_id")
    won = deal.filter(deal.category == "won", ask.within(deal.closed_at))
    timed = won.mutate(length=won.closed_at.delta(won.opened_at, unit="microsecond"))
    is_known = timed.length >= 0
    groups = timed.group_by("way").agg(
        median=timed.length.median(where=is_known),
        ids=timed.id.collect(where=~is_known),
    )
    return ask.rows(groups)


# Of the deals opened in the window ------------------------------------------------------------------------------


def _opened(ask: Ask) -> Any:
    deal = ask.table("deal")
    return deal.filter(ask.within(deal.opened_at)).select("id", "stage_id")


def _moves(ask: Ask) -> Any:
    """The changes by which a deal came into a stage or went; those of other fields, which other reports want, are none."""
    past = ask.history("deal")
    is_move = past.action.isin(["insert", "delete"]) | past.stage_id__after.notnull()
    return past.filter(is_move).select(
        "id",
        "position",
        "action",
        "effective",
        before=past.stage_id__before,
        after=past.stage_id__after,
    )


def been(ask: Ask, places: Any) -> Found:
    """In which stages deals were: by `way`, the set of stages (`been_0` ...), and whether they are open in it now; ids.

    Every stage of a deal but the one where it is was left, and is the `before` of that change. A `way` of None is of
    stages that are gone, or that may not be seen.
    """
    opened, moves = _opened(ask), _moves(ask)
    left = moves.filter(moves.before.notnull()).semi_join(opened, "id")
    were = left.select("id", stage_id=left.before, is_now=False)
    are = opened.select("id", "stage_id", is_now=True)
    stays = were.union(are).left_join(places, "stage_id")
    words = [name.removeprefix("bit_") for name in places.columns if name.startswith("bit_")]
    deals = stays.group_by("id", "way").agg(
        is_open=(stays.is_now & (stays.category == "open")).any(),
        **{f"been_{word}": stays[f"bit_{word}"].bit_or() for word in words},
    )
    names = ["way", "is_open", *(f"been_{word}" for word in words)]
    return ask.rows(deals.group_by(*names).agg(ids=deals.id.collect()))


def lengths(ask: Ask) -> Found:
    """How long stays lasted: by `stage_id`, whole `hours`, and whether they are `done`, how many; and of each stage's
    stays that are done the `median` in microseconds. The same stays as `crmkit_operational.sales.history.stays` tells.
    """
    import ibis

    opened, moves = _opened(ask), _moves(ask)
    told = moves.inner_join(opened, "id")
    # What was recorded later is believed: nothing that was recorded before it begins, or ends, behind it.
    later = {"group_by": told.id, "order_by": told.position.desc(), "preceding": None}
    after = told.before.lag(1).over(group_by=told.id, order_by=told.position.desc())
    entries = told.select(
        stage_id=ibis.cases(
            # What an insert made of the stage is what the next change found, or what it is now.
            (told.action == "insert", ibis.coalesce(after, told.stage_id)),
            (told.action == "delete", ibis.null("string")),
            else_=told.after,
        ),
        begin=told.effective.min().over(ibis.window(**later, following=0)),
        end=told.effective.min().over(ibis.window(**{**later, "preceding": (None, 1)})),
    )
    entries = entries.filter(entries.stage_id.notnull())
    timed = entries.select(
        "stage_id",
        done=entries.end.notnull(),
        length=ibis.coalesce(entries.end, naive(ask.now)).delta(entries.begin, unit="microsecond"),
    )
    timed = timed.filter(timed.length >= 0)
    medians = timed.filter(timed.done).group_by("stage_id").agg(median=lambda t: t.length.median())
    counts = timed.group_by("stage_id", "done", hours=timed.length // HOUR).agg(
        count=lambda t: t.count()
    )
    return ask.rows(counts.left_join(medians, "stage_id").drop("stage_id_right"))


def unknown_begins(ask: Ask) -> tuple[str, ...]:
    """The deals whose first stay began before the journal does: no change of it has added them."""
    opened, moves = _opened(ask), _moves(ask)
    unknown = opened.anti_join(moves.filter(moves.action == "insert"), "id")
    return tuple(sorted(each["id"] for each in ask.rows(unknown.select("id"))))


def deleted(ask: Ask) -> Found:
    """The deals that are no more, by the stage in which they were last seen; nobody who is restricted is told of them."""
    moves = _moves(ask)
    gone = moves.filter(moves.action == "delete").anti_join(ask.table("deal"), "id")
    return ask.rows(gone.group_by(stage_id=gone.before).agg(ids=gone.id.collect()))
