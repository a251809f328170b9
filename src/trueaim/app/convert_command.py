"""The command `trueaim convert`: the pickled statistics of a VecNormalize as plain numbers."""

from pathlib import Path
from typing import Annotated

import typer

from trueaim.app.options import Json, answer, out_of

EPILOG = "Example: trueaim convert vecnormalize.pkl --trust-pickle sha256:9f2c..."


def convert(
    file: Annotated[Path, typer.Argument(help="A VecNormalize saved by Stable-Baselines3 (.pkl).")],
    out: Annotated[Path | None, typer.Option(help="Where it goes. Default: beside, as .safetensors.")] = None,
    trust_pickle: Annotated[
        str | None, typer.Option("--trust-pickle", help="SHA-256 of the file, if you trust its author.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the statistics of a VecNormalize as plain numbers, which can be read without running anything.

    A pickled file runs whatever code its author put there when it is opened. Without --trust-pickle it is not, and the
    error names its digest. With it, it is opened once, in a process with limits of time, memory and reach. That limits
    accidents and is no security boundary.
    """
    from trueaim.agents.foreign.normalizer import saved_normalizer
    from trueaim.core.files import write_tensors

    found = saved_normalizer(file, trust_pickle)
    place = out or file.with_suffix(".safetensors")
    write_tensors(place, found.tensors())
    if as_json:
        answer({"converted": str(place), "remarks": list(found.remarks)})
        return
    console = out_of(False)
    for remark in found.remarks:
        console.print(remark, markup=False)
    console.print(f"converted  {place}\nnext:      trueaim.policy(model, normalize={str(place)!r})", markup=False)
