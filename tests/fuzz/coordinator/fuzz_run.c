/* SPDX-License-Identifier: Apache-2.0 */
/* Any sequence of messages, ticks, jumps of time and deaths of the coordinator against the run's state machine; the
 * oracle holds what leaves against what was promised. At the end all agents fall silent, the run must come to its end
 * by itself, and its journal to a report.
 *
 * An input is the plan's number, how many agents are expected, and steps: a byte whose low five bits are what happens,
 * the rest which agent process it is about, then the bytes that this kind of step asks for. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/stats/ledger_delta.h"
#include "common/wire/codec.h"
#include "coordinator/journal/journal_codec.h"
#include "coordinator/replay/replay.h"
#include "coordinator/run/run_restore.h"
#include "tests/fuzz/coordinator/run_oracle.h"

#define RUN_ID "11111111-2222-4333-8444-555555555555"
#define OTHER_ID "99999999-2222-4333-8444-555555555555"

enum {
	SNAPSHOTS_MAX = 200,        /* of one process */
	STEPS_MAX = 2000,           /* of an input */
	MUTATIONS_MAX = 4,          /* bytes of a message that are changed on its way */
	END_TICKS = 2 * 60 * 60,    /* of a second, by when a run without agents must be over */
	HELD_ALWAYS = 4 << 20,      /* bytes of memory that a run may hold ... */
	HELD_PER_INPUT_BYTE = 4096, /* ... and for each byte of the input */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char feed[] = "once\na\nb\nc\nd\ne\nf\ng\nh\n";

static const char *const plans[] = {
        "name: keep\nlostAfter: 5s\nscenarios:\n"
        "  a: { executor: constant-arrival-rate, rate: 10, duration: 20s, steps: [ { \"null\": { name: s } } ] }\n"
        "  b: { executor: constant-vus, vus: 3, duration: 10s, startAfter: a, steps: [ { \"null\": {} } ] }\n",
        "name: hand-over\nlostAfter: 3s\nonAgentLoss: redistribute\nelastic: true\n"
        "data: { once: { csv: once.csv, column: once, pick: unique } }\n"
        "scenarios:\n"
        "  a: { executor: constant-arrival-rate, rate: 2, duration: 4s,\n"
        "       steps: [ { \"null\": { name: s, group: \"{{once}}\" } } ] }\n"
        "  b: { executor: ramping-vus, stages: [ { duration: 5s, target: 9 } ], steps: [ { \"null\": {} } ] }\n"
        "  c: { executor: shared-iterations, vus: 4, iterations: 40, maxDuration: 30s, steps: [ { \"null\": {} } ] }\n"
        "  d: { executor: constant-vus, vus: 2, duration: 3s, startAfter: c, steps: [ { \"null\": {} } ] }\n",
        "name: duties\nlostAfter: 3s\nonAgentLoss: redistribute\n"
        "setup: [ { \"null\": { values: { token: t } } }, { \"null\": { latency: 5ms } } ]\n"
        "teardown: [ { \"null\": {} } ]\n"
        "readers: [ { \"null\": { value: 42 } } ]\n"
        "scenarios:\n"
        "  a: { executor: per-vu-iterations, vus: 4, iterations: 3, maxDuration: 9s,\n"
        "       steps: [ { \"null\": { name: s, group: \"{{token}}\" } } ] }\n",
        "name: strict\nlostAfter: 3s\nonAgentLoss: fail\nscenarios:\n"
        "  a: { executor: constant-arrival-rate, rate: 10, duration: 5s, runOn: { zone: a }, minAgents: 2,\n"
        "       steps: [ { \"null\": { name: s } } ] }\n"
        "thresholds: { iterations: [ { threshold: 'count<30', abortOnFail: true } ] }\n",
        "name: verified\nlostAfter: 3s\nonAgentLoss: redistribute\nelastic: true\n"
        "targets: { stream: { kafka: { brokers: \"127.0.0.1:1\" } } }\n"
        "teardown: [ { \"null\": {} } ]\n"
        "scenarios:\n"
        "  a: { executor: constant-arrival-rate, rate: 5, duration: 4s,\n"
        "       steps: [ { produce: { name: s, target: stream, topic: t, size: 100, verify: during } } ] }\n"
        "  b: { executor: per-vu-iterations, vus: 2, iterations: 3, maxDuration: 5s,\n"
        "       steps: [ { produce: { target: stream, topic: u, size: 100, verify: after } } ] }\n",
};
enum { PLANS = sizeof(plans) / sizeof(plans[0]) };

