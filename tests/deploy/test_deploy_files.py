"""The container files, as far as they can be checked without a Docker engine."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.tree import ROOT

DEPLOY = ROOT / "deploy"
PINNED = re.compile(r"^[\w./-]+:(?!latest)[\w.-]*\d[\w.-]*$")
# What images of others, or compose, read.
FOREIGN = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}


def text(name: str) -> str:
    return (DEPLOY / name).read_text()


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
    return loaded


def platform_services() -> dict[str, dict[str, Any]]:
    """Services that run our own image."""
    services: dict[str, dict[str, Any]] = compose()["services"]
    return {name: one for name, one in services.items() if one["image"].startswith("ores-cloud:")}


def documented_settings() -> set[str]:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    return set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))


def dockerfile() -> list[tuple[str, str]]:
    """Instructions with their arguments, continued lines joined, comments gone."""
    lines = [line for line in text("Dockerfile").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines()) if name]


def copied_into_the_image() -> list[str]:
    """Sources of COPY that come from the repository."""
    copies = [rest.split() for name, rest in dockerfile() if name == "COPY" and not rest.startswith("--from")]
    return [source for words in copies for source in words[:-1]]


def command_of(service: dict[str, Any]) -> list[str]:
    """A service's command as words, through a shell where it uses one; the image's own by default."""
    words: list[str] = service.get("command") or image_command()
    if words[:2] == ["sh", "-c"]:
        script = words[2].removeprefix("exec ").replace("$$", "$")
        return shlex.split(script)
    return words


def image_command() -> list[str]:
    rest = next(rest for name, rest in dockerfile() if name == "CMD")
    loaded: list[str] = yaml.safe_load(rest)
    return loaded


def test_the_compose_file_has_the_services_of_the_platform() -> None:
    assert sorted(compose()["services"]) == ["beat", "db", "migrate", "redis", "web", "worker"]
    assert sorted(platform_services()) == ["beat", "migrate", "web", "worker"]


def test_every_service_that_stays_has_a_health_check() -> None:
    services = compose()["services"]
    assert [name for name, one in services.items() if name != "migrate" and "healthcheck" not in one] == []


def test_services_start_after_what_they_need() -> None:
    services = platform_services()
    assert services["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }


def test_images_of_others_are_pinned() -> None:
    images = [
        one["image"] for one in compose()["services"].values() if one not in platform_services().values()
    ]
    bases = [rest.split(" AS ")[0] for name, rest in dockerfile() if name == "FROM"]
    assert [image for image in [*images, *bases] if not PINNED.match(image)] == []
    assert PINNED.match("redis:7.2-alpine")
    assert not PINNED.match("redis:latest")
    assert not PINNED.match("redis")


def test_every_variable_is_one_the_settings_page_explains() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", text("compose.yaml")))
    used |= set(re.findall(r"\$\$\{(\w+)", text("compose.yaml")))
    used |= set(re.findall(r"^#?([A-Z_]+)=", text("env.example"), re.MULTILINE))
    for service in compose()["services"].values():
        used |= set(service.get("environment", {}))
    for name, rest in dockerfile():
        if name == "ENV":
            used |= {word.split("=")[0] for word in rest.split()} - {"PATH", "PYTHONUNBUFFERED"}
    assert sorted(used - FOREIGN - documented_settings()) == []


def test_variables_that_compose_insists_on_are_in_the_example() -> None:
    required = set(re.findall(r"(?<!\$)\$\{(\w+):\?", text("compose.yaml")))
    offered = set(re.findall(r"^([A-Z_]+)=", text("env.example"), re.MULTILINE))
    assert required == {"POSTGRES_PASSWORD", "SECRET_KEY"}
    assert required <= offered


def test_the_example_holds_no_secret() -> None:
    assert re.findall(r"^(?:SECRET_KEY|POSTGRES_PASSWORD)=(.*)$", text("env.example"), re.MULTILINE) == [
        "",
        "",
    ]
    assert ".env" in text(".gitignore").splitlines()


@pytest.mark.parametrize("name", sorted(platform_services()))
def test_commands_name_programs_and_modules_that_exist(name: str) -> None:
    words = command_of(platform_services()[name])
    if words[0] == "python":
        assert (ROOT / words[1]).is_file()
        return
    assert (Path(sys.executable).parent / words[0]).is_file()
    target = words[1] if words[0] == "uvicorn" else f"{words[words.index('-A') + 1]}:app"
    module, _, attribute = target.partition(":")
    if module == "ores_cloud":
        module = "ores_cloud.celery"
    assert (ROOT / Path(*module.split("."))).with_suffix(".py").is_file()
    assert re.search(
        rf"^{attribute} = ", (ROOT / Path(*module.split("."))).with_suffix(".py").read_text(), re.MULTILINE
    )


def test_the_worker_serves_every_queue() -> None:
    from ores_cloud.queues import configuration

    routed = configuration(redis_url="redis://", prefix="", scale=1.0)
    wanted = {"default", *(route["queue"] for route in routed["task_routes"].values())}
    words = command_of(platform_services()["worker"])
    assert set(words[words.index("--queues") + 1].split(",")) == wanted


def test_the_web_container_is_started_like_the_web_of_one_machine() -> None:
    from ores_cloud.supervisor import web_command

    assert image_command() == web_command(8000, "0.0.0.0")


def test_what_the_image_copies_exists_and_is_not_ignored() -> None:
    sources = copied_into_the_image()
    assert sorted(sources) == [
        "apps", "deploy/web_files.py", "manage.py", "ores_cloud", "requirements/bootstrap.txt",
        "requirements/cloud.txt", "requirements/node.txt", "requirements/web", "vpp",
    ]  # fmt: skip
    assert [source for source in sources if not (ROOT / source).exists()] == []
    kept = {line[1:] for line in text("Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    assert kept == set(sources)


def test_the_image_is_not_run_by_root() -> None:
    users = [rest for name, rest in dockerfile() if name == "USER"]
    assert users == ["ores"]


def test_everything_is_installed_by_hash() -> None:
    runs = " ".join(rest for name, rest in dockerfile() if name == "RUN")
    installs = re.findall(r"pip install [^&]*", runs)
    assert len(installs) == 2
    assert [one for one in installs if "--require-hashes -r requirements/" not in one] == []


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the image in a folder, without what the ignore file leaves out."""
    folder = tmp_path_factory.mktemp("image")
    ignored = shutil.ignore_patterns("__pycache__", "demo")
    for source in copied_into_the_image():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / source, ignore=ignored)
        else:
            (folder / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, folder / source)
    return folder


