"""`crm plugin check`: each validator finds what it is for, and says what to do about it."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from crmkit import Finding, PluginError, load_config
from crmkit.testing.check import check_plugin

ROOT = Path(__file__).parents[1]
CLINIC = ROOT / "examples" / "clinic"

PROJECT = """\
[project]
name = "crmkit-sample"
version = "1.0"
dependencies = ["crmkit"]

[project.entry-points.crmkit]
sample = "crmkit_sample"
"""

GOOD = '''\
"""A plugin that is in order."""

from datetime import timedelta
from typing import TYPE_CHECKING

from crmkit import (
    Check, CommandSpec, Customer, FieldSpec, Finding, Manifest, Record, Section, WorkerSpec,
    field, hookimpl, kind,
)

if TYPE_CHECKING:
    import pytest

manifest = Manifest("sample")


@kind("sample", title="name", schema=2)
class Sample(Record):
    """Something."""

    customer_id: str = field(refers_to=Customer)
    name: str = field(search=True)

    @classmethod
    def upgrade(cls, data, from_schema):
        data.setdefault("name", data.pop("title", "") or "none")
        return data


@hookimpl
def crm_kinds():
    return [Sample]


@hookimpl
def crm_fields():
    return [FieldSpec(on=Customer, name="tier", type=str | None)]


@hookimpl
def crm_commands():
    return [CommandSpec("sample", "Samples.", "crmkit_sample.cli:sample")]


@hookimpl
def crm_workers():
    return [
        WorkerSpec("sample", "crmkit_sample.work:follow", kinds=[Sample]),
        WorkerSpec("sample-clock", "crmkit_sample.work:tick", every=timedelta(days=1)),
    ]


@hookimpl
def crm_checks():
    return [Check("sample", lambda crm: [Finding("odd", "mend it")], "Samples.")]


@hookimpl
def crm_profile(customer):
    return Section("sample", "Sample", [("Name", customer.name)])
'''

CLI = '''\
import click


@click.command()
def sample():
    """Print samples."""
'''

WORK = "def follow(tx, changes): ...\n\n\ndef tick(tx, now): ...\n"

Judge = Callable[..., list[Finding]]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Writes the distribution crmkit-sample, parts of it replaced, and checks it."""

    def judge(*replaced: tuple[str, str], more: str = "", **files: str | None) -> list[Finding]:
        source = GOOD + textwrap.dedent(more)
        for old, new in replaced:
            assert old in source, old
            source = source.replace(old, new)
        package = "src/crmkit_sample"
        written: dict[str, str | None] = {
            "pyproject.toml": PROJECT,
            "README.md": "# Sample\n",
            f"{package}/__init__.py": source,
            f"{package}/cli.py": CLI,
            f"{package}/work.py": WORK,
            f"{package}/py.typed": "",
        }
        written |= {path.replace("__", "/").replace("_py", ".py"): t for path, t in files.items()}
        for path, text in written.items():
            if text is not None:
                place = tmp_path / "crmkit-sample" / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, "utf-8")
        return check_plugin(str(tmp_path / "crmkit-sample"))

    return judge


def only(found: list[Finding]) -> str:
    """The text of the only finding."""
    assert len(found) == 1, [str(each) for each in found]
    assert found[0].fix
    return found[0].text


# Plugins in order ------------------------------------------------------------------------------------------------


def test_nothing_is_said_of_a_plugin_in_order(judge: Judge) -> None:
    assert judge() == []


def test_an_installed_plugin_is_checked_by_name() -> None:
    assert check_plugin("sqlite") == []


def test_a_local_plugin_is_checked_by_path_or_by_name_with_its_settings() -> None:
    config = load_config(CLINIC / "crm.toml")

    assert check_plugin(str(CLINIC / "clinic"), config) == []
    assert check_plugin("clinic", config) == []


