"""Docstrings in the house style as Markdown."""

import re
import textwrap

SECTION = re.compile(r"^(Arguments|Shapes|Raises|Deviations|References|Example|Returns):\s*(.*)$")


def sections(docstring: str) -> dict[str, str]:
    """The parts of a docstring by heading; what comes before the first has the heading `""`.

    Example:
        >>> sections('''One line.
        ...
        ...     Shapes: `(n,)`.
        ... ''')
        {'': 'One line.', 'Shapes': '`(n,)`.'}
    """
    first, _, rest = docstring.strip().partition("\n")
    parts: dict[str, list[str]] = {"": [first]}
    heading = ""
    for line in textwrap.dedent(rest).splitlines():
        begins = SECTION.match(line)
        if begins:
            heading = begins[1]
            parts[heading] = [begins[2]] if begins[2] else []
        elif heading and line and not line.startswith(" ") and not parts[heading][-1:]:
            parts[heading].append(line)
        elif heading and line and not line.startswith(" ") and _is_new(parts[heading]):
            heading = ""
            parts[""] += ["", line]
        else:
            parts[heading].append(line)
    return {name: textwrap.dedent("\n".join(lines)).strip() for name, lines in parts.items()}


def _is_new(lines: list[str]) -> bool:
    """Whether a line without indentation begins a paragraph of its own: after an empty line."""
    return bool(lines) and not lines[-1].strip()


def markdown(text: str) -> str:
    """Formulas in dollars, paragraphs in one line each, arguments as a list."""
    text = re.sub(r":math:`([^`]*)`", lambda m: f"${' '.join(m[1].split())}$", text)
    return "\n\n".join(_paragraph(block) for block in re.split(r"\n\s*\n", text) if block.strip())


def _paragraph(block: str) -> str:
    lines = textwrap.dedent(block).splitlines()
    if block.lstrip().startswith(".. math::"):
        formula = " ".join(line.strip() for line in lines).removeprefix(".. math::").strip()
        return f"$$ {formula} $$"
    if re.match(r"^[*-] ", lines[0]):
        return "\n".join(lines)
    return " ".join(line.strip() for line in lines)


def argument_list(text: str) -> str:
    """A section of arguments, `name: what it is` with indented lines after it, as a list."""
    items: list[str] = []
    for line in textwrap.dedent(text).splitlines():
        if line and not line.startswith(" "):
            names, _, what = line.partition(":")
            items.append(f"- `{names}`:{what}")
        elif line.strip():
            items[-1] += f" {line.strip()}"
    return re.sub(r":math:`([^`]*)`", r"$\1$", "\n".join(items))
