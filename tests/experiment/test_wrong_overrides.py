"""Generated wrong overrides: each is refused in one line, or is accepted and can be built."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import FAST, mistake
from helpers import choices, config
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from innerloop.experiment.assemble import assemble
from innerloop.experiment.check import check
from innerloop.startup.command import explain
from innerloop.startup.suggestions import dotted

BASES = (  # together they have every kind of part
    (),
    ("dataset=glyphs", "algorithm=reptile", "trainer=ddp", "trainer.accelerator=cpu"),
    ("dataset=folder", "dataset.path=/nowhere", "algorithm=protonet", "logger=tensorboard"),
)
VALUES = {
    "null": None, "text": "many", "''": "", "-1": -1, "0": 0, "1.5": 1.5, "true": True,
    "[1]": [1], "{a: 1}": {"a": 1}, "100000000000000000000": 10**20, "nan": float("nan"),
}  # fmt: skip
TARGETS = (
    "null", "3", "no.such.Thing", "innerloop.models.mlp.MPL", "builtins.dict", "os.getcwd",
    "torch.nn.Linear", "lightning.Callback", "torch.optim.LBFGS",
)  # fmt: skip
GROUPS = ("algorithm", "dataset", "model", "engine", "trainer", "logger", "callbacks", "debug")
ALSO = {  # accept other types than that of their default
    "trainer.devices", "trainer.deterministic", "patience", "outer.scheduler", "trainer.strategy",
    "trainer.strategy.timeout.minutes",
}  # fmt: skip
WHOLE = ("seed", "log_every", "outer", "episode", "evaluation", "diagnostics", "sweep")


def composed(*overrides: str) -> DictConfig:
    settings = config("threads=1", *overrides)
    settings.hydra = None
    return settings


def overridden(base: DictConfig, override: str) -> DictConfig:
    """Applies an override as Hydra does, but 20 times faster, without composing the files again."""
    settings = base.copy()
    OmegaConf.set_struct(settings, True)
    parsed = OverridesParser.create().parse_overrides([override])
    ConfigLoaderImpl._apply_overrides_to_config(parsed, settings)
    OmegaConf.set_struct(settings, False)
    return settings


def answer(base: DictConfig, override: str) -> str | None:
    """The error for a wrong override, or None if everything can be built with it."""
    began, line = time.perf_counter(), None
    try:
        assemble(check(overridden(base, override)), {})
    except Exception as error:
        line = explain(error) or f"{type(error).__name__} would show a traceback\n{error}"
    assert line is None or (len(line.splitlines()) == 1 and 20 < len(line) < 700), (override, line)
    assert time.perf_counter() - began < 5, override
    return line


def keys(base: DictConfig) -> list[str]:
    content: Any = OmegaConf.to_container(base)
    return [k for k in dotted(content) if k.split(".")[0] not in ("hydra", "paths", "names")]


def misspelt(word: str, rng: random.Random) -> str:
    """The word with a letter missing, doubled, or swapped with the next."""
    i = rng.randrange(len(word) - 1)
    return rng.choice(
        [word[:i] + word[i + 1 :], word[:i] + word[i] + word[i:],
         word[:i] + word[i + 1] + word[i] + word[i + 2 :] + "e"]
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield
    assert os.listdir(tmp_path / "here") == []


@pytest.mark.parametrize(
    "overrides", [BASES[0], pytest.param(BASES[1], marks=pytest.mark.slow), BASES[2]]
)
def test_wrong_values_of_every_key_are_refused_in_one_line(overrides: tuple[str, ...]) -> None:
    base, rng = composed(*overrides), random.Random(0)
    content: Any = OmegaConf.to_container(base, resolve=True)
    tried = 0
    for key in keys(base):
        default = OmegaConf.select(OmegaConf.create(content), key)
        for text in rng.sample(sorted(VALUES), 3):
            line = answer(base, f"{key}={text}")
            tried += 1
            assert line or key in ALSO or not _impossible(key, default, VALUES[text]), (
                f"{key}={text}"
            )
    assert tried > 300  # for each of the three configurations


def _impossible(key: str, default: Any, value: Any) -> bool:
    """Whether no key with this default accepts such a value: a number is not a text, and so on."""
    if value is None:
        return False
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool | int | float) and type(default) is not type(value)
    if isinstance(default, int | float):
        if isinstance(value, str | list | dict):
            return True
        return key.startswith(WHOLE) and isinstance(default, int) and isinstance(value, float)
    return isinstance(default, DictConfig) and not isinstance(value, dict)


@pytest.mark.parametrize("overrides", BASES[:2])
def test_misspelt_keys_suggest_the_right_one(overrides: tuple[str, ...]) -> None:
    base, rng = composed(*overrides), random.Random(1)
    for key in keys(base):
        section, _, name = key.rpartition(".")
        if name.startswith("_") or len(name) < 4:
            continue
        wrong = ".".join(filter(None, [section, misspelt(name, rng)]))
        line = answer(base, f"+{wrong}=1") or answer(base, f"+{wrong}={{_target_: x}}")
        assert line and wrong.rpartition(".")[2] in line, wrong


def test_wrong_targets_of_every_part_are_refused_in_one_line() -> None:
    rng = random.Random(4)
    for overrides in BASES:
        base = composed(*overrides)
        for key in (k for k in keys(base) if k.endswith("._target_") and "timeout" not in k):
            for target in rng.sample(TARGETS, 4):
                fits = target == "lightning.Callback" and key.startswith("callbacks.")
                assert answer(base, f"{key}={target}") or fits, f"{key}={target}"


@pytest.mark.parametrize("group", GROUPS)
def test_misspelt_choices_suggest_the_right_one(group: str) -> None:
    rng = random.Random(2)
    for choice in choices(group):
        wrong = misspelt(choice, rng)
        with pytest.raises(HydraException) as caught:
            config(f"{group}={wrong}")
        line = explain(caught.value)
        assert line and f"{group}={wrong}" in line and choice in line


def test_the_whole_program_refuses_a_sample_of_wrong_overrides(tmp_path: Path) -> None:
    rng = random.Random(3)
    names = [k for k in keys(composed(*FAST)) if not k.rpartition(".")[2].startswith("_")]
    for i, key in enumerate(rng.sample(names, 12)):
        folder = tmp_path / str(i)
        out = f"hydra.run.dir={folder}"
        assert key in mistake("train", *FAST, out, f"{key}={{a: {{b: 1}}}}")
        assert not folder.exists() or set(os.listdir(folder)) <= {"train.log", ".run.lock"}
        assert key in mistake("train", *FAST, out, f"{key}.x=1")