def test_a_plugin_of_one_file(tmp_path: Path) -> None:
    file = tmp_path / "single.py"
    source = 'from crmkit import Manifest\n\nmanifest = Manifest("single")\n'

    file.write_text(source, "utf-8")
    assert check_plugin(str(file)) == []

    file.write_text(f"import sqlite3\n{source}", "utf-8")
    assert only(check_plugin(str(file))) == "importing it loads sqlite3"


def test_one_that_is_not_there_is_an_error_naming_the_nearest() -> None:
    with pytest.raises(PluginError, match="did you mean 'sqlite'"):
        check_plugin("sqlit")


def test_a_distribution_without_a_plugin_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n', "utf-8")

    with pytest.raises(PluginError, match=r"add \[project\.entry-points\.crmkit\]"):
        check_plugin(str(tmp_path))


# What the files say -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [("sample", "is not called crmkit-NAME"), ("crmkit-other", "nobody would look for in it")],
)
def test_the_distribution_bears_the_plugins_name(judge: Judge, name: str, text: str) -> None:
    project = PROJECT.replace('"crmkit-sample"', f'"{name}"')
    found = judge(**{"pyproject.toml": project})

    assert text in only(found)
    assert found[0].severity == "warning"


def test_annotations_and_a_readme_are_shipped(judge: Judge) -> None:
    found = judge(**{"README.md": None, "src__crmkit_sample__py.typed": None})

    assert [each.severity for each in found] == ["warning", "warning"]
    assert "README" in found[1].text or "README" in found[0].text


def test_the_entry_module_imports_nothing_heavy(judge: Judge) -> None:
    found = judge(("manifest =", "import babel\n\nmanifest ="))

    assert any("imports babel when the plugin loads" in each.text for each in found)
    assert any("importing it loads babel" in each.text for each in found)
    assert any("babel, which the distribution does not depend on" in each.text for each in found)


def test_neither_do_modules_that_it_imports(judge: Judge) -> None:
    kinds = "from crmkit_sample.more import x\n"
    found = judge(
        ("manifest =", "from crmkit_sample import own\n\nmanifest ="),
        src__crmkit_sample__own_py=kinds,
        src__crmkit_sample__more_py="import babel\nx = 1\n",
        **{"pyproject.toml": PROJECT.replace('["crmkit"]', '["crmkit", "babel"]')},
    )

    assert "more.py, line 1, imports babel when the plugin loads" in [each.text for each in found]


def test_what_a_function_imports_is_declared(judge: Judge) -> None:
    text = only(judge(src__crmkit_sample__work_py=f"{WORK}\ndef heavy():\n    import babel\n"))

    assert text == "work.py, line 7, imports babel, which the distribution does not depend on"


def test_private_names_of_the_core_are_left_alone(judge: Judge) -> None:
    found = judge(("manifest =", "from crmkit.hooks import _items\n\nmanifest ="))

    assert only(found).endswith("imports crmkit.hooks._items, which is not public")


# Importing and loading --------------------------------------------------------------------------------------------


def test_a_slow_import_is_a_warning(judge: Judge) -> None:
    found = judge(("manifest =", "import time\n\ntime.sleep(0.7)\nmanifest ="))

    assert "importing it takes" in only(found)


def test_a_heavy_part_of_the_standard_library_is_a_warning(judge: Judge) -> None:
    found = judge(("manifest =", "import sqlite3\n\nmanifest ="))

    assert only(found) == "importing it loads sqlite3"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("manifest =", "1 / 0\nmanifest =", "cannot be imported: ZeroDivisionError"),
        ("manifest =", "manifesto =", "has no manifest"),
        ('Manifest("sample")', 'Manifest("other")', "calls itself 'other'"),
        ('Manifest("sample")', 'Manifest("sample", api="1.999")', "is made for hook API 1.999"),
        (
            'Manifest("sample")',
            'Manifest("sample", requires=["none"])',
            "requires the plugin 'none'",
        ),
        ("def crm_kinds", "def crm_kind", "implements crm_kind, which is no hook"),
        ("crm_profile(customer)", "crm_profile(customers)", "which the hook does not pass"),
        ("@hookimpl\ndef crm_kinds", "def crm_kinds", "crm_kinds that is not marked"),
        ("refers_to=Customer", 'refers_to="custommer"', "refers to 'custommer', which is no kind"),
        ("name: str =", "name: set =", "which crmkit cannot store"),
        ('kind("sample"', 'kind("customer"', "kind 'customer'"),
        ('name="tier"', 'name="other.tier"', "its namespace is 'sample'"),
    ],
)
def test_what_keeps_it_from_loading_is_said(judge: Judge, old: str, new: str, text: str) -> None:
    found = judge((old, new))

    assert found
    assert all(each.fix for each in found)
    assert any(text in each.text for each in found), [each.text for each in found]


