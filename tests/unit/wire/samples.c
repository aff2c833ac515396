/* SPDX-License-Identifier: Apache-2.0 */
/* One message of each type. */
#include "tests/unit/wire/samples.h"

#include <assert.h>
#include <string.h>

#include "common/plan/share.h"
#include "common/stats/cell.h"

/* Messages that are sent borrow; nothing writes to these. */
#define TEXT(literal) ((char *)(uintptr_t)(literal))
#define BYTES(literal) ((uint8_t *)(uintptr_t)(literal))
#define COUNT_OF(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))
#define ARRAY(array) (void *)(uintptr_t)(array)

#define PLAN "scenarios:\n  ticks: { executor: constant-vus }\n"

static const struct text_pair tags[] = {{TEXT("zone"), TEXT("a")}, {TEXT("disk"), TEXT("")}};
static const struct text_pair libraries[] = {{TEXT("libcurl"), TEXT("7.88.1")}};
static const struct text_pair limits[] = {{TEXT("nofile"), TEXT("20000")}, {TEXT("cpu_quota"), TEXT("1.5")}};

static const struct share_class first_classes[] = {{3, 0}};
static const struct share_class second_classes[] = {{6, 1}, {12, 10}};
static const struct share shares[] = {
        {(struct share_class *)(uintptr_t)first_classes, 1, 1},
        {(struct share_class *)(uintptr_t)second_classes, 2, 2},
        {NULL, 0, 0},
};
static const uint32_t connections[] = {0, 4};
static const struct wire_move moves[] = {
        {1, 12000, 300, {(struct share_class *)(uintptr_t)first_classes, 1, 1}},
};
static const struct wire_extra extras[] = {{2, 3, 40, 17}};
static const struct wire_file files[] = {
        {TEXT("symbol"), 53412, TEXT("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")},
};

static const struct text_pair values[] = {{TEXT("token"), TEXT("t-123")}, {TEXT("empty"), TEXT("")}};
static const uint32_t duties[] = {0, 5};
static const struct wire_offset offsets[] = {{0, 1000}, {1, 0}};
static const struct wire_verifier verifiers[] = {
        {6, 2, 1, ARRAY(offsets), COUNT_OF(offsets)},
        {7, 1, 0, NULL, 0},
};

static const struct wire_target targets[] = {
        {TEXT("db"), TEXT("15.14"), TEXT("primary"), 183000, 1, TEXT("")},
        {TEXT("api"), TEXT(""), TEXT(""), 0, 0, TEXT("connection refused")},
};

static const struct wire_series series[] = {
        {4, {METRIC_HTTP_REQS, 0, "users", "http-1", "BTCUSD", ""}},
        {5, {METRIC_ERRORS, 1, "users", "http-1", "BTCUSD", "server|503|overloaded"}},
};
static const struct wire_cell cells[] = {
        {0, BYTES("\xe8\x07"), 2},
        {4, BYTES("\x01"), 1},
};
static const struct wire_scenario scenarios[] = {
        {
                .tally =
                        {
                                .planned = 500,
                                .started = 490,
                                .dropped = {[DROP_NO_VU] = 4,
                                            [DROP_QUEUE_FULL] = 3,
                                            [DROP_LATE] = 2,
                                            [DROP_MAX_DURATION] = 1},
                                .succeeded = 470,
                                .failed = 9,
                                .interrupted = 1,
                                .operations = 1440,
                                .failed_operations = 9,
                        },
                .running = 10,
                .end_ns = 0,
                .finished = 0,
        },
};
static const struct wire_health health = {
        .cpu_ns = 1500000000,
        .wall_ns = 3000000000,
        .throttled_ns = 12000000,
        .max_rss_kib = 48128,
        .descriptors = 120,
        .descriptor_limit = 20000,
        .ports = 90,
        .port_limit = 28232,
        .start_skew_ns = 41000,
        .stalled_ns = 1900000,
        .groups_folded = 7,
        .steal_ns = 2500000,
        .jump_ns = 600000000,
};

