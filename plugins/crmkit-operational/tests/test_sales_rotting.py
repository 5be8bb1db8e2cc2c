"""A deal rots so many days after a person last did something, which is looked up whenever it is asked for."""

from __future__ import annotations

from datetime import timedelta

from crmkit_operational.sales.kinds import Deal
from crmkit_operational.sales.moving import move
from crmkit_operational.sales.rotting import rotting
from hypothesis import given
from hypothesis import strategies as st
from sales_company import START, customer, krw, make_company

from crmkit import CRM, Actor, Config, Direction, Interaction
from crmkit.testing.fixtures import FakeClock

KIM, BOT = Actor("kim"), Actor("robot", "bot")


def contact(tx, of, days, direction="in"):
    at = START + timedelta(days=days)
    values = {"channel": "email", "happened_at": at, "direction": Direction(direction)}
    return tx.add(Interaction(customer_id=of.id, **values))


def begun(crm, now):
    return [(each.deal.id, each.since, each.activity.what) for each in rotting(crm, [], now)]


def test_what_people_do_counts_and_what_machines_do_does_not(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm, rot_days=7)
    with crm.acting(KIM).transaction() as tx:
        seen = customer(tx)
        deal = tx.add(company.deal(customer_id=seen.id, amount=krw(5)))
    week = timedelta(days=7)

    def since():
        [(_, found, what)] = begun(crm, START + timedelta(days=99))
        return found - week - START, what

    assert since() == (timedelta(), "entered")
    clock.tick(days=1)
    with crm.acting(BOT).transaction() as tx:
        tx.update(tx.get(Deal, deal.id).evolve(title="x"))
        contact(tx, seen, days=1, direction="out")
    assert since() == (timedelta(), "entered")
    clock.tick(days=1)
    with crm.acting(KIM).transaction() as tx:
        tx.update(tx.get(Deal, deal.id).evolve(title="y"))
    assert since() == (timedelta(days=2), "changed")
    with crm.acting(BOT).transaction() as tx:
        contact(tx, seen, days=3)
    assert since() == (timedelta(days=3), "contact")
    with crm.acting(KIM).transaction() as tx:
        contact(tx, seen, days=4, direction="out")
    assert since() == (timedelta(days=4), "contact")
    clock.tick(days=3)
    with crm.acting(BOT).transaction() as tx:
        move(tx, tx.get(Deal, deal.id), company.stages["offer"])
    assert since() == (timedelta(days=5), "entered")


def test_it_begins_on_the_day_and_another_threshold_holds_at_once(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm, rot_days=7)
    with crm.transaction() as tx:
        tx.add(company.deal())
    day = START + timedelta(days=7)
    position = crm.storage.position()

    assert begun(crm, day - timedelta(microseconds=1)) == []
    assert len(begun(crm, day)) == 1
    with crm.transaction() as tx:
        tx.update(company.stages["lead"].evolve(rot_days=30))
    assert begun(crm, day) == []
    assert crm.storage.position() == position + 1


def test_closed_deals_and_stages_without_days_do_not_rot(open_crm):
    crm = open_crm(own=["sales"])
    company = make_company(crm, rot_days=None)
    with crm.transaction() as tx:
        tx.add_all([company.deal(), company.deal("won")])

    assert begun(crm, START + timedelta(days=999)) == []


def test_a_contact_of_tomorrow_has_not_been_made_and_one_before_the_stage_does_not_count(
    open_crm, clock
):
    crm = open_crm(own=["sales"])
    company = make_company(crm, rot_days=7)
    with crm.transaction() as tx:
        seen = customer(tx)
        tx.add(company.deal(customer_id=seen.id))
        contact(tx, seen, days=-1)
        contact(tx, seen, days=20)

    [(_, since, what)] = begun(crm, START + timedelta(days=10))
    assert (since, what) == (START + timedelta(days=7), "entered")


# The law --------------------------------------------------------------------------------------------------------

ACTS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["bot", "person", "bot moves", "person moves", "in", "out", "mail"]),
        st.integers(0, 3),
    ),
    max_size=12,
)


@given(ACTS, st.integers(0, 20))
def test_law_what_rots_is_what_a_slow_look_at_everything_says(acts, later):
    clock = FakeClock()
    with CRM.open("memory://", plugins=["sales"], config=Config(), clock=clock) as crm:
        company = make_company(crm, rot_days=7)
        with crm.acting(BOT).transaction() as tx:
            people = [customer(tx, each) for each in "ab"]
            owners = [people[0], people[0], people[1]]
            deals = [tx.add(company.deal(customer_id=o.id, amount=krw(5))) for o in owners]
        done = {each.id: [START] for each in deals}
        for place, act, days in acts:
            clock.tick(days=days)
            act_on(crm, company, deals[place], act, clock(), done, owners, deals)
        now = clock.tick(days=later)
        expected = {
            id: max(times) + timedelta(days=7)
            for id, times in done.items()
            if max(times) + timedelta(days=7) <= now
        }
        assert {each.deal.id: each.since for each in rotting(crm, [], now)} == expected


def act_on(crm, company, deal, act, now, done, owners, deals):
    """Do it, and note of which deals it is an activity."""
    actor = BOT if act in ("bot", "bot moves", "in", "mail") else KIM
    with crm.acting(actor).transaction() as tx:
        found = tx.get(Deal, deal.id)
        owner = owners[deals.index(deal)]
        if act in ("in", "out", "mail"):
            contact(tx, owner, (now - START).days, "in" if act == "in" else "out")
            if act != "mail":
                for one, of in zip(deals, owners, strict=True):
                    done[one.id] += [now] if of is owner else []
        elif act.endswith("moves"):
            names = ("lead", "offer")
            move(tx, found, company.stages[names[found.stage_id == company.stages["lead"].id]])
            done[deal.id].append(now)
        else:
            tx.update(found.evolve(title=found.title + "."))
            done[deal.id] += [now] if act == "person" else []
