"""What is known of each utterance, and how long it has been quiet, by sample indexes."""

from __future__ import annotations

import enum
from collections import OrderedDict
from dataclasses import dataclass

from builtin_interfaces.msg import Time
from tektra_msgs.msg import Transcript, VoiceActivity

from tektra.runtime.clock import NS_PER_S, seconds
from tektra.turn_taking.words import continuation

KEPT = 64  # utterances remembered, so that late or repeated messages of old ones are recognised
CHUNK_SLACK_S = (
    0.032  # a final may end one microphone chunk before the voiced end and still cover it
)


class Owner(enum.Enum):
    """What an utterance belongs to."""

    NOBODY = 'nobody'  # not used yet: late words of it still count
    TURN = 'turn'  # part of the open turn
    BARGE_IN = 'barge-in'  # spoken over a reply, not yet known to be words
    TAKEN = 'taken'  # its words are a committed turn
    DROPPED = 'dropped'  # noise, a backchannel, or thrown away by hand


@dataclass
class Utterance:
    """One utterance as told so far. Samples count in ``stream_id`` at ``sample_rate`` Hz."""

    utterance_id: str
    stream_id: str = ''
    sample_rate: int = 0  # 0: vad has said nothing of it
    owner: Owner = Owner.NOBODY
    voiced: bool = False  # the person speaks now
    open: bool = False  # vad has not ended it
    by_hand: bool = False  # a released button has ended it: vad is no longer asked
    end_sample: int = 0
    end_stamp_ns: int = 0  # ROS time
    quiet_ns: int = 0  # local time at which it became quiet
    text: str = ''
    before: str = ''  # final words of a recogniser that was replaced meanwhile
    skip: str = ''  # words at its beginning that are not to be used again
    transcript: Transcript | None = None  # newest
    final_to: int = -1  # one past the last sample of the newest final; -1: there was none

    @property
    def new_text(self) -> str:
        """Words of it that no earlier turn has used."""
        return continuation(self.text, self.skip) if self.skip else self.text.strip()

    @property
    def is_final(self) -> bool:
        """True when the newest final covers all speech so far."""
        if self.voiced or self.final_to < 0:
            return False
        slack = int(CHUNK_SLACK_S * self.sample_rate)
        return self.by_hand or self.final_to + slack >= self.end_sample

    def on_vad(self, m: VoiceActivity, now_ns: int) -> None:
        """Follow one decision of vad about this utterance."""
        self.stream_id, self.sample_rate = m.stream_id, int(m.sample_rate)
        if m.event in (VoiceActivity.EVENT_START, VoiceActivity.EVENT_RESUME):
            self.voiced = self.open = True
        elif m.event in (VoiceActivity.EVENT_SILENCE, VoiceActivity.EVENT_END):
            self.hush(now_ns)
        if m.event in (VoiceActivity.EVENT_END, VoiceActivity.EVENT_ABORT):
            self.open = self.voiced = False
        if m.end_sample > self.end_sample:
            self.end_sample = int(m.end_sample)
            since = self.end_sample - int(m.first_sample)
            self.end_stamp_ns = _later(m.header.stamp, since, self.sample_rate)

    def hush(self, now_ns: int) -> None:
        """Note that the person is quiet."""
        if self.voiced:
            self.quiet_ns = now_ns
        self.voiced = False

    def close(self, now_ns: int, *, by_hand: bool = False) -> None:
        """End it without vad: vad has gone, or a button was released."""
        self.hush(now_ns)
        self.open = False
        if by_hand and not self.by_hand:
            if not self.is_final:
                self.final_to = -1  # a final of an earlier pause does not cover what followed
            self.by_hand = True

    def on_transcript(self, m: Transcript, now_ns: int) -> bool:
        """Follow stt; return whether it is news, not stale or a partial after its final."""
        earlier = self.transcript
        if earlier is not None and m.start_sample > earlier.start_sample:
            # A recogniser that was started anew: it counts revisions from 1 and hears the rest.
            self.before = self.text if earlier.is_final else ''
        elif earlier is not None and _is_stale(m, earlier):
            return False
        if not m.is_final and self.is_final:
            return False
        self.transcript, self.text = m, f'{self.before} {m.text}'.strip()
        if m.is_final:
            self.final_to = int(m.end_sample) if m.end_sample else self.end_sample
            if not self.end_stamp_ns and m.sample_rate:  # vad has not told: as far as stt listened
                since = int(m.end_sample) - int(m.start_sample)
                self.end_stamp_ns = _later(m.header.stamp, since, int(m.sample_rate))
        if not self.sample_rate:
            self.quiet_ns = now_ns
        return True


def _is_stale(m: Transcript, earlier: Transcript) -> bool:
    return bool(m.start_sample < earlier.start_sample or m.revision <= earlier.revision)


def _later(stamp: Time, samples: int, sample_rate: int) -> int:
    """Return the ROS time in ns that is ``samples`` after ``stamp``."""
    begin = int(stamp.sec) * NS_PER_S + int(stamp.nanosec)
    return begin + samples * NS_PER_S // max(1, sample_rate)


class Utterances:
    """The utterances of the last while by id, oldest forgotten first."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Utterance] = OrderedDict()

    def get(self, utterance_id: str) -> Utterance | None:
        """Return a known utterance."""
        return self._by_id.get(utterance_id)

    def left_open(self, but: str) -> list[Utterance]:
        """Return all open utterances except ``but``."""
        return [u for u in self._by_id.values() if u.open and u.utterance_id != but]

    def add(self, utterance_id: str) -> Utterance:
        """Return a new utterance under this id."""
        made = Utterance(utterance_id)
        self._by_id[utterance_id] = made
        while len(self._by_id) > KEPT:
            self._by_id.popitem(last=False)
        return made


class MicClock:
    """How far vad has listened, and since when we know."""

    def __init__(self) -> None:
        self.stream_id = ''
        self.heard_ns = 0
        self._position = 0
        self._rate = 0

    def on_vad(self, m: VoiceActivity, now_ns: int) -> None:
        """Follow every message of vad."""
        self.stream_id, self._rate = m.stream_id, int(m.sample_rate)
        self._position = int(m.first_sample) + int(m.sample_count)
        self.heard_ns = now_ns

    def silence_s(self, utterance: Utterance, now_ns: int) -> float:
        """Return s of silence after the utterance.

        While vad has it open this is microphone time alone, so that a stalled vad never makes a
        person silent. After that vad reports rarely, and local time fills in between.
        """
        if utterance.stream_id != self.stream_id or self._rate == 0:
            return seconds(now_ns - utterance.quiet_ns)
        silence = max(0, self._position - utterance.end_sample) / self._rate
        if not utterance.open:
            silence += seconds(now_ns - self.heard_ns)
        return silence
