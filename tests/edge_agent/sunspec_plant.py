"""A SunSpec unit on a real Modbus TCP server: sun, battery, limits, reversion timers and a clock the test turns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.edge_agent.sunspec_map import BASE, Registers

COMMON: dict[str, Any] = {"Mn": "Acme", "Md": "Home 8", "SN": "A-17", "Vr": "1.2.3", "DA": 1}
HEARTBEAT_S = 10.0


class Plant:
    """A hybrid inverter with 8 kW of panels and a battery of 10 kWh, charged and discharged at 5 kW."""

    peak_w, rate_w, capacity_wh = 8000.0, 5000.0, 10000.0

    def __init__(self) -> None:
        self.now, self.sun_w, self.soc = 0.0, 6000.0, 0.5
        self.mode = ""
        self.heard: list[int] = []
        self.written: list[tuple[int, list[int]]] = []
        self.registers = Registers()
        self.registers.add(1, **COMMON)
        self.build()
        self.registers.end()
        self.show()
        self.server: ModbusTcpServer | None = None
        self.held = asyncio.Event()

    def build(self) -> None:
        raise AssertionError("a plant has models")

    def show(self) -> None:
        """Put what is measured into the registers."""

    def after_write(self, address: int, count: int) -> None:
        """Start the timers of what was written."""

    def expire(self) -> None:
        """Let orders run out."""

    @property
    def pv_w(self) -> float:
        return self.sun_w

    @property
    def battery_w(self) -> float:
        """Charging is positive."""
        return 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass, a second at a time."""
        for _ in range(round(seconds)):
            self.now += 1.0
            self.expire()
            stored = self.battery_w / 3600.0 / self.capacity_wh
            self.soc = min(1.0, max(0.0, self.soc + stored))
        self.show()

    async def action(
        self, function: int, start: int, address: int, count: int, registers: list[int], values: Any
    ) -> ExcCodes | None:
        """Answer a request as pymodbus's simulator asks for it; `registers` are the server's."""
        self.heard.append(function)
        if self.mode == "refuses" or (self.mode == "refuses writes" and values):
            return ExcCodes.DEVICE_FAILURE
        if self.mode in {"silent", "slow"}:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.held.wait(), 20 if self.mode == "silent" else 0.1)
        if values and self.mode == "gone":
            self.cut()
        elif values and self.mode != "stuck":
            self.take(address, list(values))
        registers[:] = self.registers.values
        if values and self.mode == "stuck":
            values[:] = self.registers.values[address - BASE : address - BASE + count]
        return None

    def take(self, address: int, values: list[int]) -> None:
        self.written.append((address, values))
        offset = address - BASE
        self.registers.values[offset : offset + len(values)] = values
        self.after_write(address, len(values))
        self.show()

    def cut(self) -> None:
        """Drop every connection, as a device does that loses its power."""
        assert self.server is not None
        for connection in list(self.server.active_connections.values()):
            connection.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        listener: Any = self.server and self.server.transport
        found: int = listener.sockets[0].getsockname()[1]
        return found

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve on a free port."""
        values: list[Any] = list(self.registers.values)
        data = SimData(address=BASE, values=values, datatype=DataType.REGISTERS)
        device = SimDevice(id=1, simdata=[data], action=self.action)
        self.server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await self.server.listen()
        try:
            yield self.port
        finally:
            self.held.set()
            await self.server.shutdown()  # type: ignore[no-untyped-call]


class DerPlant(Plant):
    """Models 701, 702, 703, 704, 713 and 802; panels on the inverter's own input are not told apart."""

    def build(self) -> None:
        self.limit_until = self.set_until = self.beaten_at = 0.0
        more: dict[str, Any] = {"W_SF": 0, "Hz_SF": -2, "V_SF": -1, "TotWh_SF": 0, "Tmp_SF": 0}
        self.registers.add(
            701, St=1, InvSt=3, ConnSt=1, Alrm=0, W=0, LNV=2301, Hz=5001, TotWhInj=12_345_000, TotWhAbs=678_000, TmpCab=41, **more
        )  # fmt: skip
        self.registers.add(
            702, WMaxRtg=800, WMax=800, WChaRteMax=500, WDisChaRteMax=500, WChaRteMaxRtg=500, WDisChaRteMaxRtg=500, W_SF=1
        )  # fmt: skip
        self.registers.add(703, ES=1)
        self.registers.add(
            704, WMaxLimPctEna=0, WMaxLimPct=1000, WMaxLimPctRvrt=1000, WMaxLimPctEnaRvrt=0, WMaxLimPctRvrtTms=0,
            WSetEna=0, WSetMod=1, WSet=0, WSetRvrt=0, WSetEnaRvrt=0, WSetRvrtTms=0, WMaxLimPct_SF=-1, WSet_SF=0,
        )  # fmt: skip
        self.registers.add(713, WHRtg=1000, WHAvail=500, SoC=500, SoH=990, Sta=0, WH_SF=1, Pct_SF=-1)
        self.registers.add(802, Hb=1, CtrlHb=0, LocRemCtl=0, State=3, Evt1=0, SetOp=1, SoC=50, SoC_SF=0)

    def show(self) -> None:
        registers = self.registers
        registers[701, "W"] = round(self.pv_w - self.battery_w)
        registers[713, "SoC"] = round(self.soc * 1000)
        registers[802, "SoC"] = round(self.soc * 100)
        registers[802, "Hb"] = int(self.now) % 0xFFFF
        registers[802, "State"] = 4 if self.is_abandoned else 3

    @property
    def is_abandoned(self) -> bool:
        return self.now - self.beaten_at > HEARTBEAT_S

    @property
    def pv_w(self) -> float:
        if not self.registers[704, "WMaxLimPctEna"]:
            return self.sun_w
        return min(self.sun_w, self.registers[704, "WMaxLimPct"] / 1000 * self.peak_w)

    @property
    def battery_w(self) -> float:
        if not self.registers[704, "WSetEna"] or self.is_abandoned:
            return 0.0
        wished = -float(self.registers[704, "WSet"])
        return max(-self.rate_w, min(self.rate_w, wished))

    def after_write(self, address: int, count: int) -> None:
        if self.registers.was_written((704, "WMaxLimPctEna"), address, count=count):
            self.limit_until = self.now + self.registers[704, "WMaxLimPctRvrtTms"]
        if self.registers.was_written((704, "WSetEna"), address, count=count):
            self.set_until = self.now + self.registers[704, "WSetRvrtTms"]
        if self.registers.was_written((802, "CtrlHb"), address, count=count):
            self.beaten_at = self.now

    def expire(self) -> None:
        registers = self.registers
        if registers[704, "WMaxLimPctEna"] and self.now >= self.limit_until:
            registers[704, "WMaxLimPct"] = registers[704, "WMaxLimPctRvrt"]
            registers[704, "WMaxLimPctEna"] = registers[704, "WMaxLimPctEnaRvrt"]
        if registers[704, "WSetEna"] and self.now >= self.set_until:
            registers[704, "WSet"] = registers[704, "WSetRvrt"]
            registers[704, "WSetEna"] = registers[704, "WSetEnaRvrt"]


