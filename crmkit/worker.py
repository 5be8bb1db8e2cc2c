"""Workers: code that follows the journal or the clock, outside of the user's transaction.

A batch's own writes and the worker's new position commit together, the position compared with the one that the
batch began at: so an effect inside the database happens exactly once, however often a process dies and whatever
another process does meanwhile. The lease only keeps two processes from doing the same work in vain.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from crmkit.changes import MAX_DEPTH, Actor, Cause, Change
from crmkit.errors import BackendError, CauseLoop, PluginError
from crmkit.manifest import WorkerSpec, described
from crmkit.plugins import resolve
from crmkit.positions import Aside, asides, key_of, reached
from crmkit.transaction import Transaction
from crmkit.values import format_time, new_id, parse_time

if TYPE_CHECKING:
    from crmkit.crm import CRM

__all__ = ["run_workers"]

BATCH = 200
"""How many changes a worker is given at once."""

LEASE = timedelta(seconds=60)
"""How long a process that dies keeps others from its workers."""

TRIES = 5
"""How often a change is tried before it is set aside; the pauses are 1, 2, 4, 8 seconds."""

POLL = 0.5
"""Seconds between two looks at a journal in which nothing happens."""

LONGEST = 60.0
"""Seconds between two tries, at most, while the database fails; the first is twice `POLL`, each twice the last."""


def run_workers(
    crm: CRM,
    *,
    once: bool,
    names: Iterable[str] | None = None,
    on_progress: Callable[[str, int], None] | None = None,
    on_trouble: Callable[[BackendError, float], None] | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Run the workers of an app: until they have caught up (`once`), or until `stop` is set.

    Several processes may do so on one database. Returns how many changes and ticks were worked off. Raises
    `PluginError` for an unknown name. What the database fails with is raised with `once`; otherwise it is tried again,
    with growing pauses, `on_trouble` being told of the failure and of the seconds until then.
    """
    known = crm.plugins.workers()
    for name in names or ():
        if name not in known:
            raise PluginError(
                f"there is no worker {name!r}; there are {', '.join(known) or 'none'}"
            )
    runs = [
        _Run(crm, spec, resolve(spec.target, call.owner), on_progress)
        for name, (spec, call) in known.items()
        if names is None or name in set(names)
    ]
    ended = stop or threading.Event()
    done, pause = 0, POLL
    try:
        while True:
            worked, trouble = 0, None
            for run in runs:
                try:
                    worked += run.step(ended)
                except BackendError as error:
                    if once:
                        raise
                    trouble = error
            done, pause = done + worked, min(2 * pause, LONGEST) if trouble else POLL
            if trouble and on_trouble:
                on_trouble(trouble, pause)
            if ended.is_set() or (once and not worked):
                return done
            if trouble or not worked:
                ended.wait(pause)
    finally:
        with suppress(BackendError):  # what is not given back ends by itself
            for run in runs:
                run.release()


class _TakenOver(Exception):
    """Another process has worked this off meanwhile."""


