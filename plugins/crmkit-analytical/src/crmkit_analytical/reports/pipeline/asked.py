"""What the report asks of the engine: each a few rows, whatever number of deals there are, and ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from crmkit_analytical.report.asking import naive
from crmkit_analytical.reports.pipeline.ladder import Ladder

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["BITS", "Asked", "Found", "places"]

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
        bits = [1 << rung.place % BITS if rung.place // BITS == word else 0 for _, rung in stages]
        columns[f"bit_{word}"] = pa.array(bits, pa.int64())
    return ibis.memtable(pa.table(columns))


@attrs.frozen(slots=False)
class Asked:
    """The tables that are asked, each named once: to look one up takes Ibis as long as a small answer."""

    ask: Ask
    places: Any

    @cached_property
    def deal(self) -> Any:
        """The deals."""
        return self.ask.table("deal")

    @cached_property
    def placed(self) -> Any:
        """The deals with what is known of the stages where they are now."""
        return self.deal.inner_join(self.places, "stage_id")

    @cached_property
    def opened(self) -> Any:
        """Those opened in the window."""
        return self.deal.filter(self.ask.within(self.deal.opened_at)).select("id", "stage_id")

    @cached_property
    def moves(self) -> Any:
        """The changes by which deals came into a stage or went; of other fields, which other reports want, they are none."""
        past = self.ask.history("deal")
        is_move = past.action.isin(["insert", "delete"]) | past.stage_id__after.notnull()
        return past.filter(is_move).select(
            "id",
            "position",
            "action",
            "effective",
            before=past.stage_id__before,
            after=past.stage_id__after,
        )

    # Now and in the window --------------------------------------------------------------------------------------

    def standing(self) -> Found:
        """The deals that are open, and those closed in the window or nobody knows when, with ids.

        By stage, currency, `is_dated`, and `rest`, the amount modulo 100: what is below a hundredth of an amount is
        all that is ever rounded, so deals with the same rest are weighted together and yet each by itself.
        """
        deal = self.placed
        is_open = deal.category == "open"
        counted = deal.filter(is_open | deal.closed_at.isnull() | self.ask.within(deal.closed_at))
        keys = {
            "stage_id": counted.stage_id,
            "currency": counted.amount__currency,
            "is_dated": counted.closed_at.notnull(),
            "rest": counted.amount % 100,
        }
        groups = counted.group_by(**keys).agg(
            minor=counted.amount.sum(), count=counted.id.count(), ids=counted.id.collect()
        )
        return self.ask.rows(groups)

    def cycles(self) -> Found:
        """Of each pipeline the median of microseconds from opened to won, and the ids of those won before they were."""
        deal = self.placed
        won = deal.filter(deal.category == "won", self.ask.within(deal.closed_at))
        length = won.closed_at.delta(won.opened_at, unit="microsecond")
        groups = won.group_by("way").agg(
            median=length.median(where=length >= 0), ids=won.id.collect(where=length < 0)
        )
        return self.ask.rows(groups)

    # Of the deals opened in the window --------------------------------------------------------------------------

    def been(self) -> Found:
        """In which stages deals were: by `way`, the set of stages (`been_0` ...), and whether they are open in it; ids.

        Every stage of a deal but the one where it is was left, and is the `before` of that change. A `way` of None is
        of stages that are gone, or that may not be seen.
        """
        moves, places = self.moves, self.places
        left = moves.filter(moves.before.notnull()).semi_join(self.opened, "id")
        were = left.select("id", stage_id=left.before, is_now=False)
        are = self.opened.select("id", "stage_id", is_now=True)
        stays = were.union(are).left_join(places, "stage_id")
        words = [name.removeprefix("bit_") for name in places.columns if name.startswith("bit_")]
        deals = stays.group_by("id", "way").agg(
            is_open=(stays.is_now & (stays.category == "open")).any(),
            **{f"been_{word}": stays[f"bit_{word}"].bit_or() for word in words},
        )
        names = ["way", "is_open", *(f"been_{word}" for word in words)]
        return self.ask.rows(deals.group_by(*names).agg(ids=deals.id.collect()))

    def lengths(self) -> Found:
        """How long stays lasted: by `stage_id`, whole `hours`, and whether they are `done`, how many; and of each
        stage's stays that are done the `median` in microseconds. They are those of operational's `stays`.
        """
        import ibis

        entries = self._entries()
        end = ibis.coalesce(entries.end, naive(self.ask.now))
        timed = entries.select(
            "stage_id",
            done=entries.end.notnull(),
            length=end.delta(entries.begin, unit="microsecond"),
        )
        timed = timed.filter(timed.length >= 0)
        medians = (
            timed.filter(timed.done).group_by("stage_id").agg(median=lambda t: t.length.median())
        )
        counts = timed.group_by("stage_id", "done", hours=timed.length // HOUR).agg(
            count=lambda t: t.count()
        )
        return self.ask.rows(counts.left_join(medians, "stage_id").drop("stage_id_right"))

    def _entries(self) -> Any:
        """The stays of which is known when they began: `stage_id`, `begin` and `end`, None while it lasts."""
        import ibis

        told = self.moves.inner_join(self.opened, "id")
        # What was recorded later is believed: nothing that was recorded before it begins, or ends, behind it.
        later = {"group_by": told.id, "order_by": told.position.desc()}
        found = told.before.lag(1).over(**later)
        entries = told.select(
            # What an insert made of the stage is what the next change found, or what it is now. A delete made nothing.
            stage_id=ibis.ifelse(
                told.action == "insert", ibis.coalesce(found, told.stage_id), told.after
            ),
            begin=told.effective.min().over(rows=(None, 0), **later),
            end=told.effective.min().over(rows=(None, -1), **later),
        )
        return entries.filter(entries.stage_id.notnull())

    # What is not counted ----------------------------------------------------------------------------------------

    def unknown_begins(self) -> set[str]:
        """The deals whose first stay began before the journal does: no change of it has added them."""
        added = self.moves.filter(self.moves.action == "insert")
        unknown = self.opened.anti_join(added, "id").select("id")
        return {*self.ask.arrow(unknown)["id"].to_pylist()}

    def deleted(self) -> Found:
        """The deals that are no more, by the stage in which they were last; who is restricted is told of none."""
        ends = self.moves.filter(self.moves.action == "delete")
        gone = ends.anti_join(self.deal, "id")
        return self.ask.rows(gone.group_by(stage_id=gone.before).agg(ids=gone.id.collect()))
