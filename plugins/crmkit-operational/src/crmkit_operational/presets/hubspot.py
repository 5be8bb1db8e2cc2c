"""HubSpot: pipelines, their stages, deals, and what became of them: on which stage they were, for how much, why lost."""

from __future__ import annotations

import attrs
from crmkit_exchange.columns import plain
from crmkit_exchange.presets.engagements import DELETED, IGNORED
from crmkit_exchange.presets.preset import History, Preset, Reference
from crmkit_exchange.presets.values import First, Id, Made, Row, Value, value_of

from crmkit_operational.presets.deals import as_ruled, lost_note, lost_reason
from crmkit_operational.sales.kinds import Deal, Pipeline, Stage

__all__ = ["PRESETS"]

_REASON = First(["closed_lost_reason"])
_LOST = lost_reason("hubspot", _REASON)


def _says_yes(given: object) -> bool:
    return str(given).strip().casefold() in {"true", "1"}


def _category(row: Row) -> str:
    """Won or lost where deals are closed, as HubSpot says; open elsewhere."""
    if _says_yes(row.get("closed_won")):
        return "won"
    return "lost" if _says_yes(row.get("is_closed")) else "open"


def _chance(row: Row) -> int | None:
    """The chance in percent of what HubSpot has as a fraction; None where it says none."""
    given = str(row.get("probability") or "").strip()
    try:
        return round(float(given) * 100) if given else None
    except (ValueError, OverflowError):
        return None


PIPELINES = Preset(
    name="hubspot-deal-pipeline",
    source="hubspot",
    object="deal_pipeline",
    label="HubSpot: pipelines",
    kind=Pipeline,
    signatures=[["pipeline_id", "display_order", "label", "_fivetran_synced"]],
    key="pipeline_id",
    fields={"name": First(["label", "pipeline_id"])},
    skip=DELETED,
    ignored=IGNORED,
)
STAGES = Preset(
    name="hubspot-deal-pipeline-stage",
    source="hubspot",
    object="deal_pipeline_stage",
    label="HubSpot: stages of pipelines",
    kind=Stage,
    signatures=[["pipeline_id", "stage_id", "probability", "display_order", "label"]],
    key="stage_id",
    fields={
        "name": First(["label", "stage_id"]),
        "position": "display_order",
        "category": Made(_category, ["closed_won", "is_closed"]),
        "probability": Made(_chance, ["probability"]),
    },
    references={"pipeline_id": Reference("pipeline_id", "deal_pipeline")},
    skip=DELETED,
    ignored=IGNORED,
    after=("deal_pipeline",),
)
DEALS = Preset(
    name="hubspot-deal",
    source="hubspot",
    object="deal",
    label="HubSpot: deals",
    kind=Deal,
    signatures=[["deal_id", "property_dealname"]],
    key="deal_id",
    fields={
        "title": "dealname",
        "amount": "amount",
        "opened_at": "createdate",
        "expected_close": "closedate",
        "closed_at": "closedate",
        "lost_note": lost_note(_REASON),
        "owner": First(["hubspot_owner_id", "owner_id"]),
        "next_step": "hs_next_step",
    },
    references={
        "stage_id": Reference(
            First(["deal_pipeline_stage_id", "dealstage"]), "deal_pipeline_stage"
        ),
        "customer_id": Reference(
            Id("associations.contacts.results"),
            "contact",
            Reference(Id("associations.companies.results"), "company"),
        ),
        "lost_reason_id": _LOST,
    },
    skip=DELETED,
    fit=as_ruled,
    ignored=IGNORED,
    after=("deal_pipeline_stage", "contact", "company"),
)
OTHER_DEALS = (
    attrs.evolve(
        DEALS,
        name="hubspot-deal-api",
        label="HubSpot: deals, from the API",
        signatures=[["id", "properties.dealname", "properties.dealstage"]],
        key="id",
    ),
    attrs.evolve(
        DEALS,
        name="hubspot-deal-table",
        label="HubSpot: deals, exported as a table",
        signatures=[["Record ID", "Deal Name"]],
        key="Record ID",
        timezone=None,
    ),
)
STAGE_CHANGES = Preset(
    name="hubspot-deal-stage",
    source="hubspot",
    object="deal_stage",
    label="HubSpot: on which stage deals were",
    kind=Deal,
    signatures=[["deal_id", "date_entered", "value", "_fivetran_synced"]],
    key="deal_id",
    references={"stage_id": Reference("value", "deal_pipeline_stage")},
    fit=as_ruled,
    ignored=(
        *IGNORED,
        "_fivetran_start",
        "_fivetran_end",
        "_fivetran_active",
        "source",
        "source_id",
    ),
    after=("deal",),
    history=History("date_entered", of="deal"),
)
_TOLD: dict[str, str | Value] = {
    "title": "dealname",
    "amount": "amount",
    "owner": "hubspot_owner_id",
    "expected_close": "closedate",
    "closed_at": "closedate",
    "next_step": "hs_next_step",
    "lost_note": lost_note(_REASON),
}
_KEPT = {plain(name) for each in _TOLD.values() for name in value_of(each).columns} | {"dealstage"}


def _not_kept(row: Row) -> str | None:
    """Why a row is left out that tells of a property which deals here have not."""
    name = str(row.get("name") or "").strip()[:200]
    kept = plain(name) in _KEPT
    return None if kept else f"the property {name!r:.60} is none that deals have here"


PROPERTY_CHANGES = Preset(
    name="hubspot-deal-history",
    source="hubspot",
    object="deal_history",
    label="HubSpot: what became of deals",
    kind=Deal,
    signatures=[["deal_id", "timestamp", "name", "value", "_fivetran_synced"]],
    key="deal_id",
    fields=_TOLD,
    references={
        "stage_id": Reference("dealstage", "deal_pipeline_stage"),
        "lost_reason_id": _LOST,
    },
    skip=_not_kept,
    fit=as_ruled,
    ignored=(*IGNORED, "source", "source_id"),
    after=("deal", "deal_stage"),
    history=History("timestamp", of="deal", properties=("name", "value"), carried=_REASON.columns),
)


def _link(name: str, column: str, object: str, after: tuple[str, ...] = ()) -> Preset:
    """A table that says whose a deal is: it completes deals that were imported before."""
    return Preset(
        name=name,
        source="hubspot",
        object="deal",
        label=f"HubSpot: whose {object}'s a deal is",
        kind=Deal,
        signatures=[[column, "deal_id", "type_id", "category"]],
        key="deal_id",
        only_update=True,
        references={"customer_id": Reference(column, object)},
        skip=DELETED,
        ignored=(*IGNORED, "type_id", "category"),
        after=("deal", object, *after),
    )


# A company buys more often than a person does, and a deal has one customer: the company's comes first.
LINKS = (
    _link("hubspot-deal-company", "company_id", "company"),
    _link("hubspot-deal-contact", "contact_id", "contact", ("hubspot-deal-company",)),
)
PRESETS = (PIPELINES, STAGES, DEALS, *OTHER_DEALS, STAGE_CHANGES, PROPERTY_CHANGES, *LINKS)
