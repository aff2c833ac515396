/* SPDX-License-Identifier: Apache-2.0 */
/* A run whose coordinator dies behind any record of its journal, and is taken up again: its report is the one that it
 * would have had. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "coordinator/run/run_restore.h"
#include "fleet.h"

enum { AGENTS = 2, SECONDS = 5, WINDOW = 8, MOMENTS_MAX = 1024, ARRIVALS = 5 /* of an agent in a second */ };

#define STEP_NS (50 * NS_PER_MS)
#define DOWN_NS (2 * NS_PER_S)
#define ASK_AGAIN_NS NS_PER_S
#define RESEND_NS (3 * NS_PER_S)
#define WALL_OFFSET_NS INT64_C(1700000000000000000)
#define RUN_ID "11111111-2222-4333-8444-555555555555"

#define PLAN                                                                                                           \
	"name: restored\n"                                                                                             \
	"lostAfter: 5s\n"                                                                                              \
	"scenarios:\n"                                                                                                 \
	"  a: { executor: constant-arrival-rate, rate: 10, duration: 5s, steps: [ { null: {} } ] }\n"                  \
	"thresholds:\n"

static const char plan_text[] = PLAN "  iterations: [ 'count==50', { threshold: 'rate>1', abortOnFail: true } ]\n"
                                     "  null_operation_duration: [ { threshold: 'p(95)<1000', window: 2s } ]\n";
static const char hasty_plan[] = PLAN "  iterations: [ { threshold: 'rate>9', abortOnFail: true } ]\n";
static const char aborting_plan[] = PLAN "  iterations: [ { threshold: 'count<25', abortOnFail: true } ]\n";

/* An agent as far as the protocol shows it. Its snapshots are the fleet's. */
struct paper {
	enum { FREE, READY, RUNNING, GONE } state;
	_Bool mute; /* is never heard again */
	uint64_t t0_ns;
	uint64_t acked, sent;
	uint64_t say_ns; /* when it says again what has no answer */
	uint64_t progress_ns;
	uint64_t ping_id, ping_sent_ns; /* 0: answered */
};

/* How all stood when a record had just been written. */
struct moment {
	struct paper papers[AGENTS];
	uint64_t now_ns;
	size_t size; /* of the journal */
	enum journal_type type;
	enum run_state state;
};

struct theatre {
	struct fleet *fleet;
	const struct plan *plan;
	const char *text; /* the plan's */
	char folder[64];
	struct journal *journal;
	struct run *run;
	struct paper papers[AGENTS];
	uint64_t now_ns;
	struct moment *moments; /* NULL: are not kept */
	size_t count;           /* of moments, or of records */
	unsigned welcomes;      /* that were sent */
	size_t mute_at;         /* the count from which on nothing is heard of agent 1; 0: it is heard */
};

/* ---- what agents do ---- */

/* Their clocks are hours apart. */
static uint64_t clock_ahead_ns(ptrdiff_t index)
{
	return (uint64_t)(index + 1) * 3600 * NS_PER_S;
}

/* With its last acknowledgement it goes. */
static void acknowledge(const struct theatre *stage, struct paper *paper, uint64_t seq)
{
	if (seq <= paper->acked)
		return;
	paper->acked = seq;
	paper->progress_ns = stage->now_ns;
	paper->state = seq == SECONDS ? GONE : paper->state;
}

static void hear(struct theatre *stage, const struct message *message)
{
	struct paper *paper = &stage->papers[message->incarnation.bytes[0] - 1];

	switch (message->type) {
	case MESSAGE_WELCOME:
		stage->welcomes++;
		acknowledge(stage, paper, message->welcome.durable_seq);
		paper->sent = paper->acked;
		break;
	case MESSAGE_ASSIGN:
		if (paper->state != FREE)
			break;
		paper->state = READY;
		paper->say_ns = 0;
		break;
	case MESSAGE_START:
		if (paper->state != READY)
			break;
		paper->state = RUNNING;
		paper->t0_ns = message->start.t0_agent_ns - clock_ahead_ns(paper - stage->papers);
		break;
	case MESSAGE_ACK:
		acknowledge(stage, paper, message->ack.seq);
		break;
	case MESSAGE_PING:
		paper->ping_id = message->ping.id;
		paper->ping_sent_ns = message->ping.sent_ns;
		break;
	default:
		break;
	}
}

