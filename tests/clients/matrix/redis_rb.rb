#!/usr/bin/env ruby
# frozen_string_literal: true

# redis-rb: the checks of the client matrix. server.sh says how this is called.
require "redis"
require "timeout"

PORT, GUARDED_PORT, PASSWORD, PROTOCOL = ARGV
abort "redis-rb 4 knows only its default protocol, RESP2" if PROTOCOL != "default"
puts "redis-rb #{Redis::VERSION}, Ruby #{RUBY_VERSION}"
$stdout.sync = true
Redis.raise_deprecations = true
Thread.report_on_exception = false

$failed = 0

class Wrong < StandardError; end

def client(**options)
  Redis.new(host: "127.0.0.1", port: PORT, **options)
end

# A check begins with an empty server, and fails with the first thing that is not as expected.
def check(name)
  Timeout.timeout(30) do
    client.flushall
    yield
  end
  puts "ok: #{name}"
rescue StandardError => error
  $failed += 1
  puts "FAILED: #{name}: #{error.message} (#{error.class})"
end

def is(what, found, expected)
  return if found == expected && found.class == expected.class

  raise Wrong, "#{what} is #{found.inspect}, expected #{expected.inspect}"
end

# The client's own errors: an exception of this very class, with the server's words.
def fails(what, error_class, pattern)
  result = yield
  raise Wrong, "#{what} gives #{result.inspect}, expected #{error_class}"
rescue Redis::BaseError => error
  return if error.instance_of?(error_class) && pattern.match?(error.message)

  raise Wrong, "#{what} fails with #{error.class} #{error.message}, expected #{error_class} #{pattern}"
end

def eventually(what)
  deadline = Time.now + 10
  until yield
    raise Wrong, "#{what}: not after 10 s" if Time.now > deadline

    sleep 0.01
  end
end

def since_7_4?
  (client.info["redis_version"].split(".").map(&:to_i) <=> [7, 4]) >= 0
end

# Subscribes in a thread, and hands out what comes: the names of events with their arguments.
class Listener
  attr_reader :thread

  def initialize(redis, kind, *names)
    @seen = Queue.new
    # Of the loop, which ends with the last subscription.
    @thread = Thread.new do
      redis.public_send(kind, *names) do |on|
        %i[subscribe unsubscribe message psubscribe punsubscribe pmessage].each do |event|
          on.public_send(event) do |*arguments|
            @seen << [event, *arguments]
            redis.unsubscribe if arguments.last == "exit" && event == :message
            redis.punsubscribe if arguments.last == "exit" && event == :pmessage
          end
        end
      end
    end
  end

  def next
    Timeout.timeout(10, Wrong, "no message after 10 s") do
      sleep 0.005 while @seen.empty? && @thread.alive?
      @thread.value if @seen.empty?
    end
    raise Wrong, "the subscription has ended" if @seen.empty?

    @seen.pop
  end
end

check "connect without a password" do
  is "PING", client.ping, "PONG"
  is "ECHO", client.echo("hello"), "hello"
  is "PING of a URL", Redis.new(url: "redis://127.0.0.1:#{PORT}/1").ping, "PONG"
end

check "connect with a password" do
  is "PING", client(port: GUARDED_PORT, password: PASSWORD).ping, "PONG"
  is "PING", client(port: GUARDED_PORT, username: "default", password: PASSWORD).ping, "PONG"
end

check "a wrong password" do
  fails("PING", Redis::CommandError, /\AWRONGPASS invalid username-password pair/) do
    client(port: GUARDED_PORT, password: "wrong").ping
  end
end

check "no password where one is needed" do
  redis = client(port: GUARDED_PORT)
  fails("GET", Redis::CommandError, /\ANOAUTH Authentication required/) { redis.get("key") }
  is "AUTH", redis.auth(PASSWORD), "OK"
  is "GET", redis.get("key"), nil
end

check "SELECT" do
  redis = client
  is "SET", redis.set("key", "zero"), "OK"
  is "SELECT", redis.select(3), "OK"
  is "GET", redis.get("key"), nil
  is "SET", redis.set("key", "three"), "OK"
  is "MOVE", redis.move("key", 4), true
  is "GET in database 4", client(db: 4).get("key"), "three"
  is "SELECT", redis.select(0), "OK"
  is "GET", redis.get("key"), "zero"
  fails("SELECT", Redis::CommandError, /\AERR DB index is out of range/) { client(db: 99).ping }
