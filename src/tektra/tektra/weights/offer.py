"""What `tektra demo` asks before it offers a download."""

from __future__ import annotations

import socket
import threading
import urllib.request
from urllib.parse import urlsplit

from tektra.weights.catalogue import Entry, hub, load_catalogue
from tektra.weights.pull import mirror
from tektra.weights.store import Store

_PORTS = {'https': 443, 'http': 80}


def default_set_missing() -> list[Entry]:
    """Return the entries of the default set that are not complete here; looks only at the disk.

    :raises CatalogueError: if config/weights.yaml is wrong.
    """
    store = Store.of_environment()
    return [entry for entry in load_catalogue() if entry.default and store.find(entry) is None]


def network_reachable(timeout_s: float = 1.5) -> bool:
    """Return whether the server of the weights, or the proxy to it, takes a connection.

    Sends nothing. Returns after ``timeout_s`` at the latest, even when name resolution hangs.
    """
    url = urlsplit(mirror() or hub())
    proxy = urllib.request.getproxies().get(url.scheme, '')
    if proxy and not urllib.request.proxy_bypass(url.hostname or ''):
        url = urlsplit(proxy if '//' in proxy else f'//{proxy}')
    address = (url.hostname or '', url.port or _PORTS.get(url.scheme, 443))
    reached = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection(address, timeout_s).close()
        except OSError:
            return
        reached.set()

    # In a thread, because getaddrinfo has no timeout of its own.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return reached.is_set()
