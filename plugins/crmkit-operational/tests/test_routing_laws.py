"""Laws of routing, over days of a company: nobody over capacity, nobody starves, the next is the one recomputed."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from crmkit_operational.routing.eligibility import needed
from crmkit_operational.routing.kinds import Agent, RoutingDecision
from crmkit_operational.routing.queue import LEVELS, TOP, breach, effective
from crmkit_operational.routing.running import run
from crmkit_operational.routing.staff import ACTIVE, seats
from crmkit_operational.service.kinds import Policy, Ticket

from crmkit import Config, where

SKILLS = ("billing", "english", "loans")
CHANNELS = ("chat", "email", "phone")
FAR = datetime.max.replace(tzinfo=UTC)


class Company:
    """Agents who come, go and solve tickets, and customers who write, by the dice of a seed."""

    def __init__(self, crm, clock, seed, members, settings):
        self.crm, self.clock, self.dice, self.settings = crm, clock, random.Random(seed), settings
        self.waits, self.served = [], 0
        with crm.transaction() as tx:
            tx.add(Policy(name="urgent", position=1, priorities=("urgent", "low"), first_response=60, resolution=900))  # fmt: skip
            tx.add(Policy(name="chat", position=2, channels=("chat",), resolution=240))
            tx.add_all(self.member(number) for number in range(members))

    def member(self, number):
        skills = tuple(self.dice.sample(SKILLS, self.dice.randint(1, 3)))
        channels = {self.dice.choice(CHANNELS): self.dice.randint(0, 2)}
        return Agent(
            actor=f"a{number:03}",
            name=f"A{number}",
            status="online",
            capacity=self.dice.randint(1, 4),
            capacities=channels if number % 3 == 0 else {},
            skills=SKILLS if number < 2 else skills,
        )

    def come(self, count):
        now = self.clock()
        with self.crm.transaction() as tx:
            tx.add_all(self.ticket(now) for _ in range(count))

    def ticket(self, now):
        dice = self.dice
        return Ticket(
            subject="x",
            opened_at=now,
            queued_at=now - timedelta(seconds=dice.randint(0, 3_000)),
            priority=dice.choice(("low", "normal", "normal", "high", "urgent")),
            channel=dice.choice((*CHANNELS, None)),
            skills=tuple(dice.sample(SKILLS, dice.randint(0, 2))),
        )

    def solve(self, share):
        with self.crm.transaction() as tx:
            held = tx.find(Ticket, where.assignee.present(), where.state.in_(ACTIVE))
            tx.update_all(
                [each.evolve(state="solved") for each in held if self.dice.random() < share]
            )

    def shift(self):
        with self.crm.transaction() as tx:
            for each in list(tx.find(Agent)):
                if each.actor > "a001" and self.dice.random() < 0.1:
                    tx.update(each.evolve(status=self.dice.choice(("online", "away", "offline"))))

    def expected(self):
        """Whom each waiting ticket goes to, worked out anew from all that there is for each of them."""
        now, given = self.clock(), {}
        agents = sorted(self.crm.find(Agent), key=lambda each: each.id)
        held = {a.actor: list(self.crm.find(Ticket, where.assignee == a.actor, where.state.in_(ACTIVE))) for a in agents}  # fmt: skip
        turn = {a.actor: a.assigned_at for a in agents}
        latest = max((each for each in turn.values() if each), default=None)
        waiting = [each for each in self.crm.find(Ticket) if each.queued_at and not each.assignee]
        for ticket in sorted(waiting, key=lambda t: (-effective(t, now, self.settings["ageing"]), breach(t) or FAR, t.queued_at, t.id)):  # fmt: skip
            skills = needed(ticket, now, self.settings["skill_timeout"])
            able = [a for a in agents if self.able(a, ticket, skills, held[a.actor])]
            if able:
                first = min(able, key=lambda a: (len(held[a.actor]) / a.capacity, turn[a.actor] or datetime.min.replace(tzinfo=UTC), a.id))  # fmt: skip
                held[first.actor].append(ticket)
                latest = now if latest is None else max(now, latest + timedelta(microseconds=1))
                turn[first.actor] = latest
                given[ticket.id] = first.actor
        return given

    @staticmethod
    def able(agent, ticket, skills, held):
        same = sum(each.channel == ticket.channel for each in held)
        most = (
            agent.capacities.get(ticket.channel, agent.capacity)
            if ticket.channel
            else agent.capacity
        )
        room = len(held) < agent.capacity and same < min(most, agent.capacity)
        return agent.status == "online" and room and set(skills) <= set(agent.skills)

    def route(self, check=True):
        expected = self.expected() if check else None
        with self.crm.transaction() as tx:
            done = run(tx)
        given = {each.ticket.id: each.chosen.agent.actor for each in done.given}
        assert expected is None or given == expected
        self.served += len(given)
        self.waits += [self.clock() - each.ticket.queued_at for each in done.given]

    def nobody_is_over(self):
        found = seats(self.crm, self.crm.find(Agent), self.clock())
        for seat in found.values():
            assert seat.total <= seat.agent.capacity
            for channel, load in seat.load.items():
                assert load <= seat.most(channel)


def days(open_crm, clock, *, seed, members, steps, arriving, check):
    """Days of hours in which more comes than is solved at first, then less, until all is served."""
    settings = {"ageing": 360, "skill_timeout": 120}
    crm = open_crm(config=Config(plugin={"service": settings}))
    company = Company(crm, clock, seed, members, settings)
    came = 0
    for _ in range(steps):
        count = company.dice.randint(0, arriving)
        company.come(count)
        came += count
        company.shift()
        company.route(check)
        company.nobody_is_over()
        company.solve(0.5)
        clock.tick(hours=1)
    while company.served < came:
        company.solve(0.9)
        before = company.served
        company.route(check)
        company.nobody_is_over()
        clock.tick(hours=1)
        assert company.served > before or clock() < datetime(2026, 7, 1, tzinfo=UTC)
    assert crm.count(RoutingDecision, where.outcome == "assigned") == came
    return company


@pytest.mark.parametrize("seed", range(3))
def test_days_of_a_small_company(open_crm, clock, seed):
    days(open_crm, clock, seed=seed, members=6, steps=12, arriving=14, check=True)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_days_of_a_large_company(open_crm, clock):
    days(open_crm, clock, seed=1, members=40, steps=96, arriving=120, check=True)


def test_a_flood_of_urgent_tickets_does_not_starve_a_low_one(open_crm, clock):
    crm = open_crm(config=Config(plugin={"service": {"ageing": 60}}))
    with crm.transaction() as tx:
        tx.add(Agent(actor="kim", name="Kim", status="online", capacity=1))
        tx.add(Policy(name="u", position=1, priorities=("urgent",), first_response=1))
        low = tx.add(Ticket(subject="low", priority="low", opened_at=clock(), queued_at=clock()))
    hours = 0
    while crm.get(Ticket, low.id).assignee is None:
        with crm.transaction() as tx:  # twice as many come as are served, each due in a minute
            urgent = {"priority": "urgent", "opened_at": clock(), "queued_at": clock()}
            tx.add_all(Ticket(subject="u", **urgent) for _ in range(2))
        with crm.transaction() as tx:
            run(tx)
        with crm.transaction() as tx:
            tx.update_all([each.evolve(state="solved") for each in tx.find(Ticket, where.assignee == "kim", where.state == "new")])  # fmt: skip
        clock.tick(hours=1)
        hours += 1
        assert hours < 50
    # Those that came within TOP + 1 steps of it may go before it, two for each hour, one of which is served.
    bound = 2 * (TOP - LEVELS["low"] + 1) + 1
    assert TOP < hours <= bound
