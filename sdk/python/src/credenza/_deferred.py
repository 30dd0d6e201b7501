"""Objects some of whose fields are converted when they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

#: How fields are converted from a message, by name.
Converters = Mapping[str, Callable[[Any], Any]]

_SOURCE = "_source"


class Deferred:
    """A base of frozen dataclasses. An instance may lack fields and have their source instead,
    from which each is converted when it is first read, by any thread.

    Until it is settled it holds its message, and with that the memory of the whole response.
    """

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return a field that has not been read before."""
            own = self.__dict__
            converters, message = own.get(_SOURCE, ({}, None))
            if name in converters:
                value = own[name] = converters[name](message)
                return value
            if name in own:  # another thread has settled this object meanwhile
                return own[name]
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle needs."""
        self.settle()
        return self.__dict__

    def settle(self) -> None:
        """Convert what was not read yet, and let go of the message."""
        own = self.__dict__
        # Asked for once, since another thread may settle this object meanwhile.
        converters, message = own.get(_SOURCE, ({}, None))
        for name, convert in converters.items():
            if name not in own:
                own[name] = convert(message)
        own.pop(_SOURCE, None)


def source(converters: Converters, message: Any) -> dict[str, Any]:
    """Return what an instance has in place of the fields that are to be converted later."""
    return {_SOURCE: (converters, message)}
