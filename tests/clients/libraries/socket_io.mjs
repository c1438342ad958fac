// Socket.io's adapters for Redis: two nodes that know of each other only by the server, clients at both.
// Every adapter is checked with the clients of Redis that it takes.

import { once } from 'node:events';
import { createServer } from 'node:http';

import { createAdapter as classic, createShardedAdapter as sharded } from '@socket.io/redis-adapter';
import { Emitter } from '@socket.io/redis-emitter';
import { createAdapter as streams } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { io as connectTo } from 'socket.io-client';

import { GUARDED_PORT, HOST, PASSWORD, atTheEnd, check, equal, eventually, holds, run } from '../matrix/report.mjs';

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** A client of node-redis, connected. */
async function nodeRedis() {
    const client = createClient({ url: `redis://:${encodeURIComponent(PASSWORD)}@${HOST}:${GUARDED_PORT}` });
    client.on('error', () => {});
    await client.connect();
    atTheEnd(() => client.close());
    return client;
}

/** A client of ioredis, connected. */
async function ioRedis() {
    const client = new Redis({ host: HOST, port: GUARDED_PORT, password: PASSWORD });
    client.on('error', () => {});
    await once(client, 'ready');
    atTheEnd(() => client.quit());
    return client;
}

/** What makes an adapter for one node, by a name; each time with connections of its own. */
const adapters = {
    'classic, node-redis': async () => classic(await nodeRedis(), await nodeRedis()),
    'classic, ioredis, a channel for each node': async () =>
        classic(await ioRedis(), await ioRedis(), { publishOnSpecificResponseChannel: true }),
    'sharded, node-redis': async () => sharded(await nodeRedis(), await nodeRedis()),
    'sharded, ioredis, a channel for each room': async () =>
        sharded(await ioRedis(), await ioRedis(), { subscriptionMode: 'dynamic-private' }),
    'streams, node-redis': async () => streams(await nodeRedis(), { blockTimeInMs: 500 }),
    'streams, ioredis, sharded channels, two streams': async () =>
        streams(await ioRedis(), { blockTimeInMs: 500, useShardedPubSub: true, streamCount: 2, streamName: 'two' }),
};

/** A node: an HTTP server with Socket.io and an adapter. */
async function startNode(makeAdapter, options = {}) {
    const http = createServer();
    const io = new Server(http, { adapter: await makeAdapter(), ...options });
    http.listen(0, HOST);
    await once(http, 'listening');
    atTheEnd(() => io.close());
    io.on('connection', socket => {
        socket.on('join', async (room, done) => {
            await socket.join(room);
            done();
        });
        socket.on('say to others', (...words) => socket.broadcast.emit('said', ...words));
    });
    return { io, port: http.address().port };
}

/** A user that is connected to a node, and keeps what it hears. */
async function connectUser(node, options = {}) {
    const user = connectTo(`http://${HOST}:${node.port}`, { transports: ['websocket'], ...options });
    atTheEnd(() => user.disconnect());
    user.heard = [];
    user.onAny((event, ...words) => user.heard.push([event, ...words]));
    await once(user, 'connect');
    return user;
}

/** Two nodes that see each other, and a user at the first and two at the second. */
async function twoNodes(makeAdapter, options) {
    const nodes = [await startNode(makeAdapter, options), await startNode(makeAdapter, options)];
    for (const { io } of nodes) {
        await eventually('it sees both nodes', () => io.of('/').adapter.serverCount(), 2);
    }
    const users = [await connectUser(nodes[0]), await connectUser(nodes[1]), await connectUser(nodes[1])];
    // What a node has not subscribed to yet, it cannot hear.
    await eventually('each node hears the other', () => hears(nodes, users), true);
    for (const user of users) user.heard.length = 0;
    return { nodes, users };
}

/** Whether a message from each node has come to all users. */
async function hears(nodes, users) {
    for (const [place, { io }] of nodes.entries()) io.emit('hello', place);
    await new Promise(resolve => setTimeout(resolve, 20));
    return users.every(user => [0, 1].every(place => user.heard.some(([, from]) => from === place)));
}

/** What users have heard, once it is what is expected; without the place in the stream that comes as the last word. */
async function heard(what, users, expected) {
    const said = user => user.heard.filter(([event]) => event !== 'hello').map(words => words.filter(isNoPlace));
    await eventually(what, () => users.map(said), expected);
    for (const user of users) user.heard.length = 0;
}

function isNoPlace(word) {
    return !/^\d{10,}-\d+$/.test(word);
}