end

check "INFO" do
  info = client.info
  raise Wrong, "redis_version is #{info["redis_version"].inspect}" unless info["redis_version"] =~ /\A\d+\.\d+\.\d+\z/

  is "tcp_port", info["tcp_port"], PORT
  is "role", info["role"], "master"
  is "loading", info["loading"], "0"
  client.set("key", 1)
  raise Wrong, "keyspace is #{client.info(:keyspace)}" unless client.info(:keyspace)["db0"].start_with?("keys=1,")

  client.get("key")
  is "commandstats", client.info(:commandstats)["get"]["calls"].to_i.positive?, true
end

check "strings" do
  redis = client
  is "SET", redis.set("key", "value"), "OK"
  is "GET", redis.get("key"), "value"
  is "GET of nothing", redis.get("missing"), nil
  is "SET NX", redis.set("key", "other", nx: true), false
  is "SET GET", redis.set("key", "other", get: true), "value"
  is "SET EX", redis.set("key", "value", ex: 100), "OK"
  is "TTL", redis.ttl("key").between?(99, 100), true
  is "PERSIST", redis.persist("key"), true
  is "GETEX", redis.getex("key", px: 100_000), "value"
  is "PTTL", redis.pttl("key").between?(90_000, 100_000), true
  is "APPEND", redis.append("key", "!"), 6
  is "GETRANGE", redis.getrange("key", 1, -2), "alue"
  is "INCRBY", redis.incrby("counter", 41), 41
  is "INCR", redis.incr("counter"), 42
  is "INCRBYFLOAT", redis.incrbyfloat("counter", 0.5), 42.5
  is "MSET", redis.mset("a", 1, "b", 2), "OK"
  is "MGET", redis.mget("a", "missing", "b"), ["1", nil, "2"]
  is "MAPPED_MGET", redis.mapped_mget("a", "missing"), { "a" => "1", "missing" => nil }
  is "TYPE", redis.type("key"), "string"
  is "DEL", redis.del("a", "b", "missing"), 2
  is "EXISTS", redis.exists?("a"), false
  is "SCAN", redis.scan_each(match: "*e*").to_a.sort, %w[counter key]
  fails("INCR", Redis::CommandError, /\AERR value is not an integer or out of range/) { redis.incr("key") }
  fails("HGET", Redis::CommandError, /\AWRONGTYPE Operation against a key/) { redis.hget("key", "field") }
end

check "hashes" do
  redis = client
  is "HSET", redis.hset("hash", "a" => 1, "b" => 2, "c" => "three"), 3
  is "HGET", redis.hget("hash", "c"), "three"
  is "HGET of nothing", redis.hget("hash", "missing"), nil
  is "HGETALL", redis.hgetall("hash"), { "a" => "1", "b" => "2", "c" => "three" }
  is "HMGET", redis.hmget("hash", "a", "missing", "c"), ["1", nil, "three"]
  is "HSETNX", redis.hsetnx("hash", "a", 2), false
  is "HINCRBY", redis.hincrby("hash", "a", 41), 42
  is "HINCRBYFLOAT", redis.hincrbyfloat("hash", "b", 0.25), 2.25
  is "HDEL", redis.hdel("hash", "b", "missing"), 1
  is "HEXISTS", redis.hexists("hash", "b"), false
  is "HLEN", redis.hlen("hash"), 2
  is "HKEYS", redis.hkeys("hash").sort, %w[a c]
  is "HRANDFIELD", redis.hrandfield("hash", 5, with_values: true).sort, [%w[a 42], %w[c three]]
  is "HSCAN", redis.hscan_each("hash").to_a.sort, [%w[a 42], %w[c three]]
  is "HGETALL of nothing", redis.hgetall("missing"), {}
end

