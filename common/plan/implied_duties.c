/* SPDX-License-Identifier: Apache-2.0 */
/* Duties that nobody wrote: what follows from the rest of the plan. They are told again from the same plan wherever it
 * is read, so their numbers are the same there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/plan/reading.h"
#include "common/stats/ledger_delta.h"

#define IMPLIED_EVERY_NS NS_PER_S

/* Called "WHAT of TARGET"; NULL after an error. */
static struct duty *add_duty(struct reading *reading, const struct duty *like, const char *what, const char *target)
{
	struct plan *plan = reading->plan;
	struct duty *duty;
	char name[512];

	if (plan->duty_count >= LIMIT_PLAN_DUTIES) {
		reading_error(reading, like->place,
		              "the plan has more than %d setups, teardowns, readers and verifiers, with those that "
		              "topics, groups, verify and thresholds ask for",
		              LIMIT_PLAN_DUTIES);
		return NULL;
	}
	if (!plan->duties)
		plan->duties = reading_array(reading, LIMIT_PLAN_DUTIES, sizeof(*plan->duties));
	if (!plan->duties)
		return NULL;
	snprintf(name, sizeof(name), target ? "%s of %s" : "%s", what, target);
	duty = &plan->duties[plan->duty_count++];
	*duty = *like;
	duty->implied = 1;
	duty->name = reading_copy(reading, name);
	for (const struct duty *other = plan->duties; duty->name && other < duty; other++)
		if (other->name && strcmp(other->name, duty->name) == 0)
			reading_error(reading, other->place, "the plan has a duty of its own named \"%s\"", name);
	return duty->name ? duty : NULL;
}

/* ---- topics ---- */

static _Bool deletes(const struct kafka_target *kafka)
{
	for (uint32_t i = 0; i < kafka->topic_count; i++)
		if (kafka->topics[i].after == TOPIC_DELETE)
			return 1;
	return 0;
}

static void imply_topics(struct reading *reading, enum duty_kind kind)
{
	const struct plan *plan = reading->plan;

	for (uint32_t i = 0; i < plan->target_count; i++) {
		const struct target *target = &plan->targets[i];
		const struct duty duty = {.kind = kind, .task = DUTY_TASK_TOPICS, .place = target->place, .target = i};

		if (target->kind != TARGET_KAFKA || target->kafka.topic_count == 0)
			continue;
		if (kind == DUTY_SETUP)
			add_duty(reading, &duty, "topics", target->name);
		else if (deletes(&target->kafka))
			add_duty(reading, &duty, "delete topics", target->name);
	}
}

/* ---- lag ---- */

static _Bool has_group(const struct lag_duty *lag, const struct template *group)
{
	for (uint32_t i = 0; i < lag->groups.count; i++)
		if (strcmp(template_source(lag->groups.items[i].value), template_source(group)) == 0)
			return 1;
	return 0;
}

static void add_group(struct reading *reading, struct lag_duty *lag, const struct template *group)
{
	struct template_pair *items;
	struct template *copy;

	if (has_group(lag, group) || lag->groups.count >= LIMIT_GROUP_IDS)
		return;
	items = reallocarray(lag->groups.items, lag->groups.count + 1, sizeof(*items));
	if (items)
		lag->groups.items = items;
	if (!items || template_compile(template_source(group), reading->plan->names, NULL, &copy) < 0) {
		reading->failed = -ENOMEM;
		return;
	}
	items[lag->groups.count++] = (struct template_pair){.value = copy};
}

static void add_groups(struct reading *reading, struct lag_duty *lag, uint32_t target)
{
	const struct plan *plan = reading->plan;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		for (uint32_t j = 0; j < plan->scenarios[i].step_count; j++) {
			const struct step *step = &plan->scenarios[i].steps[j];

			if (step->kind == STEP_CONSUME && step->target == target && step->consume.group_id)
				add_group(reading, lag, step->consume.group_id);
		}
	}
}

static _Bool consumes_by_group(const struct plan *plan, uint32_t target)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		for (uint32_t j = 0; j < plan->scenarios[i].step_count; j++) {
			const struct step *step = &plan->scenarios[i].steps[j];

			if (step->kind == STEP_CONSUME && step->consume.group_id &&
			    (target == PLAN_NONE || step->target == target))
				return 1;
		}
	return 0;
}

static void imply_lag(struct reading *reading)
{
	for (uint32_t i = 0; i < reading->plan->target_count; i++) {
		const struct target *target = &reading->plan->targets[i];
		struct duty *duty;

		if (!consumes_by_group(reading->plan, i))
			continue;
		duty = add_duty(reading,
		                &(struct duty){.kind = DUTY_READER,
		                               .task = DUTY_TASK_LAG,
		                               .place = target->place,
		                               .target = i,
		                               .every_ns = IMPLIED_EVERY_NS},
		                "lag", target->name);
		if (duty)
			add_groups(reading, &duty->lag, i);
	}
}

/* ---- the cluster ---- */

