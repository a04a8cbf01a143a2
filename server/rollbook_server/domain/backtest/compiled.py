"""What is compiled: numba without fast-math, so that a sum has one result on one machine, however it is cut.

numba keeps what it compiled on disk and looks only at the file of the outermost function to see whether it is still
good: a change in another file would go unseen, and old arithmetic would run on. So the inner functions are compiled
into their callers and never kept by themselves, and the one function that is kept has the digest of all these sources
in its key.
"""

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
    """Compiled once a machine: a closure over `sources()`, or a function that calls none of another file."""
    return cast(Function, numba.njit(nogil=True, cache=True)(function))


def vectorised(function: Callable[..., float]) -> Callable[..., Any]:
    """Takes arrays and broadcasts them. Kept on disk: it may call only what is in its own file."""
    return cast(Callable[..., Any], numba.vectorize(nopython=True, cache=True)(function))  # type: ignore[no-untyped-call]


def sources() -> str:
    """Digest of the sources in this folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
