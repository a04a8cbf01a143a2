"""Writes the synchronous twins of the asyncio modules of `rollbook`: rollbook/_lab.py of rollbook/_async_lab.py, …

    python protos/sync_client.py DIRECTORY ASYNC_MODULE…

Whatever waits in the code, and whatever speaks of it in comments and docstrings, is replaced by the rules below. What
no rule has reached is refused, and so is a rule that reaches nothing in any of the modules. The results' imports are
out of order and their lines shorter than need be: protos/generate.sh has ruff mend that.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

HEADER = '"""The synchronous twin of {name}; made by make protos, do not edit."""\n'

# Pattern -> what stands there instead, tried in this order. They hold for the text as a whole, since examples, error
# messages and comments show the same words as the code.
RULES = {
    r"\basync (?=def |with |for |with`)": "",
    r"\bawait (?=[a-z])": "",
    r"\b__aenter__\b": "__enter__",
    r"\b__aexit__\b": "__exit__",
    r"^import asyncio$": "import time",
    r"\basyncio\.sleep\b": "time.sleep",
    r"^import grpc\.aio\n": "",
    r"\bgrpc\.aio\.UsageError\b": "ValueError",  # "Cannot invoke RPC on closed channel!"
    r"\bgrpc\.aio\.(?=Channel\b|Unary\w+Callable\b|(?:in)?secure_channel\b)": "grpc.",
    r"\bAsyncIterator\b": "Iterator",
    r"\bAsyncGenerator\[(\S+), None\]": r"Generator[\1, None, None]",
    r"\bAsyncGenerator\b": "Generator",
    r"\baclosing\b": "closing",
    r"\bAsync(?=(?:Client|Connection|Lab)\b)": "",
    r"(?<=\brollbook\._)async_(?=connection\b)": "",
    r"(?<=Service)AsyncStub\b": "Stub",
    r"\btasks\b": "threads",
    r"\bthe event loop that runs while it is made\b": "the process that makes it, not to its forks",
    r"\bone that is cancelled\b": "one that is interrupted",
}
LEFT_OVER = re.compile(
    r"async|await|\baio|event loop|coroutine|\btask|__a(?:iter|next)__|\ba(?:iter|next|closing)\(", re.IGNORECASE
)


class Refused(Exception):
    """The module holds something that there is no rule for."""


def _without_counterpart(tree: ast.Module) -> Iterator[ast.stmt | ast.ExceptHandler]:
    """The module's docstring, which the header replaces, and what handles a task's cancellation: a thread has none."""
    if ast.get_docstring(tree) is None:
        raise Refused("the module has no docstring")
    yield tree.body[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type and ast.unparse(node.type) == "asyncio.CancelledError":
            yield node


def generate(source: str, name: str, used: Counter[str]) -> str:
    """The synchronous module of an asyncio one; counts in `used` how often each rule had something to do."""
    lines = source.splitlines(keepends=True)
    for node in _without_counterpart(ast.parse(source)):
        assert node.end_lineno is not None
        lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    text = "".join(lines)
    for pattern, replacement in RULES.items():
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        used[pattern] += count
    for line in text.splitlines():
        if LEFT_OVER.search(line):
            raise Refused(f"{name}: there is no rule for: {line.strip()}")
    return HEADER.format(name=name) + text


def generate_all(modules: Sequence[Path]) -> dict[str, str]:
    """The twins by the names of their files."""
    used: Counter[str] = Counter()
    twins = {
        module.name.replace("_async_", "_"): generate(module.read_text(encoding="utf-8"), module.stem, used)
        for module in modules
    }
    for pattern in RULES:
        if not used[pattern]:
            raise Refused(f"a rule has nothing to do: {pattern}")
    return twins


def main() -> None:
    directory, *modules = map(Path, sys.argv[1:])
    try:
        twins = generate_all(modules)
    except Refused as refused:
        sys.exit(f"protos/sync_client.py: {refused}")
    for name, text in twins.items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