/* A snapshot that a process has made. */
struct made {
	uint64_t second;
	uint32_t epoch;
	_Bool finished, last;
};

struct process {
	struct made made[SNAPSHOTS_MAX]; /* number n is [n - 1] */
	uint32_t count;
	uint64_t second; /* of the next one */
};

struct mutation {
	uint16_t at;
	uint8_t value;
};

struct theatre {
	const uint8_t *at, *end; /* of the input */
	struct plan *plan;
	struct run *run;
	struct run_config config;
	struct oracle oracle;
	struct process processes[ORACLE_AGENTS];
	uint64_t now_ns;
	struct mutation mutations[MUTATIONS_MAX];
	uint32_t mutation_count;
	struct buffer bytes; /* of the message on its way */
	_Bool over;          /* abandoned, or reported */
};

static uint8_t next(struct theatre *stage)
{
	return stage->at < stage->end ? *stage->at++ : 0;
}

/* ---- the coordinator ---- */

/* Dead since an effect in the last call: another one takes the journal up. */
static void resume(struct theatre *stage)
{
	run_free(stage->run);
	stage->run = NULL;
	oracle_resume(&stage->oracle);
	if (stage->oracle.record_count == 0) {
		stage->over = 1;
		return;
	}
	stage->config.now_ns = stage->now_ns;
	oracle_require(run_restore_new(&stage->config, &stage->run) == 0);
	for (size_t i = 0; i < stage->oracle.record_count; i++) {
		struct journal_record record;
		const struct buffer *payload = &stage->oracle.records[i];

		oracle_require(journal_record_decode(payload->data, payload->size, &record) == 0);
		oracle_require(run_restore_record(stage->run, &record) == 0);
		journal_record_deinit(&record);
	}
	oracle_require(run_state(stage->run) == stage->oracle.state);
	oracle_require(stage->oracle.stopped == (run_stop_cause(stage->run) != STOP_CAUSE_COUNT));
	if (stage->oracle.state < RUN_REPORTING && run_resume(stage->run, stage->now_ns, (int64_t)stage->now_ns) < 0)
		stage->over = !stage->oracle.dead;
}

/* What a call to the run has come to. */
static void settle(struct theatre *stage, int r)
{
	if (stage->oracle.dead) {
		while (stage->oracle.dead && !stage->over)
			resume(stage);
		return;
	}
	oracle_require(r == 0 || stage->oracle.failing);
	if (r < 0 && !stage->over) {
		run_abandon(stage->run, stage->now_ns);
		stage->over = 1;
	}
}

static void tick(struct theatre *stage, uint64_t later_ns)
{
	stage->now_ns += later_ns;
	settle(stage, run_tick(stage->run, stage->now_ns));
	oracle_require(stage->over || run_state(stage->run) >= RUN_REPORTING ||
	               run_next_ns(stage->run) > stage->now_ns);
}

/* ---- messages to it ---- */

static void mutate(struct theatre *stage)
{
	for (uint32_t i = 0; i < stage->mutation_count && stage->bytes.size > 0; i++)
		stage->bytes.data[stage->mutations[i].at % stage->bytes.size] ^= stage->mutations[i].value;
	stage->mutation_count = 0;
}

/* Through the codec, as it would come; what that refuses doesn't reach the run. */
static void say_bytes(struct theatre *stage, uint32_t number)
{
	struct message message;

	if (codec_decode(stage->bytes.data, stage->bytes.size, NULL, &message) < 0)
		return;
	message.incarnation = (struct incarnation){{(uint8_t)number}}; /* the link sees to that */
	settle(stage, run_message(stage->run, &message, stage->now_ns));
	message_deinit(&message);
}

