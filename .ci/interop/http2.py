"""Python's h2 as client of the example server, and as server of the example client."""

import random
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)


class Client:
    """Requests, one after the other, on one connection."""

    def __init__(self, host, port):
        self.authority = f"{host}:{port}"
        self.socket = socket.create_connection((host, port), timeout=20)
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()

    def fetch(self, method, path, fields=(), body=b""):
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":authority", self.authority), (":path", path)]
        self.h2.send_headers(stream, [*head, *fields], end_stream=not body)
        status, data, trailers = None, b"", None
        while True:
            while body:
                room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
                if room == 0:
                    break
                piece, body = body[:room], body[room:]
                self.h2.send_data(stream, piece, end_stream=not body)
            self.socket.sendall(self.h2.data_to_send())
            received = self.socket.recv(65536)
            assert received, "the server closed the connection"
            for event in self.h2.receive_data(received):
                if getattr(event, "stream_id", stream) not in (0, stream):
                    continue
                if isinstance(event, ResponseReceived):
                    status = dict(event.headers)[":status"]
                elif isinstance(event, DataReceived):
                    data += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, TrailersReceived):
                    trailers = dict(event.headers)
                elif isinstance(event, StreamReset):
                    raise AssertionError(f"{method} {path} was reset: {event.error_code}")
                elif isinstance(event, StreamEnded):
                    self.socket.sendall(self.h2.data_to_send())
                    return status, data, trailers


def as_client(url):
    parts = urlsplit(url)
    client = Client(parts.hostname, parts.port)
    assert client.fetch("GET", "/trailers")[2] == {"x-trailer": "behind the data"}
    for size in (1, 16384, 65535, 65536, 1_000_000):
        body = random.randbytes(size)
        status, data, _ = client.fetch("POST", "/", body=body)
        assert (status, data) == ("200", body), size
    # Other fields each time: the tables of both ends change with every request.
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@"
    for _ in range(500):
        path = "/" + "".join(random.choices(letters, k=random.randrange(200)))
        fields = [
            (f"x-{random.randrange(30)}", "".join(random.choices(letters, k=random.randrange(100))))
            for _ in range(random.randrange(20))
        ]
        status, data, _ = client.fetch("GET", path, fields)
        expected = path.replace("'", "\\'") + " was asked for\n"
        assert (status, data.decode()) == ("200", expected), path


def serve_one(listener):
    """Answers one request with an informational response, padded data, and trailers."""
    connection, _ = listener.accept()
    h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
    h2.initiate_connection()
    connection.sendall(h2.data_to_send())
    asked, left = None, random_body
    while True:
        received = connection.recv(65536)
        if not received:
            return
        for event in h2.receive_data(received):
            if isinstance(event, RequestReceived):
                asked = event.stream_id
                h2.send_headers(asked, [(":status", "103"), ("link", "</style.css>")])
                h2.send_headers(asked, [(":status", "200"), ("content-length", str(len(random_body)))])
            elif isinstance(event, WindowUpdated):
                pass
        while asked and left:
            room = min(h2.local_flow_control_window(asked), h2.max_outbound_frame_size) - 11
            if room <= 0:
                break
            piece, left = left[:room], left[room:]
            h2.send_data(asked, piece, pad_length=10)
        if asked and not left:
            h2.send_headers(asked, [("checksum", "python")], end_stream=True)
            asked = None
        connection.sendall(h2.data_to_send())


def as_server(get):
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve_one, args=(listener,), daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    output = subprocess.run([get, url], capture_output=True, timeout=60, check=True).stdout
    length = str(len(random_body)).encode()
    head = b"103\nlink: </style.css>\n\n200\ncontent-length: " + length + b"\n\n"
    assert output == head + random_body + b"\nchecksum: python\n\n", output[:300]


random.seed(9113)
random_body = random.randbytes(300_000)
as_client(sys.argv[1])
as_server(sys.argv[2])
