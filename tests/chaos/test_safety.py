"""Every class of faults, once: the robot stops in time, and never moves when it must not.

`tektra bench chaos` runs the same table many times; docs/safety_chaos.md has the outcomes.
"""

import pytest
from safety_faults import all_faults
from safety_rig import Rigs

from starvation import TRIES


@pytest.fixture(scope='module')
def rigs():
    made = Rigs()
    yield made
    made.drop()


@pytest.mark.slow
@pytest.mark.safety
@pytest.mark.parametrize('row', all_faults(), ids=lambda row: row.name)
def test_no_fault_moves_a_robot_that_must_not_move(rigs, row):
    for _ in range(TRIES):
        try:
            outcome = row.run(rigs.get(row.kind))
        except BaseException:
            rigs.drop()
            raise
        if row.spoils or outcome.early:
            rigs.drop()
        if not outcome.early:
            return
    pytest.fail(f'{TRIES} robots in turn stopped themselves before the fault was there')
