/* SPDX-License-Identifier: Apache-2.0 */
/* What a crew of the model does: iterations are started, dropped and recorded, and told to the truth. */
#include "tests/sim/load_state.h"

#include <stdio.h>

#include "agent/drivers/driver.h"
#include "common/base/array.h"
#include "common/stats/stamp.h"
#include "tests/sim/broker.h"

static uint64_t mix(uint64_t a, uint64_t b, uint64_t c)
{
	struct random random;

	random_seed(&random, a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xbf58476d1ce4e5b9) + c);
	return random_next(&random);
}

_Bool load_is_warmup(const struct load *load, const struct task *task, uint64_t intended_ns)
{
	return task->scenario->is_warmup || intended_ns < load->config.plan->warmup_ns;
}

static const struct step *step_of(const struct task *task)
{
	return &task->scenario->steps[0];
}

/* Of a null step as the plan says; another kind's operations are of such lengths too. */
static struct range latency_of(const struct task *task)
{
	return step_of(task)->kind == STEP_NULL ? step_of(task)->null.latency_ns
	                                        : (struct range){NS_PER_MS, 500 * NS_PER_MS};
}

static double failures_of(const struct task *task)
{
	return step_of(task)->kind == STEP_NULL ? step_of(task)->null.failures : 0.02;
}

void load_produce(struct load *load, struct task *task, uint64_t key, _Bool acknowledged)
{
	uint64_t sequence = task->produced;
	/* One partition is there only when somebody has come to his 20th message. */
	uint32_t partition = (uint32_t)(mix(key, 5, task->scenario->seed) %
	                                (sequence < 20 ? BROKER_PARTITIONS - 1 : BROKER_PARTITIONS));
	const struct broker_record record = {
	        .stream = stamp_stream(load->config.assignment->agent_index,
	                               plan_step_number(load->config.plan, (uint32_t)(task - load->tasks), 0)),
	        .sequence = sequence,
	        .process = load->config.process};

	if (task->verifier == PLAN_NONE)
		return;
	task->produced++;
	broker_append(load->config.sim->broker, task->verifier, partition, &record);
	if (acknowledged)
		sim_must(sent_log_add(task->stream, partition, SENT_ACKED, sequence), "sent");
}

void load_record(struct load *load, const struct flight *flight)
{
	struct task *task = &load->tasks[flight->scenario];
	_Bool fails = (double)(mix(flight->key, 2, task->scenario->seed) % 10000) / 10000 < failures_of(task);
	struct operation_words words = {0};
	struct operation operation = {.step = step_of(task),
	                              .words = &words,
	                              .intended_ns = flight->intended_ns,
	                              .started_ns = flight->started_ns,
	                              .completed_ns = flight->completes_ns};
	struct recorder_place place = {.scenario = flight->scenario,
	                               .warmup = load_is_warmup(load, task, flight->intended_ns)};
	struct recorder *recorder = load->current->recorder;
	char group[24];
	int length = snprintf(group, sizeof(group), "g%u", (unsigned)(mix(flight->key, 3, 0) % 5));

	if (step_of(task)->group)
		sim_must(groups_intern(load->groups, place.scenario, 0, group, (size_t)length, &place.group), "group");
	if (!fails)
		load_produce(load, task, flight->key, 1);
	if (fails)
		operation_fail(&operation, ERROR_SERVER, "500", "a target said no");
	sim_must(recorder_operation(recorder, &place, &operation), "operation");
	sim_must(recorder_iteration(recorder, place.scenario, place.warmup, !fails,
	                            flight->completes_ns - flight->started_ns),
	         "iteration");
	task->account.running--;
	task->account.tally.operations++;
	task->account.tally.failed_operations += fails;
	task->account.tally.succeeded += !fails;
	task->account.tally.failed += fails;
}

static void drop(struct load *load, struct task *task, uint64_t intended_ns, enum drop_reason reason, uint64_t count)
{
	if (count == 0)
		return;
	sim_must(recorder_dropped(load->current->recorder, (uint32_t)(task - load->tasks),
	                          load_is_warmup(load, task, intended_ns), reason, count),
	         "drop");
	task->account.tally.dropped[reason] += count;
}

/* The spare row that the newest move which holds for an arrival says; NEVER: none does. */
static uint64_t spare_of(const struct load *load, uint32_t scenario, uint64_t index)
{
	for (uint32_t i = load->now.move_count; i-- > 0;) {
		const struct wire_move *move = &load->now.moves[i];

		if (move->scenario == scenario && index >= move->from_index && share_owns(&move->share, index))
			return move->first_spare + share_count(&move->share, index) -
			       share_count(&move->share, move->from_index);
	}
	return NEVER;
}

/* Draw `draw` of the scenario, or, if there is one, spare row `spare`. */
static void draw_rows(struct load *load, uint32_t scenario, uint64_t draw, uint64_t spare)
{
	const struct plan *plan = load->config.plan;

	for (uint32_t feed = 0; feed < plan->feed_count; feed++) {
		uint64_t offset = load->feed_offsets[scenario * plan->feed_count + feed];

		if (offset == NEVER)
			continue;
		truth_row(load->config.sim, load->config.process, feed,
		          spare != NEVER ? load->feed_draws[feed] + spare : offset + draw);
	}
}

static struct flight *start(struct load *load, struct task *task, uint64_t intended_ns, uint64_t key, struct user *user)
{
	const struct range latency = latency_of(task);
	uint32_t scenario = (uint32_t)(task - load->tasks);
	uint64_t started_ns = most(intended_ns, load->floor_ns);
	uint64_t length_ns = latency.low + mix(key, 1, task->scenario->seed) % (latency.high - latency.low + 1);
	struct flight *flight;

