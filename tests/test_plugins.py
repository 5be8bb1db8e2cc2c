"""Plugins: found without being imported, loaded all or none, refused by name, and never dependent on their order."""

import itertools
import subprocess
import sys
import textwrap
import types
from datetime import time, timedelta
from pathlib import Path

import attrs
import pytest

from crmkit import plugins as plugins_module
from crmkit.errors import ConfigError, CrmError, PluginConflict, PluginError, ValueRefused
from crmkit.kinds import Customer
from crmkit.manifest import (
    Check,
    CommandSpec,
    FieldSpec,
    Finding,
    Found,
    Manifest,
    Restriction,
    Section,
    WorkerSpec,
    hookimpl,
    hookspec,
)
from crmkit.plugins import BrokenPlugins, Plugins, choose, discover, find_local, resolve
from crmkit.records import Record, kind


def plugin(name, *functions, **manifest):
    """A plugin as a module: its manifest, and these functions as implementations of hooks."""
    module = types.ModuleType(f"{name}_plugin")
    module.manifest = Manifest(name, **manifest)
    for function in functions:
        setattr(module, function.__name__, hookimpl(function))
    return module


def broken(*sources):
    """What is said of these plugins: one sentence for each fault."""
    with pytest.raises(BrokenPlugins) as refused:
        Plugins.load(sources)
    assert str(refused.value) == "\n".join(map(str, refused.value.broken))
    return [str(error) for error in refused.value.broken]


