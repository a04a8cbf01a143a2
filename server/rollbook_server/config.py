"""Settings of `serve`: by flag, by ROLLBOOK_* in the environment, by a file, in this order."""

import importlib.util
import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class ClockKind(StrEnum):
    """Who says what time it is."""

    WALL = "wall"
    EVENTS = "events"


class ExecutorKind(StrEnum):
    """Who carries on the lab's runs."""

    LOCAL = "local"
    DASK = "dask"


class Settings(BaseSettings):
    """What a server needs to know."""

    model_config = SettingsConfigDict(env_prefix="ROLLBOOK_", extra="forbid", frozen=True)

    db: Path = Field(Path("data/ledger.db"), description="The ledger's file; made if it is not there.")
    listen: str = Field("127.0.0.1:50051", description="Address and port; only loopback until TLS and tokens come.")
    clock: ClockKind = Field(ClockKind.WALL, description="wall, or events (the newest event time seen) for replays.")
    delivery_prices: Path | None = Field(
        None, description="A CSV file of final delivery prices that somebody writes; expired contracts settle by it."
    )
    logs: Path = Field(Path("logs"), description="Folder of the rotating log files.")
    grace: float = Field(5.0, ge=0, le=600, description="Seconds that calls under way get when the server stops.")
    queue: int = Field(4096, ge=1, le=1_000_000, description="Commands that may wait before RESOURCE_EXHAUSTED.")

    lab_db: Path | None = Field(None, description="The lab's file; unset is lab.db beside the ledger's.")
    lab_workers: int = Field(1, ge=1, le=64, description="Backtests that run at once, each on a worker of its own.")
    lab_memory: int = Field(
        2048,
        ge=64,
        le=1_048_576,
        description="MiB that a backtest's process may hold; a cluster's workers have their own.",
    )
    lab_part: float = Field(
        0.25,
        gt=0,
        le=60,
        description="Seconds of work after which a backtest is saved, and can be paused.",
    )

    executor: ExecutorKind = Field(
        ExecutorKind.LOCAL, description="local: processes of this machine; dask: the workers of a Dask cluster."
    )
    dask_address: str | None = Field(None, description="The scheduler of that cluster.")

    save_training_data: bool = Field(
        False, description="Whether each backtest that succeeds writes its training data, rows and candidates."
    )
    training_data_dir: Path = Field(Path("data"), description="Folder of that training data; made with the first.")

    deribit_url: str = Field(
        "https://www.deribit.com/api/v2", description="Address of the venue's API that public history is fetched from."
    )
    deribit_rate: float = Field(
        5.0, gt=0, le=1_000, description="Requests a second to that address; the venue allows 20 for long."
    )
    deribit_timeout: float = Field(30.0, gt=0, le=600, description="Seconds to wait for an answer of it.")
    history_dir: Path | None = Field(
        None, description="Folder of fetched history; unset is lab.db.history beside the lab's file."
    )

    @field_validator("deribit_url")
    @classmethod
    def _only_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must begin with https:// or http:// and name a host")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("must have no user, no password and nothing behind its path: public history needs none")
        parts.port  # noqa: B018 - raises where it is no number
        return url

    @field_validator("listen")
    @classmethod
    def _only_loopback(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        if not port.isdecimal() or not 0 <= int(port) <= 65_535:
            raise ValueError("must be HOST:PORT, for example 127.0.0.1:50051")
        if host == "localhost":
            return listen
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            raise ValueError("must be a loopback address: 127.0.0.1, [::1] or localhost") from None
        if not address.is_loopback:
            raise ValueError(
                "must be a loopback address: without TLS and tokens anybody on the network could write the ledger"
            )
        return listen

    @field_validator("dask_address")
    @classmethod
    def _a_scheduler(cls, address: str | None) -> str | None:
        if address is not None:
            host, _, port = address.removeprefix("tcp://").rpartition(":")
            named = re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", host)
            if not address.startswith("tcp://") or not named or not port.isdecimal() or not 0 < int(port) <= 65_535:
                raise ValueError("must be tcp://HOST:PORT, for example tcp://127.0.0.1:8786")
        return address

    @model_validator(mode="after")
    def _a_cluster_or_none(self) -> Self:
        if self.executor is ExecutorKind.LOCAL and self.dask_address is not None:
            raise ValueError("dask_address is given, but executor is local: say --executor dask, too")
        if self.executor is ExecutorKind.DASK:
            if self.dask_address is None:
                raise ValueError("executor dask needs --dask-address tcp://HOST:PORT, the scheduler of the cluster")
            if importlib.util.find_spec("distributed") is None:
                raise ValueError('executor dask needs another extra: pip install "rollbook-server[lab,dask]"')
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic calls it with all of them
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(file: Path | None, flags: dict[str, Any]) -> Settings:
    """Settings of the flags that were given, the environment and a TOML file. Raises ValueError with a sentence."""
    if file is None:
        return Settings(**flags)
    if not file.is_file():
        raise ValueError(f"there is no settings file {file}")

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return FromFile(**flags)
    except TOMLDecodeError as error:
        raise ValueError(f"{file} is no TOML: {error}") from error
