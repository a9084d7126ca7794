"""The cost of the diagnostics that are always on: `python benchmarks/diagnostics_cost.py`.

In one training with Lightning, log intervals without diagnostics (A) alternate with intervals that
log the norm of the meta-gradient and the spread of learned rates (B): A B A B ... `ratio` is the
median over neighbouring pairs of B's time divided by A's, which includes the noise of the machine.
`share` is the share of B's time that was spent in the diagnostics themselves.
Writes benchmarks/results/diagnostics_cost.json.
"""

import json
import logging
import platform
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

#: Overrides, steps between two entries of the log, number of intervals. The log is written more
#: often than by default (every 250 and 50 steps), which makes the diagnostics more expensive. A
#: default training on sinusoids is long enough to be compiled.
CASES = {
    "sinusoid maml": (("dataset=sinusoid", "engine.compile=true"), 50, 62),
    "glyphs maml": (("dataset=glyphs",), 2, 32),
    "glyphs meta_sgd": (("dataset=glyphs", "algorithm=meta_sgd"), 2, 32),
}
WATCHED = ("_limit", "_log_inside")  #: the methods of the meta-learner that compute diagnostics


def compose(*overrides: str) -> Any:
    """The configuration of a run with these overrides."""
    from hydra import compose, initialize_config_dir

    from innerloop.startup import resolvers

    resolvers.register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", list(overrides), return_hydra_config=True)
    picked = config.hydra.runtime.choices
    for key in ("algorithm", "dataset", "model", "experiment"):
        config.names[key] = picked[key]
    config.hydra = None
    return config


def alternating(every: int) -> Any:
    """A callback that switches the diagnostics at each log entry and times the intervals."""
    import lightning

    class Alternate(lightning.Callback):
        def __init__(self) -> None:
            self.times: list[float] = []  #: seconds of each interval
            self.spent: list[float] = []  #: seconds of it spent in the diagnostics

        def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
            if trainer.global_step % every == 0:
                on = len(self.times) % 2 == 1
                for name in WATCHED:  # an attribute of the instance shadows the method
                    method = getattr(type(module), name).__get__(module)
                    vars(module)[name] = self._timed(method) if on else lambda *_: None
                self.spent.append(0.0)
                self.began = time.perf_counter()

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            if trainer.global_step % every == 0:
                self.times.append(time.perf_counter() - self.began)

        def _timed(self, method: Any) -> Any:
            def call(*arguments: Any) -> None:
                start = time.perf_counter()
                method(*arguments)
                self.spent[-1] += time.perf_counter() - start

            return call

    return Alternate()


def measure(overrides: tuple[str, ...], every: int, intervals: int) -> dict[str, Any]:
    """Milliseconds of an outer step without and with the diagnostics."""
    import torch

    from innerloop.experiment.parts import trainer as trainers
    from innerloop.experiment.parts.learner import build_engine, build_learner
    from innerloop.experiment.problem import build_problem

    with tempfile.TemporaryDirectory() as folder:
        config = compose(
            *overrides, f"log_every={every}", f"outer.steps={every * intervals}", "threads=1",
            "trainer=cpu", "+trainer.enable_progress_bar=false", "logger=csv",
        )  # fmt: skip
        config.paths.run = folder
        torch.set_num_threads(1)
        problem = build_problem(config)
        engine = build_engine(config, problem.algorithm, "cpu")
        learner, watch = build_learner(config, problem.algorithm, engine), alternating(every)
        with mock.patch.object(trainers, "build_callbacks", return_value=[watch]):
            trainer = trainers.build_trainer(config, problem.objective, True)
        trainer.limit_val_batches = 0
        trainer.fit(learner, problem.data)
    times, spent = watch.times[2:], watch.spent[2:]  # the first pair warms up
    without, with_them = times[0::2], times[1::2]
    ratios = [b / a for a, b in zip(without, with_them, strict=True)]
    shares = [s / b for s, b in zip(spent[1::2], with_them, strict=True)]
    return {
        "without_ms": round(1e3 * statistics.median(without) / every, 4),
        "with_ms": round(1e3 * statistics.median(with_them) / every, 4),
        "ratio": round(statistics.median(ratios), 4),
        "share": round(statistics.median(shares), 5),
        "pairs": len(ratios), "steps_of_an_interval": every, "engine": engine.describe(),
    }  # fmt: skip


def main() -> None:
    import lightning.pytorch  # noqa: F401  (sets the levels of its loggers)
    import torch

    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    entries: dict[str, Any] = {name: measure(*case) for name, case in CASES.items()}
    for name, entry in entries.items():
        print(f"{name}: {entry['without_ms']} ms without, {entry['with_ms']} ms with, "
              f"ratio {entry['ratio']}, share {entry['share']}")  # fmt: skip
    record = {"bar": 0.03, "torch": torch.__version__, "machine": platform.machine(), "threads": 1}
    path = ROOT / "benchmarks" / "results" / "diagnostics_cost.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**record, "cases": entries}, indent=2) + "\n")


if __name__ == "__main__":
    main()
