"""The study file is strict, and the same file always means the same jobs under the same names."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import content, study

from trueaim.core.errors import TrueAimError
from trueaim.studies.file import Study, checked, figure_of, read
from trueaim.studies.jobs import cells, jobs, packs, total_steps


def test_a_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        'name = "a"\nquestion = "Why?"\nseeds = [3, 1]\n[scenario]\nname = "coinrun"\n[train]\nsteps = 4_000_000\n'
        '[vary]\nlearner.width = [64, 128]\n"random.moved" = [0.5, 1]\n'
    )
    found = read(path)
    assert found.seed_list == [3, 1]
    assert found.vary == {"learner.width": [64, 128], "random.moved": [0.5, 1]}
    assert (found.train.steps, found.train.alpha, found.train.recipe) == (4_000_000, 0.0, "plain")
    assert (found.audit.levels, found.keep.agents, found.keep.episodes) == (1024, True, False)
    assert study(seeds=3).seed_list == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 3}, ["key", "'seed'", "did you mean 'seeds'?"]),
        ({"train": {"steps": 1, "alhpa": 0.5}}, ["key of [train]", "did you mean 'alpha'?"]),
        ({"audit": {"level": 5}}, ["key of [audit]", "did you mean 'levels'?"]),
        ({"train": {}}, ["got no train.steps"]),
        ({"train": {"steps": "many"}}, ["train.steps", "'many'", "integer"]),
        ({"train": {"steps": 0}}, ["train.steps", "greater than or equal to 1"]),
        ({"train": {"steps": 1, "alpha": 2.0}}, ["train.alpha", "less than or equal to 1"]),
        ({"seeds": 0}, ["seeds", "greater than or equal to 1"]),
        ({"seeds": []}, ["seeds", "at least one"]),
        ({"seeds": [1, 1]}, ["seeds", "none twice"]),
        ({"vary": {"alfa": [0]}}, ["vary", "did you mean 'alpha'?"]),
        ({"vary": {"alpha": []}}, ["vary.alpha", "at least one value"]),
        ({"vary": {"alpha": [0, 0]}}, ["vary.alpha", "none twice"]),
        ({"vary": {"learner.network": ["flat", 3]}}, ["numbers alone or none"]),
        ({"analysis": {"numbers": ["anywhere/cheese"]}}, ["setting/goal/number"]),
        ({"analysis": {"numbers": ["anywhere/cheese/gott"]}}, ["did you mean 'got'?"]),
        ({"analysis": {"half_effect": ["anywhere/cheese/got"]}}, ["analysis.half_effect", "none"]),
        ({"analysis": {"axis": "alfa"}}, ["analysis.axis", "did you mean 'alpha'?"]),
        ({"train": {"steps": 1, "group": 4, "pack": 6}}, ["train.pack", "multiple of train.group (4)"]),
        ({"name": "../up"}, ["study name"]),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(TrueAimError) as error:
        checked(content(**changes))
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_declared_numbers_have_three_parts() -> None:
    assert str(figure_of("random/coin/got")) == "random/coin/got"
    assert figure_of("random/coin/got").goal == "coin"


def test_cells_are_all_combinations_with_values_put_where_they_belong() -> None:
    asked = study(
        scenario={"name": "cheese_corner", "knobs": {"knob": {"density": 0.1}}},
        vary={"alpha": [0, 0.5], "scenario.size": [7, 9], "learner.width": [8], "anywhere.spread": [3], "steps": [50]},
        analysis={},
    )
    found = cells(asked, 1)
    assert [(cell.values["alpha"], cell.values["scenario.size"]) for cell in found] == [
        (0, 7),
        (0, 9),
        (0.5, 7),
        (0.5, 9),
    ]
    last = found[-1].asked
    assert (last["train"]["alpha"], last["train"]["steps"], last["train"]["group"]) == (0.5, 50, 1)
    assert last["train"]["learner"] == {"width": 8}
    assert last["scenario"] == {
        "name": "cheese_corner",
        "preset": "",
        "options": {"size": 9},
        "knobs": {"knob": {"density": 0.1}, "anywhere": {"spread": 3.0}},
    }
    assert asked.scenario.knobs == {"knob": {"density": 0.1}}


def test_a_scenario_can_be_an_axis() -> None:
    found = cells(study(vary={"scenario": ["cheese_corner", "lava"], "recipe": ["plain"]}, analysis={}), 1)
    assert [cell.asked["scenario"]["name"] for cell in found] == ["cheese_corner", "lava"]


def test_a_value_that_does_not_fit_its_axis_is_refused() -> None:
    with pytest.raises(TrueAimError, match=r"vary: train: alpha: got '2', needs less than or equal to 1"):
        cells(study(vary={"alpha": [0, 2]}), 1)


def test_a_knob_takes_numbers_alone() -> None:
    with pytest.raises(TrueAimError, match=r"vary\.anywhere\.spread: got 'far', needs numbers"):
        cells(study(vary={"anywhere.spread": ["far"]}), 1)


def test_the_name_of_a_job_says_what_it_is_and_nothing_else_moves_it() -> None:
    name = jobs(study(), 1, [[0, 1]])[0].name
    assert name == "65a91b615b3c-0"
    others = [
        study(name="other", question="Other?", seeds=7, analysis={}, keep={"agents": False}),
        study(vary={"alpha": [0.7, 0]}),
        study(budget={"steps": 10}),
        study(vary={"alpha": [0.0, 0.1]}),
        study(train={"steps": 1000, "recipe": "plain", "toward": ""}),
    ]
    for other in others:
        assert name in [job.name for job in jobs(other, 1, [other.seed_list])]
    for changed in [study(train={"steps": 1001}), study(audit={"levels": 65}), study(scenario={"name": "lava"})]:
        assert name not in [job.name for job in jobs(changed, 1, [[0, 1]])]
    assert name not in [job.name for job in jobs(study(), 2, [[0, 1]])]


def test_jobs_come_seed_after_seed_and_their_steps_add_up() -> None:
    asked = study(seeds=3)
    found = jobs(asked, 1, [[0, 1, 2]])
    assert [(job.seeds, job.cell.values["alpha"]) for job in found] == [
        ((0,), 0), ((0,), 0.1), ((1,), 0), ((1,), 0.1), ((2,), 0), ((2,), 0.1),
    ]  # fmt: skip
    assert total_steps(asked, found) == 6000


def test_packs_keep_to_multiples_and_earlier_ones_stay() -> None:
    assert packs([[0, 1, 2, 3, 4]], 4) == [(0, 1, 2, 3), (4,)]
    assert packs([[0, 1, 2, 3, 4], list(range(10))], 4) == [(0, 1, 2, 3), (4,), (5, 6, 7), (8, 9)]
    names = [job.name.split("-", 1)[1] for job in jobs(study(seeds=[0, 2, 5]), 4, [[0, 2, 5]])]
    assert names[0].startswith("0-2-")
    assert names[-1] == "5"


@given(st.lists(st.sets(st.integers(0, 40), min_size=1), min_size=1, max_size=4), st.integers(1, 8))
def test_every_seed_is_in_one_pack_and_more_seeds_change_none(more: list[set[int]], size: int) -> None:
    stages, all_seeds = [], set()
    before: list[tuple[int, ...]] = []
    for stage in more:
        all_seeds |= stage
        stages.append(sorted(all_seeds))
        found = packs(stages, size)
        assert sorted(seed for pack in found for seed in pack) == sorted(all_seeds)
        assert all(len(pack) <= size and pack[0] // size == pack[-1] // size for pack in found)
        assert found[: len(before)] == before
        before = found


def test_a_study_is_data() -> None:
    assert Study.model_validate(study().model_dump()) == study()
