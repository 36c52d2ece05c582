"""Microphones: choosing one, losing it, getting it back; with miniaudio's null device for real."""

import sys
import threading

import numpy as np
import pytest

from tektra.audio_capture.backends import miniaudio as engine
from tektra.audio_capture.backends import pyaudio
from tektra.audio_capture.backends.devices import Listed, choose
from tektra.audio_capture.backends.microphone import Microphone
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.clock import BootClock, seconds

NULLS = [Listed('Discard all samples (playback) or generate zero samples (capture)', 1)]
LISTED = [*NULLS, Listed('Monitor of Speakers', 2), Listed('USB Mic', 1), Listed('Array', 4)]
WAIT = threading.Event()  # never set: a bounded pause between looks


def until(done, limit_s=5.0):
    end = BootClock().now_ns() + limit_s * 1e9
    while not done():
        assert BootClock().now_ns() < end, 'not within 5 s'
        WAIT.wait(0.005)


@pytest.mark.parametrize(
    ('wanted', 'name'),
    [
        ('', 'default'),
        ('auto', 'default'),
        ('3', 'Array'),
        ('usb', 'USB Mic'),
        ('monitor', 'Monitor of Speakers'),
    ],
)
def test_a_device_is_chosen_by_name_by_index_or_by_the_system(wanted, name):
    assert choose(LISTED, wanted).name == name


@pytest.mark.parametrize(
    ('listed', 'wanted', 'says'),
    [
        ([], '', 'no microphone found (capture devices: none)'),
        (NULLS, 'auto', "no microphone found (capture devices: 0: 'Discard all"),
        (LISTED[:2], '', 'no microphone found'),
        (LISTED, '4', "no capture device number 4; there are: 0: 'Discard"),
        (LISTED, 'rode', "no capture device named like 'rode'; there are: 0: 'Discard"),
    ],
)
def test_what_is_not_a_microphone_is_not_taken_for_one(listed, wanted, says):
    with pytest.raises(BackendUnavailable) as refused:
        choose(listed, wanted)
    assert says in str(refused.value)


class Socket:
    """A place to plug a microphone in: the seam is the opener, where miniaudio would be called."""

    def __init__(self):
        self.plugged, self.opened, self.closed = True, 0, 0
        self.on_data = None

    def open(self, on_data):
        if not self.plugged:
            raise BackendUnavailable('no such device')
        self.opened += 1
        self.on_data = on_data
        return self

    name, rate, channels = 'USB Mic', 48000, 2

    def close(self):
        self.closed += 1
        self.on_data = None

    def speak(self, blocks=1):
        for _ in range(blocks):
            self.on_data(np.full(2 * 960, 8192, '<i2').tobytes(), False)


def test_an_unplugged_microphone_is_noticed_within_half_a_second_and_comes_back():
    socket, clock = Socket(), BootClock()
    microphone = Microphone(lambda: 'USB Mic', socket.open, clock)
    microphone.start()
    socket.speak(3)
    assert [microphone.read(1.0).first_frame for _ in range(3)] == [0, 960, 1920]
    assert microphone.problem == ''
    socket.plugged = False
    gone = clock.now_ns()
    until(lambda: 'trying every second' in microphone.problem)
    assert seconds(clock.now_ns() - gone) < 1.0  # 0.5 s on an idle machine
    assert socket.closed == 1
    assert 'USB Mic' in microphone.problem
    socket.plugged = True
    until(lambda: socket.opened == 2 and socket.on_data)
    assert microphone.problem  # open is not enough: it has to deliver
    socket.speak(1)
    assert microphone.read(1.0).samples.tolist() == [[0.25, 0.25]] * 960
    until(lambda: microphone.problem == '')
    microphone.close()
    assert socket.closed == 2


class Cursed(Socket):
    """A driver that raises what nobody expects, when it opens and when it closes."""

    def open(self, on_data):
        if not self.plugged:
            raise RuntimeError('internal driver error 7')
        return super().open(on_data)

    def close(self):
        super().close()
        if not self.plugged:
            raise OSError('handle is invalid')


def test_whatever_a_driver_raises_the_microphone_is_tried_again():
    socket = Cursed()
    microphone = Microphone(lambda: 'USB Mic', socket.open, BootClock())
    microphone.start()
    socket.plugged = False
    until(lambda: 'internal driver error 7' in microphone.problem)
    socket.plugged = True
    until(lambda: socket.opened == 2 and socket.on_data)
    microphone.close()


def test_a_reader_that_is_too_slow_loses_the_oldest_and_it_is_counted():
    socket = Socket()
    microphone = Microphone(lambda: 'USB Mic', socket.open, BootClock())
    microphone.start()
    socket.speak(130)
    assert microphone.queue == (100, 30)
    assert microphone.read(0).first_frame == 30 * 960
    microphone.stop()


def test_an_overflow_that_the_engine_reports_is_counted():
    socket = Socket()
    microphone = Microphone(lambda: 'USB Mic', socket.open, BootClock())
    microphone.start()
    socket.on_data(b'\0' * 8, True)
    assert microphone.queue == (1, 1)
    microphone.stop()


def test_the_null_device_of_miniaudio_starts_delivers_and_stops():
    microphone = engine.open_microphone('null', BootClock())
    microphone.start()
    blocks = [microphone.read(2.0) for _ in range(5)]
    assert all(b.rate == 48000 and b.samples.shape[1] == 1 and not b.samples.any() for b in blocks)
    firsts = [b.first_frame for b in blocks]
    assert firsts == list(np.cumsum([0] + [len(b.samples) for b in blocks[:-1]]))
    assert "microphone 'NULL Capture Device' (48000 Hz, 1 ch)" in microphone.label
    microphone.stop()
    assert microphone.read(0.1) is None  # nothing listens any more
    microphone.start()
    assert microphone.read(2.0) is not None
    microphone.close()


def test_a_machine_without_sound_says_so():
    try:
        found = engine.open_microphone('', BootClock())
    except BackendUnavailable as error:
        assert 'no microphone found' in str(error) or 'no audio system' in str(error)
    else:
        assert found.label == "microphone 'default'"


def test_pyaudio_says_that_it_is_missing_and_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyaudio', None)
    with pytest.raises(
        BackendUnavailable, match=r'PyAudio is not installed .*apt install python3-pyaudio'
    ):
        pyaudio.open_microphone('', BootClock())