	sim_must(array_reserve(&load->flights, &load->flight_capacity, load->flight_count, sizeof(*load->flights)),
	         "flights");
	flight = &load->flights[load->flight_count++];
	*flight = (struct flight){.intended_ns = intended_ns,
	                          .started_ns = started_ns,
	                          .completes_ns = started_ns + length_ns,
	                          .scenario = scenario,
	                          .user = user,
	                          .key = key};
	task->account.tally.planned++;
	task->account.tally.started++;
	task->account.running++;
	sim_must(recorder_lateness(load->current->recorder, scenario, load_is_warmup(load, task, intended_ns),
	                           started_ns - intended_ns),
	         "lateness");
	return flight;
}

/* ---- open loops ---- */

static void arrive(struct load *load, struct task *task)
{
	uint32_t scenario = (uint32_t)(task - load->tasks);
	uint64_t intended_ns = task->origin_ns + task->next_ns;
	uint64_t late_ns = most(intended_ns, load->floor_ns) - intended_ns;

	if (late_ns > load->config.plan->max_lateness_ns || mix(task->next_index, 4, task->scenario->seed) % 50 == 0) {
		task->account.tally.planned++;
		drop(load, task, intended_ns, late_ns > load->config.plan->max_lateness_ns ? DROP_LATE : DROP_NO_VU, 1);
		truth_drop(load->config.sim, load->config.process, scenario, task->next_index);
	} else {
		truth_start(load->config.sim, load->config.process, scenario, task->next_index, intended_ns);
		draw_rows(load, scenario, task->next_index, spare_of(load, scenario, task->next_index));
		start(load, task, intended_ns, task->next_index, NULL);
	}
	if (!arrivals_walk_next(task->walk, &task->next_index, &task->next_ns))
		task->next_ns = NEVER;
}

void load_run_open(struct load *load, struct task *task, uint64_t until_ns)
{
	until_ns = least(until_ns, load->stop_ns);
	while (task->next_ns != NEVER && task->origin_ns + task->next_ns < until_ns)
		arrive(load, task);
}

/* ---- closed loops ---- */

/* The next moment at which the user is wanted, from free_ns on; NEVER: no more. */
static uint64_t wanted_ns(const struct task *task, const struct user *user)
{
	uint64_t from_ns = most(most(user->free_ns, user->from_ns), task->origin_ns) - task->origin_ns;
	uint64_t start_ns, end_ns;

	if (!schedule_vu_span(task->schedule, (uint32_t)user->index, from_ns, &start_ns, &end_ns))
		return NEVER;
	return task->origin_ns + most(from_ns, start_ns);
}

static uint64_t task_granted(const struct task *task)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < task->grant_count; i++)
		sum += task->grants[i].iterations;
	return sum;
}

/* What it may start on its own account. */
static uint64_t own_left(const struct task *task, const struct user *user)
{
	if (user->adopted && is_counted(task))
		return 0;
	return task->scenario->executor == EXECUTOR_SHARED_ITERATIONS ? task->pool : user->allowed - user->iterations;
}

static _Bool may_start(const struct load *load, const struct task *task, const struct user *user, uint64_t at_ns)
{
	if (at_ns == NEVER || at_ns >= load->stop_ns || at_ns >= user->leaves_ns || at_ns >= task->end_ns)
		return 0;
	return own_left(task, user) > 0 || (user->adopted && task_granted(task) > 0);
}

static uint64_t take_grant(struct task *task)
{
	struct grant *grant = task->grants;

	while (grant->iterations == 0)
		grant++;
	grant->iterations--;
	return grant->first_spare++;
}

static uint64_t next_draw(struct task *task, const struct user *user)
{
	uint64_t draw;

	if (task->scenario->executor == EXECUTOR_PER_VU_ITERATIONS)
		return user->index * task->scenario->iterations + user->iterations;
	draw = share_cursor_index(&task->draws);
	share_cursor_advance(&task->draws);
	return draw;
}

static void start_user(struct load *load, struct task *task, struct user *user, uint64_t at_ns)
{
	uint32_t scenario = (uint32_t)(task - load->tasks);
	_Bool own = own_left(task, user) > 0;

	truth_start(load->config.sim, load->config.process, scenario, UINT64_MAX, at_ns);
	if (own)
		draw_rows(load, scenario, next_draw(task, user), NEVER);
	else
		draw_rows(load, scenario, 0, take_grant(task));
	start(load, task, at_ns, mix(user->index, user->iterations, load->config.process), user);
	user->iterations++;
	user->busy = 1;
	if (own && task->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		task->pool--;
}

void load_run_user(struct load *load, struct task *task, struct user *user, uint64_t until_ns)
{
	uint64_t at_ns;

	if (user->busy || user->over)
		return;
	at_ns = most(wanted_ns(task, user), load->floor_ns);
	if (!may_start(load, task, user, at_ns))
		user->over = 1;
	else if (at_ns < until_ns)
		start_user(load, task, user, at_ns);
}

void load_drop_rest(struct load *load, struct task *task)
{
	uint64_t count = task->pool;

	task->rest_dropped = 1;
	task->pool = 0;
	for (size_t i = 0; i < task->user_count && task->scenario->executor == EXECUTOR_PER_VU_ITERATIONS; i++) {
		if (task->users[i]->adopted)
			continue;
		count += task->users[i]->allowed - task->users[i]->iterations;
		task->users[i]->allowed = task->users[i]->iterations;
	}
	count += task_granted(task);
	task->grant_count = 0;
	task->account.tally.planned += count;
	for (uint64_t i = 0; i < count; i++)
		truth_drop(load->config.sim, load->config.process, (uint32_t)(task - load->tasks), UINT64_MAX);
	drop(load, task, task->end_ns, DROP_MAX_DURATION, count);
}
