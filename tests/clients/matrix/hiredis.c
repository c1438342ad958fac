// hiredis: the checks of the client matrix. server.sh says how this is called.
#define _POSIX_C_SOURCE 200809L
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int port, guarded_port;
static const char *password;
static int failed;

// A check that fails jumps back; what it opened is freed there.
static const char *current;
static const char *prefix = "FAILED";
static jmp_buf back;
static redisContext *opened[64];
static size_t opened_count;

__attribute__((noreturn, format(printf, 1, 2))) static void wrong(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("%s: %s: ", prefix, current);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    longjmp(back, 1);
}

static redisContext *client_of(int its_port) {
    struct timeval limit = {10, 0};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", its_port, limit);
    if (context == NULL || opened_count == sizeof opened / sizeof *opened) wrong("no room for a connection");
    opened[opened_count++] = context;
    if (context->err) wrong("cannot connect: %s", context->errstr);
    redisSetTimeout(context, limit);
    return context;
}

static redisContext *client(void) {
    return client_of(port);
}

// A text that grows; what does not fit is a fault of the check.
struct text {
    char bytes[1 << 16];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof text->bytes - text->length;
    int more = vsnprintf(text->bytes + text->length, room, format, arguments);
    va_end(arguments);
    if (more < 0 || (size_t)more >= room) wrong("a reply is too long to be shown");
    text->length += (size_t)more;
}

static int by_text(const void *one, const void *other) {
    return strcmp(*(char *const *)one, *(char *const *)other);
}

// A reply as text that tells its types apart: +status, 'bulk', 1, nil, -error, [array].
static void show(struct text *text, const redisReply *reply, bool sorted) {
    switch (reply->type) {
    case REDIS_REPLY_STATUS: add(text, "+%s", reply->str); break;
    case REDIS_REPLY_ERROR: add(text, "-%s", reply->str); break;
    case REDIS_REPLY_INTEGER: add(text, "%lld", reply->integer); break;
    case REDIS_REPLY_NIL: add(text, "nil"); break;
    case REDIS_REPLY_STRING:
        add(text, "'");
        for (size_t i = 0; i < (size_t)reply->len; i++) {
            unsigned char byte = (unsigned char)reply->str[i];
            add(text, byte < 32 || byte > 126 ? "\\x%02x" : "%c", byte);
        }
        add(text, "'");
        break;
    case REDIS_REPLY_ARRAY: {
        size_t count = reply->elements;
        char *elements[64];
        if (count > sizeof elements / sizeof *elements) wrong("an array of %zu elements", count);
        for (size_t i = 0; i < count; i++) {
            size_t before = text->length;
            show(text, reply->element[i], sorted);
            elements[i] = strdup(text->bytes + before);
            text->length = before;
        }
        if (sorted) qsort(elements, count, sizeof *elements, by_text);
        add(text, "[");
        for (size_t i = 0; i < count; i++) {
            add(text, i == 0 ? "%s" : ", %s", elements[i]);
            free(elements[i]);
        }
        add(text, "]");
        break;
    }
    default: wrong("a reply of type %d", reply->type);
    }
}

static struct text shown;

static void compare(const char *what, redisReply *reply, const char *expected, bool sorted) {
    shown.length = 0;
    show(&shown, reply, sorted);
    freeReplyObject(reply);
    if (strcmp(shown.bytes, expected) != 0) wrong("%s is %s, expected %s", what, shown.bytes, expected);
}

static redisReply *command(redisContext *context, const char *format, va_list arguments) {
    redisReply *reply = redisvCommand(context, format, arguments);
    if (reply == NULL) wrong("%s: %s", format, context->errstr);
    return reply;
}

// Sends a command, and compares its reply with a text.
static void is(redisContext *context, const char *expected, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = command(context, format, arguments);
    va_end(arguments);
    compare(format, reply, expected, false);
}

// The same where the order of elements does not matter: they are sorted by their texts.
static void is_sorted(redisContext *context, const char *expected, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = command(context, format, arguments);
    va_end(arguments);
    compare(format, reply, expected, true);
}

static void send_only(redisContext *context, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int status = redisvAppendCommand(context, format, arguments);
    va_end(arguments);
    if (status != REDIS_OK) wrong("%s: %s", format, context->errstr);
}

static void flush(redisContext *context) {
    for (int done = 0; !done;) {
        if (redisBufferWrite(context, &done) != REDIS_OK) wrong("cannot write: %s", context->errstr);
    }
}

// The next reply or message, compared with a text.
static void next(redisContext *context, const char *expected) {
    void *reply;
    if (redisGetReply(context, &reply) != REDIS_OK) wrong("no reply, expected %s: %s", expected, context->errstr);
    compare("the next reply", reply, expected, false);
}

