"""What train.py and evaluate.py share: one experiment from its configuration to its results."""

import logging
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from innerloop import build, norm, notices, stored
from innerloop.algorithms.meta_learner import MetaLearner
from innerloop.callbacks.checkpoint_file import read_checkpoint
from innerloop.data.module import TaskData
from innerloop.engines import choose
from innerloop.evaluation import protocol, results
from innerloop.reporting import figures, table

HINTS = (  # beginnings of warnings that do not concern this program
    "does not have many workers", "pre-optimization state", "exists and is not empty",
    "isinstance.treespec, LeafSpec", "The dirpath has changed", "your dataloader is not resumable",
)  # fmt: skip


@dataclass
class Experiment:
    """Everything that runs: built once from a configuration."""

    config: DictConfig
    data: TaskData
    learner: MetaLearner
    trainer: lightning.Trainer
    began: float


def train(config: DictConfig) -> float | None:
    """Meta-trains, tests the checkpoint that validation chose, and returns the headline number."""
    try:
        return _train(config)
    finally:
        _finish_wandb()


def evaluate(config: DictConfig) -> float | None:
    """Tests a checkpoint and returns the headline number."""
    try:
        return _evaluate(config)
    finally:
        _finish_wandb()


def _train(config: DictConfig) -> float | None:
    checkpoint = None
    if config.resume:
        config, checkpoint = _resumed(config)
    else:
        _say(notices.announce(config))
    folder = Path(config.paths.run)
    experiment = _build(config, _record(checkpoint).get("engine"))
    stored.save(config, folder)
    earlier = _record(checkpoint).get("seconds", 0.0)
    experiment.trainer.fit(
        experiment.learner, experiment.data, ckpt_path=checkpoint, weights_only=True
    )
    trained = time.perf_counter() - experiment.began
    best = folder / "checkpoints" / "best.ckpt"
    return _test(experiment, best, earlier, trained)


def _evaluate(config: DictConfig) -> float | None:
    path = Path(str(config.ckpt_path)).expanduser()
    path = path / "checkpoints" / "best.ckpt" if path.is_dir() else path
    record = read_checkpoint(path)["innerloop"]
    overrides = list(HydraConfig.get().overrides.task)
    old = OmegaConf.create(record["config"])
    config = stored.overlay(old, config, overrides, stored.EVALUATE_MAY_CHANGE, "ckpt_path")
    changed = any(o.startswith("engine") for o in overrides)
    experiment = _build(config, None if changed else record["engine"])
    return _test(experiment, path, 0.0, None)


def _resumed(config: DictConfig) -> tuple[DictConfig, Path | None]:
    folder = Path(config.paths.run)
    old = stored.of_run(config.resume)
    overrides = list(HydraConfig.get().overrides.task)
    config = stored.overlay(old, config, overrides, stored.RESUME_MAY_CHANGE, "resume")
    last = folder / "checkpoints" / "last.ckpt"
    if last.exists():
        _say([f"goes on from {last}"])
        return config, last
    _say([f"{folder} has no checkpoint yet: starts from the beginning"])
    return config, None


def _build(config: DictConfig, engine: dict[str, Any] | None) -> Experiment:
    began = time.perf_counter()
    _quiet()
    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    algorithm = build.algorithm(config)
    device = (
        "cpu" if config.trainer.accelerator == "cpu" or not torch.cuda.is_available() else "cuda"
    )
    runs = choose.restore(algorithm, engine) if engine else build.engine(config, algorithm, device)
    learner = build.learner(config, algorithm, runs)
    data = build.data(config)
    learner.record = {
        "config": OmegaConf.to_container(config, resolve=True),
        "engine": runs.describe(),
        "seconds": 0.0,
    }
    trainer = build.trainer(config, algorithm.objective, runs.inference)
    _say([f"engine {_words(runs.describe())}"])
    if runs.compile:
        _say(["compiling the meta-gradient first, which takes up to a minute"])
    return Experiment(config, data, learner, trainer, began)


def _test(
    experiment: Experiment, checkpoint: Path, earlier: float, trained: float | None
) -> float | None:
    learner, trainer = experiment.learner, experiment.trainer
    trainer.test(learner, experiment.data, ckpt_path=checkpoint, weights_only=True, verbose=False)
    if not trainer.is_global_zero:
        return None
    seconds = earlier + time.perf_counter() - experiment.began
    found = _results(experiment, seconds, trained)
    folder = Path(experiment.config.paths.run)
    picture = _picture(experiment, folder / "adaptation.png")
    results.write_json(folder / "results.json", found)
    table.show(found)
    _say([f"picture {picture}", f"results {folder / 'results.json'}"])
    return float(found["test"][learner.algorithm.objective.metric]["mean"])


def _results(experiment: Experiment, seconds: float, trained: float | None) -> dict[str, Any]:
    config, learner = experiment.config, experiment.learner
    algorithm, data = learner.algorithm, experiment.data
    scored = learner.scored_step if algorithm.adapts_by_steps else None
    tasks = config.outer.steps * config.outer.tasks
    train, test = data.episode._asdict(), data.test_episode
    return {
        "schema": results.SCHEMA,
        **{name: config.names[name] for name in ("algorithm", "dataset", "model", "experiment")},
        "norm": next(iter(norm.modes(algorithm)), None),
        "engine": learner.engine.describe(),
        "episode": {**train, "test": test._asdict()},
        "outer": {"steps": config.outer.steps, "tasks": config.outer.tasks},
        "seed": config.seed,
        "protocol": protocol.protocol(
            data.source.fingerprint("test"), "test", test, data.test_tasks, data.evaluation_seed,
            scored, f"val/{algorithm.objective.metric}",
        ),
        "test": results.metrics(learner.test_scores, algorithm.objective, scored),
        "seconds": round(seconds, 1),
        "tasks_per_second": None if trained is None else round(tasks / trained, 1),
        "threads": torch.get_num_threads(),
        "device": str(learner.device),
        "versions": results.versions(),
        "git": results.commit(notices_root()),
    }  # fmt: skip


def notices_root() -> str:
    """The folder whose commit is recorded."""
    return str(Path(__file__).resolve().parent)


def _picture(experiment: Experiment, path: Path) -> Path:
    data, learner = experiment.data, experiment.learner
    tasks = data.on_after_batch_transfer(next(iter(data.test_dataloader())), 0)
    scores, scored = learner.test_scores[learner.algorithm.objective.metric], learner.scored_step
    span = experiment.config.dataset.get("span")
    return figures.adaptation_figure(path, learner.algorithm, tasks, scores, scored, span)


def _record(checkpoint: Path | None) -> dict[str, Any]:
    return read_checkpoint(checkpoint)["innerloop"] if checkpoint else {}


def _words(engine: dict[str, Any]) -> str:
    chunk = "all tasks at once" if engine["chunk"] is None else f"{engine['chunk']} at a time"
    return f"{engine['name']}: {chunk}, {'compiled' if engine['compile'] else 'eager'}"


def _say(lines: list[str]) -> None:
    print("\n".join(lines), flush=True)


def _quiet() -> None:
    """Silences what libraries say that does not concern this program."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    for hint in HINTS:
        warnings.filterwarnings("ignore", f".*{hint}")


def _finish_wandb() -> None:
    """Ends the W&B run, without which two members of a serial sweep would share one."""
    if "wandb" in sys.modules:
        sys.modules["wandb"].finish()
