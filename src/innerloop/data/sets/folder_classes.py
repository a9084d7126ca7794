"""Which classes of a user's folder belong to which split."""

from pathlib import Path

from innerloop.data.packs.pictures import files_of_class, subfolders
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.source import SPLITS
from innerloop.errors import UserError

MOST = 2**19  #: bytes of a list of class names

Files = dict[str, list[Path]]  #: for each class, its image files


def list_files(folder: Path, names: Path | None) -> dict[str, Files]:
    """The image files of each class of each split.

    Arguments:
        folder: holds `train`, `val` and `test`, each with a folder for each class; or, with
            `names`, a folder for each class.
        names: a yaml file with lists of class names under `train`, `val` and `test`.

    Raises:
        UserError: if folders, images or names are missing, or a class is in two splits.
    """
    if names is None:
        folders = {split: _class_folders(folder / split) for split in SPLITS}
    else:
        folders = _by_names(names, _class_folders(folder))
    return {
        split: {folder.name: files_of_class(folder) for folder in classes}
        for split, classes in folders.items()
    }


def _class_folders(folder: Path) -> list[Path]:
    classes = subfolders(folder)
    if not classes:
        raise UserError(
            f"{folder} has no folders of classes. dataset=folder expects dataset.path=FOLDER with "
            "train/CLASS/*.png, val/ and test/, or FOLDER/CLASS/*.png with dataset.split=FILE.yaml."
        )
    return classes


def _by_names(file: Path, folders: list[Path]) -> dict[str, list[Path]]:
    """Folders of classes by split, according to a yaml file of class names."""
    names = read_names(file)
    known = {folder.name: folder for folder in folders}
    listed = [name for split in SPLITS for name in names[split]]
    missing = [name for name in listed if name not in known]
    if missing:
        raise UserError(f"dataset.split={file} names classes that have no folder: {missing[:5]}.")
    if len(set(listed)) < len(listed):
        raise UserError(f"dataset.split={file} names a class twice; splits share no class.")
    return {split: [known[name] for name in names[split]] for split in SPLITS}


def read_names(file: Path) -> dict[str, list[str]]:
    """The class names of each split, from a yaml file.

    Raises:
        UserError: if it does not hold them.
    """
    import yaml

    message = f"dataset.split={file} does not hold lists of class names under train, val and test."
    try:
        text = regular_file(file, MOST).read_text(encoding="utf-8")
        lists = yaml.load(text, yaml.BaseLoader)  # names as written: neither 8 for 010 nor true
        names = {split: lists[split] for split in SPLITS}
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, RecursionError) as error:
        raise UserError(message) from error
    if not all(_are_names(entries) for entries in names.values()):
        raise UserError(message)
    return names


def _are_names(entries: object) -> bool:
    return isinstance(entries, list) and bool(entries) and all(isinstance(n, str) for n in entries)
