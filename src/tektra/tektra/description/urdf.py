"""URDF text into a checked tree of links and joints; errors give file, line, name and fix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.dom import minidom
from xml.parsers import expat

from tektra.description.model import (
    MOVABLE,
    Description,
    DescriptionError,
    Joint,
    Limits,
    Mimic,
    Vector,
)
from tektra.launching.errors import did_you_mean, listing

MAX_BYTES = 32 * 2**20
"""Largest description that is read: it goes out as one message, and humanoids have 1 MB."""
MAX_DEPTH = 200
"""Deepest nesting of elements; a URDF needs 6."""

_LOOSE = ('floating', 'planar')


@dataclass
class Node:
    """One XML element with the line where it begins."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Node]:
        """Return the children of that tag."""
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> Node | None:
        """Return the first child of that tag."""
        return next(self.all(tag), None)

    def walk(self) -> Iterator[Node]:
        """Return this element and everything in it."""
        yield self
        for child in self.children:
            yield from child.walk()


def read_xml(text: str, name: str) -> Node:
    """Return the root element; ``name`` is only named in errors.

    Entities are refused: no URDF needs them, and a few lines of them can fill any memory.

    :raises DescriptionError: if this is no XML.
    """
    parser = expat.ParserCreate(namespace_separator=' ')
    stack: list[Node] = []
    roots: list[Node] = []
    spaces: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        # A URDF has no namespace, or one for all of it; what is in another is an extension.
        space, _, local = tag.rpartition(' ')
        spaces.append(space)
        own = local if space == spaces[0] else tag
        node = Node(own, attributes, parser.CurrentLineNumber)
        (stack[-1].children if stack else roots).append(node)
        stack.append(node)
        if len(stack) > MAX_DEPTH:
            raise DescriptionError(f'{name}:{node.line}: nested deeper than {MAX_DEPTH} elements')

    def end(_: str) -> None:
        stack.pop()

    def entity(what: str, *_: object) -> None:
        raise DescriptionError(
            f"{name}:{parser.CurrentLineNumber}: declares the XML entity '{what}'; "
            'write its text out, entities are not read'
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise DescriptionError(
            f'{name}:{error.lineno}: not valid XML: {expat.ErrorString(error.code)} '
            f'(column {error.offset + 1})'
        ) from None
    return roots[0]


class UrdfReader:
    """Turns one document into links and joints. ``place`` gives a line's place for a message."""

    def __init__(self, root: Node, place: Callable[[int], str]) -> None:
        self._root = root
        self._place = place
        self.problems: list[str] = []
        self.links: dict[str, Node] = {}
        self.joints: dict[str, Joint] = {}
        self._lines: dict[str, int] = {}

    def _fail(self, line: int, text: str) -> DescriptionError:
        return DescriptionError(f'{self._place(line)}: {text}')

    def read(self) -> None:
        """Fill ``links``, ``joints`` and ``problems``.

        :raises DescriptionError: for the first thing that is wrong.
        """
        if self._root.tag != 'robot':
            raise self._fail(
                self._root.line,
                f'is no robot description: the first element is <{self._root.tag}>, not <robot>',
            )
        for node in self._root.all('link'):
            name = self._name(node, self.links, 'link')
            self.links[name] = node
        if not self.links:
            raise self._fail(self._root.line, 'the robot has no <link>')
        for node in self._root.all('joint'):
            name = self._name(node, self.joints, 'joint')
            self.joints[name] = self._joint(node, name)
            self._lines[name] = node.line
        for name, joint in self.joints.items():
            self._check_mimic(name, joint)

    def _name(self, node: Node, known: dict[str, Node] | dict[str, Joint], what: str) -> str:
        name = node.attributes.get('name', '')
        if not name:
            raise self._fail(node.line, f'a <{what}> has no name; add name="..."')
        if name in known:
            raise self._fail(
                node.line, f"{what} '{name}' is there twice; give one of the two another name"
            )
        return name

    def _joint(self, node: Node, name: str) -> Joint:
        kind = node.attributes.get('type', '')
        if kind not in (*MOVABLE, 'fixed', *_LOOSE):
            raise self._fail(
                node.line,
                f"joint '{name}': type '{kind}' is none of revolute, continuous, prismatic, fixed",
            )
        if kind in _LOOSE:
            kind = 'fixed'
            self.problems.append(
                f"{self._place(node.line)}: joint '{name}' is {node.attributes['type']}; "
                'it is taken as fixed where it starts'
            )
        origin = node.first('origin')
        return Joint(
            name=name,
            type=kind,
            parent=self._end(node, name, 'parent'),
            child=self._end(node, name, 'child'),
            xyz=self._vector(origin, 'xyz', (0.0, 0.0, 0.0), name),
            rpy=self._vector(origin, 'rpy', (0.0, 0.0, 0.0), name),
            axis=self._axis(node, name) if kind in MOVABLE else (1.0, 0.0, 0.0),
            limits=self._limits(node, name, kind) if kind in MOVABLE else None,
            mimic=self._mimic(node, name) if kind in MOVABLE else None,
        )

    def _end(self, node: Node, name: str, which: str) -> str:
        child = node.first(which)
        link = child.attributes.get('link', '') if child else ''
        if not link:
            raise self._fail(
                node.line, f'joint \'{name}\' has no {which}; add <{which} link="..."/>'
            )
        if link not in self.links:
            hint = did_you_mean(link, self.links) or f'; links: {listing(self.links)}'
            raise self._fail(node.line, f"joint '{name}': {which} '{link}' is no link{hint}")
        return link

    def _number(self, text: str, line: int, where: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self._fail(line, f"{where}: '{text}' is no number")
        return value

    def _vector(self, node: Node | None, key: str, default: Vector, name: str) -> Vector:
        if node is None or key not in node.attributes:
            return default
        words = node.attributes[key].split()
        where = f"joint '{name}': {key}"
        if len(words) != 3:
            raise self._fail(node.line, f'{where} must be three numbers, not {len(words)}')
        x, y, z = (self._number(word, node.line, where) for word in words)
        return x, y, z

    def _axis(self, node: Node, name: str) -> Vector:
        axis = self._vector(node.first('axis'), 'xyz', (1.0, 0.0, 0.0), name)
        length = math.hypot(*axis)
        if length < 1e-9:
            raise self._fail(node.line, f"joint '{name}': axis is 0 0 0; give its direction")
        return axis[0] / length, axis[1] / length, axis[2] / length

    def _limits(self, node: Node, name: str, kind: str) -> Limits | None:
        limit = node.first('limit')
        if limit is None and kind == 'continuous':
            return None
        unit = 'm' if kind == 'prismatic' else 'rad'
        if limit is None:
            raise self._fail(
                node.line,
                f'joint \'{name}\' is {kind} and has no limits; add <limit lower="..." '
                f'upper="..." velocity="..." effort="..."/> ({unit}, {unit}/s)'
                + (', or make it continuous' if kind == 'revolute' else ''),
            )
        values = {
            key: self._number(limit.attributes.get(key, '0'), limit.line, f"joint '{name}': {key}")
            for key in ('lower', 'upper', 'velocity', 'effort')
        }
        if kind != 'continuous' and values['lower'] >= values['upper']:
            raise self._fail(
                limit.line,
                f"joint '{name}': lower {values['lower']:g} must be below upper "
                f'{values["upper"]:g} ({unit}); or make the joint fixed',
            )
        return Limits(**values)

    def _mimic(self, node: Node, name: str) -> Mimic | None:
        mimic = node.first('mimic')
        if mimic is None:
            return None
        get = mimic.attributes.get
        return Mimic(
            get('joint', ''),
            self._number(get('multiplier', '1'), mimic.line, f"joint '{name}': multiplier"),
            self._number(get('offset', '0'), mimic.line, f"joint '{name}': offset"),
        )

    def _check_mimic(self, name: str, joint: Joint) -> None:
        if joint.mimic is None:
            return
        line, other = self._lines[name], joint.mimic.joint
        leader = self.joints.get(other)
        if leader is None:
            hint = did_you_mean(other, self.joints) or f'; joints: {listing(self.joints)}'
            raise self._fail(line, f"joint '{name}' mimics '{other}', which is no joint{hint}")
        if not leader.movable or leader.mimic is not None:
            what = 'a mimic itself' if leader.mimic else 'fixed'
            raise self._fail(
                line, f"joint '{name}' mimics '{other}', which is {what}; name the one that moves"
            )

    def root_link(self) -> str:
        """Return the one link that is no child.

        :raises DescriptionError: if the joints do not make one tree of all links.
        """
        above: dict[str, Joint] = {}
        for name, joint in self.joints.items():
            if joint.child in above:
                raise self._fail(
                    self._lines[name],
                    f"link '{joint.child}' is the child of two joints, "
                    f"'{above[joint.child].name}' and '{name}'; remove one",
                )
            above[joint.child] = joint
        roots = [link for link in self.links if link not in above]
        if len(roots) > 1:
            raise self._fail(
                self.links[roots[1]].line,
                f'has {len(roots)} roots: {listing(roots)}; connect all but one to the rest '
                'by a joint (fixed, if it does not move)',
            )
        self._check_loops(above, roots)
        return roots[0]

    def _check_loops(self, above: dict[str, Joint], roots: list[str]) -> None:
        reached = set(roots)
        for link in self.links:
            path: list[str] = []
            while link not in reached and link not in path:
                path.append(link)
                link = above[link].parent
            if link in path:
                raise self._fail(
                    self.links[link].line, f'joints go round in a circle: {listing(path)}'
                )
            reached.update(path)


def read_urdf(text: str, name: str, place: Callable[[int], str]) -> tuple[Description, Node]:
    """Return the description of URDF text, without meshes and prefix, and its elements.

    :param name: the file, for ``Description.path`` and errors of XML.
    :param place: gives file and line, for errors of what it says.
    :raises DescriptionError: if it cannot be used.
    """
    root = read_xml(text, name)
    reader = UrdfReader(root, place)
    reader.read()
    description = Description(
        name=root.attributes.get('name', ''),
        path=Path(name),
        urdf=text,
        prefix='',
        links=tuple(reader.links),
        joints=reader.joints,
        root=reader.root_link(),
        problems=tuple(reader.problems),
    )
    return description, root


def with_prefix(text: str, prefix: str) -> str:
    """Return URDF text whose links have ``prefix`` before their names."""
    if not prefix:
        return text
    document = minidom.parseString(text)
    inside = document.documentElement.childNodes if document.documentElement else []
    elements = [node for node in inside if isinstance(node, minidom.Element)]
    links = [element for element in elements if element.tagName == 'link']
    names = {link.getAttribute('name') for link in links}
    for link in links:
        link.setAttribute('name', prefix + link.getAttribute('name'))
    for element in elements:
        if element.tagName == 'joint':
            for end in element.childNodes:
                if isinstance(end, minidom.Element) and end.tagName in ('parent', 'child'):
                    end.setAttribute('link', prefix + end.getAttribute('link'))
        elif element.tagName == 'gazebo' and element.getAttribute('reference') in names:
            element.setAttribute('reference', prefix + element.getAttribute('reference'))
    return document.toxml()
