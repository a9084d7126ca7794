"""The logger for Weights & Biases, which works without a key or a network as well."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import rank_zero_experiment

from innerloop.dashboards import access, identity
from innerloop.dashboards.single import is_single, steps_done
from innerloop.errors import UserError

if TYPE_CHECKING:
    from wandb import Run
    from wandb.sdk.lib import RunDisabled

AXIS = "outer_step"  #: the x-axis of every metric
PATIENCE = 30.0  #: seconds that W&B may take to start a run


class WandbLog(WandbLogger):
    """Lightning's logger in the run's folder; a resumed training continues the same W&B run.

    Arguments:
        folder: the run's folder.
        project: the project at W&B.
        entity: the team or user; None for the default one of the key.
        tags: the tags of the run.
        group: None for the sweep's folder, or no group outside of sweeps.
        name: None for what ran and its seed, such as `maml_omniglot_5w1s_seed0`.
        offline: None for offline only without a key or a network.
        code: whether the program's files are sent as an artifact.
        checkpoint: whether the best checkpoint is sent as an artifact.
        episodes: number of test tasks that are shown example by example.
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
        self._wandb_init.pop("anonymous", None)  # deprecated by W&B
        self.folder, self.offline_wanted = Path(folder), offline
        self.code, self.checkpoint, self.episodes = code, checkpoint, episodes
        self.step = 0  #: the last outer step that was logged

    @property
    @rank_zero_experiment
    def experiment(self) -> "Run | RunDisabled":
        if self._experiment is None:
            self._experiment = self._start()
        return self._experiment

    def _start(self) -> "Run":
        """Starts the W&B run of the folder, offline where W&B cannot be reached."""
        stored, options = identity.of_run(self.folder), self._wandb_init
        options |= {"id": stored.id, "job_type": stored.job}
        options["group"] = options["group"] or stored.group
        why = self._why_offline()
        run = self._offline_run(why) if why is not None else self._online_run()
        run.define_metric(AXIS)
        run.define_metric("*", step_metric=AXIS, step_sync=True)
        return run

    def _why_offline(self) -> str | None:
        """The reason for staying offline, in a few words; None to let W&B decide by WANDB_MODE."""
        if self.offline_wanted is not None:
            return "offline=true" if self.offline_wanted else None
        mode = os.environ.get("WANDB_MODE", "online")
        if mode == "online":
            return access.obstacle()
        return f"WANDB_MODE={mode}" if mode in ("offline", "dryrun") else None

    def _offline_run(self, why: str) -> "Run":
        import wandb

        later = f"wandb sync {self.folder}/wandb/offline-run-*"
        print(f"W&B stays offline ({why}); later: {later}", flush=True)
        silent = wandb.Settings(silent=True)  # W&B would print the same in more lines
        return wandb.init(**self._wandb_init, mode="offline", settings=silent)

    def _online_run(self) -> "Run":
        import wandb

        try:
            return wandb.init(**self._wandb_init, settings=wandb.Settings(init_timeout=PATIENCE))
        except wandb.Error as error:
            reason = " ".join(str(error).split())[:200]
            if self.offline_wanted is False:
                raise UserError(f"W&B: {reason} Use logger.wandb.offline=true.") from error
            wandb.teardown()  # the run that did not start would keep the id
            return self._offline_run(reason.rstrip("."))

    @rank_zero_only
    def introduce(self, name: str, config: dict[str, object]) -> None:
        """Starts the W&B run, with its name and its configuration.

        Arguments:
            name: what ran, such as `maml_omniglot_5w1s_seed0`, unless the user chose a name.
            config: the resolved configuration, and where a test has its checkpoint from.
        """
        self._wandb_init["name"] = self._wandb_init["name"] or name
        trained_by = config.get("trained_by")
        if isinstance(trained_by, dict):
            self._wandb_init["notes"] = f"tests {trained_by['checkpoint']}{_link(trained_by)}"
        self.log_hyperparams(config)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs metrics by outer steps done, by default the last number, without the epoch.

        Numbers of the test, of which there is one each, go to the run's summary.
        """
        done = steps_done(metrics, step)
        self.step = self.step if done is None else done
        logged = {name: value for name, value in metrics.items() if name != "epoch"}
        single = {name: value for name, value in logged.items() if is_single(name)}
        curves = {name: value for name, value in logged.items() if name not in single}
        if single:
            self.experiment.summary.update(single)
        if curves:
            self.experiment.log({**curves, AXIS: self.step})


def _link(trained_by: Mapping[str, object]) -> str:
    """The training's run at W&B, if it has one."""
    identity = trained_by.get("wandb")
    return f" of the run {identity['id']}" if isinstance(identity, dict) else ""
