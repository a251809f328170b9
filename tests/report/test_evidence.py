"""What a verdict rests on: records without holes, words that say what they show, pictures to scale, nothing hostile."""

import re
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from pydantic import ValidationError
from reasoned import (
    ANSWERS,
    EFFORTS,
    EXCESS,
    GOALS,
    NOTHING,
    TAIL,
    attacked,
    by_order,
    exchange,
    full,
    inference,
    number,
    page,
    shift,
)
from sample import sample

from trueaim import scenarios
from trueaim.agents.planted import pursuing
from trueaim.audit.audit import audit
from trueaim.audit.deep import Deep
from trueaim.audit.exchange import Choices, rate_of
from trueaim.core.errors import TrueAimError
from trueaim.core.verdict import Aim
from trueaim.report.build import build
from trueaim.report.evidence import Rate, Reasons, Regret, reasons
from trueaim.report.page import BUNDLE, render

LEFT, RIGHT, TOP, BOTTOM = 36, 312, 8, 148
WEB = Path(__file__).resolve().parents[2] / "web"


def pictures(text):
    """Every picture of the reasons, read as XML, by the first word of its label."""
    found = [ElementTree.fromstring(svg) for svg in re.findall(r'<svg viewBox="0 0 320.*?</svg>', text, re.S)]
    return {svg.get("aria-label").split()[0]: svg for svg in found}


def evidence_section(text):
    return re.search(r'<section id="evidence">.*?</section>', text, re.S)[0]


def across(value, low, high):
    return f"{LEFT + (value - low) / (high - low) * (RIGHT - LEFT):.1f}"


def up(share):
    return f"{BOTTOM - share * (BOTTOM - TOP):.1f}"


# Records


def test_a_verdict_that_says_nothing_shows_nothing():
    assert reasons(GOALS, shift()) is None
    assert evidence_section(render(page(None, None))) == evidence_section(render(sample()))
    assert "<figure" not in evidence_section(render(sample()))


def test_what_was_lacking_is_shown_even_alone():
    found = reasons(GOALS, shift(lacking=["One agent."]))
    assert found == Reasons(lacking=("One agent.",))
    assert not found.has_pictures
    text = evidence_section(render(page(found)))
    assert "Evidence that was not to be had" in text
    assert "<li>One agent.</li>" in text
    assert "<figure" not in text


def test_every_part_may_be_missing_alone():
    parts = {"inference": inference(), "tail": TAIL, "excess": EXCESS}
    heads = {"inference": "What is pursued", "tail": "Regret", "excess": "Regret"}
    for name, part in parts.items():
        text = evidence_section(render(page(reasons(GOALS, shift(**{name: part})))))
        assert f"<strong>{heads[name]}</strong>" in text
        assert text.count("<figure") == (2 if name == "inference" else 1)
    text = evidence_section(render(page(reasons(GOALS, shift(), exchange()))))
    assert text.count("<figure") == 1
    assert "<strong>Exchange rate</strong>" in text
    text = evidence_section(render(page(reasons(GOALS, shift(), directed=EFFORTS))))
    assert text.count("<figure") == 1
    assert "<strong>Goal-directedness</strong>" in text
    text = evidence_section(render(page(reasons(GOALS, shift(), responses=ANSWERS))))
    assert text.count("<figure") == 1
    assert "<strong>If a goal is changed</strong>" in text


def test_efforts_and_answers_stand_in_their_tables():
    text = evidence_section(render(page(full())))
    assert re.search(r"cheese.*1\.20.*\[1\.00, 1\.50\].*7\.70", text, re.S)
    assert "they act otherwise (also an edit of corner)" in text
    assert "no data" in text


def test_the_device_class_is_no_goal_even_where_a_goal_has_its_name():
    assert [aim.goal for aim in full().pursued] == [*GOALS, None]
    aims = [Aim(goal=name, weight=number(0.5, 0, 1)) for name in ("cheese", "device", "device")]
    found = reasons(("cheese", "device"), shift(inference=inference(aims=aims, course=[])))
    assert [aim.goal for aim in found.pursued] == ["cheese", "device", None]


