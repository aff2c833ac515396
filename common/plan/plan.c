// SPDX-License-Identifier: Apache-2.0
// The plan once it is read: its questions and its end.
#include "common/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "common/plan/reading.h"

const char *const target_kind_names[TARGET_KIND_COUNT] = {
        [TARGET_NULL] = "null", [TARGET_KAFKA] = "kafka", [TARGET_HTTP] = "http", [TARGET_POSTGRES] = "postgres"};

const char *const executor_names[EXECUTOR_COUNT] = {
        [EXECUTOR_CONSTANT_VUS] = "constant-vus",
        [EXECUTOR_RAMPING_VUS] = "ramping-vus",
        [EXECUTOR_PER_VU_ITERATIONS] = "per-vu-iterations",
        [EXECUTOR_SHARED_ITERATIONS] = "shared-iterations",
        [EXECUTOR_CONSTANT_ARRIVAL_RATE] = "constant-arrival-rate",
        [EXECUTOR_RAMPING_ARRIVAL_RATE] = "ramping-arrival-rate",
};

const char *const duty_kind_names[DUTY_KIND_COUNT] = {
        [DUTY_SETUP] = "setup",
        [DUTY_TEARDOWN] = "teardown",
        [DUTY_READER] = "reader",
        [DUTY_VERIFIER] = "verifier",
};

const char *const duty_task_names[DUTY_TASK_COUNT] = {
        [DUTY_TASK_NULL] = "null",       [DUTY_TASK_TOPICS] = "topics", [DUTY_TASK_LAG] = "lag",
        [DUTY_TASK_CLUSTER] = "cluster", [DUTY_TASK_VERIFY] = "verify",
};

_Bool executor_is_open(enum executor executor)
{
	return executor == EXECUTOR_CONSTANT_ARRIVAL_RATE || executor == EXECUTOR_RAMPING_ARRIVAL_RATE;
}

_Bool executor_is_counted(enum executor executor)
{
	return executor == EXECUTOR_PER_VU_ITERATIONS || executor == EXECUTOR_SHARED_ITERATIONS;
}

uint32_t plan_find_scenario(const struct plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		if (strcmp(plan->scenarios[i].name, name) == 0)
			return i;
	return PLAN_NONE;
}

uint32_t plan_step_count(const struct plan *plan)
{
	return plan_step_number(plan, plan->scenario_count, 0);
}

uint32_t plan_step_number(const struct plan *plan, uint32_t scenario, uint32_t step)
{
	for (uint32_t i = 0; i < scenario; i++)
		step += plan->scenarios[i].step_count;
	return step;
}

_Bool plan_step_find(const struct plan *plan, uint32_t number, uint32_t *ret_scenario, uint32_t *ret_step)
{
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		if (number < plan->scenarios[i].step_count) {
			*ret_scenario = i;
			*ret_step = number;
			return 1;
		}
		number -= plan->scenarios[i].step_count;
	}
	return 0;
}

uint32_t plan_find_target(const struct plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->target_count; i++)
		if (strcmp(plan->targets[i].name, name) == 0)
			return i;
	return PLAN_NONE;
}

static _Bool uses(const struct template *template, const struct feed *feed)
{
	for (uint32_t i = 0; template && i < feed_columns(feed); i++)
		if (template_uses(template, feed_slot(feed, i)))
			return 1;
	return 0;
}

static _Bool pairs_use(const struct template_pairs *pairs, const struct feed *feed)
{
	for (uint32_t i = 0; i < pairs->count; i++)
		if (uses(pairs->items[i].value, feed))
			return 1;
	return 0;
}

static _Bool step_uses(const struct plan *plan, const struct step *step, const struct feed *feed)
{
	if (uses(step->group, feed))
		return 1;
	switch (step->kind) {
	case STEP_HTTP:
		return uses(step->http.path, feed) || uses(step->http.body, feed) ||
		       pairs_use(&step->http.headers, feed) ||
		       (step->target != PLAN_NONE && plan->targets[step->target].kind == TARGET_HTTP &&
		        pairs_use(&plan->targets[step->target].http.headers, feed));
	case STEP_PRODUCE:
		return uses(step->produce.topic, feed) || uses(step->produce.key, feed) ||
		       uses(step->produce.payload, feed) || pairs_use(&step->produce.headers, feed);
	case STEP_SQL:
		return pairs_use(&step->sql.params, feed);
	default:
		return 0;
	}
}

_Bool plan_scenario_uses_feed(const struct plan *plan, uint32_t scenario, uint32_t feed)
{
	const struct scenario *one = &plan->scenarios[scenario];
	for (uint32_t i = 0; i < one->step_count; i++)
		if (step_uses(plan, &one->steps[i], plan->feeds[feed]))
			return 1;
	return 0;
}

