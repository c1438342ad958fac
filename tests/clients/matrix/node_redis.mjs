// node-redis (the package "redis"). Its replies have the same shapes in both protocols.

import { BasicClientSideCache, RESP_TYPES, createClient, createClientPool } from 'redis';
import { createRequire } from 'node:module';
import {
    EVERY_BYTE, GUARDED_PORT, HOST, Mailbox, NotPossible, PASSWORD, PORT, PROTOCOL, atTheEnd, check, equal, eventually,
    holds, isSince, numbers, raises, restart, run, whole,
} from './report.mjs';

const { version } = createRequire(import.meta.url)('@redis/client/package.json');

function options({ port = PORT, ...more } = {}) {
    const protocol = PROTOCOL === undefined ? {} : { RESP: PROTOCOL };
    return { socket: { host: HOST, port }, ...protocol, ...more };
}

/** Closes a client when the check ends; what it says about lost connections is not an error here. */
function keep(client) {
    client.on('error', () => {});
    atTheEnd(() => client.isOpen && client.destroy());
    return client;
}

async function connect(more) {
    return keep(createClient(options(more))).connect();
}

async function connectTwo(first, second) {
    return [await connect(first), await connect(second)];
}

check('connect without a password', async () => {
    const client = await connect({ name: 'matrix' });
    equal('PING', await client.ping(), 'PONG');
    const mine = await client.clientInfo();
    equal('protocol and name', [mine.resp, mine.name], [PROTOCOL ?? 3, 'matrix']);
    if (isSince(await client.info('server'), 7, 2)) {
        equal('the library', [mine.libName, mine.libVer], ['node-redis', version]);
    }
    await client.close();
});

check('connect with a password', async () => {
    equal('PING', await (await connect({ port: GUARDED_PORT, password: PASSWORD })).ping(), 'PONG');
    const login = { username: 'default', password: PASSWORD, database: 2 };
    const mine = await (await connect({ port: GUARDED_PORT, ...login })).clientInfo();
    equal('user and database', [mine.user, mine.db], ['default', 2]);
    const { socket, ...more } = options();
    const url = `redis://:${encodeURIComponent(PASSWORD)}@${HOST}:${GUARDED_PORT}/4`;
    const client = await keep(createClient({ ...more, url })).connect();
    equal('the database of a URL', (await client.clientInfo()).db, 4);
});

/** What connect() ends in, if it does not try for ever, as it does by default after any error. */
function connectOnce(more) {
    const { socket, ...others } = options(more);
    return keep(createClient({ ...others, socket: { ...socket, reconnectStrategy: false } })).connect();
}

check('a wrong password', async () => {
    const text = 'WRONGPASS invalid username-password pair or user is disabled.';
    for (const login of [{ password: 'bad' }, { username: 'nobody', password: PASSWORD }]) {
        await raises('connect', connectOnce({ port: GUARDED_PORT, ...login }), 'SimpleError', text);
    }
    // With the default settings it goes on trying, and says what is wrong each time.
    const client = createClient(options({ port: GUARDED_PORT, password: 'bad' }));
    const mailbox = new Mailbox();
    client.on('error', mailbox.put('error'));
    const connecting = client.connect().catch(error => error.message);
    for (const _ of numbers(2)) equal('an error', (await mailbox.next())[1].message, text);
    client.destroy();
    equal('the end of connect', await connecting, text);
});

check('no password where one is needed', async () => {
    if (PROTOCOL === 2) {
        // Nothing that is sent to connect must succeed in RESP2.
        const client = await connect({ port: GUARDED_PORT });
        await raises('PING', client.ping(), 'SimpleError', 'NOAUTH Authentication required.');
    } else {
        const text = 'NOAUTH HELLO must be called with the client already authenticated';
        await raises('connect', connectOnce({ port: GUARDED_PORT }), 'SimpleError', text);
    }
});

check('SELECT', async () => {
    const third = await connect({ database: 3 });
    await third.set('where', 'in 3');
    const client = await connect();
    equal('the key in 0', await client.get('where'), null);
    await client.select(3);
    equal('the key in 3', await client.get('where'), 'in 3');
    await raises('SELECT 99', client.select(99), 'SimpleError', 'ERR DB index is out of range');
    equal('the database after a bad SELECT', (await client.clientInfo()).db, 3);
    equal('MOVE', await client.move('where', 5), 1);
    equal('the key in 5', await (await connect({ database: 5 })).get('where'), 'in 3');
    await raises('a bad database', connectOnce({ database: 99 }), 'SimpleError', 'ERR DB index is out of range');
});

check('INFO', async () => {
    const client = await connect();
    await client.flushAll();
    await client.set('key', '1', { expiration: { type: 'EX', value: 100 } });
    const lines = (await client.info()).split('\r\n');
    for (const line of [`tcp_port:${PORT}`, 'role:master', 'loading:0', 'maxmemory_policy:noeviction']) {
        holds(`INFO has ${line}`, lines.includes(line));
    }
    holds('INFO has the keys', (await client.info('keyspace')).includes('db0:keys=1,expires=1,'));
    equal('a setting', await client.configGet('databases'), { databases: '16' });
});

