#!/usr/bin/perl
# Perl's Redis: the checks of the client matrix. server.sh says how this is called.
use strict;
use warnings;
use Redis;
use Time::HiRes qw(sleep time);

my ($port, $guarded_port, $password, $protocol) = @ARGV;
die "Redis knows only its default protocol, RESP2\n" if $protocol ne 'default';
printf "Redis %s, Perl %vd\n", $Redis::VERSION, $^V;
$| = 1;

my $failed = 0;

# A client with Redis's own way to go on after a lost connection: try each 20 ms, up to 10 s.
sub client {
    my (%more) = @_;
    return Redis->new(
        server => "127.0.0.1:$port", cnx_timeout => 10, read_timeout => 30, write_timeout => 30,
        reconnect => 10, every => 20_000, %more,
    );
}

# A check begins with an empty server, and fails with the first thing that is not as expected.
sub check {
    my ($name, $body) = @_;
    my $done = eval {
        local $SIG{ALRM} = sub { die "takes more than 30 s\n" };
        alarm 30;
        client()->flushall;
        $body->();
        1;
    };
    my $error = $@;
    alarm 0;
    if ($done) {
        print "ok: $name\n";
    } else {
        $failed++;
        chomp $error;
        print "FAILED: $name: $error\n";
    }
}

sub shown {
    my ($value) = @_;
    return 'undef' if !defined $value;
    return '[' . join(', ', map { shown($_) } @$value) . ']' if ref $value eq 'ARRAY';
    return '{' . join(', ', map { "$_ => " . shown($value->{$_}) } sort keys %$value) . '}'
        if ref $value eq 'HASH';
    return "'$value'";
}

sub is {
    my ($what, $found, $expected) = @_;
    die "$what is " . shown($found) . ', expected ' . shown($expected) . "\n"
        if shown($found) ne shown($expected);
}

# What an array of names and values, or members and scores, says.
sub pairs {
    my (@list) = @_;
    return {@list};
}

# The client's error: it dies with the command's name and the server's words.
sub fails {
    my ($what, $pattern, $body) = @_;
    my $result = eval { shown($body->()) };
    die "$what gives $result, expected an error\n" if defined $result;
    die "$what fails with: $@, expected $pattern\n" if $@ !~ $pattern;
}

sub eventually {
    my ($what, $body) = @_;
    my $end = time + 10;
    until ($body->()) {
        die "$what: not after 10 s\n" if time > $end;
        sleep 0.01;
    }
}

sub since_7_4 {
    my ($major, $minor) = split /\./, client()->info('server')->{redis_version};
    return $major > 7 || ($major == 7 && $minor >= 4);
}

check 'connect without a password' => sub {
    my $redis = client();
    is 'PING', scalar $redis->ping, 'PONG';
    is 'ECHO', scalar $redis->echo('hello'), 'hello';
};

check 'connect with a password' => sub {
    my $redis = client(server => "127.0.0.1:$guarded_port", password => $password);
    is 'PING', scalar $redis->ping, 'PONG';
    $redis = client(server => "127.0.0.1:$guarded_port", username => 'default', password => $password);
    is 'PING', scalar $redis->ping, 'PONG';
};

check 'a wrong password' => sub {
    fails 'a wrong password', qr/^Redis server authentication error: \[auth\] WRONGPASS invalid/, sub {
        Redis->new(server => "127.0.0.1:$guarded_port", password => 'wrong');
    };
};

check 'no password where one is needed' => sub {
    my $redis = client(server => "127.0.0.1:$guarded_port");
    fails 'GET', qr/^\[get\] NOAUTH Authentication required/, sub { $redis->get('key') };
    is 'AUTH', scalar $redis->auth($password), 'OK';
    is 'GET', scalar $redis->get('key'), undef;
};

check 'SELECT' => sub {
    my $redis = client();
    is 'SET', scalar $redis->set(key => 'zero'), 'OK';
    is 'SELECT', scalar $redis->select(3), 'OK';
    is 'GET', scalar $redis->get('key'), undef;
    is 'SET', scalar $redis->set(key => 'three'), 'OK';
    is 'DBSIZE', scalar $redis->dbsize, 1;
    is 'MOVE', scalar $redis->move(key => 4), 1;
    is 'SELECT', scalar $redis->select(4), 'OK';
    is 'GET', scalar $redis->get('key'), 'three';
    is 'SELECT', scalar $redis->select(0), 'OK';
    is 'GET', scalar $redis->get('key'), 'zero';
    fails 'SELECT 99', qr/^\[select\] ERR DB index is out of range/, sub { $redis->select(99) };
};