def written(folder, code):
    """A plugin as a file, in a folder that is made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text(textwrap.dedent(code), "utf-8")
    return folder


@pytest.fixture(autouse=True)
def no_modules_stay():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("local_"):
            del sys.modules[name]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a distribution that brings plugins: `installed("crmkit-spa", "1.0", spa="spa_module")`."""

    def install(distribution, version, **points):
        info = tmp_path / "site" / distribution / f"{distribution}-{version}.dist-info"
        info.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata)
        lines = [f"{name} = {target}" for name, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[crmkit]", *lines, ""]))
        monkeypatch.syspath_prepend(info.parent)
        return info.parent

    return install


@kind("visit")
class Visit(Record):
    reason: str = ""


# ------------------------------------------------------------------------------------------------ finding and choosing


def test_discovering_imports_no_plugin(installed):
    folder = installed("crmkit-explosive", "1.2", local_explosive="local_explosive", other="x.y:z")
    written(folder / "local_explosive.py", "raise RuntimeError('imported')")

    found = {each.name: each for each in discover()}

    assert found["local_explosive"] == Found(
        "local_explosive", "crmkit-explosive", "1.2", "local_explosive"
    )
    assert found["other"].target == "x.y:z"
    assert "local_explosive" not in sys.modules


def test_importing_the_module_imports_nothing_slow():
    code = "import sys, crmkit.plugins, crmkit.config; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"cattrs", "tomllib", "zoneinfo", "importlib.metadata"} & set(modules)


def test_plugins_of_one_distribution_share_its_namespace():
    one = Found("tickets", "crmkit-operational", "1.0", "x")
    two = Found("deals", "crmkit-operational", "1.0", "y")
    assert one.namespace == two.namespace == "operational"
    assert Found("big-data", "crmkit-big.data-x", "1", "x").namespace == "big_data_x"
    assert Found("clinic", "./clinic", "", "x", local=True).namespace == "clinic"


SOME = tuple(Found(name, f"crmkit-{name}", "1.0", name) for name in ("clinic", "spa", "sqlite"))


def test_all_that_are_installed_are_chosen_unless_some_are_wanted_or_disabled():
    assert choose(SOME) == SOME
    assert [each.name for each in choose(SOME, ["sqlite", "clinic", "sqlite"])] == [
        "sqlite",
        "clinic",
    ]
    assert [each.name for each in choose(SOME, None, ["spa", "long-gone"])] == ["clinic", "sqlite"]
    assert choose(SOME, []) == ()


def test_an_unknown_plugin_is_refused_with_the_nearest():
    with pytest.raises(PluginError, match="there is no plugin 'clinci'; did you mean 'clinic'"):
        choose(SOME, ["clinci"])
    with pytest.raises(PluginError, match="there is no plugin 'zzz'; install it"):
        choose(SOME, ["zzz"])


def test_a_local_plugin_is_found_by_its_path_from_the_folder(tmp_path):
    file = written(tmp_path / "spa.py", "")
    package = written(tmp_path / "clinic" / "__init__.py", "")

    chosen = choose(SOME, ["./spa.py", "./clinic", "sqlite"], folder=tmp_path)

    assert [(each.name, each.target, each.local) for each in chosen] == [
        ("spa", str(file), True),
        ("clinic", str(package), True),
        ("sqlite", "sqlite", False),
    ]


@pytest.mark.parametrize("path", ["./gone", "./gone.py", "./empty", "./not-a-name.py", "./x.txt"])
def test_a_path_without_a_plugin_is_refused(tmp_path, path):
    (tmp_path / "empty").mkdir()
    written(tmp_path / "not-a-name.py", "")
    written(tmp_path / "x.txt", "")
    with pytest.raises(PluginError, match=r"there is no plugin at .*; name a \.py file or a pack"):
        find_local(path, tmp_path)


# -------------------------------------------------------------------------------------------------------- local plugins


LOCAL = """
    from crmkit.manifest import CommandSpec, Manifest, hookimpl

    manifest = Manifest("local_clinic")

    @hookimpl
    def crm_commands():
        yield CommandSpec("visits", "The visits of a day.", "local_clinic.cli:visits")
"""


def test_a_local_package_is_loaded_and_its_own_modules_are_found(tmp_path):
    written(tmp_path / "local_clinic" / "__init__.py", LOCAL)
    written(tmp_path / "local_clinic" / "cli.py", "visits = 'the command'")
    found = find_local("./local_clinic", tmp_path)

    commands, errors = Plugins.load([found]).commands()

    spec, implementation = commands["visits"]
    assert errors == ()
    assert str(implementation.owner) == "local_clinic (./local_clinic)"
    assert resolve(spec.target, implementation.owner) == "the command"
    assert str(tmp_path) not in sys.path


def test_a_local_file_is_loaded_and_may_be_loaded_twice(tmp_path):
    written(tmp_path / "local_clinic.py", LOCAL)
    found = find_local("local_clinic.py", tmp_path)
    assert Plugins.load([found]).order == Plugins.load([found]).order == ("local_clinic",)


def test_a_local_plugin_that_hides_another_module_is_refused(tmp_path):
    written(tmp_path / "json.py", "manifest = None")
    [said] = broken(find_local("json.py", tmp_path))
    assert "ImportError: another module is called 'json'" in said
    assert "rename the plugin" in said
    assert "dumps" in dir(sys.modules["json"])


def test_a_local_plugin_that_failed_can_be_mended_and_loaded(tmp_path):
    file = written(tmp_path / "local_clinic.py", "1 / 0  # broken")
    found = find_local("local_clinic.py", tmp_path)
    assert "ZeroDivisionError" in broken(found)[0]

    written(file, LOCAL)

    assert Plugins.load([found]).order == ("local_clinic",)


# ------------------------------------------------------------------------------------------------------------- refusals


def test_all_broken_plugins_are_reported_at_once_each_with_what_to_do(installed):
    folder = installed("crmkit-bad", "0.3", local_a="local_a", local_b="local_b:plugin")
    written(folder / "local_a.py", "import nothing_of_that_name")
    written(folder / "local_b.py", "raise SystemExit('no')")
    found = [each for each in discover() if each.distribution == "crmkit-bad"]

    with pytest.raises(BrokenPlugins) as refused:
        Plugins.load([*found, types.ModuleType("bare")])

    errors = {error.plugin: error for error in refused.value.broken}
    assert sorted(errors) == ["bare", "local_a", "local_b"]
    assert "plugin local_a (crmkit-bad 0.3) cannot be imported: ModuleNotFoundError" in str(
        errors["local_a"]
    )
    assert "SystemExit: no" in str(errors["local_b"])
    assert "has no manifest; write `manifest = Manifest('bare')`" in str(errors["bare"])
    for name, error in errors.items():
        assert f"`crm plugin disable {name}`" in str(error)
    assert isinstance(errors["local_a"].__cause__, ModuleNotFoundError)
    assert isinstance(refused.value.__cause__, ExceptionGroup)


def test_an_entry_point_may_name_an_object_in_a_module(installed):
    folder = installed("crmkit-spa", "1.0", spa="local_spa:plugin")
    written(
        folder / "local_spa.py",
        """
        from crmkit.manifest import Manifest, hookimpl

        class Plugin:
            manifest = Manifest("spa")

            @hookimpl
            def crm_storages(self):
                return {"spa": "local_spa:Plugin"}

        plugin = Plugin()
        """,
    )
    found = [each for each in discover() if each.name == "spa"]
    assert list(Plugins.load(found).storages()) == ["spa"]


def test_a_manifest_must_be_one_and_agree_with_the_entry_point(installed):
    folder = installed("crmkit-spa", "1.0", local_spa="local_spa")
    file = written(folder / "local_spa.py", "manifest = 'spa'")
    found = [each for each in discover() if each.name == "local_spa"]
    assert "has no manifest" in broken(*found)[0]

    del sys.modules["local_spa"]
    written(file, "from crmkit.manifest import Manifest\nmanifest = Manifest('wellness')")

    assert "calls itself 'wellness' in its manifest" in broken(*found)[0]


def test_two_plugins_of_one_name_are_a_conflict_that_names_both_distributions(installed):
    for distribution, module in (("crmkit-spa", "local_x"), ("acme-spa", "local_y")):
        folder = installed(distribution, "1.0", spa=module)
        written(
            folder / f"{module}.py", "from crmkit import manifest as m\nmanifest=m.Manifest('spa')"
        )
    found = [each for each in discover() if each.name == "spa"]

    with pytest.raises(BrokenPlugins) as refused:
        Plugins.load(found)

    [conflict] = refused.value.broken
    assert isinstance(conflict, PluginConflict)
    assert "spa (acme-spa 1.0) and spa (crmkit-spa 1.0); disable or uninstall one" in str(conflict)


@pytest.mark.parametrize(
    ("api", "side"), [("2.0", "crmkit"), ("1.1", "crmkit"), ("0.9", "the plugin")]
)
def test_a_plugin_for_another_hook_api_is_refused(api, side):
    [said] = broken(plugin("spa", api=api))
    assert f"is made for hook API {api}, and this is 1.0; upgrade {side}" in said


def test_a_missing_requirement_is_named():
    [said] = broken(plugin("spa", requires=["operational"]))
    assert "plugin spa (module spa_plugin) requires the plugin 'operational'" in said
    assert "install or enable it" in said


def test_a_broken_requirement_is_not_reported_twice(tmp_path):
    written(tmp_path / "local_bad.py", "1 / 0")

    def crm_channels():
        """A hook of the plugin that cannot be imported."""

    said = broken(
        find_local("local_bad.py", tmp_path), plugin("spa", crm_channels, requires=["local_bad"])
    )

    assert len(said) == 1
    assert "local_bad" in said[0]


def test_plugins_that_require_each_other_are_refused():
    said = broken(
        plugin("a", requires=["b"]), plugin("b", requires=["c"]), plugin("c", requires=["a"])
    )
    assert len(said) == 1
    assert "requires itself, by way of a, b, c; use `extends`" in said[0]


def crm_kindz():
    """A misspelt hook."""


def crm_validate(kind, write):
    """A misspelt argument."""


def crm_startup():
    """An implementation that is fine."""


async def crm_shutdown():
    """An implementation that nobody would await."""


async def crm_kinds():
    """An async generator."""
    yield Visit


def crm_fields(*fields):
    """Variable arguments."""


def crm_storages(**storages):
    """Variable keyword arguments."""


def crm_restrict(crm, *, actor):
    """A keyword-only argument."""


def crm_committed(crm, changes=()):
    """A default."""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (crm_kindz, "implements crm_kindz, which is no hook; did you mean 'crm_kinds'?"),
        (crm_validate, "takes write in crm_validate, which the hook does not pass; it passes tx, "),
        (crm_shutdown, "has an async crm_shutdown; make it a plain function"),
        (crm_kinds, "has an async crm_kinds; make it a plain function"),
        (crm_fields, "takes *fields in crm_fields; name the arguments"),
        (crm_storages, "takes **storages in crm_storages; name the arguments"),
        (crm_restrict, "takes actor in crm_restrict by keyword only; remove the `*`"),
        (crm_committed, "takes changes=() in crm_committed with a default, which is never used"),
    ],
)
def test_an_implementation_that_cannot_be_called_as_the_hook_says_is_refused(function, said):
    [sentence] = broken(plugin("spa", function))
    assert sentence.startswith(f"plugin spa (module spa_plugin) {said}")
    assert sentence.endswith("; or go on without it: `crm plugin disable spa`")


