"""Importing tables: keys, second imports, conflicts, references, addresses, invalid rows."""

import csv

import pytest
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.kinds import ExternalId, ImportRun

from crmkit import Customer, Identity, Interaction, where

PEOPLE = """이름,이메일,휴대폰,담당자,등급
김하늘,sky@hanbit.example,010-2345-6701,kim,gold
이준호,jun@hanbit.example,010-2345-6702,lee,silver
John Smith,john@acme.example,,kim,
"""


def names(crm):
    return [each.name for each in crm.find(Customer, order="name")]


def addresses(crm, customer):
    return {
        (each.channel, each.normalised)
        for each in crm.find(Identity, where.customer_id == customer.id)
    }


def test_rows_become_customers_with_their_addresses(bring, crm):
    done = bring.text(PEOPLE)

    assert done.sums == (3, 3, 0, 0, 0)
    assert names(crm) == ["John Smith", "김하늘", "이준호"]
    [sky] = crm.find(Customer, where.name == "김하늘")
    assert sky.owner == "kim"
    assert addresses(crm, sky) == {("email", "sky@hanbit.example"), ("phone", "+821023456701")}


def test_columns_that_no_field_takes_are_kept_as_details(bring, crm):
    bring.text(PEOPLE)

    [sky] = crm.find(Customer, where.name == "김하늘")
    [external] = crm.find(ExternalId, where.record_id == sky.id)
    assert external.details == {"등급": "gold"}
    [section] = [each for each in crm.profile(sky.id) if each.name == "details"]
    assert section.rows == (("등급", "gold"),)


def test_a_second_import_changes_nothing(bring, crm, snapshot):
    bring.text(PEOPLE)
    before, position = snapshot(), crm.storage.position()

    done = bring.text(PEOPLE)

    assert done.sums == (3, 0, 0, 3, 0)
    assert snapshot() == before
    changed = {each.kind for each in crm.changes(position)}
    assert changed == {ImportRun.__kind__}


def test_a_row_without_an_id_is_known_by_its_content(bring, crm):
    bring.text(PEOPLE)
    done = bring.text(PEOPLE.replace("gold", "platinum"))

    # Without a key nobody can say that it is the same row; the shared address is named.
    assert done.sums == (3, 1, 0, 2, 0)
    [new] = [each for each in done.outcomes if each.action == "create"]
    assert len(new.twins) == 1


def test_a_key_finds_the_row_again(bring, crm):
    bring.text(PEOPLE, keys=("이메일",))
    done = bring.text(PEOPLE.replace("김하늘", "김하늘 부장"), keys=("이메일",))

    assert done.sums == (3, 0, 1, 2, 0)
    assert names(crm) == ["John Smith", "김하늘 부장", "이준호"]


def test_a_key_finds_customers_who_were_there_before(bring, crm):
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="Kim"))
        tx.add(Identity(customer_id=kim.id, channel="email", value="Sky@Hanbit.example"))

    done = bring.text(PEOPLE, keys=("이메일",))

    assert done.sums == (3, 2, 1, 0, 0)
    assert crm.get(Customer, kim.id).name == "김하늘"


def test_a_key_that_means_several_is_a_conflict_that_names_them(bring, crm):
    with crm.transaction() as tx:
        twins = tx.add_all([Customer(name="Kim"), Customer(name="Kimm")])
        tx.add_all(
            Identity(customer_id=each.id, channel="email", value="sky@hanbit.example")
            for each in twins
        )

    done = bring.text(PEOPLE, keys=("이메일",))

    assert done.sums == (3, 2, 0, 0, 1)
    assert all(each.id in done.outcomes[0].reason for each in twins)


def test_a_key_column_may_not_be_blank(bring):
    done = bring.text("name,email\nKim,\nLee,lee@a.example\n", keys=("email",))

    assert done.actions == ["invalid", "create"]
    assert "email" in done.outcomes[0].reason


