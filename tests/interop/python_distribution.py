"""Transactions before their docket, and messages between peers, as a client on gRPC's C core that
knows the .NET service's fields only asks for them. Prints one JSON object."""
import hashlib
import json
import sys

import grpc

from python_wire import field, fields, number

address, register_id, transaction_id = sys.argv[1], sys.argv[2], sys.argv[3]
channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
TRANSACTION = "/sorcha.peer.transaction.TransactionDistribution/"
COMMUNICATION = "/sorcha.peer.communication.PeerCommunication/"
HEARTBEAT, PARTIAL = 5, 7


def status_of(call):
    try:
        call()
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


def ask(path, message):
    return dict(fields(channel.unary_unary(path)(message)))


def notification(register, transaction):
    return (field(1, transaction.encode()) + field(2, b"python") + number(3, 1_700_000_000)
            + number(4, 300) + field(5, register.encode()))


def request(register, transaction):
    return field(1, transaction.encode()) + field(2, b"python") + field(3, register.encode())


def message(kind, recipient=b"node"):
    return field(1, b"python") + field(2, recipient) + number(3, kind) + field(4, b"") + number(5, 1)


got = ask(TRANSACTION + "GetTransaction", request(register_id, transaction_id))
chunks = [dict(fields(chunk)) for chunk in
          channel.unary_stream(TRANSACTION + "StreamTransaction")(request(register_id, transaction_id))]
streamed = b"".join(chunk.get(4, b"") for chunk in chunks)
known = ask(TRANSACTION + "NotifyTransaction", notification(register_id, transaction_id))
missing = ask(TRANSACTION + "GetTransaction", request(register_id, "nowhere"))


def refused(path, given):
    return status_of(lambda: channel.unary_unary(path)(given))


# A conversation that its asker ends is ended by the other side as well.
line = channel.stream_stream(COMMUNICATION + "Stream")
said = list(line(iter([message(HEARTBEAT), message(HEARTBEAT)])))

print(json.dumps({
    "found": got.get(3),
    "sha256": hashlib.sha256(got[2]).hexdigest(),
    "isSameStreamed": streamed == got[2],
    "chunks": [[chunk.get(2, 0), chunk.get(3)] for chunk in chunks],
    "notified": sorted(known.items()),
    "missing": missing.get(3, 0),
    "unknownRegister": refused(TRANSACTION + "NotifyTransaction", notification("unknown", "t")),
    "missingStreamed": status_of(lambda: list(
        channel.unary_stream(TRANSACTION + "StreamTransaction")(request(register_id, "nowhere")))),
    "noHash": refused(TRANSACTION + "GetTransaction", request(register_id, "")),
    "received": ask(COMMUNICATION + "SendMessage", message(HEARTBEAT)).get(1),
    "unread": refused(COMMUNICATION + "SendMessage", message(PARTIAL)),
    "everybody": refused(COMMUNICATION + "SendMessage", message(HEARTBEAT, b"*")),
    "said": len(said),
}))
channel.close()