check "expiry of hash fields" do
  redis = client
  redis.hset("hash", "short" => 1, "long" => 2)
  if since_7_4?
    is "HEXPIRE", redis.call("HEXPIRE", "hash", 100, "FIELDS", 2, "long", "missing"), [1, -2]
    is "HTTL", redis.call("HTTL", "hash", "FIELDS", 2, "short", "missing"), [-1, -2]
    is "HPEXPIRE", redis.call("HPEXPIRE", "hash", 20, "FIELDS", 1, "short"), [1]
    eventually("a field expires") { !redis.hexists("hash", "short") }
    is "HGETALL", redis.hgetall("hash"), { "long" => "2" }
    is "HPERSIST", redis.call("HPERSIST", "hash", "FIELDS", 1, "long"), [1]
  else
    fails("HPEXPIRE", Redis::CommandError, /\AERR unknown command/) do
      redis.call("HPEXPIRE", "hash", 20, "FIELDS", 1, "short")
    end
  end
end

check "sets" do
  redis = client
  is "SADD", redis.sadd("set", %w[a b c]), 3
  is "SADD", redis.sadd?("other", "b"), true
  is "SADD", redis.sadd("other", %w[c d]), 2
  is "SMEMBERS", redis.smembers("set").sort, %w[a b c]
  is "SISMEMBER", redis.sismember("set", "a"), true
  is "SMISMEMBER", redis.smismember("set", "a", "d"), [true, false]
  is "SINTER", redis.sinter("set", "other").sort, %w[b c]
  is "SUNIONSTORE", redis.sunionstore("all", "set", "other"), 4
  is "SREM", redis.srem?("set", %w[a missing]), true
  is "SCARD", redis.scard("set"), 2
  popped = redis.spop("set")
  is "the rest and SPOP", [popped, *redis.smembers("set")].sort, %w[b c]
  is "SPOP of nothing", redis.spop("missing"), nil
  is "SPOP of many", redis.spop("other", 5).sort, %w[b c d]
  is "SSCAN", redis.sscan_each("all").to_a.sort, %w[a b c d]
  is "SMEMBERS of nothing", redis.smembers("missing"), []
end

check "sorted sets" do
  redis = client
  is "ZADD", redis.zadd("zset", [[1, "one"], [2.5, "two"], ["+inf", "last"]]), 3
  is "ZADD of one", redis.zadd("zset", 2.5, "two"), false
  is "ZADD INCR", redis.zadd("zset", 1, "one", incr: true), 2.0
  is "ZSCORE", redis.zscore("zset", "two"), 2.5
  is "ZSCORE", redis.zscore("zset", "last"), Float::INFINITY
  is "ZSCORE of nothing", redis.zscore("zset", "missing"), nil
  is "ZRANGE", redis.zrange("zset", 0, -1), %w[one two last]
  is "ZRANGE", redis.zrange("zset", 0, 1, with_scores: true), [["one", 2.0], ["two", 2.5]]
  is "ZRANGE", redis.zrange("zset", "(2", "+inf", by_score: true, limit: [0, 1]), ["two"]
  is "ZREVRANGEBYSCORE", redis.zrevrangebyscore("zset", "+inf", "(2"), %w[last two]
  is "ZINCRBY", redis.zincrby("zset", 2, "one"), 4.0
  is "ZRANK", redis.zrank("zset", "one"), 1
  is "ZRANK of nothing", redis.zrank("zset", "missing"), nil
  is "ZCOUNT", redis.zcount("zset", "-inf", 4), 2
  is "ZPOPMIN", redis.zpopmin("zset"), ["two", 2.5]
  is "ZPOPMAX of many", redis.zpopmax("zset", 2), [["last", Float::INFINITY], ["one", 4.0]]
  is "ZPOPMIN of nothing", redis.zpopmin("zset"), nil
  redis.zadd("one", [[1, "a"], [2, "b"]])
  redis.zadd("two", [[10, "b"]])
  is "ZUNION", redis.zunion("one", "two", with_scores: true), [["a", 1.0], ["b", 12.0]]
  is "ZMSCORE", redis.zmscore("one", "a", "missing"), [1.0, nil]
  is "ZSCAN", redis.zscan_each("one").to_a, [["a", 1.0], ["b", 2.0]]
  is "ZREM", redis.zrem("one", %w[a missing]), 1
end

