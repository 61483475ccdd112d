// The independent CSMS of the interoperability tests: the npm package ocpp-rpc in strict mode, steered over stdin/stdout.
//
//   node csms.js PROTOCOLS [PASSWORD] [PORT]     PROTOCOLS: comma-separated, the preferred one first; PORT 0 = any
//
// One JSON text a line. In:  {id, op: "call"|"raw"|"close"|"policy", ...}   Out: {reply: id, ...} or {event, at, ...},
// where `at` is in milliseconds of this process's monotonic clock. Events come in the order in which they happened.
'use strict';
const readline = require('readline');

// The schema library comments on details of the standard's own schemas; nothing of that is news.
console.warn = () => {};
const { NOREPLY, RPCServer, createRPCError, createValidator } = require('ocpp-rpc');

// ocpp-rpc names its 2.1 schemas urn:XRequest and urn:XResponse, but looks them up as urn:X.req and urn:X.conf.
const schemas21 = require('ocpp-rpc/lib/schemas/ocpp2_1.json').map((schema) => ({
    ...schema,
    $id: schema.$id.replace(/Request$/, '.req').replace(/Response$/, '.conf'),
}));

const protocols = process.argv[2].split(',');
const port = Number(process.argv[4] || 0);
const clients = new Map();
const policy = {
    registration: 'Accepted', // answer to BootNotification
    interval: 300, // seconds in that answer
    tokens: {}, // verdict by token; Accepted where none is named
    transactionTokens: {}, // the same in answers to messages of transactions
    fail: [], // actions answered with CALLERROR
    failWith: 'InternalError',
    mute: [], // actions not answered at all
    broken: {}, // action -> payload sent as its answer whatever the schema says
    password: process.argv[3] || null, // null: anybody may connect
};
let nextTransaction = 1000;

const say = (message) => process.stdout.write(JSON.stringify(message) + '\n');
const tell = (event, fields) => say({ event, at: performance.now(), ...fields });
const verdict = (token) => policy.tokens[token] || 'Accepted';
const transactionVerdict = (token) => policy.transactionTokens[token] || verdict(token);
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
    StartTransaction: (p) => ({
        transactionId: nextTransaction++,
        idTagInfo: { status: transactionVerdict(p.idTag) },
    }),
    StopTransaction: () => ({}),
    DiagnosticsStatusNotification: () => ({}),
};
const v2 = {
    ...common,
    Authorize: (p) => ({ idTokenInfo: { status: verdict(p.idToken.idToken) } }),
    TransactionEvent: (p) => (p.idToken ? { idTokenInfo: { status: transactionVerdict(p.idToken.idToken) } } : {}),
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
    const offered = [...handshake.protocols];
    tell('handshake', { identity: handshake.identity, offered });
    if (policy.password && (!handshake.password || handshake.password.toString() !== policy.password)) {
        tell('refused', { identity: handshake.identity });
        reject(401, 'wrong or missing credentials');
        return;
    }
    accept();
});

// Wait for ever, but not longer than the connection.
const silence = (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('connection closing'))));

server.on('client', (client) => {
    clients.set(client.identity, client);
    tell('connected', { identity: client.identity, protocol: client.protocol || null });
    const answers = client.protocol === 'ocpp1.6' ? v16 : v2;
    client.handle(({ method, params, messageId, signal }) => {
        const answer = answers[method];
        const muted = policy.mute.includes(method);
        let result = null;
        let error = null;
        if (policy.fail.includes(method)) error = policy.failWith;
        else if (!answer) error = 'NotImplemented';
        else if (!muted) result = policy.broken[method] || answer(params);
        tell('call', { identity: client.identity, method, params, messageId, result, error, muted });
        if (muted) return silence(signal);
        if (error) throw createRPCError(error, 'made to fail');
        if (policy.broken[method]) {
            client.sendRaw(JSON.stringify([3, messageId, result]));
            return NOREPLY;
        }
        return result;
    });
    client.on('message', ({ message, outbound }) => {
        const binary = typeof message !== 'string';
        tell('frame', { identity: client.identity, outbound, binary, text: message.toString() });
    });
    client.on('strictValidationFailure', ({ error, method, isCall, outbound, params }) => {
        tell('violation', { method, isCall, outbound, text: error.message, params });
    });
    client.on('badMessage', ({ error, buffer }) => {
        tell('bad', { text: error ? error.message : '', frame: buffer ? buffer.toString() : '' });
    });
    client.on('close', ({ code }) => {
        if (clients.get(client.identity) === client) clients.delete(client.identity);
        tell('closed', { identity: client.identity, code });
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
    raw: async ({ identity, text, base64 }) => {
        clients.get(identity).sendRaw(base64 ? Buffer.from(base64, 'base64') : text);
        return {};
    },
    close: async ({ identity, force }) => {
        clients.get(identity).close({ code: 1001, reason: 'going away', awaitPending: false, force });
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

server.listen(port, '127.0.0.1').then((http) => tell('ready', { port: http.address().port }));
