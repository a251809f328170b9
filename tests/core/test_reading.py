"""Damaged and foreign files: one sentence or the same content, never another exception, never another number."""

import json
import math
import os
import random
import socket
import time
import tomllib

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load

from trueaim.core import files, reading, tables, tensors
from trueaim.core.documents import decode_json, decode_toml, encode_json, encode_toml
from trueaim.core.errors import TrueAimError

VALUE = {"verdict": "aligned", "intended": [0.21, 0.17, 0.25], "count": 300, "notes": {"ü": None, "ok": True}}
CONFIG = {
    "seed": 3,
    "scenario": "cheese_corner",
    "knobs": {"spread": 11, "density": 0.25},
    "goals": ["cheese", "corner"],
}
ARRAYS = {
    "w": np.linspace(-1, 1, 60).reshape(6, 10),
    "b": np.arange(6, dtype=np.uint8),
    "n": np.array(7),
    "e": np.ones(0),
}
COLUMNS = {
    "level": np.arange(500, dtype=np.int32),
    "return.cheese": np.linspace(0, 1, 500, dtype=np.float32),
    "ended": np.arange(500) % 2 == 0,
    "policy": np.array(["ppo", "naïve", ""])[np.arange(500) % 3],
    "gap": np.where(np.arange(500) % 5 == 0, np.nan, 0.5),
}
KINDS = {
    "json": (lambda path: files.write_json(path, VALUE), lambda path, stamp: reading.read_json(path, stamp=stamp)),
    "toml": (lambda path: files.write_toml(path, CONFIG), reading.read_toml),
    "tensors": (lambda path: files.write_tensors(path, ARRAYS, {"a": "b"}), reading.read_tensors),
    "table": (lambda path: files.write_table(path, COLUMNS), reading.read_table),
}
_few = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def same(first, second) -> bool:
    """Equal to the bit and the type; NaN equals NaN."""
    if isinstance(first, np.ndarray):
        is_text = first.dtype.kind == "U" and second.dtype.kind == "U"
        return (is_text or first.dtype == second.dtype) and np.array_equal(
            first, second, equal_nan=first.dtype.kind == "f"
        )
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(value, second[key]) for key, value in first.items())
    return first == second


def is_refused(function, *arguments) -> bool:
    """Whether the call was refused, and that by one sentence; if not, it returned."""
    try:
        function(*arguments)
    except TrueAimError as error:
        sentence = str(error)
    else:
        return False
    assert len(sentence) < 300
    assert sentence.isprintable()
    return True


def refused(function, *arguments, **options) -> str:
    """The one sentence with which the call is refused."""
    start = time.monotonic()
    with pytest.raises(TrueAimError) as caught:
        function(*arguments, **options)
    sentence = str(caught.value)
    assert len(sentence) < 300, sentence
    assert sentence.isprintable()
    assert sentence.endswith(".")
    assert time.monotonic() - start < 2
    return sentence


# --- what was written comes back -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "content"), [*zip(KINDS, [VALUE, CONFIG, ARRAYS, COLUMNS], strict=True)])
def test_every_kind_comes_back_as_it_was(tmp_path, kind, content):
    write, read = KINDS[kind]
    stamp = write(tmp_path / "a")
    assert same(content, read(tmp_path / "a", stamp))
    reading.verify(tmp_path / "a", stamp)
    assert os.listdir(tmp_path) == ["a"]


def test_the_library_reads_our_tensors_and_their_metadata(tmp_path):
    files.write_tensors(tmp_path / "a", ARRAYS, {"b": "2", "a": "1"})
    data = (tmp_path / "a").read_bytes()
    assert same(ARRAYS, load(data))
    assert json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize("kind", tables._TYPES.values())
