"""What a database keeps beside its records, as another one is to keep it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crmkit import CrmError
from crmkit.opening import CATALOGUE, NORMALISERS
from crmkit.past import TRIMMED
from crmkit.storage import Reads
from crmkit_exchange.copying import COPY
from crmkit_exchange.copying.places import place_behind, place_of

__all__ = ["carried", "check_settled", "is_own"]

_UPGRADES = "crmkit/upgrade/"
_WORKERS = "crmkit/worker/"
_OWN = (CATALOGUE, f"{NORMALISERS}/", _UPGRADES, COPY)


def is_own(key: str) -> bool:
    """Whether every database keeps this for itself."""
    return key.startswith(_OWN) or (key.startswith(_WORKERS) and key.endswith("/lease"))


def check_settled(source: Reads) -> None:
    """Raise `CrmError` if documents are being brought forward in it: half of them would be so twice in the copy."""
    for key in source.states(_UPGRADES):
        kind = key.removeprefix(_UPGRADES).partition("/")[0]
        raise CrmError(
            f"the {kind} records of the source were not all brought forward when a new version of a plugin came; "
            "open it once, as with `crm doctor`, then copy"
        )


def carried(source: Reads, there: Reads) -> Iterator[tuple[str, Any]]:
    """The keys and values for the other database, positions being those of its own journal, which is whole."""
    for key, value in source.states("").items():
        if is_own(key):
            continue
        if not isinstance(value, dict) or not (key == TRIMMED or key.startswith(_WORKERS)):
            yield key, value
        elif "/aside/" in key:
            place = place_of(value["position"], source, there)
            if place is not None:  # else the change is trimmed: there is nothing to try again
                yield f"{key.rpartition('/')[0]}/{place:020}", {**value, "position": place}
        else:
            names = [name for name in ("position", "reached") if name in value]
            yield key, value | {name: place_behind(value[name], source, there) for name in names}
