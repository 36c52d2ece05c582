"""From what is asked for (kind and uri) to an opened source, with silence as the last resort."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from tektra.audio_capture.backend import AudioSource
from tektra.runtime.backends import BackendChain, BackendStatus, BackendUnavailable, Health
from tektra.runtime.clock import Clock

KINDS = ('auto', 'device', 'file', 'scene', 'tcp', 'udp', 'topic', 'silence')
ON_DEMAND = ('file', 'scene', 'silence')  # what simulated time can hold back
SILENCE = 'silence'
DEVICE_BACKENDS = ('miniaudio', 'pyaudio')


@dataclass(frozen=True)
class Request:
    """What to listen to. ``own_topic`` is where the node publishes, fully qualified."""

    kind: str
    uri: str = ''
    loop: bool = False
    allow_remote: bool = False
    own_topic: str = '/audio/mic'


Factory = Callable[[], AudioSource]


def order_of(kind: str) -> tuple[str, ...]:
    """Return the backends for a kind, best first; the last one always works."""
    first = DEVICE_BACKENDS if kind in ('auto', 'device') else (kind,)
    return first if kind == SILENCE else (*first, SILENCE)


def factories(request: Request, clock: Clock) -> dict[str, Factory]:
    """Return how to open each backend; an engine is imported when its factory is called."""
    uri = request.uri

    def miniaudio() -> AudioSource:
        from tektra.audio_capture.backends.miniaudio import open_microphone

        return open_microphone(uri, clock)

    def pyaudio() -> AudioSource:
        from tektra.audio_capture.backends.pyaudio import open_microphone

        return open_microphone(uri, clock)

    def file() -> AudioSource:
        from tektra.audio_capture.backends.file import FileSource

        return FileSource(uri, request.loop)

    def scene() -> AudioSource:
        from tektra.audio_capture.backends import scene as scenes

        script = scenes.load_script(uri, scenes.scene_folders())
        renderer = scenes.Renderer(scenes.cache_folder(os.environ))
        return scenes.SceneSource(script, renderer, request.loop)

    def tcp() -> AudioSource:
        from tektra.audio_capture.backends.tcp import TcpSource

        return TcpSource(uri, clock, request.allow_remote)

    def udp() -> AudioSource:
        from tektra.audio_capture.backends.udp import UdpSource

        return UdpSource(uri, clock, request.allow_remote)

    def topic() -> AudioSource:
        from tektra.audio_capture.backends.topic import TopicSource

        return TopicSource(uri, clock, request.own_topic)

    def silence() -> AudioSource:
        from tektra.audio_capture.backends.silence import Silence

        return Silence()

    made = (miniaudio, pyaudio, file, scene, tcp, udp, topic, silence)
    return {factory.__name__: factory for factory in made}


@dataclass(frozen=True)
class Opened:
    """An open source. ``notice``: why it is silence and not what was asked for, if so."""

    request: Request
    chain: BackendChain[AudioSource]
    notice: str

    def required(self) -> Opened:
        """Return this source if it is what was asked for.

        :raises BackendUnavailable: with the reason, after closing it, if not.
        """
        if self.notice:
            self.chain.close()
            raise BackendUnavailable(self.notice)
        return self


def open_source(
    request: Request, clock: Clock, on_change: Callable[[BackendStatus], None]
) -> Opened:
    """Return the first source that works for ``request``; with silence it always succeeds."""
    chain: BackendChain[AudioSource] = BackendChain(
        'audio_capture', order_of(request.kind), factories(request, clock), on_change
    )
    chain.open(clock.now_ns())
    notice = ''
    if chain.active_name == SILENCE and request.kind != SILENCE:
        rows = chain.status().entries
        lost = [
            reason if len(rows) == 2 else f'{name}: {reason}'
            for name, health, reason in rows
            if health in (Health.UNAVAILABLE, Health.FAILED)
        ]
        notice = '; '.join(lost)
    return Opened(request, chain, notice)


def check_fast(request: Request) -> None:
    """Refuse what simulated time cannot drive.

    :raises BackendUnavailable: naming the kind and the fix.
    """
    if request.kind not in ON_DEMAND:
        raise BackendUnavailable(
            f"fast works with {', '.join(ON_DEMAND)}, not with '{request.kind}': "
            'a live source runs in real time; set fast: false'
        )
