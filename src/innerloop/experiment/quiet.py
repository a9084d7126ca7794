"""Silences warnings of libraries that do not concern this program."""

import logging
import warnings

HINTS = (  # words of such warnings
    "does not have many workers", "pre-optimization state", "exists and is not empty",
    "isinstance.treespec, LeafSpec", "The dirpath has changed", "your dataloader is not resumable",
    "The `srun` command is available", "in eval mode at the start of training",
    "is smaller than the logging interval",
)  # fmt: skip


def silence_libraries() -> None:
    """Silences them for the rest of the process."""
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    for hint in HINTS:
        warnings.filterwarnings("ignore", f".*{hint}")
