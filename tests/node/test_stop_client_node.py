"""The stop client with the real estop and gate: what it says is what the robots show."""

import pytest
import rclpy
from tektra_msgs.msg import EstopSource, EstopState, StopRequest

from stop_rig import ENABLED, HOLD, Desk, make_estop, make_gate, second_robot
from tektra.robots.registry import find_robot, site
from tektra.runtime.main import StartError
from tektra.runtime.topics import open_subscription
from tektra.stop_client.client import StopClient, robots_on
from tektra.stop_client.core import Progress
from tektra.stop_client.fleet_beacon import FleetBeacon
from tektra.stop_client.operator import Refused, Shown
from tektra.stop_client.paths import StopPaths, wait_for_paths


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))
    return tmp_path / 'home'


def stop(client, robots=None, **more):
    return client.stop(robots, source='test', reason='a test', **more)


def until_ended(ros, client, attempt):
    ros.until(lambda: attempt.ended(client.now_ns()))
    return attempt.outcome(client.now_ns())


def test_a_stop_that_is_sent_before_anything_is_matched_arrives_all_the_same(ros):
    make_estop(ros)
    gate = make_gate(ros)
    desk = Desk(ros)
    desk.reset()
    desk.enable()
    client = StopClient(ros.peer, ['tek'])
    attempt = stop(client)
    outcome = until_ended(ros, client, attempt)
    assert outcome.confirmed, outcome.sentences()
    assert gate.news().level < HOLD
    ros.until(lambda: desk.estop().state == EstopState.STATE_STOPPED)
    assert 'a test' in desk.estop().reason


def test_a_robot_that_does_not_answer_is_named_and_the_other_one_has_stopped(ros, home):
    second_robot(home)
    for robot in ('tek', 'arm'):
        make_estop(ros, robot)
    make_gate(ros)
    make_gate(ros, 'arm').freeze()
    client = StopClient(ros.peer, ['tek', 'arm'])
    ros.until(lambda: 'tek' in client.heard())
    attempt = stop(client, timeout_s=1.5)
    outcome = until_ended(ros, client, attempt)
    assert not outcome.confirmed
    assert [r.robot for r in outcome.ordered()] == ['tek', 'arm']
    assert outcome.sentences()[1].startswith('arm: NOT CONFIRMED: ')


def test_a_stop_is_not_confirmed_before_the_robot_stands_though_somebody_asks_for_motion(ros):
    make_estop(ros)
    gate = make_gate(ros)
    desk = Desk(ros)
    desk.reset()
    desk.enable()
    gate.drive()
    ros.until(lambda: gate.moving)
    client = StopClient(ros.peer, ['tek'])
    ros.until(lambda: 'tek' in client.heard())
    attempt = stop(client, timeout_s=10.0)
    ros.until(lambda: attempt.report('tek', client.now_ns()).progress is Progress.MOVING)
    assert until_ended(ros, client, attempt).confirmed
    assert all(gate.news().standstill)


def test_a_stop_of_all_reaches_a_robot_that_is_only_known_to_the_fleet(ros, home):
    second_robot(home)
    states = []
    make_estop(ros, 'arm')
    open_subscription(ros.peer, 'estop/state', states.append, 'arm')
    client = StopClient(ros.peer)
    attempt = stop(client, timeout_s=8.0)
    ros.until(lambda: states and attempt.request.request_id in states[-1].request_ids)
    assert robots_on(ros.peer) == {'arm'}


def test_a_hold_keeps_the_latch_clear_and_a_release_ends_it(ros):
    make_estop(ros)
    gate = make_gate(ros)
    desk = Desk(ros)
    desk.reset()
    desk.enable()
    client = StopClient(ros.peer, ['tek'])
    attempt = stop(client, ['tek'], level=StopRequest.LEVEL_HOLD)
    assert until_ended(ros, client, attempt).confirmed
    ros.until(lambda: desk.operator.watch.gate(desk.now).level == HOLD)
    assert desk.estop().state == EstopState.STATE_CLEAR
    with pytest.raises(Refused, match='tektra release tek'):
        desk.operator.enable((), desk.now)
    request = desk.operator.release(desk.now)
    assert request.release_hold
    assert desk.ask(request).success
    assert gate.shows(ENABLED)


def test_a_reset_with_an_old_state_is_refused_in_the_words_of_estop(ros):
    make_estop(ros)
    make_gate(ros)
    desk = Desk(ros)
    ros.until(lambda: desk.estop() and not desk.estop().reset_blockers)
    request = desk.operator.reset(desk.now)
    request.reset_nonce = 'yesterday'
    answer = desk.ask(request)
    assert not answer.success
    assert answer.message
    assert desk.operator.after_reset(desk.now)[0] is Shown.NOT_YET


def test_every_stop_path_is_found_and_one_that_is_missing_is_named(ros):
    make_estop(ros)
    paths = StopPaths(ros.peer, site(['tek']))
    spin = lambda: ros.executor.spin_once(timeout_sec=0.02)  # noqa: E731
    ros.until(lambda: len(paths.missing()) == 2)
    texts = [path.missing() for path in wait_for_paths(paths, spin, 0.2)]
    assert all("robot 'tek': /tek/robot_gate does not listen to" in text for text in texts)
    make_gate(ros)
    assert not wait_for_paths(paths, spin, 10.0)


def test_a_fenced_off_robot_needs_no_path_from_the_fleet(ros, home):
    second_robot(home)
    file = home / 'config' / 'robots' / 'arm.yaml'
    file.write_text(file.read_text() + 'estop: {fleet: ignore}\n')
    topics = {path.topic for path in StopPaths(ros.peer, [find_robot('arm')]).missing()}
    assert topics == {'/arm/estop/stop_request'}


def beacon(ros, robots):
    overrides = [rclpy.Parameter('robots', value=robots)]
    return FleetBeacon(context=ros.context, parameter_overrides=overrides)


def test_the_fleet_beacon_beats_for_every_robot(ros, home):
    second_robot(home)
    beats = {'tek': [], 'arm': []}
    for robot, heard in beats.items():
        open_subscription(ros.peer, 'estop/source', heard.append, robot)
    ros.add(beacon(ros, ['tek', 'arm']))
    ros.until(lambda: all(len(heard) >= 3 for heard in beats.values()))
    first: EstopSource = beats['arm'][0]
    assert (first.source, first.asserted, round(first.period_s, 3)) == ('fleet', False, 0.1)
    seqs = [beat.seq for beat in beats['arm']]
    assert seqs == sorted(set(seqs))


def test_a_fleet_beacon_without_robots_does_not_start(ros):
    with pytest.raises(StartError, match='name the robots'):
        beacon(ros, [''])


def test_an_estop_that_needs_the_fleet_hears_the_beacon(ros, home):
    second_robot(home)
    file = home / 'config' / 'robots' / 'arm.yaml'
    file.write_text(file.read_text() + 'estop: {required_sources: {fleet: 1.0}}\n')
    states = []
    make_estop(ros, 'arm')
    open_subscription(ros.peer, 'estop/state', states.append, 'arm')
    ros.until(lambda: states and 'fleet' in ' '.join(states[-1].active_sources))
    ros.add(beacon(ros, ['arm']))
    ros.until(lambda: 'fleet' not in ' '.join(states[-1].active_sources))