@pytest.mark.parametrize("num_rows", [0, 3])
def test_every_column_type_comes_back_with_its_ends(tmp_path, kind, num_rows):
    if kind == "str":
        column = np.array(["", "a\0b", "naïve 🧀"][:num_rows], dtype=np.str_)
    elif kind == "bool":
        column = np.array([True, False, True][:num_rows], dtype=np.bool_)
    else:
        limits = np.finfo(kind) if kind.startswith("float") else np.iinfo(kind)
        column = np.array([limits.min, limits.max, 0][:num_rows], dtype=kind)
    stamp = files.write_table(tmp_path / "a", {"x": column})
    assert same({"x": column}, reading.read_table(tmp_path / "a", stamp, {"x": kind}))


def test_infinities_signs_and_missing_fractions_come_back(tmp_path):
    column = np.array([np.inf, -np.inf, -0.0, np.nan, 5e-324])
    files.write_table(tmp_path / "a", {"x": column})
    found = reading.read_table(tmp_path / "a")["x"]
    assert same(column, found)
    assert (np.signbit(found) == np.signbit(column)).all()


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)
_toml = st.dictionaries(
    st.text(max_size=20),
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=80),
    max_size=8,
)


@given(_json)
def test_any_json_value_comes_back_from_the_same_bytes(value):
    data = encode_json(value, "a")
    assert decode_json(data, "a") == value
    assert encode_json(decode_json(data, "a"), "a") == data


@given(_toml)
def test_any_table_of_toml_comes_back(table):
    assert decode_toml(encode_toml(table, "a"), "a") == table


# --- damage ----------------------------------------------------------------------------------------------------------


def damages(data: bytes, seed: int, num_bits: int = 100, num_cuts: int = 40):
    """Flipped bits, cuts, and a few swaps, each with what was done."""
    draw = random.Random(seed)
    for _ in range(num_bits):
        place, bit = draw.randrange(len(data)), draw.randrange(8)
        yield f"bit {bit} of byte {place}", data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
    for length in {0, 1, 7, 8, 9, len(data) - 1, *(draw.randrange(len(data)) for _ in range(num_cuts))}:
        yield f"cut to {length}", data[:length]
    half = len(data) // 2
    yield "halves swapped", data[half:] + data[:half]
    yield "twice", data + data
    yield "one byte more", data + b"\0"


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_passes_the_stamp(tmp_path, kind):
    write, read = KINDS[kind]
    path = tmp_path / "a"
    stamp = write(path)
    whole = path.read_bytes()
    for what, data in damages(whole, seed=1):
        assert data != whole, what
        path.write_bytes(data)
        assert "its record" in refused(read, path, stamp), what
        refused(reading.verify, path, stamp)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("amount", [(100, 40), pytest.param((3000, 500), marks=pytest.mark.slow)])
def test_damage_without_a_stamp_never_shows_another_exception(tmp_path, kind, amount):
    write, read = KINDS[kind]
    path = tmp_path / "a"
    write(path)
    num_refused = 0
    for _, data in damages(path.read_bytes(), 2, *amount):
        path.write_bytes(data)
        num_refused += is_refused(read, path, None)
    assert num_refused >= 40
    write(path)
    read(path, None)  # the damaged ones spoiled nothing


@given(data=st.binary(max_size=200))
def test_any_bytes_make_a_value_or_a_sentence(data):
    for decode in (decode_json, decode_toml, tensors.decode_tensors):
        is_refused(decode, data, "a")


def test_the_sentence_names_the_file_relative_to_its_record(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    path, record = tmp_path / "checkpoints" / "a.bin", tmp_path / "manifest.json"
    stamp = files.replace(path, b"whole")
    files.replace(path, b"wholy")
    assert refused(reading.verify, path, stamp, record).startswith("checkpoints/a.bin is damaged: its SHA-256 is not ")
    assert "manifest.json" in refused(reading.verify, path, stamp, record)
    files.replace(path, b"who")
    assert "checkpoints/a.bin has 3 bytes, but manifest.json says 5" in refused(reading.verify, path, stamp, record)
    path.unlink()
    assert "checkpoints/a.bin is missing" in refused(reading.verify, path, stamp, record)


# --- what is no file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [lambda path, _: reading.read_bytes(path, 100), *(read for _, read in KINDS.values())])
def test_only_regular_files_are_opened_and_nothing_hangs(tmp_path, monkeypatch, read):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "linked").symlink_to("/etc/hostname")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # a socket's path is short
        listener.bind("socket")
        for name in ("folder", "pipe", "linked", "loop", "socket", "none", "folder/none", "a\0b"):
            refused(read, tmp_path / name, None)
    refused(read, "/dev/zero", None)
    refused(read, "/dev/null", None)


