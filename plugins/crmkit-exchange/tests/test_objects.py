"""JSON: every object is an item wherever it stands, and one that is broken spoils itself alone."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import pytest
from crmkit_exchange.formats import scanner as scanner_module
from crmkit_exchange.formats.encoding import detect
from crmkit_exchange.formats.items import ReadOptions
from crmkit_exchange.formats.objects import flattened, open_objects
from crmkit_exchange.formats.scanner import BrokenOff, Scanner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

DATA = Path(__file__).parents[3] / "../shared/data"
KEPT = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def opened(path):
    return open_objects(path, path.name, ReadOptions(), detect(path, path.name))


@pytest.fixture
def source(tmp_path):
    """Opens a text as JSON."""

    def open_(content, codec="utf-8"):
        path = tmp_path / "people.json"
        path.write_bytes(content.encode(codec))
        return opened(path)

    return open_


def values(source):
    return [dict(item.values) for item in source.items()]


def problems(source):
    return {item.number: item.problem for item in source.items() if item.problem}


# Where objects stand ------------------------------------------------------------------------------------------

TWO = [{"id": 1, "name": "김하늘"}, {"id": 2, "name": "Lee"}]
LAYOUTS = {
    "lines": lambda rows: "\n".join(map(json.dumps, rows)),
    "lines with blank ones": lambda rows: "\r\n\r\n".join(map(json.dumps, rows)) + "\r\n\n",
    "array": json.dumps,
    "pretty array": lambda rows: json.dumps(rows, indent=2, ensure_ascii=False),
    "array by lines": lambda rows: "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n",
    "page": lambda rows: json.dumps({"results": rows, "paging": {"next": {"after": "2"}}}),
    "pretty page": lambda rows: json.dumps({"total": 2, "results": rows, "more": False}, indent=1),
    "pages by lines": lambda rows: "\n".join(json.dumps({"results": [each]}) for each in rows),
    "pretty pages": lambda rows: "\n".join(json.dumps({"results": [each]}, indent=1) for each in rows),
    "array of pages": lambda rows: json.dumps([{"results": rows[:1]}, {"results": rows[1:]}]),
    "arrays by lines": lambda rows: "\n".join(json.dumps([each]) for each in rows),
    "pretty objects": lambda rows: "\n".join(json.dumps(each, indent=1) for each in rows),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_objects_are_found_wherever_they_stand(source, layout, codec):
    found = source(layout(TWO), codec)
    assert values(found) == TWO
    assert found.columns == ("id", "name")
    assert not problems(found)


def test_one_object_is_one_item(source):
    for text in ('{"id": 1, "name": "Kim"}', '{\n "id": 1,\n "name": "Kim"\n}\n'):
        assert values(source(text)) == [{"id": 1, "name": "Kim"}]
        assert source(text).within is None


@pytest.mark.parametrize("text", ["[]", "[ ]", '{"results": []}', '{"value":[],"@odata.count":0}'])
def test_no_objects_are_no_items(source, text):
    assert values(source(text)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
ROWS = st.lists(
    st.dictionaries(st.text(max_size=4), JSON, min_size=1, max_size=4), min_size=1, max_size=4
)
STYLES = st.fixed_dictionaries(
    {"indent": st.sampled_from([None, 1]), "ensure_ascii": st.booleans()}
)


def plain_flat(value):
    """A slow plain recomputation: leaves with the names on the way to them."""
    found, todo = [], [((), value)]
    while todo:
        names, each = todo.pop(0)
        if isinstance(each, dict):
            todo[:0] = [((*names, name), inner) for name, inner in each.items()]
        else:
            found.append((".".join(names), each))
    return found


def is_plain(row):
    names = [name for name, _ in plain_flat(row)]
    return len(set(names)) == len(names)


@KEPT
@given(ROWS, STYLES, st.sampled_from([7, 64, 1 << 16]))
@example([{"a": {"b": {}}, "c": [{}]}], {"indent": None, "ensure_ascii": True}, 7)
def test_an_array_gives_its_objects_however_it_is_written(tmp_path, rows, style, chunk):
    rows = [{**row, "id": n} for n, row in enumerate(rows)]  # or some would be pages
    path = tmp_path / "people.json"
    path.write_text(json.dumps(rows, **style).encode("utf-8", "replace").decode(), encoding="utf-8")
    before = scanner_module.CHUNK
    scanner_module.CHUNK = chunk
    try:
        found = list(opened(path).items())
    finally:
        scanner_module.CHUNK = before

    expected = json.loads(path.read_text(encoding="utf-8"))
    assert len(found) == len(expected)
    for item, row in zip(found, expected, strict=True):
        assert json.loads(item.text) == row
        assert (item.problem is None) == is_plain(row)
        if is_plain(row):
            assert list(item.values.items()) == plain_flat(row)


@KEPT
@given(ROWS)
def test_lines_give_the_same_as_an_array(tmp_path, rows):
    rows = [{**row, "id": n} for n, row in enumerate(rows)]
    array, lines = tmp_path / "array.json", tmp_path / "lines.jsonl"
    array.write_text("[\n" + json.dumps(rows)[1:])
    lines.write_text("\n".join(map(json.dumps, rows)))
    seen = [(each.values, each.problem) for each in opened(array).items()]
    assert [(each.values, each.problem) for each in opened(lines).items()] == seen


@KEPT
@given(st.text(st.sampled_from('[]{}",:\\ \n1a'), max_size=40))
@example('[{"a":1}')
@example('{"a":1}]')
@example('{"":{"')
@example("[[[[")
def test_whatever_stands_in_a_file_is_no_exception(tmp_path, text):
    path = tmp_path / "people.json"
    path.write_text("{" + text)

    source = opened(path)
    found = list(source.items())

    assert [each.number for each in found] == [*range(1, len(found) + 1)]
    # Of a page only the list is looked at, so that the rest of it may be anything.
    if not is_json("{" + text) and not source.within:
        assert any(each.problem for each in found)


def is_json(text):
    """Whether a text is documents of JSON, one behind the other."""
    while text := text.strip():
        try:
            _, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            return False
        text = text[end:]
    return True


@KEPT
@given(ROWS, st.data())
def test_of_an_array_that_is_cut_what_was_before_is_read(tmp_path, rows, data):
    rows = [{"id": n, "row": each} for n, each in enumerate(rows)]
    text = json.dumps(rows)
    cut = data.draw(st.integers(2, len(text) - 1))
    whole = sum(len(json.dumps(rows[: n + 1])) - 1 <= cut for n in range(len(rows)))
    path = tmp_path / "people.json"
    path.write_text(text[:cut])

    *before, last = opened(path).items()

    assert [json.loads(each.text) for each in before] == rows[:whole]
    assert last.problem
    assert last.problem.startswith("the file breaks off")


# Pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "within"),
    [
        ({"results": [{"id": 1}], "paging": {"next": {}}}, "results"),
        ({"@odata.context": "x", "value": [{"id": 1}], "@odata.nextLink": "y"}, "value"),
        ({"users": [{"id": 1}], "next_page": None, "previous_page": None, "count": 1}, "users"),
        ({"success": True, "data": [{"id": 1}], "additional_data": {"pagination": {}}}, "data"),
        ({"totalSize": 1, "done": True, "records": [{"id": 1}]}, "records"),
        ({"contacts": [{"id": 1}], "has-more": True, "vid-offset": 2}, "contacts"),
        ({"tickets": [{"id": 1}], "users": [{"id": 9}], "groups": [{"id": 8}]}, "tickets"),
        ({"users": [{"id": 9}], "tickets": [{"id": 1}]}, "tickets"),
        ({"users": [{"id": 1}], "organizations": [{"id": 7}], "count": 1}, "users"),
        ({"data": [], "items": [{"id": 1}]}, "items"),
        ({"meta": {}, "widgets": [{"id": 1}], "total_count": 1}, "widgets"),
    ],
)
def test_the_objects_of_a_page_are_found(source, page, within):
    for text in (json.dumps(page), json.dumps(page, indent=1), f"{json.dumps(page)}\n" * 2):
        found = source(text)
        assert found.within == within
        assert {each["id"] for each in values(found)} == {1}


@pytest.mark.parametrize(
    "record",
    [
        {"id": 1, "comments": [{"id": 2}]},
        {"name": "Kim", "phones": [{"type": "home"}]},
        {"Id": "1", "contacts": [{"id": 2}]},
        {"age": 3, "children": [{"age": 1}]},
        {"a": [{"b": 1}], "c": [{"d": 1}]},
        {"data": None, "success": False},
        {"tags": ["a", "b"]},
    ],
)
def test_a_record_with_a_list_is_no_page(source, record):
    for text in (json.dumps(record), json.dumps([record]), f"{json.dumps(record)}\n" * 2):
        found = source(text)
        assert found.within is None
        assert values(found)[0] == record


def test_a_page_that_is_none_is_said(source):
    found = source(
        '{"results":[{"a":1}]}\n{"results":[]}\n{"status":"error"}\n{"results":[{"a":2}]}\n'
    )
    assert [(each.line, each.problem) for each in found.items()] == [
        (1, None),
        (3, "has no list under 'results', as the first page has"),
        (4, None),
    ]
    assert list(found.items())[1].text == '{"status":"error"}'


# Values -------------------------------------------------------------------------------------------------------


def test_nested_objects_are_under_names_with_dots_and_lists_stay(source):
    [found] = values(source('[{"z":{"b":{"c":1},"a":[{"d":2}]},"y":{},"x":null}]'))
    assert list(found.items()) == [("z.b.c", 1), ("z.a", [{"d": 2}]), ("x", None)]
    assert list(flattened({"a": {"b": 1}})) == [("a.b", 1)]


def test_numbers_are_whole_of_any_size_or_float(source):
    [found] = values(source('[{"a":123456789012345678901234567890,"b":1.5,"c":1E2,"d":-0}]'))
    assert found == {"a": 123456789012345678901234567890, "b": 1.5, "c": 100.0, "d": 0}
    assert [type(each) for each in found.values()] == [int, float, float, int]


def test_surrogates_and_nuls_stay(source):
    [found] = values(source(r'[{"a":"\ud800","b":"\u0000"}]'))
    assert found == {"a": "\ud800", "b": "\0"}


def test_what_is_in_pipedrives_recents_stays_as_it_is():
    path = DATA / "06_exports/pipedrive_recents_response_with_null.json"
    if not path.is_file():
        pytest.skip("../shared/data is not there")
    found = opened(path)
    assert found.within == "data"
    expected = json.loads(path.read_text())["data"]
    assert len(expected) == len(list(found.items()))
    for item, row in zip(found.items(), expected, strict=True):
        assert (item.values["item"], item.values["id"]) == (row["item"], row["id"])
        if row["data"] is None:
            assert item.values["data"] is None
        else:
            assert item.values["data.id"] == row["data"]["id"]


@pytest.mark.parametrize(
    "name", ["companies", "contacts", "deals", "products", "quotes", "tickets"]
)
def test_the_pages_of_hubspot_are_read(name):
    path = DATA / f"06_exports/hubspot_dlt/mock_{name}_data.json"
    if not path.is_file():
        pytest.skip("../shared/data is not there")
    found = opened(path)
    expected = json.loads(path.read_text())["results"]
    assert found.within == "results"
    assert values(found) == [dict(plain_flat(each)) for each in expected]
    assert found.columns[:2] == ("id", f"properties.{next(iter(expected[0]['properties']))}")


def test_the_lines_of_isemail_are_read():
    path = DATA / "09_validation/isemail_tests.jsonl"
    if not path.is_file():
        pytest.skip("../shared/data is not there")
    assert values(opened(path)) == [json.loads(line) for line in path.read_text().splitlines()]


# What is broken -----------------------------------------------------------------------------------------------


def test_a_broken_line_spoils_itself_alone(source):
    found = source('{"a":1}\n{"a":\n{"a":3}\nnull\n{"a":5}\n')
    assert values(found) == [{"a": 1}, {}, {"a": 3}, {}, {"a": 5}]
    assert [each.line for each in found.items()] == [1, 2, 3, 4, 5]
    assert problems(found) == {
        2: "is no JSON: expecting value at its character 6",
        4: "is no object",
    }
    assert list(found.items())[1].text == '{"a":'


def test_a_broken_first_line_spoils_itself_alone(source):
    assert problems(source('{"a":\n{"a":2}\n{"a":3}\n')) == {
        1: "is no JSON: expecting value at its character 6"
    }


def test_a_broken_object_in_an_array_spoils_itself_alone(source):
    bad = {
        '{"a":1] ': "is no JSON: expecting ',' delimiter at its character 7",
        '{"a" 1}': "is no JSON: expecting ':' delimiter at its character 6",
        '{"a":1} {"b":2}': "is no JSON: extra data at its character 9",
        "{'a':1}": "is no JSON: expecting property name enclosed in double quotes at its character 2",
        '{"a":"x\ny"}': "is no JSON: invalid control character at its character 8",
        '{"a":NaN}': "has NaN, which is no JSON",
        '{"a":-Infinity}': "has -Infinity, which is no JSON",
        '{"a":1e999}': "has a number that is too large",
        '{"a":1,"a":2}': "has the name 'a' twice",
        '{"b":{"a":1,"a":2}}': "has the name 'a' twice",
        '{"a":{"b":1},"a.b":2}': "has the name 'a.b' twice",
        '{"a":' + "9" * 10_000 + "}": "has a number of 10,000 digits",
        '{"a":' + "[" * 101 + "]" * 101 + "}": "is nested more than 100 deep",
        '{"a":' + "[" * 100_000 + "]" * 100_000 + "}": "is nested more than 100 deep",
        "5": "is no object",
        '"text, and [more]"': "is no object",
        "": "is no JSON: expecting value at its character 1",
    }  # fmt: skip
    found = source("[" + ",".join(f'{{"fine":1}},{each}' for each in bad) + ',{"fine":1}]')

    assert problems(found) == {2 * n: said for n, said in enumerate(bad.values(), 1)}
    assert sum(each == {"fine": 1} for each in values(found)) == len(bad) + 1


@pytest.mark.parametrize(
    "text", ['["abc', '["', "[" * 100_000, '{"a":' * 100_000, '[{"a":' * 50_000]
)
def test_a_depth_bomb_is_one_problem(source, text):
    [item] = source(text).items()
    assert item.problem == "the file breaks off within this; the file is read no further"
    assert len(item.text) <= 1000


def test_an_array_that_breaks_off_behind_its_first_line_is_an_array(source):
    first, last = source('[\n{"a":1}\n').items()
    assert first.values == {"a": 1}
    assert last.problem == "the file breaks off; the file is read no further"


def test_an_array_that_breaks_off_says_where(source):
    found = source('[\n{"a":1},\n{"a":2,\n "b":')
    first, last = found.items()
    assert first.values == {"a": 1}
    assert (last.line, last.text) == (3, '{"a":2,\n "b":')
    assert last.problem == "the file breaks off within this; the file is read no further"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"a":1}', "the file breaks off; the file is read no further"),
        ('[{"a":1}}', ", is missing; the file is read no further"),
        ('[{"a":1}] x', "this is neither an object nor an array; the file is read no further"),
        ('{"results":[{"a":1}],"x"', "the file breaks off; the file is read no further"),
        ('{"results":[{"a":1}], x}', "a name in quotation marks is missing; the file is read no further"),
    ],
)  # fmt: skip
def test_what_cannot_go_on_is_the_last_item(source, text, problem):
    first, last = source(text).items()
    assert (first.values, first.problem) == ({"a": 1}, None)
    assert last.problem == problem


@pytest.mark.parametrize("text", ['"text"', "5", "null", "x", "}"])
def test_what_is_neither_an_object_nor_an_array_is_a_problem(source, text):
    [item] = source(text).items()
    assert item.problem.startswith("this is neither an object nor an array")


def test_a_comma_behind_the_last_object_is_let_pass(source):
    assert values(source('[{"a":1},]')) == [{"a": 1}]


def test_a_value_without_an_end_is_bounded(source, monkeypatch):
    monkeypatch.setattr(scanner_module, "LONGEST", 1000)
    monkeypatch.setattr(scanner_module, "CHUNK", 100)
    *_, last = source('[{"a":1},{"a":"' + "x" * 5000 + '"}]').items()
    assert (
        last.problem == "this goes on for more than 1,000 characters; the file is read no further"
    )


# Size ---------------------------------------------------------------------------------------------------------


def peak(path):
    found = opened(path)
    tracemalloc.start()
    count = sum(1 for _ in found.items())
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return count, size


@pytest.mark.parametrize("layout", ["array", "page", "lines"])
def test_memory_is_the_same_for_200_objects_and_for_20_000(tmp_path, layout):
    row = {"id": "1", "properties": {"email": "kim@hanbit.example"}}
    small, large = tmp_path / "small.json", tmp_path / "large.json"
    small.write_text(LAYOUTS[layout]([row] * 200))
    large.write_text(LAYOUTS[layout]([row] * 20_000))
    (few, little), (many, much) = peak(small), peak(large)
    assert (few, many) == (200, 20_000)
    # What is read ahead is 64 KiB, which takes up to four bytes a character.
    assert much < little + 600_000


def test_what_else_is_in_a_page_is_not_held(tmp_path):
    path = tmp_path / "people.json"
    path.write_text('{"included":[' + '"text",' * 1_000_000 + '1],"results":[{"a":1}]}')
    assert path.stat().st_size > 7_000_000
    tracemalloc.start()
    assert values(opened(path)) == [{"a": 1}]
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size < 3_000_000


def test_a_value_of_10_mb_is_read(source):
    for inner in ("x", "\\n", "가"):
        count = 10_000_000 // len(inner.encode())
        first, second = source(f'[{{"a":"{inner * count}"}},{{"a":2}}]').items()
        assert len(first.values["a"]) == count
        assert (first.problem, second.values) == (None, {"a": 2})


def test_naughty_strings_survive_as_values_and_as_names(source):
    path = DATA / "09_validation/blns.json"
    if not path.is_file():
        pytest.skip("../shared/data is not there")
    strings = json.loads(path.read_text())
    rows = [{"text": each, f"_{each}": n} for n, each in enumerate(strings)]
    for layout in ("lines", "array", "pretty array", "page"):
        assert values(source(LAYOUTS[layout](rows))) == rows


# The scanner --------------------------------------------------------------------------------------------------


@KEPT
@given(JSON, STYLES, st.integers(1, 9))
def test_the_scanner_cuts_as_the_parser_does(value, style, chunk):
    text = json.dumps([value, value], **style)
    before = scanner_module.CHUNK
    scanner_module.CHUNK = chunk
    try:
        scanner = Scanner(io.StringIO(text))
        pieces = list(scanner.elements())
    finally:
        scanner_module.CHUNK = before
    assert [json.loads(each.text) for each in pieces] == [value, value]
    assert scanner.peek() == ""
    assert scanner.line == 1 + text.count("\n")


def test_the_scanner_says_where_it_stands():
    scanner = Scanner(io.StringIO('{\n"a": [1],\n\n"b": {"c": "}"}\n}'))
    members = scanner.members()
    assert (next(members), scanner.shape(), scanner.value()) == ("a", "[1", ("[1]", 2, None))
    assert (next(members), scanner.shape()) == ("b", "{")
    assert scanner.value(keep=False).line == 4
    with pytest.raises(StopIteration):
        next(members)
    with pytest.raises(BrokenOff):
        scanner.value()
