"""What is written down of a conversation: an interaction for each turn, in words, and who else was in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from crmkit import Interaction, Participant, Record
from crmkit_demo.chance import dice, id_at
from crmkit_demo.company import NAMES
from crmkit_demo.scenes import Goods
from crmkit_demo.talks import Conversation
from crmkit_demo.wording import said

__all__ = ["recorded"]

THREADED = {"email", "chat"}
ROLES = {"meeting": "attendee", "email": "cc"}
WEEKDAYS = {
    "ko": ["월요일", "화요일", "수요일", "목요일", "금요일"],
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
}
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
HOURS = {
    "ko": ["오전 10시", "오전 11시", "오후 2시", "오후 3시", "오후 4시"],
    "en": ["10 am", "11 am", "2 pm", "3 pm", "4 pm"],
}


def recorded(
    conversation: Conversation, place: int, customer_id: str | None, seed: int
) -> Iterator[Record]:
    """The interaction of one turn, and the others who were in it."""
    made = _interaction(conversation, place, customer_id, seed)
    yield made
    random = dice(seed, made.id)
    for other in conversation.others:
        address = other.on(conversation.scene.channel)
        yield Participant(
            id=id_at(made.happened_at, random),
            interaction_id=made.id,
            customer_id=other.id,
            identity_id=address.id if address else None,
            role=ROLES[conversation.scene.channel],
        )


def _interaction(
    conversation: Conversation, place: int, customer_id: str | None, seed: int
) -> Interaction:
    scene, figure = conversation.scene, conversation.figure
    moment = conversation.moments[place]
    words = _words(conversation, seed)
    random = dice(seed, figure.key, conversation.number, place)
    text = said(scene.turns[place].says, words, random, conversation.case)
    random = dice(seed, figure.key, conversation.number, "subject")
    subject = said(conversation.subject, words, random, conversation.case)
    if scene.channel == "chat":
        subject, text = text, ""
    elif place:
        subject = f"Re: {subject}"
    is_last = place == len(scene.turns) - 1
    return Interaction(
        id=conversation.ids[place],
        customer_id=customer_id,
        identity_id=conversation.identity.id if conversation.identity else None,
        channel=scene.channel,
        direction=scene.turns[place].way,
        happened_at=moment,
        subject=subject,
        body=text,
        outcome=scene.outcome if is_last else None,
        thread=conversation.ids[0] if scene.channel in THREADED else None,
    )


def _words(conversation: Conversation, seed: int) -> Mapping[str, str]:
    """What the templates of a conversation are filled with: the same in each of its turns."""
    figure, start = conversation.figure, conversation.moments[0]
    random = dice(seed, figure.key, conversation.number, "words")
    language, hours = figure.language, figure.branch.hours
    quantity = random.randint(2, 6)
    ordered = hours.day_of(start)
    if conversation.scene.topic != "order":
        ordered -= timedelta(days=random.randint(3, 12))
    arrives = hours.working_day(start + timedelta(days=random.randint(2, 5)))
    later = hours.working_day(start + timedelta(days=random.randint(10, 20)))
    small = random.randrange(8, 48)
    return {
        "product": conversation.goods.names[language],
        "quantity": str(quantity),
        "weight": f"{random.randrange(10, 65, 5)}kg",
        "amount": _amount(conversation, language, quantity),
        "small": _money(conversation, language, small * 1000, small * 60),
        "order": f"{ordered:%y%m%d}-{random.randrange(1000):03}",
        "ordered": _day(ordered, language),
        "arrives": _day(arrives, language),
        "later": _day(later, language),
        "weekday": WEEKDAYS[language][arrives.weekday()],
        "time": random.choice(HOURS[language]),
        "firm": figure.firm_at(start),
        "name": figure.name.full if figure.name else "",
        "first": figure.name.spoken if figure.name else "",
        "staff": _called(conversation, language),
        "company": NAMES[language],
    }


def _called(conversation: Conversation, language: str) -> str:
    """What whoever writes for the company is called: by the first name in English."""
    name = conversation.staff.names[language]
    return name if language == "ko" else name.partition(" ")[0]


def _amount(conversation: Conversation, language: str, quantity: int) -> str:
    """A price: of several if an organization buys something small."""
    goods: Goods = conversation.goods
    is_private = conversation.figure.role in {"person", "leaver", "stranger"}
    count = 1 if is_private or goods.sort == "machine" else quantity
    return _money(conversation, language, goods.won * count, goods.pence * count)


def _money(conversation: Conversation, language: str, won: int, pence: int) -> str:
    """An amount in the currency of the branch, as people write it."""
    if conversation.figure.branch.currency == "KRW":
        return f"{won:,}원" if language == "ko" else f"₩{won:,}"
    pounds = f"{pence / 100:,.2f}".removesuffix(".00")
    return f"{pounds}파운드" if language == "ko" else f"£{pounds}"


def _day(day: date, language: str) -> str:
    return (
        f"{day.month}월 {day.day}일" if language == "ko" else f"{day.day} {MONTHS[day.month - 1]}"
    )
