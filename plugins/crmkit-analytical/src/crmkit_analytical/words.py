"""The plugin's words in the language of the terminal: `locale/ko/LC_MESSAGES/crmkit_analytical.po` has the Korean ones."""

from __future__ import annotations

__all__ = ["_"]


def _(text: str) -> str:
    """The text in the language of the command that is running; as it is where none runs."""
    from crmkit.cli.language import _ as translated

    return translated(text, "crmkit_analytical")