static long long number(redisContext *context, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = command(context, format, arguments);
    va_end(arguments);
    if (reply->type != REDIS_REPLY_INTEGER) wrong("%s is no integer", format);
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

// A field of INFO.
static void info(redisContext *context, const char *section, const char *field, char *value, size_t size) {
    redisReply *reply = redisCommand(context, "INFO %s", section);
    if (reply == NULL || reply->type != REDIS_REPLY_STRING) wrong("INFO %s is no string", section);
    size_t length = strlen(field);
    for (const char *line = reply->str; line != NULL; line = strstr(line, "\r\n")) {
        line += strspn(line, "\r\n");
        if (strncmp(line, field, length) == 0 && line[length] == ':') {
            line += length + 1;
            snprintf(value, size, "%.*s", (int)strcspn(line, "\r\n"), line);
            freeReplyObject(reply);
            return;
        }
    }
    wrong("INFO %s has no %s", section, field);
}

static void pause_ms(long milliseconds) {
    struct timespec time = {0, milliseconds * 1000000};
    nanosleep(&time, NULL);
}

static void connects(void) {
    redisContext *context = client();
    is(context, "+PONG", "PING");
    is(context, "'hello'", "PING hello");
    is(context, "'hello'", "ECHO hello");
    is(context, "-ERR unknown command 'NOSUCH', with args beginning with: 'a' ", "NOSUCH a");
}

static void connects_with_password(void) {
    redisContext *context = client_of(guarded_port);
    is(context, "+OK", "AUTH %s", password);
    is(context, "+PONG", "PING");
    context = client_of(guarded_port);
    is(context, "+OK", "AUTH default %s", password);
    is(context, "+PONG", "PING");
}

static void wrong_password(void) {
    redisContext *context = client_of(guarded_port);
    is(context, "-WRONGPASS invalid username-password pair or user is disabled.", "AUTH wrong");
    is(context, "+OK", "AUTH %s", password);
}

static void no_password(void) {
    redisContext *context = client_of(guarded_port);
    is(context, "-NOAUTH Authentication required.", "GET key");
    is(context, "+OK", "AUTH %s", password);
    is(context, "nil", "GET key");
}

static void selects(void) {
    redisContext *context = client();
    is(context, "+OK", "SET key zero");
    is(context, "+OK", "SELECT 3");
    is(context, "nil", "GET key");
    is(context, "+OK", "SET key three");
    is(context, "1", "DBSIZE");
    is(context, "1", "MOVE key 4");
    is(context, "+OK", "SELECT 4");
    is(context, "'three'", "GET key");
    is(context, "+OK", "SELECT 0");
    is(context, "'zero'", "GET key");
    is(context, "-ERR DB index is out of range", "SELECT 99");
}

static void informs(void) {
    redisContext *context = client();
    char value[64], expected[16];
    info(context, "everything", "tcp_port", value, sizeof value);
    snprintf(expected, sizeof expected, "%d", port);
    if (strcmp(value, expected) != 0) wrong("tcp_port is %s", value);
    info(context, "server", "redis_version", value, sizeof value);
    int major, minor, patch;
    if (sscanf(value, "%d.%d.%d", &major, &minor, &patch) != 3) wrong("redis_version is %s", value);
    info(context, "replication", "role", value, sizeof value);
    if (strcmp(value, "master") != 0) wrong("role is %s", value);
}

static bool since_7_4(redisContext *context) {
    char value[64];
    info(context, "server", "redis_version", value, sizeof value);
    int major = 0, minor = 0;
    sscanf(value, "%d.%d", &major, &minor);
    return major > 7 || (major == 7 && minor >= 4);
}

static void strings(void) {
    redisContext *context = client();
    is(context, "+OK", "SET key value");
    is(context, "'value'", "GET key");
    is(context, "nil", "GET missing");
    is(context, "nil", "SET key other NX");
    is(context, "'value'", "SET key other GET");
    is(context, "+OK", "SET key value EX 100");
    long long ttl = number(context, "PTTL key");
    if (ttl < 90000 || ttl > 100000) wrong("PTTL is %lld", ttl);
    is(context, "6", "APPEND key !");
    is(context, "'alue'", "GETRANGE key 1 -2");
    is(context, "41", "INCRBY counter 41");
    is(context, "42", "INCR counter");
    is(context, "'42.5'", "INCRBYFLOAT counter 0.5");
    is(context, "+OK", "MSET a 1 b 2");
    is(context, "['1', nil, '2']", "MGET a missing b");
    is(context, "+string", "TYPE key");
    is(context, "2", "DEL a b missing");
    is_sorted(context, "['0', ['counter', 'key']]", "SCAN 0 COUNT 100");
    is(context, "-ERR value is not an integer or out of range", "INCR key");
    is(context, "-WRONGTYPE Operation against a key holding the wrong kind of value", "HGET key field");
}

static void hashes(void) {
    redisContext *context = client();
    is(context, "3", "HSET hash a 1 b 2 c three");
    is(context, "'three'", "HGET hash c");
    is(context, "nil", "HGET hash missing");
    is(context, "['a', '1', 'b', '2', 'c', 'three']", "HGETALL hash");
    is(context, "['1', nil, 'three']", "HMGET hash a missing c");
    is(context, "42", "HINCRBY hash a 41");
    is(context, "'2.25'", "HINCRBYFLOAT hash b 0.25");
    is(context, "1", "HDEL hash b missing");
    is(context, "0", "HEXISTS hash b");
    is(context, "2", "HLEN hash");
    is(context, "['0', ['a', '42', 'c', 'three']]", "HSCAN hash 0");
    is(context, "[]", "HGETALL missing");
}

static void expires_fields(void) {
    redisContext *context = client();
    is(context, "2", "HSET hash short 1 long 2");
    if (!since_7_4(context)) {
        is(context, "-ERR unknown command 'HTTL', with args beginning with: 'hash' 'FIELDS' '1' 'short' ",
           "HTTL hash FIELDS 1 short");
        return;
    }
    is(context, "[1, -2]", "HEXPIRE hash 100 FIELDS 2 long missing");
    is(context, "[-1, -2]", "HTTL hash FIELDS 2 short missing");
    is(context, "[1]", "HPEXPIRE hash 20 FIELDS 1 short");
    for (int i = 0; number(context, "HEXISTS hash short") == 1; i++) {
        if (i == 1000) wrong("a field does not expire");
        pause_ms(10);
    }
    is(context, "['long', '2']", "HGETALL hash");
    is(context, "[1]", "HPERSIST hash FIELDS 1 long");
}

static void sets(void) {
    redisContext *context = client();
    is(context, "3", "SADD set a b c");
    is(context, "3", "SADD other b c d");
    is_sorted(context, "['a', 'b', 'c']", "SMEMBERS set");
    is(context, "1", "SISMEMBER set a");
    is(context, "[1, 0]", "SMISMEMBER set a d");
    is_sorted(context, "['b', 'c']", "SINTER set other");
    is(context, "4", "SUNIONSTORE all set other");
    is(context, "2", "SREM set a b missing");
    is(context, "1", "SCARD set");
    is(context, "'c'", "SPOP set");
    is(context, "nil", "SPOP set");
    is_sorted(context, "['0', ['a', 'b', 'c', 'd']]", "SSCAN all 0");
    is(context, "[]", "SMEMBERS set");
}

static void sorted_sets(void) {
    redisContext *context = client();
    is(context, "3", "ZADD zset 1 one 2.5 two +inf last");
    is(context, "'2.5'", "ZSCORE zset two");
    is(context, "'inf'", "ZSCORE zset last");
    is(context, "nil", "ZSCORE zset missing");
    is(context, "['one', 'two', 'last']", "ZRANGE zset 0 -1");
    is(context, "['one', '1', 'two', '2.5']", "ZRANGE zset 0 1 WITHSCORES");
    is(context, "['last', 'two']", "ZREVRANGEBYSCORE zset +inf (1");
    is(context, "'3'", "ZINCRBY zset 2 one");
    is(context, "1", "ZRANK zset one");
    is(context, "nil", "ZRANK zset missing");
    is(context, "2", "ZCOUNT zset -inf 3");
    is(context, "['two', '2.5']", "ZPOPMIN zset");
    is(context, "['3', nil]", "ZMSCORE zset one missing");
    is(context, "1", "ZREM zset last");
    is(context, "['0', ['one', '3']]", "ZSCAN zset 0");
    is(context, "1", "ZADD other 10 one");
    is(context, "['one', '13']", "ZUNION 2 zset other WITHSCORES");
}

static void lists(void) {
    redisContext *context = client();
    is(context, "3", "RPUSH list a b c");
    is(context, "4", "LPUSH list first");
    is(context, "0", "LPUSHX missing x");
    is(context, "['first', 'a', 'b', 'c']", "LRANGE list 0 -1");
    is(context, "4", "LLEN list");
    is(context, "'c'", "LINDEX list -1");
    is(context, "nil", "LINDEX list 9");
    is(context, "5", "LINSERT list AFTER a a");
    is(context, "[1, 2]", "LPOS list a COUNT 0");
    is(context, "nil", "LPOS list missing");
    is(context, "+OK", "LSET list 0 FIRST");
    is(context, "-ERR index out of range", "LSET list 9 x");
    is(context, "1", "LREM list -1 a");
    is(context, "+OK", "LTRIM list 0 2");
    is(context, "'b'", "LMOVE list other RIGHT LEFT");
    is(context, "['FIRST', 'a']", "LPOP list 5");
    is(context, "nil", "RPOP list");
    is(context, "['other', ['b']]", "LMPOP 2 list other LEFT");
}

static void streams(void) {
    redisContext *context = client();
    is(context, "'1-1'", "XADD stream 1-1 name Ann age 30");
    is(context, "'1-2'", "XADD stream 1-* name Bob");
    is(context, "'2-0'", "XADD stream 2-0 bytes %b", "\0\r\n\xff", (size_t)4);
    is(context, "-ERR The ID specified in XADD is equal or smaller than the target stream top item",
       "XADD stream 1-5 a 1");
    is(context, "3", "XLEN stream");
    is(context, "[['1-1', ['name', 'Ann', 'age', '30']], ['1-2', ['name', 'Bob']]]", "XRANGE stream - 1-2");
    is(context, "[['2-0', ['bytes', '\\x00\\x0d\\x0a\\xff']]]", "XREVRANGE stream + - COUNT 1");
    is(context, "[['stream', [['1-2', ['name', 'Bob']]]]]", "XREAD COUNT 1 STREAMS stream missing 1-1 0");
    is(context, "nil", "XREAD STREAMS stream 2-0");
    is(context, "1", "XDEL stream 1-1 9-9");
    is(context, "1", "XTRIM stream MAXLEN 1");
    is(context, "'3-0'", "XADD stream NOMKSTREAM MINID = 3 3-0 a 1");
    is(context, "[['3-0', ['a', '1']]]", "XRANGE stream - +");
}

static void groups(void) {
    redisContext *context = client();
    is(context, "+OK", "XGROUP CREATE orders shop $ MKSTREAM");
    is(context, "-BUSYGROUP Consumer Group name already exists", "XGROUP CREATE orders shop $");
    for (int number = 1; number < 4; number++) {
        char id[16];
        snprintf(id, sizeof id, "'%d-0'", number);
        is(context, id, "XADD orders %d-0 number %d", number, number);
    }
    const char *two = "[['orders', [['1-0', ['number', '1']], ['2-0', ['number', '2']]]]]";
    is(context, two, "XREADGROUP GROUP shop ann COUNT 2 STREAMS orders >");
    is(context, two, "XREADGROUP GROUP shop ann STREAMS orders 0");
    is(context, "1", "XACK orders shop 1-0 9-0");
    is(context, "[1, '2-0', '2-0', [['ann', '1']]]", "XPENDING orders shop");
    is(context, "['2-0']", "XCLAIM orders shop bob 0 2-0 JUSTID");
    is(context, "['0-0', [['2-0', ['number', '2']]], []]", "XAUTOCLAIM orders shop cid 0 0");
    is(context, "1", "XGROUP DELCONSUMER orders shop cid");
    is(context, "1", "XGROUP DESTROY orders shop");
    is(context, "-NOGROUP No such key 'orders' or consumer group 'shop' in XREADGROUP with GROUP option",
       "XREADGROUP GROUP shop ann STREAMS orders >");
}

static void bitmaps(void) {
    redisContext *context = client();
    is(context, "0", "SETBIT bits 7 1");
    is(context, "1", "SETBIT bits 7 1");
    is(context, "0", "SETBIT bits 20 1");
    is(context, "1", "GETBIT bits 7");
    is(context, "'\\x01\\x00\\x08'", "GET bits");
    is(context, "2", "BITCOUNT bits");
    is(context, "1", "BITCOUNT bits 0 7 BIT");
    is(context, "20", "BITPOS bits 1 2");
    is(context, "+OK", "SET other %b", "\xff", (size_t)1);
    is(context, "3", "BITOP AND both bits other");
    is(context, "'\\x01\\x00\\x00'", "GET both");
    is(context, "[1, 255, nil]",
       "BITFIELD bits SET u8 0 255 OVERFLOW SAT INCRBY u8 0 9 OVERFLOW FAIL INCRBY u8 0 1");
}

static void hyperloglogs(void) {
    redisContext *context = client();
    for (int number = 0; number < 1000; number++) {
        redisReply *reply = redisCommand(context, "PFADD visits %d", number);
        if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) wrong("PFADD gives no number");
        freeReplyObject(reply);
    }
    is(context, "0", "PFADD visits 5");
    is(context, "1001", "PFCOUNT visits");
    is(context, "1", "PFADD others x y");
    is(context, "1003", "PFCOUNT visits others");
    is(context, "+OK", "PFMERGE all visits others");
    is(context, "1003", "PFCOUNT all");
}

