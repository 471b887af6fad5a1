"""Incidents: what is wrong now and was, what operators do about it, and from when on it counts."""

from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.alerts import rules
from apps.alerts.acknowledging import (
    LONGEST_NOTE,
    SNOOZES,
    incident_acknowledge,
    incident_snooze,
    incident_unacknowledge,
    incident_wake,
)
from apps.alerts.incident_selectors import STATES, incident_of_organization, incidents_found, notes_of
from apps.alerts.models import Incident, IncidentKind, IncidentNote, Severity
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent

TAG: Final = "alerts"


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    site_id = serializers.IntegerField(allow_null=True)
    grid_area_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Incident
        fields = (
            "id", "kind", "key", "severity", "title", "detail", "count", "site_id", "grid_area_id", "opened_at",
            "changed_at", "cleared_at", "acknowledged_at", "acknowledged_by", "snoozed_until", "reopened",
        )  # fmt: skip


class NoteSerializer(serializers.ModelSerializer[IncidentNote]):
    class Meta:
        model = IncidentNote
        fields = ("act", "actor", "note", "at")


class WholeIncidentSerializer(IncidentSerializer):
    """An incident with its life, from the beginning."""

    notes = serializers.SerializerMethodField()

    class Meta(IncidentSerializer.Meta):
        fields = (*IncidentSerializer.Meta.fields, "notes")  # type: ignore[assignment]

    def get_notes(self, incident: Incident) -> list[dict[str, Any]]:
        return list(NoteSerializer(notes_of(incident=incident), many=True).data)


class IncidentQuery(Query):
    state = serializers.ChoiceField(choices=STATES, required=False, help_text="`history`: those that ended")
    kind = serializers.ChoiceField(choices=IncidentKind.choices, required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    site = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class NoteSendSerializer(Strict):
    note = serializers.CharField(max_length=LONGEST_NOTE, required=False, allow_blank=True)


class SnoozeSerializer(NoteSendSerializer):
    duration = serializers.ChoiceField(choices=list(SNOOZES))


class RuleSerializer(serializers.Serializer[Any]):
    """From when on a condition is an incident."""

    kind = serializers.ChoiceField(choices=IncidentKind.choices)
    title = serializers.CharField(source="label")
    enabled = serializers.BooleanField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    threshold = serializers.FloatField()
    unit = serializers.CharField(
        allow_blank=True, help_text="what the threshold counts; empty: it plays no part"
    )
    after_s = serializers.IntegerField(help_text="how long the condition lasts before it counts")
    most_single = serializers.IntegerField(help_text="more of one grid area are one incident")
    lasts = serializers.BooleanField(help_text="whether after_s plays a part")
    gathers = serializers.BooleanField(help_text="whether most_single plays a part")
    is_default = serializers.BooleanField()


class RuleChangeSerializer(Strict):
    """What is left out stays."""

    enabled = serializers.BooleanField(required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    threshold = serializers.FloatField(required=False, min_value=0, max_value=1e6)
    after_s = serializers.IntegerField(required=False, min_value=0, max_value=rules.LONGEST_AFTER_S)
    most_single = serializers.IntegerField(required=False, min_value=1, max_value=rules.MOST_SINGLE)


class IncidentsView(AggregatorView):
    """GET /api/v1/incidents"""

    @describes(
        "List incidents", tag=TAG, answers=IncidentSerializer, pages=True, query=IncidentQuery,
        description="The newest first. `state` is `open`, `acknowledged`, `snoozed` or `history`; all if left out.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        wanted = asked(request, IncidentQuery, paged=True)
        found = incidents_found(organization=organization_of(request), now=clock.now(), **wanted)
        return paged(request, found, order=("-opened_at", "-pk"), shown=IncidentSerializer)


class IncidentView(AggregatorView):
    """GET /api/v1/incidents/{id}"""

    @describes("Show an incident with its life", tag=TAG, answers=WholeIncidentSerializer)
    def get(self, request: Request, incident_id: int) -> Response:
        asked(request, Query)
        held = incident_of_organization(organization=organization_of(request), incident_id=incident_id)
        return Response(WholeIncidentSerializer(held).data)


class ActView(AggregatorView):
    """What is done about an incident."""

    def who(self, incident_id: int) -> dict[str, Any]:
        """Return on which incident somebody acts, who, and when."""
        return {
            "organization": organization_of(self.request), "incident_id": incident_id,
            "actor": actor_of(self.request), "now": clock.now(),
        }  # fmt: skip


class AcknowledgeView(ActView):
    """POST /api/v1/incidents/{id}/acknowledge"""

    @describes(
        "Acknowledge an incident", tag=TAG, sends=NoteSendSerializer, answers=WholeIncidentSerializer,
        example={"note": "a technician is on the way"}, description="Says that somebody takes care of it.",
    )  # fmt: skip
    def post(self, request: Request, incident_id: int) -> Response:
        said = sent(request, NoteSendSerializer)
        held = incident_acknowledge(**self.who(incident_id), note=said.get("note", ""))
        return Response(WholeIncidentSerializer(held).data)


class UnacknowledgeView(ActView):
    """POST /api/v1/incidents/{id}/unacknowledge"""

    @describes("Take an acknowledgement back", tag=TAG, answers=WholeIncidentSerializer)
    def post(self, request: Request, incident_id: int) -> Response:
        return Response(WholeIncidentSerializer(incident_unacknowledge(**self.who(incident_id))).data)


class SnoozeView(ActView):
    """POST /api/v1/incidents/{id}/snooze"""

    @describes(
        "Snooze an incident", tag=TAG, sends=SnoozeSerializer, answers=WholeIncidentSerializer,
        example={"duration": "8h", "note": "the district's power is off for works"},
    )  # fmt: skip
    def post(self, request: Request, incident_id: int) -> Response:
        said = sent(request, SnoozeSerializer)
        held = incident_snooze(**self.who(incident_id), wish=said["duration"], note=said.get("note", ""))
        return Response(WholeIncidentSerializer(held).data)


class WakeView(ActView):
    """POST /api/v1/incidents/{id}/wake"""

    @describes("End a snooze", tag=TAG, answers=WholeIncidentSerializer)
    def post(self, request: Request, incident_id: int) -> Response:
        return Response(WholeIncidentSerializer(incident_wake(**self.who(incident_id))).data)


class RulesView(AggregatorView):
    """GET /api/v1/alert-rules"""

    @describes("List the rules of alerts", tag=TAG, answers=RuleSerializer(many=True))
    def get(self, request: Request) -> Response:
        asked(request, Query)
        found = rules.rules_of_organization(organization=organization_of(request))
        return Response(RuleSerializer(found, many=True).data)


class RuleView(AggregatorView):
    """PATCH, DELETE /api/v1/alert-rules/{kind}"""

    @describes(
        "Change a rule of alerts", tag=TAG, sends=RuleChangeSerializer, answers=RuleSerializer,
        example={"severity": "critical", "after_s": 600},
    )  # fmt: skip
    def patch(self, request: Request, kind: str) -> Response:
        changed = rules.rule_change(
            organization=organization_of(request), kind=kind, changes=sent(request, RuleChangeSerializer),
            actor=actor_of(request), now=clock.now(),
        )  # fmt: skip
        return Response(RuleSerializer(changed).data)

    @describes("Let the default rule hold again", tag=TAG, answers=RuleSerializer)
    def delete(self, request: Request, kind: str) -> Response:
        held = rules.rule_reset(
            organization=organization_of(request), kind=kind, actor=actor_of(request), now=clock.now()
        )
        return Response(RuleSerializer(held).data)
