/* SPDX-License-Identifier: Apache-2.0 */
/* A journal's records from bytes. Bounded: no count is believed that the bytes left could not hold. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "coordinator/account_change.h"
#include "coordinator/journal_codec.h"

static int fail(struct reader *reader, int code)
{
	if (!reader->failed)
		reader->failed = code;
	return reader->failed;
}

static int64_t get_signed(struct reader *reader)
{
	uint64_t value = reader_varint(reader);

	return (int64_t)((value >> 1) ^ -(value & 1));
}

static uint64_t get_difference(struct reader *reader, uint64_t from)
{
	return from + (uint64_t)get_signed(reader);
}

static double get_double(struct reader *reader)
{
	uint64_t bits = reader_u64(reader);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint32_t get_u32(struct reader *reader)
{
	uint64_t value = reader_varint(reader);

	if (value > UINT32_MAX)
		fail(reader, -EBADMSG);
	return (uint32_t)value;
}

static uint32_t get_below(struct reader *reader, uint32_t limit)
{
	uint32_t value = get_u32(reader);

	if (value < limit)
		return value;
	fail(reader, -EBADMSG);
	return 0;
}

static _Bool get_bool(struct reader *reader)
{
	uint8_t byte = reader_byte(reader);

	if (byte > 1)
		fail(reader, -EBADMSG);
	return byte;
}

/* A count of items of at least `item_bytes` each. */
static uint32_t get_count(struct reader *reader, size_t item_bytes)
{
	uint32_t count = get_u32(reader);

	if (!reader->failed && count > (reader->size - reader->at) / item_bytes)
		fail(reader, -EBADMSG);
	return reader->failed ? 0 : count;
}

static void *get_room(struct reader *reader, size_t count, size_t item_size)
{
	void *items = calloc(count ? count : 1, item_size);

	if (!items)
		fail(reader, -ENOMEM);
	return items;
}

static char *copy_bytes(struct reader *reader, const char *bytes, size_t size)
{
	char *copy = reader->failed ? NULL : malloc(size + 1);

	if (!copy) {
		fail(reader, -ENOMEM);
		return NULL;
	}
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	return copy;
}

static char *get_text(struct reader *reader)
{
	size_t size = 0;
	const char *text = reader_string(reader, &size);

	if (!reader->failed && memchr(text, '\0', size))
		fail(reader, -EBADMSG);
	return copy_bytes(reader, text, size);
}

static char *get_bytes(struct reader *reader, size_t *ret_size)
{
	size_t size = 0;
	const char *bytes = reader_string(reader, &size);
	char *copy = copy_bytes(reader, bytes, size);

	*ret_size = copy ? size : 0;
	return copy;
}

static struct text_pair *get_pairs(struct reader *reader, uint32_t *ret_count)
{
	uint32_t count = get_count(reader, 2);
	struct text_pair *pairs = get_room(reader, count, sizeof(*pairs));

	*ret_count = pairs ? count : 0;
	for (uint32_t i = 0; i < *ret_count; i++) {
		pairs[i].name = get_text(reader);
		pairs[i].value = get_text(reader);
	}
	return pairs;
}

static void get_place(struct reader *reader, struct journal_place *place)
{
	place->address = get_text(reader);
	place->keys = get_text(reader);
	place->local = get_bool(reader);
	place->insecure = get_bool(reader);
	place->fsync_each = get_bool(reader);
	place->expect_agents = get_u32(reader);
	place->wait_ns = reader_varint(reader);
}

static struct journal_file *get_files(struct reader *reader, uint32_t *ret_count)
{
	uint32_t count = get_count(reader, 4);
	struct journal_file *files = get_room(reader, count, sizeof(*files));

	*ret_count = files ? count : 0;
	for (uint32_t i = 0; i < *ret_count; i++) {
		files[i].name = get_text(reader);
		files[i].path = get_text(reader);
		files[i].size = reader_varint(reader);
		files[i].sha256 = get_text(reader);
	}
	return files;
}

static void get_run(struct reader *reader, struct journal_record *record)
{
	record->run.id = get_text(reader);
	record->run.name = get_text(reader);
	record->run.version = get_text(reader);
	record->run.plan_sha256 = get_text(reader);
	record->run.plan = get_bytes(reader, &record->run.plan_size);
	record->run.created_unix_ns = get_signed(reader);
	record->run.require_trust = get_bool(reader);
	record->run.tags = get_pairs(reader, &record->run.tag_count);
	get_place(reader, &record->run.place);
	record->run.files = get_files(reader, &record->run.file_count);
}

static void get_state(struct reader *reader, struct journal_record *record)
{
	record->state.state = get_below(reader, RUN_STATE_COUNT);
	record->state.at_unix_ns = get_signed(reader);
}

