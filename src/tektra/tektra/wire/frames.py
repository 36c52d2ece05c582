"""Frames: a fixed header, a payload, a CRC-32 and, with a key, a message authentication code.

Little-endian. The CRC finds damage, the code (MAC) finds who does not have the key; neither hides
what is said.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import struct
import zlib
from dataclasses import dataclass

MAGIC = b'TKTR'
VERSION = 1
# magic, version, type, flags, session, sequence, payload length, reserved (0)
HEADER = struct.Struct('<4sBBHQIHH')
CRC = struct.Struct('<I')
MAC_BYTES = 16  # HMAC-SHA256, cut as RFC 2104 section 5 allows
FLAG_MAC = 1
LONGEST_PAYLOAD = 4096
LONGEST_FRAME = HEADER.size + LONGEST_PAYLOAD + CRC.size + MAC_BYTES
LAST_SEQUENCE = 2**32 - 1


class FrameError(ValueError):
    """This is no valid frame; the text says why. It must have no effect."""


class VersionMismatch(FrameError):
    """A sound frame of another version of the protocol."""

    def __init__(self, theirs: int, kind: int) -> None:
        super().__init__(f'version {theirs} of the protocol; this side speaks {VERSION}')
        self.theirs = theirs
        self.kind = kind


class FrameType(enum.IntEnum):
    """What a frame says. A type is sent in one direction only."""

    HELLO = 1  # host to robot: asks for a session
    GRANT = 2  # robot to host: gives it
    REFUSE = 3  # robot to host: does not give it, or takes it back
    SETPOINT = 4  # host to robot
    ENABLE = 5  # host to robot
    DISABLE = 6  # host to robot
    STOP = 7  # host to robot
    HEARTBEAT = 8  # host to robot
    TELEMETRY = 9  # robot to host
    BYE = 10  # host to robot: gives the session back


@dataclass(frozen=True)
class Frame:
    """One frame. ``session``: 0 before there is one. ``sequence`` rises per direction."""

    type: FrameType
    session: int
    sequence: int
    payload: bytes


def encode(frame: Frame, key: bytes | None = None) -> bytes:
    """Return the bytes of a frame, with a MAC if there is a ``key``.

    :raises FrameError: if the payload is too long.
    """
    if len(frame.payload) > LONGEST_PAYLOAD:
        raise FrameError(f'payload of {len(frame.payload)} bytes; at most {LONGEST_PAYLOAD}')
    flags = FLAG_MAC if key is not None else 0
    head = HEADER.pack(
        MAGIC, VERSION, frame.type, flags, frame.session, frame.sequence, len(frame.payload), 0
    )
    covered = head + frame.payload
    return covered + CRC.pack(zlib.crc32(covered)) + (_mac(key, covered) if key else b'')


def frame_length(head: bytes) -> int:
    """Return the length in bytes of the frame that begins with ``head`` (``HEADER.size`` bytes).

    :raises FrameError: if no frame begins so.
    """
    magic, _, _, flags, _, _, length, reserved = HEADER.unpack_from(head)
    if magic != MAGIC:
        raise FrameError(f'begins with {magic.hex()}, not with {MAGIC.hex()}')
    if flags & ~FLAG_MAC or reserved:
        raise FrameError(f'flags {flags:#x} or reserved {reserved:#x} are unknown')
    if length > LONGEST_PAYLOAD:
        raise FrameError(f'payload of {length} bytes; at most {LONGEST_PAYLOAD}')
    return HEADER.size + int(length) + CRC.size + (MAC_BYTES if flags & FLAG_MAC else 0)


def decode(data: bytes, key: bytes | None = None) -> Frame:
    """Return the frame that ``data`` is, all of it.

    With a ``key`` only frames with the right MAC are valid, without one only those that have none.

    :raises FrameError: if it is not exactly one valid frame.
    """
    if len(data) < HEADER.size:
        raise FrameError(f'{len(data)} bytes; a header alone has {HEADER.size}')
    length = frame_length(data)
    if len(data) != length:
        raise FrameError(f'{len(data)} bytes; its header says {length}')
    _, version, kind, flags, session, sequence, size, _ = HEADER.unpack_from(data)
    end = HEADER.size + size
    covered = data[:end]
    if CRC.unpack_from(data, end)[0] != zlib.crc32(covered):
        raise FrameError('wrong CRC: damaged on its way')
    _check_mac(covered, data[end + CRC.size :], bool(flags & FLAG_MAC), key)
    if version != VERSION:
        raise VersionMismatch(version, kind)
    try:
        return Frame(FrameType(kind), session, sequence, data[HEADER.size : end])
    except ValueError:
        raise FrameError(f'type {kind} is unknown') from None


def _check_mac(covered: bytes, mac: bytes, given: bool, key: bytes | None) -> None:
    if key is None and given:
        raise FrameError('has a MAC, but this side has no key; give both sides the same key file')
    if key is not None and not given:
        raise FrameError('has no MAC; give both sides the same key file')
    if key is not None and not hmac.compare_digest(mac, _mac(key, covered)):
        raise FrameError('wrong MAC: made with another key, or changed on its way')


def _mac(key: bytes, covered: bytes) -> bytes:
    return hmac.new(key, covered, hashlib.sha256).digest()[:MAC_BYTES]
