# SPDX-License-Identifier: Apache-2.0
"""Kafka clusters whose brokers can be killed, frozen and started again: three brokers of today's, one of the oldest."""
import collections
import os
import re
import shutil
import signal
import subprocess
import uuid

from .kafka_admin import Admin
from .support import Process, accepts, check, free_port, wait_for

JAVA = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
CONTROLLER = 100  # its node's number; the brokers' are 1, 2, 3 ...
USER, PASSWORD = "tester", "tester-secret"  # of the listeners with SASL

LOG4J = """log4j.rootLogger=WARN, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d %p %c{1}: %m%n
"""

# Timeouts short enough for tests, and long enough for two busy cores.
BROKER = {
    "num.partitions": 4, "min.insync.replicas": 2, "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4, "group.initial.rebalance.delay.ms": 0,
    "broker.heartbeat.interval.ms": 500, "num.network.threads": 2, "num.io.threads": 4,
    "log.message.timestamp.type": "CreateTime",
}

Message = collections.namedtuple("Message", "partition offset timestamp key value headers")


def lines(properties):
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def run(command, **options):
    done = subprocess.run(command, capture_output=True, check=False, **options)
    check(done.returncode == 0, f"{' '.join(command[:6])} ...: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def class_archive(libs):
    """The options for a JVM that loads a broker's classes from an archive, which halves its start; made once."""
    archive = os.path.join(os.path.dirname(libs), os.path.basename(libs) + ".jsa")
    if not os.path.exists(archive) or os.path.getmtime(archive) < os.path.getmtime(libs):
        made = f"{archive}.{os.getpid()}"
        with KafkaCluster(made + ".broker", libs, brokers=1, options=[f"-XX:ArchiveClassesAtExit={made}"]) as cluster:
            cluster.nodes[1].process.stop(signal.SIGTERM, 30)
        shutil.rmtree(cluster.folder, ignore_errors=True)
        os.rename(made, archive)
    return [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:class+path=off"]


class Node:
    """One JVM of a cluster: a folder, properties, and the process while it runs."""

    def __init__(self, folder, command, ports, prefix=()):
        """`ports` are those that it listens on, at `address`; `prefix` is what runs a command on its host."""
        self.folder, self.command, self.ports, self.prefix = folder, command, ports, list(prefix)
        self.process = None

    def start(self):
        self.process = Process([*self.prefix, *self.command], os.path.join(self.folder, "node.log"))

    def is_up(self):
        check(self.process.running(), f"a node of Kafka ended: {self.process.output()[-2000:]}")
        return self.prefix or all(accepts(port) for port in self.ports)

    def end(self):
        if self.process:
            self.process.stop(signal.SIGKILL)


class Broker:
    """What tests ask of any cluster; `brokers` is its bootstrap address."""

    brokers = None
    prefix = ()  # what runs a command where the brokers can be reached
    enter = None  # likewise for a thread of this process
    client = None

    @property
    def admin(self):
        if not self.client:
            self.client = Admin(self.brokers, self.enter)
        return self.client

    def forget(self):
        """Closes what speaks to the brokers."""
        if self.client:
            self.client.close()
            self.client = None

    def java(self, main, *arguments):
        """The output of one of Kafka's own tools."""
        return run([*self.prefix, *JAVA, "-cp", self.classpath, main, *arguments], timeout=60).decode()

    def create(self, topic, partitions=4, replication=None, config=None):
        """Makes a topic; returns when all its replicas are in sync."""
        self.admin.create(topic, partitions, replication or self.replication, config or {})
        self.wait_in_sync(topic, partitions)

    def partitions(self, topic):
        """Leader, replicas and in-sync replicas by partition; nothing of a topic that isn't there."""
        metadata = self.admin.metadata()
        return metadata[1].get(topic, {}) if metadata else {}

    def leader(self, topic, partition=0):
        return self.partitions(topic)[partition].leader

    def wait_leader(self, topic, partition, other_than=-1, timeout_s=60):
        """Waits until the partition has a leader, another one than the given, and returns it."""
        def found():
            item = self.partitions(topic).get(partition)
            return item.leader if item and item.leader not in (-1, other_than) else None

        return wait_for(found, f"a leader of {topic} {partition}", timeout_s)

    def isr(self, topic, partition=0):
        return sorted(self.partitions(topic)[partition].isr)

    def wait_in_sync(self, topic, partitions=1, timeout_s=60):
        def synced():
            found = self.partitions(topic)
            return len(found) >= partitions and all(
                item.leader != -1 and sorted(item.isr) == sorted(item.replicas) for item in found.values())

        wait_for(synced, f"all replicas of {topic} to be in sync", timeout_s)

    def end_offsets(self, topic):
        return {number: self.admin.offsets(topic, number)[1] for number in sorted(self.partitions(topic))}

    def first_offsets(self, topic):
        return {number: self.admin.offsets(topic, number)[0] for number in sorted(self.partitions(topic))}

    def messages(self, topic):
        """The sum of the topic's end offsets."""
        return sum(self.end_offsets(topic).values())

    def delete_records(self, topic, before):
        """Deletes what is before an offset, by partition."""
        self.admin.delete_records(topic, before)

    def kcat(self, *words, properties=None, **options):
        """kcat's output."""
        settings = [word for name, value in (properties or {}).items() for word in ("-X", f"{name}={value}")]
        return run([*self.prefix, "kcat", "-b", self.brokers, *settings, *words], **options)

    def dump(self, topic, uncommitted=True, timeout_s=120):
        """Every message of a topic as kcat reads them; of binary headers, what comes before a zero."""
        end = uuid.uuid4().hex
        out = self.kcat("-C", "-q", "-e", "-o", "beginning", "-t", topic, "-f", f"%p %o %T %K %S\\n%k%s%h{end}",
                        properties={"isolation.level": "read_uncommitted" if uncommitted else "read_committed"},
                        timeout=timeout_s)
        return sorted(parse(out, end.encode()), key=lambda message: message[:2])

    def put(self, topic, values, partition=0, **properties):
        """Produces values to a partition with kcat, each a line."""
        self.kcat("-P", "-t", topic, "-p", str(partition), properties=properties,
                  input="".join(f"{value}\n" for value in values).encode(), timeout=60)


def parse(out, end):
    """The messages of a dump. Keys and values may hold any bytes, so they are cut by their sizes."""
    at = 0
    while at < len(out):
        body = out.index(b"\n", at) + 1
        partition, offset, timestamp, key_size, value_size = map(int, out[at:body].split())
        value = body + max(0, key_size)
        headers = value + max(0, value_size)
        stop = out.index(end, headers)
        yield Message(partition, offset, timestamp, None if key_size < 0 else out[body:value],
                      None if value_size < 0 else out[value:headers], out[headers:stop])
        at = stop + len(end)


class KafkaCluster(Broker):
    """Brokers 1, 2, 3 ... in KRaft mode and a controller of their own, so that brokers can go as they like.

    `secure` adds listeners: `sasl_brokers` (PLAIN and SCRAM-SHA-256 over plain text), `tls_brokers`, and both in
    `sasl_tls_brokers`; `certificate` is what signed the brokers'. `hosts` says where the controller and each broker
    run: pairs of an address and what runs a command there, `prefix` and `enter` then reach them.
    """

    def __init__(self, folder, libs, brokers=3, properties=None, auto_create=False, session_ms=6000, secure=False,
                 heap="512m", options=None, hosts=None, prefix=(), enter=None):
        os.makedirs(folder)
        self.folder, self.libs, self.secure, self.prefix, self.enter = folder, libs, secure, prefix, enter
        self.classpath = os.path.join(libs, "*")
        self.replication = min(3, brokers)
        self.options = class_archive(libs) if options is None else options
        self.hosts = hosts or [("127.0.0.1", ())] * (brokers + 1)
        self.cluster_id = uuid.uuid4().hex[:22]
        self.controller_port = free_port()
        self.common = {"controller.quorum.voters": f"{CONTROLLER}@{self.hosts[0][0]}:{self.controller_port}",
                       "controller.listener.names": "CONTROLLER", "broker.session.timeout.ms": session_ms}
        self.extra = {"auto.create.topics.enable": str(auto_create).lower(), **(properties or {})}
        self.certificate = os.path.join(folder, "certificate.pem")
        self.log4j = write(os.path.join(folder, "log4j.properties"), LOG4J)
        if secure:
            self.make_certificate()
        self.addresses = collections.defaultdict(list)  # by listener
        self.nodes = {CONTROLLER: self.make_controller()}
        for number in range(1, brokers + 1):
            self.nodes[number] = self.make_broker(number, heap)
        self.brokers = ",".join(self.addresses["PLAINTEXT"])
        self.sasl_brokers = ",".join(self.addresses["SASL"])
        self.tls_brokers = ",".join(self.addresses["TLS"])
        self.sasl_tls_brokers = ",".join(self.addresses["SASL_TLS"])

    def make_certificate(self):
        """One that signs itself, for the brokers' address."""
        key = os.path.join(self.folder, "key.pem")
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=kafka", "-addext", "subjectAltName=" + ",".join(f"IP:{host}" for host, _ in set(self.hosts)),
             "-keyout", key, "-out", self.certificate])
        with open(key) as first, open(self.certificate) as second:
            write(os.path.join(self.folder, "keystore.pem"), first.read() + second.read())

    def make_node(self, number, host, properties, heap, ports):
        folder = os.path.join(self.folder, f"node{number}")
        data = os.path.join(folder, "data")
        os.makedirs(data)
        # What `kafka-storage format` would write.
        write(os.path.join(data, "meta.properties"),
              lines({"version": 1, "cluster.id": self.cluster_id, "node.id": number}))
        path = write(os.path.join(folder, "server.properties"),
                     lines({"node.id": number, "log.dirs": data, **self.common, **properties}))
        command = [*JAVA, f"-Xmx{heap}", *self.options, f"-Dlog4j.configuration=file:{self.log4j}", "-cp",
                   self.classpath, "kafka.Kafka", path]
        return Node(folder, command, ports, host[1])

    def make_controller(self):
        host = self.hosts[0]
        node = self.make_node(CONTROLLER, host, {
            "process.roles": "controller", "listeners": f"CONTROLLER://{host[0]}:{self.controller_port}"}, "256m",
            [self.controller_port])
        if self.secure:
            self.add_scram_user(node)
        return node

    def add_scram_user(self, node):
        data = os.path.join(node.folder, "data")
        shutil.rmtree(data)
        self.java("kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c",
                  os.path.join(node.folder, "server.properties"), "--add-scram",
                  f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]")

    def make_broker(self, number, heap):
        host = self.hosts[number]
        protocols = {"PLAINTEXT": "PLAINTEXT"}
        if self.secure:
            protocols.update(SASL="SASL_PLAINTEXT", TLS="SSL", SASL_TLS="SASL_SSL")
        ports = {name: free_port() for name in protocols}
        listeners = ",".join(f"{name}://{host[0]}:{port}" for name, port in ports.items())
        for name, port in ports.items():
            self.addresses[name].append(f"{host[0]}:{port}")
        properties = {
            "process.roles": "broker", "listeners": listeners, "advertised.listeners": listeners,
            "listener.security.protocol.map": ",".join(f"{name}:{value}" for name, value in
                                                       {**protocols, "CONTROLLER": "PLAINTEXT"}.items()),
            "default.replication.factor": self.replication, "offsets.topic.replication.factor": self.replication,
            "transaction.state.log.replication.factor": self.replication,
            "transaction.state.log.min.isr": min(2, self.replication), **BROKER}
        properties["min.insync.replicas"] = min(2, self.replication)
        if self.secure:
            properties.update(self.security())
        return self.make_node(number, host, {**properties, **self.extra}, heap, list(ports.values()))

    def security(self):
        common = "org.apache.kafka.common.security"
        keystore = os.path.join(self.folder, "keystore.pem")
        properties = {"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256", "ssl.keystore.type": "PEM",
                      "ssl.keystore.location": keystore}
        for name in ("sasl", "sasl_tls"):
            properties[f"listener.name.{name}.plain.sasl.jaas.config"] = (
                f'{common}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";')
            properties[f"listener.name.{name}.scram-sha-256.sasl.jaas.config"] = (
                f"{common}.scram.ScramLoginModule required;")
        return properties

    def __enter__(self):
        try:
            for node in self.nodes.values():
                node.start()
            for node in self.nodes.values():
                wait_for(node.is_up, f"Kafka in {node.folder}", 90)
            self.wait_brokers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.forget()
        for node in self.nodes.values():
            node.end()

    def wait_brokers(self, timeout_s=60):
        """Waits until every broker that should run is a member."""
        wanted = sorted(number for number, node in self.nodes.items()
                        if number != CONTROLLER and node.process.running())
        wait_for(lambda: (self.admin.metadata() or [None])[0] == wanted, f"brokers {wanted}", timeout_s)

    def kill(self, number):
        self.nodes[number].process.stop(signal.SIGKILL)

    def stop(self, number):
        """An orderly end: leaders move away first."""
        self.nodes[number].process.stop(signal.SIGTERM, 30)

    def freeze(self, number):
        self.nodes[number].process.send(signal.SIGSTOP)

    def thaw(self, number):
        self.nodes[number].process.send(signal.SIGCONT)

    def start(self, number):
        """Starts a broker that was killed or stopped; wait_brokers() or wait_in_sync() tell when it is back."""
        check(not self.nodes[number].process.running(), f"broker {number} runs")
        self.nodes[number].start()

    def restart(self, number):
        """The same, and waits until it is a member again."""
        self.start(number)
        wait_for(self.nodes[number].is_up, f"broker {number}", 60)
        self.wait_brokers()

    def heal(self):
        """Undoes what a test that failed left behind."""
        for number, node in self.nodes.items():
            if node.process.running():
                self.thaw(number)
            else:
                self.start(number)
        self.wait_brokers()


