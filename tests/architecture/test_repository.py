"""What must not be committed: this machine's paths, a registry's address, other people's built files."""

import re

from tests.architecture.tree import ROOT, files, text

LARGEST_HAND_WRITTEN = 64 * 1024
TEXT = (
    ".py", ".in", ".txt", ".toml", ".yaml", ".yml", ".md", ".html", ".css", ".js", ".json", ".svg", ".conf", ".example", ".cfg",
)  # fmt: skip
TEXT_NAMES = {"Makefile", "Dockerfile", ".gitignore", ".dockerignore", "manage.py"}
# In pieces, so that this file does not name them.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".org",
    "npmjs" + ".com",
    "crates" + ".io",
    "proxy.golang" + ".org",
    "jsdelivr" + ".net",
    "unpkg" + ".com",
    "cdnjs.cloudflare" + ".com",
]
MACHINE_PATHS = re.compile(r"(?<![\w./-])/(?:" + "work|root|home" + r")/[\w.-]+")
# A project's page named as the source of data is a citation, not a place to install from.
CITATION = re.compile(r"https://pypi" + r"\.org/project/[\w.-]+/?")
BUILT = re.compile(
    r"(\.min\.(js|css)|\.bundle\.js|\.map|\.whl|\.so|\.dll|\.pyc|\.jar|\.wasm|\.woff2?|\.ttf|\.tgz|\.tar\.gz|\.zip)$"
    r"|(^|/)(node_modules|staticfiles|site-packages|bower_components)/"
)


def text_files() -> list[str]:
    return [name for name in files() if name.endswith(TEXT) or name.rsplit("/", 1)[-1] in TEXT_NAMES]


def test_no_file_names_a_registrys_host() -> None:
    found = {}
    for name in text_files():
        content = text(name)
        if name.endswith(".md"):
            content = CITATION.sub("", content)
        hosts = [host for host in REGISTRY_HOSTS if host in content]
        if hosts:
            found[name] = hosts
    assert found == {}


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    found = {name: MACHINE_PATHS.findall(text(name)) for name in text_files()}
    assert {name: paths for name, paths in found.items() if paths} == {}


def test_nothing_built_by_others_is_committed() -> None:
    assert [name for name in files() if BUILT.search(name)] == []


def test_scripts_and_styles_are_small_enough_to_be_our_own() -> None:
    sizes = {name: (ROOT / name).stat().st_size for name in files() if name.endswith((".js", ".css", ".svg"))}
    assert {name: size for name, size in sizes.items() if size > LARGEST_HAND_WRITTEN} == {}


def test_the_patterns_find_what_they_are_meant_to_find() -> None:
    assert MACHINE_PATHS.search('open("/' + 'work/main/x")')
    assert MACHINE_PATHS.search("cd /" + "root/project")
    assert not MACHINE_PATHS.search("COPY --from=build /app/.venv and docs/work/notes.md and a/home/page")
    assert BUILT.search("apps/portal/static/htmx.min.js")
    assert not BUILT.search("edge_agent/drivers/simulator/profile_data/simbench-spring.csv.gz")
    assert CITATION.sub("", "[x](https://pypi" + ".org/project/simbench/)") == "[x]()"


def test_waiting_never_swallows_a_cancellation() -> None:
    """Python 3.11's `wait_for` may lose one: the process would not end; `asyncio.timeout` does not."""
    found = [
        name for name in files() if name.startswith(("edge_agent/", "apps/", "vpp/")) and name.endswith(".py")
    ]
    assert [name for name in found if "wait_for(" in text(name)] == []


def test_no_test_empties_a_redis_that_others_use() -> None:
    """Clearing the cache flushes the server: another worker's locks and counts were lost to it."""
    name = "cache" + ".clear()"
    assert [
        one for one in files() if one.startswith("tests/") and one.endswith(".py") and name in text(one)
    ] == []
