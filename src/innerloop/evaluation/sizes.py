"""Sizes of tasks as people read them, such as `5-20-way 1-10-shot`."""

from innerloop.tasks import Episode, Range


def span(size: int | Range) -> str:
    """`5`, or `5-20`."""
    return f"{size.low}-{size.high}" if isinstance(size, Range) else str(size)


def in_words(episode: Episode) -> str:
    """Ways, shots and how the shots are divided; a task of one class shows no ways."""
    ways = "" if episode.ways == 1 else f"{span(episode.ways)}-way "
    details = " ".join(_details(episode))
    return f"{ways}{span(episode.shots)}-shot{f' ({details})' if details else ''}"


def short_size(episode: Episode) -> str:
    """Ways and shots in a few letters: `5w1s`; a task of one class shows no ways."""
    ways = "" if episode.ways == 1 else f"{span(episode.ways)}w"
    return f"{ways}{span(episode.shots)}s"


def setting(dataset: str, algorithm: str, episode: Episode) -> str:
    """The name of a paper's experiment: `DATASET_ALGORITHM_5way_1shot`."""
    ways = [] if episode.ways == 1 else [f"{span(episode.ways)}way"]
    parts = [dataset, algorithm, *ways, f"{span(episode.shots)}shot", *_details(episode)]
    return "_".join(parts)


def _details(episode: Episode) -> list[str]:
    """How shots, queries and classes are drawn, as far as it is not the usual way."""
    record = episode.record()
    details = {
        "balance": episode.balance,
        "query_balance": f"{episode.query_balance}-queries",
        "alpha": str(episode.alpha),
        "drawn_from": f"within-{episode.drawn_from}",
        "replacement": "without-replacement",
    }
    return [words for key, words in details.items() if key in record]
