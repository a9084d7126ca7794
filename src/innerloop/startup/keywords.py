"""Keywords of Lightning's trainer: those that may be added, and what to use instead of the others.

`outer`, `evaluation` and `engine` plan a run, and its results record them. A keyword that would
change the plan without changing this record is refused. Imports nothing heavy.
"""

STEPS = "the length of the training is outer.steps"
DATA = "the tasks of a run are drawn by its seeds"

ADDED = ("benchmark", "detect_anomaly", "enable_model_summary", "enable_progress_bar", "profiler")

REFUSED = {  #: what to use instead, by keyword
    "accumulate_grad_batches": "the tasks of an outer step are outer.tasks",
    "barebones": "leave out single parts instead, such as logger=none or ~callbacks.progress",
    "callbacks": "add one as +callbacks.NAME={_target_: ...}",
    "check_val_every_n_epoch": "use evaluation.validation.every",
    "default_root_dir": "use hydra.run.dir",
    "enable_autolog_hparams": "choose logger=csv, wandb, tensorboard, mlflow or none",
    "enable_checkpointing": "a run needs its checkpoints; callbacks.last says how often",
    "fast_dev_run": "use debug=fast",
    "gradient_clip_algorithm": "the meta-gradient is clipped by its norm: use outer.clip",
    "gradient_clip_val": "use outer.clip",
    "inference_mode": "the engine decides it: the inner loop needs gradients",
    "limit_predict_batches": "a run predicts nothing outside its test: use evaluation.tasks",
    "limit_test_batches": "use evaluation.tasks",
    "limit_train_batches": STEPS,
    "limit_val_batches": "use evaluation.validation.tasks",
    "log_every_n_steps": "use log_every",
    "logger": "choose logger=csv, wandb, tensorboard, mlflow or none",
    "max_epochs": STEPS,
    "max_steps": STEPS,
    "max_time": f"{STEPS}; a run that is stopped is resumed by resume=RUN",
    "min_epochs": STEPS,
    "min_steps": STEPS,
    "model_registry": "logger=wandb keeps the best checkpoint as an artifact",
    "num_sanity_val_steps": "use debug=fast to see that everything runs",
    "overfit_batches": "use debug=fast, or a data set of few classes",
    "plugins": "the precision is trainer.precision, and the files are the run's own",
    "reload_dataloaders_every_n_epochs": DATA,
    "sync_batchnorm": "batch norm is norm=, which counts the rows of all processes",
    "use_distributed_sampler": f"{DATA} and shared out between the processes",
    "val_check_interval": "use evaluation.validation.every or minutes",
}


def lines() -> dict[str, str]:
    """The message for each refused keyword, by its key in the configuration."""
    return {
        f"trainer.{name}": f"trainer.{name} would bypass the plan of the run: {instead}."
        for name, instead in REFUSED.items()
    }
