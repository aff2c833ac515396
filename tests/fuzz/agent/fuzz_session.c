/* SPDX-License-Identifier: Apache-2.0 */
/* Any sequence of messages, news of the crew, ticks and jumps of time against the agent's session; the oracle holds
 * what it wants done against what makes sense. At the end it is told to end, and must.
 *
 * An input is options, and steps: a byte that says what happens, then the bytes that this kind of step asks for. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/wire/codec.h"
#include "tests/fuzz/agent/session_oracle.h"

enum {
	STEPS_MAX = 2000,
	MUTATIONS_MAX = 4,
	VERIFIER = 8, /* the first one's number */
	SPOOL_MEMORY = 8192,
	SPOOL_DISK = 16384,
	HELD_ALWAYS = 4 << 20, /* bytes of memory that a session may hold, and this input's assignments */
	HELD_PER_INPUT_BYTE = 4096,
	TICKS_AT_ONCE = 3,
	END_TICKS = 10000, /* within which a session that was told to end must be over */
};

#define ORPHAN_NS (60 * NS_PER_S)
#define END_NS (60 * NS_PER_S) /* likewise */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const run_ids[] = {"11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"};
static const char feed[] = "row\na\nb\nc\n";

struct mutation {
	uint16_t at;
	uint8_t value;
};

struct theatre {
	const uint8_t *at, *end; /* of the input */
	struct message_hello hello;
	struct session_oracle oracle;
	uint64_t now_ns;
	char sha256[SHA256_HEX_SIZE];
	struct mutation mutations[MUTATIONS_MAX];
	uint32_t mutation_count;
	struct buffer bytes; /* of the message on its way */
	_Bool delivers;      /* at the end a coordinator answers once more */
};

static uint8_t next(struct theatre *stage)
{
	return stage->at < stage->end ? *stage->at++ : 0;
}

static _Bool is_over(const struct theatre *stage)
{
	return session_state(stage->oracle.session) == SESSION_OVER;
}

/* ---- time ---- */

/* What a tick changes may be due for another one at once, but not for ever. */
static void tick(struct theatre *stage, uint64_t later_ns)
{
	struct session *session = stage->oracle.session;

	stage->now_ns += later_ns;
	for (uint32_t i = 0; i < TICKS_AT_ONCE; i++) {
		session_oracle_take(&stage->oracle, session_tick(session, stage->now_ns));
		if (is_over(stage) || session_next_ns(session) > stage->now_ns)
			return;
	}
	session_require(!"there is something to wait for");
}

static void wait_for_it(struct theatre *stage)
{
	uint64_t next_ns = session_next_ns(stage->oracle.session);

	tick(stage, next_ns == CLOCK_NEVER || next_ns < stage->now_ns ? NS_PER_S : next_ns - stage->now_ns);
}

/* ---- messages to it ---- */

static void mutate(struct theatre *stage)
{
	for (uint32_t i = 0; i < stage->mutation_count && stage->bytes.size > 0; i++)
		stage->bytes.data[stage->mutations[i].at % stage->bytes.size] ^= stage->mutations[i].value;
	stage->mutation_count = 0;
}

/* What was acknowledged stays so, and nothing else is. */
static void look_at_spool(struct theatre *stage)
{
	uint64_t acknowledged = spool_acknowledged(session_spool(stage->oracle.session));

	if (!stage->oracle.crew.started)
		return;
	session_require(acknowledged >= stage->oracle.acknowledged && acknowledged <= stage->oracle.heard);
	stage->oracle.acknowledged = acknowledged;
}

static void say_bytes(struct theatre *stage)
{
	struct session *session = stage->oracle.session;
	struct message message;

	if (codec_decode(stage->bytes.data, stage->bytes.size, NULL, &message) < 0)
		return;
	if (message.type == MESSAGE_ACK && message.ack.seq > stage->oracle.heard)
		stage->oracle.heard = message.ack.seq;
	if (message.type == MESSAGE_WELCOME && message.welcome.durable_seq > stage->oracle.heard)
		stage->oracle.heard = message.welcome.durable_seq;
	session_oracle_take(&stage->oracle, session_message(session, &message, stage->now_ns));
	message_deinit(&message);
	look_at_spool(stage);
}

/* Through the codec, as it would come. */
static void say_of_run(struct theatre *stage, const char *run_id, uint32_t epoch, struct message *message)
{
	snprintf(message->run_id, sizeof(message->run_id), "%s", run_id);
	message->epoch = epoch;
	buffer_clear(&stage->bytes);
	if (codec_encode(message, &stage->bytes) < 0)
		return;
	mutate(stage);
	say_bytes(stage);
}

