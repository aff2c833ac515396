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

#include "common/base/units.h"

#define NOBODY UINT32_MAX
#define VERIFY_AGAIN_NS NS_PER_S /* what is waited for is told again this often */

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

int run_give_verifier(struct run *run, uint32_t duty, uint32_t agent, uint64_t now_ns)
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

/* Has somebody do it, if there is one; 1: nobody does. */
static int keep_going(struct run *run, uint32_t duty, uint64_t now_ns)
{
	uint32_t agent = run->duties.items[duty].agent, other;

	/* The journal ended between its last word and our own. */
	if (run->verify.items[duty].problem)
		return run_finish_duty(run, duty, run->verify.items[duty].problem, now_ns);
	if (reads_on(run, agent, now_ns) && !roster_get(run->roster, agent)->leaving)
		return 0;
	/* One that leaves reads on until somebody takes over. */
	other = run_find_able(run, DUTY_VERIFIER, now_ns);
	if (other != NOBODY) {
		run->verify.items[duty].deadline_ns = now_ns + RUN_VERIFY_NS;
		return run_give_verifier(run, duty, other, now_ns);
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
	         units_format_duration(RUN_VERIFY_NS, wait, sizeof(wait)));
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
		run->verify.items[i].deadline_ns = now_ns + RUN_VERIFY_NS;
	run->verify.closing = 1;
	run->verify.next_send_ns = now_ns;
	run_tell(run, 0, "verifying what was produced to %u topic%s", count, count == 1 ? "" : "s");
}

static int give_up(struct run *run, uint32_t duty, const char *problem, uint64_t now_ns)
{
	run_tell(run, 1, "%s: %s", run->config.plan->duties[duty].name, problem);
	return run_finish_duty(run, duty, problem, now_ns);
}

static int end_one(struct run *run, uint32_t duty, uint64_t now_ns)
{
	char text[64], wait[32];
	int r;

	if (now_ns >= run->verify.items[duty].deadline_ns) {
		snprintf(text, sizeof(text), "it got no further for %s",
		         units_format_duration(RUN_VERIFY_NS, wait, sizeof(wait)));
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

/* ---- a resume ---- */

void run_keep_verifier(struct run *run, const struct journal_record *record)
{
	if (run->config.plan->duties[record->duty.duty].kind == DUTY_VERIFIER && record->duty.agent != NOBODY)
		begin_reader(&run->verify.items[record->duty.duty]);
}

void run_verifiers_again(struct run *run, uint64_t now_ns)
{
	for (uint32_t i = next_open(run, 0); i != NOBODY; i = next_open(run, i + 1))
		run->verify.items[i].deadline_ns = now_ns + RUN_VERIFY_NS;
	run->verify.next_send_ns = now_ns;
}
