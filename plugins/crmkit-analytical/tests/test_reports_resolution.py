"""How fast tickets are solved: against the folds of service, ticket by ticket, to the last microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType

from crmkit_analytical.report.asking import ask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lives import LIVES, PRIORITIES, Desk, Keep, Life, kinds, of_priority

from crmkit import CRM, Config, Manifest, Restriction, hookimpl, where
from crmkit.testing.fixtures import FakeClock

QUANTILES = {"median": 0.5, "p75": 0.75, "p90": 0.9}
ANY = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def desk_in(crm, clock):
    found = Desk(crm, clock)
    found.promise()
    return found


def in_memory(*plugins, start=datetime(2026, 3, 6, 9, tzinfo=UTC)):
    """Two weeks that hold a holiday, and the day on which New York changes its clocks, before Berlin does."""
    clock = FakeClock(start)
    crm = CRM.open(
        "memory://", plugins=["analytical", "service", *plugins], config=Config(), clock=clock
    )
    return desk_in(crm, clock)


def plainly(reader, since=ANY[0], until=ANY[1], keep: Keep = lambda ticket: True):
    """The same figures by service's own folds: (metric, quantile) -> a row."""
    from crmkit_operational.service.reporting import Measured, measure
    from crmkit_operational.service.survival import survival

    kept = {each.id for each in reader.find(kinds.Ticket) if keep(each)}
    rows = {}
    for whole in measure(reader, since, until):
        found = Measured(whole.metric, tuple(each for each in whole.spans if each.ticket in kept))
        if not found.spans:
            continue
        curve = list(survival((each.wall, each.how == "done") for each in found.spans))
        for name, share in QUANTILES.items():
            reached = (length for length, chance in curve if chance <= 1 - share + 1e-12)
            rows[found.metric, name] = {
                "calendar": found.quantile(share),
                "business": found.quantile(share, business=True),
                "with_open": next(reached, None),
                "done": len(found.done),
                "open": len(found.open),
                "never": len(found.cancelled),
            }
    return rows


def told(answer, group=None):
    """The rows of an answer as `plainly` has them."""
    bare = ("group", "metric", "quantile", "low", "high")
    return {
        (str(row["metric"]), str(row["quantile"])): {
            name: value for name, value in row.items() if name not in bare
        }
        for row in answer.rows
        if row.get("group") == group
    }


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(lives=LIVES, days=st.integers(0, 40), is_open=st.booleans())
def test_every_figure_is_that_of_the_folds_of_service(lives, days, is_open):
    """In every group, and of the tickets opened in a window: its beginning counts, its end does not."""
    desk = in_memory()
    desk.live(lives)
    opened = [each.opened_at for each in desk.crm.find(kinds.Ticket, order="opened_at")]
    since, until = opened[1], opened[1] + timedelta(days=days, microseconds=1)
    until = opened[-1] if opened[-1] > since and is_open else until

    grouped = ask(desk.crm, "resolution-speed", by="priority")
    for each in PRIORITIES:
        assert told(grouped, each) == plainly(desk.crm, keep=of_priority(each))
    found = ask(desk.crm, "resolution-speed", since=since, until=until)
    assert told(found) == plainly(desk.crm, since, until)


LIFE = Life(timedelta(hours=3), "high", None, 0, [(timedelta(hours=20), "solved")], ())


def test_it_is_the_same_on_every_storage_and_after_changes(open_crm, clock):
    crm = open_crm(own=["analytical", "service"])
    desk = desk_in(crm, clock)
    desk.live([LIFE])
    assert told(ask(crm, "resolution-speed")) == plainly(crm)

    [ticket] = crm.find(kinds.Ticket)
    clock.tick(days=1)
    desk.happen(ticket.id, "open")
    unsolved = Life(timedelta(hours=30), "urgent", "환불", 1, [(timedelta(hours=2), "reply")], ())
    desk.live([unsolved])

    assert told(ask(crm, "resolution-speed")) == plainly(crm)
    assert plainly(crm)["resolution", "median"]["open"] == 2


def test_hidden_tickets_are_in_no_figure_and_no_id():
    hiding = ModuleType("hiding")
    hiding.manifest = Manifest(name="hiding")

    @hookimpl
    def crm_restrict(crm, actor, kind):
        if kind == "ticket" and actor.id == "kim":
            return Restriction(conditions=[where.priority != "urgent"])
        return None

    hiding.crm_restrict = crm_restrict
    desk = in_memory(hiding)
    desk.live([LIFE, Life(timedelta(hours=50), "urgent", None, 1, (), ())])
    kim = desk.crm.acting("kim")
    [hidden] = desk.crm.find(kinds.Ticket, where.priority == "urgent")

    for name in ("resolution-speed", "resolution-effectiveness"):
        answer = ask(desk.crm, name, reader=kim, by="priority")
        assert {row["group"] for row in answer.rows} == {"high"}
        assert answer.explained.total == 1
        assert hidden.id not in str(answer)
        assert hidden.id in str(ask(desk.crm, name))
    assert told(ask(desk.crm, "resolution-speed", reader=kim)) == plainly(kim)


