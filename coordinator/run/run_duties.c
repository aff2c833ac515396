/* SPDX-License-Identifier: Apache-2.0 */
/* Duties: what exactly one agent does at a time.
 *
 * Setups are given to one agent when all are ready; T0 waits for them, and what they found out rides in `start`. It is
 * kept in memory alone: after a resume they are derived again, and told to those who run. Readers are given when the
 * run starts, each to the agent with the fewest duties, and move when their agent is lost, leaves or is done. Teardowns
 * are given when every agent is done or lost; so that one is there, no agent gets its last acknowledgement before.
 * Verifiers are run_verify.c's.
 *
 * Who has what is journaled before it is told. A list of duties can be told again and again; it is, as any message may
 * be lost. */
#include "coordinator/run/run_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/limits.h"
#include "common/base/units.h"

#define NOBODY UINT32_MAX
#define DUTIES_TIMEOUT_NS (10 * 60 * NS_PER_S) /* for all setups, or teardowns, together */
#define DUTIES_AGAIN_NS NS_PER_S               /* a list is told again this often while an answer is waited for */

int run_check(const struct run_config *config, struct failure *failure)
{
	for (uint32_t i = 0; i < config->plan->duty_count && !config->closed_or_loopback; i++) {
		const struct duty *duty = &config->plan->duties[i];

		if (duty->kind == DUTY_SETUP && duty->task == DUTY_TASK_NULL && duty->null.values.count > 0)
			return failure_set_at(failure, -EACCES, config->plan->file, duty->place.line,
			                      duty->place.column,
			                      "setup \"%s\" hands values to all agents, and the link to them is plain "
			                      "text; close it by keys (stampede keys)",
			                      duty->name);
	}
	return 0;
}

int run_duties_init(struct run *run)
{
	uint32_t count = run->config.plan->duty_count;

	run->duties.items = calloc(count + 1, sizeof(*run->duties.items));
	run->duties.deadline_ns = CLOCK_NEVER;
	if (!run->duties.items)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		run->duties.items[i].agent = NOBODY;
	return 0;
}

void run_duties_deinit(struct run *run)
{
	for (size_t i = 0; i < run->duties.value_count; i++) {
		free(run->duties.values[i].name);
		free(run->duties.values[i].value);
	}
	free(run->duties.values);
	free(run->duties.items);
}

static const struct duty *duty_at(const struct run *run, uint32_t duty)
{
	return &run->config.plan->duties[duty];
}

/* ---- giving, and telling ---- */

static int journal_duty(struct run *run, uint32_t duty, uint32_t agent, const char *problem, uint64_t now_ns)
{
	return run_journal(run, &(struct journal_record){.type = JOURNAL_DUTY,
	                                                 .duty = {.duty = duty,
	                                                          .agent = agent,
	                                                          .at_ns = run_since_t0_ns(run, now_ns),
	                                                          .problem = (char *)problem}});
}

int run_give_duty(struct run *run, uint32_t duty, uint32_t agent, uint64_t now_ns)
{
	int r = journal_duty(run, duty, agent, "", now_ns);

	if (r == 0)
		run->duties.items[duty].agent = agent;
	return r;
}

int run_finish_duty(struct run *run, uint32_t duty, const char *problem, uint64_t now_ns)
{
	int r = journal_duty(run, duty, NOBODY, problem, now_ns);

	if (r < 0)
		return r;
	run->duties.items[duty] = (struct run_duty){.agent = NOBODY, .over = 1};
	return 0;
}

void run_send_duties(struct run *run, uint32_t index)
{
	struct wire_verifier verifiers[LIMIT_PLAN_DUTIES];
	uint32_t duties[LIMIT_PLAN_DUTIES], count = 0;
	struct message message = {.type = MESSAGE_DUTY, .duty = {.duties = duties, .verifiers = verifiers}};

	for (uint32_t i = 0; i < run->config.plan->duty_count && count < LIMIT_PLAN_DUTIES; i++)
		if (!run->duties.items[i].over && run->duties.items[i].agent == index &&
		    duty_at(run, i)->kind != DUTY_VERIFIER)
			duties[count++] = i;
	message.duty.duty_count = count;
	run_fill_verifiers(run, index, &message.duty);
	run_send(run, roster_get(run->roster, index), &message);
}

static void send_values(struct run *run, uint32_t index, uint32_t duty)
{
	run_send(run, roster_get(run->roster, index),
	         &(struct message){.type = MESSAGE_VALUE,
	                           .value = {.duty = duty,
	                                     .problem = (char *)"",
	                                     .values = run->duties.values,
	                                     .value_count = run->duties.value_count}});
}

void run_send_values_again(struct run *run, uint32_t index)
{
	if (run->duties.derived_again)
		send_values(run, index, 0);
}

/* ---- setups and teardowns ---- */

uint32_t run_next_duty(const struct run *run, enum duty_kind kind, uint32_t from)
{
	for (uint32_t i = from; i < run->config.plan->duty_count; i++)
		if (duty_at(run, i)->kind == kind && !run->duties.items[i].over)
			return i;
	return NOBODY;
}

