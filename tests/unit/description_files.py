"""What the tests of descriptions share: the shipped robot, a small one, and files of either."""

from __future__ import annotations

import functools
from pathlib import Path

from tektra.description.described import describe, kinematics_of
from tektra.description.load import load_description
from tektra.robots.spec import read_robot

ROOT = Path(__file__).resolve().parents[2]
TEK_FILE = ROOT / 'config/robots/tek.yaml'
TEK_XACRO = ROOT / 'urdf/tek.urdf.xacro'

LINK = '<link name="{}"/>'
HINGE = (
    '<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/>'
    '<axis xyz="0 0 1"/><limit lower="-1" upper="1" velocity="2" effort="1"/>{extra}</joint>'
)


def hinge(name, parent, child, extra=''):
    return HINGE.format(name=name, parent=parent, child=child, extra=extra)


def robot(*elements):
    """Return URDF text with one element a line, the first in line 2."""
    return '\n'.join(['<robot name="small">', *elements, '</robot>'])


def two_links(*elements):
    return robot(LINK.format('base'), LINK.format('arm'), *elements)


def write(folder, text, name='small.urdf'):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@functools.cache
def tek_robot():
    return read_robot(TEK_FILE)


@functools.cache
def tek():
    """Return the shipped robot's kinematics; made once, tests only read it."""
    return kinematics_of(tek_robot(), describe(tek_robot()))


@functools.cache
def tek_plain():
    return load_description(TEK_XACRO)


def reachy_file(test_data):
    import pytest

    path = test_data / 'robot/reachy_2021_urdf_only/reachy.URDF'
    if not path.is_file():
        pytest.skip(f'no robot description in {path}')
    return path