static void say(struct theatre *stage, uint32_t index, struct message *message)
{
	message->incarnation.bytes[0] = (uint8_t)(index + 1);
	if (message->type != MESSAGE_HELLO)
		snprintf(message->run_id, sizeof(message->run_id), RUN_ID);
	assert_int_equal(run_message(stage->run, message, stage->now_ns), 0);
	if (message->type == MESSAGE_HELLO)
		message_deinit(message);
}

static void say_hello(struct theatre *stage, uint32_t index)
{
	char name[16];

	snprintf(name, sizeof(name), "agent-%u", index + 1);
	say(stage, index,
	    &(struct message){.type = MESSAGE_HELLO,
	                      .hello = {.protocol = PROTOCOL_VERSION,
	                                .version = strdup("1"),
	                                .name = strdup(name),
	                                .host = strdup("host"),
	                                .cpu = strdup(""),
	                                .kernel = strdup(""),
	                                .cores = 1,
	                                .workers = 1,
	                                .weight = 1,
	                                .pid = 100 + index}});
}

static uint64_t made(const struct theatre *stage, const struct paper *paper)
{
	uint64_t seconds = stage->now_ns > paper->t0_ns ? (stage->now_ns - paper->t0_ns) / NS_PER_S : 0;

	return seconds < SECONDS ? seconds : SECONDS;
}

static void say_snapshots(struct theatre *stage, uint32_t index)
{
	struct paper *paper = &stage->papers[index];

	if (paper->sent > paper->acked && stage->now_ns >= paper->progress_ns + RESEND_NS) {
		paper->sent = paper->acked;
		paper->progress_ns = stage->now_ns;
	}
	while (paper->sent < made(stage, paper) && paper->sent < paper->acked + WINDOW) {
		struct message message = {.type = MESSAGE_SNAPSHOT,
		                          .snapshot = *fleet_snapshot(stage->fleet, index, ++paper->sent)};

		message.snapshot.last = paper->sent == SECONDS;
		say(stage, index, &message);
	}
}

static void act(struct theatre *stage, uint32_t index)
{
	struct paper *paper = &stage->papers[index];
	_Bool again = stage->now_ns >= paper->say_ns;

	if (paper->mute || paper->state == GONE)
		return;
	if (paper->ping_sent_ns) {
		uint64_t middle_ns =
		        paper->ping_sent_ns + (stage->now_ns - paper->ping_sent_ns) / 2 + clock_ahead_ns(index);

		say(stage, index,
		    &(struct message){.type = MESSAGE_PONG,
		                      .pong = {paper->ping_id, paper->ping_sent_ns, middle_ns, middle_ns}});
		paper->ping_sent_ns = 0;
	}
	if (paper->state == RUNNING)
		say_snapshots(stage, index);
	if (!again)
		return;
	paper->say_ns = stage->now_ns + ASK_AGAIN_NS;
	if (paper->state == FREE)
		say_hello(stage, index);
	else if (paper->state == READY)
		say(stage, index, &(struct message){.type = MESSAGE_READY});
	else if (paper->state == RUNNING && paper->sent == SECONDS)
		say(stage, index,
		    &(struct message){.type = MESSAGE_DONE,
		                      .done = {.last_seq = SECONDS, .end_ns = SECONDS * NS_PER_S}});
}

/* ---- the coordinator ---- */

static void keep_moment(struct theatre *stage, enum journal_type type)
{
	struct moment *moment = &stage->moments[stage->count++];
	char path[80];
	struct stat status;

	assert_true(stage->count <= MOMENTS_MAX);
	snprintf(path, sizeof(path), "%s/journal", stage->folder);
	assert_int_equal(stat(path, &status), 0);
	memcpy(moment->papers, stage->papers, sizeof(moment->papers));
	moment->now_ns = stage->now_ns;
	moment->type = type;
	moment->size = (size_t)status.st_size;
	moment->state = stage->run ? run_state(stage->run) : RUN_GATHERING;
}

static int take_effect(void *context, const struct run_effect *effect)
{
	struct theatre *stage = context;
	int r = 0;

	if (effect->type == RUN_SEND)
		hear(stage, effect->message);
	if (effect->type == RUN_JOURNAL) {
		r = journal_append(stage->journal, effect->record, NULL);
		if (stage->moments)
			keep_moment(stage, effect->record->type);
		else
			stage->count++;
		if (stage->count == stage->mute_at)
			stage->papers[1].mute = 1;
	}
	return r;
}

