"""Django's cache and its sessions, on the redis backend that comes with it, in a server that wants a password."""

import asyncio
import os
import pickle
import sys
import time
from datetime import date

import django
from library import GUARDED, Worker, eventually, server
from report import HOST, check, equal, holds, raised, run, whole

BACKEND = "django.core.cache.backends.redis.RedisCache"
URL = f"{GUARDED}/4"


def settings():
    """The settings of the program, and of a second process that shares its cache."""
    from django.conf import settings

    settings.configure(
        ALLOWED_HOSTS=["testserver"],
        CACHES={
            "default": {"BACKEND": BACKEND, "LOCATION": URL},
            "prefixed": {"BACKEND": BACKEND, "LOCATION": URL, "KEY_PREFIX": "shop", "VERSION": 3, "TIMEOUT": None},
            "sessions": {"BACKEND": BACKEND, "LOCATION": f"{GUARDED}/5", "TIMEOUT": 50},
            # Writes go to the first, reads to one of the others.
            "replicas": {"BACKEND": BACKEND, "LOCATION": [f"{GUARDED}/6", f"{GUARDED}/7"]},
            "lost": {"BACKEND": BACKEND, "LOCATION": f"redis://{HOST}:1"},
        },
        ROOT_URLCONF=__name__,
        SECRET_KEY="secret",
        SESSION_CACHE_ALIAS="sessions",
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
        USE_TZ=True,
    )
    django.setup()


settings()
from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402, they need the settings
from django.contrib.sessions.backends.base import UpdateError  # noqa: E402
from django.core.cache import cache, caches  # noqa: E402
from django.core.cache.utils import make_template_fragment_key  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.cache import cache_page  # noqa: E402

store = server(URL)
views = []


@cache_page(100)
def page(request):
    views.append(request.path)
    return HttpResponse(f"seen {len(views)} times")


