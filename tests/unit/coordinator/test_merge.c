/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h: snapshots in sequence, once, as a whole; sums by second and series; two counts kept apart. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/sent_log.h"
#include "common/stats/stamp.h"
#include "coordinator/run/merge.h"

enum { CELLS_MAX = 8, RECORDS_MAX = 16 };

static const char plan_text[] = "name: merge\n"
                                "scenarios:\n"
                                "  users:\n"
                                "    executor: constant-vus\n"
                                "    vus: 4\n"
                                "    duration: 10s\n"
                                "    steps:\n"
                                "      - null: { name: work, latency: 1ms }\n";

static const struct series iterations = {METRIC_ITERATIONS, 0, "users", "", "", ""};
static const struct series failed = {METRIC_NULL_OPERATION_FAILED, 0, "users", "work", "", ""};
static const struct series vus = {METRIC_VUS, 0, "users", "", "", ""};
static const struct series duration = {METRIC_NULL_OPERATION_DURATION, 0, "users", "work", "g", ""};

/* A merge, a snapshot under construction, and what a flush gave out. */
struct bench {
	struct plan *plan;
	struct merge *merge;
	struct message_snapshot snapshot;
	struct wire_series series[CELLS_MAX];
	struct wire_cell cells[CELLS_MAX];
	struct wire_scenario scenario;
	struct buffer bytes[CELLS_MAX];
	uint64_t skip_seq;
	uint32_t series_records;
	uint32_t deltas_records;
	struct journal_accepted accepted[RECORDS_MAX];
	uint32_t accepted_count;
	uint64_t seconds[RECORDS_MAX];
	uint32_t ids[RECORDS_MAX];
	struct cell sums[RECORDS_MAX];
	uint32_t delta_count;
	int fail_with;
	struct buffer ledger; /* what the accepted snapshots of a flush had of messages */
};

static _Bool skip_one(void *context, uint32_t agent, uint64_t seq)
{
	const struct bench *bench = context;

	return agent == 1 && seq == bench->skip_seq;
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct failures failures = {0};

	if (plan_parse(plan_text, strlen(plan_text), NULL, 0, &failures, &bench->plan) < 0)
		fail_msg("%s", failures.items[0].text);
	failures_deinit(&failures);
	assert_int_equal(merge_new(&(struct merge_config){bench->plan, skip_one, bench}, &bench->merge), 0);
	*state = bench;
	return 0;
}

static void forget_flush(struct bench *bench)
{
	for (uint32_t i = 0; i < bench->delta_count; i++)
		cell_deinit(&bench->sums[i]);
	buffer_clear(&bench->ledger);
	bench->delta_count = bench->accepted_count = bench->series_records = bench->deltas_records = 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	forget_flush(bench);
	buffer_deinit(&bench->ledger);
	for (size_t i = 0; i < CELLS_MAX; i++)
		buffer_deinit(&bench->bytes[i]);
	merge_free(bench->merge);
	plan_free(bench->plan);
	free(bench);
	return 0;
}

/* Begins a snapshot that accounts for so many operations and iterations. */
static void make(struct bench *bench, uint64_t seq, uint64_t second, uint64_t operations, uint64_t succeeded)
{
	bench->scenario = (struct wire_scenario){
	        .tally = {.started = succeeded, .succeeded = succeeded, .operations = operations}};
	bench->snapshot = (struct message_snapshot){.seq = seq,
	                                            .second = second,
	                                            .series = bench->series,
	                                            .cells = bench->cells,
	                                            .scenarios = &bench->scenario,
	                                            .scenario_count = 1};
}

static void name(struct bench *bench, uint32_t id, const struct series *series)
{
	bench->series[bench->snapshot.series_count++] = (struct wire_series){id, *series};
}

static void put(struct bench *bench, uint32_t id, const struct cell *cell)
{
	uint32_t at = bench->snapshot.cell_count++;

	buffer_clear(&bench->bytes[at]);
	cell_encode(cell, &bench->bytes[at]);
	bench->cells[at] = (struct wire_cell){id, bench->bytes[at].data, bench->bytes[at].size};
}

static void put_counter(struct bench *bench, uint32_t id, uint64_t count)
{
	put(bench, id, &(struct cell){.kind = METRIC_COUNTER, .counter = count});
}

