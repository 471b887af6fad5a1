"""Sizes and call signatures, as the house style has them. The allow-lists may only shrink."""

import ast
from collections.abc import Callable

import pytest

from tests.architecture.tree import Function, functions, python_files, text

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
MOST_POSITIONAL = 2

LONG_FILES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
POSITIONAL = {
    "apps/console/views.py:_revoke",
    "apps/console/views.py:_revoke_page",
    "apps/hubs/link/app.py:Conversation._stored",
    "apps/hubs/link/app.py:WebSocketConnection.__init__",
    "ores_cloud/demo/client.py:Api._call",
}

# Somebody else's caller fixes the order of these.
IMPOSED_PARAMETERS = [
    {"scope", "receive", "send"},  # ASGI, with what is bound before
    {"stream", "media_type", "parser_context"},  # REST framework's parsers
    {"host", "port", "family"},  # aiohttp's resolvers
]
IMPOSED_NAMES = {"__exit__", "__aexit__", "__setattr__"}


def is_imposed(parent: ast.AST, function: Function, names: list[str]) -> bool:
    """Whether a framework, not we, decides the order of the parameters."""
    if function.name in IMPOSED_NAMES or any(imposed <= set(names) for imposed in IMPOSED_PARAMETERS):
        return True
    if isinstance(parent, ast.ClassDef) and function.name == "__init__":
        return any("Error" in ast.unparse(base) or "Exception" in ast.unparse(base) for base in parent.bases)
    # Django calls views with the request and the URL's parts; private helpers are ours.
    return names[0] == "request" and not function.name.startswith("_")


def positional_parameters(parent: ast.AST, function: Function) -> list[str]:
    """Names of the parameters that may be given by position, without self and cls."""
    names = [argument.arg for argument in function.args.posonlyargs + function.args.args]
    bound = isinstance(parent, ast.ClassDef) and names[:1] in (["self"], ["cls"])
    return names[1:] if bound else names


def long_files() -> dict[str, int]:
    sizes = {name: text(name).count("\n") for name in python_files()}
    return {name: size for name, size in sizes.items() if size > LONGEST_FILE}


def long_functions() -> dict[str, int]:
    sizes = {
        f"{name}:{path}": (function.end_lineno or function.lineno) - function.lineno + 1
        for name in python_files()
        for _, path, function in functions(name)
    }
    return {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION}


def much_positional() -> dict[str, int]:
    found = {}
    for name in python_files():
        if name.startswith("tests/"):
            continue
        for parent, path, function in functions(name):
            names = positional_parameters(parent, function)
            if len(names) > MOST_POSITIONAL and not is_imposed(parent, function, names):
                found[f"{name}:{path}"] = len(names)
    return found


@pytest.mark.parametrize(
    ("measure", "allowed", "limit"),
    [
        (long_files, LONG_FILES, f"{LONGEST_FILE} lines in a file"),
        (long_functions, LONG_FUNCTIONS, f"{LONGEST_FUNCTION} lines in a function"),
        (
            much_positional,
            POSITIONAL,
            f"{MOST_POSITIONAL} parameters by position; make the rest keyword-only",
        ),
    ],
    ids=["files", "functions", "positional"],
)
def test_nothing_is_larger_than_the_house_style_allows(
    measure: Callable[[], dict[str, int]], allowed: set[str], limit: str
) -> None:
    found = measure()
    assert {name: size for name, size in found.items() if name not in allowed} == {}, f"at most {limit}"
    assert sorted(allowed - set(found)) == [], "no longer needed: take it off the allow-list"


def first_function(source: str) -> tuple[ast.AST, Function]:
    parent: ast.AST = ast.parse(source).body[0]
    if isinstance(parent, ast.ClassDef):
        child = parent.body[0]
        assert isinstance(child, Function)
        return parent, child
    assert isinstance(parent, Function)
    return ast.Module(body=[parent], type_ignores=[]), parent


@pytest.mark.parametrize(
    ("source", "names", "imposed"),
    [
        ("def share(target, homes, limit): ...", ["target", "homes", "limit"], False),
        ("def share(target, homes, *, limit): ...", ["target", "homes"], False),
        ("class A:\n  def share(self, target, homes): ...", ["target", "homes"], False),
        ("class BadError(Exception):\n  def __init__(self, a, b, c): ...", ["a", "b", "c"], True),
        ("class Bad(Plain):\n  def __init__(self, a, b, c): ...", ["a", "b", "c"], False),
        ("async def post(server, scope, receive, send): ...", ["server", "scope", "receive", "send"], True),
        ("def detail(request, site_id, signal_id): ...", ["request", "site_id", "signal_id"], True),
        ("def _page(request, template, seen): ...", ["request", "template", "seen"], False),
    ],
)
def test_the_rule_for_parameters_tells_ours_from_a_frameworks(
    source: str, names: list[str], imposed: bool
) -> None:
    parent, function = first_function(source)
    assert positional_parameters(parent, function) == names
    assert is_imposed(parent, function, names) is imposed
