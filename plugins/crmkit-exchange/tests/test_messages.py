"""A message of mail is read, however broken it is, and says what its sender said."""

from __future__ import annotations

import email
import email.policy
import hashlib
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import pytest
from crmkit_exchange.formats.charsets import clean
from crmkit_exchange.formats.messages import message_item
from crmkit_exchange.formats.mime import read_part
from hypothesis import given, settings
from hypothesis import strategies as st

MAIL = Path(__file__).resolve().parents[4] / "shared/data/07_vcard_mail_ical"
FOLDERS = {
    "eml_cpython": (48, 18),
    "eml_mikel_mail": (55, 3),
    "email_reply_parser": (23, 23),
    "bounces_sisimai": (285, 1),
}
"""How many files there are, and how many of them have a problem."""
ODD = {"msg_37.txt"}
"""A boundary stands there several times in a row: the standard library takes that for one, and we for empty parts."""
REAL = pytest.mark.skipif(not MAIL.is_dir(), reason="../shared/data is not there")


def files(folder):
    return sorted(each for each in (MAIL / folder).rglob("*") if each.is_file())


def texts(value):
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for each in pair for text in texts(each))
    elif isinstance(value, list | tuple):
        yield from (text for each in value for text in texts(each))


def is_sound(item):
    """Whether records can hold what is in an item, and its problem is one sentence."""
    told = [*texts(dict(item.values)), item.text, item.problem or "x"]
    is_sentence = item.problem is None or item.problem[0].islower()
    return is_sentence and all(each == clean(each) for each in told)


def read(*lines):
    return message_item(1, "\r\n".join(lines).encode())


def boxes(values, name="from"):
    return [(each["name"], each["address"]) for each in values.get(name, ())]


# Real mails ------------------------------------------------------------------------------------------------------


@REAL
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_real_mail_is_an_item(folder):
    items = [message_item(1, each.read_bytes()) for each in files(folder)]

    assert all(map(is_sound, items))
    assert (len(items), sum(bool(each.problem) for each in items)) == FOLDERS[folder]
    assert {each.problem for each in items} <= {
        None,
        "has no header of a message",
        "has no date that can be read",
    }


@REAL
@pytest.mark.parametrize(
    ("folder", "fewest"), [("eml_cpython", 30), ("eml_mikel_mail", 45), ("bounces_sisimai", 200)]
)
def test_the_parts_are_those_that_the_standard_library_finds(folder, fewest):
    """Where it has no complaint; of attached messages it does not keep the bytes, so only their type is compared."""
    compared = 0
    for path in files(folder):
        raw = path.read_bytes()
        parsed = email.message_from_bytes(raw)
        if path.name in ODD or any(each.defects for each in parsed.walk()):
            continue
        ours = [(each.type, each.content()) for each in read_part(raw).leaves()]
        theirs = list(leaves(parsed))
        assert [(each.get_content_type()) for each in theirs] == [kind for kind, _ in ours], path
        for each, (kind, content) in zip(theirs, ours, strict=True):
            if not kind.startswith("message/"):
                assert each.get_payload(decode=True).rstrip() == content.rstrip(), path
        compared += 1
    assert compared > fewest


def leaves(message):
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        yield message
    else:
        for each in message.get_payload():
            yield from leaves(each)


