"""A server's identity for TLS, made by the machine's openssl."""

import shutil
import subprocess
from pathlib import Path
from typing import TypeAlias

import pytest

Identity: TypeAlias = tuple[bytes, bytes]
"""A certificate that vouches for itself, and its private key, in PEM."""


def make_identity(folder: Path, host: str = "127.0.0.1") -> Identity:
    """The identity of a server at this address, good for a day."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={host}"]
    command += ["-addext", f"subjectAltName=IP:{host}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate.read_bytes(), key.read_bytes()
