"""What stands between a client and a server: it may refuse the client, or let it wait."""

import contextlib
import socket
import threading
from typing import Final

HOST: Final = "127.0.0.1"
PIECE_BYTES: Final = 65_536
CONNECT_S: Final = 5.0


class Relay:
    """Passes bytes to and from the port `to` of this machine once it listens; it keeps them while not `open`."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener: socket.socket | None = None
        self.port = free_port()
        self.open = threading.Event()
        self.open.set()

    def listen(self) -> None:
        """Take connections, if it does not yet."""
        if self._listener is None:
            self._listener = socket.create_server((HOST, self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Take none: they are refused."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)  # a close alone does not wake who accepts
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        self.open.set()
        self.shut()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((HOST, self._to), timeout=CONNECT_S)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        threading.Thread(target=self._pass, args=(server, client), daemon=True).start()
        self._pass(client, server)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                self.open.wait()
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def free_port() -> int:
    """A port that nothing listens at now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
