/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios of a crew of the model, as they are assigned. */
#include "tests/sim/load_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/array.h"
#include "common/stats/stamp.h"
#include "tests/sim/broker.h"

void task_take_share(struct task *task, const struct share *share)
{
	share_deinit(&task->share);
	if (task->scenario->producers > 0)
		sim_must(share_of_producers(share, task->scenario->producers, &task->share), "share");
	else
		sim_must(share_copy(&task->share, share), "share");
}

struct user *task_add_user(struct task *task, uint64_t index, uint64_t from_ns, _Bool adopted)
{
	struct user *user = calloc(1, sizeof(*user));

	sim_must(user ? 0 : -ENOMEM, "user");
	sim_must(array_reserve(&task->users, &task->user_capacity, task->user_count, sizeof(*task->users)), "users");
	*user = (struct user){.index = index,
	                      .from_ns = from_ns,
	                      .leaves_ns = NEVER,
	                      .adopted = adopted,
	                      .allowed = adopted && is_counted(task) ? 0
	                                 : task->scenario->executor == EXECUTOR_PER_VU_ITERATIONS
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

/* A process has one producer of each scenario. */
static void open_stream(struct load *load, struct task *task, uint32_t index)
{
	const struct load_config *config = &load->config;
	uint64_t stream = stamp_stream(config->assignment->agent_index, plan_step_number(config->plan, index, 0));

	task->verifier = broker_verifier_of(config->plan, task->scenario);
	if (task->verifier == PLAN_NONE)
		return;
	task->stream = sent_log_open(load->sent, stream, config->plan->duties[task->verifier].verify.topic);
	sim_must(task->stream ? 0 : -ENOMEM, "stream");
}

void task_make(struct load *load, uint32_t index)
{
	struct task *task = &load->tasks[index];
	uint64_t users;

	task->scenario = &load->config.plan->scenarios[index];
	task->origin_ns = task->scenario->start_after == PLAN_NONE ? task->scenario->start_time_ns : NEVER;
	task->end_ns = NEVER;
	open_stream(load, task, index);
	sim_must(schedule_new(task->scenario, &task->schedule), "schedule");
	task_take_share(task, &load->config.assignment->shares[index]);
	if (is_open(task)) {
		sim_must(arrivals_walk_new(task->schedule, &task->share, &task->walk), "walk");
		if (!arrivals_walk_next(task->walk, &task->next_index, &task->next_ns))
			task->next_ns = NEVER;
		return;
	}
	users = scenario_max_vus(task->scenario);
	for (uint64_t i = share_next(&task->share, 0); i < users; i = share_next(&task->share, i + 1))
		task_add_user(task, i, 0, 0);
	if (task->scenario->executor == EXECUTOR_SHARED_ITERATIONS)
		task->pool = schedule_shared_iterations(task->scenario, &task->share);
	init_draws(task);
}

void task_deinit(struct task *task)
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
