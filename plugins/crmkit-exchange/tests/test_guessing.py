"""What the columns of unknown tables hold is guessed from names and contents, or not at all."""

from __future__ import annotations

from itertools import islice

import pytest
from crmkit_exchange.columns import MEANINGS, is_elsewhere, meaning, plain
from crmkit_exchange.emails import email
from crmkit_exchange.formats.items import ReadOptions
from crmkit_exchange.formats.opening import open_source
from crmkit_exchange.guessing import Guess, guess
from crmkit_exchange.phones import phone
from hypothesis import given, settings
from hypothesis import strategies as st

# Headings of these programs' exports as they are in their help pages.
GOOGLE = [
    "First Name",
    "Middle Name",
    "Last Name",
    "Phonetic First Name",
    "Phonetic Middle Name",
    "Phonetic Last Name",
    "Name Prefix",
    "Name Suffix",
    "Nickname",
    "File As",
    "Organization Name",
    "Organization Title",
    "Organization Department",
    "Birthday",
    "Notes",
    "Photo",
    "Labels",
    "E-mail 1 - Label",
    "E-mail 1 - Value",
    "E-mail 2 - Label",
    "E-mail 2 - Value",
    "Phone 1 - Label",
    "Phone 1 - Value",
    "Address 1 - Label",
    "Address 1 - Formatted",
    "Website 1 - Label",
    "Website 1 - Value",
]
GOOGLE_BEFORE_2024 = [
    "Name",
    "Given Name",
    "Additional Name",
    "Family Name",
    "Notes",
    "Group Membership",
    "E-mail 1 - Type",
    "E-mail 1 - Value",
    "Phone 1 - Type",
    "Phone 1 - Value",
    "Organization 1 - Name",
]
OUTLOOK = [
    "First Name",
    "Middle Name",
    "Last Name",
    "Title",
    "Suffix",
    "Nickname",
    "Given Yomi",
    "Surname Yomi",
    "E-mail Address",
    "E-mail 2 Address",
    "E-mail 3 Address",
    "Home Phone",
    "Home Phone 2",
    "Business Phone",
    "Business Phone 2",
    "Mobile Phone",
    "Car Phone",
    "Other Phone",
    "Primary Phone",
    "Pager",
    "Business Fax",
    "Home Fax",
    "Other Fax",
    "Company Main Phone",
    "Callback",
    "Radio Phone",
    "Telex",
    "TTY/TDD Phone",
    "IMAddress",
    "Job Title",
    "Department",
    "Company",
    "Office Location",
    "Manager's Name",
    "Assistant's Name",
    "Assistant's Phone",
    "Company Yomi",
    "Business Street",
    "Business City",
    "Business State",
    "Business Postal Code",
    "Business Country/Region",
    "Home Street",
    "Home City",
    "Home State",
    "Home Postal Code",
    "Home Country/Region",
    "Personal Web Page",
    "Spouse",
    "Schools",
    "Hobby",
    "Location",
    "Web Page",
    "Birthday",
    "Anniversary",
    "Notes",
]


def guessed(columns, *rows, kind="customer"):
    """The guess for a table of these rows."""
    return guess(columns, [dict(zip(columns, row, strict=False)) for row in rows], "KR", kind)


def filled(columns, *people):
    """Rows in which only these columns have values."""
    return guess(columns, [dict.fromkeys(columns, "") | each for each in people], "KR")


def of_file(path, **said):
    source = open_source(path, path.name, ReadOptions(**said))
    sample = [each.values for each in islice(source.items(), 1000) if not each.problem]
    return guess(source.columns, sample, "KR")


# Real tables -----------------------------------------------------------------------------------------------------


def test_the_register_of_libraries_is_of_customers_with_phones_and_pages(data):
    found = of_file(data / "05_korean/library_std.csv")

    assert found == Guess(
        kind="customer",
        fields={"name": "도서관명"},
        addresses={"phone": ("도서관전화번호",), "web": ("홈페이지주소",)},
        reasons={
            "도서관명": "called 도서관명",
            "도서관전화번호": "called 도서관전화번호",
            "홈페이지주소": "called 홈페이지주소",
        },
    )


@pytest.mark.parametrize(
    "name",
    [
        "10_csv/csvkit/iris.csv",
        "05_korean/ChatbotData.csv",
        "05_korean/nsmc_sample_dev_2k.tsv",
        "05_korean/naver_shopping_small.csv",
        "04_tickets/uci_incident_first5998.csv",
        "04_tickets/cfpb_complaints_3186.csv",
        "02_leads_marketing/telco_churn.csv",
        "02_leads_marketing/bank-additional.csv",
        "08_dedupe/buy.csv",
        "06_exports/fivetran_hubspot/company_property_history_data.csv",
        "06_exports/fivetran_hubspot/email_event_delivered_data.csv",
        "06_exports/fivetran_zendesk/schedule_data.csv",
    ],
)
def test_tables_that_name_nobody_are_of_no_customers(data, name):
    assert of_file(data / name) == Guess(kind=None)


