"""Running a rule for one cause: its effects and the record of the run commit together, once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import attrs

from crmkit import BackendError, Cause, CauseLoop, Duplicate, Record, TransactionError, where
from crmkit.changes import MAX_DEPTH
from crmkit.manifest import described
from crmkit_operational.automation.acting import acting, step_of
from crmkit_operational.automation.action import Context
from crmkit_operational.automation.kinds import RuleRun
from crmkit_operational.automation.ready import Ready

__all__ = ["LONGEST", "PAUSES", "Occasion", "again", "run"]

PAUSES = tuple(timedelta(minutes=each) for each in (1, 5, 30, 180, 1440))
"""How long after each try that failed the next one is: what fails for a day is left to people."""

LONGEST = MAX_DEPTH - 3
"""How many steps a chain may have in which a rule runs: what other workers do about its writes still reaches this
one, which ends the chain; beyond the core's own limit it would be set aside."""


@attrs.frozen
class Occasion:
    """Why a rule runs: the record as it was `at` that time, the cause's key, and the chain of causes that led here.

    `root` is the transaction that began the chain, None where a time did; `by` are the steps since.
    """

    record: Record
    key: str
    at: datetime
    root: str | None = None
    by: tuple[str, ...] = ()


@attrs.frozen
class Outcome:
    """What came of it."""

    outcome: Literal["done", "failed", "loop"]
    error: str | None = None
    transaction: str | None = None
    fields: tuple[str, ...] = ()


def run(tx: Any, rule: Ready, occasion: Occasion) -> None:
    """Run a rule, unless it did for this cause, or what happened is its own doing; keep what came of it."""
    if _ran(tx, rule, where.cause_key == occasion.key):
        return
    met = _before(tx, rule, occasion)
    if met == "own":
        return
    try:
        with tx.savepoint():
            came = _loop(rule, occasion) if met == "loop" else _attempt(tx, rule, occasion)
            # Out of the chain of causes: the record of a loop must not be a link of it.
            tx.cause = occasion.root and Cause(occasion.root, ())
            tx.add(_record(tx, rule, occasion, came))
    except Duplicate as error:
        if error.kind != RuleRun.__kind__:  # another process was quicker: its run counts
            raise


def _ran(tx: Any, rule: Ready, *conditions: Any) -> bool:
    return bool(list(tx.find(RuleRun, where.rule_id == rule.rule.id, *conditions, limit=1)))


def _before(tx: Any, rule: Ready, occasion: Occasion) -> Literal["own", "loop"] | None:
    """Whether the rule itself led here, on this record: a rule's own writes do not set it off, through others they loop."""
    step = step_of(rule.rule)
    if step in occasion.by:
        of = (where.root == occasion.root, where.subject_id == occasion.record.id)
        if _ran(tx, rule, *of):
            return "own" if set(occasion.by[_last(occasion.by, step) :]) == {step} else "loop"
    return "loop" if len(occasion.by) >= LONGEST else None


def _last(by: tuple[str, ...], step: str) -> int:
    return len(by) - 1 - by[::-1].index(step)


def _loop(rule: Ready, occasion: Occasion) -> Outcome:
    steps = [each.removeprefix("rule:") for each in (*occasion.by, step_of(rule.rule))]
    return Outcome("loop", str(CauseLoop(steps)))


def _attempt(tx: Any, rule: Ready, occasion: Occasion) -> Outcome:
    part = acting(tx, rule.rule, occasion.root, occasion.by)
    try:
        with tx.savepoint():
            fields = _act(part, rule, occasion)
            if part.failed:
                raise TransactionError("a write of the rule failed, so none of it was kept")
    except BackendError:
        raise
    except Exception as error:
        return Outcome("failed", described(error)[:2000])
    finally:
        part.end("the rule has run; an action writes only while it is called")
    return Outcome("done", None, part.id, fields)


def _act(part: Any, rule: Ready, occasion: Occasion) -> tuple[str, ...]:
    """Do all that the rule does; returns the fields of the record that are different now."""
    kind, id = rule.kind.name, occasion.record.id
    context = Context(rule.rule, occasion.key, occasion.at, rule.customer_of(occasion.record))
    before = part.get(kind, id)
    filled = rule.filled(part, occasion.record, occasion.at)
    for step, plain in zip(rule.steps, filled, strict=True):
        step.brought.run(part, part.get(kind, id), step.brought.parameters(plain), context)
    [after] = part.get_many(kind, [id])
    if after is None:
        return ()
    return tuple(each for each in rule.kind.fields if before[each] != after[each])


def _record(tx: Any, rule: Ready, occasion: Occasion, came: Outcome) -> RuleRun:
    customer = rule.customer_of(occasion.record)
    if customer is not None and tx.get_many("customer", [customer])[0] is None:
        customer = None
    return RuleRun(
        rule_id=rule.rule.id,
        customer_id=customer,
        subject_kind=rule.kind.name,
        subject_id=occasion.record.id,
        seen_version=occasion.record.version,
        cause_key=occasion.key,
        root=occasion.root or came.transaction or occasion.key,
        at=tx.now(),
        actions=rule.rule.actions,
        again_at=_next_try(came, 1, tx.now()),
        **attrs.asdict(came),
    )


def _next_try(came: Outcome, attempts: int, now: datetime) -> datetime | None:
    """When a run that failed is tried again; a loop is not: it would end the same way."""
    is_due = came.outcome == "failed" and attempts <= len(PAUSES)
    return now + PAUSES[attempts - 1] if is_due else None


def again(tx: Any, rule: Ready, failed: RuleRun, record: Record) -> RuleRun:
    """Try once more what failed, on the record as the rule saw it; returns the run with what came of it."""
    occasion = Occasion(record, failed.cause_key, failed.at, failed.root)
    came = _attempt(tx, rule, occasion)
    attempts = failed.attempts + 1
    kept = failed.evolve(
        at=tx.now(),
        actions=rule.rule.actions,
        attempts=attempts,
        again_at=_next_try(came, attempts, tx.now()),
        **attrs.asdict(came),
    )
    stored: RuleRun = tx.update(kept)
    return stored
