"""An Optuna study that several workers share; any worker may be killed."""

from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

PATIENCE = 120  #: seconds to wait while another worker writes to the database

Parameters = dict[str, object]  #: numbers and texts of a trial, by key of the configuration


class Study:
    """A fixed number of trials that workers share.

    A worker holds the lock of its trial. If its process dies, the lock is released, another worker
    takes the trial, and the member resumes from its last checkpoint.

    Arguments:
        folder: of the sweep, on a file system that all workers share.
        storage: URL of the database.
        name: of the study in the database.
        trials: their number, for all workers and earlier calls together.
        maximize: whether a higher score is better.
        sampler: proposes parameters.
    """

    def __init__(
        self,
        folder: Path,
        storage: str,
        name: str,
        trials: int,
        maximize: bool,
        sampler: BaseSampler,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sqlite = {"connect_args": {"timeout": PATIENCE}} if storage.startswith("sqlite") else {}
        self.folder, self.trials = folder / ".trials", trials
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mine: dict[int, FileLock] = {}
        with FileLock(self.folder / "study.lock"):  # only one worker may create the tables
            self.study = optuna.create_study(
                storage=optuna.storages.RDBStorage(storage, engine_kwargs=sqlite),
                sampler=sampler,
                study_name=name,
                load_if_exists=True,
                direction="maximize" if maximize else "minimize",
            )

    def take(self, space: dict[str, BaseDistribution], most: int) -> dict[int, Parameters]:
        """Takes trials with successive numbers: trials of dead workers first, or else new ones.

        Arguments:
            space: distributions by key.
            most: how many trials to take at most.

        Returns:
            parameters by number; empty if no trial is left.
        """
        with FileLock(self.folder / "study.lock"):
            trials = self.study.get_trials(deepcopy=False)
            taken: dict[int, Parameters] = {}
            for trial in trials:
                successive = not taken or trial.number == max(taken) + 1
                wanted = trial.state == TrialState.RUNNING and len(taken) < most and successive
                if wanted and self._lock(trial.number):
                    taken[trial.number] = trial.params
            for _ in range(0 if taken else min(most, self.trials - len(trials))):
                new = self.study.ask(space)
                self._lock(new.number)
                taken[new.number] = new.params
            return taken

    def tell(self, number: int, score: float | None) -> None:
        """Records the score of a trial; None for a trial that failed."""
        state = TrialState.FAIL if score is None else TrialState.COMPLETE
        self.study.tell(number, score, state)
        self.mine.pop(number).release()

    def best(self) -> tuple[int, float, Parameters] | None:
        """Number, score and parameters of the best trial, if one has a score."""
        complete = self.study.get_trials(states=[TrialState.COMPLETE])
        if not complete:
            return None
        trial = self.study.best_trial
        return trial.number, float(trial.value or 0.0), trial.params

    def _lock(self, number: int) -> bool:
        """Whether this worker now holds the lock of a trial."""
        lock = FileLock(self.folder / f"{number}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        self.mine[number] = lock
        return True
