/* SPDX-License-Identifier: Apache-2.0 */
/* agent.h: the real agent, with worker threads and the null driver, against a coordinator on this thread. Also run
 * under TSan. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/facts.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/link/link.h"
#include "common/stats/cells.h"
#include "tests/unit/agent/fake_driver.h"

#define RUN_ID "3f0c9a52-7d61-4c52-9a2e-0d5c2f3e7a11"
#define HEAD "name: t\nmaxLateness: 60s\n"

/* The agent on its thread, and what the test as its coordinator knows of it. */
struct setting {
	struct link *link;
	pthread_t thread;
	struct agent_config config;
	struct message_hello hello;
	struct failure failure;
	const char *address;
	int outcome;
	int stop_fd;
	struct incarnation incarnation;
	struct message message; /* the one received last */
	uint64_t seq;           /* of snapshots taken */
	uint64_t first_second;  /* of the first of them */
	uint64_t operations;    /* by the series */
	struct wire_scenario scenario;
	struct series_table *series;
};

static void *run(void *context)
{
	struct setting *setting = context;

	setting->outcome = agent_run(&setting->config, &setting->failure);
	return NULL;
}

static struct setting *set_up(_Bool once)
{
	struct setting *setting = calloc(1, sizeof(*setting));
	struct failure failure = {0};

	if (link_open(&(struct link_config){.address = "127.0.0.1:0", .listen = 1}, &failure, &setting->link) < 0)
		fail_msg("%s", failure.text);
	assert_int_equal(
	        facts_gather(
	                &(struct facts_config){
	                        .version = "test", .name = "one", .workers = 2, .weight = 1, .drivers = fake_table},
	                &setting->hello),
	        0);
	setting->series = series_table_new();
	setting->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	setting->address = link_address(setting->link);
	setting->config = (struct agent_config){
	        .addresses = &setting->address,
	        .address_count = 1,
	        .once = once,
	        .workers = 2,
	        .orphan_after_ns = 60 * NS_PER_S,
	        .hello = &setting->hello,
	        .drivers = fake_table,
	        .signal_fd = setting->stop_fd,
	};
	assert_int_equal(pthread_create(&setting->thread, NULL, run, setting), 0);
	return setting;
}

static void join(struct setting *setting)
{
	assert_int_equal(pthread_join(setting->thread, NULL), 0);
}

static void tear_down(struct setting *setting)
{
	message_deinit(&setting->message);
	link_close(setting->link);
	series_table_free(setting->series);
	facts_deinit(&setting->hello);
	close(setting->stop_fd);
	free(setting);
}

static void stop_agent(struct setting *setting)
{
	assert_int_equal(eventfd_write(setting->stop_fd, 1), 0);
}

static void send_to_agent(struct setting *setting, struct message *message)
{
	strcpy(message->run_id, RUN_ID);
	message->incarnation = setting->incarnation;
	assert_int_equal(link_send(setting->link, message), 0);
}

/* Waits for the next message of this type; what else comes is passed over. */
static struct message *await(struct setting *setting, enum message_type type)
{
	struct failure failure = {0};

	for (;;) {
		int r;

		message_deinit(&setting->message);
		memset(&setting->message, 0, sizeof(setting->message));
		r = link_receive(setting->link, &setting->message, &failure);
		if (r == -EAGAIN) {
			assert_int_equal(link_wait(setting->link, NULL, 0, 1000), 0);
			continue;
		}
		assert_int_equal(r, 0);
		setting->incarnation = setting->message.incarnation;
		if (setting->message.type == type)
			return &setting->message;
		if (type != MESSAGE_FAILED && setting->message.type == MESSAGE_FAILED)
			fail_msg("the agent failed: %s", setting->message.failed.text);
	}
}

static void welcome(struct setting *setting)
{
	await(setting, MESSAGE_HELLO);
	send_to_agent(setting, &(struct message){.type = MESSAGE_WELCOME, .welcome = {.protocol = PROTOCOL_VERSION}});
}