static void get_agent(struct reader *reader, struct journal_record *record)
{
	struct message_hello *hello = &record->agent.hello;
	const uint8_t *incarnation = reader_bytes(reader, INCARNATION_SIZE);

	if (incarnation)
		memcpy(record->agent.incarnation.bytes, incarnation, INCARNATION_SIZE);
	hello->protocol = get_u32(reader);
	hello->version = get_text(reader);
	hello->name = get_text(reader);
	hello->host = get_text(reader);
	hello->cpu = get_text(reader);
	hello->kernel = get_text(reader);
	hello->cores = get_u32(reader);
	hello->workers = get_u32(reader);
	hello->weight = get_u32(reader);
	hello->memory_bytes = reader_varint(reader);
	hello->pid = reader_varint(reader);
	hello->tags = get_pairs(reader, &hello->tag_count);
	hello->libraries = get_pairs(reader, &hello->library_count);
	hello->limits = get_pairs(reader, &hello->limit_count);
	hello->last_seq = reader_varint(reader);
}

static void get_share(struct reader *reader, struct share *share)
{
	uint32_t count = get_count(reader, 2);

	if (count == 0)
		return;
	share->classes = get_room(reader, count, sizeof(*share->classes));
	if (!share->classes)
		return;
	share->count = share->capacity = count;
	for (uint32_t i = 0; i < count; i++) {
		share->classes[i].modulus = reader_varint(reader);
		share->classes[i].residue = reader_varint(reader);
		if (share->classes[i].residue >= share->classes[i].modulus)
			fail(reader, -EBADMSG);
	}
}

/* Room for `count` entries of at least a byte each for all agents; NULL (and failed) if the bytes can't hold them. */
static void *get_table(struct reader *reader, uint64_t count, size_t item_size)
{
	if (reader->failed || count > reader->size - reader->at) {
		fail(reader, -EBADMSG);
		return NULL;
	}
	return get_room(reader, count, item_size);
}

static void get_shares(struct reader *reader, struct journal_record *record)
{
	uint32_t agents = get_u32(reader), scenarios = get_u32(reader);
	uint64_t count = (uint64_t)agents * scenarios;

	record->division.shares = get_table(reader, count, sizeof(*record->division.shares));
	if (!record->division.shares)
		return;
	record->division.agent_count = agents;
	record->division.scenario_count = scenarios;
	for (uint64_t i = 0; i < count && !reader->failed; i++)
		get_share(reader, &record->division.shares[i]);
}

static void get_connections(struct reader *reader, struct journal_record *record)
{
	uint32_t targets = get_u32(reader);
	uint64_t count = (uint64_t)record->division.agent_count * targets;

	record->division.connections = get_table(reader, count, sizeof(*record->division.connections));
	if (!record->division.connections)
		return;
	record->division.target_count = targets;
	for (uint64_t i = 0; i < count && !reader->failed; i++)
		record->division.connections[i] = get_u32(reader);
}

static struct wire_move *get_moves(struct reader *reader, uint32_t *ret_count)
{
	uint32_t count = get_count(reader, 4);
	struct wire_move *moves = get_room(reader, count, sizeof(*moves));

	*ret_count = moves ? count : 0;
	for (uint32_t i = 0; i < *ret_count && !reader->failed; i++) {
		moves[i].scenario = get_u32(reader);
		moves[i].from_index = reader_varint(reader);
		moves[i].first_spare = reader_varint(reader);
		get_share(reader, &moves[i].share);
	}
	return moves;
}

static struct journal_extra *get_extras(struct reader *reader, uint32_t *ret_count)
{
	uint32_t count = get_count(reader, 5);
	struct journal_extra *extras = get_room(reader, count, sizeof(*extras));

	*ret_count = extras ? count : 0;
	for (uint32_t i = 0; i < *ret_count && !reader->failed; i++) {
		extras[i].agent = get_u32(reader);
		extras[i].extra.scenario = get_u32(reader);
		extras[i].extra.epoch = get_u32(reader);
		extras[i].extra.iterations = reader_varint(reader);
		extras[i].extra.first_spare = reader_varint(reader);
	}
	return extras;
}

static void get_division(struct reader *reader, struct journal_record *record)
{
	record->division.epoch = get_u32(reader);
	record->division.from_ns = reader_varint(reader);
	get_shares(reader, record);
	get_connections(reader, record);
	record->division.moves = get_moves(reader, &record->division.move_count);
	record->division.extras = get_extras(reader, &record->division.extra_count);
}

static void get_target(struct reader *reader, struct journal_record *record)
{
	record->target.name = get_text(reader);
	record->target.version = get_text(reader);
	record->target.topology = get_text(reader);
	record->target.idle_round_trip_ns = reader_varint(reader);
	record->target.local = get_bool(reader);
	record->target.problem = get_text(reader);
}

