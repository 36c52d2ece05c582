"""The table of fault classes: each does one thing to a moving robot, and says how it stopped.

A class returns an ``Outcome`` or raises ``Moved`` or ``Late``. ``spoils``: what it leaves behind
(a killed node stays in the discovery for 20 s) is no place for the next class.
"""

from __future__ import annotations

import importlib
import signal
from collections.abc import Callable
from dataclasses import dataclass

from tektra_msgs.msg import EstopState, GateState

# Bounds: design.md's, with slack for a machine that does other work too.
ESTOP_SILENT_S = 0.5  # design: 0.2
ROBOT_SIDE_S = 0.2 + 0.1  # a set-point lives for 0.2 s on the robot's own clock
REQUEST_S = 0.25
RAMP_S = 1.0  # stop.max_ramp_s of tek


@dataclass(frozen=True)
class Outcome:
    """What the witness saw, in s since the fault; None: this class has no such moment.

    ``early``: the gate had tripped by itself (a busy machine) before the fault was there.
    """

    told_s: float | None = None
    rest_s: float | None = None
    early: bool = False


@dataclass(frozen=True)
class Fault:
    """A row of the table."""

    name: str
    run: Callable[..., Outcome]
    kind: str
    spoils: bool
    summary: str


FAULTS: dict[str, Fault] = {}


def all_faults():
    """Return all classes, so ordered that one rig serves as many as it can."""
    for module in ('safety_inputs', 'safety_links', 'safety_others'):
        importlib.import_module(module)
    return sorted(FAULTS.values(), key=lambda row: (row.kind, row.spoils))


def fault(kind='plain', *, spoils=False):
    """Register a function as a class of faults."""

    def add(run):
        summary = run.__doc__.splitlines()[0]
        FAULTS[run.__name__] = Fault(run.__name__, run, kind, spoils, summary)
        return run

    return add


def tripped_before(rig, since_ns):
    """Return whether the robot had been stopped before the fault was there."""
    early_ns = rig.witness.first_stop_ns(rig.moving_ns)
    return early_ns is not None and early_ns < since_ns


def stops(rig, since_ns, told_s, *, frame=False):
    """Judge a robot that must stop now and must not move again, whoever commands."""
    early = tripped_before(rig, since_ns)
    told = None if early else rig.assert_told_within(told_s, since_ns, frame=frame)
    rest = rig.assert_at_rest_within(told_s + RAMP_S, since_ns)
    rig.assert_never_moved_after(rig.now())
    return Outcome(told, None if early else rest, early)


def restarted(rig, name):
    """Start a node again, and see that the robot does not move for it."""
    watch = rig.operator.watch
    last = watch.last_estop if name == 'estop' else watch.last_gate
    since_ns, before = rig.now(), last()[0].instance_id
    rig.start(name)
    rig.until(lambda: last()[0].instance_id != before, f'{name} again', 30.0)
    rig.until(lambda: rig.estop and rig.gate_state, 'both states', 30.0)
    rig.assert_never_moved_after(since_ns, 1.0)


# ---- stops, while all is well -------------------------------------------------------------------


@fault()
def stop_request(rig):
    """A stop by the client, with a commander that goes on."""
    rig.drive()
    return stops(rig, rig.request_stop(), REQUEST_S, frame=True)


@fault()
def stop_request_of_1_mb(rig):
    """A stop whose reason is 1 MB long."""
    rig.drive()
    # It goes out in fragments, 20 times a second: 0.26 s were seen with a load of 11 on 2 cores.
    outcome = stops(rig, rig.request_stop('x' * 1_000_000), 2 * REQUEST_S, frame=True)
    assert len(rig.newest_estop().reason) < 4096
    return outcome


# ---- processes: killed, frozen, ended -----------------------------------------------------------


@fault(spoils=True)
def estop_killed(rig):
    """kill -9 of estop; then a new estop, with the commander still there."""
    rig.drive()
    outcome = stops(rig, rig.kill('estop'), ESTOP_SILENT_S)
    restarted(rig, 'estop')
    assert rig.newest_estop().state == EstopState.STATE_STOPPED
    return outcome