check('strings', async () => {
    const client = await connect();
    await client.flushDb();
    equal('SET', await client.set('name', 'Ann', { expiration: { type: 'EX', value: 100 } }), 'OK');
    equal('GET', await client.get('name'), 'Ann');
    equal('GET of nothing', await client.get('missing'), null);
    equal('SET NX', await client.set('name', 'Bob', { condition: 'NX' }), null);
    equal('SET GET', await client.set('name', 'Bob', { GET: true, expiration: 'KEEPTTL' }), 'Ann');
    equal('TTL', whole(await client.ttl('name')), 100);
    equal('INCR', await client.incr('count'), 1);
    equal('INCRBYFLOAT', await client.incrByFloat('number', 0.5), '0.5');
    equal('MSET', await client.mSet({ a: '1', b: '2' }), 'OK');
    equal('MGET', await client.mGet(['a', 'missing', 'b']), ['1', null, '2']);
    equal('GETRANGE', await client.getRange('name', 1, -1), 'ob');
    equal('GETDEL', await client.getDel('name'), 'Bob');
    equal('TYPE', await client.type('a'), 'string');
    equal('EXISTS', await client.exists(['a', 'b', 'missing']), 2);
    const keys = [];
    for await (const some of client.scanIterator({ MATCH: '[ab]' })) keys.push(...some);
    equal('SCAN', keys.sort(), ['a', 'b']);
    equal('OBJECT ENCODING', await client.objectEncoding('a'), 'int');
    equal('SETBIT', await client.setBit('bits', 7, 1), 0);
    equal('BITCOUNT', await client.bitCount('bits'), 1);
    equal('BITFIELD', await client.bitField('bits', [
        { operation: 'GET', encoding: 'u8', offset: 0 },
        { operation: 'OVERFLOW', behavior: 'FAIL' },
        { operation: 'INCRBY', encoding: 'u8', offset: 0, increment: 255 },
    ]), [1, null]);
    await raises('INCR', client.incr('number'), 'SimpleError', 'ERR value is not an integer or out of range');
});

check('hashes', async () => {
    const client = await connect();
    await client.del(['user', 'empty']);
    equal('HSET', await client.hSet('user', { name: 'Ann', funds: 10 }), 2);
    equal('HGETALL', await client.hGetAll('user'), { name: 'Ann', funds: '10' });
    equal('HGETALL of nothing', await client.hGetAll('empty'), {});
    equal('HINCRBYFLOAT', await client.hIncrByFloat('user', 'funds', -0.5), '9.5');
    equal('HMGET', await client.hmGet('user', ['name', 'missing']), ['Ann', null]);
    equal('HEXISTS', await client.hExists('user', 'missing'), 0);
    const entries = [{ field: 'name', value: 'Ann' }, { field: 'funds', value: '9.5' }];
    equal('HSCAN', await client.hScan('user', '0'), { cursor: '0', entries });
    await client.hDel('user', 'funds');
    equal('HRANDFIELD', await client.hRandFieldCountWithValues('user', 5), entries.slice(0, 1));
    await raises('GET of a hash', client.get('user'), 'SimpleError', 'WRONGTYPE');
});

check('expiry of hash fields', async () => {
    const client = await connect();
    if (!isSince(await client.info('server'), 7, 4)) throw new NotPossible('the server is older than 7.4');
    await client.del('session');
    await client.hSet('session', { token: 'x', user: 'Ann', brief: 'y' });
    equal('HEXPIRE', await client.hExpire('session', ['token', 'missing'], 100), [1, -2]);
    const left = await client.hTTL('session', ['token', 'user', 'missing']);
    equal('HTTL', left.map(whole), [100, -1, -2]);
    equal('HPERSIST', await client.hPersist('session', ['token', 'user']), [1, -1]);
    equal('HPEXPIRE', await client.hpExpire('session', 'brief', 20), [1]);
    await eventually('HGETALL without the field', () => client.hGetAll('session'), { token: 'x', user: 'Ann' });
});

check('sets', async () => {
    const client = await connect();
    await client.del(['a', 'b', 'c']);
    equal('SADD', await client.sAdd('a', ['x', 'y', 'z']), 3);
    await client.sAdd('b', ['y', 'z', 'w']);
    equal('SMEMBERS', (await client.sMembers('a')).sort(), ['x', 'y', 'z']);
    equal('SMEMBERS as a set', await client.withTypeMapping({ [RESP_TYPES.SET]: Set }).sMembers('a'),
        PROTOCOL === 2 ? await client.sMembers('a') : new Set(['x', 'y', 'z']));
    equal('SISMEMBER', await client.sIsMember('a', 'w'), 0);
    equal('SMISMEMBER', await client.smIsMember('a', ['x', 'w']), [1, 0]);
    equal('SINTER', (await client.sInter(['a', 'b'])).sort(), ['y', 'z']);
    equal('SINTERCARD', await client.sInterCard(['a', 'b']), 2);
    equal('SUNIONSTORE', await client.sUnionStore('c', ['a', 'b']), 4);
    equal('SMOVE', await client.sMove('a', 'b', 'x'), 1);
    equal('SPOP', (await client.sPopCount('a', 5)).sort(), ['y', 'z']);
    equal('SPOP of nothing', await client.sPop('a'), null);
});

