/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual user of one worker. */
#include "agent/vu.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine.h"
#include "common/base/cleanup.h"

/* Spreads neighbouring numbers over the seeds. Not the constant that the seeding itself steps by, or streams would
 * overlap. */
#define SEED_STEP UINT64_C(0xd1342543de82ef95)

DEFINE_CLEANUP(struct vu *, vu_free)

void vu_list_add(struct vu_list *list, struct vu *vu)
{
	assert(!vu->list);
	vu->list = list;
	vu->next = NULL;
	vu->previous = list->last;
	if (list->last)
		list->last->next = vu;
	else
		list->first = vu;
	list->last = vu;
	list->count++;
}

void vu_list_add_first(struct vu_list *list, struct vu *vu)
{
	assert(!vu->list);
	vu->list = list;
	vu->previous = NULL;
	vu->next = list->first;
	if (list->first)
		list->first->previous = vu;
	else
		list->last = vu;
	list->first = vu;
	list->count++;
}

void vu_list_remove(struct vu *vu)
{
	struct vu_list *list = vu->list;

	if (!list)
		return;
	if (vu->previous)
		vu->previous->next = vu->next;
	else
		list->first = vu->next;
	if (vu->next)
		vu->next->previous = vu->previous;
	else
		list->last = vu->previous;
	vu->list = NULL;
	list->count--;
}

struct vu *vu_list_take(struct vu_list *list)
{
	struct vu *vu = list->first;

	if (vu)
		vu_list_remove(vu);
	return vu;
}

struct vu *vu_list_take_last(struct vu_list *list)
{
	struct vu *vu = list->last;

	if (vu)
		vu_list_remove(vu);
	return vu;
}

static void timer_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct vu *vu = timer->context;
	struct runner *runner = vu->runner;
	int r;

	if (vu->busy)
		r = runner_outcome(runner, vu, flow_resume(vu, now_ns), now_ns);
	else
		r = runner->ops->vu_timer(runner, vu, now_ns);
	engine_fail(runner->engine, r);
}

static void curfew_fired(struct loop_timer *timer, uint64_t now_ns)
{
	struct vu *vu = timer->context;

	(void)now_ns;
	if (vu->busy)
		flow_interrupt(vu);
}

static int set_variables(struct vu *vu, const struct plan *plan)
{
	uint32_t count = template_names_count(plan->names);

	vu->values = calloc(count + 1, sizeof(*vu->values));
	if (!vu->values)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->variables.count; i++) {
		const struct pair *pair = &plan->variables.items[i];
		uint32_t slot = template_names_find(plan->names, pair->name);

		if (slot < count)
			vu->values[slot] = (struct template_value){.text = pair->value, .size = strlen(pair->value)};
	}
	vu->scope.values = vu->values;
	vu->scope.value_count = count;
	vu_set_values(vu, vu->runner->engine->values, vu->runner->engine->value_count);
	return 0;
}

void vu_set_values(struct vu *vu, const struct engine_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct engine_value *value = &values[i];

		if (!vu->saved || !vu->saved[value->slot])
			vu->values[value->slot] =
			        (struct template_value){.text = value->text, .size = strlen(value->text)};
	}
}

void vu_seed(struct vu *vu, uint64_t number)
{
	random_seed(&vu->random, vu->runner->scenario->seed ^ (number + 1) * SEED_STEP);
}

int vu_new(struct runner *runner, uint64_t index, struct vu **ret_vu)
{
	cleanup(vu_freep) struct vu *vu = calloc(1, sizeof(*vu));
	const struct engine *engine = runner->engine;
	int r;

	if (!vu)
		return -ENOMEM;
	vu->runner = runner;
	vu->index = index;
	vu->timer.fire = timer_fired;
	vu->timer.context = vu;
	vu->curfew.fire = curfew_fired;
	vu->curfew.context = vu;
	vu_seed(vu, index);
	vu->scope.vu = plan_vu_base(engine->plan, runner->index) + index + 1;
	vu->scope.agent = engine->config.agent_name;
	vu->scope.random = &vu->random;
	vu->scope.secret = secrets_get;
	vu->scope.secret_context = engine->secrets;
	r = set_variables(vu, engine->plan);
	if (r < 0)
		return r;
	vu->sessions = calloc(runner->flow.target_count + 1, sizeof(struct driver_session *));
	if (!vu->sessions)
		return -ENOMEM;
	r = vu_open(vu);
	if (r < 0)
		return r;
	*ret_vu = steal(vu);
	return 0;
}

struct vu *vu_free(struct vu *vu)
{
	if (!vu)
		return NULL;
	loop_timer_stop(vu->runner->engine->loop, &vu->timer);
	loop_timer_stop(vu->runner->engine->loop, &vu->curfew);
	vu_list_remove(vu);
	if (vu->sessions)
		vu_close(vu);
	for (uint32_t i = 0; vu->saved && i < vu->scope.value_count; i++)
		free(vu->saved[i]);
	free(vu->saved);
	free(vu->sessions);
	free(vu->values);
	free(vu);
	return NULL;
}

int vu_open(struct vu *vu)
{
	const struct flow *flow = &vu->runner->flow;

	for (uint32_t i = 0; i < flow->target_count; i++) {
		struct engine_target *target = flow->targets[i];
		int r;

		if (!target->ops->session_open || vu->sessions[i])
			continue;
		r = target->ops->session_open(target->driver, vu->scope.vu, &vu->sessions[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

void vu_close(struct vu *vu)
{
	const struct flow *flow = &vu->runner->flow;

	for (uint32_t i = 0; i < flow->target_count; i++) {
		if (vu->sessions[i])
			flow->targets[i]->ops->session_close(flow->targets[i]->driver, vu->sessions[i]);
		vu->sessions[i] = NULL;
	}
}

int vu_save(struct vu *vu, uint32_t slot, const char *text, size_t size)
{
	char *copy;

	assert(slot < vu->scope.value_count);
	if (!vu->saved)
		vu->saved = calloc(vu->scope.value_count, sizeof(char *));
	if (!vu->saved)
		return -ENOMEM;
	copy = realloc(vu->saved[slot], size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, size);
	copy[size] = '\0';
	vu->saved[slot] = copy;
	vu->values[slot] = (struct template_value){.text = copy, .size = size};
	return 0;
}
