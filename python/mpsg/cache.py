"""The cache of executables: what it did and holds, and how much it may.

``graph.run`` compiles once for each combination of feed types, targets and device, and keeps the
executable for the next call::

    mpsg.cache.stats().misses
    mpsg.cache.limit(count=100, bytes=2**28)
    mpsg.cache.clear()
"""

from __future__ import annotations

import operator

from mpsg import _mpsg
from mpsg._mpsg import CacheStatistics

__all__ = ["CacheStatistics", "clear", "limit", "stats"]


def stats() -> CacheStatistics:
    """What the cache of this process did and holds.

    Example:
        >>> stats().count_limit
        1024
    """
    return _mpsg.cache_statistics()


def clear() -> None:
    """Drops all executables, and the memory that is kept for results. Nothing in use is lost."""
    _mpsg.cache_clear()


def limit(count: int | None = None, bytes: int | None = None) -> None:
    """Bounds the cache; the least recently used executables go when there are more.

    Args:
        count: How many executables it may hold; 0: none. None leaves the limit as it is.
        bytes: How many bytes they may take, about: constants, plans, code. None leaves the limit
            as it is.

    Raises:
        ValueError: A limit is negative.
    """
    for name, value in {"count": count, "bytes": bytes}.items():
        if value is not None and operator.index(value) < 0:
            raise ValueError(f"{name} must be at least 0, not {value!r}")
    _mpsg.cache_limit(count, bytes)
