"""How clients can be told of changes: webhooks always, MQTT topics where a broker is configured."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import ApiClient
from apps.openadr.api.base import OpenADRView, object_id_or_404
from apps.openadr.errors import ObjectUnknownError
from apps.openadr.models import ProgramObject, VenObject
from apps.openadr.notify.topics import topic_names
from apps.openadr.selectors import Viewer, visible


class NotifiersView(OpenADRView):
    """GET /notifiers: which bindings there are"""

    def get(self, request: Request) -> Response:
        bindings: dict[str, Any] = {"WEBHOOK": True}
        if settings.OPENADR_MQTT_URL:
            bindings["MQTT"] = {
                "URIS": settings.OPENADR_MQTT_PUBLIC_URIS or [_without_user(settings.OPENADR_MQTT_URL)],
                "serialization": "JSON",
                "authentication": {"method": "ANONYMOUS"},
            }
        return Response(bindings)


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _check_broker() -> None:
    if not settings.OPENADR_MQTT_URL:
        raise ObjectUnknownError("no MQTT broker is configured", code="mqtt_not_offered")


class TopicsView(OpenADRView):
    """GET /notifiers/mqtt/topics/{kind}: topics of all objects of a kind, for business logic"""

    roles = {ApiClient.Role.UTILITY}
    path = ""

    def get(self, request: Request) -> Response:
        _check_broker()
        organization_id = self.viewer(request).organization.pk
        return Response({"topics": topic_names(organization_id, self.path)})


class ProgramTopicsView(OpenADRView):
    """GET /notifiers/mqtt/topics/programs/{programID}[/events], for business logic"""

    roles = {ApiClient.Role.UTILITY}
    path = ""

    def get(self, request: Request, object_id: str) -> Response:
        _check_broker()
        viewer = self.viewer(request)
        if not visible(kind=ProgramObject, viewer=viewer).filter(pk=object_id_or_404(object_id)).exists():
            raise ObjectUnknownError("no such program")
        return Response({"topics": _names(viewer, f"programs/{object_id}/{self.path}", of_one=not self.path)})


class VenTopicsView(OpenADRView):
    """GET /notifiers/mqtt/topics/vens/{venID}[/events, /programs, /resources]: what one VEN may hear"""

    path = ""

    def get(self, request: Request, object_id: str) -> Response:
        _check_broker()
        viewer = self.viewer(request)
        if not visible(kind=VenObject, viewer=viewer).filter(pk=object_id_or_404(object_id)).exists():
            raise ObjectUnknownError("no such ven")
        return Response({"topics": _names(viewer, f"vens/{object_id}/{self.path}", of_one=not self.path)})


def _names(viewer: Viewer, path: str, *, of_one: bool) -> dict[str, str]:
    return topic_names(viewer.organization.pk, path.rstrip("/"), of_one=of_one)
