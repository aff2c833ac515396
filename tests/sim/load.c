/* SPDX-License-Identifier: Apache-2.0 */
/* The model of an agent's crew.
 *
 * Time goes on in pieces that end at whole seconds. Within a piece each scenario starts what its share and its schedule
 * say, and what completes is recorded. An agent that was stopped finds a whole stretch of intended times behind it:
 * `floor_ns` is the earliest time at which anything can be done now. */
#include "tests/sim/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drivers/driver.h"
#include "agent/groups.h"
#include "common/base/array.h"
#include "common/plan/schedule.h"
#include "common/wire/codec.h"
#include "tests/sim/chores.h"

#define NEVER CLOCK_NEVER

/* A user of a closed loop. */
struct user {
	uint64_t index;
	uint64_t free_ns;    /* when its next iteration may start */
	uint64_t iterations; /* started */
	uint64_t allowed;    /* of a counted scenario: how many it may start */
	uint64_t leaves_ns;  /* its index goes to another agent */
	uint64_t from_ns;    /* ... or came from one */
	_Bool adopted;
	_Bool busy;
	_Bool over;
};

struct flight {
	uint64_t intended_ns, started_ns, completes_ns;
	uint32_t scenario;
	struct user *user; /* NULL: of an open loop */
	uint64_t key;      /* what its random choices hang on */
};

/* Iterations of one that left, see struct wire_extra. */
struct grant {
	uint64_t iterations, first_spare;
};

/* An assignment, copied, that comes into force. */
struct coming {
	uint64_t effective_ns;
	uint32_t epoch;
	struct message_assign assignment;
};

struct task {
	const struct scenario *scenario;
	struct schedule *schedule;
	struct share share;         /* arrivals or users */
	uint64_t origin_ns;         /* NEVER: not begun */
	uint64_t end_ns;            /* of its schedule */
	struct arrivals_walk *walk; /* open loops */
	uint64_t next_index, next_ns;
	struct user **users; /* closed loops */
	size_t user_count, user_capacity;
	uint64_t pool;        /* shared iterations that are left */
	struct share_cursor draws;
	struct grant *grants;
	size_t grant_count, grant_capacity;
	struct wire_scenario account;
	_Bool rest_dropped;
};

struct load {
	struct load_config config;
	struct task *tasks;
	uint64_t *feed_offsets; /* [scenario * feeds + feed]; NEVER: doesn't use it, or none is planned */
	uint64_t *feed_draws;   /* by feed: all that is planned */
	struct coming *coming;
	size_t coming_count, coming_capacity;
	uint32_t epoch;
	struct message_assign now; /* the moves that hold; its shares are the tasks' */
	struct groups *groups;
	struct chores *chores;
	struct snapshots *snapshots;
	struct second *current;
	struct second *spare;
	struct flight *flights;
	size_t flight_count, flight_capacity;
	uint64_t t0_ns;
	uint64_t cursor_ns; /* all that is intended before it was seen to */
	uint64_t floor_ns;
	uint64_t stop_ns, grace_ns;
	uint64_t end_ns;
	_Bool started, ended;
};

static uint64_t mix(uint64_t a, uint64_t b, uint64_t c)
{
	struct random random;

	random_seed(&random, a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xbf58476d1ce4e5b9) + c);
	return random_next(&random);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static _Bool is_open(const struct task *task)
{
	return executor_is_open(task->scenario->executor);
}

static _Bool is_counted(const struct task *task)
{
	return task->scenario->executor == EXECUTOR_PER_VU_ITERATIONS ||
	       task->scenario->executor == EXECUTOR_SHARED_ITERATIONS;
}

/* ---- making ---- */

static void take_share(struct task *task, const struct share *share)
{
	share_deinit(&task->share);
	if (task->scenario->producers > 0)
		sim_must(share_of_producers(share, task->scenario->producers, &task->share), "share");
	else
		sim_must(share_copy(&task->share, share), "share");
}

