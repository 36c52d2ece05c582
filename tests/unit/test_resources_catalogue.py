"""config/resources.yaml: what is read, what is refused with file, line, key and value."""

from dataclasses import replace
from pathlib import Path

import pytest

from tektra.resources.catalogue import Budget, CatalogueError, load_catalogue
from tektra.resources.machine import Gpu, Machine
from tektra.resources.plan import Amount
from tektra.resources.survey import budget_of, missing, of_size, plan_for
from tektra.stt.factories import NAMES
from tektra.tts.params import TtsParams
from tektra.vad.params import VadParams
from tektra.weights.catalogue import load_catalogue as load_weights

SHIPPED = Path(__file__).resolve().parents[2] / 'config' / 'resources.yaml'
GPU = Machine(32_000, gpus=(Gpu('T4', 16_000),))


@pytest.fixture
def load(tmp_path):
    def read(text):
        path = tmp_path / 'resources.yaml'
        path.write_text(text)
        return load_catalogue(path)

    return read


def test_the_shipped_file_has_every_engine_of_the_nodes_and_every_whisper_of_the_weights():
    found = load_catalogue(SHIPPED)
    engines = {n: {v.engine for v in rows} for n, rows in found.capabilities.items()}
    assert engines['stt'] == set(NAMES)
    assert engines['tts'] == set(TtsParams().backends) - {'captions'}
    assert engines['vad'] == set(VadParams().backends)
    known = {entry.name for entry in load_weights() if entry.use == 'stt'}
    for device in ('cpu', 'cuda'):
        stt = found.capabilities['stt']
        assert {v.weights for v in stt if v.device == device and v.weights} == known


def test_the_shipped_order_of_engines_is_that_of_the_nodes():
    found = load_catalogue(SHIPPED).capabilities
    for name, order in (('stt', NAMES), ('tts', TtsParams().backends), ('vad', ('silero',))):
        engines = list(dict.fromkeys(v.engine for v in found[name]))
        assert engines[: len(order)] == [e for e in order if e in engines]


def test_the_budget_is_four_fifths_of_what_there_is_unless_it_is_given(load):
    assert budget_of(Budget(), GPU) == Amount(25_600, 12_800)
    rows = 'capabilities: {vad: [{engine: energy, memory_mb: 75, figure: measured}]}'
    found = load(f'budget: {{memory_mb: 600}}\n{rows}')
    assert budget_of(found.budget, GPU) == Amount(600, 12_800)
    assert load(rows).budget == Budget()
    assert load(f'budget: {{gpu_memory_mb: auto}}\n{rows}').budget == Budget()


ROW = '{engine: e, memory_mb: 1, figure: measured}'


