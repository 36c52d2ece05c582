"""How much of a reply was heard, by the playback clock and the word times of tts."""

from __future__ import annotations

from collections.abc import Sequence

from tektra_msgs.msg import VisemeTrack


def heard_text(tracks: Sequence[VisemeTrack], played_samples: int, text: str) -> str:
    """Return the beginning of ``text`` that was heard after ``played_samples`` of its utterance.

    It ends with the last word whose last sample was played; punctuation behind that word belongs
    to it once its whole piece was played. A piece without word times counts when all of it was
    played. ``tracks`` may be in any order, repeated or incomplete; samples count at their rate.
    """
    end = 0
    for track in sorted(tracks, key=lambda t: (t.start_sample, t.seq)):
        whole = played_samples >= track.end_sample and track.end_sample > 0
        if whole:
            end = max(end, track.text_offset + len(track.text))
            continue
        rows = zip(
            track.word_end_sample, track.word_text_offset, track.word_text_length, strict=False
        )
        for last_sample, offset, length in rows:
            if last_sample <= played_samples and last_sample > 0:
                end = max(end, offset + length)
    return text[:end].rstrip()
