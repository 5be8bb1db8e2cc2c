"""Where a company is kept under measurement: how to make a database, copy it, and reach it with the plain driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import attrs

from crmkit import CRM, Config
from tests.benchmarks.raw import Raw

__all__ = ["Absent", "Backend", "Postgres", "Sqlite"]


class Absent(Exception):
    """There is no server here, and why."""


class Backend(ABC):
    """One storage: `name` as the table has it, `plugin` as crmkit has it."""

    plugin: ClassVar[str]
    budgets: ClassVar[str]
    """Whose budgets are meant, as `measuring.BUDGETS` has them."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The backend with what is unusual about its settings."""

    @abstractmethod
    def url(self, folder: Path, name: str) -> str:
        """The URL of a database, which is made when it is first named."""

    def open(self, folder: Path, name: str, *modules: Any) -> CRM:
        return CRM.open(self.url(folder, name), plugins=[self.plugin, *modules], config=Config())

    @abstractmethod
    def settle(self, crm: CRM) -> None:
        """What a server does by itself some time after many rows were written."""

    @abstractmethod
    def copied(self, crm: CRM, folder: Path, name: str) -> Any:
        """A copy of a database for the plain driver, gone at the end; a context manager."""

    @abstractmethod
    def same(self, crm: CRM, folder: Path, name: str) -> Raw:
        """The plain driver on the database itself, to be closed."""

    @abstractmethod
    @abstractmethod
    def drop(self, folder: Path, name: str) -> None:
        """Make room."""


@attrs.frozen
class Sqlite(Backend):
    """Files in a folder."""

    plugin = budgets = "sqlite"
    synchronous: str = "full"

    @property
    def name(self) -> str:
        return "sqlite" if self.synchronous == "full" else f"sqlite {self.synchronous}"

    def url(self, folder: Path, name: str) -> str:
        return f"sqlite:///{folder / name}.db?synchronous={self.synchronous}"

    def settle(self, crm: CRM) -> None:
        """Its statistics are crmkit-sqlite's business."""

    @contextmanager
    def copied(self, crm: CRM, folder: Path, name: str) -> Iterator[Raw]:
        path = folder / f"{name}-raw.db"
        crm.storage.backup(path)
        raw = self._raw(path, crm)
        try:
            yield raw
        finally:
            raw.close()
            path.unlink()

    def same(self, crm: CRM, folder: Path, name: str) -> Raw:
        return self._raw(folder / f"{name}.db", crm)

    def _raw(self, path: Path, crm: CRM) -> Raw:
        from tests.benchmarks.raw_sqlite import SqliteRaw

        return SqliteRaw(path, crm)

    def drop(self, folder: Path, name: str) -> None:
        for file in folder.glob(f"{name}.db*"):
            file.unlink()


@attrs.frozen
class Postgres(Backend):
    """Databases of a server, named by a URL of one of them."""

    plugin, budgets = "sql", "postgres"
    server: str
    durable: bool = True
    made: dict[tuple[Path, str], str] = attrs.field(factory=dict)

    @classmethod
    def on(cls, url: str) -> Postgres:
        """The server of a URL; raises `Absent`."""
        import psycopg

        try:
            with psycopg.connect(url) as connection:
                found = [
                    row[0] == "on"
                    for name in ("fsync", "synchronous_commit", "full_page_writes")
                    for row in connection.execute(f"SHOW {name}")
                ]
        except psycopg.OperationalError as error:
            raise Absent(str(error)) from error
        return cls(url, all(found))

    @property
    def name(self) -> str:
        return "postgres" if self.durable else "postgres not durable"

    def url(self, folder: Path, name: str) -> str:
        key = (folder, name)
        if key not in self.made:
            self.made[key] = f"bench_{uuid4().hex[:12]}"
            self._run(f"CREATE DATABASE {self.made[key]}")
        return self._of(self.made[key])

    def _of(self, database: str) -> str:
        head, _, _ = self.server.partition("?")
        return f"{head.rpartition('/')[0]}/{database}"

    def _run(self, sql: str) -> None:
        import psycopg

        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(sql.encode())

    def settle(self, crm: CRM) -> None:
        with crm.storage._lent() as link:  # type: ignore[attr-defined]
            link.connection.execute("VACUUM ANALYZE")
            link.connection.execute("CHECKPOINT")

    @contextmanager
    def copied(self, crm: CRM, folder: Path, name: str) -> Iterator[Raw]:
        # Nobody may be connected to what is copied; the app connects again by itself.
        ended = f"datname = '{self.made[folder, name]}'"
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ended}")
        copy = f"{self.made[folder, name]}_raw"
        self._run(f"CREATE DATABASE {copy} TEMPLATE {self.made[folder, name]}")
        raw = self._raw(self._of(copy))
        try:
            yield raw
        finally:
            raw.close()
            self._run(f"DROP DATABASE {copy} WITH (FORCE)")

    def same(self, crm: CRM, folder: Path, name: str) -> Raw:
        return self._raw(self.url(folder, name))

    def _raw(self, url: str) -> Raw:
        from tests.benchmarks.raw_postgres import PostgresRaw

        return PostgresRaw(url)

    def drop(self, folder: Path, name: str) -> None:
        if (folder, name) in self.made:
            self._run(f"DROP DATABASE {self.made.pop((folder, name))} WITH (FORCE)")

    def close(self) -> None:
        """Leave nothing behind on the server, whatever happened."""
        for folder, name in list(self.made):
            self.drop(folder, name)
