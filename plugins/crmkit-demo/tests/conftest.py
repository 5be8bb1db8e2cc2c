"""Companies of the demo, made in memory, and the command in an empty folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import crmkit_demo
import pytest
from click.testing import CliRunner, Result
from crmkit_demo.running import Company, made

from crmkit import CRM, Config
from crmkit.cli.root import crm as command
from crmkit.codec import dump_document

UNTIL = date(2026, 3, 2)

Everything = tuple[list[dict[str, Any]], list[tuple[Any, ...]]]


def opened(url: str = "memory://", *plugins: Any) -> CRM:
    return CRM.open(url, plugins=["sqlite", crmkit_demo, *plugins], config=Config())


def make(crm: CRM, customers: int = 40, seed: int = 1) -> Company:
    return made(crm, customers, seed, UNTIL, lambda length: lambda count: None)


def everything(crm: CRM, but: tuple[str, ...] = ()) -> Everything:
    """All documents but those of some kinds, and the journal; positions are the database's, transactions numbered."""
    kinds = [kind for kind in crm.schema if kind.name not in but]
    records = [
        dump_document(kind, record) for kind in kinds for record in crm.find(kind.name, order="id")
    ]
    numbers: dict[str, int] = {}
    changes = [
        (
            numbers.setdefault(each.transaction, len(numbers)),
            (each.kind, each.id, each.version, each.action),
            (each.at, each.effective, each.actor, each.delta),
        )
        for each in crm.changes()
        if each.kind not in but
    ]
    return records, changes


@pytest.fixture(scope="session")
def company() -> Iterator[tuple[CRM, Company]]:
    """A company of the usual size; nobody writes to it."""
    with opened() as crm:
        yield crm, make(crm, 200)


@pytest.fixture(scope="session")
def crm(company: tuple[CRM, Company]) -> CRM:
    """Its database."""
    return company[0]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `crm` in an empty folder, in English unless told otherwise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    for name in ("CRMKIT_DB", "CRMKIT_CONFIG", "CRMKIT_ACTOR", "UV_RUN_RECURSION_DEPTH"):
        monkeypatch.delenv(name, raising=False)

    def run_(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(command, list(arguments), prog_name="crm")
        assert result.exit_code == code, result.output
        return result

    return run_
