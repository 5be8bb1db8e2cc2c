"""The reference made from the code: a line `% generated: WHAT ARGUMENTS` in a page becomes Markdown.

Docstrings are Markdown already, so pages are expanded as text before they are parsed. The tests of the
documentation use `expand` too.
"""

from __future__ import annotations

import ast
import enum
import functools
import importlib
import inspect
import itertools
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import crmkit
from crmkit import declarations, errors, hookspecs, schema, types

_PLACE = re.compile(r"^% generated: (\w+) ?(.*)$", re.M)


def expand(text: str) -> str:
    """A page with what is generated in its place."""
    return _PLACE.sub(lambda match: GENERATORS[match[1]](*match[2].split()), text)


def _doc(thing: Any) -> str:
    return inspect.cleandoc(thing.__doc__ or "")


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# Hooks -----------------------------------------------------------------------------------------------------------

_PARTS = {
    "Called": "When",
    "Returns": "Returns",
    "Merged": "Merge",
    "Two": "Merge",
    "Each": "Merge",
    "Any": "Merge",
    "All": "Merge",
    "Conditions": "Merge",
    "With": "Merge",
    "Added": "Merge",
    "A failure": "Failure",
    "Since": "Since",
}


def _sentences(text: str) -> list[str]:
    flat = " ".join(text.split())
    return re.split(r"(?<=[.)]) (?=[A-Z`])", flat)


def hook_parts(function: Callable[..., Any]) -> dict[str, str]:
    """What a hook's docstring says, by part: summary, When, Returns, Merge, Failure, Since."""
    parts: dict[str, str] = {}
    part = "summary"
    for sentence in _sentences(_doc(function)):
        for start, name in _PARTS.items():
            if sentence.startswith(f"{start} "):
                part = name
        parts[part] = f"{parts.get(part, '')} {sentence}".strip()
    return parts


def hook(name: str, module: str = "crmkit.hookspecs") -> str:
    """One hook: what it is for, its arguments, and the table of its promises; a plugin's own with its module."""
    function = getattr(importlib.import_module(module), name)
    parts = hook_parts(function)
    rows = [(key, value) for key, value in parts.items() if key != "summary"]
    return "\n".join(
        [
            parts["summary"],
            "",
            f"```{{py:function}} {name}{_signature(function)}",
            ":no-index-entry:",
            "```",
            "",
            _table(("", ""), rows),
            "",
        ]
    )


def hooks() -> str:
    """One line for every hook."""
    rows = []
    for name in hook_names():
        parts = hook_parts(getattr(hookspecs, name))
        rows.append(
            (f"[`{name}`](#{name})", parts["summary"], parts["Since"].removeprefix("Since "))
        )
    return _table(("Hook", "For", "Since"), rows)


def hook_names() -> list[str]:
    """The hooks, in the order in which hookspecs.py has them."""
    found = [n for n, f in vars(hookspecs).items() if n.startswith("crm_") and callable(f)]
    return sorted(found, key=lambda n: getattr(hookspecs, n).__code__.co_firstlineno)


# Python names ----------------------------------------------------------------------------------------------------


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.replace("typing.", "").replace("collections.abc.", "").replace("crmkit.values.", "")


def _default(value: Any) -> str:
    if isinstance(value, bool | int | float | str | tuple | type(None)):
        return repr(value)
    if isinstance(value, enum.Enum):
        return str(value)
    return "..."


def _signature(function: Any, *, method: bool = False) -> str:
    signature = inspect.signature(function)
    shown: list[str] = []
    keyword = False
    for place, each in enumerate(signature.parameters.values()):
        if place == 0 and method:
            continue
        if each.kind is each.KEYWORD_ONLY and not keyword:
            keyword = True
            shown.append("*")
        if each.kind is each.VAR_POSITIONAL:
            keyword = True
        star = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        note = _annotation(each.annotation)
        text = f"{star}{each.name}" + (f": {note}" if note else "")
        if each.default is not each.empty:
            text += f" = {_default(each.default)}"
        shown.append(text)
    returned = _annotation(signature.return_annotation)
    if hasattr(function, "__wrapped__"):  # made by @contextmanager
        returned = returned.replace("Iterator[", "ContextManager[")
    return f"({', '.join(shown)})" + (f" -> {returned}" if returned else "")