def test_nan_is_no_data_and_infinity_is_refused():
    nan, inf = float("nan"), float("inf")
    aims = [Aim(goal=goal, weight=number(nan, nan, nan), belief=nan, nats=nan) for goal in GOALS]
    holed = inference(aims=aims, course=[[nan] * 3, [0.5, nan, 0.25]], explained=number(nan, nan, nan))
    tail = TAIL.model_copy(update={"share": [1.0, nan, nan, 0.5], "low": [nan] * 4, "worst": number(nan, nan, nan)})
    text = evidence_section(render(page(reasons(GOALS, shift(inference=holed, tail=tail), exchange(seed=1)))))
    assert not re.search(r"\bnan\b|>None<|Undefined", text)
    assert text.count("no data") >= 8
    shown = pictures(text)
    assert [path.get("d") for path in shown["Belief"].iter("path") if path.get("class") == "mean"] == [
        "M312.0 113.0", "", "M312.0 78.0",
    ]  # fmt: skip
    assert "H105.0M243.0 78.0H312.0" in "".join(path.get("d") for path in shown["Share"].iter("path"))
    assert not list(shown["Share"].iter("polygon"))
    aims = [Aim(goal="cheese", weight=number(inf, None, None))]
    with pytest.raises(ValidationError, match="finite"):
        reasons(GOALS, shift(inference=inference(aims=aims, course=[])))


def test_courses_and_profiles_must_be_of_one_length():
    aims = full().pursued
    with pytest.raises(ValidationError, match="as many levels for every aim"):
        Reasons(pursued=(aims[0], aims[1].model_copy(update={"course": ()})))
    with pytest.raises(ValidationError, match="low: got 1, needs 2"):
        Regret(thresholds=(0, 0.5), share=(1, 0), low=(0,), high=(1, 1))


def test_goals_of_the_reasons_must_be_known():
    for found in (
        reasons(("gold",), shift(inference=inference(aims=[Aim(goal="gold", weight=NOTHING)], course=[]))),
        Reasons(exchange=Rate(first="gold", second="corner", rate=NOTHING, words="")),
    ):
        with pytest.raises(ValidationError, match="goal: got 'gold'"):
            page(found)


def test_reasons_survive_json():
    whole = page(full(), by_order())
    assert type(whole).model_validate_json(whole.model_dump_json()) == whole


def test_an_exchange_rate_needs_a_shift_that_was_audited():
    audit = SimpleNamespace(verdict=SimpleNamespace(shifts=[shift()]))
    with pytest.raises(TrueAimError, match="shift: got 'anywere', needs one of: anywhere; did you mean 'anywhere'"):
        build(None, None, audit, "", asked=Deep({"anywere": exchange()}))


# Words


def test_words_of_what_is_pursued():
    assert full().pursued_words == (
        "Inferred from 1,234 decisions on 5 distinguishing levels, held against plans for every goal. "
        "Nats are per decision, above uniform actions.",
        "These goals explain 0.90 [0.80, 0.95] of the nats per decision that could be explained.",
        "A goal fitted to the decisions heads for the bottom-right corner, which explains 0.50 nats per decision more.",
    )
    assert by_order().pursued_words[0].startswith("Told by order, not inferred from decisions: the share of 5 ")


@pytest.mark.parametrize(
    ("beliefs", "levels", "after_all", "said"),
    [
        ([0.5, 0.995, 0.98, 1, 1], 5, 1, "After 4 levels the belief in cheese stays above 0.99."),
        ([1, 1], 2, 1, "After 1 level the belief in cheese stays above 0.99."),
        ([0.2, 1], 2, 1, "After 2 levels the belief in cheese is above 0.99."),
        ([0.9, 0.6], 2, 1, "After 2 levels the belief in cheese is the highest, 0.60, and has not settled."),
        ([1, 1], 90, 1, "After 1 level the belief in cheese stays above 0.99; after all 90 it is 1.00."),
        (
            [1, 1],
            90,
            0.25,
            "After 1 level the belief in cheese stays above 0.99 as far as is shown, but after all 90 levels it is "
            "0.25 and that in no goal 0.75: no single goal fits all levels.",
        ),
    ],
)
def test_words_of_belief(beliefs, levels, after_all, said):
    aims = [
        Aim(goal="cheese", weight=NOTHING, belief=after_all),
        Aim(goal="device", weight=NOTHING, belief=1 - after_all),
    ]
    course = [[belief, 1 - belief] for belief in beliefs]
    assert (
        reasons(("cheese",), shift(inference=inference(aims=aims, course=course, levels=levels))).belief_words == said
    )


def test_words_of_regret():
    assert full().regret.words == (
        "On 50% of the distinguishing levels the agents lose more than 0.50 of the best cheese return.",
        "On the worst tenth of its levels an agent loses 0.97 [0.90, 1.00] on average (CVaR).",
        "The interquartile mean of the share they get is 0.40; it leaves the tails out.",
    )
    assert full().excess == (
        "They lose 0.74 [0.60, 0.80] of the cheese return beyond what they lose on matched levels where the goals "
        "agree; that this is more than the margin for losing a betting test accepts after 9 levels."
    )


