/* SPDX-License-Identifier: Apache-2.0 */
/* A journal's records to bytes. */
#include <assert.h>
#include <string.h>

#include "coordinator/journal/account_change.h"
#include "coordinator/journal/journal_codec.h"

/* Small numbers of either sign as small unsigned ones: 0, -1, 1, -2 ... */
static uint64_t zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static void put_signed(struct buffer *buffer, int64_t value)
{
	buffer_append_varint(buffer, zigzag(value));
}

/* The difference of two unsigned numbers, small either way; wraps. */
static void put_difference(struct buffer *buffer, uint64_t value, uint64_t from)
{
	put_signed(buffer, (int64_t)(value - from));
}

static void put_double(struct buffer *buffer, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	buffer_append_u64(buffer, bits);
}

static void put_bytes(struct buffer *buffer, const void *data, size_t size)
{
	buffer_append_varint(buffer, size);
	buffer_append(buffer, data, size);
}

static void put_pairs(struct buffer *buffer, const struct text_pair *pairs, uint32_t count)
{
	buffer_append_varint(buffer, count);
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_string(buffer, pairs[i].name);
		buffer_append_string(buffer, pairs[i].value);
	}
}

static void put_place(struct buffer *buffer, const struct journal_place *place)
{
	buffer_append_string(buffer, place->address);
	buffer_append_string(buffer, place->keys);
	buffer_append_byte(buffer, place->local);
	buffer_append_byte(buffer, place->insecure);
	buffer_append_byte(buffer, place->fsync_each);
	buffer_append_varint(buffer, place->expect_agents);
	buffer_append_varint(buffer, place->wait_ns);
}

static void put_files(struct buffer *buffer, const struct journal_file *files, uint32_t count)
{
	buffer_append_varint(buffer, count);
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_string(buffer, files[i].name);
		buffer_append_string(buffer, files[i].path);
		buffer_append_varint(buffer, files[i].size);
		buffer_append_string(buffer, files[i].sha256);
	}
}

static void put_run(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_string(buffer, record->run.id);
	buffer_append_string(buffer, record->run.name);
	buffer_append_string(buffer, record->run.version);
	buffer_append_string(buffer, record->run.plan_sha256);
	put_bytes(buffer, record->run.plan, record->run.plan_size);
	put_signed(buffer, record->run.created_unix_ns);
	buffer_append_byte(buffer, record->run.require_trust);
	put_pairs(buffer, record->run.tags, record->run.tag_count);
	put_place(buffer, &record->run.place);
	put_files(buffer, record->run.files, record->run.file_count);
}

static void put_state(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->state.state);
	put_signed(buffer, record->state.at_unix_ns);
}

static void put_agent(const struct journal_record *record, struct buffer *buffer)
{
	const struct message_hello *hello = &record->agent.hello;

	buffer_append(buffer, record->agent.incarnation.bytes, INCARNATION_SIZE);
	buffer_append_varint(buffer, hello->protocol);
	buffer_append_string(buffer, hello->version);
	buffer_append_string(buffer, hello->name);
	buffer_append_string(buffer, hello->host);
	buffer_append_string(buffer, hello->cpu);
	buffer_append_string(buffer, hello->kernel);
	buffer_append_varint(buffer, hello->cores);
	buffer_append_varint(buffer, hello->workers);
	buffer_append_varint(buffer, hello->weight);
	buffer_append_varint(buffer, hello->memory_bytes);
	buffer_append_varint(buffer, hello->pid);
	put_pairs(buffer, hello->tags, hello->tag_count);
	put_pairs(buffer, hello->libraries, hello->library_count);
	put_pairs(buffer, hello->limits, hello->limit_count);
	buffer_append_varint(buffer, hello->last_seq);
}

static void put_share(struct buffer *buffer, const struct share *share)
{
	buffer_append_varint(buffer, share->count);
	for (uint32_t i = 0; i < share->count; i++) {
		buffer_append_varint(buffer, share->classes[i].modulus);
		buffer_append_varint(buffer, share->classes[i].residue);
	}
}

