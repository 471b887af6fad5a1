"""Who works for an aggregator's organization: invite, give another role, remove."""

from typing import Any, Final

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import selectors
from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.accounts.members import member_invite, member_remove, member_set_role
from apps.accounts.models import Membership
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.etags import check_if_match, tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent

TAG: Final = "organization"


class MemberSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.first_name", allow_blank=True)
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class InviteSerializer(Strict):
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class MemberChangeSerializer(Strict):
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class MembersView(AggregatorView):
    """GET, POST /api/v1/members"""

    @describes("List who works for the organization", tag=TAG, answers=MemberSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = selectors.members_of_organization(organization=organization_of(request))
        return paged(request, found, order=("pk",), shown=MemberSerializer)

    @describes(
        "Invite somebody", tag=TAG, sends=InviteSerializer, answers=MemberSerializer, status=201,
        example={"email": "ada@aggregator.example", "role": "viewer"},
        description="By e-mail; who has no account yet sets a password by its link.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said = sent(request, InviteSerializer)
        made = member_invite(
            organization=organization_of(request), actor=actor_of(request), now=clock.now(), **said
        )
        return Response(MemberSerializer(made).data, status=201)


class MemberView(AggregatorView):
    """GET, PATCH, DELETE /api/v1/members/{id}"""

    @describes("Show a member", tag=TAG, answers=MemberSerializer)
    def get(self, request: Request, membership_id: int) -> Response:
        asked(request, Query)
        return tagged(request, MemberSerializer(_member(request, membership_id)).data)

    @describes(
        "Give a member another role", tag=TAG, sends=MemberChangeSerializer, answers=MemberSerializer,
        example={"role": "operator"}, description="The last operator stays one.", tagged=True,
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, membership_id: int) -> Response:
        said, member = sent(request, MemberChangeSerializer), _member(request, membership_id, locked=True)
        check_if_match(request, MemberSerializer(member).data)
        member_set_role(membership=member, role=said["role"], actor=actor_of(request), now=clock.now())
        return tagged(request, MemberSerializer(_member(request, membership_id)).data)

    @describes("Remove a member", tag=TAG, status=204, description="The last operator stays.")
    def delete(self, request: Request, membership_id: int) -> Response:
        member = _member(request, membership_id)
        member_remove(membership=member, actor=actor_of(request), now=clock.now())
        return Response(status=204)


def _member(request: Request, membership_id: int, *, locked: bool = False) -> Membership:
    rows = selectors.members_of_organization(organization=organization_of(request))
    held = rows.select_for_update(of=("self",)) if locked else rows
    found: Membership | None = held.filter(pk=membership_id).first()
    if found is None:
        raise NotFoundError("no such member")
    return found