@functools.cache
def _data_docs(module: str) -> dict[str, str]:
    """The strings that stand behind assignments of a module."""
    body = ast.parse(Path(inspect.getfile(importlib.import_module(module))).read_text()).body
    found: dict[str, str] = {}
    for before, after in itertools.pairwise(body):
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            targets = getattr(before, "targets", [getattr(before, "target", None)])
            for target in targets:
                if isinstance(target, ast.Name):
                    found[target.id] = inspect.cleandoc(str(after.value.value))
    return found


def _members(cls: type, without: frozenset[str]) -> Iterator[str]:
    for name, member in vars(cls).items():
        plain = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        doc = getattr(plain, "__doc__", None)
        if name.startswith("_") or name in without or not doc:
            continue
        if isinstance(member, property) or type(member).__name__ == "cached_property":
            yield f":::{{py:property}} {name}\n{inspect.cleandoc(doc)}\n:::\n"
        elif inspect.isfunction(plain):
            options = ":classmethod:\n" if isinstance(member, classmethod) else ""
            if getattr(plain, "__isabstractmethod__", False):
                options += ":abstractmethod:\n"
            arguments = _signature(plain, method=True)
            yield f":::{{py:method}} {name}{arguments}\n{options}\n{inspect.cleandoc(doc)}\n:::\n"


def _class(name: str, cls: type, without: frozenset[str]) -> str:
    arguments = ""
    if not issubclass(cls, enum.Enum | crmkit.Reader | crmkit.Record | Exception):
        arguments = _signature(cls).removesuffix(" -> None")
    role = "exception" if issubclass(cls, Exception) else "class"
    bases = [base.__name__ for base in cls.__bases__ if base.__name__ in crmkit.__all__]
    shown = [f"Bases: {', '.join(f'`{base}`' for base in bases)}\n"] if bases else []
    body = "\n".join([_doc(cls), "", *shown, _fields(cls), *_members(cls, without)])
    return f"::::{{py:{role}}} {name}{arguments}\n\n{body}\n::::\n"


def _fields(cls: type) -> str:
    if not (issubclass(cls, crmkit.Record) and cls.__dict__.get("__options__")):
        return ""
    rows = []
    for field in declarations.read_kind(cls).fields.values():
        options = field.options
        marks = [name for name in ("index", "search", "personal") if getattr(options, name)]
        if field.refers_to:
            marks.append(f"refers to {field.refers_to} ({options.on_delete})")
        need = "yes" if field.required and not _has_default(field) else ""
        rows.append((f"`{field.name}`", field.type.name, need, ", ".join(marks)))
    return _table(("Field", "Type", "Must be given", "Options"), rows) + "\n"


def _has_default(field: schema.Field) -> bool:
    import attrs

    return field.default is not attrs.NOTHING


def name(name: str, *without: str) -> str:
    """A public name: its signature and what its docstring says; members after it are left out."""
    thing = getattr(crmkit, name)
    home = crmkit._PUBLIC.get(name, "")
    if inspect.isclass(thing):
        text = _class(name, thing, frozenset(without))
    elif inspect.isfunction(thing):
        text = f"::::{{py:function}} {name}{_signature(thing)}\n\n{_doc(thing)}\n::::\n"
    else:
        doc = _data_docs(f"crmkit.{home}").get(name) if home else "The version of the package."
        if doc is None:
            doc = _data_docs("crmkit.hookspecs").get(name, "")
        text = f"::::{{py:data}} {name}\n\n{doc}\n::::\n"
    return f"```{{py:currentmodule}} crmkit\n```\n\n{text}"