def test_people_of_duplicate_tests_are_customers_by_their_names(data):
    by_names = of_file(data / "08_dedupe/febrl_dataset1.csv")
    with_mail = of_file(data / "08_dedupe/splink_fake_1000.csv")

    assert by_names.fields == {"given": "given_name", "family": "surname"}
    assert by_names.addresses == {}
    assert with_mail.fields == {"given": "first_name", "family": "surname"}
    assert with_mail.addresses == {"email": ("email",)}


# Headings of programs --------------------------------------------------------------------------------------------


def test_contacts_of_google_are_understood():
    found = filled(
        GOOGLE,
        {"First Name": "하늘", "Last Name": "김", "E-mail 1 - Value": "kim@acme.example", "Phone 1 - Value": "010-2345-6789", "Labels": "* myContacts", "Organization Name": "Acme"},
        {"First Name": "Bora", "Last Name": "Lee", "E-mail 2 - Value": "lee@acme.example", "Phone 1 - Value": "02-123-4567", "Website 1 - Value": "https://lee.example"},
    )  # fmt: skip

    assert found.kind == "customer"
    assert found.fields["given"] == "First Name"
    assert found.fields["family"] == "Last Name"
    assert found.fields["tags"] == "Labels"
    assert found.addresses["email"] == ("E-mail 1 - Value", "E-mail 2 - Value")
    assert found.addresses["phone"] == ("Phone 1 - Value",)
    assert found.addresses["web"] == ("Website 1 - Value",)
    assert found.fields["organization"] == "Organization Name"


def test_older_contacts_of_google_are_understood():
    found = filled(
        GOOGLE_BEFORE_2024,
        {"Name": "김하늘", "Given Name": "하늘", "Family Name": "김", "E-mail 1 - Value": "kim@acme.example", "Organization 1 - Name": "Acme", "Group Membership": "Friends"},
        {"Name": "Bora Lee", "Given Name": "Bora", "Family Name": "Lee", "Phone 1 - Value": "02-123-4567"},
    )  # fmt: skip

    assert found.fields == {
        "given": "Given Name",
        "family": "Family Name",
        "organization": "Organization 1 - Name",
        "tags": "Group Membership",
    }
    assert found.addresses == {"email": ("E-mail 1 - Value",), "phone": ("Phone 1 - Value",)}


def test_contacts_of_outlook_are_understood():
    found = filled(
        OUTLOOK,
        {"First Name": "Bora", "Last Name": "Lee", "Company": "Acme", "E-mail Address": "lee@acme.example", "Mobile Phone": "010-2345-6789", "Business Phone": "02-123-4567", "Business Fax": "02-123-4568", "Web Page": "https://acme.example"},
        {"First Name": "하늘", "Last Name": "김", "Company": "Acme", "Home Phone": "02-765-4321"},
    )  # fmt: skip

    assert found.kind == "customer"
    assert found.fields["given"] == "First Name"
    assert found.fields["family"] == "Last Name"
    assert found.fields["organization"] == "Company"
    assert found.addresses["email"] == ("E-mail Address", "E-mail 2 Address", "E-mail 3 Address")
    assert {"Home Phone", "Business Phone", "Mobile Phone"} <= {*found.addresses["phone"]}
    assert "Business Fax" not in found.addresses["phone"]
    assert found.addresses["fax"] == ("Business Fax",)
    assert found.addresses["web"] == ("Web Page",)


@pytest.mark.parametrize("name", ["이름", "성명", "고객명", "고객 이름", "회원명"])
@pytest.mark.parametrize(
    "phone", ["전화번호", "휴대폰", "핸드폰 번호", "연락처", "휴대전화(필수)", "비상연락처"]
)
@pytest.mark.parametrize("email", ["이메일", "E-mail", "메일 주소", "담당자 이메일"])
def test_korean_headings_are_understood(name, phone, email):
    found = guessed(
        [name, phone, email, "비고"],
        ["김하늘", "010-2345-6789", "kim@acme.example", ""],
        ["이보라", "02-123-4567", "lee@acme.example", "단골"],
    )

    assert found.kind == "customer"
    assert found.fields == {"name": name}
    assert found.addresses == {"email": (email,), "phone": (phone,)}


