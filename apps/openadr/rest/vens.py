"""VENs that listen to the tenant, by both protocols: who they are, what they may see."""

from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent
from apps.openadr.models import Ven2b, VenObject
from apps.openadr.pages.vens import seen_by_ven
from apps.openadr.peer_selectors import vens_2b_of_organization, vens_of_organization
from apps.openadr.polls import is_object_id
from apps.openadr.services.operators import ven2b_let_in, ven2b_targets, ven_targets

TAG: Final = "openadr"
NO_TEXT: Final[dict[str, Any]] = {"required": False, "allow_blank": True, "default": ""}


class TargetsSerializer(Strict):
    targets = serializers.ListField(child=serializers.CharField(max_length=128), max_length=500)


class VenSerializer(serializers.ModelSerializer[VenObject]):
    client_id = serializers.CharField(source="client_key", help_text="of the credential it speaks with")
    targets = serializers.ListField(child=serializers.CharField(), help_text="what it is granted")
    resource_count = serializers.IntegerField()

    class Meta:
        model = VenObject
        fields = ("id", "name", "client_id", "targets", "resource_count", "created_at", "modified_at")


class NamedSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField(allow_blank=True)


class SeenSerializer(serializers.Serializer[Any]):
    """What a VEN sees when it asks now; at most 50 of each."""

    programs = NamedSerializer(many=True)
    events = NamedSerializer(many=True)
    hidden_events = serializers.IntegerField(help_text="events that are not for its targets")


class Ven2bSerializer(serializers.ModelSerializer[Ven2b]):
    site_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Ven2b
        fields = (
            "id", "name", "ven_id", "vtn_id", "fingerprint", "common_name", "targets", "site_id", "registered_at",
            "heard_at", "created_at",
        )  # fmt: skip


class Ven2bSendSerializer(Strict):
    name = serializers.CharField(max_length=128, help_text="the venName it registers with")
    fingerprint = serializers.CharField(
        max_length=64, **NO_TEXT, help_text="of its certificate: ten pairs of digits with colons between them"
    )
    common_name = serializers.CharField(max_length=128, **NO_TEXT)
    vtn_id = serializers.CharField(max_length=128, **NO_TEXT, help_text="ores-vtn if left out")
    targets = serializers.ListField(
        child=serializers.CharField(max_length=128), max_length=500, required=False
    )


class VensView(AggregatorView):
    """GET /api/v1/openadr-vens"""

    @describes(
        "List VENs of OpenADR 3.1", tag=TAG, answers=VenSerializer, pages=True,
        description="A VEN enters itself, or its utility does, at the OpenADR paths with a credential of the role `ven`.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = vens_of_organization(organization=organization_of(request))
        return paged(request, found, order=("pk",), shown=VenSerializer)


class VenView(AggregatorView):
    """GET, PATCH /api/v1/openadr-vens/{id}"""

    @describes("Show a VEN of OpenADR 3.1", tag=TAG, answers=VenSerializer)
    def get(self, request: Request, ven_object_id: str) -> Response:
        asked(request, Query)
        return Response(VenSerializer(_ven(request, ven_object_id)).data)

    @describes(
        "Say what a VEN of OpenADR 3.1 may see", tag=TAG, sends=TargetsSerializer, answers=VenSerializer,
        example={"targets": ["feeder 7"]}, description="It sees by these targets at its next poll.",
    )  # fmt: skip
    def patch(self, request: Request, ven_object_id: str) -> Response:
        ven, said = _ven(request, ven_object_id), sent(request, TargetsSerializer)
        ven_targets(ven=ven, targets=_once(said["targets"]), actor=actor_of(request), now=clock.now())
        return Response(VenSerializer(_ven(request, ven_object_id)).data)


class VenSeenView(AggregatorView):
    """GET /api/v1/openadr-vens/{id}/seen"""

    @describes("Show what a VEN of OpenADR 3.1 sees", tag=TAG, answers=SeenSerializer)
    def get(self, request: Request, ven_object_id: str) -> Response:
        asked(request, Query)
        seen = seen_by_ven(ven=_ven(request, ven_object_id), now=clock.now())
        shown = {
            "programs": [_named(one, "programName") for one in seen.programs],
            "events": [_named(one, "eventName") for one in seen.events],
            "hidden_events": seen.hidden,
        }
        return Response(SeenSerializer(shown).data)


class Vens2bView(AggregatorView):
    """GET, POST /api/v1/openadr2b-vens"""

    @describes("List VENs of OpenADR 2.0b", tag=TAG, answers=Ven2bSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = vens_2b_of_organization(organization=organization_of(request))
        return paged(request, found, order=("pk",), shown=Ven2bSerializer)

    @describes(
        "Let a VEN of OpenADR 2.0b in", tag=TAG, sends=Ven2bSendSerializer, answers=Ven2bSerializer, status=201,
        example={"name": "city hall", "fingerprint": "0D:85:93:FA:34:DB:13:F2:BB:30", "targets": ["feeder 7"]},
        description="Put the answer's `ven_id` into the VEN's configuration before it registers.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said = sent(request, Ven2bSendSerializer)
        targets = _once(said.pop("targets", []))
        made = ven2b_let_in(
            organization=organization_of(request), sent=said, targets=targets, actor=actor_of(request), now=clock.now()
        )  # fmt: skip
        return Response(Ven2bSerializer(made).data, status=201)


class Ven2bView(AggregatorView):
    """GET, PATCH /api/v1/openadr2b-vens/{id}"""

    @describes("Show a VEN of OpenADR 2.0b", tag=TAG, answers=Ven2bSerializer)
    def get(self, request: Request, ven_id: int) -> Response:
        asked(request, Query)
        return Response(Ven2bSerializer(_ven_2b(request, ven_id)).data)

    @describes(
        "Say what a VEN of OpenADR 2.0b may see", tag=TAG, sends=TargetsSerializer, answers=Ven2bSerializer,
        example={"targets": ["feeder 7"]}, description="It is told of what it may see now at its next poll.",
    )  # fmt: skip
    def patch(self, request: Request, ven_id: int) -> Response:
        ven, said = _ven_2b(request, ven_id), sent(request, TargetsSerializer)
        ven2b_targets(ven=ven, targets=_once(said["targets"]), actor=actor_of(request), now=clock.now())
        return Response(Ven2bSerializer(_ven_2b(request, ven_id)).data)


def _ven(request: Request, object_id: str) -> VenObject:
    found = None
    if is_object_id(object_id):
        found = vens_of_organization(organization=organization_of(request)).filter(pk=object_id).first()
    if found is None:
        raise NotFoundError("no such VEN")
    return found


def _ven_2b(request: Request, ven_id: int) -> Ven2b:
    found = vens_2b_of_organization(organization=organization_of(request)).filter(pk=ven_id).first()
    if found is None:
        raise NotFoundError("no such VEN")
    return found


def _named(one: Any, field: str) -> dict[str, str]:
    return {"id": one.pk, "name": str(one.content.get(field) or "")}


def _once(targets: list[str]) -> list[str]:
    return list(dict.fromkeys(targets))
