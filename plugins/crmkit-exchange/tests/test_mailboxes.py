"""Mail is read from single files, mboxes and Maildirs, one message at a time."""

from __future__ import annotations

import mailbox
import tracemalloc
from email.message import EmailMessage
from pathlib import Path

import pytest
from crmkit_exchange.formats.items import ReadOptions
from crmkit_exchange.formats.mailboxes import open_mail
from crmkit_exchange.formats.messages import message_item
from crmkit_exchange.formats.opening import open_source
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MAIL = Path(__file__).resolve().parents[4] / "shared/data/07_vcard_mail_ical"
REAL = pytest.mark.skipif(not MAIL.is_dir(), reason="../shared/data is not there")
KEPT = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# What begins with `>From ` is left out: most programs write it as it stands, and no reader can tell.
LINE = st.sampled_from(["", "From here on", "From kim@acme.example Mon May  2 16:07:05 2005", "안녕하세요", "Text", " From", "> From"]) | st.text(st.sampled_from("ab >가"), max_size=9).filter(lambda line: not line.startswith(">From"))  # fmt: skip
BODIES = st.lists(st.lists(LINE, min_size=1, max_size=6).map("\n".join), min_size=1, max_size=5)


def mail(number, body="Text"):
    message = EmailMessage()
    message["From"] = "김하늘 <kim@acme.example>"
    message["Subject"] = f"예약 {number}"
    message["Date"] = "Tue, 16 Jun 2026 09:00:00 +0900"
    message["Message-ID"] = f"<{number}@acme.example>"
    message.set_content(body, cte="8bit", charset="utf-8")
    return message


def items(path):
    return list(open_mail(path, ReadOptions()).items())


def filled(box, messages):
    """A mailbox of the standard library with these messages."""
    for each in messages:
        box.add(each)
    box.flush()
    box.close()


@KEPT
@given(BODIES)
def test_an_mbox_of_the_standard_library_is_what_was_put_there(tmp_path, bodies):
    path = tmp_path / "all.mbox"
    path.unlink(missing_ok=True)
    messages = [mail(number, body) for number, body in enumerate(bodies)]

    # The standard library quotes what it writes in the message itself as well.
    expected = [message_item(1, each.as_bytes()).values for each in messages]
    filled(mailbox.mbox(path), messages)

    found = items(path)
    assert [each.number for each in found] == list(range(1, len(bodies) + 1))
    assert [each.problem for each in found] == [None] * len(bodies)
    assert [each.values for each in found] == expected


@KEPT
@given(BODIES)
def test_a_maildir_of_the_standard_library_is_what_was_put_there(tmp_path, bodies):
    path = tmp_path / str(len(list(tmp_path.iterdir())))
    messages = [mail(number, body) for number, body in enumerate(bodies)]

    expected = {
        each["Message-ID"].strip("<>"): message_item(1, each.as_bytes()).values for each in messages
    }
    filled(mailbox.Maildir(path), messages)

    assert {each.values["message_id"]: each.values for each in items(path)} == expected


def test_mail_that_was_read_is_in_a_maildir_as_well(tmp_path):
    box = mailbox.Maildir(tmp_path / "box")
    read = mailbox.MaildirMessage(mail(1))
    read.set_subdir("cur")
    filled(box, [read, mail(2)])
    (tmp_path / "box/tmp/3").write_bytes(mail(3).as_bytes())

    found = items(tmp_path / "box")

    assert [each.values["subject"] for each in found] == ["예약 1", "예약 2"]


@REAL
def test_real_mails_that_were_put_into_an_mbox_are_the_same(tmp_path):
    paths = sorted((MAIL / "bounces_sisimai").iterdir())[:100]
    box = mailbox.mbox(tmp_path / "all.mbox")
    whole = []
    for path in paths:
        raw = path.read_bytes().replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
        if not raw.startswith(b"From ") and b"\n>From " not in raw:
            whole.append(raw)
    filled(box, whole)

    found = items(tmp_path / "all.mbox")

    assert len(whole) > 80
    assert [each.values for each in found] == [message_item(1, raw).values for raw in whole]


