/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of everything that leaves a run. */
#include "tests/fuzz/coordinator/run_oracle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/stats/ledger_delta.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/stats/cell.h"
#include "common/wire/codec.h"
#include "coordinator/run/division.h"
#include "coordinator/journal/journal_codec.h"
#include "coordinator/journal/journal_file.h"

void oracle_require_at(_Bool holds, const char *what, int line)
{
	if (holds)
		return;
	fprintf(stderr, "broken (line %d): %s\n", line, what);
	abort();
}

void oracle_init(struct oracle *oracle, const struct plan *plan)
{
	*oracle = (struct oracle){.plan = plan};
	oracle->begun_ns = calloc(plan->scenario_count + 1, sizeof(*oracle->begun_ns));
	oracle->duties = calloc(plan->duty_count + 1, sizeof(*oracle->duties));
	oracle->verifiers = calloc(plan->duty_count + 1, sizeof(*oracle->verifiers));
	oracle_require(oracle->begun_ns && oracle->duties && oracle->verifiers);
	for (uint32_t i = 0; i < plan->scenario_count; i++)
		oracle->begun_ns[i] = CLOCK_NEVER;
	for (uint32_t i = 0; i < plan->duty_count; i++)
		oracle->duties[i] = UINT32_MAX;
}

void oracle_deinit(struct oracle *oracle)
{
	for (size_t i = 0; i < oracle->record_count; i++)
		buffer_deinit(&oracle->records[i]);
	free(oracle->records);
	free(oracle->begun_ns);
	free(oracle->duties);
	free(oracle->verifiers);
	free(oracle->metrics);
	journal_record_deinit(&oracle->division);
}

void oracle_resume(struct oracle *oracle)
{
	oracle->dead = 0;
	oracle->die_in = 0;
}

void oracle_write_journal(const struct oracle *oracle, const char *path)
{
	struct buffer content = {0};
	FILE *file = fopen(path, "wb");

	oracle_require(file != NULL);
	buffer_append(&content, JOURNAL_MAGIC, JOURNAL_MAGIC_SIZE);
	buffer_append_u32(&content, JOURNAL_VERSION);
	for (size_t i = 0; i < oracle->record_count; i++) {
		const struct buffer *payload = &oracle->records[i];

		buffer_append_u32(&content, (uint32_t)payload->size);
		buffer_append_u32(&content, hash_crc32(payload->data, payload->size));
		buffer_append(&content, payload->data, payload->size);
	}
	oracle_require(!content.failed && fwrite(content.data, 1, content.size, file) == content.size);
	oracle_require(fclose(file) == 0);
	buffer_deinit(&content);
}

/* ---- the journal ---- */

static void take_state(struct oracle *oracle, enum run_state state)
{
	/* A T0 that was journaled and told to nobody is set again. */
	_Bool again = !oracle->t0_told && state == RUN_READY && oracle->state == RUN_RUNNING;

	oracle_require(state >= oracle->state || again);
	oracle_require(state < RUN_RUNNING || state > RUN_DRAINING || oracle->t0_journaled);
	oracle->state = state;
}

static void take_agent(struct oracle *oracle, const struct journal_record *record)
{
	uint32_t number = record->agent.incarnation.bytes[0];

	oracle_require(number < ORACLE_AGENTS && oracle->agent_count < 64);
	for (uint32_t i = 0; i < oracle->agent_count; i++)
		oracle_require(oracle->agents[i].number != number);
	oracle->agents[oracle->agent_count++] = (struct oracle_agent){.number = number};
}

/* Each of the first indices of a scenario has one owner. */
static void check_division(const struct oracle *oracle, const struct journal_record *record)
{
	const uint32_t scenarios = record->division.scenario_count;

	oracle_require(scenarios == oracle->plan->scenario_count);
	oracle_require(record->division.agent_count <= oracle->agent_count);
	for (uint32_t i = 0; i < scenarios; i++) {
		for (uint64_t k = 0; k < 100; k++) {
			uint32_t owners = 0;

			for (uint32_t a = 0; a < record->division.agent_count; a++)
				owners += share_owns(&record->division.shares[a * scenarios + i], k);
			oracle_require(owners == 1);
		}
	}
}

/* No spare row is given to two moves. */
static void take_moves(struct oracle *oracle, const struct journal_record *record)
{
	for (uint32_t i = 0; i < record->division.move_count; i++) {
		const struct wire_move *move = &record->division.moves[i];
		uint64_t rows = 0;

		oracle_require(move->scenario < oracle->plan->scenario_count);
		oracle_require(move->first_spare >= oracle->next_spare);
		oracle_require(division_move_rows(oracle->plan, move, &rows) == 0);
		oracle->next_spare = move->first_spare + rows;
	}
}

