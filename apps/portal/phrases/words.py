"""Single words that are stored or told in English: states, kinds, parts of a statement, why something ended."""

from typing import Final

from django.utils.translation import gettext_noop as noop

PHRASES: Final = (
    # an order to a hub, an order on the market, an objection
    noop("queued"), noop("sent"), noop("acknowledged"), noop("applied"), noop("verified"), noop("rejected"), noop("expired"),
    noop("open"), noop("canceled"), noop("cleared"), noop("accepted"),
    # a contract
    noop("proposed"), noop("agreed"), noop("ended"),
    # a device
    noop("running"), noop("trouble"), noop("starting"), noop("missing"),
    # why a pairing code ended
    noop("the code ran out, or a newer one took its place"), noop("too many wrong codes were tried"),
    # what a device without a hub is
    noop("as it says itself"), noop("the meter at the grid connection"), noop("solar power"), noop("battery"),
    noop("car charger"), noop("heat pump or boiler"), noop("other appliance"),
    # parts of a statement
    noop("Energy given"), noop("For taking part"), noop("Capacity"), noop("Penalty"), noop("Up to the least a home gets"),
    noop("Up to the least the event pays"), noop("Rounding"),
    # why an order ended as it did
    noop("delivery began before it was cleared"), noop("the interval was cleared without it"), noop("the run was canceled"),
)  # fmt: skip
