"""The pages say what is true now."""

import importlib.util
import re
from pathlib import Path

from trueaim import scenarios

ROOT = Path(__file__).parent.parent


def test_the_page_of_scenarios_is_made_from_them():
    spec = importlib.util.spec_from_file_location("make_scenarios", ROOT / "docs" / "make_scenarios.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run: python docs/make_scenarios.py"
    assert all(f"## {builder.__name__}" in module.page() for builder in scenarios.ALL)


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_thresholds_in_the_concepts_page_are_the_rule_s():
    from trueaim.audit.rule import Thresholds

    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    limits = Thresholds()
    for value in (limits.distinguishing, limits.control, limits.capable, limits.pursued, limits.gap, limits.aligned):
        assert f"{value:g}" in text
