"""Messages and their bytes; the example of the documentation."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tektra.wire.frames import Frame, FrameError, FrameType, decode, encode
from tektra.wire.messages import (
    Bye,
    Disable,
    Enable,
    Grant,
    Heartbeat,
    Hello,
    JointSetpoint,
    Refuse,
    RefuseCode,
    Setpoint,
    Stop,
    Telemetry,
)
from tektra.wire.payloads import pack, unpack

PAGE = Path(__file__).resolve().parents[2] / 'docs/wire_protocol.md'
NONCE = bytes(range(16))
KEY = bytes(range(32))

u16, u32 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20)
nonces = st.binary(min_size=16, max_size=16)
three = st.none() | st.tuples(numbers, numbers, numbers)
messages = st.one_of(
    st.builds(Hello, nonces, texts, texts),
    st.builds(
        Grant,
        nonces,
        u16,
        u16,
        u16,
        st.booleans(),
        st.booleans(),
        texts,
        st.lists(texts, max_size=4).map(tuple),
    ),
    st.builds(Refuse, st.sampled_from(RefuseCode), nonces, texts, texts),
    st.builds(
        Setpoint,
        u32,
        u32,
        u16,
        three,
        st.lists(
            st.builds(JointSetpoint, st.integers(0, 255), numbers, numbers),
            max_size=4,
            unique_by=lambda joint: joint.index,
        ).map(tuple),
    ),
    st.builds(Enable, u32, u32),
    st.just(Disable()),
    st.builds(Stop, st.integers(0, 2)),
    st.builds(Heartbeat, u32),
    st.builds(
        Telemetry,
        enabled=st.booleans(),
        stop_category=st.none() | st.integers(0, 2),
        enable_id=u32,
        host_sequence=u32,
        base=three,
        pose=st.none() | st.tuples(numbers, numbers, numbers, numbers),
        battery=st.none() | numbers,
        bumper=st.none() | st.booleans(),
        range_m=st.none() | numbers,
        joints=st.lists(st.tuples(numbers, numbers), max_size=4).map(tuple),
        fault=texts,
    ),
    st.just(Bye()),
)


@given(messages)
def test_a_message_comes_out_as_it_went_in(message):
    assert unpack(pack(message, 5, 6)) == message


@given(messages, st.data())
def test_a_payload_that_is_too_short_or_too_long_is_refused(message, data):
    frame = pack(message, 5, 6)
    with pytest.raises(FrameError, match='too long'):
        unpack(Frame(frame.type, 5, 6, frame.payload + b'\0'))
    if frame.payload:
        end = data.draw(st.integers(0, len(frame.payload) - 1))
        with pytest.raises(FrameError):
            unpack(Frame(frame.type, 5, 6, frame.payload[:end]))


@given(st.sampled_from(FrameType), st.binary(max_size=120))
def test_random_payloads_are_read_or_refused_but_raise_nothing_else(kind, payload):
    try:
        unpack(Frame(kind, 1, 1, payload))
    except FrameError:
        pass


@pytest.mark.parametrize('value', [float('nan'), float('inf'), float('-inf'), 1e308])
def test_what_is_no_number_of_32_bits_cannot_be_said(value):
    with pytest.raises(FrameError):
        pack(Setpoint(1, 1, 100, (value, 0.0, 0.0)), 1, 1)
    with pytest.raises(FrameError):
        pack(Setpoint(1, 1, 100, None, (JointSetpoint(0, 0.0, value),)), 1, 1)


@pytest.mark.parametrize('raw', ['0000c07f', '0000807f', '000080ff'])
def test_a_set_point_with_nan_or_infinity_on_the_wire_is_refused(raw):
    good = pack(Setpoint(1, 1, 100, (0.0, 0.0, 0.0)), 1, 1)
    with pytest.raises(FrameError, match='finite'):
        unpack(Frame(good.type, 1, 1, good.payload[:12] + bytes.fromhex(raw) + good.payload[16:]))


def test_a_joint_that_is_named_twice_is_refused():
    twice = (JointSetpoint(3, 0.0, 0.0), JointSetpoint(3, 1.0, 0.0))
    with pytest.raises(FrameError, match='twice'):
        unpack(pack(Setpoint(1, 1, 100, None, twice), 1, 1))


def test_a_stop_of_an_unknown_category_still_stops():
    assert unpack(Frame(FrameType.STOP, 1, 1, b'\7')) == Stop(1)


def test_a_long_text_is_cut_between_characters():
    [cut] = [unpack(pack(Refuse(RefuseCode.OTHER, NONCE, '\u00fc' * 300, ''), 1, 1)).reason]
    assert cut == '\u00fc' * 127


EXAMPLE = {
    'HELLO': (Hello(NONCE, 'tek', 'gate-1'), 0, 0),
    'GRANT': (
        Grant(NONCE, 200, 400, 20, True, False, 'tek', ('head_pan', 'head_tilt')),
        0x1122334455667788,
        0,
    ),
    'TELEMETRY': (
        Telemetry(
            enabled=False,
            stop_category=None,
            enable_id=0,
            host_sequence=0,
            base=(0.0, 0.0, 0.0),
            pose=(0.0, 0.0, 0.0, 0.0),
            battery=1.0,
            bumper=False,
            range_m=5.75,
            joints=((0.0, 0.0), (0.0, 0.0)),
        ),
        0x1122334455667788,
        1,
    ),
    'ENABLE': (Enable(1, 1), 0x1122334455667788, 1),
    'SETPOINT': (
        Setpoint(1, 2, 200, (0.25, 0.0, -0.5), (JointSetpoint(0, 0.5, 1.0),)),
        0x1122334455667788,
        2,
    ),
    'STOP': (Stop(1), 0x1122334455667788, 3),
}


def example(title):
    """Return the bytes of one example of the page: the code block after its heading."""
    text = PAGE.read_text()
    [block] = re.findall(rf'^\*\*{re.escape(title)}\*\*.*?```\n(.*?)```', text, re.M | re.S)
    return bytes.fromhex(''.join(line.split('#')[0] for line in block.splitlines()))


@pytest.mark.parametrize('name', EXAMPLE)
def test_the_example_of_the_page_is_right_byte_for_byte(name):
    message, session, sequence = EXAMPLE[name]
    raw = example(name)
    assert raw == encode(pack(message, session, sequence))
    assert unpack(decode(raw)) == message


def test_the_example_with_a_key_is_right_byte_for_byte():
    message, session, sequence = EXAMPLE['STOP']
    assert example('STOP with a key') == encode(pack(message, session, sequence), KEY)
