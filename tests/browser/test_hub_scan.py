"""A hub's claim code read from a picture and from the camera, in a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import qrcode  # type: ignore[import-untyped]
from playwright.sync_api import FilePayload, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from apps.common import clock
from tests import factories
from tests.apps.portal.world import CODE, PASSWORD, World, build_world, evening

SIDE, BOX, BORDER = 480, 12, 6


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    now = evening()
    monkeypatch.setattr(clock.Clock, "now", lambda self: now)
    factories.forget_counts()
    return build_world(now=now)


def modules() -> list[list[bool]]:
    code = qrcode.QRCode(border=BORDER)
    code.add_data(f"https://ores.example/claim?code={CODE}")
    code.make()
    found: list[list[bool]] = code.get_matrix()
    return found


def picture() -> bytes:
    """A bitmap (BMP, 24 bits a pixel) of the code."""
    rows = [[0 if on else 255 for on in row for _ in range(BOX)] for row in modules() for _ in range(BOX)]
    side = len(rows)
    body = b"".join(
        bytes(v for one in row for v in (one, one, one)) + b"\0" * (-3 * side % 4) for row in rows[::-1]
    )
    head = b"BM" + (54 + len(body)).to_bytes(4, "little") + b"\0" * 4 + (54).to_bytes(4, "little")
    info = [
        (40, 4),
        (side, 4),
        (side, 4),
        (1, 2),
        (24, 2),
        (0, 4),
        (len(body), 4),
        (2835, 4),
        (2835, 4),
        (0, 4),
        (0, 4),
    ]
    return head + b"".join(value.to_bytes(size, "little") for value, size in info) + body


def film(path: Path) -> Path:
    """Some frames of the code as a camera shows it (YUV4MPEG)."""
    found = modules()
    box = SIDE // len(found)
    edge = (SIDE - box * len(found)) // 2
    luma = bytearray(b"\xeb" * (SIDE * SIDE))
    for y, row in enumerate(found):
        for x, on in enumerate(row):
            for line in range(box if on else 0):
                start = (edge + y * box + line) * SIDE + edge + x * box
                luma[start : start + box] = b"\x10" * box
    frame = b"FRAME\n" + bytes(luma) + b"\x80" * (SIDE * SIDE // 2)
    path.write_bytes(f"YUV4MPEG2 W{SIDE} H{SIDE} F10:1 Ip A1:1 C420\n".encode() + frame * 10)
    return path


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Page]:
    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(chromium).exists():
        pytest.skip("no Chromium here")
    arguments = [
        "--no-sandbox", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={film(tmp_path / 'code.y4m')}",
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        yield page
        browser.close()


def test_the_code_is_read_from_a_picture_and_from_the_camera(
    camera: Page, live_server: LiveServer, world: World
) -> None:
    page, field = camera, camera.get_by_label("Claim code")
    page.goto(f"{live_server.url}/sites/{world.sites[0].pk}/hub/")
    page.get_by_label("E-mail address").fill(world.owner.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    code = FilePayload(name="code.bmp", mimeType="image/bmp", buffer=picture())
    page.get_by_label("Read from a picture").set_input_files([code])
    expect(field).to_have_value(CODE, timeout=60_000)
    field.fill("")
    page.get_by_role("button", name="Scan with the camera").click()
    expect(field).to_have_value(CODE, timeout=60_000)
    expect(page.get_by_text("Code read.")).to_be_visible()
