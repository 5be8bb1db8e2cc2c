"""A day at a clinic with two branches, to try things on."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from clinic.kinds import BRANCH, Visit
from clinic.settings import Settings, local
from crmkit import CRM, Actor, Customer, Identity, Interaction, Transaction

# (patient, phone, what was said on the phone, note at the reception, medical reason)
PATIENTS = (
    ("김하늘", "010-2345-6701", "다음 주로 예약을 바꿀 수 있나요?", "예약 변경 가능성 있음", "감기 증상, 열 38도"),
    ("이준호", "010-2345-6702", "지난번 진료비를 환불받고 싶습니다.", "환불 문의, 접수 때 안내", "위염 재진"),
    ("박서연", "010-2345-6703", "주차장이 있나요?", "", "건강검진 결과 상담"),
    ("최민준", "010-2345-6704", "진단서를 영문으로 부탁합니다.", "영문 진단서 요청", "허리 통증"),
    ("정유나", "010-2345-6705", "예방접종 예약하려고요.", "접종 예진표 작성", "독감 예방접종"),
    ("한지우", "010-2345-6706", "보험 서류가 필요해요.", "보험 서류 준비", "알레르기 비염"),
)  # fmt: skip


def book(crm: CRM) -> tuple[date, int]:
    """Book every patient of the sample on the next day that the clinic is open: which day, and how many."""
    settings = crm.settings(Settings)
    day = settings.next_day(local(crm.now(), crm.company).date())
    opens = datetime.combine(day, settings.opens, ZoneInfo(crm.company.timezone))
    with crm.acting(Actor("clinic-sample", "bot", "cli")).transaction() as tx:
        for number, patient in enumerate(PATIENTS):
            _book(tx, number, patient, opens)
    return day, len(PATIENTS)


def _book(tx: Transaction, number: int, patient: tuple[str, ...], opens: datetime) -> None:
    """One patient with a telephone, a call, and a visit; branches and doctors take turns."""
    name, phone, said, note, reason = patient
    settings = tx.settings(Settings)
    branch = settings.branches[number % len(settings.branches)]
    doctors = settings.doctors or ("doctor",)
    customer = tx.add(Customer(name=name).set(BRANCH, branch))
    identity = tx.add(Identity(customer_id=customer.id, channel="phone", value=phone))
    tx.add(
        Interaction(
            customer_id=customer.id,
            identity_id=identity.id,
            channel="phone",
            happened_at=tx.now(),
            subject=said,
        )
    )
    tx.add(
        Visit(
            customer_id=customer.id,
            at=opens + number * settings.length,
            doctor=doctors[number % len(doctors)],
            note=note,
            reason=reason,
        )
    )
