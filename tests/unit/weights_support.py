"""What the tests of weights share: a real server that misbehaves on order, small catalogues."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from tektra.weights.catalogue import Catalogue, Entry, load_catalogue
from tektra.weights.pull import Puller
from tektra.weights.store import Store
from tektra.weights.transfer import Patience

WAIT_S = 10.0


@dataclass(frozen=True)
class Trick:
    """How one answer goes wrong: cut or held after ``after`` bytes of body, or a ``status``."""

    after: int | None = None
    hold: bool = False
    status: int = 0


@dataclass
class Request:
    """What a client asked for."""

    path: str
    range: str | None
    if_range: str | None


@dataclass
class Source:
    """Serves ``files`` (path -> content) on 127.0.0.1; uses up one of ``tricks`` an answer."""

    files: dict[str, bytes]
    tricks: deque[Trick] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    ranges: bool = True
    lengths: bool = True
    tags: bool = True
    held: threading.Event = field(default_factory=threading.Event)  # an answer is being held
    release: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Source:
        self._server = ThreadingHTTPServer(('127.0.0.1', 0), self._handler())
        self._server.daemon_threads = True
        # Clients of these tests leave in the middle of an answer.
        self._server.handle_error = lambda request, address: None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return f'http://127.0.0.1:{self._server.server_port}'

    def served(self, path: str) -> list[Request]:
        """Return the requests for one path."""
        return [request for request in self.requests if request.path == path]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                source._answer(self)

        return Handler

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get('Range')
        self.requests.append(Request(handler.path, wanted, handler.headers.get('If-Range')))
        trick = self.tricks.popleft() if self.tricks else Trick()
        content = self.files.get(handler.path)
        if trick.status or content is None:
            handler.send_error(trick.status or 404)
            return
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        start = self._start(handler, wanted, content, tag)
        if start is None:
            self._nothing_there(handler, len(content))
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header(
                'Content-Range', f'bytes {start}-{len(content) - 1}/{len(content)}'
            )
        if self.tags:
            handler.send_header('ETag', tag)
        if self.lengths:
            handler.send_header('Content-Length', str(len(content) - start))
        handler.send_header('Connection', 'close')
        handler.end_headers()
        self._send(handler, content[start:], trick)

    def _nothing_there(self, handler: BaseHTTPRequestHandler, length: int) -> None:
        handler.send_response(416)
        handler.send_header('Content-Range', f'bytes */{length}')
        handler.send_header('Content-Length', '0')
        handler.end_headers()

    def _start(
        self, handler: BaseHTTPRequestHandler, wanted: str | None, content: bytes, tag: str
    ) -> int | None:
        """Return the first byte to send; None: there is no such byte."""
        if not wanted or not self.ranges or handler.headers.get('If-Range', tag) != tag:
            return 0
        start = int(wanted.removeprefix('bytes=').removesuffix('-'))
        return start if start < len(content) else None

    def _send(self, handler: BaseHTTPRequestHandler, body: bytes, trick: Trick) -> None:
        handler.close_connection = True
        handler.wfile.write(body if trick.after is None else body[: trick.after])
        handler.wfile.flush()
        if trick.hold:
            self.held.set()
            self.release.wait(WAIT_S)


@dataclass
class Said:
    """Keeps what a pull tells."""

    lines: list[str] = field(default_factory=list)
    totals: dict[str, list[int]] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Take a line."""
        self.lines.append(text)

    def file(self, label: str, have: int, size: int | None) -> None:
        """Take where a file stands."""
        self.totals.setdefault(label, []).append(have)

    @property
    def text(self) -> str:
        """Return all lines."""
        return '\n'.join(self.lines)


def sha256(content: bytes) -> str:
    """Return the checksum in hex."""
    return hashlib.sha256(content).hexdigest()


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that do not repeat within a file, the same for the same seed."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


def row(name: str, files: dict[str, bytes], **more: object) -> dict[str, object]:
    """Return an entry of a catalogue for files with these contents; ``more`` overrides keys."""
    return {
        'name': name,
        'use': 'tts',
        'via': 'url',
        'url': 'http://127.0.0.1:9/nowhere',
        'licence': 'CC0',
        'files': [
            {'path': path, 'size': len(content), 'sha256': sha256(content)}
            for path, content in files.items()
        ],
        **more,
    }


def unpublished(name: str, *paths: str) -> dict[str, object]:
    """Return an entry of a catalogue that knows neither sizes nor checksums."""
    return {**row(name, {}), 'files': [{'path': p, 'size': None, 'sha256': None} for p in paths]}


def write_catalogue(path: Path, *rows: dict[str, object]) -> Path:
    """Write a catalogue file."""
    path.write_text(yaml.safe_dump({'weights': list(rows)}), encoding='utf-8')
    return path


def catalogue_of(folder: Path, *rows: dict[str, object]) -> Catalogue:
    """Return a checked catalogue of these rows."""
    return load_catalogue(write_catalogue(folder / 'weights.yaml', *rows))


def served(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the addresses of a mirror for one entry."""
    return {f'/{name}/{path}': content for path, content in files.items()}


def puller(store: Store, source: Source | str, said: Said | None = None, **more: object) -> Puller:
    """Return a puller that waits for nothing between its attempts."""
    url = source if isinstance(source, str) else source.url
    patience = Patience(timeout_s=WAIT_S, attempts=3, pause_s=0.0, sleep=lambda s: None)
    return Puller(store, said or Said(), mirror=url, **{'patience': patience, **more})


def contents(folder: Path) -> dict[str, bytes]:
    """Return relative path -> content of all files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def put(store: Store, entry: Entry, files: dict[str, bytes]) -> Path:
    """Put files in place as if they had been fetched."""
    folder = store.folder(entry.name)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def partial_sizes(store: Store, name: str) -> dict[str, int]:
    """Return path -> bytes of what is on its way."""
    return {path: len(content) for path, content in contents(store.partial(name)).items()}


def as_json(text: str) -> list[dict[str, object]]:
    """Return the rows of ``weights list --json``."""
    rows = json.loads(text)
    assert isinstance(rows, list)
    return rows
