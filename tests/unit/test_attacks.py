"""Attempts to move a stopped robot: each is one idea of an attacker; docs/safety_attacks.md."""

from __future__ import annotations

import dataclasses
import math

import pytest
from estop_room import Room as EstopRoom
from gate_room import FORWARD, Room, copy, tek
from tektra_msgs.msg import EstopState, GateState, StopRequest

from tektra.estop.latch import Found, Record
from tektra.robot_gate.drivers.driver import BaseVelocity, Category, Feedback
from tektra.robot_gate.workspace import inside_by
from tektra.robots.spec import OwnerSpec, StopSpec, WorkspaceSpec

HOLD = StopRequest.LEVEL_HOLD
SECOND = OwnerSpec(source='second', priority=150, input='setpoint')
SQUARE = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def driving(room: Room) -> Room:
    room.ready()
    room.run_with(1.0, 'joystick', FORWARD)
    assert room.speed > 0.4
    return room


def forged(room: Room, **changes: object) -> EstopState:
    """Return a CLEAR as anybody in the domain could publish it."""
    made = copy(room.estop)
    made.state = EstopState.STATE_CLEAR
    for name, value in changes.items():
        setattr(made, name, value)
    return made


# ---- estop/state ------------------------------------------------------------------------------


def test_a_forged_clear_of_a_far_seq_does_not_hide_the_stop_that_follows(driving: Room) -> None:
    driving.gate.on_estop_state(forged(driving, seq=10**9), driving.now)
    driving.stop_estop()
    for n in range(30):
        driving.gate.on_estop_state(forged(driving, seq=10**9 + 1 + n, stop_id=1), driving.now)
        driving.run_with(0.02, 'joystick', FORWARD)
    assert driving.level == GateState.LEVEL_STOPPED
    driving.run(1.0)
    assert not driving.moving


def test_a_stop_is_believed_while_forged_clears_of_a_far_seq_go_on(driving: Room) -> None:
    driving.gate.on_estop_state(forged(driving, seq=10**9), driving.now)
    driving.estop.state = EstopState.STATE_STOPPED
    driving.estop.stop_id += 1
    real = copy(driving.estop)
    driving.estop_speaks = False  # what it says is played here
    driving.gate.on_estop_state(forged(driving, seq=10**9 + 1, stop_id=1), driving.now)
    driving.gate.on_estop_state(real, driving.now)
    driving.gate.on_estop_state(forged(driving, seq=10**9 + 2, stop_id=1), driving.now)
    driving.step()
    assert driving.level == GateState.LEVEL_STOPPED


def test_a_forged_stop_id_does_not_hide_the_next_stop(driving: Room) -> None:
    driving.gate.on_estop_state(forged(driving, seq=10**9, stop_id=2**63), driving.now)
    assert driving.level != GateState.LEVEL_ENABLED
    driving.run_with(1.5, 'joystick', FORWARD)
    assert not driving.moving


def test_forty_new_instances_do_not_make_a_retired_estop_good_again(driving: Room) -> None:
    for n in range(40):
        for seq in (1, 2, 3):
            state = forged(driving, instance_id=f'e{n}', seq=seq)
            driving.gate.on_estop_state(state, driving.now)
    driving.run_with(2.0, 'joystick', FORWARD)
    assert driving.level != GateState.LEVEL_ENABLED
    assert not driving.moving


def test_a_stop_that_grows_more_severe_at_estop_takes_power(driving: Room) -> None:
    driving.stop_estop(category=StopRequest.CATEGORY_2)
    driving.run(0.05)
    assert driving.plant.enabled
    driving.stop_estop(category=StopRequest.CATEGORY_1)
    driving.run(0.05)
    driving.stop_estop(category=StopRequest.CATEGORY_0)
    driving.run(0.05)
    assert not driving.plant.enabled
    assert driving.stops[-1] is Category.IMMEDIATE


def test_a_stop_that_estop_does_not_hear_while_it_resets_is_not_lost(room: Room) -> None:
    room.run(0.2)
    room.latches = False
    room.estop.state = EstopState.STATE_RESETTING
    room.beat()
    room.request_stop()
    room.clear_estop()
    assert room.level == GateState.LEVEL_STOPPED
    assert room.asked  # estop is asked until it has latched
    assert room.enable() != ''


# ---- hold and release -------------------------------------------------------------------------


