"""The conformance suite of drivers: does this robot stop when its driver, or its host, does?

Run against a live robot side, real or simulated. Most checks move the robot a little.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from tektra.robot_gate.conformance_rig import (
    CALL_S,
    CheckFailed,
    Motion,
    Rig,
    World,
    plan_motion,
)
from tektra.robot_gate.drivers.driver import (
    BaseVelocity,
    Category,
    DriverCommand,
    DriverError,
    JointTarget,
    RobotDriver,
)
from tektra.robots.spec import RobotSpec
from tektra.runtime.clock import NS_PER_S

OK, FAILED, NOT_APPLICABLE = 'ok', 'failed', 'not applicable'

SLACK_S = 0.02  # between the declared time-out and what is measured
_SETTLE_S = 0.1  # of the mechanics, beyond the ramp: a commanded stop is not the time-out's
_WATCH_S = 0.4  # how long a robot is watched that must not move
_MOVE_S = 0.5
_NO_SWITCH = 'this driver has no switch for the power: fit a contactor'
_MAY_GO_M = 0.01  # how far standing still may reach: m or rad


@dataclass(frozen=True)
class Outcome:
    """The result of one check, as a sentence, with the number that it rests on."""

    check: str
    verdict: str  # OK, FAILED, NOT_APPLICABLE
    detail: str
    measured: float | None = None
    unit: str = ''


@dataclass(frozen=True)
class _Result:
    detail: str
    measured: float | None = None
    unit: str = ''
    applicable: bool = True


Check = Callable[[Rig], _Result]


def run_suite(robot: RobotSpec, world: World) -> Iterator[Outcome]:
    """Yield the outcome of each check, as it is known; stop and let go of the robot at the end.

    Without a connection or power the checks after that fail untried.
    """
    rig = Rig(robot, world)
    lost = ''
    try:
        for text, needed, check in CHECKS:
            if lost:
                yield Outcome(text, FAILED, f'not tried, since the robot {lost}')
                continue
            outcome = _run(rig, text, check)
            if outcome.verdict == FAILED and needed:
                lost = needed
            yield outcome
    finally:
        rig.make_safe()


def _run(rig: Rig, text: str, check: Check) -> Outcome:
    try:
        found = check(rig)
    except CheckFailed as failure:
        _stop_hard(rig)
        return Outcome(text, FAILED, str(failure), failure.measured, failure.unit)
    except DriverError as error:
        _stop_hard(rig)
        return Outcome(text, FAILED, f'the driver gave up: {error}')
    except Exception as error:  # a driver under test may do anything
        _stop_hard(rig)
        what = f'{type(error).__name__}: {error}'
        return Outcome(text, FAILED, f'the driver raised {what}; only DriverError is allowed')
    verdict = OK if found.applicable else NOT_APPLICABLE
    return Outcome(text, verdict, found.detail, found.measured, found.unit)


def _stop_hard(rig: Rig) -> None:
    """After a failure: power off, so that the next check finds a robot at rest."""
    with suppress(Exception):  # its error is known already, or shows in the next check
        rig.call('stop', lambda now: rig.driver.stop(Category.IMMEDIATE, now))
        rig.until(lambda: rig.last is None or rig.still(), 3.0)


def _connects(rig: Rig) -> _Result:
    took_s = rig.connect('driver-check')
    return _Result(f'connected after {took_s:.3f} s', took_s, 's')


def _declares(rig: Rig) -> _Result:
    timeout_s, budget_s = rig.driver.timeout_s, rig.robot.driver.timeout_budget_s
    if not 0 <= timeout_s <= budget_s:
        said = 'none' if timeout_s < 0 else f'{timeout_s:.3f} s'
        raise CheckFailed(
            f'declares {said}, the budget is {budget_s:.3f} s; the gate would not enable it',
            timeout_s,
            's',
        )
    return _Result(f'declares {timeout_s:.3f} s of at most {budget_s:.3f} s', timeout_s, 's')


def _reports(rig: Rig) -> _Result:
    rig.gaps_s.clear()
    rig.wait(1.0)
    if not rig.gaps_s:
        raise CheckFailed('no new report within 1 s: is seq rising?')
    worst_s = max(rig.gaps_s)
    if worst_s > 0.15:
        raise CheckFailed(f'a report was {worst_s:.3f} s after the one before', worst_s, 's')
    plan_motion(rig.robot, rig.said).speed_of(rig.said)
    return _Result(
        f'every {rig.period_s:.3f} s, {worst_s:.3f} s at the most, with speeds', rig.period_s, 's'
    )


def _refuses_nonsense(rig: Rig) -> _Result:
    tried = 0
    for bad in (math.nan, math.inf, -math.inf):
        for command in _nonsense(rig.robot, bad):
            tried += 1
            try:
                rig.write(command)
            except (DriverError, ValueError):
                continue
            raise CheckFailed(f'write took {command}; it must raise DriverError', tried)
    return _Result(f'refused {tried} of {tried}', tried)


def _nonsense(robot: RobotSpec, bad: float) -> Iterator[DriverCommand]:
    if robot.base:
        yield DriverCommand(base=BaseVelocity(x=bad))
        yield DriverCommand(base=BaseVelocity(yaw=bad))
    for name in list(robot.joints)[:1]:
        yield DriverCommand(joints={name: JointTarget(bad, 0.0)})
        yield DriverCommand(joints={name: JointTarget(0.0, bad)})
    yield DriverCommand(valid_for_s=bad)


def _without_power(rig: Rig) -> _Result:
    far = _watch(rig, plan_motion(rig.robot, rig.said))
    return _Result(f'set-points before enable moved it by {far:.4f} m or rad', far, 'm or rad')


def _enables(rig: Rig) -> _Result:
    took_s = rig.enable()
    far = _watch(rig)
    return _Result(f'enabled after {took_s:.3f} s; it moved by {far:.4f} m or rad', took_s, 's')


def _moves(rig: Rig) -> _Result:
    motion = rig.move(_MOVE_S)
    speed = motion.speed_of(rig.said)
    rig.until(rig.still, motion.ramp_s + _SETTLE_S + rig.period_s, motion.rest(rig.said))
    if not rig.still():
        raise CheckFailed('set-points of zero do not stop it')
    return _Result(
        f'asked for {motion.speed:.3f} of {motion.channel}, it moved with {speed:.3f}',
        speed,
        '1/s',
    )


def _falls_silent(rig: Rig) -> _Result:
    motion = rig.move(_MOVE_S)
    timeout_s = rig.driver.timeout_s
    limit_s = timeout_s + motion.ramp_s + SLACK_S + rig.period_s
    took_s = rig.settle('after the last set-point', rig.wrote_ns, limit_s)
    return _Result(
        f'stood {took_s:.3f} s after the last set-point; declared {timeout_s:.3f} s + ramp '
        f'{motion.ramp_s:.3f} s + {SLACK_S:g} s + a report each {rig.period_s:.3f} s',
        took_s,
        's',
    )


def _stops_by(category: Category) -> Check:
    def check(rig: Rig) -> _Result:
        motion = rig.move(_MOVE_S)
        begun = rig.world.now_ns()
        rig.call('stop', lambda now: rig.driver.stop(category, now))
        if category is Category.IMMEDIATE and _switches_power(rig):
            limit_s = _SETTLE_S + rig.period_s
            if rig.until(lambda: not rig.said.enabled, limit_s) is None:
                raise CheckFailed(f'power is not off {limit_s:.3f} s after the stop', limit_s, 's')
        took_s = rig.settle(
            'after the stop', begun, _stop_limit_s(rig, motion, category) + rig.period_s
        )
        detail = f'stood {took_s:.3f} s after it'
        if category is Category.HOLDING:
            if not rig.said.enabled:
                raise CheckFailed(f'{detail}, but power is off; category 2 keeps it')
            return _Result(f'{detail}, power kept', took_s, 's')
        if rig.until(lambda: not rig.said.enabled, rig.robot.stop.max_ramp_s + 0.5) is None:
            raise CheckFailed(f'{detail}, but the power is still on')
        _watch(rig, plan_motion(rig.robot, rig.said))
        if not _switches_power(rig):
            return _Result(f'{detail}, but {_NO_SWITCH}', took_s, 's', applicable=False)
        return _Result(f'{detail}, power off, set-points move nothing', took_s, 's')

    return check


def _stop_limit_s(rig: Rig, motion: Motion, category: Category) -> float:
    """Return how long standstill may take: without power a base only coasts."""
    if category is Category.IMMEDIATE:
        return rig.robot.stop.max_ramp_s
    return motion.ramp_s + _SETTLE_S


def _switches_power(rig: Rig) -> bool:
    return bool(getattr(rig.driver, 'power_control', True))


def _disables(rig: Rig) -> _Result:
    if not rig.said.enabled:
        rig.enable()
    rig.call('disable', rig.driver.disable)
    took_s = rig.until(lambda: not rig.said.enabled, 1.0)
    if took_s is None:
        raise CheckFailed('still enabled 1 s after disable')
    far = _watch(rig, plan_motion(rig.robot, rig.said))
    detail = f'disabled after {took_s:.3f} s; set-points then moved it by {far:.4f} m or rad'
    if not _switches_power(rig):
        return _Result(f'{detail}, but {_NO_SWITCH}', took_s, 's', applicable=False)
    return _Result(detail, took_s, 's')


def _refuses_a_second(rig: Rig) -> _Result:
    rig.enable()
    second = rig.world.open('driver-check-second')
    try:
        refusal = _try_to_take_over(rig, second)
    finally:
        rig.world.release(second)
    rig.wait(_WATCH_S)
    if not (rig.driver.connected and rig.said.enabled):
        raise CheckFailed('the second controller was refused, but the first one lost the robot')
    return _Result(f'refused it: {refusal}')


def _try_to_take_over(rig: Rig, second: RobotDriver) -> str:
    """Return why the second driver cannot drive; CheckFailed if it can."""
    now_ns = rig.world.now_ns
    try:
        second.connect(now_ns())
        begun = now_ns()
        while now_ns() - begun < 2 * NS_PER_S and not second.connected:
            second.read(now_ns())
            rig.tick()
        if not second.connected:
            holder = second.rival()
            return f'{holder} has the robot' if holder else 'it was never connected'
        second.read(now_ns())
        second.enable(now_ns())
    except DriverError as error:
        return str(error)
    raise CheckFailed('a second controller connected and was allowed to enable')


def _reconnects(rig: Rig) -> _Result:
    rig.move(_MOVE_S)
    begun = rig.world.now_ns()
    rig.close()
    took_s = rig.connect('driver-check-again')
    rig.settle('after the driver was closed', begun, took_s + rig.robot.stop.max_ramp_s)
    if rig.said.enabled:
        raise CheckFailed('enabled after a new connection; it must wait for enable')
    far = _watch(rig)
    rig.enable()
    far = max(far, _watch(rig))
    return _Result(
        f'connected again after {took_s:.3f} s; it moved by {far:.4f} m or rad before any '
        'set-point',
        far,
        'm or rad',
    )


def _survives_kill(rig: Rig) -> _Result:
    timeout_s, period_s = rig.driver.timeout_s, rig.period_s
    rig.call('disable', rig.driver.disable)
    rig.wait(0.1)
    rig.close()
    report, killed_ns = rig.world.kill_a_commander()
    rig.connect('driver-check-after', 10.0)
    motion = plan_motion(rig.robot, rig.said)
    if rig.until(rig.still, 3.0) is None:
        raise CheckFailed('still moving 3 s after its host was killed')
    rig.wait(2 * period_s)
    far = math.dist(motion.place_of(rig.said), report.place)
    if not math.isfinite(far):
        raise CheckFailed('the robot does not say where it is, so how long it moved is unknown')
    # The way that it went tells when it began to brake: it was not watched in between.
    speed = max(abs(report.speed), 1e-6)
    before_s = (killed_ns - report.received_ns) / NS_PER_S
    took_s = max(0.0, (far - speed**2 / (2 * motion.deceleration)) / speed - before_s)
    limit_s = timeout_s + SLACK_S + period_s
    detail = (
        f'went {far:.4f} m or rad with {speed:.3f}, so it braked {took_s:.3f} s after the kill; '
        f'declared {timeout_s:.3f} s + {SLACK_S:g} s + a report each {period_s:.3f} s'
    )
    if took_s > limit_s:
        raise CheckFailed(detail, took_s, 's')
    return _Result(detail, took_s, 's')


def _never_blocks(rig: Rig) -> _Result:
    # A call now and then is held up by the machine; what blocks does so again and again.
    for name, took in rig.slow.items():
        often = len(took) > 1 and len(took) > rig.calls[name] / 100
        if often or max(took) > 20 * CALL_S:
            worst_ms = max(took) * 1000
            raise CheckFailed(
                f'{len(took)} of {rig.calls[name]} calls of {name} waited longer than '
                f'{CALL_S * 1000:g} ms, {worst_ms:.1f} ms at the most',
                worst_ms,
                'ms',
            )
    name, worst_s = rig.worst
    return _Result(
        f'the worst of {rig.calls.total()} is {name} with {worst_s * 1000:.2f} ms',
        worst_s * 1000,
        'ms',
    )


def _watch(rig: Rig, motion: Motion | None = None) -> float:
    """Return how far the robot goes while it must not; ``motion``: set-points to tempt it."""
    axis = motion or plan_motion(rig.robot, rig.said)
    start, begun, far = axis.place_of(rig.said), rig.world.now_ns(), 0.0
    while (gone_s := (rig.world.now_ns() - begun) / NS_PER_S) < _WATCH_S:
        if motion is None:
            rig.tick()
        else:
            _tempt(rig, motion.command(gone_s))
        if not rig.still():
            raise CheckFailed('it moves, though it was not allowed to')
        if math.isfinite(start[0]):
            far = max(far, math.dist(start, axis.place_of(rig.said)))
    if far > _MAY_GO_M:
        raise CheckFailed(f'it moved by {far:.4f} m or rad, though it was not allowed to', far)
    return far


def _tempt(rig: Rig, command: DriverCommand) -> None:
    """Write a set-point that must not move anything; a driver may refuse it."""
    try:
        rig.tick(command)
    except DriverError:
        rig.tick()


# text, what a failure means for the checks after it (empty: nothing), check
CHECKS: tuple[tuple[str, str, Check], ...] = (
    ('connects within 5 s', 'is not connected', _connects),
    ('declares a time-out within the budget', 'may not be moved', _declares),
    ('reports its speed at least every 150 ms', 'cannot be watched', _reports),
    ('refuses what is not finite', '', _refuses_nonsense),
    ('does not move before it is enabled', 'moves without power', _without_power),
    ('enables at standstill without moving', 'is not enabled', _enables),
    ('a small set-point moves it, zero stops it', 'does not follow', _moves),
    ('stops when set-points no longer come', '', _falls_silent),
    ('stop category 2: stops, keeps power', '', _stops_by(Category.HOLDING)),
    ('stop category 1: stops, then power off', '', _stops_by(Category.CONTROLLED)),
    ('stop category 0: power off at once', '', _stops_by(Category.IMMEDIATE)),
    ('disable takes power', '', _disables),
    ('refuses a second controller', '', _refuses_a_second),
    ('a new connection does not move it', '', _reconnects),
    ('stops when its host is killed (kill -9)', '', _survives_kill),
    ('no call blocks for 5 ms', '', _never_blocks),
)
