"""The spool of rollbook-bot: what is in it is whole, in order and within its bound, and nothing leaves it silently."""

from __future__ import annotations

import ast
import contextlib
import errno
import hashlib
import itertools
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

import rollbook
import rollbook_bot
from rollbook import Action, ErrorReason, FailedPrecondition, new_request_id
from rollbook_bot import Cause, Letter, Spool, SpoolFull, Unsendable
from rollbook_bot.letters import KINDS
from tests.support.load import Desk
from tests.support.trading import execution, sold
from tests.unit.test_models import MESSAGES, samples

ROOT = Path(__file__).parents[2]
BLOCK = 4096
REFUSED = FailedPrecondition("more is closed than is open", reason=ErrorReason.CLOSES_MORE_THAN_OPEN, field="fills[0]")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def opening(number: int = 1, **more: Any) -> rollbook.ExecutionResult:
    """An execution that its position_id tells from the others."""
    return execution(Action.OPEN, sold("0.1", "0.0125"), account="main", position_id=f"calls-{number}", **more)


def numbers(spool: Spool) -> list[int]:
    """The waiting executions in the order in which they are sent."""
    commands = [Letter.decode(spool.read(name)).sendable() for name in spool.names()]
    return [int(command.position_id.removeprefix("calls-")) for command in commands]  # type: ignore[union-attr]


def newer(letter: Letter) -> bytes:
    """The file of a rollbook-bot that does not exist yet."""
    said = json.loads(letter.encode()) | {"rollbook_spool": 2, "more": "to say"}
    del said["sha256"]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return json.dumps(said | {"sha256": hashlib.sha256(text.encode()).hexdigest()}).encode()


# -- what is written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_command_comes_back_digit_for_digit(kind: str) -> None:
    """Every field of every command that can be recorded survives the file: the same bytes are sent as without it."""
    model = KINDS[kind]
    count = 0
    for message in samples(MESSAGES[model.__name__]):
        command = model.from_proto(message)  # type: ignore[arg-type]
        letter = Letter.of(command, "main", "request-1")
        again = Letter.decode(letter.encode())
        assert again == letter
        sent, kept = again.sendable().to_proto(), letter.sendable().to_proto()
        assert sent.SerializeToString(deterministic=True) == kept.SerializeToString(deterministic=True)
        count += 1
    assert count > 5


def test_a_file_can_be_read_by_people(spool: Spool) -> None:
    """It is JSON: whose and what kind it is, when it was recorded, and the command as protobuf writes it."""
    name = spool.add(opening(), account="other")
    said = json.loads((spool.directory / name).read_text())
    assert {key: said[key] for key in ("rollbook_spool", "kind", "account")} == {
        "rollbook_spool": 1,
        "kind": "execution",
        "account": "main",
    }
    assert said["command"]["fills"][0]["price"] == "0.0125"
    assert said["request_id"] == said["command"]["request_id"]
    assert name.endswith(f"-{said['request_id']}.json")


def test_account_and_request_id_are_filled_in(spool: Spool) -> None:
    """What a command leaves out is on the disk, so that each attempt sends the same."""
    name = spool.add(execution(Action.OPEN, sold("0.1", "0.0125"), request_id=""), account="main")
    command = Letter.decode(spool.read(name)).sendable()
    assert command.account == "main"
    assert len(command.request_id) == 36


def test_an_odd_request_id_stays_in_its_folder(spool: Spool) -> None:
    """Whatever a bot gives for an id, it makes a file of the spool and nothing else."""
    name = spool.add(opening(request_id="../../ä" + "x" * 300))
    assert spool.names() == [name]
    assert Letter.decode(spool.read(name)).request_id == "../../ä" + "x" * 300