class _Run:
    """One worker in one process."""

    def __init__(
        self,
        crm: CRM,
        spec: WorkerSpec,
        function: Callable[[Transaction, Any], object],
        on_progress: Callable[[str, int], None] | None,
    ) -> None:
        self.crm = crm
        self.spec = spec
        self.function = function
        self.key = key_of(spec.name)
        self.holder = new_id()
        self.ran = ""
        self.on_progress = on_progress or (lambda name, count: None)

    def step(self, ended: threading.Event) -> int:
        """Work off what there is now; returns how many changes or ticks that were."""
        if not self._lease():
            return 0
        self.ran = format_time(self.crm.clock())
        try:
            worked = self._tick() if self.spec.every is not None else self._follow(ended)
        except _TakenOver:
            return 0
        if worked:
            self.on_progress(self.spec.name, worked)
        return worked

    def _lease(self) -> bool:
        """Take or renew the lease; False if another process holds it."""
        key, now = f"{self.key}/lease", self.crm.storage.now()
        held = self.crm.storage.state(key)
        if held and held["holder"] != self.holder and parse_time(held["until"]) > now:
            return False
        if held and held["holder"] == self.holder and parse_time(held["until"]) > now + LEASE / 2:
            return True
        wanted = {"holder": self.holder, "until": format_time(now + LEASE)}
        with self.crm.storage.transaction() as tx:
            return tx.set_state(key, wanted, held)

    def release(self) -> None:
        """Give the lease back, if it is held."""
        key = f"{self.key}/lease"
        held = self.crm.storage.state(key)
        if held and held["holder"] == self.holder:
            with self.crm.storage.transaction() as tx:
                tx.set_state(key, None, held)

    # The clock -------------------------------------------------------------------------------------------------

    def _tick(self) -> int:
        kept, now = self.crm.storage.state(self.key), self.crm.clock()
        state = kept or {}
        if "next" in state and now < parse_time(state["next"]):
            return 0
        assert self.spec.every is not None
        fine = {"ran": format_time(now), "next": format_time(now + self.spec.every)}
        try:
            with self._transaction() as tx:
                self.function(tx, now)
                self._keep(tx, kept, fine)
            return 1
        except (BackendError, _TakenOver):
            raise
        except Exception as error:
            tries = state.get("tries", 0) + 1
            pause = min(timedelta(seconds=2**tries), self.spec.every)
            failed = {**state, "tries": tries, "error": described(error)}
            with self.crm.storage.transaction() as storage:
                storage.set_state(self.key, {**failed, "next": format_time(now + pause)}, kept)
            return 0

    # The journal -----------------------------------------------------------------------------------------------

    def _follow(self, ended: threading.Event) -> int:
        worked = self._again()
        while not ended.is_set():
            kept = self.crm.storage.state(self.key)
            start = reached(self.crm.storage, kept)
            head = self.crm.storage.position()
            changes = self.crm.storage.changes(start, self.spec.kinds or None, BATCH)
            if not changes:
                if head > start + BATCH:  # nothing for this worker in a long stretch: skip it
                    with self.crm.storage.transaction() as tx:
                        tx.set_state(self.key, self._reached(head), kept)
                return worked
            if not self._lease():
                return worked
            worked += self._work_off(kept, changes)
        return worked

    def _reached(self, position: int) -> dict[str, Any]:
        return {"position": position, "ran": self.ran}

    def _work_off(self, kept: Any, changes: Sequence[Change]) -> int:
        """Work off a batch, or its halves if it fails, or set its one change aside."""
        end = self._reached(changes[-1].position)
        stuck = {(entry.kind, entry.id) for entry in asides(self.crm.storage, self.spec.name)}
        free = [change for change in changes if (change.kind, change.id) not in stuck]
        waiting = [change for change in changes if (change.kind, change.id) in stuck]
        try:
            with self._transaction() as tx:
                for change in waiting:
                    self._set_aside(tx, change, "waits for an earlier change of this record", 0)
                self._run(tx, free)
                self._keep(tx, kept, end)
            return len(changes)
        except (BackendError, _TakenOver):
            raise
        except Exception as error:
            if len(changes) == 1:
                with self._transaction() as tx:
                    self._set_aside(tx, changes[0], described(error), _tries(error, 1))
                    self._keep(tx, kept, end)
                return 1
        half = len(changes) // 2
        self._work_off(kept, changes[:half])
        middle = self._reached(changes[half - 1].position)
        self._work_off(middle, changes[half:])
        return len(changes)

    def _again(self) -> int:
        """Try again what is due: of each record only the first, since later changes wait behind it."""
        worked = 0
        seen: set[tuple[str, str]] = set()
        for entry in asides(self.crm.storage, self.spec.name):
            record = (entry.kind, entry.id)
            if record in seen or entry.again is None or entry.again > self.crm.storage.now():
                seen.add(record)
                continue
            found = self.crm.storage.changes(entry.position - 1, None, 1)
            # It is gone if the journal was being trimmed when this worker began.
            changes = [each for each in found if each.position == entry.position]
            try:
                with self._transaction() as tx:
                    self._run(tx, changes)
                    if not tx.set_state(entry.key, None, entry.plain()):
                        raise _TakenOver
                worked += 1
            except (BackendError, _TakenOver):
                raise
            except Exception as error:
                seen.add(record)
                with self._transaction() as tx:
                    tries = _tries(error, entry.tries + 1)
                    self._set_aside(tx, changes[0], described(error), tries, entry.plain())
        return worked

    def _run(self, tx: Transaction, changes: Sequence[Change]) -> None:
        """Call the worker with the changes, those of one chain of causes at a time."""
        for chain, group in groupby(changes, key=_chain):
            cause = Cause(chain[0], (*chain[1], self.spec.name))
            if cause.depth > MAX_DEPTH:
                raise CauseLoop(cause.by)
            tx.cause = cause
            self.function(tx, list(group))

    def _keep(self, tx: Transaction, before: Any, after: Any) -> None:
        if not tx.set_state(self.key, after, before):
            raise _TakenOver

    def _set_aside(
        self, tx: Transaction, change: Change, error: str, tries: int, before: Any = ...
    ) -> None:
        pause = timedelta(seconds=2 ** (tries - 1) if tries else 0)
        again = self.crm.storage.now() + pause if tries < TRIES else None
        entry = Aside(self.spec.name, change.position, change.kind, change.id, error, tries, again)
        if not tx.set_state(entry.key, entry.plain(), before):
            raise _TakenOver

    def _transaction(self) -> Any:
        actor = Actor(f"worker:{self.spec.name}", "bot", "worker")
        return self.crm.acting(actor).transaction(unrestricted=True)


def _chain(change: Change) -> tuple[str, tuple[str, ...]]:
    cause = change.cause
    return (cause.root, cause.by) if cause else (change.transaction, ())


def _tries(error: Exception, tries: int) -> int:
    # A loop of rules would loop again: that is set aside at once.
    return TRIES if isinstance(error, CauseLoop) else tries
