"""The table: as text for a terminal, and as a page of the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.figure import Figure

HEAD = ("what", "figure", "beside", "bar", "")

PREFACE = """# Benchmarks

Everything below was measured in one run of `make bench` on one machine, and this page was written by it.
What is compared takes turns. Nothing of it is asserted in a test: a bar is what is wished for, and *missed*
is said where it is not reached. Times are medians unless the row says otherwise; times in a browser depend
on the machine more than anything, so compare columns, not pages.
"""


def as_text(figures: Sequence[Figure]) -> str:
    """Return rows for a terminal."""
    rows = [HEAD, *(figure.columns for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def as_page(
    groups: Mapping[str, Sequence[Figure]], about: Mapping[str, str], notes: Mapping[str, str]
) -> str:
    """Return the page, in Markdown.

    Parameters
    ----------
    groups
        The figures, by title.
    about
        Date, machine and versions.
    notes
        What is to be said below a group, by its title.
    """
    parts = [PREFACE, "\n".join(f"- **{name}**: {value}" for name, value in about.items())]
    for title, figures in groups.items():
        parts += [f"## {title}", _rows(figures) if figures else "This could not be measured in that run."]
        if notes.get(title):
            parts.append(notes[title])
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _rows(figures: Sequence[Figure]) -> str:
    rows = [HEAD, ("---", "--:", "---", "---", "---"), *(figure.columns for figure in figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
