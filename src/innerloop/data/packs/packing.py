"""Makes a pack: once, by one process, completely or not at all."""

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from innerloop.data.packs.folders import name_of, pack_folder
from innerloop.data.packs.pack import Pack, open_pack
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import Classes, write_pack
from innerloop.errors import UserError, visible
from innerloop.machine.turns import in_turn

Read = Callable[[], Mapping[str, Classes]]  #: reads the classes of each split
Write = Callable[[Path, Recipe, Mapping[str, Classes]], None]  #: writes them into a folder
log = logging.getLogger(__name__)


def open_or_build(
    data: Path,
    name: str,
    recipe: Callable[[], Recipe],
    read: Read,
    write: Write = write_pack,
) -> Pack:
    """The pack of a recipe, wherever it is stored; built if there is none.

    Every recipe has a folder of its own, so that packs of two sizes never meet.

    Arguments:
        data: folder of the data set.
        name: of the data set.
        recipe: gives the recipe; called again after the files were read, as they may have changed.
        read: gives the classes of each split.
        write: writes them.

    Raises:
        UserError: if the files changed while they were read.
    """
    expected = recipe()
    own, beside, place = name_of(expected), data / "packed", pack_folder(data, name)
    for folder in (beside / own, place / own, beside):  # packs were once stored in `beside` itself
        pack = open_pack(folder, expected)
        if pack is not None:
            return pack

    def check() -> None:
        if recipe() != expected:
            raise UserError(f"The files in {data} changed while they were packed: start again.")

    return build_pack(folder=place / own, recipe=expected, read=read, check=check, write=write)


def build_pack(
    folder: Path,
    recipe: Recipe,
    read: Read,
    check: Callable[[], None] = lambda: None,
    write: Write = write_pack,
) -> Pack:
    """Writes a pack next to `folder`, then renames it, so that it is either complete or absent.

    If several processes want the pack, one builds it and the others wait. Identical images within
    a split are kept once, so that support and query never share one.

    Arguments:
        folder: of the pack.
        recipe: how the pack is made.
        read: gives the classes of each split.
        check: raises an error if what was read cannot be trusted after all.
        write: writes what was read.

    Raises:
        UserError: if the folder cannot be made, because something else has its name.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(
            f"{folder.parent} is the folder for packed images, but something else has that name: "
            "rename it or take it out."
        ) from error
    with in_turn(folder, "packing"):
        pack = open_pack(folder, recipe)  # another process may have built it in the meantime
        if pack is None:
            _build(folder, lambda work: write(work, recipe, read()), check)
            pack = open_pack(folder, recipe)
    assert pack is not None, f"the pack in {folder} vanished as soon as it was written"
    return pack


def _build(folder: Path, write: Callable[[Path], None], check: Callable[[], None]) -> None:
    work = folder.with_name(f".{folder.name}.part")
    if work.exists():
        log.warning("Removed a half-written pack, %s.", visible(work))
    _remove(work)
    work.mkdir()
    try:
        write(work)
        check()
        _remove(folder)  # a damaged pack; processes that read it keep its files open
        os.rename(work, folder)
    except OSError as error:
        error.filename = error.filename or str(folder)  # the error of a full disk names no file
        raise
    finally:
        _remove(work)


def _remove(path: Path) -> None:
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)
