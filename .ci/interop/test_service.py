"""Python's grpcio as client and as server of the official test cases, with the flags of such programs.

It does not see whether a message came compressed, so it has none of those cases.
"""

import argparse
import concurrent.futures
import pathlib
import queue
import threading

import grpc
import messages_pb2 as messages
import test_pb2_grpc as stubs
from empty_pb2 import Empty

TIMEOUT = 20
REQUESTS, REPLIES = (27182, 8, 1828, 45904), (31415, 9, 2653, 58979)
LARGE = messages.SimpleRequest(response_size=314159, payload=messages.Payload(body=bytes(271828)))
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"


class TestService(stubs.TestServiceServicer):
    def EmptyCall(self, request, context):
        return Empty()

    def UnaryCall(self, request, context):
        echo(context)
        end_as_asked(request, context)
        return messages.SimpleResponse(payload=payload(request.response_size))

    def StreamingInputCall(self, requests, context):
        size = sum(len(request.payload.body) for request in requests)
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    def StreamingOutputCall(self, request, context):
        return self.FullDuplexCall([request], context)

    def FullDuplexCall(self, requests, context):
        echo(context)
        for request in requests:
            end_as_asked(request, context)
            for asked in request.response_parameters:
                yield messages.StreamingOutputCallResponse(payload=payload(asked.size))


def echo(context):
    for name, value in context.invocation_metadata():
        if name == INITIAL:
            context.send_initial_metadata(((name, value),))
        elif name == TRAILING:
            context.set_trailing_metadata(((name, value),))


def end_as_asked(request, context):
    if request.HasField("response_status"):
        codes = {code.value[0]: code for code in grpc.StatusCode}
        context.abort(codes[request.response_status.code], request.response_status.message)


def payload(size):
    return messages.Payload(body=bytes(size))


def empty_unary(test, _):
    assert test.EmptyCall(Empty(), timeout=TIMEOUT) == Empty()


def large_unary(test, _):
    assert test.UnaryCall(LARGE, timeout=TIMEOUT).payload == payload(314159)


def client_streaming(test, _):
    requests = (messages.StreamingInputCallRequest(payload=payload(size)) for size in REQUESTS)
    assert test.StreamingInputCall(requests, timeout=TIMEOUT).aggregated_payload_size == 74922


def server_streaming(test, _):
    asked = [messages.ResponseParameters(size=size) for size in REPLIES]
    request = messages.StreamingOutputCallRequest(response_parameters=asked)
    replies = test.StreamingOutputCall(request, timeout=TIMEOUT)
    assert [len(reply.payload.body) for reply in replies] == list(REPLIES)


def ping_pong(test, _):
    requests = queue.SimpleQueue()
    replies = test.FullDuplexCall(iter(requests.get, None), timeout=TIMEOUT)
    for there, back in zip(REQUESTS, REPLIES):
        requests.put(ping(there, back))
        assert next(replies).payload == payload(back)
    requests.put(None)
    assert list(replies) == []


def empty_stream(test, _):
    assert list(test.FullDuplexCall(iter(()), timeout=TIMEOUT)) == []


def custom_metadata(test, _):
    sent = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))
    _, unary = test.UnaryCall.with_call(LARGE, timeout=TIMEOUT, metadata=sent)
    both_ways = test.FullDuplexCall(iter([ping(271828, 314159)]), timeout=TIMEOUT, metadata=sent)
    assert len(list(both_ways)) == 1
    for call in unary, both_ways:
        assert sent[0] in call.initial_metadata(), call.initial_metadata()
        assert sent[1] in call.trailing_metadata(), call.trailing_metadata()


def status_code_and_message(test, _):
    status = messages.EchoStatus(code=2, message="test status message")
    unary = messages.SimpleRequest(response_status=status)
    fails("UNKNOWN", lambda: test.UnaryCall(unary, timeout=TIMEOUT), status.message)
    both_ways = iter([messages.StreamingOutputCallRequest(response_status=status)])
    fails("UNKNOWN", lambda: list(test.FullDuplexCall(both_ways, timeout=TIMEOUT)), status.message)


