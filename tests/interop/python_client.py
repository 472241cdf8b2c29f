"""A client on gRPC's C core, which has nothing in common with ours but the wire. Messages are
written by hand, so that nothing but Debian's python3-grpcio is needed. Prints one JSON object."""
import json
import sys

import grpc

from python_wire import field, fields

MIB = 1024 * 1024
address, register_id = sys.argv[1], sys.argv[2]
channel = grpc.insecure_channel(
    address,
    options=[
        ("grpc.max_receive_message_length", 16 * MIB),
        ("grpc.max_send_message_length", 16 * MIB),
        ("grpc.enable_http_proxy", 0),
    ],
)
REPLICATION = "/sorcha.peer.replication.v1.Replication/"
SYNC = "/sorcha.peer.sync.RegisterSync/"


def pull():
    seen = {"dockets": 0, "transactions": 0, "longestFrame": 0}
    for frame in channel.unary_stream(REPLICATION + "PullRange")(field(1, register_id.encode())):
        seen["longestFrame"] = max(seen["longestFrame"], len(frame))
        for number, bundle in fields(frame):
            if number == 1:
                seen["dockets"] += 1
                seen["transactions"] += sum(1 for n, _ in fields(bundle) if n == 2)
    return seen


def leave_early():
    call = channel.unary_stream(REPLICATION + "Follow")(field(1, register_id.encode()))
    next(call)
    next(call)
    call.cancel()


status = dict(fields(channel.unary_unary(SYNC + "GetRegisterSyncStatus")(field(1, register_id.encode()))))
try:
    channel.unary_unary(SYNC + "GetRegisterSyncStatus")(field(1, b"unknown"))
    unknown = None
except grpc.RpcError as error:
    trailers = dict(error.trailing_metadata())
    unknown = [error.code().name, trailers.get("sorcha-refusal")]

whole = pull()
for _ in range(5):
    leave_early()
again = pull()

# 12 MiB up, in a field that the answerer does not look into.
hello = field(1, b"python") + field(5, bytes(32)) + field(6, bytes(12 * MIB))
answer = dict(fields(channel.unary_unary(REPLICATION + "Hello")(hello)))

# A question and an answer on a stream of both directions: which services are there?
reflection = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
(listed,) = list(reflection(iter([field(7, b"")])))
services = [name.decode() for n, reply in fields(listed) if n == 6
            for _, service in fields(reply) for _, name in fields(service)]

print(json.dumps({
    "totalDockets": status[6],
    "unknown": unknown,
    "whole": whole,
    "isSameAgain": whole == again,
    "hello": answer[1].decode(),
    "services": sorted(services),
}))
channel.close()
