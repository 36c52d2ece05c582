"""A robot that gets no time stops itself, as it must; a test then begins anew, not for ever."""

import functools
import re

TRIES = 3
# What estop, gate and robot side say of a partner, or of themselves, that did not get its time.
_WORDS = re.compile(
    'silent for|did not run for|reported nothing for|has not reported for|stood still for'
    '|no heartbeat for|set-points stayed away|the link is too slow|is not measured any more'
)


class Starved(AssertionError):
    """The robot has stopped itself for want of time."""


def lacks_time(said):
    """Return whether somebody says that somebody had no time."""
    return bool(_WORDS.search(said))


def starvation(gate, estop):
    """Return for what lack of time a gate has tripped or an estop is stopped; empty: for none.

    Either may be None. An estop that is CLEAR has no reason.
    """
    said = (gate.trip if gate else '', estop.reason if estop else '')
    return next((words for words in said if lacks_time(words)), '')


def begins_anew(scene):
    """Let a scene begin again, at most ``TRIES`` times in all, when its robot was ``Starved``.

    Its first argument is let go of before: ``let_go()`` ends what the scene has begun.
    """

    @functools.wraps(scene)
    def again(*args, **fixtures):
        robot = args[0] if args else next(iter(fixtures.values()))
        for _ in range(TRIES - 1):
            try:
                return scene(*args, **fixtures)
            except Starved as why:
                print(f'{scene.__name__} begins anew: {why}')
                robot.let_go()
        return scene(*args, **fixtures)

    return again
