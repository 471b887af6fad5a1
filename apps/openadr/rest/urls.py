"""The aggregators' REST API of what stands at the other end of the OpenADR wires, under /api/v1."""

from django.urls import path

from apps.openadr.rest import connections, events, messages, vens

VEN = "openadr-vens/<str:ven_object_id>"
EVENT = "openadr-events/<str:event_object_id>"
CONNECTION = "openadr-connections/<int:vtn_connection_id>"
CONNECTION_2B = "openadr2b-connections/<int:vtn_connection_2b_id>"
urlpatterns = [
    path("openadr-vens", vens.VensView.as_view(), name="api-vens"),
    path(VEN, vens.VenView.as_view(), name="api-ven"),
    path(f"{VEN}/seen", vens.VenSeenView.as_view(), name="api-ven-seen"),
    path("openadr2b-vens", vens.Vens2bView.as_view(), name="api-vens-2b"),
    path("openadr2b-vens/<int:ven_id>", vens.Ven2bView.as_view(), name="api-ven-2b"),
    path("openadr-connections", connections.ConnectionsView.as_view(), name="api-connections"),
    path(CONNECTION, connections.ConnectionView.as_view(), name="api-connection"),
    path(f"{CONNECTION}/try", connections.ConnectionTryView.as_view(), name="api-connection-try"),
    path("openadr2b-connections", connections.Connections2bView.as_view(), name="api-connections-2b"),
    path(CONNECTION_2B, connections.Connection2bView.as_view(), name="api-connection-2b"),
    path(f"{CONNECTION_2B}/try", connections.Connection2bTryView.as_view(), name="api-connection-2b-try"),
    path("openadr-events", events.EventsView.as_view(), name="api-openadr-events"),
    path(EVENT, events.EventView.as_view(), name="api-openadr-event"),
    path(f"{EVENT}/cancel", events.EventCancelView.as_view(), name="api-openadr-event-cancel"),
    path("openadr-messages", messages.MessagesView.as_view(), name="api-openadr-messages"),
    path("openadr-messages/<int:message_id>", messages.MessageView.as_view(), name="api-openadr-message"),
]