check "lists" do
  redis = client
  is "RPUSH", redis.rpush("list", %w[a b c]), 3
  is "LPUSH", redis.lpush("list", "first"), 4
  is "LPUSHX of nothing", redis.lpushx("missing", "x"), 0
  is "LRANGE", redis.lrange("list", 0, -1), %w[first a b c]
  is "LLEN", redis.llen("list"), 4
  is "LINDEX", [redis.lindex("list", -1), redis.lindex("list", 9)], ["c", nil]
  is "LINSERT", redis.linsert("list", "AFTER", "a", "a"), 5
  is "LPOS", redis.call("LPOS", "list", "a", "COUNT", 0), [1, 2]
  is "LSET", redis.lset("list", 0, "FIRST"), "OK"
  is "LREM", redis.lrem("list", -1, "a"), 1
  is "LTRIM", redis.ltrim("list", 0, 2), "OK"
  is "LMOVE", redis.lmove("list", "other", "RIGHT", "LEFT"), "b"
  is "LPOP of many", redis.lpop("list", 5), %w[FIRST a]
  is "RPOP of nothing", redis.rpop("list"), nil
  is "LMPOP", redis.call("LMPOP", 2, "list", "other", "LEFT"), ["other", ["b"]]
  fails("LSET of nothing", Redis::CommandError, /\AERR no such key/) { redis.lset("list", 0, "x") }
end

check "streams" do
  redis = client
  is "XADD", redis.xadd("stream", { name: "Ann", age: 30 }, id: "1-1"), "1-1"
  is "XADD of a part", redis.xadd("stream", { name: "Bob" }, id: "1-*"), "1-2"
  redis.xadd("stream", { "\0" => "\r\n" }, id: "2-0")
  first, second = [["1-1", { "name" => "Ann", "age" => "30" }], ["1-2", { "name" => "Bob" }]]
  is "XLEN", redis.xlen("stream"), 3
  is "XRANGE", redis.xrange("stream", "-", "1-2"), [first, second]
  is "XREVRANGE", redis.xrevrange("stream", count: 1), [["2-0", { "\0" => "\r\n" }]]
  is "XREAD", redis.xread(%w[stream missing], %w[1-1 0], count: 1), { "stream" => [second] }
  is "XREAD of nothing", redis.xread("stream", "2-0"), {}
  is "XDEL", redis.xdel("stream", %w[1-1 9-9]), 1
  is "XTRIM", redis.xtrim("stream", 1), 1
  is "XINFO STREAM", redis.xinfo(:stream, "stream").values_at("length", "last-generated-id"), [1, "2-0"]
  fails("XADD of an old ID", Redis::CommandError, /is equal or smaller than/) do
    redis.xadd("stream", { a: 1 }, id: "1-5")
  end
end

check "consumer groups" do
  redis = client
  is "XGROUP CREATE", redis.xgroup(:create, "orders", "shop", "$", mkstream: true), "OK"
  (1..3).each { |number| redis.xadd("orders", { number: number }, id: "#{number}-0") }
  entries = (1..3).map { |number| ["#{number}-0", { "number" => number.to_s }] }
  is "XREADGROUP", redis.xreadgroup("shop", "ann", "orders", ">", count: 2), { "orders" => entries[0, 2] }
  is "XREADGROUP of what it has", redis.xreadgroup("shop", "ann", "orders", "0"), { "orders" => entries[0, 2] }
  is "XACK", redis.xack("orders", "shop", %w[1-0 9-0]), 1
  waiting = redis.xpending("orders", "shop")
  is "XPENDING", waiting.values_at("size", "min_entry_id", "consumers"), [1, "2-0", { "ann" => "1" }]
  one = redis.xpending("orders", "shop", "-", "+", 10).first
  is "XPENDING of one", one.values_at("entry_id", "consumer", "count"), ["2-0", "ann", 2]
  is "XCLAIM", redis.xclaim("orders", "shop", "bob", 0, "2-0"), entries[1, 1]
  is "XAUTOCLAIM", redis.xautoclaim("orders", "shop", "cid", 0, "0"), { "next" => "0-0", "entries" => entries[1, 1] }
  is "XINFO GROUPS", redis.xinfo(:groups, "orders").first.values_at("name", "consumers", "pending"), ["shop", 3, 1]
  is "XGROUP DESTROY", redis.xgroup(:destroy, "orders", "shop"), 1
  fails("XREADGROUP", Redis::CommandError, /\ANOGROUP No such key/) { redis.xreadgroup("shop", "ann", "orders", ">") }
