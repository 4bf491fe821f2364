"""A mobile network at its worst, between browser and site: chosen requests break off before or after they arrive."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Break = Literal["on the way", "before the answer"]
CHUNK = 65536
ON_THE_WAY_BYTES = 16_384


@dataclass
class Network:
    """Passes connections on; the n-th request that starts with `what` suffers the n-th of `breaks`, later ones none."""

    site: str
    what: bytes
    breaks: list[Break]
    tries: int = 0
    url: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)

    def listen(self, door: socket.socket) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                phone, _ = door.accept()
                threading.Thread(target=self._carry, args=(phone,), daemon=True).start()

    def _carry(self, phone: socket.socket) -> None:
        address = urlsplit(self.site)
        where = (str(address.hostname), int(address.port or 80))
        with closing(phone), suppress(OSError), closing(socket.create_connection(where)) as server:
            self._pass_on(phone, server)

    def _pass_on(self, phone: socket.socket, server: socket.socket) -> None:
        breaking: Break | None = None
        carried = 0
        while not self._stop.is_set():
            for ready in select.select([phone, server], [], [], 0.2)[0]:
                data = ready.recv(CHUNK)
                if not data or (ready is server and breaking == "before the answer"):
                    return
                if ready is phone and data.startswith(self.what):
                    breaking = self.breaks[self.tries] if self.tries < len(self.breaks) else None
                    self.tries += 1
                    carried = 0
                carried += len(data)
                if breaking == "on the way" and carried > ON_THE_WAY_BYTES:
                    return
                (server if ready is phone else phone).sendall(data)


@contextmanager
def breaking_network(site: str, what: bytes, *breaks: Break) -> Iterator[Network]:
    network = Network(site, what, list(breaks))
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        door.settimeout(0.2)
        network.url = f"http://127.0.0.1:{door.getsockname()[1]}"
        listener = threading.Thread(target=network.listen, args=(door,), daemon=True)
        listener.start()
        yield network
        network._stop.set()
        listener.join()
