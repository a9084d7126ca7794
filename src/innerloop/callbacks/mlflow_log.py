"""The logger for MLflow: a database in the folder `outputs`, or a server."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers.mlflow import _MLFLOW_AVAILABLE

from innerloop.dashboards import identity, single
from innerloop.errors import UserError
from innerloop.machine.files import write_whole
from innerloop.machine.mappings import read_json
from innerloop.startup.keys import Role, flat, role

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

FILE = "mlflow_run.json"  #: in a run's folder: the id by which MLflow knows the run


class MLflowLog(MLFlowLogger):
    """Lightning's logger for MLflow; a resumed training continues the same MLflow run.

    The settings are its parameters. The numbers of the test are metrics without a curve.

    Arguments:
        folder: the run's folder.
        outputs: the folder of all runs; the store is in it unless `uri` names another.
        uri: the address of an MLflow store; None for `MLFLOW_TRACKING_URI` or, without this
            variable, for a database in `outputs`.
        project: MLflow's experiment.
        tags: words to find the run again.
        name: None for what ran and its seed, such as `maml_omniglot_5w1s_seed0`.
        checkpoint: whether the best checkpoint is copied into the store.

    Raises:
        UserError: if MLflow is not installed.
    """

    def __init__(
        self,
        folder: str,
        outputs: str,
        uri: str | None = None,
        project: str = "innerloop",
        tags: Sequence[str] = (),
        name: str | None = None,
        checkpoint: bool = False,
    ) -> None:
        _prepare()
        self.folder, self.checkpoint = Path(folder), checkpoint
        self._last_steps: dict[str, int] = {}
        earlier = read_json(self.folder / FILE) if (self.folder / FILE).exists() else {}
        self.outputs = Path(str(earlier.get("outputs", outputs))).resolve()
        self.outputs.mkdir(parents=True, exist_ok=True)
        uri = uri or os.environ.get("MLFLOW_TRACKING_URI")
        super().__init__(
            experiment_name=project,
            run_name=name,
            tracking_uri=uri or f"sqlite:///{self.outputs}/mlflow.db",
            tags=dict.fromkeys(tags, "true"),
            artifact_location=None if uri else (self.outputs / "mlflow").as_uri(),
            run_id=str(earlier["run"]) if "run" in earlier else None,
        )

    @property
    @rank_zero_experiment
    def experiment(self) -> "MlflowClient":
        if self._run_id is None and not self._initialized:
            self._open_project()
        return super().experiment

    def _open_project(self) -> None:
        """Finds or creates the project; a member of the same sweep may create it at this moment."""
        from mlflow.exceptions import MlflowException

        try:
            if self._mlflow_client.get_experiment_by_name(self._experiment_name) is None:
                self._mlflow_client.create_experiment(
                    self._experiment_name, self._artifact_location
                )
        except MlflowException:
            if self._mlflow_client.get_experiment_by_name(self._experiment_name) is None:
                raise

    @rank_zero_only
    def introduce(self, name: str, config: Mapping[str, object], step: int) -> None:
        """Starts or continues the MLflow run, with its name and its settings.

        Arguments:
            name: what ran, such as `maml_omniglot_5w1s_seed0`, unless the user chose a name.
            config: the resolved configuration, and where a test has its checkpoint from.
            step: outer steps done, from which the run resumes; 0 starts another MLflow run.
        """
        self._run_id = self._run_id if step else None
        self._run_name = self._run_name or name
        self.tags = {**(self.tags or {}), **_origin(config)}
        client = self.experiment
        stored = {"run": self._run_id, "outputs": str(self.outputs)}
        write_whole(self.folder / FILE, json.dumps(stored) + "\n")
        values = {k: str(v) for k, v in flat(config).items() if Role.RESULT in role(k)}
        self._log_settings(values, client.get_run(self._run_id).data.params)
        if step:
            client.update_run(self._run_id, status="RUNNING")
            self._last_steps = self._logged_so_far()

    def _log_settings(self, values: Mapping[str, str], known: Mapping[str, str]) -> None:
        """Logs settings as parameters, which never change; those of a resumed run become tags."""
        self.log_hyperparams({k: v for k, v in values.items() if k not in known})
        for key in known.keys() & values.keys():
            if known[key] != values[key][:250]:
                self.experiment.set_tag(self._run_id, f"resumed.{key}", values[key])

    def _logged_so_far(self) -> dict[str, int]:
        """The last step of every metric."""
        client = self.experiment
        histories = {
            name: client.get_metric_history(self._run_id, name)
            for name in client.get_run(self._run_id).data.metrics
        }
        return {name: max(point.step for point in points) for name, points in histories.items()}

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs metrics by outer steps done, without the epoch and what the run has logged before.

        A resumed training computes again what came after its checkpoint, with the same numbers.
        The numbers of the test follow in `complete`.
        """
        done = single.steps_done(metrics, step)
        new = {k: v for k, v in metrics.items() if (done or 0) > self._last_steps.get(k, -1)}
        super().log_metrics(
            {k: v for k, v in new.items() if k != "epoch" and not k.startswith("test/")}, done
        )

    @rank_zero_only
    def log_image(self, key: str, images: Sequence[str], step: int | None = None) -> None:
        """Stores pictures as artifacts.

        Arguments:
            key: the name of the picture, such as `figures/episode`; its folder is the artifacts'.
            images: files.
        """
        for file in images:
            self.experiment.log_artifact(self._run_id, file, str(PurePath(key).parent))

    @rank_zero_only
    def complete(self, results: Mapping[str, Any], checkpoint: Path | None) -> None:
        """Logs the result, and the headline metric after every inner step.

        Arguments:
            results: the content of `results.json`, which becomes an artifact.
            checkpoint: the tested file, which is copied into the store; None for no copy.
        """
        name = results["metric"]["name"]
        tested = {f"test/{key}": mean for key, mean, *_ in single.rows(results)}
        super().log_metrics({key: v for key, v in tested.items() if isinstance(v, float)})
        super().log_metrics(single.headline(results))
        for step, entry in single.by_step(results["test"], f"{name}/step_").items():
            super().log_metrics({f"adaptation/{name}": entry["mean"]}, step)
        self.experiment.log_dict(self._run_id, dict(results), "results.json")
        if checkpoint is not None:
            self.experiment.log_artifact(self._run_id, str(checkpoint), "model")


def _prepare() -> None:
    """Sets what MLflow reads when it is imported; raises `UserError` if it is not installed."""
    if not _MLFLOW_AVAILABLE:
        raise UserError(
            "logger=mlflow needs the package mlflow: uv pip install -e '.[mlflow]' installs it."
        )
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it reports every table it creates


def _origin(config: Mapping[str, object]) -> dict[str, str]:
    """Tags that say which program made the run, in which sweep, and what a test has tested."""
    group, trained_by = identity.group(), config.get("trained_by")
    tags = {"program": identity.job()} | ({"group": group} if group else {})
    if isinstance(trained_by, dict):
        tags["tests"] = str(trained_by["checkpoint"])
    return tags
