"""What `crm plugin new` writes: a distribution that installs, and passes its tests, as it stands.

The templates are files under `templates`: those of `common`, and those of the kind of plugin. `{{name}}` and the like
in them are replaced, and `__package__` in their paths.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from crmkit import __all__ as public_names
from crmkit import __version__
from crmkit.errors import PluginError
from crmkit.manifest import API

__all__ = ["KINDS", "write_plugin"]

KINDS = ("module", "storage", "channel", "report")
"""What a new plugin can be."""

PARTNERS = {"channel": '"crmkit-collaborative", ', "report": '"crmkit-analytical", '}
"""What a kind of plugin is tested with, as pyproject.toml lists it: nothing that it cannot do without."""

LONGEST = 24
"""The most letters in a name, so that the lines in which it is used stay short."""

TEMPLATES = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


def write_plugin(name: str, kind: str, folder: Path) -> list[Path]:
    """Write the distribution crmkit-NAME into a new folder of that name in `folder`; returns the files.

    `name` is small letters, digits and single hyphens; `crmkit-` before it is taken off. Writes all files or none.
    Raises `PluginError` for a name or a kind that cannot be, or a folder that is there already.
    """
    words = _words(name.removeprefix("crmkit-"))
    if kind not in KINDS:
        raise PluginError(f"there is no kind of plugin {kind!r}; there are {', '.join(KINDS)}")
    words["partners"] = PARTNERS.get(kind, "")
    target = folder.absolute() / f"crmkit-{words['name']}"
    if target.exists():
        raise PluginError(f"{target} is there already; choose another name, or another --dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".crmkit-new-", dir=folder))
    except OSError as error:
        text = f"{folder} cannot be written to: {error.strerror}; choose another --dir"
        raise PluginError(text) from error
    try:
        written = [
            _write(source, TEMPLATES / part, draft, words)
            for part in ("common", kind)
            for source in sorted((TEMPLATES / part).rglob("*.tmpl"))
        ]
        draft.chmod(0o755)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return sorted(target / path for path in written)


def _words(name: str) -> dict[str, str]:
    """The forms of the name that templates use. Raises `PluginError` for one that cannot be."""
    if not _NAME.match(name) or len(name) > LONGEST:
        raise PluginError(
            f"{name!r} cannot name a plugin; take up to {LONGEST} small letters, digits and hyphens, "
            "beginning with a letter, as in 'opening-hours'"
        )
    parts = name.split("-")
    words = {
        "name": name,
        "word": "_".join(parts),
        "package": "_".join(["crmkit", *parts]),
        "class": "".join(part.capitalize() for part in parts),
        "title": " ".join(parts).capitalize(),
        "api": API,
        "version": __version__,
    }
    if words["class"] in public_names:  # the core's kinds are among them
        raise PluginError(f"{name!r} is a word of crmkit itself; choose another name")
    return words


def _write(source: Path, root: Path, draft: Path, words: Mapping[str, str]) -> Path:
    """Fill in one template; returns where it went, relative to the distribution's folder."""
    path = str(source.relative_to(root)).removesuffix(".tmpl")
    relative = Path(path.replace("__package__", words["package"]))
    text = source.read_text("utf-8")
    for key, word in words.items():
        text = text.replace(f"{{{{{key}}}}}", word)
    place = draft / relative
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, "utf-8")
    return relative