static struct run_config config_of(struct theatre *stage)
{
	return (struct run_config){.plan = stage->plan,
	                           .plan_text = stage->text,
	                           .plan_size = strlen(stage->text),
	                           .run_id = RUN_ID,
	                           .version = "1",
	                           .boot_id = "boot",
	                           .place = {.address = (char *)"tcp://127.0.0.1:1", .keys = (char *)""},
	                           .closed_or_loopback = 1,
	                           .expect_agents = AGENTS,
	                           .wait_ns = 60 * NS_PER_S,
	                           .now_ns = stage->now_ns,
	                           .wall_offset_ns = WALL_OFFSET_NS,
	                           .effect = take_effect,
	                           .context = stage};
}

/* All that agents will measure: a failure in second 3 names a series that was not there before. */
static struct fleet *measure(const char *text)
{
	struct fleet *fleet = fleet_open(&(struct fleet_config){.plan = text, .agents = AGENTS});

	for (uint64_t second = 0; second < SECONDS; second++)
		for (uint32_t agent = 0; agent < AGENTS; agent++) {
			for (uint64_t i = 0; i < ARRIVALS; i++) {
				_Bool failed = second == 3 && i == agent;

				fleet_operate(fleet, agent,
				              &(struct fleet_operation){.scenario = "a",
				                                        .step = "null-1",
				                                        .failed = failed,
				                                        .duration_us = 100 * (second + 1) + i,
				                                        .response_us = 200 * (second + 1) + i});
				fleet_iterate(fleet, agent, "a", 0, failed);
			}
			fleet_account(fleet, agent, 0)->finished = second + 1 == SECONDS;
			fleet_account(fleet, agent, 0)->end_ns = second + 1 == SECONDS ? SECONDS * NS_PER_S : 0;
			fleet_health(fleet, agent)->wall_ns = (second + 1) * NS_PER_S;
			fleet_tick(fleet, agent);
		}
	return fleet;
}

static void make_folder(struct theatre *stage)
{
	snprintf(stage->folder, sizeof(stage->folder), "/tmp/stampede-restore-XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
}

static void tear_down(struct theatre *stage)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/journal", stage->folder);
	run_free(stage->run);
	journal_close(stage->journal);
	unlink(path);
	rmdir(stage->folder);
}

static void step(struct theatre *stage)
{
	stage->now_ns += STEP_NS;
	for (uint32_t i = 0; i < AGENTS; i++)
		act(stage, i);
	assert_int_equal(run_tick(stage->run, stage->now_ns), 0);
}

static void play(struct theatre *stage)
{
	uint64_t until_ns = stage->now_ns + 120 * NS_PER_S;

	while (run_state(stage->run) < RUN_REPORTING) {
		assert_true(stage->now_ns < until_ns);
		step(stage);
	}
	if (run_state(stage->run) == RUN_REPORTING)
		assert_int_equal(run_reported(stage->run, stage->now_ns), 0);
}

/* The report, without what the moment of a loss, the wall clock and pings say. */
static void report(const struct theatre *stage, struct buffer *buffer)
{
	struct failure failure = {0};
	struct report *made_report = NULL;

	if (replay_report(stage->folder, &failure, &made_report) < 0)
		fail_msg("%s", failure.text);
	made_report->t0_unix_ns = 0;
	made_report->started_at[0] = '\0';
	for (uint32_t i = 0; i < made_report->agent_count; i++) {
		made_report->agents[i].clock_bound_ns = 0;
		made_report->agents[i].drift_bound_ppm = 0;
		made_report->agents[i].start_bound_ns = 0;
		if (made_report->agents[i].lost_at_s >= 0)
			made_report->agents[i].lost_at_s = 1;
	}
	assert_int_equal(report_write(made_report, REPORT_JSON, &(struct report_style){0}, buffer), 0);
	report_free(made_report);
}

