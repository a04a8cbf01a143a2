"""What is compiled: numba without fast-math, so that a sum has one result on one machine, however it is cut.

numba keeps what it compiled on disk, and looks only at the file of the outermost function to see whether it is still
good: after a change in another file old arithmetic would run on, and a type that is gone makes all that was kept
unreadable. So what is kept is kept under the digest of all these sources, and inner functions are compiled into their
callers and never kept by themselves.
"""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """A part of something larger, called now and then."""
    return cast(Function, numba.njit(nogil=True)(function))


def inlined(function: Function) -> Function:
    """A part of something larger that each bar or each strike goes through: copied into each caller. A call would
    count the references of all its arrays, atomically, which costs more than the arithmetic."""
    return cast(Function, numba.njit(nogil=True, forceinline=True)(function))


def compiled_on_disk(function: Function) -> Function:
    """What Python calls: compiled once a machine."""
    function.__qualname__ += f"-{_sources()}"  # numba names its files by it
    return cast(Function, _kept(lambda kept: numba.njit(nogil=True, cache=kept)(function)))


def vectorised(function: Callable[..., float]) -> Callable[..., Any]:
    """Takes arrays and broadcasts them. Kept on disk: it may call only what is in its own file."""
    vectorize = cast(Callable[..., Any], numba.vectorize)
    return cast(Callable[..., Any], _kept(lambda kept: vectorize(nopython=True, cache=kept)(function)))


def _kept(compiled_by: Callable[[bool], Any]) -> Any:
    """Kept on disk, or compiled anew by each process where neither this folder nor the user's own can be written and
    NUMBA_CACHE_DIR names no other."""
    try:
        return compiled_by(True)
    except RuntimeError:
        return compiled_by(False)


@functools.cache
def _sources() -> str:
    """Digest of the sources in this folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
