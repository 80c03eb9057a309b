"""Python's grpcio as server of Kv, for the program `kv`. Prints its address."""

import concurrent.futures
import threading

import grpc
import kv_pb2 as messages
import kv_pb2_grpc as stubs


class Store(stubs.KvServicer):
    def __init__(self):
        self.values = {}
        self.lock = threading.Lock()

    def Get(self, request, context):
        if request.key not in self.values:
            context.abort(grpc.StatusCode.NOT_FOUND, f"nothing at “{request.key}” ☺")
        return messages.GetReply(value=self.values[request.key])

    def Put(self, request, context):
        self.values[request.key] = request.value
        return messages.PutReply()

    def Delete(self, request, context):
        return messages.DeleteReply(existed=self.values.pop(request.key, None) is not None)

    def Increment(self, request, context):
        with self.lock:
            value = int(self.values.get(request.key, "0")) + request.by
            self.values[request.key] = str(value)
        return messages.IncrementReply(value=value)


server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
stubs.add_KvServicer_to_server(Store(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"http://127.0.0.1:{port}", flush=True)
server.wait_for_termination()
