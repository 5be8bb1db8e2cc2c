"""The contracts of plugins and of kinds, as tests that a vendor inherits.

```python
import pytest
from crmkit.testing import KindContract, PluginContract

import crmkit_clinic


class TestClinic(PluginContract):
    @pytest.fixture
    def plugin(self):
        return crmkit_clinic


class TestVisit(KindContract):
    @pytest.fixture
    def crm_plugins(self):
        return [crmkit_clinic]

    @pytest.fixture
    def record(self, crm):
        with crm.transaction() as tx:
            customer = tx.add(Customer(name="김지원"))
        return Visit(customer_id=customer.id, at=crm.clock(), reason="checkup")
```
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator
from typing import Any

import pytest

from crmkit.catalogue import catalogue, from_catalogue
from crmkit.codec import dump_document, load_document
from crmkit.config import Config
from crmkit.crm import CRM, chosen
from crmkit.errors import NotFound
from crmkit.kinds import Customer
from crmkit.memory import MemoryStorage
from crmkit.plugins import Plugins
from crmkit.records import OpaqueRecord, Record
from crmkit.schema import BASE, Schema
from crmkit.testing.fixtures import FakeClock

__all__ = ["KindContract", "PluginContract"]


class PluginContract:
    """What every plugin must do. Override the fixture `plugin`, and `others` if it requires some."""

    @pytest.fixture
    def plugin(self) -> Any:
        """The plugin: its entry module, or its name if it is installed."""
        raise NotImplementedError("override the fixture plugin; let it return the entry module")

    @pytest.fixture
    def others(self) -> list[Any]:
        """The plugins that it requires, modules or names."""
        return []

    @pytest.fixture
    def config(self) -> Config:
        """The settings to open the app with."""
        return Config()

    @pytest.fixture
    def app(
        self, plugin: Any, others: list[Any], config: Config, clock: FakeClock
    ) -> Iterator[CRM]:
        """An app in memory with the plugin and those that it requires."""
        with CRM.open("memory://", plugins=[*others, plugin], config=config, clock=clock) as app:
            yield app

    def test_an_app_opens_with_it(self, app: CRM) -> None:
        """An app opens with the plugin, and says nothing about it that should be mended."""
        assert not app.plugins.warnings

    def test_it_prepares_once(self, app: CRM) -> None:
        """Once the database is prepared for the plugin there is nothing more to prepare."""
        assert app.storage.prepare(app.schema, plan=True) == []

    def test_its_hooks_answer(self, app: CRM) -> None:
        """A hook that says what the plugin brings returns that, not nothing."""
        for hook in ("crm_kinds", "crm_fields", "crm_storages", "crm_commands", "crm_workers"):
            for call in app.plugins.calls(hook):
                assert call.call({}) is not None, f"{call.owner} returns nothing from {hook}"

    def test_people_can_still_be_written(self, app: CRM) -> None:
        """A customer can be added, changed and shown while the plugin is there."""
        with app.transaction() as tx:
            customer = tx.add(Customer(name="김지원"))
        with app.transaction() as tx:
            tx.update(customer.evolve(country="KR"))
        assert app.get(Customer, customer.id).country == "KR"
        assert app.profile(customer.id) is not None

    def test_no_result_depends_on_the_order(
        self, plugin: Any, others: list[Any], config: Config
    ) -> None:
        """Loaded in whatever order, the plugins bring the same."""
        sources, draw = chosen(config, [*others, plugin]), random.Random(1)
        expected = Plugins.load(sources, config.plugin).order
        for _ in range(5):
            draw.shuffle(sources)
            assert Plugins.load(sources, config.plugin).order == expected

    def test_no_field_hides_one_that_every_record_has(self, app: CRM) -> None:
        """No kind of it declares `id`, `version`, `created_at` or `updated_at`: those are the storage's to fill."""
        for kind in app.schema:
            own = [
                each for each in kind.cls.__mro__ if issubclass(each, Record) and each is not Record
            ]
            hidden = {name for each in own for name in inspect.get_annotations(each)} & {*BASE}
            assert not hidden, (
                f"{kind.name} declares {', '.join(sorted(hidden))}; call it otherwise"
            )

    def test_its_kinds_survive_without_it(self, app: CRM) -> None:
        """From the catalogue alone the same tables are made: nothing is lost while the plugin is away."""
        kept = catalogue(app.schema)
        opaque = Schema.of(from_catalogue(name, entry) for name, entry in kept.items())
        assert catalogue(opaque) == kept
        storage = MemoryStorage()
        storage.prepare(app.schema)
        assert storage.prepare(opaque) == []


class KindContract:
    """What every kind must do. Override the fixtures `record` and, for its plugin, `crm_plugins`."""

    @pytest.fixture
    def record(self, crm: CRM) -> Record:
        """A record of the kind that can be added, what it refers to being there."""
        raise NotImplementedError("override the fixture record; let it return one to be added")

    @pytest.fixture
    def added(self, crm: CRM, record: Record) -> Record:
        """The record, added."""
        with crm.transaction() as tx:
            return tx.add(record)

    def test_it_comes_back(self, crm: CRM, added: Record) -> None:
        """A record that was added is got, found and counted."""
        assert crm.get(type(added), added.id) == added
        assert added in list(crm.find(type(added)))
        assert crm.count(type(added)) >= 1

    def test_its_document_is_the_record(self, crm: CRM, added: Record) -> None:
        """Plain form and back gives the same record."""
        kind = crm.schema[added.__kind__]
        assert load_document(kind, dump_document(kind, added)) == added

    def test_it_has_a_title(self, crm: CRM, added: Record) -> None:
        """A list can name the record."""
        assert crm.schema[added.__kind__].title_of(added).strip()

    def test_every_field_has_a_label(self, crm: CRM, added: Record) -> None:
        """People can read what each field is."""
        assert all(field.label.strip() for field in crm.schema[added.__kind__].fields.values())

    def test_its_history_begins(self, crm: CRM, added: Record) -> None:
        """Adding it left a change."""
        assert [each.action for each in crm.history(type(added), added.id)][:1] == ["insert"]

    def test_it_is_on_the_timeline(self, crm: CRM, added: Record) -> None:
        """A kind with a timeline is on that of its customer."""
        kind = crm.schema[added.__kind__]
        if kind.timeline is None or kind.customer is None or added[kind.customer] is None:
            pytest.skip("not of a customer with a time")
        assert added.id in {each.id for each in crm.timeline(added[kind.customer])}

    def test_it_is_found_by_its_words(self, crm: CRM, added: Record) -> None:
        """The words of its searchable texts find it."""
        kind = crm.schema[added.__kind__]
        texts = [added[each.name] for each in kind.searchable if isinstance(added[each.name], str)]
        for text in filter(str.strip, texts):
            assert added.id in {each.id for each in crm.search(text, kinds=[type(added)])}, text

    def test_it_can_be_deleted(self, crm: CRM, added: Record) -> None:
        """A record that nothing refers to can be deleted, and is gone."""
        with crm.transaction() as tx:
            tx.delete(added)
        with pytest.raises(NotFound):
            crm.get(type(added), added.id)

    def test_it_is_kept_without_its_plugin(self, crm: CRM, added: Record) -> None:
        """Read by the catalogue alone, the record has all of its values in plain form."""
        kind = crm.schema[added.__kind__]
        opaque = from_catalogue(kind.name, catalogue(crm.schema)[kind.name])
        document = dump_document(kind, added)
        found = load_document(opaque, document)
        assert isinstance(found, OpaqueRecord)
        assert dump_document(opaque, found) == document
