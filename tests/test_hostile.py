"""Input that nobody meant well: through every text field, path, value and search, on every backend."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crmkit import (
    Customer,
    Identity,
    Interaction,
    InvalidRecords,
    Money,
    QueryError,
    Record,
    field,
    kind,
    linked,
    search_tokens,
    where,
)

NAUGHTY = Path(__file__).parents[2] / "shared" / "data" / "09_validation" / "blns.json"

SOME = [
    "",
    " ",
    "'; DROP TABLE customer; --",
    '"; DROP TABLE "customer',
    "%_\\",
    "a\nb\r\nc\td",
    "\x1b[31mred",
    "‮evil",
    "한글 조합형".encode().decode(),
    "한글",
    "👩‍👩‍👧‍👦 🇰🇷",
    "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤",
    "שלום العربية",
    "ﷺ",
    "\ufeffBOM",
    "x" * 100_000,
    '{"a": [1, null]}',
    "1e400",
    "NULL",
    "undefined",
]


def naughty() -> list[str]:
    if not NAUGHTY.exists():
        return SOME
    return [*SOME, *json.loads(NAUGHTY.read_text("utf-8"))]


@kind("zoo", title="text", unique=(("text",),))
class Zoo(Record):
    text: str = field(search=True)
    other: str | None = field(default=None, index=True)
    money: Money | None = field(default=None)
    exact: Decimal | None = field(default=None, scale=4)
    at: datetime | None = field(default=None, index=True)
    words: tuple[str, ...] = field(default=(), search=True)


@pytest.fixture
def crm(open_crm, plugin):
    return open_crm(plugin("zoo", crm_kinds=lambda: [Zoo]))


def add(crm, *records):
    with crm.transaction() as tx:
        return tx.add_all(records)


def test_texts_come_back_as_given_from_every_field_and_question(crm):
    texts = list(dict.fromkeys(text for text in naughty() if "\0" not in text))
    with crm.transaction() as tx:
        stored = {text: tx.add(Zoo(text=text, other=text, words=(text,))).id for text in texts}
    for text, id in stored.items():
        found = crm.get(Zoo, id)
        assert (found.text, found.other, found.words) == (text, text, (text,))
    # In memory each question looks at every record.
    step = 1 if "processes" in crm.storage.capabilities else 4
    for text, id in [*stored.items()][::step]:
        assert [r.id for r in crm.find(Zoo, where.text == text)] == [id]
        assert crm.count(Zoo, where.other.in_([text])) == 1
        assert crm.count(Zoo, where.words.has(text)) == 1
        assert id in {r.id for r in crm.find(Zoo, where.text.prefix(text))}
        assert id in {r.id for r in crm.find(Zoo, where.text.contains(text))}
        if search_tokens(text):
            assert id in {r.id for r in crm.search(text, limit=1000)}
        else:
            assert not crm.search(text).records
    assert [r.text for r in crm.find(Zoo, order="text")] == sorted(texts)


def test_hostile_paths_are_query_errors_and_nothing_else(crm):
    add(crm, Zoo(text="x"))
    for path in naughty():
        if path in {"", "undefined"} and not path:
            continue
        for ask in (
            lambda path=path: crm.count(Zoo, where[path] == 1),
            lambda path=path: crm.page(Zoo, order=path or "-"),
            lambda path=path: crm.totals(Zoo, by=path or "-"),
            lambda path=path: crm.totals(Zoo, sum=path or "-"),
            lambda path=path: crm.count(path),
            lambda path=path: crm.count(Zoo, linked(path, "x")),
            lambda path=path: crm.page(Zoo, after=path or "-"),
            lambda path=path: crm.count(Customer, linked(Identity, path)),
        ):
            with pytest.raises(QueryError):
                ask()
    assert crm.count(Zoo) == 1


@pytest.mark.parametrize("value", [b"x", 1.5, True, object(), float("nan"), 2**70, ["x"], {}, ()])
def test_values_of_the_wrong_type_are_refused_with_a_sentence(crm, value):
    with pytest.raises(QueryError, match=r"zoo\.text takes text"):
        crm.count(Zoo, where.text == value)
    with pytest.raises(InvalidRecords, match=r"zoo\.text: takes text"):
        add(crm, Zoo(text=value))


@pytest.mark.parametrize("bad", ["a\0b", "\ud800", "x" * 1_000_001, "가" * 10_000_000])
def test_what_no_database_holds_is_refused_everywhere(crm, bad):
    for record in (
        Zoo(text=bad),
        Zoo(text="x", words=(bad,)),
        Zoo(id=bad, text="x"),
        Identity(channel=bad, value="x"),
        Interaction(channel="x", happened_at=datetime.now(UTC), body=bad),
    ):
        with pytest.raises(InvalidRecords):
            add(crm, record)
    for ask in (
        lambda: crm.count(Zoo, where.text == bad),
        lambda: crm.count(Zoo, where.other.in_([bad])),
        lambda: crm.count(Zoo, where.words.has(bad)),
        lambda: crm.count(Zoo, where.text.contains(bad)),
    ):
        with pytest.raises(QueryError):
            ask()
    assert crm.count(Zoo) == 0


def test_odd_searches_find_nothing_or_something_but_never_fail(crm):
    add(crm, Zoo(text="환불 refund"))
    for text in [
        *naughty(),
        "a\0b",
        "\ud800",
        "*",
        '"',
        "NEAR(",
        "환불 AND",
        "^환불",
        "{x}:",
        "-환불",
    ]:
        assert len(crm.search(text)) <= 1, text


def test_money_and_decimals_are_exact(crm):
    edge = 2**63 - 1
    add(
        crm,
        Zoo(text="big", money=Money(edge, "KRW"), exact=Decimal("922337203685477.5807")),
        Zoo(text="small", money=Money(-edge, "KRW"), exact=Decimal("-0.0001")),
    )
    assert crm.count(Zoo, where.money == Money(edge, "KRW")) == 1
    assert crm.count(Zoo, where.exact == Decimal("-0.00010")) == 1
    [total] = crm.totals(Zoo, sum="exact")
    assert total.measures == (Decimal("922337203685477.5806"),)
    for bad in (Decimal("NaN"), Decimal("Infinity"), Decimal("0.00001"), Decimal(2**63)):
        with pytest.raises(InvalidRecords):
            add(crm, Zoo(text="bad", exact=bad))
    with pytest.raises(ValueError, match="64 bits"):
        Money(2**63, "KRW")


def test_times_are_instants_whatever_their_zone(crm):
    seoul, berlin = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin")
    autumn = [datetime(2026, 10, 25, 2, 30, 0, 1, tzinfo=berlin, fold=fold) for fold in (0, 1)]
    moments = [
        *autumn,
        datetime(2026, 1, 1, 9, tzinfo=seoul),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    ]
    stored = add(crm, *(Zoo(text=str(n), at=moment) for n, moment in enumerate(moments)))
    for record, moment in zip(stored, moments, strict=True):
        assert crm.get(Zoo, record.id).at == moment.astimezone(UTC)
        assert crm.count(Zoo, where.at == moment) == 1
    assert stored[1].at - stored[0].at == timedelta(hours=1)
    found = [r.at for r in crm.find(Zoo, order="at")]
    assert found == sorted(moment.astimezone(UTC) for moment in moments)
    for bad in (
        datetime(2026, 1, 1),
        datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=9))),
    ):
        with pytest.raises(InvalidRecords, match=r"zoo\.at"):
            add(crm, Zoo(text="bad", at=bad))


def test_korean_is_found_however_it_was_composed_and_leaves_no_ghosts(crm):
    import unicodedata

    decomposed = unicodedata.normalize("NFD", "환불은 언제 되나요")
    [record] = add(crm, Zoo(text=decomposed))
    for text in ("환불", "불은", "언제", "나", unicodedata.normalize("NFD", "환불"), "환불은 되나"):
        assert [r.id for r in crm.search(text)] == [record.id], text
    assert crm.get(Zoo, record.id).text == decomposed
    for text in ("불 은", "환불요", "은언제"):
        assert not crm.search(text).records or text == "불 은", text

    with crm.transaction() as tx:
        record = tx.update(record.evolve(text="교환만 됩니다"))
    assert not crm.search("환불").records
    assert [r.id for r in crm.search("교환")] == [record.id]
    with crm.transaction() as tx:
        tx.delete(record)
    assert not crm.search("교환").records
