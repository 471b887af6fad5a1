"""Making ourselves known to a VTN: the ven, and its resources."""

from typing import Any

from apps.common import clock
from apps.openadr.models import VenConnection3
from apps.openadr.offload import database
from apps.openadr.ven3 import connections
from apps.openadr.ven3.client import VtnClient, VtnError, id_of
from apps.programs.selectors import enrolled_site_ids, programs_of_organization
from apps.sites.selectors import sites_by_id
from vpp.protocols.openadr3.legacy import from_legacy, resources_path, to_legacy

PORTFOLIO = "portfolio"


async def ven_register(client: VtnClient, connection: VenConnection3) -> None:
    """See that the VTN knows our ven, and keep its id and targets.

    Raises
    ------
    VtnError
        With status 404 where the VTN has forgotten a ven that it knew: it is registered at the next try.
    """
    if connection.ven_id:
        try:
            ven = await client.get(f"vens/{connection.ven_id}")
        except VtnError as error:
            if error.status == 404:
                await database(connections.connection_registered, pk=connection.pk, ven_id="", targets=[])
                await database(connections.connection_resources_set, pk=connection.pk, resources={})
            raise
    else:
        ven = await _found_ven(client, connection) or await _new_ven(client, connection)
    held = _read(connection, ven, kind="VEN")
    ven_id, targets = id_of(held), _targets_of(held)
    await database(connections.connection_registered, pk=connection.pk, ven_id=ven_id, targets=targets)


async def resources_register(client: VtnClient, connection: VenConnection3) -> list[str]:
    """See that the VTN knows the resources we speak for, and none that we do not; return what it refused."""
    path = resources_path(connection.version, connection.ven_id)
    query = {"venID": connection.ven_id} if path == "resources" else {}
    shown = [_read(connection, one, kind="RESOURCE") for one in await client.pages(path, **query)]
    known = {str(one.get("resourceName")): one for one in shown}
    wanted = await database(_wanted_names, connection=connection)
    troubles: list[str] = []
    held: dict[str, Any] = {}
    for name in wanted:
        try:
            one = known.get(name) or await _new_resource(client, connection, path=path, name=name)
            held[name] = [id_of(one), _targets_of(one)]
        except VtnError as error:
            if not error.is_refusal:
                raise
            troubles.append(f"a resource was refused: {error}")
    for name in [name for name in connection.resources if name not in wanted and name in known]:
        # Only what we have registered ourselves; a utility may keep resources of its own making.
        await client.remove(f"{path}/{id_of(known[name])}")
    await database(connections.connection_resources_set, pk=connection.pk, resources=held)
    connection.resources = held
    return troubles


def _wanted_names(*, connection: VenConnection3) -> list[str]:
    if not connection.has_resource_per_home:
        return [PORTFOLIO]
    programs = (
        [connection.program]
        if connection.program is not None
        else programs_of_organization(organization=connection.organization)
    )
    site_ids = {
        site_id for program in programs for site_id in enrolled_site_ids(program=program, at=clock.now())
    }
    return sorted({site.name[:128] for site in sites_by_id(site_ids=sorted(site_ids)).values()})


async def _found_ven(client: VtnClient, connection: VenConnection3) -> Any:
    """Return our ven if the VTN has it already: made for us by business logic, or by us before we could note it."""
    shown = await client.pages("vens")
    named = [one for one in shown if one.get("venName") == connection.name]
    # A VTN of 3.1 shows a VEN its own; there is one of each credential, whatever it is called.
    alone = shown if connection.version == VenConnection3.Version.V310 and len(shown) == 1 else []
    return next(iter(named or alone), None)


async def _new_ven(client: VtnClient, connection: VenConnection3) -> Any:
    body = {"objectType": "VEN_VEN_REQUEST", "venName": connection.name}
    if connection.version == VenConnection3.Version.V301:
        body = to_legacy(body, kind="VEN")
    return await client.send("POST", "vens", body=body)


async def _new_resource(
    client: VtnClient, connection: VenConnection3, *, path: str, name: str
) -> dict[str, Any]:
    body = {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": name, "venID": connection.ven_id}
    if connection.version == VenConnection3.Version.V301:
        body = to_legacy(body, kind="RESOURCE")
    return _read(connection, await client.send("POST", path, body=body), kind="RESOURCE")


def _read(connection: VenConnection3, shown: Any, *, kind: Any) -> dict[str, Any]:
    if not isinstance(shown, dict):
        raise VtnError(f"the VTN shows a {kind.lower()} that is no object")
    return from_legacy(shown, kind=kind) if connection.version == VenConnection3.Version.V301 else shown


def _targets_of(shown: dict[str, Any]) -> list[str]:
    found = shown.get("targets") or []
    if not isinstance(found, list):
        raise VtnError("the VTN shows targets that are no list")
    return [str(target)[:128] for target in found]