static void get_start(struct reader *reader, struct journal_record *record)
{
	record->start.t0_unix_ns = get_signed(reader);
	record->start.t0_ns = reader_varint(reader);
	record->start.boot_id = get_text(reader);
}

static void get_begin(struct reader *reader, struct journal_record *record)
{
	record->begin.scenario = get_u32(reader);
	record->begin.at_ns = reader_varint(reader);
}

static void get_series(struct reader *reader, struct journal_record *record)
{
	struct series *series = &record->series.series;
	uint32_t metric;

	record->series.id = get_below(reader, LIMIT_SERIES);
	metric = get_below(reader, METRIC_COUNT << 1);
	series->metric = metric >> 1;
	series->warmup = metric & 1;
	series->scenario = get_text(reader);
	series->step = get_text(reader);
	series->group = get_text(reader);
	series->label = get_text(reader);
}

/* `value` and the difference that follows, which is not 0. */
static uint32_t get_other_u32(struct reader *reader, uint32_t value)
{
	uint64_t other = get_difference(reader, value);

	if (other > UINT32_MAX || other == value)
		fail(reader, -EBADMSG);
	return (uint32_t)other;
}

static void get_accepted(struct reader *reader, struct journal_accepted *accepted,
                         const struct journal_accepted *before)
{
	uint64_t head = reader_varint(reader);
	uint64_t step = head >> 2;
	uint64_t agent = before->agent + ((step >> 1) ^ -(step & 1));

	if (agent > UINT32_MAX)
		fail(reader, -EBADMSG);
	accepted->agent = (uint32_t)agent;
	accepted->mismatch = head & 1;
	accepted->epoch = head & 2 ? get_other_u32(reader, before->epoch) : before->epoch;
	accepted->seq = reader_varint(reader);
	accepted->second = get_difference(reader, accepted->seq - 1);
	accepted->operations = reader_varint(reader);
	accepted->iterations = get_difference(reader, accepted->operations);
}

static void get_delta(struct reader *reader, struct journal_delta *delta, uint64_t *second, uint64_t *next_series)
{
	uint64_t later = reader_varint(reader), skipped;

	if (__builtin_add_overflow(*second, later, second))
		fail(reader, -EBADMSG);
	if (later > 0)
		*next_series = 0;
	skipped = reader_varint(reader);
	if (skipped >= LIMIT_SERIES - *next_series) {
		fail(reader, -EBADMSG);
		return;
	}
	delta->second = *second;
	delta->series_id = (uint32_t)(*next_series + skipped);
	delta->data = (const uint8_t *)reader_string(reader, &delta->size);
	*next_series = (uint64_t)delta->series_id + 1;
}

static void get_all_accepted(struct reader *reader, struct journal_record *record)
{
	const struct journal_accepted *before = &journal_first_accepted;
	uint32_t count = get_count(reader, 5), scenarios = get_u32(reader);

	record->deltas.accepted = get_room(reader, count, sizeof(*record->deltas.accepted));
	record->deltas.changes = get_table(reader, (uint64_t)count * scenarios, sizeof(*record->deltas.changes));
	if (reader->failed)
		return;
	record->deltas.accepted_count = count;
	record->deltas.scenario_count = scenarios;
	for (uint32_t i = 0; i < count && !reader->failed; i++) {
		get_accepted(reader, &record->deltas.accepted[i], before);
		before = &record->deltas.accepted[i];
		for (uint32_t j = 0; j < scenarios && !reader->failed; j++)
			record->deltas.changes[(size_t)i * scenarios + j] = account_change_get(reader);
	}
}

static void get_names(struct reader *reader, struct journal_record *record)
{
	uint32_t count = get_count(reader, 2);

	record->deltas.names = get_room(reader, count, sizeof(*record->deltas.names));
	record->deltas.name_count = record->deltas.names ? count : 0;
	for (uint32_t i = 0; i < record->deltas.name_count && !reader->failed; i++) {
		record->deltas.names[i].agent = get_u32(reader);
		record->deltas.names[i].series_id = get_below(reader, LIMIT_SERIES);
	}
}

