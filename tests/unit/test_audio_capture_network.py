"""TCP and UDP sources over real loopback sockets, and the topic source."""

import array
import socket
import threading
import time

import numpy as np
import pytest
from tektra_msgs.msg import AudioChunk

from tektra.audio_capture.backends.network import parse_address
from tektra.audio_capture.backends.tcp import AHEAD_S, TcpSource
from tektra.audio_capture.backends.topic import TopicSource
from tektra.audio_capture.backends.udp import UdpSource, datagram
from tektra.audio_capture.core import CaptureCore
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.clock import BootClock


def numbers(count, start=1):
    return np.arange(start, start + count).astype('<i2')


def take(source, samples, limit_s=5.0):
    """Return the next ``samples`` of a live source as int16, with the index of each."""
    got, at, end = [], [], time.monotonic() + limit_s
    while sum(map(len, got)) < samples:
        assert time.monotonic() < end, f'only {sum(map(len, got))} of {samples} samples came'
        block = source.read(0.1)
        if block is not None:
            got.append(np.rint(block.samples[:, 0] * 32768).astype(int))
            at.append(block.first_frame + np.arange(len(block.samples)))
    return np.concatenate(got), np.concatenate(at)


def until(done, limit_s=5.0):
    end = time.monotonic() + limit_s
    pause = threading.Event()
    while not done():
        assert time.monotonic() < end
        pause.wait(0.005)


@pytest.fixture
def tcp():
    source = TcpSource('127.0.0.1:0', BootClock())
    source.start()
    yield source
    source.close()


@pytest.fixture
def udp():
    source = UdpSource('127.0.0.1:0', BootClock())
    source.start()
    yield source
    source.close()


def connect(source):
    return socket.create_connection(('127.0.0.1', source.port), timeout=5)


@pytest.mark.parametrize(
    ('uri', 'expected'),
    [
        ('', ('127.0.0.1', 7610, 10)),
        ('9000', ('127.0.0.1', 9000, 1)),
        (':9000', ('127.0.0.1', 9000, 1)),
        ('localhost:9000', ('127.0.0.1', 9000, 1)),
        ('tcp://127.0.0.2:1', ('127.0.0.2', 1, 1)),
    ],
)
def test_addresses_are_on_this_machine_unless_said_otherwise(uri, expected):
    assert parse_address(uri, 7610, False) == expected


@pytest.mark.parametrize(
    ('uri', 'says'),
    [
        ('0.0.0.0:9000', 'would be open to the network'),
        ('192.168.1.5:9000', 'allow_remote: true'),
        ('host', 'is not host:port'),
        ('127.0.0.1:99999', 'is not host:port'),
    ],
)
def test_other_addresses_are_refused_with_the_fix(uri, says):
    with pytest.raises(BackendUnavailable) as refused:
        parse_address(uri, 7610, False)
    assert says in str(refused.value)
    if 'open' in says:
        assert parse_address(uri, 7610, True)[1] == 9000


def test_a_port_that_is_taken_is_named(tcp):
    with pytest.raises(BackendUnavailable, match=f'127.0.0.1:{tcp.port} cannot be used: .*in use'):
        TcpSource(f'127.0.0.1:{tcp.port}', BootClock())


def test_samples_cut_in_two_by_tcp_are_put_together(tcp):
    data = numbers(1000).tobytes()
    with connect(tcp) as sender:
        for at in range(0, len(data), 7):
            sender.sendall(data[at : at + 7])
        pcm, index = take(tcp, 1000)
    assert pcm.tolist() == list(range(1, 1001))
    assert index.tolist() == list(range(1000))


def test_a_sender_that_hangs_up_in_the_middle_of_a_sample_may_come_back(tcp):
    assert 'nobody sends' in tcp.problem
    with connect(tcp) as sender:
        sender.sendall(numbers(100).tobytes() + b'\x55')
        take(tcp, 100)
        assert tcp.problem == ''
    until(lambda: 'nobody sends' in tcp.problem)
    with connect(tcp) as sender:
        sender.sendall(numbers(100, 500).tobytes())
        pcm, index = take(tcp, 100)
    assert pcm.tolist() == list(range(500, 600))
    assert index[0] == 100


def test_the_newest_sender_is_heard(tcp):
    with connect(tcp) as old:
        old.sendall(numbers(10).tobytes())
        take(tcp, 10)
        with connect(tcp) as new:
            new.sendall(numbers(10, 700).tobytes())
            assert take(tcp, 10)[0].tolist() == list(range(700, 710))
            assert old.recv(1) == b''  # hung up on


def test_a_sender_faster_than_real_time_has_to_wait(tcp):
    with connect(tcp) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        sender.settimeout(1.0)
        began, seconds_sent = time.monotonic(), 30
        with pytest.raises(TimeoutError):
            sender.sendall(np.zeros(seconds_sent * 16000, '<i2').tobytes())
        received = sum(len(b.samples) for b in iter(lambda: tcp.read(0.0), None))
        assert received / 16000 <= time.monotonic() - began + AHEAD_S + 0.3
    assert tcp.queue[1] == 0