static void put_moves(struct buffer *buffer, const struct wire_move *moves, uint32_t count)
{
	buffer_append_varint(buffer, count);
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_varint(buffer, moves[i].scenario);
		buffer_append_varint(buffer, moves[i].from_index);
		buffer_append_varint(buffer, moves[i].first_spare);
		put_share(buffer, &moves[i].share);
	}
}

static void put_extras(struct buffer *buffer, const struct journal_extra *extras, uint32_t count)
{
	buffer_append_varint(buffer, count);
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_varint(buffer, extras[i].agent);
		buffer_append_varint(buffer, extras[i].extra.scenario);
		buffer_append_varint(buffer, extras[i].extra.epoch);
		buffer_append_varint(buffer, extras[i].extra.iterations);
		buffer_append_varint(buffer, extras[i].extra.first_spare);
	}
}

static void put_division(const struct journal_record *record, struct buffer *buffer)
{
	size_t agents = record->division.agent_count;
	size_t shares = agents * record->division.scenario_count, connections = agents * record->division.target_count;

	buffer_append_varint(buffer, record->division.epoch);
	buffer_append_varint(buffer, record->division.from_ns);
	buffer_append_varint(buffer, agents);
	buffer_append_varint(buffer, record->division.scenario_count);
	for (size_t i = 0; i < shares; i++)
		put_share(buffer, &record->division.shares[i]);
	buffer_append_varint(buffer, record->division.target_count);
	for (size_t i = 0; i < connections; i++)
		buffer_append_varint(buffer, record->division.connections[i]);
	put_moves(buffer, record->division.moves, record->division.move_count);
	put_extras(buffer, record->division.extras, record->division.extra_count);
}

static void put_target(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_string(buffer, record->target.name);
	buffer_append_string(buffer, record->target.version);
	buffer_append_string(buffer, record->target.topology);
	buffer_append_varint(buffer, record->target.idle_round_trip_ns);
	buffer_append_byte(buffer, record->target.local);
	buffer_append_string(buffer, record->target.problem);
}

static void put_start(const struct journal_record *record, struct buffer *buffer)
{
	put_signed(buffer, record->start.t0_unix_ns);
	buffer_append_varint(buffer, record->start.t0_ns);
	buffer_append_string(buffer, record->start.boot_id);
}

static void put_begin(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->begin.scenario);
	buffer_append_varint(buffer, record->begin.at_ns);
}

static void put_series(const struct journal_record *record, struct buffer *buffer)
{
	const struct series *series = &record->series.series;

	buffer_append_varint(buffer, record->series.id);
	buffer_append_varint(buffer, (uint64_t)series->metric << 1 | series->warmup);
	buffer_append_string(buffer, series->scenario);
	buffer_append_string(buffer, series->step);
	buffer_append_string(buffer, series->group);
	buffer_append_string(buffer, series->label);
}

/* An entry leans on the one before: agents come in order, the second is mostly the sequence number less 1, an iteration
 * has about as many operations as the one before had, and the epoch is said only where it differs. */
static void put_accepted(struct buffer *buffer, const struct journal_accepted *accepted,
                         const struct journal_accepted *before)
{
	int64_t step = (int64_t)accepted->agent - (int64_t)before->agent;
	uint64_t differs = accepted->epoch != before->epoch;

	buffer_append_varint(buffer, zigzag(step) << 2 | differs << 1 | accepted->mismatch);
	if (differs)
		put_difference(buffer, accepted->epoch, before->epoch);
	buffer_append_varint(buffer, accepted->seq);
	put_difference(buffer, accepted->second, accepted->seq - 1);
	buffer_append_varint(buffer, accepted->operations);
	put_difference(buffer, accepted->iterations, accepted->operations);
}

static void put_all_accepted(const struct journal_record *record, struct buffer *buffer)
{
	const struct journal_accepted *before = &journal_first_accepted;
	uint32_t scenarios = record->deltas.scenario_count;

	buffer_append_varint(buffer, record->deltas.accepted_count);
	buffer_append_varint(buffer, scenarios);
	for (uint32_t i = 0; i < record->deltas.accepted_count; i++) {
		put_accepted(buffer, &record->deltas.accepted[i], before);
		before = &record->deltas.accepted[i];
		for (uint32_t j = 0; j < scenarios; j++)
			account_change_put(&record->deltas.changes[(size_t)i * scenarios + j], buffer);
	}
	buffer_append_varint(buffer, record->deltas.name_count);
	for (uint32_t i = 0; i < record->deltas.name_count; i++) {
		buffer_append_varint(buffer, record->deltas.names[i].agent);
		buffer_append_varint(buffer, record->deltas.names[i].series_id);
	}
}