static void positions(void) {
    redisContext *context = client();
    is(context, "2", "GEOADD places 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
    is(context, "'166.2742'", "GEODIST places Palermo Catania km");
    is(context, "['sqc8b49rny0', nil]", "GEOHASH places Palermo missing");
    is(context, "[['13.36138933897018433', '38.11555639549629859'], nil]", "GEOPOS places Palermo missing");
    is(context, "[['Catania', '56.4413'], ['Palermo', '190.4424']]",
       "GEOSEARCH places FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST");
    is(context, "1", "GEOSEARCHSTORE near places FROMLONLAT 15 37 BYBOX 200 200 km");
    is(context, "['Palermo']", "GEORADIUSBYMEMBER places Palermo 10 km");
}

static void sorts(void) {
    redisContext *context = client();
    is(context, "4", "RPUSH numbers 10 9 2 33");
    is(context, "['2', '9', '10', '33']", "SORT numbers");
    is(context, "['9', '33']", "SORT numbers ALPHA DESC LIMIT 0 2");
    is(context, "+OK", "MSET weight:2 4 weight:9 3 weight:10 2 weight:33 1 name:33 many");
    is(context, "['33', 'many', '10', nil]", "SORT numbers BY weight:* GET # GET name:* LIMIT 0 2");
    is(context, "4", "SORT numbers STORE sorted");
    is(context, "['33', '10', '9', '2']", "SORT_RO sorted DESC");
    is(context, "5", "RPUSH numbers word");
    is(context, "-ERR One or more scores can't be converted into double", "SORT numbers");
}

// DUMPs a key, RESTOREs it as another, and returns the payload.
static redisReply *copied(redisContext *context, const char *key, const char *copy) {
    redisReply *payload = redisCommand(context, "DUMP %s", key);
    if (payload == NULL || payload->type != REDIS_REPLY_STRING) wrong("DUMP gives no string");
    is(context, "+OK", "RESTORE %s 0 %b", copy, payload->str, (size_t)payload->len);
    return payload;
}

static void dumps(void) {
    redisContext *context = client();
    char bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)i;
    is(context, "+OK", "SET string %b", bytes, sizeof bytes);
    is(context, "3", "RPUSH list a b %b", bytes, sizeof bytes);
    is(context, "2", "HSET hash a 1 b 2");
    is(context, "'1-1'", "XADD stream 1-1 a 1");
    freeReplyObject(copied(context, "list", "list again"));
    freeReplyObject(copied(context, "hash", "hash again"));
    freeReplyObject(copied(context, "stream", "stream again"));
    redisReply *payload = copied(context, "string", "string again");
    redisReply *reply = redisCommand(context, "GET %s", "string again");
    if (reply == NULL || reply->type != REDIS_REPLY_STRING) wrong("GET gives no string");
    if ((size_t)reply->len != sizeof bytes || memcmp(reply->str, bytes, sizeof bytes) != 0)
        wrong("GET gives other bytes");
    freeReplyObject(reply);
    is(context, "['a', 'b']", "LRANGE %s 0 1", "list again");
    is_sorted(context, "['1', '2', 'a', 'b']", "HGETALL %s", "hash again");
    is(context, "[['1-1', ['a', '1']]]", "XRANGE %s - +", "stream again");
    is(context, "nil", "DUMP missing");
    size_t length = (size_t)payload->len;
    is(context, "-BUSYKEY Target key name already exists.", "RESTORE string 0 %b", payload->str, length);
    is(context, "+OK", "RESTORE string 0 %b REPLACE", payload->str, length);
    payload->str[length - 1] ^= 1;
    is(context, "-ERR DUMP payload version or checksum are wrong", "RESTORE bad 0 %b", payload->str, length);
    freeReplyObject(payload);
}

