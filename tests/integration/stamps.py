# SPDX-License-Identifier: Apache-2.0
"""The account of a topic's messages from a dump of it: their stamps, read by other code than Stampede's."""
import collections
import struct
import zlib

from .support import check, equal

STAMP = struct.Struct("<4s8sQQqI")
MAGIC = b"STP\x01"


def read(message):
    """Stream and sequence of a dumped message that has its stamp at its payload's head."""
    data = (message.value or b"")[:STAMP.size]
    check(len(data) == STAMP.size and data.startswith(MAGIC), f"no stamp in {message}")
    _, _, stream, sequence, _, crc = STAMP.unpack(data)
    equal(zlib.crc32(data[:-4]), crc, f"CRC of {message}")
    return stream, sequence


class Seen:
    """What a topic holds, by the stamps of a dump in the order of offsets."""

    def __init__(self, dump):
        self.copies = collections.Counter()
        self.reordered = 0
        newest = {}  # sequence by stream and partition
        for message in dump:
            stream, sequence = read(message)
            self.copies[stream, sequence] += 1
            lane = stream, message.partition
            if self.copies[stream, sequence] == 1 and sequence < newest.get(lane, 0):
                self.reordered += 1
            newest[lane] = max(sequence, newest.get(lane, 0))

    @property
    def distinct(self):
        return len(self.copies)

    @property
    def duplicated(self):
        return sum(self.copies.values()) - len(self.copies)

    def missing(self, count):
        """Pairs of stream and sequence that are not there, of `count` sent in all; the last ones of each stream are."""
        ends = {}
        for stream, sequence in self.copies:
            ends[stream] = max(ends.get(stream, 0), sequence + 1)
        equal(sum(ends.values()), count, f"messages sent by {ends}")
        return {(stream, sequence) for stream, end in ends.items() for sequence in range(end)} - set(self.copies)


def ledger(result, topic):
    for entry in result.summary["ledger"]:
        if entry["topic"] == topic:
            return entry
    raise AssertionError(f"no topic {topic} in the ledger {result.summary['ledger']}")


def expect_ledger(result, topic, seen, acked):
    """The ledger of a run in which `acked` messages were acknowledged and none failed is what a dump says. Gives it."""
    entry = ledger(result, topic)
    wanted = {"acked": acked, "seen": seen.distinct, "lost": acked - seen.distinct, "duplicated": seen.duplicated,
              "reordered": seen.reordered, "failed": 0, "unacked_visible": 0, "aborted": 0, "aborted_visible": 0,
              "foreign": 0, "damaged": 0, "unread": 0, "partitions_unread": 0, "problem": ""}
    equal({key: entry[key] for key in wanted}, wanted, f"the ledger of {topic}")
    for name in ("lost", "duplicated", "reordered"):
        equal(result.row(f"kafka_messages_{name}")["count"], entry[name], f"kafka_messages_{name}")
    return entry
