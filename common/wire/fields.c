/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of fields: docs/protocol.md in C. */
#include "common/wire/fields.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/plan/share.h"
#include "common/stats/ledger_delta.h"

#define ANY32 UINT32_MAX
#define ANY64 UINT64_MAX
#define RUN_NS_MAX (UINT64_C(1000000000) * LIMIT_RUN_SECONDS)
#define PARTS_MAX (LIMIT_WHOLE_BYTES / LIMIT_PART_BYTES + 1)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SIZE_OF(s, member) sizeof(((struct s *)0)->member)

/* One row: the struct, the name on the wire, the member, its bounds. */
#define ROW(s, key, kind, member, low, high)                                                                           \
	.name = key, .type = kind, .offset = offsetof(struct s, member), .size = SIZE_OF(s, member), .min = low,       \
	.max = high
#define NUMBER(s, key, member, low, high)                                                                              \
	{                                                                                                              \
		ROW(s, key, FIELD_NUMBER, member, low, high)                                                           \
	}
#define BOOL(s, key, member)                                                                                           \
	{                                                                                                              \
		ROW(s, key, FIELD_BOOL, member, 0, 1)                                                                  \
	}
#define TEXT(s, key, member, low, high)                                                                                \
	{                                                                                                              \
		ROW(s, key, FIELD_TEXT, member, low, high)                                                             \
	}
#define KEPT_TEXT(s, key, member, low, high)                                                                           \
	{                                                                                                              \
		ROW(s, key, FIELD_KEPT_TEXT, member, low, high)                                                        \
	}
#define BYTES(s, key, member, length, low, high)                                                                       \
	{                                                                                                              \
		ROW(s, key, FIELD_BYTES, member, low, high), .count_offset = offsetof(struct s, length)                \
	}
#define KEPT_BYTES(s, key, member, length, low, high)                                                                  \
	{                                                                                                              \
		ROW(s, key, FIELD_KEPT_BYTES, member, low, high), .count_offset = offsetof(struct s, length)           \
	}
#define RECORD(s, key, member, rows)                                                                                   \
	{                                                                                                              \
		ROW(s, key, FIELD_RECORD, member, 1, 1), .of = rows                                                    \
	}
#define RECORDS(s, key, member, length, rows, high)                                                                    \
	{                                                                                                              \
		ROW(s, key, FIELD_RECORDS, member, 0, high), .count_offset = offsetof(struct s, length), .of = rows    \
	}

#define RECORD_OF(s, shape, rows) .form = shape, .size = sizeof(struct s), .fields = rows, .count = COUNT_OF(rows)

/* clang-format off */
static const struct field text_pair_fields[] = {
	TEXT(text_pair, "name", name, 1, LIMIT_NAME_BYTES),
	TEXT(text_pair, "value", value, 0, LIMIT_TEXT_BYTES),
};
static const struct record text_pair_record = {RECORD_OF(text_pair, RECORD_TUPLE, text_pair_fields)};

/* Every message starts with these. */
#define ENVELOPE \
	{ROW(message, "run", FIELD_FIXED_TEXT, run_id, 0, RUN_ID_SIZE - 1)}, \
	{ROW(message, "inc", FIELD_FIXED_BYTES, incarnation.bytes, INCARNATION_SIZE, INCARNATION_SIZE)}, \
	NUMBER(message, "epoch", epoch, 0, ANY32)

static const struct field hello_fields[] = {
	ENVELOPE,
	NUMBER(message, "proto", hello.protocol, 0, ANY32),
	TEXT(message, "version", hello.version, 0, LIMIT_NAME_BYTES),
	TEXT(message, "name", hello.name, 1, LIMIT_NAME_BYTES),
	TEXT(message, "host", hello.host, 0, LIMIT_LABEL_BYTES),
	TEXT(message, "cpu", hello.cpu, 0, LIMIT_LABEL_BYTES),
	TEXT(message, "kernel", hello.kernel, 0, LIMIT_LABEL_BYTES),
	NUMBER(message, "cores", hello.cores, 0, LIMIT_CORES),
	NUMBER(message, "workers", hello.workers, 1, LIMIT_CORES),
	NUMBER(message, "weight", hello.weight, 1, SHARE_WEIGHT_MAX),
	NUMBER(message, "memory", hello.memory_bytes, 0, ANY64),
	NUMBER(message, "pid", hello.pid, 0, ANY64),
	RECORDS(message, "tags", hello.tags, hello.tag_count, &text_pair_record, LIMIT_TAGS),
	RECORDS(message, "libs", hello.libraries, hello.library_count, &text_pair_record, LIMIT_LISTED),
	RECORDS(message, "limits", hello.limits, hello.limit_count, &text_pair_record, LIMIT_LISTED),
	NUMBER(message, "seq", hello.last_seq, 0, ANY64),
};

