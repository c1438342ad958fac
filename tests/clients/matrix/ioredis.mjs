// ioredis. With protocol 3 asked for, replies are taken in RESP3's shapes too; by default they look
// as in RESP2, though RESP3 is what ioredis speaks.

import Redis from 'ioredis';
import { createRequire } from 'node:module';
import {
    EVERY_BYTE, GUARDED_PORT, HOST, Mailbox, NotPossible, PASSWORD, PORT, PROTOCOL, atTheEnd, check, equal, eventually,
    holds, isSince, numbers, raises, restart, run, whole,
} from './report.mjs';

const { version } = createRequire(import.meta.url)('ioredis/package.json');
const shaped = PROTOCOL === 3;
const options = PROTOCOL === undefined ? {} : { protocol: PROTOCOL };
if (shaped) options.replyMapping = 'resp3';

/** A score as the client gives it: a text, as in RESP2, or a number. */
const score = value => (shaped ? value : String(value));

function connect(more = {}) {
    return keep(new Redis({ host: HOST, port: PORT, ...options, ...more }));
}

/** Closes a client when the check ends; what it says about lost connections is not an error here. */
function keep(client) {
    client.on('error', () => {});
    atTheEnd(() => client.disconnect());
    return client;
}

async function ownInfo(client) {
    const line = await client.client('INFO');
    return Object.fromEntries(line.trim().split(' ').map(pair => pair.split(/=(.*)/s, 2)));
}

check('connect without a password', async () => {
    const client = connect({ connectionName: 'matrix' });
    equal('PING', await client.ping(), 'PONG');
    const mine = await ownInfo(client);
    equal('the protocol', mine.resp, String(PROTOCOL ?? 3));
    equal('the name', mine.name, 'matrix');
    if (isSince(await client.info('server'), 7, 2)) {
        equal('the library', [mine['lib-name'], mine['lib-ver']], ['ioredis', version]);
    }
    equal('QUIT', await client.quit(), 'OK');
});

check('connect with a password', async () => {
    equal('PING', await connect({ port: GUARDED_PORT, password: PASSWORD }).ping(), 'PONG');
    const client = connect({ port: GUARDED_PORT, username: 'default', password: PASSWORD, db: 2 });
    const mine = await ownInfo(client);
    equal('user and database', [mine.user, mine.db], ['default', '2']);
    const url = `redis://:${encodeURIComponent(PASSWORD)}@${HOST}:${GUARDED_PORT}/4`;
    equal('the database of a URL', (await ownInfo(keep(new Redis(url, options)))).db, '4');
});

check('a wrong password', async () => {
    for (const login of [{ password: 'bad' }, { username: 'nobody', password: PASSWORD }]) {
        const client = connect({ port: GUARDED_PORT, ...login });
        await raises('PING', client.ping(), 'ReplyError', 'WRONGPASS invalid username-password pair or user is');
    }
});

check('no password where one is needed', async () => {
    await raises('PING', connect({ port: GUARDED_PORT }).ping(), 'ReplyError', 'NOAUTH ');
});

check('SELECT', async () => {
    const third = connect({ db: 3 });
    await third.set('where', 'in 3');
    const client = connect();
    equal('the key in 0', await client.get('where'), null);
    equal('SELECT', await client.select(3), 'OK');
    equal('the key in 3', await client.get('where'), 'in 3');
    await raises('SELECT 99', client.select(99), 'ReplyError', 'DB index is out of range');
    equal('the database after a bad SELECT', (await ownInfo(client)).db, '3');
    equal('MOVE', await client.move('where', 5), 1);
    equal('the key in 5', await connect({ db: 5 }).get('where'), 'in 3');
});

check('INFO', async () => {
    const client = connect();
    await client.flushall();
    await client.set('key', 1, 'EX', 100);
    const lines = (await client.info()).split('\r\n');
    for (const line of [`tcp_port:${PORT}`, 'role:master', 'loading:0', 'maxmemory_policy:noeviction']) {
        holds(`INFO has ${line}`, lines.includes(line));
    }
    holds('INFO has the keys', (await client.info('keyspace')).includes('db0:keys=1,expires=1,'));
    equal('a setting', await client.config('GET', 'databases'), shaped ? { databases: '16' } : ['databases', '16']);
});

