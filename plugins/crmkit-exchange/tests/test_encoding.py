"""Encodings are found, a given one is checked, and what is no text is refused."""

from __future__ import annotations

import codecs
import random
from pathlib import Path

import pytest
from crmkit_exchange.formats import encoding as module
from crmkit_exchange.formats.encoding import Encoding, detect, opened
from crmkit_exchange.formats.items import FileRefused
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

DATA = Path(__file__).parents[3] / "../shared/data"
KEPT = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
WINDOWS = {"euc-kr": "cp949", "shift_jis": "cp932", "gb2312": "gb18030", "latin-1": "cp1252"}
"""What is meant by the names of the standards."""
PEOPLE = "이름,전화\n김하늘,010-2345-6701\n"


@pytest.fixture
def found(tmp_path):
    """The encoding that is found for bytes."""

    def find(content, said=None):
        path = tmp_path / "people.csv"
        path.write_bytes(content)
        return detect(path, "people.csv", said)

    return find


@pytest.fixture
def refusal(found):
    def refuse(content, said=None):
        with pytest.raises(FileRefused) as caught:
            found(content, said)
        return str(caught.value)

    return refuse


def read(path, encoding):
    with opened(path, encoding) as file:
        return file.read()


def at(name):
    path = DATA / name
    if not path.is_file():
        pytest.skip("../shared/data is not there")
    return path


# Marks --------------------------------------------------------------------------------------------------------


@KEPT
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), st.sampled_from([*MARKS])
)
@example("\ufeff", "utf-8")
@example("가", "utf-16-le")
def test_a_mark_says_the_encoding(tmp_path, text, codec):
    if not text.strip():
        return
    path = tmp_path / "people.csv"
    path.write_bytes(MARKS[codec] + text.encode(codec))

    encoding = detect(path, "people.csv")

    assert encoding == Encoding(codec, len(MARKS[codec]))
    assert read(path, encoding) == text


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", PEOPLE, "上海,下\r\n上,下\r\n", "name\r\nKim\r\n", "가,나,다,라,마"]
)
def test_utf_16_and_32_without_a_mark_are_seen(found, codec, text):
    assert found(text.encode(codec)) == Encoding(codec)


@pytest.mark.parametrize(("codec", "end"), [("utf-32-le", "LE"), ("utf-32-be", "BE")])
def test_utf_32_behind_the_mark_of_utf_16_is_seen(codec, end):
    name = f"06_exports/salesforce_dataloader/testfiles/csvtext_BOM_UTF32{end}.csv"
    path = at(name)
    encoding = detect(path, name)
    assert encoding == Encoding(codec, 2)
    assert read(path, encoding).startswith('"column1","column2","column3"\n"row1-1"')


def test_text_with_nuls_is_not_utf_16(found):
    assert found(b"a,b,c\n\0,2,3\n").name == "utf-8"
    assert found(b"a,b,c\n" + b"\0,2,3\n" * 50).name == "utf-8"


# UTF-8 --------------------------------------------------------------------------------------------------------


@KEPT
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_utf_8_is_utf_8(tmp_path, text):
    if not text.strip() or text.startswith("\ufeff"):
        return
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    assert detect(path, "people.csv") == Encoding("utf-8")


def test_utf_8_that_shows_late_is_seen(found):
    assert found(b"a,b\n" * 300_000 + "김,하늘\n".encode()).name == "utf-8"


@pytest.mark.parametrize("cut", [1, 2])
def test_utf_8_that_is_cut_within_a_character_is_refused(refusal, cut):
    said = refusal((PEOPLE + "이준호").encode()[:-cut])
    assert said == (
        f"people.csv breaks off within a character of utf-8 at byte {len((PEOPLE + '이준').encode())} (line 3): "
        "it was cut off, get the whole file"
    )


def test_utf_8_with_one_broken_place_is_refused_by_its_place(refusal):
    said = refusal((PEOPLE * 5).encode() + b"Jos\xe9\n" + PEOPLE.encode())
    place = f"at byte {len((PEOPLE * 5).encode()) + 3:,} (line 11)"
    assert said == (
        f"people.csv is not all in utf-8, there is no character of it {place}; mend that, or name another encoding "
        "with --encoding"
    )


# Korean and others --------------------------------------------------------------------------------------------

WORDS = [
    "이름",
    "전화",
    "주소",
    "김하늘",
    "이준호",
    "박서연",
    "한빛전자",
    "서울",
    "강남구",
    "환불",
    "문의",
    "예약",
    "안녕하세요",
    "감사합니다",
    "상담",
    "메모",
    "등급",
]


@KEPT
@given(
    st.lists(st.lists(st.sampled_from([*WORDS, "010-2345-6701", "kim@hanbit.example", "ㅋㅋ", "VIP"]), min_size=2, max_size=5), min_size=1),
    st.sampled_from(["cp949", "euc_kr"]),
)  # fmt: skip
def test_short_korean_tables_are_seen(tmp_path, rows, codec):
    text = "이름,메모\n" + "\n".join(",".join(row) for row in rows)
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode(codec))

    encoding = detect(path, "people.csv")

    assert encoding == Encoding("cp949")
    assert read(path, encoding) == text


