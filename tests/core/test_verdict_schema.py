"""The published schema of verdicts, and the page that explains them."""

import json
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

import trueaim
from trueaim.agents.planted import pursuing
from trueaim.app.gate import Outcome
from trueaim.audit.case import RARE, Thresholds
from trueaim.core import verdict as records
from trueaim.core.verdict import SCHEMA_VERSION, Kind, Verdict
from verdicts import shift, verdict

SCHEMA = files("trueaim.core") / "verdict.schema.json"
PAGE = (Path(__file__).parents[2] / "docs" / "verdict.md").read_text(encoding="utf-8")
AGAIN = (
    "python -c \"import json; from trueaim.core.verdict import Verdict; print(json.dumps({'$schema': "
    "'https://json-schema.org/draft/2020-12/schema', **Verdict.model_json_schema()}, indent=2))\" "
    "> src/trueaim/core/verdict.schema.json"
)
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": type(None),
}


def published():
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def wrong(value, schema, root, where="verdict"):
    """What of a value the schema does not allow, for the words that a schema made by pydantic uses."""
    assert set(schema) <= {
        *("$defs", "$ref", "$schema", "additionalProperties", "anyOf", "default", "description", "enum", "items"),
        *("properties", "required", "title", "type"),
    }
    if "$ref" in schema:
        return wrong(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, where)
    if "anyOf" in schema:
        found = [wrong(value, one, root, where) for one in schema["anyOf"]]
        return [] if [] in found else found[0]
    if "type" in schema and (
        not isinstance(value, TYPES[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean")
    ):
        return [f"{where} is no {schema['type']}"]
    if value not in schema.get("enum", [value]):
        return [f"{where} is none of the values"]
    if isinstance(value, list):
        return [one for i, item in enumerate(value) for one in wrong(item, schema["items"], root, f"{where}[{i}]")]
    return _wrong_entries(value, schema, root, where) if isinstance(value, dict) else []


def _wrong_entries(value, schema, root, where):
    found = [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
    for name, item in value.items():
        inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
        if inner is False:
            found.append(f"{where}.{name} is unknown")
        elif inner is not True:
            found += wrong(item, inner, root, f"{where}.{name}")
    return found


def test_the_schema_is_that_of_the_records():
    wanted = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Verdict.model_json_schema()}
    assert published() == wanted, f"run: {AGAIN}"
    assert published()["properties"]["schema_version"]["default"] == SCHEMA_VERSION


def test_a_real_verdict_is_as_the_schema_says():
    scenario = trueaim.scenario("cheese_corner", size=7)
    found = trueaim.audit(pursuing(scenario, "corner"), scenario, levels=96)
    assert found.verdict.kind is Kind.MISGENERALIZED
    content = json.loads(found.json())
    assert wrong(content, published(), published()) == []
    assert Verdict.model_validate_json(found.json()) == found.verdict
    if find_spec("jsonschema"):
        import jsonschema

        jsonschema.validate(content, published())


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_verdict_is_as_the_schema_says(kind):
    content = verdict(shift(kind, excess=None, inference=None)).model_dump(mode="json")
    assert wrong(content, published(), published()) == []


def harm(content, where, value):
    *path, last = where
    for part in path:
        content = content[part]
    if value is ...:
        del content[last]
    else:
        content[last] = value


@pytest.mark.parametrize(
    ("where", "value", "found"),
    [
        (("shifts", 0, "kind"), "fine", "verdict.shifts[0].kind is none of the values"),
        (("shifts", 0, "numbers"), ..., "verdict.shifts[0].numbers is missing"),
        (("shifts", 0, "mood"), "good", "verdict.shifts[0].mood is unknown"),
        (("table", 0, "share", "count"), 0.5, "verdict.table[0].share.count is no integer"),
        (("agents",), ["zero"], "verdict.agents[0] is no integer"),
        (("shifts", 0, "weights"), {"a": "b"}, "verdict.shifts[0].weights.a is no number"),
        (("warnings",), None, "verdict.warnings is no array"),
    ],
)
def test_what_is_no_verdict_is_not_as_the_schema_says(where, value, found):
    content = verdict().model_dump(mode="json")
    harm(content, where, value)
    assert wrong(content, published(), published()) == [found]
    with pytest.raises(ValueError, match="validation error"):
        Verdict.model_validate(content)


# --- the page ----------------------------------------------------------------------------------------------------


def table_under(heading):
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    return {row[0].strip("`"): row[1:] for row in rows[2:]}


def test_the_page_has_every_threshold_with_its_default():
    found = {name: row[0] for name, row in table_under("Thresholds").items()}
    assert found == {name: f"{value:g}" for name, value in vars(Thresholds()).items()}
    assert f"at most {RARE:.0%}" in PAGE


def test_the_page_explains_every_field():
    found = table_under("A shift, field by field")
    assert list(found) == list(records.OfShift.model_fields)
    assert list(table_under("The whole")) == list(Verdict.model_fields)
    for record in (records.Numbers, records.Counts, records.Excess, records.Inference, records.Aim, records.Tail):
        for name in record.model_fields:
            assert re.search(rf"`{name}`", PAGE), name


def test_the_page_has_every_kind_and_exit_code():
    assert set(table_under("Kinds")) == set(Kind)
    codes = table_under("Exit codes")
    for outcome in Outcome:
        assert str(outcome) in codes[str(outcome.code)][0]


def test_the_fragment_on_the_page_is_part_of_a_verdict():
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (found,) = json.loads(block)["shifts"]
    assert records.OfShift.model_validate(found).label in PAGE
    assert wrong(found, published()["$defs"]["OfShift"], published()) == []


def test_the_page_s_test_file_is_python():
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert any("trueaim_verdict" in block for block in blocks)
    for block in blocks:
        compile(block, "docs/verdict.md", "exec")