def test_what_people_changed_stays_unless_the_source_changed_it_too(bring, crm):
    table = "id,name,email,owner\n7,Kim,kim@a.example,lee\n8,Park,park@a.example,lee\n"
    bring.text(table)
    [kim] = crm.find(Customer, where.name == "Kim")
    with crm.transaction() as tx:
        tx.update(kim.evolve(name="Kim Ha-neul", owner="choi"))

    assert bring.text(table).sums == (2, 0, 0, 2, 0)
    done = bring.text(table.replace("7,Kim,kim@a.example,lee", "7,Kim,kim@a.example,jung"))

    assert done.sums == (2, 0, 1, 1, 0)
    now = crm.get(Customer, kim.id)
    assert (now.name, now.owner) == ("Kim Ha-neul", "jung")


def test_a_record_that_was_deleted_here_does_not_come_back(bring, crm):
    table = "id,name,email\n7,Kim,kim@a.example\n8,Lee,lee@a.example\n"
    bring.text(table)
    [kim] = crm.find(Customer, where.name == "Kim")
    with crm.transaction() as tx:
        tx.delete(kim)

    done = bring.text(table.replace("Kim", "Kim Ha-neul"))

    assert done.sums == (2, 0, 0, 2, 0)
    assert names(crm) == ["Lee"]


def test_a_record_that_was_merged_away_is_updated_where_it_went(bring, crm):
    table = "id,name,email,owner\n7,Kim,kim@a.example,a\n8,Kimm,kimm@a.example,a\n"
    bring.text(table)
    [one], [two] = (list(crm.find(Customer, where.name == each)) for each in ("Kim", "Kimm"))
    with crm.transaction() as tx:
        tx.merge(one, two)

    done = bring.text(table.replace("8,Kimm,kimm@a.example,a", "8,Kimm,kimm@a.example,b"))

    assert done.actions == ["skip", "update"]
    assert crm.get(Customer, one.id).owner == "b"


def test_an_address_of_another_customer_is_named_never_merged(bring, crm):
    done = bring.text("name,phone\nKim,02-123-4567\nLee,02) 123 4567\n")

    assert done.sums == (2, 2, 0, 0, 0)
    assert done.counts.duplicates == 1
    [kim] = crm.find(Customer, where.name == "Kim")
    assert done.outcomes[1].twins == ((kim.id, "Kim"),)


def test_placeholders_are_no_addresses(bring, crm):
    done = bring.text(
        "name,phone,email\nKim,000-0000-0000,?\nLee,000-0000-0000,none@none.com\nPark,N/A,-\n"
    )

    assert done.sums == (3, 3, 0, 0, 0)
    assert crm.count(Identity) == 0
    assert done.counts.duplicates == 0
    assert len(done.outcomes[0].notes) == 2


def test_references_lead_to_what_was_imported_before_or_with_it(bring, crm):
    companies = bring.write("companies.csv", "id,name,email\n12,한빛전자,info@hanbit.example\n")
    people = bring.write(
        "people.csv",
        "id,name,email,company_id\n1,Kim,kim@hanbit.example,12\n2,Lee,lee@a.example,99\n",
    )

    [first] = bring(companies)
    [second] = bring(people, maps=(("company_id", "organization_id@companies"),))

    assert first.counts.created == 1
    assert second.sums == (2, 2, 0, 0, 0)
    [hanbit] = crm.find(Customer, where.name == "한빛전자")
    assert [each.name for each in crm.find(Customer, where.organization_id == hanbit.id)] == ["Kim"]
    assert any("99" in note for note in second.outcomes[1].notes)


def test_a_reference_that_led_nowhere_is_mended_by_the_next_import(bring, crm):
    people = "id,name,email,company_id\n1,Kim,kim@hanbit.example,12\n"
    maps = (("company_id", "organization_id"),)
    bring.text(people, maps=maps)
    bring.text("id,name,email\n12,한빛전자,info@hanbit.example\n", name="companies.csv")

    done = bring.text(people, maps=maps)

    assert done.sums == (1, 0, 1, 0, 0)
    [hanbit] = crm.find(Customer, where.name == "한빛전자")
    [kim] = crm.find(Customer, where.name == "Kim")
    assert kim.organization_id == hanbit.id


