"""What is true of every company that the demo makes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from crmkit_demo.running import Company
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import CRM, Alias, Customer, Direction, Identity, Interaction, Participant, where

from .conftest import UNTIL, make, opened

SINCE = datetime(2023, 3, 2, tzinfo=UTC)
END = datetime(2026, 3, 2, tzinfo=UTC)
SEOUL, LONDON = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/London")
OPEN = {SEOUL: (time(9), time(18)), LONDON: (time(9), time(17, 30))}
CLOSED = {SEOUL: {(1, 1), (10, 3), (12, 25)}, LONDON: {(1, 1), (12, 25), (12, 26)}}
FICTION = (
    r"(\+82 10-0\d{3}-\d{4}|010-?0\d{3}-?\d{4}|02-0\d{3}-\d{4}|(0|\+44 )7700 900\d{3}|020 7946 0\d{3}"
    r"|01\d\d 496 0\d{3})"
)
ADDRESS = r"[a-z0-9._]+@([a-z0-9]+\.example|example\.(com|org|net|kr))"


def laws(crm: CRM, company: Company) -> Iterator[tuple[str, object]]:
    """What is broken: a law, and what breaks it."""
    yield from references(crm)
    yield from contacts(crm, company)
    yield from threads(crm)
    yield from addresses(crm)
    times = [change.at for change in crm.changes()]
    if times != sorted(times):
        yield "the journal is in order of time", times
    if times and (times[0] < SINCE or times[-1] >= END):
        yield "the journal is of the time of the story", (times[0], times[-1])


def references(crm: CRM) -> Iterator[tuple[str, object]]:
    ids = {kind.name: {each.id for each in crm.find(kind.name)} for kind in crm.schema}
    for kind in crm.schema:
        for record in crm.find(kind.name):
            for field in kind.references:
                target = record[field.name]
                if target is not None and target not in ids[str(field.refers_to)]:
                    yield "every reference is there", (record, field.name)


def contacts(crm: CRM, company: Company) -> Iterator[tuple[str, object]]:
    identities = {each.id: each for each in crm.find(Identity)}
    talks = company.plot.talks
    zones = {id: f.branch.hours.zone for f in talks for talk in talks[f] for id in talk.ids}
    for contact in crm.find(Interaction):
        zone = zones[contact.id]
        local = contact.happened_at.astimezone(zone)
        opens, closes = OPEN[zone]
        if not opens <= local.time() < closes or local.weekday() > 4:
            yield "contacts are within working hours", contact
        if (local.month, local.day) in CLOSED[zone]:
            yield "nobody works on holidays", contact
        if contact.created_at < contact.happened_at:
            yield "nothing is recorded before it happens", contact
        if contact.identity_id is None:
            if contact.channel != "meeting":
                yield "only meetings are without an address", contact
        elif identities[contact.identity_id].customer_id != contact.customer_id:
            yield "an address belongs to whom the contact is with", contact
        elif identities[contact.identity_id].channel != contact.channel:
            yield "an address is of the channel of the contact", contact


def threads(crm: CRM) -> Iterator[tuple[str, object]]:
    found: dict[str, list[Interaction]] = defaultdict(list)
    for contact in crm.find(Interaction, order="happened_at"):
        if contact.thread:
            found[contact.thread].append(contact)
    for thread, turns in found.items():
        if len({(each.channel, each.customer_id, each.identity_id) for each in turns}) > 1:
            yield "a thread is with one customer on one address", turns
        if turns[0].id != thread:
            yield "a thread is named by its first message", turns
        if any(each.outcome for each in turns[:-1]):
            yield "only the last message has an outcome", turns
        if turns[0].subject.startswith("Re: "):
            yield "an answer is in the thread of what it answers", turns
        if turns[0].channel == "email":
            subjects = [f"Re: {turns[0].subject}"] * (len(turns) - 1)
            if [each.subject for each in turns[1:]] != subjects:
                yield "answers bear the subject that they answer", turns


def addresses(crm: CRM) -> Iterator[tuple[str, object]]:
    for identity in crm.find(Identity):
        pattern = {"email": ADDRESS, "phone": FICTION, "chat": r"\w+"}[identity.channel]
        if not re.fullmatch(pattern, identity.value):
            yield "addresses are nobody's", identity
        assert identity.first_seen_at
        assert identity.last_seen_at
        if not identity.first_seen_at <= identity.last_seen_at < END:
            yield "an address is seen first, then last", identity


@settings(deadline=None, max_examples=12)
@given(size=st.integers(1, 60), seed=st.integers(-5, 10**12))
def test_the_laws_hold_for_every_company(size: int, seed: int) -> None:
    with opened() as crm:
        company = make(crm, size, seed)

        assert crm.count(Customer) == size
        assert list(laws(crm, company)) == []


def test_the_laws_hold_for_the_company_of_the_usual_size(company: tuple[CRM, Company]) -> None:
    assert list(laws(*company)) == []


def test_the_clock_of_the_app_is_its_own_again(crm: CRM) -> None:
    assert abs((datetime.now(UTC) - crm.now()).total_seconds()) < 60


# A company as one would believe ----------------------------------------------------------------------------------


def test_it_grows(crm: CRM) -> None:
    inserts = [each for each in crm.changes(kinds=[Customer]) if each.action == "insert"]
    years = Counter((each.at - SINCE).days // 366 for each in inserts)

    assert len(inserts) > 200
    assert 0 < years[0] < years[1] < years[2]


def test_there_are_people_families_and_organizations_of_both_branches(crm: CRM) -> None:
    customers = list(crm.find(Customer))
    types = Counter(each.type for each in customers)
    phones = Counter(each.value for each in crm.find(Identity) if each.channel == "phone")
    staff = {each.organization_id for each in customers if each.organization_id}

    assert types["person"] > types["organization"] > 20
    assert len(staff) == types["organization"]  # nobody's organization is empty
    assert {each.country for each in customers} > {"KR", "GB"}
    assert Counter(each.language for each in customers)["ko"] > 80
    assert max(phones.values()) > 1  # a family, a switchboard


def test_everything_happens_that_happens_to_records(crm: CRM) -> None:
    edits = Counter(
        name
        for each in crm.changes(kinds=[Customer])
        if each.action == "update"
        for name in each.delta or ()
    )
    assert {"name", "owner", "tags"} <= edits.keys()
    assert crm.count(Alias) >= 5
    assert any(each.action == "delete" for each in crm.changes(kinds=[Interaction]))
    assert any(each.customer_id is None for each in crm.find(Identity))
    linked = [each.delta or {} for each in crm.changes(kinds=[Identity]) if each.action == "update"]
    assert any("customer_id" in delta and delta["customer_id"][0] is None for delta in linked)


def test_whoever_left_has_no_customers(crm: CRM) -> None:
    owners = {each.owner for each in crm.find(Customer)}

    assert owners == {"minji", "taeyun", "harin", "grace", "yuna", "priya"}
    past = {each.owner for each in crm.find(Customer, as_of=datetime(2025, 3, 1, tzinfo=UTC))}
    assert "jiho" in past


def test_a_duplicate_is_there_until_it_is_merged(company: tuple[CRM, Company]) -> None:
    crm, made_ = company
    for duplicate in made_.plot.duplicates:
        keep, lose = str(duplicate.of.id), str(duplicate.figure.id)
        [*_, merged] = crm.history(Customer, lose)
        before = crm.get(Customer, lose, as_of=merged.at.replace(hour=0, minute=0))

        assert crm.get(Customer, lose).id == keep
        assert before.id == lose
        assert merged.action == "delete"


def test_an_address_that_is_used_is_seen_again(crm: CRM) -> None:
    later = [each for each in crm.find(Identity) if each.last_seen_at != each.first_seen_at]

    assert len(later) > 100
    for identity in later:
        used = {
            each.happened_at for each in crm.find(Interaction, where.identity_id == identity.id)
        }
        assert identity.last_seen_at in used


def test_meetings_and_group_mails_are_with_colleagues(crm: CRM) -> None:
    for participant in crm.find(Participant):
        contact = crm.get(Interaction, participant.interaction_id)
        colleague = crm.get(Customer, str(participant.customer_id))
        main = crm.get(Customer, str(contact.customer_id))
        assert colleague.id != main.id
        assert colleague.organization_id == (main.organization_id or main.id)
        assert participant.role == {"meeting": "attendee", "email": "cc"}[contact.channel]
    assert crm.count(Participant) > 50


def test_calls_are_written_down_by_people_and_messages_by_the_inbox(crm: CRM) -> None:
    channels = {each.id: each.channel for each in crm.find(Interaction)}
    inserts = [each for each in crm.changes(kinds=[Interaction]) if each.action == "insert"]
    writers = {(channels[each.id], each.actor.type) for each in inserts if each.id in channels}

    assert writers == {
        ("email", "bot"),
        ("chat", "bot"),
        ("phone", "person"),
        ("meeting", "person"),
    }


def test_both_ways_and_all_channels(crm: CRM) -> None:
    ways = {(each.channel, each.direction) for each in crm.find(Interaction)}

    assert {channel for channel, _ in ways} == {"email", "chat", "phone", "meeting"}
    assert {("email", Direction.IN), ("email", Direction.OUT), ("phone", Direction.OUT)} <= ways


@pytest.mark.parametrize(
    "word", ["환불", "교환", "견적", "계약", "감사", "refund", "quote", "thanks"]
)
def test_a_search_finds_a_page_on_which_nothing_is_twice(crm: CRM, word: str) -> None:
    page = list(crm.search(word, [Interaction], limit=20))
    texts = Counter((each["subject"], each["body"]) for each in page)

    assert len(page) > 5
    assert [text for text, count in texts.items() if count > 1] == []


def test_nobody_says_the_same_twice_on_one_timeline(crm: CRM) -> None:
    for customer in crm.find(Customer):
        texts = Counter((each["subject"], each["body"]) for each in crm.timeline(customer.id))
        assert [text for text, count in texts.items() if count > 1] == []


def test_the_day_on_which_it_ends_is_kept(company: tuple[CRM, Company]) -> None:
    assert company[1].telling.until == UNTIL.isoformat()
