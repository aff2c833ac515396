/* SPDX-License-Identifier: Apache-2.0 */
/* Records with much in them: divisions and deltas. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/limits.h"
#include "coordinator/journal/account_change.h"
#include "coordinator/journal/journal_codec.h"
#include "coordinator/journal/journal_get.h"

static void get_share(struct reader *reader, struct share *share)
{
	uint32_t count = journal_get_count(reader, 2);

	if (count == 0)
		return;
	share->classes = journal_get_room(reader, count, sizeof(*share->classes));
	if (!share->classes)
		return;
	share->count = share->capacity = count;
	for (uint32_t i = 0; i < count; i++) {
		share->classes[i].modulus = reader_varint(reader);
		share->classes[i].residue = reader_varint(reader);
		if (share->classes[i].residue >= share->classes[i].modulus)
			journal_fail(reader, -EBADMSG);
	}
}

static void get_shares(struct reader *reader, struct journal_record *record)
{
	uint32_t agents = journal_get_u32(reader), scenarios = journal_get_u32(reader);
	uint64_t count = (uint64_t)agents * scenarios;

	record->division.shares = journal_get_table(reader, count, sizeof(*record->division.shares));
	if (!record->division.shares)
		return;
	record->division.agent_count = agents;
	record->division.scenario_count = scenarios;
	for (uint64_t i = 0; i < count && !reader->failed; i++)
		get_share(reader, &record->division.shares[i]);
}

static void get_connections(struct reader *reader, struct journal_record *record)
{
	uint32_t targets = journal_get_u32(reader);
	uint64_t count = (uint64_t)record->division.agent_count * targets;

	record->division.connections = journal_get_table(reader, count, sizeof(*record->division.connections));
	if (!record->division.connections)
		return;
	record->division.target_count = targets;
	for (uint64_t i = 0; i < count && !reader->failed; i++)
		record->division.connections[i] = journal_get_u32(reader);
}

static struct wire_move *get_moves(struct reader *reader, uint32_t *ret_count)
{
	uint32_t count = journal_get_count(reader, 4);
	struct wire_move *moves = journal_get_room(reader, count, sizeof(*moves));

	*ret_count = moves ? count : 0;
	for (uint32_t i = 0; i < *ret_count && !reader->failed; i++) {
		moves[i].scenario = journal_get_u32(reader);
		moves[i].from_index = reader_varint(reader);
		moves[i].first_spare = reader_varint(reader);
		get_share(reader, &moves[i].share);
	}
	return moves;
}

static struct journal_extra *get_extras(struct reader *reader, uint32_t *ret_count)
{
	uint32_t count = journal_get_count(reader, 5);
	struct journal_extra *extras = journal_get_room(reader, count, sizeof(*extras));

	*ret_count = extras ? count : 0;
	for (uint32_t i = 0; i < *ret_count && !reader->failed; i++) {
		extras[i].agent = journal_get_u32(reader);
		extras[i].extra.scenario = journal_get_u32(reader);
		extras[i].extra.epoch = journal_get_u32(reader);
		extras[i].extra.iterations = reader_varint(reader);
		extras[i].extra.first_spare = reader_varint(reader);
	}
	return extras;
}

void journal_get_division(struct reader *reader, struct journal_record *record)
{
	record->division.epoch = journal_get_u32(reader);
	record->division.from_ns = reader_varint(reader);
	get_shares(reader, record);
	get_connections(reader, record);
	record->division.moves = get_moves(reader, &record->division.move_count);
	record->division.extras = get_extras(reader, &record->division.extra_count);
}

/* `value` and the difference that follows, which is not 0. */
static uint32_t get_other_u32(struct reader *reader, uint32_t value)
{
	uint64_t other = journal_get_difference(reader, value);

	if (other > UINT32_MAX || other == value)
		journal_fail(reader, -EBADMSG);
	return (uint32_t)other;
}

static void get_accepted(struct reader *reader, struct journal_accepted *accepted,
                         const struct journal_accepted *before)
{
	uint64_t head = reader_varint(reader);
	uint64_t step = head >> 2;
	uint64_t agent = before->agent + ((step >> 1) ^ -(step & 1));

	if (agent > UINT32_MAX)
		journal_fail(reader, -EBADMSG);
	accepted->agent = (uint32_t)agent;
	accepted->mismatch = head & 1;
	accepted->epoch = head & 2 ? get_other_u32(reader, before->epoch) : before->epoch;
	accepted->seq = reader_varint(reader);
	accepted->second = journal_get_difference(reader, accepted->seq - 1);
	accepted->operations = reader_varint(reader);
	accepted->iterations = journal_get_difference(reader, accepted->operations);
}

static void get_delta(struct reader *reader, struct journal_delta *delta, uint64_t *second, uint64_t *next_series)
{
	uint64_t later = reader_varint(reader), skipped;

	if (__builtin_add_overflow(*second, later, second))
		journal_fail(reader, -EBADMSG);
	if (later > 0)
		*next_series = 0;
	skipped = reader_varint(reader);
	if (skipped >= LIMIT_SERIES - *next_series) {
		journal_fail(reader, -EBADMSG);
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
	uint32_t count = journal_get_count(reader, 5), scenarios = journal_get_u32(reader);

	record->deltas.accepted = journal_get_room(reader, count, sizeof(*record->deltas.accepted));
	record->deltas.changes =
	        journal_get_table(reader, (uint64_t)count * scenarios, sizeof(*record->deltas.changes));
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
	uint32_t count = journal_get_count(reader, 2);

	record->deltas.names = journal_get_room(reader, count, sizeof(*record->deltas.names));
	record->deltas.name_count = record->deltas.names ? count : 0;
	for (uint32_t i = 0; i < record->deltas.name_count && !reader->failed; i++) {
		record->deltas.names[i].agent = journal_get_u32(reader);
		record->deltas.names[i].series_id = journal_get_below(reader, LIMIT_SERIES);
	}
}

static void get_ledgers(struct reader *reader, struct journal_record *record)
{
	uint32_t count = journal_get_count(reader, 3), next = 0;

	for (uint32_t i = 0; i < count && !reader->failed; i++) {
		uint64_t skipped = reader_varint(reader);
		struct journal_accepted *accepted;

		if (skipped >= record->deltas.accepted_count - next) {
			journal_fail(reader, -EBADMSG);
			return;
		}
		accepted = &record->deltas.accepted[next + skipped];
		accepted->ledger = (const uint8_t *)reader_string(reader, &accepted->ledger_size);
		if (accepted->ledger_size == 0)
			journal_fail(reader, -EBADMSG);
		next += (uint32_t)skipped + 1;
	}
}

void journal_get_deltas(struct reader *reader, struct journal_record *record)
{
	uint64_t second = 0, next_series = 0;
	uint32_t count;

	get_all_accepted(reader, record);
	get_names(reader, record);
	get_ledgers(reader, record);
	count = journal_get_count(reader, 3);
	record->deltas.deltas = journal_get_room(reader, count, sizeof(*record->deltas.deltas));
	record->deltas.delta_count = record->deltas.deltas ? count : 0;
	for (uint32_t i = 0; i < record->deltas.delta_count && !reader->failed; i++)
		get_delta(reader, &record->deltas.deltas[i], &second, &next_series);
}
