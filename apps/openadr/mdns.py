"""What the local network is told of the OpenADR 3.1 server by mDNS (`_openadr3._tcp`)."""

from urllib.parse import urlsplit

from django.conf import settings

from apps.openadr.models import ProgramObject

SERVICE_TYPE = "_openadr3._tcp.local."
BASE_PATH = "/openadr3/3.1.0"
LONGEST_NAMES = 200  # a property with its name fits 255 bytes


def txt_record(*, address: str, port: int) -> dict[str, str]:
    """Return the properties; the site's own address where it has one that others can use."""
    parts = urlsplit(settings.SITE_URL)
    is_local = parts.hostname in {None, "localhost", "127.0.0.1", "::1"}
    site = f"http://{address}:{port}" if is_local else settings.SITE_URL.rstrip("/")
    return {
        "version": "3.1.0",
        "base_path": BASE_PATH,
        "local_url": site + BASE_PATH,
        "program_names": _program_names(),
        "requires_auth": "true",
        "openapi_url": f"{site}/api/v1/schema",
    }


def _program_names() -> str:
    """Return the names of programs for everybody, as many as fit."""
    held = ProgramObject.objects.filter(deleted_at=None, content__targets__isnull=True).order_by(
        "created_at", "id"
    )
    text = ""
    for name in held.values_list("program__name", flat=True)[:50]:
        longer = f"{text},{name}" if text else str(name)
        if len(longer.encode()) > LONGEST_NAMES:
            break
        text = longer
    return text
