"""Files of sites and resources line by line: CSV, JSON lines, or a JSON array. Pure; nothing is held but a line."""

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from apps.common.errors import DomainError

FORMATS: Final[Mapping[str, str]] = {
    "text/csv": "csv", "application/x-ndjson": "lines", "application/jsonl": "lines", "application/json": "array",
}  # fmt: skip
MOST_ROWS: Final = 50_000
MOST_BYTES: Final = 64 * 1024 * 1024
LONGEST_LINE: Final = 64 * 1024
# As `json.dumps` writes it: a backslash of its own before it would be doubled.
NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
NUMBERS: Final = ("import_limit_kw", "export_limit_kw", "reserve_soc", "latitude_deg", "longitude_deg")


class ImportUnreadableError(DomainError):
    code = "import_unreadable"


class ImportTooLargeError(DomainError):
    code = "import_too_large"
    status = 413


@dataclasses.dataclass(frozen=True)
class Line:
    """A line as read; `problem` says why it could not be."""

    number: int
    content: dict[str, Any]
    problem: str = ""


def lines_of(file: IO[bytes], *, form: str) -> Iterator[Line]:
    """Yield the lines of a file; raise where it is no such file at all or has too many."""
    reader = {"csv": _csv, "lines": _json_lines, "array": _array}[form]
    for line in reader(file):
        if line.number > MOST_ROWS:
            raise ImportTooLargeError(f"at most {MOST_ROWS} rows at once")
        yield line


def _csv(file: IO[bytes]) -> Iterator[Line]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        header = text.readline(LONGEST_LINE)
        mark = ";" if header.count(";") > header.count(",") else ","
        names = [name.strip() for name in next(csv.reader([header], delimiter=mark), [])]
        if not {"type"} <= set(names) or len(set(names)) != len(names):
            raise ImportUnreadableError("the first line names the columns, `type` among them, each once")
        for number, values in enumerate(_filled(csv.reader(text, delimiter=mark)), start=1):
            yield _from_csv(number, names, values=values)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportUnreadableError(f"this is no CSV in UTF-8: {error}") from error
    finally:
        text.detach()


def _filled(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    return (row for row in rows if any(value.strip() for value in row))


def _from_csv(number: int, names: list[str], *, values: list[str]) -> Line:
    if len(values) > len(names):
        return Line(number, {}, f"{len(values)} values for {len(names)} columns")
    said = {name: value.strip() for name, value in zip(names, values, strict=False) if value.strip()}
    content: dict[str, Any] = dict(said)
    for name in NUMBERS:
        if name in said:
            content[name] = _number(said[name])
    if "parameters" in said:
        try:
            content["parameters"] = json.loads(said["parameters"], parse_constant=_no_number)
        except (ValueError, RecursionError):
            return Line(number, content, "parameters: no JSON object")
    return _checked(number, content)


def _number(text: str) -> float | str:
    """Return a number where it is one; what is none is told apart later."""
    try:
        return float(text)
    except ValueError:
        return text


def _json_lines(file: IO[bytes]) -> Iterator[Line]:
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        if len(raw) > LONGEST_LINE:
            raise ImportUnreadableError(f"line {number + 1} is longer than {LONGEST_LINE} bytes")
        if raw.strip():
            number += 1
            yield _from_json(number, raw)


def _from_json(number: int, raw: bytes) -> Line:
    try:
        found = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return Line(number, {}, f"no JSON: {error}"[:200])
    return _from_object(number, found)


def _from_object(number: int, found: Any) -> Line:
    if not isinstance(found, dict):
        return Line(number, {}, "no JSON object")
    return _checked(number, found)


def _checked(number: int, found: dict[str, Any]) -> Line:
    return Line(number, found) if _is_text(found) else Line(number, {}, "half a character or a NUL: no text")


def _is_text(found: Any) -> bool:
    """Whether all texts can be written down: JSON can spell halves of characters (lone surrogates), and NULs."""
    try:
        told = json.dumps(found, ensure_ascii=False)
        told.encode()
    except (ValueError, RecursionError):
        return False
    return NUL.search(told) is None


def _array(file: IO[bytes]) -> Iterator[Line]:
    try:
        found = json.load(file, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ImportUnreadableError(f"this is no JSON: {error}"[:300]) from error
    if not isinstance(found, list):
        raise ImportUnreadableError("a JSON array of objects is needed")
    for number, one in enumerate(found, start=1):
        yield _from_object(number, one)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")
