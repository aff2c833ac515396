/* SPDX-License-Identifier: Apache-2.0 */
/* A crew of the model changes over from one epoch to the next. */
#include "tests/sim/load_state.h"

#include <errno.h>
#include <string.h>

#include "common/base/array.h"
#include "common/wire/codec.h"

void load_drop_assignment(struct message_assign *assignment)
{
	struct message message = {.type = MESSAGE_ASSIGN, .assign = *assignment};

	message_deinit(&message);
	*assignment = (struct message_assign){0};
}

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
			task_add_user(task, i, at_ns, 1);
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

		task_take_share(task, &coming->assignment.shares[i]);
		if (is_open(task))
			shift_open(load, task, coming->effective_ns);
		else
			shift_closed(task, coming->effective_ns);
	}
	take_grants(load, &coming->assignment);
	load_drop_assignment(&load->now);
	load->now = coming->assignment;
	load->epoch = coming->epoch;
	sim_must(snapshots_shift(load->snapshots, coming->epoch, coming->effective_ns / NS_PER_S), "epoch");
	sim_trace(load->config.sim, "agent %u is in epoch %u from second %llu on", load->config.process, load->epoch,
	          (unsigned long long)(coming->effective_ns / NS_PER_S));
}

void load_shift(struct load *load)
{
	size_t due = 0;

	while (due < load->coming_count && load->coming[due].effective_ns <= load->cursor_ns)
		shift(load, &load->coming[due++]);
	if (due == 0)
		return;
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
		task_make(load, i);
	load_drop_assignment(&load->now);
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