@pytest.mark.parametrize("option", ["tryfirst", "trylast", "wrapper", "hookwrapper", "specname"])
def test_an_option_by_which_order_would_matter_is_refused(option):
    module = plugin("spa")

    @hookimpl(**{option: "crm_startup" if option == "specname" else True})
    def crm_startup(crm):
        yield

    module.crm_startup = crm_startup

    [said] = broken(module)
    assert f"marks crm_startup with {option}; remove it" in said


def test_a_hook_function_that_is_not_marked_is_refused():
    module = plugin("spa")
    module.crm_startup = crm_startup
    assert "has a function crm_startup that is not marked; add @hookimpl" in broken(module)[0]


def test_every_fault_of_a_plugin_is_told():
    assert len(broken(plugin("spa", crm_kindz, crm_validate, crm_committed))) == 3


def test_a_slow_import_is_a_warning_and_not_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins_module, "SLOW_IMPORT", -1.0)
    written(tmp_path / "local_clinic.py", LOCAL)
    [warning] = Plugins.load([find_local("local_clinic.py", tmp_path)]).warnings
    assert "plugin local_clinic (local_clinic.py) takes 0." in warning


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Manifest("Big Spa"), "Manifest.name is 'Big Spa'; write it as in"),
        (lambda: Manifest("spa", api="1"), "Manifest.api is '1'; write it as in '1.0'"),
        (lambda: Manifest("spa", config=3), "Manifest.config is 3; give it an attrs class"),
        (lambda: CommandSpec("visits", "x", "no target"), "CommandSpec.target is 'no target'"),
        (lambda: WorkerSpec("w", "a:b"), "worker 'w' needs either kinds= or every="),
        (lambda: WorkerSpec("w", "a:b", (), timedelta(1)), "needs either kinds= or every="),
        (lambda: WorkerSpec("w", "a:b", every=timedelta(0)), "above zero"),
        (lambda: FieldSpec(on="customer", name="a.b.c", type=str), "FieldSpec.name is 'a.b.c'"),
    ],
)
def test_a_value_object_that_cannot_be_is_refused(make, said):
    with pytest.raises(ConfigError) as refused:
        make()
    assert said in str(refused.value)


