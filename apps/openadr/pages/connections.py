"""The form of a connection to a utility's VTN: what it offers, and what it says once it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.accounts.models import Organization
from apps.openadr.guard import Connection
from apps.openadr.models import VenConnection2b, VenConnection3
from apps.openadr.pages.lists import program_of, programs_open
from apps.openadr.ven2b.connections import ConnectionInvalidError
from apps.programs.models import Program

LONGEST: Final = 20_000
LEVELS: Final = ("level_1", "level_2", "level_3")


@dataclass(frozen=True)
class Kind:
    """One protocol's fields, by how they are read; `hidden` is its secret, never shown."""

    name: str
    model: type[VenConnection3] | type[VenConnection2b]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    flags: tuple[str, ...]
    hidden: str
    is_2b: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "3.x": Kind(
        "3.x", VenConnection3,
        texts=(
            "remote_program", "name", "url", "version", "token_url", "token_auth", "client_id", "scopes", "ca_pem", "transport",
        ),
        numbers=("poll_s", "lost_after_s"), flags=("has_resource_per_home",), hidden="client_secret",
    ),
    "2.0b": Kind(
        "2.0b", VenConnection2b, texts=("name", "url", "certificate_pem", "ca_pem", "vtn_fingerprint"), numbers=("poll_s",),
        flags=("check_hostname", "signs"), hidden="key_pem", is_2b=True,
    ),
}  # fmt: skip


def connection_of(*, organization: Organization, kind: Kind, connection_id: int) -> Connection | None:
    """Return the tenant's connection."""
    found = kind.model.objects.filter(organization=organization, pk=connection_id)
    held: Connection | None = found.select_related("program", "organization").first()
    return held


def fields_sent(post: Mapping[str, str], kind: Kind) -> dict[str, Any]:
    """Return what a form says of a connection, beside its program and secret."""
    found: dict[str, Any] = {name: _text(post, name) for name in kind.texts}
    found |= {name: _whole(post, name) for name in kind.numbers}
    found |= {name: name in post for name in kind.flags}
    if kind.is_2b:
        found["level_kw"] = _levels(post)
        found["vtn_fingerprint"] = found["vtn_fingerprint"].upper()
    return found


def secret_sent(post: Mapping[str, str], kind: Kind) -> str:
    """Return the secret that a form has, empty where the present one stays."""
    return _text(post, kind.hidden)


def program_sent(post: Mapping[str, str], organization: Organization) -> Program | None:
    """Return the program that a form chooses, if it chooses one."""
    chosen = post.get("program", "")
    return program_of(organization=organization, program_id=chosen) if chosen else None


def fields_shown(connection: Connection | None, kind: Kind) -> dict[str, Any]:
    """Return what a form shows of a connection, or of one that is to be made."""
    held = connection if connection is not None else kind.model()
    shown = {name: getattr(held, name) for name in (*kind.texts, *kind.numbers, *kind.flags)}
    if kind.is_2b:
        levels = [f"{kw:g}" for kw in getattr(held, "level_kw", ())]
        shown |= dict(zip(LEVELS, [*levels, "", "", ""], strict=False))
    return {name: "" if value is None else value for name, value in shown.items()}


def choices(organization: Organization) -> dict[str, Any]:
    """Return what a form offers."""
    return {
        "programs": programs_open(organization=organization),
        "versions": VenConnection3.Version.choices,
        "transports": VenConnection3.Transport.choices,
        "token_auths": VenConnection3.TokenAuth.choices,
    }


def _text(post: Mapping[str, str], name: str) -> str:
    found = post.get(name, "").replace("\r\n", "\n").strip()
    if len(found) > LONGEST or "\x00" in found:
        raise ConnectionInvalidError(f"{name} cannot be kept: it is too long or not text")
    return found


def _whole(post: Mapping[str, str], name: str) -> int | None:
    text = _text(post, name)
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise ConnectionInvalidError(f"{name} must be a whole number")
    return int(text)


def _levels(post: Mapping[str, str]) -> list[float]:
    """Return kW of the levels; without any, levels ask for nothing."""
    texts = [_text(post, name) for name in LEVELS]
    if not any(texts):
        return []
    try:
        found = [float(text.replace(",", ".")) for text in texts]
    except ValueError as error:
        raise ConnectionInvalidError("say what each of the three levels asks for in kW, or none") from error
    if not all(0 <= kw < 1e9 for kw in found):
        raise ConnectionInvalidError("a level asks for 0 kW or more")
    return found
