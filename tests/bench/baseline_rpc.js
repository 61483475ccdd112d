// The same MeterValues as baseline.py, sent by the npm package ocpp-rpc in strict mode.
'use strict';
const [, , rpcPackage, endpoint, identity, count] = process.argv;
const { RPCClient } = require(rpcPackage);

const sample = (measurand, unit, value, phase) => ({
    value, context: 'Sample.Periodic', measurand, location: 'Outlet', unitOfMeasure: { unit }, ...(phase && { phase }),
});
const lines = ['L1', 'L2', 'L3'];
const samples = () => [
    ...lines.map((phase) => sample('Current.Import', 'A', 16.0, phase)),
    sample('Energy.Active.Import.Register', 'Wh', 1234572.8),
    sample('Power.Active.Import', 'W', 10963.2),
    ...lines.map((phase) => sample('Voltage', 'V', 228.4, phase + '-N')),
];

(async () => {
    const client = new RPCClient({ endpoint, identity, protocols: ['ocpp2.0.1'], strictMode: true });
    await client.connect();
    const chargingStation = { model: 'Simulated', vendorName: 'ocpp-rpc' };
    await client.call('BootNotification', { chargingStation, reason: 'PowerUp' });
    for (let sent = 0; sent < Number(count); sent++) {
        const meterValue = [{ timestamp: new Date().toISOString(), sampledValue: samples() }];
        await client.call('MeterValues', { evseId: 1, meterValue });
    }
})();
