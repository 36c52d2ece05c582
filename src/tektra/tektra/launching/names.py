"""Names of nodes and namespaces: how launch joins them, and what ROS allows (rmw rules)."""

from __future__ import annotations

import re

from tektra.launching.errors import LaunchError, Mark

MAX_NAMESPACE = 245
"""RMW_NAMESPACE_MAX_LENGTH."""
MAX_NODE_NAME = 255
"""RMW_NODE_NAME_MAX_NAME_LENGTH."""

_WORD = re.compile(r'[A-Za-z_][A-Za-z0-9_]*')


def joined(base: str | None, namespace: str | None) -> str | None:
    """Return `namespace` below `base`; an absolute one stands alone, None means not given."""
    if namespace is None:
        result = base
    elif not base or namespace.startswith('/'):
        result = namespace
    else:
        result = f'{"" if base == "/" else base}/{namespace}'
    return result if result is None or result == '/' else result.rstrip('/')


def absolute(namespace: str) -> str:
    """Return the namespace with a leading slash."""
    return namespace if namespace.startswith('/') else f'/{namespace}'


def check_namespace(namespace: str, mark: Mark) -> None:
    """Raise LaunchError unless the absolute `namespace` is one that ROS allows."""
    if namespace == '/':
        return
    words = namespace[1:].split('/')
    if len(namespace) > MAX_NAMESPACE or not all(_WORD.fullmatch(word) for word in words):
        raise LaunchError(
            f"'{namespace}' is not a namespace: words of letters, digits and _ that do not start "
            f'with a digit, parted by /, {MAX_NAMESPACE} characters at most',
            mark,
        )


def check_node_name(name: str, mark: Mark) -> None:
    """Raise LaunchError unless `name` is a node name that ROS allows."""
    if len(name) > MAX_NODE_NAME or not _WORD.fullmatch(name):
        raise LaunchError(
            f"'{name}' is not a node name: letters, digits and _, not starting with a digit, "
            f'{MAX_NODE_NAME} characters at most',
            mark,
        )