# Of a broker that is alone.
ALONE = {
    "num.partitions": 4, "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1, "group.initial.rebalance.delay.ms": 0,
}


class Kafka(Broker):
    """One broker in KRaft mode, its own controller, which makes topics that are asked for."""

    replication = 1

    def __init__(self, folder, libs, properties=None):
        """`properties`: the broker's own, over ours."""
        data = os.path.join(folder, "data")
        os.makedirs(data)
        self.folder = folder
        self.classpath = os.path.join(libs, "*")
        port, controller_port = free_port(), free_port()
        self.brokers = f"127.0.0.1:{port}"
        controller = f"127.0.0.1:{controller_port}"
        write(os.path.join(data, "meta.properties"),
              lines({"version": 1, "cluster.id": uuid.uuid4().hex[:22], "node.id": 1}))
        path = write(os.path.join(folder, "server.properties"), lines({
            "process.roles": "broker,controller", "node.id": 1, "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER", "log.dirs": data,
            "listeners": f"PLAINTEXT://{self.brokers},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.brokers}", **ALONE, **(properties or {})}))
        log4j = write(os.path.join(folder, "log4j.properties"), LOG4J)
        self.node = Node(folder, [*JAVA, "-Xmx512m", *class_archive(libs), f"-Dlog4j.configuration=file:{log4j}", "-cp",
                                  self.classpath, "kafka.Kafka", path], [port])

    def __enter__(self):
        self.node.start()
        try:
            wait_for(self.node.is_up, f"Kafka in {self.folder}", 60)
            wait_for(lambda: self.admin.metadata(), "the broker", 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.forget()
        self.node.end()


class OldKafka(Broker):
    """One broker of kafka_2.13:2.8.2 with its ZooKeeper; topics have one replica."""

    replication = 1

    def __init__(self, folder, libs, auto_create=False, properties=None):
        os.makedirs(folder)
        self.folder, self.libs = folder, libs
        self.classpath = os.path.join(libs, "*")
        self.zookeeper_port, self.port = free_port(), free_port()
        self.brokers = f"127.0.0.1:{self.port}"
        self.zookeeper = self.make_node("zookeeper", "org.apache.zookeeper.server.quorum.QuorumPeerMain", {
            "dataDir": os.path.join(folder, "zookeeper", "data"), "clientPort": self.zookeeper_port,
            "clientPortAddress": "127.0.0.1", "admin.enableServer": "false", "maxClientCnxns": 0},
            self.zookeeper_port)
        self.node = self.make_node("broker", "kafka.Kafka", {
            "broker.id": 1, "zookeeper.connect": f"127.0.0.1:{self.zookeeper_port}",
            "listeners": f"PLAINTEXT://{self.brokers}", "log.dirs": os.path.join(folder, "broker", "data"),
            "auto.create.topics.enable": str(auto_create).lower(), **ALONE, **(properties or {})}, self.port)

    def make_node(self, name, main, properties, port):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        path = write(os.path.join(folder, "server.properties"), lines(properties))
        log4j = write(os.path.join(folder, "log4j.properties"), LOG4J)
        return Node(folder, [*JAVA, "-Xmx512m", f"-Dlog4j.configuration=file:{log4j}", "-cp", self.classpath, main,
                             path], [port])

    def __enter__(self):
        try:
            for node in (self.zookeeper, self.node):
                node.start()
                wait_for(node.is_up, f"Kafka in {node.folder}", 60)
            wait_for(lambda: self.admin.metadata(), "the old broker", 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.forget()
        self.node.end()
        self.zookeeper.end()
