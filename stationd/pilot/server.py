"""The unix socket of the safety process. Never waits, and does a bounded amount of work in each tick.

One connection holds the permit: the first that says Hello as `brain` while nobody holds it. All others only watch. A
holder that is silent for longer than any lease lasts gives way to a brain that wants the permit.
"""

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
from collections.abc import Callable

from stationd.pilot.protocol import (
    MAX_LEASE_MS,
    MAX_LINE_BYTES,
    OLDEST_VERSION,
    VERSION,
    GetStats,
    Hello,
    Message,
    ProtocolError,
    Reply,
    UnknownTypeError,
    decode,
    encode,
)

SOCKET_NAME = "pilot.sock"
LOCK_NAME = "pilot.lock"
MAX_PATH_BYTES = 107
MAX_READERS = 7
MAX_BRAINS = 2
"""The holder of the permit, and one that waits for it."""
MAX_CLIENTS = MAX_READERS + MAX_BRAINS + 3
"""Whoever did not say Hello yet has a place of its own: a brain always comes so far, however many watch."""
MAX_MESSAGES = 4
"""Handled in one tick, over all connections."""
READ_BYTES = 4_096
"""Read in one tick from one connection."""
MAX_PENDING_BYTES = 65_536
"""A client that lets more than this pile up is disconnected."""
MAX_REASON = 500
"""Characters of a refusal; what it quotes of the client's line may be long."""
HELLO_MS = 5_000
"""A client says Hello within this."""
SO_PEERGROUPS = 59
MAX_GROUPS = 64


class ServerError(Exception):
    """The socket cannot be served; the text says why."""


class Client:
    """One connection."""

    __slots__ = ("greeted", "heard_ms", "inbox", "name", "outbox", "since_ms", "sock", "wants_permit")

    def __init__(self, sock: socket.socket, name: str, now_ms: int) -> None:
        self.sock = sock
        self.name = name
        self.since_ms = now_ms
        self.heard_ms = now_ms
        """When it sent something last."""
        self.greeted = False
        self.wants_permit = False
        """Said Hello as brain while another one held the permit."""
        self.inbox = bytearray()
        self.outbox = bytearray()


Handler = Callable[[Message, int], bytes | None]
"""Takes a message of the permit holder (or a GetStats of anybody), returns the line to answer."""


