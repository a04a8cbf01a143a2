"""Files: CSV and Parquet tables as they come, and the folder in which datasets are kept."""

import os
import resource
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars
import pytest

from rollbook_server.domain.backtest.content import content_hash
from rollbook_server.domain.backtest.datasets import Data, DatasetKind, normalise
from rollbook_server.domain.backtest.market import Bars, OptionChains, VolatilityIndex
from rollbook_server.domain.backtest.raw import BarColumns, PriceColumns, QuoteColumns, VolatilityColumns
from rollbook_server.domain.backtest.synthetic import SyntheticMarket, make_bars, make_volatility
from rollbook_server.domain.clock import DAY, SECOND, moment
from rollbook_server.domain.errors import InvalidArgument, NotFound, Reason
from rollbook_server.storage.dataset_files import DamagedDataset, DatasetFolder
from rollbook_server.storage.dataset_tables import read_table

HOUR = 3600 * SECOND
MARKET = SyntheticMarket(underlying="BTC", seed=3, start_time=18_262 * DAY, days=20)
OHLC = {"open": [10.0, 11.0], "high": [12.0, 12.0], "low": [9.0, 9.0], "close": [11.0, 10.0]}
TIMES = ["2026-03-27T08:00:00Z", "2026-03-27T09:00:00Z"]
EPOCH = 1_774_598_400
"""2026-03-27T08:00:00Z."""


def frame_of(data: Data) -> polars.DataFrame:
    """A table of what is in a dataset, in the columns of the API."""
    match data:
        case Bars():
            return polars.DataFrame({"time": data.time, **{name: getattr(data, name) for name in OHLC}})
        case VolatilityIndex():
            return polars.DataFrame({"ts": data.time - data.interval, "dvol": data.value * 100})
        case OptionChains():
            raise NotImplementedError


def quotes() -> polars.DataFrame:
    harvest = datetime(2025, 12, 7, 20, 30, 52, 776_331, tzinfo=UTC)
    random = np.random.Generator(np.random.PCG64(5))
    names = [f"BTC-26DEC25-{80_000 + 500 * place}-{side}" for place in range(40) for side in "CP"]
    rows = len(names)
    mark = random.random(rows) / 10
    return polars.concat(
        polars.DataFrame(
            {
                "harvest_time": [harvest + timedelta(minutes=10 * number)] * rows,
                "instrument_name": names,
                "underlying_price": 91_456.653841 + random.random(rows),
                "mark_price": mark,
                "best_bid_price": [None if place % 7 == 0 else price * 0.99 for place, price in enumerate(mark)],
                "best_ask_price": [None if place % 5 == 0 else price * 1.01 for place, price in enumerate(mark)],
                "mark_iv": random.random(rows) * 50 + 20,
                "open_interest": random.random(rows),
            }
        )
        for number in range(3)
    )


def write(path: Path, frame: polars.DataFrame) -> Path:
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return path


