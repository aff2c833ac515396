/* SPDX-License-Identifier: Apache-2.0 */
/* A crew that does nothing, and watches. */
#include "tests/fuzz/agent/session_oracle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/wire/codec.h"

void session_require_at(_Bool holds, const char *what, int line)
{
	if (holds)
		return;
	fprintf(stderr, "broken (line %d): %s\n", line, what);
	abort();
}

/* ---- the disk ---- */

static int disk_write(void *context, uint64_t offset, const void *data, size_t size)
{
	struct session_oracle *oracle = context;

	if (oracle->disk_fails)
		return -EIO;
	if (offset + size > oracle->disk.size) {
		session_require(buffer_reserve(&oracle->disk, offset + size - oracle->disk.size) == 0);
		oracle->disk.size = offset + size;
	}
	memcpy(oracle->disk.data + offset, data, size);
	return 0;
}

static int disk_read(void *context, uint64_t offset, void *data, size_t size)
{
	struct session_oracle *oracle = context;

	if (oracle->disk_fails)
		return -EIO;
	session_require(offset <= oracle->disk.size && size <= oracle->disk.size - offset);
	memcpy(data, oracle->disk.data + offset, size);
	return 0;
}

static void disk_clear(void *context)
{
	buffer_clear(&((struct session_oracle *)context)->disk);
}

struct disk session_oracle_disk(struct session_oracle *oracle)
{
	static const struct disk_ops ops = {.write = disk_write, .read = disk_read, .clear = disk_clear};

	return (struct disk){&ops, oracle};
}

/* ---- snapshots ---- */

struct snapshot *session_oracle_snapshot(uint64_t seq, uint64_t second, size_t padding, _Bool last)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	session_require(snapshot != NULL);
	snapshot->message = (struct message_snapshot){.seq = seq, .second = second, .last = last};
	snapshot->message.scenarios = calloc(1, sizeof(*snapshot->message.scenarios));
	snapshot->message.cells = calloc(1, sizeof(*snapshot->message.cells));
	session_require(snapshot->message.scenarios && snapshot->message.cells);
	snapshot->message.scenarios[0].tally.started = seq * SNAPSHOT_STARTED;
	snapshot->message.scenario_count = 1;
	for (size_t i = 0; i < padding; i++)
		session_require(buffer_append_byte(&snapshot->bytes, (uint8_t)seq) == 0);
	snapshot->message.cells[0] = (struct wire_cell){0, snapshot->bytes.data, padding};
	snapshot->message.cell_count = padding > 0;
	snapshot->memory = sizeof(*snapshot) + snapshot->bytes.capacity + 512;
	return snapshot;
}

/* It is what was made. */
static void check_snapshot(struct session_oracle *oracle, const struct message_snapshot *snapshot)
{
	struct crew_model *crew = &oracle->crew;

	session_require(crew->started && snapshot->seq >= 1 && snapshot->seq <= crew->made);
	session_require(snapshot->seq > spool_acknowledged(session_spool(oracle->session)));
	session_require(snapshot->scenario_count == 1);
	session_require(snapshot->scenarios[0].tally.started == snapshot->seq * SNAPSHOT_STARTED);
	for (uint32_t i = 0; i < snapshot->cell_count; i++)
		for (size_t k = 0; k < snapshot->cells[i].size; k++)
			session_require(snapshot->cells[i].data[k] == (uint8_t)snapshot->seq);
	crew->sent[snapshot->seq] = 1;
}

/* ---- messages ---- */

static void check_done(const struct session_oracle *oracle, const struct message_done *done)
{
	const struct crew_model *crew = &oracle->crew;

	session_require(crew->finished && done->last_seq == crew->made);
	for (uint64_t seq = spool_acknowledged(session_spool(oracle->session)) + 1; seq <= crew->made; seq++)
		session_require(crew->sent[seq]);
}

static void check_sendable(const struct message *message)
{
	struct buffer bytes = {0};

	session_require(codec_encode(message, &bytes) == 0);
	buffer_deinit(&bytes);
}

static void check_seen(const struct crew_model *crew, const struct message_seen *seen)
{
	session_require(crew->opened && crew->readers[seen->duty] == seen->reader);
	session_require(crew->waits[seen->duty] && crew->seen[seen->duty] == seen->seq);
}

static void take_message(struct session_oracle *oracle, const struct message *message)
{
	const struct crew_model *crew = &oracle->crew;

	check_sendable(message);
	switch (message->type) {
	case MESSAGE_SNAPSHOT:
		check_snapshot(oracle, &message->snapshot);
		break;
	case MESSAGE_DONE:
		check_done(oracle, &message->done);
		oracle->done_said = 1;
		break;
	case MESSAGE_READY:
		session_require(crew->open && crew->opened && !crew->started);
		break;
	case MESSAGE_FETCH:
		session_require(!crew->open);
		snprintf(oracle->fetch_name, sizeof(oracle->fetch_name), "%s", message->fetch.name);
		oracle->fetch_offset = message->fetch.offset;
		break;
	case MESSAGE_VALUE:
		session_require(crew->opened && crew->duties[message->value.duty]);
		break;
	case MESSAGE_SEEN:
		check_seen(crew, &message->seen);
		break;
	case MESSAGE_LEAVE:
		session_require(oracle->terminated && crew->started);
		break;
	case MESSAGE_HELLO:
		oracle->greets = 1;
		break;
	case MESSAGE_FAILED:
	case MESSAGE_PONG:
		break;
	default:
		session_require(!"a message that an agent says");
	}
}

