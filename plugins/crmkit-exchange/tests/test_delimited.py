"""Tables with a delimiter: every dialect is read as it was written, and every row is accounted for."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from pathlib import Path

import pytest
from crmkit_exchange.formats import records as records_module
from crmkit_exchange.formats.delimited import open_delimited
from crmkit_exchange.formats.encoding import detect
from crmkit_exchange.formats.items import FileRefused, ReadOptions
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

DATA = Path(__file__).parents[3] / "../shared/data"
KEPT = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SPECTRUM = sorted((DATA / "10_csv/csv-spectrum/csvs").glob("*.csv"))
CSVKIT = sorted((DATA / "10_csv/csvkit").glob("*.csv"))
TOO_MANY = "has {} values where the heading has {}"


def opened(path, **said):
    options = ReadOptions(**said)
    return open_delimited(path, path.name, options, detect(path, path.name, options.encoding))


def written(folder, content):
    path = folder / "people.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(source):
    return [list(item.values.values()) for item in source.items()]


@pytest.fixture
def table(tmp_path):
    """Opens a text as a table."""
    return lambda content, **said: opened(written(tmp_path, content), **said)


@pytest.fixture
def refusal(table):
    def refuse(content, **said):
        with pytest.raises(FileRefused) as caught:
            table(content, **said)
        return str(caught.value)

    return refuse


# Files of others ----------------------------------------------------------------------------------------------


def in_lf(found):
    return [{name: value.replace("\r\n", "\n") for name, value in row.items()} for row in found]


@pytest.mark.skipif(not SPECTRUM, reason="../shared/data is not there")
@pytest.mark.parametrize("path", SPECTRUM, ids=lambda path: path.name)
def test_csv_spectrum_is_what_it_says(path, tmp_path):
    expected = json.loads((path.parents[1] / "json" / f"{path.stem}.json").read_text())
    if path.stem == "newlines_crlf" and b"\r" not in path.read_bytes():
        # The folder has this file with other ends of lines than its JSON is about.
        assert [dict(each.values) for each in opened(path).items()] == in_lf(expected)
        path = written(tmp_path, path.read_bytes().replace(b"\n", b"\r\n"))

    found = list(opened(path).items())

    assert [dict(each.values) for each in found] == expected
    assert not any(each.problem for each in found)


def plain_rows(path):
    """What Python's own reader makes of a file, comma or semicolon."""
    raw = path.read_bytes()
    codec = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    delimiter = ";" if path.name == "sniff_limit.csv" else ","
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


@pytest.mark.skipif(not CSVKIT, reason="../shared/data is not there")
@pytest.mark.parametrize("path", CSVKIT, ids=lambda path: path.name)
def test_the_files_of_csvkit_are_read_or_refused(path):
    try:
        source = opened(path)
    except FileRefused:
        assert path.name in {"empty.csv", "Datagov_FY10_EDU_recp_by_State.csv"}
        return

    heading, *plain = plain_rows(path)
    found = list(source.items())

    assert len(source.columns) == len(heading)
    assert len(found) == len(plain)
    for item, row in zip(found, plain, strict=True):
        surplus = row[len(heading) :]
        fits = len(row) >= len(heading) and not any(map(str.strip, surplus))
        assert (item.problem is None) == fits
        assert list(item.values.values()) == row[: len(heading)]


def test_a_title_above_the_heading_is_asked_about_and_skipped():
    path = DATA / "10_csv/csvkit/Datagov_FY10_EDU_recp_by_State.csv"
    if not path.is_file():
        pytest.skip("../shared/data is not there")
    with pytest.raises(FileRefused, match="has no names; say with --skip-lines"):
        opened(path)

    source = opened(path, skip=2)
    assert source.columns[:2] == ("State Name", "State Abbreviate")
    assert next(source.items()).line == 4
    assert not any(each.problem for each in source.items())


