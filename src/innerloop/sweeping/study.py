"""An Optuna study that several workers share, each of which may be killed."""

from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState

PATIENCE = 120  #: seconds to wait for a database that another worker writes to


class Study:
    """A fixed number of trials, of which every worker takes some.

    A trial is its worker's for as long as it holds the trial's lock, which falls with the process.
    Then the next worker takes the same trial, whose member goes on from its last checkpoint.

    Arguments:
        folder: the sweep's, on a file system that all workers see.
        storage: URL of the database.
        trials: of all workers and of earlier calls together.
    """

    def __init__(
        self, folder: Path, storage: str, name: str, trials: int, maximize: bool, sampler: Any
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sqlite = {"connect_args": {"timeout": PATIENCE}} if storage.startswith("sqlite") else {}
        self.folder, self.trials = folder / ".trials", trials
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mine: dict[int, FileLock] = {}
        with FileLock(self.folder / "study.lock"):  # two workers must not both make the tables
            self.study = optuna.create_study(
                storage=optuna.storages.RDBStorage(storage, engine_kwargs=sqlite),
                sampler=sampler, study_name=name, load_if_exists=True,
                direction="maximize" if maximize else "minimize",
            )  # fmt: skip

    def take(self, space: dict[str, BaseDistribution], most: int) -> dict[int, dict[str, Any]]:
        """The parameters of trials with successive numbers: some that were lost, or new ones."""
        with FileLock(self.folder / "study.lock"):
            known = self.study.get_trials(deepcopy=False)
            taken: dict[int, dict[str, Any]] = {}
            for trial in known:
                follows = not taken or trial.number == max(taken) + 1
                lost = trial.state == TrialState.RUNNING and len(taken) < most and follows
                if lost and self._lock(trial.number):
                    taken[trial.number] = trial.params
            for _ in range(0 if taken else min(most, self.trials - len(known))):
                new = self.study.ask(space)
                self._lock(new.number)
                taken[new.number] = new.params
            return taken

    def tell(self, number: int, score: float | None) -> None:
        """The score of a trial; None for one that failed."""
        state = TrialState.FAIL if score is None else TrialState.COMPLETE
        self.study.tell(number, score, state)
        self.mine.pop(number).release()

    def best(self) -> tuple[int, float, dict[str, Any]] | None:
        """Number, score and parameters of the best trial, if one has a score."""
        complete = self.study.get_trials(states=[TrialState.COMPLETE])
        if not complete:
            return None
        found = self.study.best_trial
        return found.number, float(found.value or 0.0), found.params

    def _lock(self, number: int) -> bool:
        lock = FileLock(self.folder / f"{number}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        self.mine[number] = lock
        return True