static _Bool has_cluster_reader(const struct plan *plan, uint32_t target)
{
	for (uint32_t i = 0; i < plan->duty_count; i++)
		if (plan->duties[i].task == DUTY_TASK_CLUSTER && plan->duties[i].target == target)
			return 1;
	return 0;
}

static void imply_cluster(struct reading *reading)
{
	static const struct duty cluster = {.task = DUTY_TASK_CLUSTER};
	const struct plan *plan = reading->plan;
	_Bool asked = 0;

	for (uint32_t i = 0; i < plan->threshold_count; i++)
		asked |= duty_yields(&cluster, plan->thresholds[i].selector.metric);
	for (uint32_t i = 0; asked && i < plan->target_count; i++)
		if (plan->targets[i].kind == TARGET_KAFKA && !has_cluster_reader(plan, i))
			add_duty(reading,
			         &(struct duty){.kind = DUTY_READER,
			                        .task = DUTY_TASK_CLUSTER,
			                        .place = plan->targets[i].place,
			                        .target = i,
			                        .every_ns = IMPLIED_EVERY_NS},
			         "cluster", plan->targets[i].name);
}

/* ---- verifiers ---- */

static struct duty *find_verifier(const struct plan *plan, uint32_t target, const char *topic)
{
	for (uint32_t i = 0; i < plan->duty_count; i++) {
		struct duty *duty = &plan->duties[i];

		if (duty->kind == DUTY_VERIFIER && duty->target == target && strcmp(duty->verify.topic, topic) == 0)
			return duty;
	}
	return NULL;
}

static _Bool verifies_elsewhere(const struct plan *plan, const char *topic)
{
	for (uint32_t i = 0; i < plan->duty_count; i++)
		if (plan->duties[i].kind == DUTY_VERIFIER && strcmp(plan->duties[i].verify.topic, topic) == 0)
			return 1;
	return 0;
}

static void imply_verifier(struct reading *reading, const struct step *step)
{
	const char *topic = template_source(step->produce.topic);
	_Bool during = step->produce.verify == VERIFY_DURING;
	struct duty *duty = find_verifier(reading->plan, step->target, topic);
	const char *target =
	        verifies_elsewhere(reading->plan, topic) ? reading->plan->targets[step->target].name : NULL;
	char what[LEDGER_TOPIC_MAX + 16];

	if (duty) {
		duty->verify.during |= during;
		return;
	}
	snprintf(what, sizeof(what), "verify %s", topic);
	duty = add_duty(reading,
	                &(struct duty){.kind = DUTY_VERIFIER,
	                               .task = DUTY_TASK_VERIFY,
	                               .place = step->place,
	                               .target = step->target,
	                               .verify = {.during = during}},
	                what, target);
	if (duty)
		duty->verify.topic = reading_copy(reading, topic);
}

static void imply_verifiers(struct reading *reading)
{
	const struct plan *plan = reading->plan;

	for (uint32_t i = 0; i < plan->scenario_count; i++)
		for (uint32_t j = 0; j < plan->scenarios[i].step_count && !reading->failed; j++) {
			const struct step *step = &plan->scenarios[i].steps[j];

			if (step->kind == STEP_PRODUCE && step->produce.verify != VERIFY_NONE)
				imply_verifier(reading, step);
		}
}

/* ---- all ---- */

void imply_duties(struct reading *reading)
{
	imply_topics(reading, DUTY_SETUP);
	imply_topics(reading, DUTY_TEARDOWN);
	imply_lag(reading);
	imply_cluster(reading);
	imply_verifiers(reading);
}

/* False: the group isn't known before the run, or there is no room. */
static _Bool note_group(const struct template *group, const char **groups, int max, int *count)
{
	if (!group || !template_is_constant(group) || *count >= max)
		return 0;
	groups[(*count)++] = template_source(group);
	return 1;
}

int lag_groups(const struct plan *plan, const char **ret_groups, int max)
{
	int count = 0;

	for (uint32_t i = 0; i < plan->duty_count; i++) {
		const struct duty *duty = &plan->duties[i];

		for (uint32_t j = 0; duty->task == DUTY_TASK_LAG && j < duty->lag.groups.count; j++)
			if (!note_group(duty->lag.groups.items[j].value, ret_groups, max, &count))
				return -1;
	}
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		for (uint32_t j = 0; j < plan->scenarios[i].step_count; j++) {
			const struct step *step = &plan->scenarios[i].steps[j];

			if (step->kind == STEP_CONSUME && step->consume.group_id &&
			    !note_group(step->consume.group_id, ret_groups, max, &count))
				return -1;
		}
	return count;
}

_Bool implies_reading(const struct plan *plan, enum metric_id metric)
{
	_Bool kafka = 0;

	if (metric == METRIC_KAFKA_CONSUMER_LAG)
		return consumes_by_group(plan, PLAN_NONE);
	for (uint32_t i = 0; i < plan->target_count; i++)
		kafka |= plan->targets[i].kind == TARGET_KAFKA;
	return kafka && duty_yields(&(struct duty){.task = DUTY_TASK_CLUSTER}, metric);
}
