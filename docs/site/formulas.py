"""Formulas of the pages as drawings: reading them needs neither a script nor the network."""

import re
from functools import cache
from html import escape

from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath

SIZE = 10.0  #: of the font in which formulas are drawn; the page scales them to its own
CODE = re.compile(r"(^```.*?^```|^~~~.*?^~~~|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
FORMULA = re.compile(
    r"\$\$(?P<apart>.+?)\$\$|(?<![\\$\w])\$(?![{\s])(?P<inline>[^$\n]+?)\$(?![\w$])", re.DOTALL
)
SAME = {  # spellings that the drawing program knows under another name
    r"\Vert": r"\|", r"\lVert": r"\|", r"\rVert": r"\|", r"\lvert": "|", r"\rvert": "|",
    r"\operatorname": r"\mathrm", r"\text": r"\mathrm", r"\tfrac": r"\frac", r"\le": r"\leq",
    r"\big": "", r"\Big": "",
}  # fmt: skip
PART = r"(\\[A-Za-z]+|[A-Za-z0-9])"  # of a fraction without braces, such as \frac12
FRACTION = re.compile(rf"\\frac\s*{PART}\s*{PART}")
LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}


def drawn(markdown: str) -> str:
    """A page whose formulas `$...$` and `$$...$$` are SVG elements; code stays as it is."""
    parts = CODE.split(markdown)
    parts[::2] = [FORMULA.sub(_replacement, part) for part in parts[::2]]
    return "".join(parts)


def _replacement(match: re.Match[str]) -> str:
    text = " ".join((match["apart"] or match["inline"]).split())
    svg = drawing(text)
    if svg is None:
        return f"`{text}`"
    return f'\n<p class="formula">{svg}</p>\n' if match["apart"] else svg


@cache
def drawing(text: str) -> str | None:
    """A formula as an SVG element in the colour of the text; None if it cannot be drawn."""
    known = re.sub(r"\\[A-Za-z]+", lambda name: SAME.get(name[0], name[0]), text)
    known = FRACTION.sub(r"\\frac{\1}{\2}", known)
    try:
        path = TextPath((0, 0), f"${known}$", size=SIZE, prop=FontProperties(math_fontfamily="cm"))
    except ValueError:
        return None
    box = path.get_extents()
    left, width, height = box.x0 - 0.5, box.width + 1, box.height + 1
    size = f"width:{width / SIZE:.3f}em;height:{height / SIZE:.3f}em"
    lines = "".join(_line(points, code) for points, code in path.iter_segments())
    return (
        f'<svg role="img" aria-label="{escape(text)}" viewBox="{left:.2f} {-box.y1 - 0.5:.2f} '
        f'{width:.2f} {height:.2f}" style="{size};vertical-align:{(box.y0 - 0.5) / SIZE:.3f}em">'
        f'<path fill="currentColor" d="{lines}"/></svg>'
    )


def _line(points: list[float], code: int) -> str:
    """A part of a path; SVG counts y downwards."""
    if code == Path.CLOSEPOLY:
        return "Z"
    pairs = [f"{x:.2f} {-y:.2f}" for x, y in zip(points[::2], points[1::2], strict=True)]
    return LETTERS[code] + " ".join(pairs)
