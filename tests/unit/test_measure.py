"""Benchmark records: ratio and verdict follow from the figures."""

import pytest

from tektra.runtime.measure import Record, percentile


def test_a_record_over_its_budget_is_not_ok():
    assert Record('x', 7.0, 's', reference=6.0, budget=6.0).ok is False
    assert Record('x', 6.0, 's', reference=3.0, budget=6.0).as_dict()['ratio'] == 2.0


def test_without_a_budget_there_is_no_verdict():
    assert Record('x', 7.0, 's').ok is None


@pytest.mark.parametrize(('fraction', 'value'), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_percentiles_are_nearest_rank(fraction, value):
    assert percentile(list(range(1, 101)), fraction) == value


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match='no values'):
        percentile([], 0.5)
