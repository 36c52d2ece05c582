"""Downloads one file over HTTP so that it can be cut anywhere and go on where it was.

The libraries' own downloaders cannot do that: huggingface_hub (2.4) deletes what it has when it is
stopped, piper's writes under the final name and begins anew, pooch keeps nothing of a cut file.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tektra.weights.catalogue import WeightFile
from tektra.weights.errors import DiskFull, NoNetwork, TransferBroken, WeightsError
from tektra.weights.store import TAG

_BLOCK = 1 << 18  # bytes
_CONTENT_RANGE = re.compile(r'bytes (\d+)-\d+/(\d+|\*)')
_WHOLE_LENGTH = re.compile(r'bytes \*/(\d+)')  # what a 416 says (RFC 9110, 15.5.17)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)
# Of the connection, never of the disk: only opening and reading are guarded by it. OSError is also
# ssl.SSLError, and a network that goes away (EHOSTUNREACH, ENETDOWN).
_CUT = (http.client.HTTPException, OSError)


@dataclass(frozen=True)
class Patience:
    """How long to try.

    ``timeout_s``: without a byte. ``attempts``: in a row that bring nothing. ``pause_s``: doubles
    with each.
    """

    timeout_s: float = 30.0
    attempts: int = 5
    pause_s: float = 1.0
    sleep: Callable[[float], None] = time.sleep


class _Again(Exception):
    """This attempt ended early; the text says why."""


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the next request."""
        if req.full_url.startswith('https:') and not newurl.startswith('https:'):
            raise WeightsError(
                f'{req.full_url} leads to {newurl}, which is not encrypted; refused'
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Transfer:
    """One file on its way from ``url`` to ``path``, which is appended to.

    ``on_total`` is called with the bytes that the file now has, after each block.
    """

    def __init__(
        self,
        url: str,
        path: Path,
        file: WeightFile,
        on_total: Callable[[int], None],
        patience: Patience,
    ) -> None:
        self._url = url
        self._path = path
        self._file = file
        self._on_total = on_total
        self._patience = patience
        self._tag_path = path.with_name(path.name + TAG)
        self._answered = False  # the server, at least once
        self._opener = urllib.request.build_opener(_NoDowngrade())

    def run(self) -> None:
        """Return when the file is complete in length.

        :raises NoNetwork: if the server cannot be reached.
        :raises TransferBroken: if it stopped answering; what came is kept.
        :raises DiskFull: if the disk is full; what came is kept.
        :raises WeightsError: if the server has no such file, or one of another size.
        """
        idle, before = 0, self._have()
        while True:
            try:
                self._attempt()
                self._tag_path.unlink(missing_ok=True)
                return
            except _Again as error:
                have = self._have()
                idle = 0 if have > before else idle + 1
                before = have
                if idle >= self._patience.attempts or not self._answered:
                    raise self._given_up(error) from error.__cause__
                self._patience.sleep(self._patience.pause_s * 2 ** max(0, idle - 1))

    def _given_up(self, error: _Again) -> WeightsError:
        if not self._answered:
            return NoNetwork(f'{urlsplit(self._url).netloc} cannot be reached ({error})')
        return TransferBroken(
            f'{self._url}: {error}, {self._patience.attempts} times in a row; '
            f'{self._have()} bytes are kept, run the command again to go on'
        )

    def _have(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _attempt(self) -> None:
        have = self._have()
        if self._file.size is not None and have > self._file.size:
            self._restart()
            have = 0
        if have and have == self._file.size:
            self._on_total(have)
            return
        try:
            with self._open(have) as response:
                self._receive(response, have)
        except urllib.error.HTTPError as error:
            self._answered = True
            self._refused(error, have)

    def _open(self, have: int) -> http.client.HTTPResponse:
        request = urllib.request.Request(self._url)
        request.add_header('User-Agent', 'tektra-weights')
        request.add_header('Accept-Encoding', 'identity')
        if have:
            request.add_header('Range', f'bytes={have}-')
            if tag := self._tag():
                # Another content now comes whole, instead of its tail being glued to the old head.
                request.add_header('If-Range', tag)
        try:
            response = self._opener.open(request, timeout=self._patience.timeout_s)
        except urllib.error.HTTPError:
            raise
        except _CUT as error:
            raise _Again(_reason(error)) from error
        assert isinstance(response, http.client.HTTPResponse)
        self._answered = True
        return response

    def _refused(self, error: urllib.error.HTTPError, have: int) -> None:
        """Handle a status that is an error; return if the file turns out to be complete."""
        if (
            error.code == 416 and have
        ):  # range not satisfiable: there is nothing behind what we have
            whole = _WHOLE_LENGTH.fullmatch(error.headers.get('Content-Range', ''))
            if whole and int(whole[1]) == have and self._file.size is None:
                self._on_total(have)
                return
            self._restart()
            raise _Again('the server has a shorter file') from error
        if error.code in _RETRY_STATUS:
            raise _Again(f'the server answers {error.code} {error.reason}') from error
        raise WeightsError(
            f'{self._url}: the server answers {error.code} {error.reason}'
        ) from error

    def _receive(self, response: http.client.HTTPResponse, have: int) -> None:
        start, total = self._extent(response, have)
        if start < have:
            self._restart()
        if self._file.size is not None and total != self._file.size:
            raise WeightsError(
                f'{self._url} has {total} bytes, the list of weights says {self._file.size}; '
                'refused'
            )
        tag = response.headers.get('ETag', '')
        if tag and not tag.startswith('W/'):  # a weak one is not for ranges (RFC 9110, 13.1.5)
            with self._room():
                self._tag_path.write_text(tag, encoding='latin-1')
        with self._path.open('ab', buffering=0) as stream:
            got = start
            while got < total:
                block = self._read(response, min(_BLOCK, total - got))
                if not block:
                    raise _Again(f'the connection was cut at {got} of {total} bytes')
                self._write(stream, block)
                got += len(block)
                self._on_total(got)
            with self._room():  # some file systems find only now that they are full
                os.fsync(stream.fileno())

    def _read(self, response: http.client.HTTPResponse, size: int) -> bytes:
        try:
            # Not read(): it would drop what it gathered when the connection stalls.
            return response.read1(size)
        except _CUT as error:
            raise _Again(_reason(error)) from error

    def _extent(self, response: http.client.HTTPResponse, have: int) -> tuple[int, int]:
        """Return where the answer begins and how long the whole file is."""
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            match = _CONTENT_RANGE.fullmatch(response.headers.get('Content-Range', ''))
            if match and int(match[1]) == have and match[2] != '*':
                return have, int(match[2])
            self._restart()
            raise _Again('the server sent another range than asked for')
        length = response.headers.get('Content-Length', '')
        if length.isdigit():
            return 0, int(length)
        if self._file.size is not None:
            return 0, self._file.size
        raise WeightsError(f'{self._url}: the server does not tell how long the file is; refused')

    def _write(self, stream: IO[bytes], block: bytes) -> None:
        view = memoryview(block)
        with self._room():
            while view:
                view = view[stream.write(view) :]

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Turn the error of a full disk into one that says what to do."""
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise DiskFull(
                f'{self._path.parent}: {error.strerror}; {self._have()} bytes of '
                f'{self._file.path} are kept. Free some space and run the command again '
                'to go on, or drop them: tektra weights remove NAME'
            ) from error

    def _tag(self) -> str:
        """Return the tag of what is here, or ''."""
        try:
            return self._tag_path.read_text(encoding='latin-1')
        except FileNotFoundError:
            return ''

    def _restart(self) -> None:
        self._path.unlink(missing_ok=True)
        self._tag_path.unlink(missing_ok=True)


def _reason(error: BaseException) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, TimeoutError):
        return 'it did not answer in time'
    if isinstance(inner, socket.gaierror):
        return f'its name is not found: {inner.strerror}'
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return str(inner) or type(inner).__name__