static void sample_hello(struct message_hello *hello)
{
	*hello = (struct message_hello){
	        .protocol = PROTOCOL_VERSION,
	        .version = TEXT("0.1.0"),
	        .name = TEXT("agent-1"),
	        .host = TEXT("lab-7"),
	        .cpu = TEXT("Example CPU @ 3.00GHz"),
	        .kernel = TEXT("6.1.0"),
	        .cores = 8,
	        .workers = 4,
	        .weight = 2,
	        .memory_bytes = UINT64_C(17179869184),
	        .pid = 4242,
	        .tags = ARRAY(tags),
	        .tag_count = COUNT_OF(tags),
	        .libraries = ARRAY(libraries),
	        .library_count = COUNT_OF(libraries),
	        .limits = ARRAY(limits),
	        .limit_count = COUNT_OF(limits),
	        .last_seq = 17,
	};
}

static void sample_assign(struct message_assign *assign)
{
	*assign = (struct message_assign){
	        .from_ns = UINT64_C(9000000000),
	        .plan = TEXT(PLAN),
	        .plan_size = strlen(PLAN),
	        .agent_name = TEXT("agent-1"),
	        .shares = ARRAY(shares),
	        .share_count = COUNT_OF(shares),
	        .connections = ARRAY(connections),
	        .connection_count = COUNT_OF(connections),
	        .moves = ARRAY(moves),
	        .move_count = COUNT_OF(moves),
	        .extras = ARRAY(extras),
	        .extra_count = COUNT_OF(extras),
	        .agent_index = 1,
	        .agent_count = 3,
	        .files = ARRAY(files),
	        .file_count = COUNT_OF(files),
	};
}

/* Of stream 3 of agent 1, on "ticks": partition 2 acknowledged messages 0 to 2. */
static const uint8_t ledger[] = {1, 3, 5, 't', 'i', 'c', 'k', 's', 1, 8, 1, 2, 1, 1, 0, 0};

static void sample_snapshot(struct message_snapshot *snapshot)
{
	*snapshot = (struct message_snapshot){
	        .seq = 3,
	        .second = 2,
	        .epoch = 2,
	        .series = ARRAY(series),
	        .series_count = COUNT_OF(series),
	        .cells = ARRAY(cells),
	        .cell_count = COUNT_OF(cells),
	        .scenarios = ARRAY(scenarios),
	        .scenario_count = COUNT_OF(scenarios),
	        .health = health,
	        .ledger = ledger,
	        .ledger_size = sizeof(ledger),
	        .last = 1,
	};
}