def test_words_of_an_excess_that_is_not_settled():
    unsettled = EXCESS.model_copy(
        update={"value": number(-0.001, -0.2, 0.1), "lost_after": None, "looks": 1, "matched": False}
    )
    assert reasons(GOALS, shift(excess=unsettled)).excess == (
        "They lose 0.00 [-0.20, 0.10] of the cheese return beyond what they lose of whichever goal they serve better; "
        "1 level does not settle on which side of the margins this is."
    )
    assert reasons(GOALS, shift(excess=EXCESS.model_copy(update={"value": NOTHING}))) is None


def test_words_of_an_exchange_rate_name_the_goal_that_is_further_away():
    for rate, further, nearer in ((3.0, "cheese", "corner"), (-4.0, "corner", "cheese")):
        found = exchange(rate)
        said = reasons(GOALS, shift(), found).exchange.words
        value, low, high = re.search(
            rf"where {further} is ([\d.]+) \[([\d.]+), ([\d.]+)\] steps further away than {nearer}:", said
        ).groups()
        assert float(value) == pytest.approx(abs(found.rate.value), abs=0.05)
        assert float(low) < float(value) < float(high)
    none = rate_of(Choices(np.zeros(3), np.ones((2, 3))), "cheese", "corner")
    assert reasons(GOALS, shift(), none).exchange.words == (
        "6 choices, 100% of them for cheese. No exchange rate: 6 choices, fewer than 20."
    )


def test_the_fitted_curve_is_even_at_the_rate_and_falls():
    found = full().exchange
    steps, shares = np.array(found.fitted).T
    assert (np.diff(shares) <= 0).all()
    assert np.interp(found.rate.value, steps, shares) == pytest.approx(0.5, abs=0.01)
    assert (steps[0], steps[-1]) == (-8, 8)
    assert found.points[0].count == 60
    assert sum(point.count for point in found.points) == 17 * 60


# Pictures


def test_bars_are_as_long_as_their_weights():
    bars = pictures(render(page(full())))["What"]
    drawn = [(rect.get("width"), rect.get("fill")) for rect in bars.iter("rect")]
    track = ("308", "var(--line)")
    assert drawn == [
        track, ("77.0", "var(--goal-0)"),
        track, ("231.0", "var(--goal-1)"),
        track, ("0.0", "var(--goal-2)"),
        track,
    ]  # fmt: skip
    whiskers = [path.get("d") for path in bars.iter("path") if path.get("stroke") == "var(--ink)"]
    assert whiskers == ["M42.5 22v6m0 -3H158.0m0 -3v6", "M158.0 56v6m0 -3H273.5m0 -3v6"]
    assert [text.text for text in bars.iter("text")][:4] == [
        "cheese", "0.25 [0.12, 0.50]", "corner", "0.75 [0.50, 0.88]",
    ]  # fmt: skip


def test_belief_is_drawn_level_by_level():
    shown = pictures(render(page(full())))["Belief"]
    lines = {path.get("stroke"): path for path in shown.iter("path") if path.get("class") == "mean"}
    expected = "".join(
        f"{'L' if i else 'M'}{across(i + 1, 1, 5)} {up(v)}" for i, v in enumerate((0.25, 0.992, 0.5, 1, 1))
    )
    assert lines["var(--goal-1)"].get("d") == expected
    assert lines["var(--goal-1)"].get("stroke-dasharray") == "7 4"
    assert lines["var(--goal-0)"].get("stroke-dasharray") is None
    assert set(lines) == {"var(--goal-0)", "var(--goal-1)", "var(--goal-2)", "var(--ink)"}
    ticks = [text.text for text in shown.iter("text") if text.get("y") == str(BOTTOM + 16)]
    assert ticks == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("levels", "ticks"), [(1, ["1"]), (12, ["1", "4", "8", "12"]), (32, ["1", "8", "16", "24", "32"])]
)
def test_belief_after_any_number_of_levels(levels, ticks):
    found = reasons(GOALS[:1], shift(inference=inference(aims=inference().aims[:1], course=[[0.5]] * levels)))
    shown = pictures(render(page(found)))["Belief"]
    assert [text.text for text in shown.iter("text") if text.get("y") == str(BOTTOM + 16)] == ticks
    assert [dot.get("cx") for dot in shown.iter("circle")] == ["36.0" if levels == 1 else "312.0"]


