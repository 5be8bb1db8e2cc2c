"""crm.toml: which database, which plugins, whose company."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import attrs

from crmkit.errors import ConfigError, nearest
from crmkit.manifest import matching, structured

__all__ = ["Company", "Config", "load_config", "resolve_storage", "set_disabled", "shown"]


@attrs.frozen
class Company:
    """Whose CRM it is, from `[company]`: the defaults of addresses, times, money and words.

    `region` is a country of ISO 3166, `currency` one of ISO 4217; both are checked for their form.
    """

    name: str = ""
    region: str = attrs.field(default="KR", validator=matching("[A-Z]{2}", "KR"))
    timezone: str = "Asia/Seoul"
    currency: str = attrs.field(default="KRW", validator=matching("[A-Z]{3}", "KRW"))
    language: Literal["ko", "en"] | None = None


@attrs.frozen
class Config:
    """What crm.toml says; without the file, the defaults.

    `storage` is the database's URL. `plugins` names the plugins to load (`None`: all that are installed), `disabled`
    those not to. `plugin` has the tables `[plugin.NAME]`, not yet checked. `path` is where the file is.
    """

    storage: str | None = None
    plugins: tuple[str, ...] | None = None
    disabled: tuple[str, ...] = ()
    company: Company = Company()
    plugin: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    path: Path | None = attrs.field(default=None, metadata={"key": False})

    @property
    def folder(self) -> Path:
        """What paths in the file are relative to: its folder, or the current one."""
        return self.path.parent if self.path else Path.cwd()


def load_config(path: str | Path | None = None) -> Config:
    """Read crm.toml: at `path`, or at `CRMKIT_CONFIG`, or the nearest in the current folder and those above it.

    Raises `ConfigError`, which names the file and the key or the line.
    """
    file = _located(path or os.environ.get("CRMKIT_CONFIG"))
    if file is None:
        return Config()
    config: Config = structured(_read(file), Config, f"{file}:")
    _check_timezone(config.company.timezone, file)
    storage = config.storage and resolve_storage(config.storage, file.parent)
    return attrs.evolve(config, path=file, storage=storage)


def shown(url: str) -> str:
    """A database's URL as it may be shown: without passwords."""
    hidden = re.sub(r"(://[^:@/?]*):[^?]*@", r"\1@", url)
    return re.sub(r"([?&]\w*password=)[^&]*", r"\1***", hidden)


def resolve_storage(url: str, folder: Path) -> str:
    """The URL with a relative path to a file, as in `sqlite:///acme.db`, made absolute from `folder`.

    A path without a folder and without an ending, as in `postgresql:///acme`, is the name of a database.
    """
    match = re.fullmatch(r"(\w+):///([^/:?][^?]*[./][^?]*)(\?.*)?", url)
    if not match:
        return url
    scheme, path, options = match.groups()
    return f"{scheme}:///{(folder / path).absolute().as_posix()}{options or ''}"


def set_disabled(path: Path, names: Iterable[str]) -> None:
    """Write `disabled` in crm.toml, which is made if need be; the rest of it stays as it is, byte for byte.

    Raises `ConfigError` if the file is broken, or written so that only a person can edit it.
    """
    import tomllib

    file, wanted = path.resolve(), sorted(set(names))
    text = file.read_bytes().decode() if file.exists() else ""
    before = _read(file) if text else {}
    edited = _edited(text, json.dumps(wanted, ensure_ascii=False))
    with suppress(tomllib.TOMLDecodeError):
        if tomllib.loads(edited) == before | {"disabled": wanted}:
            draft = file.with_name(f".{file.name}.{os.getpid()}")
            draft.write_bytes(edited.encode())
            if text:
                draft.chmod(file.stat().st_mode & 0o7777)
            draft.replace(file)
            return
    raise ConfigError(f"{file} is hard to edit; write `disabled = {wanted}` into it yourself")


def _located(given: str | Path | None) -> Path | None:
    if given:
        return Path(given).expanduser().absolute()
    here = Path.cwd()
    files = (folder / "crm.toml" for folder in (here, *here.parents))
    return next((file for file in files if file.is_file()), None)


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}; name another") from error
    except ValueError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}; correct that line") from error


def _check_timezone(name: str, file: Path) -> None:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        hint = nearest(name, zoneinfo.available_timezones()) or "; write it as in 'Asia/Seoul'"
        raise ConfigError(f"{file}: company timezone {name!r} does not exist{hint}") from None


_KEY = re.compile(
    r"""^([ \t]*"?disabled"?[ \t]*=[ \t]*)\[(?:"[^"\n]*"|'[^'\n]*'|\#[^\n]*|[^]"'\#])*\]""",
    re.M | re.X,
)
_TABLE = re.compile(r"^(?:[ \t]*#.*\n)*[ \t]*\[", re.M)


def _edited(text: str, names: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    table = _TABLE.search(text)
    top, rest = (text[: table.start()], text[table.start() :]) if table else (text, "")
    top, found = _KEY.subn(lambda key: f"{key[1]}{names}", top, count=1)
    if not found:
        start = newline if top and not top.endswith("\n") else ""
        top += f"{start}disabled = {names}{newline}{newline if rest else ''}"
    return top + rest
