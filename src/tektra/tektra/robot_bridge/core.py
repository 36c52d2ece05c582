"""The executor: one goal at a time, from commands to short set-points, until measured done.

Pure: messages and measurements in, with the time of receipt on the boot-time clock (ns);
set-points out, at every tick. Thread-bound to whoever calls it.

A goal is bound to the epoch of the gate at its acceptance, and ends with it: by a hold, a stop, an
enable or a disable. Nothing that has ended goes on by itself. While a goal runs its requester
renews a lease; every set-point says what shall be for 150 ms only, so that silence is a stop, too.

Control laws: ``base_steps`` (base), ``joint_steps`` (joints), ``profile`` (speeds).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tektra_msgs.msg import GateState, Setpoint

from tektra.commands.command import Command
from tektra.commands.motions import Motion, find_motion
from tektra.commands.vocabulary import Vocabulary
from tektra.description.kinematics import Kinematics
from tektra.robot_bridge.answers import Pace, battery_sentence, status_sentence
from tektra.robot_bridge.gate_view import GateView
from tektra.robot_bridge.gestures import CannotError
from tektra.robot_bridge.outcome import Outcome, Progress, Request, Result
from tektra.robot_bridge.planner import Planned, Planner, Word
from tektra.robot_bridge.senses import Odometry, Senses, Sensors
from tektra.robot_bridge.setpoints import Writer
from tektra.robot_bridge.step import Step
from tektra.robot_bridge.watch import StuckWatch
from tektra.robot_gate.owners import Epoch
from tektra.robots.spec import BASE, RobotSpec

PERIOD_S = 0.02
"""Between two ticks."""
LEASE_S = 0.5
"""A requester that has not renewed for so long is gone."""
SETTLE_S = 3.0
"""A step that cannot begin for so long, since the robot does not come to rest, has failed."""
_TALK = {Word.FASTER, Word.SLOWER, Word.STATUS, Word.BATTERY, Word.UNFOLLOW}
_ASKS = {Word.HOLD: Request.HOLD, Word.STOP: Request.STOP}
_S = 1e-9

Ending = tuple[Outcome, str]


@dataclass
class _Goal:
    """The goal that runs."""

    goal_id: str
    steps: list[Planned]
    epoch: Epoch
    lease_id: str
    renewed_ns: int
    index: int = 0
    began: bool = False  # the present step has
    since_ns: int = 0  # the present step waits for its begin, or has begun
    bumped: bool = False  # at the begin of the present step
    said: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # channels with a set-point that is not neutral

    @property
    def step(self) -> Step | Word | None:
        return self.steps[self.index].does if self.index < len(self.steps) else None


class Executor:
    """One robot. ``kinematics`` None: it has no description and cannot look, point or wave.

    :raises ValueError: if no owner in the robot's file uses set-points.
    """

    def __init__(
        self,
        robot: RobotSpec,
        vocabulary: Vocabulary,
        kinematics: Kinematics | None,
        motions: Callable[[str], Motion] = find_motion,
    ) -> None:
        source = next((o.source for o in robot.owners if o.input == 'setpoint'), '')
        if not source:
            raise ValueError(
                f'{robot.path}: no owner has input setpoint, so no command could move '
                f"'{robot.name}'; add {{source: robot_bridge, priority: 100, input: setpoint}}"
            )
        self._senses = Senses(robot)
        self._planner = Planner(robot, vocabulary, kinematics, motions)
        self._gate = GateView(source)
        self._writer = Writer(robot, source)
        self._stuck = StuckWatch()
        self._pace = Pace()
        self._goal: _Goal | None = None
        self._last: list[Setpoint] = []  # neutral ones of what has ended in the present epoch
        self._held: _Goal | None = None  # what `continue` takes up
        self._results: list[Result] = []
        self._requests: list[Request] = []
        self._goals = 0

    # ---- what comes in --------------------------------------------------------------------------

    def on_gate_state(self, state: GateState, now_ns: int) -> None:
        """Take what the gate allows; a goal of another epoch ends."""
        before = self._gate.epoch
        self._gate.on_state(state, now_ns)
        if self._gate.epoch != before:
            self._last.clear()  # the gate brakes by itself; nothing of an old epoch is sent
        if self._gate.stopped or self._gate.other:
            self._held = None
        if self._goal is not None:
            ending = self._gate.ended(self._goal.epoch)
            if ending is not None:
                self._end(*ending)

    def on_odometry(self, odometry: Odometry, now_ns: int) -> None:
        """Take where the base is."""
        self._senses.on_odometry(odometry, now_ns)

    def on_joints(
        self, positions: dict[str, float], velocities: dict[str, float], now_ns: int
    ) -> None:
        """Take where the joints are (rad or m) and how fast they move."""
        self._senses.on_joints(positions, velocities, now_ns)

    def on_sensors(self, sensors: Sensors) -> None:
        """Take battery, bumper and range."""
        self._senses.on_sensors(sensors)

    # ---- goals ----------------------------------------------------------------------------------

    def accept(
        self, goal_id: str, commands: Sequence[Command], gate_state: GateState | None, now_ns: int
    ) -> str:
        """Begin a goal; the one that runs is aborted. Return '', or the sentence that refuses it.

        A goal that only asks or sets the pace is done at once and leaves alone what runs.

        :param goal_id: not that of the goal that runs.
        :param gate_state: the newest, None: there is none yet.
        """
        if gate_state is not None:
            self.on_gate_state(gate_state, now_ns)
        try:
            if self._goal is not None and self._goal.goal_id == goal_id:
                raise CannotError('I am doing that already.')
            goal = self._plan(goal_id, self._unfold(commands), now_ns)
        except CannotError as error:
            self._results.append(Result(goal_id, Outcome.REFUSED, str(error)))
            return str(error)
        self._goals += 1
        if all(planned.does in _TALK for planned in goal.steps):
            self._say_all(goal, now_ns)
            return ''
        first = goal.step
        if first is Word.HOLD:
            self._end(Outcome.HELD, 'I am holding.')
        elif first is Word.STOP:
            self._end(Outcome.STOPPED, 'I was stopped.')
        else:
            self._held = None
            self._end(Outcome.ABORTED, 'I do something else now.')
        self._goal = goal
        self._say(now_ns)
        return ''

    def renew(self, goal_id: str, now_ns: int) -> bool:
        """Renew the lease of a goal, at 5 to 10 Hz; return whether it runs."""
        runs = self._goal is not None and self._goal.goal_id == goal_id
        if runs and self._goal is not None:
            self._goal.renewed_ns = now_ns
        return runs

    def cancel(self, goal_id: str) -> bool:
        """End a goal with a controlled stop; return whether it ran."""
        runs = self._goal is not None and self._goal.goal_id == goal_id
        if runs:
            self._end(Outcome.CANCELLED, 'All right, I leave it.')
        return runs

    def take_results(self) -> list[Result]:
        """Return how goals have ended since the last call, also those that were refused."""
        results, self._results = self._results, []
        return results

    def take_requests(self) -> list[Request]:
        """Return what the commands of people ask of the safety nodes since the last call."""
        requests, self._requests = self._requests, []
        return requests

    @property
    def progress(self) -> Progress | None:
        """Return how far the goal has come that runs; None: none does."""
        goal = self._goal
        if goal is None or goal.step is None:
            return None
        name, step = goal.steps[goal.index].command.name, goal.step
        if isinstance(step, Word) or not goal.began:
            return Progress(goal.goal_id, goal.index, len(goal.steps), name, 0.0, 0.0, '')
        return Progress(
            goal.goal_id, goal.index, len(goal.steps), name, step.progress, step.left, step.unit
        )

    # ---- the tick -------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> list[Setpoint]:
        """Return the set-points to send now, in order. To be called every ``PERIOD_S``."""
        goal = self._goal
        if goal is not None:
            ending = self._ending(goal, now_ns)
            if ending is not None:
                self._end(*ending)
        out, self._last = self._last, []
        goal = self._goal
        if goal is not None:
            out += self._go_on(goal, now_ns)
        return out

    def _go_on(self, goal: _Goal, now_ns: int) -> list[Setpoint]:
        step = goal.step
        assert step is not None and not isinstance(step, Word)  # words are said as they come up
        if not goal.began:
            if not self._may_begin(goal, step, now_ns):
                return []
            step.begin(self._senses, now_ns)
            goal.began, goal.since_ns = True, now_ns
            goal.bumped = bool(self._senses.sensors.bumper)
            self._stuck.begin(now_ns)
        drive = step.tick(self._senses, self._pace.scale, now_ns)
        if drive.base is not None and drive.base.x > 0 and self._senses.sensors.bumper:
            self._end(Outcome.FAILED, 'I stopped: I touch something in front of me.')
        elif step.done:
            self._next(goal, now_ns)
        else:
            goal.used |= set(step.channels)
            return self._writer.points(step.channels, drive, goal.epoch, goal.lease_id)
        out, self._last = self._last, []
        return out

    def _may_begin(self, goal: _Goal, step: Step, now_ns: int) -> bool:
        """Return whether the robot is at rest and the gate ready for a first set-point."""
        return self._gate.armed(now_ns) and self._senses.speed(step.channels) <= 1.0

    def _next(self, goal: _Goal, now_ns: int) -> None:
        """Leave a step that is done; the channels that it used are told to rest."""
        self._rest(goal)
        goal.index, goal.began, goal.since_ns = goal.index + 1, False, now_ns
        self._say(now_ns)

    # ---- how it ends ----------------------------------------------------------------------------

    def _ending(self, goal: _Goal, now_ns: int) -> Ending | None:
        """Return why the goal must end now; None: it goes on."""
        step = goal.step
        if (now_ns - goal.renewed_ns) * _S > LEASE_S:
            return Outcome.HELD, 'I stopped: nobody was there any more.'
        assert step is not None and not isinstance(step, Word)
        problem = self._gate.problem(step.channels, now_ns)
        if problem is not None:
            return problem
        unknown = self._senses.unknown(step.channels, now_ns)
        if unknown:
            return Outcome.FAILED, f'I stopped: {unknown} any more.'
        if not goal.began:
            waits = (now_ns - max(goal.since_ns, self._gate.quiet_ns)) * _S
            return None if waits < SETTLE_S else (Outcome.FAILED, 'I do not come to rest.')
        bumper = bool(self._senses.sensors.bumper)
        if BASE in step.channels and bumper and not goal.bumped:
            return Outcome.FAILED, 'I stopped: I bumped into something.'
        goal.bumped = bumper
        return self._blocked(step, now_ns)

    def _blocked(self, step: Step, now_ns: int) -> Ending | None:
        speed = self._senses.speed(step.channels)
        if not self._stuck.tick(step, speed, now_ns):
            return None
        if step.ends_at_a_stop:
            return Outcome.DONE, ''
        if not self._gate.moves(step.channels):
            return Outcome.FAILED, 'I could not move: my safety gate does not let me.'
        return Outcome.FAILED, (
            'I stopped: the way is blocked.'
            if BASE in step.channels
            else 'I stopped: I cannot get any farther.'
        )

    def _end(self, outcome: Outcome, sentence: str) -> None:
        """End the goal that runs, if one does, with a controlled stop."""
        goal = self._goal
        if goal is None:
            return
        if outcome is Outcome.DONE and goal.index + 1 < len(goal.steps):
            self._next(goal, self._stuck.now_ns)
            return
        self._rest(goal)
        if outcome is Outcome.HELD:
            self._held = goal
        self._goal = None
        said = ' '.join(goal.said) if outcome is Outcome.DONE else ''
        self._results.append(
            Result(goal.goal_id, outcome, sentence or said or 'Done.', goal.index)
        )

    def _rest(self, goal: _Goal) -> None:
        """Leave a neutral set-point for every channel that was used, while the epoch lasts.

        Without it the gate would take the silence for a lost lease, which is a hold.
        """
        if self._gate.epoch == goal.epoch:
            self._last += self._writer.neutral(sorted(goal.used), goal.epoch, goal.lease_id)
        goal.used.clear()

    # ---- words ----------------------------------------------------------------------------------

    def _say(self, now_ns: int) -> None:
        """Do what moves nothing until something moves or the goal is done."""
        goal = self._goal
        while goal is not None and isinstance(goal.step, Word):
            word = goal.step
            self._do(word, goal, now_ns)
            goal.index += 1
            if word in _ASKS and goal.step is not None:  # what follows waits for `continue`
                ending = Outcome.HELD if word is Word.HOLD else Outcome.STOPPED
                self._end(ending, goal.said[-1])
                return
        if goal is not None and goal.step is None:
            goal.index = len(goal.steps) - 1
            self._end(Outcome.DONE, '')
        elif goal is not None:
            goal.since_ns = now_ns

    def _say_all(self, goal: _Goal, now_ns: int) -> None:
        for planned in goal.steps:
            assert isinstance(planned.does, Word)
            self._do(planned.does, goal, now_ns)
        self._results.append(Result(goal.goal_id, Outcome.DONE, ' '.join(goal.said)))

    def _do(self, word: Word, goal: _Goal, now_ns: int) -> None:
        match word:
            case Word.FASTER | Word.SLOWER:
                goal.said.append(self._pace.change(word is Word.FASTER))
            case Word.BATTERY:
                goal.said.append(battery_sentence(self._senses.sensors))
            case Word.STATUS:
                running = self._goal if self._goal is not goal else None
                name = running.steps[running.index].command.name if running else ''
                goal.said.append(
                    status_sentence(name, self._gate.why_not(now_ns), self._senses.sensors)
                )
            case Word.UNFOLLOW:
                goal.said.append('I am following nobody.')
            case Word.HOLD | Word.STOP:
                self._requests.append(_ASKS[word])
                goal.said.append('I hold.' if word is Word.HOLD else 'I stop.')

    # ---- acceptance -----------------------------------------------------------------------------

    def _unfold(self, commands: Sequence[Command]) -> list[Command]:
        """Return the commands with what `continue` stands for."""
        found: list[Command] = []
        for command in commands:
            if command.name != 'continue':
                found.append(command)
            elif self._gate.held:
                raise CannotError('I am on hold; it has to be released first.')
            elif not (left := self._left()):
                raise CannotError('There is nothing to continue.')
            else:
                found += left
        return found

    def _left(self) -> list[Command]:
        """Return what is left of the goal that was held, from where the robot is now."""
        goal = self._held
        if goal is None:
            return []
        rest: Command | None = goal.steps[goal.index].command
        if goal.began and not isinstance(goal.step, Word) and goal.step is not None:
            rest = goal.step.remaining(self._senses)
        left = [planned.command for planned in goal.steps[goal.index + 1 :]]
        return left if rest is None else [rest, *left]

    def _plan(self, goal_id: str, commands: Sequence[Command], now_ns: int) -> _Goal:
        steps = self._planner.plan(commands, self._senses, now_ns)
        channels = _channels(steps)
        refusal = self._gate.why_not(now_ns, channels) if channels else ''
        if refusal:
            raise CannotError(f'I cannot move: {refusal}.')
        lease_id = f'{goal_id}/{self._goals}'
        return _Goal(goal_id, steps, self._gate.epoch, lease_id, now_ns, since_ns=now_ns)


def _channels(steps: Iterable[Planned]) -> list[str]:
    used = (planned.does.channels for planned in steps if not isinstance(planned.does, Word))
    return list(dict.fromkeys(channel for channels in used for channel in channels))
