"""The hooks: what plugins may implement and the core calls.

A plugin implements a hook with a plain function of the hook's name in its entry module, marked `@hookimpl`. It takes
those of the hook's arguments that it uses, in any order, and may return what is asked for, yield it, or return
nothing. No result depends on the order of plugins, and every failure is reported with the plugin's name on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from crmkit.changes import Actor, Change, Patch, Write
    from crmkit.crm import CRM
    from crmkit.errors import Problem
    from crmkit.kinds import Customer
    from crmkit.manifest import Check, CommandSpec, FieldSpec, Restriction, Section, WorkerSpec
    from crmkit.records import Record
    from crmkit.transaction import GuardView

    Writes = Sequence[Write]

hookspec = pluggy.HookspecMarker("crmkit")
"""Marks a function as a hook; plugins use it for hooks of their own (`Manifest(hookspecs=...)`)."""


# ------------------------------------------------------------------ what a plugin brings, asked once when the app opens


@hookspec
def crm_kinds() -> Iterable[type[Record]] | None:
    """Bring kinds of records.

    Called once, when the app opens. Returns classes made by `@kind`. Merged by the kind's name; a second kind of one
    name is `PluginConflict`, which names both plugins. A failure keeps the app from opening. Since API 1.0.
    """


@hookspec
def crm_fields() -> Iterable[FieldSpec] | None:
    """Bring fields on kinds that are another plugin's or the core's.

    Called once, when the app opens. Returns `FieldSpec`s. Merged by the field's name, which bears the plugin's
    namespace; a second one is `PluginConflict`. A failure keeps the app from opening. Since API 1.0.
    """


@hookspec
def crm_storages() -> Mapping[str, str] | None:
    """Bring storages.

    Called once, when the app opens. Returns URL scheme -> `"module:function"`; the function takes the URL and
    returns a `Storage`, and is imported only when that scheme is used. Merged by scheme; a second one is
    `PluginConflict`. A failure keeps the app from opening. Since API 1.0.
    """


@hookspec
def crm_commands() -> Iterable[CommandSpec] | None:
    """Bring commands of `crm`, or subcommands of its groups.

    Called when the command line needs to know its commands. Returns `CommandSpec`s; their targets are imported only
    when they run. Merged by group and name; a built-in command wins over a plugin's. A failure is a warning in
    `crm --help`. Since API 1.0.
    """


@hookspec
def crm_workers() -> Iterable[WorkerSpec] | None:
    """Bring workers: code that follows the journal or the clock, run by `crm work`.

    Called once, when the app opens. Returns `WorkerSpec`s. Merged by name; a second one is `PluginConflict`. A
    failure keeps the app from opening. Since API 1.0.
    """


@hookspec
def crm_checks() -> Iterable[Check] | None:
    """Bring checks for `crm doctor`.

    Called by `crm doctor`. Returns `Check`s, which are run one by one. Merged by name; a second one is
    `PluginConflict`. A failure, here or in a check, is shown as a failed check. Since API 1.0.
    """


# ----------------------------------------------------------------------------------------------------- reading and life


@hookspec
def crm_normalise(channel: str, value: str, region: str) -> str | None:
    """Give the one form under which an address is matched.

    Called for every identity that is written or looked up. `region` is the company's, as in `"KR"`. Returns the
    normalised value, or nothing for a channel that the plugin does not know. Two plugins with two different values
    are a `PluginConflict`. With none, the value is stripped and case-folded. A failure refuses the write. Since API
    1.0.
    """


@hookspec
def crm_profile(crm: CRM, customer: Customer, as_of: datetime | None) -> Iterable[Section] | None:
    """Bring sections of a customer's profile.

    Called when a profile is shown; `crm` sees what its actor may read, and reads as of `as_of` if that is given.
    Returns `Section`s. Merged by name; a second one is `PluginConflict`. A failure is shown as a failed section.
    Since API 1.0.
    """


@hookspec
def crm_startup(crm: CRM) -> None:
    """Get ready.

    Called once the app is open, required plugins before those that require them. Returns nothing. A failure closes
    the app again. Since API 1.0.
    """


@hookspec
def crm_shutdown(crm: CRM) -> None:
    """Let go of what `crm_startup` took.

    Called when the app closes, in the opposite order of `crm_startup`. Returns nothing. A failure is logged and
    keeps no other plugin from shutting down. Since API 1.0.
    """


# -------------------------------------------- the guards of a write: prepare -> validate -> authorize -> storage -> commit


@hookspec
def crm_prepare(
    tx: GuardView, kind: str, writes: Writes, actor: Actor
) -> Iterable[Patch | Record] | None:
    """Fill in what follows from a write.

    Called before the write is validated, with writes of one kind; `tx` reads what the transaction wrote so far.
    Returns `write.patch(...)` for values to set and records to add, which pass the same guards. Each plugin sees the
    original writes; two values for one field are a `PatchConflict`. Added records are prepared in rounds, at most 8.
    A failure refuses the write. Since API 1.0.
    """


@hookspec
def crm_validate(
    tx: GuardView, kind: str, writes: Writes, actor: Actor
) -> Iterable[Problem] | None:
    """Say what is wrong with a write.

    Called after every plugin has prepared, with writes of one kind. Returns `write.problem(field, text)` for each
    fault. All of them come in one `InvalidRecords`. A failure refuses the write. Since API 1.0.
    """


@hookspec
def crm_authorize(
    tx: GuardView, kind: str, writes: Writes, actor: Actor
) -> Iterable[Problem] | None:
    """Say what the actor may not write.

    Called after validation, with writes of one kind; not for the system. Returns `write.denial(text)` for each
    write that is refused, with the reason. Any one denies, and all come in one `Denied`. A failure refuses the
    write. Since API 1.0.
    """


@hookspec
def crm_restrict(crm: CRM, actor: Actor, kind: str) -> Restriction | None:
    """Say what the actor may read.

    Called once for a transaction, or once a second outside of one, for each kind that is read; not for the system.
    `crm` is unrestricted. Returns a `Restriction`: conditions on rows and fields to mask. Conditions of several
    plugins must all hold; masked fields are united. A failure refuses the read. Since API 1.0.
    """


@hookspec
def crm_committed(crm: CRM, changes: Sequence[Change], actor: Actor) -> None:
    """Observe what was committed.

    Called after the commit, once for a transaction, each plugin alone; what must not be lost belongs to a worker.
    Returns nothing. A failure is logged and counted, and the write stands. Since API 1.0.
    """
