"""A throw-away server: a cluster of its own in a folder of its own, gone at the end."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from crmkit.errors import CrmError
from crmkit_sql.testing.binaries import binaries, version_of
from crmkit_sql.testing.databases import create_database, drop_database
from crmkit_sql.testing.processes import Keeper, end_at_once, other_user

__all__ = ["Cluster", "ServerFailed", "create_database", "drop_database"]

PATIENCE = 30.0
"""Seconds for the server to start or to stop."""

TRIES = 5
"""How often a port is tried."""

FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "128MB",
}
"""What makes a server quick that need not outlive a power cut; its log may have to fit into memory."""

MEMORY = Path("/dev/shm")
"""Where files are kept in memory, on Linux."""

ROOM = 2 * 1024**3
"""Bytes that must be free there: containers often have 64 MB, too little for a test of much."""

_TAKEN = "Address already in use"


class ServerFailed(CrmError, RuntimeError):
    """A server that should start does not, or is not ours. Attribute `log`: what it wrote last."""

    def __init__(self, sentence: str, log: str = "") -> None:
        super().__init__(f"{sentence}: {log}" if log else sentence)
        self.log = log


class Cluster:
    """A server that is nobody else's: a random port, a random password, a folder that is removed.

    `durable` keeps PostgreSQL's own care of the disk; without it the server is quicker, may lose what it committed, and
    is kept in memory where there is room.
    `bin` is the folder of its programs, by default what `binaries` finds; a wheel, or a package of the server alone, may
    lack some of `pg_dump`, `pg_restore` and `psql`. `port` is tried first. `settings` are those of postgresql.conf. As
    root, the server runs as another user, since PostgreSQL refuses root.

    Use it as a context manager:

    ```python
    with Cluster() as cluster:
        url = cluster.create()
        ...
        cluster.kill()
        cluster.start()
    ```

    Raises `NoServer` if there is no PostgreSQL to be had, `ServerFailed` if there is and it does not start.
    """

    def __init__(
        self,
        *,
        durable: bool = True,
        bin: Path | None = None,
        port: int = 0,
        **settings: str | int,
    ) -> None:
        self.bin = bin or binaries()
        self.version = version_of(self.bin)
        self.settings = {} if durable else dict(FAST)
        self.settings |= {name: str(value) for name, value in settings.items()}
        self.name = f"crmkit_{secrets.token_hex(8)}"
        self.password = secrets.token_urlsafe(16)
        self.port = port
        self._user = other_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = self._make_folder(in_memory=not durable)
        self._keeper = Keeper(self._folder)
        self._owner = os.getpid()
        atexit.register(self.remove)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def __enter__(self) -> Self:
        try:
            self._initialise()
            self._start_somewhere()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()

    # The folder ------------------------------------------------------------------------------------------------

    def _make_folder(self, in_memory: bool) -> Path:
        # What is brought along is to be run, which is often forbidden there.
        roomy = in_memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM
        place = MEMORY if roomy and self._is_reachable() else None
        return Path(tempfile.mkdtemp(prefix="crmkit-postgres-", dir=place))

    def _initialise(self) -> None:
        if not self._is_reachable():
            self._bring_along()
        secret = self._folder / "secret"
        secret.write_text(self.password)
        self._hand_over(self._folder, secret)
        command = [self.bin / "initdb", "-D", self._data, "-U", "crmkit", "-A", "scram-sha-256"]
        command += [f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "--no-sync"]
        done = self._run(command)
        secret.unlink()
        if done.returncode:
            raise ServerFailed("initdb failed", done.stderr.decode(errors="replace").strip()[-500:])

    def _is_reachable(self) -> bool:
        """Whether the user of the server may run its programs."""
        return self._run([self.bin / "postgres", "--version"]).returncode == 0

    def _bring_along(self) -> None:
        """Copy the programs to where the user of the server reaches them."""
        install = self.bin.parent
        copy = self._folder / "programs" / install.name
        # Not all of the folder above: that of programs in a home folder may be the home.
        for part in (self.bin, *install.glob("lib*"), install / "share"):
            if part.is_dir():
                shutil.copytree(part, copy / part.name, symlinks=True)
        # What a wheel links to lies beside its package, and is looked for by a relative path.
        for libraries in install.parent.parent.glob(f"{install.parent.name}.libs"):
            shutil.copytree(libraries, self._folder / libraries.name, symlinks=True)
        self._hand_over(self._folder, *self._folder.rglob("*"))
        self.bin = copy / self.bin.name

    def _hand_over(self, *paths: Path) -> None:
        if self._user is not None:
            for path in paths:
                os.chown(path, *self._user, follow_symlinks=False)

    def _run(self, command: list[Any]) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(command, capture_output=True, check=False, **self._as_user())
        except OSError as error:
            return subprocess.CompletedProcess(command, 1, b"", str(error).encode())

    def _as_user(self) -> dict[str, Any]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        options: dict[str, Any] = {"cwd": "/", "env": {**environment, "LC_ALL": "C"}}
        if self._user is not None:
            user, group = self._user
            options |= {"user": user, "group": group, "extra_groups": []}
        return options

    # The server ------------------------------------------------------------------------------------------------

    def _start_somewhere(self) -> None:
        """Start it on a port that nobody has; between our choice and its start somebody may take it."""
        for _ in range(TRIES):
            self.port = self.port or _free_port()
            try:
                self.start()
                return
            except ServerFailed as error:
                if _TAKEN not in error.log:
                    raise
                self.port = 0
        raise ServerFailed(f"{TRIES} ports were taken before the server had them; try again")

    def start(self) -> None:
        """Start the server on its port, unless it runs, and make certain that it is ours."""
        if self._is_running():
            return
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "cluster_name": self.name,
            "max_connections": "100",
            "shared_preload_libraries": "",
            "timezone": "UTC",
            **self.settings,
        }
        command: list[Any] = [self.bin / "postgres", "-D", self._data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        log = self._folder / "log"
        with log.open("ab") as output:
            before = output.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._as_user(),
            )
        try:
            self._await(self._process)
            self._verify()
        except BaseException as error:
            self._end(signal.SIGQUIT)
            if isinstance(error, ServerFailed):
                written = log.read_bytes()[before:].decode(errors="replace")
                raise ServerFailed(str(error), written.strip()[-1000:]) from None
            raise

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + PATIENCE
        while not self._is_ready(process.pid):
            if process.poll() is not None:
                raise ServerFailed("the server does not start")
            if time.monotonic() > until:
                raise ServerFailed(f"the server did not start within {PATIENCE:g} seconds")
            time.sleep(0.01)

    def _is_ready(self, process: int) -> bool:
        """Whether the file that PostgreSQL keeps for `pg_ctl` says so, and says it of this process."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(process) and lines[7].strip() == "ready"

    def _verify(self) -> None:
        import psycopg

        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5, autocommit=True) as link:
                name = link.execute("SHOW cluster_name").fetchone()
                folder = link.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError as error:
            raise ServerFailed(f"the server lets nobody in ({error})") from error
        if name != (self.name,) or folder is None or Path(folder[0]) != self._data:
            raise ServerFailed(
                f"another server answers on port {self.port}; nothing was done to it, try again"
            )

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
        if process is None or process.poll() is not None:
            return
        if how is not signal.SIGKILL:
            process.send_signal(how)
            try:
                process.wait(PATIENCE)
                return
            except subprocess.TimeoutExpired:
                pass
        end_at_once(process.pid, PATIENCE)
        process.wait()

    def remove(self) -> None:
        """Stop it and remove all that is left of it; safe to call twice. A forked child leaves it to its parent."""
        if self._owner != os.getpid():
            return
        atexit.unregister(self.remove)
        with suppress(ServerFailed):
            if not self._is_running() and (self._data / "postmaster.pid").exists():
                # What a killed server left in shared memory only a server finds and gives back.
                self.start()
        self._end(signal.SIGQUIT)
        self._keeper.close()

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


def _free_port() -> int:
    """A port that nobody has.

    It is below those that systems give to clients: one of them would sooner or later connect from the very port of a
    server that is down, to itself, and the server could not come back.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
