"""Python's grpcio as client of kv_server, in all four shapes of a call."""

import concurrent.futures
import sys
import threading

import grpc
import kv_pb2 as messages
import kv_pb2_grpc as stubs

TIMEOUT = 20


def fails(code, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        return error.details()
    raise AssertionError(f"{code} was expected")


def unary(kv):
    kv.Put(messages.PutRequest(key="greeting", value="hello"), timeout=TIMEOUT)
    get = messages.GetRequest(key="greeting")
    metadata = (("tenant", "blue"), ("trace-bin", b"\x00\x01\xff"))
    for compression in (None, grpc.Compression.Gzip, grpc.Compression.Deflate):
        reply = kv.Get(get, timeout=TIMEOUT, metadata=metadata, compression=compression)
        assert reply.value == "hello"
    large = "x" * 3_000_000
    kv.Put(messages.PutRequest(key="large", value=large), timeout=TIMEOUT)
    assert kv.Get(messages.GetRequest(key="large"), timeout=TIMEOUT).value == large
    kv.Delete(messages.DeleteRequest(key="hits"), timeout=TIMEOUT)
    counts = range(1, 1001)
    with concurrent.futures.ThreadPoolExecutor(50) as threads:
        one = messages.IncrementRequest(key="hits", by=1)
        replies = threads.map(lambda _: kv.Increment(one, timeout=TIMEOUT).value, counts)
        assert sorted(replies) == list(counts), "each is counted once"


def errors(kv, channel):
    missing = messages.GetRequest(key="nöthing ☺")
    text = fails(grpc.StatusCode.NOT_FOUND, lambda: kv.Get(missing, timeout=TIMEOUT))
    assert "nöthing ☺" in text, text
    empty = messages.PutRequest(key="", value="x")
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: kv.Put(empty, timeout=TIMEOUT))
    too_large = messages.PutRequest(key="k", value="y" * 5_000_000)
    fails(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: kv.Put(too_large, timeout=TIMEOUT))
    for path in ("/kv.Kv/Fly", "/zoo.Zoo/Get"):
        method = channel.unary_unary(path)
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: method(b"", timeout=TIMEOUT))


def streams(kv):
    entries = (messages.Entry(key=str(n), value="v") for n in range(1000))
    assert kv.Load(entries, timeout=TIMEOUT).count == 1000

    watch = kv.Watch(messages.WatchRequest(key="7"), timeout=TIMEOUT)
    assert next(watch).value == "v"
    kv.Put(messages.PutRequest(key="7", value="new"), timeout=TIMEOUT)
    assert next(watch).value == "new"
    watch.cancel()
    expires = kv.Watch(messages.WatchRequest(key="7"), timeout=0.5)
    fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(expires))

    begun = threading.Event()

    def changes():
        begun.wait(TIMEOUT)
        yield messages.Change(key="synced", value="both ways")

    sync = kv.Sync(changes(), timeout=TIMEOUT)
    sync.initial_metadata()
    begun.set()
    assert [(change.key, change.value) for change in sync] == [("synced", "both ways")]


with grpc.insecure_channel(sys.argv[1]) as channel:
    kv = stubs.KvStub(channel)
    unary(kv)
    errors(kv, channel)
    streams(kv)
