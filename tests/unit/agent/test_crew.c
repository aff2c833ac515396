/* SPDX-License-Identifier: Apache-2.0 */
/* crew.h: worker threads and the duties' thread, told by the test what a session would tell them. Also run under TSan.
 * T0 lies so that whole seconds come soon; the plans allow a lateness of a minute. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/crew.h"
#include "common/base/clock.h"
#include "common/stats/cells.h"
#include "common/stats/series.h"
#include "tests/unit/agent/fake_driver.h"

#define HEAD "name: t\nmaxLateness: 60s\n"
#define ARRIVALS                                                                                                       \
	HEAD "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 1200ms,\n"                      \
	     "  steps: [ { null: { } } ] } }"

#define VERIFIED                                                                                                       \
	HEAD "targets: { t: { kafka: { brokers: '127.0.0.1:1' } } }\n"                                                 \
	     "scenarios: { a: { executor: constant-arrival-rate, rate: 10, duration: 1s,\n"                            \
	     "  steps: [ { produce: { target: t, topic: x, size: 100, verify: during } } ] } }"

static const struct share nothing;
static const struct share everything = {.classes = &(struct share_class){1, 0}, .count = 1};
static const struct share even = {.classes = &(struct share_class){2, 0}, .count = 1};

struct setting {
	struct crew_config config;
	struct message_assign assignment;
	struct crew *crew;
	int doorbell;
	uint64_t first_second;
	uint64_t next_seq;
	uint32_t epochs[8]; /* by snapshot */
	struct wire_scenario scenario;
	struct wire_health health;
	struct series_table *series;
	struct cells *totals; /* of all snapshots, by `series` */
};

static struct message_assign assign(const struct share *share)
{
	return (struct message_assign){.shares = (struct share *)share, .share_count = 1};
}

static struct setting *set_up_with(const char *yaml, const struct share *share, const struct driver_ops *const *table,
                                   uint32_t workers)
{
	struct setting *setting = calloc(1, sizeof(*setting));

	setting->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	setting->next_seq = 1;
	setting->series = series_table_new();
	setting->totals = cells_new();
	setting->assignment = assign(share);
	setting->assignment.plan = (char *)yaml;
	setting->assignment.plan_size = strlen(yaml);
	setting->assignment.agent_name = (char *)"one";
	setting->config = (struct crew_config){
	        .assignment = &setting->assignment,
	        .epoch = 1,
	        .run_id = "run",
	        .workers = workers,
	        .drivers = table,
	        .doorbell = setting->doorbell,
	};
	assert_int_equal(crew_new(&setting->config, &setting->crew), 0);
	return setting;
}

static struct setting *set_up(const char *yaml, const struct share *share)
{
	return set_up_with(yaml, share, fake_table, 2);
}

static void tear_down(struct setting *setting)
{
	crew_free(setting->crew);
	close(setting->doorbell);
	series_table_free(setting->series);
	cells_free(setting->totals);
	free(setting);
}

static void await_doorbell(struct setting *setting)
{
	struct pollfd watched = {.fd = setting->doorbell, .events = POLLIN};
	eventfd_t count;

	assert_true(poll(&watched, 1, 10000) == 1);
	eventfd_read(setting->doorbell, &count);
}

static void await_open(struct setting *setting)
{
	while (crew_state(setting->crew) == CREW_OPENING)
		await_doorbell(setting);
	if (crew_state(setting->crew) == CREW_FAILED)
		fail_msg("%s", crew_failure(setting->crew)->text);
}

static void add_up(struct setting *setting, const struct message_snapshot *message)
{
	for (uint32_t i = 0; i < message->series_count; i++) {
		uint32_t id;

		assert_int_equal(series_table_intern(setting->series, &message->series[i].series, &id, NULL), 0);
		assert_int_equal(id, message->series[i].id);
	}
	for (uint32_t i = 0; i < message->cell_count; i++) {
		const struct wire_cell *from = &message->cells[i];
		enum metric_id metric = series_table_get(setting->series, from->series_id)->metric;
		struct cell *into = cells_get(setting->totals, from->series_id, metrics[metric].kind);

		assert_int_equal(cell_decode_merge(into, metrics[metric].merge, from->data, from->size), 0);
	}
}

