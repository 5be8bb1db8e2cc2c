"""vCards: every program's contact is read, and nothing that stands in a file is an exception."""

import hashlib
import json
import quopri
import re
import tracemalloc
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from crmkit_exchange.formats.charsets import decoded, faithful
from crmkit_exchange.formats.contentlines import unfolded
from crmkit_exchange.formats.items import FileRefused, Item, ReadOptions
from crmkit_exchange.formats.vcards import open_vcards
from hypothesis import given, settings
from hypothesis import strategies as st

DATA = Path(__file__).parents[3] / "../shared/data/07_vcard_mail_ical"
FILES = [
    *sorted(DATA.glob("vcard_ezvcard/*.vcf")),
    *sorted(DATA.glob("vobject_test_files/*.vcf")),
]

# Read from the files by eye: name, given, family, type, organization, phones, faxes, e-mail addresses.
EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "John_Doe_BLACK_BERRY.vcf": [
        ("John Doe", "john", "Doe", "Acme Solutions", ["+96123456789"], [], []),
    ],
    "John_Doe_EVOLUTION.vcf": [
        (
            "Mr. John Richter, James Doe Sr.",
            "John",
            "Doe",
            "IBM",
            ["905-666-1234", "905-555-1234"],
            [],
            ["john.doe@ibm.com"],
        ),
    ],
    "fullcontact.vcf": [
        (
            "Prefix FirstName MiddleName LastName Suffix",
            "FirstName",
            "LastName",
            "Organization1",
            [f"555-555-111{last}" for last in "1234589"],
            ["555-555-1116", "555-555-1117"],
            [f"{name}@example.com" for name in ("home", "work", "school", "other", "custom")],
        ),
    ],
    "gmail-list.vcf": [
        ("Arnold Smith", "Arnold", "Smith", None, [], [], ["asmithk@gmail.com"]),
        ("Chris Beatle", "Chris", "Beatle", None, [], [], ["chrisy55d@yahoo.com"]),
        ("Doug White", "Doug", "White", None, [], [], ["dwhite@gmail.com"]),
    ],
    "gmail-single.vcf": [
        (
            "Greg Dartmouth",
            "Greg",
            "Dartmouth",
            "TheCompany",
            ["555 555 1111", "555 555 2222"],
            [],
            ["gdartmouth@hotmail.com"],
        ),
    ],
    "gmail-single2.vcf": [
        (
            "VCard Test",
            "VCard",
            "Test",
            "TheCompany",
            [f"55555511{last}" for last in ("11", "12", "13", "14", "15", "16", "19", "21")],
            ["5555551117", "5555551118"],
            [
                "email@example.com",
                "homeemail@example.com",
                "workemail@example.com",
                "otheremail@example.com",
                "customcategory@example.com",
            ],
        ),
    ],
    "outlook-2007.vcf": [
        (
            "Mr. Michael Angstadt Jr.",
            "Michael",
            "Angstadt",
            "TheCompany",
            ["(111) 555-1111", "(111) 555-2222", "(111) 555-4444"],
            ["(111) 555-3333"],
            ["mike.angstadt@gmail.com"],
        ),
    ],
    "rfc2426-example.vcf": [
        (
            "Frank Dawson",
            None,
            None,
            "Lotus Development Corporation",
            ["+1-919-676-9515"],
            ["+1-919-676-9564"],
            ["Frank_Dawson@Lotus.com", "fdawson@earthlink.net"],
        ),
        (
            "Tim Howes",
            None,
            None,
            "Netscape Communications Corp.",
            ["+1-415-937-3419"],
            ["+1-415-528-4164"],
            ["howes@netscape.com"],
        ),
    ],
    "rfc6350-example.vcf": [
        (
            "Simon Perreault",
            "Simon",
            "Perreault",
            "Viagenie",
            ["+1-418-656-9254;ext=102", "+1-418-262-6501"],
            [],
            ["simon.perreault@viagenie.ca"],
        ),
    ],
    "radicale-1587.vcf": [("Given Family", "Given", "Family", None, [], [], [])],
}


def read(path: Path, content: bytes, encoding: str | None = None) -> list[Item]:
    """The items of a file with this content."""
    file = path / "contacts.vcf"
    file.write_bytes(content)
    return list(open_vcards(file, ReadOptions(encoding=encoding)).items())