/* The highest bit of `how` is another run's. */
static void say(struct theatre *stage, uint8_t how, uint32_t epoch, struct message *message)
{
	say_of_run(stage, run_ids[how >> 7], epoch, message);
}

static void welcome(struct theatre *stage, uint8_t how)
{
	say(stage, how, 1,
	    &(struct message){.type = MESSAGE_WELCOME,
	                      .welcome = {.protocol = PROTOCOL_VERSION, .durable_seq = how & 15}});
}

/* Bits of `how`: 1 with its plan, 2 with a data file, 4 with shares, 8 with moves and extras; then `from`. */
static void assign(struct theatre *stage, uint8_t how, uint32_t epoch)
{
	struct share_class whole = {1, 0}, half = {2, 1};
	struct share shares[] = {{&whole, how & 4 ? 1 : 0, 1}};
	struct wire_move move = {.from_index = 10, .first_spare = 3, .share = {&half, 1, 1}};
	struct wire_extra extra = {.epoch = epoch, .iterations = 5};
	uint32_t connections[] = {4};
	struct wire_file file = {(char *)"once", sizeof(feed) - 1, stage->sha256};

	say(stage, how, epoch,
	    &(struct message){.type = MESSAGE_ASSIGN,
	                      .assign = {.from_ns = (how >> 4 & 7) * NS_PER_S,
	                                 .plan = (char *)"p",
	                                 .plan_size = how & 1,
	                                 .agent_name = (char *)"one",
	                                 .shares = shares,
	                                 .share_count = 1,
	                                 .connections = connections,
	                                 .connection_count = 1,
	                                 .moves = &move,
	                                 .move_count = how & 8 ? 1 : 0,
	                                 .extras = &extra,
	                                 .extra_count = how & 8 && epoch > 0 ? 1 : 0,
	                                 .agent_count = 1,
	                                 .files = &file,
	                                 .file_count = how & 2 ? 1 : 0}});
}

/* What was asked for, or a piece of it, or something else. */
static void chunk(struct theatre *stage, uint8_t how)
{
	const size_t whole = sizeof(feed) - 1;
	uint64_t offset = stage->oracle.fetch_offset;
	size_t from = how & 24 || offset > whole ? 0 : offset, left = whole - from;

	say(stage, how, 1,
	    &(struct message){.type = MESSAGE_CHUNK,
	                      .chunk = {.name = stage->oracle.fetch_name,
	                                .offset = offset + (how >> 1 & 3),
	                                .data = (uint8_t *)(uintptr_t)feed + from,
	                                .size = how & 1 && left > 2 ? 2 : left}});
}

static void start(struct theatre *stage, uint8_t how)
{
	struct text_pair value = {(char *)"token", how & 1 ? (char *)"a" : (char *)"b"};

	say(stage, how, 1,
	    &(struct message){.type = MESSAGE_START,
	                      .start = {.t0_agent_ns = stage->now_ns + (how >> 2 & 7) * NS_PER_S - 2 * NS_PER_S,
	                                .values = &value,
	                                .value_count = how & 2 ? 1 : 0}});
}

static void acknowledge(struct theatre *stage, uint8_t how)
{
	uint64_t made = stage->oracle.crew.made, back = how & 15;

	say(stage, how, 1,
	    &(struct message){.type = MESSAGE_ACK,
	                      .ack = {.seq = how & 64      ? made + back
	                                     : made > back ? made - back
	                                                   : 0}});
}

static void stop(struct theatre *stage, uint8_t how)
{
	say(stage, how, 1,
	    &(struct message){.type = MESSAGE_STOP,
	                      .stop = {.at_ns = (how & 15) * NS_PER_S, .grace_ns = NS_PER_S, .reason = (char *)"why"}});
}

static void duty(struct theatre *stage, uint8_t how)
{
	uint32_t duties[] = {how & 3, 4 + (how >> 2 & 3)};
	struct wire_offset position = {how & 7, 3};
	struct wire_verifier verifiers[] = {
	        {.duty = VERIFIER, .reader = 1 + (how & 3), .positions = &position, .position_count = how >> 5 & 1},
	        {.duty = VERIFIER + 1, .reader = 1},
	};

	say(stage, how, 1,
	    &(struct message){.type = MESSAGE_DUTY,
	                      .duty = {.duties = duties,
	                               .duty_count = (how >> 4 & 3) % 3,
	                               .closing = how >> 3 & 1,
	                               .verifiers = verifiers,
	                               .verifier_count = how & 64 ? 1 + (how >> 2 & 1) : 0}});
}

