"""The pipeline and the stage that somebody means."""

from __future__ import annotations

from datetime import datetime

from crmkit import QueryError, Reader, where
from crmkit_operational.finding import ADDING, NoneYet, named
from crmkit_operational.sales.kinds import Deal, Pipeline, Stage

__all__ = ["only_pipeline", "stage_for", "stages_of"]


def only_pipeline(
    reader: Reader, text: str | None = None, how: str = " with --pipeline"
) -> Pipeline:
    """The pipeline of that name; without one, the only one that there is; `how` says how one is named.

    Raises `NotFound`, and `QueryError` if there are several.
    """
    if text is not None:
        return named(reader, Pipeline, text)
    found = list(reader.find(Pipeline, limit=2))
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoneYet("pipeline", f"there is no pipeline yet; {ADDING['pipeline']}")
    names = ", ".join(str(each.name) for each in reader.find(Pipeline, order="name", limit=10))
    raise QueryError(f"there are several pipelines; say which{how}: {names}")


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
