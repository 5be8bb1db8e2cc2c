"""The presets that there are, and which of them a table fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from crmkit_exchange.columns import plain
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.presets import cards, hubspot, pipedrive, salesforce, zendesk
from crmkit_exchange.presets.preset import Preset

__all__ = ["PRESETS", "recognised"]

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
    """The preset that a table fits: the longest signature, then the one whose object the file is named for.

    Raises `FileRefused` if several fit as well.
    """
    sizes = {each.name: (each.fits(columns, within), each) for each in presets}
    most = max((size for size, _ in sizes.values()), default=0)
    best = [each for size, each in sizes.values() if size == most and size > 0]
    if len(best) > 1:
        stem = plain(Path(filename).stem)
        best = [each for each in best if plain(each.object) in stem] or best
        longest = max(len(each.object) for each in best)
        best = [each for each in best if len(each.object) == longest]
    if len(best) > 1:
        names = " or ".join(sorted(each.name for each in best))
        raise FileRefused(f"{filename} can be {names}; say which with --preset NAME")
    return best[0] if best else None
