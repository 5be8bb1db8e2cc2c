"""The presets that there are, and which of them a table fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from crmkit_exchange.columns import plain
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.presets import cards, hubspot, pipedrive, salesforce, zendesk
from crmkit_exchange.presets.preset import Preset

__all__ = ["PRESETS", "Description", "described", "recognised"]

PRESETS: tuple[Preset, ...] = (
    cards.VCARD,
    cards.MAIL,
    *hubspot.PRESETS,
    *pipedrive.PRESETS,
    *salesforce.PRESETS,
    *zendesk.PRESETS,
)
"""The presets of this plugin; other plugins bring theirs through `crm_import_presets`."""


def recognised(
    presets: Iterable[Preset], columns: Sequence[str], within: str | None, filename: str
) -> Preset | None:
    """The preset that a table fits: the longest signature, then another plugin's, then the one the file is named for.

    Raises `FileRefused` if several fit as well.
    """
    sizes = [(each.fits(columns, within), each) for each in presets]
    most = max((size for size, _ in sizes), default=0)
    best = [each for size, each in sizes if size == most and size > 0]
    if len(best) > 1:
        best = [each for each in best if each not in PRESETS] or best
    if len(best) > 1:
        best = _named(best, filename)
    if len(best) > 1:
        names = " or ".join(sorted(each.name for each in best))
        raise FileRefused(f"{filename} can be {names}; say which with --preset NAME")
    return best[0] if best else None


def _named(presets: list[Preset], filename: str) -> list[Preset]:
    """Those whose object stands in the file's name, the longest of them: `deal_stage` is more than `deal`."""
    stem = plain(Path(filename).stem)
    named = [each for each in presets if plain(each.object) in stem]
    longest = max((len(each.object) for each in named), default=0)
    return [each for each in named if len(each.object) == longest] or presets


@attrs.frozen
class Description:
    """What people want to know of a preset: its name, what it is, what it becomes, and by which columns it is known."""

    name: str
    label: str
    becomes: str
    signatures: tuple[str, ...]


def described(presets: Iterable[Preset] = PRESETS) -> Iterator[Description]:
    """What there is to be said of presets, in their order."""
    for each in presets:
        signatures = tuple(", ".join(names) for names in each.signatures)
        yield Description(each.name, each.label, each.becomes, signatures)
