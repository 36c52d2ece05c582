"""The robot's side of the protocol: who may command, what is too old. Pure, injected clock.

A firmware author can read this together with ``motion`` as the reference: time only ever comes
from the robot's own clock, memory is bounded, and nothing moves without a session, a heartbeat,
an ENABLE of this session and a set-point made after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from tektra.robot_side.motion import HORIZON_MS, MS, TICK_MS, Motion, Report
from tektra.robot_side.plant import Plant
from tektra.robots.spec import RobotSpec
from tektra.wire.frames import LAST_SEQUENCE, Frame, FrameError, FrameType, VersionMismatch
from tektra.wire.messages import (
    NO_NONCE,
    Bye,
    Disable,
    Enable,
    Grant,
    Heartbeat,
    Hello,
    Message,
    Refuse,
    RefuseCode,
    Setpoint,
    Stop,
    Telemetry,
)
from tektra.wire.payloads import pack, unpack

LEASE_MS = 400
TELEMETRY_MS = 20
# A set-point that was made before the robot's report of so long ago is too old: the link is slow.
FRESH_MS = 200
# After a longer pause of the robot's own loop the set-points that waited for it are void.
GAP_MS = 100
# So many reports are remembered; it must cover the lease.
_REMEMBERED = 2 * LEASE_MS // TELEMETRY_MS
_NONCES = 256
_FROM_HOST = (Hello, Setpoint, Enable, Disable, Stop, Heartbeat, Bye)

Peer = Hashable


@dataclass(frozen=True)
class Reply:
    """A frame for a peer."""

    peer: Peer
    frame: Frame


@dataclass
class _Session:
    id: int
    nonce: bytes
    controller: str
    peer: Peer
    alive_ns: int  # newest sign of life
    grant: Grant
    host_sequence: int = 0  # newest that was seen
    enabled_by: int = 0  # sequence of the ENABLE that was obeyed
    sequence: int = 0  # newest that was sent
    sent_ns: dict[int, int] = field(default_factory=dict)  # report -> when


class RobotSession:
    """One robot: grants one session at a time, and judges every frame.

    ``new_id`` returns a random number of 64 bits, not 0, that nobody can guess.
    """

    def __init__(
        self,
        robot: RobotSpec,
        plant: Plant,
        now_ns: int,
        *,
        new_id: Callable[[], int],
        report: Report,
    ) -> None:
        self._robot = robot
        self._plant = plant
        self._new_id = new_id
        self._report = report
        self._motion = Motion(robot, plant, report)
        self._session: _Session | None = None
        self._nonces: deque[bytes] = deque(maxlen=_NONCES)
        self._ticked_ns = now_ns
        self._telemetry_ns = now_ns
        self._still = True

    @property
    def holder(self) -> str:
        """Return who has the session; empty: nobody."""
        return self._session.controller if self._session else ''

    @property
    def idle(self) -> bool:
        """Return whether nothing moves, nobody is connected, and the drives have no power."""
        return self._session is None and self._still and not self._plant.enabled

    def receive(self, frame: Frame, peer: Peer, now_ns: int) -> list[Reply]:
        """Judge a frame, obey it or not, and return the answers."""
        replies: list[Reply] = []
        try:
            message = unpack(frame)
            if isinstance(message, Hello):
                replies, refusal = self._hello(message, peer, now_ns)
            elif not isinstance(message, _FROM_HOST):
                refusal = 'is for hosts only'
            else:
                refusal = self._judge(message, frame, peer, now_ns)
                if self._session is None or frame.session != self._session.id:
                    replies = [self._ended(peer, frame.session, refusal)] if refusal else []
        except FrameError as error:
            refusal = str(error)
        self._note(frame, peer, refusal)
        return replies

    def damaged(self, error: FrameError, peer: Peer) -> list[Reply]:
        """Take note of bytes that are no frame; only a HELLO of another version is answered."""
        self._report('damaged', {'peer': str(peer), 'why': str(error)})
        if isinstance(error, VersionMismatch) and error.kind == FrameType.HELLO:
            return [self._refuse(peer, RefuseCode.VERSION, NO_NONCE, str(error))]
        return []

    def gone(self, peer: Peer, now_ns: int) -> None:
        """End the session of a peer whose connection is closed."""
        if self._session is not None and self._session.peer == peer:
            self._end('the connection was closed', now_ns)

    def end(self, reason: str, now_ns: int) -> list[Reply]:
        """End the session, if there is one, and return what its holder must be told."""
        if self._session is None:
            return []
        session = self._session
        self._end(reason, now_ns)
        return [self._ended(session.peer, session.id, reason)]

    def tick(self, now_ns: int) -> list[Reply]:
        """Do what is due: every ``TICK_MS``, and before what waited in the sockets is read."""
        gap_ns = max(0, now_ns - self._ticked_ns)
        gap_ms = gap_ns // MS
        self._ticked_ns = now_ns
        replies: list[Reply] = []
        if gap_ms > GAP_MS and self._plant.enabled:
            self._motion.stop(2, f'the robot side stood still for {gap_ms} ms', now_ns)
        session = self._session
        if session is not None and now_ns - session.alive_ns > LEASE_MS * MS:
            replies += self.end(f'no heartbeat for {LEASE_MS} ms', now_ns)
        elif session is not None and session.sequence == LAST_SEQUENCE:
            replies += self.end('all sequence numbers are used', now_ns)
        self._motion.tick(now_ns)
        self._plant.step(min(gap_ns, GAP_MS * MS) / 1e9)
        self._watch(now_ns)
        if self._session is not None and now_ns >= self._telemetry_ns:
            self._telemetry_ns = max(self._telemetry_ns + TELEMETRY_MS * MS, now_ns)
            replies.append(self._telemetry(self._session, now_ns))
        return replies

    def _hello(self, hello: Hello, peer: Peer, now_ns: int) -> tuple[list[Reply], str]:
        session = self._session
        if session is not None and (hello.nonce, peer) == (session.nonce, session.peer):
            return [self._granted(session)], ''  # its GRANT was lost
        code, why = RefuseCode.OTHER, ''
        if hello.robot != self._robot.name:
            code, why = RefuseCode.ROBOT, f"this is '{self._robot.name}', not '{hello.robot}'"
        elif hello.nonce in self._nonces or hello.nonce == NO_NONCE:
            code, why = RefuseCode.REPLAYED, 'this nonce was used before; take a new one'
        elif session is not None:
            code, why = RefuseCode.HELD, 'another controller has the session; end it first'
        elif self._motion.stopping:
            # So that a session always begins without power.
            why = 'the robot still stops after the last session; ask again when it stands'
        if why:
            return [self._refuse(peer, code, hello.nonce, why)], why
        return [self._granted(self._begin(hello, peer, now_ns))], ''

    def _begin(self, hello: Hello, peer: Peer, now_ns: int) -> _Session:
        self._nonces.append(hello.nonce)
        base = self._robot.base
        grant = Grant(
            nonce=hello.nonce,
            timeout_ms=HORIZON_MS,
            lease_ms=LEASE_MS,
            telemetry_ms=TELEMETRY_MS,
            has_base=base is not None,
            has_lateral=base is not None and base.lateral is not None,
            robot=self._robot.name,
            joints=tuple(self._robot.joints),
        )
        self._session = _Session(
            self._new_id(), hello.nonce, hello.controller, peer, now_ns, grant, sent_ns={0: now_ns}
        )
        self._motion.begin()
        self._telemetry_ns = now_ns
        self._report('session', {'controller': hello.controller, 'peer': str(peer)})
        return self._session

    def _judge(self, message: Message, frame: Frame, peer: Peer, now_ns: int) -> str:
        """Obey a message of a session; return why it is refused, or nothing."""
        session = self._session
        if session is None or frame.session != session.id:
            return 'its session is over, or was never granted'
        if isinstance(message, Stop):
            # From whatever address and in whatever order: a stop can only make things safer.
            session.host_sequence = max(session.host_sequence, frame.sequence)
            self._motion.stop(message.category, '', now_ns)
            return ''
        if peer != session.peer:
            return 'comes from another address than the HELLO of its session'
        if isinstance(message, Disable) and frame.sequence > session.enabled_by:
            session.host_sequence = max(session.host_sequence, frame.sequence)
            self._motion.disable()
            return ''
        if frame.sequence <= session.host_sequence:
            return f'old: {session.host_sequence} came before it'
        session.host_sequence = frame.sequence
        if isinstance(message, Bye):
            self._end('the host said BYE', now_ns)
            return ''
        return self._judge_fresh(session, message, now_ns)

    def _judge_fresh(self, session: _Session, message: Message, now_ns: int) -> str:
        if not isinstance(message, (Setpoint, Enable, Heartbeat)):
            return 'has no place here'
        seen_ns = session.sent_ns.get(message.telemetry_seen)
        age_ms = None if seen_ns is None else (now_ns - seen_ns) // MS
        longest = LEASE_MS if isinstance(message, Heartbeat) else FRESH_MS
        if age_ms is None or age_ms > longest:
            age = 'long ago' if age_ms is None else f'{age_ms} ms ago'
            return f'its host heard the robot {age}, more than {longest} ms: the link is too slow'
        session.alive_ns = now_ns
        if isinstance(message, Setpoint):
            return self._motion.set_point(message, now_ns)
        if isinstance(message, Enable):
            refusal = self._motion.enable(message.enable_id, now_ns)
            if not refusal:
                session.enabled_by = session.host_sequence
            return refusal
        return ''

    def _end(self, reason: str, now_ns: int) -> None:
        self._session = None
        self._motion.stop(1, f'session ended: {reason}', now_ns)
        self._report('session ended', {'why': reason})

    def _granted(self, session: _Session) -> Reply:
        return Reply(session.peer, pack(session.grant, session.id, 0))

    def _refuse(
        self, peer: Peer, code: RefuseCode, nonce: bytes, why: str, session: int = 0
    ) -> Reply:
        return Reply(peer, pack(Refuse(code, nonce, why, self.holder), session, 0))

    def _ended(self, peer: Peer, session: int, why: str) -> Reply:
        return self._refuse(peer, RefuseCode.ENDED, NO_NONCE, why, session)

    def _telemetry(self, session: _Session, now_ns: int) -> Reply:
        plant, motion = self._plant, self._motion
        session.sequence += 1
        session.sent_ns[session.sequence] = now_ns
        session.sent_ns.pop(session.sequence - _REMEMBERED, None)
        base, positions, velocities = plant.base, plant.positions, plant.velocities
        has_base = session.grant.has_base
        message = Telemetry(
            enabled=plant.enabled,
            stop_category=motion.stop_category,
            enable_id=motion.enable_id,
            host_sequence=session.host_sequence,
            base=(base.x, base.y, base.yaw) if has_base else None,
            pose=(*plant.pose, 0.0) if has_base else None,
            battery=plant.battery,
            bumper=plant.bumper if has_base else None,
            range_m=plant.range_m if has_base else None,
            joints=tuple((positions[name], velocities[name]) for name in session.grant.joints),
            fault=motion.fault,
        )
        return Reply(session.peer, pack(message, session.id, session.sequence))

    def _watch(self, now_ns: int) -> None:
        still = self._plant.at_standstill
        if still and self._still:
            return
        base = self._plant.base
        joints = {name: v for name, v in self._plant.velocities.items() if v}
        facts = {'base': [base.x, base.y, base.yaw], 'joints': joints}
        if still != self._still:
            self._still = still
            self._report('standstill' if still else 'moves', facts)
        else:
            self._report('motion', facts)

    def _note(self, frame: Frame, peer: Peer, refusal: str) -> None:
        facts: dict[str, object] = {
            'type': frame.type.name,
            'session': f'{frame.session:016x}',
            'sequence': frame.sequence,
            'peer': str(peer),
        }
        if refusal:
            facts['refused'] = refusal
        if frame.type is FrameType.SETPOINT:
            facts['zero'] = self._zero(frame)
        self._report('frame', facts)

    @staticmethod
    def _zero(frame: Frame) -> bool:
        try:
            message = unpack(frame)
        except FrameError:
            return False
        assert isinstance(message, Setpoint)
        moving = message.base is not None and any(message.base)
        return not moving and not any(joint.velocity for joint in message.joints)


assert TICK_MS < GAP_MS < FRESH_MS <= HORIZON_MS < LEASE_MS
