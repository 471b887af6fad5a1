// A virtual home of matter.js with a battery (endpoint 1) and a charger (endpoint 2); run by record.sh.

import "@matter/nodejs";
import { Endpoint, ServerNode } from "@matter/main";
import { BatteryStorageDevice } from "@matter/main/devices/battery-storage";
import { EnergyEvseDevice } from "@matter/main/devices/energy-evse";
import { DeviceEnergyManagementServer } from "@matter/main/behaviors/device-energy-management";
import { ElectricalPowerMeasurementServer } from "@matter/main/behaviors/electrical-power-measurement";
import { ElectricalEnergyMeasurementServer } from "@matter/main/behaviors/electrical-energy-measurement";
import { PowerTopologyServer } from "@matter/main/behaviors/power-topology";
import { EnergyEvseServer } from "@matter/main/behaviors/energy-evse";
import { EnergyEvseModeServer } from "@matter/main/behaviors/energy-evse-mode";
import { StatusCode, StatusResponseError } from "@matter/main/types";
import { EnergyEvseMode } from "@matter/main/clusters/energy-evse-mode";


class Management extends DeviceEnergyManagementServer.with("PowerAdjustment") {
    async powerAdjustRequest({ power }) {
        // It takes less than it says: a battery that is almost full.
        if (power > 4_000_000) throw new StatusResponseError("almost full", StatusCode.ConstraintError);
        this.state.esaState = 3;
        const can = this.state.powerAdjustmentCapability;
        this.state.powerAdjustmentCapability = { powerAdjustCapability: can.powerAdjustCapability, cause: 2 };
        this.endpoint.setStateOf(Power, { activePower: power }).catch(console.error);
        this.events.powerAdjustStart?.emit(undefined, this.context);
    }
    async cancelPowerAdjustRequest() {
        if (this.state.esaState !== 3) throw new StatusResponseError("not adjusted", StatusCode.InvalidInState);
        this.state.esaState = 1;
        const can = this.state.powerAdjustmentCapability;
        this.state.powerAdjustmentCapability = { powerAdjustCapability: can.powerAdjustCapability, cause: 0 };
        this.endpoint.setStateOf(Power, { activePower: 0 }).catch(console.error);
        this.events.powerAdjustEnd?.emit({ cause: 4, duration: 1, energyUse: 0 }, this.context);
    }
}
const Power = ElectricalPowerMeasurementServer.with("AlternatingCurrent");
const Energy = ElectricalEnergyMeasurementServer.with("ImportedEnergy", "ExportedEnergy", "CumulativeEnergy");
const Imported = ElectricalEnergyMeasurementServer.with("ImportedEnergy", "CumulativeEnergy");
const Topology = PowerTopologyServer.with("NodeTopology");

class Evse extends EnergyEvseServer.with("ChargingPreferences", "SoCReporting") {
    async enableCharging({ chargingEnabledUntil, minimumChargeCurrent, maximumChargeCurrent }) {
        this.state.supplyState = 1;
        this.state.state = 3;
        this.state.chargingEnabledUntil = chargingEnabledUntil;
        this.state.minimumChargeCurrent = minimumChargeCurrent;
        this.state.maximumChargeCurrent = Math.min(Number(maximumChargeCurrent), 16000);
        this.endpoint.setStateOf(Power, { activePower: Number(maximumChargeCurrent) * 230 }).catch(console.error);
    }
    async disable() {
        this.state.supplyState = 0;
        this.state.state = 2;
        this.endpoint.setStateOf(Power, { activePower: 0 }).catch(console.error);
    }
    async startDiagnostics() {}
    async setTargets() {}
    async getTargets() { return { chargingTargetSchedules: [] }; }
    async clearTargets() {}
}

const accuracy = (measurementType, max) => ({
    measurementType, measured: true, minMeasuredValue: -max, maxMeasuredValue: max,
    accuracyRanges: [{ rangeMin: -max, rangeMax: max, fixedMax: 1000 }],
});
const power = (activePower) => ({
    powerMode: 2, numberOfMeasurementTypes: 3, activePower, voltage: 230500, frequency: 50000,
    accuracy: [accuracy(5, 50_000_000), accuracy(1, 500_000), accuracy(11, 60_000)],
});

const node = await ServerNode.create({
    id: "virtual-home",
    network: { port: 5540 },
    commissioning: { passcode: 20202021, discriminator: 3840 },
    productDescription: { name: "Virtual home", deviceType: BatteryStorageDevice.deviceType },
    basicInformation: {
        vendorName: "Acme", vendorId: 0xfff1, nodeLabel: "home", productName: "Virtual home",
        productLabel: "Virtual home", productId: 0x8000, serialNumber: "VH-1", uniqueId: "vh-1",
        softwareVersion: 1, softwareVersionString: "1.0",
    },
});
await node.add(new Endpoint(BatteryStorageDevice.with(Management, Power, Energy, Topology), {
    id: "battery",
    deviceEnergyManagement: {
        esaType: 5, esaCanGenerate: true, esaState: 1, absMinPower: -5_000_000, absMaxPower: 5_000_000,
        powerAdjustmentCapability: {
            powerAdjustCapability: [{ minPower: -5_000_000, maxPower: 5_000_000, minDuration: 10, maxDuration: 3600 }],
            cause: 0,
        },
        optOutState: 0,
    },
    electricalPowerMeasurement: power(0),
    electricalEnergyMeasurement: {
        accuracy: accuracy(14, 10_000_000_000_000),
        cumulativeEnergyImported: { energy: 1_250_000_000 }, cumulativeEnergyExported: { energy: 900_000_000 },
    },
}));
await node.add(new Endpoint(EnergyEvseDevice.with(
    Evse, EnergyEvseModeServer, Power, Imported, Topology,
), {
    id: "charger",
    energyEvse: {
        state: 3, supplyState: 1, faultState: 0, chargingEnabledUntil: null, circuitCapacity: 16000,
        minimumChargeCurrent: 6000, maximumChargeCurrent: 16000, sessionId: 1, sessionDuration: 0,
        sessionEnergyCharged: 0, nextChargeStartTime: null, nextChargeTargetTime: null,
        nextChargeRequiredEnergy: null, nextChargeTargetSoC: null, stateOfCharge: 42, batteryCapacity: 60_000_000,
    },
    energyEvseMode: {
        supportedModes: [
            { label: "Manual", mode: 0, modeTags: [{ value: EnergyEvseMode.ModeTag.Manual }] },
            { label: "Scheduled", mode: 1, modeTags: [{ value: EnergyEvseMode.ModeTag.TimeOfUse }] },
        ], currentMode: 0,
    },
    electricalPowerMeasurement: power(3_680_000),
    electricalEnergyMeasurement: {
        accuracy: accuracy(14, 10_000_000_000_000), cumulativeEnergyImported: { energy: 60_000_000 },
    },
}));
await node.start();
