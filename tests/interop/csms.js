// The independent CSMS of the interoperability tests: the npm package ocpp-rpc in strict mode, steered over stdin/stdout.
//
// One JSON text a line. In:  {id, op: "call"|"raw"|"close"|"policy", ...}   Out: {reply: id, ...} or {event, ...}
'use strict';
const readline = require('readline');
const { RPCServer, createRPCError, createValidator } = require('ocpp-rpc');

// ocpp-rpc names its 2.1 schemas urn:XRequest and urn:XResponse, but looks them up as urn:X.req and urn:X.conf.
const schemas21 = require('ocpp-rpc/lib/schemas/ocpp2_1.json').map((schema) => ({
    ...schema,
    $id: schema.$id.replace(/Request$/, '.req').replace(/Response$/, '.conf'),
}));

const protocols = process.argv[2].split(',');
const password = process.argv[3] || null;
const clients = new Map();
const policy = { registration: 'Accepted', interval: 300, tokens: {}, fail: [], mute: [] };
let nextTransaction = 1000;

const say = (message) => process.stdout.write(JSON.stringify(message) + '\n');
const verdict = (token) => policy.tokens[token] || 'Accepted';
const now = () => new Date().toISOString();

const common = {
    BootNotification: () => ({ status: policy.registration, currentTime: now(), interval: policy.interval }),
    Heartbeat: () => ({ currentTime: now() }),
    StatusNotification: () => ({}),
    MeterValues: () => ({}),
    DataTransfer: () => ({ status: 'UnknownVendorId' }),
    FirmwareStatusNotification: () => ({}),
    SecurityEventNotification: () => ({}),
};
const v16 = {
    ...common,
    Authorize: (p) => ({ idTagInfo: { status: verdict(p.idTag) } }),
    StartTransaction: (p) => ({ transactionId: nextTransaction++, idTagInfo: { status: verdict(p.idTag) } }),
    StopTransaction: () => ({}),
    DiagnosticsStatusNotification: () => ({}),
};
const v2 = {
    ...common,
    Authorize: (p) => ({ idTokenInfo: { status: verdict(p.idToken.idToken) } }),
    TransactionEvent: (p) => (p.idToken ? { idTokenInfo: { status: verdict(p.idToken.idToken) } } : {}),
    NotifyReport: () => ({}),
    NotifyEvent: () => ({}),
    LogStatusNotification: () => ({}),
};

const server = new RPCServer({
    protocols,
    strictMode: true,
    strictModeValidators: [createValidator('ocpp2.1', schemas21)],
    callTimeoutMs: 20000,
    pingIntervalMs: 5000,
});

server.auth((accept, reject, handshake) => {
    if (password && (!handshake.password || handshake.password.toString() !== password)) {
        say({ event: 'refused', identity: handshake.identity });
        reject(401, 'wrong or missing credentials');
        return;
    }
    accept();
});

server.on('client', (client) => {
    clients.set(client.identity, client);
    say({ event: 'connected', identity: client.identity, protocol: client.protocol });
    const answers = client.protocol === 'ocpp1.6' ? v16 : v2;
    client.handle(({ method, params, messageId }) => {
        const answer = answers[method];
        let result = null;
        let error = null;
        if (policy.fail.includes(method)) error = 'InternalError';
        else if (!answer) error = 'NotImplemented';
        else result = answer(params);
        say({ event: 'call', identity: client.identity, method, params, messageId, result, error });
        if (policy.mute.includes(method)) return new Promise(() => {});
        if (error) throw createRPCError(error, 'made to fail');
        return result;
    });
    client.on('message', ({ message, outbound }) => {
        if (!outbound) say({ event: 'frame', identity: client.identity, text: message.toString() });
    });
    client.on('strictValidationFailure', ({ error, method, isCall, outbound, params }) => {
        say({ event: 'violation', method, isCall, outbound, text: error.message, params });
    });
    client.on('badMessage', ({ error, buffer }) => {
        say({ event: 'bad', text: error ? error.message : '', frame: buffer ? buffer.toString() : '' });
    });
    client.on('close', () => {
        if (clients.get(client.identity) === client) clients.delete(client.identity);
        say({ event: 'closed', identity: client.identity });
    });
});

const operations = {
    call: async ({ identity, method, params }) => {
        try {
            return { result: await clients.get(identity).call(method, params) };
        } catch (error) {
            return { error: { code: error.rpcErrorCode || error.constructor.name, message: error.message } };
        }
    },
    raw: async ({ identity, text }) => {
        clients.get(identity).sendRaw(text);
        return {};
    },
    close: async ({ identity }) => {
        clients.get(identity).close({ code: 1001, reason: 'going away', awaitPending: false });
        return {};
    },
    policy: async (change) => {
        for (const key of Object.keys(policy)) if (key in change) policy[key] = change[key];
        return {};
    },
};

readline.createInterface({ input: process.stdin })
    .on('line', async (line) => {
        const request = JSON.parse(line);
        try {
            say({ reply: request.id, ...(await operations[request.op](request)) });
        } catch (error) {
            say({ reply: request.id, error: { code: 'Driver', message: String(error) } });
        }
    })
    .on('close', () => process.exit(0));

server.listen(0, '127.0.0.1').then((http) => say({ event: 'ready', port: http.address().port }));