def test_korean_contacts_with_several_numbers_are_understood():
    found = guessed(
        ["번호", "성", "이름", "휴대전화1", "휴대전화2", "자택전화", "이메일1", "이메일2", "그룹"],
        ["1", "김", "하늘", "010-2345-6789", "", "02-123-4567", "kim@acme.example", "", "친구"],
        ["2", "이", "보라", "", "010-2345-6780", "", "lee@acme.example", "", "가족"],
    )

    assert found.fields == {"given": "이름", "family": "성", "tags": "그룹"}
    assert found.addresses == {
        "email": ("이메일1", "이메일2"),
        "phone": ("휴대전화1", "휴대전화2", "자택전화"),
    }
    assert found.external_id is None


@pytest.mark.parametrize(("name", "family"), [("이름", "성"), ("Name", "Surname")])
def test_a_name_beside_a_family_name_is_the_given_one_unless_it_is_whole(name, family):
    columns = [family, name, "email"]
    given = guessed(columns, ["김", "하늘", "kim@acme.example"], ["이", "보라", "lee@acme.example"])
    whole = guessed(
        columns, ["김", "김하늘", "kim@acme.example"], ["Lee", "Bora Lee", "lee@acme.example"]
    )

    assert given.fields == {"given": name, "family": family}
    assert whole.fields == {"name": name}


def test_a_company_goes_before_who_leads_it():
    found = guessed(
        ["상호", "사업자등록번호", "대표자명", "전화번호"],
        ["아크메", "104-81-36565", "김하늘", "02-123-4567"],
        ["베타", "120-81-47521", "이보라", "02-123-4568"],
    )

    assert found.fields == {"name": "상호"}
    assert found.addresses == {"phone": ("전화번호",)}


def test_the_company_of_a_person_stands_beside_the_name():
    found = guessed(
        ["고객번호", "이름", "회사", "담당자", "이메일"],
        ["7", "김하늘", "아크메", "최민지", "kim@acme.example"],
        ["8", "이보라", "아크메", "최민지", "lee@acme.example"],
    )

    assert found.fields == {"name": "이름", "owner": "담당자", "organization": "회사"}
    assert found.external_id == "고객번호"


def test_a_company_alone_is_the_name():
    found = guessed(["상호", "대표전화"], ["아크메", "02-123-4567"], ["베타", "02-123-4568"])

    assert found.fields == {"name": "상호"}
    assert found.addresses == {"phone": ("대표전화",)}


def test_columns_of_addresses_need_no_name():
    found = guessed(
        ["고객명", "a", "b"],
        ["김하늘", "kim@acme.example", "010-2345-6789"],
        ["이보라", "lee@acme.example", "010-2345-6780"],
    )

    assert found.addresses == {"email": ("a",), "phone": ("b",)}
    assert found.reasons["a"] == "100% of its values are e-mail addresses"


def test_a_column_that_is_called_so_and_holds_something_else_is_not_taken():
    found = guessed(["이름", "연락처"], ["김하늘", "오전에만"], ["이보라", "비서를 통해"])

    assert "phone" not in found.addresses
    assert found.reasons["연락처"] == "not taken: only 0% of its values are telephone numbers"


def test_an_empty_column_of_addresses_makes_no_customers_of_what_has_no_names():
    assert guessed(["email", "score"], ["", "0.5"], ["", "0.25"]) == Guess(kind=None)


def test_a_table_without_rows_is_what_its_heading_says():
    found = guessed(["name", "email"])

    assert found.kind == "customer"
    assert found.addresses == {"email": ("email",)}


def test_a_log_in_which_names_come_again_is_of_no_customers():
    rows = [["status", "1"], ["status", "2"], ["owner", "3"], ["status", "4"]]

    assert guessed(["name", "value"], *rows) == Guess(kind=None)


def test_names_that_come_again_beside_addresses_are_customers():
    rows = [["김민수", f"010-2345-678{digit}"] for digit in range(4)]

    assert guessed(["name", "phone"], *rows).fields == {"name": "name"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("사업자등록번호", ["104-81-36565", "120-81-47521"]),
        ("annual_revenue", ["280522000", "212345678"]),
        ("smtp_id", ["<1.2@mail.acme.example>", "<1.3@mail.acme.example>"]),
        ("Owner Email", ["kim@acme.example", "kim@acme.example"]),
        ("Created By", ["kim@acme.example", "lee@acme.example"]),
        ("Assistant's Phone", ["02-123-4567", "02-123-4568"]),
        ("OWNER:User-username", ["kim@acme.example", "lee@acme.example"]),
        ("작성자", ["kim@acme.example", "lee@acme.example"]),
    ],
)
def test_what_only_looks_like_an_address_or_is_somebody_elses_is_not_taken(name, values):
    assert phone(values[0], "KR") or email(values[0])

    found = guessed(["고객명", name], ["김하늘", values[0]], ["이보라", values[1]])

    assert found.fields == {"name": "고객명"}
    assert found.addresses == {}


