"""Rules as people write and read them: `changed state to solved`, `3d after opened_at`, `set team=vip`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from crmkit import Kind, Schema, ValueRefused, Where
from crmkit.errors import nearest
from crmkit.query import AnyOf, Condition, Linked
from crmkit_operational.automation.conditions import to_plain
from crmkit_operational.automation.durations import duration, written
from crmkit_operational.automation.registry import Brought, named
from crmkit_operational.words import _

__all__ = [
    "action_text",
    "condition_text",
    "read_action",
    "read_condition",
    "read_trigger",
    "trigger_text",
    "value_text",
]

ReadWhere: TypeAlias = Callable[[Kind, str], Where]
"""Reads one simple condition on records of a kind: `priority=urgent`."""

SIGNS = {"eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
SIGNS |= {"contains": "~", "prefix": "^", "in": " in ", "has": " has "}
_LINKED = re.compile(r"\s*some\s+([\w]+)\.([\w.]+?)(?:\s+with\s+(.*))?\s*", re.DOTALL)

# When ------------------------------------------------------------------------------------------------------------


def read_trigger(kind: Kind, text: str) -> dict[str, Any]:
    """The trigger that a person wrote, as a rule keeps it. Raises `ValueRefused` or `QueryError`."""
    match text.split():
        case ["created"]:
            return {"type": "created"}
        case ["changed", *rest]:
            return {"type": "changed", **_changed(kind, rest)}
        case ["every", length]:
            return {"type": "time", "every": _minutes(length)}
        case ["at", clock]:
            return {"type": "time", "at": clock}
        case [length, ("after" | "before") as way, path]:
            minutes = _minutes(length) * (1 if way == "after" else -1)
            return {"type": "reached", "field": path, "after": minutes}
        case [path, "reached"]:
            return {"type": "reached", "field": path, "after": 0}
    return {"type": text}


def _changed(kind: Kind, words: list[str]) -> dict[str, Any]:
    fields = [each for word in _until_values(words) for each in word.split(",") if each]
    found: dict[str, Any] = {"fields": fields} if fields else {}
    rest = words[len(list(_until_values(words))) :]
    while rest:
        if rest[0] not in {"from", "to"} or len(rest) < 2 or len(fields) != 1:
            raise ValueRefused(_("write it as in `changed state from open to solved`"))
        end = next((at for at, word in enumerate(rest) if at > 1 and word == "to"), len(rest))
        found[rest[0]] = _value(kind, fields[0], " ".join(rest[1:end]))
        rest = rest[end:]
    return found


def _until_values(words: list[str]) -> Iterator[str]:
    for each in words:
        if each in {"from", "to"}:
            return
        yield each


def _value(kind: Kind, path: str, text: str) -> Any:
    field = kind.field(path)
    if text == "nothing":
        return None
    try:
        return field.type.dump(field.type.parse(text))
    except ValueRefused as error:
        raise ValueRefused(f"{kind.name}.{path} {error}") from None


def _minutes(text: str) -> int:
    return int(duration(text).total_seconds()) // 60


def trigger_text(plain: Mapping[str, Any]) -> str:
    """A trigger as people write it."""
    match plain:
        case {"type": "changed"}:
            values = [f"{key} {value_text(plain[key])}" for key in ("from", "to") if key in plain]
            return " ".join(
                ["changed", *filter(None, [",".join(plain.get("fields", ()))]), *values]
            )
        case {"type": "time", "every": int(minutes)}:
            return f"every {written(minutes)}"
        case {"type": "time", "at": str(clock)}:
            return f"at {clock}"
        case {"type": "reached", "field": str(path), "after": int(minutes)}:
            way = "before" if minutes < 0 else "after"
            return f"{written(abs(minutes))} {way} {path}" if minutes else f"{path} reached"
    return str(plain.get("type", ""))


def value_text(value: Any) -> str:
    """A value that a rule keeps, as people write it."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping) and value.keys() == {"minor", "currency"}:
        from crmkit import Money

        return str(Money(value["minor"], value["currency"])).replace(",", "")
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )


