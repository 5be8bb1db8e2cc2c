"""Search where PostgreSQL's vectors have limits: long tokens, very many tokens, very many words asked for."""

from __future__ import annotations

import random

import pytest
from crmkit_sql.tokens import CUT, is_exact, lexeme, tsquery, tsvector
from hypothesis import given
from hypothesis import strategies as st

from crmkit.testing.kinds import Specimen
from crmkit.text import TOKENS_PER_FIELD, search_phrases


def test_long_tokens_are_found_whole_and_by_their_beginning(lab):
    stem = "x" * (CUT - 1)
    lab.named(stem, f"{stem}a", f"{stem}ab", f"{stem}b")
    assert lab.search(f"{stem}a") == [f"{stem}ab", f"{stem}a"]
    assert lab.search(f"{stem}a {stem}a") == [f"{stem}a"]
    assert lab.search(f"{stem}b") == [f"{stem}b"]
    assert len(lab.search(stem)) == 4
    assert len(lab.search("xx")) == 4


def test_a_token_is_cut_between_its_characters(lab):
    words = [f"{'é' * 30}{end}" for end in "abc"]
    lab.named(*words)
    for word in words:
        assert lab.search(word) == [word]


def test_a_field_of_many_long_tokens_fits(lab):
    draw = random.Random(1)
    letters = "abcdefghijklmnop"
    words = ["".join(draw.choices(letters, k=60)) for _ in range(TOKENS_PER_FIELD)]
    record = lab.add(Specimen(name="long", notes=" ".join(words)))
    assert lab.get(record) == record
    for word in (words[0], words[-1], words[7]):
        assert lab.search(word) == ["long"]
    assert lab.search(words[0][:-1] + "z") == []


def test_very_many_words_may_be_asked_for(lab):
    words = [f"w{number}" for number in range(2_000)]
    lab.insert(*(Specimen(notes=" ".join(each)) for each in (words, words[:-1])))
    assert len(lab.search(" ".join(words))) == 1
    assert len(lab.search(" ".join(words[:-1]))) == 2


def test_hits_beyond_the_first_candidates_are_found(lab):
    """The runs' parts are everywhere, the run itself is only far back."""
    lab.named("한빛전자")
    lab.insert(*(Specimen(name=f"한빛 빛전 전자 {number}") for number in range(500)))
    assert lab.search("한빛전자") == ["한빛전자"]
    page = lab.storage.search("한빛전자", ["specimen"], 1)
    assert page.after is None


@given(st.text())
def test_what_a_query_asks_for_is_what_a_vector_keeps(text):
    vector = tsvector(text) or ""
    for phrase in search_phrases(text):
        if not phrase.prefix:
            assert all(f"'{lexeme(token)}'" in vector for token in phrase.tokens)
        assert tsquery(phrase).count("'") % 2 == 0


@pytest.mark.parametrize(("word", "exact"), [("a", True), ("a" * 44, True), ("a" * 45, False)])
def test_only_what_no_longer_token_is_cut_to_is_exact(word, exact):
    (phrase,) = search_phrases(word)
    assert is_exact(phrase) is exact
