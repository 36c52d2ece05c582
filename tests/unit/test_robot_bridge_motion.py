"""Commands through the executor, the real gate and a robot with inertia: where does it end?"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
import random

import pytest
from bridge_room import BridgeRoom, move, turn
from gate_room import tek

from tektra.commands.command import Command
from tektra.robot_bridge.joint_steps import tolerance_of
from tektra.robot_bridge.outcome import Outcome
from tektra.robot_bridge.senses import Odometry
from tektra.robots.spec import BASE, AxisSpec, BaseSpec


def ready_room(**changes) -> BridgeRoom:
    room = BridgeRoom(tek(**changes))
    room.ready()
    return room


def wheels(**changes) -> BridgeRoom:
    """Return a room with a robot that is only a base: less to simulate."""
    return ready_room(joints={}, description=None, **changes)


def holonomic() -> BridgeRoom:
    base = tek().base
    assert base is not None
    lateral = AxisSpec(velocity=0.3, acceleration=0.5, jerk=5.0, deceleration=1.0)
    return wheels(base=BaseSpec(base.linear, base.angular, lateral))


def at(room: BridgeRoom, joints) -> bool:
    """Return whether joints are where they shall be."""
    here, specs = room.plant.positions, room.robot.joints
    return all(
        abs(here[name] - goal) <= tolerance_of(specs[name]) for name, goal in joints.items()
    )


# ---- base -----------------------------------------------------------------------------------


@pytest.mark.parametrize('degrees', [90, -90, 5, 1.1, -400])
def test_a_turn_ends_within_two_degrees_of_what_was_said(degrees):
    room, turned, before = wheels(), 0.0, 0.0
    assert room.ask(turn(degrees)) == ''
    while not room.results:
        room.step()
        turned += math.remainder(room.plant.pose[2] - before, math.tau)
        before = room.plant.pose[2]
    assert room.results[0].outcome is Outcome.DONE
    assert abs(math.degrees(turned) - degrees) < min(1.0, abs(degrees) / 3)
    assert not room.moving


@pytest.mark.parametrize(
    ('metres', 'speed'),
    [(2.0, 'normal'), (-2.0, 'fast'), (4.8, 'fast'), (0.05, 'normal')],
)
def test_a_way_ends_within_two_percent_of_what_was_said(metres, speed):
    room, farthest = wheels(), 0.0
    assert room.ask(move(metres, speed=speed)) == ''
    while not room.results:
        room.step()
        farthest = max(farthest, abs(room.plant.pose[0]))
    room.run(0.5)
    assert room.results[0].outcome is Outcome.DONE
    within = max(0.02 * abs(metres), 0.004)
    assert abs(room.plant.pose[0] - metres) <= within
    assert farthest <= abs(metres) + within, 'it went too far and came back'


def test_ten_metres_are_driven_within_two_percent_where_there_is_room():
    room = wheels(workspace=None)
    room.plant._reach_m = 20.0
    room.done(move(10.0, speed='fast'))
    assert room.plant.pose[0] == pytest.approx(10.0, rel=0.02)


def test_ten_metres_are_refused_where_the_workspace_ends_and_it_is_said_how_far_is_free():
    room = ready_room()
    answer = room.ask(move(10.0))
    assert answer == (
        'I cannot go that far: only 4.9 metres are free ahead, then my workspace ends.'
    )
    room.run(1.0)
    assert not room.sent
    assert room.results[0].outcome is Outcome.REFUSED


def test_a_plan_is_followed_on_paper_before_anything_moves():
    room = wheels()
    assert 'free ahead' in room.ask(turn(90), move(3.0), turn(-90), move(6.0))
    assert room.ask(turn(90), move(3.0), turn(180), move(6.0)) == ''


def test_backwards_the_free_way_is_that_behind():
    room = wheels()
    assert 'only 4.9 metres are free behind me' in room.ask(move(-7.0))


def test_at_the_border_a_base_may_come_back_in():
    room = wheels()
    room.plant._x = 4.98
    room.run(0.1)
    assert 'no room to go ahead' in room.ask(move(0.5))
    room.disable()
    assert room.enable() == ''  # the pose has jumped
    room.run(0.5)
    room.done(move(-1.0))
    assert room.plant.pose[0] == pytest.approx(3.98, abs=0.02)


def test_a_square_closes():
    room = ready_room()
    room.done(*[move(1.0, speed='fast'), turn(90)] * 4, most_s=90)
    x, y, _ = room.plant.pose
    assert math.hypot(x, y) < 0.1
    assert abs(room.yaw_deg) < 2


def test_a_base_that_was_pushed_off_its_line_comes_back_to_it():
    for metres in (2.5, -2.5):
        room = wheels()
        assert room.ask(move(metres, speed='fast')) == ''
        room.run(2.0)
        room.plant._y += 0.1
        room.plant._yaw += 0.1
        room.until_over()
        assert abs(room.plant.pose[1]) < 0.02
        assert abs(room.yaw_deg) < 2


@pytest.mark.parametrize('command', [turn(-90), move(2.0, speed='fast'), move(0.1)])
def test_odometry_that_is_late_rare_and_noisy_is_good_enough(command):
    room, chance, late = wheels(), random.Random(1), collections.deque()
    room.measures = False
    assert room.ask(command) == ''
    for tick in itertools.count():
        if room.goal in room.over:
            break
        room.step()
        if tick % 5 == 0:  # 20 Hz, 100 ms old, a millimetre and a tenth of a degree
            (x, y, yaw), base = room.plant.pose, room.plant.base
            noisy = [chance.gauss(value, 0.001) for value in (x, y, yaw)]
            late.append(Odometry(*noisy, base.x, base.y, base.yaw))
            if len(late) > 2:
                room.executor.on_odometry(late.popleft(), room.now)
    room.run(0.3)
    assert [result.outcome for result in room.results] == [Outcome.DONE]
    angle, way = command.values.get('angle', 0.0), command.values.get('x', 0.0)
    assert room.plant.pose == pytest.approx((way, 0.0, angle), abs=0.01)


def test_a_place_is_driven_to_with_a_turn_before_and_after():
    room = wheels()
    room.done(Command('go_to', {'x': 0.5, 'y': -1.0, 'yaw': 1.0}))
    x, y, yaw = room.plant.pose
    assert math.hypot(x - 0.5, y + 1.0) < 0.03
    assert yaw == pytest.approx(1.0, abs=0.035)
    room.done(Command('home', {}, {'what': 'place'}))
    x, y, yaw = room.plant.pose
    assert math.hypot(x, y) < 0.03
    assert abs(yaw) < 0.035


def test_a_place_outside_is_refused_before_anything_moves():
    room = wheels()
    assert 'my workspace ends' in room.ask(Command('go_to', {'x': 7.0, 'y': 0.0}))
    assert 'I have no map here' in room.ask(
        Command('go_to', {'x': 1.0, 'y': 0.0}, {'frame': 'map'})
    )


def test_only_a_base_that_can_moves_sideways():
    assert 'sideways' in wheels().ask(move(0.0, 1.0))
    room = holonomic()
    room.done(move(0.5, -1.0))
    assert room.plant.pose == pytest.approx((0.5, -1.0, 0.0), abs=0.02)
    assert not room.wild()


def test_faster_and_slower_are_kept_and_change_what_runs():
    seconds = {}
    for word in ('slower', 'faster'):
        room = wheels()
        begin = room.now
        assert room.ask(move(1.0), goal='drive') == ''
        pace = Command('pace', {}, {'change': word})
        assert room.executor.accept('pace', [pace, pace], room.state, room.now) == ''
        room.goal = 'drive'
        while room.executor.progress:
            room.step()
        seconds[word] = (room.now - begin) / 1e9
        assert [result.sentence for result in room.results if result.goal_id == 'pace']
    assert seconds['faster'] < 0.8 * seconds['slower']


def test_what_is_free_ahead_is_kept():
    room = wheels()
    room.range_m = 1.0
    room.ask(move(2.0))
    while not room.results:
        room.range_m = 1.0 - room.plant.pose[0]
        room.step()
    assert room.results[0].outcome is Outcome.FAILED
    assert room.results[0].sentence == 'I stopped: the way is blocked.'
    assert 0.08 < room.range_m < 0.2


# ---- head and arms --------------------------------------------------------------------------

GESTURES = {
    'head': [Command('nod', {'times': 1}), Command('look_at', {}, {'target': 'around'})],
    'arms': [
        Command('wave', {'times': 1}, {'arm': 'both'}),
        Command('point_at', {'x': 2.0, 'y': -1.0}, {'target': 'point'}),
        Command('arm', {}, {'action': 'raise', 'side': 'both'}),
    ],
    'all': [
        Command('gripper', {}, {'action': 'open', 'side': 'both'}),
        Command('motion', {}, {'name': 'bow'}),
        Command('shake_head', {'times': 1}),
    ],
}


@pytest.mark.parametrize('which', GESTURES)
def test_gestures_end_and_from_there_home_is_the_rest_posture(which):
    room = ready_room()
    room.done(*GESTURES[which])
    room.done(Command('home', {}, {'what': 'posture'}))
    room.run(0.5)
    grippers = {'left_gripper', 'right_gripper'}
    assert at(room, dict.fromkeys(set(room.robot.joints) - grippers, 0.0))
    assert not room.wild()
    assert room.gate.refused == (0, '')
    assert room.why() == '', 'the gate took the end of a step for a lost lease'


def test_a_look_and_a_wave_end_where_they_should():
    room = ready_room()
    room.done(Command('look_at', {'angle': 0.5}, {'target': 'left'}))
    assert at(room, {'head_pan': 0.5})
    room.done(Command('nod'))
    assert at(room, {'head_pan': 0.5}), 'a nod goes back to where the head was'
    highest = 0.0
    room.ask(Command('wave', {'times': 1}, {'arm': 'left'}))
    while room.executor.progress:
        room.step()
        highest = max(highest, -room.plant.positions['left_shoulder_pitch'])
    assert highest > 1.5
    assert at(room, {'left_shoulder_pitch': 0.0, 'right_shoulder_pitch': 0.0})


def test_what_a_gripper_holds_it_keeps_on_the_way_home():
    room = ready_room()
    room.done(Command('gripper', {}, {'action': 'open', 'side': 'left'}))
    room.done(Command('home', {}, {'what': 'posture'}))
    assert at(room, {'left_gripper': 0.06})


def test_fingers_that_close_on_a_thing_are_done():
    room = ready_room()
    room.done(Command('gripper', {}, {'action': 'open', 'side': 'right'}))
    joint = room.plant._joints['right_gripper']
    joint.spec = dataclasses.replace(joint.spec, lower=0.03)  # the thing
    room.done(Command('gripper', {}, {'action': 'close', 'side': 'right'}))
    assert room.plant.positions['right_gripper'] == 0.03


UNABLE = {
    'the head cannot turn there': Command('look_at', {'angle': 1.57}, {'target': 'up'}),
    'the right arm cannot point': Command('point_at', {}, {'target': 'left', 'arm': 'right'}),
    'cannot see you: I have no vision': Command('point_at', {}, {'target': 'person'}),
    'cannot follow you: I have no vision': Command('follow', {}, {'state': 'on'}),
    'angle = 100 rad': Command('turn', {'angle': 100.0}),
    "no command 'fly'": Command('fly'),
}


def test_what_cannot_be_done_is_refused_in_words_and_nothing_moves():
    room = ready_room()
    for words, command in UNABLE.items():
        assert words in room.ask(turn(90), command)
        room.run(0.1)
    assert not room.sent


def test_a_robot_without_a_description_says_what_it_lacks():
    room = BridgeRoom(tek(description=None), kinematics=False)
    room.ready()
    assert room.ask(Command('nod')) == 'I have no head that I could turn.'
    assert room.ask(Command('wave')) == 'I have no arm.'
    room.done(Command('motion', {}, {'name': 'bow'}))


def test_a_robot_that_is_only_arms_has_no_wheels():
    robot = tek(base=None, workspace=None)
    room = BridgeRoom(robot)
    room.ready()
    assert room.ask(move(1.0)) == 'I have no wheels.'
    assert room.ask(Command('home', {}, {'what': 'place'})) == 'I have no wheels.'
    assert BASE not in robot.channels
    room.done(Command('nod'))


def test_status_and_battery_are_said_and_disturb_nothing():
    room = ready_room()
    room.ask(move(1.0), goal='drive')
    room.run(1.0)
    room.executor.accept('ask', [Command('status'), Command('battery')], room.state, room.now)
    assert [result.sentence for result in room.executor.take_results()] == [
        'I am busy with move. My battery is at 80 percent. My battery is at 80 percent.'
    ]
    assert room.until_over().outcome is Outcome.DONE
    assert room.plant.pose[0] == pytest.approx(1.0, abs=0.02)
