"""Attempts on the mailboxes of the gate's loop: in one turn, too late, or as a flood."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from gate_room import FORWARD, Room, copy
from tektra_msgs.msg import EstopState, GateState, StopRequest

from tektra.robot_gate import loop as loops
from tektra.robot_gate.drivers.driver import Category, DriverCommand, Feedback
from tektra.robot_gate.loop import STOPS, GateLoop


class RoomDriver:
    """The room's robot as a driver; the room's own tick is not used."""

    name, simulated, connected, timeout_s = 'sim', True, True, 0.2

    def __init__(self, room: Room) -> None:
        self.room, self.reports = room, 10**6
        self.writes: list[DriverCommand] = []

    def connect(self, now_ns: int) -> None: ...

    def read(self, now_ns: int) -> Feedback:
        self.room._report += 1
        return self.room._feedback()

    def enable(self, now_ns: int) -> None:
        self.room.plant.enable()

    def write(self, command: DriverCommand, now_ns: int) -> None:
        self.writes.append(command)
        assert command.base is not None
        self.room.plant.command_base(command.base.x, command.base.y, command.base.yaw)

    def stop(self, category: Category, now_ns: int) -> None: ...

    def disable(self, now_ns: int) -> None:
        self.room.plant.disable()

    def rival(self) -> str:
        return ''

    def close(self) -> None: ...


class Silent:
    """Takes what the loop publishes, and raises what went wrong in it."""

    def gate_state(self, state: GateState) -> None: ...

    def stop_request(self, request: StopRequest) -> None: ...

    def feedback(self, feedback: Feedback) -> None: ...

    def failed(self, what: str, error: BaseException) -> None:
        raise error


class LoopRoom:
    """A room whose gate is run by a loop, turn by turn, without its thread."""

    def __init__(self) -> None:
        self.room = Room()
        self.room.ready()
        self.driver: Any = RoomDriver(self.room)
        self.loop = GateLoop(self.room.gate, self.driver, self.room.clock, Silent())

    def turn(self) -> None:
        room = self.room
        room.clock.advance(0.01)
        if room.estop_speaks:
            room.beat()
        room.plant.step(0.01)
        self.loop._turn()

    def drive(self, turns: int) -> None:
        gate = self.room.gate
        for _ in range(turns):
            self.loop.post('joystick', lambda ns: gate.on_cmd_vel('joystick', FORWARD, ns))
            self.turn()


@pytest.fixture
def driving() -> LoopRoom:
    made = LoopRoom()
    made.drive(100)
    assert made.room.speed > 0.4
    return made


def stop(level: int = StopRequest.LEVEL_STOP, request_id: str = 'r1') -> StopRequest:
    return StopRequest(request_id=request_id, source='test', level=level)


def test_a_set_point_in_the_same_turn_as_a_stop_moves_nothing(driving: LoopRoom) -> None:
    gate = driving.room.gate
    driving.loop.post('joystick', lambda ns: gate.on_cmd_vel('joystick', FORWARD, ns))
    driving.loop.post_stop(stop())
    before = driving.driver.writes[-1].base.x
    driving.turn()
    assert driving.room.level == GateState.LEVEL_STOPPED
    assert driving.driver.writes[-1].base.x < before


def test_a_flood_of_holds_does_not_push_a_stop_out(driving: LoopRoom) -> None:
    driving.loop.post_stop(stop())
    for n in range(3 * STOPS):
        driving.loop.post_stop(stop(StopRequest.LEVEL_HOLD, f'h{n}'))
    driving.turn()
    assert driving.room.level == GateState.LEVEL_STOPPED


def test_a_flood_in_the_gates_own_name_does_not_push_a_stop_out(driving: LoopRoom) -> None:
    driving.loop.post_stop(stop())
    for n in range(3 * STOPS):
        driving.loop.post_stop(stop(request_id=f'gate-gate-1-{n}'))
    driving.turn()
    assert driving.room.level == GateState.LEVEL_STOPPED


def test_a_clear_that_is_read_with_a_stop_does_not_hide_it(driving: LoopRoom) -> None:
    room = driving.room
    room.estop_speaks = False
    stopped, forged = copy(room.estop), copy(room.estop)
    stopped.state, stopped.stop_id, stopped.seq = EstopState.STATE_STOPPED, 2, room.estop.seq + 1
    forged.seq = 10**9
    for slot, state in (('estop clear', forged), ('estop stop', stopped), ('estop clear', forged)):
        driving.loop.post(slot, lambda ns, state=state: room.gate.on_estop_state(state, ns))
    driving.turn()
    assert room.level == GateState.LEVEL_STOPPED


def test_an_enable_that_was_given_up_is_not_done_later(
    driving: LoopRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = driving.room.gate
    driving.room.disable()
    driving.drive(100)
    monkeypatch.setattr(loops, 'ANSWER_S', 0.01)
    request = driving.room.enable_request()
    with pytest.raises(TimeoutError):
        driving.loop.ask(lambda ns: gate.enable(request, ns))
    driving.turn()
    assert driving.room.level == GateState.LEVEL_DISABLED


def test_a_disable_that_nobody_waits_for_any_more_is_done(
    driving: LoopRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, 'ANSWER_S', 0.01)
    with pytest.raises(TimeoutError):
        driving.loop.ask(lambda _: driving.room.disable(), late=True)
    driving.turn()
    assert driving.room.level == GateState.LEVEL_DISABLED


def test_a_command_posted_before_the_enable_does_not_move_after_it(driving: LoopRoom) -> None:
    gate = driving.room.gate
    driving.room.disable()
    for _ in range(150):
        driving.turn()
    driving.loop.post('joystick', lambda ns: gate.on_cmd_vel('joystick', FORWARD, ns))
    assert driving.room.enable() == ''
    for _ in range(30):
        driving.turn()
    assert driving.room.speed == 0.0


class LastDriver(RoomDriver):
    """Time passes as the loop reads; notes in which order the end takes things away."""

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self.told: list[object] = []

    def read(self, now_ns: int) -> Feedback:
        self.room.clock.advance(0.01)
        self.room.beat()
        self.room.plant.step(0.01)
        return super().read(now_ns)

    def stop(self, category: Category, now_ns: int) -> None:
        self.told.append(category)

    def disable(self, now_ns: int) -> None:
        if self.room.plant.enabled:
            self.told.append(f'no power at {abs(self.room.speed):.2f} m/s')
        super().disable(now_ns)

    def close(self) -> None:
        self.told.append('closed')


def test_the_end_of_a_gate_is_a_stop_in_its_order_and_then_it_lets_go(driving: LoopRoom) -> None:
    driving.loop._driver = driver = LastDriver(driving.room)
    driving.loop._ending = True
    driving.loop._run()
    told = list(dict.fromkeys(driver.told))
    assert told == [Category.CONTROLLED, 'no power at 0.00 m/s', 'closed']


def test_an_enable_that_is_being_done_when_the_caller_gives_up_is_answered(
    driving: LoopRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, 'ANSWER_S', 0.05)
    begun, answers = threading.Event(), []

    def slow(now_ns: int) -> str:
        begun.set()
        time.sleep(0.08)  # longer than the caller waits at first
        return 'done'

    asking = threading.Thread(target=lambda: answers.append(driving.loop.ask(slow)))
    asking.start()
    while not begun.is_set():
        driving.loop._hear()
    asking.join(5.0)
    assert answers == ['done']