# If --------------------------------------------------------------------------------------------------------------


def read_condition(schema: Schema, kind: Kind, text: str, read: ReadWhere) -> dict[str, Any]:
    """The condition that a person wrote, as a rule keeps it.

    `A or B` is fulfilled by either; `some ticket.customer_id with state=open and priority=urgent` if there is such a
    record that refers here. Raises `QueryError`.
    """
    parts = re.split(r"\s+or\s+", text)
    found = [_one(schema, kind, each, read) for each in parts]
    whole: Condition = found[0] if len(found) == 1 else AnyOf(tuple(found))
    return to_plain(schema, kind, whole)


def _one(schema: Schema, kind: Kind, text: str, read: ReadWhere) -> Where | Linked:
    match = _LINKED.fullmatch(text)
    if not match:
        return read(kind, text)
    other = schema[match[1]]
    inner = re.split(r"\s+and\s+", match[3]) if match[3] else ()
    return Linked(match[1], match[2], tuple(read(other, each) for each in inner))


def condition_text(plain: Any) -> str:
    """A condition as people write it."""
    match plain:
        case {"any": [*inner]}:
            return " or ".join(map(condition_text, inner))
        case {"linked": place, "conditions": [*inner]}:
            more = " and ".join(map(condition_text, inner))
            return f"some {place} with {more}" if more else f"some {place}"
        case {"path": path, "op": "present", "value": value}:
            return f"{path} {'present' if value else 'missing'}"
        case {"path": path, "op": "in", "value": [*values]}:
            return f"{path} in {','.join(map(value_text, values))}"
        case {"path": path, "op": op, "value": None}:
            return f"{path} {'present' if op == 'ne' else 'missing'}"
        case {"path": path, "op": op, "value": value}:
            return f"{path}{SIGNS.get(op, op)}{value_text(value)}"
    return str(plain)


# Then ------------------------------------------------------------------------------------------------------------


def read_action(known: Mapping[str, Brought], text: str) -> dict[str, Any]:
    """The action that a person wrote, as a rule keeps it: its name, what it takes in order, and `key=value`.

    What is no parameter of its own goes into its `values`, if it has those. Raises `ValueRefused`.
    """
    try:
        name, *words = shlex.split(text) or [""]
    except ValueError as error:
        raise ValueRefused(f"{text!r}: {error}") from None
    types = named(known, name).types()
    single = [each for each in types if each != "values"]
    found: dict[str, Any] = {"do": name}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in single:
            found[key] = _typed(name, key, types[key], value)
        elif equals and re.fullmatch(r"[\w.]+", key):
            if "values" not in types:
                hint = nearest(key, single)
                text = _("{action} takes no {key}{hint}")
                raise ValueRefused(text.format(action=name, key=repr(key), hint=hint))
            found.setdefault("values", {})[key] = value
        else:
            free = next((each for each in single if each not in found), None)
            if free is None:
                text = _("{action} does not take {word}; write it as in key=value")
                raise ValueRefused(text.format(action=name, word=repr(word)))
            found[free] = _typed(name, free, types[free], word)
    return found


def _typed(action: str, key: str, type_: Any, text: str) -> Any:
    if type_ is int:
        if not re.fullmatch(r"-?\d{1,18}", text):
            said = _("{action} {key} takes a whole number, not {text}")
            raise ValueRefused(said.format(action=action, key=key, text=repr(text)))
        return int(text)
    return text in {"yes", "true"} if type_ is bool else text


def action_text(plain: Any) -> str:
    """An action as people write it."""
    if not isinstance(plain, Mapping):
        return str(plain)
    words = [str(plain.get("do", ""))]
    for key, value in plain.items():
        if key == "values" and isinstance(value, Mapping):
            words += [f"{name}={_quoted(each)}" for name, each in value.items()]
        elif key != "do":
            words.append(f"{key}={_quoted(value)}")
    return " ".join(words)


def _quoted(value: Any) -> str:
    text = value_text(value)
    return text if re.fullmatch(r"""[^\s'"\\#]+""", text) else shlex.quote(text)