def test_value_objects_keep_plain_values():
    assert WorkerSpec("w", "a:b", kinds=[Visit, "ticket"]).kinds == ("visit", "ticket")
    assert WorkerSpec("w", "a:b", kinds=()).kinds == ()
    assert Restriction([], ["phone"]) == Restriction((), frozenset({"phone"}))
    assert Section("visits", "Visits", [("last", "today")]).rows == (("last", "today"),)
    assert Finding("no hours", "add them").severity == "error"


# ------------------------------------------------------------------------------------------------------ hooks of plugins


def channel_hooks():
    module = types.ModuleType("channel_hooks")

    @hookspec
    def crm_channels(crm):
        """Bring channels."""

    module.crm_channels = crm_channels
    return module


def crm_channels(crm):
    """An implementation of another plugin's hook."""
    return [CommandSpec("kakao", "Kakao", "a:b")]


def test_a_plugin_may_bring_hooks_that_others_implement():
    owner = plugin("collaborative", hookspecs=channel_hooks())
    loaded = Plugins.load([plugin("kakao", crm_channels, requires=["collaborative"]), owner])

    assert [each.owner.name for each in loaded.calls("crm_channels")] == ["kakao"]
    assert list(loaded.merged("crm_channels", CommandSpec, crm=None)) == ["kakao"]


def test_an_implementation_of_another_plugins_hook_is_checked_like_any():
    def crm_channels(app):
        """The argument is called crm."""

    said = broken(plugin("collaborative", hookspecs=channel_hooks()), plugin("kakao", crm_channels))
    assert "takes app in crm_channels, which the hook does not pass; it passes crm" in said[0]