static void take_division(struct oracle *oracle, const struct buffer *payload)
{
	struct journal_record record;

	oracle_require(journal_record_decode(payload->data, payload->size, &record) == 0);
	oracle_require(record.division.epoch == oracle->epoch + 1);
	oracle_require(record.division.from_ns >= oracle->from_ns && record.division.from_ns % NS_PER_S == 0);
	oracle_require(oracle->epoch > 0 || record.division.from_ns == 0);
	check_division(oracle, &record);
	take_moves(oracle, &record);
	oracle->epoch = record.division.epoch;
	oracle->from_ns = record.division.from_ns;
	journal_record_deinit(&oracle->division);
	oracle->division = record;
}

static void take_begin(struct oracle *oracle, const struct message_begin *begin)
{
	oracle_require(begin->scenario < oracle->plan->scenario_count);
	oracle_require(oracle->begun_ns[begin->scenario] == CLOCK_NEVER);
	oracle->begun_ns[begin->scenario] = begin->at_ns;
}

static void take_series(struct oracle *oracle, const struct journal_record *record)
{
	oracle_require(record->series.id == oracle->series_count);
	oracle_require(array_reserve(&oracle->metrics, &oracle->series_capacity, oracle->series_count, 1) == 0);
	oracle->metrics[oracle->series_count++] = (uint8_t)record->series.series.metric;
}

static uint64_t count_of(const struct journal_delta *delta)
{
	struct cell cell;
	uint64_t count;

	oracle_require(cell_init(&cell, METRIC_COUNTER) == 0);
	oracle_require(cell_decode_merge(&cell, METRIC_SUM, delta->data, delta->size) == 0);
	count = cell.counter;
	cell_deinit(&cell);
	return count;
}

static void take_deltas(struct oracle *oracle, const struct journal_record *record)
{
	uint64_t iterations = 0;

	for (uint32_t i = 0; i < record->deltas.accepted_count; i++) {
		const struct journal_accepted *accepted = &record->deltas.accepted[i];

		oracle_require(accepted->agent < oracle->agent_count);
		oracle_require(accepted->seq == oracle->agents[accepted->agent].accepted + 1);
		oracle_require(oracle->loose || !accepted->mismatch);
		oracle->agents[accepted->agent].accepted = accepted->seq;
	}
	for (uint32_t i = 0; i < record->deltas.delta_count; i++) {
		oracle_require(record->deltas.deltas[i].series_id < oracle->series_count);
		if (oracle->metrics[record->deltas.deltas[i].series_id] == METRIC_ITERATIONS)
			iterations += count_of(&record->deltas.deltas[i]);
	}
	oracle_require(oracle->loose || iterations == (uint64_t)record->deltas.accepted_count * SNAPSHOT_ITERATIONS);
}

static void take_start(struct oracle *oracle, const struct journal_record *record)
{
	oracle_require(!oracle->t0_told);
	oracle->t0_journaled = 1;
	oracle->t0_ns = record->start.t0_ns;
}

static void take_done(struct oracle *oracle, const struct journal_record *record)
{
	oracle_require(record->done.agent < oracle->agent_count);
	oracle_require(record->done.last_seq <= oracle->agents[record->done.agent].accepted);
	oracle_require(!oracle->agents[record->done.agent].done);
	oracle->agents[record->done.agent].done = 1;
}

static void take_duty(struct oracle *oracle, const struct journal_record *record)
{
	oracle_require(record->duty.duty < oracle->plan->duty_count);
	oracle_require(record->duty.agent == UINT32_MAX || record->duty.agent < oracle->agent_count);
	oracle->duties[record->duty.duty] = record->duty.agent;
	if (record->duty.agent == UINT32_MAX)
		return;
	oracle->verifiers[record->duty.duty].reader++;
	oracle->verifiers[record->duty.duty].seq = 0;
}

static void take_seen(struct oracle *oracle, const struct journal_record *record)
{
	struct reader reader = {.data = record->seen.seen, .size = record->seen.seen_size};
	struct oracle_verifier *verifier;

	oracle_require(record->seen.duty < oracle->plan->duty_count);
	oracle_require(oracle->plan->duties[record->seen.duty].kind == DUTY_VERIFIER);
	oracle_require(record->seen.agent < oracle->agent_count);
	oracle_require(oracle->duties[record->seen.duty] == record->seen.agent);
	verifier = &oracle->verifiers[record->seen.duty];
	oracle_require(record->seen.reader == verifier->reader && record->seen.seq == ++verifier->seq);
	verifier->begun = 1;
	while (reader.at < reader.size) {
		struct seen_delta delta;

		oracle_require(seen_delta_decode(&reader, &delta) == 0);
		oracle_require(delta.reader == verifier->reader);
		if (delta.partition == 0) {
			oracle_require(delta.offset_from == verifier->position);
			verifier->position = delta.offset_to;
		}
		seen_delta_deinit(&delta);
	}
}

