"""Orders out of any file: `customer`, `external_id`, `total` and `currency`, which an order has in files only."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import attrs
from crmkit_exchange.amounts import amount_of
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.presets.fields import ImportFields, Said
from crmkit_exchange.presets.preset import Part, Preset, Reference
from crmkit_exchange.presets.values import Made, Row, Value

from crmkit import Handle, ValueRefused
from crmkit.cli.language import Language
from crmkit_operational.sales.kinds import OrderLine, SalesOrder

__all__ = ["FIELDS"]

PACKAGE = "crmkit_operational"


def _applied(crm: Handle, preset: Preset, said: Mapping[str, Said]) -> Preset:
    """The preset with what was said of these fields."""
    # Of two purchases that are alike word for word, neither is a copy: somebody bought the same twice that day.
    found = attrs.evolve(preset, repeats=True)
    if "customer" in said:
        found = _of_customers(found, said["customer"])
    if "external_id" in said:
        found = _numbered(found, said["external_id"])
    if "total" in said:
        found = _totalled(crm, found, said["total"].value, said.get("currency"))
    elif "currency" in said:
        raise FileRefused(
            "a currency is that of a total; say which column that is, as in --map COLUMN=total"
        )
    return found


def _of_customers(preset: Preset, said: Said) -> Preset:
    if said.column is None:
        raise FileRefused(
            "--set customer says nothing of a row; use --set customer_id=ID for one customer of all"
        )
    own = Reference(said.value, said.object or (), makes=said.object or "customer")
    return attrs.evolve(preset, references={**preset.references, "customer_id": own})


def _numbered(preset: Preset, said: Said) -> Preset:
    if said.column is None:
        raise FileRefused(
            "--set external_id would be one id for all rows; map a column, as in --map COLUMN=external_id"
        )
    fields = preset.fields if "number" in preset.fields else {**preset.fields, "number": said.value}
    return attrs.evolve(preset, key=said.column, fields=fields, if_free=("number",))


def _totalled(crm: Handle, preset: Preset, total: Value, currency: Said | None) -> Preset:
    """The preset with a line of each row's total; one that is negative makes the order a return."""
    code = currency.value if currency else Made(lambda _: None, ())

    def price(row: Row) -> str | None:
        amount = _text(total, row)
        return f"{amount} {_text(code, row)}".strip() if amount else None

    def status(row: Row) -> str | None:
        with suppress(ValueRefused):  # the line refuses it, with a better sentence
            return "returned" if amount_of(_text(total, row) or "0") < 0 else None
        return None

    columns = dict.fromkeys([*total.columns, *code.columns])
    line = Part(
        name="line",
        kind=OrderLine,
        owner="order_id",
        fields={"unit_price": Made(price, columns)},
        constants={"product": _word(crm)},
    )
    fields = preset.fields
    if "status" not in fields:
        fields = {**fields, "status": Made(status, total.columns)}
    return attrs.evolve(preset, fields=fields, parts=(line,))


def _text(value: Value, row: Row) -> str:
    given = value(row)
    return "" if given is None else str(given).strip()


def _word(crm: Handle) -> str:
    """What the line is called: in the company's language, so that it does not depend on who imports."""
    return Language(crm.company.language or "en", [PACKAGE])("Total", PACKAGE)


FIELDS = ImportFields(
    kind=SalesOrder.__kind__,
    fields={
        "customer": "whose order it is: an id of the source; a customer who is not here is made",
        "external_id": "the order's id in the source; its number too, if no other order has that",
        "total": "what it came to, kept as one line; a negative one is a return",
        "currency": "the currency of the total, where it is not the company's",
    },
    applied=_applied,
)