def test_two_plugins_that_bring_one_hook_are_a_conflict():
    [said] = broken(plugin("a", hookspecs=channel_hooks()), plugin("b", hookspecs=channel_hooks()))
    assert "hook 'crm_channels' comes from both a (module a_plugin) and b (" in said


def optional(function):
    module = plugin("kakao", extends=["collaborative"])
    module.crm_channels = hookimpl(optionalhook=True)(function)
    return module


def test_a_hook_of_an_absent_partner_is_left_alone_if_it_is_optional():
    loaded = Plugins.load([optional(crm_channels)])
    with pytest.raises(PluginError, match="there is no hook 'crm_channels'"):
        loaded.calls("crm_channels")


def test_a_hook_of_a_present_partner_is_called_or_refused():
    partner = plugin("collaborative", hookspecs=channel_hooks())
    assert len(Plugins.load([optional(crm_channels), partner]).calls("crm_channels")) == 1
    assert "is no hook" in broken(optional(crm_channels), plugin("collaborative"))[0]


def test_an_unknown_hook_of_an_absent_partner_must_be_marked_optional():
    assert "is no hook" in broken(plugin("kakao", crm_channels, extends=["collaborative"]))[0]


# --------------------------------------------------------------------------------------------------------------- calling


def test_an_idle_hook_is_an_empty_tuple():
    assert Plugins.load([]).calls("crm_validate") == ()


def test_an_implementation_gets_what_it_asks_for_and_its_yields_become_a_list():
    def crm_validate(writes, kind):
        yield kind
        yield from writes

    [call] = Plugins.load([plugin("spa", crm_validate)]).calls("crm_validate")

    assert call.arguments == ("writes", "kind")
    assert call.call({"tx": 0, "kind": "visit", "writes": [1, 2], "actor": 0}) == ["visit", 1, 2]


def test_a_failure_bears_the_plugins_name_distribution_version_and_hook(installed):
    folder = installed("crmkit-spa", "1.2", local_spa="local_spa")
    written(
        folder / "local_spa.py",
        """
        from crmkit.manifest import Manifest, hookimpl
        manifest = Manifest("local_spa")

        @hookimpl
        def crm_validate(kind):
            yield 1 / 0
        """,
    )
    found = [each for each in discover() if each.name == "local_spa"]
    [call] = Plugins.load(found).calls("crm_validate")

    with pytest.raises(PluginError) as failed:
        call.call({"kind": "visit"})

    assert str(failed.value).startswith(
        "plugin local_spa (crmkit-spa 1.2) failed in crm_validate: ZeroDivisionError: division by"
    )
    assert (failed.value.plugin, failed.value.hook) == ("local_spa", "crm_validate")
    assert failed.value.distribution == "crmkit-spa"
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_an_error_of_crmkit_passes_unless_it_is_attempted():
    def crm_startup():
        raise ValueRefused("not that")

    [call] = Plugins.load([plugin("spa", crm_startup)]).calls("crm_startup")

    with pytest.raises(ValueRefused):
        call.call({})
    failure = call.attempt({})
    assert isinstance(failure, PluginError)
    assert "plugin spa (module spa_plugin) failed in crm_startup: not that" in str(failure)


def test_required_plugins_come_first_and_others_by_name():
    sources = [
        plugin("b", crm_startup, requires=["z"]),
        plugin("a", crm_startup, requires=["b"]),
        plugin("z", crm_startup),
        plugin("y", crm_startup),
    ]
    for order in itertools.permutations(sources):
        loaded = Plugins.load(order)
        assert loaded.order == ("y", "z", "b", "a")
        assert tuple(each.owner.name for each in loaded.calls("crm_startup")) == loaded.order


# --------------------------------------------------------------------------------------------------------------- merging


def bringing(name, hook, result):
    def implementation():
        return result

    implementation.__name__ = hook
    return plugin(name, implementation)


