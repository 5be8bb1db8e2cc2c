"""Input that means harm, or looks like it: kept, found, and nothing more."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest

from crmkit.errors import CrmError, InvalidRecords, QueryError
from crmkit.query import Op, Where, where
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Specimen
from crmkit.testing.lab import Lab

__all__ = ["NAUGHTY", "Hostile"]

NAUGHTY = (
    "'; DROP TABLE specimen; --",
    "1' OR '1'='1",
    '"; DELETE FROM "specimen"; --',
    "') UNION SELECT * FROM sqlite_master --",
    "%s %d %(x)s {0} {x} ${x} $1 ?1 :name",
    "\\x00 \\0 \\' \\\" \\",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "null NULL None undefined NaN -Infinity true",
    "0 00 1e3 0x1F -0 +1 1_000",
    "2026-02-30T25:61:61Z",
    "ÅÍÎÏ˝ÓÔÒÚÆ☃ Œ„´‰ˇÁ¨ˆØ∏”’",
    "田中さんにあげて下さい 울란바토르 찦차를 타고 온 펲시맨과 쑛다리 똠방각하",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349algo",
    "👾 🙇 💁🏿 👨‍👩‍👧‍👦 🏴\U000e0067\U000e0062\U000e007f 🇺🇸🇷🇺",
    "\u202etest\u202c \u2066x\u2069 \u061c \ufeff",
    "ثم نفس سقطت הָיְתָה testالصفحات",
    "\u0000".replace("\0", "\u0001") + "\u0002\u0008\u001b[31m\u007f\u0085\u2028\u2029",
    "٠١٢٣ ½ ⅛ ²³ Ⅷ ①",
    "İ ı ſ ß ẞ ﬁ ǅ Σς",
    "\ufdfa\ufdfa",
    "\ufffe\uffff\U0001ffff\U0010ffff",
)
"""Texts that have broken software."""


def _naughty() -> list[str]:
    """These, and the big list of naughty strings where `CRMKIT_BLNS` or the shared data have it."""
    for place in (os.environ.get("CRMKIT_BLNS"), *_beside(Path.cwd())):
        if place and Path(place).is_file():
            return [*NAUGHTY, *filter(None, json.loads(Path(place).read_text("utf-8")))]
    return list(NAUGHTY)


def _beside(folder: Path) -> list[str]:
    tail = "shared/data/09_validation/blns.json"
    return [str(each / tail) for each in (folder, *folder.parents)]


class Hostile(Contract):
    """No input does anything but be kept, compared and found."""

    def test_naughty_texts_are_kept_and_found(self, lab: Lab) -> None:
        """Texts that have broken software come back as written, from every field, and equal only themselves."""
        texts = list(dict.fromkeys(_naughty()))
        made = lab.insert(
            *(
                Specimen(
                    name=text,
                    labels=(text,),
                    details={text: text},
                    serial=text,
                    added={"clinic.chart": text, "custom.tier": text, "custom.hints": (text,)},
                    extra={f"x {text}": text},
                )
                for text in texts
            )
        )
        assert lab.find() == made
        for text, record in zip(texts, made, strict=True):
            assert [each.id for each in lab.find(where.name == text)] == [record.id], text
        for text, record in zip(texts[: len(NAUGHTY)], made, strict=False):
            for path in ("serial", "clinic.chart", "custom.tier"):
                assert [each.id for each in lab.find(where[path] == text)] == [record.id], text
            for path in ("labels", "custom.hints"):
                assert [each.id for each in lab.find(where[path].has(text))] == [record.id], text

    def test_naughty_texts_are_parts(self, lab: Lab) -> None:
        """`contains` and `prefix` find naughty texts inside of others, `in_` among others."""
        texts = list(dict.fromkeys(_naughty()))
        lab.insert(*(Specimen(name=text, notes=f"<{text}>") for text in texts))
        for text in texts:
            assert text in lab.names(where.notes.contains(text))
            assert text in lab.names(where.notes.prefix(f"<{text}"))
        assert lab.count(where.name.in_(texts)) == len(texts)

    def test_naughty_texts_are_searched(self, lab: Lab) -> None:
        """Searching for any text raises nothing, and finds the record with that very text if it has words."""
        texts = list(dict.fromkeys(_naughty()))
        lab.insert(*(Specimen(name=text) for text in texts))
        for text in texts:
            found = lab.search(text, limit=10_000)
            assert not found or text in found, text

    def test_naughty_keys(self, lab: Lab) -> None:
        """Keys of state, ids and stamps may be any text."""
        texts = list(dict.fromkeys(_naughty()))
        ids = {text[:100]: text for text in reversed(texts)}
        for start in range(0, len(texts), 50):
            part = texts[start : start + 50]
            with lab.storage.transaction() as tx:
                for number, text in enumerate(part, start):
                    tx.set_state(text, number)
                    assert tx.state(text) == number
                    if ids.get(text[:100]) == text:
                        lab.add(Specimen(id=text[:100], name="x"), tx=tx, transaction=text)
        assert [lab.storage.state(text) for text in texts] == list(range(len(texts)))
        found = lab.storage.get("specimen", list(ids))
        assert [each and each.id for each in found] == list(ids)
        for id, text in ids.items():
            assert [each.transaction for each in lab.storage.history("specimen", id)] == [text]
            assert lab.find(where.id == id) == [lab.storage.get("specimen", [id])[0]]

    def test_naughty_paths_reach_no_database(self, lab: Lab) -> None:
        """A path, kind or operator that does not exist is a `QueryError`, whatever is in it."""
        lab.named("a")
        paths = [
            *_naughty(),
            'name" --',
            "name'",
            "name;",
            "name.x",
            "customer_id.",
            ".name",
            "",
            "NAME",
        ]
        for path in paths:
            for attempt in (
                lambda p=path: lab.find(where[p] == 1),
                lambda p=path: lab.find(order=p),
                lambda p=path: lab.find(kind=p),
                lambda p=path: lab.find(Where("name", p, "x")),
                lambda p=path: lab.storage.totals(lab.query("specimen"), [p]),
                lambda p=path: lab.storage.search("a", [p], 1),
                lambda p=path: lab.storage.get(p, ["a"]),
            ):
                with pytest.raises(QueryError):
                    attempt()
        assert lab.names() == ["a"]

    def test_values_that_nothing_can_hold_are_refused(self, lab: Lab) -> None:
        """NUL, lone surrogates and texts over a million characters are refused before they reach the database."""
        for text in ("a\0b", "\ud800", "\udfffx", "x" * 1_000_001):
            with pytest.raises(InvalidRecords):
                lab.add(Specimen(name=text))
            with pytest.raises(InvalidRecords):
                lab.add(Specimen(details={"a": [text]}))
            with pytest.raises(InvalidRecords):
                lab.add(Specimen(extra={text: 1}))
            ops: tuple[Op, ...] = ("eq", "lt", "prefix", "contains")
            for op in ops:
                with pytest.raises(QueryError):
                    lab.find(Where("name", op, text))
            with pytest.raises(QueryError):
                lab.find(where.labels.has(text))
        assert lab.find() == []

    def test_searching_for_what_nothing_can_hold(self, lab: Lab) -> None:
        """A search for NUL, lone surrogates or a very long text is answered or refused, and never fails otherwise."""
        lab.named("a b")
        for text in ("a\0b", "\ud800 a", "a " * 5_000, "가" * 10_000):
            with suppress(CrmError):
                assert lab.search(text) in (["a b"], [])
        assert lab.search("b") == ["a b"]

    def test_ids_that_are_nothing_are_nowhere(self, lab: Lab) -> None:
        """Asking for any id at all gives None for those that are not there."""
        ids = [*_naughty(), "", "a\0b", "\ud800", "x" * 10_000]
        assert lab.storage.get("specimen", ids) == [None] * len(ids)
        assert lab.storage.versions("specimen", ids) == {}
        assert lab.storage.history("specimen", "a\0b") == []
        assert lab.storage.state("\ud800") is None