static void play_all(struct theatre *stage, const char *text, struct fleet *fleet, struct moment *moments,
                     size_t mute_at)
{
	struct run_config config;

	*stage = (struct theatre){.fleet = fleet,
	                          .plan = fleet_plan(fleet),
	                          .text = text,
	                          .now_ns = 1000 * NS_PER_S,
	                          .moments = moments,
	                          .mute_at = mute_at};
	make_folder(stage);
	assert_int_equal(journal_create(stage->folder, 0, NULL, &stage->journal), 0);
	config = config_of(stage);
	assert_int_equal(run_new(&config, &stage->run), 0);
	play(stage);
}

static size_t line_length(const char *text)
{
	return strcspn(text, "\n");
}

static const char *next_line(const char *text)
{
	return text + line_length(text) + (text[line_length(text)] == '\n');
}

/* When it was lost depends on who waited for it, and how busy it was on what it told last. */
static _Bool is_of_the_loss(const char *line)
{
	return strncmp(line, "{\"topic\":\"agents\"", 17) == 0 || strncmp(line, "{\"check\":", 9) == 0;
}

/* The limit is a bound, which each exchange of pings moves a little. */
static _Bool is_of_a_bound(const char *line)
{
	static const char start[] = "{\"check\":\"start skew\"";

	return strncmp(line, start, sizeof(start) - 1) == 0;
}

/* Fails with the first line that differs. */
static void hold_equal(struct buffer *got, struct buffer *wanted, _Bool but_the_loss, size_t record)
{
	const char *a = buffer_text(got), *b = buffer_text(wanted);

	for (; *a && *b; a = next_line(a), b = next_line(b)) {
		if (but_the_loss && is_of_the_loss(a) && is_of_the_loss(b))
			continue;
		if (is_of_a_bound(a) && is_of_a_bound(b))
			continue;
		if (line_length(a) != line_length(b) || strncmp(a, b, line_length(a)) != 0)
			fail_msg("behind record %zu:\n%.*s\nwanted:\n%.*s", record, (int)line_length(a), a,
			         (int)line_length(b), b);
	}
	assert_true(*a == *b);
}

/* The undisturbed run, and each moment of it. */
static void play_undisturbed(struct theatre *stage, const char *text, struct fleet *fleet)
{
	struct moment *moments = calloc(MOMENTS_MAX, sizeof(*moments));

	assert_non_null(moments);
	play_all(stage, text, fleet, moments, 0);
}

static int restore(void *context, struct journal_record *record, uint64_t offset)
{
	const struct theatre *stage = context;

	(void)offset;
	return run_restore_record(stage->run, record);
}

static void copy_journal(const char *from, const char *into, size_t size)
{
	struct buffer bytes cleanup(buffer_deinit) = {0};
	char path[80];
	struct failure failure = {0};

	snprintf(path, sizeof(path), "%s/journal", from);
	assert_int_equal(file_read(path, SIZE_MAX, &bytes, &failure), 0);
	assert_true(size <= bytes.size);
	snprintf(path, sizeof(path), "%s/journal", into);
	assert_int_equal(file_write(path, bytes.data, size, &failure), 0);
}

/* The coordinator dies at the moment; `torn` bytes of its next record are left; another one goes on. */
static void die_at(const struct theatre *undisturbed, const struct moment *moment, size_t torn, struct theatre *stage)
{
	struct run_config config;
	uint64_t cut = 0;

	assert(moment);
	*stage = (struct theatre){.fleet = undisturbed->fleet,
	                          .plan = undisturbed->plan,
	                          .text = undisturbed->text,
	                          .now_ns = moment->now_ns + DOWN_NS};
	make_folder(stage);
	copy_journal(undisturbed->folder, stage->folder, moment->size + torn);
	memcpy(stage->papers, moment->papers, sizeof(stage->papers));
	for (uint32_t i = 0; i < AGENTS; i++)
		stage->papers[i].ping_sent_ns = 0;
	config = config_of(stage);
	assert_int_equal(run_restore_new(&config, &stage->run), 0);
	assert_int_equal(journal_reopen(stage->folder, 0, restore, stage, &cut, NULL, &stage->journal), 0);
	assert_int_equal(cut, torn);
}

static void take_up(struct theatre *stage)
{
	if (run_state(stage->run) < RUN_REPORTING)
		assert_int_equal(run_resume(stage->run, stage->now_ns, (int64_t)stage->now_ns + WALL_OFFSET_NS), 0);
}

static void go_on(struct theatre *stage)
{
	take_up(stage);
	play(stage);
}