def test_what_plugins_bring_is_named_with_the_plugin_it_comes_from():
    loaded = Plugins.load(
        [
            bringing("a", "crm_kinds", [Visit]),
            bringing("b", "crm_storages", {"b": "b:open"}),
            bringing("c", "crm_workers", (WorkerSpec("w", "c:run", kinds=()),)),
            bringing("d", "crm_checks", [Check("hours", lambda crm: None, "Opening hours.")]),
            bringing("e", "crm_commands", CommandSpec("new", "x", "e:f", group="plugin")),
        ]
    )

    assert loaded.kinds()["visit"][0] is Visit
    assert loaded.storages()["b"][0] == ("b", "b:open")
    assert loaded.workers()["w"][1].owner.name == "c"
    assert list(loaded.checks()[0]) == ["hours"]
    assert list(loaded.commands()[0]) == ["plugin new"]


def test_fields_on_other_kinds_bear_the_plugins_namespace():
    fields = [
        FieldSpec(on=Customer, name="chart_no", type=str | None, index=True, label="Chart"),
        FieldSpec(on="deal", name="clinic.ward", type=str | None),
    ]
    loaded = Plugins.load([bringing("clinic", "crm_fields", fields)])

    brought = loaded.fields()

    assert list(brought) == ["customer.clinic.chart_no", "deal.clinic.ward"]
    assert brought["customer.clinic.chart_no"][0].index


def test_a_field_in_a_foreign_namespace_is_refused():
    spec = FieldSpec(on=Customer, name="spa.ward", type=str)
    loaded = Plugins.load([bringing("clinic", "crm_fields", [spec])])
    with pytest.raises(PluginError, match="its namespace is 'clinic'; call it 'ward'"):
        loaded.fields()


@pytest.mark.parametrize(
    ("hook", "item", "said"),
    [
        ("crm_kinds", Visit, "kind 'visit'"),
        ("crm_workers", WorkerSpec("w", "a:b", kinds=()), "worker 'w'"),
    ],
)
def test_the_same_thing_from_two_plugins_is_a_conflict_naming_both(hook, item, said):
    sources = [bringing("spa", hook, [item]), bringing("clinic", hook, [item])]
    texts = set()
    for order in itertools.permutations(sources):
        loaded = Plugins.load(order)
        with pytest.raises(PluginConflict) as conflict:
            loaded.kinds() if hook == "crm_kinds" else loaded.workers()
        texts.add(str(conflict.value))
    assert texts == {
        f"{said} comes from both clinic (module clinic_plugin) and spa (module spa_plugin); "
        "disable or uninstall one"
    }


def test_two_storages_for_one_scheme_are_a_conflict():
    loaded = Plugins.load(
        [bringing(name, "crm_storages", {"sqlite": f"{name}:open"}) for name in ("a", "b")]
    )
    with pytest.raises(PluginConflict, match="storage 'sqlite' comes from both a"):
        loaded.storages()


@pytest.mark.parametrize("result", [[3], 3, "text", [Record], [Customer, object], {"a": "b"}])
def test_a_hook_that_returns_something_else_is_refused_with_the_plugins_name(result):
    loaded = Plugins.load([bringing("spa", "crm_kinds", result)])
    with pytest.raises(PluginError, match=r"plugin spa \(module spa_plugin\) returned"):
        loaded.kinds()


def test_a_broken_declaration_names_the_plugin_that_makes_it():
    def crm_workers():
        yield WorkerSpec("Bad Name", "a:b", kinds=())

    loaded = Plugins.load([plugin("spa", crm_workers)])
    with pytest.raises(PluginError, match=r"plugin spa .* failed in crm_workers: WorkerSpec.name"):
        loaded.workers()


@pytest.mark.parametrize("hook", ["crm_commands", "crm_checks"])
def test_a_broken_tool_leaves_the_others_working(hook):
    good = (
        CommandSpec("visits", "x", "a:b")
        if hook == "crm_commands"
        else Check("visits", lambda crm: None, "x")
    )

    def failing():
        raise ZeroDivisionError

    failing.__name__ = hook
    loaded = Plugins.load([plugin("bad", failing), bringing("good", hook, [good])])

    brought, errors = loaded.commands() if hook == "crm_commands" else loaded.checks()

    assert list(brought) == ["visits"]
    assert [error.plugin for error in errors] == ["bad"]


