"""What `results.json` holds of a test."""

from pathlib import Path
from typing import Any

import torch

from innerloop.evaluation import protocol, results
from innerloop.layers import norm
from innerloop.machine.processor import processor
from innerloop.run import stored
from innerloop.run.experiment import Experiment
from innerloop.run.tested import Tested
from innerloop.startup import resolvers


def result_of(
    made: Experiment, tested: Tested, checkpoint: Path, trained: float | None
) -> dict[str, Any]:
    """Who was tested, how, and what was found.

    Arguments:
        checkpoint: the file that was tested.
        trained: seconds that training took; None where there was none.
    """
    config, learner, data = made.config, made.learner, tested.on.data
    algorithm, record, test = learner.algorithm, learner.record(), data.test_episode
    scored = tested.scored_step if algorithm.adapts_by_steps else None
    tasks = config.outer.steps * config.outer.tasks
    return {
        "schema": results.SCHEMA,
        "command": config.names.command,
        "algorithm": config.names.algorithm,
        "dataset": tested.on.name,
        "trained_on": tested.on.trained_on,
        "model": config.names.model,
        "experiment": config.names.experiment,
        "norm": next(iter(norm.modes(algorithm)), None),
        "engine": record["engine"],
        "episode": {**data.episode.record(), "test": test.record()},
        "outer": {"steps": config.outer.steps, "tasks": config.outer.tasks} | _skipped(made),
        "seed": config.seed,
        "configuration": stored.fingerprint(config),
        "protocol": protocol.protocol(
            data.fingerprint("test"), "test", test, data.test_tasks, data.evaluation_seed,
            scored, f"val/{algorithm.objective.metric.name}",
        ),
        "checkpoint": {
            "file": checkpoint.name, "step": learner.loaded["step"],
            "validation": learner.loaded["validation"],
        },
        "metric": algorithm.objective.metric._asdict(),
        "test": results.metrics(tested.scores, algorithm.objective, scored, tested.classes),
        **tested.pooled(scored),
        "audit": None,  # follows
        "seconds": round(record["seconds"], 1),
        "tasks_per_second": None if trained is None else round(tasks / trained, 1),
        "threads": torch.get_num_threads(),
        "device": _device(made),
        "versions": results.versions(),
        "git": results.commit(resolvers.repository()),
    }  # fmt: skip


def _skipped(made: Experiment) -> dict[str, int]:
    """How many outer steps were skipped, where they may be: by the training's end, if it is it."""
    skips, loaded = made.learner.skips, made.learner.loaded
    return {"skipped": max(skips.count, loaded.get("skipped", 0))} if skips.on else {}


def _device(made: Experiment) -> str:
    device = made.trainer.strategy.root_device  # the learner itself is back on the CPU by now
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