def names(*given: str) -> str:
    """Several public names."""
    return "\n".join(map(name, given))


def part(module: str, *given: str) -> str:
    """Names of a module that are public there and not in `crmkit` itself."""
    home = importlib.import_module(module)
    shown = []
    for each in given:
        thing = getattr(home, each)
        if inspect.isclass(thing):
            is_made_so = not (inspect.isabstract(thing) or issubclass(thing, crmkit.Record))
            arguments = _signature(thing) if is_made_so else ""
            body = "\n".join([_doc(thing), "", _fields(thing), *_members(thing, frozenset())])
            shown.append(
                f"::::{{py:class}} {each}{arguments.removesuffix(' -> None')}\n\n{body}\n::::\n"
            )
        elif inspect.isfunction(thing):
            shown.append(f"::::{{py:function}} {each}{_signature(thing)}\n\n{_doc(thing)}\n::::\n")
        else:
            doc = _data_docs(module).get(each, "")
            shown.append(f"::::{{py:data}} {each}\n\n{doc}\n::::\n")
    return f"```{{py:currentmodule}} {module}\n```\n\n" + "\n".join(shown)


# Kinds and fields of plugins --------------------------------------------------------------------------------------


def kinds(module: str) -> str:
    """The kinds of a plugin's module, in the order in which it has them."""
    home = importlib.import_module(module)
    found = [getattr(home, each) for each in home.__all__]
    found.sort(key=lambda cls: inspect.getsourcelines(cls)[1])
    heads = (f"### `{each.__kind__}`\n\n{part(module, each.__name__)}" for each in found)
    return "\n".join(heads)


def added_fields(module: str) -> str:
    """The fields that a module of a plugin adds to kinds of others: its `FIELDS`."""
    home = importlib.import_module(module)
    docs = {getattr(home, name): doc for name, doc in _data_docs(module).items()}
    rows = []
    for each in home.FIELDS:
        type_, _ = declarations.type_of(each.type, each, each.name)
        kind = each.on if isinstance(each.on, str) else each.on.__kind__
        rows.append((f"`{kind}`", f"`{each.name}`", type_.name, docs.get(each.name, "")))
    return _table(("Kind", "Field", "Type", ""), rows)


# Reports of plugins -----------------------------------------------------------------------------------------------


def reports(module: str) -> str:
    """The reports of a plugin: question, what they read, figures, parameters, columns."""
    return "\n".join(map(_report, importlib.import_module(module).crm_reports()))


def _report(report: Any) -> str:
    columns = importlib.import_module(report.answer.partition(":")[0]).COLUMNS
    read = {kind: list(fields) for kind, fields in report.kinds.items()}
    for kind, fields in report.extras.items():
        read.setdefault(kind, []).extend(fields)
    parts = [f"the past of `{kind}`" for kind in report.histories]
    parts += ["the journal"] if report.journal else []
    return "\n".join(
        [
            f"### `{report.name}`\n\n{report.question}\n",
            f"Window: {report.window}. Reads {', '.join([*(f'`{each}`' for each in read), *parts])}.\n",
            *(f"- {each}" for each in report.measures),
            "",
            _table(("Parameter", "Takes", "Default", ""), map(_parameter, report.all_parameters)),
            "",
            _table(
                ("Column", "Heading", "Unit"),
                ((f"`{each.name}`", each.label, each.unit) for each in columns),
            ),
            "",
        ]
    )


def _parameter(each: Any) -> tuple[str, str, str, str]:
    takes = " or ".join(f"`{choice}`" for choice in each.choices) or each.takes
    default = "" if each.default is None else f"`{each.default}`"
    return f"`{each.name}`", takes, default, each.help


# Errors, types, operators ----------------------------------------------------------------------------------------