def test_a_bad_row_spoils_nothing_but_itself(bring, crm):
    rows = "".join(f"{n},Customer {n},c{n}@a.example\n" for n in range(40))
    table = "id,name,email\n" + rows + "41,one\n42,x,y,z,too many\n43,\0NUL,n@a.example\n44,,\n"

    done = bring.text(table)

    assert done.sums == (44, 40, 0, 0, 4)
    assert done.invalid is not None
    with done.invalid.open(encoding="utf-8-sig", newline="") as file:
        invalid = list(csv.DictReader(file))
    assert [each["row"] for each in invalid] == ["41", "42", "43", "44"]
    assert all(each["reason"] and each["text"] for each in invalid)
    assert invalid[1]["text"].strip() == "42,x,y,z,too many"


def test_the_same_row_twice_is_one_record(bring):
    done = bring.text("name,email\nKim,kim@a.example\nKim,kim@a.example\n")

    assert done.actions == ["create", "skip"]


def test_an_id_twice_with_other_values_is_a_creation_and_an_update(bring, crm):
    done = bring.text(
        "id,name,email\n1,Kim,kim@a.example\n2,Lee,l@a.example\n1,Kim Ha-neul,kim@a.example\n",
        maps=(("id", "id"),),
    )

    assert done.actions == ["create", "create", "update"]
    assert names(crm) == ["Kim Ha-neul", "Lee"]


def test_columns_are_mapped_by_hand(bring, crm):
    done = bring.text(
        "a,b,c,d\nKim,02-123-4567,x;y,gold\n",
        maps=(("a", "name"), ("b", "phone"), ("c", "tags")),
        sets=(("owner", "lee"),),
    )

    assert done.sums == (1, 1, 0, 0, 0)
    [kim] = crm.find(Customer)
    assert (kim.name, kim.tags, kim.owner) == ("Kim", ("x", "y"), "lee")
    assert addresses(crm, kim) == {("phone", "+8221234567")}


def test_rows_may_become_other_kinds(bring, crm):
    done = bring.text(
        "일시,제목,내용\n2026-03-01 09:30,환불 문의,환불받고 싶어요\n2026-03-02,배송,언제 오나요?\n",
        kind="interaction",
        maps=(("일시", "happened_at"), ("제목", "subject"), ("내용", "body")),
        sets=(("channel", "phone"),),
    )

    assert done.sums == (2, 2, 0, 0, 0)
    assert [each.subject for each in crm.search("환불")] == ["환불 문의"]
    [first] = crm.find(Interaction, where.subject == "환불 문의")
    assert first.happened_at.isoformat() == "2026-03-01T00:30:00+00:00"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"maps": (("nam", "name"),)}, "did you mean 'name'"),
        ({"maps": (("name", "nam"),)}, "did you mean 'name'"),
        ({"keys": ("mail",)}, "email"),
        ({"preset": "hubspot-contact"}, "did you mean"),
        ({"timezone": "Asia/Soul"}, "Asia/Seoul"),
        ({"sets": (("ownr", "x"),)}, "owner"),
        ({"maps": (("name", "custom.tier"),)}, "crm record custom_field add"),
    ],
)
def test_what_is_said_wrongly_is_refused_with_a_sentence(bring, said, words):
    with pytest.raises((FileRefused, ValueError, LookupError)) as caught:
        bring.text("name,email\nKim,kim@a.example\n", **said)

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_address_is_kept_as_a_detail(bring, crm):
    table = (
        "name,phone,email\nKim,내선 12,kim@a.example\nLee,000-0000-0000,lee@\nPark,02-123-4567,?\n"
    )
    done = bring.text(table)

    assert done.counts.noted == 3
    [kim], [lee] = (list(crm.find(Customer, where.name == each)) for each in ("Kim", "Lee"))
    details = {e.record_id: dict(e.details) for e in crm.find(ExternalId) if e.details}
    assert details == {kim.id: {"phone": "내선 12"}, lee.id: {"email": "lee@"}}