static struct user *add_user(struct task *task, uint64_t index, uint64_t from_ns, _Bool adopted)
{
	struct user *user = calloc(1, sizeof(*user));

	sim_must(user ? 0 : -ENOMEM, "user");
	sim_must(array_reserve(&task->users, &task->user_capacity, task->user_count, sizeof(*task->users)), "users");
	*user = (struct user){.index = index,
	                      .from_ns = from_ns,
	                      .leaves_ns = NEVER,
	                      .adopted = adopted,
	                      .allowed = adopted && is_counted(task) ? 0 : task->scenario->executor == EXECUTOR_PER_VU_ITERATIONS
	                                         ? task->scenario->iterations
	                                         : NEVER};
	task->users[task->user_count++] = user;
	return user;
}

/* Which rows a closed loop draws: shared iterations are dealt to the users in turn, as are their draws. */
static void init_draws(struct task *task)
{
	struct share share = {0};

	if (task->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		sim_must(share_of_producers(&task->share, task->scenario->vus, &share), "draws");
	sim_must(share_cursor_init(&task->draws, share.count ? &share : &task->share, 0), "draws");
	share_deinit(&share);
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

static void make_task(struct load *load, uint32_t index)
{
	struct task *task = &load->tasks[index];
	uint64_t users;

	task->scenario = &load->config.plan->scenarios[index];
	task->origin_ns = task->scenario->start_after == PLAN_NONE ? task->scenario->start_time_ns : NEVER;
	task->end_ns = NEVER;
	sim_must(schedule_new(task->scenario, &task->schedule), "schedule");
	take_share(task, &load->config.assignment->shares[index]);
	if (is_open(task)) {
		sim_must(arrivals_walk_new(task->schedule, &task->share, &task->walk), "walk");
		if (!arrivals_walk_next(task->walk, &task->next_index, &task->next_ns))
			task->next_ns = NEVER;
		return;
	}
	users = scenario_max_vus(task->scenario);
	for (uint64_t i = share_next(&task->share, 0); i < users; i = share_next(&task->share, i + 1))
		add_user(task, i, 0, 0);
	if (task->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		task->pool = schedule_shared_iterations(task->scenario, &task->share);
	init_draws(task);
}

/* Where each scenario's draws of each unique feed begin: as docs/plan-format.md says, found anew here. */
static void find_offsets(struct load *load)
{
	const struct plan *plan = load->config.plan;

	load->feed_offsets = calloc((size_t)plan->scenario_count * plan->feed_count + 1, sizeof(uint64_t));
	load->feed_draws = calloc(plan->feed_count + 1, sizeof(uint64_t));
	sim_must(load->feed_offsets && load->feed_draws ? 0 : -ENOMEM, "offsets");
	for (uint32_t feed = 0; feed < plan->feed_count; feed++) {
		uint64_t offset = 0;

		for (uint32_t i = 0; i < plan->scenario_count; i++) {
			uint64_t *at = &load->feed_offsets[i * plan->feed_count + feed];

			*at = NEVER;
			if (feed_pick(plan->feeds[feed]) != FEED_UNIQUE ||
			    !plan_scenario_uses_feed(plan, i, feed))
				continue;
			*at = offset;
			offset += scenario_planned(&plan->scenarios[i]);
		}
		load->feed_draws[feed] = offset;
	}
}

static struct second *fresh_second(struct load *load, uint64_t number)
{
	struct second *second = load->spare;

	load->spare = NULL;
	if (!second)
		sim_must(second_new(load->config.plan, load->groups, &second), "second");
	second->number = number;
	return second;
}

struct load *load_new(const struct load_config *config)
{
	struct load *load = calloc(1, sizeof(*load));

	sim_must(load ? 0 : -ENOMEM, "load");
	load->config = *config;
	load->epoch = config->epoch;
	load->stop_ns = NEVER;
	load->tasks = calloc(config->plan->scenario_count + 1, sizeof(*load->tasks));
	sim_must(load->tasks ? 0 : -ENOMEM, "load");
	sim_must(groups_new(config->plan, &load->groups), "groups");
	sim_must(snapshots_new(config->plan, 1, &load->snapshots), "snapshots");
	load->chores = chores_new(config->sim, config->process, config->plan);
	for (uint32_t i = 0; i < config->plan->scenario_count; i++)
		make_task(load, i);
	find_offsets(load);
	load->current = fresh_second(load, 0);
	return load;
}

static void task_deinit(struct task *task)
{
	arrivals_walk_free(task->walk);
	schedule_free(task->schedule);
	share_deinit(&task->share);
	share_cursor_deinit(&task->draws);
	for (size_t i = 0; i < task->user_count; i++)
		free(task->users[i]);
	free(task->users);
	free(task->grants);
}

static void drop_assignment(struct message_assign *assignment)
{
	struct message message = {.type = MESSAGE_ASSIGN, .assign = *assignment};

	message_deinit(&message);
	*assignment = (struct message_assign){0};
}

struct load *load_free(struct load *load)
{
	if (!load)
		return NULL;
	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++)
		task_deinit(&load->tasks[i]);
	free(load->tasks);
	free(load->flights);
	free(load->feed_offsets);
	free(load->feed_draws);
	for (size_t i = 0; i < load->coming_count; i++)
		drop_assignment(&load->coming[i].assignment);
	free(load->coming);
	drop_assignment(&load->now);
	second_free(load->current);
	second_free(load->spare);
	snapshots_free(load->snapshots);
	chores_free(load->chores);
	groups_free(load->groups);
	free(load);
	return NULL;
}

/* ---- recording ---- */

static _Bool is_warmup(const struct load *load, const struct task *task, uint64_t intended_ns)
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

static void record(struct load *load, const struct flight *flight)
{
	struct task *task = &load->tasks[flight->scenario];
	_Bool fails = (double)(mix(flight->key, 2, task->scenario->seed) % 10000) / 10000 < failures_of(task);
	struct operation operation = {.step = step_of(task),
	                              .intended_ns = flight->intended_ns,
	                              .started_ns = flight->started_ns,
	                              .completed_ns = flight->completes_ns};
	struct recorder_place place = {.scenario = flight->scenario,
	                               .warmup = is_warmup(load, task, flight->intended_ns)};
	struct recorder *recorder = load->current->recorder;
	char group[24];
	int length = snprintf(group, sizeof(group), "g%u", (unsigned)(mix(flight->key, 3, 0) % 5));

	if (step_of(task)->group)
		sim_must(groups_intern(load->groups, place.scenario, 0, group, (size_t)length, &place.group), "group");
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
	                          is_warmup(load, task, intended_ns), reason, count),
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
	sim_must(recorder_lateness(load->current->recorder, scenario, is_warmup(load, task, intended_ns),
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

static void run_open(struct load *load, struct task *task, uint64_t until_ns)
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

static uint64_t granted(const struct task *task)
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
	return own_left(task, user) > 0 || (user->adopted && granted(task) > 0);
}

static uint64_t take_grant(struct task *task)
{
	struct grant *grant = task->grants;

	while (grant->iterations == 0)
		grant++;
	grant->iterations--;
	return grant->first_spare++;
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

static void run_user(struct load *load, struct task *task, struct user *user, uint64_t until_ns)
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

/* What a counted scenario could not start before its time was up. */
static void drop_rest(struct load *load, struct task *task)
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
	count += granted(task);
	task->grant_count = 0;
	task->account.tally.planned += count;
	for (uint64_t i = 0; i < count; i++)
		truth_drop(load->config.sim, load->config.process, (uint32_t)(task - load->tasks), UINT64_MAX);
	drop(load, task, task->end_ns, DROP_MAX_DURATION, count);
}

/* ---- time ---- */

static _Bool has_begun(const struct task *task, uint64_t at_ns)
{
	return task->origin_ns <= at_ns;
}

static void land(struct load *load, size_t index, _Bool interrupted, uint64_t at_ns)
{
	struct flight flight = load->flights[index];
	struct task *task = &load->tasks[flight.scenario];

	load->flights[index] = load->flights[--load->flight_count];
	if (interrupted) {
		task->account.running--;
		task->account.tally.interrupted++;
	} else {
		record(load, &flight);
	}
	if (flight.user) {
		flight.user->busy = 0;
		flight.user->free_ns = interrupted ? at_ns : flight.completes_ns;
	}
}

/* When what is in flight is interrupted. */
static uint64_t deadline_ns(const struct load *load, const struct flight *flight)
{
	const struct task *task = &load->tasks[flight->scenario];
	uint64_t by_leaving = flight->user && flight->user->leaves_ns != NEVER
	                              ? flight->user->leaves_ns + task->scenario->graceful_stop_ns
	                              : NEVER;
	uint64_t by_plan = task->end_ns == NEVER ? NEVER : task->end_ns + task->scenario->graceful_stop_ns;
	uint64_t by_stop = load->stop_ns == NEVER ? NEVER : load->stop_ns + load->grace_ns;

	return least(least(by_plan, by_stop), by_leaving);
}

/* The flight that ends first, before until_ns: by itself or cut off. SIZE_MAX: none. */
static size_t next_to_land(struct load *load, uint64_t until_ns, _Bool *ret_interrupted, uint64_t *ret_at_ns)
{
	size_t found = SIZE_MAX;

	*ret_at_ns = until_ns;
	for (size_t i = 0; i < load->flight_count; i++) {
		const struct flight *flight = &load->flights[i];
		uint64_t cut_ns = deadline_ns(load, flight);
		uint64_t at_ns = most(least(flight->completes_ns, cut_ns), load->floor_ns);

		if (at_ns < *ret_at_ns) {
			*ret_at_ns = at_ns;
			*ret_interrupted = cut_ns < flight->completes_ns;
			found = i;
		}
	}
	return found;
}

static void run_users(struct load *load, uint64_t until_ns)
{
	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++) {
		struct task *task = &load->tasks[i];

		if (is_open(task) || !has_begun(task, until_ns))
			continue;
		for (size_t k = 0; k < task->user_count; k++)
			run_user(load, task, task->users[k], until_ns);
	}
}

/* All of [cursor, until), which lies within one second. */
static void run_piece(struct load *load, uint64_t until_ns)
{
	_Bool interrupted;
	uint64_t at_ns;
	size_t index;

	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++) {
		struct task *task = &load->tasks[i];

		if (task->end_ns == NEVER && has_begun(task, until_ns))
			task->end_ns = task->origin_ns + schedule_end_ns(task->schedule);
		if (is_open(task) && has_begun(task, until_ns))
			run_open(load, task, until_ns);
	}
	run_users(load, until_ns);
	while ((index = next_to_land(load, most(until_ns, load->floor_ns + 1), &interrupted, &at_ns)) != SIZE_MAX) {
		if (!interrupted && load->flights[index].completes_ns < at_ns)
			load->flights[index].completes_ns = at_ns;
		land(load, index, interrupted, at_ns);
		run_users(load, until_ns);
	}
	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++) {
		struct task *task = &load->tasks[i];

		if (is_counted(task) && !task->rest_dropped && load->stop_ns > task->end_ns &&
		    task->end_ns <= most(until_ns, load->floor_ns))
			drop_rest(load, task);
	}
}