def test_the_register_of_libraries_has_3555_rows():
    path = DATA / "05_korean/library_std.csv"
    if not path.is_file():
        pytest.skip("../shared/data is not there")
    source = opened(path)
    found = list(source.items())
    assert len(found) == 3555
    assert source.encoding == "cp949"
    assert source.columns[:3] == ("도서관명", "시도명", "시군구명")
    assert not any(each.problem for each in found)


# The law ------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ODD = st.sampled_from(
    [
        "",
        " ",
        '"',
        '""',
        ", ",
        ";",
        "\n",
        "\r",
        "\r\n",
        'a"b',
        "a, b",
        ' "x"',
        "\t",
        "|",
        "김하늘",
        "\u2028",
        "\0",
    ]
)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
    }
)  # fmt: skip


@st.composite
def tables(draw, cells, columns=2):
    width = draw(st.integers(columns, 5))
    row = st.lists(cells, min_size=width, max_size=width)
    return draw(st.lists(row, min_size=2, max_size=6))


def as_csv(found, dialect):
    out = io.StringIO(newline="")
    if any(end in cell for row in found for cell in row for end in "\r\n"):
        # Before Python 3.13 a CR that ends no line of this dialect is written without quotes.
        dialect = {**dialect, "quoting": dialect.get("quoting") or csv.QUOTE_NONNUMERIC}
    csv.writer(out, **dialect).writerows(found)
    return out.getvalue()


def is_row(row):
    return len(row) > 1 or bool(row[0].strip())


@KEPT
@given(
    tables(TEXT | ODD, columns=1),
    DIALECTS,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
@example(
    [["a", "b"], [' "x"', "a, b"]],
    {"delimiter": ",", "quoting": 0, "lineterminator": "\n"},
    "utf-8",
)
@example(
    [["a", "b"], ["\0", "\r"]], {"delimiter": ",", "quoting": 0, "lineterminator": "\r"}, "utf-8"
)
def test_what_was_written_is_read_when_the_dialect_is_said(tmp_path, cells, dialect, codec):
    cells[0] = [f"{at}{each}" for at, each in enumerate(cells[0])]
    assume(all(map(is_row, cells)))
    path = written(tmp_path, as_csv(cells, dialect).encode(codec))

    source = opened(path, delimiter=dialect["delimiter"], encoding=codec)
    found = list(source.items())

    assert [list(each.values.values()) for each in found] == cells[1:]
    assert not any(each.problem for each in found)


CALM = st.text(st.sampled_from("abc가나다 \"'\n.@-09"), max_size=8)


@KEPT
@given(tables(CALM), DIALECTS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp949"]))
def test_what_was_written_is_read_when_the_dialect_is_found_out(tmp_path, cells, dialect, codec):
    cells = [["이름", *(f"칸{at}" for at in range(1, len(cells[0])))], *cells]
    path = written(tmp_path, as_csv(cells, dialect).encode(codec))

    source = opened(path)

    assert list(source.columns) == cells[0]
    assert rows(source) == cells[1:]


@KEPT
@given(st.text(st.sampled_from('ab,"\n\r;김'), max_size=60))
@example('a,b\n1,"2\n3,4\n')
@example('a\n"b""\n"c"d\n')
def test_no_line_is_lost_whatever_the_quotation_marks(tmp_path, text):
    path = written(tmp_path, text)
    try:
        source = opened(path, header=False, delimiter=",")
    except FileRefused:
        assert not text.strip()
        return

    found = list(source.items())

    assert "".join("".join(each.text for each in found).split()) == "".join(text.split())
    starts = [each.line for each in found]
    assert starts == sorted(set(starts))
    physical = list(io.StringIO(text, newline=""))
    assert all(each.text.startswith(physical[each.line - 1].rstrip("\r\n")) for each in found)


@KEPT
@given(tables(TEXT | ODD), st.data())
def test_the_rows_before_a_cut_are_read(tmp_path, cells, data):
    cells[0] = [f"{at}{each}" for at, each in enumerate(cells[0])]
    dialect = {"quoting": csv.QUOTE_ALL}
    ends = [len(as_csv(cells[:count], dialect)) for count in range(1, len(cells) + 1)]
    cut = data.draw(st.integers(ends[0], ends[-1]))
    whole = sum(end <= cut for end in ends)

    path = written(tmp_path, as_csv(cells, dialect)[:cut])
    found = list(opened(path, delimiter=",", encoding="utf-8").items())

    assert [list(each.values.values()) for each in found[: whole - 1]] == cells[1:whole]
    assert not any(each.problem for each in found[: whole - 1])
    assert len(found) >= whole - 1 + (cut - ends[whole - 1] > 2)


# Delimiters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,b,c\n1,2,3\n", ("a", "b", "c")),
        ("a;b;c\n1,5;2,5;3,5\n", ("a", "b", "c")),
        ("a\tb\n1,2\t3,4\n", ("a", "b")),
        ("a|b|c\n1|2|3\n", ("a", "b", "c")),
        ("a^b\n1^2\n", ("a", "b")),
        ("a~b~c\n1~2~3\n", ("a", "b", "c")),
        ("a\x01b\n1\x012\n", ("a", "b")),
        ('"a;b",c\n"1;2",3\n', ("a;b", "c")),
        ('a;b\n"x,y,z";2\n"x,y,z";2\n', ("a", "b")),
        ("a, b; c\n1, 2; 3\n1, 2; 3\n", ("a", "b; c")),
        ("Name, first;Age;City\nKim, Ha;1;Seoul\nLee, Jun;2;Pangyo\n", ("Name, first", "Age", "City")),
        ("name\nKim\nLee\n", ("name",)),
        ("name\n10:30\n11:30\n", ("name",)),
        ("a,b\n", ("a", "b")),
        ("이름;전화\n김하늘;010\n이준호;\n", ("이름", "전화")),
        ("a;b;c\n1;2;3\n1;2\n1;2;3\n", ("a", "b", "c")),
        ("from:to:via,name\n1:2:3,Kim\n4:5:6,Lee\n", ("from:to:via", "name")),
        ("note^2\nx\ny^z\n", ("note^2",)),
    ],
)  # fmt: skip
def test_the_delimiter_is_found(table, text, columns):
    assert table(text).columns == columns


