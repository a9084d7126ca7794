"""Ends a program after its first outer step, for whoever waits for it."""

import os
from typing import Any

import lightning


class EndsThere(lightning.Callback):
    """Without the interpreter's farewell, which is not part of starting up."""

    def on_train_batch_end(self, *_: Any) -> None:
        os._exit(0)