/* ---- effects ---- */

/* All of it is there, and within its bounds. */
static void check_assignment(const struct message_assign *assignment)
{
	const struct message message = {.type = MESSAGE_ASSIGN, .assign = *assignment};

	check_sendable(&message);
}

static void open_crew(struct session_oracle *oracle)
{
	session_require(!oracle->crew.open && session_assignment(oracle->session)->plan_size > 0);
	check_assignment(session_assignment(oracle->session));
	for (uint32_t i = 0; i < session_assignment(oracle->session)->file_count; i++)
		session_require(session_files(oracle->session)[i].size ==
		                session_assignment(oracle->session)->files[i].size);
	oracle->crew = (struct crew_model){.open = 1, .epoch = session_epoch(oracle->session)};
	oracle->acknowledged = oracle->heard = 0;
	oracle->done_said = 0;
	oracle->second = 0;
}

static void give_epoch(struct crew_model *crew, const struct effect *effect)
{
	check_assignment(effect->assignment);
	session_require(crew->opened && effect->epoch > crew->epoch);
	session_require(effect->at_ns % NS_PER_S == 0 && effect->at_ns >= crew->effective_ns);
	crew->epoch = effect->epoch;
	crew->effective_ns = effect->at_ns;
}

static void give_values(const struct crew_model *crew, const struct effect *effect)
{
	size_t sizes = 0;

	session_require(crew->opened && effect->count > 0);
	for (uint32_t i = 0; i < effect->count; i++)
		sizes += strlen(effect->values[i].name) + strlen(effect->values[i].value);
	session_require(sizes > 0);
}

static void give_duties(struct crew_model *crew, const struct effect *effect)
{
	session_require(crew->opened);
	memset(crew->duties, 0, sizeof(crew->duties));
	for (uint32_t i = 0; i < effect->count; i++) {
		session_require(effect->duties[i] < CREW_DUTIES_MAX);
		crew->duties[effect->duties[i]] = 1;
	}
}

static void give_verifiers(struct crew_model *crew, const struct effect *effect)
{
	uint64_t readers[CREW_DUTIES_MAX] = {0};

	session_require(crew->opened);
	for (uint32_t i = 0; i < effect->count; i++) {
		session_require(effect->verifiers[i].duty < CREW_DUTIES_MAX && effect->verifiers[i].reader > 0);
		readers[effect->verifiers[i].duty] = effect->verifiers[i].reader;
	}
	for (uint32_t i = 0; i < CREW_DUTIES_MAX; i++) {
		if (crew->readers[i] == readers[i])
			continue;
		crew->readers[i] = readers[i];
		crew->seen[i] = 0;
		crew->waits[i] = 0;
	}
}

static void let_go_on(struct crew_model *crew, const struct message_seen_ack *ack)
{
	session_require(crew->readers[ack->duty] == ack->reader && crew->seen[ack->duty] == ack->seq);
	session_require(crew->waits[ack->duty]);
	crew->waits[ack->duty] = 0;
}

static void take_effect(struct session_oracle *oracle, const struct effect *effect)
{
	struct crew_model *crew = &oracle->crew;

	switch (effect->type) {
	case EFFECT_SEND:
		take_message(oracle, &effect->message);
		break;
	case EFFECT_OPEN:
		open_crew(oracle);
		break;
	case EFFECT_ASSIGN:
		give_epoch(crew, effect);
		break;
	case EFFECT_VALUES:
		give_values(crew, effect);
		break;
	case EFFECT_START:
		session_require(crew->opened && !crew->started);
		crew->started = 1;
		break;
	case EFFECT_BEGIN:
		session_require(crew->started);
		break;
	case EFFECT_DUTIES:
		give_duties(crew, effect);
		break;
	case EFFECT_VERIFIERS:
		give_verifiers(crew, effect);
		break;
	case EFFECT_SEEN:
		let_go_on(crew, &effect->seen);
		break;
	case EFFECT_STOP:
		session_require(crew->started && effect->text[0]);
		crew->stopped = 1;
		break;
	case EFFECT_CLOSE:
		*crew = (struct crew_model){0};
		break;
	case EFFECT_CLOCK:
		session_require(crew->started && effect->at_ns > 0);
		break;
	case EFFECT_NOTE:
		session_require(effect->text && effect->text[0]);
		break;
	}
}

void session_oracle_take(struct session_oracle *oracle, int r)
{
	struct effect effect;

	session_require(r == 0);
	while (session_effect(oracle->session, &effect)) {
		oracle->effects++;
		take_effect(oracle, &effect);
	}
}
