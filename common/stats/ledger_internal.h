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

struct height_key {
	uint32_t stream, partition;
};

struct ledger {
	struct names *topics;
	struct names *partition_ids, *stream_ids, *height_ids;
	struct ledger_partition *partitions;
	size_t partition_count, partition_capacity;
	struct ledger_stream *streams;
	size_t stream_count, stream_capacity;
	uint64_t *heights; /* the highest sequence seen of a stream in a partition, + 1 */
	size_t height_count, height_capacity;
};
