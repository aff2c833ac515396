# SPDX-License-Identifier: Apache-2.0
"""What Kafka's own tools tell and do, within milliseconds: librdkafka's client called directly."""
import collections
import ctypes as c
import threading

from .support import check

TIMEOUT_MS = 20000
PRODUCER = 0
CREATE_TOPICS, DELETE_RECORDS = 100, 105  # kinds of events

Partition = collections.namedtuple("Partition", "leader replicas isr")


class MetadataBroker(c.Structure):
    _fields_ = [("id", c.c_int32), ("host", c.c_char_p), ("port", c.c_int)]


class MetadataPartition(c.Structure):
    _fields_ = [("id", c.c_int32), ("error", c.c_int), ("leader", c.c_int32), ("replica_count", c.c_int),
                ("replicas", c.POINTER(c.c_int32)), ("isr_count", c.c_int), ("isr", c.POINTER(c.c_int32))]


class MetadataTopic(c.Structure):
    _fields_ = [("name", c.c_char_p), ("partition_count", c.c_int), ("partitions", c.POINTER(MetadataPartition)),
                ("error", c.c_int)]


class Metadata(c.Structure):
    _fields_ = [("broker_count", c.c_int), ("brokers", c.POINTER(MetadataBroker)), ("topic_count", c.c_int),
                ("topics", c.POINTER(MetadataTopic)), ("told_by", c.c_int32), ("told_by_name", c.c_char_p)]


class ListItem(c.Structure):
    _fields_ = [("topic", c.c_char_p), ("partition", c.c_int32), ("offset", c.c_int64), ("metadata", c.c_void_p),
                ("metadata_size", c.c_size_t), ("opaque", c.c_void_p), ("error", c.c_int), ("private", c.c_void_p)]


class List(c.Structure):
    _fields_ = [("count", c.c_int), ("size", c.c_int), ("items", c.POINTER(ListItem))]


def load():
    library = c.CDLL("librdkafka.so.1")
    for name, result in (("conf_new", c.c_void_p), ("new", c.c_void_p), ("err2name", c.c_char_p),
                         ("queue_new", c.c_void_p), ("queue_poll", c.c_void_p), ("NewTopic_new", c.c_void_p),
                         ("event_error_string", c.c_char_p), ("event_CreateTopics_result", c.c_void_p),
                         ("CreateTopics_result_topics", c.POINTER(c.c_void_p)),
                         ("topic_result_error_string", c.c_char_p),
                         ("topic_partition_list_new", c.POINTER(List)), ("DeleteRecords_new", c.c_void_p),
                         ("event_DeleteRecords_result", c.c_void_p),
                         ("DeleteRecords_result_offsets", c.POINTER(List))):
        getattr(library, "rd_kafka_" + name).restype = result
    return library


class Admin:
    """A client of the brokers; `enter` is called first on the thread that makes it, to move it to another host."""

    def __init__(self, brokers, enter=None):
        self.library = load()
        thread = threading.Thread(target=self.open, args=(brokers, enter))
        thread.start()
        thread.join()
        check(self.client, "no client of Kafka")

    def open(self, brokers, enter):
        self.client = None
        if enter:
            enter()
        conf = c.c_void_p(self.call("conf_new"))
        for name, value in (("bootstrap.servers", brokers), ("log_level", "0"), ("reconnect.backoff.max.ms", "500")):
            self.call("conf_set", conf, name.encode(), value.encode(), None, c.c_size_t(0))
        self.client = c.c_void_p(self.call("new", PRODUCER, conf, None, c.c_size_t(0)))

    def call(self, name, *arguments):
        return getattr(self.library, "rd_kafka_" + name)(*arguments)

    def close(self):
        self.call("destroy", self.client)

    def must(self, error, what):
        check(error == 0, f"{what}: {self.call('err2name', error).decode()}")

    def metadata(self):
        """The brokers' ids, and the partitions of each topic; None if no broker tells."""
        found = c.POINTER(Metadata)()
        if self.call("metadata", self.client, 1, None, c.byref(found), TIMEOUT_MS) != 0:
            return None
        told = found.contents
        brokers = sorted(told.brokers[i].id for i in range(told.broker_count))
        topics = {}
        for topic in told.topics[:told.topic_count]:
            topics[topic.name.decode()] = {
                partition.id: Partition(partition.leader, partition.replicas[:partition.replica_count],
                                        partition.isr[:partition.isr_count])
                for partition in topic.partitions[:topic.partition_count]}
        self.call("metadata_destroy", found)
        return brokers, topics

    def offsets(self, topic, partition):
        """The first offset and the one after the last."""
        low, high = c.c_int64(), c.c_int64()
        self.must(self.call("query_watermark_offsets", self.client, topic.encode(), partition, c.byref(low),
                            c.byref(high), TIMEOUT_MS), f"offsets of {topic} {partition}")
        return low.value, high.value

    def wait(self, queue, kind, what):
        event = c.c_void_p(self.call("queue_poll", queue, TIMEOUT_MS))
        check(event, f"{what}: no answer")
        check(self.call("event_type", event) == kind, f"{what}: an event of another kind")
        check(self.call("event_error", event) == 0, f"{what}: {self.call('event_error_string', event)}")
        return event

    def create(self, name, partitions, replication, config):
        text = c.create_string_buffer(256)
        topic = c.c_void_p(self.call("NewTopic_new", name.encode(), partitions, replication, text, c.c_size_t(256)))
        check(topic, f"topic {name}: {text.value}")
        for key, value in config.items():
            self.call("NewTopic_set_config", topic, key.encode(), str(value).encode())
        queue = c.c_void_p(self.call("queue_new", self.client))
        self.call("CreateTopics", self.client, c.byref(topic), c.c_size_t(1), None, queue)
        event = self.wait(queue, CREATE_TOPICS, f"topic {name}")
        count = c.c_size_t()
        results = self.call("CreateTopics_result_topics", c.c_void_p(self.call("event_CreateTopics_result", event)),
                            c.byref(count))
        result = c.c_void_p(results[0])
        check(self.call("topic_result_error", result) == 0,
              f"topic {name}: {self.call('topic_result_error_string', result)}")
        self.call("event_destroy", event)
        self.call("queue_destroy", queue)
        self.call("NewTopic_destroy", topic)

    def delete_records(self, topic, before):
        """`before`: the first offset that is kept, by partition."""
        wanted = self.call("topic_partition_list_new", len(before))
        for partition, offset in before.items():
            self.call("topic_partition_list_add", wanted, topic.encode(), partition)
            self.call("topic_partition_list_set_offset", wanted, topic.encode(), partition, c.c_int64(offset))
        request = c.c_void_p(self.call("DeleteRecords_new", wanted))
        queue = c.c_void_p(self.call("queue_new", self.client))
        self.call("DeleteRecords", self.client, c.byref(request), c.c_size_t(1), None, queue)
        event = self.wait(queue, DELETE_RECORDS, f"deleting records of {topic}")
        done = self.call("DeleteRecords_result_offsets",
                         c.c_void_p(self.call("event_DeleteRecords_result", event))).contents
        for item in done.items[:done.count]:
            self.must(item.error, f"deleting records of {topic} {item.partition}")
        self.call("event_destroy", event)
        self.call("queue_destroy", queue)
        self.call("DeleteRecords_destroy", request)
        self.call("topic_partition_list_destroy", wanted)
