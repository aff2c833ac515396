/* SPDX-License-Identifier: Apache-2.0 */
/* On an agent: what became of the messages of its streams, held until it is reported. Of one thread. */
#pragma once

#include "common/stats/ledger_delta.h"

struct sent_log;
struct sent_stream;

struct sent_log *sent_log_new(void);
struct sent_log *sent_log_free(struct sent_log *log);
/* A stream, which lives as long as the log; NULL without memory, or for a topic's name that is none. */
struct sent_stream *sent_log_open(struct sent_log *log, uint64_t stream, const char *topic);
/* At a delivery report. O(1) when sequences of a partition come in order. 0, -ENOMEM, -ERANGE (a partition or sequence
 * past its limit), or 1: it was added already. */
int sent_log_add(struct sent_stream *stream, uint32_t partition, enum sent_kind kind, uint64_t sequence);
/* Appends the deltas of all streams that have something, one after the other, and forgets what is in them.
 * Returns how many, or -ENOMEM (nothing is appended and nothing forgotten). */
int sent_log_take(struct sent_log *log, struct buffer *buffer);
size_t sent_log_memory(const struct sent_log *log);