@fault(spoils=True)
def gate_killed(rig):
    """kill -9 of robot_gate: the robot side brakes alone; then a new gate joins late."""
    rig.drive()
    outcome = stops(rig, rig.kill('gate'), ROBOT_SIDE_S)
    restarted(rig, 'gate')
    assert rig.newest_estop().state == EstopState.STATE_STOPPED
    return outcome


@fault(spoils=True)
def commander_killed(rig):
    """kill -9 of whoever commands; a new one commands at once and must not be obeyed."""
    rig.drive()
    since_ns = rig.kill('stick')
    rest = rig.assert_at_rest_within(0.3 + RAMP_S, since_ns)
    rig.request_stop()
    rig.settle(0.3)
    now_ns = rig.now()
    rig.start('stick')
    rig.stick()
    rig.assert_never_moved_after(now_ns)
    return Outcome(None, rest)


@fault()
def robot_side_killed(rig):
    """kill -9 of the emulator (every write of the driver fails); a new one must not move."""
    rig.drive()
    since_ns = rig.kill('plant')
    early = tripped_before(rig, since_ns)
    rig.until(lambda: rig.gate_state and rig.gate_state.trip, 'a trip of the gate', 2.0)
    took = (rig.now() - since_ns) / 1e9
    rig.start('plant')
    rig.witness.forget()
    since_ns = rig.now()
    rig.until(lambda: rig.gate_state and rig.gate_state.driver_connected, 'the driver', 20.0)
    rig.assert_never_moved_after(since_ns, 1.0)
    return Outcome(took, None, early)


@fault()
def estop_frozen(rig):
    """SIGSTOP of estop for 1 s, then SIGCONT with its backlog."""
    rig.drive()
    outcome = stops(rig, rig.signal('estop', signal.SIGSTOP), ESTOP_SILENT_S)
    rig.assert_never_moved_after(rig.signal('estop', signal.SIGCONT))
    return outcome


@fault()
def gate_frozen(rig):
    """SIGSTOP of robot_gate for 1 s, then SIGCONT with the commands that waited."""
    rig.drive()
    outcome = stops(rig, rig.signal('gate', signal.SIGSTOP), ROBOT_SIDE_S)
    rig.assert_never_moved_after(rig.signal('gate', signal.SIGCONT), 1.2)
    return outcome


@fault()
def gate_frozen_briefly(rig):
    """SIGSTOP of robot_gate for 0.15 s: longer than its tick may take."""
    rig.drive()
    since_ns = rig.signal('gate', signal.SIGSTOP)
    rig.settle(0.15)
    rig.signal('gate', signal.SIGCONT)
    return stops(rig, since_ns, 0.15 + ROBOT_SIDE_S)


@fault()
def commander_frozen(rig):
    """SIGSTOP of the commander, a stop, then SIGCONT: what waited must not move the robot."""
    rig.drive()
    since_ns = rig.signal('stick', signal.SIGSTOP)
    try:
        rest = rig.assert_at_rest_within(0.3 + RAMP_S, since_ns)
        rig.request_stop()
        rig.settle(0.2)
    finally:
        since_ns = rig.signal('stick', signal.SIGCONT)
    rig.assert_never_moved_after(since_ns)
    return Outcome(None, rest)


@fault()
def robot_side_frozen(rig):
    """SIGSTOP of the emulator for 0.6 s, then SIGCONT with the frames that waited."""
    rig.drive()
    rig.signal('plant', signal.SIGSTOP)
    rig.until(lambda: rig.gate_state and rig.gate_state.trip, 'a trip of the gate', 2.0)
    rig.settle(0.2)
    return stops(rig, rig.signal('plant', signal.SIGCONT), 0.1)


def _ended(rig, name, number, told_s):
    rig.drive()
    since_ns = rig.signal(name, number)
    early = tripped_before(rig, since_ns)
    told = None if early else rig.assert_told_within(told_s, since_ns)
    rest = rig.assert_at_rest_within(told_s + RAMP_S, since_ns)
    code = rig.processes.pop(name).wait(5)
    assert code == 0, f'{name} ended with {code}'
    restarted(rig, name)
    assert rig.newest_estop().state == EstopState.STATE_STOPPED
    return Outcome(told, None if early else rest, early)


