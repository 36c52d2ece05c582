"""Out of memory: a smaller model or the CPU before the next engine, and the state says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from stt_tiny_whisper import build

from speech_maker import speak
from tektra.resources.catalogue import Variant
from tektra.resources.errors import is_out_of_memory
from tektra.resources.ladder import Ladder, Rung
from tektra.runtime.backends import BackendChain, BackendFailed, BackendUnavailable, Health
from tektra.stt.backends.faster_whisper import FasterWhisper, WhisperOptions
from tektra.stt.engine import Engine, Job, Want
from tektra.stt.factories import EngineOptions, factories
from tiny_models import Shape, write_whisper

ROOT = Path(__file__).resolve().parents[2]
CUDA_OOM = RuntimeError('CUDA failed with error out of memory')


@pytest.mark.parametrize(
    'error',
    [
        MemoryError(),
        OSError(12, 'Cannot allocate memory'),
        CUDA_OOM,
        RuntimeError('cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED'),
        RuntimeError('std::bad_alloc'),
        RuntimeError(
            '[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : bfc_arena.cc:376 '
            'Failed to allocate memory for requested buffer of size 1073741824'
        ),
        RuntimeError('Available memory of 0 is smaller than requested bytes of 19660800'),
        RuntimeError('cuDNN failed with status CUDNN_STATUS_ALLOC_FAILED'),
        RuntimeError('CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED'),
        RuntimeError('CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED'),
        RuntimeError('could not create a memory object: dnnl_out_of_memory'),
        RuntimeError('out_of_memory'),
        ImportError('libctranslate2.so.4: failed to map segment from shared object'),
    ],
)
def test_every_library_s_words_for_a_lack_of_memory_are_known(error):
    assert is_out_of_memory(error)
    raised = BackendFailed('model on cpu')
    raised.__cause__ = error
    assert is_out_of_memory(raised)


@pytest.mark.parametrize(
    'error',
    [
        ValueError('unknown language'),
        OSError(2, 'No such file or directory'),
        RuntimeError('Library libcublas.so.12 is not found or cannot be loaded'),
        ImportError('libgomp.so.1: cannot allocate memory in static TLS block'),
        ImportError('x.so: failed to map segment from shared object: Operation not permitted'),
        BackendUnavailable('the voice "out of memory" is not known'),
    ],
)
def test_other_errors_are_no_lack_of_memory(error):
    assert not is_out_of_memory(error)


SMALL_GPU = Variant('whisper', 'small', 'cuda', 1000, 1100)
TINY_GPU = Variant('whisper', 'tiny', 'cuda', 800, 600)
BASE = Variant('whisper', 'base', 'cpu', 420)
SMALL = Variant('whisper', 'small', 'cpu', 870)
TINY = Variant('whisper', 'tiny', 'cpu', 300)
ALL = (SMALL_GPU, TINY_GPU, BASE, SMALL, TINY)


class Model:
    """A backend of a variant that breaks when told to."""

    def __init__(self, variant):
        self.variant = variant
        self.closed = False

    def close(self):
        self.closed = True


class Bench:
    """A chain of a ladder and a plain engine; ``breaks``: error of loading, by variant."""

    def __init__(self, *variants, spare=(), **breaks):
        self.breaks = breaks
        self.made = []
        self.tried = []
        self.changes = []
        steps = [*(Rung(v) for v in variants), *(Rung(v, spare=True) for v in spare)]
        made = {
            'whisper': Ladder(lambda: steps, self._make),
            'sphinx': lambda: Model(Variant('sphinx')),
        }
        self.chain = BackendChain('stt', ['whisper', 'sphinx'], made, self.changes.append)

    def _make(self, variant):
        self.tried.append(str(variant))
        error = self.breaks.get(f'{variant.model}_{variant.device}')
        if error is not None:
            raise error
        self.made.append(Model(variant))
        return self.made[-1]

    def open(self):
        self.chain.open(0)
        return self

    @property
    def runs(self):
        return str(self.chain.active.variant)

    @property
    def told(self):
        status = self.changes[-1]
        return status.event, status.degraded, status.entries[0]

    def fail(self, error):
        def run(backend):
            if backend is lost:
                raise error
            return str(backend.variant)

        lost = self.chain.active
        return self.chain.call('finish', 'x', run, 0)


def test_what_can_be_loaded_first_is_used_and_nothing_is_degraded():
    bench = Bench(*ALL).open()
    assert bench.runs == 'whisper small on the GPU'
    assert bench.told == ('chosen at configure', False, ('whisper', Health.ACTIVE, ''))


def test_out_of_gpu_memory_while_loading_goes_to_the_smaller_model_on_the_gpu():
    bench = Bench(*ALL, small_cuda=CUDA_OOM).open()
    assert bench.runs == 'whisper tiny on the GPU'
    _, degraded, row = bench.told
    assert degraded
    assert row == (
        'whisper',
        Health.ACTIVE,
        'out of memory with whisper small on the GPU; now whisper tiny on the GPU',
    )


def test_out_of_gpu_memory_with_every_model_goes_to_the_cpu():
    bench = Bench(*ALL, small_cuda=CUDA_OOM, tiny_cuda=CUDA_OOM).open()
    assert bench.runs == 'whisper base'


def test_out_of_memory_on_the_cpu_goes_to_smaller_models_only():
    bench = Bench(BASE, SMALL, TINY, base_cpu=MemoryError()).open()
    assert bench.runs == 'whisper tiny'
    assert bench.tried == ['whisper base', 'whisper tiny']


def test_out_of_memory_in_use_loses_nothing_and_is_told():
    bench = Bench(*ALL).open()
    assert bench.fail(CUDA_OOM) == 'whisper tiny on the GPU'
    assert bench.made[0].closed  # before the smaller one was loaded, or it would not fit
    event, degraded, _ = bench.told
    assert event == (
        'whisper: out of memory with whisper small on the GPU; now whisper tiny on the GPU'
    )
    assert degraded
    assert bench.fail(CUDA_OOM) == 'whisper base'
    assert bench.fail(MemoryError()) == 'whisper tiny'
    assert bench.fail(MemoryError()) == 'sphinx'


LAUNCH = 'CUDA failed with error unspecified launch failure'


def test_a_gpu_that_breaks_gives_way_to_the_cpu_and_not_to_another_model_on_it():
    bench = Bench(*ALL).open()
    assert bench.fail(RuntimeError(LAUNCH)) == 'whisper base'
    event, degraded, _ = bench.told
    assert degraded
    assert event == (
        f'whisper: the GPU failed with whisper small on the GPU ({LAUNCH}); now whisper base'
    )


def test_an_error_that_is_not_the_gpu_s_does_not_lose_it():
    bench = Bench(*ALL).open()
    assert bench.fail(ValueError('bad audio length')) == 'sphinx'
    bench.chain.maintain(2 * 10**9)
    assert bench.runs == 'whisper small on the GPU'
    assert not bench.told[1]


def test_another_failure_on_the_cpu_is_the_next_engine_s_business():
    bench = Bench(BASE, TINY).open()
    assert bench.fail(ValueError('broken audio')) == 'sphinx'
    assert bench.tried == ['whisper base']


def test_what_ran_out_of_memory_is_not_tried_again_but_the_smallest_is():
    bench = Bench(BASE, TINY, base_cpu=MemoryError(), tiny_cpu=MemoryError()).open()
    assert bench.runs == 'sphinx'
    assert bench.told[2][1] is Health.FAILED
    assert 'out of memory with whisper base, whisper tiny' in bench.told[2][2]
    bench.tried.clear()
    bench.breaks.clear()
    bench.chain.maintain(61 * 10**9)
    assert bench.tried == ['whisper tiny']
    assert bench.runs == 'whisper tiny'
    assert bench.told[1]  # still degraded: it is not what was wanted


def test_a_damaged_smaller_model_does_not_bring_back_what_ran_out_of_memory():
    damaged = BackendUnavailable('damaged')
    bench = Bench(BASE, TINY, base_cpu=MemoryError(), tiny_cpu=damaged).open()
    assert bench.runs == 'sphinx'
    bench.tried.clear()
    bench.chain.maintain(61 * 10**9)
    assert bench.tried == ['whisper tiny']


def test_when_the_smaller_one_does_not_fit_either_every_loss_is_told_and_it_is_let_rest():
    bench = Bench(BASE, TINY, tiny_cpu=MemoryError()).open()
    assert bench.fail(MemoryError()) == 'sphinx'
    assert 'out of memory with whisper base, whisper tiny' in bench.told[2][2]
    bench.tried.clear()
    bench.chain.maintain(59 * 10**9)
    assert bench.tried == []
    bench.chain.maintain(61 * 10**9)
    assert bench.tried == ['whisper tiny']


def test_a_model_that_cannot_be_loaded_gives_way_and_that_is_told():
    damaged = BackendUnavailable('damaged')
    bench = Bench(BASE, TINY, base_cpu=damaged).open()
    assert bench.runs == 'whisper tiny'
    assert bench.told[1:] == (
        True,
        ('whisper', Health.ACTIVE, 'whisper base: damaged; now whisper tiny'),
    )


def test_a_gpu_that_is_found_but_cannot_load_anything_is_not_passed_over_in_silence():
    old = RuntimeError('CUDA driver version is insufficient for CUDA runtime version')
    bench = Bench(SMALL_GPU, BASE, small_cuda=old).open()
    assert bench.runs == 'whisper base'
    assert bench.told[1]
    assert bench.told[2][2] == f'whisper small on the GPU: {old}; now whisper base'


def test_what_the_user_chose_gives_way_only_to_a_lack_of_memory():
    bench = Bench(BASE, spare=[TINY], base_cpu=BackendUnavailable('no such model')).open()
    assert bench.runs == 'sphinx'
    assert bench.told[2] == ('whisper', Health.UNAVAILABLE, 'whisper base: no such model')
    bench = Bench(BASE, spare=[TINY], base_cpu=MemoryError()).open()
    assert bench.runs == 'whisper tiny'


# ---- a real Whisper ---------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Return a weights folder with two real, tiny Whispers."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', str(tmp_path))
    build(tmp_path / 'whisper' / 'base', ('good', 'day'))
    build(tmp_path / 'whisper' / 'tiny.en', ('hello', 'robot'))
    return tmp_path


def test_the_planned_whisper_is_loaded_by_the_name_that_users_write(weights):
    chain = BackendChain(
        'stt', ['faster_whisper', 'pocketsphinx'], factories(EngineOptions()), lambda _: None
    )
    chain.open(0)
    assert chain.active_name == 'faster_whisper'
    assert chain.active.description == 'base, int8 on cpu'


def test_a_whisper_that_runs_out_of_memory_in_an_utterance_loses_none_of_it(weights, monkeypatch):
    """The model really hears; the lack of memory is CTranslate2's own error, raised by hand."""
    changes = []
    chain = BackendChain(
        'stt', ['faster_whisper', 'pocketsphinx'], factories(EngineOptions()), changes.append
    )
    chain.open(0)
    engine = Engine(chain)
    heard = FasterWhisper.finish

    def finish(self):
        if 'base' in self.description:
            raise RuntimeError('CUDA failed with error out of memory')
        return heard(self)

    monkeypatch.setattr(FasterWhisper, 'finish', finish)
    pcm = speak('hello robot')
    half = pcm.size // 2
    engine.run(Job('u/1', True, pcm[:half], Want.NOTHING), 0)
    result = engine.run(Job('u/1', False, pcm[half:], Want.FINAL), 0)
    assert (result.hypothesis.text, result.backend) == ('hello robot', 'faster_whisper')
    assert engine.description == 'faster_whisper (tiny.en, int8 on cpu)'
    assert changes[-1].degraded
    assert changes[-1].event == (
        'faster_whisper: out of memory with faster_whisper base; now faster_whisper tiny.en'
    )


