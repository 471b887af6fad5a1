"""Reference pages say what the code says."""

import ast
import json
import re
from importlib import import_module

import pytest

from tests.architecture.tree import ROOT, files, parsed, python_files, text

ENVIRONMENT_CALL = re.compile(r"(environ(ment)?\.(get|setdefault|pop)|getenv|(^|\.)env(\.\w+)?)$")
ENVIRONMENT = re.compile(r"environ(ment)?$")
VARIABLE = re.compile(r"^[A-Z][A-Z0-9_]{2,}$")
ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
REQUIREMENT = re.compile(r"^[A-Za-z][\w.-]*")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def constant(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def variables_in(tree: ast.AST) -> set[str]:
    """Names of environment variables that a piece of code reads."""
    found = set()
    for node in ast.walk(tree):
        name = ""
        if isinstance(node, ast.Call) and node.args and ENVIRONMENT_CALL.search(ast.unparse(node.func)):
            name = constant(node.args[0])
        elif isinstance(node, ast.Subscript) and ENVIRONMENT.search(ast.unparse(node.value)):
            name = constant(node.slice)
        if VARIABLE.match(name):
            found.add(name)
    return found


def variables_of_the_code() -> set[str]:
    code = [name for name in python_files() if not name.startswith("tests/")]
    found = {variable for name in code for variable in variables_in(parsed(name))}
    makefile = text("Makefile")
    found |= set(re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE))
    return found | set(re.findall(r"@(ORES_[A-Z_]+)=\S+ ", makefile))


def documented(page: str) -> list[str]:
    """First cells of a page's tables."""
    return ROW.findall(text(page))


def test_every_environment_variable_is_documented_and_no_other() -> None:
    names = documented("docs/reference/settings.md")
    assert sorted(names) == sorted(variables_of_the_code())


def test_variables_are_found_however_they_are_read() -> None:
    code = """
os.environ.get("ONE"); os.environ["TWO"]; self.environment.get("THREE"); env("FOUR"); env.bool("FIVE", default=1)
os.environ.setdefault("SIX", "x"); other.get("NOT_THIS"); os.environ.get(name); environment.get("lower")
"""
    assert variables_in(ast.parse(code)) == {"ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX"}


PATHS_OF_THE_API = [
    ("openadr3/3.1.0/", "apps.openadr.api.urls"),
    ("", "apps.hubs.api.urls"),
    ("", "apps.ores_api.urls"),
    ("assistants/", "apps.assistants.urls"),
    ("api/v1/", "apps.accounts.api.urls"),
    ("api/v1/", "apps.sites.api.urls"),
    ("api/v1/", "apps.alerts.api.urls"),
    ("api/v1/", "apps.telemetry.api.urls"),
    ("api/v1/", "apps.programs.api.urls"),
    ("api/v1/", "apps.flexibility.api.urls"),
    ("api/v1/", "apps.dispatch.api.urls"),
    ("api/v1/", "apps.settlement.api.urls"),
    ("api/v1/", "apps.markets.api.urls"),
    ("api/v1/", "apps.openadr.rest.urls"),
]


def test_every_path_of_the_api_is_documented_and_no_other() -> None:
    shown = set()
    for prefix, module in PATHS_OF_THE_API:
        for pattern in import_module(module).urlpatterns:
            shown.add("/" + prefix + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern)))
    elsewhere = {
        "/api/v1/schema",
        "/api/v1/docs",
        "/hub/communicate",
        "/live/site/{site_id}",
        "/live/fleet/{organization_id}",
    }
    # A path may serve two sorts of callers, each in a table of its own.
    assert sorted(set(documented("docs/reference/api.md"))) == sorted(shown | elsewhere)


def direct_requirements(name: str) -> list[str]:
    lines = [line.split("#")[0].strip() for line in text(name).splitlines()]
    found = [REQUIREMENT.match(line) for line in lines if line and not line.startswith("-")]
    return [match.group(0).lower() for match in found if match]


@pytest.mark.parametrize("name", [name for name in files() if re.fullmatch(r"requirements/\w+\.in", name)])
def test_every_direct_dependency_has_its_reason(name: str) -> None:
    page = text("docs/reference/dependencies.md")
    section = page.split(f"`{name}`", 1)[1].split("\n## ", 1)[0]
    assert sorted(row.lower() for row in ROW.findall(section)) == sorted(direct_requirements(name))


def test_every_package_of_pages_has_its_reason() -> None:
    name = "requirements/web/package.json"
    section = text("docs/reference/dependencies.md").split(f"`{name}`", 1)[1].split("\n## ", 1)[0]
    listed = json.loads(text(name))
    assert sorted(ROW.findall(section)) == sorted({**listed["dependencies"], **listed["devDependencies"]})


@pytest.mark.parametrize("name", [name for name in files() if name.endswith(".md")])
def test_links_between_documents_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    targets = LINK.findall(FENCE.sub("", text(name)))
    assert [target for target in targets if not (folder / target).exists()] == []


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", text("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("name", [name for name in files() if name.endswith(".md")])
def test_make_commands_in_documents_exist(name: str) -> None:
    commands = re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text(name), re.MULTILINE)
    assert [command for command in commands if command not in make_targets()] == []


def test_every_decision_record_is_in_the_index() -> None:
    records = [name for name in files() if re.fullmatch(r"docs/adr/\d{4}-.*\.md", name)]
    index = text("docs/README.md")
    assert [name for name in records if name.removeprefix("docs/") not in index] == []
    numbers = [name.removeprefix("docs/adr/")[:4] for name in records]
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
