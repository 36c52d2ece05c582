"""Reading descriptions: what is read, and that each thing that is wrong is told with its fix."""

import re

import pytest
from description_files import (
    LINK,
    TEK_XACRO,
    hinge,
    reachy_file,
    robot,
    tek_plain,
    two_links,
    write,
)

from tektra.description import urdf
from tektra.description.load import load_description
from tektra.description.model import DescriptionError

UNLIMITED = '<joint name="{}" type="{}"><parent link="base"/><child link="arm"/></joint>'
XACRO = '<robot name="small" xmlns:xacro="http://www.ros.org/wiki/xacro">'


def refusal(folder, text, name='small.urdf', **arguments):
    with pytest.raises(DescriptionError) as caught:
        load_description(write(folder, text, name), **arguments)
    return str(caught.value).removeprefix(f'{folder}/')


def test_a_small_robot_is_read_with_its_tree_limits_and_axis(tmp_path):
    found = load_description(write(tmp_path, two_links(hinge('turn', 'base', 'arm'))))
    assert (found.name, found.root, found.links) == ('small', 'base', ('base', 'arm'))
    joint = found.joints['turn']
    assert joint.axis == (0.0, 0.0, 1.0) and joint.bounds == (-1.0, 1.0)
    assert joint.limits.velocity == 2.0
    assert found.problems == ()


def test_the_prefix_goes_to_links_of_the_text_and_to_frames_and_nowhere_else(tmp_path):
    text = two_links(hinge('turn', 'base', 'arm'), '<gazebo reference="arm"/>')
    found = load_description(write(tmp_path, text), prefix='r2/')
    assert found.links == ('base', 'arm')
    assert found.frame('arm') == 'r2/arm'
    again = load_description(write(tmp_path, found.urdf, 'again.urdf'))
    assert again.links == ('r2/base', 'r2/arm')
    assert list(again.joints) == ['turn']
    assert 'reference="r2/arm"' in found.urdf


def test_extensions_of_other_namespaces_are_left_alone(tmp_path):
    text = two_links(hinge('turn', 'base', 'arm'), '<e:link xmlns:e="urn:e" name="arm"/>')
    found = load_description(write(tmp_path, text), prefix='r2/')
    assert found.links == ('base', 'arm')
    [extension] = re.findall('<e:link [^>]*>', found.urdf)
    assert ' name="arm"' in extension


@pytest.mark.parametrize(
    'elements, said',
    [
        (
            [UNLIMITED.format('turn', 'revolute')],
            "small.urdf:4: joint 'turn' is revolute and has no limits; add <limit",
        ),
        (
            [UNLIMITED.format('slide', 'prismatic')],
            'upper="..." velocity="..." effort="..."/> (m, m/s)',
        ),
        (
            [hinge('turn', 'base', 'arm').replace('lower="-1"', 'lower="1"')],
            "joint 'turn': lower 1 must be below upper 1 (rad)",
        ),
        ([hinge('turn', 'base', 'hand')], "small.urdf:4: joint 'turn': child 'hand' is no link"),
        ([hinge('turn', 'base', 'amr')], "child 'amr' is no link; did you mean 'arm'?"),
        ([LINK.format('arm')], "small.urdf:4: link 'arm' is there twice"),
        (
            [hinge('turn', 'base', 'arm'), hinge('turn', 'arm', 'base')],
            "small.urdf:5: joint 'turn' is there twice",
        ),
        ([], 'small.urdf:3: has 2 roots: base, arm; connect all but one'),
        (
            [hinge('a', 'base', 'arm'), hinge('b', 'arm', 'base')],
            'joints go round in a circle: base, arm',
        ),
        (
            [LINK.format('x'), hinge('a', 'base', 'arm'), hinge('b', 'x', 'arm')],
            "link 'arm' is the child of two joints, 'a' and 'b'",
        ),
        (
            [hinge('turn', 'base', 'arm', '<mimic joint="trun"/>')],
            "joint 'turn' mimics 'trun', which is no joint; did you mean 'turn'?",
        ),
        (
            [hinge('turn', 'base', 'arm', '<mimic joint="turn"/>')],
            "joint 'turn' mimics 'turn', which is a mimic itself",
        ),
        (
            [hinge('turn', 'base', 'arm').replace('revolute', 'hinge')],
            "joint 'turn': type 'hinge' is none of revolute, continuous, prismatic, fixed",
        ),
        ([hinge('turn', 'base', 'arm').replace('0 0 1', '0 0 0')], 'axis is 0 0 0'),
        ([hinge('turn', 'base', 'arm').replace('0 0 1', '0 0')], 'must be three numbers, not 2'),
        ([hinge('turn', 'base', 'arm').replace('0 0 1', '0 0 nan')], "'nan' is no number"),
        ([hinge('', 'base', 'arm')], 'a <joint> has no name'),
        (['<link name="x">'], 'small.urdf:5: not valid XML: mismatched tag'),
        (['<xacro:wheel/>'], 'small.urdf:4: not valid XML: unbound prefix'),
    ],
)
def test_what_is_wrong_is_told_with_file_line_name_and_fix(tmp_path, elements, said):
    assert said in refusal(tmp_path, two_links(*elements))