def test_size_is_refused_before_reading(tmp_path):
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(10 * 1024**3)
    for read in (reading.read_json, reading.read_toml, lambda path: reading.read_tensors(path, None)):
        assert "10.7 GB" in refused(read, path)
    assert "10737418240 bytes" in refused(reading.verify, path, files.Stamp(5, "0" * 64))
    refused(reading.read_table, path)
    assert reading.read_bytes(__file__, 10**6)[:3] == b'"""'


def test_a_long_or_colored_path_stays_one_short_line(tmp_path):
    name = "\x1b[31m\u202e\n" + "x" * 200
    sentence = refused(reading.read_json, tmp_path / name)
    assert sentence.count("x") < 120


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[" * 200_000, "cannot be understood"),
        (b"[" * 65 + b"]" * 65, "64 levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "64 levels"),
        (b"NaN", "holds NaN"),
        (b"[-Infinity]", "holds -Infinity"),
        (b"1e999", "too large"),
        (b"9" * 5000, "64 bits"),
        (b"18446744073709551616", "64 bits"),
        (b'{"a": 1, "b": 2, "a": 1}', "gives the key 'a' twice"),
        (b'{"\\u202e\\n\\u001b": 1, "\\u202e\\n\\u001b": 2}', "twice"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"\xef\xbb\xbf{}", "understood"),
        (b"\xff\xfe", "understood"),
        (b"", "understood"),
        (b"{} {}", "understood"),
        (b"[" + b"[]," * 600_000, "more than 1000000 values"),
        (b"[" + b"0," * 8_000_000, "more than 1000000 values"),
    ],
)
def test_hostile_json(tmp_path, data, reason):
    (tmp_path / "a.json").write_bytes(data)
    assert reason in refused(reading.read_json, tmp_path / "a.json")


def test_json_at_the_limits_is_read(tmp_path):
    (tmp_path / "a.json").write_bytes(b"[" * 64 + b"18446744073709551615, -9223372036854775808"[:20] + b"]" * 64)
    value = reading.read_json(tmp_path / "a.json")
    for _ in range(64):
        (value,) = value
    assert value == 2**64 - 1


# --- TOML ------------------------------------------------------------------------------------------------------------

_KEY = ".".join("a" * 9)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = 1\n" * 11_000, "at most 65.5 kB"),
        ("a = '" + "x" * 5000 + "'", "line over 4 KiB"),
        (f"{_KEY} = 1", "more than 8 parts"),
        (f"[{_KEY}]", "more than 8 parts"),
        (f"[[ {' . '.join('abcdefghi')} ]]", "more than 8 parts"),
        ('"a"."b".' * 4 + "c = 1", "more than 8 parts"),
        (f't = {{ a = 1, "x.y" = 2, {_KEY} = 3 }}', "more than 8 parts"),
        (f'x = """\n""", {_KEY} = 1, y = ""', "more than 8 parts"),
        (f'x = """a""""\n{_KEY} = "y"', "more than 8 parts"),
        (f"x = '''a''''\n{_KEY} = 'y'", "more than 8 parts"),
        (f'x = "\\\\"\n{_KEY} = "y"', "more than 8 parts"),
        (f"x = 1 # it's\n{_KEY} = 'y'", "more than 8 parts"),
        ("x = inf", "holds inf"),
        ("x = [1, {y = -nan}]", "holds nan"),
        ("x = 1e999", "holds inf"),
        ("x = 99999999999999999999", "64 bits"),
        ("x = " + "9" * 4090, "64 bits"),
        ("\n".join(["x = [", *["[" * 2000] * 20]), "cannot be understood"),
        ("x = " + "[" * 70 + "]" * 70, "64 levels"),
        ("x = 1\nx = 2", "cannot be understood"),
        ("x", "cannot be understood"),
    ],
)
def test_hostile_toml(tmp_path, text, reason):
    (tmp_path / "a.toml").write_text(text)
    assert reason in refused(reading.read_toml, tmp_path / "a.toml")