def special_status_message(test, _):
    request = messages.SimpleRequest(response_status=messages.EchoStatus(code=2, message=SPECIAL))
    fails("UNKNOWN", lambda: test.UnaryCall(request, timeout=TIMEOUT), SPECIAL)


def unimplemented_method(test, _):
    fails("UNIMPLEMENTED", lambda: test.UnimplementedCall(Empty(), timeout=TIMEOUT))


def unimplemented_service(_, channel):
    unimplemented = stubs.UnimplementedServiceStub(channel)
    fails("UNIMPLEMENTED", lambda: unimplemented.UnimplementedCall(Empty(), timeout=TIMEOUT))


def cancel_after_begin(test, _):
    begun = threading.Event()
    call = test.StreamingInputCall.future(iter(begun.wait, True), timeout=TIMEOUT)
    call.cancel()
    assert call.cancelled() and call.code() == grpc.StatusCode.CANCELLED, call.code()
    begun.set()


def cancel_after_first_response(test, _):
    requests = queue.SimpleQueue()
    replies = test.FullDuplexCall(iter(requests.get, None), timeout=TIMEOUT)
    requests.put(ping(27182, 31415))
    assert next(replies).payload == payload(31415)
    replies.cancel()
    fails("CANCELLED", lambda: next(replies))
    requests.put(None)


def timeout_on_sleeping_server(test, _):
    request = messages.StreamingOutputCallRequest(payload=payload(27182))
    fails("DEADLINE_EXCEEDED", lambda: next(test.FullDuplexCall(iter([request]), timeout=0.001)))


def ping(there, back):
    asked = [messages.ResponseParameters(size=back)]
    return messages.StreamingOutputCallRequest(response_parameters=asked, payload=payload(there))


def fails(code, call, message=None):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code().name == code, (error.code(), error.details())
        assert message in (None, error.details()), error.details()
        return
    raise AssertionError(f"{code} was expected")


CASES = (
    empty_unary, large_unary, client_streaming, server_streaming, ping_pong, empty_stream,
    custom_metadata, status_code_and_message, special_status_message,
    unimplemented_method, unimplemented_service,
    cancel_after_begin, cancel_after_first_response, timeout_on_sleeping_server,
)  # fmt: skip


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, help="serve there")
    parser.add_argument("--server_host", help="or call the server there")
    parser.add_argument("--server_port", type=int)
    parser.add_argument("--test_case", help=", ".join(case.__name__ for case in CASES))
    parser.add_argument("--use_tls", action="store_true")
    for file in "ca_file", "tls_cert_file", "tls_key_file", "tls_client_ca_file":
        parser.add_argument(f"--{file}", type=lambda file: pathlib.Path(file).read_bytes())
    return parser.parse_args()


def serve(args):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    stubs.add_TestServiceServicer_to_server(TestService(), server)
    at = f"127.0.0.1:{args.port}"
    if args.use_tls:
        shown = [(args.tls_key_file, args.tls_cert_file)]
        roots = args.tls_client_ca_file
        server.add_secure_port(at, grpc.ssl_server_credentials(shown, roots, roots is not None))
    else:
        server.add_insecure_port(at)
    server.start()
    server.wait_for_termination()


def call(args):
    (case,) = (case for case in CASES if case.__name__ == args.test_case)
    at = f"{args.server_host}:{args.server_port}"
    if args.use_tls:
        shown = grpc.ssl_channel_credentials(args.ca_file, args.tls_key_file, args.tls_cert_file)
        channel = grpc.secure_channel(at, shown)
    else:
        channel = grpc.insecure_channel(at)
    with channel:
        case(stubs.TestServiceStub(channel), channel)


args = arguments()
serve(args) if args.port else call(args)
