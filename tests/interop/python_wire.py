"""Messages of protobuf, written and read by hand."""


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data):
    at = 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = take()
        if tag & 7 == 2:
            length = take()
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            yield tag >> 3, take()


def number(tag, value):
    return varint(tag << 3) + varint(value)