static void watch_conflict(void) {
    redisContext *context = client(), *other = client();
    is(context, "+OK", "SET balance 10");
    is(context, "+OK", "WATCH balance");
    is(context, "'10'", "GET balance");
    is(other, "15", "INCRBY balance 5");
    is(context, "+OK", "MULTI");
    is(context, "+QUEUED", "SET balance 11");
    is(context, "nil", "EXEC");
    is(context, "'15'", "GET balance");
}

static void watch_without_conflict(void) {
    redisContext *context = client(), *other = client();
    is(context, "+OK", "SET balance 10");
    is(context, "+OK", "WATCH balance more");
    is(other, "+OK", "SET elsewhere 1");
    is(context, "+OK", "MULTI");
    is(context, "+QUEUED", "INCR balance");
    is(context, "+QUEUED", "GET balance");
    is(context, "+QUEUED", "HGETALL hash");
    is(context, "[11, '11', []]", "EXEC");
}

static void runtime_error(void) {
    redisContext *context = client();
    is(context, "+OK", "SET word text");
    is(context, "+OK", "MULTI");
    is(context, "+QUEUED", "INCR word");
    is(context, "+QUEUED", "INCR counter");
    is(context, "[-ERR value is not an integer or out of range, 1]", "EXEC");
    is(context, "'1'", "GET counter");
}

