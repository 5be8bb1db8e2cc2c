"""What sets a rule off, in words; `crmkit_operational.automation.wording` has it as one types it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmkit import Kind, QueryError
from crmkit.cli.app import App
from crmkit_operational.automation.durations import written
from crmkit_operational.automation.wording import trigger_text, value_text
from crmkit_operational.words import _, word

__all__ = ["trigger_words"]


def trigger_words(app: App, kind: Kind, plain: Mapping[str, Any]) -> str:
    """A trigger in the language of the terminal; in English as one types it."""
    if app.language.code == "en":
        return trigger_text(plain)
    match plain:
        case {"type": "created"}:
            return _("created")
        case {"type": "changed"}:
            return _changed(app, kind, plain)
        case {"type": "time", "every": int(minutes)}:
            return _("every {length}").format(length=_length(minutes))
        case {"type": "time", "at": str(clock)}:
            return _("at {clock}").format(clock=clock)
        case {"type": "reached", "field": str(path), "after": int(minutes)}:
            return _reached(app, kind, path, minutes)
    return trigger_text(plain)


def _changed(app: App, kind: Kind, plain: Mapping[str, Any]) -> str:
    fields = ", ".join(_label(app, kind, each) for each in plain.get("fields", ()))
    if not fields:
        return _("changed in any field")
    ends = {key: _value(kind, plain, key) for key in ("from", "to") if key in plain}
    texts = {
        (): _("changed {fields}"),
        ("from",): _("changed {fields} from {before}"),
        ("to",): _("changed {fields} to {after}"),
        ("from", "to"): _("changed {fields} from {before} to {after}"),
    }
    text = texts[tuple(ends)]
    return text.format(fields=fields, before=ends.get("from"), after=ends.get("to"))


def _value(kind: Kind, plain: Mapping[str, Any], key: str) -> str:
    if plain[key] is None:
        return _("nothing")
    text, fields = value_text(plain[key]), [kind.fields.get(each) for each in plain["fields"]]
    # What people wrote themselves is no word of the program's, be it spelt like one.
    is_code = any(getattr(each and each.type, "values", ()) for each in fields)
    return word(text) if is_code else text


def _reached(app: App, kind: Kind, path: str, minutes: int) -> str:
    field, length = _label(app, kind, path), _length(abs(minutes))
    if minutes == 0:
        return _("{field} reached").format(field=field)
    text = _("{length} before {field}") if minutes < 0 else _("{length} after {field}")
    return text.format(length=length, field=field)


def _label(app: App, kind: Kind, path: str) -> str:
    try:
        return app.label(kind.field(path))
    except QueryError:  # of a plugin that is gone
        return path


def _length(minutes: int) -> str:
    """So many minutes in the largest unit in which they are whole."""
    number, unit = written(minutes)[:-1], written(minutes)[-1]
    names = {"w": _("{count} weeks"), "d": _("{count} days"), "h": _("{count} hours")}
    return names.get(unit, _("{count} minutes")).format(count=number)
