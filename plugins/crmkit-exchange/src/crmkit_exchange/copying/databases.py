"""The two databases of a copy, neither of them opened as an app opens its own: that could change what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crmkit import CRM, Config, CrmError
from crmkit.catalogue import catalogue, from_catalogue
from crmkit.config import shown
from crmkit.crm import chosen, open_storage
from crmkit.opening import CATALOGUE, build_schema
from crmkit.plugins import Plugins
from crmkit.schema import Schema
from crmkit.storage import Storage

__all__ = ["Reading", "kept_schema", "opened_for_reading", "opened_for_writing"]


class Reading(CRM):
    """An app on a database that is only read: it is not upgraded, and no plugin is started on it."""

    def __init__(self, storage: Storage, plugins: Plugins, config: Config, schema: Schema) -> None:
        super().__init__(storage, plugins, config)
        self._schema = schema
        self._fields_at = storage.position()

    def close(self) -> None:
        """Let go of the database."""
        self._closed = True
        self.storage.close()


def opened_for_reading(url: str, config: Config, plugins: Iterable[Any] | None = None) -> Reading:
    """The database at a URL, with the plugins that crm.toml chooses, or these; its kinds are as it keeps them.

    Nothing is written to it, unless the storage itself wants its tables otherwise than they are. Raises `CrmError` if
    there is none.
    """
    loaded = Plugins.load(chosen(config, plugins), config.plugin)
    storage = open_storage(url, config, loaded)
    try:
        kept = storage.state(CATALOGUE)
        if kept is None:
            raise CrmError(f"there is no CRM in {shown(url)}; check its name")
        schema = kept_schema(kept, loaded)
        storage.prepare(schema)
        return Reading(storage, loaded, config, schema)
    except BaseException:
        storage.close()
        raise


def opened_for_writing(url: str, config: Config, plugins: Iterable[Any] | None = None) -> Storage:
    """The storage at a URL, there or not; nothing is made or prepared yet."""
    return open_storage(url, config, Plugins.load(chosen(config, plugins), config.plugin))


def kept_schema(kept: Mapping[str, Any], plugins: Plugins) -> Schema:
    """The kinds that a catalogue has: as a plugin brings them where that is just the same, opaque where not.

    So documents of an older schema stay what they are, and those of a newer one are no trouble.
    """
    there = {name: from_catalogue(name, entry) for name, entry in kept.items()}
    custom = [
        (kind.name, field)
        for kind in there.values()
        for field in kind.fields.values()
        if field.custom
    ]
    ours = build_schema(plugins, dict(kept), custom)
    said = catalogue(ours)
    return Schema.of(
        ours[name] if said[name] == entry else there[name] for name, entry in kept.items()
    )
