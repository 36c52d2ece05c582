"""The small parts of speech to text: ring, stable prefix, cutter, rule of belief."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_maker import white_noise
from tektra.stt.cutter import Cutter
from tektra.stt.judge import Heard, believed, distance, limit
from tektra.stt.ring import AudioRing
from tektra.stt.stable import StablePrefix

# ---- ring


@given(st.lists(st.integers(0, 700), max_size=30), st.integers(0, 10**9))
def test_the_ring_gives_back_what_was_written_by_index(sizes, begin):
    ring, everything = AudioRing(1000), np.empty(0, np.int16)
    ring.restart(begin)
    for size in sizes:
        part = (np.arange(everything.size, everything.size + size) % 30_000).astype(np.int16)
        everything = np.concatenate((everything, part))
        ring.write(part)
    assert ring.head == begin + everything.size
    assert ring.head - ring.oldest == min(1000, everything.size)
    kept = ring.read(ring.oldest, ring.head)
    assert np.array_equal(kept, everything[everything.size - kept.size :])


@pytest.mark.parametrize(('start', 'stop'), [(0, 5), (90, 101), (60, 50)])
def test_the_ring_refuses_what_it_does_not_have(start, stop):
    ring = AudioRing(50)
    ring.write(np.zeros(100, np.int16))
    with pytest.raises(IndexError, match=r'50\.\.100'):
        ring.read(start, stop)


# ---- stable prefix


def test_words_that_three_partials_agree_on_are_stable_but_never_the_last_one():
    prefix = StablePrefix()
    assert prefix.push('go for'.split())[1] == []
    assert prefix.push('go forward ten'.split())[1] == []
    assert prefix.push('go forward ten meters'.split())[1] == ['go']
    assert prefix.push('go forward ten meters'.split())[1] == ['go', 'forward']


def test_a_stable_word_stays_even_if_a_later_partial_has_another():
    prefix = StablePrefix()
    for _ in range(3):
        prefix.push('turn left now'.split())
    words, stable = prefix.push('burn left again please'.split())
    assert stable == ['turn', 'left']
    assert words == ['turn', 'left', 'again', 'please']


@given(st.lists(st.lists(st.sampled_from('abc'), max_size=6), max_size=20))
def test_what_is_shown_always_begins_with_what_was_stable_before(partials):
    prefix, stable = StablePrefix(), []
    for words in partials:
        shown, now = prefix.push(words)
        assert shown[: len(stable)] == stable
        assert now[: len(stable)] == stable
        assert shown[: len(now)] == now
        stable = now


# ---- cutter


def speech(seconds, dips):
    """Return loud noise of ``seconds`` with quiet stretches of 0.25 s at ``dips`` (s)."""
    pcm = white_noise(seconds, -20)
    for at in dips:
        pcm[round(at * 16000) : round((at + 0.25) * 16000)] //= 100
    return pcm


def cut_of(pcm, size, soft=15, hard=20):
    cutter = Cutter(soft * 16000, hard * 16000)
    for at in range(0, pcm.size, size):
        cut = cutter.push(pcm[at : at + size])
        if cut is not None:
            return cut
    return None


@pytest.mark.parametrize('size', [100, 512, 3333, 64_000])
def test_speech_is_cut_in_the_first_quiet_moment_after_the_limit(size):
    dips = [2, 4, 6.5, 9, 11, 13, 16.5, 18]
    cut = cut_of(speech(25, dips), size)
    assert 16.6 * 16000 <= cut.position <= 16.8 * 16000
    assert cut.overlap > 0


def test_speech_without_a_quiet_moment_is_cut_all_the_same():
    steady = np.full(25 * 16000, 5000, np.int16)
    steady[: 14 * 16000] //= 2
    cut = cut_of(steady, 512)
    assert 15 * 16000 <= cut.position <= 20 * 16000 + 512
    assert cut.overlap == 0


def test_speech_shorter_than_the_limit_is_not_cut():
    assert cut_of(speech(14.9, [3, 8]), 512) is None


# ---- judge


def heard(text, phones, frames=100):
    return Heard(text, tuple(phones.split()), frames)


GO_FORWARD = heard('go forward ten meters', 'G OW F AO R W ER D T EH N M IY T ER Z')


def test_a_sentence_whose_sounds_the_dictation_shares_is_believed():
    close = heard('go full with an elite does', 'G OW F UH L W IH DH AE N AH L IY T D AH Z')
    assert believed(GO_FORWARD, close)


def test_a_sentence_whose_sounds_the_dictation_does_not_share_is_not():
    other = heard('the weather is cold', 'DH AH W EH DH ER IH Z K OW L D')
    assert not believed(GO_FORWARD, other)


def test_a_short_sentence_must_be_closer_than_a_long_one():
    assert limit(3) < limit(6) < limit(12)
    assert not believed(heard('stop', 'S T AA P'), heard('salt', 'S AO L T'))


def test_a_sentence_that_covers_only_part_of_the_speech_is_not_believed():
    same = heard('stop', 'S T AA P', frames=30)
    assert believed(same, heard('stop', 'S T AA P', frames=35))
    assert not believed(same, heard('stop', 'S T AA P', frames=80))
    assert not believed(heard('stop', 'S T AA P', frames=90), heard('stop', 'S T AA P', frames=30))


def test_nothing_is_never_believed():
    nothing = Heard('', (), 0)
    assert not believed(nothing, GO_FORWARD)
    assert not believed(GO_FORWARD, nothing)


PHONES = st.lists(st.sampled_from('AA IY P T S M L ER'.split()), max_size=8)


@given(PHONES, PHONES, PHONES)
def test_the_distance_is_a_distance(a, b, c):
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a)
    assert 0 <= distance(a, b) <= 1
    longest = max(len(a), len(b), len(c), 1)
    apart = [distance(x, y) * max(len(x), len(y)) for x, y in ((a, c), (a, b), (b, c))]
    assert apart[0] <= apart[1] + apart[2] + 1e-9 * longest