def visits(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


urlpatterns = [path("page", page), path("visits", visits)]


def error_of(action):
    try:
        action()
    except Exception as error:
        return error
    return None


@check("set and get")
def set_and_get():
    cache.clear()
    values = ["text ☃", b"\x00\xff", 12, -1, 1.5, True, None, [1, (2, {3})], {"day": date(2026, 1, 2)}, "x" * 1_000_000]
    for value in values:
        cache.set("key", value)
        equal("what comes back", cache.get("key"), value)
    equal("a whole number is written as one", (cache.set("number", 12), store.get(":1:number")), (None, b"12"))
    equal("nothing", (cache.get("missing"), cache.get("missing", "instead")), (None, "instead"))
    cache.set("none", None)
    equal("None that is there", cache.get("none", "instead"), None)
    equal("what is there", ("key" in cache, "missing" in cache, cache.has_key("none")), (True, False, True))


@check("timeouts")
def timeouts():
    cache.set("default", 1)
    equal("the default", whole(store.ttl(":1:default") - 200), 100)
    cache.set("brief", 1, timeout=100)
    equal("one of its own", whole(store.ttl(":1:brief")), 100)
    cache.set("forever", 1, timeout=None)
    equal("None is for ever", store.ttl(":1:forever"), -1)
    for timeout in [0, -1]:
        cache.set("forever", 2, timeout=timeout)
        equal("none at all", "forever" in cache, False)
    cache.set("short", "x", timeout=1)
    equal("it is there", cache.get("short"), "x")
    eventually("it has gone", lambda: cache.get("short"), None)


@check("add")
def add():
    cache.delete("added")
    equal("a new key", cache.add("added", "first", timeout=100), True)
    equal("its time", whole(store.ttl(":1:added")), 100)
    equal("one that is there", cache.add("added", "second"), False)
    equal("its value", cache.get("added"), "first")
    equal("one that is gone at once", (cache.add("at-once", 1, timeout=0), "at-once" in cache), (True, False))


@check("incr and decr")
def incr():
    cache.set("count", 40, timeout=100)
    equal("incr", (cache.incr("count"), cache.incr("count", 9)), (41, 50))
    equal("decr", (cache.decr("count"), cache.decr("count", 9)), (49, 40))
    equal("its time stays", whole(store.ttl(":1:count")), 100)
    equal("get", cache.get("count"), 40)
    raised("incr of nothing", error_of(lambda: cache.incr("missing")), ValueError, "not found")


@check("touch")
def touch():
    cache.set("touched", 1, timeout=1000)
    equal("touch", (cache.touch("touched", 100), whole(store.ttl(":1:touched"))), (True, 100))
    equal("touch for ever", (cache.touch("touched", None), store.ttl(":1:touched")), (True, -1))
    equal("touch with the default", (cache.touch("touched"), whole(store.ttl(":1:touched") - 200)), (True, 100))
    equal("touch of nothing", cache.touch("missing", 100), False)
    equal("touch that ends it", (cache.touch("touched", 0), "touched" in cache), (True, False))


@check("many at once")
def many():
    cache.clear()
    data = {f"key-{number}": [number] for number in range(1_000)}
    equal("set_many", cache.set_many(data, timeout=100), [])
    equal("get_many", cache.get_many([*data, "missing"]), data)
    times = {whole(store.ttl(f":1:key-{number}")) for number in range(1_000)}
    equal("their times", times, {100})
    cache.set_many({"key-1": 1}, timeout=None)
    equal("set_many for ever", store.ttl(":1:key-1"), -1)
    equal("delete_many", (cache.delete_many(["key-1", "key-2", "missing"]), store.dbsize()), (None, 998))
    equal("of none", (cache.get_many([]), cache.set_many({}), cache.delete_many([])), ({}, [], None))


@check("delete and clear")
def delete():
    cache.set_many({"a": 1, "b": 2})
    equal("delete", (cache.delete("a"), cache.delete("a")), (True, False))
    other = caches["sessions"]
    other.set("kept", 1)
    equal("clear", (cache.clear(), store.dbsize()), (True, 0))
    equal("another database", other.get("kept"), 1)


@check("get_or_set")
def get_or_set():
    equal("a value", cache.get_or_set("made", "first", timeout=100), "first")
    equal("one that is there", cache.get_or_set("made", lambda: 1 / 0), "first")
    equal("one that is called", cache.get_or_set("called", lambda: "second"), "second")


@check("versions and prefixes")
def versions():
    cache.clear()
    cache.set("name", "first")
    cache.set("name", "second", version=2)
    equal("each version", (cache.get("name"), cache.get("name", version=2)), ("first", "second"))
    equal("delete of one", (cache.delete("name", version=1), cache.get("name", version=2)), (True, "second"))
    equal("decr_version", (cache.decr_version("name", version=2), cache.get("name")), (1, "second"))
    equal("incr_version", (cache.incr_version("name"), cache.get("name")), (2, None))
    equal("the new version", cache.get("name", version=2), "second")
    raised("incr_version of nothing", error_of(lambda: cache.incr_version("missing")), ValueError, "not found")
    prefixed = caches["prefixed"]
    prefixed.set("name", "third")
    equal("the keys", sorted(store.keys("*")), [b":2:name", b"shop:3:name"])
    equal("for ever by default", store.ttl("shop:3:name"), -1)


@check("several servers")
def replicas():
    replicated = caches["replicas"]
    replicated.set("written", "in the first")
    equal("the first", server(f"{GUARDED}/6").exists(":1:written"), 1)
    server(f"{GUARDED}/7").set(":1:written", pickle.dumps("read in the second"))
    equal("the second", replicated.get("written"), "read in the second")


@check("asynchronous calls")
async def asynchronous():
    await cache.aclear()
    data = {f"key-{number}": number for number in range(50)}
    await asyncio.gather(*(cache.aset(key, number) for key, number in data.items()))
    equal("aget_many", await cache.aget_many(data), data)
    equal("aincr", await cache.aincr("key-1", 5), 6)
    equal("aget_or_set", await cache.aget_or_set("new", "value"), "value")
    equal("adelete", await cache.adelete("new"), True)


@check("a cached page")
def cached_page():
    client = Client()
    equal("the first time", client.get("/page").content, b"seen 1 times")
    equal("the second time", client.get("/page").content, b"seen 1 times")
    equal("another page", client.get("/page?other").content, b"seen 2 times")
    equal("what is kept", len(store.keys("*views.decorators.cache.cache_page*")), 2)
    cache.clear()
    equal("after clear", client.get("/page").content, b"seen 3 times")
    cache.set(make_template_fragment_key("sidebar", ["ann"]), "<p>")
    equal("a fragment", cache.get(make_template_fragment_key("sidebar", ["ann"])), "<p>")


@check("sessions")
def sessions():
    client, other = Client(), Client()
    equal("the visits", [client.get("/visits").content for _ in range(3)], [b"1", b"2", b"3"])
    equal("those of another", other.get("/visits").content, b"1")
    key = client.cookies["sessionid"].value
    kept = SessionStore(key)
    equal("the session", kept["visits"], 3)
    stored = server(f"{GUARDED}/5")
    holds("its time", 1_209_500 < stored.ttl(f":1:{kept.cache_key}") <= 1_209_600)
    kept.cycle_key()
    equal("a new key", (kept.session_key != key, SessionStore(key).exists(key), kept["visits"]), (True, False, 3))
    brief = SessionStore()
    brief["basket"] = ["bread"]
    brief.set_expiry(1)
    brief.save()
    equal("a brief one", SessionStore(brief.session_key)["basket"], ["bread"])
    eventually("it has gone", lambda: SessionStore(brief.session_key).get("basket"), None)
    kept.flush()
    equal("after flush", (kept.session_key, stored.keys(f"*{key}")), (None, []))
    # A session that somebody else has ended is not brought back.
    ended = SessionStore()
    ended["a"] = 1
    ended.save()
    SessionStore(ended.session_key).delete()
    ended["a"] = 2
    raised("save of an ended one", error_of(ended.save), UpdateError, "")


@check("another process shares the cache")
def another_process():
    cache.set("shared", 0)
    processes = [Worker(name, __file__, *sys.argv[1:], COUNT="200") for name in ("first", "second")]
    equal("both end well", [process.wait() for process in processes], [0, 0])
    equal("what they counted", cache.get("shared"), 400)


@check("a server that is not there")
def lost():
    error = error_of(lambda: caches["lost"].get("key"))
    equal("the error", type(error).__name__, "ConnectionError")


if "COUNT" in os.environ:
    for _ in range(int(os.environ["COUNT"])):
        cache.incr("shared")
    sys.exit(0)
run()
