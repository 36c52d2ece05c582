"""The gate as it runs: with the real estop and the simulated robot, each a process of its own."""

import signal
import subprocess
import sys

import pytest
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from std_srvs.srv import Trigger
from tektra_msgs.msg import EstopState, Setpoint, StopRequest, StopWordHealth

from starvation import Starved, begins_anew, starvation
from stop_rig import (
    DISABLED,
    ENABLED,
    HOLD,
    STOPPED,
    Desk,
    make_estop,
    make_gate,
    make_plant,
    node_process,
    second_robot,
)
from tektra.runtime.topics import open_publisher, open_subscription
from tektra.stop_client.client import StopClient

LIMIT_S = 30.0
SPEED = 0.3
HEAVY = {'onnxruntime', 'cv2', 'torch', 'scipy'}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))
    return tmp_path / 'home'


class Tek:
    """Tek, whole, and a person at it."""

    def __init__(self, ros, robot='tek'):
        self.ros, self.robot = ros, robot
        self.estop = make_estop(ros, robot)
        self.gate = make_gate(ros, robot)
        self.odom, self.joints = [], []
        open_subscription(ros.peer, 'odom', self.odom.append, robot)
        open_subscription(ros.peer, 'joint_states', self.joints.append, robot)
        self.desk = Desk(ros, robot)
        self._ends = []

    def ready(self):
        """Reset and enable it; return when its own states show so, too."""
        self.desk.ready()
        self.desk.until(
            lambda: (
                self.gate.state.level == ENABLED
                and self.estop.states[-1].state == EstopState.STATE_CLEAR
            )
        )
        return self

    def driving(self):
        self.ready()
        self._ends.append(self.gate.drive(SPEED))
        self.moves()
        return self

    def until(self, done, wait_s=LIMIT_S):
        """Wait for what a robot does that is enabled.

        :raises Starved: if it has stopped itself instead, for want of time.
        """

        def look():
            if done():
                return True
            self.not_starved()
            return False

        self.ros.until(look, wait_s)

    def not_starved(self):
        why = starvation(self.gate.state, self.estop.states[-1])
        if why:
            raise Starved(why)

    def still(self, level):
        """See that the level has not changed, unless the robot has stopped itself."""
        self.not_starved()
        assert self.gate.state.level == level
        return True

    def moves(self):
        self.until(lambda: self.gate.state.level == ENABLED and self.speed > 0.1)

    def stands(self):
        self.ros.until(lambda: not self.gate.moving and self.speed == 0.0, LIMIT_S)

    @property
    def speed(self):
        return self.odom[-1].twist.twist.linear.x if self.odom else 0.0

    def base(self):
        return list(self.gate.state.channels).index('base')

    def owner(self):
        return self.gate.state.owners[self.base()]

    def push(self, source, kind, reliable):
        """Ask for motion on the topic of a source, after it was at rest."""
        reliability = QoSReliabilityPolicy.RELIABLE
        if not reliable:
            reliability = QoSReliabilityPolicy.BEST_EFFORT
        stick = self.keep(
            self.ros.peer.create_publisher(
                kind,
                f'/{self.robot}/robot/cmd/{source}/cmd_vel',
                QoSProfile(depth=1, reliability=reliability),
            )
        )
        self.ros.until(lambda: stick.get_subscription_count() == 1)
        message = kind()
        getattr(message, 'twist', message).linear.x = SPEED
        return self.every(0.02, lambda: stick.publish(message))

    def keep(self, publisher):
        """Return a publisher that is there until the scene begins anew."""
        self._ends.append(lambda: self.ros.peer.destroy_publisher(publisher))
        return publisher

    def every(self, seconds, call):
        timer = self.ros.peer.create_timer(seconds, call)
        end = lambda: self.ros.peer.destroy_timer(timer)  # noqa: E731
        self._ends.append(end)
        return end

    def let_go(self):
        """End whatever asks for motion."""
        while self._ends:
            self._ends.pop()()

    def neutral(self):
        """Wait until every source has been silent for long enough after motion was enabled."""
        start = self.gate.state.seq
        self.ros.until(lambda: self.gate.state.seq > start + 10)


@pytest.fixture
def tek(ros):
    return Tek(ros)


def test_it_comes_up_stopped_and_says_why_nothing_moves(tek):
    tek.ros.until(lambda: tek.gate.state.estop_instance_id)
    state = tek.gate.state
    assert (state.level, state.driver, state.driver_simulated) == (STOPPED, 'sim', True)
    assert not any(state.enabled)
    why = 'estop is STOPPED: startup'
    tek.ros.until(lambda: all(why in one for one in tek.gate.state.refusing_because))
    stop_driving = tek.gate.drive()
    asked = tek.base()
    tek.ros.until(lambda: tek.gate.state.last_asked_age_s[asked] >= 0)
    stop_driving()
    assert tek.speed == 0.0