check 'INFO' => sub {
    my $info = client()->info;
    die 'redis_version is ' . shown($info->{redis_version}) . "\n"
        if ($info->{redis_version} // '') !~ /^\d+\.\d+\.\d+$/;
    is 'tcp_port', $info->{tcp_port}, $port;
    is 'role', $info->{role}, 'master';
    is 'loading', $info->{loading}, 0;
    is 'redis_mode', client()->info('server')->{redis_mode}, 'standalone';
};

check 'strings' => sub {
    my $redis = client();
    is 'SET', scalar $redis->set(key => 'value'), 'OK';
    is 'GET', scalar $redis->get('key'), 'value';
    is 'GET of nothing', scalar $redis->get('missing'), undef;
    is 'SET NX', scalar $redis->set(key => 'other', 'NX'), undef;
    is 'SET GET', scalar $redis->set(key => 'other', 'GET'), 'value';
    is 'SET EX', scalar $redis->set(key => 'value', EX => 100), 'OK';
    my $ttl = $redis->ttl('key');
    die "TTL is $ttl\n" if $ttl < 99 || $ttl > 100;
    is 'APPEND', scalar $redis->append(key => '!'), 6;
    is 'GETRANGE', scalar $redis->getrange('key', 1, -2), 'alue';
    is 'INCRBY', scalar $redis->incrby(counter => 41), 41;
    is 'INCR', scalar $redis->incr('counter'), 42;
    is 'INCRBYFLOAT', scalar $redis->incrbyfloat(counter => 0.5), '42.5';
    is 'MSET', scalar $redis->mset(a => 1, b => 2), 'OK';
    is 'MGET', [$redis->mget(qw(a missing b))], [1, undef, 2];
    is 'KEYS', [sort $redis->keys('*')], [qw(a b counter key)];
    is 'TYPE', scalar $redis->type('key'), 'string';
    is 'DEL', scalar $redis->del(qw(a b missing)), 2;
    is 'EXISTS', scalar $redis->exists('a'), 0;
    is 'SCAN', pairs(map { $_ => 1 } @{($redis->scan(0, COUNT => 100))[1]}), { key => 1, counter => 1 };
    fails 'INCR', qr/^\[incr\] ERR value is not an integer or out of range/, sub { $redis->incr('key') };
    fails 'HGET', qr/^\[hget\] WRONGTYPE Operation against a key/, sub { $redis->hget(key => 'field') };
};

check 'hashes' => sub {
    my $redis = client();
    is 'HSET', scalar $redis->hset(hash => a => 1, b => 2, c => 'three'), 3;
    is 'HGET', scalar $redis->hget(hash => 'c'), 'three';
    is 'HGET of nothing', scalar $redis->hget(hash => 'missing'), undef;
    is 'HGETALL', pairs($redis->hgetall('hash')), { a => 1, b => 2, c => 'three' };
    is 'HMGET', [$redis->hmget(hash => qw(a missing c))], [1, undef, 'three'];
    is 'HINCRBY', scalar $redis->hincrby(hash => a => 41), 42;
    is 'HINCRBYFLOAT', scalar $redis->hincrbyfloat(hash => b => 0.25), '2.25';
    is 'HDEL', scalar $redis->hdel(hash => qw(b missing)), 1;
    is 'HEXISTS', scalar $redis->hexists(hash => 'b'), 0;
    is 'HLEN', scalar $redis->hlen('hash'), 2;
    is 'HKEYS', [sort $redis->hkeys('hash')], [qw(a c)];
    is 'HVALS', [sort $redis->hvals('hash')], [42, 'three'];
    is 'HSCAN', pairs(@{($redis->hscan(hash => 0))[1]}), { a => 42, c => 'three' };
    is 'HGETALL of nothing', [$redis->hgetall('missing')], [];
};

check 'expiry of hash fields' => sub {
    my $redis = client();
    $redis->hset(hash => short => 1, long => 2);
    if (!since_7_4()) {
        fails 'HPEXPIRE', qr/^\[hpexpire\] ERR unknown command/,
            sub { $redis->hpexpire(hash => 20, 'FIELDS', 1, 'short') };
        return;
    }
    is 'HEXPIRE', [$redis->hexpire(hash => 100, 'FIELDS', 2, 'long', 'missing')], [1, -2];
    is 'HTTL', [$redis->httl(hash => 'FIELDS', 2, 'short', 'missing')], [-1, -2];
    is 'HPEXPIRE', [$redis->hpexpire(hash => 20, 'FIELDS', 1, 'short')], [1];
    eventually 'a field expires', sub { !$redis->hexists(hash => 'short') };
    is 'HGETALL', pairs($redis->hgetall('hash')), { long => 2 };
    is 'HPERSIST', [$redis->hpersist(hash => 'FIELDS', 1, 'long')], [1];
};

check 'sets' => sub {
    my $redis = client();
    is 'SADD', scalar $redis->sadd(set => qw(a b c)), 3;
    is 'SADD', scalar $redis->sadd(other => qw(b c d)), 3;
    is 'SMEMBERS', [sort $redis->smembers('set')], [qw(a b c)];
    is 'SISMEMBER', scalar $redis->sismember(set => 'a'), 1;
    is 'SISMEMBER', scalar $redis->sismember(set => 'd'), 0;
    is 'SMISMEMBER', [$redis->smismember(set => qw(a d))], [1, 0];
    is 'SINTER', [sort $redis->sinter(qw(set other))], [qw(b c)];
    is 'SUNIONSTORE', scalar $redis->sunionstore(qw(all set other)), 4;
    is 'SREM', scalar $redis->srem(set => qw(a missing)), 1;
    is 'SCARD', scalar $redis->scard('set'), 2;
    my $popped = $redis->spop('set');
    is 'the rest and SPOP', [sort $popped, $redis->smembers('set')], [qw(b c)];
    is 'SPOP of nothing', scalar $redis->spop('missing'), undef;
    is 'SSCAN', [sort @{($redis->sscan(all => 0))[1]}], [qw(a b c d)];
    is 'SMEMBERS of nothing', [$redis->smembers('missing')], [];
};

check 'sorted sets' => sub {
    my $redis = client();
    is 'ZADD', scalar $redis->zadd(zset => 1, 'one', 2.5, 'two', '+inf', 'last'), 3;
    is 'ZSCORE', scalar $redis->zscore(zset => 'two'), '2.5';
    is 'ZSCORE', scalar $redis->zscore(zset => 'last'), 'inf';
    is 'ZSCORE of nothing', scalar $redis->zscore(zset => 'missing'), undef;
    is 'ZRANGE', [$redis->zrange(zset => 0, -1)], [qw(one two last)];
    is 'ZRANGE', [$redis->zrange(zset => 0, 1, 'WITHSCORES')], ['one', 1, 'two', '2.5'];
    is 'ZREVRANGEBYSCORE', [$redis->zrevrangebyscore(zset => '+inf', '(1')], [qw(last two)];
    is 'ZINCRBY', scalar $redis->zincrby(zset => 2, 'one'), 3;
    is 'ZRANK', scalar $redis->zrank(zset => 'one'), 1;
    is 'ZRANK of nothing', scalar $redis->zrank(zset => 'missing'), undef;
    is 'ZCOUNT', scalar $redis->zcount(zset => '-inf', 3), 2;
    is 'ZPOPMIN', [$redis->zpopmin('zset')], ['two', '2.5'];
    is 'ZMSCORE', [$redis->zmscore(zset => qw(one missing))], [3, undef];
    is 'ZREM', scalar $redis->zrem(zset => 'last'), 1;
    is 'ZCARD', scalar $redis->zcard('zset'), 1;
    is 'ZSCAN', ($redis->zscan(zset => 0))[1], ['one', 3];
};

check 'lists' => sub {
    my $redis = client();
    is 'RPUSH', scalar $redis->rpush(list => qw(a b c)), 3;
    is 'LPUSH', scalar $redis->lpush(list => 'first'), 4;
    is 'LPUSHX of nothing', scalar $redis->lpushx(missing => 'x'), 0;
    is 'LRANGE', [$redis->lrange(list => 0, -1)], [qw(first a b c)];
    is 'LLEN', scalar $redis->llen('list'), 4;
    is 'LINDEX', scalar $redis->lindex(list => -1), 'c';
    is 'LINDEX of nothing', scalar $redis->lindex(list => 9), undef;
    is 'LINSERT', scalar $redis->linsert(list => 'AFTER', 'a', 'a'), 5;
    is 'LPOS', [$redis->lpos(list => 'a', 'COUNT', 0)], [1, 2];
    is 'LSET', scalar $redis->lset(list => 0, 'FIRST'), 'OK';
    is 'LREM', scalar $redis->lrem(list => -1, 'a'), 1;
    is 'LTRIM', scalar $redis->ltrim(list => 0, 2), 'OK';
    is 'LMOVE', scalar $redis->lmove(qw(list other RIGHT LEFT)), 'b';
    is 'LPOP', scalar $redis->lpop('list'), 'FIRST';
    is 'RPOP', scalar $redis->rpop('list'), 'a';
    is 'RPOP of nothing', scalar $redis->rpop('list'), undef;
    is 'LMPOP', [$redis->lmpop(2, qw(list other LEFT))], ['other', ['b']];
    fails 'LSET', qr/^\[lset\] ERR no such key/, sub { $redis->lset(list => 0, 'x') };
};

check 'streams' => sub {
    my $redis = client();
    is 'XADD', scalar $redis->xadd(stream => '1-1', name => 'Ann', age => 30), '1-1';
    is 'XADD of a part', scalar $redis->xadd(stream => '1-*', name => 'Bob'), '1-2';
    $redis->xadd(stream => '2-0', "\0\xff" => "\r\n");
    is 'XLEN', scalar $redis->xlen('stream'), 3;
    is 'XRANGE', [$redis->xrange(stream => '-', '1-2')],
        [['1-1', ['name', 'Ann', 'age', 30]], ['1-2', ['name', 'Bob']]];
    is 'XREVRANGE', [$redis->xrevrange(stream => '+', '-', 'COUNT', 1)], [['2-0', ["\0\xff", "\r\n"]]];
    is 'XREAD', [$redis->xread(qw(COUNT 1 STREAMS stream missing 1-1 0))], [['stream', [['1-2', ['name', 'Bob']]]]];
    is 'XREAD of nothing', scalar $redis->xread(qw(STREAMS stream 2-0)), undef;
    is 'XDEL', scalar $redis->xdel(stream => '1-1', '9-9'), 1;
    is 'XTRIM', scalar $redis->xtrim(stream => 'MAXLEN', 1), 1;
    fails 'XADD of an old ID', qr/^\[xadd\] ERR The ID specified in XADD is equal or smaller than/, sub {
        $redis->xadd(stream => '1-5', a => 1);
    };
};

check 'consumer groups' => sub {
    my $redis = client();
    is 'XGROUP CREATE', scalar $redis->xgroup(qw(CREATE orders shop $ MKSTREAM)), 'OK';
    $redis->xadd(orders => "$_-0", number => $_) for 1 .. 3;
    my $two = [['orders', [['1-0', ['number', 1]], ['2-0', ['number', 2]]]]];
    is 'XREADGROUP', [$redis->xreadgroup(qw(GROUP shop ann COUNT 2 STREAMS orders >))], $two;
    is 'XREADGROUP of what it has', [$redis->xreadgroup(qw(GROUP shop ann STREAMS orders 0))], $two;
    is 'XACK', scalar $redis->xack(qw(orders shop 1-0 9-0)), 1;
    is 'XPENDING', [$redis->xpending(qw(orders shop))], [1, '2-0', '2-0', [['ann', 1]]];
    is 'XCLAIM', [$redis->xclaim(qw(orders shop bob 0 2-0))], [['2-0', ['number', 2]]];
    is 'XAUTOCLAIM', [$redis->xautoclaim(qw(orders shop cid 0 0))], ['0-0', [['2-0', ['number', 2]]], []];
    is 'XGROUP DESTROY', scalar $redis->xgroup(qw(DESTROY orders shop)), 1;
    fails 'XREADGROUP', qr/^\[xreadgroup\] NOGROUP No such key/, sub {
        $redis->xreadgroup(qw(GROUP shop ann STREAMS orders >));
    };
};

check 'bitmaps' => sub {
    my $redis = client();
    is 'SETBIT', scalar $redis->setbit(bits => 7, 1), 0;
    is 'SETBIT again', scalar $redis->setbit(bits => 7, 1), 1;
    is 'GETBIT', scalar $redis->getbit(bits => 7), 1;
    is 'BITCOUNT', scalar $redis->bitcount('bits'), 1;
    is 'BITPOS', scalar $redis->bitpos(bits => 1), 7;
    $redis->set(other => "\xff\xff");
    is 'BITOP', scalar $redis->bitop(qw(XOR both bits other)), 2;
    is 'GET', scalar $redis->get('both'), "\xfe\xff";
    is 'BITFIELD', [$redis->bitfield(bits => qw(SET u8 0 255 OVERFLOW FAIL INCRBY u8 0 1))], [1, undef];
};

check 'HyperLogLogs' => sub {
    my $redis = client();
    is 'PFADD', scalar $redis->pfadd(visits => 0 .. 999), 1;
    is 'PFCOUNT', scalar $redis->pfcount('visits'), 1001;
    $redis->pfadd(others => 500 .. 1499);
    is 'PFCOUNT of both', scalar $redis->pfcount('visits', 'others'), 1512;
    is 'PFMERGE', scalar $redis->pfmerge(all => 'visits', 'others'), 'OK';
    is 'PFCOUNT of all', scalar $redis->pfcount('all'), 1512;
};

check 'geo' => sub {
    my $redis = client();
    is 'GEOADD', scalar $redis->geoadd(places => 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2;
    is 'GEODIST', scalar $redis->geodist(places => qw(Palermo Catania km)), '166.2742';
    is 'GEOHASH', [$redis->geohash(places => qw(Palermo missing))], ['sqc8b49rny0', undef];
    is 'GEOPOS', [$redis->geopos(places => qw(Palermo missing))],
        [['13.36138933897018433', '38.11555639549629859'], undef];
    my @around = qw(FROMLONLAT 15 37 BYRADIUS 200 km ASC);
    is 'GEOSEARCH', [$redis->geosearch(places => @around)], [qw(Catania Palermo)];
    is 'GEOSEARCHSTORE', scalar $redis->geosearchstore(near => 'places', @around, 'COUNT', 1), 1;
};

check 'SORT' => sub {
    my $redis = client();
    $redis->rpush(numbers => 10, 9, 2, 33);
    is 'SORT', [$redis->sort('numbers')], [2, 9, 10, 33];
    is 'SORT ALPHA DESC', [$redis->sort(numbers => qw(ALPHA DESC LIMIT 0 2))], [9, 33];
    $redis->mset(qw(weight:2 4 weight:9 3 weight:10 2 weight:33 1 name:33 many));
    is 'SORT BY GET', [$redis->sort(numbers => qw(BY weight:* GET), '#', qw(GET name:* LIMIT 0 2))],
        [33, 'many', 10, undef];
    is 'SORT STORE', scalar $redis->sort(numbers => 'STORE', 'sorted'), 4;
    is 'what it stored', [$redis->lrange(sorted => 0, -1)], [2, 9, 10, 33];
    $redis->rpush(numbers => 'word');
    fails 'SORT of words', qr/^\[sort\] ERR One or more scores can't be converted into double/, sub {
        $redis->sort('numbers');
    };
};

check 'DUMP and RESTORE' => sub {
    my $redis = client();
    my $bytes = join '', map { chr } 0 .. 255;
    $redis->set(string => $bytes x 10);
    $redis->rpush(list => $bytes, 1 .. 1000);
    $redis->hset(hash => $bytes => $bytes);
    $redis->xadd(stream => '1-1', bytes => $bytes);
    my %read = (
        string => sub { $redis->get($_[0]) },
        list => sub { [$redis->lrange($_[0] => 0, -1)] },
        hash => sub { [$redis->hgetall($_[0])] },
        stream => sub { [$redis->xrange($_[0] => '-', '+')] },
    );
    for my $key (sort keys %read) {
        is 'RESTORE', scalar $redis->restore("$key again" => 0, $redis->dump($key)), 'OK';
        is "the $key", $read{$key}->("$key again"), $read{$key}->($key);
    }
    is 'DUMP of nothing', scalar $redis->dump('missing'), undef;
    my $payload = $redis->dump('string');
    fails 'RESTORE', qr/^\[restore\] BUSYKEY/, sub { $redis->restore(string => 0, $payload) };
    is 'RESTORE REPLACE', scalar $redis->restore(string => 0, $payload, 'REPLACE'), 'OK';
    fails 'RESTORE of a broken payload', qr/DUMP payload version or checksum are wrong/, sub {
        $redis->restore(bad => 0, substr($payload, 0, -1) . 'x');
    };
};

check 'a WATCH conflict' => sub {
    my ($redis, $other) = (client(), client());
    $redis->set(balance => 10);
    is 'WATCH', scalar $redis->watch('balance'), 'OK';
    is 'GET', scalar $redis->get('balance'), 10;
    $other->incrby(balance => 5);
    is 'MULTI', scalar $redis->multi, 'OK';
    is 'SET', scalar $redis->set(balance => 11), 'QUEUED';
    is 'EXEC', scalar $redis->exec, undef;
    is 'GET', scalar $redis->get('balance'), 15;
    # The same in a pipeline, where the reply goes to a callback.
    $redis->watch('balance');
    $other->incrby(balance => 5);
    my @seen;
    $redis->multi(sub { });
    $redis->set(balance => 11, sub { });
    $redis->exec(sub { @seen = @_ });
    $redis->wait_all_responses;
    is 'EXEC', \@seen, [undef, undef];
    is 'GET', scalar $redis->get('balance'), 20;
};

check 'WATCH without a conflict' => sub {
    my ($redis, $other) = (client(), client());
    $redis->set(balance => 10);
    $redis->watch('balance');
    $other->set(elsewhere => 1);
    $redis->multi;
    $redis->incr('balance');
    $redis->get('balance');
    is 'EXEC', [$redis->exec], [11, 11];
    is 'GET', scalar $other->get('balance'), 11;
};

check 'a runtime error in a transaction' => sub {
    my $redis = client();
    $redis->set(word => 'text');
    $redis->multi;
    $redis->incr('word');
    $redis->incr('counter');
    fails 'EXEC', qr/^\[exec\] ERR value is not an integer or out of range/, sub { $redis->exec };
    is 'GET', scalar client()->get('counter'), 1;
    # In a pipeline each reply of EXEC has its own error.
    $redis = client();
    my @seen;
    $redis->multi(sub { });
    $redis->incr('word', sub { });
    $redis->incr('counter', sub { });
    $redis->exec(sub { @seen = @_ });
    $redis->wait_all_responses;
    is 'EXEC', \@seen, [[[undef, 'ERR value is not an integer or out of range'], [2, undef]], undef];
};

check 'a queueing error in a transaction' => sub {
    my $redis = client();
    $redis->multi;
    is 'SET', scalar $redis->set(key => 1), 'QUEUED';
    fails 'GET', qr/^\[get\] ERR wrong number of arguments for 'get' command/, sub { $redis->get };
    fails 'EXEC', qr/^\[exec\] EXECABORT Transaction discarded because of previous errors/,
        sub { $redis->exec };
    is 'GET', scalar $redis->get('key'), undef;
};

check 'UNWATCH' => sub {
    my ($redis, $other) = (client(), client());
    $redis->watch('balance');
    $other->set(balance => 1);
    is 'UNWATCH', scalar $redis->unwatch, 'OK';
    $redis->multi;
    $redis->incr('balance');
    is 'EXEC', [$redis->exec], [2];
};

check 'DISCARD' => sub {
    my ($redis, $other) = (client(), client());
    $redis->watch('balance');
    $other->set(balance => 1);
    $redis->multi;
    $redis->incr('balance');
    is 'DISCARD', scalar $redis->discard, 'OK';
    is 'GET', scalar $redis->get('balance'), 1;
    fails 'DISCARD', qr/^\[discard\] ERR DISCARD without MULTI/, sub { $redis->discard };
    $redis->multi;
    $redis->incr('balance');
    is 'EXEC, no longer watching', [$redis->exec], [2];
};

check 'a pipeline of 10,000' => sub {
    my $redis = client();
    my @replies;
    for my $i (0 .. 4_999) {
        $redis->set("key:$i" => "value:$i", sub { push @replies, $_[0] });
        $redis->incr('counter', sub { push @replies, $_[0] });
    }
    $redis->wait_all_responses;
    is 'the replies', \@replies, [map { ('OK', $_) } 1 .. 5_000];
    is 'DBSIZE', scalar $redis->dbsize, 5_001;
    is 'GET', scalar $redis->get('key:4999'), 'value:4999';
};

check 'publish and subscribe' => sub {
    my ($publisher, $subscriber) = (client(), client());
    my @seen;
    is 'PUBLISH to nobody', scalar $publisher->publish(news => 'lost'), 0;
    my $callback = sub { push @seen, [@_] };
    $subscriber->subscribe('news', 'more', $callback);
    is 'PUBSUB NUMSUB', [$publisher->pubsub_numsub('news', 'nobody')], ['news', 1, 'nobody', 0];
    is 'PUBLISH', scalar $publisher->publish(news => 'one'), 1;
    is 'PUBLISH', scalar $publisher->publish(more => 'two'), 1;
    eventually 'two messages', sub { $subscriber->wait_for_messages(0.05); @seen == 2 };
    is 'the messages', \@seen, [[qw(one news news)], [qw(two more more)]];
    $subscriber->unsubscribe('news', 'more', $callback);
    is 'PUBLISH to nobody', scalar $publisher->publish(news => 'lost'), 0;
    is 'PING', scalar $subscriber->ping, 'PONG';
};

check 'patterns' => sub {
    my ($publisher, $subscriber) = (client(), client());
    my @seen;
    $subscriber->psubscribe('news.*', sub { push @seen, [@_] });
    is 'PUBSUB NUMPAT', scalar $publisher->pubsub_numpat, 1;
    is 'PUBLISH', scalar $publisher->publish('news.perl' => 'one'), 1;
    is 'PUBLISH', scalar $publisher->publish('other' => 'two'), 0;
    eventually 'a message', sub { $subscriber->wait_for_messages(0.05) };
    is 'the messages', \@seen, [[qw(one news.perl news.*)]];
};

print "none: sharded channels: it reads only messages of channels and patterns\n";

check 'a subscriber reconnects' => sub {
    my ($publisher, $subscriber) = (client(), client());
    my $id = $subscriber->client_id;
    my @seen;
    $subscriber->subscribe('news', sub { push @seen, [@_] });
    $subscriber->psubscribe('p*', sub { push @seen, [@_] });
    is 'PUBLISH', scalar $publisher->publish(news => 'before'), 1;
    eventually 'a message', sub { $subscriber->wait_for_messages(0.05) };
    is 'CLIENT KILL', scalar $publisher->client_kill(ID => $id), 1;
    # It subscribes anew by itself, as soon as it sees that the connection is lost.
    eventually 'two subscriptions', sub {
        $subscriber->wait_for_messages(0.05);
        $publisher->publish(news => 'after') && $publisher->publish(pattern => 'after');
    };
    eventually 'a message', sub { $subscriber->wait_for_messages(0.05); @seen >= 3 };
    is 'a message', $seen[0], [qw(before news news)];
    is 'a message', $seen[-2], [qw(after news news)];
    is 'a message', $seen[-1], [qw(after pattern p*)];
};

# The client has no cache of its own; invalidations come as messages to another connection.
check 'client-side caching' => sub {
    my ($redis, $listener, $other) = (client(), client(), client());
    my $id = $listener->client_id;
    my @seen;
    $listener->subscribe('__redis__:invalidate', sub { push @seen, $_[0] });
    is 'CLIENT TRACKING', scalar $redis->client_tracking('ON', REDIRECT => $id), 'OK';
    is 'CLIENT GETREDIR', scalar $redis->client_getredir, $id;
    $redis->set(key => 1);
    is 'GET', scalar $redis->get('key'), 1;
    $other->set(key => 2);
    eventually 'a message', sub { $listener->wait_for_messages(0.05) };
    $other->set(key => 3);
    $listener->wait_for_messages(0.05);
    is 'invalidations', \@seen, [['key']];
    is 'GET', scalar $redis->get('key'), 3;
    $other->flushall;
    eventually 'a message', sub { $listener->wait_for_messages(0.05) };
    is 'invalidations', \@seen, [['key'], undef];
    is 'CLIENT TRACKING', scalar $redis->client_tracking('OFF'), 'OK';
};

check 'BZPOPMIN blocks' => sub {
    my ($redis, $other) = (client(), client());
    my @seen;
    my $blocked = sub { $other->info('clients')->{blocked_clients} };
    $redis->bzpopmin('first', 'second', 20, sub { @seen = @_ });
    eventually 'a blocked client', sub { $blocked->() == 1 };
    $other->zadd(second => 2, 'two', 1, 'one');
    $redis->wait_all_responses;
    is 'BZPOPMIN', \@seen, [['second', 'one', 1], undef];
    is 'BZPOPMIN of what is there', [$redis->bzpopmin('first', 'second', 20)], ['second', 'two', 2];
    is 'BZPOPMIN in vain', scalar $redis->bzpopmin('first', 0.05), undef;
    is 'blocked_clients', $blocked->(), 0;
};

check 'lists block' => sub {
    my ($redis, $mover, $other) = (client(), client(), client());
    my (@seen, @moved);
    my $blocked = sub { $other->info('clients')->{blocked_clients} };
    is 'BLPOP in vain', scalar $redis->blpop('queue', 0.05), undef;
    $redis->blpop('none', 'queue', 20, sub { @seen = @_ });
    eventually 'a blocked client', sub { $blocked->() == 1 };
    $mover->blmove(qw(queue done RIGHT LEFT 20), sub { @moved = @_ });
    eventually 'two blocked clients', sub { $blocked->() == 2 };
    $other->rpush(queue => qw(a b c));
    $redis->wait_all_responses;
    $mover->wait_all_responses;
    is 'BLPOP', \@seen, [['queue', 'a'], undef];
    is 'BLMOVE', \@moved, ['c', undef];
    is 'what is left', [$other->lrange(queue => 0, -1)], ['b'];
};

check 'XREAD blocks' => sub {
    my ($redis, $member, $other) = (client(), client(), client());
    my (@seen, @mine);
    $other->xgroup(qw(CREATE stream group $ MKSTREAM));
    is 'XREAD in vain', scalar $redis->xread(qw(BLOCK 50 STREAMS stream $)), undef;
    $redis->xread(qw(BLOCK 20000 STREAMS stream $), sub { @seen = @_ });
    $member->xreadgroup(qw(GROUP group ann BLOCK 20000 STREAMS stream >), sub { @mine = @_ });
    eventually 'the blocked clients', sub { $other->info('clients')->{blocked_clients} == 2 };
    $other->xadd(stream => '2-0', a => 1);
    $_->wait_all_responses for $redis, $member;
    is 'what comes', $_, [[['stream', [['2-0', ['a', 1]]]]], undef] for \@seen, \@mine;
};

check 'binary keys and values' => sub {
    my $redis = client();
    my $bytes = join '', map { chr } 0 .. 255;
    my $large = $bytes x 4096;
    is 'SET', scalar $redis->set($bytes => $large), 'OK';
    is 'GET', scalar $redis->get($bytes), $large;
    is 'KEYS', [$redis->keys('*')], [$bytes];
    $redis->hset("\r\n" => "\0" => $bytes, "\xff" => '');
    is 'HGETALL', pairs($redis->hgetall("\r\n")), { "\0" => $bytes, "\xff" => '' };
    $redis->zadd("\0\0", 1, $bytes);
    is 'ZRANGE', [$redis->zrange("\0\0", 0, -1)], [$bytes];
    is 'GET of an empty key', scalar $redis->get(''), undef;
};

check '16 connections at once' => sub {
    my @children;
    for (1 .. 16) {
        my $child = fork;
        die "fork: $!\n" if !defined $child;
        if (!$child) {
            my $good = eval {
                my $redis = client();
                for (1 .. 25) {
                    while (1) {
                        $redis->watch('sum');
                        my $sum = $redis->get('sum') // 0;
                        $redis->multi;
                        $redis->set(sum => $sum + 1);
                        last if defined $redis->exec;
                    }
                }
                1;
            };
            print STDERR $@ if !$good;
            require POSIX;
            POSIX::_exit($good ? 0 : 1);
        }
        push @children, $child;
    }
    for (@children) {
        waitpid $_, 0;
        is 'the status of a child', $?, 0;
    }
    is 'the sum', scalar client()->get('sum'), 400;
};

check 'going on after a restart' => sub {
    my $redis = client();
    $redis->select(2);
    $redis->set(key => 'value');
    my $watching = client();
    $watching->watch('key');
    my $subscriber = client();
    my @seen;
    $subscriber->subscribe('news', sub { push @seen, $_[0] });
    is 'the restart', system($ENV{RESTART}), 0;
    is 'GET', scalar $redis->get('key'), undef;
    is 'SET', scalar $redis->set(key => 'again'), 'OK';
    is 'GET', scalar $redis->get('key'), 'again';
    is 'the other database', scalar client()->get('key'), undef;
    # What was watched is lost, so it must not go on by itself.
    fails 'MULTI', qr/^reconnect disabled inside transaction or watch/, sub { $watching->multi };
    eventually 'a subscription', sub {
        $subscriber->wait_for_messages(0.05);
        $redis->publish(news => 'after');
    };
    eventually 'a message', sub { $subscriber->wait_for_messages(0.05); @seen >= 1 };
    is 'a message', $seen[-1], 'after';
};

exit($failed ? 1 : 0);
