"""Sizes of tasks as people read them, such as `5-20-way 1-10-shot`."""

from innerloop.tasks import Episode, Range


def span(size: int | Range) -> str:
    """`5`, or `5-20`."""
    return f"{size.low}-{size.high}" if isinstance(size, Range) else str(size)


def in_words(episode: Episode) -> str:
    """Ways, shots and how the shots are divided; a task of one class shows no ways."""
    ways = "" if episode.ways == 1 else f"{span(episode.ways)}-way "
    balance = " ".join(_balance(episode))
    return f"{ways}{span(episode.shots)}-shot{f' ({balance})' if balance else ''}"


def setting(dataset: str, algorithm: str, episode: Episode) -> str:
    """The name of a paper's experiment: `DATASET_ALGORITHM_5way_1shot`."""
    ways = [] if episode.ways == 1 else [f"{span(episode.ways)}way"]
    parts = [dataset, algorithm, *ways, f"{span(episode.shots)}shot", *_balance(episode)]
    return "_".join(parts)


def _balance(episode: Episode) -> list[str]:
    """How the shots are divided, unless equally."""
    record = episode.record()
    return [str(record[key]) for key in ("balance", "alpha") if key in record]
