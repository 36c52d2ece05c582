"""The one place that makes ids."""

from uuid_utils import uuid7


def new_id() -> str:
    """Return a new UUIDv7 as text.

    Ids are for equality only; order is ``turn_seq`` and ``revision``.
    """
    return str(uuid7())