def test_a_file_is_on_the_disk_before_it_has_its_name(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is synced, then renamed, then the folder is synced: a power cut leaves a whole file or none."""
    seen: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def synced(file: int) -> None:
        seen.append(("sync", Path(f"/proc/self/fd/{file}").resolve().name))
        fsync(file)

    def renamed(old: Any, new: Any) -> None:
        seen.append(("rename", Path(new).name))
        rename(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    name = spool.add(opening())
    assert [what for what, _ in seen] == ["sync", "rename", "sync"]
    assert seen[0][1].startswith(f".{name}")
    assert seen[1:] == [("rename", name), ("sync", "spool")]


# -- order ----------------------------------------------------------------------------------------------------------


def test_what_waits_is_in_the_order_of_recording(spool: Spool) -> None:
    """Names sort as the commands came."""
    names = [spool.add(opening(number)) for number in range(50)]
    assert spool.names() == sorted(names) == names


def test_a_clock_that_was_set_back_changes_no_order(spool: Spool) -> None:
    """What waits from a time when the clock was ahead comes first, for this process and for the next."""
    ahead = f"{2**62:019d}-{new_request_id()}.json"
    spool.store(ahead, Letter.of(opening(0), "main", "").encode())
    spool.add(opening(1))
    assert numbers(spool) == [0, 1]
    (spool.directory / "order").write_text("")  # a power cut may take it
    Spool(spool.directory).add(opening(2))
    assert numbers(spool) == [0, 1, 2]


def _add(directory: Path, orders: Connection) -> None:
    spool = Spool(directory)
    while (number := orders.recv()) is not None:
        spool.add(opening(number))
        orders.send(number)


def test_processes_that_share_a_spool_keep_one_order(spool: Spool) -> None:
    """What any process recorded before is sent before."""
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as ends:
        writers = []
        for _ in range(3):
            ours, theirs = context.Pipe()
            process = context.Process(target=_add, args=(spool.directory, theirs))
            process.start()
            ends.callback(process.join)
            ends.callback(ours.send, None)
            writers.append(ours)
        for number, writer in zip(range(60), itertools.cycle(writers), strict=False):
            writer.send(number)
            assert writer.recv() == number
    assert numbers(spool) == list(range(60))


# -- files that are not whole ---------------------------------------------------------------------------------------


def test_a_truncated_file_is_never_taken_for_a_command() -> None:
    """Wherever it is cut off, it is DAMAGED."""
    data = Letter.of(opening(), "main", "").encode()
    for length in range(len(data) - 2):  # without the end of its last line it still says all
        with pytest.raises(Unsendable) as found:
            Letter.decode(data[:length])
        assert found.value.reason == "DAMAGED"


def test_a_file_that_was_written_over_is_never_taken_for_a_command() -> None:
    """A digit that changed, or rubbish anywhere, is found by the digest; white space may come and go."""
    data = Letter.of(opening(), "main", "").encode()
    letter = Letter.decode(data)
    found = {
        _outcome(data[:place] + sign + data[place + 1 :], letter)
        for place in range(len(data))
        for sign in (b"\0", b"7", b"\xff", b"}", b" ")
    }
    assert found == {"as it was", "DAMAGED"}
    changed = data.replace(b'"0.0125"', b'"0.0126"')
    assert changed != data
    with pytest.raises(Unsendable, match="digest"):
        Letter.decode(changed)


def _outcome(data: bytes, letter: Letter) -> str:
    try:
        return "as it was" if Letter.decode(data) == letter else "another"
    except Unsendable as error:
        return error.reason


@pytest.mark.parametrize("data", [b"", b"\0" * 500, b"[]", b"{}", b"null", b"[" * 100_000, b'{"rollbook_spool": "1"}'])
def test_what_is_no_command_is_said_to_be_damaged(data: bytes) -> None:
    """Whatever lies in the spool under a command's name, it ends in a reason and not in a crash."""
    with pytest.raises(Unsendable) as found:
        Letter.decode(data)
    assert found.value.reason == "DAMAGED"


def test_a_newer_file_waits_for_a_newer_bot() -> None:
    """A header that this version does not know is neither damaged nor guessed at."""
    with pytest.raises(Unsendable, match="format 2") as found:
        Letter.decode(newer(Letter.of(opening(), "main", "")))
    assert found.value.reason == "NEWER_FORMAT"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (opening(collateral=0.5), "a float has already lost digits"),
        (opening(executed_time=None, request_id=7), "TypeError"),
        (rollbook.RecordExecutionsRequest(executions=(opening(),)), "one by one"),
        (None, "NoneType"),
    ],
)
def test_what_no_message_can_hold_is_kept_as_text(command: Any, problem: str) -> None:
    """A value that cannot be sent is still on the disk: how Python shows it, and why it cannot."""
    letter = Letter.decode(Letter.of(command, "main", "request-1").encode())
    assert problem in letter.problem
    assert letter.text.startswith(type(command).__name__.removesuffix("Type"))
    with pytest.raises(Unsendable) as found:
        letter.sendable()
    assert found.value.reason == "UNWRITABLE"


# -- dead letters ---------------------------------------------------------------------------------------------------