def run_in(image: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the Python of this environment in the image's folder, with only what the build sets."""
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "build",
        "DATABASE_URL": "postgresql:///build",
        "REDIS_URL": "redis://build",
    }
    return subprocess.run(
        [sys.executable, *words], cwd=image, env=environment, capture_output=True, text=True, check=False
    )


def test_static_files_can_be_collected_without_a_database(image: Path) -> None:
    done = run_in(image, "manage.py", "collectstatic", "--noinput")
    assert done.returncode == 0, done.stderr
    assert (image / "staticfiles" / "portal" / "ores.css").is_file()


def test_the_image_holds_everything_its_processes_import(image: Path) -> None:
    modules = ["ores_cloud.asgi", "ores_cloud.wsgi", "ores_cloud.celery", "ores_cloud.beat"]
    load = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    tasks = "from ores_cloud.celery import app; app.loader.import_default_modules()"
    for words in ([load, *modules], [tasks]):
        done = run_in(image, "-c", *words)
        assert done.returncode == 0, done.stderr


def test_the_proxy_sends_the_links_paths_to_the_link_and_the_rest_to_the_web() -> None:
    asgi = importlib.import_module("ores_cloud.asgi")
    config = text("nginx.conf")
    routes = dict(re.findall(r"location (?:= )?(\S+) \{\s+proxy_pass http://(\w+);", config))
    plain = (asgi.LINK_PATH, asgi.s2.PATH, asgi.live.PREFIX)
    assert routes == {**dict.fromkeys(plain, "ores_link"), "/": "ores_web"}
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in config
    assert config.count("{") == config.count("}")


def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
    if shutil.which("docker") is None:
        pytest.skip("no docker command on this machine")
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("docker is here without its compose plugin")
    for name in ("compose.yaml", "Dockerfile"):
        shutil.copy(DEPLOY / name, tmp_path / name)
    example = text("env.example")
    filled = re.sub(r"^(SECRET_KEY|POSTGRES_PASSWORD)=$", r"\1=x", example, flags=re.MULTILINE)
    (tmp_path / ".env").write_text(filled)
    done = subprocess.run(
        ["docker", "compose", "-f", str(tmp_path / "compose.yaml"), "config", "--quiet"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