@REAL
def test_a_file_with_one_message_is_one_item():
    path = MAIL / "eml_mikel_mail/plain_emails/raw_email.eml"

    assert [each.values["subject"] for each in items(path)] == ["NOTE: 한국말로 하는 것"]


def test_quoted_lines_of_an_mbox_are_as_they_were(tmp_path):
    path = tmp_path / "all.mbox"
    head = b"From kim@acme.example Mon May  2 16:07:05 2005\nFrom: kim@acme.example\nDate: 1 Jun 2026 09:00 +0900\n\n"
    path.write_bytes(head + b">From here\n>>From there\n> From\nx >From\n\n" + head + b"Two\n")

    first, second = items(path)

    assert first.values["body"] == "From here\n>From there\n> From\nx >From"
    assert second.values["body"] == "Two"


def test_a_line_that_only_looks_like_a_beginning_is_text(tmp_path):
    path = tmp_path / "all.mbox"
    head = "From kim@acme.example Mon May  2 16:07:05 2005\nFrom: kim@acme.example\nDate: 1 Jun 2026 09:00 +0900\n\n"
    text = "Hello\nFrom kim@acme.example Mon May  2 16:07:05 2005\n\nFrom Seoul with love\n"
    path.write_text(head + text)

    assert [each.values["body"] for each in items(path)] == [text.rstrip("\n")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_messages_of_an_mbox_that_breaks_off_are_read(tmp_path, end):
    path = tmp_path / "all.mbox"
    filled(mailbox.mbox(path), [mail(1), mail(2), mail(3)])
    whole = path.read_bytes().replace(b"\n", end)

    path.write_bytes(whole)
    expected = [each.values for each in items(path)]

    for cut in range(60, len(whole), 7):
        path.write_bytes(whole[:cut])
        *before, _ = found = items(path)
        assert [each.values for each in before] == expected[: len(before)]
        assert 0 <= len(found) - whole[:cut].count(b"\nFrom: ") <= 1


def test_an_mbox_is_known_by_what_is_in_it(tmp_path):
    path = tmp_path / "letters"
    filled(mailbox.mbox(path), [mail(1), mail(2)])

    source = open_source(path, "letters", ReadOptions())

    assert source.format == "mail"
    assert source.encoding is None
    assert len(list(source.items())) == len(list(source.items())) == 2


def test_items_say_in_which_line_they_begin(tmp_path):
    filled(mailbox.mbox(tmp_path / "all.mbox"), [mail(1), mail(2)])
    box = mailbox.Maildir(tmp_path / "box")
    filled(box, [mail(3)])
    (tmp_path / "one.eml").write_bytes(mail(4).as_bytes())

    lines = (tmp_path / "all.mbox").read_bytes().split(b"\n")

    begins = [each.line for each in items(tmp_path / "all.mbox")]
    assert begins[0] == 1 < begins[1]
    assert [lines[each - 1][:5] for each in begins] == [b"From "] * 2
    assert [each.line for each in items(tmp_path / "one.eml")] == [1]
    assert [each.line for each in items(tmp_path / "box")] == [None]


def peak(path):
    tracemalloc.start()
    for _ in open_mail(path, ReadOptions()).items():
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_memory_is_the_same_for_200_messages_and_for_2_000(tmp_path):
    few, many = tmp_path / "few.mbox", tmp_path / "many.mbox"
    one = (
        b"From kim@acme.example Mon May  2 16:07:05 2005\n" + mail(1, "가" * 500).as_bytes() + b"\n"
    )
    few.write_bytes(one * 200)
    many.write_bytes(one * 2_000)
    peak(few)

    assert peak(many) < peak(few) + 200_000
    assert len(items(many)) == 2_000
