"""How much of a reply was heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tektra_msgs.msg import VisemeTrack

from tektra.dialogue.heard import heard_text


def speak(text, *, samples_a_word=1000, with_words=True):
    """Return one track a sentence, words of equal length."""
    tracks, at, offset = [], 0, 0
    pieces = [p for p in text.replace('. ', '.|').split('|') if p]
    for seq, piece in enumerate(pieces):
        start = text.index(piece, offset)
        track = VisemeTrack(seq=seq, start_sample=at, text=piece, text_offset=start)
        position = start
        for word in piece.replace('.', ' ').replace(',', ' ').split():
            position = text.index(word, position)
            track.words.append(word)
            track.word_start_sample.append(at)
            at += samples_a_word
            track.word_end_sample.append(at)
            track.word_text_offset.append(position)
            track.word_text_length.append(len(word))
            position += len(word)
        if not with_words:
            for name in ('words', 'word_start_sample', 'word_end_sample', 'word_text_offset',
                         'word_text_length'):  # fmt: skip
                setattr(track, name, [])
        track.end_sample = at = at + samples_a_word // 2  # silence behind the sentence
        track.last = seq == len(pieces) - 1
        tracks.append(track)
        offset = start + len(piece)
    return tracks, at


TEXT = 'Hello, Anna. It is two. Bye.'


@pytest.mark.parametrize(
    ('played', 'heard'),
    [
        (0, ''),
        (999, ''),
        (1000, 'Hello'),
        (2000, 'Hello, Anna'),
        (2499, 'Hello, Anna'),
        (2500, 'Hello, Anna.'),
        (3499, 'Hello, Anna.'),
        (3500, 'Hello, Anna. It'),
        (4999, 'Hello, Anna. It is'),
        (10**9, TEXT),
    ],
)
def test_the_text_ends_with_the_last_word_whose_end_was_played(played, heard):
    assert heard_text(speak(TEXT)[0], played, TEXT) == heard


def test_without_word_times_a_sentence_counts_when_all_of_it_was_played():
    tracks, _ = speak(TEXT, with_words=False)
    assert heard_text(tracks, 2499, TEXT) == ''
    assert heard_text(tracks, 2500, TEXT) == 'Hello, Anna.'


def test_nothing_is_known_without_tracks():
    assert heard_text([], 10**6, TEXT) == ''


def test_order_and_repetition_of_tracks_do_not_matter():
    tracks, _ = speak(TEXT)
    assert heard_text([*reversed(tracks), tracks[0]], 3500, TEXT) == 'Hello, Anna. It'


WORD = st.text(alphabet='abcdefg\u00e4\u00f1', min_size=1, max_size=6)
SENTENCES = st.lists(st.lists(WORD, min_size=1, max_size=5), min_size=1, max_size=4)


@given(SENTENCES, st.integers(0, 40_000), st.integers(0, 40_000))
def test_what_was_heard_is_a_growing_beginning_of_the_reply_that_ends_with_a_word(rows, a, b):
    text = ' '.join(' '.join(row) + '.' for row in rows)
    tracks, end = speak(text)
    first, second = sorted((a, b))
    early, late = heard_text(tracks, first, text), heard_text(tracks, second, text)
    assert text.startswith(early)
    assert late.startswith(early)
    assert early in ('', text) or text[len(early)] in ' .'
    assert heard_text(tracks, 0, text) == ''
    assert heard_text(tracks, end, text) == text
