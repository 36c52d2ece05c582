"""More classes of the table: what comes in is wrong, old, too much, or from somebody else."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import replace

from rclpy.node import NodeNameNonExistentError
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from rosgraph_msgs.msg import Clock
from safety_faults import REQUEST_S, Outcome, fault, stops
from tektra_msgs.msg import EstopState, GateState, StopRequest

from tektra.runtime.topics import topic
from tektra.stop_client.operator import Refused

FLOOD_HZ = 5000
RACERS = 100


# ---- a person, and what a person has looked at --------------------------------------------------


@fault()
def publisher_that_never_stops(rig):
    """A commander that goes on across stop, reset and enable."""
    rig.drive()
    outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    rig.until(lambda: rig.estop and 'asks' in ' '.join(rig.estop.reset_blockers), 'a blocker')
    refused = rig.try_once(rig.operator.reset)
    assert 'asks' in refused, f'reset was not refused for the commander: {refused!r}'
    rig.quiet()
    rig.reset()
    since_ns = rig.now()
    rig.stick()
    rig.settle(0.1)
    rig.enable()
    rig.assert_never_moved_after(since_ns, 1.0)
    return outcome


@fault()
def stale_operator(rig):
    """The reset and the enable of an older look at the robot."""
    old = []

    def keep(make):
        def kept(now):
            request = make(now)
            old.append(request)
            return request

        return kept

    rig.quiet()
    rig.request_stop()
    rig.until(lambda: _resettable(rig.estop), 'a stop that can be reset')
    rig.try_once(keep(rig.operator.reset))
    rig.drive()
    rig.try_once(keep(lambda now: rig.operator.enable((), now)))
    outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    if len(old) < 2:  # the robot had stopped itself, so that nothing could be asked for
        return replace(outcome, early=True)
    since_ns = rig.now()
    assert not any(rig.ask(request).success for request in old)
    rig.quiet()
    rig.reset()
    rig.stick()
    assert not any(rig.ask(request).success for request in old)
    rig.assert_never_moved_after(since_ns)
    return outcome


@fault()
def races(rig):
    """100 resets and 100 enables under way at once: at most one of each wins; then a stop."""
    rig.quiet()
    rig.request_stop()
    rig.until(lambda: _resettable(rig.estop), 'a stop that can be reset')
    since_ns = rig.now()
    assert _race(rig, rig.operator.reset(rig.now())) <= 1
    rig.reset()
    rig.enable()
    rig.stick()
    rig.settle(0.1)
    try:
        request = rig.operator.enable((), rig.now())
    except Refused:
        assert rig.starved()
        return Outcome(early=True)
    assert _race(rig, request) <= 1
    rig.assert_never_moved_after(since_ns)
    since_ns = rig.request_stop()
    assert _race(rig, request) == 0
    rig.assert_never_moved_after(since_ns)
    return Outcome()


def _resettable(estop):
    return estop and estop.state == EstopState.STATE_STOPPED and not estop.reset_blockers


def _race(rig, request):
    """Return how many won; of so many at once DDS drops some, which then have no answer."""
    rig.until(lambda: rig.person.ready(type(request)), 'the service')
    futures = [rig.person.send(request) for _ in range(RACERS)]
    with contextlib.suppress(TimeoutError):
        rig.until(lambda: all(f.done() for f in futures), 'the answers', 2.0)
    answered = [f.result() for f in futures if f.done()]
    assert answered
    return sum(answer.success for answer in answered)


# ---- commands that are no commands --------------------------------------------------------------


@fault()
def numbers_that_are_none(rig):
    """NaN, infinity and 1e308 as speeds, while motion is enabled."""
    rig.arm()
    since_ns = rig.now()
    for value in (float('nan'), float('inf'), -float('inf'), 1e308, -1e308):
        rig.stick(value, value)
        rig.settle(0.25)
        rig.stick(0.0, value)
        rig.settle(0.25)
    rig.assert_never_moved_after(since_ns, 0.4)
    rig.until(lambda: rig.gate_state, 'the gate')
    enabled = rig.operator.watch.last_gate()[0].level == GateState.LEVEL_ENABLED
    assert enabled or rig.starved(), rig.story()
    rig.quiet()
    return Outcome(early=not enabled)


@fault()
def parameters_from_outside(rig):
    """Somebody sets parameters of estop and robot_gate while the robot moves."""
    rig.drive()
    for name, service in (('estop', 'estop/stop'), ('robot_gate', 'enable_motion')):
        # Those of the parameters would be as old as the node, and so be known before this one.
        rig.until(lambda n=name, s=service: f'/tek/{s}' in _services(rig, n), f'{name}: {service}')
        found = [one for one in _services(rig, name) if 'parameters' in one]
        assert not found, f'{name} has parameter services: {found}'
    return stops(rig, rig.request_stop(), REQUEST_S, frame=True)


def _services(rig, name):
    with contextlib.suppress(NodeNameNonExistentError):
        return [one for one, _ in rig.node.get_service_names_and_types_by_node(name, '/tek')]
    return []


@fault()
def clock_paused_and_jumping(rig):
    """/clock stands still, jumps ahead and back, while the robot moves and stops."""
    row = topic('/clock')
    out = rig.node.create_publisher(Clock, '/clock', row.qos())
    try:
        rig.drive()
        for second in (5, 5, 5, 100_000, 3, 0, 2_000_000_000):
            clock = Clock()
            clock.clock.sec = second
            out.publish(clock)
            rig.settle(0.05)
        outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
        code, text = rig.run_to_end('gate', '-p', 'use_sim_time:=true')
        assert code == 1
        assert 'use_sim_time' in text
    finally:
        rig.node.destroy_publisher(out)
    return outcome


@fault()
def best_effort_stop(rig):
    """A stop by a careless publisher: best effort, so that a reliable subscription is deaf."""
    qos = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    out = rig.node.create_publisher(StopRequest, '/tek/estop/stop_request', qos)
    try:
        rig.until(lambda: out.get_subscription_count() >= 2, 'estop and gate')
        rig.drive()
        since_ns = rig.now()
        out.publish(StopRequest(request_id=f'careless-{since_ns}', source='careless'))
        return stops(rig, since_ns, REQUEST_S, frame=True)
    finally:
        rig.node.destroy_publisher(out)


# ---- floods -------------------------------------------------------------------------------------


def _flooded(rig, name, **fields):
    rig.drive()
    rig.order('flooder', 'flood', name=name, hz=FLOOD_HZ, **fields)
    try:
        rig.settle(0.7)
        since_ns = rig.request_stop()
        outcome = stops(rig, since_ns, REQUEST_S, frame=True)
        rig.until(lambda: rig.estop, 'estop, in the flood')
        return outcome
    finally:
        rig.dismiss('flooder')


@fault()
def flood_of_sources(rig):
    """About 5,000 beats/s of a source on estop/source, and a stop."""
    return _flooded(rig, 'estop/source', source='flood')


@fault()
def flood_of_setpoints(rig):
    """About 5,000 set-points/s on gate/setpoint, and a stop."""
    return _flooded(rig, 'gate/setpoint', robot='tek', source='robot_bridge', channel='base')


@fault()
def flood_of_commands(rig):
    """About 5,000 velocities/s on cmd_vel from the commander itself, and a stop."""
    rig.drive()
    rig.stick(hz=FLOOD_HZ)
    rig.settle(0.7)
    outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    rig.quiet()
    return outcome


@fault()
def flood_of_stops(rig):
    """About 5,000 stop requests/s: one stop, no reset while it lasts."""
    rig.order('flooder', 'flood', name='estop/stop_request', hz=0, source='flood')
    rig.drive()
    stop_id, since_ns = rig.newest_estop().stop_id, rig.now()
    rig.order('flooder', 'flood', name='estop/stop_request', hz=FLOOD_HZ, source='flood')
    try:
        # Counted from the order, so that it includes the flooder's own way to its first message.
        outcome = stops(rig, since_ns, 2 * REQUEST_S, frame=True)
        rig.quiet()
        rig.settle(0.5)
        rig.until(lambda: rig.estop, 'estop, in the flood')
        rig.try_once(rig.operator.reset)
        rig.settle(0.5)
        estop = rig.newest_estop()
        assert estop.state == EstopState.STATE_STOPPED
        assert estop.stop_id <= stop_id + 2
    finally:
        rig.dismiss('flooder')
    return outcome


# ---- the disk -----------------------------------------------------------------------------------


@fault()
def full_disk(rig):
    """estop can write no byte to any file (a file-size limit of 0): it stops all the same."""
    rig.drive()
    pid = rig.processes['estop'].pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
        assert rig.newest_estop().state == EstopState.STATE_STOPPED
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    return outcome


@fault(spoils=True)
def latch_that_cannot_be_written(rig):
    """The latch file's place is taken by a folder; estop is stopped, killed and started again."""
    rig.drive()
    latch = rig.folder / 'home' / 'estop' / 'tek.json'
    latch.unlink(missing_ok=True)
    latch.mkdir(parents=True)
    outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    since_ns = rig.kill('estop')
    rig.start('estop')
    rig.settle(0.6)  # what the old one said is no longer fresh
    rig.until(lambda: rig.estop, 'estop again', 20.0)
    assert rig.newest_estop().state == EstopState.STATE_STOPPED
    rig.assert_never_moved_after(since_ns)
    return outcome
