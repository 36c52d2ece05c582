"""Launch files that must be accepted, with what they come to, and files that must be refused.

The accepted ones are also given to the real launch where that is installed (test_launch_parity).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent


@dataclass(frozen=True)
class Accepted:
    """A launch file and the argument lists (after the executable) of its processes."""

    title: str
    text: str
    argv: list[list[object]]
    args: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A launch file, the line that the error must name and what it must say."""

    title: str
    text: str
    line: int
    says: str
    args: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def _launch(text: str) -> str:
    return 'launch:\n' + dedent(text).strip('\n') + '\n'


def _talker(rest: str = '') -> str:
    return _launch(f'- node: {{pkg: launch_demo, exec: talker{rest}}}')


def _parameters(values: str) -> str:
    return _talker(f', name: a, param: [{values}]')


def _file(**values: object) -> list[object]:
    return ['--params-file', {'/**': {'ros__parameters': values}}]


RA = '--ros-args'
NAME = ['-r', '__node:=a']

ACCEPTED = [
    Accepted('a node alone', _talker(), [[RA]]),
    Accepted('a node with a name', _talker(', name: a'), [[RA, *NAME]]),
    Accepted('a namespace', _talker(', namespace: n'), [[RA, '-r', '__ns:=/n']]),
    Accepted('an empty namespace', _talker(", namespace: ''"), [[RA, '-r', '__ns:=/']]),
    Accepted(
        'name and namespace',
        _talker(', name: a, namespace: /x/y/'),
        [[RA, *NAME, '-r', '__ns:=/x/y']],
    ),
    Accepted(
        'arguments in front of ROS arguments',
        _talker(', args: \'one "two three"\', ros_args: --log-level debug'),
        [['one', 'two three', RA, '--log-level', 'debug', RA]],
    ),
    Accepted(
        'a substituted argument stays one argument',
        _launch("""
        - let: {name: x, value: a b}
        - node: {pkg: launch_demo, exec: talker, args: '--text=$(var x) $(var x)$(var x) end  '}
        """),
        [['--text=a b', 'a ba b', 'end', RA]],
    ),
    Accepted('blank arguments make an empty one', _talker(", args: ' '"), [['', RA]]),
    Accepted('empty arguments make one too', _talker(", args: ''"), [['', RA]]),
    Accepted(
        'remappings in order',
        _talker(', remap: [{from: a, to: b}, {from: /c, to: d}]'),
        [[RA, '-r', 'a:=b', '-r', '/c:=d']],
    ),
    Accepted(
        'an argument by its default',
        _launch("""
        - arg: {name: who, default: world, description: Whom to greet.}
        - node: {pkg: launch_demo, exec: talker, args: $(var who)}
        """),
        [['world', RA]],
    ),
    Accepted(
        'an argument that is given',
        _launch("""
        - arg: {name: who, choice: [{value: world}, {value: moon}]}
        - node: {pkg: launch_demo, exec: talker, args: $(var who)}
        """),
        [['moon', RA]],
        args={'who': 'moon'},
    ),
    Accepted(
        'a default that uses another argument and the environment',
        _launch("""
        - arg: {name: a, default: '1'}
        - arg: {name: b, default: '$(var a)-$(env COLOUR)-$(env NO_SUCH_COLOUR none)'}
        - node: {pkg: launch_demo, exec: talker, args: $(var b)}
        """),
        [['1-green-none', RA]],
    ),
    Accepted(
        'if and unless',
        _launch("""
        - arg: {name: loud, default: 'True'}
        - node: {pkg: launch_demo, exec: talker, if: $(var loud)}
        - node: {pkg: launch_demo, exec: listener, unless: $(var loud)}
        """),
        [[RA]],
    ),
    Accepted(
        'boolean substitutions',
        _launch("""
        - let: {name: x, value: '1'}
        - node:
            pkg: launch_demo
            exec: talker
            args: >-
              $(and $(var x) true) $(and $(var x) off) $(or false 0) $(or no yes) $(not $(var x))
        """),
        [['true', 'false', 'false', 'true', 'false', RA]],
    ),
    Accepted(
        'comparisons by value',
        _launch("""
        - let: {name: x, value: '1.0'}
        - node:
            pkg: launch_demo
            exec: talker
            args: >-
              $(equals $(var x) 1) $(equals 1 True) $(equals a A) $(not-equals a b)
              $(equals x 'x') $(equals nan nan) $(equals 'a b' "a b")
        """),
        [['true', 'true', 'false', 'true', 'true', 'false', 'true', RA]],
    ),
    Accepted(
        'a variable with a default',
        _talker(", args: '$(var nothing x) $(var nothing $(var nothing y))'"),
        [['x', 'y', RA]],
    ),
    Accepted(
        'escapes and quotes in substitutions',
        _talker(
            r""", args: '$(env NO_VAR a\(b\)) $(env NO_VAR "it''s") """
            r"""$(env NO_VAR $) $$(env NO_VAR x)'"""
        ),
        [['a(b)', "it's", '$', '$x', RA]],
    ),
    Accepted(
        'an escaped dollar is text',
        _launch(r"""
        - let: {name: x, value: '\$(var y) a\b'}
        - node: {pkg: launch_demo, exec: talker, args: $(var x)}
        """),
        [['$(var y) ab', RA]],
    ),
    Accepted(
        'a group has its own variables',
        _launch("""
        - let: {name: x, value: outer}
        - group:
            - let: {name: x, value: inner}
            - node: {pkg: launch_demo, exec: talker, args: $(var x)}
        - node: {pkg: launch_demo, exec: talker, args: $(var x)}
        """),
        [['inner', RA], ['outer', RA]],
    ),
    Accepted(
        'a group that is not scoped leaks',
        _launch("""
        - group:
            scoped: false
            children:
              - let: {name: x, value: inner}
        - node: {pkg: launch_demo, exec: talker, args: $(var x)}
        """),
        [['inner', RA]],
    ),
    Accepted(
        'namespaces nest and end with their group',
        _launch("""
        - push_ros_namespace: {namespace: a}
        - group:
            - push_ros_namespace: {namespace: b}
            - node: {pkg: launch_demo, exec: talker}
            - node: {pkg: launch_demo, exec: talker, namespace: c}
            - node: {pkg: launch_demo, exec: talker, namespace: /d}
        - node: {pkg: launch_demo, exec: listener}
        """),
        [
            [RA, '-r', '__ns:=/a/b'],
            [RA, '-r', '__ns:=/a/b/c'],
            [RA, '-r', '__ns:=/d'],
            [RA, '-r', '__ns:=/a'],
        ],
    ),
    Accepted(
        'an empty namespace changes nothing below the root',
        _launch("""
        - push_ros_namespace: {namespace: ''}
        - node: {pkg: launch_demo, exec: talker, name: a}
        """),
        [[RA, *NAME, '-r', '__ns:=/']],
    ),
    Accepted(
        'a skipped group',
        _launch("""
        - group:
            if: 'false'
            children:
              - node: {pkg: launch_demo, exec: talker}
        - node: {pkg: launch_demo, exec: listener}
        """),
        [[RA]],
    ),
    Accepted('nothing at all', 'launch: []\n', []),
    Accepted('an empty group', _launch('- group: []'), []),
    Accepted('a log message', _launch("- log: {message: 'x is $(env COLOUR)'}"), []),
    Accepted(
        'the environment of a group ends with it',
        _launch("""
        - group:
            - set_env: {name: COLOUR, value: blue}
            - node: {pkg: launch_demo, exec: talker, args: $(env COLOUR)}
        - node: {pkg: launch_demo, exec: talker, args: $(env COLOUR)}
        """),
        [['blue', RA], ['green', RA]],
    ),
    Accepted(
        'an included file sees and changes the variables of its includer',
        _launch("""
        - let: {name: x, value: outer}
        - include:
            file: $(dirname)/part.launch.yaml
            arg: [{name: y, value: '$(var x)!'}]
        - node: {pkg: launch_demo, exec: listener, args: '$(var x) $(var y) $(var z)'}
        """),
        [['outer outer!', RA], ['changed', 'outer!', 'new', RA]],
        files={
            'part': _launch("""
            - arg: {name: y}
            - arg: {name: x, default: unused}
            - node: {pkg: launch_demo, exec: talker, args: '"$(var x)" $(var y)'}
            - let: {name: x, value: changed}
            - let: {name: z, value: new}
            """).replace('"$(var x)" $(var y)', '$(env NO_VAR "$(var x) $(var y)")')
        },
    ),
    Accepted(
        'an include in a group leaks nothing',
        _launch("""
        - let: {name: x, value: outer}
        - group:
            - include: {file: $(dirname)/part.launch.yaml}
        - node: {pkg: launch_demo, exec: listener, args: $(var x)}
        """),
        [['outer', RA]],
        files={'part': _launch('- let: {name: x, value: inner}')},
    ),
    Accepted(
        'an included file pushes a namespace onto what follows',
        _launch("""
        - include: {file: $(dirname)/part.launch.yaml}
        - node: {pkg: launch_demo, exec: talker}
        """),
        [[RA, '-r', '__ns:=/part']],
        files={'part': _launch('- push_ros_namespace: {namespace: part}')},
    ),
    Accepted(
        'an argument of the command line reaches an included file',
        _launch('- include: {file: $(dirname)/part.launch.yaml}'),
        [['deep', RA]],
        args={'y': 'deep'},
        files={
            'part': _launch("""
            - arg: {name: y, default: shallow}
            - node: {pkg: launch_demo, exec: talker, args: $(var y)}
            """)
        },
    ),
    Accepted(
        'an integer parameter', _parameters('{name: p, value: 3}'), [[RA, *NAME, *_file(p=3)]]
    ),
    Accepted(
        'a quoted number is a string',
        _parameters("{name: p, value: '3'}"),
        [[RA, *NAME, *_file(p='3')]],
    ),
    Accepted(
        'a substituted number is a number',
        _parameters("{name: p, value: '$(env NO_VAR 3)'}"),
        [[RA, *NAME, *_file(p=3)]],
    ),
    Accepted(
        'a substituted number of declared type',
        _parameters(
            "{name: p, value: '$(env NO_VAR 3)', type: float}, "
            "{name: q, value: '$(env NO_VAR 3)', type: str}, "
            "{name: r, value: '$(env NO_VAR 1)', type: bool}, "
            "{name: s, value: '$(env NO_VAR 7)', type: int}"
        ),
        [[RA, *NAME, *_file(p=3.0), *_file(q='3'), *_file(r=True), *_file(s=7)]],
    ),
    Accepted(
        'lists',
        _parameters(
            "{name: p, value: [1, 2]}, {name: q, value: [a, '$(env COLOUR)']}, "
            "{name: r, value: [0.5, '$(env NO_VAR 1)'], type: list_of_float}, "
            "{name: s, value: '$(env NO_VAR [1,2])'}"
        ),
        [
            [
                RA,
                *NAME,
                *_file(p=[1, 2]),
                *_file(q=['a', 'green']),
                *_file(r=[0.5, 1.0]),
                *_file(s=[1, 2]),
            ]
        ],
    ),
    Accepted(
        'nested parameters are joined by dots',
        _parameters(
            '{name: p, param: [{name: q, value: 1}, {name: r, param: [{name: s, value: x}]}]}'
        ),
        [[RA, *NAME, *_file(**{'p.q': 1, 'p.r.s': 'x'})]],
    ),
    Accepted(
        'parameters of a fully named node carry its name; files keep their order',
        _talker(
            ', name: a, namespace: n, param: [{name: p, value: 1}, '
            '{from: $(dirname)/v.launch.yaml}, {name: q, value: true}]'
        ),
        [
            [
                RA,
                *NAME,
                '-r',
                '__ns:=/n',
                '--params-file',
                {'/n/a': {'ros__parameters': {'p': 1}}},
                '--params-file',
                {'/**': {'ros__parameters': {'z': 5}}},
                '--params-file',
                {'/n/a': {'ros__parameters': {'q': True}}},
            ]
        ],
        files={'v': '/**:\n  ros__parameters: {z: 5}\n'},
    ),
    Accepted(
        'all of respawn',
        _talker(", respawn: 'true', respawn_delay: 0.5, respawn_max_retries: 3, output: screen"),
        [[RA]],
    ),
    Accepted('a required process', _talker(", on_exit: shutdown, respawn: 'false'"), [[RA]]),
    Accepted(
        'time-outs and environment of a node',
        _talker(
            ', sigterm_timeout: 1.0, sigkill_timeout: 2.5, '
            'env: [{name: A, value: $(env COLOUR)}], exec_name: chat'
        ),
        [[RA]],
    ),
]

