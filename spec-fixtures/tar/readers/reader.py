"""Reads archives with Python's tarfile.

Standard input holds archives, each after its length as four big-endian bytes; standard output gets one line
of JSON for each, in the form of reader.go but for the nanoseconds, which tarfile rounds.
"""

import hashlib
import io
import json
import math
import signal
import struct
import sys
import tarfile

CONTENT_LIMIT = 64 << 20
SECONDS = 5


class OutOfTime(Exception):
    pass


def out_of_time(_signal, _frame):
    raise OutOfTime("still reading after %d seconds" % SECONDS)


def as_hex(text):
    return text.encode("utf-8", "surrogateescape").hex()


def content_of(archive, member):
    stream = archive.extractfile(member)
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()[:16]


def describe(archive, member):
    if member.isreg() and member.size > CONTENT_LIMIT:
        raise ValueError("content too large for this test")
    prefix = "SCHILY.xattr."
    return {
        "path": as_hex(member.name),
        "flag": member.type.hex(),
        "link": as_hex(member.linkname),
        "size": member.size,
        "mode": str(member.mode),
        "uid": member.uid,
        "gid": member.gid,
        "seconds": str(math.floor(member.mtime)),
        "nanoseconds": 0,
        "major": member.devmajor,
        "minor": member.devminor,
        "xattrs": {
            as_hex(key[len(prefix):]): as_hex(value)
            for key, value in member.pax_headers.items()
            if key.startswith(prefix)
        },
        "content": content_of(archive, member) if member.isreg() else "",
    }


def read(data):
    entries = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                entries.append(describe(archive, member))
        return {"entries": entries, "error": ""}
    except Exception as error:
        return {"entries": entries, "error": "%s: %s" % (type(error).__name__, error)}


def main():
    signal.signal(signal.SIGALRM, out_of_time)
    while head := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
        signal.alarm(SECONDS)
        result = read(data)
        signal.alarm(0)
        print(json.dumps(result), flush=True)


main()
