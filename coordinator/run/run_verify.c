/* SPDX-License-Identifier: Apache-2.0 */
/* Verifiers: duties that read a topic beside those who produce to it, and report what they see.
 *
 * Each is given to one agent when all are ready; T0 waits until it has told where the partitions begin. A report is
 * journaled, and only then acknowledged; it must go on where the one before ended, in every partition. So whoever takes
 * a verifier over (its agent was lost, or leaves) goes on at the journaled positions, and no message is seen by two of
 * them. Each time a verifier is given it gets the next reader's number; another reader's reports are not taken any
 * more.
 *
 * When every agent is done or lost, the verifiers are told that all is delivered: they take the partitions' ends, read
 * up to them, and are over. That they are told again, each second, as any message may be lost. */
#include "coordinator/run/run_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/units.h"
#include "common/stats/ledger_delta.h"

#define NOBODY UINT32_MAX
#define VERIFY_STALLED_NS (120 * NS_PER_S) /* a verifier that gets no further is given up */
#define VERIFY_AGAIN_NS NS_PER_S           /* what is waited for is told again this often */

int run_verify_init(struct run *run)
{
	run->verify.items = calloc(run->config.plan->duty_count + 1, sizeof(*run->verify.items));
	return run->verify.items ? 0 : -ENOMEM;
}

void run_verify_deinit(struct run *run)
{
	for (uint32_t i = 0; run->verify.items && i < run->config.plan->duty_count; i++) {
		free(run->verify.items[i].positions);
		free(run->verify.items[i].problem);
	}
	free(run->verify.items);
}

static uint32_t next_open(const struct run *run, uint32_t from)
{
	return run_next_duty(run, DUTY_VERIFIER, from);
}

_Bool run_has_verifier(const struct run *run)
{
	return next_open(run, 0) != NOBODY;
}

_Bool run_verifies(const struct run *run, uint32_t agent)
{
	for (uint32_t i = next_open(run, 0); i != NOBODY; i = next_open(run, i + 1))
		if (run->duties.items[i].agent == agent)
			return 1;
	return 0;
}

_Bool run_is_verifying(const struct run *run)
{
	return run->verify.closing && run_has_verifier(run);
}

/* ---- what was seen ---- */

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

/* ---- giving, and telling ---- */

void run_fill_verifiers(const struct run *run, uint32_t agent, struct message_duty *message)
{
	message->closing = run->verify.closing;
	for (uint32_t i = next_open(run, 0); i != NOBODY; i = next_open(run, i + 1)) {
		const struct run_verifier *verifier = &run->verify.items[i];

		if (run->duties.items[i].agent != agent)
			continue;
		message->verifiers[message->verifier_count++] =
		        (struct wire_verifier){.duty = i,
		                               .reader = verifier->reader,
		                               .resumes = verifier->begun,
		                               .positions = verifier->positions,
		                               .position_count = verifier->position_count};
	}
}

/* A new reader of this agent. */
static void begin_reader(struct run_verifier *verifier)
{
	verifier->reader++;
	verifier->seq = 0;
}

static int give(struct run *run, uint32_t duty, uint32_t agent, uint64_t now_ns)
{
	uint32_t before = run->duties.items[duty].agent;
	int r = run_give_duty(run, duty, agent, now_ns);

	if (r < 0)
		return r;
	begin_reader(&run->verify.items[duty]);
	if (before != NOBODY && before != agent && roster_get(run->roster, before)->state != AGENT_LOST)
		run_send_duties(run, before);
	run_send_duties(run, agent);
	if (before != NOBODY)
		run_release_leaver(run, before);
	return 0;
}

/* True while its reader goes on there, as far as is known. */
static _Bool reads_on(struct run *run, uint32_t agent, uint64_t now_ns)
{
	const struct roster_agent *holder = agent == NOBODY ? NULL : roster_get(run->roster, agent);

	if (!holder || holder->released || holder->state == AGENT_LOST)
		return 0;
	return holder->state != AGENT_DONE || run_is_heard(run, holder, now_ns);
}

static int finish(struct run *run, uint32_t duty, const char *problem, uint64_t now_ns)
{
	char text[RUN_TEXT_SIZE];

	snprintf(text, sizeof(text), "%.*s", RUN_TEXT_SIZE - 1, problem);
	return run_finish_duty(run, duty, text, now_ns);
}

/* Has somebody do it, if there is one; 1: nobody does. */
static int keep_going(struct run *run, uint32_t duty, uint64_t now_ns)
{
	uint32_t agent = run->duties.items[duty].agent, other;

	/* The journal ended between its last word and our own. */
	if (run->verify.items[duty].problem)
		return finish(run, duty, run->verify.items[duty].problem, now_ns);
	if (reads_on(run, agent, now_ns) && !roster_get(run->roster, agent)->leaving)
		return 0;
	/* One that leaves reads on until somebody takes over. */
	other = run_find_able(run, DUTY_VERIFIER, now_ns);
	if (other != NOBODY) {
		run->verify.items[duty].deadline_ns = now_ns + VERIFY_STALLED_NS;
		return give(run, duty, other, now_ns);
	}
	return reads_on(run, agent, now_ns) ? 0 : 1;
}