def test_regret_is_a_step_line_in_its_band():
    shown = pictures(render(page(full())))["Share"]
    (line,) = [path.get("d") for path in shown.iter("path") if path.get("class") == "mean"]
    assert line == "M36.0 8.0H105.0L105.0 43.0H174.0L174.0 78.0H243.0L243.0 113.0H312.0"
    (band,) = shown.iter("polygon")
    corners = [tuple(map(float, corner.split(","))) for corner in band.get("points").split()]
    assert corners[:4] == [(36, 8), (105, 8), (105, 8), (174, 8)]
    assert corners[7:9] == [(312, 78), (312, 148)]
    assert corners[-1] == (36, 22)
    assert band.get("fill") == "var(--goal-0)"


def test_choices_are_dots_on_the_fitted_curve():
    found = full().exchange
    shown = pictures(render(page(full())))["How"]
    dots = [(dot.get("cx"), dot.get("cy"), dot.get("r")) for dot in shown.iter("circle")]
    assert dots == [(across(point.steps, -9, 9), up(point.share), "6.0") for point in found.points]
    paths = [path.get("d") for path in shown.iter("path")]
    at = across(found.rate.value, -9, 9)
    assert f"M{at} {up(0.5)}V{BOTTOM}" in paths
    assert f"M{across(found.rate.low, -9, 9)} {up(0.5)}H{across(found.rate.high, -9, 9)}" in paths
    ticks = [text.text for text in shown.iter("text") if text.get("y") == str(BOTTOM + 16)]
    assert ticks == ["−9", "−6", "−3", "0", "3", "6", "9"]


def test_choices_without_a_rate_have_dots_alone():
    none = rate_of(Choices(np.zeros(3), np.ones((2, 3))), "cheese", "corner")
    shown = pictures(render(page(reasons(GOALS, shift(), none))))["How"]
    assert len(list(shown.iter("circle"))) == 1
    assert [path.get("class") for path in shown.iter("path")] == ["grid"] * 5
    empty = rate_of(Choices(np.full(3, np.nan), np.full((2, 3), np.nan)), "cheese", "corner")
    text = evidence_section(render(page(reasons(GOALS, shift(), empty))))
    assert "0 choices. No exchange rate: 0 choices, fewer than 20." in text
    assert "How" not in pictures(text)


def test_pictures_are_told_in_words_and_in_a_table():
    text = render(page(full(), full()))
    ids = re.findall(r'<desc id="([^"]+)">', text)
    assert len(ids) == len(set(ids)) == 8
    assert re.findall(r'aria-describedby="([^"]+)"', text) == ids
    section = evidence_section(text)
    for cell in ("<td>0.99</td><td>1.50</td>", ">no data</span>", "<td>75%</td><td>50% to 100%</td>", "−8"):
        assert cell in section
    assert section.count("<table>") == 12
    for svg in pictures(text).values():
        assert svg.find("title").text == svg.get("aria-label")
        assert svg.find("desc").text


def test_order_has_neither_belief_nor_nats():
    text = evidence_section(render(page(by_order())))
    assert "told by order" in text
    assert "Belief" not in text
    assert "Nats" not in text
    assert "<td>" in text


def test_goals_have_the_dashes_that_the_scripts_draw():
    if not (WEB / "src").is_dir():
        pytest.skip("web/ is not here")
    own = re.search(r"DASHES = (\[.*?\])", BUNDLE.parent.joinpath("evidence.html.j2").read_text("utf-8"))[1]
    assert own == re.search(r"DASHES = (\[.*?\])", (WEB / "src/goals.ts").read_text("utf-8"))[1]


def test_hostile_names_stay_text():
    whole = page(full(), by_order())
    plain, spoiled = render(whole), render(attacked(whole))
    tags = [re.findall(r"<([a-z]+)[ >]", evidence_section(text)) for text in (plain, spoiled)]
    assert tags[0] == tags[1]
    for name, svg in pictures(spoiled).items():
        parts = [part.tag for part in svg.iter()]
        assert parts == [part.tag for part in pictures(plain)[name].iter()]
        attributes = {key for part in svg.iter() for key in part.attrib}
        assert not any(key.startswith("on") or key in {"style", "href"} for key in attributes)


@pytest.mark.slow
def test_a_planted_goal_shows_in_every_picture():
    scenario = scenarios.scenario("cheese_corner", size=7)
    policy = pursuing(scenario, "corner")
    found = build(policy, scenario, audit(policy, scenario, levels=64), "", asked=Deep({"anywhere": exchange()}))
    shown = found.verdicts[0].reasons
    weights = {aim.goal: aim.weight.value for aim in shown.pursued}
    assert weights["corner"] > 0.9
    assert sum(weights.values()) == pytest.approx(1)
    assert re.match(r"After \d+ levels? the belief in corner stays above 0.99", shown.belief_words)
    assert shown.regret.share[10] > 0.9
    assert set(pictures(render(found))) == {"What", "Belief", "Share", "How"}
