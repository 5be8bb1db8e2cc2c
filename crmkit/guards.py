"""The guards of a write: what plugins prepare, validate and authorize, before anything is stored.

Guards see batches: `writes` of one kind. No result depends on the order of plugins: each prepares from the
original writes, two values for one field are a conflict, and all problems and denials are told together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.changes import SYSTEM, Actor, Patch, Write
from crmkit.codec import accept
from crmkit.declarations import custom_field
from crmkit.errors import Denied, InvalidRecords, PatchConflict, PluginError, Problem
from crmkit.kinds import CustomField, Identity
from crmkit.records import Record
from crmkit.schema import Kind, Schema

if TYPE_CHECKING:
    from crmkit.hooks import Implementation
    from crmkit.plugins import Plugins

__all__ = ["Guards"]


@attrs.frozen
class Guards:
    """The guards of one transaction. `reader` is what hooks may read through."""

    plugins: Plugins
    schema: Schema
    actor: Actor
    reader: Any
    region: str

    def prepare(self, kind: Kind, writes: Sequence[Write]) -> tuple[list[Write], list[Record]]:
        """The writes with what plugins fill in, and the records that plugins want added."""
        calls = self.plugins.calls("crm_prepare")
        if kind.name == Identity.__kind__:
            writes = [self._normalised(write) for write in writes]
        if not calls:
            return list(writes), []
        patches: dict[int, dict[str, tuple[Any, Implementation]]] = {}
        added: list[Record] = []
        for call in calls:
            for answer in self._ask(call, kind, writes):
                if isinstance(answer, Patch):
                    self._collect(patches.setdefault(id(answer.write), {}), answer, call)
                elif isinstance(answer, Record):
                    added.append(answer)
                else:
                    raise _misfit(call, answer, "write.patch(...) or records to add")
        return self._patched(kind, writes, patches), added

    def _ask(self, call: Implementation, kind: Kind, writes: Sequence[Write]) -> Iterable[Any]:
        answer = call.call(
            {"tx": self.reader, "kind": kind.name, "writes": tuple(writes), "actor": self.actor}
        )
        if answer is None:
            return ()
        return answer if isinstance(answer, list | tuple) else (answer,)

    def _collect(
        self, fields: dict[str, tuple[Any, Implementation]], patch: Patch, call: Implementation
    ) -> None:
        for path, value in patch.values.items():
            other = fields.setdefault(path, (value, call))
            if other[0] != value:
                raise PatchConflict(
                    f"{patch.write.record.__kind__}.{path} is to be {other[0]!r:.80} for plugin {other[1].owner} "
                    f"and {value!r:.80} for plugin {call.owner}; disable one of them"
                )

    def _patched(
        self,
        kind: Kind,
        writes: Sequence[Write],
        patches: Mapping[int, Mapping[str, tuple[Any, Implementation]]],
    ) -> list[Write]:
        result = list(writes)
        for place, write in enumerate(writes):
            record, values = write.record, dict[str, Any]()
            for path, (value, call) in patches.get(id(write), {}).items():
                if path not in kind.fields:
                    raise _misfit(call, path, f"patches of fields that {kind.name} has")
                if kind.fields[path].added:
                    record = record.set(path, value)
                else:
                    values[path] = value
            record = record.evolve(**values) if values else record
            if record is not write.record:
                [record] = accept(kind, [record])
                result[place] = Write(write.action, record, write.previous)
        return result

    def _normalised(self, write: Write) -> Write:
        record = write.record
        assert isinstance(record, Identity)
        value = normalise(self.plugins, record.channel, record.value, self.region)
        if record.normalised == value:
            return write
        return Write(write.action, record.evolve(normalised=value), write.previous)

    def check(self, kind: Kind, writes: Sequence[Write]) -> None:
        """Raise `InvalidRecords` with everything that plugins object to, then `Denied` with every denial."""
        problems = self._problems("crm_validate", kind, writes)
        if kind.name == CustomField.__kind__:
            problems += self._custom_fields(writes)
        if problems:
            raise InvalidRecords(problems)
        self.authorize(kind, writes)

    def authorize(self, kind: Kind, writes: Sequence[Write]) -> None:
        """Raise `Denied` with every denial; the system may do everything."""
        if self.actor == SYSTEM:
            return
        denials = self._problems("crm_authorize", kind, writes)
        if denials:
            raise Denied(str(self.actor), denials)

    def _problems(self, hook: str, kind: Kind, writes: Sequence[Write]) -> list[Problem]:
        found: list[Problem] = []
        for call in self.plugins.calls(hook):
            for answer in self._ask(call, kind, writes):
                if not isinstance(answer, Problem):
                    raise _misfit(call, answer, "write.problem(field, text) or write.denial(text)")
                answer.plugin = call.owner.name
                found.append(answer)
        return found

    def _custom_fields(self, writes: Sequence[Write]) -> list[Problem]:
        problems: list[Problem] = []
        for write in writes:
            definition = write.record
            assert isinstance(definition, CustomField)
            if write.action == "delete":
                continue
            try:
                custom_field(definition)
            except TypeError as error:
                problems.append(write.problem("name", str(error)))
            if definition.on not in self.schema.kinds:
                problems.append(write.problem("on", f"there is no kind {definition.on!r}"))
        return problems


def _misfit(call: Implementation, item: object, wanted: str) -> PluginError:
    text = f"returned {item!r:.80} from {call.hook}; return {wanted}"
    return call.owner.refusal(text, call.hook)


def normalise(plugins: Plugins, channel: str, value: str, region: str) -> str:
    """The form under which an address is looked up: what a plugin says, else stripped and case-folded.

    Two plugins that say different things are a `PatchConflict`.
    """
    given: dict[str, Implementation] = {}
    for call in plugins.calls("crm_normalise"):
        answer = call.call({"channel": channel, "value": value, "region": region})
        if answer is not None:
            given.setdefault(str(answer), call)
    if len(given) > 1:
        (one, first), (two, second), *_ = given.items()
        raise PatchConflict(
            f"{value!r} on channel {channel} is {one!r} for plugin {first.owner} and {two!r} for plugin "
            f"{second.owner}; disable one of them"
        )
    return next(iter(given), value.strip().casefold())
