"""What is a command to stop and what only sounds like one."""

import pytest
from stop_word_room import word_list

from tektra.robots.records import RecordError
from tektra.robots.registry import site
from tektra.stop_word.words import Kind, WordList, read_words, words_file

TOMMY = """
name: tommy
spoken_names: [tommy]
driver: {type: sim}
owners: [{source: joystick, priority: 200, input: cmd_vel}]
base:
  linear: {velocity: 0.6, acceleration: 0.8, jerk: 8.0, deceleration: 1.5}
  angular: {velocity: 1.5, acceleration: 3.0, jerk: 30.0, deceleration: 6.0}
"""


@pytest.fixture
def two_robots(tmp_path, monkeypatch):
    folder = tmp_path / 'config' / 'robots'
    folder.mkdir(parents=True)
    (folder / 'tommy.yaml').write_text(TOMMY)
    (folder / 'tommy.yaml').chmod(0o644)
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path))
    return WordList(read_words(words_file(), 'en'), site(('tek', 'tommy')))


@pytest.mark.parametrize(
    ('text', 'kind'),
    [
        ('stop', Kind.HOLD),
        ('Stop!', Kind.HOLD),
        ('please stop now', Kind.HOLD),
        ('no, no, stop', Kind.HOLD),
        ('halt', Kind.HOLD),
        ('emergency stop', Kind.STOP),
        ('stop talking', Kind.NEITHER),
        ('please stop it with the music', Kind.NEITHER),
        ('where is the bus stop', Kind.NEITHER),
        ("don't stop", Kind.NEITHER),
        ('stop talking and stop', Kind.NEITHER),  # 'and' leads no command
        ('stop talking stop', Kind.HOLD),
        ('the shop is on top', Kind.NOTHING),
        ('i have never seen them stop at a shop', Kind.NOTHING),
        ('', Kind.NOTHING),
    ],
)
def test_a_final_text_is_a_command_or_it_is_not(text, kind):
    verdict = word_list().judge(text, final=True)
    assert verdict.kind is kind


def test_a_partial_that_may_become_stop_talking_is_not_decided_yet():
    words = word_list()
    assert words.judge('stop', final=False).kind is Kind.UNDECIDED
    assert words.judge('stop talking', final=False).kind is Kind.NEITHER
    assert words.judge('stop right', final=False).kind is Kind.HOLD
    assert words.judge('emergency stop', final=False).kind is Kind.STOP


@pytest.mark.parametrize(
    ('language', 'hold', 'stop', 'neither'),
    [
        ('en-GB', 'stop', 'emergency stop', 'bus stop'),
        ('de', 'stopp', 'notstopp', 'halt den mund'),
        ('es', 'alto', 'parada de emergencia', 'para de hablar'),
    ],
)
def test_each_language_has_its_own_words(language, hold, stop, neither):
    words = word_list(language)
    assert words.judge(hold, final=True).kind is Kind.HOLD
    assert words.judge(stop, final=True).kind is Kind.STOP
    assert words.judge(neither, final=True).kind is Kind.NEITHER
    assert words.kind_of_hit(hold) is Kind.HOLD


def test_a_language_without_a_list_is_refused_with_those_there_are():
    with pytest.raises(RecordError, match=r"no language 'fi'; there are: en, de, es"):
        read_words(words_file(), 'fi')


def test_a_bare_stop_is_for_all_and_a_named_one_for_one(two_robots):
    assert two_robots.judge('stop', final=True).robots == ()
    assert two_robots.judge('tek stop', final=True).robots == ('tek',)
    assert two_robots.judge('stop tommy', final=True).robots == ('tommy',)


def test_names_are_not_spotted_since_a_bare_stop_would_be_taken_for_a_named_one(two_robots):
    assert [t.phrase for t in two_robots.targets()] == ['stop', 'emergency stop']


def test_a_list_without_hold_words_is_refused(tmp_path):
    path = tmp_path / 'stop_words.yaml'
    path.write_text('languages: {en: {hold: [], stop: []}}')
    with pytest.raises(RecordError, match='nothing that is said would hold the robot'):
        read_words(path, 'en')
