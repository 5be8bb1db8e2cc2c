"""Search tokens and phrases."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.text import TOKENS_PER_FIELD, Phrase, matches, search_phrases, search_tokens

words = st.text(
    st.sampled_from("abzéÄß09한빛전자환불은가東京テストカ👍 .,-'\u200d\u0301"), max_size=30
)


def found(query, text):
    phrases = search_phrases(query)
    return bool(phrases) and all(matches(each, search_tokens(text)) for each in phrases)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("Refund, requested!", ["refund", "requested"]),
        ("환불은", ["환불", "불은", "은"]),
        ("불", ["불"]),
        ("LG전자 TV", ["lg", "전자", "자", "tv"]),
        ("東京都", ["東京", "京都", "都"]),
        ("👍🏽좋아", ["👍", "좋아", "아"]),
        ("don't", ["don", "t"]),
        ("a\u200db", ["ab"]),
    ],
)
def test_texts_are_cut_so(text, tokens):
    assert search_tokens(text) == tokens


@given(words)
def test_composition_makes_no_difference(text):
    tokens = search_tokens(unicodedata.normalize("NFC", text))
    assert search_tokens(unicodedata.normalize("NFD", text)) == tokens


@given(words)
def test_case_makes_no_difference(text):
    assert search_tokens(text.upper().lower()) == search_tokens(text.lower().upper().lower())


@given(st.text())
def test_any_text_is_cut_into_words_without_space(text):
    for token in search_tokens(text):
        assert token
        assert not any(each.isspace() for each in token)


@given(words, words)
def test_a_text_is_found_by_itself_inside_of_others(text, other):
    assert not search_phrases(text) or found(text, f"{other} {text} {other}")


@given(st.text(st.sampled_from("한빛전자환불은가"), min_size=1, max_size=6), st.data())
def test_a_run_is_found_by_its_parts_and_no_others(run, data):
    start = data.draw(st.integers(0, len(run) - 1))
    part = run[start : data.draw(st.integers(start + 1, len(run)))]
    assert found(part, f"a {run} b")
    other = data.draw(st.text(st.sampled_from("한빛전자"), min_size=1, max_size=4))
    assert found(other, run) == (other in run)


@given(words, words)
def test_the_last_word_is_a_beginning(one, two):
    for phrase in search_phrases(f"{one} {two}")[:-1]:
        assert not phrase.prefix or len(phrase.tokens[0]) == 1


def test_no_more_than_so_many_tokens():
    assert len(search_tokens("a " * 20_000)) == TOKENS_PER_FIELD
    assert len(search_tokens("가나" * 20_000)) == TOKENS_PER_FIELD


def test_equal_phrases_are_asked_once():
    assert search_phrases("한빛 한빛") == (Phrase(("한빛",)),)


def test_matching_needs_the_tokens_in_a_row():
    for order in itertools.permutations(["a", "b", "c"]):
        assert matches(Phrase(("a", "b", "c")), list(order)) == (order == ("a", "b", "c"))
    assert matches(Phrase(("ab",), prefix=True), ["x", "abc"])
    assert not matches(Phrase(("ab",)), ["abc"])
    assert not matches(Phrase(("a", "b")), ["a"])
