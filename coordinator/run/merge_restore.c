/* SPDX-License-Identifier: Apache-2.0 */
/* A merge made again from the records that an earlier one gave out.
 *
 * All that decides about the next snapshot is in them: the newest sequence number and second of each agent, the series
 * that it has numbered, its account. The running sums of the check of conservation are known too, for as long as they
 * held they were the agent's own; after a difference, which is in the journal, the check goes on from the agent's word.
 * An agent's health is as old as its last status, until it repeats its newest snapshot or tells the next one. */
#include <errno.h>

#include "common/base/limits.h"
#include "coordinator/journal/account_change.h"
#include "coordinator/run/merge_internal.h"

static int restore_series(struct merge *merge, const struct journal_record *record)
{
	uint32_t id;
	_Bool added;
	int r = series_table_intern(merge->series, &record->series.series, &id, &added);

	if (r == 0 && (!added || id != record->series.id))
		return -EBADMSG;
	merge->series_given += r == 0;
	return r;
}

static int restore_accepted(struct merge *merge, const struct journal_accepted *accepted,
                            const struct wire_scenario *changes)
{
	struct merge_agent *agent;
	int r = accepted->agent < LIMIT_AGENTS ? merge_agent_of(merge, accepted->agent, &agent) : -EBADMSG;

	if (r == 0 && (accepted->seq != agent->seq + 1 || accepted->second >= MERGE_SECONDS_MAX))
		return -EBADMSG;
	if (r == 0)
		r = merge_open_account(merge, agent);
	if (r < 0)
		return r;
	agent->seq = accepted->seq;
	agent->second = (int64_t)accepted->second;
	agent->epoch = accepted->epoch;
	agent->operations = accepted->operations;
	agent->iterations = accepted->iterations;
	for (uint32_t i = 0; i < merge->config.plan->scenario_count; i++)
		account_apply(&agent->scenarios[i], &changes[i]);
	return 0;
}

static int restore_name(struct merge *merge, const struct journal_name *name)
{
	struct merge_agent *agent;
	int r;

	if (name->agent >= LIMIT_AGENTS || name->series_id >= merge->series_given)
		return -EBADMSG;
	r = merge_agent_of(merge, name->agent, &agent);
	return r < 0 ? r : merge_name_series(agent, name->series_id);
}

static int restore_deltas(struct merge *merge, const struct journal_record *record)
{
	uint32_t scenarios = merge->config.plan->scenario_count;
	int r = record->deltas.scenario_count == scenarios ? 0 : -EBADMSG;

	for (uint32_t i = 0; r == 0 && i < record->deltas.accepted_count; i++)
		r = restore_accepted(merge, &record->deltas.accepted[i],
		                     &record->deltas.changes[(size_t)i * scenarios]);
	for (uint32_t i = 0; r == 0 && i < record->deltas.name_count; i++)
		r = restore_name(merge, &record->deltas.names[i]);
	for (uint32_t i = 0; r == 0 && i < record->deltas.delta_count; i++)
		r = record->deltas.deltas[i].series_id < merge->series_given ? 0 : -EBADMSG;
	return r;
}

static int restore_status(struct merge *merge, const struct journal_record *record)
{
	struct merge_agent *agent;
	int r = record->status.agent < LIMIT_AGENTS ? merge_agent_of(merge, record->status.agent, &agent) : -EBADMSG;

	if (r == 0)
		agent->health = record->status.health;
	return r;
}

int merge_restore(struct merge *merge, const struct journal_record *record)
{
	switch (record->type) {
	case JOURNAL_SERIES:
		return restore_series(merge, record);
	case JOURNAL_DELTAS:
		return restore_deltas(merge, record);
	case JOURNAL_STATUS:
		return restore_status(merge, record);
	default:
		return 0;
	}
}