static const struct cell *find(const struct setting *setting, enum metric_id metric, const char *scenario,
                               const char *step, const char *group, const char *label)
{
	uint32_t id = series_table_find(
	        setting->series,
	        &(struct series){.metric = metric, .scenario = scenario, .step = step, .group = group, .label = label});

	return id == UINT32_MAX ? NULL : cells_get(setting->totals, id, metrics[metric].kind);
}

/* One snapshot more; true if it was the last one. */
static _Bool take(struct setting *setting)
{
	struct snapshot *snapshot;
	_Bool last;
	int r;

	while ((r = crew_snapshot(setting->crew, &snapshot)) == 0) {
		await_doorbell(setting);
		if (crew_state(setting->crew) == CREW_FAILED)
			fail_msg("%s", crew_failure(setting->crew)->text);
	}
	assert_int_equal(r, 1);
	if (setting->next_seq == 1)
		setting->first_second = snapshot->message.second;
	assert_int_equal(snapshot->message.seq, setting->next_seq);
	assert_int_equal(snapshot->message.second, setting->first_second + setting->next_seq - 1);
	if (setting->next_seq <= 8)
		setting->epochs[setting->next_seq - 1] = snapshot->message.epoch;
	setting->next_seq++;
	setting->scenario = snapshot->message.scenarios[0];
	setting->health = snapshot->message.health;
	add_up(setting, &snapshot->message);
	last = snapshot->message.last;
	snapshot_free(snapshot);
	return last;
}

static void take_all(struct setting *setting)
{
	while (!take(setting))
		;
	while (!crew_done(setting->crew))
		await_doorbell(setting);
	assert_true(tally_holds(&setting->scenario.tally, 0));
	assert_int_equal(setting->scenario.tally.planned,
	                 setting->scenario.tally.started + tally_dropped(&setting->scenario.tally));
}

static void test_crew_takes_over_at_a_whole_second(void **state)
{
	struct setting *setting = set_up(ARRIVALS, &even);
	struct message_assign more = assign(&everything);

	(void)state;
	await_open(setting);
	crew_start(setting->crew, clock_now_ns() - 200 * NS_PER_MS);
	assert_int_equal(crew_assign(setting->crew, &more, 7, NS_PER_S), 0);
	take_all(setting);
	assert_int_equal(setting->scenario.tally.planned, 500 + 200);
	assert_int_equal(setting->first_second, 0);
	assert_int_equal(setting->epochs[0], 1);
	assert_int_equal(setting->epochs[1], 7);
	tear_down(setting);
}

static void test_crew_replaces_its_share_before_the_start(void **state)
{
	(void)state;
	for (int opened = 0; opened < 2; opened++) {
		struct setting *setting = set_up(ARRIVALS, &nothing);
		struct message_assign more = assign(&even);

		if (opened)
			await_open(setting);
		assert_int_equal(crew_assign(setting->crew, &more, 2, 0), 0);
		await_open(setting);
		crew_start(setting->crew, clock_now_ns() - 1100 * NS_PER_MS);
		take_all(setting);
		assert_int_equal(setting->scenario.tally.planned, 600);
		assert_int_equal(setting->first_second, 0);
		assert_int_equal(setting->epochs[0], 2);
		tear_down(setting);
	}
}

static void test_crew_that_joins_has_nothing_of_the_time_before(void **state)
{
	struct setting *setting =
	        set_up(HEAD "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 101200ms,\n"
	                    "  steps: [ { null: { } } ] } }",
	               &nothing);
	struct message_assign more = assign(&even);

	(void)state;
	await_open(setting);
	/* It hears of its share before it hears of T0, when the share should have been in force for long. */
	assert_int_equal(crew_assign(setting->crew, &more, 2, 20 * NS_PER_S), 0);
	crew_start(setting->crew, clock_now_ns() - 100400 * NS_PER_MS);
	take_all(setting);
	assert_int_equal(setting->first_second, 100);
	assert_int_equal(setting->epochs[0], 1);
	assert_int_equal(setting->epochs[1], 2);
	assert_int_equal(setting->scenario.tally.planned, 100);
	assert_int_equal(setting->health.start_skew_ns, 0);
	tear_down(setting);
}