check('sorted sets', async () => {
    const client = await connect();
    await client.del('market');
    const goods = [[1.5, 'bread'], [35, 'sword'], [Infinity, 'crown']].map(([score, value]) => ({ score, value }));
    equal('ZADD', await client.zAdd('market', goods), 3);
    equal('ZSCORE', await client.zScore('market', 'bread'), 1.5);
    equal('ZSCORE of inf', await client.zScore('market', 'crown'), Infinity);
    equal('ZADD INCR', await client.zAddIncr('market', { score: 1, value: 'bread' }), 2.5);
    equal('ZMSCORE', await client.zmScore('market', ['sword', 'missing']), [35, null]);
    equal('ZRANGE', await client.zRange('market', 0, -1), ['bread', 'sword', 'crown']);
    equal('ZRANGE WITHSCORES', await client.zRangeWithScores('market', 0, 0), [{ value: 'bread', score: 2.5 }]);
    equal('ZRANGE BYSCORE', await client.zRange('market', '(2.5', '+inf', {
        BY: 'SCORE', LIMIT: { offset: 0, count: 1 },
    }), ['sword']);
    equal('ZRANK', await client.zRank('market', 'crown'), 2);
    equal('ZCOUNT', await client.zCount('market', '-inf', 35), 2);
    equal('ZUNION', (await client.zUnionWithScores(['market', 'market']))[0], { value: 'bread', score: 5 });
    equal('ZSCAN', (await client.zScan('market', '0')).members[0], { value: 'bread', score: 2.5 });
    equal('ZPOPMIN', await client.zPopMin('market'), { value: 'bread', score: 2.5 });
    equal('ZPOPMIN of nothing', await client.zPopMin('missing'), null);
    await raises('ZADD of a word', client.sendCommand(['ZADD', 'market', 'x', 'y']), 'SimpleError',
        'ERR value is not a valid float');
});

check('lists', async () => {
    const client = await connect();
    await client.del(['list', 'other']);
    equal('RPUSH', await client.rPush('list', ['a', 'b', 'c']), 3);
    equal('LPUSH', await client.lPush('list', 'first'), 4);
    equal('LPUSHX of nothing', await client.lPushX('missing', 'x'), 0);
    equal('LRANGE', await client.lRange('list', 0, -1), ['first', 'a', 'b', 'c']);
    equal('LLEN', await client.lLen('list'), 4);
    equal('LINDEX', [await client.lIndex('list', -1), await client.lIndex('list', 9)], ['c', null]);
    equal('LINSERT', await client.lInsert('list', 'AFTER', 'a', 'a'), 5);
    equal('LPOS', [await client.lPos('list', 'b'), await client.lPos('list', 'x')], [3, null]);
    equal('LPOS COUNT', await client.lPosCount('list', 'a', 0), [1, 2]);
    equal('LSET', await client.lSet('list', 0, 'FIRST'), 'OK');
    equal('LREM', await client.lRem('list', -1, 'a'), 1);
    equal('LTRIM', await client.lTrim('list', 0, 2), 'OK');
    equal('LMOVE', await client.lMove('list', 'other', 'RIGHT', 'LEFT'), 'b');
    equal('LPOP of many', await client.lPopCount('list', 5), ['FIRST', 'a']);
    equal('RPOP of nothing', await client.rPop('list'), null);
    equal('LMPOP', await client.lmPop(['list', 'other'], 'LEFT'), ['other', ['b']]);
    await raises('LSET of nothing', client.lSet('list', 0, 'x'), 'SimpleError', 'ERR no such key');
});

check('streams', async () => {
    const client = await connect();
    await client.del('stream');
    equal('XADD', await client.xAdd('stream', '1-1', { name: 'Ann', age: '30' }), '1-1');
    equal('XADD of a part', await client.xAdd('stream', '1-*', { name: 'Bob' }), '1-2');
    await client.xAdd('stream', '2-0', { name: 'Cid' });
    const entries = [['1-1', { name: 'Ann', age: '30' }], ['1-2', { name: 'Bob' }], ['2-0', { name: 'Cid' }]]
        .map(([id, message]) => entry(id, message));
    equal('XRANGE', await client.xRange('stream', '-', '+'), entries);
    equal('XREVRANGE', await client.xRevRange('stream', '+', '-', { COUNT: 1 }), entries.slice(2));
    const places = [{ key: 'stream', id: '1-1' }, { key: 'missing', id: '0' }];
    equal('XREAD', await client.xRead(places, { COUNT: 1 }), streamsOf(['stream', entries.slice(1, 2)]));
    equal('XREAD of nothing', await client.xRead({ key: 'stream', id: '2-0' }), null);
    equal('XLEN', await client.xLen('stream'), 3);
    equal('XDEL', await client.xDel('stream', ['1-1', '9-9']), 1);
    equal('XTRIM', await client.xTrim('stream', 'MAXLEN', 1), 1);
    const info = await client.xInfoStream('stream');
    equal('XINFO STREAM', [info.length, info['last-generated-id'], info['first-entry']], [1, '2-0', entries[2]]);
    const old = client.xAdd('stream', '1-5', { a: '1' });
    await raises('XADD of an old ID', old, 'SimpleError', 'is equal or smaller than');
});

/** An entry of a stream as the client gives it. */
function entry(id, message) {
    return { id, message };
}