@pytest.fixture(params=[".csv", ".parquet"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a table is to be written, of either format."""
    return tmp_path / f"table{request.param}"


def test_csv_and_parquet_of_the_same_rows_are_the_same_dataset(tmp_path: Path) -> None:
    """To the last bit of each number, so their hashes are equal."""
    frames = {
        DatasetKind.BARS: frame_of(make_bars(MARKET)),
        DatasetKind.VOLATILITY: frame_of(make_volatility(MARKET)),
        DatasetKind.OPTION_CHAINS: quotes(),
    }
    for kind, frame in frames.items():
        hashes = {
            content_hash(normalise(read_table(write(tmp_path / name, each), kind), "BTC").data)
            for name, each in (("a.csv", frame), ("b.parquet", frame), ("c.csv", frame[::-1]))
        }
        assert len(hashes) == 1


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(TIMES, id="ISO with Z"),
        pytest.param(["2026-03-27T08:00Z", "2026-03-27T09:00Z"], id="without seconds"),
        pytest.param(["2026-03-27 08:00:00", "2026-03-27 09:00:00"], id="without a zone: UTC"),
        pytest.param(["2026-03-27 08:00:00.000000 UTC", "2026-03-27 09:00:00 UTC"], id="named UTC"),
        pytest.param(["2026-03-27T09:00:00+01:00", "2026-03-27T09:00:00+00:00"], id="with a zone"),
        pytest.param([EPOCH, EPOCH + 3600], id="seconds"),
        pytest.param([1000 * EPOCH, 1000 * (EPOCH + 3600)], id="milliseconds"),
        pytest.param([SECOND * EPOCH, SECOND * (EPOCH + 3600)], id="microseconds"),
        pytest.param([float(EPOCH), EPOCH + 3600.0], id="seconds with a point"),
        pytest.param([Decimal(EPOCH), Decimal(EPOCH + 3600)], id="decimals"),
        pytest.param([datetime(2026, 3, 27, 8), datetime(2026, 3, 27, 9)], id="datetimes"),  # noqa: DTZ001
        pytest.param(
            [datetime(2026, 3, 27, hour, tzinfo=timezone(timedelta(hours=1))) for hour in (9, 10)], id="zoned datetimes"
        ),
    ],
)
@pytest.mark.parametrize("name", ["time", "ts", "ts_utc"])
def test_times_come_in_many_forms(table: Path, name: str, times: list[object]) -> None:
    """And are the same instants."""
    columns = read_table(write(table, polars.DataFrame({name: times, **OHLC})), DatasetKind.BARS)
    assert isinstance(columns, BarColumns)
    assert columns.time.tolist() == [SECOND * EPOCH, SECOND * EPOCH + HOUR]
    assert columns.high.tolist() == OHLC["high"]


def test_dates_are_midnights_and_fractions_are_kept(table: Path) -> None:
    """A date is 00:00 UTC of it; a harvest is timed in microseconds."""
    days = polars.DataFrame({"time": [date(2026, 3, 27), date(2026, 3, 28)], "close": [45.0, 46.0]})
    assert read_table(write(table, days), DatasetKind.VOLATILITY).time.tolist() == [
        (EPOCH - 8 * 3600) * SECOND,
        (EPOCH + 16 * 3600) * SECOND,
    ]
    seconds = polars.DataFrame({"time": [EPOCH + 0.088, EPOCH + 600.25], "close": [45.0, 46.0]})
    assert read_table(write(table, seconds), DatasetKind.VOLATILITY).time.tolist() == [
        EPOCH * SECOND + 88_000,
        EPOCH * SECOND + 600_250_000,
    ]


@pytest.mark.parametrize("name", ["close", "dvol", "dvol_close", "value"])
def test_a_volatility_index_in_any_of_its_columns(table: Path, name: str) -> None:
    """Percent; columns of no meaning here are not looked at."""
    frame = polars.DataFrame({"ts": TIMES, name: [45, 46], "rv_30d": [None, "x"]})
    columns = read_table(write(table, frame), DatasetKind.VOLATILITY)
    assert isinstance(columns, VolatilityColumns)
    assert columns.percent.tolist() == [45, 46]


def test_prices_without_a_range(table: Path) -> None:
    """One price a day, in a column price or spot."""
    columns = read_table(write(table, polars.DataFrame({"ts_utc": TIMES, "spot": ["1.5", None]})), DatasetKind.BARS)
    assert isinstance(columns, PriceColumns)
    assert columns.price.tolist() == pytest.approx([1.5, float("nan")], nan_ok=True)


def test_chains_with_missing_values(table: Path) -> None:
    """Nulls are missing values, and a row without a name is one without a contract."""
    frame = quotes().with_columns(instrument_name=polars.col("instrument_name").replace({"BTC-26DEC25-80000-C": None}))
    columns = read_table(write(table, frame), DatasetKind.OPTION_CHAINS)
    assert isinstance(columns, QuoteColumns)
    assert columns.names[columns.name[0]] == ""
    assert columns.names[columns.name[1]] == "BTC-26DEC25-80000-P"
    assert moment(int(columns.time[0])) == datetime(2025, 12, 7, 20, 30, 52, 776_331, tzinfo=UTC)
    assert np.isnan(columns.bid).sum() == 3 * 12
    assert normalise(columns, "BTC").dropped_rows == 3


def test_other_types_of_numbers_and_texts(tmp_path: Path) -> None:
    """Decimals, whole numbers, text and categories: Parquet is written by many programs."""
    bars = polars.DataFrame(
        {"time": TIMES, "open": ["10", "11"], "high": [12, 12], "low": [Decimal(9), Decimal(9)], "close": [11.0, 10.0]}
    )
    columns = read_table(write(tmp_path / "bars.parquet", bars), DatasetKind.BARS)
    assert isinstance(columns, BarColumns)
    assert (columns.open.tolist(), columns.low.tolist()) == ([10, 11], [9, 9])
    categories = quotes().with_columns(polars.col("instrument_name").cast(polars.Categorical))
    chains = read_table(write(tmp_path / "chains.parquet", categories), DatasetKind.OPTION_CHAINS)
    assert isinstance(chains, QuoteColumns)
    assert chains.names[chains.name[0]] == "BTC-26DEC25-80000-C"


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        pytest.param({"ts": TIMES, "open": [1.0, 2.0]}, "no column 'high'; there are ts, open", id="no column"),
        pytest.param({"when": TIMES, **OHLC}, "no column says the time", id="no time"),
        pytest.param({"time": TIMES, "ts": TIMES, **OHLC}, "columns time and ts both say the time", id="two times"),
        pytest.param({"ts": ["2026-03-27T08:00Z", "soon"], **OHLC}, "'ts', row 2: 'soon' is not a time", id="text"),
        pytest.param({"ts": ["2026-03-27", None], **OHLC}, "'ts', row 2: the time is missing", id="no instant"),
        pytest.param({"ts": [20_260_327, 20_260_328], **OHLC}, "do not lie between 2000 and 2100", id="days"),
        pytest.param({"ts": [EPOCH, 1000 * EPOCH], **OHLC}, "do not lie between 2000 and 2100", id="mixed units"),
        pytest.param({"ts": ["1926-03-27", "2026-03-27"], **OHLC}, "row 1: '1926-03-27' is not between", id="too old"),
        pytest.param({"ts": TIMES, **OHLC, "low": ["9", "9,5"]}, "'low', row 2: '9,5' is not a number", id="comma"),
    ],
)
def test_what_cannot_be_read_is_refused_by_column_and_row(table: Path, columns: dict[str, object], says: str) -> None:
    """A clear sentence, and the field of the request."""
    write(table, polars.DataFrame(columns))
    with pytest.raises(InvalidArgument) as refusal:
        read_table(table, DatasetKind.BARS)
    assert says in refusal.value.message
    assert (refusal.value.reason, refusal.value.field) == (Reason.MALFORMED_DATA, "path")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("table.parquet", b"PAR1 but nothing more"),
        ("table.xlsx", b"PK"),
        ("binary.csv", b"time,open\n\xff\xfe\x00,\xff\n" * 3),
        ("ragged.csv", b"time,open,high,low,close\n2026-03-27,1,2,3\n2026-03-28,1,2,3,4,5,6\n"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """Not a table: refused as data, not as a fault of the server."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArgument) as refusal:
        normalise(read_table(tmp_path / name, DatasetKind.BARS), "BTC")
    assert (refusal.value.reason, refusal.value.field) == (Reason.MALFORMED_DATA, "path")


@pytest.mark.parametrize("name", ["absent.csv", "*.csv", ".", "http://localhost/bars.csv", "x" * 300 + ".csv"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    """A pattern, a folder, an address and a name that no file can have are no files."""
    write(tmp_path / "bars.csv", polars.DataFrame({"ts": TIMES, **OHLC}))
    with pytest.raises(NotFound) as refusal:
        read_table(tmp_path / name, DatasetKind.BARS)
    assert (refusal.value.reason, refusal.value.field) == (Reason.FILE_NOT_FOUND, "path")


def datasets(tmp_path: Path) -> list[Data]:
    chains = normalise(read_table(write(tmp_path / "q.parquet", quotes()), DatasetKind.OPTION_CHAINS), "BTC").data
    return [make_bars(MARKET), make_volatility(MARKET), chains]


def test_what_is_kept_is_loaded(tmp_path: Path) -> None:
    """All columns, types and flags; a second server on the folder, such as a worker, finds them by the hash alone."""
    for data in datasets(tmp_path):
        name = DatasetFolder(tmp_path / "lab" / "datasets").keep(data)
        assert name == content_hash(data)
        loaded = DatasetFolder(tmp_path / "lab" / "datasets").load(name)
        assert type(loaded) is type(data)
        for each in data.__dataclass_fields__:
            before, after = getattr(data, each), getattr(loaded, each)
            assert type(after) is type(before)
            if isinstance(before, np.ndarray):
                assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)


def test_the_same_content_is_one_file(tmp_path: Path) -> None:
    """And nothing else is left in the folder; the file of before is not touched."""
    folder = DatasetFolder(tmp_path / "datasets")
    name = folder.keep(make_bars(MARKET))
    (file,) = (tmp_path / "datasets").iterdir()
    written = file.stat().st_mtime_ns
    assert folder.keep(make_bars(MARKET)) == name
    assert [file] == list((tmp_path / "datasets").iterdir())
    assert file.stat().st_mtime_ns == written


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Wherever one bit of the columns turned, wherever the file was cut, and where it is gone: never wrong numbers."""
    folder = DatasetFolder(tmp_path)
    name = folder.keep(make_bars(MARKET))
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    refused = 0
    places = range(0, len(whole), len(whole) // 97)
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        file.write_bytes(damaged)
        try:
            loaded = folder.load(name)
        except DamagedDataset:
            refused += 1
        else:  # some bits say nothing of the content, such as those of a member's date
            np.testing.assert_array_equal(loaded.time, make_bars(MARKET).time)
            assert content_hash(loaded) == name
    assert refused > 0.9 * len(places)
    for length in (0, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(DamagedDataset, match="cannot be read"):
            folder.load(name)
    file.unlink()
    with pytest.raises(DamagedDataset, match="is gone"):
        folder.load(name)


def test_a_file_under_another_ones_name_is_refused(tmp_path: Path) -> None:
    """It is whole, and it is not what was asked for."""
    folder = DatasetFolder(tmp_path)
    name, other = folder.keep(make_bars(MARKET)), folder.keep(make_volatility(MARKET))
    (tmp_path / f"{name}.npz").replace(tmp_path / f"{other}.npz")
    with pytest.raises(DamagedDataset, match=f"holds something else, with the hash {name}"):
        folder.load(other)


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    """Registering the same data again heals it."""
    folder = DatasetFolder(tmp_path)
    name = folder.keep(make_bars(MARKET))
    (file,) = tmp_path.iterdir()
    os.truncate(file, 100)
    assert folder.keep(make_bars(MARKET)) == name
    assert content_hash(folder.load(name)) == name


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    """A file in the folder runs nothing."""
    columns = {"kind": np.array(["BARS"]), "time": np.array([object()], dtype=object)}
    np.savez(tmp_path / "evil.npz", allow_pickle=True, **columns)
    with pytest.raises(DamagedDataset, match="cannot be read"):
        DatasetFolder(tmp_path).load("evil")


def test_what_cannot_be_written_whole_is_not_there(tmp_path: Path) -> None:
    """Neither under its name nor as a part, when the disk takes only the first kilobytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            DatasetFolder(tmp_path).keep(make_bars(MARKET))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Is an error of the disk, and nothing is written elsewhere."""
    blocked = tmp_path / "datasets"
    blocked.write_bytes(b"a file where the folder should be")
    with pytest.raises(OSError, match="datasets"):
        DatasetFolder(blocked).keep(make_bars(MARKET))
    assert list(tmp_path.iterdir()) == [blocked]
