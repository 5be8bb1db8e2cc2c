"""What the statistics refuse."""

from __future__ import annotations

from crmkit import CrmError

__all__ = ["InputError", "NoFit", "refuse_unless"]


class InputError(CrmError, ValueError):
    """Numbers that a formula is not of: negative counts, times out of order, columns of unequal length."""


class NoFit(CrmError, ValueError):
    """The data do not say what the parameters of a model are. Attributes: `model`, and `reason` in plain words."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"no fit of {model}: {reason}; use what was observed instead")
        self.model = model
        self.reason = reason


def refuse_unless(holds: object, sentence: str) -> None:
    """Raises InputError with `sentence` if what must hold does not."""
    if not holds:
        raise InputError(sentence)
