/* SPDX-License-Identifier: Apache-2.0 */
/* The account of every message: what was acknowledged, what was seen again, and what follows from the two. Pure; the
 * same from the same deltas, whether they come from agents or from the journal.
 *
 * Deltas of sent messages may come in any order; those of a partition in the order of its offsets. Sequences, which
 * alone grow with messages, take at most 2 bits a message in any pattern: one set of what was reported and one of what
 * was seen. Of messages in aborted transactions there is a third set, which takes next to nothing where transactions
 * hold more than a few messages. It stays 2 bits wherever each message of a chunk was reported, for then the first set
 * takes nothing, and never gets more than 3. */
#pragma once

#include "common/stats/ledger_delta.h"

struct ledger;

/* Why a seen delta was not taken. */
enum ledger_outcome {
	LEDGER_REPEATED =
	        1,      /* it begins before the last one's end: its messages are counted, or another's delta has them */
	LEDGER_GAP = 2, /* one before it is missing: read again from ledger_position() on */
	LEDGER_UNKNOWN = 3, /* the partition's start was not recorded */
	LEDGER_OTHERS = 4,  /* another reader has taken the partition over */
};

/* Of a topic, of some streams, or of all. */
struct ledger_counts {
	uint64_t acked;
	uint64_t aborted;
	uint64_t failed;     /* reported as failed after it was sent */
	uint64_t seen;       /* distinct messages */
	uint64_t lost;       /* acknowledged and not seen, in partitions that were read to their end */
	uint64_t unread;     /* acknowledged and not seen so far, in others: nothing is known of them */
	uint64_t duplicated; /* copies after a message's first */
	uint64_t reordered;  /* messages that came after one of their stream and partition with a higher sequence */
	uint64_t aborted_visible;
	uint64_t unacked_visible;               /* neither reported as acknowledged nor as aborted */
	uint64_t foreign, damaged;              /* of no stream */
	uint64_t partitions, partitions_unread; /* likewise */
};

/* A partition that something is known of. */
struct ledger_partition {
	const char *topic;
	uint32_t topic_id; /* topics and partitions are numbered from 0 as they are first heard of */
	uint32_t partition;
	uint64_t reader;
	uint64_t start, position, end; /* position: up to where it was read */
	_Bool has_start, has_end;
	uint64_t foreign, damaged;
};

/* An acknowledged message that was not seen. */
struct ledger_missing {
	uint64_t stream;
	uint64_t sequence;
	const char *topic; /* the ledger's */
	uint32_t partition;
	uint64_t when; /* of the delta that acknowledged it, in the caller's unit */
};

struct ledger *ledger_new(void);
struct ledger *ledger_free(struct ledger *ledger);

/* A partition is accounted for from this offset on. 0, -ENOMEM, -ERANGE, or LEDGER_REPEATED (it has a start already,
 * which stays). */
int ledger_start(struct ledger *ledger, const char *topic, uint32_t partition, uint64_t offset);
/* Its end after the last message was sent. The last call counts. 0, -ENOMEM or -ERANGE. */
int ledger_end(struct ledger *ledger, const char *topic, uint32_t partition, uint64_t offset);
/* From now on only deltas of `reader` are taken (0 has a partition at first); it must begin at *ret_offset. What
 * another has read past that, and reports late, would leave the new one's deltas beside the position for good.
 * 0 or LEDGER_UNKNOWN. */
int ledger_take_over(struct ledger *ledger, const char *topic, uint32_t partition, uint64_t reader,
                     uint64_t *ret_offset);

/* 0 or -ENOMEM (the ledger is then good for nothing but ledger_free()). A repeated delta changes nothing but the count
 * of the failed. Whether the agent may speak of this stream is the caller's to check. */
int ledger_add_sent(struct ledger *ledger, const struct sent_delta *delta);
/* 0, -ENOMEM as above, or a ledger_outcome: nothing of it was counted. */
int ledger_add_seen(struct ledger *ledger, const struct seen_delta *delta);

/* Of the topic, or of all for NULL. */
void ledger_count(const struct ledger *ledger, const char *topic, struct ledger_counts *ret_counts);
/* True for a stream in a topic whose messages are to be counted. */
typedef _Bool ledger_match(void *context, uint64_t stream, const char *topic);
/* Of the streams that match. What is of no stream is 0: what is unread of a stream's partitions, `unread` alone says.
 */
void ledger_count_streams(const struct ledger *ledger, ledger_match *match, void *context,
                          struct ledger_counts *ret_counts);
/* All partitions, in the order in which they were first heard of; valid until the ledger is added to. */
const struct ledger_partition *ledger_partitions(const struct ledger *ledger, size_t *ret_count);
/* The partition, or NULL. */
const struct ledger_partition *ledger_find_partition(const struct ledger *ledger, const char *topic,
                                                     uint32_t partition);
/* True when it was read up to its end: only then can messages be called lost. */
_Bool ledger_is_read(const struct ledger_partition *partition);

/* The second pass, when all deltas are in and some messages were lost: looks through a sent delta again and appends its
 * lost messages to `missing`, of which *count are filled, up to `max`. Given the deltas in the order of their time, it
 * gathers the first ones. Returns how many were appended. */
size_t ledger_find(const struct ledger *ledger, const struct sent_delta *delta, uint64_t when,
                   struct ledger_missing *missing, size_t max, size_t *count);

/* Bytes of memory of the sets of sequences, and of the tables. */
size_t ledger_memory(const struct ledger *ledger);
