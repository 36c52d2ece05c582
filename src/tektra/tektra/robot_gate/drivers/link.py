"""The host's side of the wire protocol: one session with one robot. Pure, injected clock.

What is to be sent is kept as what is *wanted* (a stop, no power, power, the newest set-point) and
made into a frame only when the transport can take one. So nothing waits in a queue, a stop
overtakes all else, and a stop or a loss of power that got lost is sent again until the robot's
own report shows it.
"""

from __future__ import annotations

import enum
import math
import random
from collections.abc import Callable

from tektra.robot_gate.drivers.driver import (
    BaseVelocity,
    Category,
    DriverCommand,
    DriverError,
    Feedback,
    Pose2D,
)
from tektra.robots.spec import HORIZON_S, RobotSpec
from tektra.wire.frames import LAST_SEQUENCE, Frame, FrameError
from tektra.wire.messages import (
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
from tektra.wire.payloads import pack, unpack

MS = 1_000_000
HELLO_NS = 100 * MS  # a HELLO is sent again after this
ANSWER_NS = 500 * MS  # without an answer for so long the robot is not there
AGAIN_NS = 20 * MS  # what the robot's report does not show yet is sent again after this
ENABLE_NS = 1_000 * MS  # an ENABLE that was not obeyed by then is given up
BACK_OFF_NS = (100 * MS, 2_000 * MS)  # first and longest pause before a new attempt
POSE_FRAME = 'odom'


class State(enum.Enum):
    """How far the link is."""

    IDLE = 'not asked to connect'
    WAITING = 'waiting to try again'
    OPENING = 'opening'
    ASKING = 'asking for a session'
    UP = 'session granted'


class HostLink:
    """One robot's session, its wishes and its reports.

    ``new_nonce`` returns 16 random bytes; ``chance`` spreads the attempts of many hosts.
    """

    def __init__(
        self,
        robot: RobotSpec,
        controller_id: str,
        *,
        new_nonce: Callable[[], bytes],
        chance: random.Random,
    ) -> None:
        self._robot = robot
        self._controller = controller_id
        self._new_nonce = new_nonce
        self._chance = chance
        self._back_off_ns = BACK_OFF_NS[0]
        self._reports = 0  # over all sessions
        self._enable_id = 0  # over all sessions too: an id is never used twice
        self.state = State.IDLE
        self.problem = ''  # why there is no session; empty: there is one, or none was asked for
        self.rival = ''
        self.grant: Grant | None = None
        self._want_stop: Category | None = None
        self._want_off = False
        self._held = False
        self._retry_ns = 0
        self._forget(0)

    def _forget(self, now_ns: int) -> None:
        """Forget all that belonged to a session; nothing enables the next one by itself."""
        self._nonce = b''
        self._session = 0
        self._sequence = 0
        self._seen = 0  # newest TELEMETRY
        self._heard_ns = self._hello_ns = self._since_ns = now_ns
        self._sent: dict[str, tuple[int, int]] = {}  # wish -> when, with which sequence
        self._index: dict[str, int] = {}
        self._enabling_ns: int | None = None
        self._setpoint: tuple[int, DriverCommand] | None = None
        self._telemetry: Telemetry | None = None
        self.feedback: Feedback | None = None
        self.grant = None

    def start(self, now_ns: int) -> None:
        """Begin to connect, at once."""
        if self.state is State.IDLE:
            self.state, self._retry_ns = State.WAITING, now_ns

    @property
    def connected(self) -> bool:
        """Return whether the robot has granted the session and reports."""
        return self.state is State.UP and self.feedback is not None

    def due(self, now_ns: int) -> bool:
        """Return whether the transport shall be opened now; ``opening`` follows."""
        return self.state is State.WAITING and now_ns >= self._retry_ns

    def opening(self, now_ns: int) -> None:
        """Note that the transport is being opened."""
        self._forget(now_ns)
        self.state = State.OPENING

    def opened(self, now_ns: int) -> None:
        """Ask for a session: the transport is open."""
        self._nonce = self._new_nonce()
        self._since_ns = now_ns
        self._hello_ns = now_ns - HELLO_NS
        self.state = State.ASKING

    def lost(self, problem: str, now_ns: int) -> None:
        """Note that there is no transport or no session any more; try again later."""
        self._forget(now_ns)
        self.problem = problem
        if not self._held:
            self.rival = ''
        self._held = False
        self.state = State.WAITING
        self._retry_ns = now_ns + round(self._back_off_ns * self._chance.uniform(0.5, 1.0))
        self._back_off_ns = min(2 * self._back_off_ns, BACK_OFF_NS[1])

    def overdue(self, now_ns: int) -> str:
        """Return why the link must be given up, or nothing."""
        if self.state in (State.OPENING, State.ASKING) and now_ns - self._since_ns > ANSWER_NS:
            return 'no answer; is it switched on, and has it the same key?'
        if self.state is State.UP and self.grant is not None:
            silent_ns = now_ns - self._heard_ns
            if silent_ns > self.grant.lease_ms * MS:
                return f'has not reported for {silent_ns // MS} ms'
            if self._sequence >= LAST_SEQUENCE:
                return 'all sequence numbers of this session are used'
        return ''

    def receive(self, frame: Frame, now_ns: int) -> str:
        """Take a frame of the robot; return why the link is lost by it, or nothing."""
        try:
            message = unpack(frame)
        except FrameError:
            return ''  # as if it had not come
        if isinstance(message, Refuse):
            return self._refused(message, frame)
        if isinstance(message, Grant) and self.state is State.ASKING:
            if message.nonce == self._nonce and frame.session:
                return self._granted(message, frame.session, now_ns)
        elif isinstance(message, Telemetry) and self.state is State.UP:
            if frame.session == self._session and frame.sequence > self._seen:
                return self._report(message, frame.sequence, now_ns)
        return ''

    def set_point(self, command: DriverCommand, now_ns: int) -> None:
        """Keep the newest set-point until it is sent; before and after an ENABLE none is.

        :raises DriverError: if it names what the robot does not have, or is not finite.
        """
        for name in command.joints:
            if name not in self._robot.joints:
                raise DriverError(f"robot '{self._robot.name}' has no joint '{name}'")
        if not 0 < command.valid_for_s <= HORIZON_S:
            raise DriverError(f'valid_for_s {command.valid_for_s:g} is outside 0..{HORIZON_S:g} s')
        base = command.base
        numbers = [] if base is None else [base.x, base.y, base.yaw]
        for target in command.joints.values():
            numbers += [target.position, target.velocity]
        if not all(math.isfinite(number) for number in numbers):
            raise DriverError('a set-point is not finite; nothing of it was sent')
        if self._may_move():
            self._setpoint = now_ns, command

    def enable(self, now_ns: int) -> None:
        """Want power, by a new decision: it takes back an earlier ``stop`` and ``disable``."""
        self._want_stop = None
        self._want_off = False
        self._setpoint = None
        self._enable_id += 1
        self._enabling_ns = now_ns
        self._sent.pop('enable', None)

    def stop(self, category: Category) -> None:
        """Want a stop, until the next ``enable``; it can only become more severe."""
        if self._want_stop is None or category < self._want_stop:
            self._want_stop = category
            self._sent.pop('stop', None)
        self._setpoint = None
        self._enabling_ns = None

    def disable(self) -> None:
        """Want no power, until the next ``enable``."""
        if not self._want_off:
            self._want_off = True
            self._sent.pop('off', None)
        self._setpoint = None
        self._enabling_ns = None

    def next_frame(self, now_ns: int, *, set_points: bool = True) -> Frame | None:
        """Return what is to be sent now, the most urgent first; None: nothing.

        ``set_points``: whether the transport has room for one.
        """
        if self.state is State.ASKING and now_ns - self._hello_ns >= HELLO_NS:
            self._hello_ns = now_ns
            return pack(Hello(self._nonce, self._robot.name, self._controller), 0, 0)
        if self.state is not State.UP:
            return None
        assert self.grant is not None
        enable = Enable(self._enable_id, self._seen)
        urgent = (
            self.next_stop(now_ns)
            or (self._off_missing() and self._again('off', Disable(), AGAIN_NS, now_ns))
            or (self._enable_missing(now_ns) and self._again('enable', enable, AGAIN_NS, now_ns))
            or self._again(
                'heartbeat', Heartbeat(self._seen), self.grant.lease_ms * MS // 4, now_ns
            )
        )
        return urgent or (self._next_setpoint(now_ns) if set_points else None)

    def next_stop(self, now_ns: int) -> Frame | None:
        """Return a STOP that is to be sent now, if one is."""
        if self.state is not State.UP or self._want_stop is None or self._stop_shown():
            return None
        return self._again('stop', Stop(int(self._want_stop)), AGAIN_NS, now_ns)

    def farewell(self) -> list[Frame]:
        """Return the last words of a session: a stop, and that it is over.

        The robot takes the power by itself when it stands: DISABLE now would drop a moving arm.
        """
        if self.state is not State.UP:
            return []
        wanted = Category.CONTROLLED if self._want_stop is None else self._want_stop
        return [self._pack(Stop(min(int(wanted), 1))), self._pack(Bye())]

    def end(self) -> None:
        """Forget the session, and ask for no other until ``start``."""
        self._forget(0)
        self.state = State.IDLE
        self.problem = self.rival = ''

    def _pack(self, message: Message) -> Frame:
        self._sequence += 1
        return pack(message, self._session, self._sequence)

    def _again(self, what: str, message: Message, every_ns: int, now_ns: int) -> Frame | None:
        sent_ns, _ = self._sent.get(what, (None, 0))
        if sent_ns is not None and now_ns - sent_ns < every_ns:
            return None
        frame = self._pack(message)
        self._sent[what] = now_ns, frame.sequence
        return frame

    def _answered(self, what: str) -> bool:
        """Return whether the newest report was made after the wish was sent."""
        _, sequence = self._sent.get(what, (0, LAST_SEQUENCE + 1))
        return self._telemetry is not None and self._telemetry.host_sequence >= sequence

    def _next_setpoint(self, now_ns: int) -> Frame | None:
        if self._setpoint is None or not self._may_move():
            return None
        made_ns, command = self._setpoint
        self._setpoint = None
        # What it has waited here is taken from the time for which it is good.
        left_ms = round(command.valid_for_s * 1000) - (now_ns - made_ns) // MS
        if left_ms <= 0:
            return None
        base = command.base
        joints = tuple(
            JointSetpoint(self._index[name], target.position, target.velocity)
            for name, target in command.joints.items()
        )
        three = None if base is None else (base.x, base.y, base.yaw)
        try:
            return self._pack(Setpoint(self._enable_id, self._seen, left_ms, three, joints))
        except FrameError as error:
            raise DriverError(f'a set-point cannot be sent: {error}') from None

    def _may_move(self) -> bool:
        shown = self._telemetry
        return (
            self._want_stop is None
            and not self._want_off
            and shown is not None
            and shown.enabled
            and shown.enable_id == self._enable_id != 0
        )

    def _stop_shown(self) -> bool:
        shown, wanted = self._telemetry, self._want_stop
        return (
            shown is not None
            and self._answered('stop')
            and shown.stop_category is not None
            and wanted is not None
            and shown.stop_category <= wanted
        )

    def _off_missing(self) -> bool:
        shown = self._telemetry
        if not self._want_off:
            return False
        powered = shown is None or shown.enabled or bool(shown.enable_id)
        return powered or not self._answered('off')

    def _enable_missing(self, now_ns: int) -> bool:
        if self._enabling_ns is None:
            return False
        if now_ns - self._enabling_ns > ENABLE_NS:
            self._enabling_ns = None
        return self._enabling_ns is not None

    def _refused(self, refuse: Refuse, frame: Frame) -> str:
        if self.state is State.ASKING and refuse.nonce == self._nonce:
            if refuse.code is RefuseCode.HELD and refuse.holder != self._controller:
                self.rival = refuse.holder or 'an unnamed controller'
                self._held = True
            held = f' (held by {refuse.holder})' if refuse.holder else ''
            return f'refuses the session: {refuse.reason}{held}'
        if self.state is State.UP and frame.session == self._session:
            return f'ended the session: {refuse.reason}'
        return ''

    def _granted(self, grant: Grant, session: int, now_ns: int) -> str:
        self.rival = ''
        missing = [name for name in self._robot.joints if name not in grant.joints]
        if missing:
            return f"has no joint '{missing[0]}'; correct the joints in {self._robot.path}"
        base = self._robot.base
        if base is not None and not grant.has_base:
            return f'has no base; remove base from {self._robot.path}'
        if base is not None and base.lateral is not None and not grant.has_lateral:
            return f'cannot move sideways; remove base.lateral from {self._robot.path}'
        if not grant.lease_ms or not grant.telemetry_ms:
            return 'grants a session without a lease'
        self.grant, self._session = grant, session
        self._index = {name: index for index, name in enumerate(grant.joints)}
        self._heard_ns = now_ns
        self.state = State.UP
        return ''

    def _report(self, shown: Telemetry, sequence: int, now_ns: int) -> str:
        assert self.grant is not None
        if len(shown.joints) not in (0, len(self.grant.joints)):
            return f'reports {len(shown.joints)} joints, not {len(self.grant.joints)}'
        self._seen, self._heard_ns, self._telemetry = sequence, now_ns, shown
        self._back_off_ns = BACK_OFF_NS[0]
        self.problem = ''
        mine = shown.enable_id == self._enable_id
        enabled = shown.enabled and (mine or self._enabling_ns is None)
        if mine:
            self._enabling_ns = None
        self._reports += 1
        states = dict(zip(self.grant.joints, shown.joints, strict=False))
        pose = shown.pose
        self.feedback = Feedback(
            received_ns=now_ns,
            seq=self._reports,
            enabled=enabled,
            base=None if shown.base is None else BaseVelocity(*shown.base),
            pose=None if pose is None else Pose2D(POSE_FRAME, *pose),
            positions={name: state[0] for name, state in states.items()},
            velocities={name: state[1] for name, state in states.items()},
            battery=shown.battery,
            bumper=shown.bumper,
            range_m=shown.range_m,
            fault=shown.fault,
        )
        return ''
