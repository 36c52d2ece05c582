"""The bytes of a message: one pair of functions a type.

Numbers are 32-bit floats and must be finite, or the message is refused as a whole. A text is its
length in one byte and so many bytes of UTF-8.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from tektra.wire.frames import Frame, FrameError, FrameType
from tektra.wire.messages import (
    LONGEST_TEXT,
    MOST_JOINTS,
    NONCE_BYTES,
    Bye,
    Disable,
    Enable,
    Grant,
    Heartbeat,
    Hello,
    JointSetpoint,
    Message,
    Refuse,
    RefuseCode,
    Setpoint,
    Stop,
    Telemetry,
)

_NONCE = struct.Struct(f'<{NONCE_BYTES}s')
_GRANT = struct.Struct(f'<{NONCE_BYTES}sHHHBB')  # time-out, lease, telemetry, flags, joints
_REFUSE = struct.Struct(f'<B{NONCE_BYTES}s')
_SETPOINT = struct.Struct('<IIHBB3f')  # enable id, telemetry seen, valid, flags, joints, base
_JOINT = struct.Struct('<B2f')
_ENABLE = struct.Struct('<II')
_BYTE = struct.Struct('<B')
_HEARTBEAT = struct.Struct('<I')
# flags, stop, joints, reserved, enable id, host sequence, base, pose and deviation, battery, range
_TELEMETRY = struct.Struct('<BBBBII9f')
_STATE = struct.Struct('<2f')

_BASE, _LATERAL = 1, 2
_NO_STOP = 255
_T_ENABLED, _T_BASE, _T_POSE, _T_BATTERY, _T_BUMPER, _T_PRESSED, _T_RANGE = (
    1 << bit for bit in range(7)
)
_NOTHING = (0.0, 0.0, 0.0)


def pack(message: Message, session: int, sequence: int) -> Frame:
    """Return the frame of a message.

    :raises FrameError: if a value has no place in it: not finite, too large, too many.
    """
    kind = _KINDS[type(message)]
    try:
        payload = _PACK[kind](message)
    except (struct.error, OverflowError) as error:
        raise FrameError(f'{kind.name}: {error}') from None
    return Frame(kind, session, sequence, payload)


def unpack(frame: Frame) -> Message:
    """Return what a frame says.

    :raises FrameError: if its payload is not exactly that of its type.
    """
    reader = _Reader(frame.payload)
    try:
        message = _UNPACK[frame.type](reader)
        reader.end()
    except FrameError as error:
        raise FrameError(f'{frame.type.name}: {error}') from None
    return message


class _Reader:
    """Takes a payload apart; every byte must be used."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        end = self._at + layout.size
        if end > len(self._payload):
            raise FrameError(f'payload of {len(self._payload)} bytes ends within a field')
        values = layout.unpack_from(self._payload, self._at)
        self._at = end
        for value in values:
            _finite(value)
        return values

    def text(self) -> str:
        (size,) = self.take(_BYTE)
        raw: bytes
        (raw,) = self.take(struct.Struct(f'<{size}s'))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise FrameError('a text is not UTF-8') from None

    def count(self, given: int) -> int:
        if given > MOST_JOINTS:
            raise FrameError(f'{given} joints; at most {MOST_JOINTS}')
        return given

    def flags(self, given: int, known: int) -> int:
        if given & ~known:
            raise FrameError(f'flags {given:#x} are unknown')
        return given

    def end(self) -> None:
        left = len(self._payload) - self._at
        if left:
            raise FrameError(f'payload is {left} bytes too long')


