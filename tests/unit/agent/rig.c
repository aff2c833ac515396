/* SPDX-License-Identifier: Apache-2.0 */
/* An engine on the test's own thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/unit/agent/rig.h"

struct plan *rig_plan(const char *yaml, const struct plan_file *files, uint32_t file_count)
{
	struct failures failures = {0};
	struct plan *plan = NULL;

	if (plan_parse(yaml, strlen(yaml), files, file_count, &failures, &plan) < 0) {
		for (size_t i = 0; i < failures.count; i++)
			print_error("%d:%d: %s\n", failures.items[i].line, failures.items[i].column,
			            failures.items[i].text);
		fail_msg("the test's plan is wrong");
	}
	failures_deinit(&failures);
	return plan;
}

static struct second *hand_over(void *context, struct second *full)
{
	struct rig *rig = context;
	struct second *fresh = NULL;

	assert_int_equal(snapshots_add(rig->snapshots, 0, full), 0);
	if (!full->last)
		assert_int_equal(second_new(rig->plan, rig->engine->groups, &fresh), 0);
	return fresh;
}

/* The rig's agent has this share of every scenario. */
static void add_epoch(struct rig *rig, const struct share *share, const struct message_assign *more, uint64_t at_ns)
{
	struct message_assign assignment = more ? *more : (struct message_assign){0};
	uint32_t number = rig->newest ? rig->newest->number + 1 : 1;
	struct failure failure = {0};
	struct epoch *epoch;

	assignment.share_count = rig->plan->scenario_count;
	assignment.shares = calloc(assignment.share_count, sizeof(*assignment.shares));
	for (uint32_t i = 0; i < assignment.share_count; i++)
		assignment.shares[i] = *share;
	assert_int_equal(epoch_new(&assignment, number, at_ns, &epoch), 0);
	free(assignment.shares);
	if (epoch_divide(epoch, rig->newest, rig->plan, rig->workers, &failure) < 0)
		fail_msg("%s", failure.text);
	if (rig->newest)
		rig->newest->next = epoch;
	else
		rig->epochs = epoch;
	rig->newest = epoch;
}

static struct rig *new_rig(const char *yaml, const struct driver_ops *const *table, const struct plan_file *files,
                           uint32_t file_count, uint32_t worker, uint32_t workers, const struct share *share)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct failure failure = {0};

	rig->plan = rig_plan(yaml, files, file_count);
	rig->worker = worker;
	rig->workers = workers;
	assert_true(rig->plan->scenario_count <= sizeof(rig->scenarios) / sizeof(rig->scenarios[0]));
	add_epoch(rig, share, NULL, 0);
	rig->series = series_table_new();
	rig->totals = cells_new();
	assert_int_equal(snapshots_new(rig->plan, 1, &rig->snapshots), 0);
	if (engine_new(&(struct engine_config){.plan = rig->plan,
	                                       .portion = &rig->epochs->portions[worker],
	                                       .drivers = table,
	                                       .agent_name = "rig",
	                                       .run_id = "run",
	                                       .worker = worker,
	                                       .hand_over = hand_over,
	                                       .context = rig},
	               &failure, &rig->engine) < 0)
		fail_msg("%s", failure.text);
	return rig;
}

struct rig *rig_new_part(const char *yaml, const struct driver_ops *const *table, const struct plan_file *files,
                         uint32_t file_count, uint32_t worker, uint32_t workers)
{
	struct share all;
	struct rig *rig;

	assert_int_equal(share_all(&all), 0);
	rig = new_rig(yaml, table, files, file_count, worker, workers, &all);
	share_deinit(&all);
	return rig;
}

struct rig *rig_new_owner(const char *yaml, const struct driver_ops *const *table, const struct plan_file *file,
                          const struct share *share)
{
	return new_rig(yaml, table, file, file ? 1 : 0, 0, 1, share);
}

void rig_adopt(struct rig *rig, const struct share *share, const struct message_assign *more, uint64_t at_ns)
{
	struct failure failure = {0};

	add_epoch(rig, share, more, at_ns);
	if (engine_adopt(rig->engine, &rig->newest->portions[rig->worker], at_ns, &failure) < 0)
		fail_msg("%s", failure.text);
}

struct rig *rig_new(const char *yaml, const struct driver_ops *const *table)
{
	return rig_new_part(yaml, table, NULL, 0, 0, 1);
}

void rig_free(struct rig *rig)
{
	engine_free(rig->engine);
	snapshots_free(rig->snapshots);
	series_table_free(rig->series);
	cells_free(rig->totals);
	while (rig->epochs) {
		struct epoch *epoch = rig->epochs;

		rig->epochs = epoch->next;
		epoch_free(epoch);
	}
	plan_free(rig->plan);
	free(rig);
}

static void give(void *context, uint32_t worker, struct second *second)
{
	(void)context;
	(void)worker;
	second_free(second);
}