def test_a_continuous_joint_needs_no_limits(tmp_path):
    text = two_links(UNLIMITED.format('w', 'continuous'))
    found = load_description(write(tmp_path, text))
    assert found.joints['w'].bounds == (-float('inf'), float('inf'))


def test_a_floating_joint_is_taken_as_fixed_and_said(tmp_path):
    text = two_links(hinge('f', 'base', 'arm').replace('revolute', 'floating'))
    found = load_description(write(tmp_path, text))
    assert found.joints['f'].type == 'fixed'
    assert "small.urdf:4: joint 'f' is floating; it is taken as fixed" in found.problems[0]


@pytest.mark.parametrize(
    'text, said',
    [
        ('<sdf version="1.6"/>', 'the first element is <sdf>, not <robot>'),
        ('hello', 'not valid XML: syntax error'),
        ('', 'not valid XML: no element found'),
        ('<robot name="x"/>', 'the robot has no <link>'),
        ('<!DOCTYPE r [<!ENTITY a "aaaa">]><robot name="&a;"/>', "declares the XML entity 'a'"),
        ('<robot>' + '<a>' * 300 + '</a>' * 300 + '</robot>', 'nested deeper than 200'),
    ],
)
def test_what_is_no_robot_at_all_is_refused(tmp_path, text, said):
    assert said in refusal(tmp_path, text)


def test_a_binary_file_a_folder_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / 'a.stl').write_bytes(b'\x80\x81\xff')
    for name, said in (('a.stl', 'is no text'), ('.', 'is a folder'), ('b.urdf', 'No such file')):
        with pytest.raises(DescriptionError, match=said):
            load_description(tmp_path / name)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / 'huge.urdf'
    with path.open('wb') as file:
        file.truncate(urdf.MAX_BYTES + 1)
    with pytest.raises(DescriptionError, match='32 MB, more than 32; shapes belong'):
        load_description(path)


def meshed(uri):
    return robot(
        f'<link name="base"><visual><geometry><mesh filename="{uri}"/></geometry></visual></link>'
    )


@pytest.mark.parametrize('folder', ['my_robot/urdf', 'urdf', '.'])
def test_a_mesh_is_found_in_its_package_beside_the_file(tmp_path, folder):
    mesh = write(tmp_path, '', 'my_robot/meshes/a b.stl')
    path = write(tmp_path / folder, meshed('package://my_robot/meshes/a%20b.stl'))
    [found] = load_description(path).meshes
    assert found.file is not None and found.file.samefile(mesh)


def test_missing_meshes_are_listed_and_the_robot_loads(tmp_path):
    found = load_description(write(tmp_path, meshed('package://other_robot/meshes/a.dae')))
    assert found.meshes[0].file is None
    [said] = found.problems
    assert '1 of 1 meshes are not there (a.dae); the robot moves all the same' in said
    assert 'install the package other_robot or put its folder beside the file' in said


