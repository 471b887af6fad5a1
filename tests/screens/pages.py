"""Every page: a new one is one line here. The walk opens it, screenshots show it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Screen:
    """A page as one person sees it.

    `path` has places for the world's values (tests.screens.world), `ready` is what has to be there before it is
    looked at, `image` puts a picture into docs/images: size and scheme.
    """

    name: str
    who: str
    path: str
    ready: str = "main"
    image: tuple[str, str] | None = None


CURVE = ".quarters[data-drawn]"
SCREENS = [
    # Anybody
    Screen("sign-in", "nobody", "/account/login/"),
    # Homeowners' portal
    Screen("now", "owner", "/sites/{site}/", image=("phone", "dark")),
    Screen("energy-day", "owner", "/sites/{site}/energy/", CURVE),
    Screen("energy-week", "owner", "/sites/{site}/energy/?span=week", CURVE),
    Screen(
        "energy-month", "owner", "/sites/{site}/energy/?span=month&against=year", CURVE, ("desktop", "light")
    ),
    Screen("energy-year", "owner", "/sites/{site}/energy/?span=year", CURVE),
    Screen("energy-empty", "owner", "/sites/{site}/energy/?on=2001-01-01"),
    Screen("tariff", "owner", "/sites/{site}/energy/tariff/"),
    Screen("homes", "owner", "/sites/"),
    Screen("why", "owner", "/sites/{site}/why/"),
    Screen("events", "owner", "/sites/{site}/events/"),
    Screen("event", "owner", "/sites/{site}/events/{signal}/"),
    Screen("statement", "owner", "/sites/{site}/statements/{statement}/"),
    Screen("devices", "owner", "/sites/{site}/devices/"),
    Screen("device", "owner", "/sites/{site}/devices/one/{device}/"),
    Screen("routines", "owner", "/sites/{site}/devices/routines/"),
    Screen("insights", "owner", "/sites/{site}/insights/"),
    Screen("earnings", "owner", "/sites/{site}/earnings/"),
    Screen("privacy", "owner", "/sites/{site}/privacy/"),
    Screen("market", "owner", "/sites/{site}/market/"),
    Screen("hub-add", "owner", "/sites/{site}/hub/"),
    Screen("s2-devices", "owner", "/sites/{site}/s2/"),
    Screen("preferences", "owner", "/sites/{site}/preferences/"),
    Screen("people", "owner", "/sites/{site}/people/"),
    Screen("notifications", "owner", "/notifications/"),
    Screen("notification-settings", "owner", "/notifications/settings/"),
    Screen("apps", "owner", "/apps/"),
    Screen("account", "owner", "/account/"),
    Screen("protection", "owner", "/account/2fa/"),
    Screen("password", "owner", "/account/password/change/"),
    # Operators' console
    Screen("fleet", "operator", "/console/{organization}/", image=("desktop", "light")),
    Screen("console-events", "operator", "/console/{organization}/events/"),
    Screen(
        "console-event", "operator", "/console/{organization}/events/{signal}/", image=("desktop", "dark")
    ),
    Screen("decision", "operator", "/console/{organization}/events/{signal}/plans/1/"),
    Screen("capability", "operator", "/console/{organization}/flexibility/"),
    Screen("forecasts", "operator", "/console/{organization}/forecasts/"),
    Screen("baselines", "operator", "/console/{organization}/baselines/"),
    Screen("baseline", "operator", "/console/{organization}/baselines/{program}/"),
    Screen("payments", "operator", "/console/{organization}/payments/"),
    Screen("objections", "operator", "/console/{organization}/objections/"),
    Screen("markets", "operator", "/console/{organization}/markets/"),
    Screen("console-market", "operator", "/console/{organization}/markets/{market}/"),
    Screen("market-contracts", "operator", "/console/{organization}/markets/{market}/contracts/"),
    Screen("market-network", "operator", "/console/{organization}/markets/{market}/network/"),
    Screen("market-chain", "operator", "/console/{organization}/markets/{market}/chain/"),
    Screen("hubs", "operator", "/console/{organization}/hubs/"),
    Screen("updates", "operator", "/console/{organization}/updates/"),
    Screen("hub-checks", "operator", "/console/{organization}/hubs/{hub}/checks/"),
    Screen("sites", "operator", "/console/{organization}/sites/"),
    Screen("sites-search", "operator", "/console/{organization}/sites/?name=street&hub=online&battery=1"),
    Screen("imports", "operator", "/console/{organization}/imports/"),
    Screen("console-site", "operator", "/console/{organization}/sites/{site}/"),
    Screen("map", "operator", "/console/{organization}/map/"),
    Screen("areas", "operator", "/console/{organization}/areas/"),
    Screen("capacity", "operator", "/console/{organization}/capacity/"),
    Screen("programs", "operator", "/console/{organization}/programs/"),
    Screen("program", "operator", "/console/{organization}/programs/{program}/"),
    Screen("enrollment", "operator", "/console/{organization}/programs/{program}/enrollment/?name=street"),
    Screen("settlement", "operator", "/console/{organization}/settlement/"),
    Screen("run", "operator", "/console/{organization}/settlement/{run}/"),
    Screen("payouts", "operator", "/console/{organization}/payouts/"),
    Screen("members", "operator", "/console/{organization}/members/"),
    Screen("webhooks", "operator", "/console/{organization}/webhooks/"),
    Screen("webhook", "operator", "/console/{organization}/webhooks/{webhook}/"),
    Screen("audit", "operator", "/console/{organization}/audit/"),
    Screen("audit-search", "operator", "/console/{organization}/audit/?text=market&actor=test"),
    Screen("payment-rules", "operator", "/console/{organization}/payments/{program}/"),
    Screen("alerts", "operator", "/console/{organization}/alerts/"),
    Screen("alert", "operator", "/console/{organization}/alerts/{incident}/"),
    Screen("alert-rules", "operator", "/console/{organization}/alerts/rules/"),
    Screen("sharing", "operator", "/console/{organization}/sharing/"),
    # OpenADR
    Screen("composer", "operator", "/console/openadr/{organization}/composer/"),
    Screen("openadr-events", "operator", "/console/openadr/{organization}/events/"),
    Screen("openadr-programs", "operator", "/console/openadr/{organization}/programs/"),
    Screen("openadr-program", "operator", "/console/openadr/{organization}/programs/{program}/"),
    Screen("vens", "operator", "/console/openadr/{organization}/vens/"),
    Screen("credentials", "operator", "/console/openadr/{organization}/credentials/"),
    Screen("messages", "operator", "/console/openadr/{organization}/messages/"),
]