def test_what_a_plugin_requires_is_loaded_with_it(judge: Judge) -> None:
    found = judge(
        ('Manifest("sample")', 'Manifest("sample", requires=["sqlite"])'),
        ("manifest =", "import crmkit_sqlite\n\nmanifest ="),
        **{"pyproject.toml": PROJECT.replace('["crmkit"]', '["crmkit", "crmkit-sqlite"]')},
    )

    assert found == []


def test_a_plugin_that_is_used_is_required(judge: Judge) -> None:
    found = judge(
        ("manifest =", "import crmkit_sqlite\n\nmanifest ="),
        **{"pyproject.toml": PROJECT.replace('["crmkit"]', '["crmkit", "crmkit-sqlite"]')},
    )

    assert only(found) == "importing it loads crmkit_sqlite"


def test_settings_have_defaults(judge: Judge) -> None:
    settings = "import attrs\n\n@attrs.frozen\nclass Settings:\n    key: str\n\n"
    found = judge(("manifest = Manifest(", f"{settings}manifest = Manifest(config=Settings, name="))

    assert "[plugin.sample] lacks key" in only(found)


def test_a_plugin_that_ends_the_process_is_survived(judge: Judge) -> None:
    text = only(judge(("manifest =", "import os\n\nos._exit(7)\nmanifest =")))

    assert text == "it ended the process that checked it: exit code 7"


# Kinds -------------------------------------------------------------------------------------------------------------


def test_a_kind_says_what_it_is_and_what_names_its_records(judge: Judge) -> None:
    found = judge((', title="name"', ""), ('    """Something."""\n\n', ""))

    assert {each.text for each in found} == {
        "lists show records of sample by their id",
        "Sample has no docstring",
    }


def test_no_field_hides_a_method(judge: Judge) -> None:
    found = judge(
        (
            "    name: str = field(search=True)\n",
            "    name: str = field()\n    has: str | None = None\n",
        )
    )
    assert only(found) == "sample.has has the name of a method of conditions"

    found = judge(
        (
            "    name: str = field(search=True)\n",
            "    name: str = field()\n    evolve: str | None = None\n",
        )
    )
    assert any("hides the method" in each.text for each in found)


def test_a_class_that_computes_its_values_is_found(judge: Judge) -> None:
    computed = '\n    def __attrs_post_init__(self):\n        raise ValueError("no name")\n'
    found = judge(("    @classmethod\n", f"{computed}\n    @classmethod\n"))

    assert any("a record of sample cannot be made and stored" in each.text for each in found)


def test_a_schema_that_went_up_has_an_upgrade(judge: Judge) -> None:
    assert "does not bring older documents forward" in only(
        judge(("    @classmethod\n    def upgrade", "    def upgraded"))
    )
    assert "upgrade from schema 1 fails" in only(
        judge(('data.setdefault("name"', 'del data["title"]\n        data.setdefault("name"'))
    )


# What it brings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cli", "text"),
    [
        ("x = 1\n", "names crmkit_sample.cli:sample"),
        ("def sample(): ...\n", "not a click command"),
        (CLI.replace('"""Print samples."""', "..."), "`crm sample --help` says nothing"),
    ],
)
def test_commands_can_be_run_and_say_what_they_do(judge: Judge, cli: str, text: str) -> None:
    assert text in only(judge(src__crmkit_sample__cli_py=cli))


