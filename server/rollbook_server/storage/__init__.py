"""The only place with SQL: one file, one writer thread, a journal that is never rewritten and what follows from it."""

import sys

_SPARED = [name for name in ("numpy", "pandas") if name not in sys.modules]
# sqlite-utils takes them along where they are installed, for types of columns that no table here has: half a second of
# each start of a server whose lab may never be used.
sys.modules.update(dict.fromkeys(_SPARED))  # type: ignore[arg-type]  # None: an import of it finds nothing
try:
    import sqlite_utils  # noqa: F401
finally:
    for _name in _SPARED:
        del sys.modules[_name]