static void put_rate(struct bench *bench, uint32_t id, uint64_t hits, uint64_t total)
{
	put(bench, id, &(struct cell){.kind = METRIC_RATE, .rate = {hits, total}});
}

static void put_gauge(struct bench *bench, uint32_t id, double value)
{
	put(bench, id, &(struct cell){.kind = METRIC_GAUGE, .gauge = {value, value, value, value, 1}});
}

static int take(struct bench *bench, uint32_t agent)
{
	return merge_take(bench->merge, agent, &bench->snapshot, NULL);
}

static int keep(void *context, const struct journal_record *record)
{
	struct bench *bench = context;

	if (bench->fail_with)
		return bench->fail_with;
	if (record->type == JOURNAL_SERIES) {
		assert_int_equal(bench->deltas_records, 0);
		bench->series_records++;
		return 0;
	}
	assert_int_equal(record->type, JOURNAL_DELTAS);
	bench->deltas_records++;
	for (uint32_t i = 0; i < record->deltas.accepted_count; i++) {
		bench->accepted[bench->accepted_count++] = record->deltas.accepted[i];
		buffer_append(&bench->ledger, record->deltas.accepted[i].ledger,
		              record->deltas.accepted[i].ledger_size);
	}
	for (uint32_t i = 0; i < record->deltas.delta_count; i++) {
		const struct journal_delta *delta = &record->deltas.deltas[i];
		const struct metric *metric =
		        &metrics[series_table_get(merge_series(bench->merge), delta->series_id)->metric];
		struct cell *sum = &bench->sums[bench->delta_count];

		bench->seconds[bench->delta_count] = delta->second;
		bench->ids[bench->delta_count++] = delta->series_id;
		cell_init(sum, metric->kind);
		assert_int_equal(cell_decode_merge(sum, metric->merge, delta->data, delta->size), 0);
	}
	return 0;
}

static void flush(struct bench *bench)
{
	forget_flush(bench);
	assert_int_equal(merge_flush(bench->merge, keep, bench), 0);
}

static void test_merge_accepts_each_snapshot_once_and_in_sequence(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(merge_accepted_seq(bench->merge, 0), 0);
	assert_int_equal(merge_accepted_second(bench->merge, 0), -1);
	assert_null(merge_scenarios(bench->merge, 0));
	assert_null(merge_health(bench->merge, 0));
	make(bench, 2, 1, 0, 0);
	assert_int_equal(take(bench, 0), MERGE_GAP);
	make(bench, 1, 0, 0, 0);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	assert_int_equal(take(bench, 0), MERGE_REPEATED);
	make(bench, 2, 1, 0, 3);
	bench->snapshot.health.cpu_ns = 77;
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	assert_int_equal(merge_accepted_seq(bench->merge, 0), 2);
	assert_int_equal(merge_accepted_second(bench->merge, 0), 1);
	assert_int_equal(merge_scenarios(bench->merge, 0)->tally.succeeded, 3);
	assert_int_equal(merge_health(bench->merge, 0)->cpu_ns, 77);
	assert_int_equal(merge_accepted_seq(bench->merge, 5), 0);
}

static void test_merge_sums_agents_that_number_their_series_differently(void **state)
{
	struct bench *bench = *state;

	make(bench, 1, 0, 10, 5);
	name(bench, 0, &iterations);
	name(bench, 1, &failed);
	name(bench, 2, &vus);
	put_counter(bench, 0, 5);
	put_rate(bench, 1, 1, 10);
	put_gauge(bench, 2, 3);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	make(bench, 1, 0, 4, 2);
	name(bench, 0, &vus);
	name(bench, 1, &iterations);
	name(bench, 2, &failed);
	put_gauge(bench, 0, 2);
	put_counter(bench, 1, 2);
	put_rate(bench, 2, 2, 4);
	assert_int_equal(take(bench, 1), MERGE_ACCEPTED);
	flush(bench);
	assert_int_equal(bench->series_records, 3);
	assert_int_equal(bench->deltas_records, 1);
	assert_int_equal(bench->accepted_count, 2);
	assert_int_equal(bench->accepted[1].agent, 1);
	assert_int_equal(bench->accepted[1].operations, 4);
	assert_int_equal(bench->accepted[1].iterations, 2);
	assert_false(bench->accepted[0].mismatch || bench->accepted[1].mismatch);
	assert_int_equal(bench->delta_count, 3);
	assert_int_equal(bench->sums[0].counter, 7);
	assert_int_equal(bench->sums[1].rate.hits, 3);
	assert_int_equal(bench->sums[1].rate.total, 14);
	assert_true(bench->sums[2].gauge.last == 5 && bench->sums[2].gauge.count == 1);
	assert_string_equal(series_table_get(merge_series(bench->merge), 2)->scenario, "users");
}

