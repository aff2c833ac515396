/* SPDX-License-Identifier: Apache-2.0 */
/* The model of an agent's crew: its time, and its contract. */
#include "tests/sim/load.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/sim/load_state.h"

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
			if (feed_pick(plan->feeds[feed]) != FEED_UNIQUE || !plan_scenario_uses_feed(plan, i, feed))
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
	load->verifiers = sim_verifiers_new(config->sim, config->process, config->plan);
	load->sent = sent_log_new();
	sim_must(load->sent ? 0 : -ENOMEM, "sent");
	for (uint32_t i = 0; i < config->plan->scenario_count; i++)
		task_make(load, i);
	find_offsets(load);
	load->current = fresh_second(load, 0);
	return load;
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
		load_drop_assignment(&load->coming[i].assignment);
	free(load->coming);
	load_drop_assignment(&load->now);
	second_free(load->current);
	second_free(load->spare);
	snapshots_free(load->snapshots);
	chores_free(load->chores);
	sim_verifiers_free(load->verifiers);
	sent_log_free(load->sent);
	groups_free(load->groups);
	free(load);
	return NULL;
}

/* ---- time ---- */

static void land(struct load *load, size_t index, _Bool interrupted, uint64_t at_ns)
{
	struct flight flight = load->flights[index];
	struct task *task = &load->tasks[flight.scenario];

	load->flights[index] = load->flights[--load->flight_count];
	if (interrupted) {
		task->account.running--;
		task->account.tally.interrupted++;
		if (flight.key % 2)
			load_produce(load, task, flight.key, 0);
	} else {
		load_record(load, &flight);
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
			load_run_user(load, task, task->users[k], until_ns);
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
			load_run_open(load, task, until_ns);
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
			load_drop_rest(load, task);
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
		task->account.end_ns =
		        task->origin_ns == NEVER || task->origin_ns > at_ns ? 0 : most(at_ns, load->floor_ns);
	}
	return all;
}

static uint64_t schedule_end(const struct load *load)
{
	uint64_t end_ns = 0;

	for (uint32_t i = 0; i < load->config.plan->scenario_count; i++) {
		const struct task *task = &load->tasks[i];

		if (task->end_ns != NEVER && task->origin_ns < load->stop_ns)
			end_ns = most(end_ns,
			              least(is_counted(task) ? task->account.end_ns : task->end_ns, load->stop_ns));
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
			sim_must(recorder_vus(full->recorder, i, load_is_warmup(load, task, full->number * NS_PER_S),
			                      task->user_count),
			         "users");
	}
	full->schedule_end_ns = last ? schedule_end(load) : 0;
	full->next = next;
	full->last = last;
	sim_must(sent_log_take(load->sent, &full->ledger), "sent");
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

		load_shift(load);
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
	uint64_t next_ns, chores_ns = least(chores_next_ns(load->chores), sim_verifiers_next_ns(load->verifiers));

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

void load_verifiers(struct load *load, const struct wire_verifier *orders, uint32_t count, _Bool closing,
                    uint64_t now_ns)
{
	sim_verifiers_set(load->verifiers, orders, count, closing, now_ns);
}

_Bool load_seen(struct load *load, uint64_t now_ns, struct message_seen *ret_seen)
{
	return sim_verifiers_work(load->verifiers, now_ns, ret_seen);
}

void load_seen_acked(struct load *load, const struct message_seen_ack *ack, uint64_t now_ns)
{
	sim_verifiers_acked(load->verifiers, ack, now_ns);
}

static void take_back(void *context, uint32_t worker, struct second *second)
{
	struct load *load = context;

	(void)worker;
	second_clear(second);
	if (load->spare)
		second_free(second);
	else
		load->spare = second;
}

struct snapshot *load_snapshot(struct load *load)
{
	struct wire_health health = {.cpu_ns = load->cursor_ns / 10,
	                             .max_rss_kib = 5000,
	                             .descriptors = 20,
	                             .descriptor_limit = 1000,
	                             .port_limit = 28000};
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
