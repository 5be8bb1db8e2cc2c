"""The studio's words in the language of the terminal: `locale/ko/LC_MESSAGES/studio.po` has the Korean ones."""

from __future__ import annotations

from crmkit.cli.language import Word

STATES = (Word("planned"), Word("drafts"), Word("revisions"), Word("delivered"))
"""What the states of projects are called: records keep them as codes."""


def _(text: str) -> str:
    """The text in the language of the command that is running; as it is where none runs."""
    from crmkit.cli.language import _ as translated

    return translated(text, "studio")