/* Those of whom something is waited for hear again what; who hasn't been heard since a resume is told all then. */
static void tell_again(struct run *run, uint64_t now_ns)
{
	if (now_ns < run->verify.next_send_ns)
		return;
	run->verify.next_send_ns = now_ns + VERIFY_AGAIN_NS;
	for (uint32_t agent = 0; agent < roster_count(run->roster); agent++) {
		_Bool waited = 0;

		for (uint32_t i = next_open(run, 0); i != NOBODY; i = next_open(run, i + 1))
			waited |= run->duties.items[i].agent == agent &&
			          (run->verify.closing || run->verify.items[i].seq == 0);
		if (waited && roster_get(run->roster, agent)->state != AGENT_LOST &&
		    !roster_get(run->roster, agent)->unheard)
			run_send_duties(run, agent);
	}
}

/* ---- as time passes ---- */

static int stop_unbegun(struct run *run, uint32_t duty, uint64_t now_ns)
{
	char text[RUN_TEXT_SIZE], wait[32];

	snprintf(text, sizeof(text), "%s did not begin within %s", run->config.plan->duties[duty].name,
	         units_format_duration(VERIFY_STALLED_NS, wait, sizeof(wait)));
	return run_stop(run, STOP_AGENT_FAILED, 0, NAN, now_ns, text);
}

int run_begin_verifiers(struct run *run, uint64_t now_ns)
{
	_Bool waits = 0;

	for (uint32_t i = next_open(run, 0); i != NOBODY; i = next_open(run, i + 1)) {
		int r = keep_going(run, i, now_ns);

		if (r < 0)
			return r;
		waits |= !run->verify.items[i].begun;
		if (!run->verify.items[i].begun && r == 0 && now_ns >= run->verify.items[i].deadline_ns)
			return stop_unbegun(run, i, now_ns);
	}
	tell_again(run, now_ns);
	return !waits;
}

int run_share_verifiers(struct run *run, uint64_t now_ns)
{
	int r = 0;

	for (uint32_t i = next_open(run, 0); r >= 0 && i != NOBODY; i = next_open(run, i + 1))
		r = keep_going(run, i, now_ns);
	tell_again(run, now_ns);
	return r < 0 ? r : 0;
}

static void close_all(struct run *run, uint64_t now_ns)
{
	uint32_t count = 0;

	for (uint32_t i = next_open(run, 0); i != NOBODY; i = next_open(run, i + 1), count++)
		run->verify.items[i].deadline_ns = now_ns + VERIFY_STALLED_NS;
	run->verify.closing = 1;
	run->verify.next_send_ns = now_ns;
	run_tell(run, 0, "verifying what was produced to %u topic%s", count, count == 1 ? "" : "s");
}

static int give_up(struct run *run, uint32_t duty, const char *problem, uint64_t now_ns)
{
	run_tell(run, 1, "%s: %s", run->config.plan->duties[duty].name, problem);
	return finish(run, duty, problem, now_ns);
}

static int end_one(struct run *run, uint32_t duty, uint64_t now_ns)
{
	char text[64], wait[32];
	int r;

	if (now_ns >= run->verify.items[duty].deadline_ns) {
		snprintf(text, sizeof(text), "it got no further for %s",
		         units_format_duration(VERIFY_STALLED_NS, wait, sizeof(wait)));
		return give_up(run, duty, text, now_ns);
	}
	r = keep_going(run, duty, now_ns);
	return r == 1 ? give_up(run, duty, "no agent is left that could do it", now_ns) : r;
}

int run_end_verifiers(struct run *run, uint64_t now_ns)
{
	int r = 0;

	if (!run_has_verifier(run))
		return 1;
	if (!run->verify.closing)
		close_all(run, now_ns);
	for (uint32_t i = next_open(run, 0); r == 0 && i != NOBODY; i = next_open(run, i + 1))
		r = end_one(run, i, now_ns);
	if (r < 0)
		return r;
	tell_again(run, now_ns);
	return !run_has_verifier(run);
}

int run_give_up_verifiers(struct run *run, const char *problem, uint64_t now_ns)
{
	int r = 0;

	for (uint32_t i = next_open(run, 0); r == 0 && i != NOBODY; i = next_open(run, i + 1))
		r = give_up(run, i, problem, now_ns);
	return r;
}

void run_forgive_verifiers(struct run *run, uint64_t gap_ns)
{
	for (uint32_t i = next_open(run, 0); i != NOBODY; i = next_open(run, i + 1))
		run->verify.items[i].deadline_ns += gap_ns;
}

void run_reopen_verifiers(struct run *run)
{
	for (uint32_t i = 0; i < run->config.plan->duty_count; i++) {
		if (run->config.plan->duties[i].kind != DUTY_VERIFIER)
			continue;
		run->duties.items[i] = (struct run_duty){.agent = NOBODY};
		free(run->verify.items[i].problem);
		run->verify.items[i].problem = NULL;
	}
	run->verify.closing = 0;
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
	return able == NOBODY ? 0 : give(run, seen->duty, able, now_ns);
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
		verifier->deadline_ns = now_ns + VERIFY_STALLED_NS;
	acknowledge(run, index, seen);
	if (!seen->over)
		return 0;
	r = finish(run, seen->duty, seen->problem, now_ns);
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

void run_keep_verifier(struct run *run, const struct journal_record *record)
{
	if (run->config.plan->duties[record->duty.duty].kind == DUTY_VERIFIER && record->duty.agent != NOBODY)
		begin_reader(&run->verify.items[record->duty.duty]);
}

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

void run_verifiers_again(struct run *run, uint64_t now_ns)
{
	for (uint32_t i = next_open(run, 0); i != NOBODY; i = next_open(run, i + 1))
		run->verify.items[i].deadline_ns = now_ns + VERIFY_STALLED_NS;
	run->verify.next_send_ns = now_ns;
}