def test_a_title_without_a_delimiter_does_not_hide_that_of_the_rows(table):
    found = list(table("Export of May\na;b;c\n1;2;3\n").items())
    assert [each.problem for each in found] == ["has 3 values where the heading has 1"] * 2


def test_what_excel_says_of_the_delimiter_is_obeyed(table):
    source = table("sep=;\r\na;b\r\n1,2;3\r\n")
    assert source.columns == ("a", "b")
    assert [each.line for each in source.items()] == [3]


def test_blanks_before_quotation_marks_are_no_part_of_the_value(table):
    source = table('a, "b", "c"\n1, "2, 3", "4"\n')
    assert source.columns == ("a", "b", "c")
    assert rows(source) == [["1", "2, 3", "4"]]


def test_a_quotation_mark_in_a_value_behind_a_blank_is_part_of_it(table):
    assert rows(table('a,b\n x," ""y"", z"\n')) == [[" x", ' "y", z']]
    assert rows(table('a, "b"\n1, "2, 3"\n', delimiter=",")) == [["1", "2, 3"]]


@pytest.mark.parametrize("delimiter", ["", "::", '"', "\n"])
def test_a_delimiter_that_is_none_is_refused(table, refusal, delimiter):
    if delimiter:
        assert refusal("a,b\n", delimiter=delimiter).startswith(
            f"{delimiter!r} is no delimiter; give one character"
        )
    else:
        assert table("a,b\n1,2\n", delimiter=delimiter).columns == ("a", "b")