static const struct field welcome_fields[] = {
	ENVELOPE,
	NUMBER(message, "proto", welcome.protocol, 0, ANY32),
	NUMBER(message, "seq", welcome.durable_seq, 0, ANY64),
};

static const struct field share_class_fields[] = {
	NUMBER(share_class, "modulus", modulus, 1, SHARE_MODULUS_MAX),
	NUMBER(share_class, "residue", residue, 0, SHARE_MODULUS_MAX - 1),
};

static const char *share_class_problem(const void *record)
{
	const struct share_class *class = record;

	return class->residue < class->modulus ? NULL : "the residue is not below the modulus";
}

static const struct record share_class_record = {
	RECORD_OF(share_class, RECORD_TUPLE, share_class_fields),
	.problem = share_class_problem,
};

static const struct field share_fields[] = {
	RECORDS(share, "classes", classes, count, &share_class_record, SHARE_CLASSES_MAX),
};

static void share_decoded(void *record)
{
	struct share *share = record;

	share->capacity = share->count;
}

static const struct record share_record = {
	RECORD_OF(share, RECORD_BARE, share_fields),
	.decoded = share_decoded,
};

/* A list of numbers: records of one field that is the record. */
#define BARE_NUMBER(low, high)                                                                                         \
	{                                                                                                              \
		.name = "number", .type = FIELD_NUMBER, .size = sizeof(uint32_t), .min = low, .max = high              \
	}
#define RECORD_OF_NUMBER(rows) .form = RECORD_BARE, .size = sizeof(uint32_t), .fields = rows, .count = COUNT_OF(rows)

static const struct field connection_fields[] = {BARE_NUMBER(0, LIMIT_CONNECTIONS)};
static const struct record connection_record = {RECORD_OF_NUMBER(connection_fields)};

static const struct field duty_number_fields[] = {BARE_NUMBER(0, LIMIT_PLAN_DUTIES - 1)};
static const struct record duty_number_record = {RECORD_OF_NUMBER(duty_number_fields)};

static const struct field move_fields[] = {
	NUMBER(wire_move, "scenario", scenario, 0, LIMIT_PLAN_SCENARIOS - 1),
	NUMBER(wire_move, "from", from_index, 0, SHARE_MODULUS_MAX),
	NUMBER(wire_move, "spare", first_spare, 0, SHARE_MODULUS_MAX),
	RECORD(wire_move, "share", share, &share_record),
};
static const struct record move_record = {RECORD_OF(wire_move, RECORD_TUPLE, move_fields)};

static const struct field extra_fields[] = {
	NUMBER(wire_extra, "scenario", scenario, 0, LIMIT_PLAN_SCENARIOS - 1),
	NUMBER(wire_extra, "epoch", epoch, 1, ANY32),
	NUMBER(wire_extra, "iterations", iterations, 0, ANY64),
	NUMBER(wire_extra, "spare", first_spare, 0, SHARE_MODULUS_MAX),
};
static const struct record extra_record = {RECORD_OF(wire_extra, RECORD_TUPLE, extra_fields)};

static const struct field file_fields[] = {
	TEXT(wire_file, "name", name, 1, LIMIT_NAME_BYTES),
	NUMBER(wire_file, "size", size, 0, LIMIT_FEED_BYTES),
	TEXT(wire_file, "sha256", sha256, 64, 64),
};

static const char *file_problem(const void *record)
{
	const struct wire_file *file = record;

	for (const char *c = file->sha256; *c; c++) {
		if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'f')))
			return "sha256 is not lower-case hex";
	}
	return NULL;
}

static const struct record file_record = {
	RECORD_OF(wire_file, RECORD_TUPLE, file_fields),
	.problem = file_problem,
};

