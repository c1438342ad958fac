<?php
// php-redis: the checks of the client matrix. server.sh says how this is called.
declare(strict_types=1);

[, $port, $guarded_port, $password, $protocol] = $argv;
$port = (int) $port;
$guarded_port = (int) $guarded_port;
if ($protocol !== 'default') {
    fwrite(STDERR, "php-redis 5 knows only its default protocol, RESP2\n");
    exit(1);
}
echo 'php-redis ' . phpversion('redis') . ', PHP ' . PHP_VERSION . "\n";

$failed = 0;

class Wrong extends Exception
{
}

set_error_handler(function (int $level, string $text) {
    throw new Wrong("PHP says: $text");
});

function client(): Redis
{
    global $port;
    $redis = new Redis();
    $redis->connect('127.0.0.1', $port);
    return $redis;
}

/** A check begins with an empty server, and fails with the first thing that is not as expected. */
function check(string $name, callable $body): void
{
    global $failed;
    try {
        client()->flushAll();
        $body();
        echo "ok: $name\n";
    } catch (Throwable $error) {
        $failed++;
        echo "FAILED: $name: " . get_class($error) . ' ' . $error->getMessage() . "\n";
    } finally {
        Child::end_all();
    }
}

function is(string $what, mixed $found, mixed $expected): void
{
    if ($found !== $expected) {
        throw new Wrong("$what is " . json_encode($found) . ', expected ' . json_encode($expected));
    }
}

/** Most errors: the reply is false, and the server's words are the client's last error. */
function refused(string $what, Redis $redis, string $pattern, callable $body): void
{
    $redis->clearLastError();
    is("the reply of $what", $body(), false);
    $error = $redis->getLastError();
    if (!preg_match($pattern, (string) $error)) {
        throw new Wrong("the error of $what is " . json_encode($error) . ", expected $pattern");
    }
}

/** Errors of the connection and of passwords are exceptions. */
function throws(string $what, string $pattern, callable $body): void
{
    try {
        $result = $body();
    } catch (RedisException $error) {
        if (!preg_match($pattern, $error->getMessage())) {
            throw new Wrong("$what throws {$error->getMessage()}, expected $pattern");
        }
        return;
    }
    throw new Wrong("$what gives " . json_encode($result) . ', expected an exception');
}

function eventually(string $what, callable $body): void
{
    $end = microtime(true) + 10;
    while (!$body()) {
        if (microtime(true) > $end) {
            throw new Wrong("$what: not after 10 s");
        }
        usleep(10_000);
    }
}

/** What Redis makes of an order that does not matter. */
function sorted(array $list): array
{
    sort($list);
    return $list;
}

/**
 * A process of its own, which says what it sees. PHP shuts a socket down when it closes it, so there
 * must be no connections when one begins.
 */
class Child
{
    private static array $all = [];
    private int $pid;
    private $lines;

    public function __construct(callable $body)
    {
        [$this->lines, $say] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $this->pid = pcntl_fork();
        if ($this->pid === 0) {
            $status = 0;
            try {
                $body(function (mixed ...$seen) use ($say) {
                    fwrite($say, serialize($seen) . "\n");
                });
            } catch (Throwable $error) {
                fwrite($say, serialize([get_class($error), $error->getMessage()]) . "\n");
                $status = 1;
            }
            exit($status);
        }
        self::$all[$this->pid] = true;
        fclose($say);
        stream_set_timeout($this->lines, 10);
    }

    /** The next thing that it says. */
    public function next(): array
    {
        $line = fgets($this->lines);
        if ($line === false) {
            throw new Wrong('a child says nothing');
        }
        return unserialize($line);
    }

    public function wait(): void
    {
        pcntl_waitpid($this->pid, $status);
        unset(self::$all[$this->pid]);
        is('the status of a child', $status, 0);
    }

    public static function end_all(): void
    {
        foreach (array_keys(self::$all) as $pid) {
            posix_kill($pid, SIGKILL);
            pcntl_waitpid($pid, $status);
        }
        self::$all = [];
    }
}

/**
 * Subscribes in a child: to channels, or to patterns. A lost connection is an exception, and it then
 * subscribes on a new one. A message that is "exit" ends it: the method itself goes on waiting after the
 * last subscription until its connection is closed.
 */