@fault()
def estop_sigterm(rig):
    """SIGTERM of estop while the robot moves; then a new estop."""
    return _ended(rig, 'estop', signal.SIGTERM, ESTOP_SILENT_S)


@fault()
def estop_ctrl_c(rig):
    """SIGINT of estop while the robot moves; then a new estop."""
    return _ended(rig, 'estop', signal.SIGINT, ESTOP_SILENT_S)


@fault()
def gate_sigterm(rig):
    """SIGTERM of robot_gate while the robot moves; then a new gate that joins late."""
    return _ended(rig, 'gate', signal.SIGTERM, ROBOT_SIDE_S)


@fault()
def gate_ctrl_c(rig):
    """SIGINT of robot_gate while the robot moves; then a new gate that joins late."""
    return _ended(rig, 'gate', signal.SIGINT, ROBOT_SIDE_S)


@fault('hung', spoils=True)
def estop_callback_hangs(rig):
    """A callback of estop never returns and takes a whole core."""
    rig.order('flooder', 'flood', name='estop/source', hz=0, source='hang')
    rig.drive()
    since_ns = rig.now()
    rig.order('flooder', 'flood', name='estop/source', hz=20, source='hang')
    # Counted from the order, so that it includes the flooder's own way to its first message.
    return stops(rig, since_ns, ESTOP_SILENT_S + REQUEST_S)


@fault('hung', spoils=True)
def gate_callback_hangs(rig):
    """A callback of robot_gate never returns: its loop must see that estop is silent."""
    from tektra_msgs.msg import StopWordHealth

    from tektra.runtime.topics import open_publisher

    out = open_publisher(rig.node, '/stop_word/health')
    rig.until(lambda: out.get_subscription_count() > 0, 'the health topic')
    rig.drive()
    since_ns = rig.now()
    out.publish(StopWordHealth(language='hang'))
    return stops(rig, since_ns, ESTOP_SILENT_S)


@fault('runaway', spoils=True)
def runaway(rig):
    """A robot that ignores every brake: the gate must take its power."""
    rig.drive()
    since_ns = rig.request_stop()
    told = rig.assert_told_within(REQUEST_S, since_ns, frame=True)
    rest = rig.assert_at_rest_within(2.5, since_ns)
    rig.assert_never_moved_after(rig.now())
    return Outcome(told, rest)


def _bridge(rig, x, yaw, hz):
    rig.order('bridge', 'bridge', x=x, yaw=yaw, hz=hz)


@fault()
def lost_lease(rig):
    """The owner of set-points falls silent (frozen); when it is back it must not be obeyed."""
    from tektra_msgs.msg import StopWordHealth

    from tektra.runtime.topics import open_publisher

    health = open_publisher(rig.node, '/stop_word/health')
    beats = rig.node.create_timer(
        0.1, lambda: health.publish(StopWordHealth(listening=True, instance_id='chaos'))
    )
    _bridge(rig, 0.0, 0.0, 0)
    try:
        rig.try_to_move(lambda: _bridge(rig, 0.3, 0.6, 50), lambda: _bridge(rig, 0.0, 0.0, 0))
        since_ns = rig.signal('bridge', signal.SIGSTOP)
        rest = rig.assert_at_rest_within(0.5 + RAMP_S, since_ns)
        rig.until(
            lambda: rig.gate_state and rig.gate_state.level <= GateState.LEVEL_HOLD, 'a hold'
        )
        why = ' '.join(rig.operator.watch.last_gate()[0].refusing_because)
        early = 'the lease of robot_bridge was lost' not in why
        # On a busy machine the robot has stopped itself, or has not heard this process.
        assert not early or rig.starved() or 'stop_word is silent' in why, why
        since_ns = rig.signal('bridge', signal.SIGCONT)
        rig.assert_never_moved_after(since_ns)
    finally:
        rig.signal('bridge', signal.SIGCONT)
        rig.dismiss('bridge')  # a second publisher of set-points is a fault
        rig.node.destroy_timer(beats)
        rig.node.destroy_publisher(health)
    rig.request_stop()
    return Outcome(None, rest, early)
