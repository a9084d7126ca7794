"""Reads an offline W&B run with W&B's own reader (`wandb leet inspect`)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


class Offline:
    """The part of a W&B run that one process wrote into `RUN/wandb/offline-run-*`."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        (log,) = folder.glob("*.wandb")
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log)]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.records = [json.loads(line) for line in shown.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The contents of the records of a kind."""
        return [record[kind] for record in self.records if record["type"] == kind]

    @property
    def run(self) -> dict[str, Any]:
        return self.of("run")[0]

    @property
    def exit_code(self) -> int:
        return int(self.of("exit")[0]["exit_code"])

    def history(self, name: str, axis: str = "outer_step") -> dict[int, float]:
        """A metric's values as a function of an axis."""
        items = [record["item"] for record in self.of("history")]
        return {int(i[axis]): float(i[name]) for i in items if name in i}

    @property
    def names(self) -> set[str]:
        """Names of everything logged; for media W&B writes `NAME._type`, `NAME.path` and so on."""
        keys = {key for record in self.of("history") for key in record["item"]}
        media = {key.removesuffix("._type") for key in keys if key.endswith("._type")}
        parts = {key for key in keys for name in media if key.startswith(f"{name}.")}
        return keys - parts | media

    @property
    def config(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for record in self.of("config"):
            values |= record["update"]
        return values

    @property
    def summary(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for record in self.of("summary"):
            values |= record["update"]
        return values

    def artifacts(self, kind: str) -> list[list[dict[str, Any]]]:
        """The files of each artifact of a kind."""
        return [a["manifest"]["contents"] for a in self.of("artifact") if a["type"] == kind]

    def picture(self, name: str) -> Path:
        """The file of a picture."""
        items = [record["item"] for record in self.of("history")]
        (file,) = [i[f"{name}.filenames"][0] for i in items if f"{name}.filenames" in i]
        return self.files / file

    def table(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table; an image's cell names its file as `path`."""
        (files,) = [
            {entry["path"]: entry["local_path"] for entry in entries}
            for entries in self.artifacts("run_table")
            if any(entry["path"] == f"{name}.table.json" for entry in entries)
        ]
        content = json.loads(Path(files[f"{name}.table.json"]).read_text())
        rows = [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]
        for row in rows:
            for cell in row.values():
                if isinstance(cell, dict):
                    cell["path"] = files[cell["path"]]
        return rows


def parts(folder: Path) -> list[Offline]:
    """The W&B runs in a run's folder, oldest first."""
    return [Offline(p) for p in sorted(folder.glob("wandb/offline-run-*"))]