static void values(struct theatre *stage, uint8_t how)
{
	struct text_pair pairs[] = {{(char *)"token", how & 1 ? (char *)"a" : (char *)"c"},
	                            {(char *)"other", (char *)""}};

	say(stage, how, 1,
	    &(struct message){.type = MESSAGE_VALUE, .value = {.values = pairs, .value_count = (how >> 1 & 3) % 3}});
}

static void answer_seen(struct theatre *stage, uint8_t how)
{
	const struct crew_model *crew = &stage->oracle.crew;
	uint32_t duty = VERIFIER + (how & 1);
	uint64_t reader = crew->readers[duty] + (how >> 1 & 1), seq = crew->seen[duty] + (how >> 2 & 1);

	if (reader > 0 && seq > 0)
		say(stage, how, 1,
		    &(struct message){.type = MESSAGE_SEEN_ACK,
		                      .seen_ack = {.duty = duty, .reader = reader, .seq = seq}});
}

static void raw(struct theatre *stage)
{
	size_t size = (size_t)next(stage) << 8 | next(stage), left = (size_t)(stage->end - stage->at);

	size = size < left ? size : left;
	buffer_clear(&stage->bytes);
	session_require(buffer_append(&stage->bytes, stage->at, size) == 0);
	stage->at += size;
	say_bytes(stage);
}

/* ---- news of the crew: only what a crew in its state can say ---- */

static void opened(struct theatre *stage)
{
	static const struct wire_target target = {(char *)"api", (char *)"1", (char *)"", 1000, 0, (char *)"refused"};
	struct session *session = stage->oracle.session;

	if (!stage->oracle.crew.open || stage->oracle.crew.opened)
		return;
	stage->oracle.crew.opened = 1;
	session_oracle_take(&stage->oracle, session_opened(session, &target, 1, stage->now_ns));
}

static void failed(struct theatre *stage)
{
	if (stage->oracle.crew.open)
		session_oracle_take(&stage->oracle,
		                    session_failed(stage->oracle.session, "no such host", stage->now_ns));
}

/* The crew goes on even while the session has no use for what it makes. */
static _Bool makes_snapshots(const struct theatre *stage)
{
	return session_state(stage->oracle.session) == SESSION_RUNNING && !stage->oracle.crew.finished &&
	       stage->oracle.crew.made < CREW_SNAPSHOTS_MAX - 1;
}

static void make_snapshot(struct theatre *stage, uint8_t how, _Bool last)
{
	struct session_oracle *oracle = &stage->oracle;
	struct snapshot *snapshot =
	        session_oracle_snapshot(++oracle->crew.made, oracle->second, (size_t)(how & 31) * 40, last);

	oracle->second += 1 + (how >> 7);
	session_oracle_take(oracle, session_snapshot(oracle->session, snapshot, stage->now_ns));
}

/* The last one, and the news that it is the last. */
static void finish(struct theatre *stage, uint8_t how)
{
	struct session_oracle *oracle = &stage->oracle;
	struct snapshot *last;

	if (!makes_snapshots(stage))
		return;
	last = session_oracle_snapshot(++oracle->crew.made, oracle->second, how & 31, 1);
	session_require(session_snapshot(oracle->session, last, stage->now_ns) == 0);
	oracle->crew.finished = 1;
	session_oracle_take(oracle, session_finished(oracle->session, how * NS_PER_S, NULL, 0, stage->now_ns));
}

/* A verifier waits for the answer to what it said before. */
static void see(struct theatre *stage, uint8_t how)
{
	struct crew_model *crew = &stage->oracle.crew;
	uint32_t duty = VERIFIER + (how & 1);
	struct wire_offset start = {how & 7, 2};
	struct message_seen seen = {.duty = duty,
	                            .reader = crew->readers[duty] + (how & 2 ? 1 : 0),
	                            .seq = crew->seen[duty] + 1,
	                            .starts = &start,
	                            .start_count = how >> 2 & 1,
	                            .seen = (uint8_t *)(uintptr_t)feed,
	                            .seen_size = how >> 3 & 3,
	                            .over = how >> 6 & 1};

	if (!crew->opened || crew->waits[duty] || seen.reader == 0)
		return;
	if (seen.reader == crew->readers[duty]) {
		crew->seen[duty] = seen.seq;
		crew->waits[duty] = 1;
	}
	session_oracle_take(&stage->oracle, session_seen(stage->oracle.session, &seen, stage->now_ns));
}

