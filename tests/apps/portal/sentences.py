"""The sentences that code raises or gives as a reason, read from its source with examples in their places."""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = "7"
WORDS = re.compile(r"[a-z]{2,}")
LOGS = {"exception", "warning", "error", "info", "debug"}


def raised(path: str) -> Iterator[tuple[str, str]]:
    """Return where a module raises, and the sentences it raises with."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            for text in _texts(node.exc.args[0]):
                yield f"{path}:{node.lineno}", text


def given(path: str) -> Iterator[tuple[str, str]]:
    """Return all sentences of a module but its docstrings, types, logs and what it raises: two words or more."""
    tree = _tree(path)
    left = {id(one) for node in ast.walk(tree) for one in _no_sentences(node)}
    for node in ast.walk(tree):
        if id(node) not in left and isinstance(node, ast.JoinedStr | ast.Constant):
            for text in _texts(node):
                if " " in text.strip() and len(WORDS.findall(text)) > 1:
                    yield f"{path}:{node.lineno}", text


def _tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def _no_sentences(node: ast.AST) -> Iterator[ast.AST]:
    """What lies below a node and says nothing to anybody: docstrings, types, logs, parts of a longer text."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        if node.body and isinstance(node.body[0], ast.Expr):
            yield node.body[0].value
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            yield from ast.walk(node.returns)
    elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield from ast.walk(node.annotation)
    elif isinstance(node, ast.Raise):
        yield from ast.walk(node)
    elif isinstance(node, ast.JoinedStr):
        yield from (one for one in ast.walk(node) if one is not node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOGS:
        yield from ast.walk(node)


def _texts(node: ast.expr) -> Iterator[str]:
    """Return what a text can be, each choice of it once."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        for parts in itertools.product(*(list(_part(one)) for one in node.values)):
            yield "".join(parts)


def _part(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.FormattedValue):
        inner = list(_texts(node.value)) if isinstance(node.value, ast.IfExp) else []
        is_share = node.format_spec is not None and ast.unparse(node.format_spec).strip("f'").endswith("%")
        yield from inner or [f"{SAMPLE}%" if is_share else SAMPLE]
    else:
        yield from _texts(node)
