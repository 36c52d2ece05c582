"""Which Whisper runs where: as planned, or as the user says, and what comes below it."""

from tektra.resources.catalogue import Variant
from tektra.resources.plan import Amount, Wish, make_plan
from tektra.stt.whisper_ways import rungs


def plan(memory=4000, gpu=2000):
    ways = [
        Variant('faster_whisper', 'small', 'cuda', 1000, 1100),
        Variant('faster_whisper', 'tiny', 'cuda', 800, 600),
        Variant('faster_whisper', 'base', 'cpu', 420),
        Variant('faster_whisper', 'small', 'cpu', 870),
        Variant('faster_whisper', 'tiny', 'cpu', 300),
        Variant('pocketsphinx', '', 'cpu', 240),
    ]
    usable = [Wish(v, '' if gpu or v.device == 'cpu' else 'no GPU') for v in ways]
    return make_plan({'stt': usable}, Amount(memory, gpu))


def shown(found):
    return [f'{r.variant.model}@{r.variant.device}{" spare" if r.spare else ""}' for r in found]


def test_without_a_word_of_the_user_all_that_fits_is_tried_as_planned():
    assert shown(rungs(plan(), '', 'auto', True)) == [
        'small@cuda',
        'tiny@cuda',
        'base@cpu',
        'small@cpu',
        'tiny@cpu',
    ]
    assert shown(rungs(plan(500, 700), '', 'auto', True)) == ['base@cpu', 'tiny@cpu']


def test_the_user_s_model_comes_first_and_smaller_ones_below_it():
    assert shown(rungs(plan(), 'small', 'auto', True)) == [
        'small@cuda',
        'small@cpu',
        'tiny@cuda spare',
        'base@cpu spare',
        'tiny@cpu spare',
    ]
    assert shown(rungs(plan(gpu=0), 'base', 'auto', False)) == ['base@cpu', 'tiny@cpu spare']


def test_the_user_s_device_is_kept_but_for_a_lack_of_memory():
    assert shown(rungs(plan(), '', 'cuda', True)) == [
        'small@cuda',
        'tiny@cuda',
        'base@cpu spare',
        'small@cpu spare',
        'tiny@cpu spare',
    ]
    assert shown(rungs(plan(), '', 'cpu', True)) == ['base@cpu', 'small@cpu', 'tiny@cpu']
    assert shown(rungs(plan(), 'base', 'cpu', True)) == ['base@cpu', 'tiny@cpu spare']
    assert shown(rungs(plan(), 'small', 'cuda', True)) == [
        'small@cuda',
        'tiny@cuda spare',
        'small@cpu spare',
        'base@cpu spare',
        'tiny@cpu spare',
    ]


def test_who_wants_whisper_and_nothing_else_gets_the_smallest_whatever_the_budget():
    assert shown(rungs(plan(100, 0), '', 'auto', False)) == ['tiny@cpu']
