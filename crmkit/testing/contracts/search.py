"""Search: one meaning on every storage."""

from __future__ import annotations

import unicodedata

import pytest

from crmkit.errors import QueryError
from crmkit.kinds import Customer
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Slip, Specimen
from crmkit.testing.lab import Lab
from crmkit.text import TOKENS_PER_FIELD

__all__ = ["Search"]


class Search(Contract):
    """Search finds all that it should, and nothing else."""

    def test_a_latin_word_is_meant_whole(self, lab: Lab) -> None:
        """A Latin word finds itself, in any case; only the last word of the query may be a beginning."""
        lab.named("Refund requested", "refunds", "request refund", "unrefund")
        assert lab.search("REFUND") == ["request refund", "refunds", "Refund requested"]
        assert lab.search("refund request") == ["request refund", "Refund requested"]
        assert lab.search("refun request") == []
        assert lab.search("fund") == []

    def test_a_korean_word_is_found_inside_of_longer_ones(self, lab: Lab) -> None:
        """A run of Korean, Chinese or Japanese is found contiguous, with particles glued on or inside a word."""
        lab.named("환불은 언제", "자동환불제도", "환전 후 불만", "불환", "東京都庁", "京東")
        assert lab.search("환불") == ["자동환불제도", "환불은 언제"]
        assert lab.search("환불은") == ["환불은 언제"]
        assert lab.search("東京") == ["東京都庁"]
        assert lab.search("京都") == ["東京都庁"]

    def test_one_syllable_is_found_anywhere(self, lab: Lab) -> None:
        """A single syllable is found at the beginning, in the middle and at the end of a word."""
        lab.named("환불", "불만", "자동불편", "물", "a불b")
        assert lab.search("불") == ["a불b", "자동불편", "불만", "환불"]

    def test_runs_are_contiguous(self, lab: Lab) -> None:
        """Syllables across a space or in another order are no hit; a longer run needs all of its syllables."""
        lab.named("한빛 전자", "한빛전자", "전자한빛", "한빛전", "빛전자", "한빛전 전자")
        assert lab.search("한빛전자") == ["한빛전자"]
        assert lab.search("빛전") == ["한빛전 전자", "빛전자", "한빛전", "한빛전자"]
        assert lab.search("한빛 전자") == ["한빛전 전자", "전자한빛", "한빛전자", "한빛 전자"]

    def test_repeated_syllables(self, lab: Lab) -> None:
        """A run with repeated syllables is matched as a whole, not by its set of parts."""
        lab.named("가나가나", "가나", "나가나", "하하하", "하하")
        assert lab.search("가나가") == ["가나가나"]
        assert lab.search("하하하") == ["하하하"]
        assert lab.search("하하") == ["하하", "하하하"]

    def test_composed_and_decomposed_text_are_alike(self, lab: Lab) -> None:
        """NFC and NFD find each other, in Korean and in accented Latin, though they are stored as given."""
        texts = ["한글 café", unicodedata.normalize("NFD", "한글 café")]
        lab.named(*texts)
        for query in ("한글", "café", "caf", "한"):
            for form in ("NFC", "NFD"):
                assert lab.search(unicodedata.normalize(form, query)) == texts[::-1]
        assert lab.search("cafe") == []

    def test_case_folding(self, lab: Lab) -> None:
        """Case does not matter, beyond ASCII too."""
        lab.named("Straße ΣΊΣΥΦΟΣ Ölçü")
        for query in ("STRASSE", "σίσυφος", "ölçü", "strasse ölç"):
            assert len(lab.search(query)) == 1, query

    def test_all_words_must_occur(self, lab: Lab) -> None:
        """Every word of the query must be in the record, in any order and in any searchable field."""
        lab.insert(
            Specimen(name="blue bird", notes="한빛전자 방문", labels=("vip",)),
            Specimen(name="blue", notes="방문"),
        )
        assert lab.search("방문 blue vip 한빛") == ["blue bird"]
        assert lab.search("blue 방문") == ["blue", "blue bird"]
        assert lab.search("blue red") == []

    def test_phrases_do_not_cross_fields_or_members(self, lab: Lab) -> None:
        """A run is found within one field, and within one member of a tuple, never across the border of two."""
        lab.insert(
            Specimen(name="한", notes="빛", labels=("전", "자")),
            Specimen(name="한빛", labels=("전자",)),
        )
        assert lab.search("한빛") == ["한빛"]
        assert lab.search("전자") == ["한빛"]
        assert lab.search("빛전") == []

    def test_members_of_tuples_are_found(self, lab: Lab) -> None:
        """Each member of a searchable tuple is searched, whatever stands before it; of other fields none."""
        lab.insert(
            Specimen(name="a", labels=("gold", "우수 고객"), items=("silver",), shelf="bronze")
        )
        assert lab.search("고객") == lab.search("gold") == ["a"]
        assert lab.search("silver") == lab.search("bronze") == []

    def test_added_fields_are_searched(self, lab: Lab) -> None:
        """Searchable fields that plugins and people added are searched too."""
        lab.insert(
            Specimen(name="a", added={"clinic.story": "알레르기 있음", "clinic.chart": "chart"}),
            Specimen(name="b", added={"custom.remark": "peanut allergy", "custom.tier": "gold"}),
        )
        assert lab.search("알레르기") == ["a"]
        assert lab.search("allergy") == ["b"]
        assert lab.search("gold") == lab.search("chart") == []

    def test_hidden_fields_are_not_looked_into(self, lab: Lab) -> None:
        """What is only in a hidden field is not found, nor helped to be found by it."""
        lab.insert(Specimen(name="blue", notes="secret"), Specimen(name="secret", notes="blue"))
        hidden = {"specimen": frozenset({"notes"})}
        assert lab.search("secret", hidden=hidden) == ["secret"]
        assert lab.search("blue secret", hidden=hidden) == []
        both = {"specimen": frozenset({"notes", "name", "labels"})}
        assert lab.search("blue", hidden=both) == []
        assert len(lab.search("blue", hidden={"slip": frozenset({"notes", "name"})})) == 2

    def test_punctuation_and_emoji(self, lab: Lab) -> None:
        """Punctuation separates words and means nothing in a query; an emoji is a word, in any skin."""
        lab.named("e-mail: kim@hanbit.example", "AT&T (Q3)", "👍🏽 좋아요", "don't")
        assert lab.search("hanbit.example") == ["e-mail: kim@hanbit.example"]
        assert lab.search("AT&T") == ["AT&T (Q3)"]
        assert lab.search("👍") == lab.search("좋아") == ["👍🏽 좋아요"]
        for query in ('"don\'t"', "don* OR", 'NEAR(x)"', "name:don", "-don", "^don", "don AND"):
            assert len(lab.search(query)) <= 1, query

    def test_a_text_without_words_finds_nothing(self, lab: Lab) -> None:
        """No words, no hits: white space, punctuation, an empty text."""
        lab.named("", "a", "...")
        for query in ("", "   ", "...", '"', "*", "\u200d", "--"):
            assert lab.search(query) == [], query

    def test_operators_of_search_engines_are_words(self, lab: Lab) -> None:
        """AND, OR, NOT, NEAR and column names are words like others."""
        lab.named("this and that", "not here", "or")
        assert lab.search("and") == ["this and that"]
        assert lab.search("NOT here") == ["not here"]
        assert lab.search("OR") == ["or"]

    def test_newest_stored_first_over_all_kinds(self, lab: Lab) -> None:
        """Hits of all kinds asked for come in one order, newest stored first; an update does not move a record."""
        first = lab.add(Specimen(name="word 1"))
        lab.add(Slip(specimen_id=first.id, text="word 2"))
        lab.add(Specimen(name="word 3"))
        lab.insert(
            Slip(specimen_id=first.id, text="word 4"), Slip(specimen_id=first.id, text="word 5")
        )
        lab.add(Customer(name="word 6"))
        expected = ["word 5", "word 4", "word 3", "word 2", "word 1"]
        assert lab.search("word", "specimen", "slip") == expected
        assert lab.search("word", "slip", "specimen", "slip") == expected
        lab.update(first, number=1)
        assert lab.search("word", "specimen", "slip") == expected
        assert lab.search("word", "slip") == ["word 5", "word 4", "word 2"]

    def test_a_record_stored_again_is_new(self, lab: Lab) -> None:
        """A record that was deleted and inserted again is the newest."""
        first, _ = lab.named("word 1", "word 2")
        lab.delete(first)
        lab.add(first)
        assert lab.search("word") == ["word 1", "word 2"]

    def test_search_in_pages(self, lab: Lab) -> None:
        """A cursor goes on behind the last hit, also while new hits come in; the last page has none."""
        lab.named(*(f"word {number}" for number in range(7)))
        first = lab.storage.search("word", ["specimen"], 3)
        lab.named("word 7")
        second = lab.storage.search("word", ["specimen"], 3, first.after)
        third = lab.storage.search("word", ["specimen"], 3, second.after)
        names = [each["name"] for page in (first, second, third) for each in page]
        assert names == [f"word {number}" for number in (6, 5, 4, 3, 2, 1, 0)]
        assert third.after is None
        assert lab.storage.search("word", ["specimen"], 8).after is None
        assert lab.storage.search("word", ["specimen"], 0).records == ()

    def test_a_search_cursor_fits_its_search_only(self, lab: Lab) -> None:
        """The cursor of another text or other kinds, or a damaged one, is a `QueryError`."""
        lab.named("word a", "word b", "other a", "other b")
        after = lab.storage.search("word", ["specimen"], 1).after
        assert after is not None
        query = lab.page(limit=1).after
        for text, kinds, cursor in (
            ("other", ["specimen"], after),
            ("word", ["specimen", "slip"], after),
            ("word", ["specimen"], after[:-3]),
            ("word", ["specimen"], "x"),
            ("word", ["specimen"], query),
        ):
            with pytest.raises(QueryError):
                lab.storage.search(text, kinds, 1, cursor)

    def test_no_ghosts(self, lab: Lab) -> None:
        """After an update, delete or redaction the old words find nothing, and what is left still finds."""
        a, b, c = lab.named("old alpha 옛날", "old beta", "old gamma")
        a = lab.update(a, name="new alpha 요즘")
        lab.delete(b)
        lab.redact(c, name="")
        assert lab.search("old") == lab.search("옛날") == lab.search("beta") == []
        assert lab.search("gamma") == []
        assert lab.search("alpha") == lab.search("요즘") == ["new alpha 요즘"]
        a = lab.update(a, name="old alpha")
        assert lab.search("old") == ["old alpha"]
        lab.delete(a)
        assert lab.search("old") == lab.search("alpha") == []

    def test_no_ghosts_of_a_rollback(self, lab: Lab) -> None:
        """What was rolled back is not found, what it took away is."""
        kept = lab.add(Specimen(name="kept word"))
        with lab.undone() as tx:
            lab.insert(Specimen(name="lost word"), tx=tx)
            lab.update(kept, tx=tx, name="changed")
            assert lab.search("lost", tx=tx) == ["lost word"]
            assert lab.search("word", tx=tx) == ["lost word"]
        assert lab.search("word") == ["kept word"]
        assert lab.search("changed") == []

    def test_only_so_many_tokens_count(self, lab: Lab) -> None:
        """The first 16,000 tokens of a field are found, later ones not; each field counts for itself."""
        filler = "w " * (TOKENS_PER_FIELD - 1)
        lab.insert(
            Specimen(name="a", notes=filler + "inside outside"),
            Specimen(name="b", labels=("x " * 9_000, "y " * 6_999 + "inside outside", "outside")),
        )
        assert lab.search("inside") == ["b", "a"]
        assert lab.search("outside") == []
        assert lab.search("b") == ["b"]

    def test_long_words_are_found(self, lab: Lab) -> None:
        """A word of thousands of letters is found whole and by its beginning, and is not mixed up with another."""
        word = "x" * 5_000
        lab.named(word + "a", word + "b")
        assert lab.search(word + "b") == [word + "b"]
        assert lab.search(word) == [word + "b", word + "a"]
        assert lab.search(word + "a blue") == []

    def test_a_record_without_words_is_no_trouble(self, lab: Lab) -> None:
        """Records whose searchable fields are empty or missing can be written, changed and deleted."""
        record = lab.add(Specimen())
        record = lab.update(record, name="...")
        record = lab.update(record, name="word")
        assert lab.search("word") == ["word"]
        record = lab.update(record, name="")
        lab.delete(record)
        assert lab.search("word") == []