check('strings', async () => {
    const client = connect();
    await client.flushdb();
    equal('SET', await client.set('name', 'Ann', 'EX', 100), 'OK');
    equal('GET', await client.get('name'), 'Ann');
    equal('GET of nothing', await client.get('missing'), null);
    equal('SET NX', await client.set('name', 'Bob', 'NX'), null);
    equal('SET GET', await client.set('name', 'Bob', 'KEEPTTL', 'GET'), 'Ann');
    equal('TTL', whole(await client.ttl('name')), 100);
    equal('INCR', await client.incr('count'), 1);
    equal('INCRBYFLOAT', await client.incrbyfloat('number', 0.5), '0.5');
    equal('MSET', await client.mset({ a: 1, b: 2 }), 'OK');
    equal('MGET', await client.mget('a', 'missing', 'b'), ['1', null, '2']);
    equal('GETRANGE', await client.getrange('name', 1, -1), 'ob');
    equal('GETDEL', await client.getdel('name'), 'Bob');
    equal('TYPE', await client.type('a'), 'string');
    equal('EXISTS', await client.exists('a', 'b', 'missing'), 2);
    const keys = [];
    for await (const some of client.scanStream({ match: '[ab]' })) keys.push(...some);
    equal('SCAN', keys.sort(), ['a', 'b']);
    equal('OBJECT ENCODING', await client.object('ENCODING', 'a'), 'int');
    equal('SETBIT', await client.setbit('bits', 7, 1), 0);
    equal('BITCOUNT', await client.bitcount('bits'), 1);
    const bits = await client.bitfield('bits', 'GET', 'u8', 0, 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', 0, 255);
    equal('BITFIELD', bits, [1, null]);
    await raises('INCR', client.incr('number'), 'ReplyError', 'ERR value is not an integer or out of range');
});

check('hashes', async () => {
    const client = connect();
    await client.del('user', 'empty');
    equal('HSET', await client.hset('user', { name: 'Ann', funds: 10 }), 2);
    equal('HGETALL', await client.hgetall('user'), { name: 'Ann', funds: '10' });
    equal('HGETALL of nothing', await client.hgetall('empty'), {});
    equal('HINCRBYFLOAT', await client.hincrbyfloat('user', 'funds', -0.5), '9.5');
    equal('HMGET', await client.hmget('user', 'name', 'missing'), ['Ann', null]);
    equal('HKEYS', await client.hkeys('user'), ['name', 'funds']);
    equal('HSCAN', await client.hscan('user', 0), ['0', ['name', 'Ann', 'funds', '9.5']]);
    await client.hdel('user', 'funds');
    const pair = shaped ? [['name', 'Ann']] : ['name', 'Ann'];
    equal('HRANDFIELD', await client.hrandfield('user', 1, 'WITHVALUES'), pair);
    await raises('GET of a hash', client.get('user'), 'ReplyError', 'WRONGTYPE');
});

check('expiry of hash fields', async () => {
    const client = connect();
    if (!isSince(await client.info('server'), 7, 4)) throw new NotPossible('the server is older than 7.4');
    await client.del('session');
    await client.hset('session', { token: 'x', user: 'Ann', brief: 'y' });
    equal('HEXPIRE', await client.hexpire('session', 100, 'FIELDS', 2, 'token', 'missing'), [1, -2]);
    const left = await client.httl('session', 'FIELDS', 3, 'token', 'user', 'missing');
    equal('HTTL', left.map(whole), [100, -1, -2]);
    equal('HPERSIST', await client.hpersist('session', 'FIELDS', 2, 'token', 'user'), [1, -1]);
    equal('HPEXPIRE', await client.hpexpire('session', 20, 'FIELDS', 1, 'brief'), [1]);
    await eventually('HGETALL without the field', () => client.hgetall('session'), { token: 'x', user: 'Ann' });
});

check('sets', async () => {
    const client = connect();
    await client.del('a', 'b', 'c');
    equal('SADD', await client.sadd('a', 'x', 'y', 'z'), 3);
    await client.sadd('b', ['y', 'z', 'w']);
    equal('SMEMBERS', (await client.smembers('a')).sort(), ['x', 'y', 'z']);
    equal('SISMEMBER', await client.sismember('a', 'w'), 0);
    equal('SMISMEMBER', await client.smismember('a', 'x', 'w'), [1, 0]);
    equal('SINTER', (await client.sinter('a', 'b')).sort(), ['y', 'z']);
    equal('SINTERCARD', await client.sintercard(2, 'a', 'b'), 2);
    equal('SUNIONSTORE', await client.sunionstore('c', 'a', 'b'), 4);
    equal('SMOVE', await client.smove('a', 'b', 'x'), 1);
    equal('SPOP', (await client.spop('a', 5)).sort(), ['y', 'z']);
    equal('SPOP of nothing', await client.spop('a'), null);
});

check('sorted sets', async () => {
    const client = connect();
    await client.del('market');
    equal('ZADD', await client.zadd('market', 1.5, 'bread', 35, 'sword', 'inf', 'crown'), 3);
    equal('ZSCORE', await client.zscore('market', 'bread'), score(1.5));
    equal('ZSCORE of inf', await client.zscore('market', 'crown'), shaped ? Infinity : 'inf');
    equal('ZADD INCR', await client.zadd('market', 'INCR', 1, 'bread'), score(2.5));
    equal('ZMSCORE', await client.zmscore('market', 'sword', 'missing'), [score(35), null]);
    equal('ZRANGE', await client.zrange('market', 0, -1), ['bread', 'sword', 'crown']);
    const pair = shaped ? [['bread', 2.5]] : ['bread', '2.5'];
    equal('ZRANGE WITHSCORES', await client.zrange('market', 0, 0, 'WITHSCORES'), pair);
    equal('ZRANGEBYSCORE', await client.zrangebyscore('market', '(2.5', '+inf', 'LIMIT', 0, 1), ['sword']);
    equal('ZRANK', await client.zrank('market', 'crown'), 2);
    equal('ZCOUNT', await client.zcount('market', '-inf', 35), 2);
    equal('ZUNION', await client.zunion(2, 'market', 'market'), ['bread', 'sword', 'crown']);
    equal('ZSCAN', (await client.zscan('market', 0))[1].slice(0, 2), ['bread', '2.5']);
    equal('ZPOPMIN', await client.zpopmin('market'), ['bread', score(2.5)]);
    await raises('ZADD of a word', client.zadd('market', 'x', 'y'), 'ReplyError', 'ERR value is not a valid float');
});

check('lists', async () => {
    const client = connect();
    await client.del('list', 'other');
    equal('RPUSH', await client.rpush('list', 'a', 'b', 'c'), 3);
    equal('LPUSH', await client.lpush('list', EVERY_BYTE), 4);
    equal('LPUSHX of nothing', await client.lpushx('missing', 'x'), 0);
    equal('LRANGE', (await client.lrangeBuffer('list', 0, 1)), [EVERY_BYTE, Buffer.from('a')]);
    equal('LLEN', await client.llen('list'), 4);
    equal('LINDEX', [await client.lindex('list', -1), await client.lindex('list', 9)], ['c', null]);
    equal('LINSERT', await client.linsert('list', 'AFTER', 'a', 'a'), 5);
    equal('LPOS', await client.lpos('list', 'a', 'COUNT', 0), [1, 2]);
    equal('LSET', await client.lset('list', 0, 'first'), 'OK');
    equal('LREM', await client.lrem('list', -1, 'a'), 1);
    equal('LTRIM', await client.ltrim('list', 0, 2), 'OK');
    equal('LMOVE', await client.lmove('list', 'other', 'RIGHT', 'LEFT'), 'b');
    equal('LPOP of many', await client.lpop('list', 5), ['first', 'a']);
    equal('RPOP of nothing', await client.rpop('list'), null);
    equal('LMPOP', await client.lmpop(2, 'list', 'other', 'LEFT'), ['other', ['b']]);
    await raises('LSET of nothing', client.lset('list', 0, 'x'), 'ReplyError', 'ERR no such key');
});

check('streams', async () => {
    const client = connect();
    await client.del('stream');
    equal('XADD', await client.xadd('stream', '1-1', 'name', 'Ann', 'age', 30), '1-1');
    equal('XADD of a part', await client.xadd('stream', '1-*', 'name', 'Bob'), '1-2');
    await client.xadd('stream', '2-0', 'bytes', EVERY_BYTE);
    const [first, second] = [['1-1', ['name', 'Ann', 'age', '30']], ['1-2', ['name', 'Bob']]];
    equal('XRANGE', await client.xrange('stream', '-', '1-2'), [first, second]);
    const [last] = await client.xrevrangeBuffer('stream', '+', '-', 'COUNT', 1);
    equal('XREVRANGE', last, [Buffer.from('2-0'), [Buffer.from('bytes'), EVERY_BYTE]]);
    const found = await client.xread('COUNT', 1, 'STREAMS', 'stream', 'missing', '1-1', '0');
    equal('XREAD', found, shaped ? { stream: [second] } : [['stream', [second]]]);
    equal('XREAD of nothing', await client.xread('STREAMS', 'stream', '2-0'), null);
    equal('XLEN', await client.xlen('stream'), 3);
    equal('XDEL', await client.xdel('stream', '1-1', '9-9'), 1);
    equal('XTRIM', await client.xtrim('stream', 'MAXLEN', 1), 1);
    const info = await client.xinfo('STREAM', 'stream');
    const named = shaped ? info : Object.fromEntries(numbers(info.length / 2).map(n => [info[2 * n], info[2 * n + 1]]));
    equal('XINFO STREAM', [named.length, named['last-generated-id'], named['max-deleted-entry-id']], [1, '2-0', '1-1']);
    await raises('XADD of an old ID', client.xadd('stream', '1-5', 'a', 1), 'ReplyError', 'is equal or smaller than');
});

check('consumer groups', async () => {
    const client = connect();
    await client.del('orders');
    equal('XGROUP CREATE', await client.xgroup('CREATE', 'orders', 'shop', '$', 'MKSTREAM'), 'OK');
    for (const number of [1, 2, 3]) await client.xadd('orders', `${number}-0`, 'number', number);
    const entries = [1, 2, 3].map(number => [`${number}-0`, ['number', String(number)]]);
    const read = (...words) => client.xreadgroup('GROUP', 'shop', 'ann', ...words);
    const shape = list => (shaped ? { orders: list } : [['orders', list]]);
    equal('XREADGROUP', await read('COUNT', 2, 'STREAMS', 'orders', '>'), shape(entries.slice(0, 2)));
    equal('XREADGROUP of what it has', await read('STREAMS', 'orders', '0'), shape(entries.slice(0, 2)));
    equal('XACK', await client.xack('orders', 'shop', '1-0', '9-0'), 1);
    equal('XPENDING', await client.xpending('orders', 'shop'), [1, '2-0', '2-0', [['ann', '1']]]);
    const [waiting] = await client.xpending('orders', 'shop', '-', '+', 10);
    equal('XPENDING of one', [waiting[0], waiting[1], waiting[3]], ['2-0', 'ann', 2]);
    equal('XCLAIM', await client.xclaim('orders', 'shop', 'bob', 0, '2-0'), entries.slice(1, 2));
    const claimed = await client.xautoclaim('orders', 'shop', 'cid', 0, '0');
    equal('XAUTOCLAIM', claimed.slice(0, 2), ['0-0', entries.slice(1, 2)]);
    equal('XGROUP DELCONSUMER', await client.xgroup('DELCONSUMER', 'orders', 'shop', 'cid'), 1);
    equal('XGROUP DESTROY', await client.xgroup('DESTROY', 'orders', 'shop'), 1);
    await raises('XREADGROUP without a group', read('STREAMS', 'orders', '>'), 'ReplyError', 'NOGROUP No such key');
});

check('bitmaps', async () => {
    const client = connect();
    await client.del('bits', 'other', 'both');
    equal('SETBIT', [await client.setbit('bits', 7, 1), await client.setbit('bits', 20, 1)], [0, 0]);
    equal('GETBIT', [await client.getbit('bits', 7), await client.getbit('bits', 1_000)], [1, 0]);
    equal('BITCOUNT', [await client.bitcount('bits'), await client.bitcount('bits', 0, 7, 'BIT')], [2, 1]);
    equal('BITPOS', [await client.bitpos('bits', 1), await client.bitpos('bits', 1, 2)], [7, 20]);
    await client.set('other', Buffer.from([255]));
    equal('BITOP', await client.bitop('AND', 'both', 'bits', 'other'), 3);
    equal('its bytes', await client.getBuffer('both'), Buffer.from([1, 0, 0]));
    const saturating = ['OVERFLOW', 'SAT', 'INCRBY', 'u8', 0, 9];
    const failing = ['OVERFLOW', 'FAIL', 'INCRBY', 'u8', 0, 1];
    const found = await client.bitfield('bits', 'SET', 'u8', 0, 255, ...saturating, ...failing);
    equal('BITFIELD', found, [1, 255, null]);
});

check('HyperLogLogs', async () => {
    const client = connect();
    await client.del('visits', 'others', 'all');
    equal('PFADD', [await client.pfadd('visits', ...numbers(1_000)), await client.pfadd('visits', 5)], [1, 0]);
    await client.pfadd('others', ...numbers(1_500).slice(500));
    equal('PFCOUNT', [await client.pfcount('visits'), await client.pfcount('visits', 'others')], [1001, 1512]);
    equal('PFMERGE', [await client.pfmerge('all', 'visits', 'others'), await client.pfcount('all')], ['OK', 1512]);
});

check('geo', async () => {
    const client = connect();
    await client.del('places', 'near');
    equal('GEOADD', await client.geoadd('places', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2);
    equal('GEODIST', await client.geodist('places', 'Palermo', 'Catania', 'km'), '166.2742');
    equal('GEOHASH', await client.geohash('places', 'Palermo', 'missing'), ['sqc8b49rny0', null]);
    const numbersOf = pair => pair.map(Number);
    const [position, missing] = await client.geopos('places', 'Palermo', 'missing');
    equal('GEOPOS', [numbersOf(position), missing], [[13.361389338970184, 38.1155563954963], null]);
    const around = ['FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km', 'ASC'];
    const found = await client.geosearch('places', ...around, 'WITHDIST');
    equal('GEOSEARCH', found, [['Catania', '56.4413'], ['Palermo', '190.4424']]);
    equal('GEOSEARCHSTORE', await client.geosearchstore('near', 'places', ...around, 'COUNT', 1), 1);
});

check('SORT', async () => {
    const client = connect();
    await client.del('numbers', 'sorted');
    await client.rpush('numbers', 10, 9, 2, 33);
    equal('SORT', await client.sort('numbers'), ['2', '9', '10', '33']);
    equal('SORT ALPHA DESC', await client.sort('numbers', 'ALPHA', 'DESC', 'LIMIT', 0, 2), ['9', '33']);
    await client.mset('weight:2', 4, 'weight:9', 3, 'weight:10', 2, 'weight:33', 1, 'name:33', 'many');
    const found = await client.sort('numbers', 'BY', 'weight:*', 'GET', '#', 'GET', 'name:*', 'LIMIT', 0, 2);
    equal('SORT BY GET', found, ['33', 'many', '10', null]);
    equal('SORT STORE', await client.sort('numbers', 'STORE', 'sorted'), 4);
    equal('what it stored', await client.lrange('sorted', 0, 1), ['2', '9']);
    await client.rpush('numbers', 'word');
    await raises('SORT of words', client.sort('numbers'), 'ReplyError', "can't be converted into double");
});

check('DUMP and RESTORE', async () => {
    const client = connect();
    await client.flushdb();
    await client.set('string', EVERY_BYTE);
    await client.rpush('list', EVERY_BYTE, ...numbers(1_000));
    await client.hset('hash', EVERY_BYTE, EVERY_BYTE);
    await client.xadd('stream', '1-1', 'bytes', EVERY_BYTE);
    const read = {
        string: key => client.getBuffer(key),
        list: key => client.lrangeBuffer(key, 0, -1),
        hash: key => client.hmgetBuffer(key, EVERY_BYTE),
        stream: key => client.xrangeBuffer(key, '-', '+'),
    };
    for (const [key, value] of Object.entries(read)) {
        equal('RESTORE', await client.restore(`${key} again`, 0, await client.dumpBuffer(key)), 'OK');
        equal(`the ${key}`, await value(`${key} again`), await value(key));
    }
    equal('DUMP of nothing', await client.dump('missing'), null);
    const payload = await client.dumpBuffer('string');
    await raises('RESTORE', client.restore('string', 0, payload), 'ReplyError', 'BUSYKEY Target key name');
    equal('RESTORE REPLACE', await client.restore('string', 100_000, payload, 'REPLACE'), 'OK');
    equal('its time', whole(await client.ttl('string')), 100);
    const broken = client.restore('bad', 0, Buffer.concat([payload.subarray(0, -1), Buffer.from('x')]));
    await raises('RESTORE of a broken payload', broken, 'ReplyError', 'DUMP payload version or checksum are wrong');
});

check('a WATCH conflict', async () => {
    const [client, other] = [connect(), connect()];
    await client.set('balance', 10);
    equal('WATCH', await client.watch('balance'), 'OK');
    await other.set('balance', 20);
    equal('EXEC', await client.multi().set('balance', 15).get('balance').exec(), null);
    equal('the balance', await client.get('balance'), '20');
    equal('the same again, without WATCH', await client.multi().set('balance', 15).exec(), [[null, 'OK']]);
});

check('WATCH without a conflict', async () => {
    const [client, other] = [connect(), connect()];
    await client.mset('mine', 1, 'elsewhere', 1);
    await client.watch('mine', 'missing');
    await other.incr('elsewhere');
    const results = await client.multi().incr('mine').get('mine').get('missing').exec();
    equal('EXEC', results, [[null, 2], [null, '2'], [null, null]]);
});

check('a runtime error in a transaction', async () => {
    const client = connect();
    await client.set('word', 'text');
    const [first, second, third] = await client.multi().set('number', 1).incr('word').incr('number').exec();
    equal('the first and the last', [first, third], [[null, 'OK'], [null, 2]]);
    await raises('the element', Promise.reject(second[0]), 'ReplyError', 'ERR value is not an integer or out of range');
});

check('a queueing error in a transaction', async () => {
    const client = connect();
    await client.del('number');
    const transaction = client.multi().set('number', 1).call('GET');
    const error = await raises('EXEC', transaction.exec(), 'ReplyError', 'EXECABORT Transaction discarded because of');
    equal('the errors before', error.previousErrors.map(previous => previous.message), [
        "ERR wrong number of arguments for 'get' command",
    ]);
    equal('the number, which was not set', await client.get('number'), null);
});

check('UNWATCH', async () => {
    const [client, other] = [connect(), connect()];
    await client.set('key', 1);
    await client.watch('key');
    await other.set('key', 2);
    equal('UNWATCH', await client.unwatch(), 'OK');
    equal('EXEC', await client.multi().incr('key').exec(), [[null, 3]]);
});

check('DISCARD', async () => {
    const [client, other] = [connect(), connect()];
    await client.set('key', 1);
    await client.watch('key');
    equal('MULTI', await client.multi({ pipeline: false }), 'OK');
    equal('a queued command', await client.set('key', 2), 'QUEUED');
    equal('DISCARD', await client.discard(), 'OK');
    equal('the key', await client.get('key'), '1');
    // The watch is gone too.
    await other.set('key', 3);
    await client.multi({ pipeline: false });
    await client.incr('key');
    equal('EXEC', await client.exec(), [[null, 4]]);
    await raises('DISCARD again', client.discard(), 'ReplyError', 'ERR DISCARD without MULTI');
});

check('a pipeline of 10,000', async () => {
    const client = connect();
    const expected = numbers(5_000).flatMap(number => [[null, 'OK'], [null, String(number).repeat(10)]]);
    for (const pipeline of [client.pipeline(), client.multi()]) {
        for (const number of numbers(5_000)) {
            pipeline.set(`key:${number}`, String(number).repeat(10)).get(`key:${number}`);
        }
        equal('the results', await pipeline.exec(), expected);
    }
    // Without a pipeline, but without waiting either.
    const replies = await Promise.all(numbers(10_000).map(() => client.incr('many')));
    equal('the counts', replies, numbers(10_001).slice(1));
    equal('DEL of all', await client.del(numbers(5_000).map(number => `key:${number}`)), 5_000);
});

check('publish and subscribe', async () => {
    const [client, listener, mailbox] = [connect(), connect(), new Mailbox()];
    equal('receivers before', await client.publish('news', 'nobody hears'), 0);
    equal('SUBSCRIBE', await listener.subscribe('news', 'sport'), 2);
    listener.on('messageBuffer', mailbox.put('message'));
    equal('receivers', await client.publish('news', EVERY_BYTE), 1);
    equal('the message', await mailbox.next(), ['message', Buffer.from('news'), EVERY_BYTE]);
    if (PROTOCOL === 2) {
        equal('PING', await listener.ping('hello'), ['pong', 'hello']);
        await raises('GET', listener.get('key'), 'Error', 'Connection in subscriber mode');
    } else {
        // In RESP3 replies and messages come beside one another.
        equal('PING', await listener.ping('hello'), 'hello');
        const replies = await Promise.all(numbers(100).flatMap(number => [
            listener.set('key', number), listener.publish('news', `${number}`), listener.get('key'),
        ]));
        equal('replies', replies, numbers(100).flatMap(number => ['OK', 1, String(number)]));
        for (const number of numbers(100)) {
            equal('its own message', await mailbox.next(), ['message', Buffer.from('news'), Buffer.from(`${number}`)]);
        }
    }
    equal('PUBSUB CHANNELS', await client.pubsub('CHANNELS', '*o*'), ['sport']);
    equal('PUBSUB NUMSUB', await client.pubsub('NUMSUB', 'news', 'none'), ['news', 1, 'none', 0]);
    await Promise.all(numbers(1_000).map(number => client.publish('sport', number)));
    for (const number of numbers(1_000)) {
        equal('messages in order', await mailbox.next(), ['message', Buffer.from('sport'), Buffer.from(`${number}`)]);
    }
    const results = await client.multi().publish('news', 'from EXEC').set('announced', 1).exec();
    equal('PUBLISH in EXEC', results, [[null, 1], [null, 'OK']]);
    equal('its message', (await mailbox.next())[2].toString(), 'from EXEC');
    equal('UNSUBSCRIBE', await listener.unsubscribe('news'), 1);
    equal('receivers after', await client.publish('news', 'nobody hears'), 0);
    equal('UNSUBSCRIBE from all', await listener.unsubscribe(), 0);
    equal('GET after it', await listener.get('announced'), '1');
});

check('patterns', async () => {
    const [client, listener, mailbox] = [connect(), connect(), new Mailbox()];
    listener.on('pmessage', mailbox.put('pmessage'));
    equal('PSUBSCRIBE', await listener.psubscribe('news.*', '*.art'), 2);
    equal('receivers, one for each pattern', await client.publish('news.art', 'opening'), 2);
    const heard = [await mailbox.next(), await mailbox.next()].sort();
    equal('the messages', heard, [
        ['pmessage', '*.art', 'news.art', 'opening'],
        ['pmessage', 'news.*', 'news.art', 'opening'],
    ]);
    equal('PUBSUB NUMPAT', await client.pubsub('NUMPAT'), 2);
    equal('PUNSUBSCRIBE', await listener.punsubscribe('news.*'), 1);
    equal('receivers after', await client.publish('news.sport', 'nobody hears'), 0);
    // What happens to keys comes as messages too.
    equal('PSUBSCRIBE', await listener.psubscribe('__keyevent@0__:*'), 2);
    await client.config('SET', 'notify-keyspace-events', 'EA');
    atTheEnd(() => client.config('SET', 'notify-keyspace-events', ''));
    await client.set('watched', 1, 'PX', 20);
    for (const event of ['set', 'expire', 'expired']) {
        equal('an event', await mailbox.next(), ['pmessage', '__keyevent@0__:*', `__keyevent@0__:${event}`, 'watched']);
    }
});

check('sharded channels', async () => {
    const [client, listener, mailbox] = [connect(), connect(), new Mailbox()];
    listener.on('smessage', mailbox.put('smessage'));
    equal('SSUBSCRIBE', await listener.ssubscribe('orders'), 1);
    equal('receivers', await client.spublish('orders', 'one'), 1);
    equal('receivers of PUBLISH', await client.publish('orders', 'two'), 0);
    equal('the message', await mailbox.next(), ['smessage', 'orders', 'one']);
    equal('PUBSUB SHARDNUMSUB', await client.pubsub('SHARDNUMSUB', 'orders'), ['orders', 1]);
    equal('SUNSUBSCRIBE', await listener.sunsubscribe('orders'), 0);
});

check('a subscriber reconnects', async () => {
    const [client, listener, mailbox] = [connect(), connect({ connectionName: 'listener' }), new Mailbox()];
    for (const kind of ['message', 'pmessage', 'smessage']) listener.on(kind, mailbox.put(kind));
    await listener.subscribe('news');
    await listener.psubscribe('sport.*');
    await listener.ssubscribe('orders');
    const list = await client.client('LIST', 'TYPE', 'PUBSUB');
    const id = /^id=(\d+) .* name=listener /m.exec(list)[1];
    equal('CLIENT KILL', await client.client('KILL', 'ID', id), 1);
    // It connects and subscribes again by itself.
    await eventually('the subscriptions', async () => {
        const [[, channel], [, patterns], [, shard]] = await client.pipeline()
            .pubsub('NUMSUB', 'news').pubsub('NUMPAT').pubsub('SHARDNUMSUB', 'orders').exec();
        return [channel[1], patterns, shard[1]];
    }, [1, 1, 1]);
    holds('it is another connection', !(await client.client('LIST', 'TYPE', 'PUBSUB')).includes(`id=${id} `));
    await client.publish('news', 'one');
    equal('a message', await mailbox.next(), ['message', 'news', 'one']);
    await client.publish('sport.x', 'two');
    equal('a message by pattern', await mailbox.next(), ['pmessage', 'sport.*', 'sport.x', 'two']);
    await client.spublish('orders', 'three');
    equal('a message of a shard', await mailbox.next(), ['smessage', 'orders', 'three']);
});

check('client-side caching', async () => {
    throw new NotPossible('ioredis has no cache');
});

async function blockedClients(client) {
    return /blocked_clients:(\d+)/.exec(await client.info('clients'))[1];
}

check('BZPOPMIN blocks', async () => {
    const [client, other] = [connect({ connectionName: 'waiting' }), connect()];
    await other.del('queue');
    equal('BZPOPMIN in vain', await client.bzpopmin('queue', 0.05), null);
    const waiting = client.bzpopmin('other queue', 'queue', 20);
    await eventually('the blocked client', () => blockedClients(other), '1');
    // The wait outlives its connection: ioredis sends it again.
    const waits = async () => /^id=(\d+) .* name=waiting .* flags=b /m.exec(await other.client('LIST'))?.[1];
    const id = await waits();
    equal('CLIENT KILL', await other.client('KILL', 'ID', id), 1);
    await eventually('another connection waits', async () => ![id, undefined].includes(await waits()), true);
    equal('ZADD', await other.zadd('queue', 2, 'second', 1, 'first'), 2);
    equal('BZPOPMIN', await waiting, ['queue', 'first', score(1)]);
    equal('what is left', await other.zrange('queue', 0, -1), ['second']);
});

check('lists block', async () => {
    const [client, mover, other] = [connect(), connect(), connect()];
    await other.del('queue', 'done');
    equal('BLPOP in vain', await client.blpop('queue', 0.05), null);
    const first = client.blpop('other queue', 'queue', 20);
    await eventually('the blocked client', () => blockedClients(other), '1');
    const second = mover.blmoveBuffer('queue', 'done', 'RIGHT', 'LEFT', 20);
    await eventually('two blocked clients', () => blockedClients(other), '2');
    equal('RPUSH', await other.rpush('queue', 'a', 'b', EVERY_BYTE), 3);
    equal('BLPOP', await first, ['queue', 'a']);
    equal('BLMOVE', await second, EVERY_BYTE);
    equal('what is left', await other.lrange('queue', 0, -1), ['b']);
});

check('XREAD blocks', async () => {
    const [client, member, other] = [connect(), connect(), connect()];
    await other.del('stream');
    await other.xgroup('CREATE', 'stream', 'group', '$', 'MKSTREAM');
    equal('XREAD in vain', await client.xread('BLOCK', 50, 'STREAMS', 'stream', '$'), null);
    const reading = client.xread('BLOCK', 20_000, 'STREAMS', 'stream', '$');
    const consuming = member.xreadgroup('GROUP', 'group', 'ann', 'BLOCK', 20_000, 'STREAMS', 'stream', '>');
    await eventually('the blocked clients', () => blockedClients(other), '2');
    await other.xadd('stream', '2-0', 'a', 1);
    const entries = [['2-0', ['a', '1']]];
    for (const found of await Promise.all([reading, consuming])) {
        equal('what comes', found, shaped ? { stream: entries } : [['stream', entries]]);
    }
});

check('binary keys and values', async () => {
    const client = connect();
    await client.flushdb();
    const big = Buffer.concat(Array(20_000).fill(EVERY_BYTE));
    for (const value of [Buffer.alloc(0), EVERY_BYTE, Buffer.from('\r\n$3\r\n*1\r\n'), big]) {
        equal('SET', await client.set(EVERY_BYTE, value), 'OK');
        holds(`${value.length} bytes come back`, value.equals(await client.getBuffer(EVERY_BYTE)));
    }
    equal('the keys', await client.keysBuffer('*'), [EVERY_BYTE]);
    await client.hset('hash', EVERY_BYTE, EVERY_BYTE);
    equal('a field', await client.hmgetBuffer('hash', EVERY_BYTE), [EVERY_BYTE]);
    await client.sadd('set', EVERY_BYTE);
    equal('a member', await client.smembersBuffer('set'), [EVERY_BYTE]);
    await client.zadd('zset', 1, EVERY_BYTE);
    equal('a scored member', await client.zrangeBuffer('zset', 0, -1), [EVERY_BYTE]);
    const [[, value], [, deleted]] = await client.multi().getBuffer(EVERY_BYTE).del(EVERY_BYTE).exec();
    holds('EXEC gives the value and deletes it', big.equals(value) && deleted === 1);
    await client.set('Schlüssel', 'värde ☃');
    equal('text', await client.mget('Schlüssel'), ['värde ☃']);
});

check('16 connections at once', async () => {
    const clients = numbers(16).map(() => connect());
    await Promise.all(clients.map(client => client.ping()));
    await clients[0].del('counter');
    await Promise.all(clients.map(async client => {
        for (let done = 0; done < 10;) {
            await client.watch('counter');
            const count = Number(await client.get('counter'));
            if (await client.multi().set('counter', count + 1).exec() !== null) done += 1;
        }
    }));
    equal('the counter', await clients[0].get('counter'), '160');
    equal('the connections', new Set(await Promise.all(clients.map(client => client.client('ID')))).size, 16);
});

check('going on after a restart', async () => {
    const [client, listener, mailbox] = [connect({ db: 1, connectionName: 'survivor' }), connect(), new Mailbox()];
    await listener.subscribe('news');
    listener.on('message', mailbox.put('message'));
    await client.set('before', 1);
    await restart();
    // Commands wait for the new connection.
    equal('the key of the first server', await client.get('before'), null);
    equal('SET', await client.set('after', 1), 'OK');
    const mine = await ownInfo(client);
    equal('name and database', [mine.name, mine.db], ['survivor', '1']);
    await eventually('receivers', () => client.publish('news', 'again'), 1);
    equal('the message', await mailbox.next(), ['message', 'news', 'again']);
});

await run();