static const struct field assign_fields[] = {
	ENVELOPE,
	NUMBER(message, "from", assign.from_ns, 0, RUN_NS_MAX),
	BYTES(message, "plan", assign.plan, assign.plan_size, 0, LIMIT_PLAN_BYTES),
	TEXT(message, "agent", assign.agent_name, 1, LIMIT_NAME_BYTES),
	RECORDS(message, "shares", assign.shares, assign.share_count, &share_record, LIMIT_PLAN_SCENARIOS),
	RECORDS(message, "connections", assign.connections, assign.connection_count, &connection_record,
	        LIMIT_PLAN_TARGETS),
	RECORDS(message, "moves", assign.moves, assign.move_count, &move_record, LIMIT_MOVES),
	RECORDS(message, "extras", assign.extras, assign.extra_count, &extra_record, LIMIT_MOVES),
	NUMBER(message, "index", assign.agent_index, 0, LIMIT_AGENTS - 1),
	NUMBER(message, "agents", assign.agent_count, 1, LIMIT_AGENTS),
	RECORDS(message, "files", assign.files, assign.file_count, &file_record, LIMIT_FILES),
};

static const char *assign_problem(const void *record)
{
	const struct message *message = record;

	return message->assign.agent_index < message->assign.agent_count ? NULL : "index is not below agents";
}

static const struct field fetch_fields[] = {
	ENVELOPE,
	TEXT(message, "name", fetch.name, 1, LIMIT_NAME_BYTES),
	NUMBER(message, "offset", fetch.offset, 0, LIMIT_FEED_BYTES),
};

static const struct field chunk_fields[] = {
	ENVELOPE,
	TEXT(message, "name", chunk.name, 1, LIMIT_NAME_BYTES),
	NUMBER(message, "offset", chunk.offset, 0, LIMIT_FEED_BYTES),
	BYTES(message, "data", chunk.data, chunk.size, 0, LIMIT_PART_BYTES),
};

static const struct field target_fields[] = {
	TEXT(wire_target, "name", name, 1, LIMIT_NAME_BYTES),
	TEXT(wire_target, "version", version, 0, LIMIT_TEXT_BYTES),
	TEXT(wire_target, "topology", topology, 0, LIMIT_TEXT_BYTES),
	NUMBER(wire_target, "rtt", idle_round_trip_ns, 0, ANY64),
	BOOL(wire_target, "local", local),
	TEXT(wire_target, "problem", problem, 0, LIMIT_TEXT_BYTES),
};
static const struct record target_record = {RECORD_OF(wire_target, RECORD_MAP, target_fields)};

static const struct field ready_fields[] = {
	ENVELOPE,
	RECORDS(message, "targets", ready.targets, ready.target_count, &target_record, LIMIT_PLAN_TARGETS),
};

static const struct field failed_fields[] = {
	ENVELOPE,
	TEXT(message, "text", failed.text, 0, LIMIT_TEXT_BYTES),
};

static const struct field start_fields[] = {
	ENVELOPE,
	NUMBER(message, "t0", start.t0_agent_ns, 0, ANY64),
	NUMBER(message, "bound", start.bound_ns, 0, ANY64),
	RECORDS(message, "values", start.values, start.value_count, &text_pair_record, LIMIT_VALUES),
};

static const struct field begin_fields[] = {
	ENVELOPE,
	NUMBER(message, "scenario", begin.scenario, 0, LIMIT_PLAN_SCENARIOS - 1),
	NUMBER(message, "at", begin.at_ns, 0, RUN_NS_MAX),
};

static const struct field series_fields[] = {
	NUMBER(wire_series, "id", id, 0, LIMIT_SERIES - 1),
	{ROW(wire_series, "metric", FIELD_METRIC, series.metric, 0, LIMIT_NAME_BYTES)},
	BOOL(wire_series, "warmup", series.warmup),
	KEPT_TEXT(wire_series, "scenario", series.scenario, 0, LIMIT_NAME_BYTES),
	KEPT_TEXT(wire_series, "step", series.step, 0, LIMIT_NAME_BYTES),
	KEPT_TEXT(wire_series, "group", series.group, 0, LIMIT_LABEL_BYTES),
	KEPT_TEXT(wire_series, "label", series.label, 0, LIMIT_LABEL_BYTES),
};
static const struct record series_record = {RECORD_OF(wire_series, RECORD_TUPLE, series_fields)};