function subscriber(string $method, array $names): Child
{
    return new Child(function (callable $say) use ($method, $names) {
        $ended = false;
        $hear = function (Redis $redis, mixed ...$message) use ($say, $method, $names, &$ended) {
            $say(...$message);
            if (end($message) === 'exit') {
                $say('ended', $redis->{$method === 'subscribe' ? 'unsubscribe' : 'punsubscribe'}($names));
                $say('closed', $redis->close());
                $ended = true;
            }
        };
        $end = microtime(true) + 20;
        while (!$ended && microtime(true) < $end) {
            try {
                $redis = client();
                // It could connect anew by itself, but would not subscribe, and then wait in vain.
                $redis->setOption(Redis::OPT_MAX_RETRIES, 0);
                $say('id', $redis->rawCommand('CLIENT', 'ID'));
                $redis->$method($names, $hear);
            } catch (RedisException $error) {
                if (!$ended) {
                    $say('lost', $error->getMessage());
                    usleep(20_000);
                }
            }
        }
        $say('ping', $redis->ping());
    });
}

/** The end of a subscriber that was sent "exit". */
function ends(Child $subscriber, array $names): void
{
    is('the end', $subscriber->next(), ['ended', array_fill_keys($names, true)]);
    is('the end of the connection', $subscriber->next(), ['closed', true]);
    is('PING on a new connection', $subscriber->next(), ['ping', true]);
    $subscriber->wait();
}

function subscribed(Redis $redis, string $channel): void
{
    eventually('a subscriber', fn() => $redis->pubsub('numsub', [$channel]) == [$channel => 1]);
}

check('connect without a password', function () {
    is('PING', client()->ping(), true);
    is('PING', client()->ping('hello'), 'hello');
    is('ECHO', client()->echo('hello'), 'hello');
});

check('connect with a password', function () use ($guarded_port, $password) {
    $redis = new Redis();
    $redis->connect('127.0.0.1', $guarded_port);
    is('AUTH', $redis->auth($password), true);
    is('PING', $redis->ping(), true);
    $redis = new Redis();
    $redis->connect('127.0.0.1', $guarded_port, 0, null, 0, 0, ['auth' => ['default', $password]]);
    is('PING', $redis->ping(), true);
});

check('a wrong password', function () use ($guarded_port) {
    $redis = new Redis();
    $redis->connect('127.0.0.1', $guarded_port);
    throws('AUTH', '/^WRONGPASS invalid username-password pair/', fn() => $redis->auth('wrong'));
});

check('no password where one is needed', function () use ($guarded_port, $password) {
    $redis = new Redis();
    $redis->connect('127.0.0.1', $guarded_port);
    throws('GET', '/^NOAUTH Authentication required/', fn() => $redis->get('key'));
    is('AUTH', $redis->auth($password), true);
    is('GET', $redis->get('key'), false);
});

check('SELECT', function () {
    $redis = client();
    is('SET', $redis->set('key', 'zero'), true);
    is('SELECT', $redis->select(3), true);
    is('GET', $redis->get('key'), false);
    is('SET', $redis->set('key', 'three'), true);
    is('DBSIZE', $redis->dbSize(), 1);
    is('MOVE', $redis->move('key', 4), true);
    is('SELECT', $redis->select(4), true);
    is('GET', $redis->get('key'), 'three');
    is('SELECT', $redis->select(0), true);
    is('GET', $redis->get('key'), 'zero');
    refused('SELECT', $redis, '/^ERR DB index is out of range/', fn() => $redis->select(99));
});

check('INFO', function () use ($port) {
    $info = client()->info();
    is('redis_version', preg_match('/^\d+\.\d+\.\d+$/', $info['redis_version']), 1);
    is('tcp_port', $info['tcp_port'], $port);
    is('role', $info['role'], 'master');
    is('loading', $info['loading'], 0);
    is('redis_mode', client()->info('server')['redis_mode'], 'standalone');
    is('CONFIG GET', client()->config('GET', 'databases'), ['databases' => '16']);
    is('TIME', abs(client()->time()[0] - time()) < 5, true);
});

check('strings', function () {
    $redis = client();
    is('SET', $redis->set('key', 'value'), true);
    is('GET', $redis->get('key'), 'value');
    is('GET of nothing', $redis->get('missing'), false);
    is('SET NX', $redis->set('key', 'other', ['nx']), false);
    is('SET XX EX', $redis->set('key', 'value', ['xx', 'ex' => 100]), true);
    is('TTL', in_array($redis->ttl('key'), [99, 100]), true);
    is('PERSIST', $redis->persist('key'), true);
    is('GETSET', $redis->getSet('key', 'value'), 'value');
    is('APPEND', $redis->append('key', '!'), 6);
    is('GETRANGE', $redis->getRange('key', 1, -2), 'alue');
    is('INCRBY', $redis->incrBy('counter', 41), 41);
    is('INCR', $redis->incr('counter'), 42);
    is('INCRBYFLOAT', $redis->incrByFloat('counter', 0.5), 42.5);
    is('MSET', $redis->mSet(['a' => 1, 'b' => 2]), true);
    is('MGET', $redis->mGet(['a', 'missing', 'b']), ['1', false, '2']);
    is('KEYS', sorted($redis->keys('*')), ['a', 'b', 'counter', 'key']);
    is('TYPE', $redis->type('key'), Redis::REDIS_STRING);
    is('DEL', $redis->del('a', 'b', 'missing'), 2);
    is('EXISTS', $redis->exists('a'), 0);
    $cursor = null;
    is('SCAN', sorted($redis->scan($cursor, '*e*', 100)), ['counter', 'key']);
    is('the cursor', $cursor, 0);
    refused('INCR', $redis, '/^ERR value is not an integer or out of range/', fn() => $redis->incr('key'));
    refused('HGET', $redis, '/^WRONGTYPE Operation against a key/', fn() => $redis->hGet('key', 'field'));
});

