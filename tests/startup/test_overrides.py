"""Messages for overrides that Hydra refuses, and the order in which Hydra gets overrides."""

import pytest

from innerloop.startup.overrides import options_first
from innerloop.startup.suggestions import dotted, unknown_key

KNOWN = dotted(
    {"outer": {"steps": 1, "clip": None}, "inner": {"steps": 1, "rate": 1}, "algorithm": {"a": 1}}
)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("algoritm", "did you mean algorithm?"),
        ("outer.step", "did you mean outer.steps?"),
        ("outer.rate", "or inner.rate?"),
        ("steps", "did you mean outer.steps or inner.steps?"),
        ("outer.zzz", "outer has clip, steps"),
        ("oter.steps", "did you mean outer?"),
        ("ckpt_path", "resume=RUN"),
        ("trainer.limit_val_batches", "evaluation.validation.tasks"),
        ("trainer.profiler", "+trainer.profiler="),
    ],
)
def test_an_unknown_key_gets_a_suggestion_of_the_right_one(key: str, line: str) -> None:
    assert line in unknown_key(key, KNOWN)


def test_options_may_come_after_overrides() -> None:
    assert options_first(["seed=0,1", "--multirun", "a=b"]) == ["--multirun", "seed=0,1", "a=b"]
    assert options_first(["b=1", "a=2", "-m"]) == ["-m", "b=1", "a=2"]
    assert options_first(["--cfg", "job", "a=2"]) == ["--cfg", "job", "a=2"]