class OldPlant(Plant):
    """Models 103 (or 101, 102), 120 to 124 and 160, with panels and battery told apart on the DC side."""

    inverter = 103

    def build(self) -> None:
        self.limit_until = self.rates_until = 0.0
        self.registers.add(
            self.inverter, W=0, W_SF=0, Hz=4998, Hz_SF=-2, PhVphA=2310, V_SF=-1, WH=9_000_000, WH_SF=0,
            TmpCab=380, Tmp_SF=-1, St=4, Evt1=0
        )  # fmt: skip
        scales: dict[str, Any] = {"WRtg_SF": 0, "WHRtg_SF": 0, "MaxChaRte_SF": 0, "MaxDisChaRte_SF": 0}
        self.registers.add(
            120, DERTyp=82, WRtg=8000, WHRtg=10000, MaxChaRte=5000, MaxDisChaRte=5000, **scales
        )
        self.registers.add(121, WMax=8000, WMax_SF=0)
        self.registers.add(122, PVConn=7, StorConn=7, ECPConn=1)
        self.registers.add(
            123, Conn=1, WMaxLimPct=10000, WMaxLimPct_RvrtTms=0, WMaxLim_Ena=0, WMaxLimPct_SF=-2
        )
        self.registers.add(
            124, WChaMax=5000, WChaMax_SF=0, StorCtl_Mod=0, ChaState=5000, ChaState_SF=-2, OutWRte=10000, InWRte=10000,
            InOutWRte_RvrtTms=0, ChaGriSet=0, InOutWRte_SF=-2, MinRsvPct=500, MinRsvPct_SF=-2,
        )  # fmt: skip
        modules = [
            {"ID": 1, "IDStr": "MPPT 1", "DCW": 0}, {"ID": 2, "IDStr": "MPPT 2", "DCW": 0},
            {"ID": 3, "IDStr": "StCha 3", "DCW": 0}, {"ID": 4, "IDStr": "StDisCha 4", "DCW": 0},
        ]  # fmt: skip
        self.registers.add(160, modules=modules, DCW_SF=0)

    def show(self) -> None:
        registers = self.registers
        registers[self.inverter, "W"] = round(self.pv_w - self.battery_w)
        registers[124, "ChaState"] = round(self.soc * 10000)
        registers[160, "0.DCW"] = registers[160, "1.DCW"] = round(self.pv_w / 2)
        registers[160, "2.DCW"] = round(max(0.0, self.battery_w))
        registers[160, "3.DCW"] = round(max(0.0, -self.battery_w))

    @property
    def pv_w(self) -> float:
        if not self.registers[123, "WMaxLim_Ena"]:
            return self.sun_w
        return min(self.sun_w, self.registers[123, "WMaxLimPct"] / 10000 * self.peak_w)

    @property
    def battery_w(self) -> float:
        if self.registers[124, "StorCtl_Mod"] != 3:
            return 0.0
        most = self.registers[124, "InWRte"] / 10000 * self.rate_w
        least = -self.registers[124, "OutWRte"] / 10000 * self.rate_w
        return max(least, min(most, 0.0))

    def after_write(self, address: int, count: int) -> None:
        if self.registers.was_written((123, "WMaxLim_Ena"), address, count=count):
            self.limit_until = self.now + self.registers[123, "WMaxLimPct_RvrtTms"]
        if self.registers.was_written((124, "StorCtl_Mod"), address, count=count):
            self.rates_until = self.now + self.registers[124, "InOutWRte_RvrtTms"]

    def expire(self) -> None:
        if self.registers[123, "WMaxLim_Ena"] and self.now >= self.limit_until:
            self.registers[123, "WMaxLim_Ena"] = 0
        if self.registers[124, "StorCtl_Mod"] and self.now >= self.rates_until:
            self.registers[124, "StorCtl_Mod"] = 0


class MeterPlant(Plant):
    """Model 203 (or 201, 202, 204) at the grid connection point."""

    meter = 203

    def build(self) -> None:
        self.registers.add(
            self.meter, W=-1234, W_SF=0, Hz=5002, Hz_SF=-2, PhV=2298, V_SF=-1,
            TotWhImp=4_500_000, TotWhExp=1_500_000, TotWh_SF=0, Evt=0
        )  # fmt: skip
