"""Each of the plugin's own reports keeps what reports promise, on one small company."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from crmkit_analytical.testing import ReportContract

from crmkit import CRM, Actor, Customer, Direction, Interaction, Money

sales = pytest.importorskip(
    "crmkit_operational.sales.kinds", reason="crmkit-operational is not installed"
)
service = pytest.importorskip("crmkit_operational.service.kinds")
team = pytest.importorskip(
    "crmkit_collaborative.kinds", reason="crmkit-collaborative is not installed"
)

WON = Money(30_000, "KRW")


class Own(ReportContract):
    plugins = ("analytical", "collaborative", "sales", "service")
    parameters = {"least": 2}  # noqa: RUF012  (as a vendor writes it)


class Deals(Own):
    """Deals through a pipeline: one is open, two were won, three lost for two reasons."""

    kind = "deal"

    def fill(self, crm: CRM) -> None:
        with crm.transaction() as tx:
            way = tx.add(sales.Pipeline(name="도매")).id
            stages = [
                tx.add(sales.Stage(pipeline_id=way, name=each, position=at, category=each)).id
                for at, each in enumerate(("open", "won", "lost"))
            ]
            reasons = [tx.add(sales.LostReason(name=each)).id for each in ("가격", "Timing")]
            made = tx.add_all(
                sales.Deal(title=f"{n}", stage_id=stages[0], amount=WON, opened_at=crm.now())
                for n in range(6)
            )
        crm.clock.tick(days=3)
        with crm.transaction() as tx:
            for each in made[1:3]:
                tx.update(each.evolve(stage_id=stages[1]))
            for at, each in enumerate(made[3:]):
                tx.update(each.evolve(stage_id=stages[2], lost_reason_id=reasons[at % 2]))


class TestPipeline(Deals):
    name = "pipeline"


class TestLostReasons(Deals):
    name = "lost-reasons"


class TestLifetimeValue(Own):
    name = "lifetime-value"
    kind = "customer"

    def fill(self, crm: CRM) -> None:
        draw = Random(3)
        with crm.transaction() as tx:
            known = tx.add_all(Customer(name=f"{n}", country="KR") for n in range(80))
            usual = {who.id: 3_000 + draw.gammavariate(3, 4_000) for who in known}
            bought = [(who.id, day) for who in known for day in days_of_one(draw)]
            orders = tx.add_all(
                sales.SalesOrder(customer_id=who, placed_at=crm.now() - timedelta(days=365 - day))
                for who, day in bought
            )
            tx.add_all(
                sales.OrderLine(
                    order_id=each.id,
                    customer_id=each.customer_id,
                    product="원두",
                    unit_price=Money(int(usual[each.customer_id] * draw.uniform(0.6, 1.4)), "KRW"),
                )
                for each in orders
            )


def days_of_one(draw: Random) -> list[int]:
    """The days of a year on which a customer buys: at a rate of their own, and lost by chance."""
    day, rate, lost = draw.randrange(120), draw.gammavariate(0.5, 0.1), draw.betavariate(1, 3)
    days = [day]
    while draw.random() > lost and day < 365:
        day += 1 + int(draw.expovariate(rate))
        days.append(day)
    return [each for each in days if each < 365]


class TestChannelUse(Own):
    name = "channel-use"
    kind = "interaction"

    def fill(self, crm: CRM) -> None:
        with crm.transaction() as tx:
            who = tx.add(Customer(name="김하늘", type="person"))
            for at, direction in enumerate(("out", "in", "out", "in", "out", "in", "in")):
                tx.add(
                    Interaction(
                        customer_id=who.id,
                        channel="email" if at < 4 else "chat",
                        direction=Direction(direction),
                        happened_at=crm.now() - timedelta(days=30 - at),
                    )
                )


class Tickets(Own):
    """Six tickets: four were answered and solved, one of these came back, and two wait."""

    kind = "ticket"

    def fill(self, crm: CRM) -> None:
        with crm.transaction() as tx:
            who = tx.add(Customer(name="김하늘"))
            made = tx.add_all(
                service.Ticket(subject=f"{n}", customer_id=who.id, opened_at=crm.now())
                for n in range(6)
            )
        for at, each in enumerate(made[:4]):
            crm.clock.tick(hours=3 + at)
            with crm.transaction() as tx:
                tx.update(each.evolve(state="solved", answered_at=crm.now()))
        crm.clock.tick(days=2)
        with crm.transaction() as tx:
            tx.update(tx.get(service.Ticket, made[0].id).evolve(state="open"))


class TestResolutionSpeed(Tickets):
    name = "resolution-speed"


class TestResolutionEffectiveness(Tickets):
    name = "resolution-effectiveness"


class TestAdoption(Own):
    name = "adoption"
    kind = "member"

    def fill(self, crm: CRM) -> None:
        with crm.transaction() as tx:
            care = tx.add(team.Department(name="고객지원"))
            desk = tx.add(team.Team(name="상담팀", department_id=care.id))
            people = [
                tx.add(team.Member(actor=each, name=each)) for each in ("minji", "tom", "kim")
            ]
            tx.add_all(team.Membership(member_id=each.id, team_id=desk.id) for each in people)
        for _ in range(6):
            crm.clock.tick(days=1)
            with crm.acting(Actor("minji")).transaction() as tx:
                tx.add(Customer(name="새 고객"))