static void get_deltas(struct reader *reader, struct journal_record *record)
{
	uint64_t second = 0, next_series = 0;
	uint32_t count;

	get_all_accepted(reader, record);
	get_names(reader, record);
	count = get_count(reader, 3);
	record->deltas.deltas = get_room(reader, count, sizeof(*record->deltas.deltas));
	record->deltas.delta_count = record->deltas.deltas ? count : 0;
	for (uint32_t i = 0; i < record->deltas.delta_count && !reader->failed; i++)
		get_delta(reader, &record->deltas.deltas[i], &second, &next_series);
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

	record->status.agent = get_u32(reader);
	count = get_count(reader, 10 + DROP_REASON_COUNT);
	record->status.scenarios = get_room(reader, count, sizeof(*record->status.scenarios));
	record->status.scenario_count = record->status.scenarios ? count : 0;
	for (uint32_t i = 0; i < record->status.scenario_count; i++) {
		struct wire_scenario *scenario = &record->status.scenarios[i];

		get_tally(reader, &scenario->tally);
		scenario->running = reader_varint(reader);
		scenario->end_ns = reader_varint(reader);
		scenario->finished = get_bool(reader);
	}
	get_health(reader, &record->status.health);
	record->status.clock_offset_ns = get_signed(reader);
	record->status.clock_bound_ns = reader_varint(reader);
	record->status.start_skew_ns = reader_varint(reader);
	record->status.start_bound_ns = reader_varint(reader);
	record->status.drift_ppm = get_double(reader);
	record->status.drift_bound_ppm = get_double(reader);
}

static void get_lost(struct reader *reader, struct journal_record *record)
{
	record->lost.agent = get_u32(reader);
	record->lost.at_ns = reader_varint(reader);
	record->lost.silent = get_bool(reader);
	record->lost.reason = get_text(reader);
}

static void get_done(struct reader *reader, struct journal_record *record)
{
	record->done.agent = get_u32(reader);
	record->done.last_seq = reader_varint(reader);
	record->done.end_ns = reader_varint(reader);
}

static void get_stop(struct reader *reader, struct journal_record *record)
{
	record->stop.cause = get_below(reader, STOP_CAUSE_COUNT);
	record->stop.at_ns = reader_varint(reader);
	record->stop.text = get_text(reader);
	record->stop.threshold = get_u32(reader);
	record->stop.observed = get_double(reader);
}

static void get_back(struct reader *reader, struct journal_record *record)
{
	record->back.agent = get_u32(reader);
	record->back.at_ns = reader_varint(reader);
}

static void get_leave(struct reader *reader, struct journal_record *record)
{
	record->leave.agent = get_u32(reader);
	record->leave.at_ns = reader_varint(reader);
}

static void get_told(struct reader *reader, struct journal_record *record)
{
	record->told.agent = get_u32(reader);
	record->told.offset_ns = get_signed(reader);
	record->told.bound_ns = reader_varint(reader);
}

static void get_duty(struct reader *reader, struct journal_record *record)
{
	record->duty.duty = get_u32(reader);
	record->duty.agent = get_u32(reader);
	record->duty.at_ns = reader_varint(reader);
	record->duty.problem = get_text(reader);
}

static void get_children(struct reader *reader, struct journal_record *record)
{
	uint32_t count = get_count(reader, 2);

	record->children.items = get_room(reader, count, sizeof(*record->children.items));
	record->children.count = record->children.items ? count : 0;
	for (uint32_t i = 0; i < record->children.count; i++) {
		record->children.items[i].pid = reader_varint(reader);
		record->children.items[i].started = reader_varint(reader);
	}
}

static void get_clock(struct reader *reader, struct journal_record *record)
{
	record->clock.agent = get_u32(reader);
	record->clock.at_ns = reader_varint(reader);
	record->clock.by_ns = get_signed(reader);
}

static void get_resume(struct reader *reader, struct journal_record *record)
{
	record->resume.at_unix_ns = get_signed(reader);
}

static void (*const gets_of[JOURNAL_TYPE_COUNT])(struct reader *, struct journal_record *) = {
        [JOURNAL_RUN] = get_run,           [JOURNAL_STATE] = get_state,   [JOURNAL_AGENT] = get_agent,
        [JOURNAL_DIVISION] = get_division, [JOURNAL_TARGET] = get_target, [JOURNAL_START] = get_start,
        [JOURNAL_BEGIN] = get_begin,       [JOURNAL_SERIES] = get_series, [JOURNAL_DELTAS] = get_deltas,
        [JOURNAL_STATUS] = get_status,     [JOURNAL_LOST] = get_lost,     [JOURNAL_DONE] = get_done,
        [JOURNAL_STOP] = get_stop,         [JOURNAL_BACK] = get_back,     [JOURNAL_LEAVE] = get_leave,
        [JOURNAL_TOLD] = get_told,         [JOURNAL_DUTY] = get_duty,     [JOURNAL_CHILDREN] = get_children,
        [JOURNAL_CLOCK] = get_clock,       [JOURNAL_RESUME] = get_resume,
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
		fail(&reader, -EBADMSG);
	if (reader.failed) {
		journal_record_deinit(&record);
		return reader.failed;
	}
	*ret_record = record;
	return 0;
}