def card(path: Path, *lines: bytes | str, version: str = "3.0") -> dict[str, Any]:
    """The values of one card with these lines, which must have no problem."""
    rows = [each.encode() if isinstance(each, str) else each for each in lines]
    content = b"\r\n".join(
        [b"BEGIN:VCARD", b"VERSION:" + version.encode(), *rows, b"END:VCARD", b""]
    )
    [item] = read(path, content)
    assert item.problem is None
    return dict(item.values)


@pytest.mark.skipif(not FILES, reason="the data folder is not there")
def test_every_card_of_the_data_folder_is_expected() -> None:
    assert {file.name for file in FILES} == set(EXPECTED)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_real_card_gives_its_contact(file: Path) -> None:
    items = list(open_vcards(file, ReadOptions()).items())

    assert [item.problem for item in items] == [None] * len(items)
    assert {item.values["type"] for item in items} == {"person"}
    assert [
        (
            item.values["name"],
            item.values.get("given"),
            item.values.get("family"),
            item.values.get("organization"),
            item.values.get("phones", []),
            item.values.get("faxes", []),
            item.values.get("emails", []),
        )
        for item in items
    ] == EXPECTED[file.name]


@pytest.mark.skipif(not FILES, reason="the data folder is not there")
def test_outlooks_note_and_picture_are_read() -> None:
    [item] = open_vcards(DATA / "vcard_ezvcard/outlook-2007.vcf", ReadOptions()).items()

    assert item.values["note"].splitlines() == [
        "This is the NOTE field\t",
        "I assume it encodes this text inside a NOTE vCard type.",
        "But I'm not sure because there's text formatting going on here.",
        "It does not preserve the formatting",
    ]
    assert item.values["addresses"] == ["TheOffice, 222 Broadway, New York, NY, 99999, USA"]
    assert item.values["photo"]["type"] == "image/jpeg"
    assert item.values["photo"]["size"] == 2324
    assert item.values["other"]["KEY"][0]["type"] == "x509"


@pytest.mark.skipif(not FILES, reason="the data folder is not there")
def test_googles_labels_are_told_with_what_they_label() -> None:
    [item] = open_vcards(DATA / "vcard_ezvcard/gmail-single.vcf", ReadOptions()).items()

    assert item.values["urls"] == ["http://TheProfile.com"]
    assert item.values["other"]["X-ABLABEL"] == [
        "555 555 2222: GRAND_CENTRAL",
        "321 Custom St, Custom City, TX, 98765, USA: CustomAdrType",
        "http://TheProfile.com: PROFILE",
        "1970-06-02: Anniversary",
        "MySpouse: Spouse",
        "MyCustom: CustomRelationship",
    ]


@pytest.mark.parametrize("charset", ["Shift_JIS", "ISO-2022-JP", "UTF-8"])
def test_outlooks_japanese_card_is_read(tmp_path: Path, charset: str) -> None:
    # 能 and 表 end in a backslash in Shift_JIS; in ISO-2022-JP half of the bytes are ASCII, `;` among them.
    family, given, firm = (
        "能表",
        "山田",
        "表示能力株式会社" + ("①" if charset == "Shift_JIS" else ""),
    )
    declared = f";CHARSET={charset}:".encode()
    codec = "cp932" if charset == "Shift_JIS" else charset

    values = card(
        tmp_path,
        b"N" + declared + f"{family};{given}".encode(codec),
        b"FN" + declared + f"{family} {given}".encode(codec),
        b"ORG" + declared + f"{firm};営業".encode(codec),
        version="2.1",
    )

    assert values["name"] == "能表 山田"
    assert (values["family"], values["given"]) == (family, given)
    assert (values["organization"], values["department"]) == (firm, "営業")


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("UTF-8", "홍길동 Ñandú"),
        ("EUC-KR", "홍길동"),
        ("ks_c_5601-1987", "홍길동 뷁"),
        ("windows-1251", "Иван Петров"),
        ("windows-1252", "Jürgen Müller"),
        ("ISO-2022-JP", "山田太郎"),
        ("GB2312", "王小明"),
    ],
)
def test_quoted_printable_goes_on_after_soft_breaks(
    tmp_path: Path, charset: str, text: str
) -> None:
    codec = {"ks_c_5601-1987": "cp949"}.get(charset, charset)
    quoted = "".join(f"={byte:02X}" for byte in text.encode(codec))
    broken = "=\r\n".join(quoted[start : start + 9] for start in range(0, len(quoted), 9))

    values = card(
        tmp_path,
        f"FN;CHARSET={charset};ENCODING=QUOTED-PRINTABLE:{broken}",
        f"NOTE;QUOTED-PRINTABLE;CHARSET={charset}:{broken}=0D=0A=\r\n{broken}",
        "TEL;HOME;VOICE:02-123-4567",
        version="2.1",
    )

    assert values["name"] == text
    assert values["note"] == f"{text}\n{text}"
    assert values["phones"] == ["02-123-4567"]


