"""A stored configuration is read by programs, and by a process that only imports the package."""

import subprocess
import sys
from pathlib import Path

import yaml
from helpers import ROOT, config

from innerloop.experiment import stored

READ = (
    "import sys, yaml; from pathlib import Path; from innerloop.experiment import restored; "
    "file = Path(sys.argv[1]); "
    "values = restored.from_file(yaml.safe_load(file.read_text()), file); "
    "print(values.objective.ways)"
)


def test_a_notebook_reads_a_stored_configuration(tmp_path: Path) -> None:
    settings = config("dataset=glyphs", "episode.ways=[3,7]")
    settings.hydra = None
    plain = stored.plain(settings)
    (tmp_path / "composed.yaml").write_text(yaml.safe_dump(plain.composed))
    process = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / "composed.yaml")],
        capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert process.stdout.split() == ["7"], process.stderr