static void test_crew_refuses_shares_of_another_plan(void **state)
{
	struct setting *setting = set_up(ARRIVALS, &even);
	struct message_assign more = assign(&everything);

	(void)state;
	more.share_count = 0;
	await_open(setting);
	assert_int_equal(crew_assign(setting->crew, &more, 2, 0), -EINVAL);
	assert_int_equal(crew_state(setting->crew), CREW_FAILED);
	assert_string_equal(crew_failure(setting->crew)->text, "the plan has 1 scenarios, and shares came for 0");
	tear_down(setting);
}

#define DUTIES                                                                                                         \
	HEAD "setup:\n"                                                                                                \
	     "  - null: { name: first, values: { token: \"t-{{agent}}\" } }\n"                                         \
	     "  - null: { name: second, latency: 1ms, values: { both: \"{{token}}-{{given}}\" } }\n"                   \
	     "teardown:\n"                                                                                             \
	     "  - null: { name: last, fails: true }\n"                                                                 \
	     "readers:\n"                                                                                              \
	     "  - null: { name: level, every: 100ms, value: 4.5 }\n"                                                   \
	     "variables: { given: g }\n"                                                                               \
	     "scenarios: { a: { executor: constant-vus, vus: 2, duration: 1h, pace: 10ms,\n"                           \
	     "  steps: [ { null: { group: \"{{both}}\" } } ] } }"

static struct duty_over await_over(struct setting *setting)
{
	struct duty_over over;

	while (!crew_duty_over(setting->crew, &over))
		await_doorbell(setting);
	return over;
}

static void test_crew_performs_its_setup_in_order(void **state)
{
	const uint32_t setups[] = {0, 1};
	struct setting *setting = set_up(DUTIES, &everything);
	struct duty_over over;

	(void)state;
	await_open(setting);
	assert_int_equal(crew_duties(setting->crew, setups, 2), 0);
	over = await_over(setting);
	assert_int_equal(over.duty, 0);
	assert_string_equal(over.problem, "");
	assert_int_equal(over.value_count, 1);
	assert_string_equal(over.values[0].name, "token");
	assert_string_equal(over.values[0].value, "t-one");
	assert_int_equal(crew_duties(setting->crew, setups, 2), 0); /* said again: not done again */
	over = await_over(setting);
	assert_int_equal(over.duty, 1);
	assert_string_equal(over.values[0].value, "t-one-g");
	assert_false(crew_duty_over(setting->crew, &over));
	tear_down(setting);
}

static void test_crew_tells_why_a_duty_failed(void **state)
{
	const uint32_t teardown = 2;
	struct setting *setting = set_up(DUTIES, &everything);
	struct duty_over over;

	(void)state;
	assert_int_equal(crew_duties(setting->crew, &teardown, 1), 0);
	await_open(setting);
	over = await_over(setting);
	assert_int_equal(over.duty, 2);
	assert_string_equal(over.problem, "failed as the plan wants it");
	tear_down(setting);
}

static void test_crew_cancels_a_duty_that_is_taken_away(void **state)
{
	const uint32_t numbers[] = {0, 1};
	struct setting *setting = set_up(
	        HEAD "setup: [ { null: { latency: 1h } }, { null: { values: { x: y } } } ]\n"
	             "scenarios: { a: { executor: constant-vus, vus: 2, duration: 1h, steps: [ { null: { } } ] } }",
	        &everything);

	(void)state;
	await_open(setting);
	assert_int_equal(crew_duties(setting->crew, numbers, 2), 0);
	assert_int_equal(crew_duties(setting->crew, numbers + 1, 1), 0);
	assert_int_equal(await_over(setting).duty, 1);
	assert_int_equal(crew_duties(setting->crew, numbers, 2), 0);
	tear_down(setting); /* and one that is performed when the crew ends */
}