@REAL
@pytest.mark.parametrize(
    ("name", "subject", "senders", "attached"),
    [
        ("eml_mikel_mail/plain_emails/raw_email.eml", "NOTE: 한국말로 하는 것", [("Jamis Buck", "jamis@37signals.com")], []),
        ("eml_mikel_mail/plain_emails/raw_email_with_partially_quoted_subject.eml", 'Re: Test: "漢字" mid "漢字" tail', [("Jamis Buck", "jamis@37signals.com")], []),
        ("eml_mikel_mail/plain_emails/raw_email_bad_time.eml", "[0]: XXXXXXX XXXXX XXXXX !", [("Атиковa", "yusuf75thu@auracom.net")], []),
        ("eml_mikel_mail/plain_emails/raw_email_multiple_from.eml", "/home/svn/public/minebox revision 214", [("", "tim@powerupdev.com"), ("", "concierge@powerupdev.com")], []),
        ("eml_mikel_mail/multi_charset/japanese_attachment_long_name.eml", "まみむめも" * 10, [("Mikel Lindsaar", "mikel@test.lindsaar.net")], ["かきくけこ" * 5 + ".txt"]),
        ("eml_mikel_mail/multi_charset/japanese_attachment.eml", "testing", [("Mikel Lindsaar", "raasdnil@gmail.com")], ["てすと.txt"]),
        ("eml_mikel_mail/attachment_emails/attachment_with_quoted_filename.eml", "Eelanalüüsi päring", [("Jeffrey Hardy", "jeff@37signals.com")], ["Eelanalüüsi päring.jpg"]),
        ("eml_mikel_mail/attachment_emails/attachment_nonascii_filename.eml", "testing", [("", "foo@example.com")], ["ciële.txt"]),
        ("eml_mikel_mail/attachment_emails/attachment_message_rfc822.eml", "testing", [("", "foo@example.com")], ["ForwardedMessage.eml"]),
        ("eml_mikel_mail/attachment_emails/attachment_pdf.eml", "Another PDF with 🎉 Unicode chars in it 🍿", [("Test Tester", "xxxx@xxxx.com")], ["broken.pdf"]),
        ("eml_mikel_mail/rfc2822/example10.eml", None, [("Pete(A wonderful ) chap)", "pete@silly.test")], []),
        ("eml_mikel_mail/rfc2822/example13.eml", "Saying Hello", [("John Doe", "jdoe@machine.example")], []),
        ("eml_mikel_mail/plain_emails/raw_email_incorrect_header.eml", "Stop adware/spyware once and for all.", [("xxx xxx", "xxx@xxx.xxx")], []),
        ("eml_mikel_mail/rfc6532/utf8_headers.eml", "Säying Hello", [("Jöhn Doe", "jdöe@mächine.example")], []),
        ("eml_cpython/msg_02.txt", "Ppp digest, Vol 1 #2 - 5 msgs", [("", "ppp-request@zzz.org")], ["[Ppp] testing #1.eml", "message.eml", "[Ppp] testing #3.eml", "[Ppp] testing #4.eml", "[Ppp] testing #5.eml"]),
        ("eml_cpython/msg_22.txt", None, [("", "b@example.com")], ["wibble.JPG", "wibble2.JPG"]),
        ("eml_cpython/msg_26.txt", "IMAP file test", [("Father Time", "father.time@xcar.wooster.local")], ["clock.bmp"]),
        ("eml_cpython/msg_45.txt", "test", [("", "foo@bar.baz")], ["signature.asc"]),
    ],
)  # fmt: skip
def test_what_real_mails_say(name, subject, senders, attached):
    values = message_item(1, (MAIL / name).read_bytes()).values

    assert values.get("subject") == subject
    assert boxes(values) == senders
    assert [each["name"] for each in values.get("attachments", ())] == attached


@REAL
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("multi_charset/ks_c_5601-1987.eml", "스티해"),
        ("multi_charset/japanese_iso_2022.eml", "すみません。"),
        ("multi_charset/japanese_shift_jis.eml", "あいうえお\n\nこのメールはテスト用のメールです。\n\n今後ともよろしくお願い申し上げます！"),
        ("plain_emails/raw_email.eml", "대부분의 마찬가지로, 우리는 하나님을 믿습니다.\n\n제 이름은 Jamis입니다."),
        ("plain_emails/basic_email.eml", "Plain email.\n\nHope it works well!\n\nMikel"),
        ("rfc2822/example06.eml", "This is a reply to your hello."),
    ],
)  # fmt: skip
def test_the_texts_of_real_mails(name, body):
    assert message_item(1, (MAIL / "eml_mikel_mail" / name).read_bytes()).values["body"] == body