static void take_record(struct oracle *oracle, const struct journal_record *record, const struct buffer *payload)
{
	oracle_require(record->type == JOURNAL_RUN || oracle->record_count > 0);
	switch (record->type) {
	case JOURNAL_RUN:
		oracle_require(oracle->record_count == 0);
		break;
	case JOURNAL_STATE:
		take_state(oracle, record->state.state);
		break;
	case JOURNAL_AGENT:
		take_agent(oracle, record);
		break;
	case JOURNAL_DIVISION:
		take_division(oracle, payload);
		break;
	case JOURNAL_START:
		take_start(oracle, record);
		break;
	case JOURNAL_BEGIN:
		take_begin(oracle, &record->begin);
		break;
	case JOURNAL_SERIES:
		take_series(oracle, record);
		break;
	case JOURNAL_DELTAS:
		take_deltas(oracle, record);
		break;
	case JOURNAL_DONE:
		take_done(oracle, record);
		break;
	case JOURNAL_LOST:
		oracle_require(record->lost.agent < oracle->agent_count && !oracle->agents[record->lost.agent].done);
		break;
	case JOURNAL_TOLD:
		oracle_require(record->told.agent < oracle->agent_count);
		oracle->agents[record->told.agent].told = 1;
		oracle->agents[record->told.agent].offset_ns = record->told.offset_ns;
		break;
	case JOURNAL_DUTY:
		take_duty(oracle, record);
		break;
	case JOURNAL_SEEN:
		take_seen(oracle, record);
		break;
	case JOURNAL_STOP:
		oracle_require(!oracle->stopped);
		oracle->stopped = 1;
		break;
	default:
		break;
	}
}

/* Read back, it is the same. */
static void check_readable(const struct buffer *payload)
{
	struct journal_record record;
	struct buffer again = {0};

	oracle_require(journal_record_decode(payload->data, payload->size, &record) == 0);
	journal_record_encode(&record, &again);
	oracle_require(again.size == payload->size && memcmp(again.data, payload->data, again.size) == 0);
	journal_record_deinit(&record);
	buffer_deinit(&again);
}

static int journal(struct oracle *oracle, const struct journal_record *record)
{
	struct buffer payload = {0};

	if (oracle->failing)
		return -ENOSPC;
	oracle_require(oracle->state < RUN_DONE);
	journal_record_encode(record, &payload);
	oracle_require(!payload.failed);
	check_readable(&payload);
	take_record(oracle, record, &payload);
	oracle_require(array_reserve(&oracle->records, &oracle->record_capacity, oracle->record_count,
	                             sizeof(*oracle->records)) == 0);
	oracle->records[oracle->record_count++] = payload;
	return 0;
}

/* ---- messages ---- */

static struct oracle_agent *journaled_agent(struct oracle *oracle, uint32_t number, uint32_t *ret_index)
{
	for (uint32_t i = 0; i < oracle->agent_count; i++) {
		if (oracle->agents[i].number == number) {
			*ret_index = i;
			return &oracle->agents[i];
		}
	}
	return NULL;
}

static _Bool same_share(const struct share *a, const struct share *b)
{
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->classes, b->classes, a->count * sizeof(*a->classes)) == 0);
}

static void check_assign(const struct oracle *oracle, const struct message *message, uint32_t index)
{
	const struct message_assign *assign = &message->assign;
	const uint32_t scenarios = oracle->plan->scenario_count;

	oracle_require(message->epoch == oracle->epoch && assign->from_ns == oracle->from_ns);
	oracle_require(assign->share_count == scenarios && assign->agent_index == index);
	for (uint32_t i = 0; i < scenarios; i++) {
		const struct share none = {0};
		const struct share *share = index < oracle->division.division.agent_count
		                                    ? &oracle->division.division.shares[index * scenarios + i]
		                                    : &none;

		oracle_require(same_share(&assign->shares[i], share));
	}
}

static void check_ack(const struct oracle *oracle, uint64_t seq, const struct oracle_agent *agent)
{
	uint64_t last = oracle->last_seq[agent->number];

	oracle_require(seq <= agent->accepted);
	oracle_require(oracle->loose || !last || seq < last || agent->done);
}

