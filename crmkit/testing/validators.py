"""Whether what a plugin brings can be used: kinds, commands, workers, storages. Each function is one validator."""

from __future__ import annotations

import inspect
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import attrs

from crmkit import (
    Config,
    CrmError,
    Field,
    Finding,
    Kind,
    Money,
    Record,
    Schema,
    Storage,
    Write,
)
from crmkit.changes import Stamp
from crmkit.codec import accept, dump_document, load_document
from crmkit.memory import MemoryStorage
from crmkit.plugins import Found, Plugins, resolve
from crmkit.types import Choice

__all__ = [
    "SMOKE",
    "Probe",
    "commands",
    "failed",
    "kept",
    "kinds",
    "said",
    "storages",
    "upgraded",
    "workers",
]

METHODS = frozenset({"contains", "has", "in_", "missing", "prefix", "present"})
"""What `where.NAME` is a method for, so that a field of the name needs brackets."""

SMOKE = (
    "test_a_record_comes_back_as_it_was_written",
    "test_a_rollback_leaves_nothing",
    "test_a_stale_update_names_both_versions",
    "test_unique_values_are_refused_twice",
    "test_a_reference_must_lead_somewhere",
    "test_a_korean_word_is_found_inside_of_longer_ones",
    "test_the_law_of_the_journal",
    "test_state_is_compared_and_set",
    "test_prepare_can_be_repeated",
)
"""Tests of the storage contract that every storage is put to here; its own tests run all of them."""

NOW = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)


@attrs.frozen
class Probe:
    """A plugin that was loaded, together with those that it requires."""

    found: Found
    plugins: Plugins
    schema: Schema
    config: Config

    def own(self, brought: Mapping[str, tuple[Any, Any]]) -> list[Any]:
        """What the plugin itself brings of what all bring."""
        return [item for item, call in brought.values() if call.owner == self.found]

    @property
    def kinds(self) -> list[Kind]:
        """The kinds that it brings."""
        return [self.schema[each.__kind__] for each in self.own(self.plugins.kinds())]


def said(error: Exception) -> Finding:
    """The sentence of an error, its last part being what to do."""
    text, _, fix = str(error).partition("; or go on without it")[0].rpartition("; ")
    return Finding(text or fix, fix if text else "mend it")


def failed(text: str, error: BaseException, fix: str) -> Finding:
    """The finding that something raised an exception."""
    said = f": {error}" if str(error).strip() else ""
    return Finding(f"{text}: {type(error).__name__}{said}", fix)


# Kinds ---------------------------------------------------------------------------------------------------------


def kinds(probe: Probe) -> Iterator[Finding]:
    """Kinds say what they are called and what names their records, and no field hides a method."""
    for kind in probe.kinds:
        if kind.title == "id":
            text = f"lists show records of {kind.name} by their id"
            yield Finding(text, "give @kind(title=...) the field that names a record", "warning")
        if not (kind.cls.__doc__ or "").strip():
            yield Finding(f"{kind.cls.__name__} has no docstring", "say what it is", "warning")
    brought = [(kind, field) for kind in probe.kinds for field in kind.fields.values()]
    for kind, field in brought:
        name = field.name.rpartition(".")[2]
        if name in METHODS:
            text = f"{kind.name}.{name} has the name of a method of conditions"
            yield Finding(
                text, f'call it otherwise, or everybody must write where["{name}"]', "warning"
            )
        if callable(getattr(Record, name, None)) and not field.added:
            text = f"{kind.name}.{name} hides the method of that name that every record has"
            yield Finding(text, "call it otherwise")


def kept(probe: Probe) -> Iterator[Finding]:
    """A record of each kind comes back from storage, and from plain form, as it was."""
    samples: dict[str, Record] = {}
    storage = MemoryStorage()
    storage.prepare(probe.schema)
    for kind in probe.kinds:
        try:
            record = _sample(probe.schema, kind, samples)
            again = load_document(kind, json.loads(json.dumps(dump_document(kind, record))))
            with storage.transaction() as tx:
                for each in samples.values():
                    if tx.get(each.__kind__, [each.id]) == [None]:
                        tx.insert(each.__kind__, [Write("insert", each)], Stamp("check", NOW, NOW))
                [stored] = tx.get(kind.name, [record.id])
        except Exception as error:
            text = f"a record of {kind.name} cannot be made and stored"
            yield failed(text, error, "let the class only declare fields; rules go to crm_validate")
            continue
        for copy in (again, stored):
            if copy != record:
                text = f"a record of {kind.name} is not the same when it comes back"
                yield Finding(text, "let the class neither convert nor compute values")
                break


def _sample(schema: Schema, kind: Kind, samples: dict[str, Record]) -> Record:
    """A record with a value in every field; those that it must refer to are made too."""
    if kind.name in samples:
        return samples[kind.name]
    values: dict[str, Any] = {}
    for field in kind.fields.values():
        target = field.refers_to
        if target is None:
            values[field.name] = _value(field)
        elif field.required and target != kind.name:
            values[field.name] = _sample(schema, schema[target], samples).id
    own = {name: value for name, value in values.items() if "." not in name}
    added = {name: value for name, value in values.items() if "." in name}
    made = kind.cls(**own, added=added, version=1, created_at=NOW, updated_at=NOW)
    [samples[kind.name]] = accept(kind, [made])
    return samples[kind.name]