# Headings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "columns"),
    [
        (" a , b ", ("a", "b")),
        ("a,,c,", ("a", "2", "c", "4")),
        ("a,a,a", ("a", "a (2)", "a (3)")),
        ("a,a,a (2)", ("a", "a (3)", "a (2)")),
        ("2,", ("2", "2 (2)")),
        (',"2",', ("1", "2", "3")),
        ('"\ufeffa",b', ("a", "b")),
        ('"first\r\nname",b', ("first name", "b")),
        ("a\tb,c", ("a\tb", "c")),
    ],
)
def test_every_column_has_a_name_of_its_own(table, heading, columns):
    assert table(f"{heading}\r\n", delimiter=",").columns == columns


@KEPT
@given(
    st.lists(
        st.sampled_from(["", "a", "a (2)", "a (3)", "1", "2", "2 (2)"]), min_size=2, max_size=8
    )
)
def test_no_two_columns_share_a_name(tmp_path, names):
    assume(any(names))
    columns = opened(written(tmp_path, ",".join(names) + "\n"), delimiter=",").columns
    assert len(set(columns)) == len(names)
    for name in filter(None, names):
        assert columns[names.index(name)] == name


def test_blank_lines_are_no_rows(table):
    source = table("\n\n \na,b\n\n1,2\n  \n\n3,4\n\n")
    assert source.columns == ("a", "b")
    assert [(each.number, each.line) for each in source.items()] == [(1, 6), (2, 9)]


def test_a_row_of_blank_values_is_a_row(table):
    assert rows(table("a,b\n,\n1,2\n")) == [["", ""], ["1", "2"]]
    assert rows(table("a\tb\n\t\n1\t2\n")) == [["", ""], ["1", "2"]]


def test_lines_before_the_heading_are_skipped(table):
    source = table("Report\n\nof May\na,b\n1,2\n", skip=3)
    assert source.columns == ("a", "b")
    assert [each.line for each in source.items()] == [5]


def test_without_a_heading_columns_are_numbers(table):
    source = table("1,2,3\n4,5\n", header=False)
    assert source.columns == ("1", "2", "3")
    first, second = source.items()
    assert (first.line, list(first.values.values())) == (1, ["1", "2", "3"])
    assert second.problem == "has 2 values where the first row has 3"


def test_a_heading_alone_is_a_table_without_rows(table):
    assert list(table("a,b\n").items()) == []


def test_a_table_without_a_heading_is_refused(refusal):
    assert refusal(",,\n1,2,3\n").startswith("the heading of people.csv (line 1) has no names;")
    assert refusal('a,"b\n1,2\n', delimiter=",").startswith(
        "the heading of people.csv (line 1) opens a quotation mark that is not closed"
    )
    assert refusal("a,b\n", skip=5) == "people.csv is empty; there is nothing in it to import"


# Rows ---------------------------------------------------------------------------------------------------------


def problems(source):
    return {each.line: each.problem for each in source.items() if each.problem}


def test_rows_that_do_not_fit_the_heading_have_a_problem(table):
    source = table("a,b,c\n1,2,3\n1,2,3,4\n1,2\n1\n1,2,3, ,\n")
    assert problems(source) == {
        3: "has 4 values where the heading has 3",
        4: "has 2 values where the heading has 3",
        5: "has 1 value where the heading has 3",
    }
    assert dict(list(source.items())[2].values) == {"a": "1", "b": "2"}


def test_the_text_of_a_row_is_as_it_stands_in_the_file(table):
    source = table('a,b\r\n"x\r\ny" ,2\r\n"x\r\ny",2\r\n')
    assert [each.text for each in source.items()] == ['"x', 'y" ,2', '"x\r\ny",2']
    assert [each.line for each in source.items()] == [2, 3, 4]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_they_end_in(table, end):
    source = table(end.join(["a,b", '"x', 'y",2', "", "3,4"]))
    assert [each.line for each in source.items()] == [2, 5]


