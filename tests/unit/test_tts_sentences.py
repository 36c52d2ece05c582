"""Cutting streamed text into pieces to speak."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tektra.tts.sentences import MAX_CHARS, SentenceSplitter, has_speech, speakable


def split(text, sizes=None, language='en-US'):
    splitter = SentenceSplitter(language)
    pieces, at, index = [], 0, 0
    while at < len(text):
        size = sizes[index % len(sizes)] if sizes else len(text)
        pieces += splitter.push(text[at : at + size])
        at, index = at + size, index + 1
    return pieces + splitter.finish()


def texts(text, **more):
    return [piece.text for piece in split(text, **more)]


@pytest.mark.parametrize(
    ('text', 'pieces'),
    [
        ('Hello. How are you? Fine!', ['Hello. ', 'How are you? ', 'Fine!']),
        ('Dr. Smith met Mr. Jones. They spoke.', ['Dr. Smith met Mr. Jones. ', 'They spoke.']),
        ('It is 3.5 metres. Or 4.', ['It is 3.5 metres. ', 'Or 4.']),
        ('Use e.g. a hammer. Done.', ['Use e.g. a hammer. ', 'Done.']),
        ('At 5 p.m. The door opens.', ['At 5 p.m. ', 'The door opens.']),
        ('J. R. Smith is here. Hi.', ['J. R. Smith is here. ', 'Hi.']),
        ('So do I. Then go.', ['So do I. ', 'Then go.']),
        ('Wait... what is it? Oh.', ['Wait... what is it? ', 'Oh.']),
        ('Wait... What is it?', ['Wait... ', 'What is it?']),
        ('"Go!" he said. "Now."', ['"Go!" he said. ', '"Now."']),
        ('He said "Go." She went.', ['He said "Go." ', 'She went.']),
        ('1. First thing\n2. Second thing\n', ['1. First thing\n', '2. Second thing\n']),
        ('你好。今天很好！是吗？', ['你好。', '今天很好！', '是吗？']),
        ('「はい。」と言った。次。', ['「はい。」', 'と言った。', '次。']),
        (
            'Sure, I can do that for you, and then we go on. Yes.',
            ['Sure, I can do that for you, ', 'and then we go on. ', 'Yes.'],
        ),
        ('What?! No way. Ok', ['What?! ', 'No way. ', 'Ok']),
        ('See www.example.org/a.b now. Ok.', ['See www.example.org/a.b now. ', 'Ok.']),
        ('', []),
        ('   ', ['   ']),
        ('Am 3. Mai war es kalt. Ja.', ['Am 3. ', 'Mai war es kalt. ', 'Ja.']),
    ],
)
def test_text_is_cut_where_a_reader_would_pause(text, pieces):
    assert texts(text) == pieces


def test_a_german_ordinal_does_not_end_a_sentence():
    assert texts('Am 3. Mai war es kalt. Ja.', language='de-DE')[0] == 'Am 3. Mai war es kalt. '


def test_the_first_piece_ends_early_and_later_ones_at_sentences_only():
    clause = 'it goes on and on, with many more words, '
    pieces = texts('Well, here is a longer reply, ' + clause * 3 + 'to the end.')
    assert pieces[0] == 'Well, here is a longer reply, '
    assert len(pieces) == 2


def test_a_sentence_without_end_is_cut_at_a_clause_or_a_word():
    pieces = texts('word ' * 200)
    assert all(len(p) <= MAX_CHARS and p.endswith(' ') for p in pieces)
    assert texts('x' * 450) == ['x' * 100, 'x' * 200, 'x' * 150]


def test_a_sentence_is_given_as_soon_as_the_next_one_begins():
    splitter = SentenceSplitter()
    assert splitter.push('It is noon.') == []
    assert splitter.push(' ') == []
    assert [p.text for p in splitter.push('The')] == ['It is noon. ']


ALPHABET = 'abcAB 019.,!?…;:—"\'”)(\n\t。！、「」éß😀*'
TEXT = st.one_of(
    st.text(ALPHABET, max_size=400),
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            [
                'Dr. ',
                'e.g. ',
                'Hello. ',
                'It is 3.5 m. ',
                'Oh... ',
                'Well, ',
                '"No!" ',
                '你好。',
                'a.m. ',
                ' ',
            ]
        ),
        max_size=60,
    ).map(''.join),
)


@given(TEXT, st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_pieces_concatenate_to_the_text_however_it_was_fragmented(text, sizes):
    whole = split(text)
    assert ''.join(p.text for p in whole) == text
    offset = 0
    for piece in whole:
        assert piece.offset == offset
        assert len(piece.text) > 0
        offset += len(piece.text)
    assert split(text, sizes) == whole


@given(st.text())
def test_text_for_the_engine_keeps_every_offset(text):
    spoken = speakable(text)
    assert len(spoken) == len(text)
    assert all(a == b or b == ' ' for a, b in zip(text, spoken, strict=True))


def test_mark_up_and_emoji_are_not_read_out():
    assert speakable('**Hi** 😀\x00 `x`') == '  Hi       x '
    assert not has_speech('* 😀 …\n')
    assert has_speech('5 %')