static void queueing_error(void) {
    redisContext *context = client();
    is(context, "+OK", "MULTI");
    is(context, "+QUEUED", "SET key 1");
    is(context, "-ERR wrong number of arguments for 'get' command", "GET");
    is(context, "-EXECABORT Transaction discarded because of previous errors.", "EXEC");
    is(context, "nil", "GET key");
}

static void unwatches(void) {
    redisContext *context = client(), *other = client();
    is(context, "+OK", "WATCH balance");
    is(other, "+OK", "SET balance 1");
    is(context, "+OK", "UNWATCH");
    is(context, "+OK", "MULTI");
    is(context, "+QUEUED", "INCR balance");
    is(context, "[2]", "EXEC");
}

static void discards(void) {
    redisContext *context = client(), *other = client();
    is(context, "+OK", "WATCH balance");
    is(other, "+OK", "SET balance 1");
    is(context, "+OK", "MULTI");
    is(context, "+QUEUED", "INCR balance");
    is(context, "+OK", "DISCARD");
    is(context, "'1'", "GET balance");
    is(context, "-ERR DISCARD without MULTI", "DISCARD");
    is(context, "+OK", "MULTI");
    is(context, "+QUEUED", "INCR balance");
    is(context, "[2]", "EXEC");
}

static void pipelines(void) {
    redisContext *context = client();
    char expected[32];
    for (int i = 0; i < 5000; i++) {
        send_only(context, "SET key:%d value:%d", i, i);
        send_only(context, "INCR counter");
    }
    for (int i = 1; i <= 5000; i++) {
        next(context, "+OK");
        snprintf(expected, sizeof expected, "%d", i);
        next(context, expected);
    }
    is(context, "5001", "DBSIZE");
    is(context, "'value:4999'", "GET key:4999");
}

