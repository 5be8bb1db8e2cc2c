"""Amounts of money as files have them: with commas between thousands, with the sign of a currency, or with its code."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from crmkit import Money, ValueRefused

__all__ = ["amount_of", "parse_money"]

_SIGNS = {
    "₩": ("KRW",),
    "\\": ("KRW",),  # the won sign of Korean encodings has the place of the backslash
    "원": ("KRW",),
    "€": ("EUR",),
    "£": ("GBP",),
    "₹": ("INR",),
    "₫": ("VND",),
    "฿": ("THB",),
    "¥": ("JPY", "CNY"),
    "円": ("JPY",),
    "元": ("CNY",),
    "$": ("USD", "AUD", "CAD", "HKD", "MXN", "NZD", "SGD", "TWD"),
}
"""The currencies that a sign may stand for."""
_SIGN = rf"(?P<{{}}>[{re.escape(''.join(_SIGNS))}]|[A-Za-z]{{{{3}}}})"
_WRITTEN = re.compile(
    rf"(?P<minus>-)?\s*(?:{_SIGN.format('front')}\s*)?(?P<inner>[+-])?"
    r"(?P<figure>\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)"
    rf"\s*(?:{_SIGN.format('behind')})?"
)
_DASHES = str.maketrans("−–", "--")  # as spreadsheets and typesetters write a minus


def parse_money(text: str, currency: str) -> Money:
    """The money that a text means; without a code or a sign in `currency`. Nothing is converted, and nothing rounded.

    A sign that several currencies share (`$`) means `currency` if that is one of them. Raises `ValueRefused`, also for
    a comma that does not stand before three digits: `1,50` is one and a half in one country, and an error in another.
    """
    amount, signs = _read(text)
    meant = [_SIGNS.get(each, (each.upper(),)) for each in signs]
    found = next((each[0] for each in meant if len(each) == 1), None)
    for can in meant:
        if found is None and currency not in can:
            raise ValueRefused(
                f"holds {text!r:.40}, whose sign may be {' or '.join(can[:3])}; write the code, as in 12.50 {can[0]}"
            )
        if (found or currency) not in can:
            raise ValueRefused(f"holds {text!r:.40}, which names two currencies; leave one")
    found = found or currency
    money = Money.of(amount, found)
    if money.amount != amount:
        raise ValueRefused(
            f"holds {text!r:.40}, which is finer than {found} goes; round it, then import it"
        )
    return money


def amount_of(text: str) -> Decimal:
    """The figure alone, in whatever currency. Raises `ValueRefused`."""
    return _read(text)[0]


def _read(text: str) -> tuple[Decimal, list[str]]:
    """The figure in a text, and the codes and signs of currencies around it."""
    # Folding turns the wide won sign and wide digits of Korean keyboards into the plain ones.
    bare = unicodedata.normalize("NFKC", text).strip().translate(_DASHES)
    match = _WRITTEN.fullmatch(bare) if len(bare) <= 60 else None
    if match is None or (match["minus"] and match["inner"]):
        raise ValueRefused(
            f"holds {text!r:.40}, which is no amount; write it as in 1234.50 or 1,234.50"
        )
    minus = "-" if "-" in (match["minus"], match["inner"]) else ""
    signs = [each for each in (match["front"], match["behind"]) if each]
    return Decimal(minus + match["figure"].replace(",", "")), signs