check('hashes', function () {
    $redis = client();
    is('HMSET', $redis->hMSet('hash', ['a' => 1, 'b' => 2]), true);
    is('HSET', $redis->hSet('hash', 'c', 'three'), 1);
    is('HGET', $redis->hGet('hash', 'c'), 'three');
    is('HGET of nothing', $redis->hGet('hash', 'missing'), false);
    is('HGETALL', $redis->hGetAll('hash'), ['a' => '1', 'b' => '2', 'c' => 'three']);
    is('HMGET', $redis->hMGet('hash', ['a', 'missing', 'c']), ['a' => '1', 'missing' => false, 'c' => 'three']);
    is('HSETNX', $redis->hSetNx('hash', 'a', '2'), false);
    is('HINCRBY', $redis->hIncrBy('hash', 'a', 41), 42);
    is('HINCRBYFLOAT', $redis->hIncrByFloat('hash', 'b', 0.25), 2.25);
    is('HSTRLEN', $redis->hStrLen('hash', 'c'), 5);
    is('HDEL', $redis->hDel('hash', 'b', 'missing'), 1);
    is('HEXISTS', $redis->hExists('hash', 'b'), false);
    is('HLEN', $redis->hLen('hash'), 2);
    is('HKEYS', sorted($redis->hKeys('hash')), ['a', 'c']);
    $cursor = null;
    is('HSCAN', $redis->hScan('hash', $cursor), ['a' => '42', 'c' => 'three']);
    is('HGETALL of nothing', $redis->hGetAll('missing'), []);
});

check('expiry of hash fields', function () {
    $redis = client();
    $redis->hMSet('hash', ['short' => 1, 'long' => 2]);
    if (version_compare($redis->info('server')['redis_version'], '7.4.0', '<')) {
        refused('HPEXPIRE', $redis, '/^ERR unknown command/',
            fn() => $redis->rawCommand('HPEXPIRE', 'hash', 20, 'FIELDS', 1, 'short'));
        return;
    }
    is('HEXPIRE', $redis->rawCommand('HEXPIRE', 'hash', 100, 'FIELDS', 2, 'long', 'missing'), [1, -2]);
    is('HTTL', $redis->rawCommand('HTTL', 'hash', 'FIELDS', 2, 'short', 'missing'), [-1, -2]);
    is('HPEXPIRE', $redis->rawCommand('HPEXPIRE', 'hash', 20, 'FIELDS', 1, 'short'), [1]);
    eventually('a field expires', fn() => !$redis->hExists('hash', 'short'));
    is('HGETALL', $redis->hGetAll('hash'), ['long' => '2']);
    is('HPERSIST', $redis->rawCommand('HPERSIST', 'hash', 'FIELDS', 1, 'long'), [1]);
});

check('sets', function () {
    $redis = client();
    is('SADD', $redis->sAdd('set', 'a', 'b', 'c'), 3);
    is('SADD', $redis->sAddArray('other', ['b', 'c', 'd']), 3);
    is('SMEMBERS', sorted($redis->sMembers('set')), ['a', 'b', 'c']);
    is('SISMEMBER', $redis->sIsMember('set', 'a'), true);
    is('SMISMEMBER', $redis->sMisMember('set', 'a', 'd'), [1, 0]);
    is('SINTER', sorted($redis->sInter('set', 'other')), ['b', 'c']);
    is('SUNIONSTORE', $redis->sUnionStore('all', 'set', 'other'), 4);
    is('SREM', $redis->sRem('set', 'a', 'missing'), 1);
    is('SCARD', $redis->sCard('set'), 2);
    $popped = $redis->sPop('set');
    is('the rest and SPOP', sorted([$popped, ...$redis->sMembers('set')]), ['b', 'c']);
    is('SPOP of nothing', $redis->sPop('missing'), false);
    is('SPOP of many', sorted($redis->sPop('other', 5)), ['b', 'c', 'd']);
    $cursor = null;
    is('SSCAN', sorted($redis->sScan('all', $cursor)), ['a', 'b', 'c', 'd']);
    is('SMEMBERS of nothing', $redis->sMembers('missing'), []);
});

