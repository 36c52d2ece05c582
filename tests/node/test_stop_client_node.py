"""The stop client with the real estop and gate: what it says is what the robots show."""

import pytest
import rclpy
from tektra_msgs.msg import EstopSource, EstopState, StopRequest

from starvation import begins_anew
from stop_rig import ENABLED, HOLD, Desk, make_estop, make_gate, second_robot
from tektra.robots.registry import find_robot, site
from tektra.runtime.main import StartError
from tektra.runtime.topics import open_subscription
from tektra.stop_client.client import StopClient, robots_on
from tektra.stop_client.core import Progress
from tektra.stop_client.fleet_beacon import FleetBeacon
from tektra.stop_client.operator import Refused, Shown
from tektra.stop_client.paths import StopPaths, wait_for_paths

LONG_S = 30.0  # on a busy machine discovery alone takes 4 s


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))
    return tmp_path / 'home'


class Robot:
    """A whole robot, a person at it, and the clients that stop it."""

    def __init__(self, ros, robot='tek'):
        self.ros, self.robot, self._clients = ros, robot, []
        make_estop(ros, robot)
        self.gate = make_gate(ros, robot)
        self.desk = Desk(ros, robot)
        self.stick_let_go = lambda: None

    def client(self):
        made = StopClient(self.ros.peer, [self.robot])
        self._clients.append(made)
        return made

    def let_go(self):
        for client in self._clients:
            client.close()
        self.stick_let_go()


@pytest.fixture
def tek(ros):
    return Robot(ros)


@pytest.fixture
def slow(ros, home):
    """Return a robot that takes two seconds to come to rest."""
    path = second_robot(home)
    text = path.read_text().replace('deceleration: 1.5', 'deceleration: 0.15')
    path.write_text(text.replace('max_ramp_s: 1.0', 'max_ramp_s: 5.0'))
    return Robot(ros, 'arm')


def stop(client, robots=None, timeout_s=LONG_S, **more):
    return client.stop(robots, source='test', reason='a test', timeout_s=timeout_s, **more)


def until_ended(ros, client, attempt):
    """Return what has become of an attempt, as it was when that was decided."""
    outcomes = []

    def ended():
        now_ns = client.now_ns()
        outcomes.append(attempt.outcome(now_ns))
        return attempt.ended(now_ns)

    ros.until(ended, 2 * LONG_S)
    return outcomes[-1]


@begins_anew
def test_a_stop_that_is_sent_before_anything_is_matched_arrives_all_the_same(tek):
    tek.desk.ready()
    client = tek.client()
    outcome = until_ended(tek.ros, client, stop(client))
    assert outcome.confirmed, outcome.sentences()
    assert tek.gate.news().level < HOLD
    estop = lambda: tek.desk.operator.watch.last_estop()[0]  # noqa: E731
    tek.ros.until(lambda: estop().state == EstopState.STATE_STOPPED)
    tek.desk.not_starved()
    assert 'a test' in estop().reason


def test_a_robot_that_does_not_answer_is_named_and_the_other_one_has_stopped(ros, home):
    second_robot(home)
    for robot in ('tek', 'arm'):
        make_estop(ros, robot)
    make_gate(ros)
    make_gate(ros, 'arm').freeze()
    client = StopClient(ros.peer, ['tek', 'arm'])
    ros.until(lambda: 'tek' in client.heard())
    attempt = stop(client)
    outcomes = []

    def tek_has_stopped():
        outcomes.append(attempt.outcome(client.now_ns()))
        return any(r.robot == 'tek' and r.confirmed for r in outcomes[-1].reports)

    ros.until(tek_has_stopped, LONG_S)
    outcome = outcomes[-1]
    assert not outcome.confirmed
    assert [r.robot for r in outcome.ordered()] == ['tek', 'arm']
    assert outcome.sentences()[1].startswith('arm: NOT CONFIRMED: ')


def test_an_attempt_that_nobody_answers_ends_and_is_not_confirmed(ros):
    client = StopClient(ros.peer, ['tek'])
    outcome = until_ended(ros, client, stop(client, timeout_s=0.5))
    assert not outcome.confirmed


@begins_anew
def test_a_stop_is_not_confirmed_before_the_robot_stands_though_somebody_asks_for_motion(slow):
    client = slow.client()
    slow.ros.until(lambda: client.heard())
    slow.desk.ready()
    slow.stick_let_go = slow.gate.drive()
    slow.desk.until(lambda: slow.gate.moving)
    attempt = stop(client)
    report = lambda: attempt.report('arm', client.now_ns())  # noqa: E731
    slow.desk.until(lambda: report().progress is Progress.MOVING)
    assert until_ended(slow.ros, client, attempt).confirmed
    assert all(slow.gate.news().standstill)


def test_a_stop_of_all_reaches_a_robot_that_is_only_known_to_the_fleet(ros, home):
    second_robot(home)
    states = []
    make_estop(ros, 'arm')
    open_subscription(ros.peer, 'estop/state', states.append, 'arm')
    client = StopClient(ros.peer)
    attempt = stop(client)
    ros.until(lambda: states and attempt.request.request_id in states[-1].request_ids, LONG_S)
    ros.until(lambda: robots_on(ros.peer) == {'arm'})


@begins_anew
def test_a_hold_keeps_the_latch_clear_and_a_release_ends_it(tek):
    desk, client = tek.desk, tek.client()
    desk.ready()
    attempt = stop(client, ['tek'], level=StopRequest.LEVEL_HOLD)
    assert until_ended(tek.ros, client, attempt).confirmed
    desk.until(lambda: desk.gate() and desk.gate().level == HOLD)
    assert desk.operator.watch.last_estop()[0].state == EstopState.STATE_CLEAR

    def enable_is_refused():
        try:
            desk.operator.enable((), desk.now)
        except Refused as error:
            return 'tektra release tek' in str(error)
        return False

    desk.until(enable_is_refused)
    request = desk.possible(desk.operator.release, desk.until)
    assert request.release_hold
    desk.granted(lambda now: request)
    desk.until(lambda: tek.gate.state.level == ENABLED)


def test_a_reset_with_an_old_state_is_refused_in_the_words_of_estop(tek):
    request = tek.desk.possible(tek.desk.operator.reset)
    request.reset_nonce = 'yesterday'
    answer = tek.desk.ask(request)
    assert not answer.success
    assert 'reset_nonce is not the newest' in answer.message
    assert tek.desk.operator.after_reset(tek.desk.now)[0] is Shown.NOT_YET


def test_every_stop_path_is_found_and_one_that_is_missing_is_named(ros):
    make_estop(ros)
    paths = StopPaths(ros.peer, site(['tek']))
    spin = lambda: ros.executor.spin_once(timeout_sec=0.02)  # noqa: E731
    ros.until(lambda: len(paths.missing()) == 2)
    texts = [path.missing() for path in wait_for_paths(paths, spin, 0.2)]
    assert all("robot 'tek': /tek/robot_gate does not listen to" in text for text in texts)
    make_gate(ros)
    assert not wait_for_paths(paths, spin, LONG_S)


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