static _Bool is_finished(const struct load *load, const struct task *task, uint64_t at_ns)
{
	if (task->account.running > 0)
		return 0;
	if (load->stop_ns <= at_ns)
		return 1;
	if (task->end_ns == NEVER || task->origin_ns > at_ns)
		return 0;
	if (task->end_ns <= at_ns)
		return 1;
	if (!is_counted(task))
		return 0;
	for (size_t i = 0; i < task->user_count; i++)
		if (!task->users[i]->over)
			return 0;
	return 1;
}

/* True if all are. */
static _Bool mark_finished(struct load *load, uint64_t at_ns)
{
	_Bool all = 1;

	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++) {
		struct task *task = &load->tasks[i];

		if (task->account.finished)
			continue;
		if (!is_finished(load, task, at_ns)) {
			all = 0;
			continue;
		}
		task->account.finished = 1;
		task->account.end_ns = task->origin_ns == NEVER || task->origin_ns > at_ns ? 0 : most(at_ns, load->floor_ns);
	}
	return all;
}

static uint64_t schedule_end(const struct load *load)
{
	uint64_t end_ns = 0;

	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++) {
		const struct task *task = &load->tasks[i];

		if (task->end_ns != NEVER && task->origin_ns < load->stop_ns)
			end_ns = most(end_ns, least(is_counted(task) ? task->account.end_ns : task->end_ns, load->stop_ns));
	}
	return end_ns;
}

