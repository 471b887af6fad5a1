"""An aggregator's ways to a release: begin one, follow it ring by ring, pause, resume, stop."""

from typing import Any, Final

from django.db.models import Count
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent
from apps.hubs import selectors, update_services
from apps.hubs.models import Campaign, HubUpdate, Release

ACTS: Final = {
    "pause": update_services.campaign_pause,
    "resume": update_services.campaign_resume,
    "stop": update_services.campaign_stop,
}


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    class Meta:
        model = Release
        fields = ("id", "version", "hardware", "ring", "length", "notes", "published_at", "withdrawn_at")


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    version = serializers.CharField(source="release.version")
    updates = serializers.SerializerMethodField(help_text="hubs by how far they got")

    class Meta:
        model = Campaign
        fields = (
            "id", "version", "state", "state_reason", "ring", "ring_started_at", "soak_minutes", "healthy_pct",
            "failed_pct", "started_by", "created_at", "ended_at", "updates",
        )  # fmt: skip

    def get_updates(self, campaign: Campaign) -> dict[str, int]:
        return dict(campaign.updates.values_list("state").annotate(Count("pk")).order_by("state"))


class CampaignRequestSerializer(Strict):
    version = serializers.CharField(max_length=20)
    test_hubs = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)
    soak_minutes = serializers.IntegerField(min_value=0, max_value=10_080, required=False)


class CampaignActSerializer(Strict):
    act = serializers.ChoiceField(choices=sorted(ACTS))
    reason = serializers.CharField(max_length=300)


class HubUpdateSerializer(serializers.ModelSerializer[HubUpdate]):
    hub_id = serializers.UUIDField()

    class Meta:
        model = HubUpdate
        fields = ("id", "hub_id", "ring", "state", "reason", "from_version", "changed_at")


class ReleasesView(AggregatorView):
    """GET /api/v1/releases"""

    @describes("List releases of the hubs' software", tag="updates", answers=ReleaseSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        order = ("-published_at", "-pk")
        return paged(
            request, selectors.releases(), order=order, shown=ReleaseSerializer
        )  # fmt: skip


class CampaignsView(AggregatorView):
    """GET, POST /api/v1/campaigns"""

    @describes("List updates", tag="updates", answers=CampaignSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = selectors.campaigns_of_organization(organization=organization_of(request))
        return paged(request, found, order=("-pk",), shown=CampaignSerializer)

    @describes(
        "Begin an update", tag="updates", sends=CampaignRequestSerializer, answers=CampaignSerializer, status=201,
        example={"version": "1.2.0", "soak_minutes": 60},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said = sent(request, CampaignRequestSerializer)
        made = update_services.campaign_start(
            organization=organization_of(request), actor=actor_of(request), now=clock.now(), **said
        )
        return Response(CampaignSerializer(made).data, status=201)


class CampaignView(AggregatorView):
    """GET, POST /api/v1/campaigns/{id}"""

    @describes("Show an update", tag="updates", answers=CampaignSerializer)
    def get(self, request: Request, campaign_id: int) -> Response:
        asked(request, Query)
        return Response(CampaignSerializer(campaign_or_404(request, campaign_id)).data)

    @describes(
        "Pause, resume or stop an update", tag="updates", sends=CampaignActSerializer, answers=CampaignSerializer,
        example={"act": "pause", "reason": "two hubs lost their meter"},
    )  # fmt: skip
    def post(self, request: Request, campaign_id: int) -> Response:
        campaign, said = campaign_or_404(request, campaign_id), sent(request, CampaignActSerializer)
        changed = ACTS[said["act"]](
            campaign=campaign, actor=actor_of(request), reason=said["reason"], now=clock.now()
        )
        return Response(CampaignSerializer(changed).data)


class CampaignHubsView(AggregatorView):
    """GET /api/v1/campaigns/{id}/hubs"""

    @describes(
        "List how far the hubs of an update are", tag="updates", answers=HubUpdateSerializer, pages=True
    )
    def get(self, request: Request, campaign_id: int) -> Response:
        asked(request, Query, paged=True)
        found = selectors.updates_of_campaign(campaign=campaign_or_404(request, campaign_id))
        return paged(request, found, order=("pk",), shown=HubUpdateSerializer)


def campaign_or_404(request: Request, campaign_id: int) -> Campaign:
    """Return the tenant's campaign or raise NotFoundError."""
    held = selectors.campaigns_of_organization(organization=organization_of(request))
    found: Any = held.filter(pk=campaign_id).first()
    if not isinstance(found, Campaign):
        raise NotFoundError("no such update")
    return found
