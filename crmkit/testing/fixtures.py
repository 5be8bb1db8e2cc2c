"""Fixtures for pytest, there wherever crmkit is installed; nothing heavy is imported until one is used."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from click.testing import Result

    from crmkit.crm import CRM

__all__ = ["FakeClock", "HookCalls", "clock", "crm", "crm_cli", "crm_plugins", "hook_calls"]

pytest.register_assert_rewrite(
    "crmkit.testing.contracts",
    "crmkit.testing.lab",
    "crmkit.testing.plugin_contract",
    "crmkit.testing.side_by_side",
)


class FakeClock:
    """A clock that stands still until it is told: an app's `clock`."""

    def __init__(self, start: datetime = datetime(2026, 3, 1, 9, tzinfo=UTC)) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """The time."""
        return self._now

    def tick(self, seconds: float | None = None, **more: float) -> datetime:
        """Go on by so many seconds, or `days=`, `hours=`, `minutes=` as in a timedelta; by one second if not told."""
        if seconds is None:
            seconds = 0 if more else 1
        self._now += timedelta(seconds=seconds, **more)
        return self._now

    def set(self, moment: datetime) -> datetime:
        """Show another time, an earlier one too; it needs a zone."""
        if moment.utcoffset() is None:
            raise ValueError(f"{moment.isoformat()} has no time zone; say which, as in tzinfo=UTC")
        self._now = moment.astimezone(UTC)
        return self._now


class HookCalls(list[tuple[str, dict[str, Any]]]):
    """The calls of hooks so far, each (hook, its arguments); `plugin` is the plugin that listens."""

    def __init__(self) -> None:
        from crmkit import hookspecs
        from crmkit.manifest import Manifest, hookimpl

        super().__init__()
        self.plugin = ModuleType("hook_calls")
        self.plugin.manifest = Manifest(name="hook_calls")  # type: ignore[attr-defined]
        for name, specification in vars(hookspecs).items():
            if name.startswith("crm_") and inspect.isfunction(specification):
                setattr(self.plugin, name, hookimpl(self._listener(name, specification)))

    def _listener(self, name: str, specification: Callable[..., Any]) -> Callable[..., Any]:
        def listen(**arguments: Any) -> Any:
            self.append((name, arguments))
            return {} if name == "crm_storages" else None if name == "crm_normalise" else []

        # pluggy looks at the function itself, so it must have the hook's own arguments.
        taken = ", ".join(inspect.signature(specification).parameters)
        passed = ", ".join(f"{each}={each}" for each in inspect.signature(specification).parameters)
        names: dict[str, Any] = {"listen": listen}
        exec(f"def {name}({taken}): return listen({passed})", names)
        listener: Callable[..., Any] = names[name]
        return listener

    def of(self, hook: str) -> list[dict[str, Any]]:
        """The arguments of each call of one hook."""
        return [arguments for name, arguments in self if name == hook]


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still at 2026-03-01 09:00 UTC until a test moves it."""
    return FakeClock()


@pytest.fixture
def crm_plugins() -> list[Any]:
    """The plugins of `crm`, modules or names: none, until a test overrides this."""
    return []


@pytest.fixture
def hook_calls() -> HookCalls:
    """The hooks that `crm` calls, in order: a list of (hook, arguments)."""
    return HookCalls()


@pytest.fixture
def crm(request: pytest.FixtureRequest, clock: FakeClock, crm_plugins: list[Any]) -> Iterator[CRM]:
    """An app in memory with `crm_plugins`, whose time is `clock`; it does not look for a crm.toml."""
    from crmkit.config import Config
    from crmkit.crm import CRM

    listening = "hook_calls" in request.fixturenames
    spies = [request.getfixturevalue("hook_calls").plugin] if listening else []
    plugins = [*crm_plugins, *spies]
    with CRM.open("memory://", plugins=plugins, config=Config(), clock=clock) as crm:
        yield crm


@pytest.fixture
def crm_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crm: CRM) -> Callable[..., Result]:
    """Runs the `crm` command: `crm_cli("customer", "add", "--name", "Kim")` gives click's result.

    It works on the app of the fixture `crm`, with its `crm_plugins`; the folder is an empty one. The exit code is
    checked to be `code`, 0 if not given.
    """
    from click.testing import CliRunner

    from crmkit.cli.app import App
    from crmkit.cli.root import crm as command

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRMKIT_DB", "memory://")

    def run(*arguments: str, code: int = 0, input: str | None = None) -> Result:
        app = App()
        vars(app).update(crm=crm, config=crm.config, sound=(crm.plugins, []))
        runner = CliRunner()
        result = runner.invoke(command, list(arguments), input=input, prog_name="crm", obj=app)
        assert result.exit_code == code, f"exit code {result.exit_code}: {result.output}"
        return result

    return run
