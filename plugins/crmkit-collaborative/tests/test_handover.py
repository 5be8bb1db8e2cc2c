"""The packet of a hand-over, and whether customers had to say it again."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from crmkit_collaborative.handover.measuring import measure
from crmkit_collaborative.handover.opening import latest, lines
from crmkit_collaborative.handover.packing import give
from crmkit_collaborative.handover.repeating import Message, Weights, content, likeness, repeats
from crmkit_collaborative.kinds import Handover
from hypothesis import given
from hypothesis import strategies as st

from crmkit import (
    CrmError,
    Customer,
    Interaction,
    Manifest,
    NotFound,
    Record,
    Restriction,
    field,
    hookimpl,
    kind,
    where,
)

REFUND = "지난주에 주문한 1234 상품 환불 언제 되나요 아직 처리되지 않았어요"
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@kind("case", title="subject")
class Case(Record):
    subject: str = field()
    customer_id: str | None = field(default=None, refers_to=Customer, on_delete="clear")
    assignee: str | None = field(default=None)


CASES = ModuleType("cases")
CASES.manifest = Manifest("cases")
CASES.crm_kinds = hookimpl(lambda: [Case])


def write(tx, customer, at, body, direction="in", **more):
    return tx.add(
        Interaction(
            customer_id=customer.id,
            channel="email",
            happened_at=at,
            body=body,
            direction=direction,
            **more,
        )
    )


def test_every_transfer_makes_a_packet_in_its_own_transaction(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        asked = write(tx, kim, clock(), REFUND)
    clock.tick(hours=1)

    with crm.acting("kim").transaction() as tx:
        tx.update(kim.evolve(owner="lee"))

    [made] = crm.find(Handover)
    [change] = crm.changes(kinds=[Handover])
    assert change.transaction == crm.history(Customer, kim.id)[-1].transaction
    assert (made.from_actor, made.to_actor, made.subject_id) == ("kim", "lee", kim.id)
    assert made.facts == {"contacts": [asked.id], "open": [asked.id]}


def test_what_is_no_transfer_makes_none(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛"))
        kim = tx.update(kim.evolve(owner="kim"))  # nobody had them before
        kim = tx.update(kim.evolve(name="한빛전자"))
        tx.update(kim.evolve(owner=None))
    assert crm.count(Handover) == 0


def test_a_case_of_another_plugin_is_handed_over_too(open_crm):
    crm = open_crm(CASES)
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛"))
        case = tx.add(Case(subject="환불", customer_id=kim.id, assignee="a"))
        tx.update(case.evolve(assignee="b"))
    [made] = crm.find(Handover)
    assert (made.subject_kind, made.subject_id, made.customer_id) == ("case", case.id, kim.id)


def test_what_was_packed_beforehand_is_the_packet(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        tx.add(
            Handover(
                customer_id=kim.id,
                subject_id=kim.id,
                from_actor="kim",
                to_actor="lee",
                at=clock(),
                summary="환불 중",
            )
        )
        kim = tx.update(kim.evolve(owner="lee"))
    assert [each.summary for each in crm.find(Handover)] == ["환불 중"]
    for to in ("park", "lee"):
        clock.tick(days=1)
        with crm.transaction() as tx:
            kim = tx.update(kim.evolve(owner=to))
    assert [each.to_actor for each in crm.find(Handover, order="created_at")] == [
        "lee",
        "park",
        "lee",
    ]


def test_a_failed_transfer_leaves_no_packet(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
    with pytest.raises(ZeroDivisionError), crm.transaction() as tx:
        tx.update(kim.evolve(owner="lee"))
        raise ZeroDivisionError
    assert crm.count(Handover) == 0


def test_facts_that_the_reader_may_not_see_are_not_there(open_crm, clock):
    shy = ModuleType("shy")
    shy.manifest = Manifest("shy")
    shy.crm_restrict = hookimpl(
        lambda actor, kind: (
            Restriction((where.channel != "legal",))
            if kind == "interaction" and actor.id == "lee"
            else None
        )
    )
    crm = open_crm(shy)
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        open_ = write(tx, kim, clock(), "열린 질문")
        tx.add(Interaction(customer_id=kim.id, channel="legal", happened_at=clock(), body="비밀"))
        tx.update(kim.evolve(owner="lee"))

    def said(handle):
        return [text for label, text in lines(handle, latest(handle, kim.id)) if label == "Contact"]

    assert len(said(crm)) == 2
    [only] = said(crm.acting("lee"))
    assert open_.id in only
    assert "비밀" not in only


# Say it again ---------------------------------------------------------------------------------------------------


def test_a_request_that_is_said_again_is_found_with_its_evidence(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        first = write(tx, kim, NOW - timedelta(days=3), REFUND, subject="환불")
        packet = tx.add(Handover(customer_id=kim.id, subject_id=kim.id, to_actor="lee", at=NOW))
        again = write(
            tx,
            kim,
            NOW + timedelta(days=1),
            "또 여쭤봅니다. " + REFUND + "\n> 이전 메일",
            subject="RE: 환불",
        )
        thanks = write(tx, kim, NOW + timedelta(days=2), "네, 감사합니다")
        new = write(
            tx,
            kim,
            NOW + timedelta(days=3),
            "새 견적서를 보내 주실 수 있을까요? 수량은 백 개입니다",
        )
        write(tx, kim, NOW + timedelta(days=40), REFUND)
        quiet = tx.add(Customer(name="조용", owner="kim"))
        silent = tx.add(Handover(customer_id=quiet.id, subject_id=quiet.id, to_actor="lee", at=NOW))

    found = measure(crm, NOW - timedelta(days=1), NOW + timedelta(days=1))

    assert set(found.messages) == {again.id, thanks.id, new.id}
    [repeat] = found.repeated
    assert (repeat.handover, repeat.message, repeat.earlier) == (packet.id, again.id, first.id)
    assert repeat.likeness == 1.0
    assert found.unheard == (silent.id,)
    assert found.repeat_rate == pytest.approx(1 / 3)
    assert found.per_case == 1.0


def test_a_message_counts_once_after_the_latest_hand_over(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        write(tx, kim, NOW - timedelta(days=3), REFUND)
        for hours in (0, 2):
            tx.add(
                Handover(
                    customer_id=kim.id,
                    subject_id=kim.id,
                    to_actor="lee",
                    at=NOW + timedelta(hours=hours),
                )
            )
        write(tx, kim, NOW + timedelta(days=1), REFUND)
    found = measure(crm, NOW, NOW + timedelta(days=1))
    assert len(found.messages) == len(found.repeated) == len(found.unheard) == 1
    assert found.per_case == 2.0


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("환불\n> 배송", {"환불", "불"}),
        ("환불\n-----Original Message-----\n배송", {"환불", "불"}),
        ("On Mon, Ann wrote:\n> 배송\n\n환불", {"환불", "불"}),
        ("환불\n\n2026년 6월 1일, 이수진님이 작성:\n> 배송", {"환불", "불"}),
        ("", set()),
    ],
)
def test_what_is_quoted_is_nobodys_request(body, kept):
    assert content(Message("a", NOW, "Re: 답장: ", body)) == kept


TEXT = st.text("가나다라마바사 ", max_size=30)


@given(TEXT, TEXT)
def test_likeness_is_a_share_and_has_no_direction(one, other):
    a, b = (content(Message("x", NOW, "", each)) for each in (one, other))
    weights = Weights([a, b])
    assert likeness(a, b, weights) == likeness(b, a, weights)
    assert 0 <= likeness(a, b, weights) <= 1


@given(st.lists(TEXT, max_size=6), st.integers(0, 5))
def test_each_message_after_it_is_judged_once(texts, place):
    said = [Message(str(n), NOW + timedelta(hours=n), "", each) for n, each in enumerate(texts)]
    at = NOW + timedelta(hours=place)
    found = list(repeats("h", at, reversed(said), Weights(map(content, said))))
    assert [message for message, _ in found] == [each for each in said if each.at >= at]
    for _, repeat in found:
        assert repeat is None or int(repeat.earlier) < place


def test_what_is_masked_is_left_out_and_breaks_nothing(open_crm, clock):
    shy = ModuleType("shy")
    shy.manifest = Manifest("shy")
    masks = {
        "interaction": ["subject", "body"],
        "handover": ["facts", "promises", "open_questions"],
    }
    shy.crm_restrict = hookimpl(
        lambda actor, kind: (
            Restriction(masked=masks[kind]) if actor.id == "lee" and kind in masks else None
        )
    )
    crm = open_crm(shy)
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        write(tx, kim, clock(), REFUND, subject="비밀")
        tx.update(kim.evolve(owner="park"))
        write(tx, kim, clock.tick(), REFUND)
    lee = crm.acting("lee")
    said = list(lines(lee, latest(lee, kim.id)))
    assert "비밀" not in str(said)
    found = measure(lee, clock() - timedelta(days=1), clock.tick())
    assert (len(found.messages), found.repeated) == (2, ())


def test_hidden_messages_neither_show_nor_count_nor_weigh(open_crm):
    shy = ModuleType("shy")
    shy.manifest = Manifest("shy")
    shy.crm_restrict = hookimpl(
        lambda actor, kind: (
            Restriction((where.thread == "open",))
            if actor.id == "lee" and kind == "interaction"
            else None
        )
    )
    crm = open_crm(shy)
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        write(tx, kim, NOW - timedelta(days=3), REFUND, thread="open")
        tx.add(Handover(customer_id=kim.id, subject_id=kim.id, to_actor="lee", at=NOW))
        write(tx, kim, NOW + timedelta(days=1), "1234 상품 환불 부탁합니다", thread="open")
    window = (NOW - timedelta(days=1), NOW + timedelta(days=1))
    before = measure(crm.acting("lee"), *window)
    assert (before.texts, len(before.repeated)) == (2, 1)
    with crm.transaction() as tx:
        for days in (-2, 1, 2):
            write(tx, kim, NOW + timedelta(days=days), REFUND, thread="secret")
    assert measure(crm.acting("lee"), *window) == before
    assert measure(crm, *window).texts == 5


def test_a_likeness_can_be_worked_out_from_what_is_printed(crm_cli, crm, clock):
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        write(tx, kim, clock() - timedelta(days=3), REFUND)
        tx.add(Handover(customer_id=kim.id, subject_id=kim.id, to_actor="lee", at=clock()))
        write(tx, kim, clock(), "1234 상품 환불 부탁합니다")
    clock.tick()
    row = json.loads(crm_cli("handover", "report", "--explain", "--format", "json").stdout)
    row = row[0] if isinstance(row, list) else row
    told, [repeat] = row["parameters"], row["repeats"]
    sums = []
    for part in ("shared", "rest"):
        for each in repeat[part]:
            share = (told["texts"] + told["imagined"]) / (each["texts"] + 1)
            assert each["weight"] == pytest.approx(math.log2(share), abs=1e-5)
        sums.append(sum(each["weight"] for each in repeat[part]))
    assert repeat["likeness"] == pytest.approx(sums[0] / sum(sums), abs=1e-4)
    said = crm_cli("handover", "report", "--explain").output
    assert "log2((2 + 10) / (n + 1))" in said
    assert "+ 1234 2.0000 (2)" in said


def test_a_contact_of_which_all_is_masked_is_a_line_of_masks(open_crm, clock):
    shy = ModuleType("shy")
    shy.manifest = Manifest("shy")
    masked = Restriction(masked=["subject", "body", "happened_at"])
    shy.crm_restrict = hookimpl(
        lambda actor, kind: masked if (actor.id, kind) == ("lee", "interaction") else None
    )
    crm = open_crm(shy)
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        write(tx, kim, clock(), REFUND, subject="비밀")
        tx.update(kim.evolve(owner="park"))
    lee = crm.acting("lee")
    said = [text for label, text in lines(lee, latest(lee, kim.id)) if label == "Contact"]
    assert [text.partition(" (")[0] for text in said] == ["••• email: •••"]


def test_giving_a_customer_makes_one_packet_with_what_was_said(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        mail = write(tx, kim, NOW, REFUND)
    with crm.transaction() as tx:
        made = give(tx, kim.id, "lee", summary="환불 중", reason="휴가", promises=["금요일"])
    assert crm.get(Customer, kim.id).owner == "lee"
    assert [each.id for each in crm.find(Handover)] == [made.id]
    assert (made.from_actor, made.to_actor, made.reason) == ("kim", "lee", "휴가")
    assert (made.summary, made.promises, made.open_questions) == ("환불 중", ("금요일",), ())
    assert made.facts == {"contacts": [mail.id], "open": [mail.id]}


def test_a_customer_of_nobody_can_be_given_but_not_to_who_has_it_already(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛"))
        assert give(tx, kim.id, "lee").from_actor is None
        with pytest.raises(CrmError, match="lee has it already"):
            give(tx, kim.id, "lee")
        with pytest.raises(NotFound):
            give(tx, "nobody", "lee")
    assert crm.count(Handover) == 1


def test_one_case_is_given_with_what_was_said_and_its_customer_stays(open_crm):
    crm = open_crm(CASES)
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="한빛", owner="kim"))
        case = tx.add(Case(subject="로고 시안", customer_id=kim.id, assignee="kim"))
        lost = tx.add(Case(subject="누구의 것도 아님"))
    with crm.transaction() as tx:
        made = give(tx, case.id, "lee", of="case", promises=["금요일까지 시안"])
        with pytest.raises(CrmError, match="is no customer's"):
            give(tx, lost.id, "lee", of="case")
    assert crm.get(Case, case.id).assignee == "lee"
    assert crm.get(Customer, kim.id).owner == "kim"
    assert [each.id for each in crm.find(Handover)] == [made.id]
    assert (made.customer_id, made.subject_kind, made.subject_id) == (kim.id, "case", case.id)
    assert (made.from_actor, made.promises) == ("kim", ("금요일까지 시안",))
