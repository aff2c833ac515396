/* SPDX-License-Identifier: Apache-2.0 */
/* The run's state machine.
 *
 * gathering   agents say hello and are welcomed; their clocks are measured. Enough of them: the plan is divided.
 * assigned    each agent has the plan and its shares, fetches data files, opens drivers, probes targets, says ready.
 * ready       T0 is set a moment ahead and told to each agent in its own clock.
 * running     snapshots come in: taken, journaled, acknowledged, judged at the watermark.
 * draining    the schedule is over, or a stop was sent: agents finish what is in flight.
 * reporting   every agent is done or lost; the caller makes the report from the journal.
 *
 * Two invariants carry everything. A record is journaled before its effect leaves (a state, a division, T0, an
 * acknowledgement). And every message to an agent can be lost: a hello of a known agent is answered with all that it
 * must know now (catch_up), so no state waits for one delivery. */
#include "coordinator/run/run.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/names.h"
#include "coordinator/run/run_state.h"

static int journal_run(struct run *run)
{
	const struct plan *plan = run->config.plan;
	struct text_pair tags[LIMIT_TAGS];
	uint32_t tag_count = 0;

	for (uint32_t i = 0; i < plan->tags.count && tag_count < LIMIT_TAGS; i++)
		tags[tag_count++] = (struct text_pair){plan->tags.items[i].name, plan->tags.items[i].value};
	return run_journal(run,
	                   &(struct journal_record){.type = JOURNAL_RUN,
	                                            .run = {.id = (char *)run->config.run_id,
	                                                    .name = plan->name,
	                                                    .version = (char *)run->config.version,
	                                                    .plan_sha256 = (char *)plan->sha256,
	                                                    .require_trust = run->config.require_trust,
	                                                    .place = run->config.place,
	                                                    .files = (struct journal_file *)run->config.files,
	                                                    .file_count = run->config.file_count,
	                                                    .plan = (char *)run->config.plan_text,
	                                                    .plan_size = run->config.plan_size,
	                                                    .created_unix_ns = run_wall_ns(run, run->config.now_ns),
	                                                    .tags = tags,
	                                                    .tag_count = tag_count}});
}

static int make_parts(struct run *run)
{
	uint32_t scenarios = run->config.plan->scenario_count;

	run->roster = roster_new();
	run->busy = names_new();
	run->begun_ns = calloc(scenarios ? scenarios : 1, sizeof(*run->begun_ns));
	if (!run->roster || !run->busy || !run->begun_ns)
		return -ENOMEM;
	for (uint32_t i = 0; i < scenarios; i++)
		run->begun_ns[i] = run->config.plan->scenarios[i].start_after == PLAN_NONE
		                           ? run->config.plan->scenarios[i].start_time_ns
		                           : CLOCK_NEVER;
	if (run_make_files(run) < 0 || run_duties_init(run) < 0 || run_verify_init(run) < 0)
		return -ENOMEM;
	return intake_new(&(struct intake_config){.plan = run->config.plan, .journal = run_journal, .context = run},
	                  &run->intake);
}

int run_make(const struct run_config *config, struct run **ret_run)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return -ENOMEM;
	run->config = *config;
	run->gather_deadline_ns = config->now_ns + config->wait_ns;
	run->ready_deadline_ns = CLOCK_NEVER;
	run->drain_deadline_ns = CLOCK_NEVER;
	run->silence_deadline_ns = CLOCK_NEVER;
	run->next_flush_ns = CLOCK_NEVER;
	run->stop_cause = STOP_CAUSE_COUNT;
	r = make_parts(run);
	if (r < 0) {
		run_free(run);
		return r;
	}
	*ret_run = run;
	return 0;
}

int run_new(const struct run_config *config, struct run **ret_run)
{
	struct run *run;
	int r = run_make(config, &run);

	if (r < 0)
		return r;
	r = journal_run(run);
	if (r == 0)
		r = run_enter(run, RUN_GATHERING, config->now_ns);
	if (r < 0) {
		run_free(run);
		return r;
	}
	*ret_run = run;
	return 0;
}

struct run *run_free(struct run *run)
{
	if (!run)
		return NULL;
	run_free_files(run);
	run_duties_deinit(run);
	run_verify_deinit(run);
	division_deinit(&run->division);
	division_free_moves(run->moves, (uint32_t)run->move_count);
	free(run->extras);
	free(run->counted);
	intake_free(run->intake);
	roster_free(run->roster);
	names_free(run->busy);
	free(run->begun_ns);
	free(run);
	return NULL;
}

static int take_message(struct run *run, uint32_t index, struct message *message, uint64_t now_ns)
{
	switch (message->type) {
	case MESSAGE_PONG:
		return run_take_pong(run, index, &message->pong, now_ns);
	case MESSAGE_FETCH:
		return run_answer_fetch(run, index, &message->fetch, now_ns);
	case MESSAGE_READY:
		return run_take_ready(run, index, &message->ready);
	case MESSAGE_FAILED:
		/* One that is done has let go of the run: a teardown needs another one. */
		if (roster_get(run->roster, index)->state == AGENT_DONE)
			roster_get(run->roster, index)->released = 1;
		return run_lose_for_good(run, index, now_ns, message->failed.text);
	case MESSAGE_SNAPSHOT:
		return run_take_snapshot(run, index, &message->snapshot, now_ns);
	case MESSAGE_DONE:
		return run_take_done(run, index, &message->done);
	case MESSAGE_LEAVE:
		return run_take_leave(run, index, now_ns);
	case MESSAGE_VALUE:
		return run_take_value(run, index, &message->value, now_ns);
	case MESSAGE_SEEN:
		return run_take_seen(run, index, &message->seen, now_ns);
	default:
		run_grumble(run, now_ns, "agent %s sent a message of type %s, ignoring",
		            roster_get(run->roster, index)->name, message_type_names[message->type]);
		return 0;
	}
}

