"""The app: `CRM.open`, and handles through which one actor reads and writes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from crmkit.changes import MAX_DEPTH, SYSTEM, Actor, Cause
from crmkit.config import Config, load_config, resolve_storage, shown
from crmkit.errors import CauseLoop, ClosedError, ConfigError, TransactionError, nearest
from crmkit.kinds import CustomField
from crmkit.manifest import Section
from crmkit.opening import open_schema, reload_schema
from crmkit.plugins import Plugins, choose, discover, resolve
from crmkit.reading import Reader
from crmkit.restrictions import Views
from crmkit.schema import Schema
from crmkit.storage import Reads, Storage
from crmkit.storage import Transaction as Written
from crmkit.transaction import Transaction
from crmkit.values import Clock
from crmkit.values import now as system_clock

__all__ = ["CRM", "Handle"]


def _log(failure: Exception) -> None:
    import logging

    logging.getLogger("crmkit").error("%s", failure)


class Handle(Reader):
    """The app as one actor sees it: reads are restricted to what the actor may see, writes are the actor's."""

    def __init__(self, app: CRM, actor: Actor) -> None:
        self.actor = actor
        self._app = app
        self._own_views = Views(app.plugins, actor, app)

    def _reads(self) -> Reads:
        self._app.check_outside()
        return self._app.storage

    def _views(self) -> Views:
        return self._own_views

    def _reload(self) -> bool:
        return self._app.reload_fields()

    @contextmanager
    def transaction(
        self,
        *,
        effective: datetime | None = None,
        cause: Cause | None = None,
        unrestricted: bool = False,
    ) -> Iterator[Transaction]:
        """Writes that all happen at the end of the block, or none if it raises.

        `effective` is when the writes were true in the world, for histories that are brought in; `cause` is what
        set them off; `unrestricted` reads are for workers, which act under a name of their own and see everything.
        A thread has one transaction at a time.
        """
        app = self._app
        app.check_outside()
        with app.storage.transaction() as storage:
            tx = Transaction(
                app,
                storage,
                self.actor,
                effective=effective,
                cause=cause or app.cause,
                unrestricted=unrestricted,
            )
            app.enter(tx)
            try:
                yield tx
                if tx.failed:
                    raise TransactionError(
                        "a write of this transaction failed, so none of it was kept; start another"
                    )
            finally:
                tx.end("this transaction is over; open another with crm.transaction()")
                app.leave()
        app.committed(tx, storage)

    def profile(self, customer_id: str, *, as_of: datetime | None = None) -> list[Section]:
        """What every plugin has to say of a customer, by name; a section whose plugin fails says so."""
        from crmkit.kinds import Customer

        customer = self.get(Customer, customer_id, as_of=as_of)
        values = {"crm": self, "customer": customer, "as_of": as_of}
        sections: list[Section] = []
        for call in self._app.plugins.calls("crm_profile"):
            answer = call.attempt(values)
            if isinstance(answer, Exception):
                answer = Section(call.owner.name, call.owner.name, (("failed", str(answer)),))
            sections += [answer] if isinstance(answer, Section) else answer or []
        return sorted(sections, key=lambda section: section.name)


