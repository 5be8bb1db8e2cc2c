"""Faults of search: what is found that should not be, or not as it should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmkit.memory.reading import Reader, Row
from crmkit.schema import Field
from crmkit.storage import NO_SCOPE, Page, Scope
from crmkit.testing.broken.fault import Faults
from crmkit.text import Phrase, matches, search_tokens

__all__ = ["FAULTS"]

FAULTS = Faults()


@FAULTS.caught_by("test_phrases_do_not_cross_fields_or_members")
class SearchesAcrossFields(Reader):
    """All fields are searched as one text."""

    def _has(self, row: Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        values = [row.document.get(field.name) or "" for field in fields]
        text = "".join("".join(map(str, each)) for each in values)
        return all(matches(phrase, search_tokens(text)) for phrase in phrases)


@FAULTS.caught_by("test_all_words_must_occur")
class FindsAnyWord(Reader):
    """One word of the query is enough."""

    def _has(self, row: Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        return any(super(FindsAnyWord, self)._has(row, fields, [each]) for each in phrases)


@FAULTS.caught_by("test_runs_are_contiguous", "test_repeated_syllables")
class FindsBagsOfSyllables(Reader):
    """A run is found by its parts in any order."""

    def _has(self, row: Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        parts = [Phrase((token,), each.prefix) for each in phrases for token in each.tokens]
        return super()._has(row, fields, parts)


@FAULTS.caught_by("test_hidden_fields_are_not_looked_into")
class SearchesHiddenFields(Reader):
    """Hidden fields are searched like others."""

    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]
    ) -> Page:
        return super().search(text, kinds, limit, after, scope)


@FAULTS.caught_by("test_newest_stored_first_over_all_kinds")
class OldestFirst(Reader):
    """A page of hits begins with the oldest of them."""

    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]
    ) -> Page:
        page = super().search(text, kinds, limit, after, scope, hidden)
        return Page(page.records[::-1], page.after)


@FAULTS.caught_by("test_no_ghosts")
class FindsGhosts(Reader):
    """Old words go on finding a record after an update."""

    def _has(self, row: Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        past = [dict(row.document)]
        for change in reversed(self.history(row.kind.name, row.id)):
            if change.action == "update":
                undone = {name: before for name, (before, _) in (change.delta or {}).items()}
                past.append({**past[-1], **undone})
        documents = [Row(row.kind, each, row.number) for each in past]
        return any(super(FindsGhosts, self)._has(each, fields, phrases) for each in documents)