function streamsOf(...streams) {
    return streams.map(([name, messages]) => ({ name, messages }));
}

check('consumer groups', async () => {
    const client = await connect();
    await client.del('orders');
    equal('XGROUP CREATE', await client.xGroupCreate('orders', 'shop', '$', { MKSTREAM: true }), 'OK');
    for (const number of [1, 2, 3]) await client.xAdd('orders', `${number}-0`, { number: String(number) });
    const entries = [1, 2, 3].map(number => entry(`${number}-0`, { number: String(number) }));
    const read = (id, more) => client.xReadGroup('shop', 'ann', { key: 'orders', id }, more);
    equal('XREADGROUP', await read('>', { COUNT: 2 }), streamsOf(['orders', entries.slice(0, 2)]));
    equal('XREADGROUP of what it has', await read('0'), streamsOf(['orders', entries.slice(0, 2)]));
    equal('XACK', await client.xAck('orders', 'shop', ['1-0', '9-0']), 1);
    const waiting = await client.xPending('orders', 'shop');
    equal('XPENDING', [waiting.pending, waiting.firstId, waiting.lastId], [1, '2-0', '2-0']);
    equal('whose it is', { ...waiting.consumers[0] }, { name: 'ann', deliveriesCounter: 1 });
    const [one] = await client.xPendingRange('orders', 'shop', '-', '+', 10);
    equal('XPENDING of one', [one.id, one.consumer, one.deliveriesCounter], ['2-0', 'ann', 2]);
    equal('XCLAIM', await client.xClaim('orders', 'shop', 'bob', 0, '2-0'), entries.slice(1, 2));
    const claimed = await client.xAutoClaim('orders', 'shop', 'cid', 0, '0');
    equal('XAUTOCLAIM', [claimed.nextId, claimed.messages], ['0-0', entries.slice(1, 2)]);
    const [group] = await client.xInfoGroups('orders');
    equal('XINFO GROUPS', [group.name, group.consumers, group.pending, group.lag], ['shop', 3, 1, 1]);
    equal('XGROUP DELCONSUMER', await client.xGroupDelConsumer('orders', 'shop', 'cid'), 1);
    equal('XGROUP DESTROY', await client.xGroupDestroy('orders', 'shop'), 1);
    await raises('XREADGROUP without a group', read('>'), 'SimpleError', 'NOGROUP No such key');
});

check('bitmaps', async () => {
    const client = await connect();
    await client.del(['bits', 'other', 'both']);
    equal('SETBIT', [await client.setBit('bits', 7, 1), await client.setBit('bits', 20, 1)], [0, 0]);
    equal('GETBIT', [await client.getBit('bits', 7), await client.getBit('bits', 1_000)], [1, 0]);
    const part = { start: 0, end: 7, mode: 'BIT' };
    equal('BITCOUNT', [await client.bitCount('bits'), await client.bitCount('bits', part)], [2, 1]);
    equal('BITPOS', [await client.bitPos('bits', 1), await client.bitPos('bits', 1, 2)], [7, 20]);
    await client.set('other', '\x7f');
    equal('BITOP', [await client.bitOp('AND', 'both', ['bits', 'other']), await client.get('both')], [3, '\x01\0\0']);
    const byte = { encoding: 'u8', offset: 0 };
    equal('BITFIELD', await client.bitField('bits', [
        { operation: 'SET', ...byte, value: 255 },
        { operation: 'OVERFLOW', behavior: 'FAIL' },
        { operation: 'INCRBY', ...byte, increment: 1 },
    ]), [1, null]);
    equal('BITFIELD_RO', await client.bitFieldRo('bits', [byte]), [255]);
});

check('HyperLogLogs', async () => {
    const client = await connect();
    await client.del(['visits', 'others', 'all']);
    const texts = numbers(1_500).map(String);
    equal('PFADD', [await client.pfAdd('visits', texts.slice(0, 1_000)), await client.pfAdd('visits', '5')], [1, 0]);
    await client.pfAdd('others', texts.slice(500));
    equal('PFCOUNT', [await client.pfCount('visits'), await client.pfCount(['visits', 'others'])], [1001, 1512]);
    equal('PFMERGE', [await client.pfMerge('all', ['visits', 'others']), await client.pfCount('all')], ['OK', 1512]);
});

check('geo', async () => {
    const client = await connect();
    await client.del(['places', 'near']);
    equal('GEOADD', await client.geoAdd('places', [
        { longitude: 13.361389, latitude: 38.115556, member: 'Palermo' },
        { longitude: 15.087269, latitude: 37.502669, member: 'Catania' },
    ]), 2);
    equal('GEODIST', await client.geoDist('places', 'Palermo', 'Catania', 'km'), 166.2742);
    equal('GEOHASH', await client.geoHash('places', ['Palermo', 'missing']), ['sqc8b49rny0', null]);
    const [position, missing] = await client.geoPos('places', ['Palermo', 'missing']);
    const found = [Number(position.longitude), Number(position.latitude), missing];
    equal('GEOPOS', found, [13.361389338970184, 38.1155563954963, null]);
    const around = [{ longitude: 15, latitude: 37 }, { radius: 200, unit: 'km' }];
    equal('GEOSEARCH', await client.geoSearch('places', ...around, { SORT: 'ASC' }), ['Catania', 'Palermo']);
    const near = await client.geoSearchWith('places', ...around, ['WITHDIST'], { SORT: 'ASC', COUNT: 1 });
    equal('GEOSEARCH WITHDIST', near.map(({ member, distance }) => [member, Number(distance)]), [['Catania', 56.4413]]);
    equal('GEOSEARCHSTORE', await client.geoSearchStore('near', 'places', ...around, { COUNT: 1 }), 1);
});

