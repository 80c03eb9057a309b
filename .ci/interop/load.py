"""Steady calls of Python's grpcio to Kv, unary ones and streams: what interop/examples/load.rs does."""

import collections
import signal
import sys
import threading
import time

import grpc
import kv_pb2 as messages
import kv_pb2_grpc as stubs

TIMEOUT, PAUSE, MESSAGES = 20, 0.02, 25
ending = threading.Event()
ended_ok, failures, numbers = collections.Counter(), [], []


def paced(message):
    for number in range(MESSAGES):
        time.sleep(PAUSE)
        yield message(key=threading.current_thread().name, value=str(number))


def delete(kv):
    kv.Delete(messages.DeleteRequest(key="nothing"), timeout=TIMEOUT)


def increment(kv):
    time.sleep(PAUSE)
    numbers.append(kv.Increment(messages.IncrementRequest(key="grpcio", by=1), timeout=TIMEOUT).value)


def load(kv):
    assert kv.Load(paced(messages.Entry), timeout=TIMEOUT).count == MESSAGES


def sync(kv):
    assert len(list(kv.Sync(paced(messages.Change), timeout=TIMEOUT))) >= MESSAGES


def work(call, kv):
    while not ending.is_set():
        try:
            call(kv)
            ended_ok[call.__name__] += 1
        except (grpc.RpcError, AssertionError) as error:
            failures.append(f"{call.__name__}: {error!r}")
            return


signal.signal(signal.SIGTERM, lambda *_: ending.set())
with grpc.insecure_channel(sys.argv[1]) as channel:
    kv = stubs.KvStub(channel)
    workers = [threading.Thread(target=work, args=(call, kv)) for call in 2 * (delete, increment, load, sync)]
    for worker in workers:
        worker.start()
    while len(ended_ok) < 4 and not failures:
        time.sleep(PAUSE)
    print("steady", flush=True)
    ending.wait()
    for worker in workers:
        worker.join()

# Of two servers, each has a number of its own: up to the lesser one two of each were told, and beyond it one.
few = len(numbers) - max(numbers)
once = sorted([*range(1, max(numbers) + 1), *range(1, few + 1)])
if sorted(numbers) != once:
    failures.append(f"some increments were not made once: {sorted(numbers)}")
print(*(f"{name}: {count} calls ended OK" for name, count in ended_ok.items()), sep="\n")
sys.exit("\n".join(failures) or None)