static void say_to(struct theatre *stage, uint32_t number, const char *run_id, struct message *message)
{
	_Bool changed = stage->mutation_count > 0;

	snprintf(message->run_id, sizeof(message->run_id), "%s", run_id);
	message->incarnation.bytes[0] = (uint8_t)number;
	message->epoch = stage->oracle.told[number].epoch;
	buffer_clear(&stage->bytes);
	if (codec_encode(message, &stage->bytes) < 0)
		return;
	stage->oracle.loose |= changed && message->type == MESSAGE_SNAPSHOT;
	mutate(stage);
	say_bytes(stage, number);
}

static void say(struct theatre *stage, uint32_t number, struct message *message)
{
	say_to(stage, number, RUN_ID, message);
}

static void hello(struct theatre *stage, uint32_t number, uint8_t how)
{
	struct text_pair tag = {(char *)"zone", how & 8 ? (char *)"b" : (char *)"a"};
	struct message message = {.type = MESSAGE_HELLO,
	                          .hello = {.protocol = PROTOCOL_VERSION + (how & 4 ? 1 : 0),
	                                    .name = (char *)"agent",
	                                    .workers = 1,
	                                    .weight = 1 + (how >> 5),
	                                    .pid = 100 + number,
	                                    .tags = &tag,
	                                    .tag_count = 1,
	                                    .last_seq = stage->processes[number].count}};

	say_to(stage, number, how & 1 ? OTHER_ID : how & 2 ? RUN_ID : "", &message);
}

/* Each process has its own clock. */
static void pong(struct theatre *stage, uint32_t number, uint8_t how)
{
	const struct oracle_told *told = &stage->oracle.told[number];
	uint64_t at_ns = stage->now_ns + number * 3600 * NS_PER_S + (how >> 4) * NS_PER_MS;

	say(stage, number,
	    &(struct message){.type = MESSAGE_PONG,
	                      .pong = {.id = told->ping_id - (how & 3),
	                               .sent_ns = told->ping_sent_ns,
	                               .agent_in_ns = at_ns,
	                               .agent_out_ns = at_ns + (how & 8 ? NS_PER_MS : 0)}});
}

/* Snapshot n is the same whenever it is sent: SNAPSHOT_ITERATIONS iterations of an operation each in scenario 0. */
static void say_snapshot(struct theatre *stage, uint32_t number, uint32_t seq)
{
	static const uint8_t iterations[] = {SNAPSHOT_ITERATIONS}, operations[] = {0, SNAPSHOT_ITERATIONS};
	const struct made *made = &stage->processes[number].made[seq - 1];
	const uint64_t sum = (uint64_t)seq * SNAPSHOT_ITERATIONS;
	struct wire_scenario scenarios[4] = {
	        {.tally = {.planned = sum, .started = sum, .succeeded = sum, .operations = sum}}};
	struct wire_series series[] = {
	        {0, {METRIC_ITERATIONS, 0, "a", "", "", ""}},
	        {1, {METRIC_NULL_OPERATION_FAILED, 0, "a", "s", "", ""}},
	};
	struct wire_cell cells[] = {{0, iterations, sizeof(iterations)}, {1, operations, sizeof(operations)}};

	for (size_t i = 0; i < 4; i++)
		scenarios[i].finished = made->finished;
	say(stage, number,
	    &(struct message){.type = MESSAGE_SNAPSHOT,
	                      .snapshot = {.seq = seq,
	                                   .second = made->second,
	                                   .epoch = made->epoch,
	                                   .series = series,
	                                   .series_count = seq == 1 ? 2 : 0,
	                                   .cells = cells,
	                                   .cell_count = 2,
	                                   .scenarios = scenarios,
	                                   .scenario_count = stage->plan->scenario_count,
	                                   .last = made->last}});
}

static void make_snapshot(struct theatre *stage, uint32_t number, uint8_t how)
{
	struct process *process = &stage->processes[number];

	if (process->count == SNAPSHOTS_MAX || stage->oracle.last_seq[number])
		return;
	process->made[process->count++] = (struct made){.second = process->second,
	                                                .epoch = stage->oracle.told[number].epoch,
	                                                .finished = (how & 3) != 0,
	                                                .last = (how & 2) != 0};
	process->second += 1 + (how >> 6);
	if (how & 2)
		stage->oracle.last_seq[number] = process->count;
	say_snapshot(stage, number, process->count);
}