static void assign_plan(struct setting *setting, const char *yaml, struct wire_file *files, uint32_t file_count,
                        _Bool all)
{
	struct share share = {0};

	if (all)
		assert_int_equal(share_all(&share), 0);
	send_to_agent(setting, &(struct message){.type = MESSAGE_ASSIGN,
	                                         .epoch = 1,
	                                         .assign = {.plan = (char *)yaml,
	                                                    .plan_size = strlen(yaml),
	                                                    .agent_name = (char *)"one",
	                                                    .shares = &share,
	                                                    .share_count = 1,
	                                                    .agent_count = 1,
	                                                    .files = files,
	                                                    .file_count = file_count}});
	share_deinit(&share);
}

static void assign(struct setting *setting, const char *yaml, struct wire_file *files, uint32_t file_count)
{
	assign_plan(setting, yaml, files, file_count, 1);
}

/* A later epoch: all of the plan, or nothing. */
static void assign_later(struct setting *setting, uint32_t epoch, _Bool all)
{
	struct share share = {0};

	if (all)
		assert_int_equal(share_all(&share), 0);
	send_to_agent(
	        setting,
	        &(struct message){
	                .type = MESSAGE_ASSIGN,
	                .epoch = epoch,
	                .assign = {.agent_name = (char *)"one", .shares = &share, .share_count = 1, .agent_count = 1}});
	share_deinit(&share);
}

static void start_at(struct setting *setting, uint64_t t0_ns)
{
	send_to_agent(setting, &(struct message){.type = MESSAGE_START, .start = {.t0_agent_ns = t0_ns}});
}

static void start(struct setting *setting)
{
	start_at(setting, clock_now_ns() + 50 * NS_PER_MS);
}

static void count_cells(struct setting *setting, const struct message_snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->series_count; i++) {
		uint32_t id;

		assert_int_equal(series_table_intern(setting->series, &snapshot->series[i].series, &id, NULL), 0);
		assert_int_equal(id, snapshot->series[i].id);
	}
	for (uint32_t i = 0; i < snapshot->cell_count; i++) {
		const struct wire_cell *from = &snapshot->cells[i];
		const struct series *series = series_table_get(setting->series, from->series_id);
		struct cell cell;

		assert_int_equal(cell_init(&cell, metrics[series->metric].kind), 0);
		assert_int_equal(cell_decode_merge(&cell, METRIC_SUM, from->data, from->size), 0);
		if (series->metric == METRIC_NULL_OPERATIONS)
			setting->operations += cell.counter;
		cell_deinit(&cell);
	}
}

static void acknowledge(struct setting *setting, uint64_t seq)
{
	send_to_agent(setting, &(struct message){.type = MESSAGE_ACK, .ack = {.seq = seq}});
}

/* Takes snapshots until the last, in order and without gaps. */
static void take_snapshots(struct setting *setting, _Bool *ret_last)
{
	const struct message_snapshot *snapshot = &await(setting, MESSAGE_SNAPSHOT)->snapshot;

	*ret_last = 0;
	if (snapshot->seq <= setting->seq)
		return;
	assert_int_equal(snapshot->seq, setting->seq + 1);
	assert_int_equal(snapshot->second, setting->first_second + setting->seq);
	assert_int_equal(snapshot->scenario_count, 1);
	setting->seq++;
	count_cells(setting, snapshot);
	setting->scenario = snapshot->scenarios[0];
	*ret_last = snapshot->last;
}

static void take_all(struct setting *setting)
{
	_Bool last = 0;

	while (!last) {
		take_snapshots(setting, &last);
		if (!last)
			acknowledge(setting, setting->seq);
	}
}

static void check_account(const struct setting *setting, uint64_t planned)
{
	assert_true(setting->scenario.finished);
	assert_true(tally_holds(&setting->scenario.tally, 0));
	assert_int_equal(setting->scenario.tally.planned, planned);
	assert_int_equal(setting->scenario.tally.started, planned);
	assert_int_equal(setting->operations, setting->scenario.tally.operations);
}

static void test_agent_run_makes_one_run_and_exits(void **state)
{
	struct setting *setting = set_up(1);
	const struct message *done;

	(void)state;
	welcome(setting);
	assign(setting,
	       HEAD "scenarios: { a: { executor: constant-arrival-rate, rate: 1000, duration: 1200ms,\n"
	            "  steps: [ { null: { latency: 1ms } } ] } }",
	       NULL, 0);
	await(setting, MESSAGE_READY);
	start(setting);
	take_all(setting);
	check_account(setting, 1200);
	done = await(setting, MESSAGE_DONE);
	assert_int_equal(done->done.last_seq, setting->seq);
	assert_int_equal(done->done.end_ns, 1200 * NS_PER_MS);
	acknowledge(setting, setting->seq);
	join(setting);
	assert_int_equal(setting->outcome, 0);
	tear_down(setting);
}

