"""Each wheel installs and works alone, in an environment that was empty before. Needs a package index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.page import PATIENCE, RunningPage
from tests.support.server import RunningServer
from tests.support.wheels import Environment, build_wheels, pip, project

pytestmark = pytest.mark.packaging

IMPORT_ALL = """
import importlib, pkgutil
import {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    if not module.name.startswith(tuple({without!r})):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] not in {lacking!r}:
                raise
for name in getattr({package}, "__all__", ()):
    getattr({package}, name)
"""

BOT = """
import sys
from datetime import UTC, datetime
from decimal import Decimal
import rollbook as rb

fill = rb.Fill(source=rb.FillSource.VENUE_TRADE, trade_id="1", symbol="BTC-27JUN25-100000-C", side=rb.Side.SELL,
               quantity=Decimal(1), price=Decimal("0.01"), executed_time=datetime(2025, 6, 2, tzinfo=UTC))
with rb.Client(sys.argv[1], account="main") as ledger:
    ledger.record_execution(rb.ExecutionResult(
        mode=rb.Mode.LIVE, strategy=rb.StrategyKind.COVERED_CALL, action=rb.Action.OPEN, position_id="one",
        status=rb.ExecutionStatus.EXECUTED, executed_time=fill.executed_time, fills=(fill,)))
    print(ledger.get_chain("one").chain.net_cash)
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    tried = pip("--retries", "0", "--timeout", "20", "download", "--no-deps", "--dest", folder / "tried", "iniconfig")
    if tried.returncode:
        pytest.skip(f"no package index can be reached: {tried.stderr.strip().splitlines()[-1]}")
    return build_wheels(folder)


