"""What the agent tells the fetching process, and what that answers."""

import msgspec


class Order(msgspec.Struct):
    """What to fetch, from where, for whom."""

    folder: str
    cloud_url: str
    token: str
    hub_id: str
    version: str
    running: str
    root_file: str
    hardware: str = "generic"
    test_hub: bool = False
    timeout_s: float = 20.0


class Result(msgspec.Struct):
    """`problem` is empty when the version lies in its slot, or was refused for good, which the state tells."""

    problem: str = ""
