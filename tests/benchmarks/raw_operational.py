"""What a careful person would write by hand for a desk and a pipeline: the same rules, no more than they need read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crmkit_operational.routing.queue import LEVELS, NEVER, TOP, step
from crmkit_operational.sales.kinds import Deal, Stage

from crmkit import new_id
from crmkit.values import format_time
from tests.benchmarks.raw import PAGE, Put, Raw, Work

__all__ = ["RawDesk"]

BASE = ("id", "version", "created_at", "updated_at")
DEAL = (
    *BASE, "customer_id", "title", "stage_id", "amount", "amount__currency", "owner", "opened_at", "expected_close",
    "next_step", "lost_note",
)  # fmt: skip
TICKET = (
    *BASE, "customer_id", "subject", "body", "state", "priority", "channel", "skills", "excluded", "thread",
    "opened_at", "state_since", "unsolved", "queued_at", "queue_key", "policy_id", "first_response_due", "resolution_due",
)  # fmt: skip
EVENT = (*BASE, "ticket_id", "customer_id", "metric", "instance", "type", "at", "due")
DECISION = (
    *BASE, "ticket_id", "customer_id", "at", "outcome", "agent", "strategy", "reason", "candidates",
)  # fmt: skip
STARTED = ("first_response", "resolution", "requester_wait", "agent_work")
POLICY = "id, priorities, topics, channels, teams, tags, calendar_id, first_response, resolution"
COLUMN = 11
"""One more than a column of the board shows."""


class RawDesk:
    """The work of each row with one connection of the plain driver."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.nulls = " NULLS FIRST" if raw.mark == "%s" else ""
        searched = {"deal": ("lost_note", "next_step", "title"), "ticket": ("body", "subject")}
        columns = {
            "deal": DEAL,
            "ticket": TICKET,
            "metric_event": EVENT,
            "routing_decision": DECISION,
        }
        self.into = {
            table: raw.into(table, names, searched.get(table, ()))
            for table, names in columns.items()
        }

    # Reading ---------------------------------------------------------------------------------------------------

    def _pages(
        self, select: str, order: Sequence[str], values: Sequence[Any], down: bool = False
    ) -> Work:
        """The first page and the one behind it."""
        raw, way = self.raw, " DESC" if down else ""
        # A page down ends with what has no value, which is last there by itself only in SQLite.
        nulls = self.nulls.replace("FIRST", "LAST") if down else self.nulls
        by = "ORDER BY " + ", ".join(f"{name}{way}{nulls}" for name in order) + f", id{way}"
        last, marks = ", ".join([*order, "id"]), ", ".join([raw.mark] * (len(order) + 1))
        behind = f"({last}) {'<' if down else '>'} ({marks})"
        first, more = (f"{select}{each} {by} LIMIT {PAGE}" for each in ("", f" AND {behind}"))
        names = raw.fields(select.split(" FROM ")[1].split()[0])
        places, execute = [names.index(name) for name in (*order, "id")], raw.execute

        def pages(batch: Sequence[Any]) -> list[Any]:
            found = []
            for given in batch:
                own = [*values, *([given] if given is not None else [])]
                found = execute(first, own).fetchall()[: PAGE - 1]
                found += execute(more, [*own, *(found[-1][each] for each in places)]).fetchall()
            return found

        return pages

    def queue(self) -> Work:
        select = f"SELECT {self.raw.selected('ticket')} FROM ticket WHERE queue_key IS NOT NULL"
        return self._pages(select, ("queue_key",), ())

    def board_page(self) -> Work:
        select = f"SELECT {self.raw.selected('deal')} FROM deal WHERE stage_id = {self.raw.mark}"
        return self._pages(select, ("amount__currency", "amount"), (), down=True)

    def board_tickets(self) -> Work:
        sql, execute = (
            "SELECT state, priority, count(*) FROM ticket GROUP BY 1, 2",
            self.raw.execute,
        )

        def board(batch: Sequence[Any]) -> None:
            for _ in batch:
                execute(sql).fetchall()

        return board

    def board(self) -> Work:
        """Counts and sums, the first of each stage, and when each of the open ones rots."""
        raw, mark = self.raw, self.raw.mark
        stages = f"SELECT {raw.selected('stage')} FROM stage WHERE pipeline_id = {mark} ORDER BY position, id"
        sums = "SELECT stage_id, amount__currency, count(*), sum(amount) FROM deal WHERE stage_id IN ({}) GROUP BY 1, 2"
        page = (
            f"SELECT {raw.selected('deal')} FROM deal WHERE stage_id = {mark} "
            f"ORDER BY expected_close{self.nulls}, id LIMIT {COLUMN}"
        )
        id, customer = (raw.fields("deal").index(name) for name in ("id", "customer_id"))

        def board(batch: Sequence[Any]) -> None:
            for _ in batch:
                [(pipeline,)] = raw.execute("SELECT id FROM pipeline LIMIT 2").fetchall()
                found = raw.execute(stages, (pipeline,)).fetchall()
                ids = [row[0] for row in found]
                raw.execute(sums.format(self._marks(ids)), ids).fetchall()
                shown = [raw.execute(page, (each,)).fetchall()[: COLUMN - 1] for each in ids]
                going = [row for rows in shown[:-2] for row in rows]
                self._rotting([row[id] for row in going], [row[customer] for row in going])

        return board

    def _rotting(self, ids: Sequence[str], customers: Sequence[str]) -> None:
        """The last that a person did with each of these deals: their changes, and the contacts since."""
        execute, mark = self.raw.execute, self.raw.mark
        # One look-up each, as the index of the journal has it, or the database reads it whole.
        changes = f"SELECT effective, action, actor, actor_type, delta FROM crm_journal WHERE kind = 'deal' AND id = {mark}"
        last = {}
        for id in ids:
            for at, action, actor, type, delta in execute(changes, (id,)).fetchall():
                if action == "insert" or "stage_id" in json.loads(delta) or type == "person":
                    last[id] = at, actor
        contacts = (
            f"SELECT {self.raw.selected('interaction')} FROM interaction "
            f"WHERE customer_id IN ({self._marks(customers)}) AND happened_at > {mark} AND happened_at <= {mark}"
        )
        since = min(at for at, _ in last.values())
        execute(contacts, (*customers, since, self.raw.kept(datetime.now(UTC)))).fetchall()

    def _marks(self, values: Sequence[Any]) -> str:
        return ", ".join([self.raw.mark] * len(values))

    # Writing ---------------------------------------------------------------------------------------------------

    def _new(
        self,
        table: str,
        transaction: str,
        at: Any,
        id: str,
        values: Sequence[Any],
        texts: tuple[str, ...] = (),
    ) -> Put:
        sql, index = self.into[table]
        change = self.raw.change(transaction, table, id, 1, "insert", at, None)
        return Put(sql, (id, 1, at, at, *values), change, index, texts)

    def _changed(
        self,
        table: str,
        transaction: str,
        at: Any,
        record: Any,
        values: Mapping[str, Any],
        delta: Mapping[str, Any],
    ) -> Put:
        """An update of what is still as it was read; `record` is its id and version."""
        id, version = record
        mark = self.raw.mark
        names = ", ".join(f"{name} = {mark}" for name in ("version", "updated_at", *values))
        sql = f"UPDATE {table} SET {names} WHERE id = {mark} AND version = {mark}"
        own = (version + 1, at, *values.values(), id, version)
        text = json.dumps(delta, ensure_ascii=False)
        change = self.raw.change(transaction, table, id, version + 1, "update", at, text)
        return Put(sql, own, change, is_new=False)

    def deal_create(self) -> Work:
        raw = self.raw
        stage = f"SELECT category, required FROM stage WHERE id = {raw.mark}"

        def create(batch: Sequence[Mapping[str, Any]]) -> None:
            for given in batch:
                at, amount = raw.kept(datetime.now(UTC)), given["amount"]
                closes = given["expected_close"]
                assert given["title"].strip()
                assert amount.minor >= 0
                values = (
                    given["customer_id"], given["title"], given["stage_id"], amount.minor, amount.currency,
                    given["owner"], raw.kept(given["opened_at"]), closes.isoformat(), given["next_step"], "",
                )  # fmt: skip
                texts = ("", given["next_step"], given["title"])
                puts = [self._new("deal", new_id(), at, new_id(), values, texts)]
                [[(category, required)]] = raw.put(puts, (stage, (given["stage_id"],)))
                assert category == "open"
                assert all(given[name] for name in json.loads(required))
                raw.commit(puts)

        return create

    def deal_move(self) -> Work:
        raw = self.raw
        sql = f"SELECT id, category, required, allowed_next FROM stage WHERE id IN ({raw.mark}, {raw.mark})"

        def move(pairs: Sequence[tuple[Deal, Stage]]) -> None:
            for deal, stage in pairs:
                at, delta = raw.kept(datetime.now(UTC)), {"stage_id": [deal.stage_id, stage.id]}
                record, values = (deal.id, deal.version), {"stage_id": stage.id}
                puts = [self._changed("deal", new_id(), at, record, values, delta)]
                [rows] = raw.put(puts, (sql, (deal.stage_id, stage.id)))
                found = {id: rest for id, *rest in rows}
                allowed = json.loads(found[deal.stage_id][2])
                assert not allowed or stage.id in allowed
                assert found[stage.id][0] == "open"
                assert all(deal[name] for name in json.loads(found[stage.id][1]))
                raw.commit(puts)

        return move

    def ticket_create(self) -> Work:
        raw = self.raw
        policies = f"SELECT {POLICY} FROM policy ORDER BY position"
        tags = f"SELECT tags FROM customer WHERE id = {raw.mark}"

        def create(batch: Sequence[Mapping[str, Any]]) -> None:
            for values in batch:
                rows, [(of_customer,)] = raw.read((policies, ()), (tags, (values["customer_id"],)))
                policy = next(row for row in rows if _matches(row, values, of_customer))
                puts = list(self._opened(values, policy))
                raw.put(puts)
                raw.commit(puts)

        return create

    def _opened(self, values: Mapping[str, Any], policy: Sequence[Any]) -> Iterator[Put]:
        """A ticket, its metric events, and what was promised."""
        raw, now, id, transaction = self.raw, datetime.now(UTC), new_id(), new_id()
        minutes = dict(zip(("first_response", "resolution"), policy[-2:], strict=True))
        due = {name: now + timedelta(minutes=each) for name, each in minutes.items() if each}
        at, customer, skills = raw.kept(now), values["customer_id"], json.dumps(values["skills"])
        until = format_time(min(due.values())) if due else NEVER
        place = (
            f"{step(now, 1440) + TOP - LEVELS[values['priority']]:010d} {until} {format_time(now)}"
        )
        yield self._new(
            "ticket", transaction, at, id,
            (
                customer, values["subject"], values["body"], "new", values["priority"], values["channel"], skills,
                "[]", new_id(), at, at, False, at, place, policy[0],
                *(raw.kept(due[name]) if name in due else None for name in minutes),
            ),
            (values["body"], values["subject"]),
        )  # fmt: skip
        events = [(name, "activate", None) for name in STARTED]
        events += [(name, "apply_sla", raw.kept(moment)) for name, moment in due.items()]
        for name, type, promised in events:
            own = (id, customer, name, 1, type, at, promised)
            yield self._new("metric_event", transaction, at, new_id(), own)

    def claim(self) -> Work:
        raw, mark = self.raw, self.raw.mark
        waiting = (
            "SELECT id, version, customer_id, skills, team, channel, excluded, queued_at, queue_key FROM ticket "
            f"WHERE queue_key IS NOT NULL ORDER BY queue_key{self.nulls}, id LIMIT 10"
        )
        held = " FOR UPDATE" if mark == "%s" else ""
        agent = f"SELECT id, version, status, capacity, capacities, skills, team, assigned_at FROM agent WHERE actor = {mark}{held}"
        load = f"SELECT channel, count(*) FROM ticket WHERE assignee = {mark} AND state IN ('new', 'open') GROUP BY 1"

        def claim(actors: Sequence[str]) -> None:
            for actor in actors:
                of, own = (actor,), (waiting, ())
                tickets, [seat], loads = raw.read(own, (agent, of), (load, of))
                assert seat[2] == "online"
                assert sum(count for _, count in loads) < seat[3]
                ticket = next(each for each in tickets if _can(actor, seat, each))
                puts = list(self._given(actor, seat, ticket))
                raw.put(puts)
                raw.commit(puts)

        return claim

    def _given(self, actor: str, seat: Sequence[Any], ticket: Sequence[Any]) -> Iterator[Put]:
        """A ticket's new agent, whose turn it was, and why."""
        raw, transaction, now = self.raw, new_id(), datetime.now(UTC)
        at, (id, version, customer, *_, queued_at, place) = raw.kept(now), ticket
        values = {"assignee": actor, "queued_at": None, "queue_key": None}
        delta = {
            "assignee": [None, actor],
            "queued_at": [str(queued_at), None],
            "queue_key": [place, None],
        }
        yield self._changed("ticket", transaction, at, (id, version), values, delta)
        turn = {"assigned_at": [seat[-1] and str(seat[-1]), now.isoformat()]}
        yield self._changed("agent", transaction, at, seat[:2], {"assigned_at": at}, turn)
        who = json.dumps([{"agent": actor, "why": "chosen"}])
        own = (id, customer, at, "assigned", actor, "taken", "", who)
        yield self._new("routing_decision", transaction, at, new_id(), own)


def _matches(policy: Sequence[Any], values: Mapping[str, Any], tags: str) -> bool:
    _, priorities, topics, channels, teams, wanted, *_ = map(_json, policy)
    asked = (
        (priorities, values["priority"]),
        (channels, values["channel"]),
        (topics, None),
        (teams, None),
    )
    named = all(not among or value in among for among, value in asked)
    return named and (not wanted or bool({*wanted} & {*json.loads(tags)}))


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value[:1] == "[" else value


def _can(actor: str, seat: Sequence[Any], ticket: Sequence[Any]) -> bool:
    _, _, _, skills, team, _, excluded, *_ = ticket
    mine = {*json.loads(seat[5])}
    return (
        mine.issuperset(json.loads(skills))
        and actor not in json.loads(excluded)
        and team in (None, seat[6])
    )