def test_a_dead_letter_says_why_and_can_be_sent_again(spool: Spool) -> None:
    """It keeps its file byte by byte beside code, reason, field, message and time; retried, it goes to the end of the
    queue under its request_id, and refused again it counts two attempts."""
    name = spool.add(opening(1))
    data = spool.read(name)
    assert spool.bury(name, Cause.of(REFUSED))
    assert spool.names() == []
    (dead,) = spool.dead_letters()
    cause = dead.cause
    assert (dead.name, cause.code, cause.reason, cause.field, cause.message, cause.attempts) == (
        name,
        "FAILED_PRECONDITION",
        "CLOSES_MORE_THAN_OPEN",
        "fills[0]",
        "more is closed than is open",
        1,
    )
    assert cause.dead_time is not None
    spool.add(opening(2))
    assert spool.retry([name]) == [name]
    assert spool.dead_letters() == []
    assert numbers(spool) == [2, 1]
    last = spool.names()[-1]
    assert spool.read(last) == data
    spool.bury(last, Cause.of(REFUSED))
    (dead,) = spool.dead_letters()
    assert dead.cause.attempts == 2


def test_dead_letters_go_back_in_their_old_order(spool: Spool) -> None:
    """All, or some in whatever order they are named, are sent as they were recorded, after what waits."""
    names = [spool.add(opening(number)) for number in range(6)]
    for name in (names[4], names[0], names[2], names[3]):
        spool.bury(name, Cause.of(REFUSED))
    assert spool.retry([names[3], names[0]]) == [names[0], names[3]]
    assert numbers(spool) == [1, 5, 0, 3]
    assert spool.retry() == [names[2], names[4]]
    assert numbers(spool) == [1, 5, 0, 3, 2, 4]
    assert spool.dead_names() == []


def test_a_dead_letter_is_dropped_with_its_reason(spool: Spool) -> None:
    """Nothing is left of it; a name that is none changes nothing at all."""
    names = [spool.add(opening(number)) for number in range(3)]
    for name in names[:2]:
        spool.bury(name, Cause.of(REFUSED))
    for act in (spool.drop, spool.retry):
        with pytest.raises(LookupError, match=names[2]):
            act([names[0], names[2]])
    assert spool.dead_names() == names[:2]
    assert spool.drop([names[0]]) == [names[0]]
    assert spool.drop() == [names[1]]
    assert list((spool.directory / "dead").iterdir()) == []
    assert numbers(spool) == [2]


def test_a_damaged_dead_letter_is_not_sent_again(spool: Spool) -> None:
    """To retry all moves what can be sent and leaves the rest, by name, where it is."""
    names = [spool.add(opening(number)) for number in range(2)]
    (spool.directory / names[0]).write_bytes(spool.read(names[0])[:100])
    for name in names:
        spool.bury(name, Cause.of(REFUSED))
    assert spool.retry() == [names[1]]
    (dead,) = spool.dead_letters()
    assert (dead.name, dead.letter, dead.sendable) == (names[0], None, False)


def test_a_reason_of_what_was_recorded_meanwhile_is_removed(spool: Spool) -> None:
    """A retried command that the ledger takes leaves nothing behind."""
    spool.bury(spool.add(opening()), Cause.of(REFUSED))
    spool.retry()
    assert list((spool.directory / "dead").iterdir()) != []  # the attempts, if it is refused again
    spool.remove(spool.names()[0])
    assert list((spool.directory / "dead").iterdir()) == []


# -- room -----------------------------------------------------------------------------------------------------------


def test_the_bound_holds_and_is_announced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At 80 % it warns once, with what takes the room; beyond the bound nothing is written; what is settled makes room
    again."""
    spool = Spool(tmp_path / "spool", max_bytes=20 * BLOCK)
    for number in range(3):
        spool.bury(spool.add(opening(number)), Cause.of(REFUSED))  # with its reason each takes two blocks
    for number in range(3, 16):
        spool.add(opening(number))
        assert bool(caplog.records) == (spool.used_bytes() > 16 * BLOCK)
    with pytest.raises(SpoolFull, match="bound"):
        spool.add(opening(16))
    (warned,) = caplog.records
    assert warned.levelno == logging.WARNING
    assert "3 are dead letters" in warned.getMessage()
    assert spool.used_bytes() == 20 * BLOCK
    spool.drop()
    for name in spool.names():
        spool.remove(name)
    Spool(tmp_path / "spool", max_bytes=20 * BLOCK).add(opening())


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_takes_a_command_whole_or_not_at_all(tiny_disk: Path) -> None:
    """When the disk is full `add` raises, nothing half-written is left, what is there stays readable, can be settled,
    moved to the dead letters and back; then there is room again."""
    spool = Spool(tiny_disk / "spool")
    with pytest.raises(OSError, match="No space left"):
        _fill(spool)
    count = len(spool.names())
    assert count > 3
    assert numbers(spool) == list(range(count))
    assert list(spool.directory.glob(".*")) == []
    filler = tiny_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        for _ in range(1000):
            file.write(b"x" * 512)
    second = spool.names()[1]
    kept = spool.bury(second, Cause.of(REFUSED))
    (dead,) = spool.dead_letters()
    assert dead.name == second
    assert kept == (dead.cause.code == "FAILED_PRECONDITION")
    assert kept or "log" in dead.cause.message
    assert spool.retry() == [second]
    filler.unlink(missing_ok=True)
    spool.remove(spool.names()[0])
    spool.add(opening(count))
    assert numbers(spool) == [*range(2, count), 1, count]


def _fill(spool: Spool) -> None:
    for number in itertools.count():
        spool.add(opening(number))


LIMITED = """
import resource, sys
from rollbook_bot import Spool
from tests.unit.test_bot_spool import opening
spool = Spool(sys.argv[1])
for most in (0, 10, 700):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        spool.add(opening(1))
    except OSError as error:
        print(error.errno, len(spool.names()), len(list(spool.directory.glob(".*"))))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.add(opening(2))
