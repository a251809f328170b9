"""A verdict in a notebook: everything is said, everything is escaped, nothing is run or fetched."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

from trueaim.app.library import Finding
from trueaim.core.verdict import Kind, Preflight, Verdict
from trueaim.report.notebook import COLORS, fragment
from verdicts import number, shift, verdict

TAGS = {"style", "div", "p", "span", "table", "tr", "th", "td", "i", "b", "details", "summary", "ul", "li"}
VOID = {"br", "hr", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """Collects elements and texts, and whether every element is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)


def read(found: Verdict) -> tuple[Page, str]:
    page = Page(fragment(found))
    assert page.open == []
    return page, "|".join(page.texts)


def test_the_verdict_is_said_with_its_numbers_and_its_evidence():
    _, text = read(verdict(shift(Kind.MISGENERALIZED, intended=0.21, excess=0.74)))
    for part in (
        "a mouse on cheese_corner, 3 agents",
        "misgeneralized(corner)",
        " on anywhere",
        "competently pursued the corner instead of the cheese",
        "cheese where goals part|0.21 [0.18, 0.24]|100 levels",
        "corner there|0.20 [0.17, 0.23]",
        "cheese where goals agree (control)|0.97 [0.94, 1.00]|17 levels",
        "excess regret of cheese|0.74 [0.71, 0.77]|beyond want of skill",
        "by decisions",
        "cheese|0.75 [0.72, 0.78]",
        "corner|0.25 [0.22, 0.28]",
        "Evidence|On 100 levels they got the cheese.",
        "Lacking|One thing could not be had.",
        "What would change it|More levels.",
        "Warnings|Two agents: rough.",
    ):
        assert part in text


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_badge(kind):
    page, text = read(verdict(shift(kind)))
    (badge,) = [attrs for _, attrs in page.elements if attrs.get("class") == "ta-badge"]
    assert badge["style"] == f"background:{COLORS[kind]}"
    assert f"|{shift(kind).label}|" in text


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("kind", Kind)
def test_badges_can_be_read(kind):
    assert 1.05 / (luminance(COLORS[kind]) + 0.05) >= 4.5


def test_missing_numbers_are_no_data_and_have_no_bar():
    nothing = shift(intended=None, excess=None, inference=None, evidence=[], lacking=[], would_change=[])
    page, text = read(verdict(nothing, warnings=[]))
    assert "cheese where goals part|no data|100 levels" in text
    assert "excess regret" not in text
    assert "Evidence" not in text
    assert "Warnings" not in text
    assert sum(attrs.get("class") == "ta-bar" for _, attrs in page.elements) == 2


def test_bars_stay_inside_their_frame():
    wild = shift(excess=-0.4)
    three = wild.numbers.model_copy(update={"intended": number(1.3), "control": number(1.0, 0.0)})
    page, _ = read(verdict(wild.model_copy(update={"numbers": three})))
    for _, attrs in page.elements:
        found = dict(re.findall(r"(left|width):([-\d.]+)%", attrs.get("style", "")))
        assert all(0 <= float(value) <= 100 for value in found.values())
        assert sum(map(float, found.values())) <= 100.001


def test_every_shift_is_shown_and_a_failed_preflight_too():
    failed = Preflight(passed=False, sentence="training logged 0.9, this is 0.1")
    _, text = read(verdict(shift(), shift(Kind.MIXED, "near"), preflight=failed))
    assert " on anywhere" in text
    assert " on near" in text
    assert "Warnings|Preflight: training logged 0.9, this is 0.1|Two agents: rough." in text


HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)></style></details>{0}{}&lt;%s"


def test_everything_is_escaped_and_nothing_runs():
    nasty = shift(Kind.UNLISTED_GOAL, HOSTILE, reason=HOSTILE, evidence=[HOSTILE], lacking=[HOSTILE])
    three = nasty.numbers.model_copy(update={"rival_goal": HOSTILE})
    aims = nasty.inference.model_copy(
        update={"aims": [one.model_copy(update={"goal": HOSTILE}) for one in nasty.inference.aims]}
    )
    nasty = nasty.model_copy(update={"numbers": three, "inference": aims, "would_change": [HOSTILE]})
    found = verdict(
        nasty, scenario=HOSTILE, policy=HOSTILE, goals=[HOSTILE, HOSTILE + "2"], warnings=[HOSTILE], agents=[0]
    )
    page, text = read(found)
    assert {tag for tag, _ in page.elements} <= TAGS
    assert [tag for tag, _ in page.elements].count("style") == 1
    assert {name for _, attrs in page.elements for name in attrs} <= {"class", "style", "scope", "open", "aria-hidden"}
    assert text.count(HOSTILE) >= 12


def test_nothing_is_fetched():
    assert not re.search(r"url\(|@import|https?:|src=|href=", fragment(verdict()))


def test_the_theme_s_own_ink_is_used():
    """Letters inherit their color, so that a dark notebook needs nothing else."""
    colors = re.findall(r"[^-]color:([^;}]+)", fragment(verdict()))
    assert set(colors) == {"inherit", "#fff"}


# --- what a finding offers ---------------------------------------------------------------------------------------


@pytest.fixture
def finding():
    return Finding(SimpleNamespace(verdict=verdict(shift(), shift(Kind.MIXED, "near"))), None, None, 7)


def test_a_finding_shows_itself(finding):
    assert repr(finding) == (
        "<Finding: a mouse on cheese_corner: aligned on anywhere; mixed(cheese 0.40, corner 0.60) on near>"
    )
    assert str(finding).splitlines()[0].startswith("aligned  cheese 0.90 [0.87, 0.93]  corner 0.20")
    assert finding._repr_html_() == fragment(finding.verdict)


def test_a_finding_gives_rows_and_json(finding):
    (row,) = finding.table()
    assert list(row)[:6] == ["setting", "goal", "share", "share_low", "share_high", "share_count"]
    assert (row["goal"], row["share"], row["share_low"], row["share_count"]) == ("cheese", 0.9, 0.87, 300)
    assert (row["first"], row["first_low"], row["first_count"]) == (None, None, 0)
    assert (row["optimal"], row["random"], row["optimum_is"]) == (0.98, 0.1, "exact")
    assert all(value is None or isinstance(value, str | int | float) for value in row.values())
    assert Verdict.model_validate_json(finding.json()) == finding.verdict
