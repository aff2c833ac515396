#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One broker of the container lab: KRaft, broker and controller in one. NODE is its number, VOTERS the quorum
# (1@kafka-1:9093,...), CLUSTER the cluster's id (22 characters of base64).
set -eu

cat >/data/server.properties <<END
process.roles=broker,controller
node.id=$NODE
controller.quorum.voters=$VOTERS
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
advertised.listeners=PLAINTEXT://kafka-$NODE:9092
controller.listener.names=CONTROLLER
log.dirs=/data/log
num.partitions=12
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
END
java='java -XX:+UseSerialGC -XX:TieredStopAtLevel=1'
[ -f /data/log/meta.properties ] ||
	$java -cp '/kafka/libs/*' kafka.tools.StorageTool format -t "$CLUSTER" -c /data/server.properties
exec $java -Xmx512m -cp '/kafka/libs/*' kafka.Kafka /data/server.properties