def _finite(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise FrameError(f'a number is {value}; it must be finite')


def _floats(layout: struct.Struct, *values: float) -> bytes:
    for value in values:
        _finite(float(value))
    return layout.pack(*values)


def _text(text: str) -> bytes:
    # Cut between characters: half of one would make the whole frame invalid.
    raw = text.encode(errors='replace')[:LONGEST_TEXT].decode(errors='ignore').encode()
    return _BYTE.pack(len(raw)) + raw


def _few(values: tuple[Any, ...]) -> int:
    if len(values) > MOST_JOINTS:
        raise FrameError(f'{len(values)} joints; at most {MOST_JOINTS}')
    return len(values)


def _pack_hello(m: Hello) -> bytes:
    return _NONCE.pack(m.nonce) + _text(m.robot) + _text(m.controller)


def _hello(r: _Reader) -> Hello:
    return Hello(r.take(_NONCE)[0], r.text(), r.text())


def _pack_grant(m: Grant) -> bytes:
    flags = (_BASE if m.has_base else 0) | (_LATERAL if m.has_lateral else 0)
    head = _GRANT.pack(m.nonce, m.timeout_ms, m.lease_ms, m.telemetry_ms, flags, _few(m.joints))
    return head + _text(m.robot) + b''.join(map(_text, m.joints))


def _grant(r: _Reader) -> Grant:
    nonce, timeout, lease, telemetry, flags, joints = r.take(_GRANT)
    r.flags(flags, _BASE | _LATERAL)
    robot = r.text()
    names = tuple(r.text() for _ in range(r.count(joints)))
    return Grant(
        nonce, timeout, lease, telemetry, bool(flags & _BASE), bool(flags & _LATERAL), robot, names
    )


def _pack_refuse(m: Refuse) -> bytes:
    return _REFUSE.pack(m.code, m.nonce) + _text(m.reason) + _text(m.holder)


def _refuse(r: _Reader) -> Refuse:
    code, nonce = r.take(_REFUSE)
    known = code in RefuseCode.__members__.values()
    return Refuse(RefuseCode(code) if known else RefuseCode.OTHER, nonce, r.text(), r.text())


def _pack_setpoint(m: Setpoint) -> bytes:
    flags = 0 if m.base is None else _BASE
    _few(m.joints)
    for value in m.base or ():
        _finite(float(value))
    head = _SETPOINT.pack(
        m.enable_id, m.telemetry_seen, m.valid_for_ms, flags, len(m.joints), *(m.base or _NOTHING)
    )
    return head + b''.join(
        _BYTE.pack(joint.index) + _floats(_STATE, joint.position, joint.velocity)
        for joint in m.joints
    )


def _setpoint(r: _Reader) -> Setpoint:
    enable_id, seen, valid_for, flags, joints, x, y, yaw = r.take(_SETPOINT)
    r.flags(flags, _BASE)
    named = tuple(JointSetpoint(*r.take(_JOINT)) for _ in range(r.count(joints)))
    if len({joint.index for joint in named}) != len(named):
        raise FrameError('a joint is named twice')
    return Setpoint(enable_id, seen, valid_for, (x, y, yaw) if flags else None, named)


def _stop(r: _Reader) -> Stop:
    (category,) = r.take(_BYTE)
    return Stop(category if category <= 2 else 1)  # what is not understood still stops


def _pack_telemetry(m: Telemetry) -> bytes:
    parts = (
        (_T_ENABLED, m.enabled),
        (_T_BASE, m.base is not None),
        (_T_POSE, m.pose is not None),
        (_T_BATTERY, m.battery is not None),
        (_T_BUMPER, m.bumper is not None),
        (_T_PRESSED, m.bumper),
        (_T_RANGE, m.range_m is not None),
    )
    head = _TELEMETRY.pack(
        sum(bit for bit, given in parts if given),
        _NO_STOP if m.stop_category is None else m.stop_category,
        _few(m.joints),
        0,
        m.enable_id,
        m.host_sequence,
        *(m.base or _NOTHING),
        *(m.pose or (*_NOTHING, 0.0)),
        m.battery or 0.0,
        m.range_m or 0.0,
    )
    return head + b''.join(_floats(_STATE, *joint) for joint in m.joints) + _text(m.fault)


def _telemetry(r: _Reader) -> Telemetry:
    flags, stop, joints, reserved, enable_id, seen, *n = r.take(_TELEMETRY)
    r.flags(flags, 0x7F)
    if reserved or (stop > 2 and stop != _NO_STOP):
        raise FrameError(f'stop category {stop} or reserved {reserved} is unknown')
    states = tuple((r.take(_STATE)) for _ in range(r.count(joints)))
    return Telemetry(
        enabled=bool(flags & _T_ENABLED),
        stop_category=None if stop == _NO_STOP else stop,
        enable_id=enable_id,
        host_sequence=seen,
        base=(n[0], n[1], n[2]) if flags & _T_BASE else None,
        pose=(n[3], n[4], n[5], n[6]) if flags & _T_POSE else None,
        battery=n[7] if flags & _T_BATTERY else None,
        bumper=bool(flags & _T_PRESSED) if flags & _T_BUMPER else None,
        range_m=n[8] if flags & _T_RANGE else None,
        joints=tuple((state[0], state[1]) for state in states),
        fault=r.text(),
    )


_KINDS: dict[type[Any], FrameType] = {
    Hello: FrameType.HELLO,
    Grant: FrameType.GRANT,
    Refuse: FrameType.REFUSE,
    Setpoint: FrameType.SETPOINT,
    Enable: FrameType.ENABLE,
    Disable: FrameType.DISABLE,
    Stop: FrameType.STOP,
    Heartbeat: FrameType.HEARTBEAT,
    Telemetry: FrameType.TELEMETRY,
    Bye: FrameType.BYE,
}
_PACK: dict[FrameType, Callable[[Any], bytes]] = {
    FrameType.HELLO: _pack_hello,
    FrameType.GRANT: _pack_grant,
    FrameType.REFUSE: _pack_refuse,
    FrameType.SETPOINT: _pack_setpoint,
    FrameType.ENABLE: lambda m: _ENABLE.pack(m.enable_id, m.telemetry_seen),
    FrameType.DISABLE: lambda _: b'',
    FrameType.STOP: lambda m: _BYTE.pack(m.category),
    FrameType.HEARTBEAT: lambda m: _HEARTBEAT.pack(m.telemetry_seen),
    FrameType.TELEMETRY: _pack_telemetry,
    FrameType.BYE: lambda _: b'',
}
_UNPACK: dict[FrameType, Callable[[_Reader], Message]] = {
    FrameType.HELLO: _hello,
    FrameType.GRANT: _grant,
    FrameType.REFUSE: _refuse,
    FrameType.SETPOINT: _setpoint,
    FrameType.ENABLE: lambda r: Enable(*r.take(_ENABLE)),
    FrameType.DISABLE: lambda _: Disable(),
    FrameType.STOP: _stop,
    FrameType.HEARTBEAT: lambda r: Heartbeat(*r.take(_HEARTBEAT)),
    FrameType.TELEMETRY: _telemetry,
    FrameType.BYE: lambda _: Bye(),
}