/* Of the accepted snapshots that have one, by their place in the list. */
static void put_ledgers(const struct journal_record *record, struct buffer *buffer)
{
	uint32_t count = 0, next = 0;

	for (uint32_t i = 0; i < record->deltas.accepted_count; i++)
		count += record->deltas.accepted[i].ledger_size > 0;
	buffer_append_varint(buffer, count);
	for (uint32_t i = 0; i < record->deltas.accepted_count; i++) {
		const struct journal_accepted *accepted = &record->deltas.accepted[i];

		if (accepted->ledger_size == 0)
			continue;
		buffer_append_varint(buffer, i - next);
		put_bytes(buffer, accepted->ledger, accepted->ledger_size);
		next = i + 1;
	}
}

static void put_deltas(const struct journal_record *record, struct buffer *buffer)
{
	uint64_t second = 0, next_series = 0;

	put_all_accepted(record, buffer);
	put_ledgers(record, buffer);
	buffer_append_varint(buffer, record->deltas.delta_count);
	for (uint32_t i = 0; i < record->deltas.delta_count; i++) {
		const struct journal_delta *delta = &record->deltas.deltas[i];

		assert(delta->second >= second);
		buffer_append_varint(buffer, delta->second - second);
		if (delta->second != second)
			next_series = 0;
		assert(delta->series_id >= next_series);
		buffer_append_varint(buffer, delta->series_id - next_series);
		put_bytes(buffer, delta->data, delta->size);
		second = delta->second;
		next_series = (uint64_t)delta->series_id + 1;
	}
}

static void put_tally(const struct tally *tally, struct buffer *buffer)
{
	buffer_append_varint(buffer, tally->planned);
	buffer_append_varint(buffer, tally->started);
	for (size_t i = 0; i < DROP_REASON_COUNT; i++)
		buffer_append_varint(buffer, tally->dropped[i]);
	buffer_append_varint(buffer, tally->succeeded);
	buffer_append_varint(buffer, tally->failed);
	buffer_append_varint(buffer, tally->interrupted);
	buffer_append_varint(buffer, tally->operations);
	buffer_append_varint(buffer, tally->failed_operations);
}

static void put_health(const struct wire_health *health, struct buffer *buffer)
{
	buffer_append_varint(buffer, health->cpu_ns);
	buffer_append_varint(buffer, health->wall_ns);
	buffer_append_varint(buffer, health->throttled_ns);
	buffer_append_varint(buffer, health->max_rss_kib);
	buffer_append_varint(buffer, health->descriptors);
	buffer_append_varint(buffer, health->descriptor_limit);
	buffer_append_varint(buffer, health->ports);
	buffer_append_varint(buffer, health->port_limit);
	buffer_append_varint(buffer, health->start_skew_ns);
	buffer_append_varint(buffer, health->stalled_ns);
	buffer_append_varint(buffer, health->groups_folded);
	buffer_append_varint(buffer, health->steal_ns);
	buffer_append_varint(buffer, health->jump_ns);
}

static void put_status(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->status.agent);
	buffer_append_varint(buffer, record->status.scenario_count);
	for (uint32_t i = 0; i < record->status.scenario_count; i++) {
		const struct wire_scenario *scenario = &record->status.scenarios[i];

		put_tally(&scenario->tally, buffer);
		buffer_append_varint(buffer, scenario->running);
		buffer_append_varint(buffer, scenario->end_ns);
		buffer_append_byte(buffer, scenario->finished);
	}
	put_health(&record->status.health, buffer);
	put_signed(buffer, record->status.clock_offset_ns);
	buffer_append_varint(buffer, record->status.clock_bound_ns);
	buffer_append_varint(buffer, record->status.start_skew_ns);
	buffer_append_varint(buffer, record->status.start_bound_ns);
	put_double(buffer, record->status.drift_ppm);
	put_double(buffer, record->status.drift_bound_ppm);
}