/* Takes a snapshot as a coordinator would. */
static void add_up(struct rig *rig, const struct message_snapshot *snapshot)
{
	assert_int_equal(snapshot->second, rig->first_second + rig->seconds);
	assert_int_equal(snapshot->seq, rig->seconds + 1);
	rig->seconds++;
	for (uint32_t i = 0; i < snapshot->series_count; i++) {
		uint32_t id;

		assert_int_equal(series_table_intern(rig->series, &snapshot->series[i].series, &id, NULL), 0);
		assert_int_equal(id, snapshot->series[i].id);
	}
	for (uint32_t i = 0; i < snapshot->cell_count; i++) {
		const struct wire_cell *from = &snapshot->cells[i];
		enum metric_id metric = series_table_get(rig->series, from->series_id)->metric;
		struct cell *into = cells_get(rig->totals, from->series_id, metrics[metric].kind);

		assert_true(i == 0 || from->series_id > from[-1].series_id);
		/* Gauges add up over workers; the sum of seconds does for a test. */
		assert_int_equal(cell_decode_merge(into, METRIC_SUM, from->data, from->size), 0);
	}
	memcpy(rig->scenarios, snapshot->scenarios, snapshot->scenario_count * sizeof(*rig->scenarios));
	rig->health = snapshot->health;
	rig->ledger_bytes += snapshot->ledger_size;
	rig->last = snapshot->last;
}

void rig_start(struct rig *rig, uint64_t t0_ns)
{
	assert_int_equal(engine_start(rig->engine, t0_ns, 0), 0);
}

void rig_join(struct rig *rig, uint64_t t0_ns, uint64_t first_second)
{
	rig->first_second = first_second;
	snapshots_begin(rig->snapshots, first_second);
	assert_int_equal(engine_start(rig->engine, t0_ns, first_second), 0);
}

void rig_turn(struct rig *rig)
{
	assert_int_equal(engine_turn(rig->engine), 0);
	while (snapshots_ready(rig->snapshots)) {
		struct snapshot *snapshot;

		assert_int_equal(snapshots_make(rig->snapshots, &(struct wire_health){0}, give, NULL, &snapshot), 0);
		add_up(rig, &snapshot->message);
		snapshot_free(snapshot);
	}
}

void rig_finish(struct rig *rig)
{
	while (!engine_done(rig->engine))
		rig_turn(rig);
	assert_true(rig->last);
}

void rig_run(struct rig *rig)
{
	rig_start(rig, clock_now_ns());
	rig_finish(rig);
}

static const struct cell *find(const struct rig *rig, const struct series *series)
{
	static const struct cell none;
	uint32_t id = series_table_find(rig->series, series);

	return id == UINT32_MAX ? &none : cells_get(rig->totals, id, metrics[series->metric].kind);
}

const struct cell *rig_cell(const struct rig *rig, enum metric_id metric, const char *scenario, const char *step,
                            const char *group, const char *label)
{
	return find(rig, &(struct series){.metric = metric,
	                                  .scenario = scenario,
	                                  .step = step ? step : "",
	                                  .group = group ? group : "",
	                                  .label = label ? label : ""});
}

const struct cell *rig_warmup_cell(const struct rig *rig, enum metric_id metric, const char *scenario, const char *step)
{
	return find(rig, &(struct series){.metric = metric,
	                                  .warmup = 1,
	                                  .scenario = scenario,
	                                  .step = step ? step : "",
	                                  .group = "",
	                                  .label = ""});
}

uint64_t rig_count(const struct rig *rig, enum metric_id metric, const char *scenario, const char *step)
{
	const struct cell *cell = rig_cell(rig, metric, scenario, step, NULL, NULL);

	switch (metrics[metric].kind) {
	case METRIC_COUNTER:
		return cell->counter;
	case METRIC_RATE:
		return cell->rate.total;
	case METRIC_GAUGE:
		return cell->gauge.count;
	case METRIC_LATENCY:
		return cell->latency.histogram ? histogram_count(cell->latency.histogram) : 0;
	}
	return 0;
}

void rig_check_account(const struct rig *rig, uint32_t scenario)
{
	const struct wire_scenario *of = &rig->scenarios[scenario];
	const char *name = rig->plan->scenarios[scenario].name;

	assert_true(of->finished);
	assert_int_equal(of->running, 0);
	assert_true(tally_holds(&of->tally, 0));
	assert_int_equal(of->tally.planned, of->tally.started + tally_dropped(&of->tally));
	/* Kept apart, they must tell the same. */
	assert_int_equal(rig_count(rig, METRIC_ITERATIONS, name, NULL) +
	                         rig_warmup_cell(rig, METRIC_ITERATIONS, name, NULL)->counter,
	                 of->tally.succeeded + of->tally.failed);
}
