/* SPDX-License-Identifier: Apache-2.0 */
/* What agents report to the ledger: of a stream what became of its messages, of a partition what a verifier saw in it.
 * Pure.
 *
 * As bytes, on the wire and in the journal (numbers are varints, sets as in sequences.h, parts end where said):
 *   sent: agent, stream's number, topic (length and bytes), parts; each: 4 * partition + kind, set
 *   seen: topic, partition, reader, offset_from, offset_to - offset_from, foreign, damaged, parts; each: agent,
 *         stream's number, repeated, set in order, set of late ones
 *
 * A decoder allocates a small multiple of the bytes that it reads, at most. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/stats/sequences.h"

enum {
	LEDGER_TOPIC_MAX = 249, /* bytes: Kafka's own limit */
	LEDGER_PARTITIONS_MAX = 1000000,
};

/* What became of a message by its delivery report, and its transaction's end. */
enum sent_kind {
	SENT_ACKED,
	SENT_ABORTED, /* acknowledged, in a transaction that was aborted */
	SENT_FAILED,  /* it may be in the topic all the same */
	SENT_KIND_COUNT,
};

struct sent_part {
	uint32_t partition;
	enum sent_kind kind;
	struct sequences set;
};

struct sent_delta {
	uint64_t stream;
	char *topic;
	struct sent_part *parts;
	size_t part_count;
	size_t part_capacity;
};

/* Of a stream, in a partition: a message is late if one with a higher sequence came before it in the same delta. Both
 * sets may have a message: then one of its copies was late. */
struct seen_part {
	uint64_t stream;
	uint64_t highest;  /* of those in order */
	uint64_t repeated; /* copies of messages that were in the same set already */
	struct sequences in_order;
	struct sequences late;
};

struct seen_delta {
	char *topic;
	uint32_t partition;
	uint64_t reader; /* who read: 0, or as ledger_take_over() named it */
	/* What was passed over: from the end of the delta before, up to the next offset to read. */
	uint64_t offset_from, offset_to;
	uint64_t foreign; /* messages without a stamp of this run */
	uint64_t damaged;
	struct seen_part *parts;
	size_t part_count;
	size_t part_capacity;
};

void sent_delta_deinit(struct sent_delta *delta);
/* Leaves out parts that are empty. What fails is kept in the buffer. */
void sent_delta_encode(const struct sent_delta *delta, struct buffer *buffer);
/* Reads one, which the caller deinits. 0, -ENOMEM or -EBADMSG. */
int sent_delta_decode(struct reader *reader, struct sent_delta *ret_delta);

void seen_delta_deinit(struct seen_delta *delta);
/* Likewise. */
void seen_delta_encode(const struct seen_delta *delta, struct buffer *buffer);
/* Refuses (-EBADMSG) also one that has more messages than offsets. */
int seen_delta_decode(struct reader *reader, struct seen_delta *ret_delta);