static void duty_over(struct theatre *stage, uint8_t how)
{
	struct text_pair pair = {(char *)"token", (char *)"t"};
	const struct message_value over = {.duty = how & 7,
	                                   .problem = how & 8 ? (char *)"it failed" : (char *)"",
	                                   .values = &pair,
	                                   .value_count = how & 16 ? 1 : 0};

	if (stage->oracle.crew.opened)
		session_oracle_take(&stage->oracle, session_duty_over(stage->oracle.session, &over, stage->now_ns));
}

static void duty_over_or_seen(struct theatre *stage, uint8_t how)
{
	if (how & 32)
		see(stage, how);
	else
		duty_over(stage, how);
}

static void terminate(struct theatre *stage)
{
	stage->oracle.terminated = 1;
	session_oracle_take(&stage->oracle, session_terminate(stage->oracle.session, stage->now_ns));
}

/* ---- what happens ---- */

/* A run as it should begin. */
static void begin(struct theatre *stage, uint8_t how)
{
	welcome(stage, how & 128);
	assign(stage, (how & (128 | 2)) | 5, 1);
	while (session_state(stage->oracle.session) == SESSION_FETCHING && stage->mutation_count == 0) {
		uint64_t offset = stage->oracle.fetch_offset;

		chunk(stage, how & 129);
		if (stage->oracle.fetch_offset == offset)
			break;
	}
	opened(stage);
	start(stage, how & 128);
}

static void go_on(struct theatre *stage, uint8_t how)
{
	if (makes_snapshots(stage))
		make_snapshot(stage, how & 31, 0);
	tick(stage, NS_PER_S);
	if (how & 32)
		acknowledge(stage, 0);
}

static void remember_mutation(struct theatre *stage)
{
	uint16_t at = (uint16_t)(next(stage) << 8 | next(stage));
	uint8_t changed = next(stage);

	if (stage->mutation_count < MUTATIONS_MAX)
		stage->mutations[stage->mutation_count++] = (struct mutation){at, changed};
}

enum act {
	ACT_TICK,
	ACT_WAIT,
	ACT_JUMP,
	ACT_WELCOME,
	ACT_ASSIGN,
	ACT_CHUNK,
	ACT_START,
	ACT_BEGIN_SCENARIO,
	ACT_ACK,
	ACT_STOP,
	ACT_DUTY,
	ACT_VALUE,
	ACT_PING,
	ACT_RAW,
	ACT_MUTATE,
	ACT_OPENED,
	ACT_FAILED,
	ACT_SNAPSHOT,
	ACT_FINISH,
	ACT_DUTY_OVER,
	ACT_TERMINATE,
	ACT_DISK,
	ACT_BEGIN,
	ACT_GO_ON,
	ACT_COUNT,
};

static void act_of_time(struct theatre *stage, enum act act)
{
	if (act == ACT_TICK)
		tick(stage, next(stage) * 10 * NS_PER_MS);
	else if (act == ACT_WAIT)
		wait_for_it(stage);
	else
		tick(stage, UINT64_C(1) << next(stage) % 40);
}

static void act_of_coordinator(struct theatre *stage, enum act act)
{
	uint8_t how = act == ACT_RAW || act == ACT_MUTATE ? 0 : next(stage);

	switch (act) {
	case ACT_WELCOME:
		welcome(stage, how);
		break;
	case ACT_ASSIGN:
		assign(stage, how, next(stage) % 8);
		break;
	case ACT_CHUNK:
		chunk(stage, how);
		break;
	case ACT_START:
		start(stage, how);
		break;
	case ACT_BEGIN_SCENARIO:
		say(stage, how, 1,
		    &(struct message){.type = MESSAGE_BEGIN, .begin = {.scenario = how & 3, .at_ns = NS_PER_S}});
		break;
	case ACT_ACK:
		acknowledge(stage, how);
		break;
	case ACT_STOP:
		stop(stage, how);
		break;
	case ACT_DUTY:
		duty(stage, how);
		break;
	case ACT_VALUE:
		values(stage, how);
		break;
	case ACT_PING:
		if (how & 64)
			answer_seen(stage, how);
		else
			say(stage, how, 1, &(struct message){.type = MESSAGE_PING, .ping = {.id = how, .sent_ns = 1}});
		break;
	case ACT_RAW:
		raw(stage);
		break;
	default:
		remember_mutation(stage);
		break;
	}
}

