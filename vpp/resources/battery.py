"""A battery with losses in both directions and a reserve the owner keeps."""

from dataclasses import dataclass

from vpp.resources.bounds import require_between


@dataclass(frozen=True, slots=True)
class Battery:
    """Capacity [kWh], greatest AC powers [kW], one-way efficiencies [1] and the reserve [SoC, 0-1]."""

    capacity_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    reserve_soc: float = 0.1

    def __post_init__(self) -> None:
        require_between("capacity_kwh", self.capacity_kwh, low=0.0, low_included=False)
        require_between("charge_kw", self.charge_kw, low=0.0)
        require_between("discharge_kw", self.discharge_kw, low=0.0)
        require_between("charge_efficiency", self.charge_efficiency, low=0.0, high=1.0, low_included=False)
        require_between(
            "discharge_efficiency", self.discharge_efficiency, low=0.0, high=1.0, low_included=False
        )
        require_between("reserve_soc", self.reserve_soc, low=0.0, high=1.0)

    def deliverable_kwh(self, soc: float) -> float:
        """Energy [kWh] it can give to the house from `soc` [0-1] down to the reserve, after losses."""
        require_between("soc", soc, low=0.0, high=1.0)
        return max(0.0, soc - self.reserve_soc) * self.capacity_kwh * self.discharge_efficiency

    def absorbable_kwh(self, soc: float) -> float:
        """Energy [kWh] it can take from the house until it is full, before losses."""
        require_between("soc", soc, low=0.0, high=1.0)
        return (1.0 - soc) * self.capacity_kwh / self.charge_efficiency
