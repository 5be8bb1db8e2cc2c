"""`crm contact` and `crm handover`, as people and scripts use them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from crmkit import Customer, Identity, Interaction


@pytest.fixture
def kim(crm, clock):
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="김하늘", owner="kim"))
        tx.add(Identity(customer_id=kim.id, channel="email", value="sky@hanbit.example"))
        for days, direction in ((40, "out"), (39, "in"), (20, "out")):
            at = clock() - timedelta(days=days)
            made = {"channel": "email", "happened_at": at, "direction": direction, "body": "환불"}
            tx.add(Interaction(customer_id=kim.id, **made))
    return kim


def test_how_to_reach_somebody_with_the_arithmetic(crm_cli, kim):
    found = json.loads(crm_cli("contact", "how", kim.id, "--explain", "--format", "json").output)
    first = found[0]
    assert (first["channel"], first["use"]) == ("email", True)
    sum_ = first["sum"]
    again = (sum_["hits"] + sum_["prior"] * sum_["base"]) / (sum_["total"] + sum_["prior"])
    assert first["rate"] == round(again, 4)
    assert [each["why"] for each in sum_["contacts"]] == ["reply", "no_reply"]
    assert sum_["base"] == sum_["base_hits"] / sum_["base_total"]
    assert sum_["base_customers"] == [kim.id]
    said = crm_cli("contact", "how", kim.id, "--explain").output
    assert "0.5^(40.00/90)" in said
    assert f"{sum_['base_total']:.4f} = {sum_['base']:.4f}; contacts: 2" in said


def test_what_somebody_wants_and_forbids(crm_cli, kim):
    crm_cli("contact", "prefer", kim.id, "email", "--note", "저녁에")
    crm_cli("contact", "prefer", kim.id, "email", "--note", "아침에")
    assert "고객이 말함" in crm_cli("--lang", "ko", "contact", "how", kim.id).output
    crm_cli("contact", "forbid", kim.id, "--channel", "email", "--reason", "싫다고 함")
    said = crm_cli("--lang", "ko", "contact", "how", kim.id).output
    assert "연락 거부" in said
    found = json.loads(crm_cli("record", "channel_preference", "list", "--format", "json").output)
    assert [each["note"] for each in found] == ["아침에"]


def test_marketing_needs_consent(crm_cli, kim):
    ask = ("contact", "how", kim.id, "--purpose", "marketing", "--format", "json")
    assert not any(each["use"] for each in json.loads(crm_cli(*ask).output))
    crm_cli("contact", "consent", kim.id, "--purpose", "marketing")
    assert json.loads(crm_cli(*ask).output)[0]["use"]
    crm_cli("contact", "withdraw", kim.id, "--purpose", "marketing")
    assert not any(each["use"] for each in json.loads(crm_cli(*ask).output))


def test_a_channel_that_is_not_there(crm_cli, kim):
    done = crm_cli("contact", "prefer", kim.id, "pigeon", code=1)
    assert "there is no channel pigeon; there are chat" in done.output


def test_the_report_and_the_ids_behind_it(crm_cli, kim):
    [row] = json.loads(crm_cli("contact", "report", "--explain", "--format", "json").output)
    assert (row["type"], row["channel"], row["contacts"], row["attempts"], row["answered"]) == (
        *("person", "email"),
        *(2, 2, 1),
    )
    assert row["reply_rate"] == 0.5
    assert row["waited_minutes"] == 1440.0
    assert len(row["ids"]["answered"]) == 1


def test_a_hand_over_from_the_terminal(crm_cli, kim):
    said = crm_cli(
        *("--lang", "ko", "handover", "give", kim.id, "--to", "lee", "--summary", "환불 진행 중"),
        *("--question", "영수증이 있나요", "--promise", "금요일까지"),
    ).output
    assert "환불 진행 중" in said
    assert "남은 질문" in said
    assert "환불 진행 중" in crm_cli("customer", "show", kim.id).output
    [row] = json.loads(crm_cli("handover", "list", "--to", "lee", "--format", "json").output)
    assert row["promises"] == ["금요일까지"]
    found = json.loads(crm_cli("handover", "report", "--explain", "--format", "json").output)
    assert (found["handovers"], found["per_case"], found["repeat_rate"]) == (1, 1.0, None)
    assert found["by_case"] == [{"kind": "customer", "id": kim.id, "handovers": [row["id"]]}]
    done = crm_cli("handover", "give", kim.id, "--to", "lee", code=1)
    assert "lee has it already; name somebody else" in done.output


def test_days_are_those_of_the_company(crm_cli, crm, kim, clock):
    clock.tick(hours=11)  # in Seoul the next day has begun
    with crm.transaction() as tx:
        made = {"channel": "email", "happened_at": clock(), "subject": "환불"}
        tx.add(Interaction(customer_id=kim.id, **made))
    crm_cli("contact", "prefer", kim.id, "email")

    assert "stated 2026-03-02" in crm_cli("contact", "how", kim.id).output
    assert "\n  2026-03-02 " in crm_cli("contact", "how", kim.id, "--explain").output
    given = crm_cli("handover", "give", kim.id, "--to", "lee").output
    assert "2026-03-02 email: 환불" in given


def test_of_a_packet_nothing_is_cut(crm_cli, kim):
    promise = "We promised the money by Friday, and a call in the afternoon once it has arrived"
    given = crm_cli("handover", "give", kim.id, "--to", "lee", "--promise", promise).output
    assert promise in given


def test_what_was_noted_has_the_headings_of_other_records(crm_cli, kim):
    said = crm_cli("--lang", "ko", "contact", "prefer", kim.id, "email").output
    assert "등록 시각" in said
    assert "Created at" not in said


def test_the_report_has_korean_headings_and_explains_what_was_answered_only(crm_cli, crm, kim):
    with crm.transaction() as tx:
        tx.add(Interaction(customer_id=kim.id, channel="phone", happened_at=tx.now()))
    done = crm_cli("--lang", "ko", "contact", "report", "--explain")
    heading, *_ = done.output.splitlines()
    assert heading == "유형    목적  채널   상담  시도  응답  응답률  답까지 걸린 분"
    assert "person - email: " in done.stderr
    assert "person - phone" not in done.stderr
    csv = crm_cli("--lang", "ko", "contact", "report", "--format", "csv").stdout.splitlines()
    assert csv[0] == "type,purpose,channel,contacts,attempts,answered,reply_rate,waited_minutes"
