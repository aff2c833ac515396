/* SPDX-License-Identifier: Apache-2.0 */
/* Releasing what a decoded journal record holds. */
#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/journal_codec.h"

const struct journal_accepted journal_first_accepted = {.epoch = 1};

static void free_pairs(struct text_pair *pairs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
}

static void free_hello(struct message_hello *hello)
{
	free(hello->version);
	free(hello->name);
	free(hello->host);
	free(hello->cpu);
	free(hello->kernel);
	free_pairs(hello->tags, hello->tag_count);
	free_pairs(hello->libraries, hello->library_count);
	free_pairs(hello->limits, hello->limit_count);
}

static void free_files(struct journal_file *files, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		free(files[i].name);
		free(files[i].path);
		free(files[i].sha256);
	}
	free(files);
}

static void free_run(struct journal_record *record)
{
	free(record->run.id);
	free(record->run.name);
	free(record->run.version);
	free(record->run.plan_sha256);
	free(record->run.plan);
	free_pairs(record->run.tags, record->run.tag_count);
	free(record->run.place.address);
	free(record->run.place.keys);
	free_files(record->run.files, record->run.file_count);
}

static void free_division(struct journal_record *record)
{
	size_t count = (size_t)record->division.agent_count * record->division.scenario_count;

	for (size_t i = 0; i < count; i++)
		share_deinit(&record->division.shares[i]);
	free(record->division.shares);
	free(record->division.connections);
	for (uint32_t i = 0; i < record->division.move_count; i++)
		share_deinit(&record->division.moves[i].share);
	free(record->division.moves);
	free(record->division.extras);
}

static void free_target(struct wire_target *target)
{
	free(target->name);
	free(target->version);
	free(target->topology);
	free(target->problem);
}

static void free_series(struct series *series)
{
	free((char *)series->scenario);
	free((char *)series->step);
	free((char *)series->group);
	free((char *)series->label);
}

void journal_record_deinit(struct journal_record *record)
{
	switch (record->type) {
	case JOURNAL_RUN:
		free_run(record);
		break;
	case JOURNAL_AGENT:
		free_hello(&record->agent.hello);
		break;
	case JOURNAL_DIVISION:
		free_division(record);
		break;
	case JOURNAL_TARGET:
		free_target(&record->target);
		break;
	case JOURNAL_START:
		free(record->start.boot_id);
		break;
	case JOURNAL_SERIES:
		free_series(&record->series.series);
		break;
	case JOURNAL_DELTAS:
		free(record->deltas.accepted);
		free(record->deltas.changes);
		free(record->deltas.names);
		free(record->deltas.deltas);
		break;
	case JOURNAL_STATUS:
		free(record->status.scenarios);
		break;
	case JOURNAL_LOST:
		free(record->lost.reason);
		break;
	case JOURNAL_STOP:
		free(record->stop.text);
		break;
	case JOURNAL_DUTY:
		free(record->duty.problem);
		break;
	case JOURNAL_SEEN:
		free(record->seen.starts);
		free(record->seen.ends);
		free(record->seen.problem);
		break;
	case JOURNAL_CHILDREN:
		free(record->children.items);
		break;
	default:
		break;
	}
	memset(record, 0, sizeof(*record));
}
