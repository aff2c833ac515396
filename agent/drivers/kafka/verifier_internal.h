/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the verifier share. */
#pragma once

#include "agent/drivers/kafka/client.h"
#include "common/stats/seen_log.h"

/* A partition, by its number. */
struct partition {
	struct seen_partition *seen; /* NULL: it isn't known */
	uint64_t position;           /* the next offset to be read */
	uint64_t end;
	_Bool has_end;
	_Bool reading;
};

struct offsets {
	struct verify_offset *items;
	size_t count;
	size_t capacity;
};

struct verifier {
	const struct driver_config *config;
	struct verify_work *work;
	const char *topic;
	uint8_t tag[8];
	struct client asker;
	struct client reader;
	rd_kafka_topic_t *source;
	rd_kafka_queue_t *queue;
	int event_fd;
	struct seen_log *log;
	size_t log_bytes; /* of memory, with nothing in it */
	struct partition *partitions;
	size_t partition_count;
	size_t partition_capacity;
	struct offsets starts; /* that are to be reported */
	struct offsets ends;
	_Bool started; /* the first look was had */
	_Bool closing;
	_Bool complete; /* since it is closing, all partitions were found */
	_Bool moved;    /* since the last report */
	_Bool more;     /* there was more to be read */
	uint64_t moved_ns;
	uint64_t next_look_ns;
	uint64_t next_report_ns;
};

/* A partition that is read from `position` on, its start being known. 0, -ENOMEM, or -ERANGE: it can't be one. */
int verifier_open_partition(struct verifier *verifier, uint32_t number, uint64_t position);
_Bool verifier_is_known(const struct verifier *verifier, uint32_t number);
/* It is read up to `position`; a lower one than known changes nothing. */
void verifier_move(struct verifier *verifier, struct partition *partition, uint64_t position);
/* True if it is read up to its end; a partition that isn't known needs no reading. */
_Bool verifier_is_read(const struct partition *partition);
size_t verifier_count_unread(const struct verifier *verifier);

/* The first look: all partitions begin where they end now. 0, 1 (it failed) or -ENOMEM. Blocks up to some seconds, as
 * the other one. */
int verifier_look_first(struct verifier *verifier);
/* Finds further partitions, and the ends when it is closing. 0 or -ENOMEM. */
int verifier_look(struct verifier *verifier);