static const struct field cell_fields[] = {
	NUMBER(wire_cell, "id", series_id, 0, LIMIT_SERIES - 1),
	KEPT_BYTES(wire_cell, "data", data, size, 0, LIMIT_CELL_BYTES),
};
static const struct record cell_record = {RECORD_OF(wire_cell, RECORD_TUPLE, cell_fields)};

static const struct field scenario_fields[] = {
	NUMBER(wire_scenario, "planned", tally.planned, 0, ANY64),
	NUMBER(wire_scenario, "started", tally.started, 0, ANY64),
	NUMBER(wire_scenario, "no_vu", tally.dropped[DROP_NO_VU], 0, ANY64),
	NUMBER(wire_scenario, "queue_full", tally.dropped[DROP_QUEUE_FULL], 0, ANY64),
	NUMBER(wire_scenario, "late", tally.dropped[DROP_LATE], 0, ANY64),
	NUMBER(wire_scenario, "max_duration", tally.dropped[DROP_MAX_DURATION], 0, ANY64),
	NUMBER(wire_scenario, "succeeded", tally.succeeded, 0, ANY64),
	NUMBER(wire_scenario, "failed", tally.failed, 0, ANY64),
	NUMBER(wire_scenario, "interrupted", tally.interrupted, 0, ANY64),
	NUMBER(wire_scenario, "ops", tally.operations, 0, ANY64),
	NUMBER(wire_scenario, "failed_ops", tally.failed_operations, 0, ANY64),
	NUMBER(wire_scenario, "running", running, 0, ANY64),
	NUMBER(wire_scenario, "end", end_ns, 0, RUN_NS_MAX),
	BOOL(wire_scenario, "finished", finished),
};
_Static_assert(DROP_REASON_COUNT == 4, "each reason to drop has a row");
static const struct record scenario_record = {RECORD_OF(wire_scenario, RECORD_MAP, scenario_fields)};

static const struct field health_fields[] = {
	NUMBER(wire_health, "cpu", cpu_ns, 0, ANY64),
	NUMBER(wire_health, "wall", wall_ns, 0, RUN_NS_MAX),
	NUMBER(wire_health, "throttled", throttled_ns, 0, ANY64),
	NUMBER(wire_health, "rss", max_rss_kib, 0, ANY64),
	NUMBER(wire_health, "fds", descriptors, 0, ANY64),
	NUMBER(wire_health, "fd_limit", descriptor_limit, 0, ANY64),
	NUMBER(wire_health, "ports", ports, 0, ANY64),
	NUMBER(wire_health, "port_limit", port_limit, 0, ANY64),
	NUMBER(wire_health, "skew", start_skew_ns, 0, ANY64),
	NUMBER(wire_health, "stalled", stalled_ns, 0, ANY64),
	NUMBER(wire_health, "folded", groups_folded, 0, ANY64),
	NUMBER(wire_health, "steal", steal_ns, 0, ANY64),
	NUMBER(wire_health, "jump", jump_ns, 0, ANY64),
};
static const struct record health_record = {RECORD_OF(wire_health, RECORD_MAP, health_fields)};

static const struct field snapshot_fields[] = {
	ENVELOPE,
	NUMBER(message, "seq", snapshot.seq, 1, ANY64),
	NUMBER(message, "second", snapshot.second, 0, LIMIT_RUN_SECONDS),
	NUMBER(message, "ran", snapshot.epoch, 0, ANY32),
	RECORDS(message, "series", snapshot.series, snapshot.series_count, &series_record, LIMIT_SERIES),
	RECORDS(message, "cells", snapshot.cells, snapshot.cell_count, &cell_record, LIMIT_SERIES),
	RECORDS(message, "scenarios", snapshot.scenarios, snapshot.scenario_count, &scenario_record, LIMIT_PLAN_SCENARIOS),
	RECORD(message, "health", snapshot.health, &health_record),
	KEPT_BYTES(message, "ledger", snapshot.ledger, snapshot.ledger_size, 0, LIMIT_LEDGER_BYTES),
	BOOL(message, "last", snapshot.last),
};