def test_of_two_commands_of_one_name_the_first_by_name_stays_and_both_are_named():
    spec = CommandSpec("visits", "x", "a:b")
    sources = [bringing("spa", "crm_commands", [spec]), bringing("clinic", "crm_commands", [spec])]
    for order in itertools.permutations(sources):
        commands, [error] = Plugins.load(order).commands()
        assert commands["visits"][1].owner.name == "clinic"
        assert "command 'visits' comes from both clinic" in str(error)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no_such_module:x", "ModuleNotFoundError"),
        ("json:no_such_thing", "AttributeError"),
    ],
)
def test_a_target_that_is_not_there_is_refused_with_the_plugins_name(target, said):
    with pytest.raises(PluginError, match=rf"plugin spa .* names {target}, but that fails: {said}"):
        resolve(target, Found("spa", "crmkit-spa", "1.0", "spa"))


# -------------------------------------------------------------------------------------------------------------- settings


@attrs.frozen
class Door:
    number: int


@attrs.frozen
class Settings:
    opens: time
    rooms: int = 3
    door: Door | None = None
    days: tuple[str, ...] = ()
    rate: float = 1.0
    limits: dict[str, int] = attrs.field(factory=dict)


def configured(table):
    return Plugins.load([plugin("clinic", config=Settings)], {"clinic": table}).config("clinic")


def test_settings_become_an_object_of_the_plugins_class():
    table = {
        "opens": time(9),
        "door": {"number": 2},
        "days": ["mon"],
        "rate": 2,
        "limits": {"a": 1},
    }
    assert configured(table) == Settings(time(9), 3, Door(2), ("mon",), 2.0, {"a": 1})


def test_a_plugin_without_a_class_has_no_settings():
    loaded = Plugins.load([plugin("clinic")])
    assert loaded.config("clinic") is None
    with pytest.raises(PluginError, match="plugin 'clinci' is not loaded; did you mean 'clinic'"):
        loaded.config("clinci")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "[plugin.clinic] lacks opens; add it"),
        ({"opens": "9"}, "[plugin.clinic] opens is '9'; write a time"),
        ({"opens": time(9), "rooms": "3"}, "[plugin.clinic] rooms is '3'; write a whole number"),
        ({"opens": time(9), "rooms": True}, "[plugin.clinic] rooms is True; write a whole number"),
        ({"opens": time(9), "days": "mon"}, "[plugin.clinic] days is 'mon'; write a list"),
        ({"opens": time(9), "door": {"number": "x"}}, "[plugin.clinic] door number is 'x'; write"),
        ({"opens": time(9), "door": 3}, "[plugin.clinic] door is 3; write a table"),
        (
            {"opens": time(9), "limits": {"a": "b"}},
            "[plugin.clinic] limits a is 'b'; write a whole",
        ),
        ({"openz": time(9)}, "unknown key 'openz'; did you mean 'opens'?"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_sentence(table, said):
    with pytest.raises(ConfigError) as refused:
        configured(table)
    assert said in str(refused.value)


def test_settings_that_the_class_itself_refuses_name_the_table():
    @attrs.frozen
    class Picky:
        rooms: int = attrs.field(default=1, validator=attrs.validators.gt(0))

    with pytest.raises(ConfigError, match=r"\[plugin.clinic\]: 'rooms' must be > 0"):
        Plugins.load([plugin("clinic", config=Picky)], {"clinic": {"rooms": 0}})


def test_settings_for_a_plugin_that_has_none_are_refused():
    with pytest.raises(ConfigError, match=r"\[plugin.clinic\] is there, but the plugin has no"):
        Plugins.load([plugin("clinic")], {"clinic": {"rooms": 0}})


def test_a_table_for_no_loaded_plugin_is_a_warning():
    [warning] = Plugins.load([plugin("clinic")], {"clinci": {}}).warnings
    assert "[plugin.clinci]" in warning
    assert "did you mean 'clinic'?" in warning


def test_two_apps_in_one_process_share_nothing(tmp_path):
    one, two = Plugins.load([plugin("a", crm_startup)]), Plugins.load([])
    assert one.manager is not two.manager
    assert two.calls("crm_startup") == ()
    assert issubclass(BrokenPlugins, CrmError)
    assert isinstance(tmp_path, Path)
