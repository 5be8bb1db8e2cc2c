"""A vCard as the values of a contact: who it is, where to reach them, and everything else by its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from crmkit_exchange.formats.cards import MESSENGERS, Card, is_embedded, place_of, says_something
from crmkit_exchange.formats.charsets import clean
from crmkit_exchange.formats.contentlines import ContentLine
from crmkit_exchange.formats.transfer import from_base64

__all__ = ["contact_problem", "contact_values"]

_SINGLE = ("uid", "title", "birthday", "rev", "name", "organization", "parts", "photo", "version")
_CJK = re.compile(
    "[\u1100-\u11ff\u3005-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff]+"
)
_ORGANIZATIONS = frozenset({"org", "organization", "location"})
_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_\Z", re.S)
_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif"}


def contact_problem(values: dict[str, Any]) -> str | None:
    """Why a card with these values is no contact; None if it is one."""
    if _kind(values) == "group":
        return "is a group of contacts, not a contact"
    if not any(key in values for key in ("name", "emails", "phones")):
        return "has no name, organization, e-mail address or phone number"
    return None


def contact_values(card: Card) -> dict[str, Any]:
    """What a card says; keys of which it says nothing are left out.

    `uid`, `version`, `name`, `given`, `family`, `organization`, `department`, `title`, `note`, `birthday`, `rev`:
    texts. `type`: `person` or `organization`. `emails`, `phones`, `faxes`, `urls`, `addresses`, `messengers`,
    `categories`: lists of texts, preferred ones first. `photo`: its `type`, `size` and `sha256`. `other`: every
    property that went nowhere else, its name with a list of its texts; of an embedded file, what `photo` has.
    """
    values: dict[str, Any] = {
        "uid": _first(card, "uid"),
        "version": card.version,
        **_names(card),
        "title": _first(card, "title"),
        "emails": _texts(card, "emails"),
        "phones": _texts(card, "phones"),
        "faxes": _texts(card, "faxes"),
        "urls": _texts(card, "urls"),
        "addresses": _addresses(card),
        "messengers": _once(_messenger(card, line) for line in card.at("messengers")),
        "note": "\n\n".join(_texts(card, "note")),
        "birthday": _first(card, "birthday"),
        "categories": _once(
            each for line in card.at("categories") for each in card.parts(line, ",")
        ),
        "photo": next(map(_file, card.at("photo")), None),
        "rev": _first(card, "rev"),
        "other": _other(card),
    }
    values["type"] = _type(card, values)
    return {key: value for key, value in values.items() if value}


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, texts)))


def _texts(card: Card, place: str) -> list[str]:
    """The texts of a place, without the schemes that say no more than the place."""
    texts = (card.text(line) for line in card.at(place))
    return _once(re.sub(r"\A(?:mailto|tel):", "", text, flags=re.I) for text in texts)


def _first(card: Card, place: str) -> str:
    return next(map(card.text, card.at(place)), "")


def _names(card: Card) -> dict[str, str]:
    family, given = _parts(card)[:2]
    organization, *units = next(map(card.parts, card.at("organization")), [""])
    return {
        "name": _first(card, "name") or _joined(family, given) or organization,
        "given": given,
        "family": family,
        "organization": organization,
        "department": ", ".join(filter(None, units)),
    }


def _parts(card: Card) -> list[str]:
    """The five parts of a name: family, given, additional, before it, after it."""
    parts = next(map(card.parts, card.at("parts")), [])
    return (parts + [""] * 5)[:5]


def _joined(family: str, given: str) -> str:
    """A name as people write it: Korean, Chinese and Japanese ones begin with the family and have no space."""
    if _CJK.fullmatch(family + given):
        return family + given
    return f"{given} {family}".strip()


def _type(card: Card, values: dict[str, Any]) -> str:
    """A card that knows no other name than its organization's is the organization's."""
    shown_as = "".join(values["other"].get("X-ABSHOWAS", ()))
    if _kind(values) in _ORGANIZATIONS or shown_as.upper() == "COMPANY":
        return "organization"
    names = filter(None, (_first(card, "name"), _joined(*_parts(card)[:2])))
    organization = values["organization"].casefold()
    is_organization = organization and all(name.casefold() == organization for name in names)
    return "organization" if is_organization else "person"


def _kind(values: dict[str, Any]) -> str:
    other = values.get("other", {})
    said = other.get("KIND") or other.get("X-ADDRESSBOOKSERVER-KIND") or [""]
    return str(said[0]).lower()


def _addresses(card: Card) -> list[str]:
    written = _once(_one_line(card.parts(line)) for line in card.at("addresses"))
    return written or _once(_one_line([card.text(line)]) for line in card.at("labels"))


def _one_line(parts: list[str]) -> str:
    """An address of at most seven parts (box, extended, street, city, region, code, country) as one line of text.

    Korean, Chinese and Japanese ones go from the country down to the house.
    """
    shown = [re.sub(r"\s*\n\s*", ", ", part).strip(" ,") for part in parts]
    if len(shown) > 1 and _CJK.search("".join(shown)):
        box, extended, street, city, region, code, country = (shown + [""] * 7)[:7]
        return " ".join(filter(None, (code, country, region, city, street, extended, box)))
    return ", ".join(filter(None, shown))


def _messenger(card: Card, line: ContentLine) -> str:
    text = card.text(line)
    scheme = MESSENGERS.get(line.name) or "".join(line.params.get("X-SERVICE-TYPE", ())).lower()
    return text if ":" in text or not scheme else f"{scheme}:{text}"


def _other(card: Card) -> dict[str, list[Any]]:
    """Every line that has no place, or whose place is taken."""
    other: dict[str, list[Any]] = {}
    taken = [line for place in _SINGLE for line in card.at(place)[:1]]
    for line in card.lines:
        place = place_of(line)
        has_place = line in taken if place in _SINGLE or not place else True
        if place == "labels" and card.at("addresses"):
            has_place = False
        if not has_place and says_something(line):
            other.setdefault(line.name, []).append(_shown(card, line))
    for name, rest in (("N", _parts(card)[2:]), ("AGENT", card.agents), ("UNREAD", card.unread)):
        other.setdefault(name, []).extend(filter(None, rest))
    return {name: shown for name, shown in other.items() if shown}


def _shown(card: Card, line: ContentLine) -> Any:
    if is_embedded(line):
        return _file(line)
    text = card.text(line)
    if line.name != "X-ABLABEL" or not line.group:
        return text
    # A label that Apple and Google give to another line of its group is told with that one.
    label = _APPLE_LABEL.sub(r"\1", text)
    group = (each for each in card.lines if each.group == line.group)
    named = (each for each in group if each.name != "X-ABLABEL")
    return f"{', '.join(_one_line(card.parts(each)) for each in named)}: {label}"


def _file(line: ContentLine) -> dict[str, Any]:
    """Of an embedded file what tells it from others; its bytes stay where they are."""
    head, comma, rest = line.value.partition(b",")
    if line.encoding != "base64" and comma:
        named = clean(head[5:].decode("latin-1")).rstrip("\\")
        data = from_base64(rest) if named.lower().endswith(";base64") else unquote_to_bytes(rest)
        kind = named.partition(";")[0].lower()
    else:
        data, kind = line.data, _declared_type(line)
    kind = kind or next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), "")
    return {"type": kind, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _declared_type(line: ContentLine) -> str:
    said = "".join(line.params.get("MEDIATYPE", ())) or ",".join(sorted(line.types))
    is_short = place_of(line) == "photo" and said and "/" not in said
    return f"image/{said}".lower() if is_short else said.lower()
