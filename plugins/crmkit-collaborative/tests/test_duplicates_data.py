"""How well duplicates are found in real data; `evaluation.py` prints all figures."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location(
    "evaluation", Path(__file__).with_name("evaluation.py")
)
evaluation = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(evaluation)


def test_febrl(data):
    found = evaluation.evaluate(*evaluation.febrl())
    assert found.f1 >= 0.98
    assert found.auto_precision == 1.0


def test_people_who_are_written_very_badly(data):
    found = evaluation.evaluate(*evaluation.fake())
    assert found.f1 >= 0.9
    assert found.auto_precision == 1.0


def test_korean_libraries(data):
    found = evaluation.evaluate(*evaluation.register())
    assert found.f1 >= 0.95
    assert found.auto_precision == 1.0


@pytest.mark.long
def test_a_hundred_thousand_are_compared_in_bounded_memory():
    base = evaluation.many(100_000)
    assert len(evaluation.scored(base)) < 20 * len(base)
