"""The plot: who there is, what they say and what becomes of their records, as steps in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

import attrs

from crmkit import Record
from crmkit_demo.addresses import Addresses
from crmkit_demo.cast import Casting
from crmkit_demo.chance import dice
from crmkit_demo.company import INBOX, branches, three_years_before
from crmkit_demo.edits import evening, forgotten, handed_over, life, linked, merged, seen
from crmkit_demo.extras import Duplicate, duplicates, leavers, strangers
from crmkit_demo.figures import Figure
from crmkit_demo.letters import recorded
from crmkit_demo.story import Branch, Character, Matter, Step, Story
from crmkit_demo.talks import Conversation, conversations, erasure, with_colleagues

__all__ = ["Plot", "plotted"]

WRITTEN = {"phone", "meeting"}
"""What people write down in the evening; the rest is recorded when it comes."""
STALE = timedelta(days=45)
"""An address that was last seen so long ago is marked as seen again."""


@attrs.frozen(eq=False)
class Plot:
    """A whole story, not yet written: the `customers` who stay, those who do not, and what each says.

    `newcomers` are those who bring an organization, by that.
    """

    seed: int
    since: datetime
    until: datetime
    branches: tuple[Branch, ...]
    customers: tuple[Figure, ...]
    duplicates: tuple[Duplicate, ...]
    leavers: tuple[Figure, ...]
    strangers: tuple[Figure, ...]
    talks: dict[Figure, list[Conversation]]
    newcomers: dict[Figure, Figure]

    def steps(self) -> list[Step]:
        """Everything that is written, in order of time."""
        figures = [each.figure for each in self.duplicates]
        everybody = chain(self.customers, figures, self.leavers, self.strangers)
        found = list(chain.from_iterable(map(self._said, everybody)))
        for figure in self.customers:
            found += life(figure, self.talks[figure], self.seed, self.until)
        for branch in self.branches:
            found += handed_over(branch)
        found += map(merged, self.duplicates)
        found += (forgotten(each, self.talks[each][-1].moments[-1]) for each in self.leavers)
        return sorted((each for each in found if each.at < self.until), key=lambda step: step.at)

    def story(self, plugin: str) -> Story:
        """What a plugin is told."""
        characters = (
            Character(
                each.record,
                each.branch,
                each.owner,
                self._first_written(each),
                each.end if each.end < self.until else None,
                each.identities,
            )
            for each in self.customers
            if each.record is not None
        )
        matters = chain.from_iterable(map(self._matters, self.customers))
        return Story(
            dice(self.seed, "plugin", plugin),
            self.since,
            self.until,
            self.branches,
            tuple(sorted(characters, key=lambda each: (each.since, each.id))),
            tuple(sorted(matters, key=lambda each: (each.opened, each.interaction_id))),
        )

    def _matters(self, figure: Figure) -> Iterator[Matter]:
        for each in self.talks[figure]:
            if figure.id is not None:
                yield Matter(
                    each.scene.topic,
                    figure.id,
                    each.ids[0],
                    each.staff,
                    each.moments[0],
                    each.moments[-1] if each.is_over else None,
                    each.scene.outcome if each.is_over else None,
                )

    # When, and by whom -----------------------------------------------------------------------------------------

    def _written(self, conversation: Conversation, place: int) -> datetime:
        """When a turn is recorded."""
        moment = conversation.moments[place]
        if conversation.scene.channel in WRITTEN:
            return evening(conversation.figure.branch, conversation.staff, moment)
        return moment

    def _first_written(self, figure: Figure) -> datetime:
        """When the customer is there: with the first turn, or once it is known who wrote."""
        if figure in self.newcomers:
            figure = self.newcomers[figure]
        talks = self.talks[figure]
        if figure.unknown:
            return evening(figure.branch, talks[0].staff, figure.joined)
        return self._written(talks[0], 0)

    # What ------------------------------------------------------------------------------------------------------

    def _said(self, figure: Figure) -> Iterator[Step]:
        """The steps in which a figure's conversations are recorded, the figure with the first of them."""
        last = {each.id: figure.joined for each in figure.identities}
        known = None
        if figure.unknown:
            known = self._first_written(figure)
            yield self._recognised(figure, known)
        for talk in self.talks[figure]:
            by_hand = talk.scene.channel in WRITTEN
            for place, moment in enumerate(talk.moments):
                at = self._written(talk, place)
                is_known = known is None or known <= at
                adds = recorded(talk, place, figure.id if is_known else None, self.seed)
                # An organization comes with the first of its people.
                if not place and talk is self.talks[figure][0] and figure.role != "organization":
                    adds = chain(_introduced(figure), adds)
                write = None
                address = talk.identity
                if not place and address and moment - last[address.id] > STALE:
                    last[address.id] = moment
                    write = partial(seen, address.id, moment)
                yield Step(at, adds, write, talk.staff.actor if by_hand else INBOX)

    def _recognised(self, figure: Figure, at: datetime) -> Step:
        """In the evening somebody sees who has written."""
        first = self.talks[figure][0]
        assert figure.record is not None
        assert first.identity is not None
        rest = [each for each in figure.identities if each is not first.identity]
        write = partial(linked, figure.record.id, first.identity.id)
        return Step(at, (figure.record, *rest), write, first.staff.actor)


def _introduced(figure: Figure) -> Iterator[Record]:
    """What is known of a figure when it comes, the organization first that it brings."""
    if figure.unknown:
        yield from (
            each.evolve(customer_id=None) for each in figure.identities if each.channel == "email"
        )
        return
    if figure.brings is not None and figure.brings.record is not None:
        yield figure.brings.record
        yield from figure.brings.identities
    if figure.record is not None:
        yield figure.record
    yield from figure.identities


def plotted(customers: int, seed: int, until: datetime) -> Plot:
    """The story of a company with so many customers that ends at a moment, the same for the same arguments."""
    since = three_years_before(until)
    places = branches(since)
    casting = Casting(seed, until, places, Addresses.new(seed))
    staying = casting.customers(customers)
    twice = duplicates(casting, staying)
    leaving = leavers(casting, customers)
    unknown = strangers(casting, customers)
    talks = {each: conversations(each, seed, until) for each in chain(staying, unknown)}
    for figure in chain((each.figure for each in twice), leaving):
        talks[figure] = conversations(figure, seed, min(until, figure.end))
    for figure in leaving:
        talks[figure].append(erasure(figure, len(talks[figure]), seed))
    _bring_together(talks, staying, seed)
    return Plot(
        seed,
        since,
        until,
        places,
        tuple(staying),
        tuple(twice),
        tuple(leaving),
        tuple(unknown),
        talks,
        {each.brings: each for each in staying if each.brings is not None},
    )


def _bring_together(
    talks: dict[Figure, list[Conversation]], customers: Sequence[Figure], seed: int
) -> None:
    colleagues: dict[str, list[Figure]] = {}
    for each in customers:
        if each.employer is not None and each.employer.id is not None:
            colleagues.setdefault(each.employer.id, []).append(each)
    for figure in customers:
        talks[figure] = [with_colleagues(each, colleagues, seed) for each in talks[figure]]
