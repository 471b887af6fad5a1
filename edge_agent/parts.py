"""What the agent is made of beside its cycle, as its configuration says."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge_agent.link.post import PostLink
from edge_agent.link.websocket import WebSocketLink
from edge_agent.local_api.server import LocalServer
from edge_agent.rm.tasks import let_end

if TYPE_CHECKING:
    from edge_agent.agent import Agent


class Part(Protocol):
    """What runs beside the cycle."""

    async def run(self) -> None:
        """Until cancelled."""


def link_of(agent: "Agent") -> WebSocketLink | PostLink | None:
    """The hub's way to the cloud; None for one that lives without."""
    if not agent.config.cloud_url:
        return None
    return WebSocketLink(agent) if agent.config.link.transport == "websocket" else PostLink(agent)


def local_server_of(agent: "Agent") -> LocalServer | None:
    """The house's own door to the hub, where it is configured."""
    config = agent.config
    if config.local_api is None:
        return None
    return LocalServer(config.local_api, agent, data_dir=Path(config.data_dir), emit=agent.emit)


def raise_in_loop(task: asyncio.Task[None]) -> None:
    """A link that dies of a bug must not die in silence."""
    if not task.cancelled() and task.exception() is not None:
        task.get_loop().call_exception_handler(
            {"message": f"{task.get_name()} failed", "exception": task.exception(), "task": task}
        )


async def end_parts(tasks: Collection[asyncio.Task[None]], *, within_s: float) -> None:
    """End them together; what one of them died of is raised here."""
    await let_end(tasks, within_s=within_s)
    for task in tasks:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            raise error
