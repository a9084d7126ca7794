"""The schema knows every key of conf/, and every keyword of Lightning's trainer."""

import inspect

import lightning
import pytest
from helpers import CONF, choices, config

from innerloop.data import sizes
from innerloop.engines import choose
from innerloop.errors import UserError
from innerloop.experiment.check import check
from innerloop.experiment.parts.data import build_episodes
from innerloop.experiment.parts.objective import build_objective
from innerloop.experiment.problem import build_problem
from innerloop.experiment.schema import Configuration
from innerloop.experiment.sections import episode
from innerloop.experiment.sections.trainer import Engine, Trainer
from innerloop.layers import norm
from innerloop.startup import keywords

MORE = {
    "dataset/folder": ["dataset.path=nowhere"],
    "search/protonet": ["dataset=glyphs"],
    "encoder/transformer": ["encoder.path=somewhere", "encoder.width=768"],
    "encoder/timm": ["encoder.name=resnet18", "encoder.width=512"],
}
GROUPS = sorted(p.name for p in CONF.iterdir() if p.is_dir() and p.name not in ("hydra", "paths"))


def refusal(*overrides: str) -> str:
    with pytest.raises(UserError) as error:
        check(config(*overrides))
    return str(error.value)


@pytest.mark.parametrize("group", GROUPS)
def test_every_config_choice_passes_the_schema(group: str) -> None:
    for choice in choices(group):
        if group != "search":  # its sampler is an optional dependency
            check(config(f"{group}={choice}", *MORE.get(f"{group}/{choice}", [])))


def test_every_keyword_of_lightnings_trainer_is_known_or_refused() -> None:
    known = set(Trainer.model_fields) | set(keywords.REFUSED)
    assert not set(Trainer.model_fields) & set(keywords.REFUSED)
    assert set(inspect.signature(lightning.Trainer).parameters) | {"matmul"} == known  # ours


@pytest.mark.parametrize("name", sorted(keywords.REFUSED))
def test_a_trainer_keyword_that_bypasses_the_configuration_is_refused(name: str) -> None:
    assert f"trainer.{name} would bypass the plan" in refusal(f"+trainer.{name}=1")


def test_suggested_replacements_of_keywords_are_real_keys() -> None:
    content = config()
    for line in keywords.REFUSED.values():
        for word in line.replace(",", " ").replace(";", " ").split():
            if word.startswith(("outer.", "evaluation.", "callbacks.last")):
                section, _, key = word.rpartition(".")
                assert key in (Configuration.model_fields | _fields(content, section)), word


def _fields(content: object, section: str) -> dict[str, object]:
    for part in section.split("."):
        content = content[part]  # type: ignore[index]
    return dict(content)  # type: ignore[call-overload]


def test_choices_in_the_schema_equal_those_of_the_code() -> None:
    for mode in norm.MODES:
        check(config(f"norm={mode}"))
    literal = Engine.model_fields["name"].annotation
    assert set(literal.__args__) == set(choose.NAMES)  # type: ignore[union-attr]
    literal = episode.TestEpisode.model_fields["balance"].annotation
    assert set(literal.__args__) == set(sizes.BALANCES)  # type: ignore[union-attr]
    assert all(mode in refusal("norm=batch") for mode in norm.MODES)


@pytest.mark.parametrize("steps", ["1.5", "true", "'3'", "null", "0", "-1", "[3]", "nan"])
def test_a_count_is_a_whole_number_from_one(steps: str) -> None:
    assert f"outer.tasks={steps}".replace("'", "") in refusal(f"outer.tasks={steps}").replace(
        '"', ""
    ).replace("NaN", "nan")


@pytest.mark.parametrize("ways", ["0", "1.5", "true", "null", "[3]", "[5,4]", "[1,2,3]", "[a,b]"])
@pytest.mark.parametrize("part", ["episode", "episode.test"])
def test_a_size_is_a_number_or_a_range(part: str, ways: str) -> None:
    assert f"{part}.ways=" in (message := refusal(f"{part}.ways={ways}"))
    assert "give a whole number from 1, or a range such as [1, 10]" in message


def test_a_balance_that_leaves_classes_equal_is_refused() -> None:
    check(config("episode.balance=uniform", "episode.shots=[1,10]"))
    check(config("episode.balance=dirichlet", "episode.shots=5"))
    assert "episode.balance=uniform with episode.shots=5" in refusal(
        "episode.balance=uniform", "episode.shots=5"
    )
    assert "episode.test.balance=dirichlet with episode.test.shots=1" in refusal(
        "episode.test.balance=dirichlet", "episode.shots=1"
    )
    assert "equal, uniform, dirichlet or meta_dataset" in refusal("episode.balance=random")


def test_objective_and_model_have_room_for_the_most_classes() -> None:
    settings = config("dataset=glyphs", "episode.ways=[5,20]", "episode.test.ways=[2,30]")
    assert build_episodes(settings).train.most_ways == 20
    objective = build_objective(settings, build_episodes(settings))
    assert (objective.classes(True), objective.classes(False), objective.width) == (20, 30, 20)
    with pytest.raises(UserError, match=r"episode\.ways=\[5,20\] but episode\.test\.ways=\[2,30\]"):
        build_problem(settings)


@pytest.mark.parametrize("seed", ["1.5", "true", "-1", "4294967296"])
def test_an_invalid_seed_is_refused(seed: str) -> None:
    assert f"seed={seed}: give a whole number" in refusal(f"seed={seed}")


def test_all_sizes_follow_from_one_key() -> None:
    settings = config("dataset=glyphs", "dataset.size=14")
    assert list(settings.model.body.input_shape) == [1, 14, 14]


def test_checkpoints_stay_where_the_test_and_resuming_look_for_them() -> None:
    assert "hydra.run.dir" in refusal("callbacks.best.dirpath=/elsewhere")
    assert "hydra.run.dir" in refusal("callbacks.last.folder=/elsewhere")
    assert "callbacks.best.filename=first" in refusal("callbacks.best.filename=first")
    assert "callbacks.best is missing" in refusal("~callbacks.best")
    assert "callbacks.best.monitor" in refusal("+callbacks.best.monitor=val/loss")