static void snapshot_again(struct theatre *stage, uint32_t number, uint8_t how)
{
	const struct process *process = &stage->processes[number];

	if (process->count > 0)
		say_snapshot(stage, number, 1 + how % process->count);
}

/* The first or second verifier's number; of a plan without one no duty's. */
static uint32_t find_verifier(const struct theatre *stage, _Bool second)
{
	uint32_t found = stage->plan->duty_count;

	for (uint32_t i = stage->plan->duty_count; i-- > 0;)
		if (stage->plan->duties[i].kind == DUTY_VERIFIER && (found == stage->plan->duty_count || !second))
			found = i;
	return found;
}

/* A report that goes on where the journal ends, or nearly so. Bits of `how`: 1 the second verifier, 2 another reader,
 * 4 a gap, 8 starts, 16 ends, 64 over, 128 with a problem; 32 told us from a value. */
static void see(struct theatre *stage, uint32_t number, uint8_t how)
{
	uint32_t duty = find_verifier(stage, how & 1);
	const struct oracle_verifier *verifier = &stage->oracle.verifiers[duty];
	struct wire_offset here = {0, verifier->position};
	struct seen_delta delta = {.topic = (char *)(how & 1 ? "u" : "t"),
	                           .reader = verifier->reader + (how >> 1 & 1),
	                           .offset_from = verifier->position + (how >> 2 & 1),
	                           .offset_to = verifier->position + 5};
	struct buffer seen = {0};

	if (delta.reader == 0)
		return;
	if (verifier->begun)
		seen_delta_encode(&delta, &seen);
	say(stage, number,
	    &(struct message){.type = MESSAGE_SEEN,
	                      .seen = {.duty = duty,
	                               .reader = delta.reader,
	                               .seq = verifier->seq + 1,
	                               .starts = &here,
	                               .start_count = !verifier->begun || how & 8 ? 1 : 0,
	                               .ends = &here,
	                               .end_count = how >> 4 & 1,
	                               .seen = seen.data,
	                               .seen_size = seen.size,
	                               .over = how >> 6 & 1,
	                               .problem = how & 128 ? (char *)"it failed" : NULL}});
	buffer_deinit(&seen);
}

static void value(struct theatre *stage, uint32_t number, uint8_t how)
{
	struct text_pair token = {(char *)"token", (char *)"t"};

	if (how & 32) {
		see(stage, number, how);
		return;
	}
	say(stage, number,
	    &(struct message){.type = MESSAGE_VALUE,
	                      .value = {.duty = how & 7,
	                                .problem = how & 8 ? (char *)"it failed" : NULL,
	                                .values = &token,
	                                .value_count = how & 16 ? 0 : 1}});
}

static void done(struct theatre *stage, uint32_t number, uint8_t how)
{
	uint64_t last = stage->processes[number].count;

	say(stage, number,
	    &(struct message){.type = MESSAGE_DONE,
	                      .done = {.last_seq = how & 1 ? last + how : last, .end_ns = how * NS_PER_S / 10}});
}

static void fetch(struct theatre *stage, uint32_t number, uint8_t how)
{
	say(stage, number,
	    &(struct message){.type = MESSAGE_FETCH,
	                      .fetch = {.name = how & 128 ? (char *)"none" : (char *)"once", .offset = how & 127}});
}

static void raw(struct theatre *stage, uint32_t number)
{
	size_t size = (size_t)next(stage) << 8 | next(stage), left = (size_t)(stage->end - stage->at);

	size = size < left ? size : left;
	buffer_clear(&stage->bytes);
	oracle_require(buffer_append(&stage->bytes, stage->at, size) == 0);
	stage->at += size;
	stage->oracle.loose = 1;
	say_bytes(stage, number);
}

/* ---- what happens ---- */

/* Agents 0 .. n-1 come and get as far as they can. */
static void begin(struct theatre *stage, uint32_t count)
{
	for (uint32_t i = 0; i < count && !stage->over; i++)
		hello(stage, i, 0);
	for (uint32_t exchange = 0; exchange < 8; exchange++) {
		if (!stage->over)
			tick(stage, 20 * NS_PER_MS);
		for (uint32_t i = 0; i < count && !stage->over; i++) {
			stage->now_ns += NS_PER_MS;
			pong(stage, i, 0);
		}
	}
	for (uint32_t i = 0; i < count && !stage->over; i++)
		say(stage, i, &(struct message){.type = MESSAGE_READY});
	if (!stage->over)
		tick(stage, NS_PER_MS);
}