static void subscribes(void) {
    redisContext *context = client(), *publisher = client();
    is(publisher, "0", "PUBLISH news lost");
    is(context, "['subscribe', 'news', 1]", "SUBSCRIBE news more");
    next(context, "['subscribe', 'more', 2]");
    is(publisher, "['news', 1, 'nobody', 0]", "PUBSUB NUMSUB news nobody");
    is(publisher, "1", "PUBLISH news one");
    is(publisher, "1", "PUBLISH more two");
    next(context, "['message', 'news', 'one']");
    next(context, "['message', 'more', 'two']");
    is(context, "['pong', '']", "PING");
    is(context,
       "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
       "in this context",
       "GET key");
    is(context, "['unsubscribe', 'news', 1]", "UNSUBSCRIBE news");
    is(context, "['unsubscribe', 'more', 0]", "UNSUBSCRIBE");
    is(publisher, "0", "PUBLISH news lost");
    is(context, "+PONG", "PING");
}

static void subscribes_to_patterns(void) {
    redisContext *context = client(), *publisher = client();
    is(context, "['psubscribe', 'news.*', 1]", "PSUBSCRIBE news.* *.c");
    next(context, "['psubscribe', '*.c', 2]");
    is(publisher, "2", "PUBSUB NUMPAT");
    is(publisher, "1", "PUBLISH news.h one");
    is(publisher, "1", "PUBLISH old.c two");
    is(publisher, "0", "PUBLISH other three");
    next(context, "['pmessage', 'news.*', 'news.h', 'one']");
    next(context, "['pmessage', '*.c', 'old.c', 'two']");
    is(context, "['punsubscribe', 'news.*', 1]", "PUNSUBSCRIBE news.*");
    is(context, "['punsubscribe', '*.c', 0]", "PUNSUBSCRIBE *.c");
}

static void subscribes_to_shards(void) {
    redisContext *context = client(), *publisher = client();
    is(context, "['ssubscribe', 'news', 1]", "SSUBSCRIBE news");
    is(publisher, "['news']", "PUBSUB SHARDCHANNELS");
    is(publisher, "['news', 1]", "PUBSUB SHARDNUMSUB news");
    is(publisher, "0", "PUBLISH news elsewhere");
    is(publisher, "1", "SPUBLISH news one");
    next(context, "['smessage', 'news', 'one']");
    is(context, "['sunsubscribe', 'news', 0]", "SUNSUBSCRIBE");
    is(publisher, "0", "SPUBLISH news lost");
}

// The context says that the connection is lost; redisReconnect makes it usable again.
static void lost(redisContext *context) {
    void *reply;
    if (redisGetReply(context, &reply) == REDIS_OK) {
        compare("a reply of a lost connection", reply, "none", false);
    }
    if (context->err != REDIS_ERR_EOF && context->err != REDIS_ERR_IO) wrong("a lost connection: %s", context->errstr);
    if (redisReconnect(context) != REDIS_OK) wrong("redisReconnect: %s", context->errstr);
}