def test_androids_open_end_does_not_swallow_the_next_property(tmp_path: Path) -> None:
    values = card(
        tmp_path,
        "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=EA=B9=80",
        "ORG;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=EA=B9=80=",
        "",
        "TEL;CELL:010-1234-5678",
        "NOTE;ENCODING=QUOTED-PRINTABLE:open=",
        version="2.1",
    )

    assert values["organization"] == "김"
    assert values["phones"] == ["010-1234-5678"]
    assert values["note"] == "open"


def test_iphones_line_ends_with_two_returns_fold_like_others(tmp_path: Path) -> None:
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        "FN:John",
        " ny Doe",
        "item1.EMAIL;type=pref:a@b.example",
    ]
    content = "\r\r\n".join([*lines, "END:VCARD", ""]).encode()

    [item] = read(tmp_path, content)

    assert item.values["name"] == "Johnny Doe"
    assert item.values["emails"] == ["a@b.example"]


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_folding_may_split_a_character(tmp_path: Path, version: str) -> None:
    name = "홍길동".encode()

    values = card(
        tmp_path, b"FN:" + name[:4] + b"\r\n " + name[4:7] + b"\r\n\t" + name[7:], version=version
    )

    assert values["name"] == "홍길동"


def test_folding_in_the_oldest_version_keeps_the_space(tmp_path: Path) -> None:
    assert card(tmp_path, "FN:John\r\n Doe", version="2.1")["name"] == "John Doe"


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8", "김철수"),
        ("cp949", "김철수"),
        ("cp1252", "Álvarez"),
        ("cp1252", "Álvarez Peña"),
        ("cp949", "뷁신영"),
    ],
)
def test_a_card_that_declares_nothing_is_read_as_a_whole(
    tmp_path: Path, codec: str, name: str
) -> None:
    values = card(tmp_path, b"FN:" + name.encode(codec), b"NOTE:" + name.encode(codec))

    assert (values["name"], values["note"]) == (name, name)


def test_the_encoding_given_is_that_of_lines_without_one(tmp_path: Path) -> None:
    content = (
        "BEGIN:VCARD\nFN:山田太郎\nORG;CHARSET=UTF-8:".encode("cp932")
        + "株式会社\nEND:VCARD\n".encode()
    )

    [item] = read(tmp_path, content, encoding="shift_jis")

    assert (item.values["name"], item.values["organization"]) == ("山田太郎", "株式会社")
    with pytest.raises(FileRefused, match="there is no encoding 'klingon'; give one such as utf-8"):
        read(tmp_path, content, encoding="klingon")


@pytest.mark.parametrize("codec", ["utf-16", "utf-8-sig"])
def test_a_byte_order_mark_is_no_part_of_the_card(tmp_path: Path, codec: str) -> None:
    [item] = read(tmp_path, "BEGIN:VCARD\r\nFN:김철수\r\nEND:VCARD\r\n".encode(codec))

    assert (item.problem, item.values["name"], item.line) == (None, "김철수", 1)