/* A second of all agents that run. */
static void go_on(struct theatre *stage, uint8_t how)
{
	for (uint32_t i = 0; i < ORACLE_AGENTS && !stage->over; i++)
		if (stage->oracle.told[i].started)
			make_snapshot(stage, i, how & 0xc1);
	if (!stage->over)
		tick(stage, NS_PER_S);
}

static void remember_mutation(struct theatre *stage)
{
	uint16_t at = (uint16_t)(next(stage) << 8 | next(stage));
	uint8_t changed = next(stage);

	if (stage->mutation_count < MUTATIONS_MAX)
		stage->mutations[stage->mutation_count++] = (struct mutation){at, changed};
}

static void end_now(struct theatre *stage)
{
	settle(stage, run_end_now(stage->run, stage->now_ns));
}

enum act {
	ACT_TICK,
	ACT_WAIT,
	ACT_JUMP,
	ACT_HELLO,
	ACT_PONG,
	ACT_READY,
	ACT_SNAPSHOT,
	ACT_AGAIN,
	ACT_DONE,
	ACT_FAILED,
	ACT_LEAVE,
	ACT_VALUE,
	ACT_FETCH,
	ACT_RAW,
	ACT_INTERRUPT,
	ACT_EXIT,
	ACT_FULL_DISK,
	ACT_DIE,
	ACT_END_NOW,
	ACT_BEGIN,
	ACT_GO_ON,
	ACT_MUTATE,
};

static uint64_t until_next(const struct theatre *stage)
{
	uint64_t next_ns = run_next_ns(stage->run);

	return next_ns == CLOCK_NEVER || next_ns < stage->now_ns ? NS_PER_S : next_ns - stage->now_ns;
}

static void step_of_time(struct theatre *stage, enum act step)
{
	if (step == ACT_TICK)
		tick(stage, next(stage) * 10 * NS_PER_MS);
	else if (step == ACT_WAIT)
		tick(stage, until_next(stage));
	else
		tick(stage, UINT64_C(1) << next(stage) % 40);
}

static void step_of_agent(struct theatre *stage, enum act step, uint32_t number)
{
	switch (step) {
	case ACT_HELLO:
		hello(stage, number, next(stage));
		break;
	case ACT_PONG:
		pong(stage, number, next(stage));
		break;
	case ACT_READY:
		say(stage, number, &(struct message){.type = MESSAGE_READY});
		break;
	case ACT_SNAPSHOT:
		make_snapshot(stage, number, next(stage));
		break;
	case ACT_AGAIN:
		snapshot_again(stage, number, next(stage));
		break;
	case ACT_DONE:
		done(stage, number, next(stage));
		break;
	case ACT_FAILED:
		say(stage, number, &(struct message){.type = MESSAGE_FAILED, .failed = {.text = (char *)"no"}});
		break;
	case ACT_LEAVE:
		say(stage, number,
		    &(struct message){.type = MESSAGE_LEAVE, .leave = {.end_ns = next(stage) * NS_PER_S / 8}});
		break;
	case ACT_VALUE:
		value(stage, number, next(stage));
		break;
	case ACT_FETCH:
		fetch(stage, number, next(stage));
		break;
	case ACT_RAW:
		raw(stage, number);
		break;
	default:
		settle(stage, run_child_exited(stage->run, 100 + number, "it was killed", stage->now_ns));
		break;
	}
}

static void take_step(struct theatre *stage)
{
	uint8_t byte = next(stage);
	enum act step = byte & 31;

	if (step <= ACT_JUMP)
		step_of_time(stage, step);
	else if (step <= ACT_RAW || step == ACT_EXIT)
		step_of_agent(stage, step, byte >> 5);
	else if (step == ACT_INTERRUPT)
		settle(stage, run_interrupt(stage->run, stage->now_ns));
	else if (step == ACT_FULL_DISK)
		stage->oracle.failing = 1;
	else if (step == ACT_DIE)
		stage->oracle.die_in = 1 + next(stage) % 64;
	else if (step == ACT_END_NOW)
		end_now(stage);
	else if (step == ACT_BEGIN)
		begin(stage, byte >> 5);
	else if (step == ACT_GO_ON)
		go_on(stage, next(stage));
	else if (step == ACT_MUTATE)
		remember_mutation(stage);
}