static void close_second(struct load *load, uint64_t next, _Bool last)
{
	struct second *full = load->current;

	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++) {
		struct task *task = &load->tasks[i];

		full->scenarios[i] = task->account;
		if (!task->account.finished)
			full->scenarios[i].end_ns = 0;
		if (!is_open(task) && task->user_count && has_begun(task, load->cursor_ns))
			sim_must(recorder_vus(full->recorder, i, is_warmup(load, task, full->number * NS_PER_S),
			                      task->user_count),
			         "users");
	}
	full->schedule_end_ns = last ? schedule_end(load) : 0;
	full->next = next;
	full->last = last;
	load->current = NULL;
	sim_must(snapshots_add(load->snapshots, 0, full), "second");
	if (!last)
		load->current = fresh_second(load, next);
}

static void finish(struct load *load, uint64_t at_ns)
{
	load->ended = 1;
	load->end_ns = schedule_end(load);
	load->cursor_ns = at_ns;
	close_second(load, load->current->number + 1, 1);
}

/* ---- epochs ---- */

static void shift_open(struct load *load, struct task *task, uint64_t at_ns)
{
	(void)load;
	arrivals_walk_free(task->walk);
	sim_must(arrivals_walk_new(task->schedule, &task->share, &task->walk), "walk");
	if (task->origin_ns != NEVER && at_ns > task->origin_ns)
		arrivals_walk_skip(task->walk, at_ns - task->origin_ns);
	if (!arrivals_walk_next(task->walk, &task->next_index, &task->next_ns))
		task->next_ns = NEVER;
}

