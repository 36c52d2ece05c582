"""Parameters: declared once, validated, misspelt ones refused."""

from dataclasses import dataclass

import pytest

from tektra.runtime.params import ParameterError, build, param, specs


@dataclass(frozen=True)
class Example:
    threshold: float = param(0.5, 'speech above this', low=0.0, high=1.0)
    depth: int = param(4, 'queue length', unit='chunks', low=1)
    mode: str = param('auto', 'what to do', choices=('auto', 'manual'))
    names: tuple[str, ...] = param((), 'engines in order')
    loud: bool = param(False, 'say more')


def test_missing_values_take_their_defaults():
    assert build(Example, {}, 'vad') == Example()


def test_a_whole_number_is_fine_where_a_number_is_wanted():
    assert build(Example, {'threshold': 1}, 'vad').threshold == 1.0


def test_an_rcl_list_becomes_a_tuple_and_its_empty_placeholder_vanishes():
    assert build(Example, {'names': ['a', 'b']}, 'vad').names == ('a', 'b')
    assert build(Example, {'names': ['']}, 'vad').names == ()


@pytest.mark.parametrize(
    ('values', 'said'),
    [
        ({'treshold': 0.1}, "vad: unknown parameter 'treshold'; did you mean 'threshold'?"),
        ({'zzz': 1}, "vad: unknown parameter 'zzz'; known: threshold, depth, mode, names, loud"),
        ({'threshold': 1.5}, 'vad: threshold = 1.5 is outside 0..1'),
        ({'threshold': float('nan')}, 'vad: threshold = nan is outside 0..1'),
        ({'depth': 0}, 'vad: depth = 0 is outside 1..inf chunks'),
        ({'depth': 1.5}, 'vad: depth = 1.5 must be a whole number'),
        ({'depth': True}, 'vad: depth = True must be a whole number'),
        ({'threshold': '0.5'}, "vad: threshold = '0.5' must be a number"),
        ({'loud': 1}, 'vad: loud = 1 must be true or false'),
        ({'mode': 'off'}, "vad: mode = 'off' is not one of auto, manual"),
        ({'names': 'a'}, "vad: names = 'a' must be a list of strings"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(values, said):
    with pytest.raises(ParameterError) as caught:
        build(Example, values, 'vad')
    assert str(caught.value) == said


def test_built_in_parameters_of_ros_are_let_through():
    assert build(Example, {'use_sim_time': True}, 'vad') == Example()


def test_a_description_carries_unit_limits_and_choices():
    described = {name: spec.describe() for name, (_, spec) in specs(Example).items()}
    assert described['depth'] == 'queue length [chunks]; at least 1'
    assert '; 0 to 1' in described['threshold']
    assert described['mode'] == 'what to do; one of: auto, manual'
