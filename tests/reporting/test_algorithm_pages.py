"""The generated pages of algorithms: docstrings as Markdown, and which experiments are whose."""

from helpers import ROOT, choices

from innerloop.reporting import algorithm_pages
from innerloop.reporting.docstrings import argument_list, markdown, sections

TEXT = """One line with :math:`a_k`.

    .. math:: a_k = \\sum_i
        b_i

    Arguments:
        first, second: of something, which
            takes two lines.
        third: another.

    Deviations: none that
    matters.

    Example:
        >>> 1
        1
    """


def test_a_docstring_is_split_at_its_headings() -> None:
    parts = sections(TEXT)
    assert list(parts) == ["", "Arguments", "Deviations", "Example"]
    assert markdown(parts[""]) == "One line with $a_k$.\n\n$$ a_k = \\sum_i b_i $$"
    assert argument_list(parts["Arguments"]).splitlines() == [
        "- `first, second`: of something, which takes two lines.",
        "- `third`: another.",
    ]
    assert markdown(parts["Deviations"]) == "none that matters."


def test_every_choice_of_algorithm_is_on_one_page() -> None:
    listed = [name for names in algorithm_pages.choices(ROOT / "conf").values() for name in names]
    assert sorted([*listed, "no_op"]) == choices("algorithm")


def test_a_page_lists_the_experiments_of_its_choices_alone() -> None:
    target = "innerloop.algorithms.gradient.anil.ANIL"
    page = algorithm_pages.generated(target, ["fomaml"], ROOT / "docs")
    assert "experiment=miniimagenet_fomaml_cpu" in page
    assert "experiment=omniglot_maml_cpu" not in page and "protonet" not in page


def test_families_are_the_folders_of_algorithms() -> None:
    folder = ROOT / "src/innerloop/algorithms"
    families = {p.name for p in folder.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert families <= set(algorithm_pages.FAMILIES)
