"""The tables of tokens: no ghosts, nothing left after a redaction."""

from __future__ import annotations

import random

import pytest

from crmkit.changes import Write
from crmkit.codec import dump_document
from crmkit.errors import Duplicate
from crmkit.testing.kinds import Slip, Specimen
from crmkit.testing.lab import Lab
from crmkit.text import matches, search_phrases, search_tokens

WORDS = ["alpha", "beta", "환불", "문의", "한빛전자", "café", "日本語", "x1", "🎉"]


def everywhere(lab: Lab, text: str) -> set[str]:
    """What a search must find, by reading everything."""
    phrases = search_phrases(text)
    found = set()
    for each in lab.find():
        fields = [search_tokens(str(each[name] or "")) for name in ("name", "notes")]
        fields += [search_tokens(label) for label in each.labels]
        if all(any(matches(phrase, tokens) for tokens in fields) for phrase in phrases):
            found.add(each.id)
    return found


def test_there_are_no_ghosts_after_any_history(lab):
    draw = random.Random(11)
    words = lambda: " ".join(draw.choices(WORDS, k=draw.randrange(4)))  # noqa: E731
    alive: list[Specimen] = []
    for _ in range(300):
        action = draw.random()
        if action < 0.4 or not alive:
            alive.append(lab.add(Specimen(name=words(), notes=words() or None, labels=(words(),))))
        elif action < 0.8:
            place = draw.randrange(len(alive))
            alive[place] = lab.update(alive[place], name=words(), labels=(words(), words()))
        else:
            lab.delete(alive.pop(draw.randrange(len(alive))))
    for text in [*WORDS, "환", "전자", "al", "alpha 환불", "문의 beta", "café 日本"]:
        page = lab.storage.search(text, ["specimen"], 1000)
        assert {each.id for each in page} == everywhere(lab, text), text
    assert lab.storage.check() == []


def test_a_writer_who_is_wrong_about_the_words_leaves_no_ghost(lab):
    record = lab.named("alpha")[0]
    write = lab.changed(record, name="gamma")
    with lab.storage.transaction() as tx:
        liar = Write("update", write.record, record.evolve(name="beta"))
        tx.update("specimen", [liar], lab.stamp())
    assert lab.search("alpha") == lab.search("beta") == []
    assert lab.search("gamma") == ["gamma"]


def test_a_failed_write_leaves_no_ghost(lab):
    first, second = lab.insert(
        Specimen(name="alpha", serial="1"), Specimen(name="beta", serial="2")
    )
    with pytest.raises(Duplicate):
        lab.update(second, name="gamma", serial="1")
    assert lab.search("gamma") == []
    assert lab.search("beta") == ["beta"]
    assert lab.search("alpha") == [first.name]


def test_one_record_twice_in_a_batch(lab):
    record = lab.named("alpha")[0]
    once = lab.changed(record, name="beta")
    twice = lab.changed(once.record, name="gamma")
    with lab.storage.transaction() as tx:
        tx.update("specimen", [once, twice], lab.stamp())
    assert lab.search("alpha") == lab.search("beta") == []
    assert lab.search("gamma") == ["gamma"]


def test_members_of_a_tuple_are_apart(lab):
    lab.add(Specimen(name="a", labels=("환불", "불은 것")))
    lab.add(Specimen(name="b", labels=("환불은 것",)))
    assert lab.search("환불은") == ["b"]


def test_words_longer_than_the_index_keeps_are_still_told_apart(lab):
    long = "x" * 40_000
    lab.named(f"{long}a", f"{long}b")
    assert lab.search(f"{long}a z") == []
    assert [each[-1] for each in lab.search(f"{long}a")] == ["a"]
    assert len(lab.search(long)) == 2
    assert [each[-1] for each in lab.search(f"{long}b", limit=1)] == ["b"]


def test_a_query_of_any_length_and_form(lab):
    lab.named("alpha")
    for text in [
        '"',
        "AND OR NOT",
        "NEAR(a b)",
        "name : x",
        "*",
        "^b",
        "{b}",
        "a" * 1000 + " *",
        "-x",
    ]:
        assert lab.search(text) == []
    assert lab.search("alpha " * 5000) == ["alpha"]
    assert lab.search(" ".join(f"w{number}" for number in range(5000))) == []


def test_a_redaction_leaves_nothing_in_the_files(lab, path):
    specimen = lab.add(Specimen(name="Beatrix Quimby", notes="secretword"))
    slip = lab.add(Slip(specimen_id=specimen.id, text="secretword too"))
    changed = lab.update(specimen, name="Beatrix Quimby-Smythe")
    lab.delete(slip)
    lab.redact(changed, name="", notes=None)
    lab.redact_gone(slip, "text")
    files = [each for each in path.parent.iterdir() if each.name.startswith(path.name)]
    content = b"".join(each.read_bytes() for each in files).lower()
    for word in (b"beatrix", b"quimby", b"smythe", b"secretword"):
        assert word not in content
    assert lab.search("secretword", "specimen", "slip") == []


def test_the_newest_stored_comes_first_over_all_kinds(lab):
    specimen = lab.add(Specimen(name="word 1"))
    lab.add(Slip(specimen_id=specimen.id, text="word 2"))
    document = dump_document(lab.schema["specimen"], Specimen(name="word 3", version=1))
    with lab.storage.transaction() as tx:
        tx.restore([("specimen", document)], [])
    lab.add(Slip(specimen_id=specimen.id, text="word 4"))
    lab.update(specimen, name="word 1b")
    assert lab.search("word", "specimen", "slip") == ["word 4", "word 3", "word 2", "word 1b"]
