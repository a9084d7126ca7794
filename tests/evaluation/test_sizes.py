"""Sizes of tasks in results, hashes, names and tables."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from finished_runs import finished_run
from helpers import choices, config
from omegaconf import OmegaConf

from innerloop.errors import UserError
from innerloop.evaluation import schema
from innerloop.evaluation.protocol import protocol
from innerloop.evaluation.results import write_json
from innerloop.evaluation.sizes import in_words, setting
from innerloop.experiment import stored
from innerloop.reporting.finished import below
from innerloop.reporting.selection import select
from innerloop.tasks import Episode, Range, size

RANGES = Episode(Range(5, 20), Range(1, 10), 15)
UNEQUAL = Episode(5, 5, 15, "dirichlet", 0.3)
OTHER = RANGES._replace(balance="meta_dataset", largest_support=99, drawn_from="group")


@pytest.mark.parametrize(
    ("episode", "words", "name"),
    [
        (Episode(5, 1, 15), "5-way 1-shot", "mine_maml_5way_1shot"),
        (Episode(1, 10, 15), "10-shot", "mine_maml_10shot"),
        (RANGES, "5-20-way 1-10-shot", "mine_maml_5-20way_1-10shot"),
        (UNEQUAL, "5-way 5-shot (dirichlet 0.3)", "mine_maml_5way_5shot_dirichlet_0.3"),
        (
            Episode(5, Range(1, 10), 15, "uniform", 0.3),
            "5-way 1-10-shot (uniform)",
            "mine_maml_5way_1-10shot_uniform",
        ),
        (
            Episode(5, 1, 15, alpha=2.0, query_balance="dirichlet", drawn_from="group"),
            "5-way 1-shot (dirichlet-queries 2.0 within-group)",
            "mine_maml_5way_1shot_dirichlet-queries_2.0_within-group",
        ),
    ],
)
def test_sizes_are_given_in_words_and_in_names(episode: Episode, words: str, name: str) -> None:
    assert in_words(episode) == words
    assert setting("mine", "maml", episode) == name


@pytest.mark.parametrize("value", [0, -1, 1.0, True, None, "5", "55", [1], [5, 1], [1, 2, 3], {}])
def test_invalid_sizes_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="neither a number from 1 nor a range"):
        size(value)


def test_a_range_of_one_number_is_that_number() -> None:
    section = {"ways": [5, 5], "shots": 1, "queries": [2, 2]}
    assert Episode.of(section) == Episode(5, 1, 2) and not Episode.of(section).varies
    assert Episode.of(OmegaConf.create(section)) == Episode(5, 1, 2)
    assert Episode.of(OmegaConf.create({**section, "ways": [5, 9]})).ways == Range(5, 9)


def hash_of(episode: Episode) -> str:
    digest: str = protocol("data", "test", episode, 600, 7, 10, "val/accuracy")["hash"]
    return digest


def test_the_hash_of_fixed_sizes_uses_only_ways_shots_and_queries() -> None:
    text = json.dumps(["data", "test", 5, 1, 15, 600, 7])
    assert hash_of(Episode(5, 1, 15)) == hashlib.sha256(text.encode()).hexdigest()[:12]
    assert hash_of(Episode(5, 1, 15, alpha=0.3)) == hash_of(Episode(5, 1, 15))


def test_ranges_and_balance_are_part_of_the_hash() -> None:
    episodes = [
        Episode(5, 5, 15), UNEQUAL, UNEQUAL._replace(alpha=0.4), RANGES,
        RANGES._replace(balance="uniform"), RANGES._replace(ways=Range(5, 19)),
        RANGES._replace(queries=Range(1, 15)), RANGES._replace(balance="meta_dataset"),
        RANGES._replace(balance="meta_dataset", largest_support=99),
        RANGES._replace(drawn_from="group"), RANGES._replace(query_balance="dirichlet"),
        RANGES._replace(drawn_from="hierarchy"),
    ]  # fmt: skip
    assert len({hash_of(episode) for episode in episodes}) == len(episodes)
    uniform = RANGES._replace(balance="uniform")
    assert hash_of(uniform) == hash_of(uniform._replace(alpha=0.4))  # which uniform does not use


@pytest.mark.parametrize("episode", [Episode(5, 1, 15), RANGES, UNEQUAL, OTHER])
def test_sizes_are_read_back_from_results(episode: Episode, tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "a")
    content = json.loads((folder / "results.json").read_text())
    content["episode"] = {**episode.record(), "test": episode.record()}
    write_json(folder / "results.json", content)
    (run,) = below(tmp_path)
    restored = run.results.episode
    assert restored.test.episode == episode and restored.test.in_words == in_words(episode)
    assert restored.training is not None and restored.training.episode == episode


def test_an_invalid_size_in_results_is_named(tmp_path: Path) -> None:
    content = json.loads((finished_run(tmp_path / "a") / "results.json").read_text())
    content["episode"]["test"]["ways"] = [9, 5]
    with pytest.raises(UserError, match=r"episode\.test\.ways: .*neither a number from 1"):
        schema.read(content)


def test_runs_are_selected_by_a_range(tmp_path: Path) -> None:
    finished_run(tmp_path / "a")
    finished_run(tmp_path / "b", episode__test__ways=[5, 20])
    finished_run(tmp_path / "c", episode__test__ways=[5, 10])

    def names(word: str) -> set[str]:
        return {run.folder.name for run in select(below(tmp_path), [word])}

    assert names("episode.test.ways=[5,20]") == names("episode.test.ways=[5, 20]") == {"b"}
    assert names("episode.test.ways=5,[5,10]") == {"a", "c"}


def fingerprint(*overrides: str) -> str:
    composed = config("dataset=glyphs", "algorithm=protonet", *overrides)
    OmegaConf.set_struct(composed, False)
    composed.pop("hydra")
    return stored.fingerprint(composed)


def test_a_configuration_without_balance_has_the_same_fingerprint() -> None:
    keys = Episode._fields[3:7]
    older = [f"~{part}.{key}" for part in ("episode.test", "episode") for key in keys]
    assert fingerprint() == fingerprint(*older) == fingerprint("episode.alpha=0.5")
    unequal = ("episode.balance=dirichlet", "episode.shots=5")
    assert fingerprint(*unequal) != fingerprint(*unequal, "episode.alpha=0.5")


def test_every_protocol_has_a_hash_of_its_own() -> None:
    words = ("experiment=cifarfs_protonet_cpu",)  # 5-way 5-shot tasks in the test
    chosen = [config(*words)] + [config(*words, f"protocol={p}") for p in choices("protocol")]
    tested = [hash_of(Episode.of(c.episode.test)) for c in chosen]
    trained = [Episode.of(c.episode) for c in chosen]
    assert len(set(zip(tested, trained, strict=True))) == len(chosen) > 1
    same = [name for name, h in zip(choices("protocol"), tested[1:], strict=True) if h == tested[0]]
    assert same == ["random_shots"]  # which changes only the training