REFUSED = [
    Refused('an empty file', '# nothing\n', 1, "starts with 'launch:'"),
    Refused('another root', 'lunch: []\n', 1, "one key at its root, 'launch:'"),
    Refused('two roots', 'launch: []\nother: []\n', 1, 'one key at its root'),
    Refused('a root that is not a list', 'launch: {node: {exec: a}}\n', 1, 'must be a list'),
    Refused('no YAML', 'launch:\n- node: {pkg: [}\n', 2, 'not valid YAML'),
    Refused('a tab', 'launch:\n\t- node: {}\n', 2, 'not valid YAML'),
    Refused('two documents', 'launch: []\n---\nlaunch: []\n', 2, 'not valid YAML'),
    Refused('a python tag', "launch:\n- log: !!python/name:os.system ''\n", 2, 'not valid YAML'),
    Refused(
        'a key given twice',
        _talker(', exec: listener'),
        2,
        "key 'exec' is already set in line 2",
    ),
    Refused('a merge key', _launch('- node: {<<: {exec: a}}'), 2, 'merge keys'),
    Refused('a self-containing alias', 'launch: &a\n- group: *a\n', 2, 'nested deeper'),
    Refused('an unknown action', _launch('- noode: {exec: a}'), 2, "did you mean 'node'?"),
    Refused('an action outside the subset', _launch('- timer: {period: 1.0}'), 2, 'not supported'),
    Refused('an action that is a word', _launch('- node'), 2, 'a mapping with one key'),
    Refused('keys at the level of the action', 'launch:\n- node:\n  pkg: a\n', 2, 'indented'),
    Refused('a node without exec', _launch('- node: {pkg: launch_demo}'), 2, "needs 'exec'"),
    Refused('a misspelt key', _talker(', namspace: x'), 2, "did you mean 'namespace'?"),
    Refused('a key outside the subset', _talker(', emulate_tty: true'), 2, 'not supported here'),
    Refused('a name that is a number', _talker(', name: 5'), 2, 'must be a string (in quotes)'),
    Refused('respawn as a boolean', _talker(', respawn: true'), 2, 'not the boolean true'),
    Refused('respawn as a word', _talker(', respawn: always'), 2, "'respawn' must be 'true' or"),
    Refused('a delay that is an integer', _talker(', respawn_delay: 1'), 2, 'decimal point'),
    Refused('a delay in quotes', _talker(", respawn_delay: '1.0'"), 2, 'decimal point'),
    Refused('a negative delay', _talker(', respawn_delay: -1.0'), 2, 'must be 0.0 or more'),
    Refused('retries in quotes', _talker(", respawn_max_retries: '3'"), 2, 'an integer'),
    Refused('retries as a boolean', _talker(', respawn_max_retries: true'), 2, 'an integer'),
    Refused('a time-out that is an integer', _talker(', sigterm_timeout: 5'), 2, 'decimal point'),
    Refused('another on_exit', _talker(', on_exit: restart'), 2, "can only be 'shutdown'"),
    Refused('an unknown output', _talker(', output: scren'), 2, "not 'scren'"),
    Refused('if as a boolean', _talker(', if: true'), 2, 'must be a string'),
    Refused('if and unless', _talker(", if: 'true', unless: 'true'"), 2, 'exclude each other'),
    Refused('a condition that is a word', _talker(', if: yes please'), 2, "not 'yes please'"),
    Refused('a condition by another YAML word', _talker(", if: 'on'"), 2, "'if' must become"),
    Refused('an empty list of parameters', _talker(', param: []'), 2, 'an empty list'),
    Refused('a remapping without to', _talker(', remap: [{from: a}]'), 2, "needs 'to'"),
    Refused('remappings as text', _talker(', remap: a:=b'), 2, 'must be a list of mappings'),
    Refused('a bad node name', _talker(', name: a-b'), 2, "'a-b' is not a node name"),
    Refused('a bad namespace', _talker(', namespace: 1st'), 2, "'/1st' is not a namespace"),
    Refused('an unknown substitution', _talker(', args: $(varr x)'), 2, "did you mean 'var'?"),
    Refused('eval', _talker(', args: $(eval 1)'), 2, '$(eval) is not supported here'),
    Refused('too many arguments', _talker(', args: $(not a b)'), 2, 'takes 1 argument(s), not 2'),
    Refused(
        'a comparison with nothing',
        _talker(""", args: $(equals $(env COLOUR) '')"""),
        2,
        "cannot compare with an empty ''",
    ),
    Refused('two spaces', _talker(', args: $(var  x)'), 2, 'exactly one space'),
    Refused('an open substitution', _talker(', args: $(var x'), 2, 'is not closed by )'),
    Refused('a half-quoted argument', _talker(""", args: "$(var 'a'b)" """), 2, 'as a whole'),
    Refused(
        'an unknown variable', _talker(', args: $(var spede)'), 2, '$(var spede): no argument'
    ),
    Refused('an unset environment variable', _talker(', args: $(env NO_VAR)'), 2, 'is not set'),
    Refused('not of a word', _talker(', args: $(not maybe)'), 2, "not 'maybe'"),
    Refused(
        'quotes across a substitution', _talker(""", args: "'a $(env COLOUR)'" """), 2, 'quotation'
    ),
    Refused(
        'double backslash before a substitution',
        _talker(r', args: a\\$(env COLOUR)'),
        2,
        'ambiguous',
    ),
    Refused('no such package', _launch('- node: {pkg: lunch_demo, exec: a}'), 2, "'launch_demo'?"),
    Refused(
        'no such executable', _launch('- node: {pkg: launch_demo, exec: taker}'), 2, "'talker'?"
    ),
    Refused('no such program', _launch('- node: {exec: no-such-program}'), 2, 'on PATH'),
    Refused(
        'a let that is a number', _launch('- let: {name: x, value: 5}'), 2, 'must be a string'
    ),
    Refused(
        'a default that is a boolean', _launch('- arg: {name: x, default: true}'), 2, 'be a string'
    ),
    Refused('an argument that is missing', _launch('- arg: {name: x}'), 2, 'pass x:=VALUE'),
    Refused(
        'a choice that is none',
        _launch('- arg: {name: x, default: a, choice: [{value: alpha}, {value: beta}]}'),
        2,
        "argument 'x' cannot be 'bta'; did you mean 'beta'?",
        args={'x': 'bta'},
    ),
    Refused(
        'an argument nobody declares',
        _launch('- arg: {name: speaker, default: auto}'),
        0,
        "no argument 'speker'; did you mean 'speaker'?",
        args={'speker': 'x'},
    ),
    Refused('no such include', _launch('- include: {file: /no/such.launch.yaml}'), 2, 'no such'),
    Refused(
        'a python include', _launch('- include: {file: $(dirname)/part.launch.py}'), 2, 'no such'
    ),
    Refused(
        'a file that includes itself',
        _launch('- include: {file: $(dirname)/main.launch.yaml}'),
        2,
        'include each other',
    ),
    Refused(
        'an include without a required argument',
        _launch("""
        - let: {name: x, value: '1'}
        - include: {file: $(dirname)/part.launch.yaml}
        """),
        2,
        "argument 'x' is required; pass it as 'arg'",
        files={'part': _launch('- arg: {name: x}')},
    ),
    Refused(
        'an error in an included file',
        _launch('- include: {file: $(dirname)/part.launch.yaml}'),
        3,
        'part.launch.yaml:3: unknown key',
        files={'part': _launch('- log: {message: hello}\n- log: {massage: hello}')},
    ),
    Refused(
        'dirname after an include of another folder',
        _launch("""
        - include: {file: $(dirname)/sub/part.launch.yaml}
        - log: {message: $(dirname)}
        """),
        3,
        "put it in a 'let' before the include",
        files={'sub__part': 'launch: []\n'},
    ),
    Refused('scoped in quotes', _launch("- group: {scoped: 'false', children: []}"), 2, 'scoped'),
    Refused('a group without children', _launch("- group: {if: 'true'}"), 2, 'a list of actions'),
    Refused('a set_env without value', _launch('- set_env: {name: A}'), 2, "needs 'value'"),
    Refused('a param without name', _parameters('{value: 1}'), 2, "needs 'name' and 'value'"),
    Refused('a param with from and name', _parameters('{from: a, name: b}'), 2, "key 'name'"),
    Refused('a param without value', _parameters('{name: p}'), 2, "either 'value' or nested"),
    Refused('a param that is null', _parameters('{name: p, value: null}'), 2, 'needs a value'),
    Refused('a param that is a mapping', _parameters('{name: p, value: {a: 1}}'), 2, 'nest'),
    Refused('a param of mixed types', _parameters('{name: p, value: [1, a]}'), 2, 'one type'),
    Refused('an unknown type', _parameters('{name: p, value: 1, type: double}'), 2, "'double'"),
    Refused(
        'a float that is an integer', _parameters('{name: p, value: 1, type: float}'), 2, 'poin'
    ),
    Refused(
        'an int in quotes', _parameters("{name: p, value: '1', type: int}"), 2, 'without quotes'
    ),
    Refused(
        'a substituted int that is a word',
        _parameters('{name: p, value: $(env COLOUR), type: int}'),
        2,
        "'green' is not of type 'int'",
    ),
    Refused(
        'substitutions in a parameter file',
        _parameters("{from: a, allow_substs: 'true'}"),
        2,
        'not supported here',
    ),
    Refused(
        'no such parameter file', _parameters('{from: /no/such.yaml}'), 2, 'no parameter file'
    ),
    Refused(
        'a broken parameter file',
        _parameters('{from: $(dirname)/v.launch.yaml}'),
        3,
        "v.launch.yaml:3: parameter 'p' has no value",
        files={'v': '/**:\n  ros__parameters:\n    p:\n'},
    ),
]
