"""The gate as it runs: with the real estop and the simulated robot, each a process of its own."""

import subprocess
import sys

import pytest
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from std_srvs.srv import Trigger
from tektra_msgs.msg import EstopState, Setpoint, StopRequest, StopWordHealth

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

    def ready(self):
        self.desk.reset()
        self.desk.enable()
        return self

    def driving(self):
        self.ready()
        self.gate.drive(SPEED)
        self.moves()
        return self

    def moves(self):
        self.ros.until(lambda: self.gate.state.level == ENABLED and self.speed > 0.1, LIMIT_S)

    def stands(self):
        self.ros.until(lambda: not self.gate.moving and self.speed == 0.0, LIMIT_S)

    @property
    def speed(self):
        return self.odom[-1].twist.twist.linear.x if self.odom else 0.0

    def base(self):
        return list(self.gate.state.channels).index('base')

    def push(self, source, kind, reliable):
        """Ask for motion on the topic of a source, after it was at rest."""
        reliability = QoSReliabilityPolicy.RELIABLE
        if not reliable:
            reliability = QoSReliabilityPolicy.BEST_EFFORT
        stick = self.ros.peer.create_publisher(
            kind,
            f'/{self.robot}/robot/cmd/{source}/cmd_vel',
            QoSProfile(depth=1, reliability=reliability),
        )
        self.ros.until(lambda: stick.get_subscription_count() == 1)
        message = kind()
        getattr(message, 'twist', message).linear.x = SPEED
        return self.every(0.02, lambda: stick.publish(message))

    def every(self, seconds, call):
        timer = self.ros.peer.create_timer(seconds, call)
        return lambda: self.ros.peer.destroy_timer(timer)

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
    assert all('estop is STOPPED: startup' in why for why in state.refusing_because)
    stop_driving = tek.gate.drive()
    asked = tek.base()
    tek.ros.until(lambda: tek.gate.state.last_asked_age_s[asked] >= 0)
    stop_driving()
    assert tek.speed == 0.0


@pytest.mark.parametrize(
    'source, kind, reliable',
    [('joystick', Twist, False), ('joystick', Twist, True), ('nav2', TwistStamped, True)],
)
def test_it_moves_after_reset_and_enable_and_tells_where_it_is(tek, source, kind, reliable):
    tek.ready()
    tek.neutral()
    stop_pushing = tek.push(source, kind, reliable)
    tek.moves()
    assert tek.gate.state.owners[tek.base()] == source
    assert tek.odom[-1].header.frame_id == 'tek/odom'
    tek.ros.until(lambda: tek.odom[-1].pose.pose.position.x > 0.05)
    tek.ros.until(lambda: tek.joints)
    assert 'head_pan' in tek.joints[-1].name
    stop_pushing()
    tek.stands()
    assert tek.gate.state.level == ENABLED  # silence is no stop, and not motion either


def stop_by_topic(tek):
    out = open_publisher(tek.ros.peer, 'estop/stop_request', tek.robot)
    tek.ros.until(lambda: out.get_subscription_count() >= 2)
    out.publish(StopRequest(request_id='one', source='button', reason='pressed'))


def stop_by_service(tek):
    client = tek.ros.peer.create_client(Trigger, '/tek/estop/stop')
    tek.ros.until(client.service_is_ready)
    client.call_async(Trigger.Request())


def stop_by_fleet(tek):
    out = open_publisher(tek.ros.peer, '/fleet/estop/stop_request')
    tek.ros.until(lambda: out.get_subscription_count() >= 2)
    out.publish(StopRequest(request_id='all', source='console', reason='fire'))


@pytest.mark.safety
@pytest.mark.parametrize('stop', [stop_by_topic, stop_by_service, stop_by_fleet])
def test_every_way_to_stop_stops_though_the_stick_is_held(tek, stop):
    tek.driving()
    stop(tek)
    tek.ros.until(lambda: tek.gate.state.level == STOPPED)
    tek.stands()
    tek.ros.until(lambda: tek.estop.states[-1].state == EstopState.STATE_STOPPED)
    tek.ros.until(lambda: any("asks 'base'" in b for b in tek.estop.states[-1].reset_blockers))
    assert tek.speed == 0.0


