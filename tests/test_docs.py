"""The documentation is true: every snippet runs, and nothing that is public is missing from it.

How pages are written for this is in docs/contributing-docs.md.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

import crmkit
from crmkit.config import load_config

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.append(str(DOCS / "_ext"))
reference = importlib.import_module("crmkit_reference")

PAGES = sorted(
    path.relative_to(DOCS).as_posix()
    for path in DOCS.rglob("*.md")
    if "_build" not in path.parts and path.name != "figures.md"
)


@attrs.frozen
class Block:
    """One fenced block: its language, the file it is to be (`:caption:`), its text and its first line."""

    language: str
    file: str | None
    text: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page, but those behind a comment `% not run: why`."""
    lines = iter(enumerate(page.splitlines(), 1))
    skipped = False
    for number, line in lines:
        fence = re.match(r"(`{3,}) *(.*)", line)
        if not fence:
            skipped = line.startswith("% not run: ") or (skipped and not line.strip())
            continue
        body: list[str] = []
        for _, inner in lines:
            if inner.rstrip() == fence[1]:
                break
            body.append(inner)
        language, file = fence[2], None
        if directive := re.fullmatch(r"\{code-block\} (\w+)", fence[2]):
            language = directive[1]
            while body and (option := re.match(r":(\w+): *(.*)", body[0])):
                file = option[2] if option[1] == "caption" else file
                body = body[2:] if len(body) > 1 and not body[1].strip() else body[1:]
        if not skipped:
            yield Block(language, file, "\n".join(body) + "\n", number)
        skipped = False


_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"
_MINUTE = r"\d{4}-\d\d-\d\d \d\d:\d\d"
_SHOWN = re.compile(f"({_ID}|{_INSTANT})|({_MINUTE})|(…)")


class Names:
    """The ids and times that a page shows, and the ones that they stand for in this run."""

    def __init__(self) -> None:
        self.meant: dict[str, str] = {}

    def put(self, text: str) -> str:
        """A command or snippet with what its ids and times stand for."""
        return _SHOWN.sub(lambda match: self.meant.get(match[0], match[0]), text)

    def agree(self, shown: str, printed: str) -> bool:
        """Whether a page shows what was printed: `…` is anything, alone on a line any lines.

        An id, or a time with microseconds, that the page shows for the first time stands from then on for the one
        that was printed; a time with minutes for any.
        """
        new: dict[str, str] = {}
        lines = [self._pattern(line.rstrip(), new) for line in shown.strip("\n").splitlines()]
        text = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines()) + "\n"
        match = re.fullmatch("".join(lines), text)
        if match:
            self.meant |= {token: match[group] for token, group in new.items()}
        return match is not None

    def _pattern(self, line: str, new: dict[str, str]) -> str:
        if line.strip() == "…":
            return r"(?:.*\n)*?"
        pattern, at = "", 0
        for token in _SHOWN.finditer(line):
            pattern += re.escape(line[at : token.start()])
            at = token.end()
            if token[2]:
                pattern += _MINUTE
            elif token[3]:
                pattern += ".*?"
            elif token[1] in self.meant:
                pattern += re.escape(self.meant[token[1]])
            elif token[1] in new:
                pattern += f"(?P={new[token[1]]})"
            else:
                group = new[token[1]] = f"t{len(new)}"
                pattern += f"(?P<{group}>{_ID if re.fullmatch(_ID, token[1]) else _INSTANT})"
        return pattern + re.escape(line[at:]) + "\n"


