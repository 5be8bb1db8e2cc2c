"""How far the workers have come and what they set aside: the state that is kept under each one's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.errors import PluginError
from crmkit.past import Horizon
from crmkit.storage import Reads
from crmkit.values import format_time, parse_time

if TYPE_CHECKING:
    from crmkit.crm import CRM

__all__ = [
    "Aside",
    "WorkerState",
    "asides",
    "forget",
    "holding",
    "key_of",
    "reached",
    "retry",
    "worker_states",
]


def key_of(worker: str) -> str:
    """Under what the position of a worker is kept; what else there is of it, under keys that go on with a slash."""
    return f"crmkit/worker/{worker}"


@attrs.frozen
class Aside:
    """A change that a worker failed at, or that waits behind one of the same record.

    `again` is when it will be tried, None if it was tried often enough and waits for `crm worker retry`.
    """

    worker: str
    position: int
    kind: str
    id: str
    error: str
    tries: int
    again: datetime | None

    @property
    def key(self) -> str:
        """Where it is kept; keys sort by position."""
        return f"{key_of(self.worker)}/aside/{self.position:020}"

    def plain(self) -> dict[str, Any]:
        """What is kept."""
        return {**attrs.asdict(self), "again": self.again and format_time(self.again)}


@attrs.frozen
class WorkerState:
    """How far a worker has come: `lag` is how many changes are behind its position, 0 for one of the clock.

    `held_until` is how long a process keeps others from it. If its plugin is not `loaded`, nobody knows which kinds
    it follows: all changes behind its position count.
    """

    name: str
    position: int
    lag: int
    ran_at: datetime | None
    error: str | None
    aside: tuple[Aside, ...] = ()
    held_until: datetime | None = None
    loaded: bool = True


def reached(reads: Reads, kept: Any) -> int:
    """The position behind which a worker goes on, `kept` being what is kept of it: a new one begins where the journal does."""
    if kept and "position" in kept:
        return int(kept["position"])
    horizon = Horizon.of(reads)
    return horizon.position if horizon else 0


def asides(reads: Reads, worker: str) -> list[Aside]:
    """What a worker has set aside, in the order of the journal."""
    kept = reads.states(f"{key_of(worker)}/aside/")
    return [
        Aside(**{**entry, "again": entry["again"] and parse_time(entry["again"])})
        for _, entry in sorted(kept.items())
    ]


def worker_states(crm: CRM) -> list[WorkerState]:
    """How far every worker has come: those of the app, and those of which something is kept."""
    return list(_states(crm, crm.storage, crm.storage.count_changes))


def holding(crm: CRM, reads: Reads, through: int) -> list[WorkerState]:
    """The workers that have yet to see a change up to a position of the journal, or to try one again."""

    def behind(position: int, kinds: Sequence[str] | None) -> int:
        return sum(each.position <= through for each in reads.changes(position, kinds, 1))

    return [
        state
        for state in _states(crm, reads, behind)
        if state.lag or any(each.position <= through for each in state.aside)
    ]


_Behind = Callable[[int, Sequence[str] | None], int]


def _states(crm: CRM, reads: Reads, behind: _Behind) -> Iterator[WorkerState]:
    states, known = reads.states(key_of("")), crm.plugins.workers()
    for name in dict.fromkeys([*known, *(key.split("/")[2] for key in states)]):
        spec = known[name][0] if name in known else None
        kept, lease = (states.get(f"{key_of(name)}{end}", {}) for end in ("", "/lease"))
        follows = spec.every is None if spec else "position" in kept
        position = reached(reads, kept) if follows else 0
        lag = behind(position, (spec and spec.kinds) or None) if follows else 0
        ran, held = (text and parse_time(text) for text in (kept.get("ran"), lease.get("until")))
        state = (position, lag, ran, kept.get("error"), tuple(asides(reads, name)))
        yield WorkerState(name, *state, held, spec is not None)


def retry(crm: CRM, name: str | None = None) -> int:
    """Let changes that were set aside be tried again at once, of one worker or of all; returns how many."""
    due = [
        attrs.evolve(entry, again=crm.storage.now(), tries=0)
        for worker in ([name] if name else crm.plugins.workers())
        for entry in asides(crm.storage, worker)
    ]
    with crm.storage.transaction() as tx:
        for entry in due:
            tx.set_state(entry.key, entry.plain())
    return len(due)


def forget(crm: CRM, name: str) -> None:
    """Forget what is kept of a worker whose plugin is gone for good; should it come back, it begins anew.

    Raises `PluginError` for one of the app, and for one of which nothing is kept.
    """
    if name in crm.plugins.workers():
        raise PluginError(f"worker {name!r} is in use; disable its plugin first")
    with crm.storage.transaction() as tx:
        own = [key for key in tx.states(key_of(name)) if f"{key}/".startswith(f"{key_of(name)}/")]
        if not own:
            raise PluginError(f"nothing is kept of a worker {name!r}; see `crm worker list`")
        for key in own:
            tx.set_state(key, None)