static void test_merge_gives_each_thing_out_once_in_order(void **state)
{
	struct bench *bench = *state;

	make(bench, 1, 7, 0, 3);
	name(bench, 0, &vus);
	name(bench, 1, &iterations);
	put_gauge(bench, 0, 1);
	put_counter(bench, 1, 3);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	make(bench, 1, 6, 0, 1);
	name(bench, 0, &iterations);
	put_counter(bench, 0, 1);
	assert_int_equal(take(bench, 1), MERGE_ACCEPTED);
	flush(bench);
	assert_int_equal(bench->delta_count, 3);
	assert_int_equal(bench->seconds[0], 6);
	assert_int_equal(bench->ids[0], 1);
	assert_int_equal(bench->seconds[1], 7);
	assert_int_equal(bench->ids[1], 0);
	assert_int_equal(bench->ids[2], 1);
	flush(bench);
	assert_int_equal(bench->deltas_records, 0);
	/* A late snapshot amends second 7 in a later record, under the series' old number. */
	make(bench, 2, 7, 0, 2);
	put_counter(bench, 0, 1);
	assert_int_equal(take(bench, 1), MERGE_ACCEPTED);
	flush(bench);
	assert_int_equal(bench->series_records, 0);
	assert_int_equal(bench->delta_count, 1);
	assert_int_equal(bench->seconds[0], 7);
	assert_int_equal(bench->ids[0], 1);
	assert_int_equal(bench->sums[0].counter, 1);
}

static void test_merge_keeps_what_a_failed_flush_did_not_write(void **state)
{
	struct bench *bench = *state;

	make(bench, 1, 0, 0, 3);
	name(bench, 0, &iterations);
	put_counter(bench, 0, 3);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	bench->fail_with = -ENOSPC;
	assert_int_equal(merge_flush(bench->merge, keep, bench), -ENOSPC);
	bench->fail_with = 0;
	flush(bench);
	assert_int_equal(bench->series_records, 1);
	assert_int_equal(bench->accepted_count, 1);
	assert_int_equal(bench->sums[0].counter, 3);
}

static void test_merge_journals_a_snapshot_without_values(void **state)
{
	struct bench *bench = *state;

	make(bench, 1, 0, 0, 0);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	flush(bench);
	assert_int_equal(bench->accepted_count, 1);
	assert_int_equal(bench->delta_count, 0);
}

static void test_merge_marks_an_agent_whose_deltas_do_not_add_up(void **state)
{
	struct bench *bench = *state;

	make(bench, 1, 0, 10, 5);
	name(bench, 0, &iterations);
	name(bench, 1, &failed);
	put_counter(bench, 0, 5);
	put_rate(bench, 1, 0, 9);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	make(bench, 2, 1, 10, 6);
	put_counter(bench, 0, 1);
	put_rate(bench, 1, 0, 1);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	make(bench, 3, 2, 10, 7);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	flush(bench);
	assert_true(bench->accepted[0].mismatch);
	assert_false(bench->accepted[1].mismatch);
	assert_true(bench->accepted[2].mismatch);
}

static void test_merge_skips_only_what_the_fault_names(void **state)
{
	struct bench *bench = *state;

	bench->skip_seq = 1;
	for (uint32_t agent = 0; agent < 2; agent++) {
		make(bench, 1, 0, 0, 5);
		name(bench, 0, &iterations);
		put_counter(bench, 0, 5);
		assert_int_equal(take(bench, agent), MERGE_ACCEPTED);
	}
	flush(bench);
	assert_int_equal(bench->accepted_count, 2);
	assert_false(bench->accepted[1].mismatch);
	assert_int_equal(bench->sums[0].counter, 5);
}

