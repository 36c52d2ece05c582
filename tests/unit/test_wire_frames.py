"""Frames and streams: what is damaged, forged or of another version never gets through."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tektra.wire.frames import (
    HEADER,
    LONGEST_FRAME,
    LONGEST_PAYLOAD,
    Frame,
    FrameError,
    FrameType,
    VersionMismatch,
    decode,
    encode,
)
from tektra.wire.stream import FrameStream

KEY = bytes(range(32))

frames = st.builds(
    Frame,
    st.sampled_from(FrameType),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=64),
)
keys = st.sampled_from([None, KEY])


def with_crc(data):
    return data + struct.pack('<I', zlib.crc32(data))


@given(frames, keys)
def test_a_frame_comes_out_as_it_went_in(frame, key):
    assert decode(encode(frame, key), key) == frame


@given(frames, keys, st.data())
def test_no_changed_bit_goes_unnoticed(frame, key, data):
    raw = bytearray(encode(frame, key))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        decode(bytes(raw), key)


@given(frames, keys, st.data())
def test_no_cut_or_lengthened_frame_is_valid(frame, key, data):
    raw = encode(frame, key)
    with pytest.raises(FrameError):
        decode(raw[: data.draw(st.integers(0, len(raw) - 1))], key)
    with pytest.raises(FrameError):
        decode(raw + b'\0', key)


def test_a_side_with_a_key_takes_no_frame_without_or_with_another():
    frame = Frame(FrameType.DISABLE, 1, 1, b'')
    with pytest.raises(FrameError, match='has no MAC'):
        decode(encode(frame), KEY)
    with pytest.raises(FrameError, match='wrong MAC'):
        decode(encode(frame, bytes(32)), KEY)
    with pytest.raises(FrameError, match='this side has no key'):
        decode(encode(frame, KEY))


def test_a_forged_frame_with_a_right_crc_has_a_wrong_mac():
    raw = bytearray(encode(Frame(FrameType.STOP, 1, 1, b'\2'), KEY))
    raw[5] = FrameType.ENABLE
    covered = bytes(raw[: HEADER.size + 1])
    with pytest.raises(FrameError, match='wrong MAC'):
        decode(with_crc(covered) + bytes(raw[-16:]), KEY)


def test_another_version_is_told_apart_from_damage():
    head = HEADER.pack(b'TKTR', 9, FrameType.HELLO, 0, 0, 0, 0, 0)
    with pytest.raises(VersionMismatch, match='version 9') as caught:
        decode(with_crc(head))
    assert (caught.value.theirs, caught.value.kind) == (9, FrameType.HELLO)


def test_unknown_types_and_flags_are_refused():
    with pytest.raises(FrameError, match='type 77'):
        decode(with_crc(HEADER.pack(b'TKTR', 1, 77, 0, 0, 0, 0, 0)))
    with pytest.raises(FrameError, match='flags 0x2'):
        decode(with_crc(HEADER.pack(b'TKTR', 1, 1, 2, 0, 0, 0, 0)))
    with pytest.raises(FrameError, match='at most 4096'):
        encode(Frame(FrameType.HELLO, 0, 0, bytes(LONGEST_PAYLOAD + 1)))


@given(st.lists(frames, max_size=5), keys, st.integers(1, 40))
def test_a_stream_gives_the_frames_however_it_is_cut(sent, key, size):
    raw = b''.join(encode(frame, key) for frame in sent)
    stream = FrameStream(key)
    got = []
    for start in range(0, len(raw), size):
        got += stream.feed(raw[start : start + size])
    assert got == sent
    assert stream.waiting == 0


@given(st.binary(min_size=HEADER.size, max_size=200).filter(lambda b: b[:4] != b'TKTR'))
def test_garbage_refuses_the_stream_for_good(garbage):
    stream = FrameStream()
    with pytest.raises(FrameError):
        stream.feed(garbage)
    with pytest.raises(FrameError, match='the stream is refused'):
        stream.feed(encode(Frame(FrameType.DISABLE, 1, 1, b'')))
    assert stream.waiting == 0


def test_a_stream_holds_less_than_one_frame_whatever_comes():
    stream = FrameStream()
    head = HEADER.pack(b'TKTR', 1, 1, 0, 0, 0, LONGEST_PAYLOAD, 0)
    stream.feed(head)
    for _ in range(LONGEST_PAYLOAD):
        stream.feed(b'x')
        assert stream.waiting < LONGEST_FRAME
    with pytest.raises(FrameError, match='CRC'):
        stream.feed(b'wxyz')
    with pytest.raises(FrameError, match='payload of 4097'):
        FrameStream().feed(HEADER.pack(b'TKTR', 1, 1, 0, 0, 0, 4097, 0))
