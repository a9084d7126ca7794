"""The logger for TensorBoard: each value once, and the settings in its table of hyperparameters."""

from collections.abc import Mapping, Sequence

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import TensorBoardLogger

from innerloop.dashboards.single import is_single, steps_done
from innerloop.startup.keys import Role, flat, role

FOLDER = "tensorboard"  #: of a run


class TensorBoardLog(TensorBoardLogger):
    """Lightning's logger in `RUN/tensorboard`.

    Curves are charts; the numbers of the test, of which there is one each, are a table under
    *Text*, and the headline is the metric under *HParams*.

    Arguments:
        folder: the run's folder.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(folder, name=None, version=FOLDER, default_hp_metric=False)
        self._setting: dict[str, bool | float | str] = {}

    @rank_zero_only
    def introduce(self, config: Mapping[str, object], step: int) -> None:
        """Keeps the settings for the table, and replaces what an earlier process logged later.

        Arguments:
            config: the resolved configuration.
            step: outer steps done, from which the run resumes.
        """
        values = {key: value for key, value in flat(config).items() if Role.RESULT in role(key)}
        self._setting = {key: _plain(value) for key, value in values.items()}
        self._kwargs["purge_step"] = step + 1 if step else None

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs what has a curve, by outer steps done."""
        curves = {k: v for k, v in metrics.items() if k != "epoch" and not is_single(k)}
        super().log_metrics(curves, steps_done(metrics, step))

    @rank_zero_only
    def complete(self, rows: Sequence[Sequence[object]], headline: Mapping[str, float]) -> None:
        """Logs the result.

        Arguments:
            rows: a table of the test's numbers, its heading first.
            headline: the metrics beside the settings.
        """
        from torch.utils.tensorboard.summary import hparams

        lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
        lines.insert(1, "| --- " * len(rows[0]) + "|")
        self.experiment.add_text("test", "\n".join(lines))
        for summary in hparams(self._setting, dict(headline)):
            self.experiment.file_writer.add_summary(summary)
        for name, value in headline.items():
            self.experiment.add_scalar(name, value)
        self.experiment.flush()

    @rank_zero_only
    def save(self) -> None:
        """Writes what is waiting; without hparams.yaml, which would be a second config.yaml."""
        self.experiment.flush()


def _plain(value: object) -> bool | float | str:
    """A value as the table takes it."""
    return value if isinstance(value, bool | int | float | str) else str(value)