static void test_merge_refuses_a_snapshot_that_contradicts_itself_as_a_whole(void **state)
{
	static const struct series no_scenario = {METRIC_ITERATIONS, 0, "nobody", "", "", ""};
	static const struct series no_step = {METRIC_NULL_OPERATIONS, 0, "users", "nothing", "", ""};
	static const struct series derived = {METRIC_AVAILABILITY, 0, "users", "work", "", ""};
	static const struct series no_metric = {METRIC_COUNT, 0, "users", "", "", ""};
	static const struct series no_reader = {METRIC_NULL_READING, 0, "", "", "", "nobody"};
	static const struct series reading = {METRIC_NULL_READING, 0, "users", "", "", ""};
	static const struct series broker = {METRIC_KAFKA_BROKER_RTT, 0, "users", "", "", "1"};
	static const struct series of_all = {METRIC_ITERATIONS, 0, "", "", "", ""};
	static const struct series bad_error = {METRIC_ERRORS, 0, "users", "work", "", "no class"};
	static const struct {
		const struct series *series;
		uint32_t named_as, used_as, then;
		uint64_t second;
		uint32_t scenarios;
		size_t cut;
		const char *why;
	} cases[] = {
	        {&no_scenario, 1, 1, 1, 1, 1, 0, "no scenario"},
	        {&no_step, 1, 1, 1, 1, 1, 0, "no step"},
	        {&derived, 1, 1, 1, 1, 1, 0, "can't be sent"},
	        {&no_metric, 1, 1, 1, 1, 1, 0, "can't be sent"},
	        {&bad_error, 1, 1, 1, 1, 1, 0, "no error"},
	        {&no_reader, 1, 1, 1, 1, 1, 0, "no reader"},
	        {&reading, 1, 1, 1, 1, 1, 0, "null_reading is of scenario"},
	        {&broker, 1, 1, 1, 1, 1, 0, "kafka_broker_rtt is of scenario"},
	        {&of_all, 1, 1, 1, 1, 1, 0, "no scenario"},
	        {&vus, 2, 2, 2, 1, 1, 0, "is due"},
	        {&vus, 0, 0, 0, 1, 1, 0, "is due"},
	        {&vus, 1, 9, 9, 1, 1, 0, "never named"},
	        {&iterations, 1, 1, 0, 1, 1, 0, "comes after series"},
	        {&iterations, 1, 1, 1, 1, 1, 1, "damaged"},
	        {&iterations, 1, 1, 1, MERGE_SECONDS_MAX, 1, 0, "comes after second"},
	        {&iterations, 1, 1, 1, 0, 1, 0, "comes after second"},
	        {&iterations, 1, 1, 1, 1, 2, 0, "scenarios"},
	};
	struct bench *bench = *state;

	make(bench, 1, 1, 0, 2);
	name(bench, 0, &iterations);
	put_counter(bench, 0, 2);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	flush(bench);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure failure = {0};
		int r;

		make(bench, 2, cases[i].second, 0, 2);
		name(bench, cases[i].named_as, cases[i].series);
		if (cases[i].series == &vus)
			put_gauge(bench, cases[i].used_as, 1);
		else
			put_counter(bench, cases[i].used_as, 1);
		if (cases[i].then != cases[i].used_as)
			put_counter(bench, cases[i].then, 1);
		bench->cells[0].size -= cases[i].cut;
		bench->snapshot.scenario_count = cases[i].scenarios;
		r = merge_take(bench->merge, 0, &bench->snapshot, &failure);
		if (r != -EBADMSG || !strstr(failure.text, cases[i].why))
			fail_msg("case %zu (%s): %d: %s", i, cases[i].why, r, failure.text);
	}
	assert_int_equal(merge_accepted_seq(bench->merge, 0), 1);
	assert_int_equal(series_table_count(merge_series(bench->merge)), 1);
	flush(bench);
	assert_int_equal(bench->deltas_records, 0);
	make(bench, 2, 1, 0, 3);
	name(bench, 1, &vus);
	put_counter(bench, 0, 1);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	flush(bench);
	assert_false(bench->accepted[0].mismatch);
}

static void test_merge_leaves_out_a_count_beyond_64_bits_and_tells(void **state)
{
	struct bench *bench = *state;

	for (uint32_t agent = 0; agent < 2; agent++) {
		make(bench, 1, 0, 0, UINT64_MAX - 1);
		name(bench, 0, &iterations);
		put_counter(bench, 0, UINT64_MAX - 1);
		assert_int_equal(take(bench, agent), MERGE_ACCEPTED);
	}
	flush(bench);
	assert_false(bench->accepted[0].mismatch);
	assert_true(bench->accepted[1].mismatch);
}

