/* SPDX-License-Identifier: Apache-2.0 */
/* What verifiers see: a report is held against the positions that the journal ends with, journaled, and only then
 * acknowledged. Who has a verifier is run_verify.c's. */
#include "coordinator/run/run_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/stats/ledger_delta.h"

#define NOBODY UINT32_MAX

/* ---- positions ---- */

static int compare_offsets(const void *left, const void *right)
{
	const struct wire_offset *a = left, *b = right;

	return a->partition < b->partition ? -1 : a->partition > b->partition;
}

/* The positions with new partitions' starts among them, in a copy. -EBADMSG if a partition has two. */
static int add_starts(const struct run_verifier *verifier, const struct wire_offset *starts, uint32_t count,
                      struct wire_offset **ret_positions)
{
	uint32_t all = verifier->position_count + count;
	struct wire_offset *positions cleanup(cleanup_free) = calloc((size_t)all + 1, sizeof(*positions));

	if (!positions)
		return -ENOMEM;
	if (verifier->position_count > 0)
		memcpy(positions, verifier->positions, verifier->position_count * sizeof(*positions));
	if (count > 0)
		memcpy(positions + verifier->position_count, starts, count * sizeof(*positions));
	qsort(positions, all, sizeof(*positions), compare_offsets);
	for (uint32_t i = 1; i < all; i++)
		if (positions[i].partition == positions[i - 1].partition)
			return -EBADMSG;
	*ret_positions = steal(positions);
	return 0;
}

static int advance(struct wire_offset *positions, uint32_t count, const struct seen_delta *delta)
{
	struct wire_offset *at = count > 0 ? bsearch(&(struct wire_offset){.partition = delta->partition}, positions,
	                                             count, sizeof(*positions), compare_offsets)
	                                   : NULL;

	if (!at || at->offset != delta->offset_from)
		return -EBADMSG;
	at->offset = delta->offset_to;
	return 0;
}

static int add_seen(const char *topic, uint64_t number, const uint8_t *seen, size_t size, struct wire_offset *positions,
                    uint32_t count)
{
	struct reader reader = {.data = seen, .size = size};
	int r = 0;

	while (r == 0 && reader.at < reader.size) {
		struct seen_delta delta = {0};

		r = seen_delta_decode(&reader, &delta);
		if (r == 0 && (strcmp(delta.topic, topic) != 0 || delta.reader != number))
			r = -EBADMSG;
		if (r == 0)
			r = advance(positions, count, &delta);
		seen_delta_deinit(&delta);
	}
	return r;
}

/* Where a verifier stands after a report; the caller's, of *ret_count partitions. -EBADMSG if the report doesn't go on
 * where the one before ended; -ENOMEM. */
static int positions_after(const struct run *run, uint32_t duty, const struct wire_offset *starts, uint32_t start_count,
                           const uint8_t *seen, size_t seen_size, struct wire_offset **ret_positions)
{
	const struct run_verifier *verifier = &run->verify.items[duty];
	struct wire_offset *positions cleanup(cleanup_free) = NULL;
	int r = add_starts(verifier, starts, start_count, &positions);

	if (r == 0)
		r = add_seen(run->config.plan->duties[duty].verify.topic, verifier->reader, seen, seen_size, positions,
		             verifier->position_count + start_count);
	if (r < 0)
		return r;
	*ret_positions = steal(positions);
	return 0;
}

static void keep(struct run_verifier *verifier, uint64_t seq, struct wire_offset *positions, uint32_t count)
{
	free(verifier->positions);
	verifier->positions = positions;
	verifier->position_count = count;
	verifier->seq = seq;
	verifier->begun = 1;
}

/* ---- what agents say ---- */

static void acknowledge(struct run *run, uint32_t index, const struct message_seen *seen)
{
	run_send(run, roster_get(run->roster, index),
	         &(struct message){.type = MESSAGE_SEEN_ACK,
	                           .seen_ack = {.duty = seen->duty, .reader = seen->reader, .seq = seen->seq}});
}

