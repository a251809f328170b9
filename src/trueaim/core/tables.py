"""Columns of equal length to and from Parquet, through DuckDB held on a short lead.

A fresh connection is made for every file and thrown away: one damaged file can spoil a whole DuckDB instance.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trueaim.core.disk import shown
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.names import check_name

if TYPE_CHECKING:
    import duckdb

MAX_TABLE_BYTES = 4 * 1024**3  # in memory, once read
_TYPES = {
    "BOOLEAN": "bool",
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "UTINYINT": "uint8",
    "USMALLINT": "uint16",
    "UINTEGER": "uint32",
    "UBIGINT": "uint64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "VARCHAR": "str",
}
_WORDS = {kind: word for word, kind in _TYPES.items()}
_SOURCE = "read_parquet(?, hive_partitioning=false)"  # a folder named seed=3 would replace the column `seed`


def encode_columns(columns: Mapping[str, Any], name: str) -> dict[str, np.ndarray]:
    """The columns as DuckDB takes them: native byte order, whole, text as Python strings.

    Raises:
        TrueAimError: no columns, names that differ in case only, unequal lengths, or a type that is not allowed.
    """
    arrays = {check_name("column", key): np.asarray(value) for key, value in columns.items()}
    lengths = {array.shape for array in arrays.values()}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1 or len({key.lower() for key in arrays}) != len(arrays):
        raise TrueAimError(
            f"{shown(name)}: got columns {shown({key: array.shape for key, array in arrays.items()}, 80)}, "
            "needs at least one, all flat, of one length, and with names that differ; correct the columns."
        )
    return {key: _plain(key, array, name) for key, array in arrays.items()}


def _plain(key: str, array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype.kind == "U":
        return array.astype(object)  # ten times faster than DuckDB's own way with numpy text
    if array.dtype.name not in _TYPES.values():
        raise TrueAimError(
            f"{shown(name)}: got column {key} of type {array.dtype.name}, needs one of {', '.join(_TYPES.values())}; "
            "convert it first."
        )
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def write_parquet(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Writes encoded columns to `path`: zstd, rows in order, the same bytes for equal columns.

    Raises:
        OSError: the disk refused, with its number.
        TrueAimError: DuckDB refused the content.
    """
    import duckdb

    kinds = {key: "str" if array.dtype == object else array.dtype.name for key, array in columns.items()}
    chosen = ", ".join(f'"{key}"::{_WORDS[kind]} AS "{key}"' for key, kind in kinds.items())
    try:
        with duckdb.connect() as database:
            database.execute("SET threads=1; SET temp_directory=''; SET preserve_insertion_order=true")
            database.register("columns", dict(columns))
            options = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false"
            database.execute(f"COPY (SELECT {chosen} FROM columns) TO $1 ({options})", [str(path)])
    except duckdb.Error as error:
        raise _disk_error(error) or TrueAimError(
            f"{shown(path.name)}: got columns that DuckDB refuses ({shown(str(error).splitlines()[0], 100)}), "
            "needs plain numbers and valid text; correct the columns."
        ) from error


def _disk_error(error: Exception) -> OSError | None:
    """The OSError inside DuckDB's own, recognized by the system's words for it."""
    known = ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EACCES", "EROFS", "ENOENT", "EISDIR", "ENOTDIR", "EMFILE")
    numbers = (getattr(errno, code) for code in known)
    return next((OSError(number, os.strerror(number)) for number in numbers if os.strerror(number) in str(error)), None)


def read_parquet(descriptor: int, name: str, schema: Mapping[str, str] | None) -> dict[str, np.ndarray]:
    """The columns of the open Parquet file, in the order of `schema` if given, else of the file.

    DuckDB gets the descriptor's own path, so it reads the very file that was checked, whatever its name has become.
    A missing number in a column of fractions is NaN.

    Raises:
        DamagedError: not Parquet, other columns than `schema` says, missing values elsewhere, or over 4 GiB.
    """
    import duckdb

    path = f"/proc/self/fd/{descriptor}"
    with _locked_down(path) as database:
        try:
            types = _types(database, path, name)
            if schema is not None:
                _compare(types, schema, name)
                types = dict(schema)
            _measure(database, path, types, name)
            chosen = ", ".join(f'"{key}"' for key in types)
            found = database.execute(f"SELECT {chosen} FROM {_SOURCE}", [path]).fetchnumpy()
            return {key: _column(found[key], kind) for key, kind in types.items()}
        except TrueAimError:
            raise
        except (MemoryError, duckdb.OutOfMemoryException):
            raise _damage(name, "needs more memory than there is") from None
        except Exception as error:  # on damaged files DuckDB raises more than its own errors
            raise _damage(name, "cannot be read") from error


def _locked_down(path: str) -> "duckdb.DuckDBPyConnection":
    import duckdb

    database = duckdb.connect()
    for setting in (
        "temp_directory=''",
        f"allowed_paths=['{path}']",  # these two before the next, which closes all else
        "enable_external_access=false",
        "autoload_known_extensions=false",
        "autoinstall_known_extensions=false",
        "python_enable_replacements=false",
        "memory_limit='4GB'",
        "threads=2",
        "lock_configuration=true",
    ):
        database.execute(f"SET {setting}")
    return database


def _types(database: "duckdb.DuckDBPyConnection", path: str, name: str) -> dict[str, str]:
    rows = database.execute(f"DESCRIBE SELECT * FROM {_SOURCE}", [path]).fetchall()
    for key, kind, *_ in rows:
        if kind not in _TYPES:
            raise _damage(name, f"has a column {shown(repr(key), 60)} of type {shown(kind, 40)}")
        check_name(f"{shown(name)}: column", key)
    return {key: _TYPES[kind] for key, kind, *_ in rows}


def _compare(found: dict[str, str], schema: Mapping[str, str], name: str) -> None:
    for key in [*schema, *found]:
        if found.get(key) != schema.get(key):
            got, needed = (kinds.get(key, "nothing") for kinds in (found, schema))
            raise _damage(name, f"holds {got} as column {shown(repr(key), 60)} where {needed} is expected")


def _measure(database: "duckdb.DuckDBPyConnection", path: str, types: dict[str, str], name: str) -> None:
    """Refuses missing values and what would not fit, before anything is fetched."""
    asked = ", ".join(
        f'count("{key}")' + (f', max(length("{key}"))' if kind == "str" else "") for key, kind in types.items()
    )
    row = database.execute(f"SELECT count(*), {asked} FROM {_SOURCE}", [path]).fetchone()
    assert row is not None
    num_rows, *rest = row
    numbers = iter(rest)
    num_bytes = 0
    for key, kind in types.items():
        if next(numbers) != num_rows and not kind.startswith("float"):
            raise _damage(name, f"lacks values in column {shown(repr(key), 60)}")
        width = 4 * (next(numbers) or 1) if kind == "str" else np.dtype(kind).itemsize
        num_bytes += num_rows * width
    if num_bytes > MAX_TABLE_BYTES:
        raise _damage(name, f"would take {num_bytes} bytes of memory, more than {MAX_TABLE_BYTES}")


def _column(found: np.ndarray, kind: str) -> np.ndarray:
    if kind.startswith("float"):
        return np.ma.filled(found, np.nan).astype(kind, copy=False)
    return np.asarray(found).astype(np.str_ if kind == "str" else kind, copy=False)


def _damage(name: str, problem: str) -> DamagedError:
    return DamagedError(
        f"{shown(name)} {problem}, and this needs a Parquet table as written here; restore it or make it again."
    )
