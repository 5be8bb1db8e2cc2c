"""Mail and contacts: who wrote to whom, whatever is imported first."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from crmkit_exchange.importing.undoing import undo

from crmkit import Customer, Direction, Identity, Interaction, Participant, where


def message(sender, to, subject="견적 문의", id="1@a.example", cc=(), reply=None, attach=None):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Date"] = "Mon, 02 Mar 2026 09:30:00 +0900"
    made["Message-ID"] = f"<{id}>"
    if cc:
        made["Cc"] = ", ".join(cc)
    if reply:
        made["In-Reply-To"] = f"<{reply}>"
        made["References"] = f"<{reply}>"
    made.set_content("견적을 부탁드립니다.\n")
    if attach:
        made.add_attachment(attach, maintype="application", subtype="pdf", filename="견적서.pdf")
    return made.as_bytes()


CARDS = """BEGIN:VCARD
VERSION:3.0
UID:u1
FN:김하늘
ORG:한빛전자
EMAIL:Sky@Hanbit.example
TEL;TYPE=CELL:010-2345-6701
END:VCARD
"""


@pytest.fixture
def mail(bring):
    return bring.write(
        "1.eml", message("김하늘 <sky@hanbit.example>", "sales@acme.example", cc=["lee@b.example"])
    )


def one(crm, kind, *conditions):
    [found] = crm.find(kind, *conditions)
    return found


def test_a_mail_of_a_customer_is_a_contact_with_it(bring, crm, mail):
    bring.text(CARDS, "cards.vcf")
    [done] = bring(mail, own=frozenset({"sales@acme.example"}))

    assert done.sums == (1, 1, 0, 0, 0)
    contact, sky = one(crm, Interaction), one(crm, Customer)
    assert (contact.customer_id, contact.direction) == (sky.id, Direction.IN)
    assert contact.happened_at.isoformat() == "2026-03-02T00:30:00+00:00"
    assert (contact.source, contact.external_id, contact.thread) == (
        "mail",
        "1@a.example",
        "1@a.example",
    )
    assert crm.get(Identity, contact.identity_id).customer_id == sky.id
    [other] = crm.find(Participant)
    assert other.role == "cc"
    assert crm.get(Identity, other.identity_id).value == "lee@b.example"
    assert bring(mail, own=frozenset({"sales@acme.example"}))[0].sums == (1, 0, 0, 1, 0)


def test_mail_from_our_own_domain_went_out(bring, crm):
    bring.text(CARDS, "cards.vcf")
    out = bring.write(
        "2.eml",
        message(
            "sales@acme.example", "sky@hanbit.example", "Re: 견적 문의", "2@a", reply="1@a.example"
        ),
    )

    bring(out, own=frozenset({"@acme.example"}))

    contact = one(crm, Interaction)
    assert (contact.direction, contact.thread) == (Direction.OUT, "1@a.example")
    assert contact.customer_id == one(crm, Customer).id


def test_mail_of_strangers_makes_no_customers_unless_asked_to(bring, crm, mail):
    bring(mail)
    contact = one(crm, Interaction)
    assert contact.customer_id is None
    assert crm.count(Customer) == 0
    assert one(crm, Identity, where.normalised == "sky@hanbit.example").customer_id is None

    other = bring.write("3.eml", message("Park <park@c.example>", "sales@acme.example", id="3@a"))
    bring(other, new_customers=True)
    assert one(crm, Customer).name == "Park"
    assert one(crm, Interaction, where.external_id == "3@a").customer_id == one(crm, Customer).id


def test_contacts_imported_later_take_over_what_was_nobodys(bring, crm, mail, snapshot):
    bring(mail)
    before = snapshot()
    done = bring.text(CARDS, "cards.vcf")

    sky = one(crm, Customer)
    assert one(crm, Interaction).customer_id == sky.id
    assert one(crm, Identity, where.normalised == "sky@hanbit.example").customer_id == sky.id
    assert crm.count(Identity) == 4  # hers by mail and telephone, ours, and whoever had a copy

    undo(crm, crm.actor, done.run)
    assert snapshot() == before


def test_an_address_of_several_customers_is_nobodys_mail(bring, crm, mail):
    with crm.transaction() as tx:
        twins = tx.add_all([Customer(name="김하늘"), Customer(name="김바다")])
        tx.add_all(
            Identity(customer_id=each.id, channel="email", value="sky@hanbit.example")
            for each in twins
        )

    [done] = bring(mail)

    assert one(crm, Interaction).customer_id is None
    assert any(all(each.id in note for each in twins) for note in done.outcomes[0].notes)


def test_attachments_are_named_sized_and_hashed(bring, crm):
    import hashlib

    bring(bring.write("4.eml", message("a@b.example", "c@d.example", attach=b"%PDF-1.7")))

    [attachment] = one(crm, Interaction)["exchange.attachments"]
    assert attachment == {
        "name": "견적서.pdf",
        "type": "application/pdf",
        "size": 8,
        "sha256": hashlib.sha256(b"%PDF-1.7").hexdigest(),
    }


def test_a_mailbox_of_many_is_many_contacts(bring, crm):
    import mailbox

    path = bring.folder / "old.mbox"
    box = mailbox.mbox(path)
    for number in range(20):
        box.add(
            message(f"c{number}@a.example", "sales@acme.example", f"문의 {number}", f"{number}@m")
        )
    box.close()

    [done] = bring(path)

    assert done.sums == (20, 20, 0, 0, 0)
    assert len(crm.search("문의", [Interaction])) == 20


def test_a_card_names_its_company_once_that_is_here(bring, crm):
    with crm.transaction() as tx:
        hanbit = tx.add(Customer(name="한빛전자", type="organization"))

    bring.text(CARDS, "cards.vcf")

    assert one(crm, Customer, where.name == "김하늘").organization_id == hanbit.id
