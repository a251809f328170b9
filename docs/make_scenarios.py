"""Writes the scenarios' pages from the scenarios themselves: `python docs/make_scenarios.py`.

`scenarios.md` lists them; `scenarios/NAME.md` has the reference, and below it what `trueaim demonstrate NAME --pages
docs/scenarios` measured.
"""

import inspect
from pathlib import Path
from typing import Any

from trueaim import scenarios
from trueaim.app.commands import listing

INDEX = Path(__file__).with_name("scenarios.md")
PAGES = Path(__file__).with_name("scenarios")


def pages() -> dict[Path, str]:
    """The text of every page, by its path."""
    found = listing()
    rows = [f"| [{one['name']}](scenarios/{one['name']}.md) | {one['claim']} | {one['source']} |" for one in found]
    index = ["# Scenarios\n\nMade by `python docs/make_scenarios.py` from the scenarios themselves.\n"]
    index += [
        "All worlds of cells take two more options that change what agents see, not what happens: `sight`, how many "
        "cells around it an agent sees (1 to 12; 0: the whole map), and `pixels`, a picture of 64x64 pixels in place "
        "of cells (for the networks `pixels`, `impala` and those that remember). CoinRun has a `pixels` of its own.\n"
    ]
    index += ["| scenario | the agent may learn ... | source |", "|---|---|---|", *rows, ""]
    return {INDEX: "\n".join(index), **{PAGES / f"{one['name']}.md": _page(one) for one in found}}


def _page(one: dict[str, Any]) -> str:
    doc = inspect.getdoc(scenarios.find(one["name"])) or ""
    about, _, options = doc.partition("Args:")
    parts = [f"# {one['name']}\n\n{one['claim']} Source: {_linked(one)}.\n"]
    if more := about.strip().partition("\n\n")[2]:
        parts.append(more + "\n")
    parts += [*_goals(one), *_settings(one), "\nOptions:\n"]
    parts += ["- `" + line.replace(":", f"` (default {_default(one, line)}):", 1) for line in _joined(options)]
    for name, values in one["presets"].items():
        parts.append(f"\nPreset `{name}`: " + ", ".join(f"{key} = {value}" for key, value in values.items()) + ".")
    return "\n".join(parts) + "\n" + _measured(one["name"])


def _linked(one: dict[str, Any]) -> str:
    return f"[{one['source']}]({one['url']})" if one["url"] else one["source"]


def _goals(one: dict[str, Any]) -> list[str]:
    rows = [f"| {goal['name']} | {goal['role']} | {goal['description']} |" for goal in one["goals"]]
    return ["| goal | role | the agent wants to |", "|---|---|---|", *rows, ""]


def _settings(one: dict[str, Any]) -> list[str]:
    names = [knob["name"] for knob in one["knobs"]]
    rows = [f"| {name} | " + " | ".join(f"{values[knob]:g}" for knob in names) + " |" for name, values in _all(one)]
    knobs = [f"- `{knob['name']}`, {knob['low']:g} to {knob['high']:g}: {knob['meaning']}" for knob in one["knobs"]]
    heads = ["| setting | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    return [*heads, *rows, "\nKnobs (at the default size):\n", *knobs]


def _all(one: dict[str, Any]) -> list[tuple[str, dict[str, float]]]:
    return list(one["settings"].items())


def _joined(options: str) -> list[str]:
    """One line for each option, also where its description goes over several."""
    lines: list[str] = []
    for line in inspect.cleandoc(options).splitlines():
        if line.startswith(" "):
            lines[-1] += " " + line.strip()
        elif line.strip():
            lines.append(line.strip())
    return lines


def _default(one: dict[str, Any], line: str) -> object:
    return one["options"][line.partition(":")[0]]


def _measured(name: str) -> str:
    path = PAGES / "measured" / f"{name}.md"
    if not path.exists():
        return ""
    seen = scenarios.demonstration_of(name).seen
    said = f"**What was seen.** {seen}\n\n" if seen else ""
    return f"\n## Measured\n\n{said}{path.read_text(encoding='utf-8')}"


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
