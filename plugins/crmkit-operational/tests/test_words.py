"""The plugins' words: what people read is extracted, translated and compiled, and every code has a word."""

import re
from pathlib import Path
from typing import get_args

import crmkit_operational
import pytest
from crmkit_operational.service.settings import Strategy
from crmkit_operational.words import WORDS

from crmkit.cli.language import Language
from crmkit.testing.catalogs import check_catalogs


def test_the_catalogs_are_whole():
    pytest.importorskip("babel", reason="babel is not installed")
    check_catalogs(Path(crmkit_operational.__file__).parent, "crmkit_operational", "ko")


def codes_of(schema):
    """Every value of the plugins' fields that can have only so many."""
    for kind in schema:
        for field in kind.fields.values():
            if kind.owner.split()[0] in ("sales", "service", "automation"):
                yield from getattr(field.type, "values", ())


def test_every_code_that_a_record_keeps_has_a_word_in_english_and_in_korean(crm):
    codes = {*codes_of(crm.schema), *get_args(Strategy)}
    assert {"on_hold", "first_response", "won", "loop", "away", "weighted"} <= codes

    korean = Language("ko", ["crmkit_operational"])
    assert codes <= WORDS.keys()
    for english in WORDS.values():
        assert "_" not in english
        assert re.search("[가-힣]", korean(english, "crmkit_operational")), english