/* The moment behind the `nth` (from 0) record of this type. */
static const struct moment *behind(const struct theatre *stage, enum journal_type type, unsigned nth)
{
	for (size_t i = 0; i < stage->count; i++)
		if (stage->moments[i].type == type && nth-- == 0)
			return &stage->moments[i];
	fail_msg("the journal has no such record");
	return NULL;
}

static void test_a_run_that_is_taken_up_again_behind_any_record_has_the_report_of_an_undisturbed_one(void **state)
{
	struct buffer wanted cleanup(buffer_deinit) = {0};
	struct fleet *fleet = measure(plan_text);
	struct theatre undisturbed;

	(void)state;
	play_undisturbed(&undisturbed, plan_text, fleet);
	report(&undisturbed, &wanted);
	assert_non_null(strstr(buffer_text(&wanted), "\"coverage\":\"complete\""));
	for (size_t i = 0; i < undisturbed.count; i++) {
		const struct moment *next = i + 1 < undisturbed.count ? &undisturbed.moments[i + 1] : NULL;
		struct buffer got cleanup(buffer_deinit) = {0};
		struct theatre resumed;

		die_at(&undisturbed, &undisturbed.moments[i], next && i % 3 == 0 ? 7 : 0, &resumed);
		go_on(&resumed);
		report(&resumed, &got);
		hold_equal(&got, &wanted, 0, i);
		tear_down(&resumed);
	}
	free(undisturbed.moments);
	tear_down(&undisturbed);
	fleet_close(fleet);
}

static void test_a_second_death_right_after_the_first_changes_nothing(void **state)
{
	struct buffer wanted cleanup(buffer_deinit) = {0};
	struct fleet *fleet = measure(plan_text);
	struct theatre undisturbed;

	(void)state;
	play_undisturbed(&undisturbed, plan_text, fleet);
	report(&undisturbed, &wanted);
	for (size_t i = 1; i + 1 < undisturbed.count; i += 5) {
		struct buffer got cleanup(buffer_deinit) = {0};
		struct theatre first, second;
		struct moment moment = undisturbed.moments[i];

		die_at(&undisturbed, &moment, 0, &first);
		if (run_state(first.run) < RUN_REPORTING) {
			first.moments = calloc(MOMENTS_MAX, sizeof(*first.moments));
			assert_non_null(first.moments);
			assert_int_equal(run_resume(first.run, first.now_ns, WALL_OFFSET_NS), 0);
			moment = first.moments[first.count - 1];
			free(first.moments);
			first.moments = NULL;
		}
		die_at(&first, &moment, 0, &second);
		go_on(&second);
		report(&second, &got);
		hold_equal(&got, &wanted, 0, i);
		tear_down(&second);
		tear_down(&first);
	}
	free(undisturbed.moments);
	tear_down(&undisturbed);
	fleet_close(fleet);
}

/* With the coordinator's death or without, an agent that is not heard any more has told as much. */
static void test_what_an_agent_told_that_is_never_heard_again_is_not_lost_with_the_coordinator(void **state)
{
	struct fleet *fleet = measure(plan_text);
	struct theatre undisturbed;
	unsigned compared = 0;

	(void)state;
	play_undisturbed(&undisturbed, plan_text, fleet);
	for (size_t i = 0; i < undisturbed.count; i++) {
		const struct moment *moment = &undisturbed.moments[i];
		struct buffer wanted cleanup(buffer_deinit) = {0}, got cleanup(buffer_deinit) = {0};
		struct theatre stays, dies;

		/* All that was told is in the journal then. */
		if (moment->type != JOURNAL_DELTAS)
			continue;
		compared++;
		play_all(&stays, plan_text, fleet, NULL, i + 1);
		report(&stays, &wanted);
		assert_non_null(strstr(buffer_text(&wanted), "\"coverage\":\"incomplete\""));
		die_at(&undisturbed, moment, 0, &dies);
		dies.papers[1].mute = 1;
		go_on(&dies);
		report(&dies, &got);
		hold_equal(&got, &wanted, 1, i);
		tear_down(&dies);
		tear_down(&stays);
	}
	assert_true(compared >= SECONDS);
	free(undisturbed.moments);
	tear_down(&undisturbed);
	fleet_close(fleet);
}

