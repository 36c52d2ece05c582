"""The small recogniser and the parser: what one hears, the other has an answer to."""

import random

import pytest
from commands_support import moves, understood, vocabulary
from jsgf_sampler import grammar

from tektra.commands.results import NoCommand, Plan

# What this recogniser does not hear: coordinates have no end, and typed or better heard text
# reaches the parser all the same.
NOT_HEARD = {'go_to'}


@pytest.fixture(scope='module')
def commands():
    return grammar().sentences('command', random.Random(3), 20_000)


def test_every_command_that_can_be_heard_is_done_or_answered(commands):
    assert len(commands) > 300
    assert [said for said in commands if isinstance(understood(said), NoCommand)] == []
    polite = [f'{said} please' for said in commands]
    assert [said for said in polite if isinstance(understood(said), NoCommand)] == []


def test_most_of_what_can_be_heard_is_done(commands):
    plans = [said for said in commands if isinstance(understood(said), Plan)]
    assert len(plans) > 0.7 * len(commands)


def test_every_command_of_the_vocabulary_can_be_heard(commands):
    heard = {
        step.name
        for said in commands | grammar().sentences('status', random.Random(5), 100)
        if isinstance(parsed := understood(said), Plan)
        for step in parsed.steps
    }
    assert set(vocabulary().commands) - heard == NOT_HEARD


def test_no_phrase_of_the_conversation_moves_anything():
    phrases = grammar().sentences('phrase', random.Random(4), 6000)
    assert len(phrases) > 200
    assert [said for said in phrases if moves(understood(said))] == []
    names = {
        step.name
        for said in phrases
        if isinstance(parsed := understood(said), Plan)
        for step in parsed.steps
    }
    assert names == {'status', 'battery'}