_Bool duty_yields(const struct duty *duty, enum metric_id metric)
{
	switch (duty->task) {
	case DUTY_TASK_NULL:
		return metric == METRIC_NULL_READING;
	case DUTY_TASK_LAG:
		return metric == METRIC_KAFKA_CONSUMER_LAG;
	case DUTY_TASK_CLUSTER:
		return metric == METRIC_KAFKA_UNDER_REPLICATED_PARTITIONS ||
		       metric == METRIC_KAFKA_OFFLINE_PARTITIONS || metric == METRIC_KAFKA_ISR_CHANGES ||
		       metric == METRIC_KAFKA_LEADER_CHANGES;
	default:
		return 0;
	}
}

static void pairs_deinit(struct pairs *pairs)
{
	for (uint32_t i = 0; i < pairs->count; i++) {
		free(pairs->items[i].name);
		free(pairs->items[i].value);
	}
	free(pairs->items);
}

static void template_pairs_deinit(struct template_pairs *pairs)
{
	for (uint32_t i = 0; i < pairs->count; i++) {
		free(pairs->items[i].name);
		template_free(pairs->items[i].value);
	}
	free(pairs->items);
}

static void texts_deinit(struct texts *texts)
{
	for (uint32_t i = 0; i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
}

static void http_step_deinit(struct http_step *step)
{
	free(step->method);
	template_free(step->path);
	template_pairs_deinit(&step->headers);
	template_free(step->body);
	free(step->status.name);
	for (uint32_t i = 0; i < step->save_count; i++)
		free(step->saves[i].expression);
	free(step->saves);
}

static void step_deinit(struct step *step)
{
	free(step->name);
	template_free(step->group);
	if (step->kind == STEP_HTTP) {
		http_step_deinit(&step->http);
	} else if (step->kind == STEP_PRODUCE) {
		template_free(step->produce.topic);
		template_free(step->produce.key);
		template_free(step->produce.payload);
		free(step->produce.sizes);
		template_pairs_deinit(&step->produce.headers);
	} else if (step->kind == STEP_CONSUME) {
		texts_deinit(&step->consume.topics);
		template_free(step->consume.group_id);
		free(step->consume.partitions);
	} else if (step->kind == STEP_SQL) {
		free(step->sql.query);
		template_pairs_deinit(&step->sql.params);
	}
}

static void kafka_target_deinit(struct kafka_target *kafka)
{
	free(kafka->brokers);
	pairs_deinit(&kafka->properties);
	for (uint32_t i = 0; i < kafka->topic_count; i++) {
		free(kafka->topics[i].name);
		pairs_deinit(&kafka->topics[i].config);
	}
	free(kafka->topics);
}

static void target_deinit(struct target *target)
{
	free(target->name);
	if (target->kind == TARGET_KAFKA) {
		kafka_target_deinit(&target->kafka);
	} else if (target->kind == TARGET_HTTP) {
		free(target->http.base_url);
		template_pairs_deinit(&target->http.headers);
	} else if (target->kind == TARGET_POSTGRES) {
		free(target->postgres.uri);
	}
}

static void scenario_deinit(struct scenario *scenario)
{
	free(scenario->name);
	free(scenario->stages);
	for (uint32_t i = 0; i < scenario->phase_count; i++)
		free(scenario->pattern[i].name);
	free(scenario->pattern);
	pairs_deinit(&scenario->run_on);
	for (uint32_t i = 0; i < scenario->step_count; i++)
		step_deinit(&scenario->steps[i]);
	free(scenario->steps);
}

static void duty_deinit(struct duty *duty)
{
	free(duty->name);
	switch (duty->task) {
	case DUTY_TASK_NULL:
		template_pairs_deinit(&duty->null.values);
		break;
	case DUTY_TASK_LAG:
		template_pairs_deinit(&duty->lag.groups);
		texts_deinit(&duty->lag.topics);
		break;
	case DUTY_TASK_VERIFY:
		free(duty->verify.topic);
		break;
	default:
		break;
	}
}

static void thresholds_deinit(struct plan *plan)
{
	for (uint32_t i = 0; i < plan->threshold_count; i++) {
		free(plan->thresholds[i].source);
		free(plan->thresholds[i].text);
		selector_deinit(&plan->thresholds[i].selector);
	}
	free(plan->thresholds);
}

struct plan *plan_free(struct plan *plan)
{
	if (!plan)
		return NULL;
	for (uint32_t i = 0; i < plan->target_count; i++)
		target_deinit(&plan->targets[i]);
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		scenario_deinit(&plan->scenarios[i]);
	for (uint32_t i = 0; i < plan->duty_count; i++)
		duty_deinit(&plan->duties[i]);
	for (uint32_t i = 0; i < plan->feed_count; i++)
		feed_free(plan->feeds[i]);
	thresholds_deinit(plan);
	pairs_deinit(&plan->variables);
	pairs_deinit(&plan->tags);
	template_names_free(plan->names);
	free(plan->targets);
	free(plan->scenarios);
	free(plan->duties);
	free(plan->feeds);
	free(plan->file);
	free(plan->name);
	free(plan);
	return NULL;
}