def test_the_text_of_a_row_keeps_its_blanks(table):
    [item] = table("a\tb\n 1\t\n").items()
    assert item.text == " 1\t"


def test_a_quotation_mark_that_is_never_closed_spoils_one_row(table):
    source = table('a,b\n1,2\n3,"4\n5,6\n7,8\n')
    assert problems(source) == {3: records_module.UNCLOSED}
    assert rows(source) == [["1", "2"], ["3", "4\n"], ["5", "6"], ["7", "8"]]


def test_a_quotation_mark_that_the_next_one_closes_spoils_one_row(table):
    source = table('a,b\n1,"2\n3,4\n5,"6"\n7,8\n')
    assert problems(source) == {2: records_module.UNCLOSED}
    assert [each.line for each in source.items()] == [2, 3, 4, 5]
    assert rows(source)[1:] == [["3", "4"], ["5", "6"], ["7", "8"]]


def test_text_behind_a_quotation_mark_is_no_guess(table):
    source = table('a,b\n"Kim "the boss" Ha",1\n2,3\n')
    assert problems(source) == {2: records_module.BEHIND}


def test_a_quotation_mark_within_a_value_is_part_of_it(table):
    assert rows(table('a,b\n5" pipe,2\n')) == [['5" pipe', "2"]]


def test_a_value_that_goes_on_too_long_is_an_open_quotation_mark(table, monkeypatch):
    monkeypatch.setattr(records_module, "LONGEST", 100)
    body = "".join(f"{n},x\n" for n in range(40))
    source = table(f'a,b\n1,"2\n{body}3,4"\n', delimiter=",")
    assert problems(source) == {2: records_module.UNCLOSED}
    assert len(list(source.items())) == 42


def test_nuls_and_surrogates_stay(table):
    assert rows(table("a,b\n\0,\U0001f600\n")) == [["\0", "\U0001f600"]]


@pytest.mark.parametrize("inner", ["x", "x\n", '""', "가"])
def test_a_field_of_10_mb_is_read(tmp_path, inner):
    value = inner * (10_000_000 // len(inner.encode()))
    path = written(tmp_path, f'a,b\n1,"{value}"\n2,3\n')
    first, second = opened(path).items()
    assert first.values["b"] == value.replace('""', '"')
    assert (first.problem, second.values["b"]) == (None, "3")


def peak(path):
    source = opened(path)
    tracemalloc.start()
    count = sum(1 for _ in source.items())
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return count, found


def test_memory_is_the_same_for_200_rows_and_for_20_000(tmp_path):
    row = 'Kim,"010-2345-6701",kim@hanbit.example,"a\nb"\n'
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text("a,b,c,d\n" + row * 200)
    large.write_text("a,b,c,d\n" + row * 20_000)
    (few, little), (many, much) = peak(small), peak(large)
    assert (few, many) == (200, 20_000)
    assert much < little * 1.2 + 100_000


def test_naughty_strings_survive_as_values_and_as_headings(tmp_path):
    path = DATA / "09_validation/blns.json"
    if not path.is_file():
        pytest.skip("../shared/data is not there")
    strings = json.loads(path.read_text())
    assert len(strings) == 515
    for delimiter in ",;\t|":
        text = as_csv(
            [["id", "text"], *([str(n), each] for n, each in enumerate(strings))],
            {"delimiter": delimiter},
        )
        found = list(opened(written(tmp_path, text)).items())
        assert [each.values["text"] for each in found] == strings
        assert not any(each.problem for each in found)
    text = as_csv([strings, [str(n) for n in range(len(strings))]], {})
    source = opened(written(tmp_path, text))
    assert rows(source) == [[str(n) for n in range(len(strings))]]
    kept = [each.strip().strip("\ufeff").strip() for each in strings]
    assert sum(a == b for a, b in zip(source.columns, kept, strict=True)) > 490
