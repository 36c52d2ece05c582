"""Scenes: scripts, cues, rendering."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tektra_msgs.msg import PlaybackClock, TurnState

from tektra.audio_capture.backends.scene import (
    Renderer,
    SceneSource,
    cache_folder,
    load_script,
    scene_folders,
)
from tektra.audio_capture.scene import (
    INTERRUPT,
    PAUSE,
    Line,
    SceneDirector,
    SceneError,
    Script,
    script_of_text,
    script_of_yaml,
)
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.clock import ManualClock

SCENES = Path(__file__).parents[2] / 'config' / 'scenes'
SPEAKING, EAGER = TurnState.PHASE_USER_SPEAKING, TurnState.PHASE_EAGER_END
COMMITTED, REPLIED = TurnState.PHASE_COMMITTED, TurnState.PHASE_REPLIED
CANCELLED, LISTENING = TurnState.PHASE_CANCELLED, TurnState.PHASE_LISTENING
INTERRUPTED = TurnState.PHASE_INTERRUPTED


class Stage:
    """A director on a manual clock; lines take a second to speak."""

    def __init__(self, *lines, **more):
        self.clock = ManualClock()
        self.director = SceneDirector(Script(tuple(lines), **more), 0)

    def wait(self, limit=200.0):
        """Let time pass in steps of 10 ms until a line begins; return (how long, line)."""
        for step in range(round(limit * 100)):
            line = self.director.begin(self.clock.now_ns())
            if line is not None:
                return round(step / 100, 2), line
            self.clock.advance(0.01)
        return None

    def speak(self, *phases, turn=1):
        """A line is spoken and turn_taking follows it."""
        for phase in phases:
            self.director.on_turn(phase, turn)
        self.clock.advance(1.0)
        self.director.end(self.clock.now_ns())

    def turn(self, *phases, turn=1):
        for phase in phases:
            self.director.on_turn(phase, turn)


def test_the_first_line_begins_after_its_own_pause():
    stage = Stage(Line('one', after_s=0.5))
    assert stage.wait() == (0.5, Line('one', after_s=0.5))
    assert stage.director.done


def test_the_next_line_waits_for_the_reply_and_a_gap():
    stage = Stage(Line('one'), Line('two', after_s=0.7))
    stage.wait()
    stage.speak(SPEAKING, EAGER)
    assert stage.wait(5.0) is None
    stage.turn(COMMITTED)
    assert stage.wait(5.0) is None
    stage.turn(REPLIED)
    assert stage.wait()[0] == 0.7


@pytest.mark.parametrize('end', [(CANCELLED,), (COMMITTED, LISTENING)])
def test_a_turn_that_comes_to_nothing_lets_the_next_line_begin(end):
    stage = Stage(Line('one'), Line('two', after_s=0.7))
    stage.wait()
    stage.speak(SPEAKING)
    stage.turn(*end)
    assert stage.wait()[0] == 0.7


def test_a_turn_that_is_reopened_in_the_gap_holds_the_next_line():
    stage = Stage(Line('one'), Line('two', after_s=2.0))
    stage.wait()
    stage.speak(SPEAKING)
    stage.turn(CANCELLED)
    assert stage.wait(1.0) is None
    stage.turn(SPEAKING, turn=2)
    assert stage.wait(5.0) is None
    stage.turn(COMMITTED, REPLIED, turn=2)
    assert stage.wait()[0] == 2.0


def test_the_end_of_an_older_reply_is_no_cue():
    stage = Stage(
        Line('one'), Line('two', when=INTERRUPT, after_s=0.0), Line('three', after_s=0.0)
    )
    stage.wait()
    stage.speak(SPEAKING, COMMITTED)
    stage.director.on_playback(PlaybackClock.STATE_PLAYING)
    stage.wait()
    stage.speak(SPEAKING, turn=2)
    stage.turn(INTERRUPTED, turn=1)
    assert stage.wait(5.0) is None
    stage.turn(COMMITTED, REPLIED, turn=2)
    assert stage.wait()[0] == 0.0


def test_an_interruption_begins_when_the_reply_can_be_heard():
    stage = Stage(Line('one'), Line('two', when=INTERRUPT, after_s=1.5))
    stage.wait()
    stage.director.on_playback(PlaybackClock.STATE_PLAYING)  # still the reply before: no cue
    stage.speak(SPEAKING, COMMITTED)
    stage.director.on_playback(PlaybackClock.STATE_QUEUED)
    assert stage.wait(5.0) is None
    stage.director.on_playback(PlaybackClock.STATE_PLAYING)
    assert stage.wait()[0] == 1.5


def test_a_pause_does_not_wait_for_anybody():
    stage = Stage(Line('one'), Line('two', when=PAUSE, after_s=0.4))
    stage.wait()
    stage.speak(SPEAKING)
    assert stage.wait()[0] == 0.4


def test_waits_are_bounded_when_nobody_listens_and_when_no_end_comes():
    stage = Stage(
        Line('a'), Line('b', after_s=0.0), Line('c', after_s=0.0), max_wait_s=3.0, max_reply_s=9.0
    )
    stage.wait()
    stage.speak()
    assert stage.wait()[0] == 3.0
    stage.speak(SPEAKING, COMMITTED)
    assert stage.wait()[0] == 9.0


def test_a_rewound_scene_begins_again_after_the_last_answer():
    stage = Stage(Line('one', after_s=0.5))
    stage.wait()
    stage.speak(SPEAKING)
    stage.director.rewind()
    assert stage.wait(5.0) is None
    stage.turn(REPLIED)
    assert stage.wait()[0] == 0.5


def test_lines_of_text_are_a_scene():
    assert [line.say for line in script_of_text(' Hello. \n\n What time is it? ').lines] == [
        'Hello.',
        'What time is it?',
    ]


def test_keys_of_the_scene_are_defaults_of_its_lines():
    script = script_of_yaml(
        '{voice: en-gb, max_wait_s: 4, lines: [Hi, {say: Bye, voice: de, when: interrupt}]}', 'f'
    )
    assert script.lines == (
        Line('Hi', voice='en-gb', after_s=0.8),
        Line('Bye', voice='de', when=INTERRUPT, after_s=1.2),
    )
    assert script.max_wait_s == 4.0


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('lines: [', 'f: not YAML'),
        ('hello', "f: a scene needs 'lines:'"),
        ('lines: []', "f: a scene needs 'lines:'"),
        ('{line: [a]}', "f: a scene needs 'lines:'"),
        ('{lines: [a], voices: x}', "unknown key 'voices'; did you mean 'voice'?"),
        ('lines: [{say: a, wen: pause}]', "lines[0]: unknown key 'wen'; did you mean 'when'?"),
        ('lines: [{say: a, when: later}]', "when: 'later' is not one of"),
        ('lines: [a, {voice: x}]', 'lines[1]: nothing to say'),
        ('lines: [{say: yes}]', 'lines[0]: say: True must be a text; put it in quotes'),
        ('lines: [{say: a, after_s: soon}]', "after_s: 'soon' must be a number"),
        ('lines: [{say: a, after_s: -1}]', 'must be a number from 0'),
        ('lines: [{say: a, after_s: .nan}]', 'must be a number from 0'),
    ],
)
def test_a_wrong_script_is_named_with_the_fix(text, says):
    with pytest.raises(SceneError) as refused:
        script_of_yaml(text, 'f')
    assert says in str(refused.value)


@pytest.mark.parametrize('path', sorted(SCENES.glob('*.yaml')), ids=lambda p: p.stem)
def test_shipped_scenes_are_scripts(path):
    script = load_script(path.stem, [SCENES])
    assert script.name == path.stem
    assert script.description
    assert len(script.lines) >= 2


def test_shipped_scenes_are_found_in_the_source_tree():
    assert load_script('three_questions', scene_folders()).name == 'three_questions'


def test_a_scene_is_named_by_file_by_name_or_by_its_words(tmp_path):
    (tmp_path / 'mine.yaml').write_text('lines: [Hello]')
    assert load_script(f'{tmp_path}/mine.yaml', []).lines[0].say == 'Hello'
    assert load_script('mine', [tmp_path]).lines[0].say == 'Hello'
    assert load_script('nobody has this', [tmp_path]).lines[0].say == 'nobody has this'
    with pytest.raises(BackendUnavailable, match='file not found'):
        load_script('gone.yaml', [])
    with pytest.raises(BackendUnavailable, match='no scene named'):
        load_script(' ', [])


def test_the_cache_follows_the_environment():
    assert cache_folder({'TEKTRA_CACHE': '/x'}) == Path('/x/scenes')
    assert cache_folder({}) == Path.home() / '.cache' / 'tektra' / 'scenes'


def spoken(tmp_path, *lines, seconds=0.5):
    """Return a renderer whose cache holds tones for ``lines``, with silence around them."""
    renderer = Renderer(tmp_path)
    tone = 0.5 * np.sin(np.arange(round(22050 * seconds)) * 0.3)
    for line in lines:
        soundfile.write(
            renderer.path(line), np.concatenate((np.zeros(4000), tone, np.zeros(6000))), 22050
        )
    return renderer


def test_the_cache_tells_lines_apart_by_everything_that_changes_their_sound(tmp_path):
    line = Line('Hello')
    others = [
        replace(line, say='Hallo'),
        replace(line, voice='de'),
        replace(line, rate=1.5),
        replace(line, language='de-DE'),
    ]
    paths = {Renderer(tmp_path).path(each) for each in (line, *others)}
    assert len(paths) == 5
    assert Renderer(tmp_path).path(replace(line, when=PAUSE, after_s=3.0)) in paths


def test_the_silence_around_the_words_of_a_line_is_cut(tmp_path):
    line = Line('Hello')
    assert spoken(tmp_path, line).pcm(line).size == pytest.approx(8000, abs=64)


def blocks_until(source, done, limit=3000):
    blocks = []
    for _ in range(limit):
        block = source.read(0)
        if block is None:
            break
        blocks.append(block)
        if done(blocks):
            break
    return blocks


def loud(blocks):
    return [bool(np.any(b.samples)) for b in blocks]


def test_a_scene_speaks_waits_and_speaks_again_in_stream_time(tmp_path):
    one, two = Line('one', after_s=0.32), Line('two', after_s=0.64)
    source = SceneSource(Script((one, two)), spoken(tmp_path, one, two))
    first = blocks_until(source, lambda b: len(b) == 300)
    assert loud(first)[:10] == [False] * 10  # 0.32 s
    assert loud(first).count(True) == 16  # half a second, then nothing but silence
    assert not any(loud(first)[26:])
    source.on_turn(SPEAKING, 1)
    source.on_turn(REPLIED, 1)
    second = blocks_until(source, lambda b: b[-1].last)
    assert loud(second).index(True) == 20
    assert second[-1].last
    assert any(second[-1].samples)
    assert source.read(0) is None
    joined = first + second
    assert [b.first_frame for b in joined] == [i * 512 for i in range(len(joined))]


def test_a_looped_scene_never_ends(tmp_path):
    line = Line('one', after_s=0.1)
    source = SceneSource(Script((line,), max_wait_s=1.0), spoken(tmp_path, line), loop=True)
    blocks = blocks_until(source, lambda b: len(b) == 200)
    assert not any(b.last for b in blocks)
    starts = sum(b and not a for a, b in zip(loud(blocks), loud(blocks)[1:], strict=False))
    assert starts == 4


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(BackendUnavailable, match=r'cannot be written .* set TEKTRA_CACHE'):
        Renderer(tmp_path / 'file' / 'scenes').pcm(Line('Hello'))


needs_voice = pytest.mark.skipif(
    importlib.util.find_spec('espeakng_loader') is None,
    reason='espeakng-loader is not installed: no synthetic voice',
)


@needs_voice
def test_lines_are_spoken_by_a_process_of_its_own_and_only_once(tmp_path):
    renderer, line = Renderer(tmp_path / 'scenes'), Line('-What time is it?', voice='en-us')
    first = renderer.pcm(line)
    assert 8000 < first.size < 48000
    stamp = renderer.path(line).stat().st_mtime_ns
    assert np.array_equal(renderer.pcm(line), first)
    assert renderer.path(line).stat().st_mtime_ns == stamp
    assert [p.name for p in (tmp_path / 'scenes').iterdir()] == [renderer.path(line).name]


@needs_voice
def test_a_voice_that_does_not_exist_is_named_and_nothing_is_left_behind(tmp_path):
    with pytest.raises(BackendUnavailable, match=r"scene: 'Hello' cannot be spoken: .*xx-none"):
        Renderer(tmp_path).pcm(Line('Hello', voice='xx-none'))
    assert list(tmp_path.iterdir()) == []