def test_a_release_made_before_a_second_hold_does_not_undo_it(driving: Room) -> None:
    driving.request_stop(HOLD, request_id='a')
    driving.run(1.0)
    release = driving.enable_request(release_hold=True)
    driving.request_stop(HOLD, request_id='b')
    assert not driving.gate.enable(release, driving.now).success
    assert driving.level == GateState.LEVEL_HOLD


def test_an_enable_made_before_a_hold_does_not_undo_it(room: Room) -> None:
    room.run(0.2)
    room.clear_estop()
    early = room.enable_request()
    room.request_stop(HOLD)
    assert not room.gate.enable(early, room.now).success


def test_a_hold_that_is_repeated_can_be_released(driving: Room) -> None:
    driving.request_stop(HOLD)
    driving.run(1.0)
    release = driving.enable_request(release_hold=True)
    driving.request_stop(HOLD)  # the same request: its sender repeats it
    assert driving.gate.enable(release, driving.now).success


# ---- drives -----------------------------------------------------------------------------------


def test_a_joint_that_was_moved_by_hand_while_power_was_gone_does_not_jump_back() -> None:
    room = Room(tek(stop=StopSpec(category=2, max_ramp_s=1.0)))
    room.ready()
    room.run_setpoints(
        2.0, 'head', joint_names=['head_pan'], positions=[1.0], velocities=[math.nan]
    )
    room.request_stop()
    room.run(1.0)
    room.plant.disable()  # the robot itself takes its power
    room.plant._joints['head_pan'].position = -1.0  # and somebody turns its head
    room.run(0.5)
    room.clear_estop()
    assert room.enable() == ''
    room.run(2.0)
    assert room.plant.positions['head_pan'] == pytest.approx(-1.0, abs=0.02)