static void put_lost(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->lost.agent);
	buffer_append_varint(buffer, record->lost.at_ns);
	buffer_append_byte(buffer, record->lost.silent);
	buffer_append_string(buffer, record->lost.reason);
}

static void put_done(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->done.agent);
	buffer_append_varint(buffer, record->done.last_seq);
	buffer_append_varint(buffer, record->done.end_ns);
}

static void put_stop(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->stop.cause);
	buffer_append_varint(buffer, record->stop.at_ns);
	buffer_append_string(buffer, record->stop.text);
	buffer_append_varint(buffer, record->stop.threshold);
	put_double(buffer, record->stop.observed);
}

static void put_back(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->back.agent);
	buffer_append_varint(buffer, record->back.at_ns);
}

static void put_leave(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->leave.agent);
	buffer_append_varint(buffer, record->leave.at_ns);
}

static void put_told(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->told.agent);
	put_signed(buffer, record->told.offset_ns);
	buffer_append_varint(buffer, record->told.bound_ns);
}

static void put_duty(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->duty.duty);
	buffer_append_varint(buffer, record->duty.agent);
	buffer_append_varint(buffer, record->duty.at_ns);
	buffer_append_string(buffer, record->duty.problem);
}

static void put_children(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->children.count);
	for (uint32_t i = 0; i < record->children.count; i++) {
		buffer_append_varint(buffer, record->children.items[i].pid);
		buffer_append_varint(buffer, record->children.items[i].started);
	}
}

static void put_clock(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->clock.agent);
	buffer_append_varint(buffer, record->clock.at_ns);
	put_signed(buffer, record->clock.by_ns);
}

static void put_resume(const struct journal_record *record, struct buffer *buffer)
{
	put_signed(buffer, record->resume.at_unix_ns);
}

static void put_offsets(struct buffer *buffer, const struct wire_offset *offsets, uint32_t count)
{
	buffer_append_varint(buffer, count);
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_varint(buffer, offsets[i].partition);
		buffer_append_varint(buffer, offsets[i].offset);
	}
}

static void put_seen(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_varint(buffer, record->seen.duty);
	buffer_append_varint(buffer, record->seen.agent);
	buffer_append_varint(buffer, record->seen.reader);
	buffer_append_varint(buffer, record->seen.seq);
	buffer_append_varint(buffer, record->seen.at_ns);
	put_offsets(buffer, record->seen.starts, record->seen.start_count);
	put_offsets(buffer, record->seen.ends, record->seen.end_count);
	put_bytes(buffer, record->seen.seen, record->seen.seen_size);
	buffer_append_byte(buffer, record->seen.over);
	buffer_append_string(buffer, record->seen.problem);
}

static void (*const puts_of[JOURNAL_TYPE_COUNT])(const struct journal_record *, struct buffer *) = {
        [JOURNAL_RUN] = put_run,           [JOURNAL_STATE] = put_state,   [JOURNAL_AGENT] = put_agent,
        [JOURNAL_DIVISION] = put_division, [JOURNAL_TARGET] = put_target, [JOURNAL_START] = put_start,
        [JOURNAL_BEGIN] = put_begin,       [JOURNAL_SERIES] = put_series, [JOURNAL_DELTAS] = put_deltas,
        [JOURNAL_STATUS] = put_status,     [JOURNAL_LOST] = put_lost,     [JOURNAL_DONE] = put_done,
        [JOURNAL_STOP] = put_stop,         [JOURNAL_BACK] = put_back,     [JOURNAL_LEAVE] = put_leave,
        [JOURNAL_TOLD] = put_told,         [JOURNAL_DUTY] = put_duty,     [JOURNAL_CHILDREN] = put_children,
        [JOURNAL_CLOCK] = put_clock,       [JOURNAL_RESUME] = put_resume, [JOURNAL_SEEN] = put_seen,
};

void journal_record_encode(const struct journal_record *record, struct buffer *buffer)
{
	buffer_append_byte(buffer, (uint8_t)record->type);
	puts_of[record->type](record, buffer);
}