static void sample_payload(struct message *message)
{
	switch (message->type) {
	case MESSAGE_HELLO:
		sample_hello(&message->hello);
		break;
	case MESSAGE_WELCOME:
		message->welcome = (struct message_welcome){.protocol = PROTOCOL_VERSION, .durable_seq = 15};
		break;
	case MESSAGE_ASSIGN:
		sample_assign(&message->assign);
		break;
	case MESSAGE_FETCH:
		message->fetch = (struct message_fetch){.name = TEXT("symbol"), .offset = 61440};
		break;
	case MESSAGE_CHUNK:
		message->chunk = (struct message_chunk){
		        .name = TEXT("symbol"), .offset = 61440, .data = BYTES("AAPL\nMSFT\n"), .size = 10};
		break;
	case MESSAGE_READY:
		message->ready = (struct message_ready){.targets = ARRAY(targets), .target_count = COUNT_OF(targets)};
		break;
	case MESSAGE_FAILED:
		message->failed = (struct message_failed){.text = TEXT("target \"db\": no such host")};
		break;
	case MESSAGE_START:
		message->start = (struct message_start){.t0_agent_ns = UINT64_C(7200123456789),
		                                        .bound_ns = 85000,
		                                        .values = ARRAY(values),
		                                        .value_count = COUNT_OF(values)};
		break;
	case MESSAGE_BEGIN:
		message->begin = (struct message_begin){.scenario = 1, .at_ns = UINT64_C(30000000000)};
		break;
	case MESSAGE_SNAPSHOT:
		sample_snapshot(&message->snapshot);
		break;
	case MESSAGE_ACK:
		message->ack = (struct message_ack){.seq = 3};
		break;
	case MESSAGE_STOP:
		message->stop =
		        (struct message_stop){.at_ns = 0, .grace_ns = 2000000000, .reason = TEXT("interrupted")};
		break;
	case MESSAGE_DONE:
		message->done = (struct message_done){.last_seq = 31,
		                                      .end_ns = UINT64_C(30000000000),
		                                      .targets = ARRAY(targets),
		                                      .target_count = COUNT_OF(targets)};
		break;
	case MESSAGE_PING:
		message->ping = (struct message_ping){
		        .id = 9, .sent_ns = UINT64_C(5000000000001), .t0_agent_ns = UINT64_C(7190000000002)};
		break;
	case MESSAGE_PONG:
		message->pong = (struct message_pong){.id = 9,
		                                      .sent_ns = UINT64_C(5000000000001),
		                                      .agent_in_ns = UINT64_C(7200000100000),
		                                      .agent_out_ns = UINT64_C(7200000104000)};
		break;
	case MESSAGE_LEAVE:
		message->leave = (struct message_leave){.end_ns = UINT64_C(17000000000)};
		break;
	case MESSAGE_DUTY:
		message->duty = (struct message_duty){.duties = ARRAY(duties),
		                                      .duty_count = COUNT_OF(duties),
		                                      .closing = 1,
		                                      .verifiers = ARRAY(verifiers),
		                                      .verifier_count = COUNT_OF(verifiers)};
		break;
	case MESSAGE_VALUE:
		message->value = (struct message_value){
		        .duty = 5, .problem = TEXT(""), .values = ARRAY(values), .value_count = COUNT_OF(values)};
		break;
	case MESSAGE_SEEN:
		message->seen = (struct message_seen){.duty = 6,
		                                      .reader = 2,
		                                      .seq = 1,
		                                      .starts = ARRAY(offsets),
		                                      .start_count = COUNT_OF(offsets),
		                                      .ends = ARRAY(offsets),
		                                      .end_count = 1,
		                                      .seen = (uint8_t *)TEXT("abc"),
		                                      .seen_size = 3,
		                                      .over = 1,
		                                      .problem = TEXT("partition 1: timed out")};
		break;
	case MESSAGE_SEEN_ACK:
		message->seen_ack = (struct message_seen_ack){.duty = 6, .reader = 2, .seq = 1};
		break;
	default:
		assert(!"no such message");
	}
}

void sample_message(enum message_type type, struct message *ret_message)
{
	struct message message = {.type = type, .run_id = "1b4e28ba-2fa1-41d2-883f-0016d3cca427", .epoch = 1};

	for (unsigned i = 0; i < INCARNATION_SIZE; i++)
		message.incarnation.bytes[i] = (uint8_t)(0xf0 + i);
	sample_payload(&message);
	*ret_message = message;
}

void sample_cell(enum metric_kind kind, struct buffer *buffer)
{
	static const struct bucket_edges edges = {.count = 3, .us = {100000, 300000, 500000}};
	struct cell cell;

	cell_init(&cell, kind);
	switch (kind) {
	case METRIC_COUNTER:
		cell.counter = 1000;
		break;
	case METRIC_RATE:
		cell.rate.hits = 3;
		cell.rate.total = 10;
		break;
	case METRIC_GAUGE:
		cell.gauge = (struct gauge){.last = 25, .min = 25, .max = 25, .sum = 25, .count = 1};
		break;
	case METRIC_LATENCY:
		cell_record_latency(&cell, &edges, 120);
		cell_record_latency(&cell, &edges, 120);
		cell_record_latency(&cell, &edges, 5000);
		cell_record_latency(&cell, &edges, 150000);
		break;
	}
	cell_encode(&cell, buffer);
	cell_deinit(&cell);
}
