"""Pages of APIs: whether an object is one, and under what name it has its list."""

from __future__ import annotations

import re

from crmkit_exchange.formats.scanner import BrokenOff, Scanner

__all__ = ["list_in"]

LISTS = (
    "results", "value", "records", "data", "items", "elements", "objects", "rows", "entries", "members",
    "tickets", "comments", "deals", "opportunities", "leads", "activities", "engagements", "notes", "calls", "tasks",
    "contacts", "people", "persons", "customers", "companies", "accounts", "users", "organizations", "groups",
)  # fmt: skip
"""Where pages have their objects. Of several the first counts: the later ones are what the others refer to."""
_OWN = {
    "id", "uuid", "guid", "vid", "objectid", "externalid", "name", "firstname", "lastname", "fullname", "email", "phone",
    "subject", "title",
}  # fmt: skip
"""What a record has, and a page has not."""
_ABOUT_PAGES = re.compile(
    "additional|included|related|count|cursor|done|error|etag|expand|facet|first|has|kind|last|limit|link|max|message|meta|"
    "more|next|object|odata|offset|ok|order|page|pagin|per|prev|query|self|size|sort|start|status|success|time|took|total|"
    "type|url|version"
)


def list_in(scanner: Scanner) -> str | None:
    """Under what name the next value has its objects, if it is a page of an API; of one that is cut, as far as it goes.

    A page has nothing of its own, such as an id, and a list under one of the names in `LISTS`; or its one list of
    objects is all that it has, but for what is about pages.
    """
    if scanner.peek() != "{":
        return None
    shapes: dict[str, str] = {}
    try:
        for name in scanner.members():
            shapes[name] = scanner.shape()
            scanner.value(keep=False)
    except BrokenOff:
        pass
    lists = [name for name, shape in shapes.items() if shape in {"[{", "[]"}]
    others = [re.sub(r"[\W_]", "", each).casefold() for each in shapes if each not in lists]
    if _OWN.intersection(others):
        return None
    known = [each for each in LISTS if each in lists]
    full = [each for each in lists if shapes[each] == "[{"]
    if known:
        return next((each for each in known if each in full), known[0])
    return full[0] if len(full) == 1 and all(map(_ABOUT_PAGES.search, others)) else None