class Server:
    """Listens, reads, answers, publishes."""

    def __init__(self, runtime_dir: str, *, gid: int | None, hello: Hello) -> None:
        """Take the socket over.

        Raises:
            ServerError: the path is too long, another process serves it, or the folder cannot be used.
        """
        self.path = os.path.join(runtime_dir, SOCKET_NAME)
        if len(os.fsencode(self.path)) > MAX_PATH_BYTES:
            raise ServerError(
                f"cannot listen on {self.path}: longer than {MAX_PATH_BYTES} bytes; choose a shorter folder"
            )
        self._gid = gid
        self._hello = encode(hello)
        self._guard = _exclusive(os.path.join(runtime_dir, LOCK_NAME))
        self._listener = _listen(self.path, gid)
        self._poll = select.poll()
        self._poll.register(self._listener, select.POLLIN)
        self._clients: dict[int, Client] = {}
        self._holder: Client | None = None
        self._turn = 0
        self._backlog = False
        """Complete messages wait in some inbox."""

    @property
    def clients(self) -> int:
        """Number of connections."""
        return len(self._clients)

    def serve(self, now_ms: int, handle: Handler, greeting: Callable[[], bytes]) -> None:
        """Do one tick's work. `greeting` returns the lines a new client gets: every status."""
        for handle_fd, events in self._poll.poll(0):
            if handle_fd == self._listener.fileno():
                self._accept(now_ms)
                continue
            client = self._clients.get(handle_fd)
            if client is not None:
                self._attend(client, events, now_ms)
        if self._clients:
            self._handle_some(now_ms, handle, greeting)
            self._expire(now_ms)
            if self._waiting():
                self._relieve(now_ms)
            if self._holder is None:
                for client in [one for one in self._clients.values() if one.wants_permit]:
                    self._refuse(client, "cannot leave this connection read-only: the permit is free; reconnect for it")

    def publish(self, lines: bytes) -> None:
        """Send lines to everybody who said Hello."""
        for client in list(self._clients.values()):
            if client.greeted:
                self._send(client, lines)

    def drop_all(self, reason: str) -> None:
        """Disconnect everybody; they come back and get the present state."""
        for client in list(self._clients.values()):
            self._refuse(client, reason)

    def close(self) -> None:
        """Stop serving and remove the socket."""
        for client in list(self._clients.values()):
            self._drop(client)
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        self._listener.close()
        os.close(self._guard)

    # --- connections ---

    def _accept(self, now_ms: int) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        pid, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        client = Client(sock, f"pid {pid}", now_ms)
        self._clients[sock.fileno()] = client
        self._poll.register(sock, select.POLLIN)
        if not self._allowed(sock, uid, gid):
            self._refuse(client, f"cannot talk to uid {uid}: only root, uid {os.getuid()} and the configured group may")
        elif len(self._clients) > MAX_CLIENTS:
            self._refuse(client, f"cannot serve more than {MAX_CLIENTS} connections: close another one first")
        else:
            self._send(client, self._hello)

    def _allowed(self, sock: socket.socket, uid: int, gid: int) -> bool:
        if uid in (0, os.getuid()):
            return True
        if self._gid is None:
            return False
        groups = [gid]
        with contextlib.suppress(OSError):  # more groups than we ask for: the primary one must do
            raw = sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, MAX_GROUPS * 4)
            groups += struct.unpack(f"{len(raw) // 4}I", raw)
        return self._gid in groups

    def _attend(self, client: Client, events: int, now_ms: int) -> None:
        if events & select.POLLOUT:
            self._flush(client)
        if events & select.POLLIN:
            client.heard_ms = now_ms
            self._receive(client)
        elif events & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
            self._drop(client)

    def _receive(self, client: Client) -> None:
        if len(client.inbox) > MAX_LINE_BYTES:
            self._backlog = True
            return  # its messages wait for their turn; the kernel keeps the rest
        try:
            data = client.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        client.inbox += data
        self._backlog = True

    def _handle_some(self, now_ms: int, handle: Handler, greeting: Callable[[], bytes]) -> None:
        """Handle waiting messages in turn, so that a flood of one client delays neither the loop nor another client."""
        if not self._backlog:
            return
        budget = MAX_MESSAGES
        idle = 0
        clients = list(self._clients.values())
        while budget and idle < len(clients):
            self._turn = (self._turn + 1) % len(clients)
            client = clients[self._turn]
            line = _next_line(client)  # a client that was dropped meanwhile has an empty inbox
            if line is None:
                idle += 1
                continue
            idle = 0
            budget -= 1
            self._take(client, line, now_ms, handle, greeting)
        self._backlog = budget == 0

    def _take(self, client: Client, line: bytes, now_ms: int, handle: Handler, greeting: Callable[[], bytes]) -> None:
        try:
            if len(line) >= MAX_LINE_BYTES:
                raise ProtocolError(f"cannot read message: longer than {MAX_LINE_BYTES} bytes")  # noqa: TRY301
            message = decode(line)
        except UnknownTypeError as error:
            if client.greeted:
                self._send(client, encode(Reply(error.seq, str(error))))
            else:
                self._refuse(client, str(error))
            return
        except ProtocolError as error:
            self._refuse(client, str(error))
            return
        if client.sock.fileno() < 0:
            return
        if isinstance(message, Hello):
            self._greet(client, message, now_ms, greeting)
        elif not client.greeted:
            self._refuse(client, "cannot take a message before Hello: send that first")
        elif client is self._holder or isinstance(message, GetStats):
            answer = handle(message, now_ms)
            if answer is not None:
                self._send(client, answer)
        else:
            seq = getattr(message, "seq", 0)
            self._send(client, encode(Reply(seq, "cannot take orders here: this connection is read-only")))

    def _greet(self, client: Client, hello: Hello, now_ms: int, greeting: Callable[[], bytes]) -> None:
        if not OLDEST_VERSION <= hello.v <= VERSION:
            known = f"{OLDEST_VERSION} to {VERSION}"
            self._refuse(client, f"cannot speak version {hello.v}: this stationd-pilot speaks {known}; update one side")
            return
        if hello.role not in ("brain", "reader"):
            self._refuse(client, f"cannot serve role {hello.role[:20]!r}: say brain or reader")
            return
        if hello.role == "reader" and not client.greeted and self._readers() >= MAX_READERS:
            self._refuse(client, f"cannot serve more than {MAX_READERS} readers: close another one first")
            return
        if hello.role == "brain" and not self._takes_permit(client, now_ms):
            return
        client.greeted = True
        self._send(client, greeting())

    def _takes_permit(self, client: Client, now_ms: int) -> bool:
        """Give a brain the permit, or let it wait for it; return False if it had to be refused."""
        if self._holder is not client:
            self._relieve(now_ms)
        if self._holder is None:
            self._holder = client
            client.wants_permit = False
        elif self._holder is not client:
            if not client.wants_permit and self._waiting() >= MAX_BRAINS - 1:
                text = f"cannot serve more than {MAX_BRAINS} brains: {self._holder.name} holds the permit, one waits"
                self._refuse(client, text)
                return False
            client.wants_permit = True
            notice = f"cannot hold the permit: {self._holder.name} holds it; this connection is read-only"
            self._send(client, encode(Reply(0, notice)))
        return True

    def _relieve(self, now_ms: int) -> None:
        """Send a holder away whose last lease must have run out: it may hang, and another one wants the permit."""
        if self._holder is not None and now_ms - self._holder.heard_ms > MAX_LEASE_MS:
            silent = (
                f"nothing was sent for more than {MAX_LEASE_MS // 1000} s, and another brain asks for it; reconnect"
            )
            self._refuse(self._holder, f"cannot leave the permit to this connection: {silent}")

    def _waiting(self) -> int:
        """Return how many brains wait for the permit."""
        return sum(one.wants_permit for one in self._clients.values())

    def _readers(self) -> int:
        """Return how many connections only watch, and want no more than that."""
        watching = (one for one in self._clients.values() if one.greeted and not one.wants_permit)
        return sum(one is not self._holder for one in watching)

    def _expire(self, now_ms: int) -> None:
        for client in list(self._clients.values()):
            if not client.greeted and now_ms - client.since_ms > HELLO_MS:
                self._refuse(client, f"cannot wait longer than {HELLO_MS // 1000} s for Hello")

    # --- sending ---

    def _send(self, client: Client, lines: bytes) -> None:
        if not lines or client.sock.fileno() < 0:
            return
        client.outbox += lines
        self._flush(client)
        if len(client.outbox) > MAX_PENDING_BYTES:
            self._drop(client)

    def _flush(self, client: Client) -> None:
        try:
            if client.outbox:
                del client.outbox[: client.sock.send(client.outbox, socket.MSG_NOSIGNAL)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        self._poll.modify(client.sock, select.POLLIN | select.POLLOUT if client.outbox else select.POLLIN)

    def _refuse(self, client: Client, reason: str) -> None:
        """Say why and disconnect."""
        client.outbox += encode(Reply(0, reason[:MAX_REASON]))
        with contextlib.suppress(OSError):
            client.sock.send(client.outbox, socket.MSG_NOSIGNAL)
        self._drop(client)

    def _drop(self, client: Client) -> None:
        if self._clients.pop(client.sock.fileno(), None) is None:
            return
        self._poll.unregister(client.sock)
        client.sock.close()
        client.inbox.clear()  # nothing of a closed connection counts any more, least of all a wish for the permit
        if self._holder is client:
            self._holder = None


def _next_line(client: Client) -> bytes | None:
    """Return the next complete line, or an overlong beginning of one; None if there is nothing to handle."""
    end = client.inbox.find(b"\n")
    if end < 0:
        if len(client.inbox) < MAX_LINE_BYTES:
            return None
        end = len(client.inbox)
    line = bytes(memoryview(client.inbox)[:end])
    del client.inbox[: end + 1]
    return line


def _exclusive(path: str) -> int:
    """Return a handle that keeps every other stationd-pilot out of this folder for as long as it is open."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ServerError(f"cannot use runtime folder {os.path.dirname(path)}: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise ServerError(
            f"cannot start: another stationd-pilot runs in {os.path.dirname(path)}; stop it first"
        ) from None
    return handle


def _listen(path: str, gid: int | None) -> socket.socket:
    """Return a listening socket; a stale one of a dead process is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setblocking(False)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        mask = os.umask(0o117)
        try:
            listener.bind(path)
        finally:
            os.umask(mask)
        if gid is not None and gid != os.getgid():
            os.chown(path, -1, gid)
        listener.listen(MAX_CLIENTS)
    except OSError as error:
        listener.close()
        raise ServerError(
            f"cannot listen on {path}: {errno.errorcode.get(error.errno or 0)} {error.strerror}"
        ) from None
    return listener
