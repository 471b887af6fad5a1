"""The doors of a hub's update: which version it shall run, and the signed repository's files."""

import re
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.http import FileResponse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from apps.common import clock
from apps.common.errors import DomainError
from apps.hubs import selectors, update_services
from apps.hubs.errors import FirmwareUnknownError, HubRevokedError, TokenError
from apps.hubs.selectors import LinkIdentity
from apps.hubs.tokens import token_read
from vpp.protocols.link.update import UpdateReport

_FILE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z")


class HubView(APIView):
    """A door for hubs that show their link token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes: tuple[type[BaseThrottle], ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.identity = identity_of(request)


class UpdateView(HubView):
    """POST /device/firmware/update: a hub says what it runs and is told what it shall run."""

    def post(self, request: Request) -> Response:
        try:
            report = msgspec.convert(request.data, UpdateReport)
        except msgspec.ValidationError as error:
            raise DomainError(str(error), code="malformed") from error
        answer = update_services.update_report(hub_id=self.identity.hub_id, report=report, now=clock.now())
        return Response(msgspec.to_builtins(answer))


class FileView(HubView):
    """GET /device/firmware/{metadata,targets}/<name>: a file of the repository, and nothing beside it."""

    folder = ""

    def get(self, request: Request, name: str) -> FileResponse:
        if not settings.FIRMWARE_REPOSITORY or not _FILE.match(name):
            raise FirmwareUnknownError("there is no such file")
        path = Path(settings.FIRMWARE_REPOSITORY) / self.folder / name
        if path.is_symlink() or not path.is_file():
            raise FirmwareUnknownError("there is no such file")
        return FileResponse(path.open("rb"), content_type="application/octet-stream")


def identity_of(request: Request) -> LinkIdentity:
    """Return the active hub that a request's token names, or raise."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text:
        raise TokenError("send Authorization: Bearer <token>", code="token_missing")
    token = token_read(text.strip())
    identity = selectors.link_identity(hub_id=token.hub_id)
    if identity is None:
        raise HubRevokedError("this hub is not active any more")
    if (identity.generation, identity.site_id) != (token.generation, token.site_id):
        raise TokenError("the token is of an earlier enrollment; authenticate again", code="token_stale")
    return identity
