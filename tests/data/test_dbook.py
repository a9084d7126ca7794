"""DBook: both layouts of its files, what the scenarios share, and damaged files."""

import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data import damage
from data.real import beside

from innerloop.data.ratings.source import UserRatings
from innerloop.data.sets.dbook import PROPERTIES, SCENARIOS, TRAINING, DBook
from innerloop.errors import UserError
from innerloop.tasks import Episode, Range

EPISODE = Episode(1, Range(3, 90), 10)
EXISTING, COLD = range(1, 61), range(61, 81)
OLD, NEW = range(1, 41), range(41, 61)


def tables() -> dict[str, Any]:
    """The publisher's tables of few users and books; training and the warm part share no rating."""
    rng = np.random.default_rng(0)
    content: dict[str, Any] = {}
    parts = {
        TRAINING: (EXISTING, OLD[:25]), "warm_up": (EXISTING, OLD[25:]),
        "user_cold_testing": (COLD, OLD), "item_cold_testing": (EXISTING, NEW),
        "user_and_item_cold_testing": (COLD, NEW),
    }  # fmt: skip
    for name, (users, books) in parts.items():
        sizes = rng.integers(13, len(books) + 1, len(users))
        rated = {str(u): rng.permutation(books)[:n] for u, n in zip(users, sizes, strict=True)}
        content[name] = {u: own.tolist() for u, own in rated.items()}
        content[f"{name}_y"] = {u: rng.integers(1, 6, len(own)).tolist()
                                for u, own in rated.items()}  # fmt: skip
    for name in PROPERTIES:
        owners = [*EXISTING, *COLD] if name.startswith("user") else [*OLD, *NEW]
        content[name] = [[owner, int(rng.integers(1, 9))] for owner in owners[::2]]
    return content


def archive(folder: Path) -> None:
    (folder / "recsys").mkdir(parents=True)
    with lzma.open(folder / "recsys" / "dbook_metahin.json.xz", "wt") as stream:
        json.dump(tables(), stream)


def publishers(folder: Path) -> None:
    (folder / "dbook" / "original").mkdir(parents=True)
    for name, content in tables().items():
        if name in PROPERTIES:
            lines = [f"{owner}\t{value}\n" for owner, value in content]
            (folder / "dbook" / "original" / f"{name}.dat").write_text("".join(lines))
        else:
            (folder / "dbook" / f"{name}.json").write_text(json.dumps(content))


def pairs(source: UserRatings, split: str) -> set[tuple[int, int]]:
    ratings = source.users[split].ratings
    return set(zip(ratings.user.tolist(), ratings.item.tolist(), strict=True))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_layouts_hold_the_same_tasks(scenario: str, tmp_path: Path) -> None:
    archive(tmp_path / "a")
    publishers(tmp_path / "b")
    one, two = (DBook(str(tmp_path / place), scenario) for place in "ab")
    assert one.fingerprint("test") == two.fingerprint("test")
    np.testing.assert_array_equal(one.catalogue.items, two.catalogue.items)
    assert one.catalogue.categories == two.catalogue.categories > one.catalogue.items.max()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_is_what_it_says_and_splits_share_no_rating(
    scenario: str, tmp_path: Path
) -> None:
    archive(tmp_path)
    source = DBook(str(tmp_path), scenario)
    splits = {split: pairs(source, split) for split in ("train", "val", "test")}
    assert all(splits.values())
    users = {split: {user for user, _ in own} for split, own in splits.items()}
    books = {split: {book for _, book in own} for split, own in splits.items()}
    assert not users["train"] & users["val"] and not users["val"] & users["test"]
    assert bool(users["train"] & users["test"]) == (scenario in ("warm", "item_cold"))
    assert not splits["train"] & splits["test"]
    assert (books["test"] <= set(NEW)) == (scenario in ("item_cold", "both_cold"))
    for split in splits:
        source.check(split, Episode(1, Range(1, 20), 5))
        tasks = source.tasks(split, np.arange(6), Episode(1, Range(1, 20), 5), seed=0)
        assert tasks.query.inputs.real.sum(1).eq(5).all()


def test_new_books_have_no_number_and_no_bias(tmp_path: Path) -> None:
    archive(tmp_path)
    source = DBook(str(tmp_path), "item_cold")
    query = source.tasks("test", np.arange(9), Episode(1, Range(1, 20), 5), seed=0).query
    inputs = query.inputs.values
    assert inputs["categories"][..., 0].eq(0).all() and inputs["numbers"][..., :2].eq(0).all()
    assert inputs["numbers"][..., 2].abs().sum() > 0  # the users' biases are known


@pytest.mark.parametrize("way", damage.FILE, ids=lambda way: way.__name__)
@pytest.mark.parametrize("write", [archive, publishers], ids=lambda write: write.__name__)
def test_a_damaged_file_is_read_or_refused_in_one_line(
    write: Any, way: Any, tmp_path: Path
) -> None:
    write(tmp_path)
    rng = np.random.default_rng(1)
    way(damage.some(sorted(p for p in tmp_path.rglob("*") if p.is_file()), rng), rng)
    try:
        DBook(str(tmp_path)).prepare()
    except UserError as error:
        message = str(error)
        assert str(tmp_path) in message and len(message) < 500 and "\n" not in message


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (TRAINING, {"1": [4, 99999]}),  # a book that is none
        (TRAINING, {"1": [4]}),  # fewer books than stars
        (f"{TRAINING}_y", {"1": [4, 6]}),  # six stars
        ("book_year", [[1, 0]]),
    ],
)
def test_impossible_numbers_are_refused(name: str, values: Any, tmp_path: Path) -> None:
    content = tables() | {TRAINING: {"1": [4, 5]}, f"{TRAINING}_y": {"1": [4, 5]}} | {name: values}
    (tmp_path / "recsys").mkdir()
    with lzma.open(tmp_path / "recsys" / "dbook_metahin.json.xz", "wt") as stream:
        json.dump(content, stream)
    with pytest.raises(UserError, match="damaged or another file"):
        DBook(str(tmp_path)).prepare()


def test_missing_files_are_named_with_their_address(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="https://github"):
        DBook(str(tmp_path)).prepare()
    with pytest.raises(UserError, match="choose one of warm"):
        DBook(str(tmp_path), "lukewarm")


def test_the_users_of_13_to_100_ratings_are_those_of_metahin() -> None:
    """Its own notebook counts 4,220 tasks of training, and 572 of new users with new books."""
    file = beside("recsys/dbook_metahin.json.xz")
    source = DBook(str(file.parents[1]), "both_cold", categories=35490)
    source.prepare()
    count = {s: len(source.users[s].eligible(EPISODE, longer=False)) for s in source.users}
    assert count["train"] + count["val"] == 4220 and count["test"] == 572