static struct user *find_user(const struct task *task, uint64_t index)
{
	for (size_t i = 0; i < task->user_count; i++)
		if (task->users[i]->index == index && task->users[i]->leaves_ns == NEVER)
			return task->users[i];
	return NULL;
}

static void shift_closed(struct task *task, uint64_t at_ns)
{
	uint64_t users = scenario_max_vus(task->scenario);

	for (size_t i = 0; i < task->user_count; i++)
		if (!share_owns(&task->share, task->users[i]->index))
			task->users[i]->leaves_ns = least(task->users[i]->leaves_ns, at_ns);
	for (uint64_t i = share_next(&task->share, 0); i < users; i = share_next(&task->share, i + 1))
		if (!find_user(task, i))
			add_user(task, i, at_ns, 1);
}

/* What is granted from an epoch on that was not in force until now. */
static void take_grants(struct load *load, const struct message_assign *assignment)
{
	for (uint32_t i = 0; i < assignment->extra_count; i++) {
		const struct wire_extra *extra = &assignment->extras[i];
		struct task *task = &load->tasks[extra->scenario];

		if (extra->epoch <= load->epoch)
			continue;
		sim_must(array_reserve(&task->grants, &task->grant_capacity, task->grant_count, sizeof(*task->grants)),
		         "grants");
		task->grants[task->grant_count++] = (struct grant){extra->iterations, extra->first_spare};
		task->account.finished = 0;
		for (size_t k = 0; k < task->user_count; k++)
			task->users[k]->over = 0;
	}
}

