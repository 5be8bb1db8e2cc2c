"""The connection is lost at the commit: whether it happened is found out, or said to be unknown."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from crmkit_sql.storage import open_postgresql

from crmkit.errors import BackendError
from crmkit.testing.kinds import Specimen
from crmkit.testing.lab import Lab


class Cable:
    """A way to the server that can be cut when a COMMIT passes: before it arrives, or before its answer does.

    `cut` is None, "request" or "answer"; `repaired` is whether another connection can be made after that.
    """

    def __init__(self, host: str, port: int) -> None:
        self.cut: str | None = None
        self.repaired = True
        self._target = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if self.cut == "done" and not self.repaired:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._threads += [
                    threading.Thread(target=self._forward, args=(client, server), daemon=True),
                    threading.Thread(target=self._back, args=(server, client), daemon=True),
                ]
                for each in self._threads[-2:]:
                    each.start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self.cut == "request" and b"COMMIT\0" in data:
                    self.cut = "done"
                    break
                server.sendall(data)
        for each in (server, client):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self.cut == "answer" and b"COMMIT\0" in data:
                    self.cut = "done"
                    break
                client.sendall(data)
        for each in (client, server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in self._threads:
            each.join(10)


@pytest.fixture
def cable(postgres_url):
    parts = urlsplit(postgres_url)
    made = Cable(parts.hostname, parts.port)
    yield made
    made.close()


@pytest.fixture
def far(cable, postgres_url):
    """The database over the cable."""
    parts = urlsplit(postgres_url)
    user = parts.netloc.rpartition("@")[0]
    storage = open_postgresql(f"postgresql://{user}@127.0.0.1:{cable.port}{parts.path}")
    yield Lab(storage)
    storage.close()


@pytest.mark.parametrize("count", [1, 30, 200])
def test_a_commit_whose_answer_is_lost_is_found_to_have_happened(lab, far, cable, count):
    cable.cut = "answer"
    far.insert(*(Specimen(name=str(number)) for number in range(count)))
    assert cable.cut == "done"
    assert lab.count() == count
    far.named("after")
    assert far.count() == count + 1


@pytest.mark.parametrize("count", [1, 30, 200])
def test_a_commit_that_never_arrived_is_an_error_and_nothing_is_kept(lab, far, cable, count):
    cable.cut = "request"
    with pytest.raises(BackendError, match=r"not to be reached.*try again") as caught:
        far.insert(*(Specimen(name=str(number)) for number in range(count)))
    assert "\n" not in str(caught.value)
    assert lab.count() == 0
    assert lab.storage.position() == 0
    far.named("after")
    assert lab.names() == ["after"]


@pytest.mark.parametrize("cut", ["answer", "request"])
def test_what_cannot_be_found_out_is_said_to_be_unknown(lab, far, cable, cut):
    cable.cut, cable.repaired = cut, False
    with pytest.raises(BackendError, match=r"nobody knows.*look before you write it again"):
        far.insert(Specimen(name="a"), Specimen(name="b"))
    assert lab.count() == (2 if cut == "answer" else 0)
    assert far.storage._connections._pool.checkedout() == 0
    cable.repaired = True
    assert far.count() == lab.count()


def test_a_note_whose_commit_was_lost_is_an_error_and_compares_later(lab, far, cable):
    """Notes leave nothing in the journal to look for; whoever compares and sets sees where it stands."""
    cable.cut = "answer"
    with pytest.raises(BackendError), far.storage.transaction() as tx:
        assert tx.set_state("position", 5, None)
    kept = far.storage.state("position")
    with far.storage.transaction() as tx:
        assert tx.set_state("position", 6, kept)
    assert lab.storage.state("position") == 6
