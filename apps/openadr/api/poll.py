"""The door of VENs' polls: the short way for what is usual, the ordinary view for all else."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from apps.common import clock
from apps.common.redis import client as redis_client
from apps.openadr.api.budget import key_of, most_polls, this_minute
from apps.openadr.api.views import EventsView
from apps.openadr.polls import events_text, poll_of

_ordinary = EventsView.as_view()


@csrf_exempt
def events(request: HttpRequest) -> HttpResponseBase:
    """Answer GET of a VEN from one statement, everything else by `EventsView`."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    poll = (
        poll_of({name: str(text) for name, text in request.GET.items()})
        if request.method == "GET" and kind == "Bearer"
        else None
    )
    if poll is None:
        return _ordinary(request)
    found = events_text(token=token.strip(), poll=poll, machine_now=datetime.now(UTC), now=clock.now())
    if found is None or _is_too_often(found[0]):
        return _ordinary(request)
    return HttpResponse(found[1], content_type="application/json")


def _is_too_often(client_id: int) -> bool:
    """Count a client's polls of this minute; the ordinary view keeps the exact account and says when to return."""
    minute = this_minute()
    key = key_of(client_id, minute)
    with redis_client().pipeline(transaction=False) as pipeline:
        pipeline.incr(key)
        pipeline.expire(key, 120)
        count, _ = pipeline.execute()
    most = most_polls()
    return most is not None and int(count) > most
