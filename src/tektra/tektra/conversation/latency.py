"""Where the time from the end of speech to the first sample of the reply went.

Every moment between the two is counted once, for the stage the reply was waiting for
(docs/latency.md):

    t0 ........................ commit ............................ first sample played
    | stt | endpoint  | graph  |  graph | dialogue | tts | graph    |

* ``t0``: the true end of speech; for a typed line the moment it was taken (its commit). * Before
the commit the reply waits for the decision that the turn is over. Of that time ``stt`` gets
  what the final used took, ``endpoint`` what policy let pass beyond it (``TurnState.wait_s``; all
  the rest where turn_taking gives none), ``graph`` what is left: framing, transport, waiting for a
  thread.
* After the commit it waits for its own first sample. ``dialogue`` gets the part of the first
fragment's
  making that lies after the commit, ``tts`` the part of the time from that fragment to the first
  chunk of speech that does, ``graph`` all else: transport, playback, the loudspeaker's buffer.

So what speculation has hidden behind the endpoint is not counted, the stages add up to ``total``,
and none is negative. Only if the first sample is stamped before ``t0`` (clocks that disagree)
``total`` and ``graph`` are, and are reported as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.clock import nanoseconds


@dataclass(frozen=True)
class Timeline:
    """The moments of one answered turn: ROS time in ns; durations in s."""

    commit_ns: int
    first_played_ns: int
    end_of_speech_ns: int | None = None  # None: typed
    wait_s: float = 0.0  # what policy says it let pass; 0: it does not say
    stt_s: float = 0.0
    dialogue_s: float = 0.0
    first_fragment_ns: int | None = None
    first_speech_ns: int | None = None


@dataclass(frozen=True)
class Stages:
    """Time in ns that each stage has cost the person."""

    endpoint: int
    stt: int
    dialogue: int
    tts: int
    graph: int
    total: int

    def milliseconds(self) -> dict[str, float]:
        """Return the stages by name, in ms."""
        return {name: round(ns / 1e6, 1) for name, ns in vars(self).items()}

    def line(self) -> str:
        """Return one line for people."""
        ms = {name: round(ns / 1e6) for name, ns in vars(self).items()}
        parts = ', '.join(f'{name} {value}' for name, value in ms.items() if name != 'total')
        return f'{ms["total"]} ms: {parts}'


def stages(t: Timeline) -> Stages:
    """Return how the time of ``t`` divides into stages."""
    start = t.commit_ns if t.end_of_speech_ns is None else min(t.end_of_speech_ns, t.commit_ns)
    total = t.first_played_ns - start
    commit = min(max(start, t.commit_ns), max(start, t.first_played_ns))
    deciding = commit - start
    stt = min(nanoseconds(t.stt_s), deciding)
    endpoint = deciding - stt
    if t.wait_s > 0:
        endpoint = min(endpoint, nanoseconds(t.wait_s))
    dialogue = tts = 0
    if t.first_fragment_ns is not None:
        asked = t.first_fragment_ns - nanoseconds(t.dialogue_s)
        dialogue = _overlap(asked, t.first_fragment_ns, commit, t.first_played_ns)
        if t.first_speech_ns is not None:
            tts = _overlap(t.first_fragment_ns, t.first_speech_ns, commit, t.first_played_ns)
    graph = total - endpoint - stt - dialogue - tts
    return Stages(endpoint, stt, dialogue, tts, graph, total)


def _overlap(begin: int, end: int, low: int, high: int) -> int:
    return max(0, min(end, high) - max(begin, low))
