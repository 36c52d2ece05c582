"""Types of parameter values in a launch file, checked and converted as launch 3.4 does."""

from __future__ import annotations

import yaml

from tektra.launching import document
from tektra.launching.actions import TypedItem, TypedValue
from tektra.launching.errors import LaunchError, Mark, did_you_mean, listing
from tektra.launching.substitution import Context, Template, as_boolean, parse, perform

ParameterScalar = bool | int | float | str
ParameterValue = ParameterScalar | list[ParameterScalar]

_SCALARS: dict[str, type] = {'str': str, 'bool': bool, 'int': int, 'float': float}
_LISTS = {f'list_of_{name}': name for name in _SCALARS}
TYPE_NAMES = (*_SCALARS, *_LISTS, 'yaml')


def check_type_name(name: str, mark: Mark) -> None:
    """Raise LaunchError unless `name` is one of TYPE_NAMES."""
    if name not in TYPE_NAMES:
        hint = did_you_mean(name, TYPE_NAMES)
        raise LaunchError(f"unknown type '{name}'{hint}; known: {listing(TYPE_NAMES)}", mark)


def declared(value: document.Value, type_name: str | None) -> TypedValue:
    """Check the value of a `param` against its `type` and parse the substitutions in it.

    A string with a substitution fits every type (its result is converted later); a plain string
    is a string, also when it looks like a number.

    Raises:
        LaunchError: the value does not fit, is empty or nested, or the list is not uniform.
    """
    if isinstance(value, document.Mapping):
        raise LaunchError("a mapping cannot be a value; nest 'param' entries instead", value.mark)
    if isinstance(value, document.Sequence):
        return _declared_list(value, type_name)
    if type_name in _LISTS:
        shown = document.kind_of(value)
        raise LaunchError(f"type '{type_name}' needs a list, not {shown}", value.mark)
    return _declared_item(value, type_name)


def _declared_list(value: document.Sequence, type_name: str | None) -> TypedValue:
    if type_name in _SCALARS:
        raise LaunchError(f"type '{type_name}' cannot hold a list", value.mark)
    item_type = _LISTS.get(type_name) if type_name is not None else None
    items: list[TypedItem] = []
    kinds: set[type] = set()
    for item in value.items:
        if not isinstance(item, document.Scalar):
            raise LaunchError('a list in a parameter holds scalars only', item.mark)
        typed = _declared_item(item, item_type)
        items.append(typed)
        if not isinstance(typed, Template):
            kinds.add(type(typed))
        elif typed.is_text:
            kinds.add(str)
    if len(kinds) > 1:
        names = listing(sorted(kind.__name__ for kind in kinds))
        raise LaunchError(f'a list in a parameter has one type, not {names}', value.mark)
    return tuple(items)


def _declared_item(value: document.Scalar, type_name: str | None) -> TypedItem:
    plain = value.value
    wanted = _SCALARS.get(type_name) if type_name is not None else None
    if plain is None:
        raise LaunchError('a parameter needs a value', value.mark)
    if isinstance(plain, str):
        template = parse(plain, value.mark)
        if template.is_text and wanted not in (None, str):
            raise LaunchError(
                f"type '{type_name}' does not take {document.kind_of(value)}; "
                'write it without quotes',
                value.mark,
            )
        return template
    if wanted is not None and type(plain) is not wanted:
        fix = '; write it with a decimal point' if wanted is float else ''
        shown = document.kind_of(value)
        raise LaunchError(f"type '{type_name}' does not take {shown}{fix}", value.mark)
    return plain


def evaluated(
    value: TypedValue, type_name: str | None, context: Context, mark: Mark
) -> ParameterValue:
    """Perform the substitutions of a declared value and convert their results to its type.

    Raises:
        LaunchError: a result does not convert, or makes a list of mixed types.
    """
    if not isinstance(value, tuple):
        return _evaluated_item(value, type_name, context, nested=False)
    item_type = _LISTS.get(type_name) if type_name is not None else None
    items = [_evaluated_item(item, item_type, context, nested=True) for item in value]
    scalars = [item for item in items if not isinstance(item, list)]
    _require_uniform(scalars, mark)
    return scalars


def _evaluated_item(
    item: TypedItem, type_name: str | None, context: Context, *, nested: bool
) -> ParameterValue:
    if not isinstance(item, Template):
        return item
    text = perform(item, context)
    return text if item.is_text else _converted(text, type_name, item.mark, nested=nested)


def _converted(text: str, type_name: str | None, mark: Mark, *, nested: bool) -> ParameterValue:
    problem = f"'{text}' is not of type '{type_name}'"
    if type_name == 'str':
        return text
    if type_name == 'bool':
        return as_boolean(text, "a parameter of type 'bool'", mark)
    try:
        if type_name == 'int':
            return int(text)
        if type_name == 'float':
            return float(text)
    except ValueError:
        raise LaunchError(problem, mark) from None
    return _from_yaml(text, mark, nested=nested)


def _from_yaml(text: str, mark: Mark, *, nested: bool) -> ParameterValue:
    """Read a substituted value by YAML rules, as launch does when no type is given."""
    if not text:
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise LaunchError(f"'{text}' is not a YAML value; add type: str", mark) from None
    if isinstance(value, list) and not nested and all(_is_scalar(item) for item in value):
        items = list(value)
        _require_uniform(items, mark)
        return items
    if isinstance(value, (bool, int, float, str)):
        return value
    raise LaunchError(f"'{text}' is not a scalar or a list of scalars; add type: str", mark)


def _is_scalar(value: object) -> bool:
    return isinstance(value, (bool, int, float, str))


def _require_uniform(items: list[ParameterScalar], mark: Mark) -> None:
    kinds = {type(item).__name__ for item in items}
    if len(kinds) > 1:
        raise LaunchError(f'the list has mixed types: {listing(sorted(kinds))}', mark)