def test_the_register_of_libraries_is_korean():
    path = at("05_korean/library_std.csv")
    encoding = detect(path, path.name)
    assert encoding == Encoding("cp949")
    assert read(path, encoding) == path.read_bytes().decode("cp949")


@pytest.mark.parametrize(
    "name", ["ChatbotData.csv", "naver_shopping_small.csv", "nsmc_sample_dev_2k.tsv"]
)
def test_korean_files_are_seen_when_they_are_written_in_cp949(found, name):
    text = at(f"05_korean/{name}").read_text("utf-8-sig")
    assert found(text.encode("cp949", "ignore")) == Encoding("cp949")


@pytest.mark.parametrize(
    "text",
    [
        "메모\n재밌네 ㅋㅋㅋㅋㅋㅋ\nㅠㅠㅠㅠ\n",
        "name\nKim 김\nLee 이\n",
        "구역\nA동\nB동\n",
        "값\n1\n",
        "■ 안내\n──────────\n",
        "성명\n金\n李\n고객님\n",
    ],
)
def test_little_korean_is_korean(found, text):
    assert found(text.encode("cp949")) == Encoding("cp949")


@pytest.mark.parametrize(
    "text",
    [
        "name,city\nJosé,Málaga\nMuñoz,Cádiz\n",
        "name\nCafé ©\n",
        "Name;Ort\nMüller;Köln\nGroß;Zürich\n",
        "DESCRIÇÃO;SITUAÇÃO\nAÇÕES;NÃO\n",
        "prénom,nom\nÉlodie,Lefèvre\nBenoît,Gonçalves\nSœur,Thérèse\n",
        "a\nÄRZTE\nÄhnlich\nÆrø\n",
        "note\n“quoted” – it’s €5\n",
        "¿Qué?\n¡Sí!\n",
        "a\n20 °C\n½\n",
    ],
)
def test_western_languages_are_windows_1252(found, text):
    assert found(text.encode("cp1252")) == Encoding("cp1252")


def test_the_sign_at_the_end_of_a_file_is_no_half_character():
    path = at("10_csv/csvkit/test_latin1.csv")
    encoding = detect(path, path.name)
    assert read(path, encoding) == "a,b,c\n1,2,3\n4,5,©"


@pytest.mark.parametrize("codec", ["cp932", "euc_jp"])
@pytest.mark.parametrize(
    "text",
    [
        "氏名,住所,備考\n山田太郎,東京都渋谷区,ありがとうございます\n鈴木花子,大阪府,テスト\n",
        "ありがとうございます。東京です\n",
    ],
)
def test_japanese_is_seen_by_its_kana(found, codec, text):
    assert found(text.encode(codec)) == Encoding(codec)


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp932", "名前,電話\n山田太郎,03-1234-5678\n"),
        ("euc_jp", "名前,電話\n山田太郎,03-1234-5678\n"),
        ("gb18030", "姓名,电话\n王伟,010-1234\n"),
        ("gb18030", "优の良品,北京市朝阳区\n"),
        ("gb18030", "姓名,地址,备注\n王伟,北京市朝阳区,谢谢您的来信\n"),
        ("big5", "姓名,電話\n王大明,02-1234\n"),
        ("cp1251", "имя,город\nИван,Москва\n"),
        ("koi8_r", "имя,город\nИван,Москва\n"),
        ("cp1253", "όνομα,πόλη\nΓιώργος,Αθήνα\n"),
    ],
)
def test_what_could_be_several_encodings_is_asked_about(found, refusal, codec, text):
    assert refusal(text.encode(codec)).startswith(
        "people.csv does not show which encoding it is in; name it with --encoding"
    )
    assert found(text.encode(codec), codec).name.replace("-", "_") in {codec, "cp950"}


@pytest.mark.parametrize(
    ("name", "codec", "mark"),
    [
        ("test_utf16_big.csv", "utf-16-be", 2),
        ("test_utf16_little.csv", "utf-16-le", 2),
        ("test_utf8_bom.csv", "utf-8", 3),
        ("null_byte.csv", "utf-8", 0),
        ("mac_newlines.csv", "utf-8", 0),
    ],
)
def test_the_files_of_csvkit_are_in_what_they_say(name, codec, mark):
    assert detect(at(f"10_csv/csvkit/{name}"), name) == Encoding(codec, mark)


# Given ones ---------------------------------------------------------------------------------------------------


