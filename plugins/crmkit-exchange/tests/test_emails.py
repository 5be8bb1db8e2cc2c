"""E-mail addresses are those that the library takes, quickly, and in one form."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest
from crmkit_exchange import emails as module
from crmkit_exchange.emails import email, emails
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

LABEL = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?", fullmatch=True)
LOCAL = st.from_regex(r"[a-zA-Z0-9_+.\-]{1,70}", fullmatch=True)
SPECIAL = st.sampled_from(["test", "invalid", "localhost", "local", "arpa", "onion", "example", "xn--3e0b707e", "com", "kr", "ab--c"])  # fmt: skip
DOMAIN = st.lists(LABEL | SPECIAL, min_size=1, max_size=5).map(".".join)
ADDRESS = st.builds("{}@{}".format, LOCAL, DOMAIN)


def of_library(text):
    """The slow answer; None if the library refuses."""
    try:
        found = validate_email(text, check_deliverability=False)
        return f"{found.local_part.casefold()}@{found.domain}"
    except EmailNotValidError:
        return None


@settings(deadline=None, max_examples=500)
@given(ADDRESS)
@example("a@b.test")
@example("a@b.example")
@example("a@ab--c.com")
@example("a@test.com")
@example("a@a.arpa.com")
@example("a@a.arpa")
@example("A.B@C.ORG")
@example("a..b@c.org")
@example("-@c.org")
@example("a@c.xn--3e0b707e")
@example("a@" + ".".join(["abcdefgh"] * 27) + ".com")
@example("a" * 64 + "@" + ".".join(["abcdefgh"] * 21) + ".com")
def test_the_quick_answer_is_that_of_the_library(text):
    if len(text) <= 254 and module._is_usual(text):
        assert of_library(text) == text.casefold()


@settings(deadline=None, max_examples=200)
@given(ADDRESS | st.emails())
def test_an_address_is_one_if_the_library_says_so(text):
    module._address.cache_clear()
    assert email(text) == of_library(text)


def test_usual_addresses_need_no_library():
    assert module._is_usual("Kim.Haneul+news@mail.acme.co.kr")
    assert not module._is_usual("김하늘@acme.example")


# Real verdicts ---------------------------------------------------------------------------------------------------

# In this file pictures of control characters stand for the characters.
CONTROLS = {0x2400 + code: code for code in range(0x20)}


@pytest.fixture
def verdicts(data):
    """The addresses of isemail's tests by category: diagnosis, address."""
    found = defaultdict(list)
    for line in (data / "09_validation/isemail_tests.jsonl").read_text("utf-8").splitlines():
        told = json.loads(line)
        diagnosis = told["diagnosis"].removeprefix("ISEMAIL_")
        address = told["address"].translate(CONTROLS)
        found[told["category"].removeprefix("ISEMAIL_")].append((diagnosis, address))
    assert sum(map(len, found.values())) == 164
    return found


def taken(cases):
    return [address for _, address in cases if email(address) is not None]


def test_valid_addresses_are_taken_but_of_a_domain_alone(verdicts):
    refused = [address for _, address in verdicts["VALID_CATEGORY"] if email(address) is None]

    assert len(verdicts["VALID_CATEGORY"]) == 14
    assert refused == ["test@io"]


def test_domains_without_an_entry_are_not_looked_up(verdicts):
    assert len(taken(verdicts["DNSWARN"])) == len(verdicts["DNSWARN"]) == 8


def test_what_breaks_the_rules_is_refused(verdicts):
    """Blank space around an address is no part of it, whatever it is made of."""
    assert [address for address in taken(verdicts["ERR"]) if address == address.strip()] == []
    assert {each.strip() for each in taken(verdicts["ERR"])} == {"test@iana.org"}


@pytest.mark.parametrize("category", ["RFC5321", "DEPREC"])
def test_quoted_and_deprecated_addresses_and_those_of_numbers_are_refused(verdicts, category):
    assert [address for address in taken(verdicts[category]) if address == address.strip()] == []


def test_comments_are_refused(verdicts):
    assert {address.strip() for address in taken(verdicts["CFWS"])} == {"test@iana.org"}


def test_of_what_only_rfc_5322_allows_a_long_local_part_is_taken(verdicts):
    allowed = [(why, each) for why, each in verdicts["RFC5322"] if email(each) is not None]

    assert [why for why, _ in allowed] == ["RFC5322_LOCAL_TOOLONG"]


# Forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "kim@acme.example",
        "KIM@Acme.Example",
        "  kim@acme.example\n",
        "Kim <kim@acme.example>",
        '"Kim, Haneul" <kim@acme.example>',
        "<kim@acme.example>",
        "mailto:kim@acme.example",
        "MAILTO:kim@acme.example?subject=Hi",
        "김하늘 < kim@acme.example > ",
        '"kim@acme.example" <kim@acme.example>',
        "'kim@acme.example'",
        "(kim@acme.example)",
        "Kim (kim@acme.example)",
        "kim@acme.example (work)",
        "김하늘 kim@acme.example",
        "메일: kim@acme.example",
        "kim@acme.example / 없음",
        "kim@acme.example,",
    ],
)
def test_an_address_is_the_same_however_it_is_written(text):
    assert email(text) == "kim@acme.example"
    assert emails(text) == ["kim@acme.example"]


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "kim", "@", "kim@", "@acme.example", "kim@acme", "kim@@acme.example", "kim@acme..example", "kim@localhost",
        "kim@acme.test", "kim@acme.invalid", "kim at acme.example", "kim@acme.example lee@acme.example", "kim@-acme.example",
        "john doe@acme.example", "kim @acme.example", "kim@acme .example",
        "a" * 2000 + "@acme.example", "\x00@acme.example", "kim@ac\x00me.example", "\ud800@acme.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(text):
    assert email(text) is None


def test_part_of_a_mistyped_address_is_nobody_elses():
    assert emails("john doe@acme.example, lee@acme.example") == ["lee@acme.example"]


def test_an_address_in_korean_is_one():
    assert email("김하늘@한국.example") == "김하늘@한국.example"


def test_foreign_domains_have_their_own_letters():
    assert email("Kim@XN--3E0B707E.kr") == email("kim@한국.kr") == "kim@한국.kr"
    assert email("Kim@Straße.example") == "kim@straße.example" != email("kim@strasse.example")


def test_case_is_folded_in_every_alphabet():
    assert email("Groß@acme.example") == email("GROSS@acme.example")
    assert email("ΣΊΣΥΦΟΣ@acme.example") == email("σίσυφος@acme.example")


def test_accents_are_the_same_however_they_are_composed():
    assert email("Jos\u00e9@acme.example") == email("jose\u0301@acme.example")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kim@acme.example, lee@acme.example", ["kim@acme.example", "lee@acme.example"]),
        ("kim@acme.example;KIM@acme.example", ["kim@acme.example"]),
        ("kim@acme.example lee@acme.example", ["kim@acme.example", "lee@acme.example"]),
        ("kim@acme.example|lee@acme.example", ["kim@acme.example", "lee@acme.example"]),
        ("kim@acme.example/lee@acme.example", ["kim@acme.example", "lee@acme.example"]),
        ("a/b@acme.example, lee@acme.example", ["a/b@acme.example", "lee@acme.example"]),
        ("kim@acme.example ::: lee@acme.example", ["kim@acme.example", "lee@acme.example"]),
        ("kim@acme.example, Lee <lee@acme.example>", ["kim@acme.example", "lee@acme.example"]),
        ("mailto:kim@acme.example,lee@acme.example", ["kim@acme.example", "lee@acme.example"]),
        ("Kim <kim@acme.example>, Lee <lee@acme.example>", ["kim@acme.example", "lee@acme.example"]),
        ("없음", []),
        ("", []),
    ],
)  # fmt: skip
def test_several_addresses_in_a_cell_are_told_apart(text, found):
    assert emails(text) == found
    assert email(text) == (found[0] if len(found) == 1 else None)


@settings(deadline=None)
@given(st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=12))
@example("ß")
@example("\u0345\u0301ά")
def test_an_address_is_found_again_in_its_own_form(local):
    found = email(f"{local}@acme.example")

    assert found is None or email(found) == found


def test_a_long_text_is_searched_quickly_and_not_kept():
    module._address.cache_clear()

    assert emails("kim@acme.example " * 100_000) == ["kim@acme.example"]
    assert emails("@" * 10_000_000) == []
    assert module._address.cache_info().currsize == 1


@settings(deadline=None)
@given(st.text() | st.text(st.sampled_from("ab@.<>,; \x00mailto:"), max_size=40))
def test_any_text_is_an_address_or_none(text):
    several = emails(text)
    assert email(text) == (several[0] if len(several) == 1 else None)
    for found in several:
        assert found.count("@") >= 1
        assert not set(found) & set(" <>\x00")
        assert email(found) == found
