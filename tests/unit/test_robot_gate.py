"""The gate denies by default. Each test plays estop, people and a simulated robot on one clock."""

import dataclasses
import math
from itertools import pairwise

import pytest
from gate_room import FORWARD, Room, copy, tek
from tektra_msgs.msg import EstopState, GateState, StopRequest

from tektra.robot_gate.drivers.driver import REST, BaseVelocity, Category
from tektra.robots.spec import StopSpec

HOLD = StopRequest.LEVEL_HOLD


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def driving() -> Room:
    room = Room()
    room.ready()
    room.run_with(1.5, 'joystick', FORWARD)
    assert room.speed == pytest.approx(0.5, abs=0.02)
    return room


def test_nothing_moves_before_estop_is_heard(room: Room) -> None:
    room.estop_speaks = False
    room.run_with(1.0, 'joystick', FORWARD)
    assert not room.moving
    assert room.level == GateState.LEVEL_STOPPED
    assert 'estop has not been heard' in room.why()
    assert 'estop has not been heard' in room.enable()


def test_clear_alone_moves_nothing(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    room.run_with(1.0, 'joystick', FORWARD)
    assert not room.moving
    assert room.level == GateState.LEVEL_DISABLED
    assert room.why() == 'motion is not enabled'


def test_one_clear_is_not_enough(room: Room) -> None:
    room.run(0.2)
    room.estop.state = EstopState.STATE_CLEAR
    room.beat()
    assert 'only just' in room.enable()


def test_enabled_and_neutral_it_drives_within_its_limits(room: Room) -> None:
    room.ready()
    room.run_with(2.0, 'joystick', BaseVelocity(5.0, 0.0, 0.0))
    assert room.level == GateState.LEVEL_ENABLED
    assert room.speed == pytest.approx(0.6, abs=0.01)  # the limit, though 5 m/s are asked
    speeds = [c.x for c in room.commands if c is not None]
    steps = [(b - a) / 0.01 for a, b in pairwise(speeds)]
    assert max(steps) <= 0.8 + 1e-6
    jerks = [(b - a) / 0.01 for a, b in pairwise(steps)]
    assert max(jerks) <= 8.0 + 1e-6


def test_a_stick_that_is_held_while_motion_is_enabled_does_not_fire(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    room.run_with(0.2, 'joystick', FORWARD)
    assert room.enable() == ''
    room.run_with(3.0, 'joystick', FORWARD)
    assert not room.moving
    assert 'joystick must be zero or silent' in room.why()
    room.run_with(0.35, 'joystick', REST)
    room.run_with(0.5, 'joystick', FORWARD)
    assert room.moving


def test_zero_for_less_than_300_ms_is_not_neutral(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    assert room.enable() == ''
    for _ in range(10):
        room.run_with(0.1, 'joystick', FORWARD)
        room.run_with(0.2, 'joystick', REST)
    assert not room.moving


def test_a_source_that_falls_silent_is_ramped_to_zero(driving: Room) -> None:
    driving.run(1.0)
    assert not driving.moving
    assert driving.level == GateState.LEVEL_ENABLED
    assert driving.state.owners[0] == ''


@pytest.mark.parametrize('category', [StopRequest.CATEGORY_1, StopRequest.CATEGORY_2])
def test_a_stop_request_ramps_to_zero_and_takes_motion_away(driving: Room, category: int) -> None:
    driving.request_stop(category=category)
    driving.tick()
    assert driving.stops[-1] == category - 1  # told in the same tick
    assert driving.level == GateState.LEVEL_STOPPED
    ramp = 0.5 / 1.5
    driving.run_with(ramp + 0.12, 'joystick', FORWARD)  # and the robot's own lag
    assert driving.speed < 0.02
    driving.run_with(2.0, 'joystick', FORWARD)
    assert not driving.moving
    assert driving.plant.enabled == (category == StopRequest.CATEGORY_2)
    assert 'r1' in driving.state.request_ids


def test_category_0_takes_power_at_once(driving: Room) -> None:
    driving.request_stop(category=StopRequest.CATEGORY_0)
    driving.tick()
    assert not driving.plant.enabled
    assert driving.stops[-1] is Category.IMMEDIATE


def test_a_request_can_only_make_it_worse(driving: Room) -> None:
    driving.request_stop(category=StopRequest.CATEGORY_0)
    driving.tick()
    driving.request_stop(category=StopRequest.CATEGORY_2)
    driving.request_stop(HOLD)
    driving.run(0.1)
    assert not driving.plant.enabled
    assert set(driving.stops[-2:]) == {Category.IMMEDIATE}


def test_a_request_of_unknown_level_is_a_stop(driving: Room) -> None:
    driving.request_stop(level=0)
    driving.tick()
    assert driving.level == GateState.LEVEL_STOPPED


def test_the_gate_asks_estop_to_latch_until_it_does(driving: Room) -> None:
    driving.latches = False
    driving.request_stop()
    driving.run(0.5)
    assert 9 <= len(driving.asked) <= 11
    assert {r.level for r in driving.asked} == {StopRequest.LEVEL_STOP}
    driving.latches = True
    driving.run(0.1)
    count = len(driving.asked)
    driving.run(1.0)
    assert len(driving.asked) == count
    assert driving.estop.state == EstopState.STATE_STOPPED


def test_its_own_request_coming_back_changes_nothing(driving: Room) -> None:
    driving.request_stop()
    driving.run(1.0)
    own = driving.asked[-1]
    driving.clear_estop()
    assert driving.gate.trip == ''
    driving.gate.on_stop_request(own, driving.now)
    assert driving.gate.trip == ''


def test_after_a_stop_reset_alone_does_not_bring_motion_back(driving: Room) -> None:
    driving.request_stop()
    driving.run_with(2.0, 'joystick', FORWARD)
    driving.estop.state = EstopState.STATE_CLEAR
    driving.run_with(2.0, 'joystick', FORWARD)
    assert driving.level == GateState.LEVEL_DISABLED
    assert not driving.moving
    assert driving.enable() == ''
    driving.run_with(2.0, 'joystick', FORWARD)
    assert not driving.moving  # held all the time
    driving.run(0.4)
    driving.run_with(1.0, 'joystick', FORWARD)
    assert driving.moving


def test_estop_that_falls_silent_stops_within_200_ms_and_trips(driving: Room) -> None:
    driving.estop_speaks = False
    driving.run_with(0.2, 'joystick', FORWARD)
    assert driving.stops
    assert 'estop is silent' in driving.gate.trip
    driving.run_with(2.0, 'joystick', FORWARD)
    assert not driving.moving
    driving.latches = False
    driving.estop_speaks = True  # it was frozen and goes on with CLEAR
    driving.run_with(2.0, 'joystick', FORWARD)
    assert not driving.moving
    assert driving.level == GateState.LEVEL_STOPPED
    assert driving.asked  # it must latch first


def test_an_old_clear_that_is_played_again_is_not_believed(driving: Room) -> None:
    old = copy(driving.estop)
    driving.stop_estop()
    driving.estop_speaks = False
    for _ in range(100):
        driving.gate.on_estop_state(copy(old), driving.now)
        driving.run_with(0.02, 'joystick', FORWARD)
    assert not driving.moving
    assert driving.level == GateState.LEVEL_STOPPED


def test_reordered_and_repeated_states_do_not_count_as_fresh(driving: Room) -> None:
    newest = copy(driving.estop)
    driving.estop_speaks = False
    for _ in range(40):
        driving.gate.on_estop_state(copy(newest), driving.now)
        driving.run_with(0.01, 'joystick', FORWARD)
    assert 'silent' in driving.gate.trip


def test_a_new_estop_instance_takes_motion_away(driving: Room) -> None:
    driving.estop.instance_id = 'estop-2'
    driving.estop.seq = 0
    driving.run_with(1.5, 'joystick', FORWARD)
    assert not driving.moving
    assert driving.level == GateState.LEVEL_DISABLED


def test_two_estops_trip_the_gate(driving: Room) -> None:
    other = copy(driving.estop)
    other.instance_id, other.seq = 'estop-2', 0
    for _ in range(20):
        other.seq += 1
        driving.gate.on_estop_state(copy(other), driving.now)
        driving.run_with(0.03, 'joystick', FORWARD)
    assert not driving.moving or driving.speed < 0.5
    driving.run(1.0)
    assert not driving.moving
    assert driving.enable() != ''


def test_an_estop_with_another_safety_file_is_not_clear(room: Room) -> None:
    room.estop.config_hash = 'other'
    room.run(0.2)
    room.clear_estop()
    assert 'another safety file' in room.enable()


def test_a_state_for_another_robot_is_not_heard(room: Room) -> None:
    room.estop.robot = 'r2'
    room.run(0.5)
    assert 'not been heard' in room.why()


def test_a_gap_of_its_own_ticks_trips_and_the_backlog_moves_nothing(driving: Room) -> None:
    driving.clock.advance(0.3)  # SIGSTOP; now the backlog arrives with fresh receipt
    driving.beat()
    driving.gate.on_cmd_vel('joystick', FORWARD, driving.now)
    driving.tick()
    assert 'was silent for 310 ms' in driving.gate.trip
    driving.run_with(1.5, 'joystick', FORWARD)
    assert not driving.moving


def test_a_gap_while_nothing_may_move_is_no_trip(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    room.clock.advance(5.0)
    room.run(0.2)
    assert room.gate.trip == ''
    assert room.level == GateState.LEVEL_DISABLED


def test_a_suspended_machine_does_not_go_on_where_it_was(driving: Room) -> None:
    driving.clock.advance(3600.0)
    driving.run_with(2.0, 'joystick', FORWARD)
    assert not driving.moving
    assert driving.level == GateState.LEVEL_STOPPED


@pytest.mark.parametrize(
    'changes',
    [
        {'stop_id': 7},
        {'estop_instance_id': 'x'},
        {'gate_instance_id': 'x'},
        {'gate_epoch': 1},
    ],
)
def test_enable_needs_the_present_epoch(room: Room, changes: dict[str, object]) -> None:
    room.run(0.2)
    room.clear_estop()
    assert 'epoch has changed' in room.enable(**changes)


def test_enable_needs_the_key(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    assert 'wrong key_proof' in room.enable(key_proof='')
    assert 'wrong key_proof' in room.enable(key_proof='0' * 64)
    assert 'wrong key_proof' in room.enable(key_proof='é')
    assert room.enable() == ''


def test_an_enable_is_good_once(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    request = room.enable_request()
    assert room.gate.enable(request, room.now).success
    assert 'epoch has changed' in room.gate.enable(request, room.now).message


@pytest.mark.parametrize('timeout', [-1.0, 0.0, math.nan, math.inf])
def test_enable_needs_a_known_robot_side_timeout(room: Room, timeout: float) -> None:
    room.driver = dataclasses.replace(room.driver, timeout_s=timeout)
    room.run(0.2)
    room.clear_estop()
    assert 'time-out is not known' in room.enable()


def test_enable_needs_a_timeout_within_the_budget(room: Room) -> None:
    room.driver = dataclasses.replace(room.driver, timeout_s=0.5)
    room.run(0.2)
    room.clear_estop()
    assert 'above timeout_budget_s' in room.enable()


def test_enable_needs_standstill(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    room.pushed = 0.4
    room.run(0.05)
    assert 'does not stand still' in room.enable()


def test_enable_needs_an_unknown_channel_to_be_named_right(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    assert "no channel 'tail'" in room.enable(channels=['tail'])


def test_only_the_enabled_channels_move(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    assert room.enable(channels=['head']) == ''
    room.run(0.5)
    room.run_with(1.0, 'joystick', FORWARD)
    assert not room.moving
    room.run_setpoints(
        1.0, 'head', joint_names=['head_pan'], positions=[0.5], velocities=[math.nan]
    )
    assert room.plant.positions['head_pan'] == pytest.approx(0.5, abs=0.02)


def test_a_robot_that_stops_reporting_trips(driving: Room) -> None:
    driving.reports = False
    driving.run_with(0.4, 'joystick', FORWARD)
    assert 'reported nothing' in driving.gate.trip


def test_a_driver_that_fails_trips(driving: Room) -> None:
    driving.driver = dataclasses.replace(driving.driver, fault='write: broken pipe')
    driving.tick()
    assert driving.gate.trip == 'write: broken pipe'


def test_a_cause_that_is_still_there_makes_estop_latch_again(driving: Room) -> None:
    driving.driver = dataclasses.replace(driving.driver, connected=False)
    driving.run(1.0)
    driving.clear_estop()
    assert driving.estop.state == EstopState.STATE_STOPPED
    driving.driver = dataclasses.replace(driving.driver, connected=True)
    driving.clear_estop()
    assert driving.level == GateState.LEVEL_DISABLED


def test_a_robot_that_loses_power_trips_and_does_not_go_on_when_it_is_back(
    driving: Room,
) -> None:
    driving.plant.disable()
    driving.run_with(0.1, 'joystick', FORWARD)
    assert 'no power' in driving.gate.trip
    driving.plant.enable()
    driving.run_with(2.0, 'joystick', FORWARD)
    assert not driving.moving


def test_a_second_publisher_trips(driving: Room) -> None:
    driving.gate.on_publishers('2 publishers on robot/cmd/joystick/cmd_vel')
    driving.run_with(1.0, 'joystick', FORWARD)
    assert '2 publishers' in driving.gate.trip
    assert not driving.moving


def test_another_controller_of_the_robot_trips(driving: Room) -> None:
    driving.driver = dataclasses.replace(driving.driver, rival='controller 7')
    driving.tick()
    assert 'controller 7' in driving.gate.trip


def test_motion_that_nobody_commands_takes_power_and_is_latched() -> None:
    room = Room()
    room.ready()
    room.run_with(1.5, 'joystick', FORWARD)
    room.deaf = True
    room.run(2.0)  # the stick is let go; the robot goes on
    assert 'UNCONTROLLED_MOTION' in room.gate.trip
    assert room.stops[-1] is Category.IMMEDIATE
    assert room.asked[-1].category == StopRequest.CATEGORY_0


def test_motion_after_a_stop_goes_over_to_category_0() -> None:
    room = Room()
    room.ready()
    room.run_with(1.5, 'joystick', FORWARD)
    room.deaf = True
    room.request_stop(category=StopRequest.CATEGORY_2)
    room.run(1.5)
    assert Category.HOLDING in room.stops
    assert room.stops[-1] is Category.IMMEDIATE
    assert 'UNCONTROLLED_MOTION' in room.gate.trip


def test_category_1_takes_power_after_max_ramp_whatever_the_robot_does() -> None:
    room = Room(tek(stop=StopSpec(category=1, max_ramp_s=0.4)))
    room.ready()
    room.run_with(1.5, 'joystick', FORWARD)
    room.deaf = True
    room.request_stop()
    room.run(0.42)
    assert not room.plant.enabled


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf, 1e308, 61.0])
def test_garbage_is_refused_and_the_robot_comes_to_rest(driving: Room, value: float) -> None:
    driving.run_with(1.0, 'joystick', BaseVelocity(value, 0.0, 0.0))
    assert not driving.moving
    assert driving.level == GateState.LEVEL_ENABLED


def test_a_set_point_that_is_not_taken_is_counted_and_its_reason_kept(driving: Room) -> None:
    count, _ = driving.gate.refused
    driving.gate.on_cmd_vel('joystick', BaseVelocity(math.nan), driving.now)
    assert driving.gate.refused == (count + 1, 'joystick: x is nan')


def test_a_base_without_lateral_axis_refuses_to_go_sideways(driving: Room) -> None:
    driving.run_with(1.0, 'joystick', BaseVelocity(0.1, 0.1, 0.0))
    assert not driving.moving


def test_the_higher_priority_wins_and_the_loser_is_aborted(room: Room) -> None:
    room.ready()
    room.run_with(0.5, 'nav2', BaseVelocity(0.3, 0.0, 0.0))
    assert room.state.owners[0] == 'nav2'
    for _ in range(50):
        room.gate.on_cmd_vel('nav2', BaseVelocity(0.3, 0.0, 0.0), room.now)
        room.gate.on_cmd_vel('joystick', BaseVelocity(-0.3, 0.0, 0.0), room.now)
        room.step()
    assert room.state.owners[0] == 'joystick'
    room.run_with(2.0, 'nav2', BaseVelocity(0.3, 0.0, 0.0))  # goes on asking: aborted
    assert not room.moving
    room.run(0.4)
    room.run_with(0.5, 'nav2', BaseVelocity(0.3, 0.0, 0.0))
    assert room.moving


def test_a_hold_keeps_power_and_is_released_by_a_person(driving: Room) -> None:
    driving.request_stop(HOLD)
    driving.run_with(1.0, 'joystick', FORWARD)
    assert driving.level == GateState.LEVEL_HOLD
    assert not driving.moving
    assert driving.plant.enabled
    assert driving.estop.state == EstopState.STATE_CLEAR
    assert driving.why() == 'held: test: because'
    assert driving.enable(release_hold=True) == ''
    driving.run_with(1.0, 'joystick', FORWARD)
    assert not driving.moving  # the stick was held
    driving.run(0.4)
    driving.run_with(0.5, 'joystick', FORWARD)
    assert driving.moving


def test_a_hold_needs_motion_to_be_enabled_before_it_can_be_released(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    room.request_stop(HOLD)
    assert 'nothing is held' in room.enable(release_hold=True)


def test_a_stop_in_a_hold_is_a_stop(driving: Room) -> None:
    driving.request_stop(HOLD)
    driving.run(0.1)
    driving.request_stop()
    driving.run(1.0)
    assert driving.level == GateState.LEVEL_STOPPED
    assert 'STOPPED' in driving.enable(release_hold=True) or driving.gate.trip


def test_a_person_can_always_disable(driving: Room) -> None:
    driving.disable()
    assert driving.level == GateState.LEVEL_DISABLED
    driving.run_with(1.5, 'joystick', FORWARD)
    assert not driving.moving
    assert not driving.plant.enabled


def test_disabling_an_unknown_channel_disables_all(driving: Room) -> None:
    driving.disable('bass')
    driving.run_with(1.0, 'joystick', FORWARD)
    assert not driving.moving


# ---- set-points -------------------------------------------------------------------------------


def test_set_points_of_this_epoch_move_the_base_while_the_stop_word_hears(room: Room) -> None:
    room.ready()
    room.run_setpoints(1.0)
    assert room.moving


def test_without_the_stop_word_spoken_commands_do_not_move_the_robot(room: Room) -> None:
    room.ready()
    for _ in range(50):
        room.gate.on_setpoint(room.setpoint(), room.now)
        room.step()
    assert not room.moving


def test_losing_the_stop_word_while_a_spoken_command_moves_is_a_hold(room: Room) -> None:
    room.ready()
    room.run_setpoints(1.0)
    for _ in range(100):
        room.gate.on_setpoint(room.setpoint(), room.now)
        room.step()
    assert room.level == GateState.LEVEL_HOLD
    assert 'stop_word is silent' in room.why()
    assert not room.moving


def test_a_lease_that_is_lost_while_it_moves_is_a_hold(room: Room) -> None:
    room.ready()
    room.run_setpoints(1.0)
    for _ in range(100):
        room.gate.on_stop_word_health(True, room.now)
        room.step()
    assert room.level == GateState.LEVEL_HOLD
    assert 'lease of robot_bridge was lost' in room.why()


def test_a_lease_that_ends_with_zero_is_no_hold(room: Room) -> None:
    room.ready()
    room.run_setpoints(1.0)
    point = room.setpoint()
    point.twist.linear.x = 0.0
    room.gate.on_setpoint(point, room.now)
    room.run(2.0)
    assert room.level == GateState.LEVEL_ENABLED


def test_a_command_queued_before_the_stop_never_moves_the_robot_after_the_reset(
    room: Room,
) -> None:
    room.ready()
    room.run_setpoints(1.0)
    queued = [room.setpoint() for _ in range(200)]
    room.request_stop()
    room.run(1.0)
    room.clear_estop()
    assert room.enable() == ''
    room.run(0.5)
    for point in queued:
        room.gate.on_stop_word_health(True, room.now)
        room.gate.on_setpoint(point, room.now)
        room.step()
    assert not room.moving


@pytest.mark.parametrize(
    'changes',
    [
        {'robot': 'r2'},
        {'source': 'dialogue'},
        {'source': 'joystick'},
        {'channel': 'tail'},
        {'valid_for_s': 0.0},
        {'valid_for_s': math.nan},
        {'valid_for_s': -1.0},
        {'seq': 1},
        {'joint_names': ['head_pan'], 'positions': [0.0], 'velocities': [0.0]},
        {'gate_epoch': 1},
    ],
)
def test_a_set_point_that_is_wrong_moves_nothing(room: Room, changes: dict[str, object]) -> None:
    room.ready()
    first = room.setpoint()
    first.twist.linear.x = 0.0
    room.gate.on_setpoint(first, room.now)
    room.run_setpoints(1.0, **changes)
    assert not room.moving


def test_a_set_point_is_void_after_its_time(room: Room) -> None:
    room.ready()
    room.gate.on_stop_word_health(True, room.now)
    room.gate.on_setpoint(room.setpoint(valid_for_s=5.0), room.now)
    room.run(0.3)
    assert room.state.owners[0] == ''


def test_a_lease_that_is_over_does_not_come_back(room: Room) -> None:
    room.ready()
    room.run_setpoints(0.5, lease_id='a')
    room.run_setpoints(0.5, lease_id='b')
    zero = room.setpoint(lease_id='b')
    zero.twist.linear.x = 0.0
    room.gate.on_setpoint(zero, room.now)
    room.run(1.0)
    assert not room.moving
    room.run_setpoints(1.0, lease_id='a')
    assert not room.moving


@pytest.mark.parametrize(
    ('positions', 'velocities'),
    [
        ([9.0], [0.5]),
        ([math.inf], [0.5]),
        ([math.nan], [math.nan]),
        ([0.5], [math.inf]),
        ([0.5], [100.0]),
        ([0.5, 0.6], [0.5]),
    ],
)
def test_a_joint_set_point_that_is_wrong_moves_nothing(
    room: Room, positions: list[float], velocities: list[float]
) -> None:
    room.ready()
    room.run_setpoints(
        1.0, 'head', joint_names=['head_pan'], positions=positions, velocities=velocities
    )
    assert room.plant.positions['head_pan'] == pytest.approx(0.0, abs=0.001)


def test_joints_go_where_they_are_asked_to_within_their_limits(room: Room) -> None:
    room.ready()
    room.run_setpoints(
        2.0, 'head', joint_names=['head_pan'], positions=[1.2], velocities=[math.nan]
    )
    assert room.plant.positions['head_pan'] == pytest.approx(1.2, abs=0.02)
    room.run(1.0)
    assert room.plant.positions['head_pan'] == pytest.approx(1.2, abs=0.02)


# ---- workspace --------------------------------------------------------------------------------


def test_the_base_slows_down_and_stays_inside(room: Room) -> None:
    room.ready()
    room.run_with(20.0, 'joystick', BaseVelocity(0.6, 0.0, 0.0))
    assert 4.5 < room.plant.pose[0] <= 5.0
    assert not room.moving
    room.run(0.5)
    room.run_with(2.0, 'joystick', BaseVelocity(-0.5, 0.0, 0.0))
    assert room.plant.pose[0] < 4.9  # and comes back


def test_an_uncertain_pose_denies_base_motion(room: Room) -> None:
    room.ready()
    room.pose_std = 0.5
    room.run_with(1.0, 'joystick', FORWARD)
    assert not room.moving
    assert 'uncertain' in room.why()


def test_a_pose_that_jumps_denies_base_motion_until_a_person_enables_again(driving: Room) -> None:
    driving.carried_m = 1.0
    driving.run_with(1.5, 'joystick', FORWARD)
    assert not driving.moving
    assert 'jumped' in driving.why()
    assert driving.enable() == ''
    driving.run(0.5)
    driving.run_with(0.5, 'joystick', FORWARD)
    assert driving.moving


# ---- auto_enable ------------------------------------------------------------------------------


def test_enabling_by_itself_is_for_simulated_drivers_whose_file_asks_for_it() -> None:
    for asks, simulated, allowed in (
        (True, True, True),
        (True, False, False),
        (False, True, False),
        (False, False, False),
    ):
        room = Room(tek(auto_enable=asks))
        room.driver = dataclasses.replace(room.driver, simulated=simulated)
        room.run(0.2)
        room.clear_estop()
        answer = room.gate.enable(room.enable_request(key_proof=''), room.now, by_itself=True)
        assert answer.success is allowed


def test_a_gap_of_the_gate_alone_trips_too(driving: Room) -> None:
    for _ in range(12):  # estop is heard all the time, the tick does not come
        driving.clock.advance(0.01)
        driving.beat()
    driving.gate.on_cmd_vel('joystick', FORWARD, driving.now)
    driving.tick()
    assert 'did not run for 120 ms' in driving.gate.trip


def test_a_robot_that_is_pushed_while_it_has_no_power_must_be_reset(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    room.run(0.6)
    room.pushed = 0.5
    room.run(1.0)
    assert 'UNCONTROLLED_MOTION' in room.gate.trip
    assert room.estop.state == EstopState.STATE_STOPPED
