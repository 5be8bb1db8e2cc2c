"""Fields that a kind has in files only: what `--map` may say besides the fields of the kind itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from crmkit import Handle
from crmkit_exchange.presets.preset import Preset
from crmkit_exchange.presets.values import Value

__all__ = ["ImportFields", "Said"]


@attrs.frozen
class Said:
    """What was said of one such field: where its `value` comes from, and the `object` behind an @, if any.

    `--map NR=customer@client` is the column NR and the object `client`; `--set currency=EUR` a value without a column.
    """

    value: Value
    object: str = ""

    @property
    def column(self) -> str | None:
        """The column that it stands in; None for what is the same in every row."""
        return next(iter(self.value.columns), None)


@attrs.frozen(kw_only=True)
class ImportFields:
    """The fields that a `kind` has in files only: the `total` of an order, which is kept as a line.

    `fields` says what each holds, a clause for people. `applied` gets the app as the importing actor sees it, the
    preset of a file whose rows become records of the kind, and what was said of these fields, by name; it returns the
    preset that does what they ask for, with further fields, references or parts. A field is said with `--map`, with
    `--set`, or by a column that is called so.
    """

    kind: str
    fields: Mapping[str, str]
    applied: Callable[[Handle, Preset, Mapping[str, Said]], Preset]
