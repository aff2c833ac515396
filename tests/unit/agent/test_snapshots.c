/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots.h: what several workers counted becomes one agent's seconds. recorder.h and groups.h are what it stands on.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/drivers/driver.h"
#include "agent/snapshots.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "tests/unit/agent/rig.h"

#define PLAN                                                                                                           \
	"name: t\nmaxGroups: 3\nscenarios: { a: { executor: constant-vus, vus: 1, duration: 1s,\n"                     \
	"  steps: [ { null: { name: s, group: \"{{vu}}\" } } ] } }\n"

struct setting {
	struct plan *plan;
	struct groups *groups[2];
	struct snapshots *snapshots;
	uint32_t given[2];
};

static void set_up(struct setting *setting)
{
	*setting = (struct setting){.plan = rig_plan(PLAN, NULL, 0)};
	for (int i = 0; i < 2; i++)
		assert_int_equal(groups_new(setting->plan, &setting->groups[i]), 0);
	assert_int_equal(snapshots_new(setting->plan, 2, &setting->snapshots), 0);
}

static void tear_down(struct setting *setting)
{
	snapshots_free(setting->snapshots);
	for (int i = 0; i < 2; i++)
		groups_free(setting->groups[i]);
	plan_free(setting->plan);
}

static struct second *second_of(struct setting *setting, uint32_t worker, uint64_t number, uint64_t next)
{
	struct second *second;

	assert_int_equal(second_new(setting->plan, setting->groups[worker], &second), 0);
	second->number = number;
	second->next = next;
	return second;
}

static void record(struct setting *setting, uint32_t worker, struct second *second, const char *group,
                   const char *error)
{
	struct operation operation = {.step = &setting->plan->scenarios[0].steps[0], .completed_ns = 5 * NS_PER_MS};
	struct recorder_place place = {0};

	assert_int_equal(groups_intern(setting->groups[worker], 0, 0, group, strlen(group), &place.group), 0);
	if (error)
		operation_fail(&operation, ERROR_SERVER, "E", "%s", error);
	assert_int_equal(recorder_operation(second->recorder, &place, &operation), 0);
	free(operation.words);
}

static void give(void *context, uint32_t worker, struct second *second)
{
	struct setting *setting = context;

	setting->given[worker]++;
	second_free(second);
}

static struct snapshot *make(struct setting *setting)
{
	struct snapshot *snapshot;

	assert_true(snapshots_ready(setting->snapshots));
	assert_int_equal(
	        snapshots_make(setting->snapshots, &(struct wire_health){.cpu_ns = 9}, give, setting, &snapshot), 0);
	return snapshot;
}

/* The counter of operations in a group, or of errors with a label. */
static uint64_t counted(const struct snapshot *snapshot, struct series_table *table, enum metric_id metric,
                        const char *text)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < snapshot->message.series_count; i++) {
		uint32_t id;

		assert_int_equal(series_table_intern(table, &snapshot->message.series[i].series, &id, NULL), 0);
		assert_int_equal(id, snapshot->message.series[i].id);
	}
	for (uint32_t i = 0; i < snapshot->message.cell_count; i++) {
		const struct wire_cell *from = &snapshot->message.cells[i];
		const struct series *series = series_table_get(table, from->series_id);
		struct cell cell;

		if (series->metric != metric ||
		    strcmp(metric == METRIC_ERRORS ? series->label : series->group, text) != 0)
			continue;
		assert_int_equal(cell_init(&cell, METRIC_COUNTER), 0);
		assert_int_equal(cell_decode_merge(&cell, METRIC_SUM, from->data, from->size), 0);
		sum += cell.counter;
		cell_deinit(&cell);
	}
	return sum;
}

static void test_snapshots_wait_for_the_slowest_worker(void **state)
{
	struct setting setting;
	struct series_table *table = series_table_new();
	struct second *first;
	struct second *second;
	struct snapshot *snapshot;

	(void)state;
	set_up(&setting);
	first = second_of(&setting, 0, 0, 1);
	record(&setting, 0, first, "g", NULL);
	first->scenarios[0].tally.started = 5;
	assert_int_equal(snapshots_add(setting.snapshots, 0, first), 0);
	assert_false(snapshots_ready(setting.snapshots));
	second = second_of(&setting, 1, 0, 1);
	record(&setting, 1, second, "g", NULL);
	second->scenarios[0].tally.started = 7;
	assert_int_equal(snapshots_add(setting.snapshots, 1, second), 0);
	snapshot = make(&setting);
	assert_int_equal(snapshot->message.seq, 1);
	assert_int_equal(snapshot->message.second, 0);
	assert_int_equal(snapshot->message.scenarios[0].tally.started, 12);
	assert_int_equal(snapshot->message.health.cpu_ns, 9);
	assert_int_equal(snapshot->message.health.wall_ns, NS_PER_S);
	assert_int_equal(counted(snapshot, table, METRIC_NULL_OPERATIONS, "g"), 2);
	assert_int_equal(setting.given[0] + setting.given[1], 2);
	assert_false(snapshots_ready(setting.snapshots));
	snapshot_free(snapshot);
	series_table_free(table);
	tear_down(&setting);
}