def error_tree() -> str:
    """Every error, what it is also an instance of, and what it means."""
    rows = []
    for each in errors.__all__:
        cls = getattr(errors, each)
        if inspect.isclass(cls) and issubclass(cls, errors.CrmError):
            bases = ", ".join(f"`{base.__name__}`" for base in cls.__bases__)
            rows.append((f"`{each}`", bases, _sentences(_doc(cls))[0]))
    return _table(("Error", "Also a", "Means"), rows)


def _field_types() -> list[type[types.FieldType]]:
    found = [
        getattr(types, each) for each in types.__all__ if inspect.isclass(getattr(types, each))
    ]
    return [each for each in found if each.name]


def field_types() -> str:
    """Every type: its annotation, its plain form in documents."""
    rows = []
    for each in _field_types():
        made = each()
        rows.append(
            (
                f"`{each.name}`",
                _doc(each).splitlines()[0].removesuffix("."),
                _sentences(_doc(each.dump))[0].removesuffix(".")
                if "dump" in vars(each)
                else "itself",
                f"`{made.blank!r}`" if made.blank is not None else "",
            )
        )
    return _table(("Type", "Annotation", "Plain form", "Blank"), rows)


def operators() -> str:
    """Which operators each type has."""
    ops = ["eq", "ne", "lt", "le", "gt", "ge", "in", "present", "prefix", "contains", "has"]
    rows = [
        (f"`{each.name}`", *("•" if op in each.ops else "" for op in ops))
        for each in _field_types()
    ]
    return _table(("Type", *(f"`{op}`" for op in ops)), rows)


# Contracts -------------------------------------------------------------------------------------------------------


def contract(name: str, module: str = "crmkit.testing") -> str:
    """The rules of a contract, grouped as its code is: each is the docstring of a test."""
    cls = getattr(importlib.import_module(module), name)
    parts = []
    for base in [*cls.__mro__]:
        tests = [each for each in vars(base).items() if each[0].startswith("test_")]
        if tests:
            parts.append(f"### {name}: {_sentences(_doc(base))[0].removesuffix('.')}\n")
            parts += [
                f"`{test}`\n: {' '.join(_doc(function).split())}\n" for test, function in tests
            ]
    return "\n".join(parts)


def contracts() -> str:
    """Every contract."""
    names = [
        each
        for each in importlib.import_module("crmkit.testing").__all__
        if each.endswith("Contract")
    ]
    heads = (f"## `{each}`\n\n{_contract_doc(each)}\n\n{contract(each)}" for each in names)
    return "\n".join(heads)


def _contract_doc(name: str) -> str:
    return _doc(getattr(importlib.import_module("crmkit.testing"), name))


def fixtures() -> str:
    """The fixtures that are there wherever crmkit is installed."""
    file = Path(inspect.getfile(importlib.import_module("crmkit.testing.fixtures")))
    rows = [
        (f"`{each.name}`", " ".join((ast.get_docstring(each) or "").split()))
        for each in ast.parse(file.read_text("utf-8")).body
        if isinstance(each, ast.FunctionDef)
        and any("pytest.fixture" in ast.unparse(mark) for mark in each.decorator_list)
    ]
    return _table(("Fixture", "What it is"), rows)


def broken() -> str:
    """The storages that are broken on purpose, and which rule catches each."""
    found = importlib.import_module("crmkit.testing").BROKEN
    rows = [(each.fault, ", ".join(f"`{test}`" for test in each.caught_by)) for each in found]
    return _table(("Fault", "Caught by"), rows)


# Commands --------------------------------------------------------------------------------------------------------


