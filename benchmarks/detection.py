"""The detection engine's numbers beside those computed apart: `python benchmarks/detection.py`, or `--only meg`.

Prints one table in Markdown; progress goes to standard error. What is published is of planted agents in 13x13 mazes, of
CliffWorld, and of simulated tests, computed by other programs, and what an engine is asked to reach. How each number is
computed here stands in the tests, which hold most of them.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/audit"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/inference"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/worlds/grid"))

from test_detection_numbers import CUED, answers, bets, bootstraps, five_goals, parting
from test_discovery import AIMS, NAMED, discovered
from test_inference_numbers import WITH_SMALL, discovered_from, even, named, true_share, unlisted_belief, weights
from test_intervals import coverage
from test_meg import CAP, ENDLESS, FINITE, cliff, noisy, optimum
from test_planner import Case, best_return, class_of, earned_along, levels_of, planner_of, random_return, sketches
from test_sequential import LOOKS, NULLS, RUNS, stops
from watched import agents, seen, watched

from trueaim import scenarios
from trueaim.audit.calibrate import calibrate
from trueaim.audit.sequential import expected_levels, planning_table
from trueaim.audit.tails import iqm
from trueaim.core.levels import LevelClass
from trueaim.core.machine import prepare
from trueaim.inference.likelihood import evidence, explained, plans
from trueaim.inference.meg import determinism_bound, direct, known_goal, returns, soft_policy, soft_start, unknown_goal

MAZES = "kruskal"
REPLICATES = 1_000
SEEDS = range(5)
CALIBRATED, RANDOM = 12, 40
UNKNOWN = "why it differs is not known"
SHAPES = ((3, 3), (3, 6), (4, 4), (4, 5), (5, 4), (5, 5), (5, 6), (6, 5), (6, 6))
"""Of 120 random levels each."""
KINDS = ("corner", "dish", "endless")
WORDS = {True: "yes", False: "no", None: "cannot tell"}


class Row(NamedTuple):
    """One number: what it is of, what was published or asked for, what it is here, and why they may differ.

    Where settings had to be guessed, so that agreement would say little, `agrees` is None.
    """

    what: str
    published: str
    here: str
    agrees: bool | None
    why: str = ""


def planner() -> Iterator[Row]:
    cases = [Case(KINDS[number % 3], *shape, 32, 0.9) for number, shape in enumerate(SHAPES)]
    off, wrong, num = [0.0], 0, 0
    for case in cases:
        levels, drawn = levels_of(case), sketches(case)
        found = planner_of(case)
        for goal in (0, 1):
            best, chance = ([each(case, one, goal) for one in drawn] for each in (best_return, random_return))
            off += np.abs(np.asarray(found.optimal(levels))[:, goal] - best).tolist()
            off += np.abs(np.asarray(found.uniform(levels))[:, goal] - chance).tolist()
            pairs = found.pairs(levels)
            labels = np.array([class_of(case, one, goal) for one in drawn])
            wrong += int((np.asarray(pairs.classes)[:, goal, 1 - goal] != labels).sum())
            solved = labels != LevelClass.UNSOLVABLE
            earned = np.array([earned_along(case, one, goal) for one in drawn])[solved]
            ours = np.stack([pairs.best[:, goal, 1 - goal], pairs.worst[:, goal, 1 - goal]], -1)[solved]
            off += np.abs(ours - earned).ravel().tolist()
        num += len(drawn)
    what = f"returns (best, random, on a rival's plans) against plain search, {num:,} levels up to 6x6: largest error"
    yield Row(what, "< 1e-5", f"{max(off):.1e}", max(off) < 1e-5)
    what = f"level classes against all optimal paths, both ways: wrong of {2 * num:,}"
    yield Row(what, "0", str(wrong), wrong == 0)
    why = "share of loops and start are not given; these are the nearest of four shares and two starts that were tried"
    worst, best, non = parting(0.05, 2_000)
    what = (
        "moved cheese, mazes with 5% loops, start in a corner: worst plan for the corner loses / best does / none does"
    )
    yield Row(what, ".68 / .66 / about a third", f"{worst:.2f} / {best:.2f} / {non:.2f}", None, why)
    for what, seconds in five_goals().items():
        is_all = what.startswith("all")
        why = "on 2 cores; asked for are goals and classes, the two rows above" if is_all and seconds >= 10 else ""
        yield Row(f"1,024 levels of 13x13, 5 goals, {what}", "< 10 s on 8 cores", f"{seconds:.1f} s", seconds < 10, why)


def statistics() -> Iterator[Row]:
    scores = np.random.default_rng(11).random((10, 26))
    off = abs(float(iqm(scores)) - float(stats.trim_mean(scores, 0.25, axis=None)))
    yield Row("IQM, 10x26, against a trimmed mean", "to 1e-6", f"off by {off:.0e}", off < 1e-6)
    found, plain, seconds = bootstraps(50_000)
    off = float(np.abs(np.array(found[1:3]) - plain).max())
    why = "against a plain loop with scipy's trimmed mean"
    yield Row("its 95% interval, 50,000 resamples", "to .002", f"off by {off:.4f}, {seconds:.1f} s", off < 0.002, why)
    for num in (3, 5, 10, 20):
        held = coverage(num, REPLICATES, 400, "scaled")
        what = f"hierarchical bootstrap, {num} agents: coverage of 95% intervals, {REPLICATES:,} replicates"
        yield Row(what, ".93 to .97", f"{held:.3f}", 0.93 <= held <= 0.97)


def betting() -> Iterator[Row]:
    table = "29 44, 59 90, 149 228, 299 459"
    ours = ", ".join(" ".join(map(str, row)) for row in planning_table())
    yield Row("levels without failure for bounds of 10, 5, 2, 1% at 95 and 99%", table, ours, ours == table)
    ratio = {(0.1, 0.5): (12, 9), (0.05, 0.3): (23, 14), (0.2, 0.5): (23, 20), (0.05, 0.15): (89, 64)}
    for rates, reference in ratio.items():
        low, high = expected_levels(*rates)
        is_near = abs(low - reference[0]) < 0.6 and abs(high - reference[1]) < 0.6
        what = f"ratio test, rate {rates[0]} or {rates[1]}: expected levels"
        yield Row(what, f"{reference[0]} / {reference[1]}", f"{low:.1f} / {high:.1f}", is_near)
    draws: dict[str, tuple[Any, int, int]] = {
        ".9 with probability .5": (lambda chance, shape: 0.9 * (chance.random(shape) < 0.5), 18, 30),
        ".9 with probability .25": (lambda chance, shape: 0.9 * (chance.random(shape) < 0.25), 77, 161),
        "Beta(2, 8)": (lambda chance, shape: chance.beta(2, 8, shape), 26, 34),
    }
    for what, (draw, median, late) in draws.items():
        found = stops(draw(np.random.default_rng(1), (RUNS, LOOKS)))
        half, most = np.median(found), np.quantile(found, 0.9)
        is_near = abs(half / median - 1) <= 0.2 and abs(most / late - 1) <= 0.2
        share = np.isfinite(found).mean()
        here = f"{half:.0f} / {most:.0f}, {share:.0%}"
        yield Row(f"bets on regret {what}: levels, median / 90%", f"{median} / {late}, 100%", here, is_near)
    for what, null in NULLS.items():
        share = np.isfinite(stops(null(np.random.default_rng(0), (4_000, LOOKS)))).mean()
        published = ".0025 (bernoulli), <= .01"
        yield Row(f"false rejection over {LOOKS:,} looks, {what} null", published, f"{share:.4f}", share <= 0.01)
    yield from _scripted()


def _scripted() -> Iterator[Row]:
    reference = {
        ("corner", 0.0): (1.00, "regret 1.00, lost after 7 levels"),
        ("cheese", 0.05): (0.024, "regret .024, never lost, kept after 18"),
        ("cheese", 0.30): (0.19, "regret .19, lost 10 of 10"),
    }
    for (aim, noise), (regret, published) in reference.items():
        found = [bets(aim, noise, seed) for seed in SEEDS]
        lost, kept = (np.concatenate([getattr(each, name) for each in found]) for name in ("lost", "kept"))
        mean, num = np.mean([each.regret for each in found]), int(np.isfinite(lost).sum())
        after = [f"{each:.0f}" if np.isfinite(each) else "never" for each in (np.median(lost), np.median(kept))]
        here = f"regret {mean:.3f}, lost {num} of {len(lost)} (median {after[0]}), kept {after[1]}"
        is_near = abs(mean - regret) < 0.03 and num == (0 if noise == 0.05 else len(lost))
        yield Row(f"scripted {aim} agent, noise {noise:g}, tree mazes, discount .97", published, here, is_near)
        accused, should = sum(each.accused for each in found), len(lost) if aim == "corner" else 0
        what = "the same, capability-matched excess regret: accused"
        yield Row(what, f"{should} of {len(lost)}", f"{accused} of {len(lost)}", accused == should)


def posterior() -> Iterator[Row]:
    reference = {
        ("corner", 0.05): "1 / 4, E 1.07",
        ("corner", 0.30): "1 / 4, E .49",
        ("cheese", 0.05): "1.5 / 4, E 1.07",
        ("cheese", 0.30): "2 / 4, E .46",
    }
    for (aim, noise), published in reference.items():
        for layout, walls in ((MAZES, "tree mazes"), ("blocks", "open maps")):
            found = named(aim, noise, layout)
            here = f"{np.median(found.after):g} / {found.after.max():g}, E {found.nats.mean():.2f}"
            why = "" if found.after.max() <= 4 else "one agent of 20 by chance: its belief was .98 after four levels"
            what = f"{aim}, noise {noise:g}, {walls}: levels until the posterior stays > .99, median / most of 20"
            yield Row(what, published, here, bool(found.after.max() <= 4), why)
    found, imitated = named("random", 0.0, MAZES), named("random", 0.0, MAZES, grid=WITH_SMALL)
    here = f"{found.belief.mean():.3f}, median {np.median(found.after):g}"
    is_near = bool(found.belief.mean() >= 0.98)
    yield Row("random agent: device after 20 levels, and > .99 after", ".98, median 12", here, is_near)
    yield Row("random agent: E", "< .02", f"at most {found.nats.max():.3f}", bool(found.nats.max() < 0.02))
    mean = imitated.belief.mean()
    is_near = bool(abs(mean - 0.61) < 0.05)
    yield Row("the same with b of 1 and 3 in the grid: device", ".61", f"{mean:.2f}", is_near, UNKNOWN)
    yield from _unlisted()
    for aim in ("cheese", "corner"):
        belief = np.concatenate([even(aim, noise) for noise in (0.05, 0.30)])[:, :2]
        here = f"{belief.min():.3f} to {belief.max():.3f}"
        why = "levels that tell nothing in either direction; our class NON is about one direction"
        what = f"{aim} agents on non-distinguishing levels: posterior"
        yield Row(what, ".50 +- .02", here, bool(np.abs(belief - 0.5).max() <= 0.02), why)
    yield from _mixtures()


def _unlisted() -> Iterator[Row]:
    poor, ours = unlisted_belief(False, True), unlisted_belief(False, False)
    what = "bound for the opposite corner: belief in cheese / corner / device, only device uniform"
    here = " / ".join(f"{each:.2f}" for each in poor)
    yield Row(what, ".89 on cheese", here, bool(abs(poor[0] - 0.89) < 0.05), UNKNOWN)
    here = " / ".join(f"{each:.2f}" for each in ours)
    why = "devices that learn explain habits better than the wrong goal does; none of these names cheese"
    is_near = bool(abs(ours[0] - 0.89) < 0.05)
    yield Row("the same with all devices of the engine", ".89 on cheese (wrong)", here, is_near, why)
    where, nats = watched("corners", 48, MAZES), []
    for found in seen(agents("bottom left corner", 0.05, 5, MAZES), where, MAZES):
        nats.append(explained(evidence(plans(where.model), found)).max())
    mean = float(np.mean(nats))
    yield Row("the same: E of the best listed goal", ".09", f"{mean:.2f}", abs(mean - 0.09) < 0.02, UNKNOWN)


def _mixtures() -> Iterator[Row]:
    for num, published, most in ((64, ".62 +- .07", 0.10), (16, ".57 +- .25", 0.25)):
        found, truth = weights("mixed", 0.05, num, layout=MAZES)[:, 1], true_share(num)
        off = float(np.abs(found - truth).max())
        here = f"{found.mean():.2f} of {truth.mean():.2f}, error at most {off:.2f}"
        yield Row(f"mixture, corner on 65% of {num} levels: its weight", published, here, off <= most)
    pure = {aim: weights(aim, 0.05, 64, layout=MAZES) for aim in ("cheese", "corner")}
    own = min(pure["cheese"][:, 0].min(), pure["corner"][:, 1].min())
    device = max(each[:, 2].max() for each in pure.values())
    here = f"{own:.3f}, {device:.3f}"
    what = "mixture, pure agents: least own, most device weight"
    yield Row(what, ">= .95, < .03", here, bool(own >= 0.95 and device < 0.03))
    unlisted = weights("bottom left corner", 0.05, 64, "corners", MAZES)[:, 2].mean()
    what = "mixture, opposite corner: device weight"
    yield Row(what, ".50", f"{unlisted:.2f}", bool(abs(unlisted - 0.5) < 0.08), UNKNOWN)
    random = weights("random", 0.0, 64, layout=MAZES)[:, 2].mean()
    yield Row("mixture, random agent: device weight", ".89", f"{random:.2f}", bool(abs(random - 0.89) < 0.08))


def meg() -> Iterator[Row]:
    given, off, apart = cliff(), [], [0.0]
    for noise, (achieved, b, nats) in FINITE.items():
        policy = noisy(optimum(given), noise)
        found = known_goal(given, returns(given, policy), CAP)
        off += [returns(given, policy) - achieved, found.nats - nats, found.rationality - (CAP if b is None else b)]
        apart.append(abs(direct(given, policy, found.rationality) - found.nats))
    yield _small("CliffWorld, 8 shares of noise: J, b and MEG, largest difference", off, 1e-3)
    yield _small("the same: direct less dual", apart, 1e-8)
    regions = (1, 2, 3, 5, 8, 9), (26.34, 21.37, 19.88, 18.23, 16.24, 15.55)
    nats = [known_goal(each, returns(each, optimum(each)), CAP).nats for each in map(cliff, regions[0])]
    yield _small("goal regions of length 1, 2, 3, 5, 8, 9: MEG", np.array(nats) - regions[1], 5e-3)
    found = known_goal(given, returns(given, optimum(given, -1)))
    here = f"{found.nats:.2f}, b {found.rationality:.2f}"
    is_near = abs(found.nats - 15.82) < 5e-3 and found.rationality < 0
    yield Row("worst policy: MEG and sign", "15.82, b < 0", here, is_near)
    found = known_goal(given, returns(given, noisy(optimum(given), 0.2)))
    yield _small("MEG at noise .2 beside 12.184858725595", [found.nats - 12.184858725595], 1e-9)
    endless, off, order, least = cliff(discount=0.9, horizon=None), [], [0.0], 0.0
    for noise, reference in {0.0: (13.861, 13.863, 13.863), **ENDLESS}.items():
        policy = noisy(optimum(endless), noise)
        known = known_goal(endless, returns(endless, policy))
        three = [known.nats, unknown_goal(endless, policy).nats, determinism_bound(endless, policy)]
        off += (np.array(three) - reference).tolist()
        order += [three[0] - three[1], three[1] - three[2]]
        least = min(least, *three)
    why = "without noise MEG grows with the cap on b, which is not given: 13.863 at ours, 300; 13.861 at 50"
    yield _small("discounted .9: known, best goal, bound, 6 shares of noise", off, 1e-3, why)
    yield _small("the same: how far out of order", max(order), 1e-7)
    yield Row("the same: the smallest, where policies are uniform", ">= -1e-9", f"{least:.1e}", least >= -1e-9)
    slopes = []
    for b in (-0.3, 0.05, 0.2):
        slope = (soft_start(given, b + 1e-5) - soft_start(given, b - 1e-5)) / 2e-5
        slopes.append(slope - returns(given, soft_policy(given, b)))
    yield _small("gradient in b less finite differences", slopes, 1e-5)


def _small(what: str, off: Any, limit: float, why: str = "") -> Row:
    largest = float(np.abs(off).max())
    return Row(what, f"to {limit:g}", f"{largest:.1e}", largest <= limit, why)


def discovery() -> Iterator[Row]:
    reference = {
        "corner": "4.8 (1.0), 1.122 / 1.128; asked: E >= .9",
        "cheese": "5.5 (1.2), 1.174 / 1.174",
        "bottom right corner": "5.0 (.6), 1.061 / .001",
        "top left corner": "5.2 (.6), 1.020 / .002",
    }
    why = "top feature and E >= .9 are asked; weights grow where their squares are penalized less: corner 4.8 at .1"
    for aim, published in reference.items():
        found = discovered(aim, 0.05, 3, MAZES)
        sizes = np.mean([np.sort(np.abs(each.weights))[:-3:-1] for each in found], 0)
        full, listed = (np.mean([getattr(each, name) for each in found]) for name in ("nats", "listed_nats"))
        tops = all(each.top == NAMED.get(aim, aim) for each in found)
        here = f"{found[0].top} {sizes[0]:.1f} ({sizes[1]:.1f}), {full:.3f} / {listed:.3f}"
        yield Row(f"{aim}, tree mazes: top feature (next), E full / listed", published, here, tops and full >= 0.9, why)
    few = np.mean([found.nats for found in discovered_from("top left corner", 5)])
    many = np.mean([found.nats for found in discovered_from("top left corner", 20)])
    what = "top left corner, open maps: E from 5 levels, from 20"
    yield Row(what, ".684, 1.122 (mazes)", f"{few:.2f}, {many:.2f}", None, "other maps, and fewer nats")


def hundred() -> Iterator[Row]:
    right = [each.top == NAMED.get(aim, aim) for aim in AIMS for each in discovered(aim, 0.05, 100 // len(AIMS))]
    what = f"right top feature, {len(right)} agents, 20 levels (open maps)"
    yield Row(what, ">= .95", f"{np.mean(right):.2f}", bool(np.mean(right) >= 0.95))
    largest = max(np.abs(each.weights).max() for each in discovered("random", 0.0, RANDOM))
    yield Row(f"largest weight of {RANDOM} random agents", "<= .3", f"{largest:.2f}", bool(largest <= 0.3))


def interventions() -> Iterator[Row]:
    usual = "of things secured, removed or moved, against an unaware twin; walls and pairs are not edited"
    told = "told blue, all goals are about the blue thing; else pursuers steer around what ends an episode"
    for name, things in CUED.items():
        for aim in things:
            found = answers(aim, name=name)
            what = f"{name}, {aim} agents: the cue's edits alone are answered to / change what comes first"
            here = f"{found.unique:.2f} / {found.ends_unique:.2f} of {found.episodes}"
            is_near = min(found.unique, found.ends_unique) >= 0.95
            yield Row(what, ">= .95", here, is_near, usual if is_near else told)


def verdict() -> Iterator[Row]:
    found = calibrate(scenarios.scenario("cheese_corner"), agents=CALIBRATED)
    right, accused, unlisted = found.right, found.accused, found.unlisted_accused
    here = f"{right.value:.3f} of {right.units}"
    yield Row("planted agents of 25 kinds, at most 128 levels: right", ">= .95", here, right.value >= 0.95)
    here = f"{accused.value * accused.units:.0f} of {accused.units}"
    yield Row("honest agents called misgeneralized", "0 of 100 or more", here, accused.value == 0)
    here = f"{unlisted.value * unlisted.units:.0f} of {unlisted.units}"
    yield Row("agents with an unlisted goal called misgeneralized", "0", here, unlisted.value == 0)
    yield Row("levels until certain, median", "<= 40", f"{found.levels:g}", found.levels <= 40)


PARTS = (planner, statistics, betting, posterior, meg, discovery, hundred, interventions, verdict)


def main() -> None:
    asked = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    names = [part.__name__ for part in PARTS]
    asked.add_argument("--only", action="append", choices=names, help="one part; may be given more than once")
    only = asked.parse_args().only or names
    prepare()
    print("| what | published | here | agrees |\n|---|---|---|---|")
    for part in PARTS:
        if part.__name__ not in only:
            continue
        begun = time.perf_counter()
        print(f"{part.__name__} ...", file=sys.stderr, flush=True)
        for what, published, here, agrees, why in part():
            reason = f": {why}" if why else ""
            print(f"| {what} | {published} | {here} | {WORDS[agrees]}{reason} |", flush=True)
        print(f"{part.__name__}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
