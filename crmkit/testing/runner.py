"""Runs a contract without pytest: which of its tests does a storage fail?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable

import pytest

from crmkit.testing.contracts.base import Contract
from crmkit.testing.lab import Lab, Opener

__all__ = ["contract_tests", "failing"]


def contract_tests(contract: type[Contract]) -> dict[str, str]:
    """The names of a contract's tests, each with the rule that it checks."""
    members = inspect.getmembers(contract, inspect.isfunction)
    return {name: inspect.getdoc(each) or "" for name, each in members if name.startswith("test_")}


def failing(
    contract: type[Contract], database: Callable[[], Opener], names: Iterable[str] | None = None
) -> dict[str, Exception]:
    """The tests that fail, with what they raised; `database` makes an empty one and gives the function that opens it."""
    failed: dict[str, Exception] = {}
    for name in names if names is not None else contract_tests(contract):
        try:
            _run(contract, name, database())
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception) as error:
            failed[name] = error if isinstance(error, Exception) else AssertionError(str(error))
    return failed


def _run(contract: type[Contract], name: str, open_storage: Opener) -> None:
    test = getattr(contract(), name)
    wanted = inspect.signature(test).parameters
    values: dict[str, object] = {"open_storage": open_storage}
    lab = Lab(open_storage()) if "lab" in wanted else None
    try:
        test(**{each: lab if each == "lab" else values[each] for each in wanted})
    finally:
        if lab is not None:
            lab.storage.close()
