"""Writes `scenarios.md` from the scenarios themselves: `python docs/make_scenarios.py`."""

import inspect
from pathlib import Path

from trueaim import scenarios
from trueaim.app.commands import listing

PAGE = Path(__file__).with_name("scenarios.md")


def page() -> str:
    """The page's text."""
    parts = ["# Scenarios\n\nMade by `python docs/make_scenarios.py` from the scenarios themselves.\n"]
    for one in listing():
        doc = inspect.getdoc(scenarios.find(one["name"])) or ""
        options = doc.partition("Args:")[2].strip().splitlines()
        parts.append(f"## {one['name']}\n\n{one['claim']} Source: {one['source']}.\n")
        parts.append("Goals: " + ", ".join(f"**{goal['name']}** ({goal['role']})" for goal in one["goals"]) + ".\n")
        parts.append("| setting | " + " | ".join(knob["name"] for knob in one["knobs"]) + " |")
        parts.append("|---|" + "---|" * len(one["knobs"]))
        for name, values in one["settings"].items():
            parts.append(f"| {name} | " + " | ".join(f"{values[knob['name']]:g}" for knob in one["knobs"]) + " |")
        parts.append("\nKnobs (at the default size):\n")
        parts += [
            f"- `{knob['name']}`, {knob['low']:g} to {knob['high']:g}: {knob['meaning']}" for knob in one["knobs"]
        ]
        parts.append("\nOptions:\n")
        parts += ["- `" + line.strip().replace(":", f"` (default {_default(one, line)}):", 1) for line in options]
        for name, values in one["presets"].items():
            parts.append(f"\nPreset `{name}`: " + ", ".join(f"{key} = {value}" for key, value in values.items()) + ".")
        parts.append("")
    return "\n".join(parts)


def _default(one: dict[str, object], line: str) -> object:
    options = one["options"]
    assert isinstance(options, dict)
    return options[line.strip().partition(":")[0]]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
