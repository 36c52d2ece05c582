"""Callbacks of services that answer whatever happens."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

Failed = Callable[[str, Exception, Any], Any]


def guarded(callback: Callable[..., Any], failed: Failed) -> Callable[..., Any]:
    """Return ``callback``, but if it raises, ``failed(its name, error, response)`` answers."""
    name = getattr(callback, '__name__', 'service')
    if inspect.iscoroutinefunction(callback):

        async def guarded_coroutine(request: Any, response: Any) -> Any:
            try:
                return await callback(request, response)
            except Exception as error:
                return failed(name, error, response)

        return guarded_coroutine

    def guarded_function(request: Any, response: Any) -> Any:
        try:
            return callback(request, response)
        except Exception as error:
            return failed(name, error, response)

    return guarded_function
