"""tts and playback joined: each keeps to what the other says, and nothing is lost between them."""

import numpy as np
from playback_support import RATE, Player, samples_of
from tektra_msgs.msg import AudioChunk
from tts_rig import Rig

from tektra.tts.core import TtsOptions

TEXT = 'This is one sentence of a long reply, longer than a breath. ' * 50


def test_a_reply_of_two_minutes_goes_through_both_without_losing_a_sample():
    rig, player = Rig(TtsOptions(sample_rate=RATE)), Player()
    sent, told = [], 0

    def pass_on():
        """Hand speech to playback and the playback clock to tts until neither has news."""
        nonlocal told
        while rig.out or told < len(player.clocks):
            messages, rig.out = rig.out, []
            for chunk in messages:
                if isinstance(chunk, AudioChunk):
                    sent.append(chunk)
                    player.core.on_speech(chunk, player.now)
            player._collect()
            for clock in player.clocks[told:]:
                told += 1
                rig.take(rig.core.on_playback_clock(clock, rig.now()))

    rig.reply(TEXT, session='s1', last=True)
    pass_on()
    player.do('PLAY', revision=0)
    furthest = 0
    while player.states('u')[-1:] != ['DONE']:
        assert len(player.core.queue) == 1, player.states('u')
        furthest = max(furthest, player.core.queue.queued_s)
        player.play(2400, block=2400)
        rig.clock.advance(2400 / RATE)
        pass_on()
    spoken = samples_of(sent)
    assert spoken.size > 120 * RATE
    assert np.array_equal(player.heard[: spoken.size], spoken)
    assert (player.last('u').played_samples, player.last('u').underruns) == (spoken.size, 0)
    assert furthest <= 2.0
    assert not rig.core._open
