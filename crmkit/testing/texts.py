"""How Babel finds what people read in the terminal.

From the folder `crmkit`, `pybabel extract --no-location --omit-header -F locale/babel.cfg -o locale/crmkit.pot .` reads
the texts out of the code, `pybabel update -D crmkit -i locale/crmkit.pot -d locale -l ko` brings a catalog up to
date, and `pybabel compile -D crmkit -d locale` compiles it. A plugin does the same with a `babel.cfg` of its own.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from crmkit.cli.language import titled

__all__ = ["extract"]

TEXTS = {"help", "label", "summary"}
"""Arguments that people read, wherever they are given."""


def extract(file: Any, keywords: Any, comments: Any, options: Any) -> Iterator[tuple[Any, ...]]:
    """The texts of a module, for Babel: `_("...")` and `Word("...")`, labels of kinds and fields, help of commands, headings of columns."""
    nodes: Iterator[Any] = ast.walk(ast.parse(file.read()))
    for node in nodes:
        found = getattr(_Texts, type(node).__name__, lambda _: ())(node)
        yield from ((node.lineno, None, text, []) for text in found if text)


class _Texts:
    """The texts that one node of a syntax tree brings."""

    @staticmethod
    def Call(node: ast.Call) -> Iterator[str]:
        if getattr(node.func, "id", "") in {"_", "Word"}:
            yield from map(_text, node.args[:1])
        for each in node.keywords:
            if each.arg in TEXTS:
                yield _text(each.value)
            if each.arg == "columns":
                names = " ".join(map(_text, ast.walk(each.value)))
                yield from map(titled, names.split())

    @staticmethod
    def FunctionDef(node: ast.FunctionDef) -> Iterator[str]:
        arguments = [each.arg for each in node.args.args[:2]]
        made = (getattr(each, "func", None) for each in node.decorator_list)
        marks = {getattr(each, "attr", getattr(each, "id", "")) for each in made}
        if marks & {"define", "command", "group"} or arguments == ["self", "app"]:
            yield inspect.cleandoc(ast.get_docstring(node) or "")

    @staticmethod
    def ClassDef(node: ast.ClassDef) -> Iterator[str]:
        kinds: list[Any] = [each for each in node.decorator_list if _is_kind(each)]
        for kind in kinds:
            yield _label(kind, _text(kind.args[0]))
            for each in node.body:
                if isinstance(each, ast.AnnAssign):
                    yield _label(each.value, getattr(each.target, "id", "").removesuffix("_id"))


def _text(node: Any) -> str:
    return node.value if isinstance(getattr(node, "value", None), str) else ""


def _is_kind(node: Any) -> bool:
    return getattr(getattr(node, "func", None), "id", "") == "kind"


def _label(node: Any, name: str) -> str:
    given = [_text(each.value) for each in getattr(node, "keywords", ()) if each.arg == "label"]
    return given[0] if given else titled(name)
