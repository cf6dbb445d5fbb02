"""
Writes calls, or what was said in them, for other programs: CSV, JSON lines, Parquet.

A row is a call, or a turn, with the columns of its table. Only one page of rows is in
memory, however many there are.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import IO, Any, Final

import orjson
from sqlalchemy import JSON, BigInteger, Boolean, Integer, Table

from voicebot.errors import ConfigError
from voicebot.store.records import Call, Turn
from voicebot.store.tables import Utc, calls, turns

Row = Mapping[str, Any]
Write = Callable[[Sequence[Row]], None]

# A spreadsheet takes what begins so for a formula, in their wide forms too.
# Source: OWASP, CSV Injection.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Format(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class What(StrEnum):
    """What a row of an export is."""

    CALLS = "calls"
    TURNS = "turns"


TABLES: Final = {What.CALLS: calls, What.TURNS: turns}


def row_of(record: Call | Turn) -> Row:
    return {field.name: getattr(record, field.name) for field in fields(record)}


@contextmanager
def writing(file: IO[bytes], form: Format, what: What) -> Iterator[Write]:
    """
    Begin an export; it is complete once the block is left.

    Raises:
        ConfigError: Parquet was asked for, and pyarrow isn't installed.
    """
    table = TABLES[what]
    match form:
        case Format.CSV:
            yield _csv(file, [column.name for column in table.c])
        case Format.JSONL:
            yield lambda rows: file.writelines(map(_line, rows))
        case Format.PARQUET:
            with _parquet(file, table) as write:
                yield write


def _line(row: Row) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _csv(file: IO[bytes], columns: list[str]) -> Write:
    def lines(rows: Iterable[Iterable[object]]) -> bytes:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        return text.getvalue().encode()

    def write(rows: Sequence[Row]) -> None:
        file.write(lines([cell(row[name]) for name in columns] for row in rows))

    file.write(lines([columns]))
    return write


def cell(value: object) -> object:
    """Return what stands in a cell; no spreadsheet takes it for a formula."""
    match value:
        case str():
            return f"'{value}" if value.startswith(FORMULA) else str(value)
        case datetime():
            return value.isoformat()
        case tuple() | dict():
            return orjson.dumps(value).decode()
        case _:
            return value


@contextmanager
def _parquet(file: IO[bytes], table: Table) -> Iterator[Write]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise ConfigError(
            "--format parquet needs pyarrow: pip install voicebot[parquet]"
        ) from None
    types = {
        Boolean: pa.bool_(),
        Integer: pa.int64(),
        BigInteger: pa.int64(),
        JSON: pa.string(),
        Utc: pa.timestamp("us", "UTC"),
    }
    schema = pa.schema(
        [
            pa.field(column.name, types.get(type(column.type), pa.string()))
            for column in table.c
        ]
    )

    def write(rows: Sequence[Row]) -> None:
        plain = [{name: _plain(row[name]) for name in schema.names} for row in rows]
        if plain:
            writer.write_table(pa.Table.from_pylist(plain, schema))

    with parquet.ParquetWriter(file, schema) as writer:
        yield write


def _plain(value: object) -> object:
    match value:
        case str():
            return str(value)  # of an enumeration, too
        case tuple() | dict():
            return orjson.dumps(value).decode()
        case _:
            return value