@pytest.mark.parametrize(
    ("lines", "name", "kind"),
    [
        (["N:김;철수;;;"], "김철수", "person"),
        (["N:Doe;John;;;"], "John Doe", "person"),
        (["N:Doe;;;;"], "Doe", "person"),
        (["FN:김 철수", "N:김;철수;;;", "ORG:한빛"], "김 철수", "person"),
        (["ORG:한빛;영업"], "한빛", "organization"),
        (["FN:Acme", "ORG:ACME"], "Acme", "organization"),
        (["FN:Acme", "N:Acme;;;;", "ORG:Acme"], "Acme", "organization"),
        (["FN:Acme", "N:Doe;John;;;", "ORG:Acme"], "Acme", "person"),
        (["FN:Acme", "N:;;;;", "ORG:Other", "X-ABShowAs:COMPANY"], "Acme", "organization"),
        (["KIND:org", "FN:Acme Sales"], "Acme Sales", "organization"),
        (["KIND:individual", "FN:Kim"], "Kim", "person"),
        (["EMAIL:kim@example.com"], None, "person"),
    ],
)
def test_names_and_types_are_those_that_people_would_give(
    tmp_path: Path, lines: list[str], name: str | None, kind: str
) -> None:
    values = card(tmp_path, *lines)

    assert (values.get("name"), values["type"]) == (name, kind)


def test_escapes_and_marks_inside_of_parts_are_text(tmp_path: Path) -> None:
    values = card(
        tmp_path,
        r"FN:Kim\, Lee \\ Park",
        r"N:a\;b;c\,d;;;",
        r"ORG:Kim\; Lee\, Inc.;R\\D;Lab",
        r"ADR;TYPE=WORK:;Room 5;Main\nStreet 1\, back;Town;;12345;U\;SA",
        r"ADR:;;테헤란로 1;강남구;서울;06234;대한민국",
        r"CATEGORIES:VIP,a\,b",
        r"CATEGORIES:VIP,c",
        "URL:http\\://example.com",
    )

    assert values["name"] == "Kim, Lee \\ Park"
    assert (values["family"], values["given"]) == ("a;b", "c,d")
    assert (values["organization"], values["department"]) == ("Kim; Lee, Inc.", "R\\D, Lab")
    assert values["addresses"] == [
        "Room 5, Main, Street 1, back, Town, 12345, U;SA",
        "06234 대한민국 서울 강남구 테헤란로 1",
    ]
    assert values["categories"] == ["VIP", "a,b", "c"]
    assert values["urls"] == ["http://example.com"]


def test_parameters_may_be_bare_quoted_and_escaped(tmp_path: Path) -> None:
    values = card(
        tmp_path,
        "FN:Kim",
        'TEL;TYPE="work,fax":1',
        "TEL;HOME;PAGER:2",
        "tel;cell;pref:3",
        "item1.TEL;VALUE=uri:tel:+82-2-4",
        "TEL;TYPE=VIDEO:5",
        'TEL;X-ADDRESS="a:b;c^n^\'d":6',
        'X-PLACE;X-TITLE=say \\"hello\\" twice:geo:1,2',
        'X-OPEN;TITLE=6" wide:7',
        "EMAIL;PREF=2:second@example.com",
        "EMAIL:last@example.com",
        "EMAIL;PREF=1:mailto:first@example.com",
        version="4.0",
    )

    assert values["phones"] == ["3", "+82-2-4", "6", "5"]
    assert values["faxes"] == ["1"]
    assert values["emails"] == ["first@example.com", "second@example.com", "last@example.com"]
    assert values["other"] == {"TEL": ["2"], "X-PLACE": ["geo:1,2"], "X-OPEN": ["7"]}


def test_a_label_without_a_group_labels_nothing_else(tmp_path: Path) -> None:
    values = card(tmp_path, "FN:Kim", "X-ABLabel:Friend", "item1.X-ABLabel:Lost", "TEL:1")

    assert values["other"] == {"X-ABLABEL": ["Friend", ": Lost"]}


def test_preferred_addresses_of_the_oldest_version_come_first(tmp_path: Path) -> None:
    values = card(tmp_path, "FN:,", "EMAIL:b@a.example", "EMAIL;PREF:a@a.example", version="2.1")

    assert values["emails"] == ["a@a.example", "b@a.example"]
    assert values["name"] == ","


