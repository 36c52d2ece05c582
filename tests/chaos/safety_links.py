"""More classes of the table: the network to the robot, a careless script, sleep, wall clock."""

from __future__ import annotations

import signal

from safety_faults import RAMP_S, REQUEST_S, ROBOT_SIDE_S, Outcome, fault, stops

MOST_M_S = 0.6  # of tek, along x
HOST = ('estop', 'gate', 'stick')


def _again(rig, outcome):
    """Let the network pass again: the robot must not move for it, whatever has waited."""
    since_ns = rig.now()
    rig.network.mode = 'pass'
    rig.until(lambda: rig.gate_state and rig.gate_state.driver_connected, 'the driver', 20.0)
    rig.assert_never_moved_after(since_ns, 1.0)
    return outcome


def _fails(rig, mode, delay_s=0.0):
    """Let the network fail under a moving robot: it stops by itself, and stays where it is."""
    rig.network.delay_s = delay_s
    rig.drive()
    since_ns = rig.now()
    rig.network.mode = mode
    return _again(rig, stops(rig, since_ns, ROBOT_SIDE_S))


@fault('tcp')
def link_cut(rig):
    """The connection breaks and comes back, with a commander that goes on."""
    return _fails(rig, 'cut')


@fault('tcp')
def link_stalls(rig):
    """Nothing passes for a second, and then all of it at once."""
    return _fails(rig, 'stall')


@fault('tcp')
def link_late(rig):
    """All that the host sends is half a second late: nothing of it is good any more."""
    return _fails(rig, 'late', 0.5)


@fault('udp')
def packets_lost(rig):
    """Every datagram is lost for a second, with a commander that goes on."""
    return _fails(rig, 'cut')


@fault('udp')
def packets_late(rig):
    """Every datagram of the host is half a second late."""
    return _fails(rig, 'late', 0.5)


@fault('tcp')
def stop_overtakes_a_link_that_stalls(rig):
    """A stop while the connection has just stalled: its frame goes by UDP."""
    rig.drive()
    rig.network.mode = 'stall'
    # By a frame: the robot side's own time-out would stop it nearly as soon.
    return _again(rig, stops(rig, rig.request_stop(), REQUEST_S, frame=True))


@fault('udp')
def packets_doubled_and_swapped(rig):
    """Every datagram comes twice, or after the next one: a stop is a stop all the same."""
    rig.drive()
    for mode in ('twice', 'swap'):
        rig.network.mode = mode
        rig.settle(0.3)
    return _again(rig, stops(rig, rig.request_stop(), REQUEST_S, frame=True))


@fault('udp')
def packets_replayed(rig):
    """The datagrams that moved the robot are sent once more after a stop."""
    rig.drive()
    rig.settle(0.3)
    moving = rig.network.recent()
    outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    since_ns = rig.now()
    assert len(moving) > 10
    for _ in range(5):
        rig.network.send(moving)
        rig.settle(0.1)
    rig.assert_never_moved_after(since_ns)
    return outcome


@fault()
def host_suspended(rig):
    """Estop, gate and commander stand still for 1.5 s and go on together, as after a sleep."""
    rig.drive()
    since_ns = rig.now()
    for name in HOST:
        rig.signal(name, signal.SIGSTOP)
    try:
        told = rig.assert_told_within(ROBOT_SIDE_S, since_ns)
        rest = rig.assert_at_rest_within(ROBOT_SIDE_S + 1.0, since_ns)
        rig.settle(0.5)
    finally:
        woken_ns = rig.now()
        for name in HOST:
            rig.signal(name, signal.SIGCONT)
    rig.assert_never_moved_after(woken_ns, 1.0)
    return Outcome(told, rest)


@fault()
def numbers_of_another_type(rig):
    """Ints and numpy scalars, unchecked: whatever arrives, no limit is broken, and it stops."""
    for kind, value in (('int', 1), ('float32', 9), ('int64', 5), ('uint8', 200), ('float16', 3)):
        rig.arm()
        rig.order('stick', 'careless', kind=kind, value=value, hz=50)
        rig.settle(0.6)
        assert rig.witness.speed() < 1.3 * MOST_M_S, f'{kind} {value}: {rig.witness.speed()} m/s'
        since_ns = rig.request_stop()
        rig.assert_at_rest_within(REQUEST_S + RAMP_S, since_ns)
        rig.assert_never_moved_after(rig.now(), 0.3)
    return Outcome()


@fault('wall')
def wall_clock_stepped(rig):
    """The wall clock of estop and gate jumps by hours, ahead and back: it decides nothing."""
    rig.drive()
    for step_s in (3600.0, -3600.0, 1e9, 0.0):
        since_ns = rig.now()
        rig.step_wall_clock(step_s)
        rig.settle(0.3)
    assert rig.witness.last_motion_ns(since_ns), f'it stopped: {rig.story()}'
    rig.step_wall_clock(-86_400.0)
    outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    since_ns = rig.now()
    for step_s in (86_400.0, -1e9, 0.0):
        rig.step_wall_clock(step_s)
        rig.assert_never_moved_after(since_ns, 0.3)
    return outcome
