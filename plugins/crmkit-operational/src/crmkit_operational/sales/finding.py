"""Pipelines, stages and reasons by their names: wherever an id is wanted, a name will do."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from crmkit import Customer, NotFound, QueryError, Reader, Record, where
from crmkit.errors import nearest
from crmkit_operational.sales.kinds import Deal, LostReason, Pipeline, Stage

if TYPE_CHECKING:
    from crmkit import AnyOf, Linked, Where

    Condition = Where | AnyOf | Linked

__all__ = ["by_id", "customer_called", "named", "only_pipeline", "stage_for", "stages_of"]

Named = TypeVar("Named", Pipeline, Stage, LostReason)
R = TypeVar("R", bound=Record)

ADDING = {
    "pipeline": "`crm pipeline init` makes one",
    "stage": "`crm pipeline stage add` adds one",
    "lost_reason": "`crm record lost_reason add` adds one",
}


def by_id(
    reader: Reader, kind: type[R], ids: Iterable[str | None], as_of: datetime | None = None
) -> dict[str, R]:
    """The records with these ids that may be read, each under the id that was asked for."""
    wanted = [id for id in dict.fromkeys(ids) if isinstance(id, str)]
    found = reader.get_many(kind, wanted, as_of=as_of) if wanted else []
    return {id: each for id, each in zip(wanted, found, strict=True) if each is not None}


def named(reader: Reader, kind: type[Named], text: str, *within: Condition) -> Named:
    """The record with this id or name; letters may be large or small, and Hangul be composed or not.

    Raises `NotFound`, with the nearest name, and `QueryError` if several are called so.
    """
    [found] = reader.get_many(kind, [text])
    if found is not None:
        return found
    everyone = list(reader.find(kind, *within))
    matches = [each for each in everyone if text == each.name]
    matches = matches or [each for each in everyone if _folded(each.name) == _folded(text)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        those = ", ".join(each.id for each in matches)
        raise QueryError(
            f"{len(matches)} records of kind {kind.__kind__} are called {text!r}; give the id ({those}) "
            "or say in which pipeline"
        )
    names = [each.name for each in everyone if isinstance(each.name, str)]
    there = f"there are {', '.join(names)}" if names else ADDING[kind.__kind__]
    raise NotFound(kind.__kind__, text, nearest(text, names).removeprefix("; ") or there)


def _folded(text: object) -> str:
    return unicodedata.normalize("NFC", str(text).strip()).casefold()


def only_pipeline(reader: Reader, text: str | None = None) -> Pipeline:
    """The pipeline of that name; without one, the only one that there is. Raises `NotFound`, `QueryError`."""
    if text is not None:
        return named(reader, Pipeline, text)
    found = list(reader.find(Pipeline, limit=2))
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound("pipeline", "", "none was made yet; " + ADDING["pipeline"])
    names = ", ".join(str(each.name) for each in reader.find(Pipeline, order="name", limit=10))
    raise QueryError(f"there are several pipelines; say which with --pipeline: {names}")


def stages_of(
    reader: Reader, pipeline: Pipeline | None = None, as_of: datetime | None = None
) -> list[Stage]:
    """The stages of a pipeline in their order; without one, of all pipelines."""
    within = [] if pipeline is None else [where.pipeline_id == pipeline.id]
    return list(reader.find(Stage, *within, order=("pipeline_id", "position"), as_of=as_of))


def stage_for(reader: Reader, text: str, deal: Deal | None, pipeline: str | None) -> Stage:
    """The stage of that name: in the pipeline that is named, else in the deal's own, else in the only one."""
    if pipeline is not None or deal is None:
        return named(reader, Stage, text, where.pipeline_id == only_pipeline(reader, pipeline).id)
    own = reader.get(Stage, deal.stage_id)
    return named(reader, Stage, text, where.pipeline_id == own.pipeline_id)


def customer_called(reader: Reader, text: str) -> Customer:
    """The customer with this id, or the only one with this very name. Raises `NotFound`, `QueryError`."""
    [found] = reader.get_many(Customer, [text])
    if found is not None:
        return found
    called: Sequence[Customer] = list(reader.find(Customer, where.name == text, limit=2))
    if len(called) > 1:
        raise QueryError(f"several customers are called {text!r}; give the id, `crm search` has it")
    if not called:
        raise NotFound("customer", text)
    return called[0]
