"""The distributions as wheels, and empty environments to install them in."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCES = {
    "rollbook": ROOT / "clients/python",
    "rollbook-bot": ROOT / "clients/bot",
    "rollbook-web": ROOT / "clients/web",
    "rollbook-server": ROOT / "server",
}


def pip(*words: str | Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Runs our pip, in another environment if that is named."""
    return subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )


def build_wheels(folder: Path) -> dict[str, Path]:
    """Builds each distribution with the tools of this environment: nothing is downloaded."""
    done = pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, *SOURCES.values())
    assert done.returncode == 0, done.stderr
    return {name: next(folder.glob(f"{name.replace('-', '_')}-[0-9]*.whl")) for name in SOURCES}


def project(name: str) -> dict[str, Any]:
    """A distribution's table `project`."""
    table: dict[str, Any] = tomllib.loads((SOURCES[name] / "pyproject.toml").read_text())["project"]
    return table


class Environment:
    """A virtual environment with nothing in it, not even pip."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        self.bin = folder / "bin"
        self.python = str(self.bin / "python")

    def install(self, *wheels: str | Path) -> None:
        """Installs wheels, and from the index what they need, in the versions that the repository is tested with."""
        done = pip("install", "--constraint", ROOT / "requirements-dev.txt", *wheels, python=self.python)
        assert done.returncode == 0, done.stderr

    def installed(self) -> set[str]:
        """The names of what is there."""
        code = "from importlib.metadata import distributions\nfor each in distributions(): print(each.name)"
        done = subprocess.run([self.python, "-I", "-c", code], capture_output=True, text=True, check=True)
        return {name.lower().replace("_", "-") for name in done.stdout.split()}

    def run(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment, in a folder that has nothing of ours."""
        return subprocess.run(
            [str(self.bin / words[0]), *words[1:]], capture_output=True, text=True, cwd=cwd, check=False, timeout=60
        )
