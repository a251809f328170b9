"""What a study found: each declared number by cell with an interval over seeds, verdicts' shares, and half effects.

The seed is the unit throughout. The held-out levels are the same for every agent of a study, so an interval says what
would come of training again, not of other levels: ask for many.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from trueaim.audit.intervals import CONFIDENCE, NOTHING, RESAMPLES, SEED, Interval, upper_level, wilson
from trueaim.core.errors import unknown_name
from trueaim.studies.file import INTENDED, SHARES, Figure, Value
from trueaim.studies.gathering import Gathered


class Point(NamedTuple):
    """One number in one cell.

    Attributes:
        values: of the cell, by axis, as columns hold them.
        seeds: of the agents, in order.
        agents: the number of each; NaN where it cannot be had.
        over: the mean over agents, with its interval.
    """

    values: Mapping[str, Value]
    seeds: tuple[int, ...]
    agents: Float[np.ndarray, " agent"]
    over: Interval


class Half(NamedTuple):
    """Where on an axis a number is halfway between its first and its last value.

    Attributes:
        others: values of the other axes.
        value: on the axis; NaN where the number never gets there.
        low, high: bounds over seeds; NaN where fewer than two seeds tell.
        start, end: the number at the first and the last value of the axis.
        crossing: share of bootstrap draws in which there is a crossing at all.
        seeds: how many agents each value of the axis has.
    """

    others: Mapping[str, Value]
    value: float
    low: float
    high: float
    start: float
    end: float
    crossing: float
    seeds: int


def mean_over(values: Float[np.ndarray, " agent"], is_share: bool = False) -> Interval:
    """The mean over agents with Student's interval, cut to 0 and 1 for shares of episodes.

    mean +- t s / sqrt(n), which for one number from each agent is what `trueaim.audit.intervals.hierarchical` gives by
    its method `t`. Agents without the number are left out. One agent: no bounds. Agents that all have the same number
    give an interval without width: it does not mean that another agent would have it too.
    """
    there = values[~np.isnan(values)]
    num = len(there)
    if num == 0:
        return NOTHING
    if num == 1:
        return Interval(float(there[0]), np.nan, np.nan, 1, 1)
    half = stats.t.ppf(upper_level(CONFIDENCE), num - 1) * there.std(ddof=1) / num**0.5
    mean = float(there.mean())
    least, most = (0.0, 1.0) if is_share else (-np.inf, np.inf)
    return Interval(mean, float(max(mean - half, least)), float(min(mean + half, most)), num, num)


def points(found: Gathered, axes: Sequence[str], figure: Figure) -> list[Point]:
    """The number of every cell that has results, in the order of the cells.

    Raises:
        TrueAimError: no result has this setting or goal.
    """
    table = found.columns
    is_intended = table["role"] == "intended"
    for name, wanted in (("setting", figure.setting), ("goal", figure.goal)):
        if len(table["job"]) and wanted != INTENDED and wanted not in table[name]:
            raise unknown_name(name, wanted, set(table[name].tolist()))
    goal = is_intended if figure.goal == INTENDED else table["goal"] == figure.goal
    rows = np.flatnonzero((table["setting"] == figure.setting) & goal)
    made = []
    for members in _by_cell(table["cell"][rows]):
        those = rows[members]
        those = those[np.argsort(table["seed"][those], kind="stable")]
        agents = table[figure.number][those]
        values = {axis: table[axis][those[0]].item() for axis in axes}
        over = mean_over(agents, figure.number in SHARES)
        made.append(Point(values, tuple(table["seed"][those].tolist()), agents, over))
    return made


def _by_cell(cells: np.ndarray) -> list[np.ndarray]:
    """The places of each cell, cells in the order in which they first come."""
    if not len(cells):
        return []
    _, first, inverse = np.unique(cells, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    return [groups[number] for number in np.argsort(first)]


class Judged(NamedTuple):
    """How many agents of one cell got which verdict on one shift, each judged alone.

    Attributes:
        values: of the cell.
        setting: the shift.
        shares: by verdict, such as "misgeneralized(end)", the most frequent first; with Wilson's intervals.
    """

    values: Mapping[str, Value]
    setting: str
    shares: dict[str, Interval]


def verdicts(found: Gathered, axes: Sequence[str]) -> list[Judged]:
    """The shares of verdicts, for every cell and shift."""
    table = found.columns
    rows = np.flatnonzero((table["role"] == "intended") & (table["verdict"] != ""))
    made = []
    for setting in dict.fromkeys(table["setting"][rows].tolist()):
        of = rows[table["setting"][rows] == setting]
        for members in _by_cell(table["cell"][of]):
            those = of[members]
            labels = Counter(
                f"{kind}({goal})" if goal else kind
                for kind, goal in zip(table["verdict"][those].tolist(), table["pursued"][those].tolist(), strict=True)
            )
            shares = {label: wilson(count, len(those)) for label, count in labels.most_common()}
            made.append(Judged({axis: table[axis][those[0]].item() for axis in axes}, setting, shares))
    return made


def along(made: Sequence[Point], axis: str) -> list[tuple[dict[str, Value], list[Point]]]:
    """The points as lines along an axis: the values of the other axes, and the points in the order of the axis."""
    lines: dict[str, tuple[dict[str, Value], list[Point]]] = {}
    for point in made:
        others = {name: value for name, value in point.values.items() if name != axis}
        lines.setdefault(repr(others), (others, []))[1].append(point)
    ordered = lines.values()
    return [(others, sorted(line, key=lambda point: _order(point.values[axis]))) for others, line in ordered]


def _order(value: Value) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, float(value), "")


def halves(made: Sequence[Point], axis: str, resamples: int = RESAMPLES, seed: int = SEED) -> list[Half]:
    """Where each line along a numeric axis is halfway; lines with fewer than two points are left out.

    Between two points the number is taken to be linear in the logarithm of the axis, or in the axis itself next to 0.
    The interval is the bootstrap's over seeds, drawn together for all values of the axis (an agent's seed is the same
    everywhere), in the logarithm of the axis, stretched by t / z * sqrt(n / (n - 1)) about the value for few seeds.
    Draws without a crossing are counted and left out.

    Args:
        made: points of one number.
        axis: which.
        resamples: how many bootstrap draws.
        seed: of the draws.

    Source: ours; the stretch as in `trueaim.audit.intervals`.
    """
    found = []
    for others, line in along(made, axis):
        if len(line) > 1 and not any(isinstance(point.values[axis], str) for point in line):
            found.append(_half(others, line, axis, resamples, seed))
    return found


def _half(others: dict[str, Value], line: Sequence[Point], axis: str, resamples: int, seed: int) -> Half:
    across = np.array([float(point.values[axis]) for point in line])
    seeds = sorted({seed for point in line for seed in point.seeds})
    table = np.full((len(seeds), len(line)), np.nan)
    for column, point in enumerate(line):
        table[[seeds.index(seed) for seed in point.seeds], column] = point.agents
    up = _means(table[None])[0]
    value = float(crossings(across, up[None])[0])
    chance = np.random.default_rng(seed)
    drawn = chance.integers(0, len(seeds), (resamples, len(seeds)))
    draws = crossings(across, _means(table[drawn]))
    there = draws[~np.isnan(draws)]
    low, high = _stretched(value, there, len(seeds)) if len(seeds) > 1 and len(there) > 1 else (np.nan, np.nan)
    return Half(others, value, low, high, float(up[0]), float(up[-1]), len(there) / resamples, len(seeds))


def _means(tables: Float[np.ndarray, "draw agent point"]) -> Float[np.ndarray, "draw point"]:
    """Means over agents that have the number; NaN where none has."""
    there = ~np.isnan(tables)
    num = there.sum(1)
    return np.where(num > 0, np.where(there, tables, 0.0).sum(1) / np.maximum(num, 1), np.nan)


def crossings(across: Float[np.ndarray, " point"], up: Float[np.ndarray, "draw point"]) -> Float[np.ndarray, " draw"]:
    """Where each curve first is halfway between its first and its last value; NaN if it never is, or has no height.

    Args:
        across: increasing, at least 0.
        up: the curves there; where one is NaN it goes straight on from the point before to the one behind.
    """
    found = np.full(len(up), np.nan)
    whole = ~np.isnan(up).any(1)
    for row in np.flatnonzero(~whole):
        there = ~np.isnan(up[row])
        if there.sum() > 1:
            found[row] = crossings(across[there], up[row][None, there])[0]
    off = (up - (up[:, :1] + up[:, -1:]) / 2) * np.sign(up[:, -1:] - up[:, :1])
    rows = np.flatnonzero(whole & (up[:, 0] != up[:, -1])) if up.shape[1] > 1 else np.array([], np.int64)
    end = np.argmax(off[rows] >= 0, 1)
    low, high, before, after = across[end - 1], across[end], off[rows, end - 1], off[rows, end]
    share = before / (before - after)
    with np.errstate(divide="ignore", invalid="ignore"):
        found[rows] = np.where(low > 0, low * (high / low) ** share, low + share * (high - low))
    return found


def _stretched(value: float, draws: Float[np.ndarray, " draw"], num: int) -> tuple[float, float]:
    """The draws' quantiles in logarithms, stretched about the value as few agents ask for."""
    upper = upper_level(CONFIDENCE)
    factor = stats.t.ppf(upper, num - 1) / stats.norm.ppf(upper) * (num / (num - 1)) ** 0.5
    if np.isnan(value) or value <= 0:
        return float("nan"), float("nan")
    low, high = np.quantile(np.log(draws[draws > 0]), [1 - upper, upper])
    center = np.log(value)
    return float(np.exp(center + factor * (low - center))), float(np.exp(center + factor * (high - center)))
