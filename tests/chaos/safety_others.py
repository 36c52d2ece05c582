"""More classes of the table: somebody else speaks, or stands between estop and gate."""

from __future__ import annotations

import signal
import socket

from geometry_msgs.msg import Twist
from rclpy.serialization import serialize_message
from safety_faults import ESTOP_SILENT_S, REQUEST_S, fault, restarted, stops
from tektra_msgs.msg import EstopState, GateState

from tektra.robot_side.place import plant_socket
from tektra.wire.frames import encode
from tektra.wire.messages import Enable, Hello, Setpoint
from tektra.wire.payloads import pack

# ---- somebody else ------------------------------------------------------------------------------


def _bag(rig, seconds):
    """Record what goes round now: (topic, type, messages)."""
    kept = {'/tek/estop/state': [], '/tek/gate_state': []}
    kinds = {'/tek/estop/state': EstopState, '/tek/gate_state': GateState}
    made = [
        rig.node.create_subscription(kinds[name], name, kept[name].append, 10) for name in kept
    ]
    rig.settle(seconds)
    rig.until(lambda: all(kept.values()), 'something to record')
    for one in made:
        rig.node.destroy_subscription(one)
    twist = Twist()
    twist.linear.x = 0.3
    kept['/tek/robot/cmd/joystick/cmd_vel'] = [twist]
    return [
        (name, type(said[0]).__name__, [serialize_message(m).hex() for m in said])
        for name, said in kept.items()
        if said
    ]


def _played(rig, bag):
    rig.order('bag', 'play', bag=bag, hz=50)
    try:
        since_ns = rig.now()
        rig.settle(1.0)
        rig.try_once(rig.operator.reset)
        rig.try_once(lambda now: rig.operator.enable((), now))
        rig.assert_never_moved_after(since_ns)
    finally:
        rig.order('bag', 'play', bag=[], hz=0)


@fault()
def bag_of_an_old_session(rig):
    """States and commands of a moving robot are played again after a stop."""
    rig.order('bag', 'play', bag=[], hz=0)
    rig.drive()
    bag = _bag(rig, 0.4)
    outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    _played(rig, bag)
    return outcome


@fault()
def second_estop(rig):
    """A second estop of this machine is refused; a foreign one that says CLEAR is a stop."""
    rig.order('bag', 'play', bag=[], hz=0)
    rig.drive()
    code, text = rig.run_to_end('estop')
    assert code == 1, text
    assert 'another estop' in text
    foreign = EstopState(
        robot='tek', instance_id=f'foreign-{rig.now()}', seq=1, stop_id=99,
        state=EstopState.STATE_CLEAR, config_hash=rig.operator.watch.last_estop()[0].config_hash,
    )  # fmt: skip
    since_ns = rig.now()
    bag = [('/tek/estop/state', 'EstopState', [serialize_message(foreign).hex()])]
    rig.order('bag', 'play', bag=bag, hz=40)
    try:
        outcome = stops(rig, since_ns, ESTOP_SILENT_S)
    finally:
        rig.order('bag', 'play', bag=[], hz=0)
    # The gate follows the newest instance and never goes back to one that was replaced.
    rig.signal('estop', signal.SIGTERM)
    assert rig.processes.pop('estop').wait(5) == 0
    restarted(rig, 'estop')
    return outcome


@fault()
def second_gate(rig):
    """A second gate of this machine is refused; a foreign one that speaks is a stop."""
    rig.order('bag', 'play', bag=[], hz=0)
    rig.drive()
    code, text = rig.run_to_end('gate')
    assert code == 1, text
    assert 'another gate' in text
    foreign = GateState(
        robot='tek', instance_id=f'foreign-{rig.now()}', seq=1, level=GateState.LEVEL_ENABLED
    )
    since_ns = rig.now()
    bag = [('/tek/gate_state', 'GateState', [serialize_message(foreign).hex()])]
    rig.order('bag', 'play', bag=bag, hz=20)
    try:
        return stops(rig, since_ns, 1.0)
    finally:
        rig.order('bag', 'play', bag=[], hz=0)


@fault()
def second_controller(rig):
    """Somebody else asks the robot side for a session, and sends frames without one."""
    rig.drive()
    place = str(plant_socket('tek', {'ROS_DOMAIN_ID': str(rig.domain)}))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as rival:
        mine = rig.folder / f'rival-{rig.now()}.sock'
        rival.bind(str(mine))
        nonce = rig.now().to_bytes(16, 'big')
        rival.sendto(encode(pack(Hello(nonce, 'tek', 'rival'), 0, 0), None), place)
        outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
        since_ns = rig.now()
        for n in range(200):
            for session in (0, 1, 12345):
                forged = Setpoint(1, n, 200, (0.3, 0.0, 0.0), ())
                rival.sendto(encode(pack(Enable(n + 1, n), session, n), None), place)
                rival.sendto(encode(pack(forged, session, n), None), place)
            rig.settle(0.002)
        rig.assert_never_moved_after(since_ns)
        rig.witness.read()
        refused = [e for e in rig.witness.events if 'refused' in e and e.get('type') == 'HELLO']
        assert refused, 'the second controller was not refused'
    return outcome


# ---- what lies between estop and gate -----------------------------------------------------------


def _relay(rig, mode, delay_s=0.0):
    rig.order('relay', 'relay', mode=mode, delay_s=delay_s)


@fault('relay')
def partition(rig):
    """Nothing of estop reaches the gate for 1 s; then everything does again."""
    _relay(rig, 'pass')
    rig.drive()
    since_ns = rig.now()
    _relay(rig, 'drop')
    outcome = stops(rig, since_ns, ESTOP_SILENT_S)
    since_ns = rig.now()
    _relay(rig, 'pass')
    rig.assert_never_moved_after(since_ns)
    return outcome


@fault('relay')
def delay(rig):
    """What estop says comes 0.4 s late: CLEARs of before the stop come after it."""
    _relay(rig, 'delay', 0.4)
    try:
        rig.drive()
        return stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    finally:
        _relay(rig, 'pass')


@fault('relay')
def duplicates(rig):
    """What estop says comes three times."""
    _relay(rig, 'duplicate')
    try:
        rig.drive()
        return stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    finally:
        _relay(rig, 'pass')


@fault('relay')
def reordered(rig):
    """What estop says comes in pairs, the newer one first."""
    _relay(rig, 'reorder')
    try:
        rig.drive()
        return stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    finally:
        _relay(rig, 'pass')


@fault('relay')
def replay_of_clear(rig):
    """After a stop the gate hears only old CLEARs, again and again; then also without a stop."""
    _relay(rig, 'pass')
    rig.drive()
    outcome = stops(rig, rig.request_stop(), REQUEST_S, frame=True)
    since_ns = rig.now()
    _relay(rig, 'replay')
    rig.quiet()
    rig.settle(0.4)
    rig.try_once(rig.operator.reset)
    rig.settle(0.4)
    rig.try_once(lambda now: rig.operator.enable((), now))
    rig.stick()
    rig.assert_never_moved_after(since_ns)
    _relay(rig, 'pass')
    rig.drive()
    since_ns = rig.now()
    _relay(rig, 'replay')
    try:
        stops(rig, since_ns, ESTOP_SILENT_S)
    finally:
        _relay(rig, 'pass')
    return outcome