check('SORT', async () => {
    const client = await connect();
    await client.del(['numbers', 'sorted']);
    await client.rPush('numbers', ['10', '9', '2', '33']);
    equal('SORT', await client.sort('numbers'), ['2', '9', '10', '33']);
    const first = { offset: 0, count: 2 };
    const last = { ALPHA: true, DIRECTION: 'DESC', LIMIT: first };
    equal('SORT ALPHA DESC', await client.sort('numbers', last), ['9', '33']);
    await client.mSet({ 'weight:2': '4', 'weight:9': '3', 'weight:10': '2', 'weight:33': '1', 'name:33': 'many' });
    const found = await client.sort('numbers', { BY: 'weight:*', GET: ['#', 'name:*'], LIMIT: first });
    equal('SORT BY GET', found, ['33', 'many', '10', null]);
    equal('SORT STORE', await client.sortStore('numbers', 'sorted'), 4);
    equal('SORT_RO', await client.sortRo('sorted', { DIRECTION: 'DESC' }), ['33', '10', '9', '2']);
    await client.rPush('numbers', 'word');
    await raises('SORT of words', client.sort('numbers'), 'SimpleError', "can't be converted into double");
});

check('DUMP and RESTORE', async () => {
    const client = (await connect()).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    await client.flushDb();
    await client.set('string', EVERY_BYTE);
    await client.rPush('list', [EVERY_BYTE, ...numbers(1_000).map(String)]);
    await client.hSet('hash', EVERY_BYTE, EVERY_BYTE);
    await client.xAdd('stream', '1-1', { bytes: EVERY_BYTE });
    const read = {
        string: key => client.get(key),
        list: key => client.lRange(key, 0, -1),
        hash: key => client.hmGet(key, EVERY_BYTE),
        stream: key => client.xRange(key, '-', '+'),
    };
    for (const [key, value] of Object.entries(read)) {
        equal('RESTORE', await client.restore(`${key} again`, 0, await client.dump(key)), 'OK');
        equal(`the ${key}`, await value(`${key} again`), await value(key));
    }
    equal('DUMP of nothing', await client.dump('missing'), null);
    const payload = await client.dump('string');
    await raises('RESTORE', client.restore('string', 0, payload), 'SimpleError', 'BUSYKEY Target key name');
    equal('RESTORE REPLACE', await client.restore('string', 100_000, payload, { REPLACE: true }), 'OK');
    equal('its time', whole(await client.ttl('string')), 100);
    const broken = client.restore('bad', 0, Buffer.concat([payload.subarray(0, -1), Buffer.from('x')]));
    await raises('RESTORE of a broken payload', broken, 'SimpleError', 'DUMP payload version or checksum are wrong');
});

check('a WATCH conflict', async () => {
    const [client, other] = await connectTwo();
    await client.set('balance', '10');
    equal('WATCH', await client.watch('balance'), 'OK');
    await other.set('balance', '20');
    await raises('EXEC', client.multi().set('balance', '15').get('balance').exec(), 'WatchError', '');
    equal('the balance', await client.get('balance'), '20');
    equal('the same again, without WATCH', await client.multi().set('balance', '15').exec(), ['OK']);
});

check('WATCH without a conflict', async () => {
    const [client, other] = await connectTwo();
    await client.mSet({ mine: '1', elsewhere: '1' });
    await client.watch(['mine', 'missing']);
    await other.incr('elsewhere');
    equal('EXEC', await client.multi().incr('mine').get('mine').get('missing').exec(), [2, '2', null]);
});

check('a runtime error in a transaction', async () => {
    const client = await connect();
    await client.set('word', 'text');
    const transaction = client.multi().set('number', '1').incr('word').incr('number');
    const error = await raises('EXEC', transaction.exec(), 'MultiErrorReply', '1 commands failed');
    equal('which failed', error.errorIndexes, [1]);
    const [first, second, third] = error.replies;
    equal('the first and the last', [first, third], ['OK', 2]);
    await raises('the element', Promise.reject(second), 'SimpleError', 'ERR value is not an integer or out of range');
});

check('a queueing error in a transaction', async () => {
    const client = await connect();
    await client.del('number');
    const transaction = client.multi().set('number', '1').sendCommand(['GET']);
    await raises('exec()', transaction.exec(), 'SimpleError', "ERR wrong number of arguments for 'get' command");
    equal('MULTI', await client.sendCommand(['MULTI']), 'OK');
    equal('SET', await client.sendCommand(['SET', 'number', '1']), 'QUEUED');
    await raises('GET', client.sendCommand(['GET']), 'SimpleError', 'wrong number of arguments');
    const text = 'EXECABORT Transaction discarded because of previous errors.';
    await raises('EXEC', client.sendCommand(['EXEC']), 'SimpleError', text);
    equal('the number, which was not set', await client.get('number'), null);
});

