/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the ledger, for ledger.c and ledger_result.c alone. */
#pragma once

#include "common/base/names.h"
#include "common/stats/ledger.h"

struct ledger_stream {
	struct sequences told; /* acknowledged or aborted */
	struct sequences aborted;
	struct sequences seen;
};

/* Keys are structs without padding. */
struct stream_key {
	uint64_t stream, topic;
};

struct partition_key {
	uint32_t topic, partition;
};

struct lane_key {
	uint32_t stream, partition;
};

/* What is known of a stream in a partition. */
struct ledger_lane {
	uint64_t height; /* the highest sequence seen, + 1 */
	/* Of which acknowledged and aborted ones those that were seen. */
	uint64_t acked, acked_seen, aborted, aborted_seen;
	uint64_t failed, seen, duplicated, reordered;
};

struct ledger {
	struct names *topics;
	struct names *partition_ids, *stream_ids, *lane_ids;
	struct ledger_partition *partitions;
	size_t partition_count, partition_capacity;
	struct ledger_stream *streams;
	size_t stream_count, stream_capacity;
	struct ledger_lane *lanes;
	size_t lane_count, lane_capacity;
};
