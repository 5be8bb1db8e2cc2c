"""A throw-away server: a cluster of its own in a folder of its own, gone at the end."""

from __future__ import annotations

import atexit
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from crmkit_sql.testing.binaries import NoServer, binaries, version_of

__all__ = ["Cluster"]

PATIENCE = 30.0
"""Seconds for the server to start or to stop."""

TRIES = 5
"""How often another port is tried."""

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""What makes a server quick that need not outlive a power cut."""


class Cluster:
    """A server with a database of nobody else's: a random port, a random password, a folder that is removed.

    `durable` keeps PostgreSQL's own care of the disk. `settings` are those of postgresql.conf. As root, the server runs
    as another user, since PostgreSQL refuses root. Use it as a context manager.
    """

    def __init__(
        self, *, durable: bool = False, bin: Path | None = None, **settings: str | int
    ) -> None:
        self.bin = bin or binaries()
        self.version = version_of(self.bin)
        self.settings = {} if durable else dict(FAST)
        self.settings |= {name: str(value) for name, value in settings.items()}
        self.name = f"crmkit_{secrets.token_hex(8)}"
        self.password = secrets.token_urlsafe(16)
        self.port = 0
        self._folder = Path(tempfile.mkdtemp(prefix="crmkit-postgres-"))
        self._user = _other_user()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.remove)

    # The server ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()

    def _initialise(self) -> None:
        """Make the cluster's folder."""
        if not self._is_reachable():
            self._bring_along()
        secret = self._folder / "secret"
        secret.write_text(self.password)
        if self._user is not None:
            for path in (self._folder, secret):
                os.chown(path, *self._user)
        self._folder.chmod(0o700)
        command = [self.bin / "initdb", "-D", self._data, "-U", "crmkit", "-A", "scram-sha-256"]
        command += [f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "--no-sync", "-N"]
        done = self._run(command)
        secret.unlink()
        if done.returncode:
            raise NoServer(f"initdb failed: {done.stderr.decode(errors='replace').strip()[-500:]}")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _is_reachable(self) -> bool:
        """Whether the user of the server may run its programs."""
        return self._run([self.bin / "postgres", "--version"]).returncode == 0

    def _bring_along(self) -> None:
        """Copy the programs to where the user of the server reaches them."""
        install, copy = self.bin.parent, self._folder / "programs" / self.bin.parent.name
        shutil.copytree(install, copy, symlinks=True)
        for libraries in install.parent.parent.glob(f"{install.parent.name}.libs"):
            shutil.copytree(libraries, self._folder / libraries.name, symlinks=True)
        self.bin = copy / "bin"
        self._folder.chmod(0o755)

    def _run(self, command: list[Any]) -> subprocess.CompletedProcess[bytes]:
        options: dict[str, Any] = self._as_user()
        try:
            return subprocess.run(command, capture_output=True, check=False, **options)
        except OSError as error:
            return subprocess.CompletedProcess(command, 1, b"", str(error).encode())

    def _as_user(self) -> dict[str, Any]:
        who = (
            {}
            if self._user is None
            else {"user": self._user[0], "group": self._user[1], "extra_groups": []}
        )
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return {**who, "cwd": "/", "env": {**environment, "LC_ALL": "C"}}

    def start(self) -> None:
        """Start the server, and make certain that it is ours."""
        for _ in range(TRIES):
            self.port = self.port or _free_port()
            if self._started():
                return
            self.port = 0
        log = self._folder / "log"
        raise NoServer(f"the server does not start: {log.read_text(errors='replace')[-500:]}")

    def _started(self) -> bool:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "cluster_name": self.name,
            "max_connections": "100",
            "timezone": "UTC",
            **self.settings,
        }
        command: list[Any] = [self.bin / "postgres", "-D", self._data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_ending_with_us(),
                **self._as_user(),
            )
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self._process.poll() is not None:
                return False
            if self._is_ours():
                return True
            time.sleep(0.03)
        return False

    def _is_ours(self) -> bool:
        import psycopg

        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5, autocommit=True) as link:
                found = link.execute("SHOW cluster_name").fetchone()
                folder = link.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        if found != (self.name,) or folder is None or Path(folder[0]) != self._data:
            raise NoServer(f"another server answers on port {self.port}; nothing was done to it")
        return True

    def stop(self) -> None:
        """Stop the server as an administrator does: transactions that are open are rolled back."""
        self._end(signal.SIGINT)

    def restart(self) -> None:
        """Stop it and start it, on the same port."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """End all of its processes at once, as a power cut does; `start` it again to see what is left."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            if how is signal.SIGKILL:
                os.killpg(process.pid, how)
                for each in _children(process.pid):
                    os.kill(each, how)
            else:
                process.send_signal(how)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def remove(self) -> None:
        """Stop it and remove all that is left of it; safe to call twice."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.remove)

    # Databases -------------------------------------------------------------------------------------------------

    def url(self, database: str) -> str:
        """The URL of a database on it."""
        return f"postgresql://crmkit:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self) -> str:
        """A new, empty database; its URL."""
        return create_database(self.url("postgres"))

    def drop(self, url: str) -> None:
        """Drop a database that `create` made, whoever is connected to it."""
        drop_database(self.url("postgres"), url)


def create_database(server: str) -> str:
    """A new, empty database with a name that nobody has, on the server of a URL; its URL."""
    import psycopg

    name = f"crmkit_test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as link:
        # Written to the log row by row: on a server that does not wait for its disk that is the quicker way.
        link.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' STRATEGY WAL_LOG".encode()
        )
    place, _, options = server.partition("?")
    return f"{place.rpartition('/')[0]}/{name}{f'?{options}' if options else ''}"


def drop_database(server: str, url: str) -> None:
    """Drop a database that `create_database` made."""
    import psycopg

    name = url.partition("?")[0].rpartition("/")[2]
    if not name.startswith("crmkit_test_"):
        raise ValueError(f"{name} was not made here; it stays")
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def _other_user() -> tuple[int, int] | None:
    """Whom the server runs as in place of root."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    import pwd

    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    raise NoServer("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _children(process: int) -> list[int]:
    """The processes that a process has started, where the system tells."""
    with suppress(OSError):
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
        return [int(each) for each in text.split()]
    return []


def _ending_with_us() -> Callable[[], None] | None:
    """What ends a process together with this one, however that ends; where the system has it."""
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def bind() -> None:
        prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return bind