def test_messengers_have_the_scheme_of_their_property(tmp_path: Path) -> None:
    values = card(
        tmp_path,
        "FN:Kim",
        "IMPP:xmpp:kim@example.com",
        "IMPP;X-SERVICE-TYPE=Skype:kim",
        "X-SKYPE-USERNAME:kim.2",
        "X-KAKAOTALK:kim3",
    )

    assert values["messengers"] == [
        "xmpp:kim@example.com",
        "skype:kim",
        "skype:kim.2",
        "kakaotalk:kim3",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "PHOTO;ENCODING=BASE64;JPEG:{}",
        "PHOTO;ENCODING=b;TYPE=JPEG:{}",
        "PHOTO;BASE64:\r\n  {}\r\n",
        "PHOTO:data:image/jpeg;base64,{}",
        "PHOTO:data:image/jpeg;base64\\,{}",
        "PHOTO;MEDIATYPE=image/jpeg;ENCODING=BASE64:\r\n{}\r\n",
    ],
)
def test_of_a_picture_type_size_and_digest_are_kept(tmp_path: Path, line: str) -> None:
    picture = b"\xff\xd8\xff" + bytes(range(256))

    values = card(tmp_path, "FN:Kim", line.format(b64encode(picture).decode()), "TEL:1")

    assert values["photo"] == {
        "type": "image/jpeg",
        "size": 259,
        "sha256": hashlib.sha256(picture).hexdigest(),
    }
    assert values["phones"] == ["1"]
    assert "other" not in values


def test_nothing_is_lost(tmp_path: Path) -> None:
    values = card(
        tmp_path,
        "FN:Kim",
        "FN:Kim Chulsoo",
        "TITLE:Boss",
        "TITLE:Owner",
        "N:Kim;Chulsoo;Middle;Dr.;Jr.",
        "NOTE:one",
        "NOTE:two",
        "PHOTO;VALUE=uri:http://example.com/kim.jpg",
        "GEO:37.5;127.0",
        "X-SOMETHING:else",
        "this is no property",
        version="3.0",
    )

    assert values["note"] == "one\n\ntwo"
    assert values["other"] == {
        "FN": ["Kim Chulsoo"],
        "TITLE": ["Owner"],
        "PHOTO": ["http://example.com/kim.jpg"],
        "GEO": ["37.5;127.0"],
        "X-SOMETHING": ["else"],
        "N": ["Middle", "Dr.", "Jr."],
        "UNREAD": ["this is no property"],
    }


def test_a_note_broken_into_lines_stays_together(tmp_path: Path) -> None:
    values = card(tmp_path, "FN:Kim", "NOTE:first line", "and a second", "TEL:1")

    assert values["note"] == "first line\nand a second"
    assert values["phones"] == ["1"]


def test_an_agent_is_no_contact_of_its_own(tmp_path: Path) -> None:
    agent = ["BEGIN:VCARD", "VERSION:2.1", "FN:Agent", "END:VCARD"]
    content = ["BEGIN:VCARD", "FN:Kim", "AGENT:", *agent, "TEL:1", "END:VCARD"]

    [item] = read(tmp_path, "\n".join(content).encode())

    assert (item.problem, item.values["name"], item.values["phones"]) == (None, "Kim", ["1"])
    assert item.values["other"] == {"AGENT": ["\n".join(agent)]}


def test_cards_without_an_end_and_lines_between_cards_are_told(tmp_path: Path) -> None:
    content = (
        "begin:vcard\nFN:One\nEND:VCARD \n\nstray\nlines\n\nBEGIN:VCARD\nFN:Two\n"
        "BEGIN:VCARD\nNOTE:nobody\nEND:VCARD\nBEGIN:VCARD\nKIND:group\nFN:Friends\nEND:VCARD\nBEGIN:VCARD\nFN:Last\n"
    )

    items = read(tmp_path, content.encode())

    assert [(item.number, item.line, item.values.get("name"), item.problem) for item in items] == [
        (1, 1, "One", None),
        (2, 5, None, "stands outside of BEGIN:VCARD and END:VCARD"),
        (3, 8, "Two", "has no END:VCARD"),
        (4, 10, None, "has no name, organization, e-mail address or phone number"),
        (5, 13, "Friends", "is a group of contacts, not a contact"),
        (6, 17, "Last", "has no END:VCARD"),
    ]
    assert items[0].text == "begin:vcard\nFN:One\nEND:VCARD "
    assert items[1].text == "stray\nlines"


def test_what_is_no_vcard_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="is no vCard, no line says BEGIN:VCARD"):
        read(tmp_path, b"name,phone\nKim,1\n")
    with pytest.raises(FileRefused, match="cannot be opened"):
        open_vcards(tmp_path / "nowhere.vcf", ReadOptions())
    with pytest.raises(FileRefused, match="cannot be opened"):
        open_vcards(tmp_path, ReadOptions())
    assert read(tmp_path, b"\r\n") == []