end

check "bitmaps" do
  redis = client
  is "SETBIT", [redis.setbit("bits", 7, 1), redis.setbit("bits", 7, 1), redis.setbit("bits", 20, 1)], [0, 1, 0]
  is "GETBIT", [redis.getbit("bits", 7), redis.getbit("bits", 1000)], [1, 0]
  is "BITCOUNT", [redis.bitcount("bits"), redis.bitcount("bits", 0, 0)], [2, 1]
  is "BITPOS", [redis.bitpos("bits", 1), redis.bitpos("bits", 1, 2)], [7, 20]
  redis.set("other", "\x7f")
  is "BITOP", [redis.bitop("AND", "both", "bits", "other"), redis.get("both")], [3, "\x01\0\0"]
  is "BITFIELD", redis.call("BITFIELD", "bits", *%w[SET u8 0 255 OVERFLOW FAIL INCRBY u8 0 1]), [1, nil]
end

check "HyperLogLogs" do
  redis = client
  is "PFADD", [redis.pfadd("visits", (0...1000).to_a), redis.pfadd("visits", 5)], [true, false]
  redis.pfadd("others", (500...1500).to_a)
  is "PFCOUNT", [redis.pfcount("visits"), redis.pfcount("visits", "others")], [1001, 1512]
  is "PFMERGE", [redis.pfmerge("all", "visits", "others"), redis.pfcount("all")], [true, 1512]
end

