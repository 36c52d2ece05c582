"""Where the time from the end of speech to the first sample went: hand-made timelines, in ms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tektra.conversation.latency import Timeline, stages


def spent(*, end=0, commit, played, wait=0.0, stt=0, dialogue=0, fragment=None, speech=None):
    """Stages of a timeline given in ms after the end of speech."""

    def ns(ms):
        return None if ms is None else 10**12 + round(ms * 1e6)

    found = stages(
        Timeline(
            commit_ns=ns(commit),
            first_played_ns=ns(played),
            end_of_speech_ns=ns(end),
            wait_s=wait / 1e3,
            stt_s=stt / 1e3,
            dialogue_s=dialogue / 1e3,
            first_fragment_ns=ns(fragment),
            first_speech_ns=ns(speech),
        )
    )
    return found.milliseconds()


def test_without_speculation_everything_after_the_commit_is_waited_for():
    assert spent(
        commit=290, wait=256, stt=28, dialogue=1, fragment=293, speech=302, played=340
    ) == {'endpoint': 256, 'stt': 28, 'dialogue': 1, 'tts': 9, 'graph': 46, 'total': 340}


def test_what_speculation_has_hidden_behind_the_endpoint_costs_nothing():
    assert spent(
        commit=280, wait=250, stt=28, dialogue=5, fragment=236, speech=246, played=295
    ) == {'endpoint': 250, 'stt': 28, 'dialogue': 0, 'tts': 0, 'graph': 17, 'total': 295}


def test_a_stage_that_is_half_hidden_counts_for_the_half_that_is_not():
    found = spent(commit=300, wait=272, stt=28, dialogue=50, fragment=320, speech=340, played=350)
    assert (found['dialogue'], found['tts']) == (20, 20)  # 270..320, 320..340
    assert found['graph'] == 10
    found = spent(commit=300, wait=272, stt=28, dialogue=50, fragment=280, speech=340, played=350)
    assert (found['dialogue'], found['tts'], found['graph']) == (0, 40, 10)


def test_where_policy_does_not_say_how_long_it_waited_it_gets_the_time_until_the_commit():
    found = spent(commit=700, stt=40, played=750)
    assert (found['endpoint'], found['stt'], found['graph']) == (660, 40, 50)


def test_policy_and_stt_never_count_for_more_than_there_was():
    found = spent(commit=100, wait=500, stt=300, played=150)
    assert (found['stt'], found['endpoint'], found['graph']) == (100, 0, 50)
    found = spent(commit=100, wait=500, stt=30, played=150)
    assert (found['stt'], found['endpoint']) == (30, 70)


def test_a_typed_line_starts_at_its_commit():
    assert spent(end=None, commit=50, dialogue=2, fragment=53, speech=60, played=75) == {
        'endpoint': 0,
        'stt': 0,
        'dialogue': 2,
        'tts': 7,
        'graph': 16,
        'total': 25,
    }


def test_an_end_of_speech_after_the_commit_is_not_believed():
    assert spent(end=120, commit=100, played=150)['total'] == 50


def test_clocks_that_disagree_are_reported_as_they_are():
    found = spent(commit=10, stt=5, played=-30)
    assert (found['total'], found['graph']) == (-30, -30)
    assert found['endpoint'] == found['stt'] == found['dialogue'] == found['tts'] == 0


def test_the_line_for_people_rounds_to_milliseconds():
    found = stages(Timeline(290_400_000, 340_400_000, 400_000, 0.256, 0.028))
    assert found.line() == '340 ms: endpoint 256, stt 28, dialogue 0, tts 0, graph 56'


moments = st.integers(0, 3000)


@given(moments, moments, moments, moments, moments, moments, moments)
def test_stages_are_never_negative_and_add_up(
    commit, played, wait, stt, dialogue, fragment, speech
):
    found = spent(
        commit=commit,
        played=commit + played,
        wait=wait,
        stt=stt,
        dialogue=dialogue,
        fragment=fragment,
        speech=speech,
    )
    total = found.pop('total')
    assert all(value >= 0 for value in found.values())
    assert sum(found.values()) == pytest.approx(total)