static void test_snapshots_fill_the_seconds_that_a_worker_slept_through(void **state)
{
	struct setting setting;
	struct series_table *table = series_table_new();

	(void)state;
	set_up(&setting);
	for (uint64_t i = 0; i < 4; i++) {
		struct second *second = second_of(&setting, 0, i, i + 1);

		record(&setting, 0, second, "g", NULL);
		second->last = i == 3;
		second->scenarios[0].finished = i == 3;
		second->scenarios[0].end_ns = i == 3 ? 111 : 0;
		assert_int_equal(snapshots_add(setting.snapshots, 0, second), 0);
	}
	/* Stopped from second 0 to second 2, in which it also ends. */
	for (uint64_t i = 0; i <= 2; i += 2) {
		struct second *second = second_of(&setting, 1, i, i + 2);

		record(&setting, 1, second, "g", NULL);
		second->last = i == 2;
		second->scenarios[0].finished = i == 2;
		second->scenarios[0].end_ns = i == 2 ? 222 : 0;
		assert_int_equal(snapshots_add(setting.snapshots, 1, second), 0);
	}
	for (uint64_t i = 0; i < 4; i++) {
		struct snapshot *snapshot = make(&setting);

		assert_int_equal(snapshot->message.second, i);
		assert_int_equal(counted(snapshot, table, METRIC_NULL_OPERATIONS, "g"), i % 2 == 0 ? 2 : 1);
		assert_int_equal(snapshot->message.last, i == 3);
		assert_int_equal(snapshot->message.scenarios[0].finished, i == 3);
		assert_int_equal(snapshot->message.scenarios[0].end_ns, i == 3 ? 222 : 0);
		snapshot_free(snapshot);
	}
	assert_false(snapshots_ready(setting.snapshots));
	series_table_free(table);
	tear_down(&setting);
}

static void test_snapshots_tell_each_series_once(void **state)
{
	struct setting setting;
	uint32_t told = 0;

	(void)state;
	set_up(&setting);
	for (uint64_t i = 0; i < 3; i++) {
		struct snapshot *snapshot;

		for (uint32_t worker = 0; worker < 2; worker++) {
			struct second *second = second_of(&setting, worker, i, i + 1);

			record(&setting, worker, second, i == 2 ? "new" : "g", NULL);
			assert_int_equal(snapshots_add(setting.snapshots, worker, second), 0);
		}
		snapshot = make(&setting);
		assert_int_equal(snapshot->message.series_count, i == 1 ? 0 : 4);
		for (uint32_t j = 0; j < snapshot->message.series_count; j++)
			assert_int_equal(snapshot->message.series[j].id, told++);
		assert_int_equal(snapshot->message.cell_count, 4);
		snapshot_free(snapshot);
	}
	tear_down(&setting);
}

static void test_snapshots_bound_the_groups_of_all_workers_together(void **state)
{
	static const char *const groups[2][3] = {{"a", "b", "c"}, {"b", "d", "e"}};
	struct setting setting;
	struct series_table *table = series_table_new();
	struct snapshot *snapshot;

	(void)state;
	set_up(&setting);
	for (uint32_t worker = 0; worker < 2; worker++) {
		struct second *second = second_of(&setting, worker, 0, 1);

		for (int i = 0; i < 3; i++)
			record(&setting, worker, second, groups[worker][i], i == 2 ? "broken" : NULL);
		assert_int_equal(snapshots_add(setting.snapshots, worker, second), 0);
	}
	snapshot = make(&setting);
	assert_int_equal(counted(snapshot, table, METRIC_NULL_OPERATIONS, "a"), 1);
	assert_int_equal(counted(snapshot, table, METRIC_NULL_OPERATIONS, "b"), 2);
	assert_int_equal(counted(snapshot, table, METRIC_NULL_OPERATIONS, "c"), 1);
	assert_int_equal(counted(snapshot, table, METRIC_NULL_OPERATIONS, "(other)"), 2);
	assert_int_equal(snapshot->message.health.groups_folded, 2);
	snapshot_free(snapshot);
	series_table_free(table);
	tear_down(&setting);
}