def send_to(source):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(('127.0.0.1', source.port))
    return sender


def test_bare_datagrams_are_samples_in_order(udp):
    with send_to(udp) as sender:
        for i in range(5):
            sender.send(numbers(320, 1 + i * 320).tobytes())
        pcm, index = take(udp, 1600)
    assert pcm.tolist() == list(range(1, 1601))
    assert index.tolist() == list(range(1600))
    assert udp.problem == ''


def test_lost_datagrams_with_a_header_are_a_gap_of_their_length(udp):
    core = CaptureCore('s', BootClock().now_ns())
    chunks = []
    with send_to(udp) as sender:
        for i in (10, 11, 12, 15, 16):  # 13 and 14 are lost
            sender.send(datagram(numbers(320).tobytes(), i * 320))
        end = time.monotonic() + 5
        received = 0
        while received < 5 and time.monotonic() < end:
            block = udp.read(0.1)
            if block is not None:
                received += 1
                chunks += core.push(block)
    assert received == 5
    assert (core.losses.gaps, core.losses.lost_samples) == (1, 640)
    assert core.position == 7 * 320


def test_datagrams_that_come_twice_or_too_late_are_refused_and_counted(udp):
    with send_to(udp) as sender:
        for i in (0, 1, 1, 3, 2, 4):
            sender.send(datagram(numbers(100, 1 + i * 100).tobytes(), i * 100))
        pcm, index = take(udp, 400)
    assert index.tolist() == [*range(200), *range(300, 500)]
    assert np.array_equal(pcm, index + 1)
    assert udp.queue[1] == 2


def test_a_datagram_without_the_header_that_its_sender_uses_is_refused(udp):
    with send_to(udp) as sender:
        sender.send(datagram(numbers(10).tobytes(), 0))
        sender.send(b'TKP')
        sender.send(numbers(10).tobytes())
        sender.send(b'')
        sender.send(datagram(numbers(10).tobytes(), 10))
        take(udp, 20)
    assert udp.queue[1] == 2


def test_a_second_sender_is_heard_only_after_the_first_has_gone(udp):
    with send_to(udp) as first, send_to(udp) as second:
        first.send(numbers(10).tobytes())
        take(udp, 10)
        second.send(numbers(10, 100).tobytes())
        until(lambda: udp.queue[1] == 1)
        until(lambda: 'nobody sends' in udp.problem)
        second.send(numbers(10, 200).tobytes())
        pcm, index = take(udp, 10)
    assert pcm[0] == 200
    assert index[0] == 10


def test_a_source_that_was_stopped_can_start_again(udp, tcp):
    for source in (udp, tcp):
        source.stop()
        assert source.read(0) is None
        source.start()
    with connect(tcp) as sender:
        sender.sendall(numbers(10).tobytes())
        take(tcp, 10)


def chunk(pcm, first, *, rate=48000, channels=2, stream='s', encoding=AudioChunk.ENCODING_S16LE):
    message = AudioChunk(
        stream_id=stream,
        first_sample=first,
        sample_rate=rate,
        channels=channels,
        encoding=encoding,
    )
    message.data = array.array('B', np.asarray(pcm, '<i2').tobytes())
    return message


def test_a_topic_of_any_rate_and_channels_is_taken_with_its_gaps():
    source = TopicSource('/robot/mic', BootClock(), '/audio/mic')
    source.start()
    source.on_chunk(chunk([1, 3, 5, 7], 1000))
    source.on_chunk(chunk([1, 3], 1010))
    source.on_chunk(chunk([9], 0, rate=8000, channels=1, stream='other'))
    blocks = [source.read(0) for _ in range(3)]
    assert [(b.first_frame, b.rate, b.samples.shape) for b in blocks] == [
        (0, 48000, (2, 2)),
        (10, 48000, (1, 2)),
        (11, 8000, (1, 1)),
    ]
    assert source.problem == ''


@pytest.mark.parametrize(
    ('message', 'says'),
    [
        (chunk([1, 2], 0, encoding=0), 'encoding 0 is not ENCODING_S16LE'),
        (chunk([1, 2], 0, rate=0), 'sample_rate 0 is outside'),
        (chunk([1, 2, 3], 0), '6 bytes are not frames of 2 channels'),
        (chunk([1], 0, channels=0), 'frames of 0 channels'),
    ],
)
def test_what_is_not_pcm_on_a_topic_is_refused_and_named(message, says):
    source = TopicSource('t', BootClock(), '/audio/mic')
    source.start()
    source.on_chunk(message)
    assert source.read(0) is None
    assert says in source.problem
    assert source.queue == (0, 1)


def test_a_topic_is_named_and_not_our_own():
    with pytest.raises(BackendUnavailable, match='no topic named'):
        TopicSource(' ', BootClock(), '/audio/mic')
    with pytest.raises(BackendUnavailable, match='itself publishes'):
        TopicSource('audio/mic', BootClock(), '/audio/mic')