check "geo" do
  redis = client
  is "GEOADD", redis.geoadd("places", 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"), 2
  is "GEODIST", redis.geodist("places", "Palermo", "Catania", "km"), "166.2742"
  is "GEOHASH", redis.geohash("places", %w[Palermo missing]), ["sqc8b49rny0", nil]
  is "GEOPOS", redis.geopos("places", %w[Palermo missing]), [%w[13.36138933897018433 38.11555639549629859], nil]
  is "GEORADIUS", redis.georadius("places", 15, 37, 200, "km", sort: "ASC"), %w[Catania Palermo]
  found = redis.call("GEOSEARCH", "places", *%w[FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST])
  is "GEOSEARCH", found, [%w[Catania 56.4413], %w[Palermo 190.4424]]
end

check "SORT" do
  redis = client
  redis.rpush("numbers", [10, 9, 2, 33])
  is "SORT", redis.sort("numbers"), %w[2 9 10 33]
  is "SORT ALPHA DESC", redis.sort("numbers", order: "ALPHA DESC", limit: [0, 2]), %w[9 33]
  redis.mset("weight:2", 4, "weight:9", 3, "weight:10", 2, "weight:33", 1, "name:33", "many")
  found = redis.sort("numbers", by: "weight:*", get: ["#", "name:*"], limit: [0, 2])
  is "SORT BY GET", found, [%w[33 many], ["10", nil]]
  is "SORT STORE", [redis.sort("numbers", store: "sorted"), redis.lrange("sorted", 0, 1)], [4, %w[2 9]]
  redis.rpush("numbers", "word")
  fails("SORT of words", Redis::CommandError, /can't be converted into double/) { redis.sort("numbers") }
end

check "DUMP and RESTORE" do
  redis = client
  bytes = (0..255).to_a.pack("C*")
  redis.set("string", bytes * 10)
  redis.rpush("list", [bytes, *1..1000])
  redis.hset("hash", { "bytes" => bytes })
  redis.xadd("stream", { "bytes" => bytes }, id: "1-1")
  read = {
    "string" => ->(key) { redis.get(key) },
    "list" => ->(key) { redis.lrange(key, 0, -1) },
    "hash" => ->(key) { redis.hgetall(key) },
    "stream" => ->(key) { redis.xrange(key) }
  }
  read.each do |key, value|
    is "RESTORE", redis.restore("#{key} again", 0, redis.dump(key)), "OK"
    is "the #{key}", value.call("#{key} again"), value.call(key)
  end
  is "DUMP of nothing", redis.dump("missing"), nil
  payload = redis.dump("string")
  fails("RESTORE", Redis::CommandError, /\ABUSYKEY/) { redis.restore("string", 0, payload) }
  is "RESTORE REPLACE", redis.restore("string", 0, payload, replace: true), "OK"
  broken = payload.b[0..-2] + "x"
  fails("RESTORE of a broken payload", Redis::CommandError, /DUMP payload version or checksum are wrong/) do
    redis.restore("bad", 0, broken)
  end
end

check "a WATCH conflict" do
  redis = client
  other = client
  redis.set("balance", 10)
  result = redis.watch("balance") do
    balance = redis.get("balance").to_i
    other.incrby("balance", 5)
    redis.multi { |transaction| transaction.set("balance", balance + 1) }
  end
  is "multi", result, nil
  is "GET", redis.get("balance"), "15"
  # The same without blocks.
  is "WATCH", redis.watch("balance"), "OK"
  other.incrby("balance", 5)
  is "MULTI", redis.multi, "OK"
  is "SET", redis.set("balance", 11), "QUEUED"
  is "EXEC", redis.exec, nil
  is "GET", redis.get("balance"), "20"
end

check "WATCH without a conflict" do
  redis = client
  redis.set("balance", 10)
  result = redis.watch("balance") do
    client.set("elsewhere", 1)
    redis.multi do |transaction|
      transaction.incr("balance")
      transaction.get("balance")
      transaction.hgetall("hash")
    end
  end
  is "multi", result, [11, "11", {}]
  is "GET", client.get("balance"), "11"
end

check "a runtime error in a transaction" do
  redis = client
  redis.set("word", "text")
  fails("multi", Redis::CommandError, /\AERR value is not an integer or out of range/) do
    redis.multi do |transaction|
      transaction.incr("word")
      transaction.incr("counter")
    end
  end
  is "GET", redis.get("counter"), "1"
  # Without a block the error stands among the replies.
  redis.multi
  redis.incr("word")
  redis.incr("counter")
  replies = redis.exec
  is "the class of the first reply", replies[0].class, Redis::CommandError
  is "the first reply", replies[0].message, "ERR value is not an integer or out of range"
  is "the second reply", replies[1], 2
end

check "a queueing error in a transaction" do
  redis = client
  fails("multi", Redis::CommandError, /\AERR wrong number of arguments for 'get' command/) do
    redis.multi do |transaction|
      transaction.set("key", 1)
      transaction.call(["GET"])
    end
  end
  is "GET", redis.get("key"), nil
  redis.multi
  is "SET", redis.set("key", 1), "QUEUED"
  fails("GET", Redis::CommandError, /\AERR wrong number of arguments/) { redis.call("GET") }
  fails("EXEC", Redis::CommandError, /\AEXECABORT Transaction discarded because of previous errors/) { redis.exec }
  is "GET", redis.get("key"), nil
end

check "UNWATCH" do
  redis = client
  redis.watch("balance")
  client.set("balance", 1)
  is "UNWATCH", redis.unwatch, "OK"
  is "multi", redis.multi { |transaction| transaction.incr("balance") }, [2]
end

check "DISCARD" do
  redis = client
  redis.watch("balance")
  client.set("balance", 1)
  redis.multi
  is "INCR", redis.incr("balance"), "QUEUED"
  is "DISCARD", redis.discard, "OK"
  is "GET", redis.get("balance"), "1"
  fails("DISCARD", Redis::CommandError, /\AERR DISCARD without MULTI/) { redis.discard }
  is "multi, no longer watching", redis.multi { |transaction| transaction.incr("balance") }, [2]
end

check "a pipeline of 10,000" do
  redis = client
  replies = redis.pipelined do |pipeline|
    5_000.times do |i|
      pipeline.set("key:#{i}", "value:#{i}")
      pipeline.incr("counter")
    end
  end
  is "the replies", replies, (1..5_000).flat_map { |i| ["OK", i] }
  is "DBSIZE", redis.dbsize, 5_001
  is "GET", redis.get("key:4999"), "value:4999"
end

check "publish and subscribe" do
  publisher = client
  is "PUBLISH to nobody", publisher.publish("news", "lost"), 0
  subscriber = client
  listener = Listener.new(subscriber, :subscribe, "news", "more")
  is "the first event", listener.next, [:subscribe, "news", 1]
  is "the second event", listener.next, [:subscribe, "more", 2]
  is "PUBSUB NUMSUB", publisher.pubsub(:numsub, "news", "nobody"), ["news", 1, "nobody", 0]
  is "PUBSUB CHANNELS", publisher.pubsub(:channels, "n*"), ["news"]
  is "PUBLISH", publisher.publish("news", "one"), 1
  is "PUBLISH", publisher.publish("more", "exit"), 1
  is "a message", listener.next, [:message, "news", "one"]
  is "a message", listener.next, [:message, "more", "exit"]
  ends = [listener.next, listener.next]
  is "the channels that end", ends.map { |event| event[0, 2] }.sort, [[:unsubscribe, "more"], [:unsubscribe, "news"]]
  is "the subscriptions left", ends.map(&:last), [1, 0]
  listener.thread.value
  is "PUBLISH to nobody", publisher.publish("news", "lost"), 0
  is "PING", subscriber.ping, "PONG"
end

check "patterns" do
  publisher = client
  listener = Listener.new(client, :psubscribe, "news.*", "*.ruby")
  is "an event", listener.next, [:psubscribe, "news.*", 1]
  is "an event", listener.next, [:psubscribe, "*.ruby", 2]
  is "PUBSUB NUMPAT", publisher.pubsub(:numpat), 2
  is "PUBLISH", publisher.publish("news.ruby", "one"), 2
  is "PUBLISH", publisher.publish("other", "two"), 0
  messages = [listener.next, listener.next]
  is "the messages", messages.sort, [[:pmessage, "*.ruby", "news.ruby", "one"], [:pmessage, "news.*", "news.ruby", "one"]]
  is "PUBLISH", publisher.publish("news.end", "exit"), 1
  is "a message", listener.next, [:pmessage, "news.*", "news.end", "exit"]
  is "an event", [listener.next, listener.next].map(&:first), %i[punsubscribe punsubscribe]
  listener.thread.value
end

puts "none: sharded channels: they came with redis-rb 5"

check "a subscriber reconnects" do
  publisher = client
  subscriber = client
  id = subscriber.call("CLIENT", "ID")
  listener = Listener.new(subscriber, :subscribe, "news")
  is "an event", listener.next, [:subscribe, "news", 1]
  is "PUBLISH", publisher.publish("news", "before"), 1
  is "a message", listener.next, [:message, "news", "before"]
  is "CLIENT KILL", publisher.client(:kill, "ID", id), 1
  # It connects and subscribes anew by itself.
  is "an event", listener.next, [:subscribe, "news", 1]
  is "PUBLISH", publisher.publish("news", "exit"), 1
  is "a message", listener.next, [:message, "news", "exit"]
  listener.thread.value
  is "whether it is another connection", subscriber.call("CLIENT", "ID") > id, true
end

# The client has no cache of its own; invalidations come as messages to another connection.
check "client-side caching" do
  redis = client
  other = client
  subscriber = client
  id = subscriber.call("CLIENT", "ID")
  listener = Listener.new(subscriber, :subscribe, "__redis__:invalidate")
  is "an event", listener.next, [:subscribe, "__redis__:invalidate", 1]
  is "CLIENT TRACKING", redis.call("CLIENT", "TRACKING", "ON", "REDIRECT", id), "OK"
  is "CLIENT GETREDIR", redis.call("CLIENT", "GETREDIR"), id
  redis.set("key", 1)
  is "GET", redis.get("key"), "1"
  other.set("key", 2)
  is "a message", listener.next, [:message, "__redis__:invalidate", ["key"]]
  other.set("key", 3)
  is "GET", redis.get("key"), "3"
  other.del("key")
  is "a message", listener.next, [:message, "__redis__:invalidate", ["key"]]
  other.flushall
  is "a message", listener.next, [:message, "__redis__:invalidate", nil]
  is "CLIENT TRACKING", redis.call("CLIENT", "TRACKING", "OFF"), "OK"
  other.publish("__redis__:invalidate", "exit")
  is "a message", listener.next, [:message, "__redis__:invalidate", "exit"]
end

check "BZPOPMIN blocks" do
  redis = client
  other = client
  blocked = Thread.new { redis.bzpopmin("first", "second", timeout: 20) }
  eventually("a blocked client") { other.info["blocked_clients"] == "1" }
  other.zadd("second", [[2, "two"], [1, "one"]])
  is "BZPOPMIN", blocked.value, ["second", "one", 1.0]
  is "BZPOPMIN of what is there", redis.bzpopmin("first", "second", timeout: 20), ["second", "two", 2.0]
  is "BZPOPMIN in vain", redis.bzpopmin("first", timeout: 0.05), nil
  is "blocked_clients", other.info["blocked_clients"], "0"
end

check "lists block" do
  redis, mover, other = client, client, client
  is "BLPOP in vain", redis.blpop("queue", timeout: 0.05), nil
  first = Thread.new { redis.blpop("none", "queue", timeout: 20) }
  eventually("a blocked client") { other.info["blocked_clients"] == "1" }
  second = Thread.new { mover.blmove("queue", "done", "RIGHT", "LEFT", timeout: 20) }
  eventually("two blocked clients") { other.info["blocked_clients"] == "2" }
  other.rpush("queue", %w[a b c])
  is "BLPOP", first.value, %w[queue a]
  is "BLMOVE", second.value, "c"
  is "what is left", other.lrange("queue", 0, -1), ["b"]
end

check "XREAD blocks" do
  redis, member, other = client, client, client
  other.xgroup(:create, "stream", "group", "$", mkstream: true)
  is "XREAD in vain", redis.xread("stream", "$", block: 50), {}
  reading = Thread.new { redis.xread("stream", "$", block: 20_000) }
  consuming = Thread.new { member.xreadgroup("group", "ann", "stream", ">", block: 20_000) }
  eventually("the blocked clients") { other.info["blocked_clients"] == "2" }
  other.xadd("stream", { a: 1 }, id: "2-0")
  [reading, consuming].each { |thread| is "what comes", thread.value, { "stream" => [["2-0", { "a" => "1" }]] } }
end

check "binary keys and values" do
  redis = client
  bytes = (0..255).to_a.pack("C*")
  large = bytes * 4096
  is "SET", redis.set(bytes, large), "OK"
  is "GET", redis.get(bytes).b, large
  is "KEYS", redis.keys("*").map(&:b), [bytes]
  redis.hset("\r\n", { "\0" => bytes, "field" => "" })
  is "HGETALL", redis.hgetall("\r\n").transform_values(&:b), { "\0" => bytes, "field" => "".b }
  redis.zadd("\0\0", 1, bytes)
  is "ZRANGE", redis.zrange("\0\0", 0, -1).map(&:b), [bytes]
  redis.set("ключ", "значение")
  is "GET in UTF-8", redis.get("ключ"), "значение"
  is "GET of an empty key", redis.get(""), nil
end

check "16 connections at once" do
  threads = Array.new(16) do
    Thread.new do
      redis = client
      25.times do
        loop do
          done = redis.watch("sum") do
            sum = redis.get("sum").to_i
            redis.multi { |transaction| transaction.set("sum", sum + 1) }
          end
          break if done == ["OK"]
        end
      end
    end
  end
  threads.each(&:value)
  is "the sum", client.get("sum"), "400"
end

check "going on after a restart" do
  redis = client
  redis.select(2)
  redis.set("key", "value")
  listener = Listener.new(client(reconnect_attempts: 50, reconnect_delay: 0.02), :subscribe, "news")
  is "an event", listener.next, [:subscribe, "news", 1]
  is "the restart", system(ENV["RESTART"]), true
  is "GET", redis.get("key"), nil
  is "SET", redis.set("key", "again"), "OK"
  is "the other database", client.get("key"), nil
  is "GET", client(db: 2).get("key"), "again"
  is "an event", listener.next, [:subscribe, "news", 1]
  is "PUBLISH", redis.publish("news", "exit"), 1
  is "a message", listener.next, [:message, "news", "exit"]
  listener.thread.value
end

exit($failed.zero?)