def test_a_command_hides_behind_no_built_in_one(judge: Judge) -> None:
    found = judge(('CommandSpec("sample"', 'CommandSpec("search"'))

    assert only(found) == "its command search is hidden by the built-in one"


@pytest.mark.parametrize(
    ("work", "text"),
    [
        ("x = 1\n", "names crmkit_sample.work:"),
        (
            WORK.replace("follow(tx, changes)", "follow(changes)"),
            "cannot be called with (tx, changes)",
        ),
        (WORK.replace("tick(tx, now)", "tick(now)"), "cannot be called with (tx, now)"),
        (WORK.replace("now): ...", "now): yield"), "only does something when somebody iterates"),
    ],
)
def test_workers_can_be_called(judge: Judge, work: str, text: str) -> None:
    assert text in only(judge(src__crmkit_sample__work_py=work))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('[Finding("odd", "mend it")]', "1 / 0", "the check sample fails: ZeroDivisionError"),
        ('[Finding("odd", "mend it")]', '["odd"]', "the check sample returns 'odd'"),
        ("customer.name", "customer.nam", "failed in crm_profile"),
    ],
)
def test_checks_and_sections_work_on_an_empty_database(
    judge: Judge, old: str, new: str, text: str
) -> None:
    assert text in only(judge((old, new)))


def test_a_guard_that_breaks_is_found_and_one_that_refuses_is_not(judge: Judge) -> None:
    guard = """

        @hookimpl
        def crm_validate(kind, writes):
            return [write.problem("name", "no") for write in writes if {condition}]
        """

    assert "failed in crm_validate" in only(judge(more=guard.format(condition='write.record["x"]')))
    assert judge(more=guard.format(condition="True")) == []


def test_starting_and_stopping_work(judge: Judge) -> None:
    hook = "\n\n@hookimpl\ndef {}(crm):\n    1 / 0\n"

    assert "failed in crm_startup" in only(judge(more=hook.format("crm_startup")))
    assert "failed in crm_shutdown" in only(judge(more=hook.format("crm_shutdown")))


def test_a_storage_keeps_what_storages_promise(judge: Judge) -> None:
    storages = (
        '\n\n@hookimpl\ndef crm_storages():\n    return {"sample": "crmkit_sample.store:open"}\n'
    )
    good = "from crmkit.memory import MemoryStorage\n\n\ndef open(url):\n    return Sample()\n\n\n"
    good += "class Sample(MemoryStorage):\n"

    assert judge(more=storages, src__crmkit_sample__store_py=f"{good}    pass\n") == []
    deaf = "    def search(self, text, *others):\n        return super().search('', *others)\n"
    found = judge(more=storages, src__crmkit_sample__store_py=good + deaf)
    assert found
    assert all("sample:// breaks a rule of storages: " in each.text for each in found)
    assert any("test_a_korean_word" in each.fix for each in found)
    closed = "    def __init__(self):\n        from crmkit import BackendError\n\n"
    closed += "        raise BackendError('there is no server; start one')\n"
    found = judge(more=storages, src__crmkit_sample__store_py=good + closed)
    assert "does not open a file of its own" in only(found)
    assert found[0].severity == "warning"


# Together with others ----------------------------------------------------------------------------------------------


def test_what_another_plugin_brings_already_is_a_conflict(judge: Judge) -> None:
    more = '\n\n@hookimpl\ndef crm_storages():\n    return {"sqlite": "crmkit_sample.work:tick"}\n'
    found = judge(more=more)

    assert any("'sqlite' comes from both" in each.text for each in found), found


def test_what_it_brings_does_not_depend_on_what_ran_before(judge: Judge) -> None:
    found = judge(
        ('CommandSpec("sample"', 'CommandSpec(f"sample{len(calls)}"'),
        ("def crm_commands():\n", "def crm_commands():\n    calls.append(1)\n"),
        ("manifest =", "calls = []\nmanifest ="),
    )

    assert only(found) == "what it brings depends on the order in which plugins load"
