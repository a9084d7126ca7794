"""Generated folders of finished runs, and the output of compare.py for them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from cli import call

TASKS, WAYS = 200, 5
CLASSES = np.random.default_rng(0).random((TASKS, 9)).argsort(1)[:, :WAYS]
HARDNESS = np.random.default_rng(1).normal(0, 0.1, TASKS)


def finished_run(
    folder: Path, algorithm: str = "maml", seed: int = 0, mean: float = 0.5, **more: Any
) -> Path:
    """The folder of a finished run, with scores that depend partly on the hardness of each task."""
    steps = 1 if algorithm == "protonet" else 4
    own = np.random.default_rng([seed, len(algorithm)]).normal(mean, 0.05, (TASKS, steps))
    scores = (own + HARDNESS[:, None]).astype(np.float32)
    episode = {"ways": WAYS, "shots": 1, "queries": 15}
    scored = None if steps == 1 else 3
    results = {
        "command": f"python src/train.py algorithm={algorithm} seed={seed}",
        "algorithm": algorithm, "dataset": "mine", "model": "conv4", "experiment": None,
        "norm": "support", "episode": {**episode, "test": episode},
        "outer": {"steps": 10, "tasks": 2}, "seed": seed,
        "protocol": {"split": "test", "tasks": TASKS, "seed": 1, "scored_step": scored,
                     "selected_by": "val/accuracy", "hash": "abc"},
        "test": {"accuracy": {"mean": float(scores[:, scored or 0].mean()), "ci95": 0.01}},
        "git": "0123",
    }  # fmt: skip
    for key, value in more.items():
        *path, last = key.split("__")
        place: Any = results
        for part in path:
            place = place[part]
        place[last] = value
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results))
    np.savez(folder / "scores.npz", accuracy=scores, classes=CLASSES)
    config = {"seed": seed, "inner": {"rate": 0.1}, "paths": {"run": str(folder)}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def comparison_of(tmp_path: Path, *words: Any) -> dict[str, Any]:
    file = tmp_path / "figures.json"
    call("compare", *map(str, words), "--outputs", str(tmp_path), "--json", str(file))
    result: dict[str, Any] = json.loads(file.read_text())
    return result


def scores_of(folder: Path, step: int) -> np.ndarray:
    return np.load(folder / "scores.npz")["accuracy"][:, step].astype(np.float64)