_Bool run_is_heard(const struct run *run, const struct roster_agent *agent, uint64_t now_ns)
{
	return !agent->exited && now_ns < agent->last_heard_ns + run->config.plan->lost_after_ns;
}

_Bool run_can_do(struct run *run, enum duty_kind kind, uint32_t index, uint64_t now_ns)
{
	const struct roster_agent *agent = roster_get(run->roster, index);

	switch (kind) {
	case DUTY_SETUP:
		return run->t0_ns ? agent->state == AGENT_RUNNING && !agent->leaving && !agent->done_told
		                  : agent->state == AGENT_READY;
	case DUTY_READER:
		return agent->state == AGENT_RUNNING && !agent->leaving && !agent->done_told;
	case DUTY_VERIFIER:
		if (agent->leaving)
			return 0;
		if (!run->t0_ns)
			return agent->state == AGENT_READY;
		return agent->state == AGENT_RUNNING ||
		       (agent->state == AGENT_DONE && !agent->released && run_is_heard(run, agent, now_ns));
	case DUTY_TEARDOWN:
		return agent->state == AGENT_DONE && !agent->released && run_is_heard(run, agent, now_ns);
	default:
		return 0;
	}
}

static uint32_t count_duties(const struct run *run, uint32_t agent)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < run->config.plan->duty_count; i++)
		count += !run->duties.items[i].over && run->duties.items[i].agent == agent;
	return count;
}

/* One that is at its end takes up no reader. */
uint32_t run_find_able(struct run *run, enum duty_kind kind, uint64_t now_ns)
{
	uint32_t best = NOBODY;

	for (uint32_t i = 0; i < roster_count(run->roster); i++) {
		if (!run_can_do(run, kind, i, now_ns) || (kind == DUTY_READER && roster_get(run->roster, i)->final_seq))
			continue;
		if (best == NOBODY || count_duties(run, i) < count_duties(run, best))
			best = i;
	}
	return best;
}

/* All that are open of a kind go to one agent. */
static int give_all(struct run *run, enum duty_kind kind, uint32_t agent, uint64_t now_ns)
{
	int r = 0;

	for (uint32_t i = run_next_duty(run, kind, 0); r == 0 && i != NOBODY; i = run_next_duty(run, kind, i + 1))
		r = run_give_duty(run, i, agent, now_ns);
	if (r < 0)
		return r;
	run->duties.deadline_ns = now_ns + DUTIES_TIMEOUT_NS;
	run->duties.next_send_ns = now_ns;
	return 0;
}

static int finish_all(struct run *run, enum duty_kind kind, const char *problem, uint64_t now_ns)
{
	int r = 0;

	for (uint32_t i = run_next_duty(run, kind, 0); r == 0 && i != NOBODY; i = run_next_duty(run, kind, i + 1)) {
		run_tell(run, 1, "%s: %s", duty_at(run, i)->name, problem);
		r = run_finish_duty(run, i, problem, now_ns);
	}
	run->duties.deadline_ns = CLOCK_NEVER;
	return r;
}

int run_take_problem(struct run *run, uint32_t duty, uint32_t index, const char *problem, uint64_t now_ns)
{
	char text[RUN_TEXT_SIZE];

	snprintf(text, sizeof(text), "%s failed on agent %s: %.*s", duty_at(run, duty)->name,
	         roster_get(run->roster, index)->name, 800, problem);
	if (!run->t0_ns)
		return run_stop(run, STOP_AGENT_FAILED, 0, NAN, now_ns, text);
	run_tell(run, 1, "%s", text);
	return 0;
}

static int do_duties(struct run *run, enum duty_kind kind, uint64_t now_ns)
{
	uint32_t first = run_next_duty(run, kind, 0), agent;
	int r = 0;

	if (first == NOBODY) {
		run->duties.deadline_ns = CLOCK_NEVER;
		return 1;
	}
	agent = run->duties.items[first].agent;
	if (agent == NOBODY || !run_can_do(run, kind, agent, now_ns)) {
		agent = run_find_able(run, kind, now_ns);
		if (agent == NOBODY)
			return 0;
		r = give_all(run, kind, agent, now_ns);
	}
	if (r == 0 && now_ns >= run->duties.next_send_ns) {
		run_send_duties(run, agent);
		run->duties.next_send_ns = now_ns + DUTIES_AGAIN_NS;
	}
	return r;
}

int run_set_up(struct run *run, uint64_t now_ns)
{
	char text[RUN_TEXT_SIZE], wait[32];

	if (now_ns < run->duties.deadline_ns)
		return do_duties(run, DUTY_SETUP, now_ns);
	snprintf(text, sizeof(text), "the setup was not over within %s",
	         units_format_duration(DUTIES_TIMEOUT_NS, wait, sizeof(wait)));
	if (run->t0_ns)
		return finish_all(run, DUTY_SETUP, text, now_ns);
	return run_stop(run, STOP_AGENT_FAILED, 0, NAN, now_ns, text);
}

