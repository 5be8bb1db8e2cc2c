"""What plugins rely on changes only when somebody says so: `uv run python -m tests.test_api` writes the golden file."""

import ast
import importlib
import inspect
import json
from pathlib import Path

import crmkit
from crmkit import hookspecs, storage
from crmkit.manifest import API

GOLDEN = Path(__file__).parent / "golden" / "api.json"


def parameters(thing: object) -> list[str]:
    try:
        return [str(each).split(":")[0] for each in inspect.signature(thing).parameters.values()]  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []


def members(cls: type) -> dict[str, list[str]]:
    """The public methods that a class defines or inherits from one of ours, with their parameters."""
    own = [base for base in cls.__mro__ if base.__module__.startswith("crmkit")]
    names = {name for base in own for name in vars(base) if not name.startswith("_")}
    return {
        name: parameters(getattr(cls, name))
        for name in sorted(names)
        if callable(getattr(cls, name))
    }


def described() -> dict[str, object]:
    """Hooks with their arguments, public names, and the methods of public classes."""
    hooks = {
        name: list(inspect.signature(function).parameters)
        for name, function in vars(hookspecs).items()
        if name.startswith("crm_")
    }
    public = {name: getattr(crmkit, name) for name in crmkit.__all__}
    classes = {name: members(thing) for name, thing in public.items() if isinstance(thing, type)}
    classes["storage.Reads"] = members(storage.Reads)
    classes["storage.Transaction"] = members(storage.Transaction)
    return {"api": API, "hooks": hooks, "names": sorted(public), "classes": classes}


def test_hooks_and_public_names_are_the_golden_ones():
    assert json.loads(GOLDEN.read_text("utf-8")) == json.loads(json.dumps(described())), (
        "what plugins rely on has changed; if that is meant, raise the hook API's number (crmkit.manifest.API) "
        "and run `uv run python -m tests.test_api`"
    )


def test_every_hook_says_since_when_it_is_there():
    for name in described()["hooks"]:  # type: ignore[attr-defined]  # a dict
        text = inspect.getdoc(getattr(hookspecs, name)) or ""
        assert "Since API" in text, name


def test_type_checkers_see_the_public_names():
    stub = ast.parse((Path(crmkit.__file__).with_suffix(".pyi")).read_text("utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.asname: f"{node.module}" for node in imports for alias in node.names}
    public = set(crmkit.__all__) - {"__version__"}
    assert homes.keys() == public
    for name, home in homes.items():
        assert getattr(importlib.import_module(home), name) is getattr(crmkit, name)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(described(), indent=1) + "\n", "utf-8")
