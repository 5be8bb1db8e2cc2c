"""Salesforce: opportunities, and how they went from stage to stage."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import attrs
from crmkit_exchange.presets.deleted import thrown_away
from crmkit_exchange.presets.preset import Fitting, History, Preset, Reference
from crmkit_exchange.presets.values import First, Made, Row

from crmkit import Record
from crmkit_operational.presets.deals import as_ruled, lost_note, lost_reason
from crmkit_operational.sales.kinds import Deal, Pipeline, Stage
from crmkit_operational.sales.rules import SURE

__all__ = ["PRESETS"]

_PIPELINE = "Salesforce"
_YES = frozenset({"true", "1", "yes"})
_WON = frozenset({"closed won", "closed/won", "won", "수주", "성사"})
_LOST = frozenset({"closed lost", "closed/lost", "lost", "실주", "실패"})
_CLOSED = {"Closed": "won", "Omitted": "lost"}
"""Forecast categories of stages in which nothing is open any more."""
_STAGE = First(["stagename", "stage"])
_PROBABILITY = First(["probability", "probability (%)"])
_CURRENCY = First(["currencyisocode", "amountcurrency", "currency"])
_REASON = First(["lossreason", "lostreason", "closedlostreason", "reasonlost"])
_DECIDES = ["isclosed", "closed", "iswon", "won", *_STAGE.columns, "forecastcategoryname"]
_DELETED = thrown_away("Salesforce", "isdeleted", "_fivetran_deleted")
_IGNORED = (
    "_fivetran_synced",
    "_fivetran_deleted",
    "_fivetran_active",
    "_fivetran_end",
    "isdeleted",
    "attributes.type",
    "attributes.url",
)


def _says_yes(given: object) -> bool:
    return str(given).strip().casefold() in _YES


def _category(row: Row) -> str:
    """Won, lost or open, as the row says; where it has no columns for that, by what such stages are called."""
    won, closed = First(["iswon", "won"])(row), First(["isclosed", "closed"])(row)
    if won is not None or closed is not None:
        return "won" if _says_yes(won) else "lost" if _says_yes(closed) else "open"
    name = str(_STAGE(row) or "").strip().casefold()
    called = "won" if name in _WON else "lost" if name in _LOST else None
    return called or _CLOSED.get(str(row.get("forecastcategoryname") or "").strip(), "open")


def _chance(row: Row) -> int:
    """The chance in percent; what is decided needs none, and what is no number is none."""
    category = _category(row)
    if category in SURE:
        return SURE[category]
    try:
        return round(float(str(_PROBABILITY(row) or "0").strip().rstrip("%")))
    except (ValueError, OverflowError):
        return 0


def _position(row: Row) -> int:
    """The likelier a stage is, the further along; the decided ones last, won before lost."""
    ends = {"won": 101, "lost": 102}
    return ends.get(_category(row), min(max(_chance(row), 0), 100))


def _amount(row: Row) -> str | None:
    """The amount as a plain number, where a file has `1.2E7`, in the currency that the row names."""
    given = str(row.get("amount") or "").strip()
    try:
        number = Decimal(given.replace(",", "")).normalize()
    except InvalidOperation:
        return given or None
    text = f"{number:f}" if abs(number.adjusted()) < 30 else given
    return f"{text} {_CURRENCY(row) or ''}".strip()


def _within(it: Fitting) -> tuple[Record, list[str]]:
    """A stage with a chance of 0 to 100."""
    chance = it.record["probability"]
    if 0 <= chance <= 100:
        return it.record, []
    nearest = min(max(chance, 0), 100)
    said = f"probability: {chance} is no chance in percent; {nearest} was taken for the stage"
    return it.record.set("probability", nearest), [said]


def _both(*columns: str) -> Iterable[Iterable[str]]:
    """A signature as the API and the Data Loader spell it, and as connectors do: `StageName`, `stage_name`."""
    snake = ["".join(f"_{c.lower()}" if c.isupper() else c for c in n).strip("_") for n in columns]
    return columns, [*snake, "_fivetran_synced"]


# Stages and their pipeline have no tables of their own: they are made of the deals that are in them.
_PIPELINES = Preset(
    name="salesforce-pipeline",
    source="salesforce",
    object="opportunity_pipeline",
    label=_PIPELINE,
    kind=Pipeline,
    constants={"name": _PIPELINE},
)
_STAGES = Preset(
    name="salesforce-stage",
    source="salesforce",
    object="opportunity_stage",
    label=_PIPELINE,
    kind=Stage,
    fields={
        "name": _STAGE,
        "position": Made(_position, [*_DECIDES, *_PROBABILITY.columns]),
        "category": Made(_category, _DECIDES),
        "probability": Made(_chance, [*_DECIDES, *_PROBABILITY.columns]),
    },
    references={
        "pipeline_id": Reference(
            Made(lambda row: _PIPELINE, ["stagename"]), "opportunity_pipeline", makes=_PIPELINES
        )
    },
    fit=_within,
)
_IN_STAGE = Reference(_STAGE, "opportunity_stage", makes=_STAGES)
OPPORTUNITIES = Preset(
    name="salesforce-opportunity",
    source="salesforce",
    object="opportunity",
    label="Salesforce: opportunities",
    kind=Deal,
    signatures=[
        *_both("StageName", "CloseDate", "AccountId", "Amount"),
        ["Id", "Name", "StageName", "CloseDate"],
    ],
    key="id",
    fields={
        "title": First(["name", "opportunityname"]),
        "amount": Made(_amount, ["amount", *_CURRENCY.columns]),
        "owner": First(["ownerid", "opportunityowner"]),
        "opened_at": "createddate",
        "expected_close": "closedate",
        "closed_at": "closedate",
        "next_step": "nextstep",
        "lost_note": lost_note(_REASON),
    },
    references={
        "stage_id": _IN_STAGE,
        "customer_id": Reference(
            "accountid",
            "account",
            Reference("accountname", "account", Reference("contactid", "contact")),
        ),
        "lost_reason_id": lost_reason("salesforce", _REASON),
    },
    skip=_DELETED,
    fit=as_ruled,
    ignored=_IGNORED,
    # Where both are there, the history makes the deals, each in the stage in which it began.
    after=("account", "contact", "salesforce-opportunity-states"),
)
REPORT = attrs.evolve(
    OPPORTUNITIES,
    name="salesforce-opportunity-report",
    label="Salesforce: opportunities, from a report",
    signatures=[["Opportunity Name", "Stage", "Close Date"]],
    key="Opportunity ID",
    timezone=None,
)
STATES = attrs.evolve(
    OPPORTUNITIES,
    name="salesforce-opportunity-states",
    label="Salesforce: what became of opportunities, as a connector saw it",
    signatures=[
        [
            "_fivetran_start",
            "_fivetran_end",
            "_fivetran_synced",
            "stage_name",
            "close_date",
            "account_id",
            "amount",
        ]
    ],
    after=("account", "contact"),
    history=History("_fivetran_start"),
)
CHANGES = Preset(
    name="salesforce-opportunity-history",
    source="salesforce",
    object="opportunity_history",
    label="Salesforce: on which stages opportunities were",
    kind=Deal,
    signatures=[
        *_both("OpportunityId", "StageName", "CloseDate", "CreatedDate"),
        ["OpportunityId", "StageName", "CreatedDate"],
    ],
    key="opportunityid",
    fields={
        "amount": Made(_amount, ["amount", *_CURRENCY.columns]),
        "expected_close": "closedate",
    },
    references={"stage_id": _IN_STAGE},
    skip=_DELETED,
    fit=as_ruled,
    ignored=(*_IGNORED, "id", "createdbyid", "systemmodstamp"),
    after=("opportunity",),
    history=History("createddate", of="opportunity"),
)
PRESETS = (OPPORTUNITIES, REPORT, STATES, CHANGES)