check('sorted sets', function () {
    $redis = client();
    is('ZADD', $redis->zAdd('zset', 1, 'one', 2.5, 'two', INF, 'last'), 3);
    is('ZADD XX CH', $redis->zAdd('zset', ['XX', 'CH'], 2, 'one', 3, 'new'), 1);
    is('ZSCORE', $redis->zScore('zset', 'two'), 2.5);
    is('ZSCORE', $redis->zScore('zset', 'last'), INF);
    is('ZSCORE of nothing', $redis->zScore('zset', 'missing'), false);
    is('ZRANGE', $redis->zRange('zset', 0, -1), ['one', 'two', 'last']);
    is('ZRANGE', $redis->zRange('zset', 0, 1, true), ['one' => 2.0, 'two' => 2.5]);
    is('ZRANGEBYSCORE', $redis->zRangeByScore('zset', '(2', '+inf', ['limit' => [0, 1]]), ['two']);
    is('ZREVRANGEBYSCORE', $redis->zRevRangeByScore('zset', '+inf', '(2'), ['last', 'two']);
    is('ZINCRBY', $redis->zIncrBy('zset', 2, 'one'), 4.0);
    is('ZRANK', $redis->zRank('zset', 'one'), 1);
    is('ZRANK of nothing', $redis->zRank('zset', 'missing'), false);
    is('ZCOUNT', $redis->zCount('zset', '-inf', '4'), 2);
    is('ZPOPMIN', $redis->zPopMin('zset'), ['two' => 2.5]);
    is('ZPOPMAX of many', $redis->zPopMax('zset', 2), ['last' => INF, 'one' => 4.0]);
    is('ZPOPMIN of nothing', $redis->zPopMin('zset'), []);
    $redis->zAdd('one', 1, 'a', 2, 'b');
    $redis->zAdd('two', 10, 'b');
    is('ZUNIONSTORE', $redis->zUnionStore('both', ['one', 'two'], [2, 1]), 2);
    is('ZRANGE', $redis->zRange('both', 0, -1, true), ['a' => 2.0, 'b' => 14.0]);
    $cursor = null;
    is('ZSCAN', $redis->zScan('one', $cursor), ['a' => 1.0, 'b' => 2.0]);
    is('ZREM', $redis->zRem('one', 'a', 'missing'), 1);
});

check('lists', function () {
    $redis = client();
    is('RPUSH', $redis->rPush('list', 'a', 'b', 'c'), 3);
    is('LPUSH', $redis->lPush('list', 'first'), 4);
    is('LPUSHX of nothing', $redis->lPushx('missing', 'x'), 0);
    is('LRANGE', $redis->lRange('list', 0, -1), ['first', 'a', 'b', 'c']);
    is('LLEN', $redis->lLen('list'), 4);
    is('LINDEX', [$redis->lIndex('list', -1), $redis->lIndex('list', 9)], ['c', false]);
    is('LINSERT', $redis->lInsert('list', Redis::AFTER, 'a', 'a'), 5);
    is('LPOS', $redis->rawCommand('LPOS', 'list', 'a', 'COUNT', 0), [1, 2]);
    is('LSET', $redis->lSet('list', 0, 'FIRST'), true);
    is('LREM', $redis->lRem('list', 'a', -1), 1);
    is('LTRIM', $redis->lTrim('list', 0, 2), true);
    is('RPOPLPUSH', $redis->rPopLPush('list', 'other'), 'b');
    is('LPOP', [$redis->lPop('list'), $redis->rPop('list')], ['FIRST', 'a']);
    is('RPOP of nothing', $redis->rPop('list'), false);
    is('LMPOP', $redis->rawCommand('LMPOP', 2, 'list', 'other', 'LEFT'), ['other', ['b']]);
    refused('LSET of nothing', $redis, '/^ERR no such key/', fn() => $redis->lSet('list', 0, 'x'));
});

