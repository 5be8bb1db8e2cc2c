"""Amounts of money as files have them: nothing is guessed, converted or rounded."""

from __future__ import annotations

import pytest
from crmkit_exchange.amounts import amount_of, parse_money
from hypothesis import given
from hypothesis import strategies as st

from crmkit import Money, ValueRefused


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12", "12.00 USD"),
        ("12.", "12.00 USD"),
        (".5", "0.50 USD"),
        ("1,234,567.8", "1,234,567.80 USD"),
        ("-12.50", "-12.50 USD"),
        ("−12.50", "-12.50 USD"),
        ("+3", "3.00 USD"),
        ("$ 12", "12.00 USD"),
        ("-$12", "-12.00 USD"),
        ("$-12", "-12.00 USD"),
        ("12 EUR", "12.00 EUR"),
        ("eur 12", "12.00 EUR"),
        ("12€", "12.00 EUR"),
        ("£1,000", "1,000.00 GBP"),
        ("₩12,000", "12,000 KRW"),
        ("￦12,000", "12,000 KRW"),
        ("\\12,000", "12,000 KRW"),
        ("12,000원", "12,000 KRW"),
        ("１２", "12.00 USD"),
        ("₩12,000 KRW", "12,000 KRW"),
    ],
)
def test_amounts_as_people_write_them(written: str, meant: str):
    assert str(parse_money(written, "USD")) == meant


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "no amount"),
        ("free", "no amount"),
        ("1,50", "no amount"),
        ("1.234,50", "no amount"),
        ("12,34,567", "no amount"),
        ("--1", "no amount"),
        ("1 2", "no amount"),
        ("NaN", "no amount"),
        ("1e5", "no amount"),
        ("9" * 61, "no amount"),
        ("9" * 40, "64 bits"),
        ("12.345", "finer than USD goes"),
        ("12.5 KRW", "finer than KRW goes"),
        ("¥12", "JPY or CNY"),
        ("$12 EUR", "two currencies"),
        ("₩12 EUR", "two currencies"),
    ],
)
def test_what_is_no_amount_is_refused(written: str, why: str):
    with pytest.raises(ValueRefused, match=why):
        parse_money(written, "USD")


def test_a_sign_that_several_share_is_the_companys_if_it_has_that():
    assert parse_money("$12", "CAD") == Money(1200, "CAD")
    assert parse_money("¥12", "JPY") == Money(12, "JPY")
    assert parse_money("$12 CAD", "KRW") == Money(1200, "CAD")
    with pytest.raises(ValueRefused, match="USD or AUD or CAD"):
        parse_money("$12", "KRW")


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["KRW", "USD", "BHD", "EUR"]))
def test_what_money_prints_is_read_as_it(minor: int, currency: str):
    money = Money(minor, currency)

    assert parse_money(str(money), "XXX") == money
    assert amount_of(str(money)) == money.amount