check('UNWATCH', async () => {
    const [client, other] = await connectTwo();
    await client.set('key', '1');
    await client.watch('key');
    await other.set('key', '2');
    equal('UNWATCH', await client.unwatch(), 'OK');
    equal('EXEC', await client.multi().incr('key').exec(), [3]);
});

check('DISCARD', async () => {
    const [client, other] = await connectTwo();
    await client.set('key', '1');
    await client.sendCommand(['WATCH', 'key']);
    equal('MULTI', await client.sendCommand(['MULTI']), 'OK');
    equal('a queued command', await client.sendCommand(['SET', 'key', '2']), 'QUEUED');
    equal('DISCARD', await client.sendCommand(['DISCARD']), 'OK');
    equal('the key', await client.get('key'), '1');
    // The watch is gone too.
    await other.set('key', '3');
    equal('EXEC', await client.multi().incr('key').exec(), [4]);
    await raises('DISCARD again', client.sendCommand(['DISCARD']), 'SimpleError', 'ERR DISCARD without MULTI');
});

check('a pipeline of 10,000', async () => {
    const client = await connect();
    const expected = numbers(5_000).flatMap(number => ['OK', String(number).repeat(10)]);
    for (const asPipeline of [true, false]) {
        const pipeline = client.multi();
        for (const number of numbers(5_000)) {
            pipeline.set(`key:${number}`, String(number).repeat(10)).get(`key:${number}`);
        }
        equal('the results', await pipeline.exec(asPipeline), expected);
    }
    // What is sent without waiting goes out together too.
    const replies = await Promise.all(numbers(10_000).map(() => client.incr('many')));
    equal('the counts', replies, numbers(10_001).slice(1));
    equal('DEL of all', await client.del(numbers(5_000).map(number => `key:${number}`)), 5_000);
});

check('publish and subscribe', async () => {
    const [client, listener] = await connectTwo();
    const mailbox = new Mailbox();
    equal('receivers before', await client.publish('news', 'nobody hears'), 0);
    await listener.subscribe(['news', 'sport'], mailbox.put('text'));
    await listener.subscribe('news', mailbox.put('bytes'), true);
    equal('receivers', await client.publish('news', EVERY_BYTE), 1);
    // Each listener of a channel gets the message, those that take bytes first.
    equal('the message', await mailbox.next(), ['bytes', EVERY_BYTE, Buffer.from('news')]);
    equal('the message as text', (await mailbox.next()).slice(0, 3), ['text', EVERY_BYTE.toString(), 'news']);
    equal('PUBSUB CHANNELS', await client.pubSubChannels('*o*'), ['sport']);
    equal('PUBSUB NUMSUB', await client.pubSubNumSub(['news', 'none']), { news: 1, none: 0 });
    if (PROTOCOL === 2) {
        equal('PING', await listener.ping(), 'pong');
        await raises('GET', listener.get('key'), 'SimpleError', "ERR Can't execute 'get': only (P|S)SUBSCRIBE");
    } else {
        // In RESP3 replies and messages come beside one another.
        equal('PING', await listener.ping(), 'PONG');
        const replies = await Promise.all(numbers(100).flatMap(number => [
            listener.set('key', String(number)), listener.publish('sport', `${number}`), listener.get('key'),
        ]));
        equal('replies', replies, numbers(100).flatMap(number => ['OK', 1, String(number)]));
        for (const number of numbers(100)) {
            equal('its own message', await mailbox.next(), ['text', `${number}`, 'sport']);
        }
    }
    await Promise.all(numbers(1_000).map(number => client.publish('sport', `${number}`)));
    for (const number of numbers(1_000)) {
        equal('messages in order', await mailbox.next(), ['text', `${number}`, 'sport']);
    }
    const results = await client.multi().publish('sport', 'from EXEC').set('announced', '1').exec();
    equal('PUBLISH in EXEC', results, [1, 'OK']);
    equal('its message', (await mailbox.next())[1], 'from EXEC');
    await listener.unsubscribe('news');
    equal('receivers after', await client.publish('news', 'nobody hears'), 0);
    await listener.unsubscribe();
    equal('receivers at the end', await client.publish('sport', 'nobody hears'), 0);
});

check('patterns', async () => {
    const [client, listener] = await connectTwo();
    const mailbox = new Mailbox();
    await listener.pSubscribe('news.*', mailbox.put('news'));
    await listener.pSubscribe('*.art', mailbox.put('art'));
    equal('receivers, one for each pattern', await client.publish('news.art', 'opening'), 2);
    const heard = [await mailbox.next(), await mailbox.next()].sort();
    equal('the messages', heard, [['art', 'opening', 'news.art'], ['news', 'opening', 'news.art']]);
    equal('PUBSUB NUMPAT', await client.pubSubNumPat(), 2);
    await listener.pUnsubscribe('news.*');
    equal('receivers after', await client.publish('news.sport', 'nobody hears'), 0);
    // What happens to keys comes as messages too.
    await listener.pSubscribe('__keyevent@0__:*', mailbox.put('event'));
    await client.configSet('notify-keyspace-events', 'EA');
    atTheEnd(() => client.configSet('notify-keyspace-events', ''));
    await client.set('watched', '1', { expiration: { type: 'PX', value: 20 } });
    for (const event of ['set', 'expire', 'expired']) {
        equal('an event', await mailbox.next(), ['event', 'watched', `__keyevent@0__:${event}`]);
    }
});