@pytest.mark.parametrize(
    'source, kind, reliable',
    [('joystick', Twist, False), ('joystick', Twist, True), ('nav2', TwistStamped, True)],
)
@begins_anew
def test_it_moves_after_reset_and_enable_and_tells_where_it_is(tek, source, kind, reliable):
    tek.ready()
    tek.neutral()
    stop_pushing = tek.push(source, kind, reliable)
    tek.moves()
    tek.until(lambda: tek.owner() == source)
    assert tek.odom[-1].header.frame_id == 'tek/odom'
    tek.until(lambda: tek.odom[-1].pose.pose.position.x > 0.05)
    tek.ros.until(lambda: tek.joints)
    assert 'head_pan' in tek.joints[-1].name
    stop_pushing()
    tek.stands()
    assert tek.still(ENABLED)  # silence is no stop, and not motion either


# A demand to stop has four readers: estop and gate, each with a reliable and a careless ear.
READERS = 4


def stop_by_topic(tek, topic='estop/stop_request', robot=None, **words):
    """Return what stops it, when everybody listens who must hear it."""
    out = tek.keep(open_publisher(tek.ros.peer, topic, tek.robot if robot is None else robot))
    tek.ros.until(lambda: out.get_subscription_count() == READERS)
    request = StopRequest(**{'request_id': 'one', 'source': 'button', **words})
    return lambda: out.publish(request)


def stop_by_service(tek):
    client = tek.ros.peer.create_client(Trigger, '/tek/estop/stop')
    tek.ros.until(client.service_is_ready)
    return lambda: client.call_async(Trigger.Request())


def stop_by_fleet(tek):
    return stop_by_topic(tek, '/fleet/estop/stop_request', '', request_id='all', source='console')


@pytest.mark.safety
@pytest.mark.parametrize('stop', [stop_by_topic, stop_by_service, stop_by_fleet])
@begins_anew
def test_every_way_to_stop_stops_though_the_stick_is_held(tek, stop):
    stop_now = stop(tek)
    tek.driving()
    assert tek.still(ENABLED)
    stop_now()
    tek.ros.until(lambda: tek.gate.state.level == STOPPED)
    tek.stands()
    tek.ros.until(lambda: tek.estop.states[-1].state == EstopState.STATE_STOPPED)
    tek.ros.until(lambda: any("asks 'base'" in b for b in tek.estop.states[-1].reset_blockers))
    assert tek.speed == 0.0


@begins_anew
def test_set_points_of_this_epoch_move_it_while_the_stop_word_listens(tek):
    health = tek.keep(open_publisher(tek.ros.peer, '/stop_word/health'))
    tek.every(0.1, lambda: health.publish(StopWordHealth(listening=True)))
    out = tek.keep(open_publisher(tek.ros.peer, 'gate/setpoint', tek.robot))
    tek.ready()
    tek.neutral()
    sent = []

    def send():
        state = tek.gate.state
        point = Setpoint(
            robot='tek',
            source='robot_bridge',
            lease_id='goal',
            seq=len(sent),
            channel='base',
            valid_for_s=0.2,
            estop_instance_id=state.estop_instance_id,
            stop_id=state.stop_id,
            gate_instance_id=state.instance_id,
            gate_epoch=state.gate_epoch,
        )
        point.twist.linear.x = SPEED
        sent.append(point)
        out.publish(point)

    tek.every(0.05, send)
    tek.moves()
    tek.until(lambda: tek.owner() == 'robot_bridge')


@begins_anew
def test_a_hold_is_released_by_a_person_and_the_stick_must_be_let_go_of_first(tek):
    hold = stop_by_topic(tek, request_id='h', level=StopRequest.LEVEL_HOLD)
    tek.driving()
    hold()
    tek.until(lambda: tek.gate.state.level == HOLD)
    tek.stands()
    assert tek.still(HOLD)
    assert tek.estop.states[-1].state == EstopState.STATE_CLEAR
    tek.desk.until(lambda: tek.desk.gate() and tek.desk.gate().level == HOLD)
    tek.desk.granted(tek.desk.operator.release)
    tek.until(lambda: tek.gate.state.level == ENABLED)
    words = 'joystick must be zero or silent'
    tek.until(lambda: words in tek.gate.state.refusing_because[tek.base()])
    assert tek.speed == 0.0


@begins_anew
def test_a_second_publisher_of_a_command_topic_trips(tek):
    tek.driving()
    tek.push('joystick', Twist, reliable=True)
    tek.until(lambda: '2 publishers on robot/cmd/joystick/cmd_vel' in tek.gate.state.trip)
    tek.stands()
    tek.until(lambda: '2 publishers' in tek.estop.states[-1].reason)


@begins_anew
def test_a_robot_that_dies_trips_and_stays_stopped_when_it_is_back(tek):
    tek.driving()
    assert tek.still(ENABLED)
    tek.gate.plant.end()
    tek.ros.until(lambda: tek.gate.state.trip and not tek.gate.state.driver_connected)
    make_plant(tek.ros)
    tek.ros.until(lambda: tek.gate.state.driver_connected, LIMIT_S)
    assert tek.gate.state.level == STOPPED


def test_a_second_gate_of_a_robot_does_not_start(tek):
    second = node_process(tek.ros, 'robot_gate', 'tek')
    assert second.ended() == 1
    assert f'another gate (process {tek.gate.program.process.pid}) holds this robot' in second.said
    assert 'Traceback' not in second.said