class CRM(Handle):
    """One app on one database: plugins, schema, storage and clock. By itself it is the system, and unrestricted.

    Use `CRM.open`. No module holds state of it: several apps live in one process.
    """

    def __init__(
        self, storage: Storage, plugins: Plugins, config: Config, clock: Clock = system_clock
    ) -> None:
        self.plugins = plugins
        self.storage = storage
        self.config = config
        self.clock = clock
        self.observers = plugins.calls("crm_committed")
        self.observer_failures: Counter[str] = Counter()
        self._schema: Schema | None = None
        self._fields_at = 0
        self._local = threading.local()
        self._closed = False
        super().__init__(self, SYSTEM)

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        plugins: Iterable[Any] | None = None,
        config: Config | str | Path | None = None,
        clock: Clock = system_clock,
    ) -> Self:
        """Open the database at a URL (`sqlite:///acme.db`, `memory://`) with the plugins that are installed.

        `plugins`: names or modules, in place of what crm.toml chooses. `config`: a `Config`, or the path of a
        crm.toml, in place of the nearest one. `url`: in place of its `storage`. Raises `PluginError` naming all
        plugins that are broken, `ConfigError`, `SchemaError` and `BackendError`.
        """
        settings = config if isinstance(config, Config) else load_config(config)
        loaded = Plugins.load(chosen(settings, plugins), settings.plugin)
        app = cls(open_storage(url, settings, loaded), loaded, settings, clock)
        try:
            app.start()
        except BaseException:
            app.storage.close()
            raise
        return app

    def start(self) -> None:
        """Prepare the database and start the plugins, in the order in which they require each other."""
        self.adopt({})
        for call in self.plugins.calls("crm_startup"):
            call.call({"crm": self})

    def adopt(self, catalogue: Mapping[str, Any]) -> None:
        """Prepare an empty database for records of another one, whose `crmkit.catalogue.catalogue` this is.

        Kinds that no plugin brings here are opaque. Raises `SchemaError` for a kind that is newer there.
        """
        region = self.config.company.region
        self._schema = open_schema(self.storage, self.plugins, self.clock, region, catalogue)
        self._fields_at = self.storage.position()

    def close(self) -> None:
        """Stop the plugins and let go of the database; safe to call twice."""
        if self._closed:
            return
        for call in reversed(self.plugins.calls("crm_shutdown")):
            failure = call.attempt({"crm": self})
            if isinstance(failure, Exception):
                _log(failure)
        self._closed = True
        self.storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def schema(self) -> Schema:
        """The kinds there are."""
        if self._schema is None:
            raise ClosedError("this app was not started; use CRM.open")
        return self._schema

    def acting(self, actor: str | Actor) -> Handle:
        """The app as this actor sees it."""
        return Handle(self, Actor(actor) if isinstance(actor, str) else actor)

    def reload_fields(self) -> bool:
        """Look for fields that people added to kinds meanwhile, in other processes too; whether there are any.

        Inside of a transaction that has to wait for its end.
        """
        if getattr(self._local, "transaction", None) is not None:
            self._local.reload = True
            return False
        if not self.storage.changes(self._fields_at, [CustomField.__kind__], limit=1):
            return False
        self._load_fields()
        return True

    def _load_fields(self) -> None:
        self._fields_at = self.storage.position()
        self._schema = reload_schema(self.storage, self.plugins)

    # Transactions of this thread -------------------------------------------------------------------------------

    @property
    def cause(self) -> Cause | None:
        """What set off the writes of this thread, if something did: an observer being told of a commit."""
        cause: Cause | None = getattr(self._local, "cause", None)
        return cause

    def check_outside(self) -> None:
        """Raise if this thread has a transaction open, around which it must not read or write, or the app is closed."""
        if self._closed:
            raise ClosedError("this app is closed; open it again with CRM.open")
        if getattr(self._local, "transaction", None) is not None:
            raise TransactionError(
                "a transaction is open in this thread: read and write through it (`tx`), not around it"
            )
        if getattr(self._local, "reload", False):
            self._local.reload = False
            self.reload_fields()

    def enter(self, tx: Transaction) -> None:
        """Take note that this thread has a transaction open."""
        if tx.cause is not None and tx.cause.depth > MAX_DEPTH:
            raise CauseLoop(tx.cause.by)
        self._local.transaction = tx

    def leave(self) -> None:
        """Take note that it is over."""
        self._local.transaction = None

    def committed(self, tx: Transaction, written: Written) -> None:
        """Tell observers what was committed, each alone: what one fails at is logged and counted."""
        if CustomField.__kind__ in tx.touched:
            self._load_fields()
        changes = written.committed() if self.observers and tx.touched else []
        outer = self.cause
        for call in self.observers if changes else ():
            root = tx.cause or Cause(tx.id, ())
            self._local.cause = Cause(root.root, (*root.by, call.owner.name))
            failure = call.attempt({"crm": self, "changes": changes, "actor": tx.actor})
            self._local.cause = outer
            if isinstance(failure, Exception):
                self.observer_failures[call.owner.name] += 1
                _log(failure)


def chosen(config: Config, plugins: Iterable[Any] | None = None) -> list[Any]:
    """What `Plugins.load` loads: those that crm.toml chooses of the installed, or `plugins` in their place."""
    if plugins is None:
        return list(choose(discover(), config.plugins, config.disabled, config.folder))
    given = list(plugins)
    names = [each for each in given if isinstance(each, str)]
    found = choose(discover(), names, (), config.folder) if names else ()
    return [*found, *(each for each in given if not isinstance(each, str))]


def open_storage(url: str | None, config: Config, plugins: Plugins) -> Storage:
    """The storage that a URL's scheme names: `memory://` of the core, or one of a plugin."""
    wanted = resolve_storage(url, Path.cwd()) if url else config.storage
    if not wanted:
        raise ConfigError(
            "no database was named; give --db sqlite:///my.db, or set CRMKIT_DB, or `storage` in crm.toml"
        )
    scheme, colon, _ = wanted.partition("://")
    storages = {name: (pair[1], call.owner) for name, (pair, call) in plugins.storages().items()}
    known = {"memory": None, **storages}
    if not colon or scheme not in known:
        hint = nearest(scheme, known) or f"; there are {', '.join(sorted(known))}"
        raise ConfigError(f"{shown(wanted)!r} is not a database that a plugin opens{hint}")
    brought = known[scheme]
    if brought is None:
        from crmkit.memory import open_memory

        return open_memory(wanted)
    storage: Storage = resolve(*brought)(wanted)
    return storage
