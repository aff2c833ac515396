# SPDX-License-Identifier: Apache-2.0
"""Peers that speak ZMTP and msgpack without an agent's manners, and a link that is slow and breaks."""
import contextlib
import os
import socket
import struct
import threading
import time

MORE, LONG, COMMAND = 1, 2, 4


def pack(value):
    """msgpack, as much of it as messages need."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, bytes):
        return b"\xc5" + struct.pack(">H", len(value)) + value
    if isinstance(value, str):
        return b"\xda" + struct.pack(">H", len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return b"\xde" + struct.pack(">H", len(value)) + b"".join(pack(key) + pack(item) for key, item in value.items())
    return b"\xdc" + struct.pack(">H", len(value)) + b"".join(map(pack, value))


def frame(data, flags=0):
    if len(data) < 256:
        return bytes([flags, len(data)]) + data
    return bytes([flags | LONG]) + struct.pack(">Q", len(data)) + data


class Peer:
    """A DEALER of the NULL mechanism; what it is told is read and thrown away where nobody wants it."""

    def __init__(self, port, incarnation=None):
        self.incarnation = incarnation or os.urandom(16)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
        properties = ((b"Socket-Type", b"DEALER"), (b"Identity", self.incarnation))
        named = [bytes([len(name)]) + name + struct.pack(">I", len(value)) + value for name, value in properties]
        self.socket.sendall(frame(b"\x05READY" + b"".join(named), COMMAND))
        self.heard = b""
        self.listen(b"\x05READY")  # it takes nothing before its own was sent

    def message(self, kind, run="", epoch=0, **fields):
        return pack({"t": kind, "run": run, "inc": self.incarnation, "epoch": epoch, **fields})

    def hello(self, name, run=""):
        return self.message("hello", run=run, proto=1, version="0", name=name, host="elsewhere", cpu="", kernel="",
                            cores=1, workers=1, weight=1, memory=1, pid=1, tags=[], libs=[], limits=[], seq=0)

    def snapshot(self, run, seq, second):
        health = dict.fromkeys(("cpu", "wall", "throttled", "rss", "fds", "fd_limit", "ports", "port_limit", "skew",
                                "stalled", "folded", "steal", "jump"), 0)
        return self.message("snapshot", run=run, epoch=1, seq=seq, second=second, ran=1, series=[], cells=[],
                            scenarios=[], health=health, ledger=b"", last=False)

    def send(self, data):
        self.socket.sendall(frame(data))

    def listen(self, wanted, timeout_s=10):
        """Reads until a message holds `wanted`."""
        deadline = time.monotonic() + timeout_s
        while wanted not in self.heard:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the coordinator ended the connection")
            self.heard += data

    def close(self):
        self.socket.close()


def number_after(name, body):
    """The number of a field in a message."""
    at = body.index(bytes([0xa0 + len(name)]) + name.encode()) + 1 + len(name)
    size = {0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8}.get(body[at], 0)
    return int.from_bytes(body[at + 1:at + 1 + size], "big") if size else body[at]


class Member(Peer):
    """A peer that takes part in a run as an agent does, as far as it is told to."""

    def __init__(self, port, name, ready=True):
        super().__init__(port)
        self.ready, self.told, self.pending = ready, [], b""
        self.socket.settimeout(None)
        self.send(self.hello(name))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while data := self.socket.recv(65536):
                self.pending += data
                while self.take_frame():
                    pass

    def take_frame(self):
        start = 9 if self.pending[:1] and self.pending[0] & LONG else 2
        if len(self.pending) < start:
            return False
        end = start + int.from_bytes(self.pending[1:start], "big")
        if len(self.pending) < end:
            return False
        body, command = self.pending[start:end], self.pending[0] & COMMAND
        self.pending = self.pending[end:]
        if command and body.startswith(b"\x04PING"):
            self.socket.sendall(frame(b"\x04PONG" + body[7:], COMMAND))
        elif not command:
            self.answer(body)
        return True

    def answer(self, body):
        kind = body[4:4 + (body[3] & 31)].decode()
        run = body[body.index(b"\xa3run\xd9$") + 6:][:36].decode()
        now_ns = time.monotonic_ns()
        if kind == "ping":
            self.send(self.message("pong", run, id=number_after("id", body), sent=number_after("sent", body),
                                   **{"in": now_ns, "out": now_ns}))
        if kind == "assign" and self.ready:
            self.send(self.message("ready", run, epoch=1, targets=[]))
        self.told.append(kind)


class Flood:
    """Sends the same bytes as fast as they are taken, on a connection that is made again when it ends."""

    def __init__(self, port, make):
        """`make` gives what a peer sends again and again."""
        self.port, self.make = port, make
        self.sent, self.connections, self.open = 0, 0, True
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while self.open:
            try:
                self.pour()
            except OSError:
                time.sleep(0.05)  # the coordinator has cut it off, or isn't there yet

    def pour(self):
        peer = Peer(self.port)
        self.connections += 1
        again = self.make(peer)
        peer.socket.settimeout(0.5)  # one that was cut off may not hear of it
        at = 0
        try:
            while self.open:
                count = peer.socket.send(memoryview(again)[at:])
                self.sent += count
                at = (at + count) % len(again)
        finally:
            peer.close()

    def close(self):
        self.open = False
        self.thread.join()


class SlowLink:
    """A proxy: a piece of at most `piece` bytes takes `delay_s`; cut() ends all connections with what is in them."""

    def __init__(self, port, delay_s, piece):
        self.target, self.delay_s, self.piece = port, delay_s, piece
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock, self.ends, self.passed = threading.Lock(), set(), 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                here, _ = self.listener.accept()
                there = socket.create_connection(("127.0.0.1", self.target))
            except ConnectionError:
                here.close()
                continue
            except OSError:
                return
            with self.lock:
                self.ends |= {here, there}
            for pair in ((here, there), (there, here)):
                threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, source, sink):
        try:
            while data := source.recv(self.piece):
                time.sleep(self.delay_s)
                sink.sendall(data)
                self.passed += len(data)
        except OSError:
            pass
        self.drop({source, sink})

    def drop(self, ends):
        with self.lock:
            ends &= self.ends
            self.ends -= ends
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def cut(self):
        self.drop(set(self.ends))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()
