"""Where the configuration is: in a checkout of the repository, or inside the installed package.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def checkout() -> Path | None:
    """The root of the repository; None for an installed package."""
    root = PACKAGE.parents[1]
    return root if (root / "conf" / "train.yaml").is_file() else None


def conf() -> Path:
    """The folder of Hydra's configuration."""
    return (checkout() or PACKAGE) / "conf"


def published_figures() -> Path:
    """The file of published results."""
    return (checkout() or PACKAGE) / "docs" / "published.yaml"


def measured_effects() -> Path:
    """The file of what single choices are known to change."""
    return (checkout() or PACKAGE) / "docs" / "effects.yaml"


def tables() -> Path:
    """The folder of the tables of methods; an installed package has none."""
    return (checkout() or PACKAGE) / "docs" / "tables"


def root() -> Path:
    """The folder that holds `outputs` and `data`: of the repository, or the working directory."""
    return checkout() or Path.cwd()


def program(name: str) -> list[str]:
    """The first words of the command that runs a program, such as `train`."""
    return ["python", f"src/{name}.py"] if checkout() else ["innerloop", name]