@pytest.mark.parametrize(
    "values",
    [
        ["010-2345-6789", "02-123-4567"],
        ["+82 10 2345 6789", "+1 212 555 0123"],
        ["(02) 123-4567", "031)123-4567"],
        ["1588-1234", "1644-1234"],
        ["tel:+82-2-123-4567", "02.123.4567"],
    ],
)
def test_numbers_as_people_write_them_are_found_whatever_the_column_is_called(values):
    found = guessed(["고객명", "q"], ["김하늘", values[0]], ["이보라", values[1]])

    assert found.addresses == {"phone": ("q",)}


def test_longitudes_and_figures_are_no_numbers_of_telephones():
    found = guessed(
        ["name", "경도", "score"],
        ["Kim", "127.0276368", "0.5"],
        ["Lee", "129.0756416", "0.25"],
    )

    assert found.addresses == {}


def test_ids_are_different_in_every_row():
    twice = guessed(["id", "name"], ["1", "Kim"], ["1", "Lee"])
    blank = guessed(["id", "name"], ["1", "Kim"], ["", "Lee"])
    fine = guessed(["id", "name"], ["1", "Kim"], ["2", "Lee"])

    assert (twice.external_id, blank.external_id, fine.external_id) == (None, None, "id")


def test_of_contacts_only_names_are_looked_at():
    found = guessed(
        ["상담일시", "제목", "내용", "연락처"],
        ["2026-06-16", "문의", "예약", "010-2345-6789"],
        kind="interaction",
    )

    assert found.fields == {"happened_at": "상담일시", "subject": "제목", "body": "내용"}
    assert found.addresses == {}


# Names of columns ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["First Name", "first_name", "FIRSTNAME", "firstName", "property_first_name", "properties.firstname", "First-Name", "First Name (required)", "First_Name__c", "first_name_c", "Ｆｉｒｓｔ　Ｎａｍｅ"],
)  # fmt: skip
def test_a_name_is_the_same_however_it_is_written(name):
    assert plain(name) == "firstname"
    assert meaning(name) == "given"


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("Phone 2 - Value", "phone"),
        ("Phone 2 - Label", None),
        ("E-mail 3 Address", "email"),
        ("휴대폰2", "phone"),
        ("보호자 연락처", "phone"),
        ("대표 이메일", "email"),
        ("NAME1", None),
        ("id2", None),
        ("비서 연락처", None),
        ("도서관명", None),
    ],
)
def test_of_several_columns_of_addresses_the_number_does_not_count(name, means):
    assert meaning(name) == means


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("Owner Email", True),
        ("Created By Email", True),
        ("created_at", True),
        ("Last Modified By", True),
        ("Parent:Contact-Email", True),
        ("Contact: Email", False),
        ("Email", False),
        ("고객 이메일", False),
    ],
)
def test_what_another_record_holds_is_told_by_the_name(name, elsewhere):
    assert is_elsewhere(name) is elsewhere


@pytest.mark.parametrize(
    ("means", "name"), [(m, n) for m, names in MEANINGS.items() for n in names]
)
def test_every_word_of_the_table_means_what_stands_there(means, name):
    assert meaning(name) == means


@settings(deadline=None)
@given(st.text())
def test_a_name_that_says_something_is_never_folded_to_nothing(name):
    assert plain(name) or not name.strip()


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.sampled_from(["이름", "전화번호", "email", "id", "회사", "x", "", "\x00"]) | st.text(max_size=8),
        unique=True,
        max_size=6,
    ),
    st.lists(st.lists(st.none() | st.text(max_size=12) | st.integers() | st.just([{"a": 1}]), max_size=6), max_size=5),
    st.sampled_from(["customer", "interaction", "deal"]),
)  # fmt: skip
def test_any_table_is_guessed_from_columns_that_it_has_each_once(columns, rows, kind):
    found = guessed(columns, *rows, kind=kind)

    taken = [
        *found.fields.values(),
        *(each for names in found.addresses.values() for each in names),
    ]
    taken += [found.external_id] if found.external_id else []
    assert {*taken} <= {*columns}
    assert len(taken) == len({*taken})
    not_taken = {each for each, why in found.reasons.items() if why.startswith("not taken: ")}
    assert {*found.reasons} - not_taken == {*taken}
    assert not_taken <= {*columns} - {*taken}