static void test_agent_run_answers_pings_with_both_stamps(void **state)
{
	struct setting *setting = set_up(0);
	const struct message_pong *pong;
	uint64_t before = clock_now_ns();

	(void)state;
	welcome(setting);
	send_to_agent(setting, &(struct message){.type = MESSAGE_PING, .ping = {.id = 7, .sent_ns = 123}});
	pong = &await(setting, MESSAGE_PONG)->pong;
	assert_int_equal(pong->id, 7);
	assert_int_equal(pong->sent_ns, 123);
	assert_true(pong->agent_in_ns >= before && pong->agent_out_ns >= pong->agent_in_ns);
	assert_string_equal(setting->message.run_id, RUN_ID);
	stop_agent(setting);
	join(setting);
	tear_down(setting);
}

static void test_agent_run_fetches_files_in_pieces(void **state)
{
	static const char *const csv = "id\nalpha\nbeta\n";
	struct setting *setting = set_up(1);
	char digest[SHA256_HEX_SIZE];
	struct wire_file file = {.name = (char *)"row", .size = strlen(csv), .sha256 = digest};

	(void)state;
	hash_sha256_hex(csv, strlen(csv), digest);
	welcome(setting);
	assign(setting,
	       HEAD "data: { row: { csv: rows.csv, column: id } }\n"
	            "scenarios: { a: { executor: per-vu-iterations, vus: 1, iterations: 4, steps: [ { null: { group: "
	            "\"{{row}}\" } } ] } }",
	       &file, 1);
	for (size_t at = 0; at < strlen(csv); at += 5) {
		size_t size = strlen(csv) - at < 5 ? strlen(csv) - at : 5;
		const struct message_fetch *fetch = &await(setting, MESSAGE_FETCH)->fetch;

		assert_string_equal(fetch->name, "row");
		assert_int_equal(fetch->offset, at);
		send_to_agent(setting, &(struct message){.type = MESSAGE_CHUNK,
		                                         .chunk = {.name = (char *)"row",
		                                                   .offset = at,
		                                                   .data = (uint8_t *)csv + at,
		                                                   .size = size}});
	}
	await(setting, MESSAGE_READY);
	start(setting);
	take_all(setting);
	check_account(setting, 4);
	await(setting, MESSAGE_DONE);
	acknowledge(setting, setting->seq);
	join(setting);
	tear_down(setting);
}

static void test_agent_run_says_why_it_cannot(void **state)
{
	struct setting *setting = set_up(1);

	(void)state;
	welcome(setting);
	assign(setting, "name: t\nscenarios: { a: { executor: sideways } }\n", NULL, 0);
	await(setting, MESSAGE_FAILED);
	assert_non_null(strstr(setting->message.failed.text, "sideways"));
	join(setting);
	assert_int_equal(setting->outcome, 1);
	tear_down(setting);
}

static void test_agent_run_ends_when_it_is_told(void **state)
{
	struct setting *setting = set_up(0);
	_Bool last = 0;

	(void)state;
	welcome(setting);
	assign(setting,
	       HEAD "scenarios: { a: { executor: constant-vus, vus: 4, duration: 1h, steps: [ { null: { latency: 1h } "
	            "} ] } }",
	       NULL, 0);
	await(setting, MESSAGE_READY);
	start(setting);
	take_snapshots(setting, &last);
	assert_false(last);
	acknowledge(setting, setting->seq);
	stop_agent(setting);
	await(setting, MESSAGE_LEAVE);
	/* Nobody takes its share. */
	send_to_agent(setting, &(struct message){.type = MESSAGE_STOP, .stop = {.grace_ns = 50 * NS_PER_MS}});
	take_all(setting);
	assert_int_equal(setting->scenario.tally.interrupted, 4);
	await(setting, MESSAGE_DONE);
	acknowledge(setting, setting->seq);
	join(setting);
	assert_int_equal(setting->outcome, 0);
	tear_down(setting);
}

