"""A user's images as a table: a CSV file of paths, labels and, if there are, splits."""

import csv
from pathlib import Path

from innerloop.data.packs import pictures
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.sets.folder_classes import Files, read_names
from innerloop.data.source import SPLITS
from innerloop.errors import UserError

MOST = 2**30  #: bytes of the table


def list_table(file: Path, names: Path | None) -> dict[str, Files]:
    """The image files of each class of each split.

    Arguments:
        file: a CSV file with the columns `path` (from the table's folder, or absolute), `label`
            and, without `names`, `split` (`train`, `val` or `test`).
        names: a yaml file with lists of class names under `train`, `val` and `test`.

    Raises:
        UserError: if columns, splits or images are missing.
    """
    columns = ["path", "label", *(["split"] if names is None else [])]
    lists = {} if names is None else read_names(names)
    owners = {name: split for split, members in lists.items() for name in members}
    files: dict[str, Files] = {split: {} for split in SPLITS}
    for row in _rows(file, columns):
        split = row["split"] if names is None else owners.get(row["label"])
        if split in files:
            path = regular_file(file.parent / row["path"], pictures.MOST)
            files[split].setdefault(row["label"], []).append(path)
    return _whole(file, files)


def _rows(file: Path, columns: list[str]) -> list[dict[str, str]]:
    """The rows of the table, each with all of these columns."""
    try:
        with regular_file(file, MOST).open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or [])]
            rows = [] if missing else list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{file} does not read as a CSV file in UTF-8 ({error}).") from error
    if missing:
        raise UserError(
            f"{file} has no column {', '.join(missing)}: its first line names the columns, path, "
            "label and split; without split, give dataset.split=FILE.yaml."
        )
    for number, row in enumerate(rows, start=2):
        if not all(row[name] for name in columns):
            raise UserError(f"Line {number} of {file} has no {' or no '.join(columns)}.")
    return rows


def _whole(file: Path, files: dict[str, Files]) -> dict[str, Files]:
    """The files, sorted by class; raises `UserError` if a split has none."""
    empty = [split for split in SPLITS if not files[split]]
    if empty:
        raise UserError(
            f"{file} has no images of the split {', '.join(empty)}: its splits are called train, "
            "val and test."
        )
    return {split: dict(sorted(classes.items())) for split, classes in files.items()}
