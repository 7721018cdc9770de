"""What reads from steps that are left out."""

from collections.abc import Callable
from pathlib import Path

from support import REPOSITORY, Outcome

GATE = REPOSITORY / "tests" / "inspect" / "gate" / "definition.json"


def test_the_model_of_a_step_that_is_left_out_may_be_an_argument(
    smx2vertex: Callable[..., Outcome], tmp_path: Path
) -> None:
    done = smx2vertex("convert", GATE, "--out", tmp_path / "project")
    assert (done.code, "so that they fail and say why: Train, Evaluate, Deploy" in done.out) == (0, True), done.out