/* T0 is told by what is journaled, and always the same. */
static void check_start(const struct oracle *oracle, const struct message_start *start,
                        const struct oracle_agent *agent)
{
	const struct oracle_told *told = &oracle->told[agent->number];

	oracle_require(oracle->t0_journaled && agent->told && told->epoch > 0);
	oracle_require(start->t0_agent_ns == oracle->t0_ns + (uint64_t)agent->offset_ns);
	oracle_require(!told->started || start->t0_agent_ns == told->t0_ns);
}

static void check_duty(const struct oracle *oracle, const struct message_duty *duty, uint32_t index)
{
	for (uint32_t i = 0; i < duty->duty_count; i++) {
		oracle_require(duty->duties[i] < oracle->plan->duty_count);
		oracle_require(oracle->duties[duty->duties[i]] == index);
	}
	for (uint32_t i = 0; i < duty->verifier_count; i++) {
		const struct wire_verifier *verifier = &duty->verifiers[i];

		oracle_require(verifier->duty < oracle->plan->duty_count && oracle->duties[verifier->duty] == index);
		oracle_require(verifier->reader == oracle->verifiers[verifier->duty].reader);
		oracle_require(verifier->resumes == oracle->verifiers[verifier->duty].begun);
		if (verifier->position_count > 0 && verifier->positions[0].partition == 0)
			oracle_require(verifier->positions[0].offset == oracle->verifiers[verifier->duty].position);
	}
}

/* What only an agent of the run is told. */
static void check_told(struct oracle *oracle, const struct message *message, struct oracle_agent *agent, uint32_t index)
{
	struct oracle_told *told = &oracle->told[agent->number];

	switch (message->type) {
	case MESSAGE_ASSIGN:
		check_assign(oracle, message, index);
		told->epoch = message->epoch;
		break;
	case MESSAGE_START:
		check_start(oracle, &message->start, agent);
		oracle->t0_told = told->started = 1;
		told->t0_ns = message->start.t0_agent_ns;
		break;
	case MESSAGE_BEGIN:
		oracle_require(message->begin.at_ns == oracle->begun_ns[message->begin.scenario]);
		break;
	case MESSAGE_ACK:
		check_ack(oracle, message->ack.seq, agent);
		told->acked = message->ack.seq > told->acked ? message->ack.seq : told->acked;
		break;
	case MESSAGE_SEEN_ACK:
		oracle_require(message->seen_ack.reader <= oracle->verifiers[message->seen_ack.duty].reader);
		if (message->seen_ack.reader == oracle->verifiers[message->seen_ack.duty].reader)
			oracle_require(message->seen_ack.seq <= oracle->verifiers[message->seen_ack.duty].seq);
		break;
	case MESSAGE_DUTY:
		check_duty(oracle, &message->duty, index);
		break;
	default:
		break;
	}
}

static void check_sendable(const struct message *message)
{
	struct buffer bytes = {0};

	oracle_require(codec_encode(message, &bytes) == 0);
	buffer_deinit(&bytes);
}

static void take_message(struct oracle *oracle, const struct message *message)
{
	uint32_t number = message->incarnation.bytes[0], index = 0;
	struct oracle_agent *agent = journaled_agent(oracle, number, &index);

	check_sendable(message);
	oracle_require(number < ORACLE_AGENTS);
	switch (message->type) {
	case MESSAGE_PING:
		oracle->told[number].ping_id = message->ping.id;
		oracle->told[number].ping_sent_ns = message->ping.sent_ns;
		break;
	case MESSAGE_WELCOME:
		oracle_require(message->welcome.durable_seq == 0 ||
		               (agent && message->welcome.durable_seq <= agent->accepted));
		break;
	case MESSAGE_STOP:
	case MESSAGE_CHUNK:
		break;
	default:
		if (!agent && message->type == MESSAGE_DUTY && message->duty.duty_count == 0)
			break; /* it came, and has none */
		oracle_require(agent != NULL);
		check_told(oracle, message, agent, index);
		break;
	}
}

int oracle_take(void *context, const struct run_effect *effect)
{
	struct oracle *oracle = context;

	if (oracle->die_in > 0 && --oracle->die_in == 0)
		oracle->dead = 1;
	if (oracle->dead)
		return effect->type == RUN_JOURNAL ? -EIO : 0;
	oracle->effects++;
	if (effect->type == RUN_JOURNAL)
		return journal(oracle, effect->record);
	if (effect->type == RUN_SEND)
		take_message(oracle, effect->message);
	else
		oracle_require(effect->text && effect->text[0]);
	return 0;
}
