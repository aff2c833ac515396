/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a cluster's partitions, and what changed since the reading before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drivers/kafka/duty.h"
#include "common/base/cleanup.h"
#include "common/base/names.h"

enum { METADATA_MS = 2000 };

/* A partition as it was read. */
struct standing {
	int32_t leader;
	uint64_t in_sync; /* the sum of a hash of each replica in sync: its order is no matter */
	uint64_t reading; /* that it is of */
};

struct cluster {
	struct held held;
	struct names *partitions; /* by their topic and number */
	struct standing *standings;
	size_t capacity;
	uint64_t reading;
};

struct tally {
	uint32_t under_replicated, offline, isr_changes, leader_changes;
};

static uint64_t hash_set(const int32_t *replicas, int count)
{
	uint64_t sum = (uint64_t)count;

	for (int i = 0; i < count; i++) {
		uint64_t x = ((uint64_t)(uint32_t)replicas[i] + 1) * UINT64_C(0x9e3779b97f4a7c15);

		sum += (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	}
	return sum;
}

/* The partition as it was, which is empty at first. NULL without memory. */
static struct standing *find(struct cluster *cluster, const char *topic, int32_t partition)
{
	char key[300];
	size_t length = strnlen(topic, 256);
	uint32_t id;
	_Bool added;

	memcpy(key, topic, length);
	memcpy(key + length, &partition, sizeof(partition));
	if (names_intern(cluster->partitions, key, length + sizeof(partition), &id, &added) < 0)
		return NULL;
	if (id >= cluster->capacity) {
		size_t capacity = (size_t)(id + 1) * 2;
		struct standing *standings = reallocarray(cluster->standings, capacity, sizeof(*standings));

		if (!standings)
			return NULL;
		memset(standings + cluster->capacity, 0, (capacity - cluster->capacity) * sizeof(*standings));
		cluster->standings = standings;
		cluster->capacity = capacity;
	}
	return &cluster->standings[id];
}

static int count_partition(struct cluster *cluster, const char *topic, const rd_kafka_metadata_partition_t *partition,
                           struct tally *tally)
{
	struct standing *before = find(cluster, topic, partition->id);
	struct standing now = {.leader = partition->leader,
	                       .in_sync = hash_set(partition->isrs, partition->isr_cnt),
	                       .reading = cluster->reading};

	if (!before)
		return -ENOMEM;
	tally->offline += partition->leader < 0;
	tally->under_replicated += partition->isr_cnt < partition->replica_cnt;
	if (before->reading > 0 && before->reading + 1 == now.reading) {
		tally->leader_changes += before->leader != now.leader;
		tally->isr_changes += before->in_sync != now.in_sync;
	}
	*before = now;
	return 0;
}

static int count(struct cluster *cluster, const struct rd_kafka_metadata *metadata, struct tally *tally)
{
	int r = 0;

	cluster->reading++;
	for (int i = 0; i < metadata->topic_cnt; i++)
		for (int j = 0; r == 0 && j < metadata->topics[i].partition_cnt; j++)
			r = count_partition(cluster, metadata->topics[i].topic, &metadata->topics[i].partitions[j],
			                    tally);
	return r;
}

static int tell(struct duty_work *work, const struct tally *tally)
{
	int r = duty_work_reading(work, METRIC_KAFKA_UNDER_REPLICATED_PARTITIONS, "", tally->under_replicated);

	if (r == 0)
		r = duty_work_reading(work, METRIC_KAFKA_OFFLINE_PARTITIONS, "", tally->offline);
	if (r == 0)
		r = duty_work_reading(work, METRIC_KAFKA_ISR_CHANGES, "", tally->isr_changes);
	if (r == 0)
		r = duty_work_reading(work, METRIC_KAFKA_LEADER_CHANGES, "", tally->leader_changes);
	return r;
}

static void release(struct held *held)
{
	struct cluster *cluster = (struct cluster *)held;

	client_close(&held->client);
	names_free(cluster->partitions);
	free(cluster->standings);
	free(cluster);
}

static struct cluster *open_cluster(const struct driver_config *config, struct duty_work *work)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	struct failure failure = {0};

	if (!cluster)
		return NULL;
	cluster->held.release = release;
	cluster->partitions = names_new();
	if (!cluster->partitions || client_open(&cluster->held.client, config, NULL, &failure) < 0) {
		duty_work_fail(work, "%s", failure.text[0] ? failure.text : "no memory");
		release(&cluster->held);
		return NULL;
	}
	return cluster;
}

int cluster_read(const struct driver_config *config, struct duty_work *work)
{
	const struct rd_kafka_metadata *metadata;
	struct tally tally = {0};
	struct cluster *cluster;
	rd_kafka_resp_err_t error;
	int r;

	if (!work->held)
		work->held = open_cluster(config, work);
	if (!work->held)
		return work->problem[0] ? 0 : -ENOMEM;
	cluster = work->held;
	error = rd_kafka_metadata(cluster->held.client.handle, 1, NULL, &metadata, METADATA_MS);
	client_poll(&cluster->held.client);
	if (error) {
		duty_fail(work, &cluster->held.client, "the cluster can't be read", error, NULL);
		return 0;
	}
	r = count(cluster, metadata, &tally);
	rd_kafka_metadata_destroy(metadata);
	return r < 0 ? r : tell(work, &tally);
}