@REAL
def test_replies_are_in_the_thread_of_the_first_message():
    folder = MAIL / "eml_mikel_mail/rfc2822"
    first, reply, again = (
        message_item(1, (folder / f"example{number}.eml").read_bytes()).values
        for number in ("05", "06", "07")
    )

    assert first["message_id"] == first["thread"] == "1234@local.machine.example"
    assert reply["thread"] == again["thread"] == first["message_id"]
    assert again["in_reply_to"] == reply["message_id"] == "3456@example.net"
    assert boxes(again, "to") == [("Mary Smith: Personal Account", "smith@home.example")]


@REAL
def test_groups_and_comments_of_addresses_are_understood():
    values = message_item(1, (MAIL / "eml_mikel_mail/rfc2822/example10.eml").read_bytes()).values

    assert boxes(values, "to") == [
        ("Chris Jones", "c@public.example"),
        ("", "joe@example.org"),
        ("John", "jdoe@one.test"),
    ]
    assert values["date"] == "1969-02-14T03:02:00+00:00"
    assert boxes(values, "cc") == []


@REAL
def test_a_date_that_cannot_be_read_is_when_it_was_received():
    path = MAIL / "eml_mikel_mail/plain_emails/raw_email_with_bad_date.eml"

    assert message_item(1, path.read_bytes()).values["date"] == "2007-11-05T09:17:37+00:00"


@REAL
@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("plain_emails/raw_email_bad_time.eml", "2008-06-30T09:34:00+00:00"),
        ("rfc2822/example13.eml", "1997-11-21T15:55:06+00:00"),
    ],
)
def test_a_date_in_another_millennium_is_not_believed_and_an_old_one_is_read(name, date):
    assert message_item(1, (MAIL / "eml_mikel_mail" / name).read_bytes()).values["date"] == date


@REAL
def test_most_bounces_are_known_to_be_from_programs():
    items = [message_item(1, each.read_bytes()).values for each in files("bounces_sisimai")]

    assert sum(bool(each.get("auto")) for each in items) == 268


# Any mail --------------------------------------------------------------------------------------------------------

