"""How well duplicates are found in real data; `evaluation.py` prints all figures."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
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


@pytest.mark.skipif(
    importlib.util.find_spec("crmkit_exchange") is None, reason="crmkit-exchange is not installed"
)
@pytest.mark.parametrize("crm_plugins", [["exchange", "collaborative"]])
def test_febrl_as_anybody_would_import_it(data, crm, crm_cli):
    """The file says what its columns are, no field takes them, and the thresholds are those of an empty crm.toml."""
    crm_cli("import", str(data / "08_dedupe/febrl_dataset1.csv"), "--map", "rec_id=id")
    found = json.loads(crm_cli("duplicates", "find", "--format", "json").stdout)

    cluster = {each.record_id: each.external_id.split("-")[1] for each in crm.find("external_id")}
    true = sum(count * (count - 1) // 2 for count in Counter(cluster.values()).values())
    right = [each for each in found if cluster[each["a"]] == cluster[each["b"]]]
    assert 2 * len(right) / (len(found) + true) >= 0.99
    assert all(each in right for each in found if each["zone"] == "auto")


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
