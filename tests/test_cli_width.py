"""How wide text is on a terminal, and what becomes of what a terminal would obey."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.cli.width import cut, escaped, padded, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("Kim", 3),
        ("한빛", 4),
        ("\u1112\u1161\u11ab", 2),  # 한, decomposed
        ("e\u0301", 1),
        ("😀", 2),
        ("❤\ufe0f", 2),
        ("ﾊﾝ", 2),
        ("Ａ", 2),
        ("a\u200bb", 2),
        ("", 0),
    ],
)
def test_width_is_what_a_terminal_shows(text: str, columns: int) -> None:
    assert width(text) == columns


def test_cutting_never_splits_a_wide_character() -> None:
    assert cut("한빛전자", 8) == "한빛전자"
    assert cut("한빛전자", 7) == "한빛전…"
    assert cut("한빛전자", 6) == "한빛…"


@given(st.text(), st.integers(1, 40))
def test_a_text_that_was_cut_fits(text: str, columns: int) -> None:
    assert width(padded(cut(text, columns), columns)) == columns


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert escaped("\x1b[2J\u202eoh\n") == "\\x1b[2J\\u202eoh\\n"
    assert escaped("한빛 👨‍👩‍👧") == "한빛 👨‍👩‍👧"


@given(st.text(st.characters()))
def test_escaped_text_is_one_line_without_controls(text: str) -> None:
    shown = escaped(text)

    assert len(shown.splitlines()) <= 1
    assert all(ord(each) >= 32 and not 0x7F <= ord(each) < 0xA0 for each in shown)
    shown.encode()
