"""What every type of fields does: take a value or refuse it, give its plain form, and read what people write."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from crmkit.errors import ValueRefused
from crmkit.plain import attributes, refused

__all__ = ["ORDER", "FieldType"]

ORDER = frozenset({"eq", "ne", "in", "present", "lt", "le", "gt", "ge"})
"""The operators of a type whose values have an order."""


@attrs.frozen
class FieldType:
    """One type of values: most of it is a table of what it is called, takes and asks for.

    `takes` are the Python classes of its values, less those of `never`; `wanted` and `written` are what refusals ask
    for, of programs and of people. `as_text`: its plain form is text that `parse` reads. `keeps` are its own attributes
    that the catalogue needs. `blank` is what a required field holds after its value was taken out; `None` where there is
    no such value.
    """

    name: ClassVar[str] = ""
    ops: ClassVar[frozenset[str]] = ORDER
    blank: ClassVar[object] = None
    takes: ClassVar[type | tuple[type, ...]]
    never: ClassVar[type | tuple[type, ...]] = ()
    wanted: ClassVar[str]
    written: ClassVar[str] = ""
    as_text: ClassVar[bool] = False
    keeps: ClassVar[tuple[str, ...]] = ()

    def accept(self, value: Any) -> Any:
        """The value as a record holds it, or `ValueRefused`."""
        if not isinstance(value, self.takes) or isinstance(value, self.never):
            raise refused(self.wanted, value)
        return self._final(value)

    def _final(self, value: Any) -> Any:
        return value

    def dump(self, value: Any) -> Any:
        """The plain form of an accepted value."""
        return value

    def load(self, plain: Any) -> Any:
        """The value of a plain form; refuses what `dump` would not have made."""
        if not self.as_text:
            return self.accept(plain)
        if not isinstance(plain, str):
            raise refused(f"{self.wanted} as text", plain)
        return self.parse(plain)

    def parse(self, text: str) -> Any:
        """The value that a person wrote."""
        try:
            value = self._read(text)
        except ValueRefused:
            raise
        except (ValueError, LookupError, ArithmeticError):
            raise refused(self.written or self.wanted, text) from None
        return self.accept(value)

    def _read(self, text: str) -> Any:
        return text

    def describe(self) -> dict[str, Any]:
        """What the catalogue keeps, so that `described` makes the type again without its plugin."""
        return {"type": self.name, **attributes(self, self.keeps)}