int run_message(struct run *run, struct message *message, uint64_t now_ns)
{
	uint32_t index = roster_find(run->roster, &message->incarnation);
	int r;

	if (message->type == MESSAGE_HELLO)
		return run->state < RUN_REPORTING ? run_take_hello(run, message, now_ns) : 0;
	if (index == NAMES_NONE || strcmp(message->run_id, run->config.run_id) != 0 || run->state >= RUN_REPORTING)
		return 0;
	r = run_hear(run, index, now_ns);
	return r == 0 ? take_message(run, index, message, now_ns) : r;
}

int run_tick(struct run *run, uint64_t now_ns)
{
	int r = 0;

	run_forgive(run, now_ns);
	if (run->state < RUN_REPORTING)
		run_ping(run, now_ns);
	if (run->state < RUN_RUNNING)
		r = run_end_for_the_lost(run, now_ns);
	if (r < 0)
		return r;
	switch (run->state) {
	case RUN_GATHERING:
		return run_gather(run, now_ns);
	case RUN_ASSIGNED:
		r = run_lose_the_silent(run, now_ns);
		return r == 0 && run->state == RUN_ASSIGNED ? run_await_ready(run, now_ns) : r;
	case RUN_RUNNING:
	case RUN_DRAINING:
		return run_on(run, now_ns);
	default:
		return 0;
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Once a deadline has passed, there is nothing to wake up for: what had to be done about it is done. */
static uint64_t ahead(const struct run *run, uint64_t deadline_ns)
{
	return deadline_ns > run->last_tick_ns ? deadline_ns : CLOCK_NEVER;
}

uint64_t run_next_ns(const struct run *run)
{
	uint64_t next = earlier(run->next_flush_ns, ahead(run, run->drain_deadline_ns));

	next = earlier(next, ahead(run, run->silence_deadline_ns));
	if (run->state == RUN_GATHERING)
		next = earlier(next, run->gather_deadline_ns);
	if (run->state == RUN_ASSIGNED)
		next = earlier(next, ahead(run, run->ready_deadline_ns));
	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		const struct roster_agent *agent = roster_get(run->roster, i);

		if (!agent->released && !agent->exited)
			next = earlier(next, agent->next_ping_ns);
	}
	return next;
}

int run_interrupt(struct run *run, uint64_t now_ns)
{
	return run->state < RUN_REPORTING ? run_stop(run, STOP_INTERRUPTED, 0, NAN, now_ns, "interrupted by the user")
	                                  : 0;
}

int run_child_exited(struct run *run, uint64_t pid, const char *how, uint64_t now_ns)
{
	int r;

	if (run->state >= RUN_REPORTING)
		return 0;
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (roster_get(run->roster, i)->hello.pid == pid) {
			r = run->state >= RUN_RUNNING ? run_flush(run, now_ns) : 0;
			roster_get(run->roster, i)->exited = 1;
			return r < 0 ? r : run_lose_for_good(run, i, now_ns, how);
		}
	return run->state == RUN_GATHERING ? run_too_few(run, how, now_ns) : 0;
}

void run_abandon(struct run *run, uint64_t now_ns)
{
	if (run->stop_cause == STOP_CAUSE_COUNT)
		run->stop_at_ns = run_since_t0_ns(run, now_ns);
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		run_send_stop(run, roster_get(run->roster, i));
}

int run_end_now(struct run *run, uint64_t now_ns)
{
	int r = 0;

	if (run->state >= RUN_REPORTING)
		return 0;
	if (run->state >= RUN_RUNNING)
		r = run_flush(run, now_ns);
	for (uint32_t i = 0; r == 0 && i < roster_count(run->roster); i++)
		r = run_journal_status(run, i, now_ns);
	if (r == 0 && run->t0_ns)
		r = run_give_up_verifiers(run, "the run was ended before everything was read", now_ns);
	if (r == 0)
		run_release(run);
	return r < 0 ? r : run_enter(run, RUN_REPORTING, now_ns);
}

int run_reported(struct run *run, uint64_t now_ns)
{
	assert(run->state == RUN_REPORTING);
	return run_enter(run, RUN_DONE, now_ns);
}

enum run_state run_state(const struct run *run)
{
	return run->state;
}

_Bool run_started(const struct run *run)
{
	return run->t0_ns != 0;
}

uint64_t run_t0_ns(const struct run *run)
{
	return run->t0_ns;
}

enum stop_cause run_stop_cause(const struct run *run)
{
	return run->stop_cause;
}

const char *run_stop_text(const struct run *run)
{
	return run->stop_text;
}

struct roster *run_roster(struct run *run)
{
	return run->roster;
}
