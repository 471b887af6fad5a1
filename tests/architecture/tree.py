"""The files of the repository and what its code says, for tests that read instead of run."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> tuple[str, ...]:
    """Paths of what is, or is about to be, committed; everything but hidden folders outside of git."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        names = done.stdout.splitlines()
    else:
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        names = [str(path) for path in found if not _is_generated(path)]
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def _is_generated(path: Path) -> bool:
    parts = set(path.parts[:-1])
    return any(part.startswith(".") for part in parts) or bool(parts & {"__pycache__", "staticfiles"})


def python_files() -> list[str]:
    """Python files written by hand (migrations are generated)."""
    return [name for name in files() if name.endswith(".py") and "/migrations/" not in name]


def text(name: str) -> str:
    """The content of a text file."""
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def parsed(name: str) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(text(name), filename=name)


def functions(name: str) -> Iterator[tuple[ast.AST, str, Function]]:
    """Every function of a file: what it stands in, its dotted name, itself."""
    waiting: list[tuple[ast.AST, str]] = [(parsed(name), "")]
    while waiting:
        parent, path = waiting.pop()
        for child in ast.iter_child_nodes(parent):
            inside = path
            if isinstance(child, Function | ast.ClassDef):
                inside = f"{path}.{child.name}".lstrip(".")
            if isinstance(child, Function):
                yield parent, inside, child
            waiting.append((child, inside))