@pytest.fixture(scope="module")
def client(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the client alone."""
    environment = Environment(tmp_path_factory.mktemp("client"))
    environment.install(wheels["rollbook"])
    return environment


@pytest.fixture(scope="module")
def shell(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the client and its extra for the command line."""
    environment = Environment(tmp_path_factory.mktemp("shell"))
    environment.install(f"{wheels['rollbook']}[cli]")
    return environment


@pytest.fixture(scope="module", params=["rollbook", "rollbook-server"])
def learner(
    wheels: dict[str, Path], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment with the extra for learning, of the client or, to the same end, of the server."""
    environment = Environment(tmp_path_factory.mktemp("learner"))
    beside = [wheels["rollbook"]] if request.param == "rollbook-server" else []
    environment.install(f"{wheels[request.param]}[rl]", *beside)
    return environment


@pytest.fixture(scope="module")
def server(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the server alone; it needs the client's wheel for the messages."""
    environment = Environment(tmp_path_factory.mktemp("server"))
    environment.install(wheels["rollbook-server"], wheels["rollbook"])
    return environment


@pytest.fixture(scope="module")
def lab(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the server and its extra for the lab."""
    environment = Environment(tmp_path_factory.mktemp("lab"))
    environment.install(f"{wheels['rollbook-server']}[lab]", wheels["rollbook"])
    return environment


@pytest.fixture(scope="module")
def web(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the page alone; it needs the client's wheel."""
    environment = Environment(tmp_path_factory.mktemp("web"))
    environment.install(wheels["rollbook-web"], wheels["rollbook"])
    return environment


@pytest.fixture
def running(server: Environment, tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "ledger.db", python=server.python) as found:
        yield found


def test_the_client_comes_with_three_libraries(client: Environment) -> None:
    """A bot's environment gets the client, its three dependencies, and the one that grpcio needs in turn."""
    libraries = {"googleapis-common-protos", "grpcio", "protobuf"}
    assert client.installed() == {"rollbook", *libraries, "typing-extensions"}


def test_the_client_imports_alone(client: Environment, tmp_path: Path) -> None:
    """All modules and all public names are there without the extras, the command line, YAML and learning aside."""
    without = ["rollbook.cli", "rollbook._yaml", "rollbook.rl"]
    code = IMPORT_ALL.format(package="rollbook", without=without, lacking=[])
    done = client.run("python", "-W", "error", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_command_without_its_extra_says_so(client: Environment, tmp_path: Path) -> None:
    """Whoever installed the client alone is told what the command needs."""
    done = client.run("rollbook", "positions", cwd=tmp_path)
    assert done.returncode == 2
    assert "rollbook[cli]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_works_with_its_extra(shell: Environment, running: RunningServer, tmp_path: Path) -> None:
    """The extra brings all that the command needs, in every module."""
    code = IMPORT_ALL.format(package="rollbook", without=["rollbook.cli.__main__", "rollbook.rl"], lacking=[])
    imported = shell.run("python", "-W", "error", "-c", code, cwd=tmp_path)
    assert imported.returncode == 0, imported.stderr
    assert shell.run("rollbook", "--version", cwd=tmp_path).stdout.strip() == project("rollbook")["version"]
    done = shell.run("rollbook", "portfolio", "--server", running.target, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_environment_imports_with_its_extra(learner: Environment, tmp_path: Path) -> None:
    """The extra brings all that `rollbook.rl` needs, and gymnasium finds the environment by its id."""
    code = IMPORT_ALL.format(package="rollbook.rl", without=[], lacking=[])
    code += "\nimport gymnasium\nprint(gymnasium.spec(rollbook.rl.ID).id)"
    done = learner.run("python", "-W", "error", "-c", code, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "rollbook/Decisions-v1"), done.stderr


def test_a_lab_without_its_extra_says_so(shell: Environment, running: RunningServer, tmp_path: Path) -> None:
    """A spec in YAML is read with the extra of the client; the server's, which is missing, is named by the refusal."""
    (tmp_path / "spec.yaml").write_text("underlying: BTC")
    done = shell.run("rollbook", "backtest", "run", "spec.yaml", "--server", running.target, cwd=tmp_path)
    assert done.returncode == 1
    assert "LAB_UNAVAILABLE" in done.stderr
    assert "rollbook-server[lab]" in done.stderr


def test_the_server_imports_alone(server: Environment, tmp_path: Path) -> None:
    """All modules of the server are there with what its metadata names; those of the lab lack its extra and nothing
    else."""
    extra = [name.partition(">")[0] for name in project("rollbook-server")["optional-dependencies"]["lab"]]
    code = IMPORT_ALL.format(package="rollbook_server", without=["rollbook_server.__main__"], lacking=extra)
    done = server.run("python", "-W", "error", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert server.installed().isdisjoint(extra)


def test_the_server_imports_with_its_lab(lab: Environment, tmp_path: Path) -> None:
    """The extra brings all that the lab needs, in every module."""
    code = IMPORT_ALL.format(package="rollbook_server", without=["rollbook_server.__main__"], lacking=[])
    done = lab.run("python", "-W", "error", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_cluster_without_its_extra_is_refused(lab: Environment, tmp_path: Path) -> None:
    """Whoever wants a cluster and has no Dask is told before the server serves."""
    done = lab.run(
        "rollbook-server", "serve", "--executor", "dask", "--dask-address", "tcp://127.0.0.1:1", cwd=tmp_path
    )
    assert done.returncode == 2
    assert "rollbook-server[lab,dask]" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_lab_runs_on_a_cluster_with_its_extra(wheels: dict[str, Path], tmp_path: Path) -> None:
    """The extras bring what a server and the machines of a cluster need: the commands of Dask, what a worker loads."""
    environment = Environment(tmp_path / "cluster")
    environment.install(f"{wheels['rollbook-server']}[lab,dask]", wheels["rollbook"])
    for words in (("dask", "scheduler", "--version"), ("dask", "worker", "--version")):
        done = environment.run(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    code = "import distributed, rollbook_server.cluster as it; print(sorted(it.installed()))"
    done = environment.run("python", "-W", "error", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['engine', 'machine', 'numba', 'numpy', 'rollbook-server']\n"


def test_the_server_says_its_version(server: Environment, tmp_path: Path) -> None:
    """The command is installed, and its version is the wheel's."""
    done = server.run("rollbook-server", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, project("rollbook-server")["version"])


def test_a_client_alone_records_at_a_server_alone(
    client: Environment, server: Environment, running: RunningServer, tmp_path: Path
) -> None:
    """The two meet only on the wire; what was recorded is proven by the installed check."""
    done = client.run("python", "-W", "error", "-c", BOT, running.target, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "0.01"), done.stderr
    assert running.stop() == 0
    checked = server.run("rollbook-server", "check", "--db", str(running.db), cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "proven" in checked.stdout


def test_the_page_works_alone(web: Environment, running: RunningServer, tmp_path: Path) -> None:
    """What its metadata names is all that the page needs, in every module; it serves beside a server that is installed
    elsewhere."""
    code = IMPORT_ALL.format(package="rollbook_web", without=["rollbook_web.__main__"], lacking=[])
    imported = web.run("python", "-c", code, cwd=tmp_path)
    assert imported.returncode == 0, imported.stderr
    assert "rollbook-server" not in web.installed()
    assert web.run("rollbook-web", "--version", cwd=tmp_path).stdout.strip() == project("rollbook-web")["version"]
    with RunningPage(running.target, python=web.python) as page:
        health = httpx.get(f"{page.url}/health", timeout=PATIENCE, trust_env=False).json()
        assert (health["status"], health["server"]["revision"]) == ("ok", 0)
        assert httpx.get(page.url, timeout=PATIENCE, trust_env=False).status_code == 200


def test_a_check_of_nothing_says_so(server: Environment, tmp_path: Path) -> None:
    """Where there is no ledger, the check says it and makes none."""
    done = server.run("rollbook-server", "check", "--db", "ledger.db", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no ledger ledger.db" in done.stderr
    assert list(tmp_path.iterdir()) == []
