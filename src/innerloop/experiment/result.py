"""The content of `results.json` for one test."""

from pathlib import Path
from typing import NamedTuple

import torch

from innerloop.data.features.feature_classes import FeatureClasses
from innerloop.data.other_validation import OtherValidation
from innerloop.evaluation import protocol, results
from innerloop.evaluation.schema import RESULTS
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.tested import Tested
from innerloop.layers import norm
from innerloop.machine import matmul
from innerloop.machine.processor import processor
from innerloop.outer.meta_learner import MetaLearner
from innerloop.reporting.finished import SCORES
from innerloop.startup import resolvers


class Outcome(NamedTuple):
    """A test, and the content of its `results.json`."""

    tested: Tested
    results: PlainDict

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.tested.on.folder

    def write_scores(self) -> None:
        """Writes `scores.npz`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        tested = self.tested
        results.write_scores(self.folder / SCORES, tested.scores, tested.classes)

    def write_results(self) -> None:
        """Writes `results.json`."""
        results.write_json(self.folder / RESULTS, self.results)


def result_of(
    facts: PlainDict, tested: Tested, checkpoint: Path, trained: float | None
) -> PlainDict:
    """The learner, the protocol and the scores of a test.

    Arguments:
        facts: of the training.
        checkpoint: the file that was tested.
        trained: seconds that training took; None if nothing was trained.
    """
    objective, learner = tested.on.objective, tested.learner
    record = learner.record()
    scored = tested.scored_step if learner.algorithm.adapts_by_steps else None
    tasks = facts["outer"]["steps"] * facts["outer"]["tasks"]
    return {
        "schema": results.SCHEMA,
        **facts,
        "dataset": tested.on.name,
        "trained_on": tested.on.trained_on,
        **_encoder(tested),
        "norm": next(iter(norm.modes(learner.algorithm)), None),
        "engine": record["engine"],
        "outer": facts["outer"] | _skipped(learner),
        **({} if learner.origin is None else {"init_from": learner.origin}),
        **({} if learner.teacher_origin is None else {"distil_from": learner.teacher_origin}),
        **_tasks(tested, scored, f"val/{objective.metric.name}"),
        "checkpoint": {"file": checkpoint.name, **_loaded(learner)},
        "metric": objective.metric._asdict(),
        "test": results.metrics(tested.scores, objective, scored, tested.classes),
        **tested.pooled(),
        "audit": None,  # filled in later
        "seconds": round(record["seconds"], 1),
        "tasks_per_second": round(tasks / trained, 1) if trained and tasks else None,
        **_machine(tested.device),
    }


def _encoder(tested: Tested) -> PlainDict:
    """The network that made the features, and the test classes that it has seen."""
    source = tested.on.data.source
    source = source.of("test") if isinstance(source, OtherValidation) else source
    if not isinstance(source, FeatureClasses):
        return {}
    seen = source.seen_in_pretraining("test")
    entry = {
        "name": source.encoder.name,
        "pretrained_on": source.encoder.pretrained_on,
        "test_classes": len(source.class_names("test")),
        "seen_classes": seen,
    }
    return {"encoder": entry}


def _tasks(tested: Tested, scored: int | None, selected_by: str) -> PlainDict:
    """Which tasks were drawn, for training and for the test."""
    data = tested.on.data
    test = data.test_episode
    return {
        "episode": {**data.episode.record(), "test": test.record()},
        "protocol": protocol.protocol(
            fingerprint=data.fingerprint("test"),
            split="test",
            episode=test,
            tasks=data.test_tasks,
            seed=data.evaluation_seed,
            scored_step=scored,
            selected_by=selected_by,
        ),
    }


def _loaded(learner: MetaLearner) -> PlainDict:
    """Outer step and validation scores of the tested checkpoint."""
    return {key: learner.loaded[key] for key in ("step", "validation")}


def _skipped(learner: MetaLearner) -> dict[str, int]:
    """How many outer steps were skipped: by the end of the training, or by the checkpoint."""
    skips, loaded = learner.skips, learner.loaded
    return {"skipped": max(skips.count, loaded.get("skipped", 0))} if skips.on else {}


def _machine(device: torch.device) -> PlainDict:
    """The hardware and the software of the test."""
    on_gpu = device.type == "cuda"
    own = f"{processor()} (its GPU)" if device.type == "mps" else processor()
    return {
        "threads": torch.get_num_threads(),
        "matmul": matmul.current(),
        "device": torch.cuda.get_device_name(device) if on_gpu else own,
        "versions": results.versions(),
        "git": results.commit(resolvers.repository()),
    }