static void test_merge_adds_latencies_of_agents_exactly(void **state)
{
	static const struct bucket_edges edges = {1, {100}};
	struct bench *bench = *state;
	struct cell cell;

	cell_init(&cell, METRIC_LATENCY);
	for (uint32_t agent = 0; agent < 2; agent++) {
		cell_reset(&cell);
		for (uint64_t i = 0; i < 50; i++)
			cell_record_latency(&cell, &edges, 2 * i + agent);
		make(bench, 1, 0, 0, 0);
		name(bench, 0, &duration);
		put(bench, 0, &cell);
		assert_int_equal(take(bench, agent), MERGE_ACCEPTED);
	}
	cell_deinit(&cell);
	flush(bench);
	assert_int_equal(histogram_count(bench->sums[0].latency.histogram), 100);
	assert_int_equal(histogram_percentile_us(bench->sums[0].latency.histogram, 50), 49);
	assert_int_equal(histogram_max_us(bench->sums[0].latency.histogram), 99);
	assert_int_equal(bench->sums[0].latency.buckets[0], 100);
}

/* An agent tells of one message. */
static void tell_message(struct bench *bench, uint32_t agent, struct buffer *ledger)
{
	struct sent_log *log = sent_log_new();

	assert_non_null(log);
	assert_int_equal(sent_log_add(sent_log_open(log, stamp_stream(agent, 5), "ticks"), 0, SENT_ACKED, 7), 0);
	assert_int_equal(sent_log_take(log, ledger), 1);
	sent_log_free(log);
	bench->snapshot.ledger = ledger->data;
	bench->snapshot.ledger_size = ledger->size;
}

static void test_merge_keeps_what_became_of_messages_with_the_snapshot(void **state)
{
	struct bench *bench = *state;
	struct buffer first = {0}, second = {0};

	make(bench, 1, 0, 0, 0);
	tell_message(bench, 0, &first);
	assert_int_equal(take(bench, 0), MERGE_ACCEPTED);
	make(bench, 1, 0, 0, 0);
	assert_int_equal(take(bench, 1), MERGE_ACCEPTED);
	make(bench, 2, 1, 0, 0);
	tell_message(bench, 1, &second);
	assert_int_equal(take(bench, 1), MERGE_ACCEPTED);
	flush(bench);
	assert_int_equal(bench->accepted[1].ledger_size, 0);
	assert_int_equal(bench->ledger.size, first.size + second.size);
	assert_memory_equal(bench->ledger.data, first.data, first.size);
	assert_memory_equal(bench->ledger.data + first.size, second.data, second.size);
	buffer_deinit(&first);
	buffer_deinit(&second);
}

static void test_merge_refuses_what_an_agent_cannot_know_of_messages(void **state)
{
	struct bench *bench = *state;
	struct failure failure = {0};
	struct buffer ledger = {0};

	make(bench, 1, 0, 0, 0);
	tell_message(bench, 1, &ledger);
	assert_int_equal(merge_take(bench->merge, 0, &bench->snapshot, &failure), -EBADMSG);
	assert_string_equal(failure.text, "it tells of messages of agent 1");
	bench->snapshot.ledger_size--;
	assert_int_equal(merge_take(bench->merge, 1, &bench->snapshot, &failure), -EBADMSG);
	assert_string_equal(failure.text, "what it tells of messages is damaged");
	assert_int_equal(merge_accepted_seq(bench->merge, 0), 0);
	buffer_deinit(&ledger);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_merge_accepts_each_snapshot_once_and_in_sequence),
	        TEST(test_merge_sums_agents_that_number_their_series_differently),
	        TEST(test_merge_gives_each_thing_out_once_in_order),
	        TEST(test_merge_keeps_what_a_failed_flush_did_not_write),
	        TEST(test_merge_journals_a_snapshot_without_values),
	        TEST(test_merge_marks_an_agent_whose_deltas_do_not_add_up),
	        TEST(test_merge_skips_only_what_the_fault_names),
	        TEST(test_merge_refuses_a_snapshot_that_contradicts_itself_as_a_whole),
	        TEST(test_merge_leaves_out_a_count_beyond_64_bits_and_tells),
	        TEST(test_merge_adds_latencies_of_agents_exactly),
	        TEST(test_merge_keeps_what_became_of_messages_with_the_snapshot),
	        TEST(test_merge_refuses_what_an_agent_cannot_know_of_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