for (const [name, makeAdapter] of Object.entries(adapters)) {
    check(`${name}: all users hear a broadcast`, async () => {
        const { nodes, users } = await twoNodes(makeAdapter);
        const [{ io }] = nodes;
        io.emit('news', 1, { text: 'ü☃' }, [null]);
        await heard('everybody', users, Array(3).fill([['news', 1, { text: 'ü☃' }, [null]]]));
        io.emit('bytes', EVERY_BYTE);
        await heard('bytes', users, Array(3).fill([['bytes', EVERY_BYTE]]));
        users[1].emit('say to others', 'hi');
        await heard('all but who says it', users, [[['said', 'hi']], [], [['said', 'hi']]]);
        io.local.emit('local', 1);
        await heard('those of one node', users, [[['local', 1]], [], []]);
        for (let number = 0; number < 200; number++) nodes[1].io.emit('number', number);
        const numbers = Array.from({ length: 200 }, (_, number) => ['number', number]);
        await heard('200 in order', users, Array(3).fill(numbers));
    });

    check(`${name}: rooms and acknowledgements`, async () => {
        const { nodes, users } = await twoNodes(makeAdapter);
        const [{ io }] = nodes;
        for (const user of [users[0], users[2]]) await user.emitWithAck('join', 'garden');
        const reaches = async () => {
            io.to('garden').emit('hello', 'garden');
            await new Promise(resolve => setTimeout(resolve, 20));
            return users[2].heard.some(([, from]) => from === 'garden');
        };
        await eventually('the room is heard of', reaches, true);
        for (const user of users) user.heard.length = 0;
        io.to('garden').emit('bloom', 'rose');
        await heard('those in a room', users, [[['bloom', 'rose']], [], [['bloom', 'rose']]]);
        io.except('garden').emit('stay', 'out');
        await heard('those outside', users, [[], [['stay', 'out']], []]);
        io.to(users[1].id).emit('letter', 'for you');
        await heard('a user of the other node', users, [[], [['letter', 'for you']], []]);
        users.forEach((user, place) => user.on('count', done => done(place)));
        const answers = await io.timeout(5_000).emitWithAck('count');
        equal('acknowledgements of both nodes', answers.sort(), [0, 1, 2]);
    });

    check(`${name}: what one node does to the users of the other`, async () => {
        const { nodes, users } = await twoNodes(makeAdapter);
        const [{ io }] = nodes;
        const sockets = async room => (await (room ? io.in(room) : io).fetchSockets()).map(socket => socket.id).sort();
        equal('fetchSockets', await sockets(), users.map(user => user.id).sort());
        io.in(users[2].id).socketsJoin(['yard', 'shed']);
        await eventually('socketsJoin', () => sockets('yard'), [users[2].id]);
        io.in('shed').socketsLeave('yard');
        await eventually('socketsLeave', () => sockets('yard'), []);
        const [remote] = await io.in('shed').fetchSockets();
        equal('its rooms', [...remote.rooms].sort(), [users[2].id, 'shed'].sort());
        const gone = once(users[2], 'disconnect');
        io.in('shed').disconnectSockets(true);
        await gone;
        await eventually('disconnectSockets', () => sockets(), [users[0].id, users[1].id].sort());
    });

    check(`${name}: serverSideEmit`, async () => {
        const { nodes } = await twoNodes(makeAdapter);
        const came = [];
        nodes.forEach(({ io }, place) => {
            io.on('tidings', (...words) => came.push([place, ...words]));
            io.on('question', (word, answer) => answer(`${word} from ${place}`));
        });
        nodes[0].io.serverSideEmit('tidings', 'one', 2);
        await eventually('the other node hears it', () => came, [[1, 'one', 2]]);
        equal('its answer', await nodes[1].io.serverSideEmitWithAck('question', 'hello'), ['hello from 0']);
    });
}

for (const [name, makeAdapter] of Object.entries(adapters).filter(([name]) => name.startsWith('streams'))) {
    check(`${name}: a connection that was lost is taken up at the other node`, async () => {
        const connectionStateRecovery = { maxDisconnectionDuration: 60_000 };
        const { nodes, users } = await twoNodes(makeAdapter, { connectionStateRecovery });
        const user = users[2];
        await user.emitWithAck('join', 'garden');
        nodes[0].io.to('garden').emit('before', 1);
        await heard('what it hears before', [user], [[['before', 1]]]);
        const { id } = user;
        const lost = once(user, 'disconnect');
        user.io.engine.close();
        await lost;
        await eventually('its node has noticed', async () => nodes[1].io.sockets.sockets.has(id), false);
        for (const number of [2, 3]) nodes[0].io.to('garden').emit('missed', number);
        nodes[0].io.to('elsewhere').emit('not for it', 4);
        // It comes back to the other node.
        user.io.uri = user.io.uri.replace(nodes[1].port, nodes[0].port);
        user.io.opts.port = String(nodes[0].port);
        const back = once(user, 'connect');
        user.connect();
        await back;
        equal('it is recovered, as who it was', [user.recovered, user.id], [true, id]);
        await heard('what it missed', [user], [[['missed', 2], ['missed', 3]]]);
        holds('it is in its room', nodes[0].io.sockets.adapter.rooms.get('garden').has(id));
        holds('it is at the other node', nodes[0].io.sockets.sockets.has(id));
    });
}

check('the emitter reaches the users of classic nodes from outside', async () => {
    const { users } = await twoNodes(adapters['classic, node-redis']);
    const emitter = new Emitter(await ioRedis());
    emitter.emit('from outside', 1);
    await heard('everybody', users, Array(3).fill([['from outside', 1]]));
    emitter.in(users[1].id).socketsJoin('yard');
    const inYard = async () => {
        emitter.to('yard').emit('hello', 'yard');
        await new Promise(resolve => setTimeout(resolve, 20));
        return users.map(user => user.heard.some(([, from]) => from === 'yard'));
    };
    await eventually('a room that it made', inYard, [false, true, false]);
});

await run();
