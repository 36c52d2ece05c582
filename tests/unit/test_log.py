"""Log records: text or JSON, with ids, without what was said."""

import json

import pytest
from tektra_msgs.msg import AudioChunk, TextInput, Transcript, TurnState, VoiceActivity

from tektra.runtime.log import HIDDEN, LogError, LogOptions, NodeLog, noting, prepare


class Lines:
    """A logger that keeps (level, line)."""

    def __init__(self):
        self.kept = []

    def debug(self, message):
        self.kept.append(('debug', message))

    def info(self, message):
        self.kept.append(('info', message))

    def warning(self, message):
        self.kept.append(('warn', message))

    def error(self, message):
        self.kept.append(('error', message))


def make(*, as_json=True, speech=False):
    lines = Lines()
    log = NodeLog(lines, '/site/tts', 'instance-1', LogOptions(as_json, speech), lambda: 1.5)
    return log, lines.kept


def test_a_json_record_says_when_how_bad_who_and_what():
    log, kept = make()
    log.warning('no voice "amy"\nsecond line')
    [(level, line)] = kept
    assert level == 'warn'
    assert '\n' not in line
    assert json.loads(line) == {
        'time': '1970-01-01T00:00:01.500Z',
        'level': 'warn',
        'node': '/site/tts',
        'instance': 'instance-1',
        'message': 'no voice "amy"\nsecond line',
    }


@pytest.mark.parametrize('level', ['debug', 'info', 'warning', 'error'])
def test_every_level_reaches_the_logger_at_that_level(level):
    log, kept = make()
    getattr(log, level)('x')
    assert kept[0][0] == {'warning': 'warn'}.get(level, level)
    assert json.loads(kept[0][1])['level'] == kept[0][0]


def test_text_records_are_the_message_alone():
    log, kept = make(as_json=False)
    log.context('s', 3, 'u')
    log.info('listening')
    assert kept == [('info', 'listening')]


def test_ids_stay_until_there_are_newer_ones_and_a_new_session_forgets_the_old_turn():
    log, kept = make()
    log.context(session_id='s1', turn_seq=1)
    log.context(utterance_id='u1')
    log.context()
    log.info('a')
    log.context(session_id='s2')
    log.info('b')
    first, second = (json.loads(line) for _, line in kept)
    assert (first['session_id'], first['turn_seq'], first['utterance_id']) == ('s1', 1, 'u1')
    assert second['session_id'] == 's2'
    assert 'turn_seq' not in second
    assert 'utterance_id' not in second


def test_received_messages_name_session_turn_and_utterance():
    log, kept = make()
    seen = []
    noting(TurnState, log, seen.append)(TurnState(session_id='s', turn_seq=7))
    noting(VoiceActivity, log, seen.append)(VoiceActivity(utterance_id='u'))
    noting(AudioChunk, log, seen.append)(AudioChunk())
    log.info('x')
    record = json.loads(kept[0][1])
    assert (record['session_id'], record['turn_seq'], record['utterance_id']) == ('s', 7, 'u')
    assert len(seen) == 3


@pytest.mark.parametrize('message', [TextInput, Transcript, TurnState])
def test_what_was_said_is_hidden_in_whatever_form_an_error_quotes_it(message):
    log, kept = make(as_json=False)
    noting(message, log, lambda _: None)(message(text='Open the Garage'))
    log.error("cannot digest 'open the  garage', nor open the\ngarages")
    assert kept == [('error', f"cannot digest '{HIDDEN}', nor open the\ngarages")]
    assert log.safe('OPEN THE GARAGE!') == f'{HIDDEN}!'


def test_hiding_keeps_short_single_words_of_other_lines_readable():
    log, _ = make()
    for text in ('no', 'yes', 'a'):
        log.hide(text)
    assert log.safe('no such device: yes, a') == 'no such device: yes, a'


def test_the_longer_text_is_hidden_before_the_one_that_it_contains():
    log, _ = make()
    log.hide('open the')
    log.hide('open the garage')
    assert log.safe('open the garage') == HIDDEN


def test_only_the_last_texts_are_kept():
    log, _ = make()
    for number in range(200):
        log.hide(f'line number {number}')
    assert log.safe('line number 0') == 'line number 0'
    assert log.safe('line number 199') == HIDDEN


def test_speech_is_logged_only_by_those_who_opted_in():
    log, kept = make()
    log.speech('heard: good morning')
    assert kept == []
    log, kept = make(speech=True)
    log.hide('good morning')
    log.speech('heard: good morning')
    assert json.loads(kept[0][1])['message'] == 'heard: good morning'


def test_settings_come_from_the_environment_and_wrong_ones_are_named():
    assert LogOptions.read({}) == LogOptions(False, False)
    assert LogOptions.read({'TEKTRA_LOG_FORMAT': 'json', 'TEKTRA_LOG_SPEECH': '1'}) == LogOptions(
        True, True
    )
    with pytest.raises(LogError, match="TEKTRA_LOG_FORMAT='xml' is not one of text, json"):
        LogOptions.read({'TEKTRA_LOG_FORMAT': 'xml'})
    with pytest.raises(LogError, match="TEKTRA_LOG_SPEECH='yes' is not one of 0, 1"):
        LogOptions.read({'TEKTRA_LOG_SPEECH': 'yes'})


def test_in_json_the_console_line_is_the_record_alone():
    environment = {'TEKTRA_LOG_FORMAT': 'json', 'RCUTILS_COLORIZED_OUTPUT': '1'}
    prepare(environment)
    assert environment['RCUTILS_CONSOLE_OUTPUT_FORMAT'] == '{message}'
    assert environment['RCUTILS_COLORIZED_OUTPUT'] == '0'
    text = {}
    prepare(text)
    assert text == {}