@pytest.mark.parametrize(
    'words, said',
    [
        (('-p', 'use_sim_time:=true'), 'use_sim_time is set, but safety never runs on a clock'),
        (('-p', 'robot:=tok'), "no robot 'tok'; did you mean 'tek'?"),
        (('-p', "robot:=''"), "no robot ''; known: tek"),
        (('-p', 'robt:=tek'), "unknown parameter 'robt'; did you mean 'robot'?"),
    ],
)
def test_a_wrong_start_is_told_without_a_traceback(ros, words, said):
    gate = node_process(ros, 'robot_gate', 'tek', *words)
    assert gate.ended() == 1
    assert said in gate.said
    assert 'Traceback' not in gate.said


def test_a_wrong_safety_file_is_named_with_its_line(ros, home):
    path = second_robot(home, stop='{category: 3}')
    line = path.read_text().splitlines().index('stop: {category: 3}') + 1
    gate = node_process(ros, 'robot_gate', 'arm')
    assert gate.ended() == 1
    assert f'{path}:{line}' in gate.said
    assert 'Traceback' not in gate.said


def test_the_process_imports_nothing_heavy():
    """Not even numpy in our own code; the generated code of standard messages imports it."""
    code = 'import sys; {}; print(*{{m.split(".")[0] for m in sys.modules}})'

    def modules(statement):
        done = subprocess.run(
            [sys.executable, '-c', code.format(statement)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return set(done.stdout.split())

    of_messages = modules(
        'import geometry_msgs.msg, nav_msgs.msg, sensor_msgs.msg, trajectory_msgs.msg, '
        'tektra_msgs.msg, tektra_msgs.srv, rclpy.node'
    )
    heavy = HEAVY | {'numpy'}
    assert heavy & modules('import tektra.robot_gate.node') <= {'numpy'} & of_messages


# ---- auto_enable --------------------------------------------------------------------------------


class Willing:
    """Makes a robot that enables itself; another one, of another name, when it begins anew."""

    def __init__(self, ros, home):
        self._ros, self._home = ros, home
        self._names = iter(('arm', 'leg', 'trunk'))
        self._tek = None

    def enabled(self):
        name = next(self._names)
        second_robot(self._home, name, auto_enable='true')
        self._tek = Tek(self._ros, name)
        self._tek.until(lambda: self._tek.gate.state.level == ENABLED)
        return self._tek

    def let_go(self):
        self._tek.let_go()
        self._tek.gate.retire()
        self._tek.estop.program.end(signal.SIGTERM)


@pytest.fixture
def willing(ros, home):
    return Willing(ros, home)


def settled(tek):
    """Wait for as long as it would take to enable by itself."""
    tek.ros.until(lambda: not tek.estop.states[-1].reset_blockers, LIMIT_S)
    start = tek.estop.states[-1].seq
    tek.ros.until(lambda: tek.estop.states[-1].seq > start + 60)


@begins_anew
def test_a_simulated_robot_that_may_enables_itself_after_its_start_only(willing):
    tek = willing.enabled()
    stop_by_topic(tek)()
    tek.ros.until(lambda: tek.gate.state.level == STOPPED)
    settled(tek)
    assert tek.estop.states[-1].state == EstopState.STATE_STOPPED
    tek.ready()  # a person can


@begins_anew
def test_it_does_not_enable_itself_after_estop_was_started_again(willing):
    tek = willing.enabled()
    tek.estop.program.end()
    tek.estop.start_again()
    settled(tek)
    assert tek.estop.states[-1].state == EstopState.STATE_STOPPED
    assert tek.gate.state.level == STOPPED


@begins_anew
def test_it_does_not_enable_itself_after_the_gate_was_started_again(willing):
    tek = willing.enabled()
    tek.gate.program.end()
    tek.gate.start_again()
    settled(tek)
    assert tek.gate.state.level in (STOPPED, DISABLED)


@begins_anew
def test_a_person_who_disables_is_not_overruled(willing):
    tek = willing.enabled()
    assert tek.desk.ask(tek.desk.operator.disable('lunch')).success
    tek.until(lambda: tek.gate.state.level == DISABLED)
    start = tek.gate.state.seq
    tek.ros.until(lambda: tek.gate.state.seq > start + 20)
    assert tek.still(DISABLED)


def test_a_hold_that_is_asked_for_before_it_enables_itself_keeps_it_where_it_is(ros, home):
    second_robot(home, auto_enable='true')
    client = StopClient(ros.peer, ['arm'])
    hold = client.stop(
        ['arm'], source='test', reason='wait', level=StopRequest.LEVEL_HOLD, timeout_s=LIMIT_S
    )
    make_estop(ros, 'arm')
    gate = make_gate(ros, 'arm')
    ros.until(lambda: hold.ended(client.now_ns()), LIMIT_S)
    assert hold.outcome(client.now_ns()).confirmed
    start = gate.state.seq
    ros.until(lambda: gate.state.seq > start + 40)  # 2 s: ten times as long as it takes
    assert all(state.level < HOLD for state in gate.states)