static void test_a_t0_that_nobody_was_told_is_set_anew(void **state)
{
	struct fleet *fleet = measure(plan_text);
	struct theatre undisturbed, resumed;

	(void)state;
	play_undisturbed(&undisturbed, plan_text, fleet);
	die_at(&undisturbed, behind(&undisturbed, JOURNAL_START, 0), 0, &resumed);
	assert_true(run_started(resumed.run));
	take_up(&resumed);
	assert_false(run_started(resumed.run));
	while (!run_started(resumed.run))
		step(&resumed);
	assert_true(run_t0_ns(resumed.run) > resumed.now_ns);
	tear_down(&resumed);
	/* Once it was told to one, it holds. */
	die_at(&undisturbed, behind(&undisturbed, JOURNAL_TOLD, 0), 0, &resumed);
	take_up(&resumed);
	assert_int_equal(run_t0_ns(resumed.run), run_t0_ns(undisturbed.run));
	assert_true(run_t0_ns(resumed.run) < resumed.now_ns);
	tear_down(&resumed);
	free(undisturbed.moments);
	tear_down(&undisturbed);
	fleet_close(fleet);
}

static void test_each_agent_is_told_all_once_at_its_first_word(void **state)
{
	struct fleet *fleet = measure(plan_text);
	struct theatre undisturbed, resumed;

	(void)state;
	play_undisturbed(&undisturbed, plan_text, fleet);
	die_at(&undisturbed, behind(&undisturbed, JOURNAL_DELTAS, 1), 0, &resumed);
	take_up(&resumed);
	resumed.papers[1].mute = 1;
	assert_int_equal(resumed.welcomes, 0);
	step(&resumed);
	step(&resumed);
	assert_int_equal(resumed.welcomes, 1);
	resumed.papers[1].mute = 0;
	step(&resumed);
	step(&resumed);
	assert_int_equal(resumed.welcomes, AGENTS);
	tear_down(&resumed);
	free(undisturbed.moments);
	tear_down(&undisturbed);
	fleet_close(fleet);
}

static void test_no_threshold_fails_over_what_agents_have_still_to_deliver(void **state)
{
	struct fleet *fleet = measure(hasty_plan);
	struct theatre undisturbed, resumed;

	(void)state;
	play_undisturbed(&undisturbed, hasty_plan, fleet);
	die_at(&undisturbed, behind(&undisturbed, JOURNAL_DELTAS, 0), 0, &resumed);
	resumed.now_ns += 20 * NS_PER_S;
	take_up(&resumed);
	resumed.papers[0].mute = resumed.papers[1].mute = 1;
	for (uint64_t waited_ns = 0; waited_ns < 3 * NS_PER_S; waited_ns += STEP_NS)
		step(&resumed);
	resumed.papers[0].mute = resumed.papers[1].mute = 0;
	play(&resumed);
	assert_string_equal(run_stop_text(resumed.run), "");
	tear_down(&resumed);
	free(undisturbed.moments);
	tear_down(&undisturbed);
	fleet_close(fleet);
}

static void test_a_threshold_aborts_over_what_both_coordinators_held(void **state)
{
	struct fleet *fleet = measure(aborting_plan);
	struct theatre undisturbed, resumed;

	(void)state;
	play_undisturbed(&undisturbed, aborting_plan, fleet);
	assert_non_null(strstr(run_stop_text(undisturbed.run), "observed 30"));
	die_at(&undisturbed, behind(&undisturbed, JOURNAL_DELTAS, 0), 0, &resumed);
	go_on(&resumed);
	assert_non_null(strstr(run_stop_text(resumed.run), "observed 30"));
	tear_down(&resumed);
	free(undisturbed.moments);
	tear_down(&undisturbed);
	fleet_close(fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                test_a_run_that_is_taken_up_again_behind_any_record_has_the_report_of_an_undisturbed_one),
	        cmocka_unit_test(test_a_second_death_right_after_the_first_changes_nothing),
	        cmocka_unit_test(test_what_an_agent_told_that_is_never_heard_again_is_not_lost_with_the_coordinator),
	        cmocka_unit_test(test_a_t0_that_nobody_was_told_is_set_anew),
	        cmocka_unit_test(test_each_agent_is_told_all_once_at_its_first_word),
	        cmocka_unit_test(test_no_threshold_fails_over_what_agents_have_still_to_deliver),
	        cmocka_unit_test(test_a_threshold_aborts_over_what_both_coordinators_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