EDITS = st.lists(
    st.tuples(
        st.sampled_from(["cut", "put", "twice", "end"]),
        st.floats(0, 1),
        st.integers(0, 200),
        st.binary(max_size=6) | st.sampled_from([b"\x00", b"\r", b"\n\n", b"=?", b"\xed\xa0\x80", b'"', b"(" * 500, b"--"]),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


def edited(raw, edits):
    for how, part, length, put in edits:
        at = int(part * len(raw))
        if how == "end":
            raw = raw[:at]
        elif how == "twice":
            raw = raw[: at + length] + raw[at:]
        else:
            raw = raw[:at] + put + raw[at + (length if how == "cut" else len(put)) :]
    return raw


def small_mails():
    found = [path for folder in FOLDERS for path in (files(folder) if MAIL.is_dir() else ())]
    return [path for path in found if path.stat().st_size < 20_000]


@REAL
@settings(deadline=None, max_examples=400)
@given(st.data(), EDITS)
def test_real_mails_that_were_spoilt_are_items(data, edits):
    path = data.draw(st.sampled_from(small_mails()))

    assert is_sound(message_item(1, edited(path.read_bytes(), edits)))


@settings(deadline=None, max_examples=200)
@given(
    st.binary()
    | st.lists(
        st.sampled_from([b"From:", b"Subject:", b"Date:", b"Content-Type: multipart/mixed; boundary=x", b"--x", b"--x--", b"", b" folded", b"a@b.c", b"=?utf-8?b?4?=", b"=?x?q?=ff?=", b"\xff", b"Content-Transfer-Encoding: base64", b"Mon, 1 Jan 99999 25:00 +9999", b"From x"]),
        max_size=30,
    ).map(b"\r\n".join)
)  # fmt: skip
def test_any_bytes_are_an_item(raw):
    assert is_sound(message_item(1, raw))


@settings(deadline=None)
@given(st.binary())
def test_the_bytes_can_be_had_back_from_the_text(raw):
    text = message_item(1, raw).text
    out, at = bytearray(), 0
    while at < len(text):
        if text[at : at + 2] == "\\x":
            out.append(int(text[at + 2 : at + 4], 16))
            at += 4
        else:
            out += text[at].encode()
            at += 1

    assert bytes(out) == raw


# What was said comes back ----------------------------------------------------------------------------------------

WORD = st.text(
    st.sampled_from("가힣김하늘문의드립니다 ABC xyz 09,.!?@<>()ü漢🎉"), min_size=1, max_size=40
)
LINE = WORD.map(lambda text: " ".join(text.split())).filter(bool)
NAME = st.text(st.sampled_from("김하늘 Kim.,<>ü"), min_size=1, max_size=12).map(lambda t: " ".join(t.split())).filter(bool)  # fmt: skip
BODY = st.lists(LINE | st.just(""), min_size=1, max_size=12).map("\n".join)
FILES = st.lists(st.tuples(LINE.map(lambda text: text.replace("?", "").strip() + ".pdf"), st.binary(max_size=80)), max_size=3)  # fmt: skip


@settings(deadline=None)
@given(
    LINE,
    NAME,
    BODY.filter(str.strip),
    FILES,
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),
    st.sampled_from(["base64", "quoted-printable"]),
    st.sampled_from([email.policy.SMTP, email.policy.SMTPUTF8, email.policy.default]),
)
def test_a_mail_in_korean_comes_back(subject, name, body, attached, moment, encoding, policy):
    at = moment.replace(microsecond=0, tzinfo=UTC)
    message = EmailMessage(policy=policy)
    message["Subject"] = subject
    message["From"] = Address(name, "kim", "acme.example")
    message["To"] = [Address("", "lee", "acme.example"), Address("박보라", "park", "acme.example")]
    message["Date"] = format_datetime(at)
    message["Message-ID"] = "<1@acme.example>"
    message.set_content(body, cte=encoding)
    for filename, content in attached:
        message.add_attachment(content, maintype="application", subtype="pdf", filename=filename)

    item = message_item(1, message.as_bytes())

    assert item.problem is None
    assert item.values["subject"] == subject
    assert boxes(item.values) == [(name, "kim@acme.example")]
    assert boxes(item.values, "to") == [("", "lee@acme.example"), ("박보라", "park@acme.example")]
    assert item.values["body"].strip("\n") == body.strip("\n")
    assert item.values["date"] == at.isoformat()
    assert item.values["message_id"] == "1@acme.example"
    assert item.values.get("attachments", []) == [
        {
            "name": filename,
            "type": "application/pdf",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for filename, content in attached
    ]


@pytest.mark.parametrize("charset", ["euc-kr", "ks_c_5601-1987", "cp949", "utf-8", None, "unknown-8bit", "us-ascii"])  # fmt: skip
def test_korean_bytes_are_read_whatever_they_are_called(charset):
    codec = "utf-8" if charset == "utf-8" else "cp949"
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    raw = f"From: 김하늘 <kim@acme.example>\r\nSubject: 예약 문의\r\nDate: 1 Jun 2026 09:00 +0900\r\nContent-Type: {kind}\r\n\r\n안녕하세요, 예약을 확인해 주세요.\r\n".encode(codec)  # fmt: skip

    values = message_item(1, raw).values

    assert values["subject"] == "예약 문의"
    assert boxes(values) == [("김하늘", "kim@acme.example")]
    assert values["body"] == "안녕하세요, 예약을 확인해 주세요."
    assert values["date"] == "2026-06-01T00:00:00+00:00"


# Rules -----------------------------------------------------------------------------------------------------------


def test_what_is_no_mail_has_a_problem():
    assert read("Hello,", "", "this is a text.").problem == "has no header of a message"
    assert message_item(1, b"").problem == "has no header of a message"


def test_a_mail_without_a_date_has_a_problem_and_its_values():
    item = read("From: kim@acme.example", "Subject: Hi", "", "Text")

    assert item.problem == "has no date that can be read"
    assert (item.values["subject"], item.values["body"]) == ("Hi", "Text")


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Tue, 16 Jun 2026 09:00:00 +0900", "2026-06-16T00:00:00+00:00"),
        ("16 Jun 26 09:00 -0000", "2026-06-16T09:00:00+00:00"),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Tue, 16 Jun 2026 25:00:00 +0900", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_read_in_utc_or_is_none(date, expected):
    assert read("From: kim@acme.example", f"Date: {date}", "", "").values.get("date") == expected


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        ("=?utf-8?b?7JiI7JW9?= =?euc-kr?b?ua7Ax7XluLO0z7TZ?=", "예약문의드립니다"),
        ("=?utf-8?b?7JiI?=\r\n =?utf-8?b?7JW9?=", "예약"),
        ("=?utf-8?b?7JiI7A==?= =?utf-8?b?lb0=?=", "예약"),
        ("Re: =?utf-8?b?7JiI7JW9?= today", "Re: 예약 today"),
        ("=?utf-8?q?a_b=3F?=", "a b?"),
        ("=?utf-8*ko?b?7JiI7JW9?=", "예약"),
        ("=?nonsense?b?7JiI7JW9?=", "예약"),
        ("=?utf-8?b?7JiI7JW", "=?utf-8?b?7JiI7JW"),
    ],
)
def test_encoded_words_are_decoded(header, subject):
    assert read("From: kim@acme.example", f"Subject: {header}", "", "").values["subject"] == subject