static const char *snapshot_problem(const void *record)
{
	const struct message_snapshot *snapshot = &((const struct message *)record)->snapshot;

	for (uint32_t i = 1; i < snapshot->series_count; i++) {
		if (snapshot->series[i].id != snapshot->series[i - 1].id + 1)
			return "the ids of new series are not consecutive";
	}
	for (uint32_t i = 1; i < snapshot->cell_count; i++) {
		if (snapshot->cells[i].series_id <= snapshot->cells[i - 1].series_id)
			return "cells are not in the order of their series' ids";
	}
	return NULL;
}

static const struct field ack_fields[] = {
	ENVELOPE,
	NUMBER(message, "seq", ack.seq, 0, ANY64),
};

static const struct field stop_fields[] = {
	ENVELOPE,
	NUMBER(message, "at", stop.at_ns, 0, RUN_NS_MAX),
	NUMBER(message, "grace", stop.grace_ns, 0, RUN_NS_MAX),
	TEXT(message, "reason", stop.reason, 0, LIMIT_TEXT_BYTES),
};

static const struct field done_fields[] = {
	ENVELOPE,
	NUMBER(message, "seq", done.last_seq, 0, ANY64),
	NUMBER(message, "end", done.end_ns, 0, RUN_NS_MAX),
	RECORDS(message, "targets", done.targets, done.target_count, &target_record, LIMIT_PLAN_TARGETS),
};

static const struct field ping_fields[] = {
	ENVELOPE,
	NUMBER(message, "id", ping.id, 0, ANY64),
	NUMBER(message, "sent", ping.sent_ns, 0, ANY64),
	NUMBER(message, "t0", ping.t0_agent_ns, 0, ANY64),
};

static const struct field pong_fields[] = {
	ENVELOPE,
	NUMBER(message, "id", pong.id, 0, ANY64),
	NUMBER(message, "sent", pong.sent_ns, 0, ANY64),
	NUMBER(message, "in", pong.agent_in_ns, 0, ANY64),
	NUMBER(message, "out", pong.agent_out_ns, 0, ANY64),
};

static const struct field leave_fields[] = {
	ENVELOPE,
	NUMBER(message, "end", leave.end_ns, 0, RUN_NS_MAX),
};

static const struct field offset_fields[] = {
	NUMBER(wire_offset, "partition", partition, 0, LEDGER_PARTITIONS_MAX - 1),
	NUMBER(wire_offset, "offset", offset, 0, INT64_MAX),
};
static const struct record offset_record = {RECORD_OF(wire_offset, RECORD_TUPLE, offset_fields)};

static const struct field verifier_fields[] = {
	NUMBER(wire_verifier, "duty", duty, 0, LIMIT_PLAN_DUTIES - 1),
	NUMBER(wire_verifier, "reader", reader, 1, ANY64),
	BOOL(wire_verifier, "resumes", resumes),
	RECORDS(wire_verifier, "positions", positions, position_count, &offset_record, LEDGER_PARTITIONS_MAX),
};
static const struct record verifier_record = {RECORD_OF(wire_verifier, RECORD_TUPLE, verifier_fields)};

static const struct field duty_fields[] = {
	ENVELOPE,
	RECORDS(message, "duties", duty.duties, duty.duty_count, &duty_number_record, LIMIT_PLAN_DUTIES),
	BOOL(message, "closing", duty.closing),
	RECORDS(message, "verifiers", duty.verifiers, duty.verifier_count, &verifier_record, LIMIT_PLAN_DUTIES),
};

static const char *duty_problem(const void *record)
{
	const struct message_duty *duty = &((const struct message *)record)->duty;

	for (uint32_t i = 1; i < duty->verifier_count; i++) {
		if (duty->verifiers[i].duty <= duty->verifiers[i - 1].duty)
			return "verifiers are not in the order of their duties";
	}
	return NULL;
}

static const struct field value_fields[] = {
	ENVELOPE,
	NUMBER(message, "duty", value.duty, 0, LIMIT_PLAN_DUTIES - 1),
	TEXT(message, "problem", value.problem, 0, LIMIT_TEXT_BYTES),
	RECORDS(message, "values", value.values, value.value_count, &text_pair_record, LIMIT_VALUES),
};

