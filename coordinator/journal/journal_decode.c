/* SPDX-License-Identifier: Apache-2.0 */
/* A journal's records from bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/stats/ledger_delta.h"
#include "coordinator/journal/journal_codec.h"
#include "coordinator/journal/journal_get.h"

static struct text_pair *get_pairs(struct reader *reader, uint32_t *ret_count)
{
	uint32_t count = journal_get_count(reader, 2);
	struct text_pair *pairs = journal_get_room(reader, count, sizeof(*pairs));

	*ret_count = pairs ? count : 0;
	for (uint32_t i = 0; i < *ret_count; i++) {
		pairs[i].name = journal_get_text(reader);
		pairs[i].value = journal_get_text(reader);
	}
	return pairs;
}

static void get_place(struct reader *reader, struct journal_place *place)
{
	place->address = journal_get_text(reader);
	place->keys = journal_get_text(reader);
	place->local = journal_get_bool(reader);
	place->insecure = journal_get_bool(reader);
	place->fsync_each = journal_get_bool(reader);
	place->expect_agents = journal_get_u32(reader);
	place->wait_ns = reader_varint(reader);
}

static struct journal_file *get_files(struct reader *reader, uint32_t *ret_count)
{
	uint32_t count = journal_get_count(reader, 4);
	struct journal_file *files = journal_get_room(reader, count, sizeof(*files));

	*ret_count = files ? count : 0;
	for (uint32_t i = 0; i < *ret_count; i++) {
		files[i].name = journal_get_text(reader);
		files[i].path = journal_get_text(reader);
		files[i].size = reader_varint(reader);
		files[i].sha256 = journal_get_text(reader);
	}
	return files;
}

static void get_run(struct reader *reader, struct journal_record *record)
{
	record->run.id = journal_get_text(reader);
	record->run.name = journal_get_text(reader);
	record->run.version = journal_get_text(reader);
	record->run.plan_sha256 = journal_get_text(reader);
	record->run.plan = journal_get_bytes(reader, &record->run.plan_size);
	record->run.created_unix_ns = journal_get_signed(reader);
	record->run.require_trust = journal_get_bool(reader);
	record->run.tags = get_pairs(reader, &record->run.tag_count);
	get_place(reader, &record->run.place);
	record->run.files = get_files(reader, &record->run.file_count);
}

static void get_state(struct reader *reader, struct journal_record *record)
{
	record->state.state = journal_get_below(reader, RUN_STATE_COUNT);
	record->state.at_unix_ns = journal_get_signed(reader);
}

static void get_agent(struct reader *reader, struct journal_record *record)
{
	struct message_hello *hello = &record->agent.hello;
	const uint8_t *incarnation = reader_bytes(reader, INCARNATION_SIZE);

	if (incarnation)
		memcpy(record->agent.incarnation.bytes, incarnation, INCARNATION_SIZE);
	hello->protocol = journal_get_u32(reader);
	hello->version = journal_get_text(reader);
	hello->name = journal_get_text(reader);
	hello->host = journal_get_text(reader);
	hello->cpu = journal_get_text(reader);
	hello->kernel = journal_get_text(reader);
	hello->cores = journal_get_u32(reader);
	hello->workers = journal_get_u32(reader);
	hello->weight = journal_get_u32(reader);
	hello->memory_bytes = reader_varint(reader);
	hello->pid = reader_varint(reader);
	hello->tags = get_pairs(reader, &hello->tag_count);
	hello->libraries = get_pairs(reader, &hello->library_count);
	hello->limits = get_pairs(reader, &hello->limit_count);
	hello->last_seq = reader_varint(reader);
}

static void get_target(struct reader *reader, struct journal_record *record)
{
	record->target.name = journal_get_text(reader);
	record->target.version = journal_get_text(reader);
	record->target.topology = journal_get_text(reader);
	record->target.idle_round_trip_ns = reader_varint(reader);
	record->target.local = journal_get_bool(reader);
	record->target.problem = journal_get_text(reader);
}

static void get_start(struct reader *reader, struct journal_record *record)
{
	record->start.t0_unix_ns = journal_get_signed(reader);
	record->start.t0_ns = reader_varint(reader);
	record->start.boot_id = journal_get_text(reader);
}

static void get_begin(struct reader *reader, struct journal_record *record)
{
	record->begin.scenario = journal_get_u32(reader);
	record->begin.at_ns = reader_varint(reader);
}

static void get_series(struct reader *reader, struct journal_record *record)
{
	struct series *series = &record->series.series;
	uint32_t metric;

	record->series.id = journal_get_below(reader, LIMIT_SERIES);
	metric = journal_get_below(reader, METRIC_COUNT << 1);
	series->metric = metric >> 1;
	series->warmup = metric & 1;
	series->scenario = journal_get_text(reader);
	series->step = journal_get_text(reader);
	series->group = journal_get_text(reader);
	series->label = journal_get_text(reader);
}

static void get_tally(struct reader *reader, struct tally *tally)
{
	tally->planned = reader_varint(reader);
	tally->started = reader_varint(reader);
	for (size_t i = 0; i < DROP_REASON_COUNT; i++)
		tally->dropped[i] = reader_varint(reader);
	tally->succeeded = reader_varint(reader);
	tally->failed = reader_varint(reader);
	tally->interrupted = reader_varint(reader);
	tally->operations = reader_varint(reader);
	tally->failed_operations = reader_varint(reader);
}

static void get_health(struct reader *reader, struct wire_health *health)
{
	health->cpu_ns = reader_varint(reader);
	health->wall_ns = reader_varint(reader);
	health->throttled_ns = reader_varint(reader);
	health->max_rss_kib = reader_varint(reader);
	health->descriptors = reader_varint(reader);
	health->descriptor_limit = reader_varint(reader);
	health->ports = reader_varint(reader);
	health->port_limit = reader_varint(reader);
	health->start_skew_ns = reader_varint(reader);
	health->stalled_ns = reader_varint(reader);
	health->groups_folded = reader_varint(reader);
	health->steal_ns = reader_varint(reader);
	health->jump_ns = reader_varint(reader);
}

static void get_status(struct reader *reader, struct journal_record *record)
{
	uint32_t count;

	record->status.agent = journal_get_u32(reader);
	count = journal_get_count(reader, 10 + DROP_REASON_COUNT);
	record->status.scenarios = journal_get_room(reader, count, sizeof(*record->status.scenarios));
	record->status.scenario_count = record->status.scenarios ? count : 0;
	for (uint32_t i = 0; i < record->status.scenario_count; i++) {
		struct wire_scenario *scenario = &record->status.scenarios[i];

		get_tally(reader, &scenario->tally);
		scenario->running = reader_varint(reader);
		scenario->end_ns = reader_varint(reader);
		scenario->finished = journal_get_bool(reader);
	}
	get_health(reader, &record->status.health);
	record->status.clock_offset_ns = journal_get_signed(reader);
	record->status.clock_bound_ns = reader_varint(reader);
	record->status.start_skew_ns = reader_varint(reader);
	record->status.start_bound_ns = reader_varint(reader);
	record->status.drift_ppm = journal_get_double(reader);
	record->status.drift_bound_ppm = journal_get_double(reader);
}

static void get_lost(struct reader *reader, struct journal_record *record)
{
	record->lost.agent = journal_get_u32(reader);
	record->lost.at_ns = reader_varint(reader);
	record->lost.silent = journal_get_bool(reader);
	record->lost.reason = journal_get_text(reader);
}

static void get_done(struct reader *reader, struct journal_record *record)
{
	record->done.agent = journal_get_u32(reader);
	record->done.last_seq = reader_varint(reader);
	record->done.end_ns = reader_varint(reader);
}

static void get_stop(struct reader *reader, struct journal_record *record)
{
	record->stop.cause = journal_get_below(reader, STOP_CAUSE_COUNT);
	record->stop.at_ns = reader_varint(reader);
	record->stop.text = journal_get_text(reader);
	record->stop.threshold = journal_get_u32(reader);
	record->stop.observed = journal_get_double(reader);
}

static void get_back(struct reader *reader, struct journal_record *record)
{
	record->back.agent = journal_get_u32(reader);
	record->back.at_ns = reader_varint(reader);
}

static void get_leave(struct reader *reader, struct journal_record *record)
{
	record->leave.agent = journal_get_u32(reader);
	record->leave.at_ns = reader_varint(reader);
}

static void get_told(struct reader *reader, struct journal_record *record)
{
	record->told.agent = journal_get_u32(reader);
	record->told.offset_ns = journal_get_signed(reader);
	record->told.bound_ns = reader_varint(reader);
}

static void get_duty(struct reader *reader, struct journal_record *record)
{
	record->duty.duty = journal_get_u32(reader);
	record->duty.agent = journal_get_u32(reader);
	record->duty.at_ns = reader_varint(reader);
	record->duty.problem = journal_get_text(reader);
}

static void get_children(struct reader *reader, struct journal_record *record)
{
	uint32_t count = journal_get_count(reader, 2);

	record->children.items = journal_get_room(reader, count, sizeof(*record->children.items));
	record->children.count = record->children.items ? count : 0;
	for (uint32_t i = 0; i < record->children.count; i++) {
		record->children.items[i].pid = reader_varint(reader);
		record->children.items[i].started = reader_varint(reader);
	}
}

static void get_clock(struct reader *reader, struct journal_record *record)
{
	record->clock.agent = journal_get_u32(reader);
	record->clock.at_ns = reader_varint(reader);
	record->clock.by_ns = journal_get_signed(reader);
}

static void get_resume(struct reader *reader, struct journal_record *record)
{
	record->resume.at_unix_ns = journal_get_signed(reader);
}

static struct wire_offset *get_offsets(struct reader *reader, uint32_t *ret_count)
{
	uint32_t count = journal_get_count(reader, 2);
	struct wire_offset *offsets = journal_get_room(reader, count, sizeof(*offsets));

	*ret_count = offsets ? count : 0;
	for (uint32_t i = 0; i < *ret_count && !reader->failed; i++) {
		offsets[i].partition = journal_get_below(reader, LEDGER_PARTITIONS_MAX);
		offsets[i].offset = reader_varint(reader);
		if (offsets[i].offset > INT64_MAX)
			journal_fail(reader, -EBADMSG);
	}
	return offsets;
}

static void get_seen(struct reader *reader, struct journal_record *record)
{
	record->seen.duty = journal_get_u32(reader);
	record->seen.agent = journal_get_u32(reader);
	record->seen.reader = reader_varint(reader);
	record->seen.seq = reader_varint(reader);
	record->seen.at_ns = reader_varint(reader);
	record->seen.starts = get_offsets(reader, &record->seen.start_count);
	record->seen.ends = get_offsets(reader, &record->seen.end_count);
	record->seen.seen = (const uint8_t *)reader_string(reader, &record->seen.seen_size);
	record->seen.over = journal_get_bool(reader);
	record->seen.problem = journal_get_text(reader);
}

static void (*const gets_of[JOURNAL_TYPE_COUNT])(struct reader *, struct journal_record *) = {
        [JOURNAL_RUN] = get_run,
        [JOURNAL_STATE] = get_state,
        [JOURNAL_AGENT] = get_agent,
        [JOURNAL_DIVISION] = journal_get_division,
        [JOURNAL_TARGET] = get_target,
        [JOURNAL_START] = get_start,
        [JOURNAL_BEGIN] = get_begin,
        [JOURNAL_SERIES] = get_series,
        [JOURNAL_DELTAS] = journal_get_deltas,
        [JOURNAL_STATUS] = get_status,
        [JOURNAL_LOST] = get_lost,
        [JOURNAL_DONE] = get_done,
        [JOURNAL_STOP] = get_stop,
        [JOURNAL_BACK] = get_back,
        [JOURNAL_LEAVE] = get_leave,
        [JOURNAL_TOLD] = get_told,
        [JOURNAL_DUTY] = get_duty,
        [JOURNAL_CHILDREN] = get_children,
        [JOURNAL_CLOCK] = get_clock,
        [JOURNAL_RESUME] = get_resume,
        [JOURNAL_SEEN] = get_seen,
};

int journal_record_decode(const uint8_t *data, size_t size, struct journal_record *ret_record)
{
	struct reader reader = {.data = data, .size = size};
	struct journal_record record = {0};
	uint8_t type = reader_byte(&reader);

	if (type == 0 || type >= JOURNAL_TYPE_COUNT)
		return -EBADMSG;
	record.type = type;
	gets_of[type](&reader, &record);
	if (!reader.failed && reader.at != reader.size)
		journal_fail(&reader, -EBADMSG);
	if (reader.failed) {
		journal_record_deinit(&record);
		return reader.failed;
	}
	*ret_record = record;
	return 0;
}