static void reconnects(void) {
    redisContext *context = client(), *publisher = client();
    long long id = number(context, "CLIENT ID");
    is(context, "['subscribe', 'news', 1]", "SUBSCRIBE news");
    is(publisher, "1", "PUBLISH news before");
    next(context, "['message', 'news', 'before']");
    is(publisher, "1", "CLIENT KILL ID %lld", id);
    is(publisher, "0", "PUBLISH news lost");
    lost(context);
    is(context, "['subscribe', 'news', 1]", "SUBSCRIBE news");
    is(publisher, "1", "PUBLISH news after");
    next(context, "['message', 'news', 'after']");
}

// The client has no cache of its own; invalidations come as messages to another connection.
static void caches(void) {
    redisContext *context = client(), *listener = client(), *other = client();
    char expected[32];
    long long id = number(listener, "CLIENT ID");
    is(listener, "['subscribe', '__redis__:invalidate', 1]", "SUBSCRIBE __redis__:invalidate");
    is(context, "+OK", "CLIENT TRACKING ON REDIRECT %lld", id);
    snprintf(expected, sizeof expected, "%lld", id);
    is(context, expected, "CLIENT GETREDIR");
    is(context, "+OK", "SET key 1");
    is(context, "'1'", "GET key");
    is(other, "+OK", "SET key 2");
    next(listener, "['message', '__redis__:invalidate', ['key']]");
    is(other, "+OK", "SET key 3");
    is(context, "'3'", "GET key");
    is(other, "1", "DEL key");
    next(listener, "['message', '__redis__:invalidate', ['key']]");
    is(other, "+OK", "FLUSHALL");
    next(listener, "['message', '__redis__:invalidate', nil]");
    is(context, "+OK", "CLIENT TRACKING OFF");
}

// Waits until so many clients are blocked.
static void wait_for_blocked(redisContext *other, const char *count) {
    char value[16];
    for (int i = 0;; i++) {
        info(other, "clients", "blocked_clients", value, sizeof value);
        if (strcmp(value, count) == 0) break;
        if (i == 1000) wrong("blocked_clients is %s, not %s", value, count);
        pause_ms(10);
    }
}

static void blocks(void) {
    redisContext *context = client(), *other = client();
    send_only(context, "BZPOPMIN first second 20");
    flush(context);
    wait_for_blocked(other, "1");
    is(other, "2", "ZADD second 2 two 1 one");
    next(context, "['second', 'one', '1']");
    is(context, "['second', 'two', '2']", "BZPOPMIN first second 20");
    is(context, "nil", "BZPOPMIN first 0.05");
    wait_for_blocked(other, "0");
}

static void list_blocks(void) {
    redisContext *context = client(), *mover = client(), *other = client();
    is(context, "nil", "BLPOP queue 0.05");
    send_only(context, "BLPOP none queue 20");
    flush(context);
    wait_for_blocked(other, "1");
    send_only(mover, "BLMOVE queue done RIGHT LEFT 20");
    flush(mover);
    wait_for_blocked(other, "2");
    is(other, "3", "RPUSH queue a b c");
    next(context, "['queue', 'a']");
    next(mover, "'c'");
    is(context, "['queue', ['b']]", "BLMPOP 20 1 queue LEFT");
    is(other, "['c']", "LRANGE done 0 -1");
}

static void stream_blocks(void) {
    redisContext *context = client(), *member = client(), *other = client();
    is(other, "+OK", "XGROUP CREATE stream group $ MKSTREAM");
    is(context, "nil", "XREAD BLOCK 50 STREAMS stream $");
    send_only(context, "XREAD BLOCK 20000 STREAMS stream $");
    flush(context);
    send_only(member, "XREADGROUP GROUP group ann BLOCK 20000 STREAMS stream >");
    flush(member);
    wait_for_blocked(other, "2");
    is(other, "'2-0'", "XADD stream 2-0 a 1");
    next(context, "[['stream', [['2-0', ['a', '1']]]]]");
    next(member, "[['stream', [['2-0', ['a', '1']]]]]");
}

static void binary(void) {
    redisContext *context = client();
    static char bytes[256], large[1 << 20];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)i;
    for (size_t i = 0; i < sizeof large; i++) large[i] = (char)(i * 31);
    is(context, "+OK", "SET %b %b", bytes, sizeof bytes, large, sizeof large);
    redisReply *reply = redisCommand(context, "GET %b", bytes, sizeof bytes);
    if (reply == NULL || reply->type != REDIS_REPLY_STRING) wrong("GET gives no string");
    if ((size_t)reply->len != sizeof large || memcmp(reply->str, large, sizeof large) != 0)
        wrong("GET gives other bytes");
    freeReplyObject(reply);
    reply = redisCommand(context, "KEYS *");
    if (reply == NULL || reply->elements != 1 || (size_t)reply->element[0]->len != sizeof bytes ||
        memcmp(reply->element[0]->str, bytes, sizeof bytes) != 0)
        wrong("KEYS gives other bytes");
    freeReplyObject(reply);
    is(context, "1", "HSET %b %b %b", "\r\n", (size_t)2, "\0", (size_t)1, "\xff", (size_t)1);
    is(context, "['\\x00', '\\xff']", "HGETALL %b", "\r\n", (size_t)2);
    is(context, "nil", "GET %s", "");
}

