"""Answers as one HTML page that needs nothing else: no script, no address of another host."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from html import escape

import attrs

from crmkit_analytical.drawing.chart import svg
from crmkit_analytical.drawing.explained import Fact, facts, records
from crmkit_analytical.drawing.spec import FONTS
from crmkit_analytical.drawing.values import NUMERIC, readable, shown
from crmkit_analytical.report.answer import Answer, Explained
from crmkit_analytical.words import _

__all__ = ["Part", "html"]

# Whatever a name might smuggle in, the browser loads and runs nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --soft: #59636e; --line: #d1d9e0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #14181d; --soft: #9aa4af; --line: #343b43; }
}
body { font: 16px/1.55 %s; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 0 auto; padding: 1.5rem 1rem 3rem; word-break: keep-all; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-bottom: .2rem; }
section + section { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1rem; }
.question, .asked, .few { color: var(--soft); margin: 0; } .sentence { font-size: 1.1rem; }
figure { margin: 1rem 0; overflow-x: auto; } svg { max-width: 100%%; height: auto; color: var(--ink); }
.paper { fill: none; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
.amount { text-align: right; white-space: nowrap; }
details { margin-top: 1rem; } summary { cursor: pointer; color: var(--soft); }
dt { font-weight: bold; margin-top: .7rem; } dd { margin: 0; }
.ids { font-family: ui-monospace, monospace; font-size: .8rem; color: var(--soft); }
@media print {
  :root { --ink: #000; --paper: #fff; --soft: #444; --line: #bbb; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  details::details-content { content-visibility: visible; height: auto; }
  figure, tr { break-inside: avoid; } h2, .question, dt { break-after: avoid; } thead { display: table-header-group; }
}
"""


@attrs.frozen
class Part:
    """One report on a page: what it is called, what it asks, and its answer."""

    title: str
    question: str
    answer: Answer


def html(
    parts: Sequence[Part],
    *,
    title: str,
    language: str,
    timezone: tzinfo = UTC,
    asked: datetime | None = None,
) -> str:
    """The page: of each part its question, sentence, chart, table, and explanation with all ids.

    Words are those of the running command, `language` (`ko`, `en`) says which they are; `asked` is when the answers
    were true. The same parts give the same bytes.
    """
    moment = ""
    if asked is not None:
        text = _("As of {time}").format(time=shown(asked, "time", timezone))
        moment = f'<p class="asked">{_safe(text)} ({_safe(str(timezone))})</p>\n'
    sections = "".join(
        _section(part, len(parts) == 1 and part.title == title, language, timezone)
        for part in parts
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{_safe(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_safe(title)}</title>\n<style>{_STYLE % FONTS}</style>\n</head>\n<body>\n"
        f"<h1>{_safe(title)}</h1>\n{moment}{sections}</body>\n</html>\n"
    )


def _safe(text: str) -> str:
    return escape(readable(text))


def _section(part: Part, is_titled: bool, language: str, timezone: tzinfo) -> str:
    answer = part.answer
    heading = "" if is_titled else f"<h2>{_safe(part.title)}</h2>\n"
    figure = ""
    if answer.chart is not None:
        drawn = svg(answer, title=part.title, language=language, timezone=timezone, is_headed=False)
        figure = f"<figure>\n{drawn}</figure>\n"
    kind = "sentence" if answer.is_enough else "sentence few"
    return (
        f'<section>\n{heading}<p class="question">{_safe(part.question)}</p>\n'
        f'<p class="{kind}">{_safe(answer.sentence)}</p>\n'
        f"{figure}{_table(answer, timezone)}{_details(answer.explained, timezone)}</section>\n"
    )


def _table(answer: Answer, timezone: tzinfo) -> str:
    if not answer.rows:
        return ""
    classes = [' class="amount"' if each.unit in NUMERIC else "" for each in answer.columns]
    heads = "".join(
        f'<th scope="col"{name}>{_safe(column.label)}</th>'
        for column, name in zip(answer.columns, classes, strict=True)
    )
    lines = []
    for row in answer.rows:
        texts = [shown(row.get(each.name), each.unit, timezone) for each in answer.columns]
        cells = (
            f"<td{name}>{escape(text)}</td>" for text, name in zip(texts, classes, strict=True)
        )
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
    return (
        f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{''.join(lines)}</tbody>\n</table></div>\n"
    )


def _details(explained: Explained, timezone: tzinfo) -> str:
    found = "".join(map(_fact, facts(explained, timezone)))
    listed = "".join(
        f'<dd><bdi>{escape(row)}</bdi>: {shown(count, "count")} <span class="ids">{escape(ids)}</span></dd>\n'
        for row, count, ids in records(explained)
    )
    if listed:
        found += f"<dt>{escape(_('Records'))}</dt>\n{listed}"
    summary = escape(_("How these figures came about"))
    return f"<details>\n<summary>{summary}</summary>\n<dl>\n{found}</dl>\n</details>\n"


def _fact(fact: Fact) -> str:
    texts = "".join(f"<dd>{escape(text)}</dd>\n" for text in fact.texts)
    return f"<dt>{escape(fact.label)}</dt>\n{texts}"