check('streams', function () {
    $redis = client();
    is('XADD', $redis->xAdd('stream', '1-1', ['name' => 'Ann', 'age' => '30']), '1-1');
    is('XADD of a part', $redis->xAdd('stream', '1-*', ['name' => 'Bob']), '1-2');
    $redis->xAdd('stream', '2-0', ["\0\xff" => "\r\n"]);
    is('XLEN', $redis->xLen('stream'), 3);
    $entries = ['1-1' => ['name' => 'Ann', 'age' => '30'], '1-2' => ['name' => 'Bob']];
    is('XRANGE', $redis->xRange('stream', '-', '1-2'), $entries);
    is('XREVRANGE', $redis->xRevRange('stream', '+', '-', 1) === ['2-0' => ["\0\xff" => "\r\n"]], true);
    is('XREAD', $redis->xRead(['stream' => '1-1', 'missing' => '0'], 1), ['stream' => ['1-2' => ['name' => 'Bob']]]);
    is('XREAD of nothing', $redis->xRead(['stream' => '2-0']), []);
    is('XDEL', $redis->xDel('stream', ['1-1', '9-9']), 1);
    is('XTRIM', $redis->xTrim('stream', 1), 1);
    is('XINFO STREAM', $redis->xInfo('STREAM', 'stream')['last-generated-id'], '2-0');
    $old = fn() => $redis->xAdd('stream', '1-5', ['a' => '1']);
    refused('XADD of an old ID', $redis, '/is equal or smaller than/', $old);
});

check('consumer groups', function () {
    $redis = client();
    is('XGROUP CREATE', $redis->xGroup('CREATE', 'orders', 'shop', '$', true), true);
    foreach (['1', '2', '3'] as $number) {
        $redis->xAdd('orders', "$number-0", ['number' => $number]);
    }
    $two = ['orders' => ['1-0' => ['number' => '1'], '2-0' => ['number' => '2']]];
    is('XREADGROUP', $redis->xReadGroup('shop', 'ann', ['orders' => '>'], 2), $two);
    is('XREADGROUP of what it has', $redis->xReadGroup('shop', 'ann', ['orders' => '0']), $two);
    is('XACK', $redis->xAck('orders', 'shop', ['1-0', '9-0']), 1);
    is('XPENDING', $redis->xPending('orders', 'shop'), [1, '2-0', '2-0', [['ann', '1']]]);
    is('XCLAIM', $redis->xClaim('orders', 'shop', 'bob', 0, ['2-0'], []), ['2-0' => ['number' => '2']]);
    $claimed = $redis->rawCommand('XAUTOCLAIM', 'orders', 'shop', 'cid', 0, '0');
    is('XAUTOCLAIM', $claimed, ['0-0', [['2-0', ['number', '2']]], []]);
    is('XINFO GROUPS', $redis->xInfo('GROUPS', 'orders')[0]['consumers'], 3);
    is('XGROUP DESTROY', $redis->xGroup('DESTROY', 'orders', 'shop'), 1);
    $read = fn() => $redis->xReadGroup('shop', 'ann', ['orders' => '>']);
    refused('XREADGROUP without a group', $redis, '/^NOGROUP No such key/', $read);
});

