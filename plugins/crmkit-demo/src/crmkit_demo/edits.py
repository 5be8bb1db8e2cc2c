"""What people change as time goes by: names, owners and tags; duplicates are merged, and some want to be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from crmkit import Customer, Identity, Interaction, Transaction, where
from crmkit_demo.chance import dice
from crmkit_demo.extras import Duplicate
from crmkit_demo.figures import Figure
from crmkit_demo.story import Branch, Staff, Step
from crmkit_demo.talks import Conversation

__all__ = ["evening", "forgotten", "handed_over", "life", "linked", "merged", "seen"]

DAY = timedelta(days=1)
REGULAR = {"ko": "단골", "en": "regular"}
DORMANT = {"ko": "휴면", "en": "dormant"}
FAITHFUL = 4
"""With so many conversations somebody is a regular."""
SILENCE = 200 * DAY
"""After so long without a word somebody may be marked as dormant."""

Change = Callable[[Customer], Customer]


def evening(branch: Branch, staff: Staff, moment: datetime) -> datetime:
    """When somebody writes down what there was on the day of a moment, or the next working day: after closing."""
    place = branch.staff.index(staff)
    closing = branch.hours.closing(branch.hours.working_day(moment))
    return closing + timedelta(minutes=5 + 4 * place)


def _changed(id: str, change: Change, tx: Transaction) -> None:
    tx.update(change(tx.get(Customer, id)))


def _edit(figure: Figure, moment: datetime, change: Change, by: Staff | None = None) -> Step:
    """A step in which somebody, whoever looks after the customer if not told, changes it."""
    assert figure.id is not None
    staff = by or figure.branch.in_charge(figure.owner, moment)
    at = evening(figure.branch, staff, moment)
    return Step(at, write=partial(_changed, figure.id, change), actor=staff.actor)


def life(
    figure: Figure, talks: Sequence[Conversation], seed: int, until: datetime
) -> Iterator[Step]:
    """What happens to the record of a customer who stays."""
    random = dice(seed, figure.key, "edits")
    if figure.rename is not None:
        name = figure.rename.name
        yield _edit(figure, figure.rename.at, lambda record: record.evolve(name=name))
    if len(talks) >= FAITHFUL and random.random() < 0.6:
        moment = talks[FAITHFUL - 1].moments[0]
        yield _edit(figure, moment, partial(_tagged, REGULAR[figure.language]))
    if talks and random.random() < 0.6:
        silent = talks[-1].moments[-1] + SILENCE
        yield _edit(figure, silent, partial(_tagged, DORMANT[figure.language]))
    if random.random() < 0.05:
        moment = figure.branch.hours.some_time(figure.joined + 30 * DAY, until + DAY, random)
        present = figure.branch.present(moment)
        current = figure.branch.in_charge(figure.owner, moment)
        others = [each.id for each in present if each is not current]
        owner = random.choice(others)
        yield _edit(figure, moment, lambda record: record.evolve(owner=owner), present[0])


def _tagged(tag: str, record: Customer) -> Customer:
    return record.evolve(tags=(*record.tags, tag))


def handed_over(branch: Branch) -> Iterator[Step]:
    """On the morning after somebody's last day, the head of the branch gives their customers to the successor."""
    for staff in branch.staff:
        if staff.leaves is not None and staff.successor is not None:
            write = partial(_hand_over, staff.id, staff.successor)
            yield Step(staff.leaves, write=write, actor=branch.staff[0].actor)


def _hand_over(leaver: str, successor: str, tx: Transaction) -> None:
    theirs = list(tx.find(Customer, where.owner == leaver, order="id"))
    tx.update_all(each.evolve(owner=successor) for each in theirs)


def merged(duplicate: Duplicate) -> Step:
    """Somebody sees that two are one."""
    figure, keep, lose = duplicate.figure, duplicate.of.id, duplicate.figure.id
    assert keep is not None
    assert lose is not None
    staff = figure.branch.in_charge(figure.owner, figure.end)
    at = evening(figure.branch, staff, figure.end)
    return Step(at, write=partial(_merge, keep, lose), actor=staff.actor)


def _merge(keep: str, lose: str, tx: Transaction) -> None:
    tx.merge(tx.get(Customer, keep), tx.get(Customer, lose))


def forgotten(figure: Figure, asked: datetime) -> Step:
    """The day after a customer asked for it, everything about them is deleted."""
    assert figure.id is not None
    staff = figure.branch.in_charge(figure.owner, asked + DAY)
    at = evening(figure.branch, staff, asked + DAY)
    return Step(at, write=partial(_forget, figure.id), actor=staff.actor)


def _forget(id: str, tx: Transaction) -> None:
    tx.delete_all(list(tx.find(Interaction, where.customer_id == id)))
    tx.delete(tx.get(Customer, id))


def linked(customer_id: str, identity_id: str, tx: Transaction) -> None:
    """An address is recognised: from now on it and what came from it are the customer's."""
    identity = tx.get(Identity, identity_id)
    tx.update(identity.evolve(customer_id=customer_id))
    theirs = list(tx.find(Interaction, where.identity_id == identity_id))
    tx.update_all(each.evolve(customer_id=customer_id) for each in theirs)


def seen(identity_id: str, moment: datetime, tx: Transaction) -> None:
    """An address is still in use."""
    identity = tx.get(Identity, identity_id)
    tx.update(identity.evolve(last_seen_at=moment))
