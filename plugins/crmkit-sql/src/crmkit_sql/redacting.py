"""Taking values out of the journal for good."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from crmkit_sql.layout import dumped_json

__all__ = ["blank"]


def blank(link: Any, kind: str, ids: Iterable[str], blanks: Mapping[str, Any]) -> None:
    """Put blanks in place of some fields in every change of these records."""
    sql = "SELECT position, action, delta FROM crm_journal WHERE kind = %s AND id = ANY(%s) AND delta IS NOT NULL"
    for position, action, text in link.rows(sql, (kind, list(ids))):
        delta = json.loads(text)
        for name in delta.keys() & blanks.keys():
            value = blanks[name]
            delta[name] = value if action == "delete" else (value, value)
        kept = dumped_json({name: each for name, each in delta.items() if each is not None})
        if kept != text:
            sql_ = "UPDATE crm_journal SET delta = %s::json WHERE position = %s"
            link.run(sql_, (kept, position))
