"""Conversations: when somebody gets in touch, in which scene, and when each turn comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

import attrs

from crmkit import Direction, Identity
from crmkit_demo.chance import dice, id_at
from crmkit_demo.figures import Figure
from crmkit_demo.scenes import Goods, Scene, goods_of, scenes_for
from crmkit_demo.story import Staff

__all__ = ["Conversation", "conversations", "erasure", "with_colleagues"]

DAY = timedelta(days=1)
YEARLY = {"person": 2.7, "business": 3.4, "organization": 2.4}
"""How often somebody gets in touch in a year, on average; few often, many seldom."""
SHAPE = 2.2
LATELY = 4
"""Nobody has one of their last scenes again."""
CASES = 60
"""Divisible by any number of cases that a scene has."""
WAITS = {
    ("email", Direction.OUT): (900, 18_000),
    ("email", Direction.IN): (1_200, 100_000),
    ("chat", Direction.OUT): (40, 420),
    ("chat", Direction.IN): (20, 300),
}
"""Seconds until the next turn, unless the scene says otherwise."""


@attrs.frozen(eq=False)
class Conversation:
    """A scene as it happened: `moments` and `ids` of the turns that there were, in order.

    `number` counts the figure's conversations. `case` is which of the cases of the scene it is, `identity` the
    address, `others` who else was in it.
    """

    figure: Figure
    number: int
    scene: Scene
    goods: Goods
    subject: str
    case: int
    staff: Staff
    identity: Identity | None
    moments: tuple[datetime, ...]
    ids: tuple[str, ...]
    others: tuple[Figure, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether every turn has come."""
        return len(self.moments) == len(self.scene.turns)


def conversations(figure: Figure, seed: int, until: datetime) -> list[Conversation]:
    """All conversations with a figure before the end of the story, in order of time."""
    random = dice(seed, figure.key, "talks")
    found: list[Conversation] = []
    lately: deque[Scene] = deque(maxlen=LATELY)
    subjects: set[str] = set()
    cases: dict[Scene, int] = {}
    for start in _starts(figure, random):
        scene = _scene(figure, start, not found, lately, random)
        if scene is not None:
            lately.append(scene)
            fresh = [each for each in scene.subjects if each not in subjects]
            subject = random.choice(fresh or scene.subjects or [""])
            subjects.add(subject)
            goods = goods_of(scene.goods, [each.goods for each in found[-LATELY:]], random)
            # The next case each time: nobody asks the same thing twice in a row.
            cases[scene] = cases[scene] + 1 if scene in cases else random.randrange(CASES)
            about = scene, goods, subject, cases[scene]
            made = _conversation(figure, len(found), about, start, random)
            kept = _before(made, until)
            found += [kept] if kept else []
    return found


def erasure(figure: Figure, number: int, seed: int) -> Conversation:
    """A leaver's last words."""
    random = dice(seed, figure.key, "erasure")
    [scene] = scenes_for(figure.language, "leaver")
    start = figure.branch.hours.from_(figure.end, random)
    goods = goods_of(scene.goods, (), random)
    subject = random.choice(scene.subjects)
    return _conversation(figure, number, (scene, goods, subject, 0), start, random)


def _starts(figure: Figure, random: Random) -> list[datetime]:
    """When a figure gets in touch: when it comes, then ever again, at most once a day."""
    if figure.role == "stranger":
        return [figure.joined]
    begin = figure.joined + (10 * DAY if figure.role == "organization" else DAY)
    years = max(0.0, (figure.end - begin) / (365 * DAY))
    rate = random.gammavariate(SHAPE, YEARLY[figure.role] / SHAPE)
    count = int(rate * years + random.random())
    hours = figure.branch.hours
    drawn = sorted(hours.some_time(begin, figure.end, random) for _ in range(count))
    starts = [] if figure.role == "organization" else [figure.joined]
    for moment in drawn:
        if moment < figure.end and (not starts or moment - starts[-1] > DAY):
            starts.append(moment)
    return starts


def _scene(
    figure: Figure, start: datetime, is_first: bool, lately: Sequence[Scene], random: Random
) -> Scene | None:
    """A scene that fits somebody at a time; none if there is no address for any."""
    channels = {each.channel for each in figure.identities} | {"meeting"}
    if is_first and figure.unknown:
        channels = {"email"}
    begins = is_first and figure.role not in {"organization", "stranger"}
    able = [
        each
        for each in scenes_for(figure.language, figure.role)
        if each.channel in channels and start.month in each.months and (each.first or not begins)
    ]
    fresh = [each for each in able if each not in lately] or able
    return random.choices(fresh, [each.weight for each in fresh])[0] if fresh else None


def _conversation(
    figure: Figure,
    number: int,
    about: tuple[Scene, Goods, str, int],
    start: datetime,
    random: Random,
) -> Conversation:
    scene = about[0]
    moments = _moments(figure, scene, start, random)
    able = [each for each in figure.identities if each.channel == scene.channel]
    return Conversation(
        figure,
        number,
        *about,
        figure.branch.in_charge(figure.owner, start),
        random.choice(able) if able else None,
        tuple(moments),
        tuple(id_at(each, random) for each in moments),
    )


def _moments(figure: Figure, scene: Scene, start: datetime, random: Random) -> list[datetime]:
    moments = [start]
    for turn in scene.turns[1:]:
        shortest, longest = WAITS[scene.channel, turn.way]
        if turn.wait is not None:
            shortest, longest = (int(hours * 3600) for hours in turn.wait)
        due = moments[-1] + timedelta(seconds=random.randrange(shortest, longest))
        moments.append(figure.branch.hours.from_(due, random))
    return moments


def _before(conversation: Conversation, until: datetime) -> Conversation | None:
    """What of a conversation happens before a moment."""
    moments = tuple(each for each in conversation.moments if each < until)
    ids = conversation.ids[: len(moments)]
    return attrs.evolve(conversation, moments=moments, ids=ids) if moments else None


def with_colleagues(
    conversation: Conversation, colleagues: Mapping[str, Sequence[Figure]], seed: int
) -> Conversation:
    """The conversation with those of the same organization who are in it too, by the organization's id."""
    figure, start = conversation.figure, conversation.moments[0]
    boss = figure.employer or figure
    if not conversation.scene.group or boss.id is None:
        return conversation
    known = [
        each
        for each in colleagues.get(boss.id, ())
        if each is not figure and each.joined + DAY < start < each.end
    ]
    random = dice(seed, figure.key, conversation.number, "others")
    others = random.sample(known, min(len(known), random.randint(1, 3)))
    return attrs.evolve(conversation, others=tuple(others))