static void shift(struct load *load, struct coming *coming)
{
	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++) {
		struct task *task = &load->tasks[i];

		take_share(task, &coming->assignment.shares[i]);
		if (is_open(task))
			shift_open(load, task, coming->effective_ns);
		else
			shift_closed(task, coming->effective_ns);
	}
	take_grants(load, &coming->assignment);
	drop_assignment(&load->now);
	load->now = coming->assignment;
	load->epoch = coming->epoch;
	sim_must(snapshots_shift(load->snapshots, coming->epoch, coming->effective_ns / NS_PER_S), "epoch");
	sim_trace(load->config.sim, "agent %u is in epoch %u from second %llu on", load->config.process, load->epoch,
	          (unsigned long long)(coming->effective_ns / NS_PER_S));
}

static void shift_what_is_due(struct load *load)
{
	size_t due = 0;

	while (due < load->coming_count && load->coming[due].effective_ns <= load->cursor_ns)
		shift(load, &load->coming[due++]);
	load->coming_count -= due;
	memmove(load->coming, load->coming + due, load->coming_count * sizeof(*load->coming));
}

static void copy_assignment(const struct message_assign *from, struct message_assign *ret_copy)
{
	struct message message = {.type = MESSAGE_ASSIGN, .assign = *from};
	struct buffer bytes = {0};
	struct failure failure = {0};

	message.assign.plan = NULL;
	message.assign.plan_size = 0;
	message.assign.files = NULL;
	message.assign.file_count = 0;
	sim_must(codec_encode(&message, &bytes), "assignment");
	sim_must(codec_decode(bytes.data, bytes.size, &failure, &message), failure.text);
	buffer_deinit(&bytes);
	*ret_copy = message.assign;
}

/* Instead of the first one: nothing has happened yet. */
static void replace_first(struct load *load, const struct message_assign *assignment)
{
	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++) {
		task_deinit(&load->tasks[i]);
		load->tasks[i] = (struct task){0};
	}
	load->config.assignment = assignment;
	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++)
		make_task(load, i);
	drop_assignment(&load->now);
	copy_assignment(assignment, &load->now);
}

void load_assign(struct load *load, const struct message_assign *assignment, uint32_t epoch, uint64_t effective_ns)
{
	struct coming *coming;

	if (!load->started && effective_ns == 0) {
		replace_first(load, assignment);
		load->epoch = epoch;
		return;
	}
	if (effective_ns < load->cursor_ns || effective_ns % NS_PER_S)
		sim_break(load->config.sim, "agent %u is to change over at %llu ns, at %llu ns", load->config.process,
		          (unsigned long long)effective_ns, (unsigned long long)load->cursor_ns);
	sim_must(array_reserve(&load->coming, &load->coming_capacity, load->coming_count, sizeof(*load->coming)),
	         "epochs");
	coming = &load->coming[load->coming_count++];
	*coming = (struct coming){.effective_ns = effective_ns, .epoch = epoch};
	copy_assignment(assignment, &coming->assignment);
}

/* ---- the contract ---- */

/* One that has nothing to do from T0 on owes no seconds before it came. */
static _Bool owns_nothing(const struct load *load)
{
	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++)
		if (load->tasks[i].share.count > 0)
			return 0;
	return 1;
}

void load_start(struct load *load, uint64_t t0_ns, uint64_t now_ns)
{
	uint64_t first = now_ns > t0_ns && owns_nothing(load) ? (now_ns - t0_ns) / NS_PER_S : 0;

	load->t0_ns = t0_ns;
	load->started = 1;
	load->cursor_ns = first * NS_PER_S;
	load->current->number = first;
	snapshots_begin(load->snapshots, first);
	sim_must(snapshots_shift(load->snapshots, load->epoch, 0), "epoch");
	if (now_ns > t0_ns)
		load_thaw(load, now_ns);
}