LIMITED = """
import resource, sys
sys.path[:0] = {path!r}
from speech_maker import speak
from tektra.runtime.backends import BackendChain
from tektra.stt.backends.faster_whisper import FasterWhisper, WhisperOptions
from tektra.stt.engine import Engine, Job, Want
from tektra.stt.factories import EngineOptions, factories

pcm = speak('hello robot')
warm = FasterWhisper(WhisperOptions({tiny!r}, '', 'cpu'))  # libraries are in memory from now on
warm.start(); warm.feed(pcm); warm.finish(); warm.close()
with open('/proc/self/statm') as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
most = size + {room} * 1_000_000
resource.setrlimit(resource.RLIMIT_AS, (most, most))
changes = []
order = ['faster_whisper', 'pocketsphinx']
chain = BackendChain('stt', order, factories(EngineOptions(language='en')), changes.append)
chain.open(0)
result = Engine(chain).run(Job('u/1', True, pcm, Want.FINAL), 0)
print(changes[0].entries[0][2])
print(result.backend, result.hypothesis.text, changes[0].degraded)
"""


def test_a_model_that_really_does_not_fit_into_memory_gives_way_to_one_that_does(tmp_path):
    """The limit is the kernel's (RLIMIT_AS): the large model has 430 MB, and 300 are left."""
    folder = tmp_path / 'whisper'
    write_whisper(folder / 'base', shape=Shape(width=2048))
    build(folder / 'tiny.en')
    script = LIMITED.format(
        path=[str(ROOT / 'tests'), str(ROOT / 'src' / 'tektra')],
        tiny=str(folder / 'tiny.en'),
        room=300,
    )
    done = subprocess.run(
        [sys.executable, '-c', script],
        env={
            **os.environ,
            'TEKTRA_WEIGHTS_PATH': str(tmp_path),
            'XDG_CACHE_HOME': str(tmp_path / 'cache'),
            'MALLOC_ARENA_MAX': '1',  # each further arena reserves 64 MB of addresses
            'OMP_NUM_THREADS': '1',
        },
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    reason, heard = done.stdout.splitlines()
    assert reason == ('out of memory with faster_whisper base; now faster_whisper tiny.en')
    assert heard == 'faster_whisper hello robot True'


def test_a_lack_of_memory_is_not_told_as_a_damaged_model(weights, monkeypatch):
    import faster_whisper

    def no_room(*args, **more):
        raise MemoryError

    monkeypatch.setattr(faster_whisper, 'WhisperModel', no_room)
    with pytest.raises(BackendFailed, match=r'base: out of memory \(cpu: MemoryError\)'):
        FasterWhisper(WhisperOptions('base', '', 'cpu'))
