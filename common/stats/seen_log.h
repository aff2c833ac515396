/* SPDX-License-Identifier: Apache-2.0 */
/* On an agent: what its verifiers saw, in offset order by partition, held until it is reported. Of one thread. */
#pragma once

#include "common/stats/ledger_delta.h"
#include "common/stats/stamp.h"

struct seen_log;
struct seen_partition;

struct seen_log *seen_log_new(void);
struct seen_log *seen_log_free(struct seen_log *log);
/* A partition that is read from `offset` on, as `reader` (which ledger_take_over() named, or 0). NULL without memory,
 * or for a topic or partition that is none. */
struct seen_partition *seen_log_open(struct seen_log *log, const char *topic, uint32_t partition, uint64_t reader,
                                     uint64_t offset);
/* Forgets it with what was not taken; another reader will see that again. Accepts NULL. */
void seen_log_close(struct seen_log *log, struct seen_partition *partition);
/* A message: `outcome` is what stamp_read() returned, `stamp` what it gave (unused with an outcome other than 0).
 * Offsets between the last one and this one held none for a reader (ends of transactions, what was deleted or
 * compacted). 0, -ENOMEM, -ERANGE (an offset or sequence past its limit), or 1: the offset was passed already, ignoring
 * it. */
int seen_log_add(struct seen_partition *partition, uint64_t offset, int outcome, const struct stamp *stamp);
/* The reader is at this offset, though no message of the offsets before came. A lower one than known changes nothing.
 */
void seen_log_pass(struct seen_partition *partition, uint64_t offset);
/* Appends the deltas of all partitions that got on, and forgets what is in them. Returns how many, or -ENOMEM (nothing
 * is appended and nothing forgotten). */
int seen_log_take(struct seen_log *log, struct buffer *buffer);
size_t seen_log_memory(const struct seen_log *log);