def test_every_figure_names_its_tickets():
    desk = in_memory()
    desk.live([LIFE, Life(timedelta(hours=1), "low", None, None, (), ())])
    solved, unsolved = (each.id for each in desk.crm.find(kinds.Ticket, order="opened_at"))

    ids = ask(desk.crm, "resolution-speed").explained.ids
    assert ids["resolution"] == tuple(sorted((solved, unsolved)))
    assert ids["resolution, open"] == (unsolved,)
    assert ids["first_response, never"] == (solved,)
    grouped = ask(desk.crm, "resolution-speed", by="assignee").explained.ids
    assert grouped["–: resolution"] == ids["resolution"]


def test_a_ticket_without_events_is_left_out_and_named():
    desk = in_memory()
    desk.live([LIFE])
    with desk.crm.transaction() as tx:
        tx.delete_all(list(tx.find(kinds.MetricEvent, where.metric == "agent_work")))

    explained = ask(desk.crm, "resolution-speed").explained
    [left_out] = explained.excluded
    assert left_out.reason == "agent_work: nothing says that it ever began"
    assert left_out.ids == tuple(each.id for each in desk.crm.find(kinds.Ticket))
    assert explained.parameters["with_calendar"] == 1


def test_it_concludes_nothing_from_too_little():
    desk = in_memory()
    desk.live([LIFE])

    few, enough = ask(desk.crm, "resolution-speed"), ask(desk.crm, "resolution-speed", least=1)
    assert not few.is_enough
    assert few.sentence == (
        "Only 1 tickets were opened at any time; from 20 on this says how long they take."
    )
    assert enough.is_enough
    assert "half are solved within 20 h 0 min" in enough.sentence
    with_since = ask(desk.crm, "resolution-speed", since=desk.crm.now() + timedelta(days=1))
    assert with_since.rows == ()
    assert "opened from 2026-03-08 17:00 on" in with_since.sentence


def test_groups_are_compared_by_their_intervals():
    desk = in_memory()
    quick, slow = timedelta(minutes=10), timedelta(days=3)
    lives = [
        Life(
            timedelta(), priority, None, None, [(wait + step * timedelta(minutes=1), "solved")], ()
        )
        for priority, wait in (("high", quick), ("low", slow))
        for step in range(8)
    ]
    desk.live(lives)

    apart = ask(desk.crm, "resolution-speed", by="priority", least=8).sentence
    assert "high is the quickest (13 min), low the slowest (72 h 3 min)" in apart
    assert "do not meet" in apart
    assert "quickest" not in ask(desk.crm, "resolution-speed", by="priority", least=9).sentence


def test_the_curve_falls_from_all_to_those_that_are_left():
    desk = in_memory()
    desk.live([LIFE, Life(timedelta(hours=1), "low", None, None, (), ())])

    chart = ask(desk.crm, "resolution-speed").chart
    points = [row for row in chart.rows if row["metric"] == "resolution"]
    assert [(row["time"], row["left"]) for row in points] == [
        (timedelta(), 1.0),
        (timedelta(hours=20), 0.0),
        (timedelta(hours=20), 0.0),
    ]


def test_what_was_said_before_it_was_cancelled_ran_until_then():
    """Paused, cancelled and reached: it ran until it was reached; reached first, a later word does not cancel it."""
    desk = in_memory()
    hour = timedelta(hours=1)
    ends = {
        ("pause", "cancel", "fulfill"): 3 * hour,
        ("pause", "fulfill", "cancel"): hour,
        ("pause", "cancel"): None,
    }
    for types, length in ends.items():
        desk.live([Life(hour, "normal", "-".join(types), None, (), ())])
        [ticket] = desk.crm.find(kinds.Ticket, where.topic == "-".join(types))
        with desk.crm.transaction() as tx:
            tx.add_all(
                kinds.MetricEvent(
                    ticket_id=ticket.id,
                    metric="agent_work",
                    type=type,
                    at=desk.crm.now() + n * hour,
                )
                for n, type in enumerate(types, 1)
            )
        desk.clock.tick(days=1)
        rows = told(ask(desk.crm, "resolution-speed", by="topic"), "-".join(types))
        assert rows["agent_work", "median"]["calendar"] == length
    assert told(ask(desk.crm, "resolution-speed")) == plainly(desk.crm)