static int journal_seen(struct run *run, uint32_t index, const struct message_seen *seen, uint64_t now_ns)
{
	return run_journal(run, &(struct journal_record){.type = JOURNAL_SEEN,
	                                                 .seen = {.duty = seen->duty,
	                                                          .agent = index,
	                                                          .reader = seen->reader,
	                                                          .seq = seen->seq,
	                                                          .at_ns = run_since_t0_ns(run, now_ns),
	                                                          .starts = seen->starts,
	                                                          .start_count = seen->start_count,
	                                                          .ends = seen->ends,
	                                                          .end_count = seen->end_count,
	                                                          .seen = seen->seen,
	                                                          .seen_size = seen->seen_size,
	                                                          .over = seen->over,
	                                                          .problem = seen->problem}});
}

/* What is wrong is read again, by whoever gets it now; not for ever. */
static int refuse(struct run *run, uint32_t index, const struct message_seen *seen, uint64_t now_ns)
{
	uint32_t able;

	run_grumble(run, now_ns, "agent %s sent a report of %s that doesn't go on where the one before ended",
	            roster_get(run->roster, index)->name, run->config.plan->duties[seen->duty].name);
	able = run_find_able(run, DUTY_VERIFIER, now_ns);
	return able == NOBODY ? 0 : run_give_verifier(run, seen->duty, able, now_ns);
}

static int take_next(struct run *run, uint32_t index, const struct message_seen *seen, uint64_t now_ns)
{
	struct run_verifier *verifier = &run->verify.items[seen->duty];
	struct wire_offset *positions;
	/* Before all is told to be over, only what goes wrong ends one. */
	_Bool early = seen->over && !seen->problem[0] && run->state < RUN_DRAINING;
	int r = early || seen->seq != verifier->seq + 1
	                ? -EBADMSG
	                : positions_after(run, seen->duty, seen->starts, seen->start_count, seen->seen, seen->seen_size,
	                                  &positions);

	if (r == -EBADMSG)
		return refuse(run, index, seen, now_ns);
	if (r < 0)
		return r;
	r = journal_seen(run, index, seen, now_ns);
	if (r < 0) {
		free(positions);
		return r;
	}
	keep(verifier, seen->seq, positions, verifier->position_count + seen->start_count);
	if (seen->seen_size > 0 || seen->start_count > 0 || seen->end_count > 0)
		verifier->deadline_ns = now_ns + RUN_VERIFY_NS;
	acknowledge(run, index, seen);
	if (!seen->over)
		return 0;
	r = run_finish_duty(run, seen->duty, seen->problem, now_ns);
	if (r == 0 && seen->problem[0])
		r = run_take_problem(run, seen->duty, index, seen->problem, now_ns);
	if (r == 0)
		run_send_duties(run, index);
	return r;
}

int run_take_seen(struct run *run, uint32_t index, const struct message_seen *seen, uint64_t now_ns)
{
	const struct plan *plan = run->config.plan;
	const struct run_verifier *verifier;

	if (seen->duty >= plan->duty_count || plan->duties[seen->duty].kind != DUTY_VERIFIER) {
		run_send_duties(run, index);
		return 0;
	}
	verifier = &run->verify.items[seen->duty];
	if (run->duties.items[seen->duty].over || run->duties.items[seen->duty].agent != index ||
	    verifier->reader != seen->reader) {
		run_send_duties(run, index);
		return 0;
	}
	if (seen->seq > verifier->seq)
		return take_next(run, index, seen, now_ns);
	acknowledge(run, index, seen);
	return 0;
}

/* ---- a resume ---- */

int run_keep_seen(struct run *run, const struct journal_record *record)
{
	uint32_t duty = record->seen.duty;
	struct run_verifier *verifier;
	struct wire_offset *positions;
	int r;

	if (duty >= run->config.plan->duty_count || run->config.plan->duties[duty].kind != DUTY_VERIFIER)
		return -EBADMSG;
	verifier = &run->verify.items[duty];
	if (record->seen.reader != verifier->reader || record->seen.seq != verifier->seq + 1)
		return -EBADMSG;
	r = positions_after(run, duty, record->seen.starts, record->seen.start_count, record->seen.seen,
	                    record->seen.seen_size, &positions);
	if (r < 0)
		return r;
	keep(verifier, record->seen.seq, positions, verifier->position_count + record->seen.start_count);
	if (!record->seen.over)
		return 0;
	verifier->problem = strdup(record->seen.problem);
	return verifier->problem ? 0 : -ENOMEM;
}
