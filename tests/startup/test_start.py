"""Until its first step a run imports torch, lightning and hydra, and little else."""

import json
import os
import subprocess
import sys
from pathlib import Path

from helpers import ROOT

SHOWS = """
import json, os, sys
import lightning

class Shows(lightning.Callback):
    def on_train_batch_end(self, *_):
        with open(os.environ["SHOWN"], "w") as file:
            json.dump(sorted(sys.modules), file)
        os._exit(0)
"""
BY_THEMSELVES = "import json, sys, torch, lightning, hydra; print(json.dumps(sorted(sys.modules)))"
LIGHT = {
    "innerloop", "hydra", "hydra_plugins", "omegaconf", "antlr4", "filelock", "fsspec",
    "pydantic", "pydantic_core", "annotated_types", "typing_inspection",  # 0.05 s together
}  # fmt: skip


def test_a_small_run_imports_nothing_heavy_that_it_does_not_use(tmp_path: Path) -> None:
    (tmp_path / "shows.py").write_text(SHOWS)
    shown = tmp_path / "modules.json"
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, ROOT / "src" / "train.py", f"hydra.run.dir={tmp_path}/run",
         "engine.compile=false", "+callbacks.shows={_target_: shows.Shows}"],
        env=os.environ | {"SHOWN": str(shown), "PYTHONPATH": paths}, check=True,
        capture_output=True,
    )  # fmt: skip
    bare = subprocess.check_output([sys.executable, "-c", BY_THEMSELVES], text=True)
    more = set(json.loads(shown.read_text())) - set(json.loads(bare)) - {"shows"}
    assert "innerloop.engines.engine" in more
    assert {name.split(".")[0] for name in more} - set(sys.stdlib_module_names) <= LIGHT
