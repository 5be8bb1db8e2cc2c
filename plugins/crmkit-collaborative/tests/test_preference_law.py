"""Which channel comes first: the golden figure, and laws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.kinds import ChannelPreference, ContactRule
from crmkit_collaborative.preference.choosing import Known, choose
from crmkit_collaborative.preference.contacts import REPLY_WITHIN, Contact, used
from crmkit_collaborative.preference.observing import rate
from crmkit_collaborative.preference.permitting import permit
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
CHANNELS = [
    Channel("email", "E-mail"),
    Channel("phone", "Telephone", live=True),
    Channel("sms", "SMS", identity="phone"),
]


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def out(id: str, days: float, channel: str = "phone", **more: object) -> Contact:
    return Contact(id, channel, ago(days), False, **more)


def came(id: str, days: float, channel: str = "email", **more: object) -> Contact:
    return Contact(id, channel, ago(days), True, **more)


def judged(*contacts: Contact) -> dict[str, tuple[int, str]]:
    return {each.contact.id: (each.value, each.why) for each in used(contacts, ["phone"], NOW)}


def test_the_golden_figure():
    contacts = [out("a", 0, outcome="reached"), out("b", 90), out("c", 180, outcome="unanswered")]
    found = rate("phone", used(contacts, ["phone"], NOW), NOW, base=0.2)
    assert round(found.rate, 4) == 0.3704
    assert (found.hits, found.total) == (1.5, 1.75)


def test_a_reply_makes_the_attempt_used_and_is_no_contact_of_its_own():
    assert judged(out("a", 10, "email"), came("b", 9)) == {"a": (1, "reply")}


def test_a_late_reply_began_something_new():
    assert judged(out("a", 30, "email"), came("b", 9)) == {
        "a": (0, "no_reply"),
        "b": (1, "came_in"),
    }


def test_a_reply_in_another_thread_answers_nothing():
    found = judged(out("a", 10, "email", thread="x"), came("b", 9, thread="y"))
    assert found == {"a": (0, "no_reply"), "b": (1, "came_in")}


def test_the_last_of_several_attempts_was_the_one():
    found = judged(out("a", 12, "email"), out("b", 10, "email"), came("c", 9))
    assert found == {"a": (0, "no_reply"), "b": (1, "reply")}


def test_a_fresh_attempt_says_nothing_yet():
    assert judged(out("a", 1, "email")) == {}
    assert judged(out("a", 1, "phone", outcome="부재중")) == {"a": (0, "outcome")}


def preference(channel: str, source: str = "stated", purpose: str = "any", days: float = 1):
    return ChannelPreference(
        customer_id="c", purpose=purpose, channel=channel, source=source, since=ago(days)
    )


def rule(verdict: str, channel: str | None = None, purpose: str | None = None, days: float = 1):
    return ContactRule(
        customer_id="c", verdict=verdict, channel=channel, purpose=purpose, since=ago(days)
    )


def order(known: Known, purpose: str | None = "service", **more: object) -> list[str]:
    return [
        each.channel for each in choose(CHANNELS, known, purpose, NOW, {}, **more) if each.usable
    ]


BOTH = {"email": ["a@b.example"], "phone": ["010-2345-6789"]}


def test_stated_beats_observed_and_policy():
    seen = list(used([came(str(n), n) for n in range(9)], ["phone"], NOW))
    assert order(Known(BOTH, contacts=seen))[0] == "email"
    assert order(Known(BOTH, [preference("sms")], contacts=seen))[0] == "sms"
    assert order(Known(BOTH, [preference("phone", "policy"), preference("sms")]))[:2] == [
        "sms",
        "phone",
    ]


def test_a_preference_for_the_purpose_beats_one_for_any():
    known = Known(
        BOTH, [preference("sms", days=1), preference("email", purpose="service", days=300)]
    )
    assert order(known)[0] == "email"
    assert order(known, "marketing")[0] == "sms"


def test_no_contact_beats_what_was_stated():
    known = Known(BOTH, [preference("email")], [rule("do_not_contact", "email")])
    assert "email" not in order(known)
    assert order(Known(BOTH, [preference("email")], [rule("do_not_contact")])) == []


def test_consent_is_asked_for_where_it_is_needed():
    assert order(Known(BOTH), "marketing", needs_consent=True) == []
    agreed = [rule("consent", "email", "marketing")]
    assert order(Known(BOTH, rules=agreed), "marketing", needs_consent=True) == ["email"]


def test_without_an_address_a_channel_is_of_no_use_but_in_person():
    channels = [Channel("email", "E-mail"), Channel("phone", "Telephone", live=True)]
    channels += [Channel("visit", "Visit", live=True, addressed=False)]
    channels += [Channel("form", "Form", directions=("in",))]
    found = choose(channels, Known({"email": ["a@b.example"], "form": ["x"]}), None, NOW, {})
    assert [(each.channel, each.usable) for each in found] == [
        ("email", True),
        ("visit", True),
        ("phone", False),
    ]


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([], True),
        ([rule("consent")], True),
        ([rule("withdrawn", days=2), rule("consent", days=1)], True),
        ([rule("consent", days=2), rule("withdrawn", days=1)], False),
        ([rule("do_not_contact", days=9), rule("consent", "email", days=1)], False),
        ([rule("do_not_contact", "phone")], True),
        ([rule("do_not_contact", purpose="marketing")], True),
        ([rule("do_not_contact", purpose="service")], False),
    ],
)
def test_the_most_restrictive_counts_and_of_the_same_the_newest(rules, allowed):
    assert permit(rules, "email", "service").allowed is allowed
    assert permit(reversed(rules), "email", "service").allowed is allowed


CONTACTS = st.lists(
    st.builds(
        Contact,
        id=st.uuids().map(str),
        channel=st.sampled_from(["email", "phone"]),
        at=st.integers(0, 400).map(ago),
        incoming=st.booleans(),
        thread=st.sampled_from([None, "x"]),
        outcome=st.sampled_from([None, "reached", "unanswered"]),
    ),
    max_size=12,
    unique_by=lambda each: each.id,
)


@given(CONTACTS, st.randoms())
def test_the_order_of_reading_does_not_matter_and_every_rate_is_one(contacts, chance):
    found = list(used(contacts, ["phone"], NOW))
    shuffled = list(contacts)
    chance.shuffle(shuffled)
    assert list(used(shuffled, ["phone"], NOW)) == found
    assert 0 <= rate("email", found, NOW, 0.3).rate <= 1
    assert all(each.after is None or timedelta() <= each.after <= REPLY_WITHIN for each in found)


@given(CONTACTS)
def test_an_answer_never_lowers_a_rate(contacts):
    def of(these):
        mine = [each for each in used(these, [], NOW) if each.contact.channel == "email"]
        return rate("email", mine, NOW, 0.3).rate

    assert of([*contacts, Contact("zz", "email", NOW, True, "new")]) >= of(contacts) - 1e-12
