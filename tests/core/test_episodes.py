import numpy as np
import pytest

from trueaim.core.episodes import PER_EPISODE, PER_GOAL, Episodes, from_columns, joined, schema
from trueaim.core.errors import DamagedError

GOALS = ("coin", "right")


def made(setting: str = "train", agents: tuple[int, ...] = (4, 4, 2), goals: tuple[str, ...] = GOALS) -> Episodes:
    num = len(agents)
    table = np.arange(num * len(goals)).reshape(num, len(goals))
    return Episodes(
        goals=goals,
        setting=np.full(num, setting),
        agent=np.array(agents, np.int64),
        level=np.arange(num),
        level_hash=np.array([f"{i:04x}" for i in range(num)]),
        length=np.arange(num) + 5,
        terminated=np.arange(num) % 2 == 0,
        place=np.full(num, -1),
        returns=table / 2,
        first=table - 1,
        optimal=np.full(table.shape, np.nan),
        uniform=table / 10,
        classes=table % 4,
    )


def same(first: Episodes, second: Episodes) -> bool:
    return first.goals == second.goals and all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=name in ("returns", "optimal"))
        for name in (*PER_EPISODE, *PER_GOAL)
    )


def test_rows_can_be_chosen() -> None:
    episodes = joined([made(), made("far", (2, 9))])
    assert len(episodes) == 5
    assert episodes.agents == [2, 4, 9]
    far = episodes.of("far")
    assert same(far, made("far", (2, 9)))
    assert far.agents == [2, 9]
    assert len(episodes.of("near")) == 0
    assert episodes.of("near").agents == []
    chosen = episodes.where(episodes.agent == 4)
    assert chosen.returns.tolist() == [[0.0, 0.5], [1.0, 1.5]]
    assert chosen.level_hash.tolist() == ["0000", "0001"]


def test_columns_go_there_and_back() -> None:
    episodes = made()
    columns = episodes.columns()
    assert list(columns) == list(schema(GOALS))
    assert columns["returns_right"].tolist() == [0.5, 1.5, 2.5]
    assert same(from_columns(columns, GOALS), episodes)
    assert np.isnan(from_columns(columns, GOALS).optimal).all()  # missing stays missing, never 0


def test_columns_of_other_goals_can_stand_beside() -> None:
    three = made(goals=("coin", "left", "right")).columns()
    assert from_columns(three, GOALS).returns[:, 1].tolist() == three["returns_right"].tolist()


def test_types_of_columns() -> None:
    types = schema(GOALS)
    assert len(types) == len(PER_EPISODE) + 2 * len(PER_GOAL)
    assert types["setting"] == "str"
    assert types["terminated"] == "bool"
    assert types["returns_coin"] == types["uniform_right"] == "float64"
    assert types["first_coin"] == types["classes_right"] == "int64"


@pytest.mark.parametrize("lost", ["agent", "first_right", "optimal_coin"])
def test_a_missing_column_is_named(lost: str) -> None:
    columns = made().columns()
    del columns[lost]
    with pytest.raises(DamagedError) as caught:
        from_columns(columns, GOALS)
    assert str(caught.value) == f"episodes: got no column {lost!r}, needs it; run the audit again"
    assert caught.value.exit_code == 2
