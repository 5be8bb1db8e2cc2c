"""In which language `crm` speaks, and the words for it: the core's own, and those that plugins bring."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

__all__ = ["CORE", "LANGUAGES", "Language", "Word", "_", "locale_language", "titled"]

LANGUAGES = ("ko", "en")
CORE = "crmkit"


def locale_language(environ: Mapping[str, str] = os.environ) -> str | None:
    """The language of the terminal's locale; None if it names none that there is."""
    locale = next(filter(None, map(environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return locale[:2] if locale[:2] in LANGUAGES else None


class Word(str):
    """A word of the program's own in an answer: people read it in their language, scripts as it is."""

    __slots__ = ()


class Language:
    """Texts in one language, from the catalogs of packages: `PACKAGE/locale/ko/LC_MESSAGES/PACKAGE.mo`.

    `packages` are those whose catalogs are looked into, the core's first; it may grow.
    """

    def __init__(self, code: str, packages: Sequence[str] = (CORE,)) -> None:
        self.code = code
        self.packages = packages
        self._catalogs: dict[str, Callable[[str], str]] = {}

    def __call__(self, text: str, package: str = CORE) -> str:
        """The text in this language: from the package's catalog, else from any, else as it is."""
        if self.code == "en" or not text:
            return text
        places = dict.fromkeys((package, *self.packages))
        found = (self._catalog(each)(text) for each in places)
        return next((each for each in found if each != text), text)

    def _catalog(self, package: str) -> Callable[[str], str]:
        if package not in self._catalogs:
            import gettext

            file: Any = getattr(sys.modules.get(package), "__file__", None)
            folder = Path(file or "").parent / "locale"
            made = gettext.translation(package, folder, [self.code], fallback=True)
            self._catalogs[package] = made.gettext
        return self._catalogs[package]


def _(text: str, package: str = CORE) -> str:
    """A text in the language of the command that is running."""
    context = click.get_current_context(silent=True)
    language = getattr(context and context.find_root().obj, "language", None)
    return language(text, package) if language else text


def titled(name: str) -> str:
    """What a column of this name is called, not yet translated."""
    return name.replace("_", " ").capitalize()