/* ---- the whole ---- */

static void open_plan(struct theatre *stage, const char *text)
{
	const struct plan_file file = {.name = "once", .data = feed, .size = sizeof(feed) - 1};
	struct failures failures = {0};
	_Bool has_feed = strstr(text, "once.csv") != NULL;

	if (plan_parse(text, strlen(text), &file, has_feed, &failures, &stage->plan) < 0) {
		fprintf(stderr, "%s\n", failures.count > 0 ? failures.items[0].text : "");
		abort();
	}
	failures_deinit(&failures);
}

static void set_up(struct theatre *stage, const uint8_t *data, size_t size)
{
	const char *text;

	*stage = (struct theatre){.at = data, .end = data + size, .now_ns = 1000 * NS_PER_S};
	text = plans[next(stage) % PLANS];
	open_plan(stage, text);
	oracle_init(&stage->oracle, stage->plan);
	stage->config = (struct run_config){.plan = stage->plan,
	                                    .plan_text = text,
	                                    .plan_size = strlen(text),
	                                    .run_id = RUN_ID,
	                                    .version = "1",
	                                    .boot_id = "boot",
	                                    .expect_agents = 1 + next(stage) % 4,
	                                    .wait_ns = 10 * NS_PER_S,
	                                    .closed_or_loopback = 1,
	                                    .now_ns = stage->now_ns,
	                                    .effect = oracle_take,
	                                    .context = &stage->oracle};
	oracle_require(run_new(&stage->config, &stage->run) == 0);
}

/* Nobody says anything any more: the run comes to its report by itself. */
static void let_it_end(struct theatre *stage)
{
	stage->oracle.die_in = 0;
	for (uint32_t i = 0; !stage->over && run_state(stage->run) < RUN_REPORTING; i++) {
		oracle_require(i < END_TICKS);
		tick(stage, NS_PER_S);
	}
	if (!stage->over && run_state(stage->run) == RUN_REPORTING)
		settle(stage, run_reported(stage->run, stage->now_ns));
	oracle_require(stage->over || stage->oracle.state == RUN_DONE);
}

/* The journal of all this can be reported on. */
static void check_report(const struct theatre *stage)
{
	char folder[] = "/tmp/fuzz-run-XXXXXX", path[64];
	struct failure failure = {0};
	struct report *report = NULL;
	const struct tally *tally;
	uint64_t dropped = 0;

	oracle_require(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/journal", folder);
	oracle_write_journal(&stage->oracle, path);
	if (replay_report(folder, &failure, &report) < 0) {
		fprintf(stderr, "%s\n", failure.text);
		oracle_require(!"a report can be made");
	}
	tally = &report->tally;
	for (size_t i = 0; i < DROP_REASON_COUNT; i++)
		dropped += tally->dropped[i];
	oracle_require(stage->oracle.loose || tally->planned == tally->started + dropped + report->unknown);
	report_free(report);
	unlink(path);
	rmdir(folder);
}

/* Bytes that are allocated now. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t held_bytes(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
	                                               : mallinfo2().uordblks;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t before = held_bytes(), allowed = HELD_ALWAYS + size * HELD_PER_INPUT_BYTE;
	struct theatre stage;

	set_up(&stage, data, size);
	for (uint32_t i = 0; i < STEPS_MAX && stage.at < stage.end && !stage.over; i++) {
		if (run_state(stage.run) >= RUN_REPORTING)
			break;
		take_step(&stage);
		oracle_require(held_bytes() <= before + allowed);
	}
	let_it_end(&stage);
	if (stage.oracle.record_count > 0)
		check_report(&stage);
	run_free(stage.run);
	oracle_deinit(&stage.oracle);
	plan_free(stage.plan);
	buffer_deinit(&stage.bytes);
	return 0;
}
