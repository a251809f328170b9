import io
import re
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from trueaim.audit.ambiguity import Ambiguity, Pair
from trueaim.audit.intervals import NOTHING, Interval, wilson
from trueaim.core.errors import TrueAimError
from trueaim.report.ambiguity import picture


@dataclass
class Shares:
    told: int
    least: float
    most: float


def loss(value: float) -> Interval:
    return NOTHING if np.isnan(value) else Interval(value, value, value, 100, 100)


def found(**changes: object) -> Ambiguity:
    shares = {("apple", "red_pear"): Shares(25, 0.11, 0.42), ("red_pear", "apple"): Shares(90, 0.83, 0.83)}
    pairs = tuple(
        Pair(
            *names,
            wilson(100 - one.told, 100),
            wilson(0, 100),
            wilson(one.told, 100),
            3,
            loss(one.least),
            loss(one.most),
        )
        for names, one in shares.items()
    )
    plain = Ambiguity("orchard", ("apple", "red_pear", "plum"), 103, 0.0, "far", 7, 0.1, True, pairs, (), (), ())
    return plain._replace(**changes)


def test_the_drawing_says_what_was_found() -> None:
    drawing = picture(found(), "svg").decode()
    texts = [re.sub(r"<[^>]*>", "", text).strip() for text in re.findall(r"<text.*?</text>", drawing, re.DOTALL)]
    for text in ("0.25", "0.90", "0.11", "to 0.42", "0.83", "red pear", "pursued", "judged", "return lost in training"):
        assert text in texts
    assert "orchard: 103 training levels" in texts
    assert sum(text.startswith("to ") for text in texts) == 1
    assert "nan" not in drawing.lower()


def test_a_mixture_is_named() -> None:
    assert b"103 training levels, 10% far" in picture(found(alpha=0.1), "svg")


def test_cells_are_lighter_the_more_is_lost() -> None:
    pixels = np.asarray(Image.open(io.BytesIO(picture(found(pairs=found().pairs), "png"))).convert("L"), int)
    assert pixels.shape[1] > pixels.shape[0] > 300
    assert pixels.min() < 60 < pixels.max()


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_audit_is_the_same_file(kind: str) -> None:
    assert picture(found(), kind) == picture(found(), kind)
    assert picture(found(), kind) != picture(found(goals=("apple", "red_pear", "fig")), kind)


def test_what_is_not_known_is_hatched() -> None:
    assert b"pattern" in picture(found(), "svg")
    known = found(goals=("apple", "red_pear"))
    assert b"pattern" not in picture(known, "svg")
    unknown = known._replace(pairs=tuple(pair._replace(least=NOTHING, most=NOTHING) for pair in known.pairs))
    drawing = picture(unknown, "svg")
    assert b"pattern" in drawing
    assert b"0.90" in drawing


def test_other_kinds_are_refused() -> None:
    with pytest.raises(TrueAimError, match="kind of picture: got 'gif', needs one of: png, svg"):
        picture(found(), "gif")
