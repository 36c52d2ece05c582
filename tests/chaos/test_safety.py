"""Every class of faults, once: the robot stops in time, and never moves when it must not.

`tektra bench chaos` runs the same table many times; docs/safety_chaos.md has the outcomes.
"""

import pytest
import safety_inputs
from safety_faults import FAULTS
from safety_rig import Rigs


def ordered():
    """Return the names so that one rig serves as many classes as it can."""
    assert safety_inputs.__name__  # its classes are in the same table
    return sorted(FAULTS, key=lambda name: (FAULTS[name].kind, FAULTS[name].spoils))


@pytest.fixture(scope='module')
def rigs():
    made = Rigs()
    yield made
    made.drop()


@pytest.mark.slow
@pytest.mark.safety
@pytest.mark.parametrize('name', ordered())
def test_no_fault_moves_a_robot_that_must_not_move(rigs, name):
    row = FAULTS[name]
    try:
        row.run(rigs.get(row.kind))
    except BaseException:
        rigs.drop()
        raise
    if row.spoils:
        rigs.drop()
