"""config/lifecycle.yaml: what is read, and what is refused with file, line, key and the fix."""

from pathlib import Path

import pytest

from tektra.lifecycle_manager.graph import GraphError, RestartPolicy, Tier, load_graph

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def load(tmp_path):
    def read(text, namespace=''):
        path = tmp_path / 'lifecycle.yaml'
        path.write_text(text)
        return load_graph(path, namespace)

    return read


def test_the_shipped_graph_holds_the_whole_voice_loop_consumers_first():
    graph = load_graph(ROOT / 'config' / 'lifecycle.yaml')
    voice = 'audio_playback tts dialogue turn_taking stt vad audio_capture'
    assert graph.order == tuple(f'/{name}' for name in voice.split())
    assert all(spec.tier is Tier.CORE for spec in graph.nodes.values())


def test_names_are_those_of_the_namespace_and_defaults_are_filled_in(load):
    graph = load('nodes:\n  b: {requires: [a], restart: {max: 2}}\n  a:\n', '/robot1')
    assert graph.order == ('/robot1/a', '/robot1/b')
    assert graph['/robot1/b'].requires == ('/robot1/a',)
    assert graph['/robot1/b'].restart == RestartPolicy(max=2)
    assert graph['/robot1/a'].configure_timeout_s == 60.0


def test_closures_follow_requirements_and_leave_safety_out(load):
    graph = load(
        'nodes:\n  estop: {tier: safety}\n  a: {requires: [estop]}\n'
        '  b: {requires: [a]}\n  c: {requires: [b], tier: optional}\n  d:\n'
    )
    assert graph.with_requirements(['/b']) == ['/a', '/b']
    assert graph.with_dependents(['/a']) == ['/a', '/b', '/c']
    assert '/estop' not in graph.managed


@pytest.mark.parametrize(
    ('text', 'wrong'),
    [
        ('nodes: {a: {tires: core}}', "lifecycle.yaml:1: nodes.a: unknown key 'tires'"),
        ('nodes:\n  a: {requires: [b]}\n  c:', ":2: nodes.a.requires: the string 'b' is no node"),
        ('nodes: {stt: {}, vad: {requires: [sst]}}', "did you mean 'stt'?"),
        ('nodes: {a: {requiers: []}}', "unknown key 'requiers'; did you mean 'requires'?"),
        ('nodes: {a: {tier: vital}}', "nodes.a.tier: the string 'vital' is not one of safety"),
        (
            'nodes: {a: {requires: [c]}, b: {requires: [a]}, c: {requires: [b]}}',
            'in a circle: /a -> /c -> /b -> /a',
        ),
        ('nodes: {a: {requires: [a]}}', 'in a circle: /a -> /a'),
        ('nodes: {a: {requires: b}, b: {}}', 'nodes.a.requires: must be a list'),
        ('nodes: {a: {configure_timeout_s: 0}}', 'configure_timeout_s: the integer 0 must be'),
        ('nodes: {a: {configure_timeout_s: long}}', "the string 'long' must be a number above 0"),
        ('nodes: {a: {configure_timeout_s: true}}', 'the boolean true must be a number'),
        ('nodes: {a: {restart: {most: 3}}}', "nodes.a.restart: unknown key 'most'"),
        ('nodes: {a: {restart: {max: 1.5}}}', 'nodes.a.restart.max: 1.5 must be a whole number'),
        ('nodes: {a: {restart: 5}}', 'nodes.a.restart: must be a mapping'),
        ('nodes: {a: 5}', 'nodes.a: must be a mapping'),
        ('nodes: {a: {}, a: {}}', "key 'a' is already set in line 1"),
        ('nodes: {}', 'must name at least one node'),
        ('node: {}', "unknown key 'node'; did you mean 'nodes'?"),
        ('', "must be a mapping with the one key 'nodes'"),
        ('nodes: [a', 'not valid YAML'),
        ('nodes: {r1/a: {}}', 'is no name of a node'),
        (
            'nodes: {a: {requires: [b]}, b: {tier: optional}}',
            "nodes.a.requires: a core node cannot require the optional 'b'",
        ),
        ('nodes: {a: {tier: safety, requires: [b]}, b: {}}', 'a safety node requires nothing'),
    ],
)
def test_what_is_wrong_is_named(load, text, wrong):
    with pytest.raises(GraphError) as caught:
        load(text)
    assert wrong in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(GraphError, match=r'absent\.yaml: no such file'):
        load_graph(tmp_path / 'absent.yaml')