static const struct field seen_fields[] = {
	ENVELOPE,
	NUMBER(message, "duty", seen.duty, 0, LIMIT_PLAN_DUTIES - 1),
	NUMBER(message, "reader", seen.reader, 1, ANY64),
	NUMBER(message, "seq", seen.seq, 1, ANY64),
	RECORDS(message, "starts", seen.starts, seen.start_count, &offset_record, LEDGER_PARTITIONS_MAX),
	RECORDS(message, "ends", seen.ends, seen.end_count, &offset_record, LEDGER_PARTITIONS_MAX),
	BYTES(message, "seen", seen.seen, seen.seen_size, 0, LIMIT_LEDGER_BYTES),
	BOOL(message, "over", seen.over),
	TEXT(message, "problem", seen.problem, 0, LIMIT_TEXT_BYTES),
};

static const struct field seen_ack_fields[] = {
	ENVELOPE,
	NUMBER(message, "duty", seen_ack.duty, 0, LIMIT_PLAN_DUTIES - 1),
	NUMBER(message, "reader", seen_ack.reader, 1, ANY64),
	NUMBER(message, "seq", seen_ack.seq, 1, ANY64),
};

#define MESSAGE(rows) RECORD_OF(message, RECORD_MAP, rows)

const struct record message_records[MESSAGE_TYPE_COUNT] = {
	[MESSAGE_HELLO] = {MESSAGE(hello_fields)},
	[MESSAGE_WELCOME] = {MESSAGE(welcome_fields)},
	[MESSAGE_ASSIGN] = {MESSAGE(assign_fields), .problem = assign_problem},
	[MESSAGE_FETCH] = {MESSAGE(fetch_fields)},
	[MESSAGE_CHUNK] = {MESSAGE(chunk_fields)},
	[MESSAGE_READY] = {MESSAGE(ready_fields)},
	[MESSAGE_FAILED] = {MESSAGE(failed_fields)},
	[MESSAGE_START] = {MESSAGE(start_fields)},
	[MESSAGE_BEGIN] = {MESSAGE(begin_fields)},
	[MESSAGE_SNAPSHOT] = {MESSAGE(snapshot_fields), .problem = snapshot_problem},
	[MESSAGE_ACK] = {MESSAGE(ack_fields)},
	[MESSAGE_STOP] = {MESSAGE(stop_fields)},
	[MESSAGE_DONE] = {MESSAGE(done_fields)},
	[MESSAGE_PING] = {MESSAGE(ping_fields)},
	[MESSAGE_PONG] = {MESSAGE(pong_fields)},
	[MESSAGE_LEAVE] = {MESSAGE(leave_fields)},
	[MESSAGE_DUTY] = {MESSAGE(duty_fields), .problem = duty_problem},
	[MESSAGE_VALUE] = {MESSAGE(value_fields)},
	[MESSAGE_SEEN] = {MESSAGE(seen_fields)},
	[MESSAGE_SEEN_ACK] = {MESSAGE(seen_ack_fields)},
};

static const struct field part_fields[] = {
	NUMBER(part, "id", id, 0, ANY64),
	NUMBER(part, "part", index, 0, PARTS_MAX - 1),
	NUMBER(part, "parts", count, 2, PARTS_MAX),
	KEPT_BYTES(part, "data", data, size, 1, LIMIT_PART_BYTES),
};

static const char *part_problem(const void *record)
{
	const struct part *part = record;

	return part->index < part->count ? NULL : "part is not below parts";
}

const struct record part_record = {RECORD_OF(part, RECORD_MAP, part_fields), .problem = part_problem};
/* clang-format on */

/* Errors are counted as series too, but no plan may name them: the table of metrics doesn't find them. */
#define ERRORS_NAME "errors"

enum metric_id wire_metric_find(const uint8_t *name, size_t size)
{
	char text[LIMIT_NAME_BYTES + 1];
	enum metric_id metric;

	if (size > LIMIT_NAME_BYTES)
		return METRIC_COUNT;
	if (size == strlen(ERRORS_NAME) && memcmp(name, ERRORS_NAME, size) == 0)
		return METRIC_ERRORS;
	memcpy(text, name, size);
	text[size] = '\0';
	metric = metric_find(text);
	return metric < METRIC_COUNT && metrics[metric].derived ? METRIC_COUNT : metric;
}

const char *wire_metric_name(enum metric_id metric)
{
	if (metric == METRIC_ERRORS)
		return ERRORS_NAME;
	return metric < METRIC_COUNT && !metrics[metric].derived ? metrics[metric].name : NULL;
}