TEXT = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip).filter(bool)
)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def folded(line: str, width: int) -> bytes:
    """A line folded at so many bytes, characters split, as RFC 2425 allows."""
    raw = line.encode()
    return b"\r\n ".join(raw[start : start + width] for start in range(0, len(raw), width))


@settings(deadline=None)
@given(TEXT, TEXT, TEXT, st.integers(8, 75))
def test_what_a_program_writes_by_the_rules_comes_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, family: str, note: str, width: int
) -> None:
    lines = [f"FN:{escaped(name)}", f"N:{escaped(family)};x", f"NOTE:{escaped(note)}"]

    values = card(tmp_path_factory.getbasetemp(), *(folded(line, width) for line in lines))

    assert (values["name"], values["family"], values["note"]) == (name, family, note)


@settings(deadline=None)
@given(TEXT)
def test_quoted_printable_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    quoted = quopri.encodestring(text.encode(), quotetabs=True).replace(b"\n", b"\r\n")

    values = card(
        tmp_path_factory.getbasetemp(),
        b"FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:" + quoted.rstrip(b"\r\n"),
        "TEL:1",
        version="2.1",
    )

    # In 2.1 a backslash escapes marks only.
    assert values["name"] == _plainly(text)
    assert values["phones"] == ["1"]


def _plainly(text: str) -> str:
    shown, rest = "", text
    while rest:
        escape = rest[0] == "\\" and rest[1:2] in ("\\", ";", ",", ":", '"', "'")
        shown += rest[1] if escape else rest[0]
        rest = rest[2:] if escape else rest[1:]
    return shown.strip()


@given(st.binary() | st.lists(st.sampled_from([b"\\", b"x", b"41", b"\x00"])).map(b"".join))
def test_the_text_of_an_item_gives_its_bytes_back(raw: bytes) -> None:
    text = faithful(raw)

    undone = re.sub(
        rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode()
    )
    assert undone == raw
    assert "\x00" not in text


@given(
    st.binary(),
    st.one_of(
        st.none(),
        st.text(max_size=12),
        st.sampled_from(
            [
                "utf-8",
                "euc-kr",
                "iso-2022-kr",
                "utf-7",
                "utf-16",
                "rot13",
                "quopri",
                "idna",
                "unicode_escape",
                "hex",
                "undefined",
            ]
        ),
    ),
)
def test_any_bytes_in_any_charset_are_text_that_a_record_can_hold(
    raw: bytes, charset: str | None
) -> None:
    text = decoded(raw, charset)

    assert "\x00" not in text
    text.encode()


MARKS = [
    b"\r\n",
    b"\n",
    b"=",
    b";",
    b":",
    b'"',
    b"\\",
    b" ",
    b"BEGIN:VCARD\n",
    b"END:VCARD\n",
    b"AGENT:\n",
    b"\x00\xff\xed\xa0\x80",
]


@settings(deadline=None)
@given(st.data())
def test_no_damage_to_a_real_file_is_an_exception(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    if not FILES:
        pytest.skip("the data folder is not there")
    content = data.draw(st.sampled_from(FILES)).read_bytes()[:3000]
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content)))
        gap = data.draw(st.integers(0, 30))
        content = (
            content[:place]
            + data.draw(st.sampled_from(MARKS) | st.binary(max_size=8))
            + content[place + gap :]
        )

    for item in read(tmp_path_factory.getbasetemp(), b"BEGIN:VCARD\n" + content):
        shown = json.dumps([dict(item.values), item.text, item.problem], ensure_ascii=False)
        shown.encode()
        assert "\\u0000" not in shown


def test_a_picture_of_many_lines_is_unfolded_in_one_go() -> None:
    lines = [b"PHOTO;ENCODING=b:", *[b" " + b"A" * 76] * 50_000, b"FN:Kim"]

    whole = list(unfolded(lines))

    assert [len(line) for line in whole] == [17 + 50_000 * 76, 6]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "many.vcf"
    file.write_bytes(
        b"".join(b"BEGIN:VCARD\nFN:Kim %d\nTEL:%d\nEND:VCARD\n" % (n, n) for n in range(2_000))
    )
    source = open_vcards(file, ReadOptions())

    tracemalloc.start()
    try:
        count = sum(1 for _ in source.items())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 2_000
    assert peak < 500_000