def test_toml_with_dots_where_they_are_harmless_is_read(tmp_path):
    text = f"""
        a.b.c.d.e.f.g.h = 1.5  # 1.2.3.4.5.6.7.8.9.10
        s = "{_KEY}.{_KEY}"
        l = '{_KEY}.{_KEY}'
        m = \"\"\"
        And so on ... {_KEY}.{_KEY}
        \"quoted.\"\"\"\"
        floats = [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 1.5]
        when = 2026-01-02T03:04:05.678Z
    """
    (tmp_path / "a.toml").write_text(text)
    assert reading.read_toml(tmp_path / "a.toml") == tomllib.loads(text)


# --- tensors ---------------------------------------------------------------------------------------------------------


def _packed(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def _entry(kind: object = "F32", shape: object = (1,), offsets: object = (0, 4)) -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no whole header"),
        ((2**63).to_bytes(8, "little"), "no whole header"),
        (_packed(b" " * (8 * 2**20 + 1)), "no whole header"),
        (_packed([]), "not a table"),
        (_packed({"a": 3}), "not a table"),
        (_packed({f"a{i}": _entry(shape=[0], offsets=[0, 0]) for i in range(10_001)}), "10001 arrays"),
        (_packed({"a": _entry("BF16", offsets=[0, 2])}, b"\0\0"), "type BF16"),
        (_packed({"a": _entry("\x1b[31mO")}, b"\0\0\0\0"), "type"),
        (_packed({"a": _entry(["F32"])}, b"\0\0\0\0"), "type"),
        (_packed({"a": _entry(), "b": _entry()}, b"\0" * 4), "do not fit"),
        (_packed({"a": _entry()}, b"\0" * 5), "do not fit"),
        (_packed({"a": _entry(shape=[2**62, 4])}, b"\0" * 4), "do not fit"),
        (_packed({"a": _entry(shape=[-1])}, b"\0" * 4), "do not fit"),
        (_packed({"a": _entry(offsets=[4, 0])}, b"\0" * 4), "do not fit"),
        (_packed({"a": {}}), "type None"),
        (_packed(b'{"a": {"dtype": "F32"}, "a": {"dtype": "F32"}}'), "twice"),
        (_packed(b'{"a":' * 500 + b"1" + b"}" * 500), "64 levels"),
    ],
)
def test_hostile_tensors(tmp_path, data, reason):
    (tmp_path / "a").write_bytes(data)
    assert reason in refused(reading.read_tensors, tmp_path / "a", None)


# --- tables ----------------------------------------------------------------------------------------------------------


def foreign(path, query: str) -> None:
    with duckdb.connect() as database:
        database.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT DATE '2026-01-01' AS a", "type DATE"),
        ("SELECT [1, 2] AS a", "type INTEGER[]"),
        ("SELECT 1.5::DECIMAL(4, 1) AS a", "type DECIMAL"),
        ("SELECT 'x'::BLOB AS a", "type BLOB"),
        ("SELECT NULL::INTEGER AS a", "lacks values"),
        ("SELECT unnest(['x', NULL]) AS a", "lacks values"),
        ('SELECT 1 AS "a b"', "column name"),
        ('SELECT 1 AS "x\n[red]"', "column name"),
    ],
)
def test_foreign_tables_of_other_kinds(tmp_path, query, reason):
    foreign(tmp_path / "a.parquet", query)
    assert reason in refused(reading.read_table, tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "schema",
    [
        {"a": "int32"},
        {"a": "int64", "b": "str"},
        {"a": "int32", "b": "str", "c": "bool"},
        {"A": "int32", "b": "str"},
        {"a": "int32", "b": "varchar"},
        {},
    ],
)
def test_another_schema_is_refused(tmp_path, schema):
    files.write_table(tmp_path / "a", {"a": np.arange(2, dtype=np.int32), "b": np.array(["x", "y"])})
    assert list(reading.read_table(tmp_path / "a", schema={"b": "str", "a": "int32"})) == ["b", "a"]
    assert "is expected" in refused(reading.read_table, tmp_path / "a", schema=schema)


