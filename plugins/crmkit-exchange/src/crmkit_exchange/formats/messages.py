"""One message of mail as values: who, to whom, when, about what, its text, its attachments."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from crmkit_exchange.formats.addresses import mailboxes
from crmkit_exchange.formats.charsets import clean, decoded, faithful
from crmkit_exchange.formats.encodedwords import header_text
from crmkit_exchange.formats.items import Item
from crmkit_exchange.formats.mime import Part, head_end, is_known_field, parameters, read_part
from crmkit_exchange.formats.plaintext import html_text, unflowed

__all__ = ["message_item", "message_values"]

LARGE = 1_000_000
"""Of a message of more bytes, `text` is the header alone."""
_PEOPLE = ("from", "to", "cc", "bcc", "reply-to", "sender")
_ID = re.compile(r"<([^<>]+)>")
_COMMENT = re.compile(r"\([^()]*\)")
_YEARS = range(1900, 2100)
"""A message of another year was not sent then: a clock was wrong, or the sender wants to stand first."""
_TEXTS = frozenset({"text/plain", "text/html", "text/enriched"})
_READABLE = frozenset(
    {"message/delivery-status", "text/rfc822-headers", "message/disposition-notification"}
)


def message_item(number: int, raw: bytes, line: int | None = None) -> Item:
    """A message as an item, which begins in a line of its file; nothing that is in it raises."""
    shown = faithful(raw if len(raw) <= LARGE else raw[: head_end(raw)])
    part = read_part(raw)
    if not any(is_known_field(name) for name, _ in part.fields):
        return Item(number, {}, shown, line, "has no header of a message")
    values = message_values(raw, part)
    if values.get("date") is None:
        return Item(number, values, shown, line, "has no date that can be read")
    return Item(number, values, shown, line)


def message_values(raw: bytes, part: Part) -> dict[str, Any]:
    """What a message says, as JSON values; what is missing is left out.

    `message_id` (a hash of the message if it has none), `thread` (the id of the message that began it), `references`,
    `in_reply_to`; `date` in UTC; `subject`; `from`, `to`, `cc`, `bcc`, `reply_to`, `sender` as lists of `{"name",
    "address"}`; `body`; `attachments` as a list of `{"name", "type", "size", "sha256"}`; `auto` where a program wrote
    it; `list_id`.
    """
    own = next(iter(_ids(part, "message-id")), "") or f"sha256:{hashlib.sha256(raw).hexdigest()}"
    earlier, replied = _ids(part, "references"), _ids(part, "in-reply-to")
    values: dict[str, Any] = {
        "message_id": own,
        "thread": next(iter([*earlier, *replied]), own),
        "references": earlier,
        "in_reply_to": next(iter(replied), None),
        "date": _date(part),
        "subject": clean(header_text(part.first("subject"))),
        "body": _body(part),
        "attachments": [_attachment(each) for each in part.leaves() if _is_attached(each, part)],
        "auto": _is_automatic(part) or None,
        "list_id": clean(header_text(part.first("list-id"))) or None,
    }
    for name in _PEOPLE:
        values[name.replace("-", "_")] = [
            {"name": clean(box.name), "address": clean(box.address)}
            for value in part.every(name)
            for box in mailboxes(decoded(value))
            if box.address
        ]
    return {name: value for name, value in values.items() if value not in (None, [], "")}


def _ids(part: Part, name: str) -> list[str]:
    """The message ids in a field; one without its brackets is taken as it stands."""
    text = clean(header_text(b" ".join(part.every(name))))
    found = ["".join(each.split()) for each in _ID.findall(text)]
    return [each for each in found if each] or (
        [text.split()[0]] if name == "message-id" and text.split() else []
    )


def _date(part: Part) -> str | None:
    """When it was sent: its own date, else when the last server that says so received it."""
    received = (value.rpartition(b";")[2] for value in part.every("received"))
    for value in [part.first("date"), *received]:
        try:
            moment = parsedate_to_datetime(_plain_date(header_text(value)))
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            if aware.year in _YEARS:
                return aware.astimezone(UTC).isoformat()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _plain_date(text: str) -> str:
    """A date without the comments and the space that RFC 5322 lets stand in its time."""
    return re.sub(r"(?<!\s)\s*:\s*", ":", _COMMENT.sub("", text))


# The text ----------------------------------------------------------------------------------------------------------


def _body(part: Part) -> str:
    """The text: what its parts say; if they say nothing, other texts there are, then what a report says."""
    leaves = [each for each in part.leaves() if not _is_put_aside(each)]
    others = [each for each in leaves if each.type.startswith("text/") and each.type not in _TEXTS]
    reports = [each for each in leaves if each.type in _READABLE]
    return _said(part, part) or _one_below_another(others) or _one_below_another(reports)


def _said(part: Part, message: Part) -> str:
    """What a part says: of alternatives the plain one, else the first that is text; of others all."""
    if not part.parts:
        is_said = part.type.startswith("text/") and not _is_attached(part, message)
        return _text(part).strip("\n") if is_said else ""
    said = [(each.type, text) for each in part.parts if (text := _said(each, message)).strip()]
    if said and part.type == "multipart/alternative":
        return next((text for kind, text in said if kind == "text/plain"), said[0][1])
    return "\n\n".join(text for _, text in said)


def _one_below_another(parts: list[Part]) -> str:
    texts = [_text(each).strip("\n") for each in parts]
    return "\n\n".join(text for text in texts if text.strip())


def _text(part: Part) -> str:
    said = parameters(part.first("content-type"))
    text = (
        clean(decoded(part.content(), said.get("charset")))
        .replace("\r\n", "\n")
        .replace("\r", "\n")
    )
    if part.type == "text/html":
        return html_text(text)
    if said.get("format", "").casefold() == "flowed":
        return unflowed(text, delete_space=said.get("delsp", "").casefold() == "yes")
    return text


# What is attached ---------------------------------------------------------------------------------------------------


def _name(part: Part) -> str:
    disposition = parameters(part.first("content-disposition")).get("filename")
    return clean(disposition or parameters(part.first("content-type")).get("name") or "")


def _is_attached(part: Part, message: Part) -> bool:
    """Whether a part is a file that goes with a message, and not what it says."""
    if part is message and not part.first("content-disposition"):
        return not part.type.startswith("text/") and part.type not in _READABLE
    if part.type == "message/rfc822" or _is_put_aside(part):
        return True
    return part.type not in _READABLE and (bool(_name(part)) or part.type not in _TEXTS)


def _is_put_aside(part: Part) -> bool:
    disposition = decoded(part.first("content-disposition")).partition(";")[0].strip().casefold()
    return disposition == "attachment"


def _attachment(part: Part) -> dict[str, Any]:
    """Name, type, size in bytes and SHA-256 of an attachment."""
    content = part.content()
    name = _name(part)
    if not name and part.type == "message/rfc822":
        subject = clean(header_text(read_part(content).first("subject")))
        name = f"{subject or 'message'}.eml"
    return {
        "name": name,
        "type": part.type,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _is_automatic(part: Part) -> bool:
    """Whether a program wrote it: replies and reports (RFC 3834), lists, bounces, which not all say so."""
    names = ("auto-submitted", "precedence", "from")
    said = {name: header_text(part.first(name)).casefold() for name in names}
    returned = [value.strip() for value in part.every("return-path")]
    return (
        said["auto-submitted"] not in {"", "no"}
        or said["precedence"] in {"bulk", "junk", "auto_reply"}
        or part.first("content-type").strip().lower().startswith(b"multipart/report")
        or b"<>" in returned
        or "mailer-daemon" in said["from"]
    )