void load_begin(struct load *load, uint32_t scenario, uint64_t at_ns)
{
	if (load->tasks[scenario].origin_ns == NEVER)
		load->tasks[scenario].origin_ns = at_ns;
}

void load_stop(struct load *load, uint64_t at_ns, uint64_t grace_ns, uint64_t now_ns)
{
	uint64_t since = load->started && now_ns > load->t0_ns ? now_ns - load->t0_ns : 0;

	at_ns = most(at_ns, since);
	if (at_ns < load->stop_ns) {
		load->stop_ns = at_ns;
		load->grace_ns = grace_ns;
	}
}

static uint64_t since_t0(const struct load *load, uint64_t now_ns)
{
	return load->started && now_ns > load->t0_ns ? now_ns - load->t0_ns : 0;
}

void load_advance(struct load *load, uint64_t now_ns)
{
	uint64_t now = since_t0(load, now_ns);

	while (load->started && !load->ended && load->cursor_ns < now) {
		uint64_t boundary_ns = (load->cursor_ns / NS_PER_S + 1) * NS_PER_S;
		uint64_t until_ns = least(boundary_ns, now);

		shift_what_is_due(load);
		run_piece(load, until_ns);
		load->cursor_ns = until_ns;
		if (mark_finished(load, until_ns))
			finish(load, until_ns);
		else if (until_ns == boundary_ns && until_ns / NS_PER_S > load->current->number)
			close_second(load, until_ns / NS_PER_S, 0);
	}
}

void load_thaw(struct load *load, uint64_t now_ns)
{
	uint64_t now = since_t0(load, now_ns);

	if (load->ended || now == 0)
		return;
	load->floor_ns = now;
	if (now / NS_PER_S > load->current->number)
		close_second(load, now / NS_PER_S, 0);
	load_advance(load, now_ns);
}

/* When the last of what is in flight is over, after a stop. */
static uint64_t last_landing_ns(const struct load *load)
{
	uint64_t last_ns = load->stop_ns;

	for (size_t i = 0; i < load->flight_count; i++) {
		const struct flight *flight = &load->flights[i];

		last_ns = most(last_ns, least(flight->completes_ns, deadline_ns(load, flight)));
	}
	return last_ns;
}

uint64_t load_next_ns(const struct load *load)
{
	uint64_t next_ns, chores_ns = chores_next_ns(load->chores);

	if (!load->started || load->ended)
		return chores_ns;
	next_ns = (load->cursor_ns / NS_PER_S + 1) * NS_PER_S;
	if (load->stop_ns != NEVER)
		next_ns = least(next_ns, most(last_landing_ns(load), load->cursor_ns) + 1);
	return least(load->t0_ns + next_ns, chores_ns);
}

void load_duties(struct load *load, const uint32_t *duties, uint32_t count, uint64_t now_ns)
{
	chores_set(load->chores, duties, count, now_ns);
}

_Bool load_duty_over(struct load *load, uint64_t now_ns, struct message_value *ret_over)
{
	return chores_work(load->chores, load->started && !load->ended ? load->snapshots : NULL, now_ns, ret_over);
}

static void take_back(void *context, uint32_t worker, struct second *second)
{
	struct load *load = context;

	(void)worker;
	recorder_clear(second->recorder);
	if (load->spare)
		second_free(second);
	else
		load->spare = second;
}

struct snapshot *load_snapshot(struct load *load)
{
	struct wire_health health = {.cpu_ns = load->cursor_ns / 10, .max_rss_kib = 5000, .descriptors = 20,
	                             .descriptor_limit = 1000, .port_limit = 28000};
	struct snapshot *snapshot;

	if (!snapshots_ready(load->snapshots))
		return NULL;
	sim_must(snapshots_make(load->snapshots, &health, take_back, load, &snapshot), "snapshot");
	return snapshot;
}

uint64_t load_end_ns(const struct load *load)
{
	return load->end_ns;
}