class Page:
    """Plays one page from top to bottom, in a folder of its own."""

    def __init__(self, name: str, folder: Path, environment: Callable[[str, str], None]) -> None:
        self.name = name
        self.environment = environment
        self.folder = folder
        self.module = types.ModuleType("page")
        self.printed: str | None = None
        self.names = Names()

    def play(self) -> None:
        """Run every block."""
        for block in blocks((DOCS / self.name).read_text("utf-8")):
            place = f"docs/{self.name}:{block.line}"
            if block.file:
                self.write(block)
            elif block.language == "python":
                self.run(block, place)
            elif block.language == "console":
                self.type(block, place)
            elif block.language == "toml":
                self.configure(block)
            elif block.language == "text" and self.printed is not None:
                assert self.names.agree(block.text, self.printed), (
                    f"{place}: printed\n{self.printed}"
                )
                self.printed = None

    def write(self, block: Block) -> None:
        name, _, how = str(block.file).partition(" ")
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text("utf-8") + "\n\n" if how == "(at the end)" else ""
        path.write_text(before + self.names.put(block.text), "utf-8")
        self.forget()
        if path.suffix == ".toml" and path.name == "crm.toml":
            load_config(path)

    def forget(self) -> None:
        """Let files that were written anew be imported anew."""
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None)).startswith(str(self.folder)):
                del sys.modules[name]
        importlib.invalidate_caches()
        for cache in self.folder.rglob("__pycache__"):
            for file in cache.iterdir():
                file.unlink()

    def run(self, block: Block, place: str) -> None:
        out = io.StringIO()
        sys.path.insert(0, str(self.folder))  # as for a script in this folder
        text = "\n" * block.line + self.names.put(block.text)
        code = compile(text, str(DOCS / self.name), "exec")
        try:
            with contextlib.redirect_stdout(out):
                exec(code, self.module.__dict__)
        finally:
            sys.path.remove(str(self.folder))
        self.printed = out.getvalue()

    def configure(self, block: Block) -> None:
        path = self.folder / "shown.toml"
        path.write_text(block.text, "utf-8")
        load_config(path)
        path.unlink()

    def type(self, block: Block, place: str) -> None:
        self.printed = None
        for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
            command, _, shown = re.sub(r"\\\n\s*", " ", part).partition("\n")
            code, printed = self.command(self.names.put(command).partition("  # ")[0].strip())
            failing = re.search(r"^(Error: |error: |FAILED |crm: )", shown, flags=re.M)
            assert bool(code) == bool(failing), f"{place}: {command} exits {code}\n{printed}"
            if shown.strip():
                assert self.names.agree(shown, printed), f"{place}: {command} prints\n{printed}"

    def command(self, command: str) -> tuple[int, str]:
        """What a command exits with and prints; those of `crm` run in this process, which is faster."""
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment(name, value)
            return 0, ""
        if command.startswith("cd "):
            os.chdir(command.removeprefix("cd "))
            return 0, ""
        if command.startswith("crm ") and not re.search(r"[|&;<>$`]", command):
            self.forget()
            cli = importlib.import_module("crmkit.cli.root")
            result = CliRunner().invoke(cli.crm, shlex.split(command)[1:], prog_name="crm")
            if result.exception and not isinstance(result.exception, SystemExit):
                raise result.exception
            return result.exit_code, result.output
        done = subprocess.run(
            command,
            shell=True,
            executable="/bin/bash",
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout


@pytest.mark.parametrize("name", PAGES)
def test_every_snippet_of_a_page_runs_and_prints_what_it_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    follow(name, tmp_path, monkeypatch, request)


def follow(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Play a page in a folder, as somebody who has set nothing yet and reads English."""
    page = Page(name, tmp_path, monkeypatch.setenv)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "page", page.module)
    for variable in [each for each in os.environ if each.startswith("CRMKIT_")]:
        monkeypatch.delenv(variable)
    for variable in ("LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    scripts = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", scripts + os.pathsep + os.environ["PATH"])
    if "$SERVER" in (DOCS / name).read_text("utf-8"):
        monkeypatch.setenv("SERVER", request.getfixturevalue("postgres_url"))
    try:
        page.play()
    finally:
        page.forget()


EXAMPLES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in ROOT.glob("examples/*/README*.md")
    if "```console\n$ crm " in path.read_text("utf-8")
)
"""Those that are followed in a folder of their own; one whose commands begin with `uv run` belongs to this checkout."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_its_readme_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    folder = (ROOT / name).parent
    left_out = shutil.ignore_patterns("*.db*", "*.duckdb*", "__pycache__", "tests")
    shutil.copytree(folder, tmp_path, ignore=left_out, dirs_exist_ok=True)
    # The example's own tests import its package from where it really is, and may have run before.
    monkeypatch.setattr(sys, "path", [each for each in sys.path if Path(each) != folder])
    packages = {each.parent.name for each in folder.glob("*/__init__.py")}
    for module in [each for each in sys.modules if each.partition(".")[0] in packages]:
        monkeypatch.delitem(sys.modules, module)
    follow(f"../{name}", tmp_path, monkeypatch, request)


def pages_under(folder: str) -> str:
    """All pages of a folder, with what is generated."""
    files = (DOCS / name for name in PAGES if name.startswith(f"{folder}/"))
    return "\n".join(reference.expand(file.read_text("utf-8")) for file in files)


@pytest.mark.parametrize("hook", reference.hook_names())
def test_a_hook_has_a_heading_an_example_and_a_test(hook: str) -> None:
    page = (DOCS / "reference" / "hooks.md").read_text("utf-8")
    section = re.search(rf"^#+ `?{hook}`?$(.*?)(?=^## |\Z)", page, flags=re.M | re.S)
    assert section, f"docs/reference/hooks.md has no heading {hook}"
    assert f"def {hook}(" in section[1], f"docs/reference/hooks.md shows no {hook}"
    tests = [
        *ROOT.glob("tests/**/*.py"),
        *ROOT.glob("plugins/*/tests/**/*.py"),
        *ROOT.glob("examples/*/tests/**/*.py"),
    ]
    used = [file for file in tests if file != Path(__file__) and _uses(file, hook)]
    assert used, f"no test uses {hook}"


def _uses(file: Path, hook: str) -> bool:
    return re.search(rf"\b{hook}\b", file.read_text("utf-8")) is not None


def test_every_public_name_is_in_the_reference() -> None:
    text = pages_under("reference")
    missing = [
        name for name in crmkit.__all__ if not re.search(rf"\{{py:\w+\}} {re.escape(name)}\b", text)
    ]
    assert not missing


def test_every_command_is_in_the_reference() -> None:
    text = pages_under("reference")
    paths = [path for path, _, _ in reference.all_commands()]
    assert "crm plugin check" in paths
    missing = [path for path in paths if not re.search(rf"^#+ `{path}`$", text, flags=re.M)]
    assert not missing


@pytest.mark.parametrize(
    ("page", "modules", "some"),
    [
        (
            "collaborative",
            ["crmkit_collaborative"],
            {"crm_channels", "handover", "crm contact how", "crm customer stream"},
        ),
        (
            "operational",
            [f"crmkit_operational.{each}" for each in ("sales", "service", "automation")],
            {"crm_actions", "deal", "ticket", "crm ticket brief", "crm rule test"},
        ),
        (
            "analytical",
            ["crmkit_analytical"],
            {
                "crm_reports",
                "crm_arrow",
                "crm_arrow_journal",
                "crm report list",
                "lifetime-value",
                "pipeline",
            },
        ),
    ],
)
def test_all_that_plugins_bring_is_in_their_page(page, modules, some) -> None:
    text = (DOCS / "reference" / f"{page}.md").read_text("utf-8")
    heads = set(re.findall(r"^#+ `(.*)`$", reference.expand(text), flags=re.M))
    names: set[str] = set()
    for module in modules:
        plugin = importlib.import_module(module)
        specs = getattr(plugin, "hookspecs", None)
        names |= {each for each in vars(specs) if each.startswith("crm_")} if specs else set()
        names |= {each.__kind__ for each in getattr(plugin, "crm_kinds", list)()}
        names |= {each.name for each in getattr(plugin, "crm_reports", list)()}
        names |= {path for path, _, _ in reference.plugin_commands(module)}
        implemented = {each for each in vars(plugin) if each.startswith("crm_")}
        assert implemented <= set(re.findall(r"`(crm_\w+)`", text))
        if hasattr(plugin, "Settings"):
            keys = {each.name for each in attrs.fields(plugin.Settings)}
            assert keys <= set(re.findall(r"`(\w+)`", text))
    assert some <= names
    assert names <= heads


def test_every_public_name_says_what_it_is() -> None:
    silent = []
    for name in crmkit.__all__:
        thing = getattr(crmkit, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            doc = inspect.getdoc(thing)
        else:
            doc = reference.name(name).split("\n\n", 3)[-1].strip(" :\n")
        if not doc:
            silent.append(name)
    assert not silent


def test_every_page_is_in_a_table_of_contents() -> None:
    listed = {"index"}
    for name in PAGES:
        for block in re.findall(
            r"^```\{toctree\}\n(.*?)^```", (DOCS / name).read_text("utf-8"), re.M | re.S
        ):
            entries = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {
                (Path(name).parent / re.sub(r".*<|>", "", each)).as_posix() for each in entries
            }
    assert {name.removesuffix(".md") for name in PAGES} == listed


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", "-b", "dummy", "-d", str(tmp_path)]
    done = subprocess.run(
        [*command, str(DOCS), str(tmp_path / "out")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_page_shouts() -> None:
    for name in PAGES:
        prose = re.sub(r"```.*?^```", "", (DOCS / name).read_text("utf-8"), flags=re.M | re.S)
        prose = re.sub(r"`[^`]*`", "", prose)
        assert "!" not in prose.replace("![", ""), f"docs/{name}"


def test_python_snippets_parse_even_where_they_are_not_run() -> None:
    for name in PAGES:
        for block in blocks((DOCS / name).read_text("utf-8")):
            if block.language == "python":
                ast.parse(block.text)