"""


def test_a_file_that_cannot_grow_is_not_there(spool: Spool) -> None:
    """Wherever in it writing fails, the file has no name and no remains; afterwards it works as before."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(spool.directory)], capture_output=True, text=True, check=True, timeout=60
    )
    tried = [line.split() for line in done.stdout.splitlines()]
    assert {error for error, _, _ in tried} <= {str(errno.EFBIG), str(errno.ENOSPC)}
    assert [(names, remains) for _, names, remains in tried] == [("0", "0")] * 3
    assert numbers(spool) == [2]


def test_what_a_killed_process_was_writing_is_removed(spool: Spool) -> None:
    """A temporary file that is old belongs to nobody; a young one may be at work in another process."""
    old, young = spool.directory / ".old.json.1-1", spool.directory / ".young.json.1-1"
    for path in (old, young):
        path.write_bytes(b"{")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    Spool(spool.directory)
    assert not old.exists()
    assert young.exists()
    assert spool.names() == []


# -- who sends ------------------------------------------------------------------------------------------------------

HOLDER = """
import os, sys
from rollbook_bot import Spool
spool = Spool(sys.argv[1])
assert spool.sender.take()
if os.fork() == 0:
    print(os.getpid(), flush=True)
    sys.stdin.read()
    os._exit(0)
sys.stdin.read()
"""


def test_one_process_sends_and_a_killed_one_no_longer(spool: Spool) -> None:
    """The right to send is with one process until it ends, however it ends, and its forks do not keep it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(spool.directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        fork = int(holder.stdout.readline())
        assert not spool.sender.take()
        holder.kill()
        holder.wait(60)
        os.kill(fork, 0)  # it lives
        assert spool.sender.take()
        os.kill(fork, signal.SIGKILL)
    assert not Spool(spool.directory).sender.take()  # nor does the same process twice
    spool.sender.give()
    assert Spool(spool.directory).sender.take()


# -- the package ----------------------------------------------------------------------------------------------------


def test_the_exported_names_are_there() -> None:
    """Each name of the package leads somewhere, and nothing else does."""
    for name in rollbook_bot.__all__:
        assert getattr(rollbook_bot, name) is not None
        assert name in dir(rollbook_bot)
    assert rollbook_bot.__all__ == sorted(rollbook_bot.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        rollbook_bot.Nonsense  # noqa: B018


def test_the_private_modules_of_the_client_are_all_forbidden() -> None:
    """import-linter knows no pattern for "begins with an underscore": its list has all there are."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (ours,) = (each for each in contracts if each["name"].startswith("rollbook_bot imports only rollbook"))
    private = {f"rollbook.{path.stem}" for path in (ROOT / "clients/python/rollbook").glob("_[!_]*.py")}
    assert {"rollbook_server", *private} == set(ours["forbidden_modules"])


def test_no_private_name_of_the_client_is_taken() -> None:
    """Nor does the package take a name that begins with an underscore out of a public module."""
    for path in (ROOT / "clients/bot/rollbook_bot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rollbook":
                assert not any(alias.name.startswith("_") for alias in node.names), path


def test_a_desk_goes_through_a_spool(spool: Spool) -> None:
    """What a bot trades all day comes back as it was, late fills and settlements among it."""
    traded = itertools.islice(Desk("main", 5).commands(), 40)
    trades = [command for command in traded if not isinstance(command, rollbook.RecordExecutionsRequest)]
    for command in trades:
        spool.add(command)
    assert [Letter.decode(spool.read(name)).command for name in spool.names()] == trades
    assert {type(command) for command in trades} == set(KINDS.values())