def test_the_name_of_a_folder_changes_no_column(tmp_path):
    (tmp_path / "seed=3").mkdir()
    files.write_table(tmp_path / "seed=3" / "a.parquet", {"seed": np.array([7])})
    assert reading.read_table(tmp_path / "seed=3" / "a.parquet")["seed"].tolist() == [7]


@pytest.mark.parametrize("name", ["run[1]", "*", "r?n1"])
def test_patterns_read_nothing(tmp_path, name):
    files.write_table(tmp_path / "run1", {"a": np.zeros(1)})
    assert "* ? [ ]" in refused(reading.read_table, tmp_path / name)


def test_the_file_that_was_checked_is_the_one_that_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    stamp = files.write_table(path, {"a": np.array([1])})
    check = reading._check

    def swapped_after_check(*arguments):
        check(*arguments)
        files.write_table(path, {"a": np.array([666])})

    monkeypatch.setattr(reading, "_check", swapped_after_check)
    assert reading.read_table(path, stamp)["a"].tolist() == [1]


def test_a_table_that_would_fill_the_memory_is_refused_first(tmp_path):
    foreign(tmp_path / "rows", "SELECT 1::BIGINT AS a, 2::BIGINT AS b FROM range(3000000)")
    foreign(tmp_path / "wide", "SELECT if(range = 0, repeat('x', 1000000), 'y') AS a FROM range(2000)")
    assert "bytes of memory" in refused(reading.read_table, tmp_path / "wide")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "MAX_TABLE_BYTES", 40_000_000)
        assert "48000000 bytes" in refused(reading.read_table, tmp_path / "rows")


def test_duckdb_reaches_nothing_but_the_open_file(tmp_path):
    for name in ("a", "b"):
        files.write_table(tmp_path / name, {"x": np.zeros(1)})
    a_python_variable = {"x": np.zeros(1)}
    with open(tmp_path / "a", "rb") as file, tables._locked_down(f"/proc/self/fd/{file.fileno()}") as database:
        assert database.execute(f"SELECT * FROM read_parquet('/proc/self/fd/{file.fileno()}')").fetchall() == [(0.0,)]
        for query in (
            f"SELECT * FROM read_parquet('{tmp_path}/b')",
            f"SELECT * FROM read_text('{tmp_path}/b')",
            f"COPY (SELECT 1) TO '{tmp_path}/c'",
            f"ATTACH '{tmp_path}/d'",
            "INSTALL httpfs",
            "SELECT * FROM a_python_variable",
            "SET enable_external_access=true",
            f"SET allowed_paths=['{tmp_path}/b']",
        ):
            with pytest.raises(duckdb.Error):
                database.execute(query)
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    assert a_python_variable


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "seed-3", "A_b.c-9", "7", "_", "x" * 80])
def test_good_names(name):
    assert reading.check_name("run", name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "-rf",
        ".hidden",
        "a/b",
        "a b",
        "run[1]",
        "x" * 81,
        "seed=3",
        "a\n",
        "\x1b[31m",
        "\u202ea",
        "é",
        "١",
        "[red]",
        None,
    ],
)
def test_bad_names(name):
    assert "run name: got" in refused(reading.check_name, "run", name)


@_few
@given(
    st.lists(st.floats(width=32), min_size=1, max_size=20),
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=20, max_size=20),
)
def test_any_column_comes_back(tmp_path, numbers, texts):
    columns = {"x": np.array(numbers, np.float32), "t": np.array(texts[: len(numbers)], dtype=np.str_)}
    stamp = files.write_table(tmp_path / "a", columns)
    assert same(columns, reading.read_table(tmp_path / "a", stamp))
    assert math.prod(columns["x"].shape) == len(numbers)