static void adds_up(void) {
    redisContext *context = client();
    for (int done = 0; done < 25;) {
        is(context, "+OK", "WATCH sum");
        redisReply *reply = redisCommand(context, "GET sum");
        if (reply == NULL) wrong("GET: %s", context->errstr);
        int sum = reply->type == REDIS_REPLY_STRING ? atoi(reply->str) : 0;
        freeReplyObject(reply);
        is(context, "+OK", "MULTI");
        is(context, "+QUEUED", "SET sum %d", sum + 1);
        reply = redisCommand(context, "EXEC");
        if (reply == NULL) wrong("EXEC: %s", context->errstr);
        if (reply->type == REDIS_REPLY_NIL) {
            freeReplyObject(reply);
            continue;
        }
        compare("EXEC", reply, "[+OK]", false);
        done++;
    }
}

static void many_connections(void) {
    pid_t children[16];
    for (int i = 0; i < 16; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            prefix = "one of the 16";
            if (setjmp(back) == 0) {
                adds_up();
                _exit(0);
            }
            fflush(stdout);
            _exit(1);
        }
    }
    int bad = 0;
    for (int i = 0; i < 16; i++) {
        int status = 1;
        if (children[i] < 0 || waitpid(children[i], &status, 0) < 0 || status != 0) bad++;
    }
    if (bad != 0) wrong("%d of the 16 failed", bad);
    is(client(), "'400'", "GET sum");
}

static void restarts(void) {
    redisContext *context = client(), *subscriber = client();
    is(context, "+OK", "SET key value");
    is(subscriber, "['subscribe', 'news', 1]", "SUBSCRIBE news");
    if (system(getenv("RESTART")) != 0) wrong("there is no restart");
    if (redisCommand(context, "GET key") != NULL) wrong("the old connection still answers");
    lost(context);
    is(context, "nil", "GET key");
    is(context, "+OK", "SET key again");
    is(context, "'again'", "GET key");
    lost(subscriber);
    is(subscriber, "['subscribe', 'news', 1]", "SUBSCRIBE news");
    is(context, "1", "PUBLISH news after");
    next(subscriber, "['message', 'news', 'after']");
}

static void check(const char *name, void (*body)(void)) {
    current = name;
    alarm(60);
    if (setjmp(back) == 0) {
        is(client(), "+OK", "FLUSHALL");
        body();
        printf("ok: %s\n", name);
    } else {
        failed++;
    }
    while (opened_count > 0) redisFree(opened[--opened_count]);
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    if (count != 5 || strcmp(arguments[4], "default") != 0) {
        fprintf(stderr, "hiredis 0.14 knows only its default protocol, RESP2\n");
        return 1;
    }
    port = atoi(arguments[1]);
    guarded_port = atoi(arguments[2]);
    password = arguments[3];
    printf("hiredis %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    check("connect without a password", connects);
    check("connect with a password", connects_with_password);
    check("a wrong password", wrong_password);
    check("no password where one is needed", no_password);
    check("SELECT", selects);
    check("INFO", informs);
    check("strings", strings);
    check("hashes", hashes);
    check("expiry of hash fields", expires_fields);
    check("sets", sets);
    check("sorted sets", sorted_sets);
    check("lists", lists);
    check("streams", streams);
    check("consumer groups", groups);
    check("bitmaps", bitmaps);
    check("HyperLogLogs", hyperloglogs);
    check("geo", positions);
    check("SORT", sorts);
    check("DUMP and RESTORE", dumps);
    check("a WATCH conflict", watch_conflict);
    check("WATCH without a conflict", watch_without_conflict);
    check("a runtime error in a transaction", runtime_error);
    check("a queueing error in a transaction", queueing_error);
    check("UNWATCH", unwatches);
    check("DISCARD", discards);
    check("a pipeline of 10,000", pipelines);
    check("publish and subscribe", subscribes);
    check("patterns", subscribes_to_patterns);
    check("sharded channels", subscribes_to_shards);
    check("a subscriber reconnects", reconnects);
    check("client-side caching", caches);
    check("BZPOPMIN blocks", blocks);
    check("lists block", list_blocks);
    check("XREAD blocks", stream_blocks);
    check("binary keys and values", binary);
    check("16 connections at once", many_connections);
    check("going on after a restart", restarts);
    return failed == 0 ? 0 : 1;
}