@pytest.mark.parametrize(
    ("header", "senders"),
    [
        ("kim@acme.example (김하늘)", [("김하늘", "kim@acme.example")]),
        ('"Kim, Haneul" <kim@acme.example>', [("Kim, Haneul", "kim@acme.example")]),
        ("Kim (Sales) <kim@acme.example>", [("Kim (Sales)", "kim@acme.example")]),
        ("Team: kim@acme.example, Lee <lee@acme.example>;", [("", "kim@acme.example"), ("Lee", "lee@acme.example")]),
        ("kim@acme.example:25", [("", "kim@acme.example:25")]),
        ("<@relay.example:kim@acme.example>", [("", "kim@acme.example")]),
        ("kim@acme.example; lee@acme.example", [("", "kim@acme.example"), ("", "lee@acme.example")]),
        ("=?utf-8?b?6rmA7ZWY64qY?= <kim@acme.example>", [("김하늘", "kim@acme.example")]),
        ("MAILER-DAEMON <>", []),
        ("", []),
    ],
)  # fmt: skip
def test_senders_are_read_however_they_are_written(header, senders):
    assert boxes(read(f"From: {header}", "Subject: x", "", "").values) == senders


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_break_before_a_boundary_is_not_of_the_part(end):
    lines = ["From: kim@acme.example", "Content-Type: multipart/mixed; boundary=x", "", "--x", "Content-Disposition: attachment; filename=a.bin", "", "ab", "", "--x--", ""]  # fmt: skip
    values = message_item(1, end.join(lines).encode()).values

    assert values["attachments"][0]["size"] == 2 + len(end)


def test_a_mail_without_an_id_has_the_same_one_each_time():
    lines = ["From: kim@acme.example", "Date: 1 Jun 2026 09:00 +0900", "", "Text"]

    assert read(*lines).values["message_id"] == read(*lines).values["message_id"]
    assert read(*lines).values["message_id"] != read(*lines, "more").values["message_id"]


def test_plain_text_is_preferred_to_html():
    item = read("From: kim@acme.example", "Content-Type: multipart/alternative; boundary=x", "", "--x", "Content-Type: text/html", "", "<p>HTML", "--x", "", "Plain", "--x--")  # fmt: skip

    assert item.values["body"] == "Plain"


def multipart(kind, *parts):
    return [f"Content-Type: multipart/{kind}; boundary={kind}", "", *(line for part in parts for line in (f"--{kind}", *part)), f"--{kind}--"]  # fmt: skip


