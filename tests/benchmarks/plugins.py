"""The plugins that the app under measurement has: five with guards, one of which restricts and one observes; a kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from types import ModuleType
from typing import Any, Literal

from crmkit import Customer, Manifest, Money, Record, Restriction, field, hookimpl, kind, where


@kind("deal", title="name", indexes=(("owner", "stage", "amount"),))
class Deal(Record):
    """What `bulk` writes: no field of it is searched."""

    customer_id: str = field(refers_to=Customer)
    name: str = field()
    stage: Literal["new", "offer", "won", "lost"] = field(default="new")
    owner: str | None = field(default=None)
    amount: Money | None = field(default=None)
    expected: date | None = field(default=None)


def crm_restrict(kind: str) -> Restriction | None:
    if kind == "customer":
        return Restriction((where.country == "KR",))
    return Restriction((where.channel != "legal",)) if kind == "interaction" else None


def crm_committed(changes: Any) -> None:
    list(changes)


def guards(word: str) -> dict[str, Any]:
    """Guards that look at every write and find nothing to do."""

    def crm_prepare(kind: str, writes: Any) -> Iterator[Any]:
        for write in writes:
            if kind == "customer" and write.record.language is None:
                yield write.patch(language="ko")

    def crm_validate(kind: str, writes: Any) -> Iterator[Any]:
        for write in writes:
            if kind == "interaction" and write.record.subject == word:
                yield write.problem("subject", "says nothing")

    def crm_authorize(kind: str, writes: Any, actor: Any) -> Iterator[Any]:
        for write in writes:
            if write.action == "delete" and actor.id != word:
                yield write.denial("only its owner may delete it")

    return {
        "crm_prepare": crm_prepare,
        "crm_validate": crm_validate,
        "crm_authorize": crm_authorize,
    }


def plugin(name: str, **hooks: Any) -> ModuleType:
    """A plugin of functions that implement hooks."""
    module = ModuleType(name)
    module.manifest = Manifest(name=name)  # type: ignore[attr-defined]
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function))
    return module


def deals() -> ModuleType:
    """The plugin that brings the kind `deal`."""
    return plugin("deals", crm_kinds=lambda: [Deal])


def team() -> list[ModuleType]:
    """The five plugins of `create`, `update` and `bulk_search`."""
    return [
        plugin("one", **guards("one"), crm_restrict=crm_restrict),
        plugin("two", **guards("two"), crm_committed=crm_committed),
        *(plugin(name, **guards(name)) for name in ("three", "four", "five")),
    ]