def _walk(command: Any, context: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each built-in command: its full name, itself, its context."""
    import click

    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in [*getattr(command, "lazy", ()), *command.commands]:
            below = click.Group.get_command(command, context, name) or command.get_command(
                context, name
            )
            yield from _walk(below, click.Context(below, context, name))


def all_commands() -> list[tuple[str, Any, Any]]:
    """Every built-in command of `crm`."""
    import click

    from crmkit.cli.app import App
    from crmkit.cli.root import crm

    return list(_walk(crm, click.Context(crm, info_name="crm", obj=App())))


def plugin_commands(module: str) -> list[tuple[str, Any, Any]]:
    """Every command that a plugin brings, those of its groups too."""
    import click

    from crmkit.cli.app import App
    from crmkit.cli.root import crm

    found: list[tuple[str, Any, Any]] = []
    for spec in importlib.import_module(module).crm_commands():
        above = click.Context(crm, info_name="crm", obj=App())
        if spec.group:
            above = click.Context(click.Group(spec.group), above, spec.group)
        command = pkgutil.resolve_name(spec.target)
        found += _walk(command, click.Context(command, above, spec.name))
    return found


def commands(module: str = "") -> str:
    """What every built-in command takes, or every one of a plugin."""
    parts = []
    for path, command, context in plugin_commands(module) if module else all_commands():
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        level = "##" if path.count(" ") <= 1 else "###"
        level += "#" if module else ""
        parts.append(f"{level} `{path}`\n")
        parts.append(f"{inspect.cleandoc(command.help or '')}\n")
        parts.append(f"```text\n{usage}\n```\n")
        shown = [each for each in command.params if not getattr(each, "hidden", False)]
        rows = [each.get_help_record(context) for each in shown]
        cells = [(f"`{row[0]}`".replace("|", "\\|"), _cell(row[1])) for row in rows if row]
        if cells:
            parts.append(_table(("Option", ""), cells) + "\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("[", "\\[").replace("*", "\\*")


def exit_codes() -> str:
    """The table of exit codes, from the docstring of the command line."""
    lines = _doc(importlib.import_module("crmkit.cli")).splitlines()
    return "\n".join(line for line in lines if line.startswith("|"))


# crm.toml --------------------------------------------------------------------------------------------------------


def keys(name: str, module: str = "crmkit") -> str:
    """The keys of a table of crm.toml: type and default."""
    import attrs

    cls = getattr(importlib.import_module(module), name)
    rows = []
    for each in attrs.fields(cls):
        if each.metadata.get("key", True):
            default = each.default
            if default is attrs.NOTHING or hasattr(default, "factory") or attrs.has(type(default)):
                shown = ""
            else:
                shown = f"`{default!r}`".replace("`None`", "")
            rows.append(
                (f"`{each.name}`", f"`{_annotation(each.type)}`".replace("|", "\\|"), shown)
            )
    return _table(("Key", "Type", "Default"), rows)


def house() -> str:
    """The modules of the core in the order in which they may import each other, as the test of it has them."""
    root = Path(inspect.getfile(crmkit)).parent
    test = root.parent / "tests" / "test_house.py"
    listed = re.search(r'FLOORS = """(.*?)"""', test.read_text("utf-8"), re.S)
    assert listed, "tests/test_house.py has no FLOORS any more"
    rows = []
    for each in listed[1].split():
        file = (
            root / f"{each}.py" if (root / f"{each}.py").exists() else root / each / "__init__.py"
        )
        if file.exists():
            doc = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
            first = " ".join(re.split(r"\n\n|(?<=\.)\n", doc)[0].split())
            rows.append((f"`{each}`", first.partition(". ")[0].removesuffix(".")))
    return _table(("Module", "What it holds"), rows)


GENERATORS: dict[str, Callable[..., str]] = {
    each.__name__: each
    for each in (
        *(hook, hooks, name, names, part, error_tree, field_types, operators),
        *(contract, contracts, fixtures, broken, commands, exit_codes, keys, house),
        *(kinds, added_fields, reports),
    )
}


def setup(app: Any) -> dict[str, Any]:
    """Expand every page before it is parsed."""

    def on_read(app: Any, page: str, source: list[str]) -> None:
        source[0] = expand(source[0])

    app.connect("source-read", on_read)
    return {"parallel_read_safe": True}