def test_a_joint_of_unknown_position_is_not_driven_to_zero_by_enabling_another(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.plant._joints['head_pan'].position = 1.0
    made = room._feedback

    def without_the_head() -> Feedback:
        report = made()
        known = {name: at for name, at in report.positions.items() if name != 'head_pan'}
        return dataclasses.replace(report, positions=known)

    monkeypatch.setattr(room, '_feedback', without_the_head)
    room.run(0.2)
    room.clear_estop()
    room.enable(channels=['base'])
    room.run(2.0)
    assert room.plant.positions['head_pan'] == pytest.approx(1.0, abs=0.02)


def test_disabling_and_then_stopping_does_not_keep_power_for_a_second_ramp(driving: Room) -> None:
    driving.deaf = True
    driving.disable()
    driving.run(0.9)
    driving.request_stop()
    driving.run(0.2)
    assert not driving.plant.enabled


def test_a_flood_of_stops_does_not_make_the_ramp_longer(driving: Room) -> None:
    driving.deaf = True
    for n in range(105):
        driving.request_stop(request_id=f'r{n}')
        driving.step()
    assert not driving.plant.enabled


# ---- owners -----------------------------------------------------------------------------------


def test_a_joint_that_no_fresh_set_point_names_comes_to_rest(room: Room) -> None:
    room.ready()
    names, at = ['head_pan', 'head_tilt'], [1.2, 0.7]
    room.run_setpoints(
        0.1, 'head', joint_names=names, positions=at, velocities=[math.nan, math.nan]
    )
    room.run_setpoints(2.0, 'head', joint_names=names[:1], positions=at[:1], velocities=[math.nan])
    assert room.plant.positions['head_tilt'] < 0.2


def test_what_the_loser_asked_of_a_joint_is_not_gone_on_with_under_the_winner() -> None:
    robot = tek()  # a robot's file cannot name two of this kind; the gate holds all the same
    object.__setattr__(robot, 'owners', (*robot.owners, SECOND))
    room = Room(robot)
    room.ready()
    room.run_setpoints(
        0.1, 'head', joint_names=['head_tilt'], positions=[0.7], velocities=[math.nan]
    )
    room.run_setpoints(
        2.0,
        'head',
        source='second',
        lease_id='x',
        joint_names=['head_pan'],
        positions=[0.3],
        velocities=[math.nan],
    )
    assert room.plant.positions['head_tilt'] < 0.2


def test_a_stick_held_through_hold_and_release_does_not_fire(driving: Room) -> None:
    driving.request_stop(HOLD)
    driving.run_with(1.0, 'joystick', FORWARD)
    driving.enable(release_hold=True)
    driving.run_with(3.0, 'joystick', FORWARD)
    assert not driving.moving


def test_a_stalled_robot_is_not_enabled_while_a_speed_is_still_commanded(room: Room) -> None:
    room.ready()
    room.deaf = True  # its wheels are blocked: it stands, whatever is commanded
    room.run_with(1.0, 'joystick', FORWARD)
    room.stop_estop(category=3)  # controlled, and power stays
    room.step()
    room.clear_estop()
    assert 'base is still being brought to rest' in room.enable()
    room.run(1.0)
    assert room.enable() == ''


def test_old_leases_do_not_come_back_by_opening_many(room: Room) -> None:
    room.ready()
    old = room.setpoint(lease_id='goal-0')
    room.gate.on_stop_word_health(True, room.now)
    room.gate.on_setpoint(old, room.now)
    for n in range(20):
        zero = room.setpoint(lease_id=f'other-{n}')
        zero.twist.linear.x = 0.0
        room.gate.on_setpoint(zero, room.now)
    room.run(1.0)
    for _ in range(50):
        room.gate.on_stop_word_health(True, room.now)
        room.gate.on_setpoint(old, room.now)
        room.step()
    assert not room.moving


def test_refused_set_points_do_not_arm_anybody(room: Room) -> None:
    room.ready()
    for _ in range(100):  # the owner's wishes are void, and so it is not neutral either
        room.gate.on_cmd_vel('joystick', BaseVelocity(math.nan), room.now)
        room.step()
    room.run_with(0.5, 'joystick', FORWARD)
    room.disable()
    assert room.level == GateState.LEVEL_DISABLED


# ---- what the robot reports -------------------------------------------------------------------


@pytest.mark.parametrize('speed', [None, math.nan])
def test_a_base_whose_speed_is_not_measured_any_more_is_stopped(
    driving: Room, monkeypatch: pytest.MonkeyPatch, speed: float | None
) -> None:
    made = driving._feedback

    def unmeasured() -> Feedback:
        base = None if speed is None else BaseVelocity(0.0, 0.0, speed)
        return dataclasses.replace(made(), base=base)

    monkeypatch.setattr(driving, '_feedback', unmeasured)
    driving.run_with(2.0, 'joystick', FORWARD)
    assert not driving.moving
    assert driving.level == GateState.LEVEL_STOPPED


def test_a_joint_that_is_not_a_number_does_not_stand_still(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = room._feedback

    def one_is_unknown() -> Feedback:
        report = made()
        return dataclasses.replace(report, velocities={**report.velocities, 'head_tilt': math.nan})

    monkeypatch.setattr(room, '_feedback', one_is_unknown)
    room.run(0.5)
    state = room.state
    assert not state.standstill[list(state.channels).index('head')]


def test_a_report_that_is_repeated_is_silence(
    driving: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = driving._feedback()
    monkeypatch.setattr(driving, '_feedback', lambda: same)
    driving.run_with(0.35, 'joystick', FORWARD)
    assert 'reported nothing' in driving.gate.trip
    driving.run_with(1.5, 'joystick', FORWARD)
    assert not driving.moving


# ---- workspace --------------------------------------------------------------------------------


def walled(**changes: object) -> Room:
    spec = WorkspaceSpec(frame='odom', polygon=SQUARE, **changes)  # type: ignore[arg-type]
    room = Room(tek(workspace=spec))
    room.ready()
    return room


def outside(room: Room) -> float:
    """Return by how much the base is outside the square (m)."""
    x, y, _ = room.plant.pose
    return max(abs(x), abs(y)) - 1.0


def drive(room: Room, seconds: float, asked: BaseVelocity) -> float:
    """Drive and return how far outside the base has been at most (m)."""
    worst = -1.0
    for n in range(round(seconds / 0.01)):
        if n % 2 == 0:
            room.gate.on_cmd_vel('joystick', asked, room.now)
        room.step()
        worst = max(worst, outside(room))
    return worst


def test_a_pose_that_is_fresh_and_frozen_does_not_let_the_base_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = walled()
    made, at = room._feedback, room._feedback().pose
    monkeypatch.setattr(room, '_feedback', lambda: dataclasses.replace(made(), pose=at))
    assert drive(room, 8.0, FORWARD) < 0.0


@pytest.mark.parametrize('slow_down_m', [0.01, 0.05, 0.3])
@pytest.mark.parametrize('then', [BaseVelocity(-0.6), BaseVelocity(0.0, 0.0, 0.3)])
def test_turning_the_stick_at_the_border_brakes_no_later_than_letting_go(
    slow_down_m: float, then: BaseVelocity
) -> None:
    for before_s in (1.6, 1.7, 1.8, 1.9, 2.0, 2.1):
        room = walled(slow_down_m=slow_down_m)
        assert drive(room, before_s, BaseVelocity(0.6)) < 0.0
        assert drive(room, 1.5, then) < 0.0


def test_driving_along_the_border_and_turning_outwards_does_not_leave() -> None:
    for turn_s in (0.3, 0.5, 0.8):
        room = walled()
        drive(room, 8.0, BaseVelocity(0.6))  # to the border
        room.run(0.5)
        drive(room, (math.pi / 2) / 1.5 + 0.25, BaseVelocity(0.0, 0.0, 1.5))  # along it
        room.run(0.5)
        worst = drive(room, 1.0, BaseVelocity(0.6))
        worst = max(worst, drive(room, turn_s, BaseVelocity(0.6, 0.0, -1.5)))
        worst = max(worst, drive(room, 1.0, BaseVelocity(0.6)))
        assert worst < 0.0


def test_a_robot_outside_a_concave_workspace_crosses_no_border_outwards() -> None:
    polygon = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (0.2, 1.0), (0.2, 0.0), (-1.0, 0.0))
    spec = WorkspaceSpec(frame='odom', polygon=polygon, pose_max_jump_m=10.0)
    room = Room(tek(workspace=spec))
    room.plant._x, room.plant._y = -0.6, -0.5
    room.ready()
    for asked in (BaseVelocity(0.6, 0.0, 0.5), BaseVelocity(0.6), BaseVelocity(-0.6, 0.0, 0.5)):
        for n in range(600):
            if n % 2 == 0:
                room.gate.on_cmd_vel('joystick', asked, room.now)
            room.step()
            assert inside_by(polygon, *room.plant.pose[:2]) > 0.0


# ---- estop ------------------------------------------------------------------------------------


def auto(room: EstopRoom) -> bool:
    return bool(room.reset(operator_name='auto_enable').success)


def test_the_gate_may_reset_the_start_of_estop_by_itself() -> None:
    room = EstopRoom()
    room.pass_ms(100)
    assert auto(room)


def test_a_stop_by_the_service_is_not_reset_by_a_gate_that_is_started_again() -> None:
    room = EstopRoom().to_clear()
    room.core.on_stop_service(room.now_ns)
    room.look()
    room.gate = room.new_gate('gate-2')
    room.pass_ms(3000)
    assert not auto(room)
    assert room.reset().success  # a person may


def test_the_stop_for_a_gate_that_died_is_not_reset_by_the_next_gate() -> None:
    room = EstopRoom().to_clear()
    room.gate = room.new_gate('gate-2')
    room.pass_ms(3000)
    assert room.core.level == EstopState.STATE_STOPPED
    assert not auto(room)


def stopped_before(source: str, cleared: bool) -> Found:
    by_person = source == 'button'
    return Found(Record(7, source, 'because', 2, 'then', cleared, needs_person=by_person))


def test_a_persons_stop_survives_killing_estop_and_the_gate() -> None:
    room = EstopRoom(found=stopped_before('button', cleared=False))
    room.pass_ms(100)
    assert not auto(room)
    again = EstopRoom(found=Found(room.core.record()))  # and once more
    again.pass_ms(100)
    assert not auto(again)
    assert again.reset().success


def test_damaging_the_latch_file_does_not_make_a_stop_forgotten() -> None:
    room = EstopRoom(found=Found(trouble='the file is damaged'))
    room.pass_ms(100)
    assert not auto(room)


def test_a_fault_during_the_start_does_not_make_a_persons_stop_forgotten() -> None:
    room = EstopRoom(found=stopped_before('button', cleared=False))
    room.pass_ms(100)
    room.core.on_stop_request(StopRequest(source='robot_gate'), room.now_ns)
    again = EstopRoom(found=Found(room.core.record()))
    again.pass_ms(100)
    assert not auto(again)


@pytest.mark.parametrize(('source', 'cleared'), [('button', True), ('estop', False)])
def test_an_orderly_end_before_does_not_need_a_person(source: str, cleared: bool) -> None:
    room = EstopRoom(found=stopped_before(source, cleared))
    room.pass_ms(100)
    assert auto(room)
