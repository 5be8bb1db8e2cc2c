"""Writing as a rule inside of a worker's transaction, and asking other plugins there."""

from __future__ import annotations

from typing import Any

from crmkit import Actor, Cause, Reader, Transaction
from crmkit.plugins import Plugins
from crmkit_operational.automation.kinds import Rule

__all__ = ["acting", "actor_of", "plugins_of", "step_of"]


def step_of(rule: Rule) -> str:
    """What a rule is called as an actor, and in a chain of causes."""
    return f"rule:{rule.name}"


def actor_of(rule: Rule) -> Actor:
    """A rule as an actor: a bot, so that nobody takes its writes for a person's."""
    return Actor(step_of(rule), "bot", "worker")


def acting(tx: Any, rule: Rule, root: str | None, by: tuple[str, ...]) -> Transaction:
    """The part of a transaction in which a rule writes: it has an id, an actor and a cause of its own.

    It commits and rolls back with the whole. `by` are the steps that led here; without a `root` it begins a chain.
    """
    # The core's transaction has one actor, which guards are asked about; there is no public way to another yet.
    found = Transaction(tx._app, tx._storage, actor_of(rule), unrestricted=True)
    found.cause = Cause(root or found.id, (*by, step_of(rule)))
    return found


def plugins_of(reader: Reader) -> Plugins:
    """The plugins of the app that this reads: workers and guards are given no app to ask."""
    return reader._app.plugins
