"""The end of a run: the one test and its results; then audit, figures and the closing table."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from omegaconf import DictConfig
from torch import Tensor

from innerloop.callbacks import adaptation_watch, inside_log
from innerloop.evaluation import audit, pooled, protocol, results
from innerloop.evaluation.asked import Asked
from innerloop.layers import norm
from innerloop.machine.processor import processor
from innerloop.outer.meta_learner import MetaLearner
from innerloop.reporting import table
from innerloop.run import build, notices, pictures, stored, wandb_run
from innerloop.run.afterwards import Afterwards
from innerloop.run.experiment import Experiment
from innerloop.startup import resolvers
from innerloop.tasks import Task


def test(
    made: Experiment, checkpoint: Path, content: dict[str, Any], trained: float | None
) -> float | None:
    """Tests a checkpoint, writes its results, and returns the headline number.

    Whatever follows the results (audit, figures, loggers) may fail, with a line that says so.

    Arguments:
        content: what the checkpoint holds.
        trained: seconds that training took; None where there was none.
    """
    learner, trainer = made.learner, made.trainer
    learner.load_state_dict(content["state_dict"])
    learner.on_load_checkpoint(content)
    trainer.test(learner, made.data, verbose=False)
    if not trainer.is_global_zero:
        return None
    found, folder = _results(made, checkpoint, trained), Path(made.config.paths.run)
    stored.clear_outcome(folder)
    results.write_scores(
        folder / "scores.npz", learner.test_scores, _classes(made), _class_accuracy(learner)
    )
    again = "the same command" if trained is None else f"resume={folder}"
    after = Afterwards(found, folder / "results.json", again)  # by this file the run is finished
    inside: dict[str, Any] = {}
    with after.part("diagnostics"), _on_device(made):
        if inside := inside_log.after_test(trainer, learner):
            results.write_json(folder / "diagnostics.json", inside)
    with after.part("audit"), _on_device(made):
        found["audit"] = _audit(made)
    with after.part("figures"):
        pictures.save(made, inside, after.part)
    table.show(found)
    notices.say(*adaptation_watch.of_test(learner, learner.test_scores), *_places(folder))
    with after.part("loggers"):
        wandb_run.complete(made, None if trained is None else checkpoint, found)
    return float(found["test"][learner.algorithm.objective.metric]["mean"])


def _places(folder: Path) -> list[str]:
    files = {"picture": folder / "adaptation.png", "results": folder / "results.json"}
    return [f"{name} {file}" for name, file in files.items() if file.exists()]


@contextmanager
def _on_device(made: Experiment) -> Iterator[None]:
    """Has the learner where its test was; it left for the CPU since."""
    made.learner.to(made.trainer.strategy.root_device)
    try:
        yield
    finally:
        made.learner.to("cpu")


def _results(made: Experiment, checkpoint: Path, trained: float | None) -> dict[str, Any]:
    config, learner, data = made.config, made.learner, made.data
    algorithm, record, test = learner.algorithm, learner.record(), data.test_episode
    scored = learner.scored_step if algorithm.adapts_by_steps else None
    tasks = config.outer.steps * config.outer.tasks
    return {
        "schema": results.SCHEMA,
        "command": config.names.command,
        **{name: config.names[name] for name in ("algorithm", "dataset", "model", "experiment")},
        "norm": next(iter(norm.modes(algorithm)), None),
        "engine": record["engine"],
        "episode": {**data.episode._asdict(), "test": test._asdict()},
        "training": _training(config),
        **({} if learner.origin is None else {"init_from": learner.origin}),
        "outer": {"steps": config.outer.steps, "tasks": config.outer.tasks} | _skipped(made),
        "seed": config.seed,
        "configuration": stored.fingerprint(config),
        "protocol": protocol.protocol(
            data.fingerprint("test"), "test", test, data.test_tasks, data.evaluation_seed,
            scored, f"val/{algorithm.objective.metric}",
        ),
        "checkpoint": {
            "file": checkpoint.name, "step": learner.loaded["step"],
            "validation": learner.loaded["validation"],
        },
        "higher_is_better": algorithm.objective.higher_is_better,
        "test": results.metrics(learner.test_scores, algorithm.objective, scored, _classes(made)),
        **_pooled(made, scored),
        "audit": None,  # follows
        "seconds": round(record["seconds"], 1),
        "tasks_per_second": None if trained is None else round(tasks / trained, 1),
        "threads": torch.get_num_threads(),
        "device": _device(made),
        "versions": results.versions(),
        "git": results.commit(resolvers.repository()),
    }  # fmt: skip


def _training(config: DictConfig) -> dict[str, Any]:
    """What the outer steps saw: `kind`, and of plain batches their `size` and `classes`."""
    return {k: v for k, v in build.training(config)._asdict().items() if v is not None}


def _skipped(made: Experiment) -> dict[str, int]:
    """How many outer steps were skipped, where they may be: by the training's end, if it is it."""
    skips, loaded = made.learner.skips, made.learner.loaded
    return {"skipped": max(skips.count, loaded.get("skipped", 0))} if skips.on else {}


def _audit(made: Experiment) -> dict[str, Any] | None:
    """What the answers depended on, from the first tasks of the test; None if switched off."""
    data, learner = made.data, made.learner
    tasks = min(made.config.evaluation.get("audit", 50), data.test_tasks)
    if tasks == 0:
        return None
    now = learner.progress(learner.loaded["step"])
    asked = Asked(
        learner.untested or learner.algorithm, learner.engine.chunk, learner.scored_step, now,
        build.objective(made.config),
    )  # fmt: skip
    indices = np.array_split(np.arange(tasks), -(-tasks // data.batch))
    reported = learner.test_scores[asked.objective.metric][:tasks, learner.scored_step]
    return audit.audit(
        asked, (_test_tasks(made, part) for part in indices),
        reported if learner.untested else torch.full_like(reported, torch.nan),
        data.source.shared_images("test", "train"),
    )  # fmt: skip


def _test_tasks(made: Experiment, indices: np.ndarray) -> Task:
    data, device = made.data, made.trainer.strategy.root_device
    tasks = data.source.tasks("test", indices, data.test_episode, data.evaluation_seed)
    return data.on_after_batch_transfer(move_data_to_device(tasks, device), 0)


def _classes(made: Experiment) -> np.ndarray | None:
    data = made.data
    tasks = np.arange(data.test_tasks)
    return data.source.classes("test", tasks, data.test_episode, data.evaluation_seed)


def _pooled(made: Experiment, scored: int | None) -> dict[str, Any]:
    """`calibration` and `per_class`, where the objective has classes."""
    gaps = made.learner.test_vectors.get("calibration_gaps")
    accuracy = _class_accuracy(made.learner)
    if gaps is None or accuracy is None:
        return {}
    names = made.data.source.class_names("test")
    return {
        "calibration": pooled.calibration(gaps.mean, scored),
        "per_class": pooled.per_class(accuracy, _classes(made), names),
    }


def _class_accuracy(learner: MetaLearner) -> Tensor | None:
    """`(tasks, ways)` at the scored step; None without classes."""
    found = learner.test_vectors.get("class_accuracy")
    return None if found is None else found.scores[:, learner.scored_step]


def _device(made: Experiment) -> str:
    device = made.trainer.strategy.root_device  # the learner itself is back on the CPU by now
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