@pytest.mark.parametrize(
    ('text', 'wrong'),
    [
        ('[]', 'resources.yaml: must be a mapping with the keys budget, capabilities'),
        (
            'budgets: {}',
            "resources.yaml:1: the file: unknown key 'budgets'; did you mean 'budget'",
        ),
        ('budget: {}', 'resources.yaml:1: capabilities: must name at least one'),
        (
            f'capabilities: {{a: [{ROW}]}}\nbudget: {{memory_mb: -1}}',
            'resources.yaml:2: budget.memory_mb: the integer -1 must be a whole number of MB',
        ),
        (
            f'capabilities: {{a: [{ROW}]}}\nbudget: {{memory_mb: 80%}}',
            "budget.memory_mb: the string '80%' must be a whole number of MB, at most 10000000, "
            "or 'auto'",
        ),
        (f'capabilities: {{a: [{ROW}]}}\nbudget: 7', ':2: budget: must be a mapping'),
        ('capabilities: {a: []}', 'capabilities.a: must be a list of variants'),
        ('capabilities: {a: [x]}', "a[1]: must be a mapping, not the string 'x'"),
        (f'capabilities:\n  a:\n  - {ROW}\n  - {ROW}', ':4: capabilities.a[2]: e is there twice'),
        ('capabilities: {a: [{memory_mb: 1, figure: measured}]}', 'a[1]: has no engine'),
        ('capabilities: {a: [{engine: e, figure: measured}]}', 'a[1]: has no memory_mb'),
        (
            'capabilities: {a: [{engine: e, memory_mb: 1}]}',
            'a[1]: has no figure; add it: measured, estimated',
        ),
        (
            'capabilities: {a: [{engine: e, memory_mb: 1.5, figure: measured}]}',
            'a[1].memory_mb: the float 1.5 must be a whole number',
        ),
        (
            'capabilities: {a: [{engine: e, memory_mb: 1, figure: guessed}]}',
            "a[1].figure: the string 'guessed' is not one of measured, estimated",
        ),
        (
            'capabilities: {a: [{engine: e, memory_mb: 1, figure: measured, device: gpu}]}',
            "a[1].device: the string 'gpu' is not one of cpu, cuda",
        ),
        (
            'capabilities: {a: [{engine: e, memory_mb: 1, figure: measured, device: cuda}]}',
            'a[1]: gpu_memory_mb goes with device cuda; add it',
        ),
        (
            'capabilities: {a: [{engine: e, memory_mb: 1, figure: measured, gpu_memory_mb: 1}]}',
            'a[1]: gpu_memory_mb goes with device cuda; remove it',
        ),
        (
            'capabilities: {a: [{engine: e, memory_mb: 1, figure: measured, modle: x}]}',
            "a[1]: unknown key 'modle'; did you mean 'mod",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_place_its_value_and_what_is_allowed(load, text, wrong):
    with pytest.raises(CatalogueError) as caught:
        load(text)
    assert wrong in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_RESOURCES_CONFIG', str(tmp_path / 'mine.yaml'))
    with pytest.raises(CatalogueError, match=r'mine\.yaml: no such file'):
        load_catalogue()


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Return what puts a file of some bytes into a weights folder of the test's own."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', str(tmp_path / 'mine'))

    def put(name, size=1):
        path = tmp_path / 'mine' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('wb') as file:
            file.truncate(size)

    return put


@pytest.fixture
def whisper(weights):
    """Return what puts a Whisper whose model.bin has some bytes there."""

    def put(name, size=1):
        for file in ('config.json', 'tokenizer.json', 'vocabulary.txt'):
            weights(f'whisper/{name}/{file}')
        weights(f'whisper/{name}/model.bin', size)

    return put


def stt(machine=GPU):
    return plan_for(load_catalogue(SHIPPED), machine).choice('stt')


def test_only_weights_that_are_on_disk_are_planned(whisper):
    pytest.importorskip('faster_whisper')
    assert stt().variant.engine == 'pocketsphinx'
    whisper('base.en')
    assert str(stt().variant) == 'faster_whisper base.en on the GPU'
    assert str(stt(Machine(32_000)).variant) == 'faster_whisper base.en'
    whisper('small')
    assert str(stt().variant) == 'faster_whisper small on the GPU'
    assert str(stt(Machine(32_000)).variant) == 'faster_whisper base.en'


@pytest.mark.parametrize(
    'files',
    [['model.bin.part', 'config.json', 'tokenizer.json'], ['model.bin', 'config.json']],
)
def test_a_model_of_which_files_are_missing_is_not_planned_and_they_are_named(weights, files):
    pytest.importorskip('faster_whisper')
    for file in files:
        weights(f'whisper/base/{file}')
        weights(f'whisper/my-own/{file}')
    choice = stt(Machine(32_000))
    assert choice.variant.engine == 'pocketsphinx'
    (told,) = (p.reason for p in choice.passed if str(p.variant) == 'faster_whisper base')
    assert told.startswith('not complete on disk: ')
    assert {p.variant.model for p in choice.passed}.isdisjoint(['my-own'])


def test_a_small_machine_gets_a_smaller_model(whisper):
    pytest.importorskip('faster_whisper')
    whisper('base.en')
    whisper('tiny.en')
    assert stt(Machine(800)).variant.model == 'base.en'  # 640: 420 + 80 + 110
    small = stt(Machine(630))  # 504
    assert small.variant.model == 'tiny.en'
    assert small.why.endswith('faster_whisper base.en: needs 420 MB; the budget leaves 314 MB')


def test_a_model_that_the_file_does_not_know_is_planned_by_its_size(whisper):
    pytest.importorskip('faster_whisper')
    whisper('my-own', 300_000_000)
    found = stt(Machine(32_000)).variant
    assert (found.model, found.device, found.figure) == ('my-own', 'cpu', 'estimated')
    assert 500 < found.memory_mb < 750


@pytest.mark.parametrize(
    ('model', 'size'), [('tiny.en', 75.5e6), ('base', 145e6), ('small', 483e6)]
)
def test_the_estimate_by_size_agrees_with_what_was_measured(model, size):
    (measured,) = (
        v
        for v in load_catalogue(SHIPPED).capabilities['stt']
        if (v.model, v.device) == (model, 'cpu')
    )
    assert of_size(model, int(size), 'cpu').memory_mb == pytest.approx(measured.memory_mb, rel=0.1)


def test_a_package_that_is_not_installed_and_a_gpu_that_is_not_there_are_named():
    first, *_, last = load_catalogue(SHIPPED).capabilities['stt']
    assert missing(first, Machine(1000)) in ('no GPU', _absent('faster_whisper'))
    assert missing(replace(last, module='no_such_engine'), GPU) == _absent('no_such_engine')


def _absent(package):
    return f'the Python package {package} is not installed'
