"""Presets take whatever a table has in it: no columns and no values make them raise."""

from __future__ import annotations

from typing import Any

import pytest
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.presets.known import PRESETS, recognised
from crmkit_exchange.presets.preset import Preset
from hypothesis import given, settings
from hypothesis import strategies as st

COLUMNS = st.sampled_from([name for each in PRESETS for names in each.signatures for name in names])
MARKS = ("deleted", "is_deleted", "isdeleted", "_fivetran_deleted", "archived", "active", "status", "masterrecordid")  # fmt: skip
"""Columns in which sources say that something is thrown away."""
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(COLUMNS | st.text(max_size=20), unique=True, max_size=20),
    st.none() | st.sampled_from(["users", "tickets", "results", "data"]) | st.text(max_size=9),
)
def test_any_table_is_recognised_asked_about_or_unknown(columns: list[str], within: str | None):
    sizes = [each.fits(columns, within) for each in PRESETS]
    fitting = [
        each for each, size in zip(PRESETS, sizes, strict=True) if size and size == max(sizes)
    ]

    if len(fitting) > 1:
        with pytest.raises(FileRefused, match=r"^x\.csv can be .* or .*; say which with --preset"):
            recognised(PRESETS, columns, within, "x.csv")
    else:
        assert recognised(PRESETS, columns, within, "x.csv") == (fitting or [None])[0]


@pytest.mark.parametrize(
    "preset", [each for each in PRESETS if each.kind], ids=lambda each: each.name
)
@settings(deadline=None, max_examples=15)
@given(st.data())
def test_no_row_makes_a_preset_raise(preset: Preset, data: Any):
    looked_at = sorted({*preset.columns, *MARKS})
    row = data.draw(st.dictionaries(st.sampled_from(looked_at), ANYTHING, max_size=8))

    for value in preset.fields.values():
        value(row)
    for reference in preset.references.values():
        found = reference.found(row)
        assert found is None or found[1]
    assert preset.skip is None or isinstance(preset.skip(row), str | None)


@pytest.mark.parametrize("given_", ["a.pdf", 1, {"name": "a.pdf"}, "", None, []])
def test_what_is_no_list_of_attachments_is_none(given_: object):
    (mail,) = [each for each in PRESETS if each.name == "mail"]

    assert mail.fields["exchange.attachments"]({"attachments": given_}) is None
    assert mail.fields["exchange.attachments"]({"attachments": [{"name": "a"}]}) == ({"name": "a"},)
