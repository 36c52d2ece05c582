"""The latch: STOPPED, RESETTING, CLEAR, and the only way from the first to the last.

Everything can stop; one correct reset, made by somebody who has seen the newest state and holds
the robot's key, can clear. Clear does not move anything: the gate needs an enable after it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from tektra_msgs.msg import EstopSource, EstopState, GateState, StopRequest
from tektra_msgs.srv import ResetEstop

from tektra.estop.gate_watch import GateWatch, RivalEstop
from tektra.estop.latch import Found, Record
from tektra.estop.pace import Pace
from tektra.estop.resets import Identity, refusal
from tektra.estop.sources import Sources
from tektra.estop.stop import Stop, configured, utc
from tektra.runtime import words
from tektra.runtime.clock import nanoseconds, seconds

RESETTING_NS = nanoseconds(0.2)  # long enough that every listener sees it, short for a person
OWN_GAP_NS = nanoseconds(0.5)  # estop itself did not run for so long: nobody watched
STOPPED, RESETTING, CLEAR = (
    EstopState.STATE_STOPPED,
    EstopState.STATE_RESETTING,
    EstopState.STATE_CLEAR,
)
STARTUP = 'startup'  # how the reason of the first stop of an instance begins


def new_nonce() -> str:
    """Return what nobody can guess."""
    return secrets.token_hex(16)


class EstopCore:
    """The state machine. Times in ns of the boot-time clock; not thread-safe."""

    def __init__(
        self,
        who: Identity,
        found: Found,
        now_ns: int,
        make_nonce: Callable[[], str] = new_nonce,
    ) -> None:
        self._who = who
        self._make_nonce = make_nonce
        self._sources = Sources(who.robot.estop.required_sources)
        self._gates = GateWatch(who.robot, who.instance_id)
        self._rival = RivalEstop()
        self._pace = Pace()
        self._seq = 0
        self._ran_ns = now_ns
        self._state: int = STOPPED
        self._since_ns = now_ns
        self._since: Any = None  # ROS time of the first message of this state
        self._nonce = ''  # empty: none can be used; the next message makes one
        self._operator = ''
        self._stop = Stop.at_start(found, configured(who.robot), STARTUP)

    @property
    def level(self) -> int:
        """Return EstopState.STATE_*."""
        return self._state

    @property
    def stop_id(self) -> int:
        """Return the number of the newest stop."""
        return self._stop.stop_id

    @property
    def reason(self) -> str:
        """Return why the newest stop happened."""
        return self._stop.text()

    @property
    def operator(self) -> str:
        """Return who asked for the last reset."""
        return self._operator

    def on_stop_request(self, msg: StopRequest, now_ns: int, fleet: bool = False) -> None:
        """Latch, unless it asks for a hold, which is the gate's, or the fleet is not obeyed."""
        if msg.level == StopRequest.LEVEL_HOLD:
            return
        if fleet and self._who.robot.estop.fleet == 'ignore':
            return
        reason, source = words.reason(msg.reason), words.name(msg.source)
        self._latch(
            f'fleet/{source}' if fleet else source,
            reason,
            now_ns,
            category=msg.category,
            request_id=msg.request_id[: words.ID_CHARS],
        )

    def on_stop_service(self, now_ns: int) -> None:
        """Latch: the service has no refusal."""
        self._latch('estop/stop', 'asked for by the service', now_ns)

    def on_source(self, msg: EstopSource, now_ns: int) -> None:
        """Take a sign of life of something that watches; latch if it asserts."""
        self.tick(now_ns)  # what is due is judged before the news
        name = self._sources.on_beat(msg, now_ns)
        if name:
            self._latch(name, self._sources.reason(name) or 'it asserts', now_ns)

    def on_gate_state(self, msg: GateState, now_ns: int) -> None:
        """Take what the gate says; a new one or a second one is a stop."""
        self.tick(now_ns)
        why = self._gates.on_state(msg, now_ns)
        if why and self._state != STOPPED:
            self._latch('estop', why, now_ns)

    def on_other_estop(self, instance_id: str, now_ns: int) -> None:
        """Take an EstopState of this robot that another instance has published."""
        if self._rival.on_state(instance_id, now_ns):
            self._latch('estop', self._rival.trouble(now_ns), now_ns)

    def on_failure(self, what: str, now_ns: int) -> None:
        """Latch, because estop itself has a mistake: a demand may not have been understood."""
        self._latch('estop', f'a mistake in estop: {words.reason(what)}', now_ns)

    def on_exit(self, now_ns: int) -> None:
        """Latch, because nobody will watch any more."""
        if self._state != STOPPED:
            self._latch('estop', 'estop is shut down', now_ns)

    def reset(self, request: ResetEstop.Request, now_ns: int) -> ResetEstop.Response:
        """Begin to clear, or say why not and what to do."""
        self.tick(now_ns)
        why = refusal(request, self._who, self._state, self._stop, self._nonce)
        if not why:
            why = '; also: '.join(self.blockers(now_ns))
        if why:
            return ResetEstop.Response(success=False, message=why, state=self._state)
        self._operator = words.name(request.operator_name, 'somebody who gave no name')
        self._enter(RESETTING, now_ns)
        return ResetEstop.Response(
            success=True,
            message=f'stop {self.stop_id} will be clear in {seconds(RESETTING_NS):g} s, unless '
            'something stops again; nothing moves before motion is enabled',
            state=self._state,
        )

    def tick(self, now_ns: int) -> None:
        """Judge what is due; at least 40 Hz."""
        gap, self._ran_ns = now_ns - self._ran_ns, now_ns
        if self._state == STOPPED:
            return
        if not 0 <= gap <= OWN_GAP_NS:
            why = f'estop itself did not run for {seconds(gap):.1f} s (suspended or frozen)'
            self._latch('estop', why, now_ns)
            return
        source, why = self._unsafe(now_ns)
        if why:
            self._latch(source, why, now_ns)
        elif self._state == RESETTING and now_ns - self._since_ns >= RESETTING_NS:
            self._stop.clear()
            self._enter(CLEAR, now_ns)

    def due(self, now_ns: int) -> bool:
        """Return whether ``state`` shall be published now, not only at the next regular time."""
        return self._pace.due(now_ns)

    def state(self, now_ns: int, stamp: Any) -> EstopState:
        """Return the next message to publish: each has its own ``seq``."""
        self._seq += 1
        self._since = self._since or stamp
        if self._state == STOPPED and not self._nonce:
            self._nonce = self._make_nonce()
        self._stop.since = self._stop.since or utc(stamp)
        self._pace.sent(now_ns)
        stopped, stop = self._state != CLEAR, self._stop
        message = EstopState(
            robot=self._who.robot.name,
            instance_id=self._who.instance_id,
            seq=self._seq,
            stop_id=stop.stop_id,
            state=self._state,
            category=stop.category,
            active_sources=list(self._sources.demands(now_ns)),
            reason=stop.text() if stopped else '',
            request_ids=list(stop.request_ids),
            since=self._since,
            reset_nonce=self._nonce,
            reset_blockers=self.blockers(now_ns) if stopped else [],
            config_hash=self._who.robot.config_hash,
        )
        message.header.stamp = stamp
        return message

    def blockers(self, now_ns: int) -> list[str]:
        """Return why a correct reset would be refused now, each with what to do."""
        found = [
            f'{why}; {self._sources.advice(name, now_ns)}'
            for name, why in self._sources.demands(now_ns).items()
        ]
        if self._who.key_trouble:
            found.append(f'there is no key: {self._who.key_trouble}; then restart estop')
        rival = self._rival.trouble(now_ns)
        found.extend([rival] if rival else [])
        return found + self._gates.blockers(self.stop_id, now_ns)

    def record(self) -> Record:
        """Return what the latch file should say."""
        return self._stop.record(cleared=self._state == CLEAR)

    def status(self, now_ns: int) -> str:
        """Return why estop works less well than it should; empty: it does not."""
        trouble = (
            self._rival.trouble(now_ns),
            self._gates.two(now_ns) or self._gates.silent(now_ns),
            self._who.key_trouble,
        )
        return '; '.join(one for one in trouble if one)

    def _unsafe(self, now_ns: int) -> tuple[str, str]:
        """Return (source, why) of a stop that is due while not stopped; ('', '') if none is."""
        for name, why in self._sources.demands(now_ns).items():
            return name, why
        rival = self._rival.trouble(now_ns)
        gates = self._gates.two(now_ns) or self._gates.silent(now_ns)
        if not gates and self._state == RESETTING:
            gates = '; '.join(self._gates.blockers(self.stop_id, now_ns))
        why = rival or gates
        return ('estop', why) if why else ('', '')

    def _latch(
        self, source: str, reason: str, now_ns: int, category: int = 0, request_id: str = ''
    ) -> None:
        if category not in (1, 2, 3):  # UNSET, and what no version of the message knows
            category = configured(self._who.robot)
        # A stop that is asked for during the start-up stop is a stop of its own: who resets a
        # start-up by itself must not take it for that.
        if self._state == STOPPED and not self._stop.startup:
            if self._stop.join(source, category, request_id):
                self._pace.change()
            if not self._stop.repeats(request_id):
                self._nonce = ''  # a reset that has not seen this request is void
            self._stop.remember(request_id)
            return
        if self._state != CLEAR:  # what has not been reset stays as severe as it was
            category = min(category, self._stop.category)
        needs_person = self._state != CLEAR and self._stop.needs_person
        self._stop = self._stop.next(source, reason, category, request_id)
        self._stop.needs_person |= needs_person
        self._enter(STOPPED, now_ns)
        self._pace.change(urgent=True)

    def _enter(self, state: int, now_ns: int) -> None:
        self._state, self._since_ns, self._since = state, now_ns, None
        self._nonce = ''
        self._pace.change()
