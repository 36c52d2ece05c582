"""From a robot's file to its kinematics: finds the description and checks that the two agree."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from tektra.config.layers import home
from tektra.description.chains import find_arm, find_head
from tektra.description.kinematics import Kinematics
from tektra.description.load import load_description
from tektra.description.meshes import find_file
from tektra.description.model import Description, DescriptionError, Joint, Limits
from tektra.launching.errors import did_you_mean, listing
from tektra.robots.described import DescriptionSpec
from tektra.robots.spec import RobotSpec
from tektra.runtime.share import share_dir

ROBOT_FILE = 'robot_file'
"""Argument of a xacro file that reads limits from the robot's file; it gets the file's path."""
_SLACK = 1e-6


def describe(robot: RobotSpec) -> Description:
    """Return the description of a robot; its frames have the robot's name before them.

    Limits of joints are those that both files allow, so that whatever is planned with them passes
    the gate; where the description allows less, ``problems`` says so.

    :raises DescriptionError: if there is none, it is wrong, or it lacks a joint of the robot.
    """
    spec = _spec(robot)
    path = find_description(robot, spec.file)
    arguments = dict(spec.arguments)
    if re.search(rf'<xacro:arg\s+name="{ROBOT_FILE}"', _text(path)):
        arguments.setdefault(ROBOT_FILE, str(robot.path.resolve()))
    found = load_description(path, arguments=arguments, prefix=f'{robot.name}/')
    problems = (*found.problems, *_differences(robot, found))
    joints = {name: _within(robot, joint) for name, joint in found.joints.items()}
    return dataclasses.replace(found, joints=joints, problems=problems)


def kinematics_of(robot: RobotSpec, description: Description | None = None) -> Kinematics:
    """Return the kinematics of a robot, with the head and the arms that its file names.

    :param description: what ``describe`` returned, if it is there already.
    :raises DescriptionError: as ``describe``, and if a named link or chain does not exist.
    """
    spec = _spec(robot)
    description = description or describe(robot)
    return Kinematics(
        description,
        head=find_head(description, spec.head) if spec.head else None,
        arms={
            name: find_arm(
                description,
                name,
                arm.tip,
                joints=robot.joints_of(arm.joints),
                forearm=arm.forearm,
            )
            for name, arm in spec.arms.items()
        },
    )


def find_description(robot: RobotSpec, file: str) -> Path:
    """Return the path of ``description.file``.

    :raises DescriptionError: naming every place where it was looked for.
    """
    if '://' in file:
        found = find_file(file, robot.path.resolve().parent)
        if found is None:
            raise DescriptionError(
                f'{robot.path}: description.file {file} is not there; install the package or '
                'source its workspace'
            )
        return found
    folders = (robot.path.resolve().parent, home(), share_dir())
    tried = [folder / Path(file).expanduser() for folder in folders]
    for path in tried:
        if path.is_file():
            return path
    places = listing(dict.fromkeys(map(str, tried)))
    raise DescriptionError(f'{robot.path}: description.file is not there; tried {places}')


def _spec(robot: RobotSpec) -> DescriptionSpec:
    if robot.description is None:
        raise DescriptionError(
            f'{robot.path}: has no description; add description: {{file: ROBOT.urdf}} for '
            'transforms, reaching, pointing and looking'
        )
    return robot.description


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError):
        return ''  # load_description says what is wrong with it


def _differences(robot: RobotSpec, description: Description) -> tuple[str, ...]:
    """Return where the robot's file lets joints go farther or faster than its description.

    :raises DescriptionError: if a joint of the robot is none of the description.
    """
    found: list[str] = []
    for name, own in robot.joints.items():
        if name not in description.actuated:
            hint = did_you_mean(name, description.actuated)
            raise DescriptionError(
                f"{robot.path}: joint '{name}' is no movable joint of {description.path}"
                f'{hint or "; its joints: " + listing(description.actuated)}'
            )
        lower, upper = description.joints[name].bounds
        limits = description.joints[name].limits
        fastest = limits.velocity if limits else 0.0
        if own.lower < lower - _SLACK or own.upper > upper + _SLACK:
            found.append(
                f"{robot.path}: joint '{name}' may go from {own.lower:g} to {own.upper:g}, in "
                f'{description.path.name} from {lower:g} to {upper:g}; make them equal'
            )
        if 0.0 < fastest < own.velocity - _SLACK:
            found.append(
                f"{robot.path}: joint '{name}' may be {own.velocity:g} fast, in "
                f'{description.path.name} {fastest:g}; make them equal'
            )
    return tuple(found)


def _within(robot: RobotSpec, joint: Joint) -> Joint:
    """Return a joint with the limits of both files."""
    own = robot.joints.get(joint.name)
    if own is None:
        return joint
    lower, upper = joint.bounds
    lower, upper = max(lower, own.lower), min(upper, own.upper)
    if lower >= upper:
        raise DescriptionError(
            f"{robot.path}: joint '{joint.name}' may go from {own.lower:g} to {own.upper:g}, and "
            'its description allows nothing of that; correct lower and upper'
        )
    told = joint.limits or Limits(lower, upper, 0.0, 0.0)
    velocity = min(told.velocity or own.velocity, own.velocity)
    return dataclasses.replace(
        joint,
        type='prismatic' if joint.type == 'prismatic' else 'revolute',
        limits=Limits(lower, upper, velocity, told.effort),
    )
