"""A file is opened as what is in it, and what is none of ours is refused by its kind."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from pathlib import Path

import pytest
from crmkit_exchange.formats.items import FileRefused, ReadOptions
from crmkit_exchange.formats.opening import FORMATS, open_source
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crmkit import CRM, Config

DATA = Path(__file__).resolve().parents[4] / "shared/data"
REAL = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")
KEPT = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:김하늘\r\nEND:VCARD\r\n"
MAIL = "From: kim@acme.example\r\nTo: lee@acme.example\r\nSubject: 예약\r\n\r\nText\r\n"
MBOX = "From kim@acme.example Mon May  2 16:07:05 2005\n" + MAIL


@pytest.fixture
def format_of(tmp_path):
    """The format of a file with this name and this in it."""

    def find(name, content, **said):
        path = tmp_path / "copy"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return open_source(path, name, ReadOptions(**said)).format

    return find


@pytest.fixture
def refusal(format_of):
    """The sentence with which a file is refused."""

    def refuse(name, content, **said):
        with pytest.raises(FileRefused) as caught:
            format_of(name, content, **said)
        return str(caught.value)

    return refuse


# What a file is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["people.csv", "people.json", "people.vcf", "people.eml", "people"]
)
@pytest.mark.parametrize(
    ("content", "format"),
    [
        (CARD, "vcard"),
        ("\r\n\r\nbegin:vcard\r\nfn:x\r\nend:vcard", "vcard"),
        ("\ufeff" + CARD, "vcard"),
        ('{"name": "김하늘"}\n{"name": "이보라"}\n', "json"),
        ('[\n  {"name": "김하늘"}\n]', "json"),
        ("[]", "json"),
        ("{}", "json"),
        ('\ufeff {"a": 1}', "json"),
        (MAIL, "mail"),
        (MBOX, "mail"),
        ("Received: from x\r\n by y; 1 Jun 2026 09:00 +0900\r\n\r\nText", "mail"),
    ],
)
def test_what_is_in_a_file_tells_more_than_its_name(format_of, name, content, format):
    assert format_of(name, content) == format


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
@pytest.mark.parametrize(
    ("content", "format"),
    [('[{"name": "Kim Haneul"}]', "json"), ("name,phone\nKim Haneul,010-2345-6701\n", "csv")],
)
def test_what_is_in_a_file_is_seen_in_every_encoding(format_of, content, format, codec):
    assert format_of("people", content.encode(codec)) == format


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.csv", "name,phone\nKim,1\n"),
        ("people.TSV", "name\tphone\nKim\t1\n"),
        ("people.txt", "name;phone\nKim;1\n"),
        ("people.dat", "name|phone\nKim|1\n"),
        ("people", "name,phone\nKim,1\n"),
        ("people.xyz", "name,phone\nKim,1\nLee,2\n"),
        ("people.json", "name,phone\nKim,1\n"),
        ("people.csv", "From,To\nkim,lee\n"),
        ("people.csv", "Subject: x,Date\na,b\n"),
        ("people.csv", '"[a]",b\n1,2\n'),
        ("people.csv", "From: who,To: whom\na,b\n"),
    ],
)
def test_a_table_is_a_table_whatever_it_is_called(format_of, name, content):
    assert format_of(name, content) == "csv"


def test_a_format_that_was_said_is_believed(format_of):
    assert format_of("people.csv", MAIL, format="csv") == "csv"
    assert format_of("people.csv", "a,b\n1,2", format="mail") == "mail"
    assert format_of("people.csv", '{"a": 1}', format="json") == "json"
    assert format_of("x", CARD, format="vcard") == "vcard"


def test_a_format_that_there_is_not_is_refused_with_one_that_is_close(refusal):
    assert refusal("x.csv", "a,b", format="jsn") == "there is no format 'jsn'; did you mean 'json'?"
    assert refusal("x.csv", "a,b", format="excel").startswith("there is no format 'excel'")
    assert all(each in refusal("x.csv", "a,b", format="zzzzz") for each in FORMATS)


# What is none of ours --------------------------------------------------------------------------------------------


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for each in names:
            archive.writestr(each, "x")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
        (b"\xff\xd8\xff\xe0", "a picture (JPEG)"),
        (b"GIF89a", "a picture (GIF)"),
        (gzip.compress(b"a,b\n", mtime=0), "compressed (gzip)"),
        (b"BZh91AY", "compressed (bzip2)"),
        (b"\xfd7zXZ\x00", "compressed (xz)"),
        (b"\x28\xb5\x2f\xfd", "compressed (Zstandard)"),
        (b"7z\xbc\xaf\x27\x1c", "an archive (7z)"),
        (b"Rar!\x1a\x07\x01", "an archive (RAR)"),
        (b"!BDN", "an Outlook data file (PST)"),
        (b"PAR1", "a Parquet file"),
        (b"\x7fELF\x02", "a program"),
        (b"{\\rtf1\\ansi", "a text document (RTF)"),
        (b"<!DOCTYPE html><html>", "a web page (HTML)"),
        (b"\xef\xbb\xbf\r\n<html>", "a web page (HTML)"),
        (b"<table><tr><td>", "a web page (HTML)"),
        ("<html>".encode("utf-16"), "a web page (HTML)"),
        (b'<?xml version="1.0"?>', "XML"),
        (b"BEGIN:VCALENDAR\r\n", "a calendar (iCalendar)"),
        (b"begin:vevent\n", "a calendar (iCalendar)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"), "an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "__substg1.0_".encode("utf-16-le"), "an Outlook message (.msg)"),
        (b"PK\x03\x04 cut off", "a ZIP archive"),
        (b"PK\x03\x04 xl/workbook.xml", "an Excel workbook"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["people.csv", "people.json", "people.vcf", "people.eml"])
def test_what_is_none_of_ours_is_refused_by_its_kind(refusal, name, begin, kind):
    said = refusal(name, begin)

    assert said.startswith(f"{name} is {kind}; ")
    assert said.count(". ") == 0


@pytest.mark.parametrize(
    ("inside", "kind"),
    [
        (["[Content_Types].xml", "xl/workbook.xml"], "an Excel workbook"),
        (["mimetypeapplication/vnd.oasis.opendocument.spreadsheet"], "an OpenDocument spreadsheet"),
        (["word/document.xml"], "a text document"),
        (["Index/Document.iwa"], "a document of Apple's Numbers or Pages"),
        (["people.csv"], "a ZIP archive"),
    ],
)
def test_what_is_in_an_archive_tells_its_kind(refusal, tmp_path, inside, kind):
    assert refusal("x.csv", zipped(tmp_path / "x.zip", *inside)).startswith(f"x.csv is {kind}; ")


def test_a_database_is_refused_with_what_to_do(refusal, tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as base:
        base.execute("create table people (name)")
    base.close()
    assert refusal("x.csv", (tmp_path / "x.db").read_bytes()) == (
        "x.csv is an SQLite database and none of crmkit's; export its tables as CSV, and import those"
    )


def test_a_database_of_crmkit_is_refused_with_what_to_do(refusal, tmp_path):
    with CRM.open(f"sqlite:///{tmp_path}/x.db", plugins=["sqlite"], config=Config()):
        pass
    assert refusal("x.db", (tmp_path / "x.db").read_bytes()) == (
        "x.db is a database of crmkit; export it with `crm --db sqlite:///x.db export --all FILE`, and import that"
    )


def test_what_looks_like_nothing_is_refused(refusal):
    assert refusal("people.xyz", "Dear Kim,\nsee you at noon.\n") == (
        "people.xyz looks like none of CSV, JSON, vCard and mail; say with --input which it is, if it is one"
    )


def test_a_folder_is_refused_unless_it_is_a_maildir(tmp_path):
    with pytest.raises(FileRefused, match="files is a folder and no Maildir"):
        open_source(tmp_path, "files", ReadOptions())
    for part in ("cur", "new", "tmp"):
        (tmp_path / part).mkdir()
    assert open_source(tmp_path, "files", ReadOptions()).format == "mail"


# Real files ------------------------------------------------------------------------------------------------------

SCRAPS = {
    "fuzz_testcase_0_char_in_component_name.ics",
    "fuzz_testcase_invalid_month.ics",
    "issue_178_component_with_invalid_name_represented.ics",
    "issue_178_custom_component_contains_other.ics",
}
"""What begins these no calendar begins with."""
BROKEN = {"raw_email_incorrect_header.eml", "raw_email_simple.eml"}
"""Mails that only their names tell: a line among the first is no header."""
FOREIGN = {".xls": "an Excel workbook", ".xlsx": "an Excel workbook", ".xml": "XML", ".ics": "a calendar (iCalendar)"}  # fmt: skip


def real_files():
    return sorted(each for each in DATA.rglob("*") if each.is_file()) if DATA.is_dir() else []


@REAL
def test_every_real_file_is_opened_or_refused_with_a_sentence():
    refused = {}
    for path in real_files():
        try:
            source = open_source(path, path.name, ReadOptions())
        except FileRefused as error:
            refused[path] = str(error)
            continue
        assert source.format in FORMATS, path
        next(source.items(), None)
    assert all(path.name in said for path, said in refused.items())
    assert not [said for said in refused.values() if "\n" in said]
    # Of what can be imported only a handful cannot be told.
    ours = [path for path in refused if path.suffix not in {*FOREIGN, ".md", ".txt"}]
    assert len(ours) < 10


@REAL
@pytest.mark.parametrize(("ending", "kind"), FOREIGN.items())
def test_real_files_that_are_none_of_ours_are_refused_by_their_kind(ending, kind):
    paths = [each for each in real_files() if each.suffix == ending and each.name not in SCRAPS]

    assert paths
    for path in paths:
        with pytest.raises(FileRefused) as caught:
            open_source(path, "people.csv", ReadOptions())
        assert str(caught.value).startswith(f"people.csv is {kind}; "), path


@REAL
@pytest.mark.parametrize(
    ("ending", "format"),
    [(".eml", "mail"), (".vcf", "vcard"), (".json", "json"), (".jsonl", "json"), (".tsv", "csv")],
)
def test_real_files_are_known_without_their_names(ending, format):
    paths = [each for each in real_files() if each.suffix == ending and each.name != "blns.json"]

    unknown = []
    for path in paths:
        try:
            found = open_source(path, "people.xyz", ReadOptions()).format
        except FileRefused:
            found = None
        if found != format:
            unknown.append((path.name, found))
    assert unknown == [(name, None) for name in sorted(BROKEN) if ending == ".eml"]


@REAL
def test_the_naughty_strings_survive_a_table_and_json(tmp_path):
    strings = json.loads((DATA / "09_validation/blns.json").read_text("utf-8"))
    table, objects = tmp_path / "all.csv", tmp_path / "all.jsonl"
    quoted = ['"' + each.replace('"', '""') + '"' for each in strings]
    table.write_bytes(
        "\r\n".join(["number,text", *(f"{n},{each}" for n, each in enumerate(quoted))]).encode()
    )
    objects.write_text("\n".join(json.dumps({"text": each}) for each in strings))

    for path in (table, objects):
        source = open_source(path, path.name, ReadOptions())
        assert [each.values["text"] for each in source.items()] == strings


# Any file --------------------------------------------------------------------------------------------------------


@KEPT
@given(
    st.binary(max_size=300)
    | st.text(st.sampled_from('{}[]",:;\n\r\tab1가From: BEGINVCARD'), max_size=80).map(str.encode),
    st.sampled_from(["x.csv", "x.json", "x.vcf", "x.eml", "x.mbox", "x", "x.xyz"]),
    st.sampled_from([None, *FORMATS]),
)
@example(b"\x00", "x.csv", None)
@example(b"{", "x.json", None)
@example(b"\xff\xfe", "x.csv", None)
@example(b"\xef\xbb\xbf", "x.json", "json")
@example(b"PK\x03\x04", "x", "mail")
def test_any_file_is_read_or_refused_with_a_sentence(tmp_path, content, name, said):
    path = tmp_path / "copy"
    path.write_bytes(content)
    try:
        items = list(open_source(path, name, ReadOptions(format=said)).items())
    except FileRefused as error:
        refused = str(error)
    else:
        assert [each.number for each in items] == list(range(1, len(items) + 1))
        assert all(each.problem is None or each.problem for each in items)
        return
    assert refused
    assert str(path) not in refused