int run_tear_down(struct run *run, uint64_t now_ns)
{
	uint32_t first = run_next_duty(run, DUTY_TEARDOWN, 0);
	int r = 0;

	if (first != NOBODY && now_ns >= run->duties.deadline_ns)
		r = finish_all(run, DUTY_TEARDOWN, "it was not over in time", now_ns);
	else if (first != NOBODY && run_find_able(run, DUTY_TEARDOWN, now_ns) == NOBODY)
		r = finish_all(run, DUTY_TEARDOWN, "no agent is left that could do it", now_ns);
	return r < 0 ? r : do_duties(run, DUTY_TEARDOWN, now_ns);
}

_Bool run_has_setup(const struct run *run)
{
	return run_next_duty(run, DUTY_SETUP, 0) != NOBODY;
}

_Bool run_has_teardown(const struct run *run)
{
	return run_next_duty(run, DUTY_TEARDOWN, 0) != NOBODY;
}

/* ---- what agents say ---- */

static struct text_pair *value_named(struct run *run, const char *name)
{
	for (uint32_t i = 0; i < run->duties.value_count; i++)
		if (strcmp(run->duties.values[i].name, name) == 0)
			return &run->duties.values[i];
	return NULL;
}

static int keep_value(struct run *run, struct text_pair *value)
{
	struct text_pair *known = value_named(run, value->name);
	int r;

	if (known) {
		free(known->value);
		known->value = value->value;
		value->value = NULL;
		return 0;
	}
	if (run->duties.value_count >= LIMIT_VALUES)
		return 0;
	r = array_reserve(&run->duties.values, &run->duties.value_capacity, run->duties.value_count,
	                  sizeof(*run->duties.values));
	if (r < 0)
		return r;
	run->duties.values[run->duties.value_count++] = *value;
	*value = (struct text_pair){0};
	return 0;
}

static int keep_values(struct run *run, struct message_value *value)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < value->value_count; i++)
		r = keep_value(run, &value->values[i]);
	return r;
}

/* Values that came after T0: those who run have old ones or none. */
static void spread_values(struct run *run, uint32_t duty)
{
	run->duties.derived_again = 1;
	for (uint32_t i = 0; i < roster_count(run->roster); i++)
		if (roster_get(run->roster, i)->state == AGENT_RUNNING)
			send_values(run, i, duty);
}

static _Bool ends_by_itself(enum duty_kind kind)
{
	return kind == DUTY_SETUP || kind == DUTY_TEARDOWN;
}

int run_take_value(struct run *run, uint32_t index, struct message_value *value, uint64_t now_ns)
{
	uint32_t duty = value->duty;
	int r = 0;

	if (duty >= run->config.plan->duty_count || !ends_by_itself(duty_at(run, duty)->kind) ||
	    run->duties.items[duty].over || run->duties.items[duty].agent != index) {
		run_send_duties(run, index);
		return 0;
	}
	r = run_finish_duty(run, duty, value->problem, now_ns);
	if (r == 0 && value->problem[0])
		r = run_take_problem(run, duty, index, value->problem, now_ns);
	else if (r == 0 && duty_at(run, duty)->kind == DUTY_SETUP)
		r = keep_values(run, value);
	if (r < 0)
		return r;
	if (run->t0_ns && duty_at(run, duty)->kind == DUTY_SETUP)
		spread_values(run, duty);
	run_send_duties(run, index);
	return 0;
}

/* ---- readers ---- */

int run_share_readers(struct run *run, uint64_t now_ns)
{
	int r = 0;

	if (run_since_t0_ns(run, now_ns) >= run_schedule_end_ns(run))
		return 0;
	for (uint32_t i = run_next_duty(run, DUTY_READER, 0); r == 0 && i != NOBODY;
	     i = run_next_duty(run, DUTY_READER, i + 1)) {
		uint32_t before = run->duties.items[i].agent, agent;

		if (before != NOBODY && run_can_do(run, DUTY_READER, before, now_ns))
			continue;
		agent = run_find_able(run, DUTY_READER, now_ns);
		if (agent == NOBODY)
			continue;
		r = run_give_duty(run, i, agent, now_ns);
		if (r < 0)
			return r;
		run_send_duties(run, agent);
		if (before != NOBODY && roster_get(run->roster, before)->state != AGENT_LOST)
			run_send_duties(run, before);
	}
	return r;
}

/* ---- a resume ---- */

int run_keep_duty(struct run *run, const struct journal_record *record)
{
	if (record->duty.duty >= run->config.plan->duty_count)
		return -EBADMSG;
	run->duties.items[record->duty.duty] =
	        (struct run_duty){.agent = record->duty.agent, .over = record->duty.agent == NOBODY};
	run_keep_verifier(run, record);
	return 0;
}

void run_duties_again(struct run *run)
{
	for (uint32_t i = 0; i < run->config.plan->duty_count; i++)
		if (duty_at(run, i)->kind == DUTY_SETUP)
			run->duties.items[i] = (struct run_duty){.agent = NOBODY};
}