check('sharded channels', async () => {
    const [client, listener] = await connectTwo();
    const mailbox = new Mailbox();
    await listener.sSubscribe('orders', mailbox.put('orders'));
    equal('receivers', await client.sPublish('orders', 'one'), 1);
    equal('receivers of PUBLISH', await client.publish('orders', 'two'), 0);
    equal('the message', await mailbox.next(), ['orders', 'one', 'orders']);
    equal('PUBSUB SHARDNUMSUB', await client.pubSubShardNumSub(['orders']), { orders: 1 });
    await listener.sUnsubscribe('orders');
    equal('receivers after', await client.sPublish('orders', 'three'), 0);
});

check('a subscriber reconnects', async () => {
    const [client, listener] = await connectTwo({}, { name: 'listener' });
    const mailbox = new Mailbox();
    await listener.subscribe('news', mailbox.put('message'));
    await listener.pSubscribe('sport.*', mailbox.put('pmessage'));
    await listener.sSubscribe('orders', mailbox.put('smessage'));
    const named = async () => (await client.clientList({ TYPE: 'PUBSUB' })).find(other => other.name === 'listener');
    const { id } = await named();
    equal('CLIENT KILL', await client.clientKill({ filter: 'ID', id: String(id) }), 1);
    // It connects and subscribes again by itself.
    await eventually('the subscriptions', async () => [
        (await client.pubSubNumSub(['news'])).news,
        await client.pubSubNumPat(),
        (await client.pubSubShardNumSub(['orders'])).orders,
    ], [1, 1, 1]);
    holds('it is another connection', (await named()).id !== id);
    await client.publish('news', 'one');
    equal('a message', await mailbox.next(), ['message', 'one', 'news']);
    await client.publish('sport.x', 'two');
    equal('a message by pattern', await mailbox.next(), ['pmessage', 'two', 'sport.x']);
    await client.sPublish('orders', 'three');
    equal('a message of a shard', await mailbox.next(), ['smessage', 'three', 'orders']);
});

/** How often a command has run since CONFIG RESETSTAT. */
async function calls(client, command) {
    const found = new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await client.info('commandstats'));
    return Number(found?.[1] ?? 0);
}

check('client-side caching', async () => {
    if (PROTOCOL === 2) {
        let refused;
        try {
            createClient(options({ clientSideCache: {} }));
        } catch (error) {
            refused = error.message;
        }
        equal('a cache in RESP2', refused, 'Client Side Caching is only supported with RESP3');
        throw new NotPossible('node-redis caches in RESP3 alone');
    }
    const cache = new BasicClientSideCache();
    const [client, other] = await connectTwo({ clientSideCache: cache });
    await other.flushAll();
    await other.set('price', '10');
    await other.hSet('user', 'name', 'Ann');
    await other.configResetStat();
    for (const _ of numbers(5)) {
        equal('the price', await client.get('price'), '10');
        equal('the user', await client.hGetAll('user'), { name: 'Ann' });
        equal('both and nothing', await client.mGet(['price', 'missing']), ['10', null]);
    }
    const asked = [await calls(other, 'get'), await calls(other, 'hgetall'), await calls(other, 'mget')];
    equal('what came to the server', asked, [1, 1, 1]);
    equal('hits and misses', [cache.stats().hitCount, cache.stats().missCount], [12, 3]);
    await other.set('price', '20');
    await eventually('the new price', () => client.get('price'), '20');
    await eventually('the new price in MGET', () => client.mGet(['price', 'missing']), ['20', null]);
    await other.set('missing', '1');
    await eventually('the key that was missing', () => client.mGet(['price', 'missing']), ['20', '1']);
    await other.multi().set('price', '30').hSet('user', 'name', 'Bob').exec();
    await eventually('the price of EXEC', () => client.get('price'), '30');
    await eventually('the user of EXEC', () => client.hGetAll('user'), { name: 'Bob' });
    // The price expires without anybody's doing.
    await other.pExpire('price', 20);
    await eventually('the expired price', () => client.get('price'), null);
    await other.flushAll();
    await eventually('the user after FLUSHALL', () => client.hGetAll('user'), {});

    const [told, mailbox] = [await connect({ emitInvalidate: true }), new Mailbox()];
    told.on('invalidate', mailbox.put('invalidate'));
    equal('GET', await told.get('price'), null);
    await other.set('price', '40');
    equal('the event', await mailbox.next(), ['invalidate', Buffer.from('price')]);
});

check('BZPOPMIN blocks', async () => {
    const [client, other] = await connectTwo();
    await other.del('queue');
    equal('BZPOPMIN in vain', await client.bzPopMin('queue', 0.05), null);
    const waiting = client.bzPopMin(['other queue', 'queue'], 20);
    const blocked = async () => /blocked_clients:(\d+)/.exec(await other.info('clients'))[1];
    await eventually('the blocked client', blocked, '1');
    equal('ZADD', await other.zAdd('queue', [{ score: 2, value: 'second' }, { score: 1, value: 'first' }]), 2);
    equal('BZPOPMIN', await waiting, { key: 'queue', value: 'first', score: 1 });
    equal('what is left', await other.zRange('queue', 0, -1), ['second']);
});