PLAIN = ["Content-Type: text/plain", "", "Plain"]
HTML = ["Content-Type: text/html", "", "<p>HTML</p>"]
FOOTER = ["Content-Type: text/plain", "", "To unsubscribe, write to list@acme.example"]
CALENDAR = ["Content-Type: text/calendar", "", "BEGIN:VCALENDAR"]
ASIDE = ["Content-Type: text/plain", "Content-Disposition: attachment; filename=a.txt", "", "Aside"]


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (multipart("mixed", HTML, FOOTER), "HTML\n\nTo unsubscribe, write to list@acme.example"),
        (multipart("mixed", multipart("alternative", HTML, PLAIN), ASIDE), "Plain"),
        (multipart("alternative", ["Content-Type: text/plain", "", "  "], HTML), "HTML"),
        (multipart("alternative", multipart("related", HTML), PLAIN, CALENDAR), "Plain"),
        (multipart("mixed", ASIDE, CALENDAR), "BEGIN:VCALENDAR"),
        (multipart("mixed", ASIDE), ""),
    ],
)
def test_the_body_is_what_the_parts_say_together(lines, body):
    values = read("From: kim@acme.example", *lines).values

    assert values.get("body", "") == body
    assert [each["type"] for each in values.get("attachments", ())] == [
        kind
        for kind, part in (("text/plain", ASIDE[-1]), ("text/calendar", CALENDAR[-1]))
        if part in lines
    ]


def test_html_alone_is_read_as_text():
    item = read("From: kim@acme.example", "Content-Type: text/html; charset=utf-8", "", "<style>p{}</style><p>가&amp;나</p><ul><li>하나<li><a href='https://acme.example/x'>둘</a></ul>")  # fmt: skip

    assert item.values["body"] == "가&나\n\n- 하나\n- 둘 <https://acme.example/x>"


@pytest.mark.parametrize(
    "line",
    ["Auto-Submitted: auto-replied", "Precedence: bulk", "Return-Path: <>", "Content-Type: multipart/report; boundary=x"],
)  # fmt: skip
def test_what_programs_write_is_known(line):
    assert read("From: kim@acme.example", line, "", "Text").values["auto"] is True
    assert "auto" not in read("From: kim@acme.example", "Auto-Submitted: no", "", "").values


def test_a_mail_system_is_no_person():
    assert read("From: MAILER-DAEMON <>", "", "Text").values["auto"] is True
    assert read("From: Mail <MAILER-DAEMON@acme.example>", "", "Text").values["auto"] is True


def test_of_a_large_mail_only_the_header_is_shown():
    item = read("From: kim@acme.example", "Date: 1 Jun 2026 09:00 +0900", "", "x" * 1_100_000)

    assert len(item.text) < 200
    assert len(item.values["body"]) == 1_100_000


def test_lines_that_are_no_fields_are_read_once():
    """Were the rest of the header looked through after each of them, this would take hours."""
    item = read(
        "From: kim@acme.example", *["no field"] * 50_000, "To: lee@acme.example", "", "Text"
    )

    assert (boxes(item.values, "to"), item.values["body"]) == ([("", "lee@acme.example")], "Text")


def test_without_a_field_behind_it_a_line_that_is_none_begins_the_text():
    item = read("From: kim@acme.example", "a line", "not from: kim", "another: one", "", "Text")

    assert item.values["body"] == "a line\nnot from: kim\nanother: one\n\nText"


def test_a_line_behind_the_last_field_begins_the_text():
    item = read("From: kim@acme.example", "no field", "Subject: Hi", "a line", "", "Text")

    assert (item.values["subject"], item.values["body"]) == ("Hi", "a line\n\nText")


def test_an_id_that_was_folded_is_whole():
    lines = ["From: kim@acme.example", "References: <1@acme\r\n .example> <2@acme.example>"]

    values = read(*lines, "In-Reply-To: your letter <2@acme.example>", "", "").values

    assert (values["thread"], values["in_reply_to"]) == ("1@acme.example", "2@acme.example")


def test_multiparts_that_never_end_are_read_quickly():
    deep = [f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}" for n in range(500)]
    item = read("From: kim@acme.example", *deep, "Content-Type: text/plain", "", "Text")

    assert is_sound(item)