static void test_agent_run_hands_its_share_back(void **state)
{
	struct setting *setting = set_up(0);
	_Bool last = 0;

	(void)state;
	welcome(setting);
	assign(setting,
	       HEAD "scenarios: { a: { executor: constant-arrival-rate, rate: 100, duration: 1h, steps: [ { null: { } "
	            "} ] } }",
	       NULL, 0);
	await(setting, MESSAGE_READY);
	start(setting);
	take_snapshots(setting, &last);
	acknowledge(setting, setting->seq);
	stop_agent(setting);
	await(setting, MESSAGE_LEAVE);
	assign_later(setting, 2, 0);
	take_all(setting);
	await(setting, MESSAGE_DONE);
	/* All that was its own until then, and nothing after. */
	assert_int_equal(setting->message.done.end_ns % NS_PER_S, 0);
	check_account(setting, setting->message.done.end_ns / NS_PER_S * 100);
	acknowledge(setting, setting->seq);
	join(setting);
	assert_int_equal(setting->outcome, 0);
	tear_down(setting);
}

static void test_agent_run_joins_a_run_that_has_begun(void **state)
{
	struct setting *setting = set_up(1);
	uint64_t t0_ns = clock_now_ns() - 3500 * NS_PER_MS;
	uint64_t from = 0;
	_Bool last = 0;

	(void)state;
	welcome(setting);
	assign_plan(setting,
	            HEAD
	            "scenarios: { a: { executor: constant-arrival-rate, rate: 100, duration: 6s, steps: [ { null: { "
	            "} } ] } }",
	            NULL, 0, 0);
	await(setting, MESSAGE_READY);
	start_at(setting, t0_ns);
	assign_later(setting, 2, 1);
	while (!last) {
		const struct message_snapshot *snapshot = &await(setting, MESSAGE_SNAPSHOT)->snapshot;

		if (snapshot->seq == 1)
			setting->first_second = snapshot->second;
		if (snapshot->seq <= setting->seq)
			continue;
		assert_int_equal(snapshot->seq, setting->seq + 1);
		assert_int_equal(snapshot->second, setting->first_second + setting->seq);
		setting->seq++;
		if (snapshot->epoch == 2 && from == 0)
			from = snapshot->second;
		assert_int_equal(snapshot->epoch == 2, from > 0);
		count_cells(setting, snapshot);
		setting->scenario = snapshot->scenarios[0];
		last = snapshot->last;
		acknowledge(setting, setting->seq - last);
	}
	assert_true(setting->first_second >= 3 && from > setting->first_second);
	check_account(setting, (6 - from) * 100);
	await(setting, MESSAGE_DONE);
	acknowledge(setting, setting->seq);
	join(setting);
	assert_int_equal(setting->outcome, 0);
	tear_down(setting);
}

static void test_agent_run_stops_for_its_coordinator(void **state)
{
	struct setting *setting = set_up(1);
	_Bool last = 0;

	(void)state;
	welcome(setting);
	assign(setting,
	       HEAD "scenarios: { a: { executor: constant-arrival-rate, rate: 100, duration: 1h, steps: [ { null: { } "
	            "} ] } }",
	       NULL, 0);
	await(setting, MESSAGE_READY);
	start(setting);
	take_snapshots(setting, &last);
	acknowledge(setting, setting->seq);
	send_to_agent(setting, &(struct message){.type = MESSAGE_STOP,
	                                         .stop = {.grace_ns = NS_PER_S, .reason = (char *)"enough"}});
	take_all(setting);
	assert_true(setting->scenario.tally.planned < 100 * 600);
	await(setting, MESSAGE_DONE);
	assert_true(setting->message.done.end_ns < 600 * NS_PER_S);
	acknowledge(setting, setting->seq);
	join(setting);
	assert_int_equal(setting->outcome, 0);
	tear_down(setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_agent_run_makes_one_run_and_exits),
	        cmocka_unit_test(test_agent_run_answers_pings_with_both_stamps),
	        cmocka_unit_test(test_agent_run_fetches_files_in_pieces),
	        cmocka_unit_test(test_agent_run_says_why_it_cannot),
	        cmocka_unit_test(test_agent_run_ends_when_it_is_told),
	        cmocka_unit_test(test_agent_run_hands_its_share_back),
	        cmocka_unit_test(test_agent_run_joins_a_run_that_has_begun),
	        cmocka_unit_test(test_agent_run_stops_for_its_coordinator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