def test_nothing_is_fetched_for_a_mesh_with_an_address(tmp_path):
    found = load_description(write(tmp_path, meshed('https://example.invalid/a.dae')))
    assert found.meshes[0].file is None


@pytest.mark.parametrize(
    'body, said',
    [
        ('<link name="${size}"/>', ":2: xacro: name 'size' is not defined in 'size'; define it"),
        ('<link name="$(arg size)"/>', ':2: xacro: Undefined substitution argument size; give it'),
        ('<xacro:include filename="no.xacro"/>', ':2: xacro: No such file or directory: '),
        ('<xacro:wheel/>', ':2: xacro: unknown macro name: xacro:wheel; include the file'),
        ('<link name="${1+}"/>', ":2: xacro: invalid syntax (<expression>, line 1) in '1+'"),
        ('<link name="${dict(a=1)[\'b\']}"/>', ":2: xacro: has no key 'b' in 'dict(a=1)['b']'"),
        ('<xacro:macro name="m" params="a"/>\n<xacro:m/>', ':3: xacro: Undefined parameters [a]'),
        ('<xacro:macro name="m"><xacro:m/></xacro:macro><xacro:m/>', 'without end, in macro'),
        ('<link name="a">', ':3: not valid XML: mismatched tag; close every element'),
        ('<xacro:include filename="$(find no_such_pkg)/x"/>', "package 'no_such_pkg' not found;"),
    ],
)
def test_errors_of_xacro_have_file_line_and_fix(tmp_path, body, said):
    text = refusal(tmp_path, f'{XACRO}\n{body}\n</robot>', 'small.urdf.xacro')
    assert text.startswith('small.urdf.xacro')
    assert said in text


def test_an_error_in_an_included_file_names_that_file(tmp_path):
    write(tmp_path, f'{XACRO}\n\n<link name="${{x}}"/></robot>', 'part.xacro')
    text = refusal(tmp_path, f'{XACRO}<xacro:include filename="part.xacro"/></robot>', 'a.xacro')
    assert text.startswith("part.xacro:3: xacro: name 'x' is not defined")


def test_what_xacro_makes_is_checked_like_any_urdf(tmp_path):
    text = refusal(tmp_path, f'{XACRO}<link name="a"/><link name="b"/></robot>', 'a.xacro')
    assert text.startswith('a.xacro (line 1 after xacro): has 2 roots: a, b')


def test_arguments_reach_xacro_and_unknown_ones_are_said(tmp_path):
    text = f'{XACRO}<xacro:arg name="name" default="a"/><link name="$(arg name)"/></robot>'
    path = write(tmp_path, text, 'a.xacro')
    assert load_description(path).links == ('a',)
    found = load_description(path, arguments={'name': 'b', 'nam': 'c'})
    assert found.links == ('b',)
    assert "has no argument 'nam'; did you mean 'name'?" in found.problems[0]


def test_plain_urdf_takes_no_arguments(tmp_path):
    text = refusal(tmp_path, robot(LINK.format('a')), arguments={'size': '2'})
    assert 'is plain URDF and takes no arguments (size)' in text


def test_the_shipped_robot_expands_without_a_problem_and_with_a_prefix_of_its_own():
    assert tek_plain().problems == ()
    own = load_description(TEK_XACRO, arguments={'prefix': 'r2_'})
    assert own.links == tuple(f'r2_{link}' for link in tek_plain().links)
    assert list(own.joints) == list(tek_plain().joints)


def test_a_real_robot_without_its_meshes_loads_and_says_which_are_missing(test_data):
    found = load_description(reachy_file(test_data))
    assert (found.name, found.root, len(found.actuated)) == ('reachy', 'pedestal', 21)
    assert len({mesh.uri for mesh in found.meshes}) == 14
    text = ' '.join(found.problems)
    assert '14 of 14 meshes are not there (antenna.dae, forearm.dae' in text
    assert 'install the package reachy_description' in text
    assert '21 joints tell no velocity' in text