static void test_crew_records_what_readers_read_and_what_values_are(void **state)
{
	const uint32_t reader = 3;
	const struct text_pair values[] = {{(char *)"both", (char *)"v"}, {(char *)"unknown", (char *)"u"}};
	struct setting *setting = set_up(DUTIES, &everything);
	const struct cell *cell;

	(void)state;
	assert_int_equal(crew_values(setting->crew, values, 2), 0);
	await_open(setting);
	crew_start(setting->crew, clock_now_ns() - 700 * NS_PER_MS);
	assert_int_equal(crew_duties(setting->crew, &reader, 1), 0);
	assert_false(take(setting));
	crew_stop(setting->crew, 0, 0);
	take_all(setting);
	cell = find(setting, METRIC_NULL_READING, "", "", "", "level");
	assert_non_null(cell);
	/* At once and at most every 100 ms. */
	assert_true(cell->gauge.count >= 1);
	assert_true(cell->gauge.min == 4.5 && cell->gauge.max == 4.5);
	cell = find(setting, METRIC_NULL_OPERATIONS, "a", "null-1", "v", "");
	assert_non_null(cell);
	assert_int_equal(cell->counter, setting->scenario.tally.operations);
	tear_down(setting);
}

/* Goes on where it is told to, says one thing, and is over when it may be. */
static int verify_one(const struct driver_config *config, struct verify_work *work)
{
	struct pollfd over[] = {{.fd = work->closing_fd, .events = POLLIN}, {.fd = work->cancel_fd, .events = POLLIN}};
	const struct verify_offset end = {.partition = work->positions[0].partition,
	                                  .offset = work->positions[0].offset + work->reader};
	int r = work->report(work->context,
	                     &(struct verify_report){.ends = &end, .end_count = 1, .seen = "abc", .seen_size = 3});

	(void)config;
	if (r == 0)
		poll(over, 2, -1);
	return r;
}

static struct message_seen await_seen(struct setting *setting)
{
	struct message_seen seen;

	while (crew_seen(setting->crew, &seen) == 0)
		await_doorbell(setting);
	return seen;
}

static void test_crew_verifies_from_where_it_is_told_and_waits_for_answers(void **state)
{
	struct driver_ops ops = *fake_table[TARGET_KAFKA];
	const struct driver_ops *table[TARGET_KIND_COUNT] = {
	        [TARGET_NULL] = fake_table[TARGET_NULL], [TARGET_KAFKA] = &ops};
	struct wire_offset position = {.partition = 2, .offset = 40};
	const struct wire_verifier verifier = {
	        .duty = 0, .reader = 3, .resumes = 1, .positions = &position, .position_count = 1};
	struct setting *setting;
	struct message_seen seen;

	(void)state;
	ops.verify = verify_one;
	fake_reset();
	setting = set_up_with(VERIFIED, &everything, table, 1); /* the fake one is of one thread */
	await_open(setting);
	assert_int_equal(crew_verifiers(setting->crew, &verifier, 1, 0), 0);
	seen = await_seen(setting);
	assert_true(seen.duty == 0 && seen.reader == 3 && seen.seq == 1 && !seen.over);
	assert_true(seen.end_count == 1 && seen.ends[0].partition == 2 && seen.ends[0].offset == 43);
	assert_memory_equal(seen.seen, "abc", seen.seen_size);
	assert_int_equal(crew_verifiers(setting->crew, &verifier, 1, 1), 0);
	assert_int_equal(crew_seen(setting->crew, &seen), 0); /* one at a time */
	crew_seen_acked(setting->crew, &(struct message_seen_ack){.duty = 0, .reader = 3, .seq = 1});
	seen = await_seen(setting);
	assert_true(seen.seq == 2 && seen.over && seen.end_count == 0);
	assert_string_equal(seen.problem, "");
	assert_int_equal(crew_verifiers(setting->crew, NULL, 0, 1), 0);
	tear_down(setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_crew_takes_over_at_a_whole_second),
	        cmocka_unit_test(test_crew_replaces_its_share_before_the_start),
	        cmocka_unit_test(test_crew_that_joins_has_nothing_of_the_time_before),
	        cmocka_unit_test(test_crew_refuses_shares_of_another_plan),
	        cmocka_unit_test(test_crew_performs_its_setup_in_order),
	        cmocka_unit_test(test_crew_tells_why_a_duty_failed),
	        cmocka_unit_test(test_crew_cancels_a_duty_that_is_taken_away),
	        cmocka_unit_test(test_crew_records_what_readers_read_and_what_values_are),
	        cmocka_unit_test(test_crew_verifies_from_where_it_is_told_and_waits_for_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
