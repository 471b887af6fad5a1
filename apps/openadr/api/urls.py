from django.urls import path

from apps.accounts.api.token import TokenView
from apps.openadr.api import notifiers, poll, token, views
from apps.openadr.api.base import ItemView

urlpatterns = [
    path("auth/server", token.AuthServerView.as_view(), name="openadr-auth-server"),
    path("auth/token", TokenView.as_view(), name="openadr-token"),
    path("programs", views.ProgramsView.as_view(), name="openadr-programs"),
    path("programs/<str:object_id>", ItemView.as_view(of=views.PROGRAMS), name="openadr-program"),
    path("events", poll.events, name="openadr-events"),
    path("events/<str:object_id>", ItemView.as_view(of=views.EVENTS), name="openadr-event"),
    path("reports", views.ReportsView.as_view(), name="openadr-reports"),
    path("reports/<str:object_id>", ItemView.as_view(of=views.REPORTS), name="openadr-report"),
    path("subscriptions", views.SubscriptionsView.as_view(), name="openadr-subscriptions"),
    path(
        "subscriptions/<str:object_id>", ItemView.as_view(of=views.SUBSCRIPTIONS), name="openadr-subscription"
    ),
    path("notifiers", notifiers.NotifiersView.as_view(), name="openadr-notifiers"),
    *(
        path(
            f"notifiers/mqtt/topics/{kind}",
            notifiers.TopicsView.as_view(path=kind),
            name=f"openadr-topics-{kind}",
        )
        for kind in ("programs", "events", "reports", "subscriptions", "vens", "resources")
    ),
    path(
        "notifiers/mqtt/topics/programs/<str:object_id>",
        notifiers.ProgramTopicsView.as_view(),
        name="openadr-topics-program",
    ),
    path(
        "notifiers/mqtt/topics/programs/<str:object_id>/events",
        notifiers.ProgramTopicsView.as_view(path="events"),
        name="openadr-topics-program-events",
    ),
    path(
        "notifiers/mqtt/topics/vens/<str:object_id>",
        notifiers.VenTopicsView.as_view(),
        name="openadr-topics-ven",
    ),
    *(
        path(
            f"notifiers/mqtt/topics/vens/<str:object_id>/{kind}",
            notifiers.VenTopicsView.as_view(path=kind),
            name=f"openadr-topics-ven-{kind}",
        )
        for kind in ("events", "programs", "resources")
    ),
    path("vens", views.VensView.as_view(), name="openadr-vens"),
    path("vens/<str:object_id>", ItemView.as_view(of=views.VENS), name="openadr-ven"),
    path("resources", views.ResourcesView.as_view(), name="openadr-resources"),
    path("resources/<str:object_id>", ItemView.as_view(of=views.RESOURCES), name="openadr-resource"),
]