def _value(field: Field) -> Any:
    if isinstance(field.type, Choice):
        first = field.type.values[0]
        return field.type.enum(first) if field.type.enum else first
    return {
        "text": "환불 refund",
        "flag": True,
        "whole": 3,
        "number": 1.5,
        "decimal": Decimal(1),
        "datetime": NOW,
        "date": date(2026, 3, 1),
        "money": Money(1_500, "KRW"),
        "items": ("one", "two"),
        "object": {"one": [1, None]},
    }[field.type.name]


def upgraded(probe: Probe) -> Iterator[Finding]:
    """Kinds whose schema went up bring old documents forward, from every schema there was."""
    for kind in probe.kinds:
        if kind.schema < 2:
            continue
        if kind.cls.upgrade.__func__ is Record.upgrade.__func__:  # type: ignore[attr-defined]
            text = (
                f"{kind.name} is at schema {kind.schema} and does not bring older documents forward"
            )
            yield Finding(text, "write the class method `upgrade(cls, data, from_schema)`")
            continue
        try:
            document = dump_document(kind, _sample(probe.schema, kind, {}))
        except Exception:
            continue  # told already: it cannot be made
        for schema in range(1, kind.schema):
            try:
                load_document(kind, {**kind.cls.upgrade(dict(document), schema)})
            except Exception as error:
                text = f"{kind.name}.upgrade from schema {schema} fails on a document that is new already"
                yield failed(text, error, "use data.pop(NAME, None), and set only what is missing")


# Commands, workers, storages -----------------------------------------------------------------------------------


def commands(probe: Probe) -> Iterator[Finding]:
    """Commands can be loaded, say what they do, and are not hidden by built-in ones."""
    brought, failures = probe.plugins.commands()
    yield from map(said, failures)
    specs = probe.own(brought)
    if not specs:
        return
    import click

    from crmkit.cli.root import COMMANDS

    for spec in specs:
        command = resolve(spec.target, probe.found)
        if spec.group is None and spec.name in COMMANDS:
            text = f"its command {spec.name} is hidden by the built-in one"
            yield Finding(text, "call it otherwise, or put it in a group with group=")
        if not isinstance(command, click.Command):
            text = f"{spec.target} is {type(command).__name__}, not a click command"
            yield Finding(text, "decorate the function with @click.command()")
            continue
        if not (command.help or "").strip():
            text = f"`crm {spec.name} --help` says nothing"
            yield Finding(text, "give the function a docstring, or help=", "warning")
        if not spec.summary.strip():
            text = f"the command {spec.name} has no summary"
            yield Finding(text, "give CommandSpec a sentence for `crm --help`", "warning")


def workers(probe: Probe) -> Iterator[Finding]:
    """Workers can be loaded and called."""
    for spec in probe.own(probe.plugins.workers()):
        function = resolve(spec.target, probe.found)
        what = "changes" if spec.every is None else "now"
        try:
            inspect.signature(function).bind(None, None)
        except TypeError:
            text = f"the worker {spec.name} cannot be called with (tx, {what})"
            yield Finding(text, f"let {spec.target} be a function of tx and {what}")
            continue
        if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
            text = f"the worker {spec.name} only does something when somebody iterates or awaits it"
            yield Finding(text, f"make {spec.target} a plain function")


def storages(probe: Probe) -> Iterator[Finding]:
    """Storages open, and keep the promises that are checked quickest."""
    for scheme, target in probe.own(probe.plugins.storages()):
        with tempfile.TemporaryDirectory() as folder:
            yield from _smoke(scheme, resolve(target, probe.found), Path(folder))


def _smoke(scheme: str, open_url: Callable[[str], Storage], folder: Path) -> Iterator[Finding]:
    number = count()

    def database() -> Callable[[], Storage]:
        url = f"{scheme}:///{(folder / f'check{next(number)}.db').as_posix()}"
        return lambda: open_url(url)

    try:
        storage = database()()
        try:
            storage.state("crmkit/check")  # some ask for nothing before they are used
        finally:
            storage.close()
    except CrmError as error:
        text = f"{scheme}:// does not open a file of its own: {error}"
        fix = "run StorageContract in its tests, where there is a server"
        yield Finding(text, fix, "warning")
        return
    except Exception as error:
        yield failed(
            f"{scheme}:// cannot be opened", error, "let it take a URL, and return a Storage"
        )
        return
    try:
        from crmkit.testing.runner import failing
        from crmkit.testing.storage_contract import StorageContract
    except ImportError as error:
        text = f"the storage contract needs {error.name}"
        yield Finding(text, "install crmkit[testing]", "warning")
        return
    for name, failure in failing(StorageContract, database, SMOKE).items():
        rule = (getattr(StorageContract, name).__doc__ or name).partition("\n")[0]
        text = f"{scheme}:// breaks a rule of storages: {rule}"
        yield failed(text, failure, f"see {name} of StorageContract")
