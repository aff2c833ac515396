/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers' test rig. */
#include "tests/support/rig.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"

#define PATIENCE_NS (20 * NS_PER_S)

static struct rig_operation *of(struct operation *operation)
{
	static_assert(offsetof(struct rig_operation, operation) == 0, "the cast needs it");
	return (struct rig_operation *)(void *)operation;
}

static void complete(void *context, struct operation *operation)
{
	struct rig *rig = context;
	struct rig_operation *mine = of(operation);

	assert_false(rig->submitting);
	assert_false(mine->done);
	assert_true(operation->completed_ns >= operation->started_ns);
	mine->done = 1;
	rig->completed++;
	rig->failed += operation->error != ERROR_NONE;
	if (mine->after)
		mine->after(mine);
}

static int save(void *context, struct operation *operation, uint32_t slot, const char *text, size_t size)
{
	struct rig_operation *mine = of(operation);

	(void)context;
	assert_false(mine->done);
	assert_true(slot < 4);
	snprintf(mine->saved[slot], sizeof(mine->saved[slot]), "%.*s", (int)size, text);
	return 0;
}

static void __attribute__((format(printf, 2, 0))) parse(struct rig *rig, const char *format, va_list arguments)
{
	struct failures failures = {0};
	char *text = NULL;

	assert_true(vasprintf(&text, format, arguments) > 0);
	if (plan_parse(text, strlen(text), NULL, 0, &failures, &rig->plan) < 0) {
		for (size_t i = 0; i < failures.count; i++)
			print_error("%d:%d: %s\n", failures.items[i].line, failures.items[i].column,
			            failures.items[i].text);
		fail_msg("the plan is not valid:\n%s", text);
	}
	failures_deinit(&failures);
	free(text);
}

static void open_driver(struct rig *rig, const struct driver_ops *ops)
{
	struct failure failure = {0};

	assert_int_equal(loop_new(&rig->loop), 0);
	random_seed(&rig->random, 1);
	rig->scope = (struct template_scope){
	        .vu = 1, .agent = "agent", .random = &rig->random, .values = rig->values, .value_count = 16};
	rig->ops = ops;
	rig->config.plan = rig->plan;
	rig->config.target = &rig->plan->targets[0];
	rig->config.loop = rig->loop;
	rig->config.agent_name = "agent";
	rig->config.run_id = RIG_RUN_ID;
	rig->config.clock = &rig->clock;
	rig->config.complete = complete;
	rig->config.save = save;
	rig->config.context = rig;
	if (ops->open(&rig->config, &failure, &rig->driver) < 0)
		fail_msg("open: %s", failure.text);
}

void rig_open(struct rig *rig, const struct driver_ops *ops, const char *plan_format, ...)
{
	va_list arguments;

	*rig = (struct rig){0};
	va_start(arguments, plan_format);
	parse(rig, plan_format, arguments);
	va_end(arguments);
	open_driver(rig, ops);
}

void rig_open_config(struct rig *rig, const struct driver_ops *ops, const char *plan_format, ...)
{
	va_list arguments;

	va_start(arguments, plan_format);
	parse(rig, plan_format, arguments);
	va_end(arguments);
	open_driver(rig, ops);
}

void rig_close(struct rig *rig)
{
	if (!rig->driver)
		return;
	if (rig->ops->in_flight(rig->driver) > 0)
		rig->ops->abandon(rig->driver);
	assert_int_equal(rig->ops->in_flight(rig->driver), 0);
	rig->driver = rig->ops->close(rig->driver);
	rig->loop = loop_free(rig->loop);
	rig->plan = plan_free(rig->plan);
}

void rig_set(struct rig *rig, const char *name, const char *value)
{
	uint32_t slot = template_names_find(rig->plan->names, name);

	assert_true(slot < 16);
	rig->values[slot] = (struct template_value){value, value ? strlen(value) : 0};
}

struct driver_session *rig_session(struct rig *rig, uint64_t vu)
{
	struct driver_session *session = NULL;

	assert_int_equal(rig->ops->session_open(rig->driver, vu, &session), 0);
	return session;
}

int rig_submit(struct rig *rig, struct rig_operation *operation, uint32_t step, struct driver_session *session)
{
	uint64_t now_ns = clock_now_ns();
	void (*after)(struct rig_operation *) = operation->after;
	uint32_t lane = operation->operation.lane;
	int r;

	*operation = (struct rig_operation){.rig = rig, .after = after};
	operation->operation.step = &rig->plan->scenarios[0].steps[step];
	operation->operation.scope = &rig->scope;
	operation->operation.session = session;
	operation->operation.lane = lane;
	operation->operation.intended_ns = now_ns;
	operation->operation.started_ns = now_ns;
	operation->operation.words = &operation->words;
	rig->submitting = 1;
	r = rig->ops->submit(rig->driver, &operation->operation);
	rig->submitting = 0;
	return r;
}

static void turn(struct rig *rig, uint64_t until_ns)
{
	if (rig->ops->poll)
		rig->ops->poll(rig->driver, clock_now_ns());
	assert_int_equal(loop_step(rig->loop, until_ns), 0);
}

void rig_until(struct rig *rig, _Bool (*holds)(void *context), void *context)
{
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;

	while (!holds(context)) {
		assert_true(clock_now_ns() < deadline_ns);
		turn(rig, clock_now_ns() + 100 * NS_PER_MS);
	}
}

static _Bool is_done(void *context)
{
	return ((struct rig_operation *)context)->done;
}

void rig_do(struct rig *rig, struct rig_operation *operation, uint32_t step, struct driver_session *session)
{
	if (rig_submit(rig, operation, step, session) != SUBMIT_ACCEPTED)
		fail_msg("not accepted: %s %s", operation->words.error_code, operation->words.error_text);
	rig_until(rig, is_done, operation);
}

struct count_wait {
	const struct rig *rig;
	uint64_t completed;
};

static _Bool has_completed(void *context)
{
	const struct count_wait *wait = context;

	return wait->rig->completed >= wait->completed;
}

void rig_await(struct rig *rig, uint64_t completed)
{
	struct count_wait wait = {rig, completed};

	rig_until(rig, has_completed, &wait);
}

_Bool rig_has_sample(const struct rig_operation *operation, enum metric_id metric)
{
	for (uint32_t i = 0; i < operation->words.sample_count; i++)
		if (operation->words.samples[i].metric == metric)
			return 1;
	return 0;
}

uint64_t rig_sample(const struct rig_operation *operation, enum metric_id metric)
{
	uint64_t value = 0;
	uint32_t found = 0;

	for (uint32_t i = 0; i < operation->words.sample_count; i++) {
		if (operation->words.samples[i].metric != metric)
			continue;
		value = operation->words.samples[i].value;
		found++;
	}
	assert_int_equal(found, 1);
	return value;
}