static void test_snapshots_bound_the_error_texts_of_a_step(void **state)
{
	struct setting setting;
	struct series_table *table = series_table_new();
	struct snapshot *snapshot;

	(void)state;
	set_up(&setting);
	for (uint32_t worker = 0; worker < 2; worker++) {
		struct second *second = second_of(&setting, worker, 0, 1);

		for (int i = 0; i < LIMIT_ERROR_TEXTS + 10; i++) {
			char text[32];

			snprintf(text, sizeof(text), "text %d of %u", i, worker);
			record(&setting, worker, second, "g", text);
		}
		assert_int_equal(snapshots_add(setting.snapshots, worker, second), 0);
	}
	snapshot = make(&setting);
	assert_int_equal(counted(snapshot, table, METRIC_ERRORS, "server|E|text 99 of 0"), 1);
	assert_int_equal(counted(snapshot, table, METRIC_ERRORS, "server|E|text 0 of 1"), 0);
	assert_int_equal(counted(snapshot, table, METRIC_ERRORS, "server||other"), 10 + LIMIT_ERROR_TEXTS + 10);
	assert_int_equal(counted(snapshot, table, METRIC_NULL_OPERATIONS, "g"), 2 * (LIMIT_ERROR_TEXTS + 10));
	snapshot_free(snapshot);
	series_table_free(table);
	tear_down(&setting);
}

static void test_snapshots_begin_later_and_carry_the_epoch_of_each_second(void **state)
{
	static const uint32_t epochs[] = {3, 3, 5, 6};
	struct setting setting;

	(void)state;
	set_up(&setting);
	assert_int_equal(snapshots_shift(setting.snapshots, 3, 0), 0);
	snapshots_begin(setting.snapshots, 100);
	/* Two changes in one second, the second of which leaves the first without any. */
	assert_int_equal(snapshots_shift(setting.snapshots, 4, 102), 0);
	assert_int_equal(snapshots_shift(setting.snapshots, 5, 102), 0);
	for (uint64_t i = 0; i < 4; i++) {
		struct snapshot *snapshot;

		if (i == 2)
			assert_int_equal(snapshots_shift(setting.snapshots, 6, 103), 0);
		for (uint32_t worker = 0; worker < 2; worker++)
			assert_int_equal(
			        snapshots_add(setting.snapshots, worker, second_of(&setting, worker, 100 + i, 101 + i)),
			        0);
		snapshot = make(&setting);
		assert_int_equal(snapshot->message.seq, i + 1);
		assert_int_equal(snapshot->message.second, 100 + i);
		assert_int_equal(snapshot->message.epoch, epochs[i]);
		assert_int_equal(snapshot->message.health.wall_ns, (i + 1) * NS_PER_S);
		snapshot_free(snapshot);
	}
	tear_down(&setting);
}

static void test_snapshots_hold_the_readings_since_the_one_before(void **state)
{
	struct setting setting;

	(void)state;
	set_up(&setting);
	for (uint64_t i = 0; i < 2; i++) {
		struct snapshot *snapshot;
		struct cell cell;

		for (uint32_t worker = 0; worker < 2; worker++)
			assert_int_equal(
			        snapshots_add(setting.snapshots, worker, second_of(&setting, worker, i, i + 1)), 0);
		for (uint64_t j = 0; j < 3 - i; j++)
			assert_int_equal(snapshots_reading(setting.snapshots, METRIC_NULL_READING, "level", (double)j),
			                 0);
		snapshot = make(&setting);
		assert_int_equal(snapshot->message.series_count, i == 0);
		assert_int_equal(snapshot->message.cell_count, 1);
		assert_int_equal(cell_init(&cell, METRIC_GAUGE), 0);
		assert_int_equal(cell_decode_merge(&cell, METRIC_LAST, snapshot->message.cells[0].data,
		                                   snapshot->message.cells[0].size),
		                 0);
		assert_int_equal(cell.gauge.count, 3 - i);
		cell_deinit(&cell);
		snapshot_free(snapshot);
	}
	tear_down(&setting);
}