check('lists block', async () => {
    const [client, other] = await connectTwo();
    const mover = await connect();
    await other.del(['queue', 'done']);
    equal('BLPOP in vain', await client.blPop('queue', 0.05), null);
    const first = client.blPop(['other queue', 'queue'], 20);
    const blocked = async () => /blocked_clients:(\d+)/.exec(await other.info('clients'))[1];
    await eventually('the blocked client', blocked, '1');
    const second = mover.blMove('queue', 'done', 'RIGHT', 'LEFT', 20);
    await eventually('two blocked clients', blocked, '2');
    equal('RPUSH', await other.rPush('queue', ['a', 'b', 'c']), 3);
    equal('BLPOP', await first, { key: 'queue', element: 'a' });
    equal('BLMOVE', await second, 'c');
    equal('BLMPOP of what is there', await client.blmPop(20, ['queue'], 'LEFT'), ['queue', ['b']]);
});

check('XREAD blocks', async () => {
    const [client, other] = await connectTwo();
    const member = await connect();
    await other.del('stream');
    await other.xGroupCreate('stream', 'group', '$', { MKSTREAM: true });
    equal('XREAD in vain', await client.xRead({ key: 'stream', id: '$' }, { BLOCK: 50 }), null);
    const reading = client.xRead({ key: 'stream', id: '$' }, { BLOCK: 20_000 });
    const consuming = member.xReadGroup('group', 'ann', { key: 'stream', id: '>' }, { BLOCK: 20_000 });
    const blocked = async () => /blocked_clients:(\d+)/.exec(await other.info('clients'))[1];
    await eventually('the blocked clients', blocked, '2');
    await other.xAdd('stream', '2-0', { a: '1' });
    for (const found of await Promise.all([reading, consuming])) {
        equal('what comes', found, streamsOf(['stream', [entry('2-0', { a: '1' })]]));
    }
});

check('binary keys and values', async () => {
    const client = (await connect()).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    await client.flushDb();
    const big = Buffer.concat(Array(20_000).fill(EVERY_BYTE));
    for (const value of [Buffer.alloc(0), EVERY_BYTE, Buffer.from('\r\n$3\r\n*1\r\n'), big]) {
        equal('SET', await client.set(EVERY_BYTE, value), 'OK');
        holds(`${value.length} bytes come back`, value.equals(await client.get(EVERY_BYTE)));
    }
    equal('the keys', await client.keys('*'), [EVERY_BYTE]);
    await client.hSet('hash', EVERY_BYTE, EVERY_BYTE);
    equal('a field', await client.hmGet('hash', EVERY_BYTE), [EVERY_BYTE]);
    await client.sAdd('set', EVERY_BYTE);
    equal('a member', await client.sMembers('set'), [EVERY_BYTE]);
    await client.zAdd('zset', { score: 1, value: EVERY_BYTE });
    equal('a scored member', await client.zRangeWithScores('zset', 0, -1), [{ value: EVERY_BYTE, score: 1 }]);
    // An EXEC gives texts whatever types are asked for, a pipeline does not.
    const [value, deleted] = await client.multi().get(EVERY_BYTE).del(EVERY_BYTE).execAsPipeline();
    holds('a pipeline gives the value and deletes it', big.equals(value) && deleted === 1);
    const text = await connect();
    await text.set('Schlüssel', 'värde ☃');
    equal('text', await text.mGet(['Schlüssel']), ['värde ☃']);
});

check('16 connections at once', async () => {
    // A pool gives each task a connection of its own, as WATCH needs.
    const pool = await keep(createClientPool(options(), { minimum: 16, maximum: 16 })).connect();
    await pool.del('counter');
    const ids = await Promise.all(numbers(16).map(() => pool.execute(async client => {
        for (let done = 0; done < 10;) {
            await client.watch('counter');
            const count = Number(await client.get('counter'));
            try {
                await client.multi().set('counter', String(count + 1)).exec();
                done += 1;
            } catch (error) {
                if (error.constructor.name !== 'WatchError') throw error;
            }
        }
        return client.clientId();
    })));
    equal('the connections', new Set(ids).size, 16);
    equal('the counter', await pool.get('counter'), '160');
});

check('going on after a restart', async () => {
    const [client, listener] = await connectTwo({ database: 1, name: 'survivor' });
    const mailbox = new Mailbox();
    await listener.subscribe('news', mailbox.put('message'));
    await client.set('before', '1');
    await client.watch('before');
    await restart();
    // Commands wait for the new connection, which has lost the watch.
    equal('the key of the first server', await client.get('before'), null);
    equal('SET', await client.set('after', '1'), 'OK');
    const text = 'Client reconnected after WATCH';
    await raises('EXEC of a watch that is lost', client.multi().set('before', '2').exec(), 'WatchError', text);
    const mine = await client.clientInfo();
    equal('name and database', [mine.name, mine.db], ['survivor', 1]);
    await eventually('receivers', () => client.publish('news', 'again'), 1);
    equal('the message', await mailbox.next(), ['message', 'again', 'news']);
});

await run();
