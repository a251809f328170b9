"""Phases are found where they are, and only there."""

import numpy as np
import pytest

from trueaim.report.phases import phases


def spans(values) -> dict[str, tuple[int, int]]:
    return {phase.letter: (phase.first, phase.last) for phase in phases(values)}


def test_rise_collapse_drought_and_recovery() -> None:
    curve = [1, 3, 6, 10, 7, 4, 1, 0, 0, 1, 4, 6, 8]
    assert spans(curve) == {"A": (0, 3), "B": (4, 5), "C": (6, 9), "D": (10, 12)}


def test_a_sudden_collapse_has_no_points_of_its_own() -> None:
    assert spans([1, 10, 0, 0, 5]) == {"A": (0, 1), "C": (2, 3), "D": (4, 4)}


def test_without_recovery_the_drought_lasts() -> None:
    assert spans([1, 10, 5, 1, 1, 1.2]) == {"A": (0, 1), "B": (2, 2), "C": (3, 5)}


@pytest.mark.parametrize("curve", [[], [1.0], [1, 2, 3], [5, 4.5, 5, 6], np.zeros(9), [3, 2.5, 3, 2.4]])
def test_no_large_fall_no_phases(curve) -> None:
    assert phases(curve) == []