@KEPT
@given(
    st.text(min_size=1),
    st.sampled_from(
        [
            "utf-8",
            "cp949",
            "euc-kr",
            "cp1252",
            "latin-1",
            "shift_jis",
            "gb2312",
            "utf-16-le",
            "utf-32-be",
        ]
    ),
)
@example("똠", "cp949")
@example("\x81", "latin-1")
def test_a_given_encoding_reads_what_was_written_in_it(tmp_path, text, codec):
    written = text.encode(codec, "ignore")
    if not written.strip(b" \t\r\n\0"):
        return
    path = tmp_path / "people.csv"
    path.write_bytes(written)
    meant = WINDOWS.get(codec, codec)
    plain = {written.decode(each, "replace").removeprefix("\ufeff") for each in (codec, meant)}

    encoding = detect(path, "people.csv", codec)

    assert read(path, encoding) in plain


def test_euc_kr_means_cp949(found):
    assert found("똠방각하".encode("cp949"), "euc-kr") == Encoding("cp949")
    assert found("a,©".encode("latin-1"), "latin-1") == Encoding("cp1252")


@pytest.mark.parametrize(("given", "text", "encoding"), [
    ("utf-8-sig", "\ufeff한글".encode(), Encoding("utf-8", 3)),
    ("utf-8", "\ufeff한글".encode(), Encoding("utf-8", 3)),
    ("utf-16", "\ufeff한글".encode("utf-16-be"), Encoding("utf-16-be", 2)),
    ("utf-16", "이름,a,b,c,d\n".encode("utf-16-be"), Encoding("utf-16-be")),
    ("utf-16", "한글".encode("utf-16-le"), Encoding("utf-16-le")),
    ("ascii", b"a,b", Encoding("ascii")),
])  # fmt: skip
def test_a_given_encoding_is_read_past_its_mark(found, given, text, encoding):
    assert found(text, given) == encoding


def test_an_unknown_encoding_is_refused_with_one_that_is_close(refusal):
    assert refusal(b"a", "utf9") == "there is no encoding 'utf9'; did you mean 'utf-8'?"
    assert refusal(b"a", "cp94") == "there is no encoding 'cp94'; did you mean 'cp949'?"


@pytest.mark.parametrize("name", ["rot13", "hex", "unicode_escape", "undefined", "idna", "zzz", ""])
def test_what_encodes_no_text_is_no_encoding(found, refusal, name):
    if name:
        assert refusal(b"a", name).startswith(f"there is no encoding {name!r}")
    else:
        assert found(b"a", name) == Encoding("utf-8")


def test_a_given_encoding_that_does_not_fit_is_refused_by_byte_and_line(refusal):
    said = refusal("a\r\nb,c\r\n한".encode("cp949"), "utf-8")
    assert said.startswith(
        "people.csv is not all in utf-8, there is no character of it at byte 8 (line 3);"
    )
    assert "at byte 1 (line 1)" in refusal(b"a\xff", "ascii")
    assert "at byte 4 (line 3)" in refusal(b"a\rb\r\xff", "utf-8")


@KEPT
@given(
    st.binary(min_size=1, max_size=60),
    st.sampled_from(
        [
            "utf-8",
            "cp949",
            "cp932",
            "euc_jp",
            "gb18030",
            "utf-16-le",
            "utf-32-be",
            "cp1252",
            "ascii",
        ]
    ),
    st.integers(1, 7),
)
def test_where_a_file_does_not_fit_is_where_python_says(
    tmp_path, monkeypatch, content, codec, chunk
):
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    monkeypatch.setattr(module, "CHUNK", chunk)
    place = module._misfit(path, Encoding(codec))

    expected = plain_misfit(content, codec)
    assert (place and (place.offset, place.line)) == expected


def plain_misfit(content, codec):
    try:
        content.decode(codec)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(codec)
        return error.start, 1 + max(before.count("\n"), before.count("\r"))
    return None


# What is no text ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"\n", b" \r\n\t", b"\xef\xbb\xbf", b"\xff\xfe", b"\0" * 5000]
)
def test_an_empty_file_is_refused(refusal, content):
    assert refusal(content) == "people.csv is empty; there is nothing in it to import"


@pytest.mark.parametrize("content", [b"\x01\x02\x03\x04", b"a\x01\x02\x7f" * 2000])
def test_control_characters_are_no_text(refusal, content):
    assert refusal(content).startswith("people.csv is no text")


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_no_text(refusal, seed):
    said = refusal(random.Random(seed).randbytes(4000))
    assert said == "people.csv is no text; export it as CSV, JSON, vCard or mail"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("mark", [True, False])
def test_utf_16_that_is_cut_is_refused(refusal, codec, mark):
    text = (MARKS[codec] if mark else b"") + PEOPLE.encode(codec)
    assert (
        f"breaks off within a character of {codec} at byte {len(text) - len('a'.encode(codec))}"
        in refusal(text[:-1])
    )


def test_korean_that_is_cut_is_refused(refusal):
    assert "breaks off within a character of cp949" in refusal(
        (PEOPLE + "이준호").encode("cp949")[:-1]
    )


@KEPT
@given(st.binary())
def test_any_bytes_are_read_or_refused(tmp_path, content):
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    try:
        encoding = detect(path, "people.csv")
    except FileRefused:
        return
    assert read(path, encoding) == content[encoding.mark :].decode(encoding.name)