static void act_of_agent(struct theatre *stage, enum act act)
{
	switch (act) {
	case ACT_OPENED:
		opened(stage);
		break;
	case ACT_FAILED:
		failed(stage);
		break;
	case ACT_SNAPSHOT: {
		uint8_t how = next(stage);

		if (makes_snapshots(stage))
			make_snapshot(stage, how, 0);
		break;
	}
	case ACT_FINISH:
		finish(stage, next(stage));
		break;
	case ACT_DUTY_OVER:
		duty_over_or_seen(stage, next(stage));
		break;
	case ACT_TERMINATE:
		terminate(stage);
		break;
	case ACT_DISK:
		stage->oracle.disk_fails ^= 1;
		break;
	case ACT_BEGIN:
		begin(stage, next(stage));
		break;
	default:
		go_on(stage, next(stage));
		break;
	}
}

static void take_act(struct theatre *stage)
{
	enum act act = next(stage) % ACT_COUNT;

	if (act <= ACT_JUMP)
		act_of_time(stage, act);
	else if (act <= ACT_MUTATE)
		act_of_coordinator(stage, act);
	else
		act_of_agent(stage, act);
}

/* ---- the whole ---- */

static void set_up(struct theatre *stage, const uint8_t *data, size_t size)
{
	struct session_config config;
	uint8_t options;

	*stage = (struct theatre){.at = data, .end = data + size, .now_ns = 1000 * NS_PER_S};
	stage->hello =
	        (struct message_hello){.protocol = PROTOCOL_VERSION, .name = (char *)"one", .workers = 1, .weight = 1};
	hash_sha256_hex(feed, sizeof(feed) - 1, stage->sha256);
	options = next(stage);
	config = (struct session_config){.hello = &stage->hello,
	                                 .once = options & 1,
	                                 .orphan_after_ns = ORPHAN_NS,
	                                 .spool = {.memory_bytes = SPOOL_MEMORY,
	                                           .disk = session_oracle_disk(&stage->oracle),
	                                           .disk_bytes = SPOOL_DISK},
	                                 .cache_bytes = 1000,
	                                 .now_ns = stage->now_ns};
	stage->delivers = options >> 2 & 1;
	if (options & 2)
		config.spool.disk = (struct disk){0};
	session_require(session_new(&config, &stage->oracle.session) == 0);
}

/* What a coordinator has that got all that was sent: up to where nothing is missing. */
static uint64_t received(const struct theatre *stage)
{
	const struct crew_model *crew = &stage->oracle.crew;
	uint64_t seq = stage->oracle.acknowledged;

	while (seq < crew->made && crew->sent[seq + 1])
		seq++;
	return seq == crew->made && !stage->oracle.done_said && seq > 0 ? seq - 1 : seq;
}

/* With a coordinator that answers, all that a run has made is delivered, and the run is over. */
static void let_it_deliver(struct theatre *stage)
{
	struct session *session = stage->oracle.session;

	stage->mutation_count = 0;
	stage->oracle.disk_fails = 0;
	for (uint32_t i = 0; !is_over(stage) && stage->oracle.crew.started; i++) {
		session_require(i < END_TICKS);
		finish(stage, 0);
		if (stage->oracle.greets)
			say_of_run(stage, session_run_id(session), 1,
			           &(struct message){
			                   .type = MESSAGE_WELCOME,
			                   .welcome = {.protocol = PROTOCOL_VERSION, .durable_seq = received(stage)}});
		stage->oracle.greets = 0;
		say_of_run(stage, session_run_id(session), 1,
		           &(struct message){.type = MESSAGE_ACK, .ack = {.seq = received(stage)}});
		if (!is_over(stage) && stage->oracle.crew.started)
			tick(stage, NS_PER_S);
	}
}

/* Told to end, with a coordinator that is silent and a crew that stops when it is told, it ends. */
static void let_it_end(struct theatre *stage)
{
	uint64_t end_ns;

	if (!is_over(stage))
		terminate(stage);
	end_ns = stage->now_ns + END_NS;
	for (uint32_t i = 0; !is_over(stage); i++) {
		session_require(i < END_TICKS && stage->now_ns < end_ns);
		if (stage->oracle.crew.stopped)
			finish(stage, 0);
		if (!is_over(stage))
			wait_for_it(stage);
	}
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
	for (uint32_t i = 0; i < STEPS_MAX && stage.at < stage.end && !is_over(&stage); i++) {
		take_act(&stage);
		session_require(held_bytes() <= before + allowed);
		session_require(spool_on_disk(session_spool(stage.oracle.session)) <= SPOOL_DISK);
	}
	if (stage.delivers)
		let_it_deliver(&stage);
	let_it_end(&stage);
	session_free(stage.oracle.session);
	buffer_deinit(&stage.oracle.disk);
	buffer_deinit(&stage.bytes);
	return 0;
}
