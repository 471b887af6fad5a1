"""Papers to keep: CSV, and pages of PDF.

PDF's own fonts know Latin-1 only, and a font file would have to be shipped: other letters are written in their
nearest Latin form, or as a question mark, and the page says so. CSV has every letter.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpdf import FPDF

# A spreadsheet takes a cell that begins like this for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_LATER_LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "–": "-", "—": "-", "’": "'", "€": "EUR"}
)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows under a header; no cell is taken for a formula."""
    return csv_lines([header]) + csv_lines(rows)


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Return some rows of a longer CSV; no cell is taken for a formula."""
    out = io.StringIO()
    csv.writer(out).writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    """Keep numbers as they are; text that a spreadsheet would run as a formula gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def _is_formula(text: str) -> bool:
    if not text.lstrip(" ").startswith(FORMULA):
        return False
    try:
        float(text)  # amounts of parts are text, and a penalty is below zero
    except ValueError:
        return True
    return False


def latin(text: str) -> str:
    """Write text in the letters that PDF's own fonts have."""
    return "".join(_latin_letter(letter) for letter in text)


class Page:
    """A page being written; remembers whether a letter could not be."""

    def __init__(self, pdf: "FPDF", *, widths: Sequence[int]) -> None:
        self.pdf = pdf
        self.widths = widths
        self.changed = False

    def line(self, text: str, *, size: int = 9) -> None:
        self.pdf.set_font("Helvetica", size=size)
        self.pdf.multi_cell(0, size * 0.5 + 1, self._text(text), new_x="LMARGIN", new_y="NEXT")

    def row(self, cells: Sequence[str], *, bold: bool = False) -> None:
        self.pdf.set_font("Helvetica", style="B" if bold else "", size=9)
        for index, (width, cell) in enumerate(zip(self.widths, cells, strict=True)):
            self.pdf.cell(
                width, 5, self._text(cell)[:60], align="R" if 0 < index < len(self.widths) - 1 else "L"
            )
        self.pdf.ln()

    def _text(self, text: str) -> str:
        written = latin(text)
        self.changed = self.changed or written != text
        return written


def _latin_letter(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isprintable() else " "
    try:
        letter.encode("latin-1")
    except UnicodeEncodeError:
        plain = (
            unicodedata.normalize("NFKD", letter.translate(_LATER_LETTERS)).encode("ascii", "ignore").decode()
        )
        return plain or "?"
    return letter