check('bitmaps', function () {
    $redis = client();
    is('SETBIT', array_map(fn(int $bit) => $redis->setBit('bits', $bit, true), [7, 7, 20]), [0, 1, 0]);
    is('GETBIT', [$redis->getBit('bits', 7), $redis->getBit('bits', 1000)], [1, 0]);
    is('BITCOUNT', [$redis->bitCount('bits'), $redis->bitCount('bits', 0, 0)], [2, 1]);
    is('BITPOS', [$redis->bitpos('bits', 1), $redis->bitpos('bits', 1, 2)], [7, 20]);
    $redis->set('other', "\x7f");
    is('BITOP', [$redis->bitOp('AND', 'both', 'bits', 'other'), $redis->get('both')], [3, "\x01\0\0"]);
    $found = $redis->rawCommand('BITFIELD', 'bits', 'SET', 'u8', 0, 255, 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', 0, 1);
    is('BITFIELD', $found, [1, false]);
});

check('HyperLogLogs', function () {
    $redis = client();
    is('PFADD', [$redis->pfAdd('visits', range(0, 999)), $redis->pfAdd('visits', [5])], [1, 0]);
    $redis->pfAdd('others', range(500, 1499));
    is('PFCOUNT', [$redis->pfCount('visits'), $redis->pfCount(['visits', 'others'])], [1001, 1512]);
    is('PFMERGE', [$redis->pfMerge('all', ['visits', 'others']), $redis->pfCount('all')], [true, 1512]);
});

check('geo', function () {
    $redis = client();
    is('GEOADD', $redis->geoAdd('places', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2);
    is('GEODIST', $redis->geoDist('places', 'Palermo', 'Catania', 'km'), 166.2742);
    is('GEOHASH', $redis->geoHash('places', 'Palermo', 'missing'), ['sqc8b49rny0', false]);
    is('GEOPOS', $redis->geoPos('places', 'Palermo'), [['13.36138933897018433', '38.11555639549629859']]);
    is('GEORADIUS', $redis->geoRadius('places', 15, 37, 200, 'km', ['ASC']), ['Catania', 'Palermo']);
    $found = $redis->rawCommand('GEOSEARCH', 'places', 'FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km', 'ASC', 'WITHDIST');
    is('GEOSEARCH', $found, [['Catania', '56.4413'], ['Palermo', '190.4424']]);
});

check('SORT', function () {
    $redis = client();
    $redis->rPush('numbers', '10', '9', '2', '33');
    is('SORT', $redis->sort('numbers'), ['2', '9', '10', '33']);
    is('SORT ALPHA DESC', $redis->sort('numbers', ['alpha' => true, 'sort' => 'desc', 'limit' => [0, 2]]), ['9', '33']);
    $redis->mSet(['weight:2' => 4, 'weight:9' => 3, 'weight:10' => 2, 'weight:33' => 1, 'name:33' => 'many']);
    $found = $redis->sort('numbers', ['by' => 'weight:*', 'get' => ['#', 'name:*'], 'limit' => [0, 2]]);
    is('SORT BY GET', $found, ['33', 'many', '10', false]);
    is('SORT STORE', [$redis->sort('numbers', ['store' => 'sorted']), $redis->lRange('sorted', 0, 1)], [4, ['2', '9']]);
    $redis->rPush('numbers', 'word');
    refused('SORT of words', $redis, "/can't be converted into double/", fn() => $redis->sort('numbers'));
});

check('DUMP and RESTORE', function () {
    $redis = client();
    $bytes = implode('', array_map('chr', range(0, 255)));
    $redis->set('string', str_repeat($bytes, 10));
    $redis->rPush('list', $bytes, ...range(1, 1000));
    $redis->hMSet('hash', [$bytes => $bytes]);
    $redis->xAdd('stream', '1-1', ['bytes' => $bytes]);
    $read = [
        'string' => fn(string $key) => $redis->get($key),
        'list' => fn(string $key) => $redis->lRange($key, 0, -1),
        'hash' => fn(string $key) => $redis->hGetAll($key),
        'stream' => fn(string $key) => $redis->xRange($key, '-', '+'),
    ];
    foreach ($read as $key => $value) {
        is('RESTORE', $redis->restore("$key again", 0, $redis->dump($key)), true);
        is("whether the $key is the same", $value("$key again") === $value($key), true);
    }
    is('DUMP of nothing', $redis->dump('missing'), false);
    $payload = $redis->dump('string');
    throws('RESTORE', '/^BUSYKEY/', fn() => $redis->restore('string', 0, $payload));
    $redis->del('string');
    is('RESTORE with a time', $redis->restore('string', 100_000, $payload), true);
    is('whether it has that time', $redis->ttl('string') >= 99, true);
    $broken = substr($payload, 0, -1) . 'x';
    refused('RESTORE of a broken payload', $redis, '/checksum are wrong/', fn() => $redis->restore('bad', 0, $broken));
});

check('a WATCH conflict', function () {
    [$redis, $other] = [client(), client()];
    $redis->set('balance', 10);
    is('WATCH', $redis->watch('balance'), true);
    is('GET', $redis->get('balance'), '10');
    $other->incrBy('balance', 5);
    is('exec', $redis->multi()->set('balance', 11)->get('balance')->exec(), false);
    is('the last error', $redis->getLastError(), null);
    is('GET', $redis->get('balance'), '15');
});

check('WATCH without a conflict', function () {
    [$redis, $other] = [client(), client()];
    $redis->set('balance', 10);
    $redis->watch(['balance', 'more']);
    $other->set('elsewhere', 1);
    $replies = $redis->multi()->incr('balance')->get('balance')->hGetAll('hash')->exec();
    is('exec', $replies, [11, '11', []]);
    is('GET', $other->get('balance'), '11');
});

check('a runtime error in a transaction', function () {
    $redis = client();
    $redis->set('word', 'text');
    is('exec', $redis->multi()->incr('word')->incr('counter')->exec(), [false, 1]);
    is('the last error', trim($redis->getLastError()), 'ERR value is not an integer or out of range');
    is('GET', $redis->get('counter'), '1');
});

check('a queueing error in a transaction', function () {
    $redis = client();
    is('SET', $redis->multi()->set('key', 1), $redis);
    refused('GET', $redis, "/^ERR wrong number of arguments for 'get' command/", fn() => $redis->rawCommand('GET'));
    // The client takes EXECABORT for an empty array, and then waits for the replies of what was queued.
    $redis->setOption(Redis::OPT_READ_TIMEOUT, 0.5);
    throws('exec', '/^read error on connection/', fn() => $redis->exec());
    is('the mode', $redis->getMode(), Redis::ATOMIC);
    is('GET', $redis->get('key'), false);
    // The reply itself.
    is('MULTI', $redis->rawCommand('MULTI'), true);
    is('SET', $redis->rawCommand('SET', 'key', 1), true);
    refused('GET', $redis, '/^ERR wrong number of arguments/', fn() => $redis->rawCommand('GET'));
    throws('EXEC', '/^EXECABORT Transaction discarded because of previous errors/', fn() => $redis->rawCommand('EXEC'));
    is('GET', $redis->get('key'), false);
});

check('UNWATCH', function () {
    [$redis, $other] = [client(), client()];
    $redis->watch('balance');
    $other->set('balance', 1);
    is('UNWATCH', $redis->unwatch(), true);
    is('exec', $redis->multi()->incr('balance')->exec(), [2]);
});

check('DISCARD', function () {
    [$redis, $other] = [client(), client()];
    $redis->watch('balance');
    $other->set('balance', 1);
    $redis->multi()->incr('balance');
    is('DISCARD', $redis->discard(), true);
    is('the mode', $redis->getMode(), Redis::ATOMIC);
    is('GET', $redis->get('balance'), '1');
    refused('DISCARD', $redis, '/^ERR DISCARD without MULTI/', fn() => $redis->rawCommand('DISCARD'));
    is('exec, no longer watching', $redis->multi()->incr('balance')->exec(), [2]);
});

check('a pipeline of 10,000', function () {
    $redis = client();
    $pipeline = $redis->pipeline();
    $expected = [];
    for ($i = 0; $i < 5_000; $i++) {
        $pipeline->set("key:$i", "value:$i");
        $pipeline->incr('counter');
        array_push($expected, true, $i + 1);
    }
    is('the replies', $pipeline->exec() === $expected, true);
    is('DBSIZE', $redis->dbSize(), 5_001);
    is('GET', $redis->get('key:4999'), 'value:4999');
});

check('publish and subscribe', function () {
    $subscriber = subscriber('subscribe', ['news', 'more']);
    $publisher = client();
    is('the id', $subscriber->next()[0], 'id');
    is('PUBLISH to nobody', $publisher->publish('nobody', 'lost'), 0);
    subscribed($publisher, 'more');
    is('PUBSUB CHANNELS', $publisher->pubsub('channels', 'n*'), ['news']);
    is('PUBLISH', $publisher->publish('news', 'one'), 1);
    is('PUBLISH', $publisher->publish('more', 'exit'), 1);
    is('a message', $subscriber->next(), ['news', 'one']);
    is('a message', $subscriber->next(), ['more', 'exit']);
    ends($subscriber, ['news', 'more']);
    is('PUBLISH to nobody', $publisher->publish('news', 'lost'), 0);
});

check('patterns', function () {
    $subscriber = subscriber('psubscribe', ['news.*']);
    $publisher = client();
    is('the id', $subscriber->next()[0], 'id');
    eventually('a subscriber', fn() => $publisher->pubsub('numpat') === 1);
    is('PUBLISH', $publisher->publish('news.php', 'one'), 1);
    is('PUBLISH', $publisher->publish('other', 'two'), 0);
    is('PUBLISH', $publisher->publish('news.end', 'exit'), 1);
    is('a message', $subscriber->next(), ['news.*', 'news.php', 'one']);
    is('a message', $subscriber->next(), ['news.*', 'news.end', 'exit']);
    ends($subscriber, ['news.*']);
});

echo "none: sharded channels: they came with php-redis 6\n";

check('a subscriber reconnects', function () {
    $subscriber = subscriber('subscribe', ['news']);
    $publisher = client();
    [, $id] = $subscriber->next();
    subscribed($publisher, 'news');
    is('PUBLISH', $publisher->publish('news', 'before'), 1);
    is('a message', $subscriber->next(), ['news', 'before']);
    is('CLIENT KILL', $publisher->rawCommand('CLIENT', 'KILL', 'ID', $id), 1);
    is('the loss', preg_match('/^(read error on connection|Connection lost)/', $subscriber->next()[1]), 1);
    is('whether it is another connection', $subscriber->next()[1] > $id, true);
    subscribed($publisher, 'news');
    is('PUBLISH', $publisher->publish('news', 'exit'), 1);
    is('a message', $subscriber->next(), ['news', 'exit']);
    ends($subscriber, ['news']);
});

echo "none: client-side caching: it has none, and its subscribe cannot read the arrays of invalidations\n";

check('BZPOPMIN blocks', function () {
    $child = new Child(fn(callable $say) => $say(client()->bzPopMin('first', 'second', 20)));
    $redis = client();
    eventually('a blocked client', fn() => $redis->info('clients')['blocked_clients'] === 1);
    $redis->zAdd('second', 2, 'two', 1, 'one');
    is('BZPOPMIN', $child->next(), [['second', 'one', '1']]);
    $child->wait();
    is('BZPOPMIN of what is there', $redis->bzPopMin(['first', 'second'], 20), ['second', 'two', '2']);
    $began = microtime(true);
    is('BZPOPMIN in vain', $redis->bzPopMin('first', 1), []);
    is('whether it waited', microtime(true) - $began >= 0.9, true);
    is('blocked_clients', $redis->info('clients')['blocked_clients'], 0);
});

check('lists block', function () {
    $first = new Child(fn(callable $say) => $say(client()->blPop(['none', 'queue'], 20)));
    $second = null;
    eventually('a blocked client', fn() => client()->info('clients')['blocked_clients'] === 1);
    $second = new Child(fn(callable $say) => $say(client()->brpoplpush('queue', 'done', 20)));
    eventually('two blocked clients', fn() => client()->info('clients')['blocked_clients'] === 2);
    $redis = client();
    is('RPUSH', $redis->rPush('queue', 'a', 'b', 'c'), 3);
    is('BLPOP', $first->next(), [['queue', 'a']]);
    is('BRPOPLPUSH', $second->next(), ['c']);
    $first->wait();
    $second->wait();
    is('what is left', $redis->lRange('queue', 0, -1), ['b']);
    is('BLPOP of what is there', $redis->blPop('queue', 20), ['queue', 'b']);
    is('BLPOP in vain', $redis->blPop('queue', 1), []);
});

check('XREAD blocks', function () {
    client()->xGroup('CREATE', 'stream', 'group', '$', true);
    $reader = new Child(fn(callable $say) => $say(client()->xRead(['stream' => '$'], -1, 20_000)));
    $member = new Child(fn(callable $say) => $say(client()->xReadGroup('group', 'ann', ['stream' => '>'], 10, 20_000)));
    $redis = client();
    eventually('the blocked clients', fn() => $redis->info('clients')['blocked_clients'] === 2);
    $redis->xAdd('stream', '2-0', ['a' => '1']);
    foreach ([$reader, $member] as $child) {
        is('what comes', $child->next(), [['stream' => ['2-0' => ['a' => '1']]]]);
        $child->wait();
    }
    is('XREAD in vain', $redis->xRead(['stream' => '$'], -1, 50), []);
});

check('binary keys and values', function () {
    $redis = client();
    $bytes = implode('', array_map('chr', range(0, 255)));
    $large = str_repeat($bytes, 4096);
    is('SET', $redis->set($bytes, $large), true);
    is('GET', $redis->get($bytes) === $large, true);
    is('KEYS', $redis->keys('*') === [$bytes], true);
    $redis->hMSet("\r\n", ["\0" => $bytes, "\xff" => '']);
    $hash = $redis->hGetAll("\r\n");
    ksort($hash);
    is('HGETALL', $hash === ["\0" => $bytes, "\xff" => ''], true);
    $redis->zAdd("\0\0", 1, $bytes);
    is('ZRANGE', $redis->zRange("\0\0", 0, -1) === [$bytes], true);
    is('GET of an empty key', $redis->get(''), false);
});

check('16 connections at once', function () {
    $children = [];
    for ($i = 0; $i < 16; $i++) {
        $children[] = new Child(function () {
            $redis = client();
            for ($done = 0; $done < 25;) {
                $redis->watch('sum');
                $sum = (int) $redis->get('sum');
                $replies = $redis->multi()->set('sum', $sum + 1)->exec();
                if ($replies !== false) {
                    is('exec', $replies, [true]);
                    $done++;
                }
            }
        });
    }
    foreach ($children as $child) {
        $child->wait();
    }
    is('the sum', client()->get('sum'), '400');
});

check('going on after a restart', function () {
    $subscriber = subscriber('subscribe', ['news']);
    $redis = client();
    is('the id', $subscriber->next()[0], 'id');
    subscribed($redis, 'news');
    $redis->select(2);
    $redis->set('key', 'value');
    exec(getenv('RESTART'), $printed, $status);
    is('the restart', $status, 0);
    is('GET', $redis->get('key'), false);
    is('SET', $redis->set('key', 'again'), true);
    is('GET', $redis->get('key'), 'again');
    is('the other database', client()->get('key'), false);
    subscribed($redis, 'news');
    is('PUBLISH', $redis->publish('news', 'exit'), 1);
    do {
        $seen = $subscriber->next();
    } while ($seen[0] === 'lost' || $seen[0] === 'id');
    is('a message', $seen, ['news', 'exit']);
    ends($subscriber, ['news']);
});

exit($failed === 0 ? 0 : 1);