def test_set_points_of_this_epoch_move_it_while_the_stop_word_listens(tek):
    health = open_publisher(tek.ros.peer, '/stop_word/health')
    tek.every(0.1, lambda: health.publish(StopWordHealth(listening=True)))
    out = open_publisher(tek.ros.peer, 'gate/setpoint', tek.robot)
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
    assert tek.gate.state.owners[tek.base()] == 'robot_bridge'


def test_a_hold_is_released_by_a_person_and_the_stick_must_be_let_go_of_first(tek):
    tek.driving()
    out = open_publisher(tek.ros.peer, 'estop/stop_request', tek.robot)
    tek.ros.until(lambda: out.get_subscription_count() >= 2)
    hold = StopRequest(request_id='h', source='button', level=StopRequest.LEVEL_HOLD)
    out.publish(hold)
    assert tek.gate.shows(HOLD)
    tek.stands()
    assert tek.estop.states[-1].state == EstopState.STATE_CLEAR
    answer = tek.desk.ask(tek.desk.operator.release(tek.desk.now))
    assert answer.success, answer.message
    assert tek.gate.shows(ENABLED)
    words = 'joystick must be zero or silent'
    tek.ros.until(lambda: words in tek.gate.state.refusing_because[tek.base()])
    assert tek.speed == 0.0


def test_a_second_publisher_of_a_command_topic_trips(tek):
    tek.driving()
    tek.push('joystick', Twist, reliable=True)
    tek.ros.until(lambda: '2 publishers on robot/cmd/joystick/cmd_vel' in tek.gate.state.trip)
    tek.stands()
    tek.ros.until(lambda: '2 publishers' in tek.estop.states[-1].reason)


def test_a_robot_that_dies_trips_and_stays_stopped_when_it_is_back(tek):
    tek.driving()
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


@pytest.fixture
def willing(ros, home):
    second_robot(home, auto_enable='true')
    return Tek(ros, 'arm')


def settled(tek):
    """Wait for as long as it would take to enable by itself."""
    tek.ros.until(lambda: not tek.estop.states[-1].reset_blockers, LIMIT_S)
    start = tek.estop.states[-1].seq
    tek.ros.until(lambda: tek.estop.states[-1].seq > start + 60)


def test_a_simulated_robot_that_may_enables_itself_after_its_start_only(willing):
    tek = willing
    tek.ros.until(lambda: tek.gate.state.level == ENABLED, LIMIT_S)
    stop_by_topic(tek)
    tek.ros.until(lambda: tek.gate.state.level == STOPPED)
    settled(tek)
    assert tek.estop.states[-1].state == EstopState.STATE_STOPPED
    tek.ready()  # a person can
    assert tek.gate.shows(ENABLED)


def test_it_does_not_enable_itself_after_estop_was_started_again(willing):
    tek = willing
    tek.ros.until(lambda: tek.gate.state.level == ENABLED, LIMIT_S)
    tek.estop.program.end()
    tek.estop.start_again()
    settled(tek)
    assert tek.estop.states[-1].state == EstopState.STATE_STOPPED
    assert tek.gate.state.level == STOPPED


def test_it_does_not_enable_itself_after_the_gate_was_started_again(willing):
    tek = willing
    tek.ros.until(lambda: tek.gate.state.level == ENABLED, LIMIT_S)
    tek.gate.program.end()
    tek.gate.start_again()
    settled(tek)
    assert tek.gate.state.level in (STOPPED, DISABLED)


def test_a_person_who_disables_is_not_overruled(willing):
    tek = willing
    tek.ros.until(lambda: tek.gate.state.level == ENABLED, LIMIT_S)
    assert tek.desk.ask(tek.desk.operator.disable('lunch')).success
    assert tek.gate.shows(DISABLED)
    start = tek.gate.state.seq
    tek.ros.until(lambda: tek.gate.state.seq > start + 20)
    assert tek.gate.state.level == DISABLED