static void test_snapshots_put_the_workers_ledgers_one_after_the_other(void **state)
{
	static const char *const whole[] = {"ab", "", "c"};
	struct setting setting;

	(void)state;
	set_up(&setting);
	for (uint64_t i = 0; i < 3; i++) {
		struct second *seconds[] = {second_of(&setting, 0, i, i + 1), second_of(&setting, 1, i, i + 1)};
		struct snapshot *snapshot;

		buffer_append_text(&seconds[0]->ledger, i == 0 ? "a" : "");
		buffer_append_text(&seconds[1]->ledger, i == 0 ? "b" : i == 2 ? "c" : "");
		for (uint32_t j = 0; j < 2; j++)
			assert_int_equal(snapshots_add(setting.snapshots, j, seconds[j]), 0);
		snapshot = make(&setting);
		assert_int_equal(snapshot->message.ledger_size, strlen(whole[i]));
		if (snapshot->message.ledger_size > 0)
			assert_memory_equal(snapshot->message.ledger, whole[i], strlen(whole[i]));
		snapshot_free(snapshot);
	}
	tear_down(&setting);
}

static void test_second_is_empty_after_a_clear(void **state)
{
	struct setting setting;
	struct second *second;

	(void)state;
	set_up(&setting);
	second = second_of(&setting, 0, 0, 1);
	buffer_append_text(&second->ledger, "a");
	record(&setting, 0, second, "g", NULL);
	second_clear(second);
	assert_int_equal(second->ledger.size, 0);
	assert_int_equal(cells_count(recorder_cells(second->recorder)), 0);
	second_free(second);
	tear_down(&setting);
}

static void test_recorder_is_empty_after_a_clear(void **state)
{
	struct setting setting;
	struct second *second;

	(void)state;
	set_up(&setting);
	second = second_of(&setting, 0, 0, 1);
	record(&setting, 0, second, "g", "broken");
	assert_true(cells_count(recorder_cells(second->recorder)) > 0);
	recorder_clear(second->recorder);
	assert_int_equal(cells_count(recorder_cells(second->recorder)), 0);
	record(&setting, 0, second, "g", NULL);
	for (uint32_t i = 0; i < cells_count(recorder_cells(second->recorder)); i++)
		assert_false(cell_is_empty(cells_at(recorder_cells(second->recorder), i)));
	second_free(second);
	tear_down(&setting);
}

static void test_groups_are_cut_and_cleaned(void **state)
{
	struct setting setting;
	char text[LIMIT_LABEL_BYTES + 100];
	uint32_t group, again;

	(void)state;
	set_up(&setting);
	memset(text, 'x', sizeof(text));
	memcpy(text + LIMIT_LABEL_BYTES - 2, "\xc3\xa4", 2); /* a character across the limit goes whole */
	assert_int_equal(groups_intern(setting.groups[0], 0, 0, text, sizeof(text), &group), 0);
	assert_int_equal(strlen(groups_text(setting.groups[0], 0, 0, group)), LIMIT_LABEL_BYTES - 2);
	assert_int_equal(groups_intern(setting.groups[0], 0, 0, "a\xff\nb", 4, &group), 0);
	assert_string_equal(groups_text(setting.groups[0], 0, 0, group), "a??b");
	assert_int_equal(groups_intern(setting.groups[0], 0, 0, "a\xff\nb", 4, &again), 0);
	assert_int_equal(again, group);
	assert_int_equal(groups_intern(setting.groups[0], 0, 0, "", 0, &group), 0);
	assert_int_equal(group, GROUP_NONE);
	tear_down(&setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_snapshots_wait_for_the_slowest_worker),
	        cmocka_unit_test(test_snapshots_fill_the_seconds_that_a_worker_slept_through),
	        cmocka_unit_test(test_snapshots_tell_each_series_once),
	        cmocka_unit_test(test_snapshots_bound_the_groups_of_all_workers_together),
	        cmocka_unit_test(test_snapshots_bound_the_error_texts_of_a_step),
	        cmocka_unit_test(test_snapshots_begin_later_and_carry_the_epoch_of_each_second),
	        cmocka_unit_test(test_snapshots_hold_the_readings_since_the_one_before),
	        cmocka_unit_test(test_snapshots_put_the_workers_ledgers_one_after_the_other),
	        cmocka_unit_test(test_second_is_empty_after_a_clear),
	        cmocka_unit_test(test_recorder_is_empty_after_a_clear),
	        cmocka_unit_test(test_groups_are_cut_and_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
