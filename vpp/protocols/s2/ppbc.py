"""Power profile based control: the programs a resource wants to run, and how far they are."""

from datetime import datetime, timedelta

from s2python.generated.gen_s2 import PPBCPowerSequenceStatus
from s2python.ppbc import PPBCPowerProfileDefinition, PPBCPowerSequence, PPBCPowerSequenceContainer

from vpp.protocols.s2.messages import ContainerStatus, Message, ProfileStatus, key_of, kind_of
from vpp.protocols.s2.modes import S2ContentError
from vpp.protocols.s2.times import seconds

_MOST = 16


class PowerProfiles:
    """Profiles by id, and the status of their sequences."""

    def __init__(self) -> None:
        self.profiles: dict[str, PPBCPowerProfileDefinition] = {}
        self._status: dict[tuple[str, str], ContainerStatus] = {}

    def take(self, message: Message) -> None:
        """Take up a message of this control type; S2ContentError where it makes no sense."""
        if isinstance(message, PPBCPowerProfileDefinition):
            self._define(message)
        elif isinstance(message, ProfileStatus):
            self._note(message)
        else:
            raise S2ContentError(f"{kind_of(message)} is no message of a resource under PPBC")

    def _define(self, profile: PPBCPowerProfileDefinition) -> None:
        if profile.end_time < profile.start_time:
            raise S2ContentError("the profile ends before it starts")
        if any(not container.power_sequences for container in profile.power_sequences_containers):
            raise S2ContentError("a container has no power sequence")
        key = key_of(profile.id)
        self._status = {place: status for place, status in self._status.items() if place[0] != key}
        self.profiles.pop(key, None)
        self.profiles[key] = profile
        while len(self.profiles) > _MOST:
            self.revoke("PPBC.PowerProfileDefinition", next(iter(self.profiles)))

    def _note(self, message: ProfileStatus) -> None:
        for status in message.sequence_container_status:
            container = self.container(key_of(status.power_profile_id), key_of(status.sequence_container_id))
            if container is None:
                raise S2ContentError(f"there is no container {key_of(status.sequence_container_id)}")
            chosen = status.selected_sequence_id
            if chosen is not None and sequence_of(container, key_of(chosen)) is None:
                raise S2ContentError(f"there is no power sequence {key_of(chosen)}")
        for status in message.sequence_container_status:
            self._status[key_of(status.power_profile_id), key_of(status.sequence_container_id)] = status

    def container(self, profile: str, container: str) -> PPBCPowerSequenceContainer | None:
        """A container by its profile's and its own id."""
        found = self.profiles.get(profile)
        containers = found.power_sequences_containers if found else []
        return next((one for one in containers if key_of(one.id) == container), None)

    def status(self, profile: str, container: str) -> ContainerStatus | None:
        """How far a container's sequence is; None before anything was said."""
        return self._status.get((profile, container))

    def state(self, profile: str, container: str) -> PPBCPowerSequenceStatus:
        """The same in one word."""
        status = self.status(profile, container)
        return status.status if status else PPBCPowerSequenceStatus.NOT_SCHEDULED

    def revoke(self, kind: str, key: str) -> bool:
        """Forget an object; whether it was there."""
        if kind != "PPBC.PowerProfileDefinition" or key not in self.profiles:
            return False
        del self.profiles[key]
        self._status = {place: status for place, status in self._status.items() if place[0] != key}
        return True


def sequence_of(container: PPBCPowerSequenceContainer, key: str) -> PPBCPowerSequence | None:
    """A power sequence by its id."""
    return next((one for one in container.power_sequences if key_of(one.id) == key), None)


def length_s(sequence: PPBCPowerSequence) -> float:
    """How long a sequence runs without interruption [s]."""
    return sum(seconds(element.duration) for element in sequence.elements)


def latest_start(profile: PPBCPowerProfileDefinition, sequences: list[PPBCPowerSequence]) -> datetime:
    """The last instant to begin these sequences one after another, so as to end in time."""
    return profile.end_time - timedelta(seconds=sum(length_s(sequence) for sequence in sequences))
