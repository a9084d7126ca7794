"""Weights & Biases, which must not stop a run that has no key or no network."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import rank_zero_experiment

from innerloop.dashboards import access, identity
from innerloop.errors import UserError

AXIS = "outer_step"  #: what every metric is drawn over
PATIENCE = 30.0  #: seconds that W&B may take to start a run


class WandbLog(WandbLogger):
    """Lightning's logger in the run's folder, whose W&B run a resumed training goes on with.

    Arguments:
        folder: the run's folder.
        group: None for the sweep's folder, or no group outside of sweeps.
        name: None for the setting and the seed, such as `omniglot_maml_5way_1shot_seed0`.
        offline: None to decide by the key and the network.
        code: whether the program's files are sent as an artifact.
        checkpoint: whether the best checkpoint is.
        episodes: test tasks that are shown example by example.
        options: further keywords of `wandb.init`.
    """

    def __init__(
        self,
        folder: str,
        project: str,
        entity: str | None = None,
        tags: Sequence[str] = (),
        group: str | None = None,
        name: str | None = None,
        offline: bool | None = None,
        code: bool = True,
        checkpoint: bool = True,
        episodes: int = 2,
        **options: Any,
    ) -> None:
        super().__init__(
            name, folder, project=project, entity=entity, tags=list(tags), group=group, **options
        )
        self._wandb_init.pop("anonymous", None)  # W&B only warns of it by now
        self.folder, self.asked_offline = Path(folder), offline
        self.code, self.checkpoint, self.episodes = code, checkpoint, episodes
        self.step = 0  #: the last outer step that was logged

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        if self._experiment is None:
            self._experiment = self._start()
        return self._experiment

    def _start(self) -> Any:
        """The W&B run that the folder is, offline where W&B cannot be had."""
        found, options = identity.of_run(self.folder), self._wandb_init
        options |= {"id": found.id, "job_type": found.job}
        options["group"] = options["group"] or found.group
        why = self._why_offline()
        run = self._offline_run(why) if why is not None else self._online_run()
        run.define_metric(AXIS)
        run.define_metric("*", step_metric=AXIS, step_sync=True)
        return run

    def _why_offline(self) -> str | None:
        """The reason in a few words; None to follow W&B, whose own WANDB_MODE goes first."""
        if self.asked_offline is not None:
            return "as told" if self.asked_offline else None
        mode = os.environ.get("WANDB_MODE", "online")
        if mode == "online":
            return access.obstacle()
        return f"WANDB_MODE={mode}" if mode in ("offline", "dryrun") else None

    def _offline_run(self, why: str) -> Any:
        import wandb

        later = f"wandb sync {self.folder}/wandb/offline-run-*"
        print(f"W&B stays offline ({why}); later: {later}", flush=True)
        silent = wandb.Settings(silent=True)  # it would say the same at greater length
        return wandb.init(**self._wandb_init, mode="offline", settings=silent)

    def _online_run(self) -> Any:
        import wandb

        try:
            return wandb.init(**self._wandb_init, settings=wandb.Settings(init_timeout=PATIENCE))
        except wandb.Error as error:
            reason = " ".join(str(error).split())[:200]
            if self.asked_offline is False:
                raise UserError(f"W&B: {reason} Use logger.wandb.offline=true.") from error
            wandb.teardown()  # or the run that did not start would still hold the id
            return self._offline_run(reason.rstrip("."))

    @rank_zero_only
    def introduce(self, setting: str, seed: int, config: dict[str, Any]) -> None:
        """Opens the W&B run: its name and its configuration.

        Arguments:
            setting: data set, algorithm and episode, which runs of several seeds share.
        """
        self._wandb_init["name"] = self._wandb_init["name"] or f"{setting}_seed{seed}"
        self.log_hyperparams(config | {"setting": setting})

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Metrics at an outer step, by default the last one; the epoch, always 0, is left out."""
        self.step = self.step if step is None else step
        kept = {name: value for name, value in metrics.items() if name != "epoch"}
        self.experiment.log({**kept, AXIS: self.step})
