"""What a `postgresql://` URL means: which server and database, and how patient and how greedy to be with it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import attrs

from crmkit.errors import BackendError, nearest

__all__ = ["Location", "read_url"]

_OWN = ("schema", "timeout", "pool", "connect_timeout", "synchronous")
_LIBPQ = frozenset(
    [
        "user",
        "password",
        "dbname",
        "host",
        "port",
        "hostaddr",
        "passfile",
        "service",
        "options",
        "application_name",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslcrl",
        "gssencmode",
        "channel_binding",
        "require_auth",
        "krbsrvname",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "target_session_attrs",
        "load_balance_hosts",
    ]
)
_URL = re.compile(r"postgres(?:ql)?://(?P<rest>[^?#]*)(?:\?(?P<options>.*))?", re.DOTALL)


@attrs.frozen
class Location:
    """A database on a server.

    `place` names it for people, without the password; `parameters` are libpq's. `timeout` is how many seconds a write
    waits for another one, and anything for a free connection; `pool` the most connections of one process.
    """

    place: str
    parameters: Mapping[str, Any] = attrs.field(repr=False)
    schema: str | None = None
    timeout: float = 5.0
    pool: int = 10
    synchronous: bool = True


def read_url(url: str) -> Location:
    """The location that a URL names; `BackendError` for one that is misspelt.

    `postgresql://user:password@host:5432/database?schema=crm&timeout=5&pool=10`; what is left out is as libpq has it
    (`PGHOST`, `PGUSER`, `~/.pgpass`); libpq's own options, such as `sslmode=require`, may follow the `?` too.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise BackendError("this is no PostgreSQL URL; write it as in postgresql://user@host/acme")
    credentials, at, rest = found["rest"].rpartition("@")
    if not at and "@" in (found["options"] or ""):
        # Perhaps a piece of the password is taken for an option or a port: nothing of it is shown.
        raise BackendError("the user or the password holds a ?; write it as %3F")
    host, _, database = rest.partition("/")
    name, port = _host(url, host)
    user, _, password = credentials.partition(":")
    given = {"user": user, "password": password, "dbname": database, "host": name, "port": port}
    parameters = {key: unquote(value) for key, value in given.items() if value}
    options = dict(parse_qsl(found["options"] or "", keep_blank_values=True))
    own = {key: options.pop(key) for key in _OWN if key in options}
    _check(options)
    parameters |= options
    place = f"postgresql://{f'{user}@' if at else ''}{rest}"
    schema = own.pop("schema", None)
    if schema:
        place += f"?{urlencode({'schema': schema})}"
    numbers = _numbers(own)
    parameters["connect_timeout"] = str(max(1, math.ceil(numbers.pop("connect_timeout"))))
    return Location(place, parameters, schema or None, **numbers)


def _host(url: str, text: str) -> tuple[str, str]:
    if text.startswith("["):
        name, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        name, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit()):
        raise BackendError(f"{port!r} is no port; write the host as in localhost:5432")
    return name, port


def _check(options: Mapping[str, str]) -> None:
    for name in options.keys() - _LIBPQ:
        hint = nearest(name, [*_OWN, *_LIBPQ]) or f"; there are {', '.join(_OWN)}, and libpq's"
        raise BackendError(f"a PostgreSQL URL has no option {name!r}{hint}")


def _numbers(own: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"connect_timeout": 5.0}
    for name, text in own.items():
        if name == "synchronous":
            known = {"on": True, "full": True, "off": False, "normal": False}
            if text.casefold() not in known:
                raise BackendError(f"synchronous cannot be {text!r}; write on or off")
            found[name] = known[text.casefold()]
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value <= 86_400 or (name == "pool" and value != int(value)):
            raise BackendError(f"{name} cannot be {text!r}; write it as in timeout=5, pool=10")
        found[name] = int(value) if name == "pool" else value
    return found
