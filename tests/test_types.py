"""The types of fields: what they take, their plain form, and what people write."""

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from enum import Enum, IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.errors import ValueRefused
from crmkit.testing.kinds import Colour, zoo
from crmkit.testing.strategies import values_of
from crmkit.types import (
    MAX_TEXT,
    Choice,
    Date,
    DateTime,
    Flag,
    Items,
    MoneyType,
    Number,
    Object,
    Ref,
    Scaled,
    Text,
    Whole,
    described,
)
from crmkit.values import INT64, Money

FIELDS = [field for kind in zoo() for field in kind.fields.values()]


class Size(IntEnum):
    SMALL = 1


class Word(StrEnum):
    ONE = "one"


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@given(st.data())
def test_values_survive_their_plain_form(field, data):
    value = field.type.accept(data.draw(values_of(field.type)))
    plain = json.loads(json.dumps(field.type.dump(value)))
    back = field.type.load(plain)
    assert back == value
    assert type(back) is type(value)
    assert field.type.accept(value) == value


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_types_are_made_again_from_their_description(field):
    again = described(json.loads(json.dumps(field.type.describe())))
    assert again.name == field.type.name
    assert again.describe() == field.type.describe()
    assert again.ops == field.type.ops


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        (Text(), [1, None, b"x", "a\0b", "\ud800", "x" * (MAX_TEXT + 1)]),
        (Ref(kind="customer"), [1, "\0"]),
        (Flag(), [1, 0, "true", None]),
        (Whole(), [True, 1.0, "1", INT64 + 1, -INT64 - 1, Decimal(1)]),
        (Number(), [True, "1", math.nan, math.inf, 10**400, Decimal(1)]),
        (Scaled(scale=2), [True, 1.0, "1", Decimal("0.001"), Decimal("NaN"), Decimal("1e30")]),
        (Scaled(scale=2), [Decimal("1." + "0" * 40 + "1"), Decimal("92233720368547758.08")]),
        (DateTime(), [datetime(2026, 1, 1), date(2026, 1, 1), "2026-01-01T00:00Z", 0]),
        (Date(), [datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01"]),
        (Choice(values=(1, 2)), [True, 1.0, "1", 3]),
        (Choice(values=("red",), enum=None), ["RED", Colour.RED, None]),
        (MoneyType(), [1, (1, "EUR"), {"minor": 1, "currency": "EUR"}]),
        (Items(), ["abc", {"a"}, ("\0",), (math.nan,), (object(),), ({1: 2},), (INT64 + 1,)]),
        (Object(), [[("a", 1)], {1: 2}, {"a": {"b": object()}}, {"\ud800": 1}, {"a": math.inf}]),
    ],
)
def test_other_values_are_refused(type_, values):
    for value in values:
        with pytest.raises(ValueRefused):
            type_.accept(value)


@pytest.mark.parametrize(
    ("type_", "plain"),
    [
        (DateTime(), 5),
        (DateTime(), "2026-01-01T00:00"),
        (Date(), "x"),
        (Scaled(scale=2), 1.5),
        (Scaled(scale=2), "1.555"),
        (MoneyType(), {"minor": 1}),
        (MoneyType(), [1, "EUR"]),
        (Flag(), 1),
    ],
)
def test_plain_forms_that_no_value_has_are_refused(type_, plain):
    with pytest.raises(ValueRefused):
        type_.load(plain)


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (Flag(), "예", True),
        (Flag(), " no ", False),
        (Whole(), " 12 ", 12),
        (Number(), "1.5", 1.5),
        (Scaled(scale=2), "1.5", Decimal("1.50")),
        (Date(), "2026-03-01", date(2026, 3, 1)),
        (DateTime(), "2026-03-01T09:00+09:00", datetime(2026, 3, 1, tzinfo=UTC)),
        (Choice(values=(1, 2)), "2", 2),
        (MoneyType(), "1,250.50 EUR", Money(125050, "EUR")),
        (Items(), "a, b,,c", ("a", "b", "c")),
        (Items(), '["a,b"]', ("a,b",)),
        (Object(), '{"a": 1}', {"a": 1}),
    ],
)
def test_what_people_write(type_, text, value):
    assert type_.parse(text) == value


@pytest.mark.parametrize(
    "type_", [Flag(), Whole(), Number(), Scaled(scale=2), Date(), DateTime(), MoneyType(), Object()]
)
@given(text=st.one_of(st.text(), st.sampled_from(["nan", "1e999", "[" * 9_000, "1_0", "٣"])))
def test_what_makes_no_sense_is_refused(type_, text):
    try:
        value = type_.parse(text)
    except ValueRefused:
        return
    assert type_.accept(value) == value


def test_decimals_do_not_depend_on_the_context():
    with localcontext() as context:
        context.prec = 4
        assert Scaled(scale=2).accept(Decimal("123456.78")) == Decimal("123456.78")
        assert Scaled(scale=2).dump(Decimal("123456.78")) == "123456.78"


def test_members_and_values_of_enums():
    type_ = Choice(values=tuple(each.value for each in Colour), enum=Colour)
    assert type_.accept(Colour.RED) is type_.accept("red") is Colour.RED
    assert type_.dump(Colour.RED) == "red"
    assert issubclass(Colour, Enum)


def test_subclasses_of_plain_types_become_plain():
    assert type(Text().accept(Word.ONE)) is str
    assert type(Whole().accept(Size.SMALL)) is int


def test_minus_zero_becomes_zero():
    assert math.copysign(1, Number().accept(-0.0)) == 1


def test_nesting_ends_somewhere():
    deep = []
    for _ in range(60):
        deep = [deep]
    with pytest.raises(ValueRefused, match="50 levels"):
        Items().accept(deep)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("12000", "as in 12000 KRW"),
        ("12.5 KRW", "finer than KRW goes"),
        ("0.001 EUR", "finer than EUR goes"),
        ("x KRW", "not an amount"),
        ("12 won", "three capital letters"),
        ("", "as in 12000 KRW"),
    ],
)
def test_money_that_people_write_is_never_rounded_nor_guessed(text, words):
    with pytest.raises(ValueRefused, match=words):
        MoneyType().parse(text)
