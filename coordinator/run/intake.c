/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a snapshot: merged, journaled, judged. */
#include "coordinator/run/intake.h"

#include <errno.h>
#include <stdlib.h>

struct intake {
	struct intake_config config;
	struct merge *merge;
	struct verdict *verdict;
};

int intake_new(const struct intake_config *config, struct intake **ret_intake)
{
	struct intake *intake = calloc(1, sizeof(*intake));
	int r;

	if (!intake)
		return -ENOMEM;
	intake->config = *config;
	r = merge_new(
	        &(struct merge_config){.plan = config->plan, .skip = config->skip, .context = config->skip_context},
	        &intake->merge);
	if (r == 0)
		r = verdict_new(config->plan, &intake->verdict);
	if (r < 0) {
		intake_free(intake);
		return r;
	}
	*ret_intake = intake;
	return 0;
}

struct intake *intake_free(struct intake *intake)
{
	if (!intake)
		return NULL;
	merge_free(intake->merge);
	verdict_free(intake->verdict);
	free(intake);
	return NULL;
}

int intake_take(struct intake *intake, uint32_t agent, const struct message_snapshot *snapshot, struct failure *failure)
{
	return merge_take(intake->merge, agent, snapshot, failure);
}

static int judge_delta(struct intake *intake, const struct journal_delta *delta)
{
	const struct series *series = series_table_get(merge_series(intake->merge), delta->series_id);
	const struct metric *metric = &metrics[series->metric];
	struct cell cell;
	int r = cell_init(&cell, metric->kind);

	if (r < 0)
		return r;
	r = cell_decode_merge(&cell, metric->merge, delta->data, delta->size);
	if (r == 0)
		r = verdict_add(intake->verdict, delta->second, series, &cell);
	cell_deinit(&cell);
	return r;
}

static int judge_record(struct intake *intake, const struct journal_record *record)
{
	int r = 0;

	if (record->type != JOURNAL_DELTAS || intake->config.plan->threshold_count == 0)
		return 0;
	for (uint32_t i = 0; r == 0 && i < record->deltas.delta_count; i++)
		r = judge_delta(intake, &record->deltas.deltas[i]);
	return r;
}

static int take_record(void *context, const struct journal_record *record)
{
	struct intake *intake = context;
	int r = intake->config.journal(intake->config.context, record);

	return r < 0 ? r : judge_record(intake, record);
}

int intake_restore(struct intake *intake, const struct journal_record *record)
{
	int r = merge_restore(intake->merge, record);

	return r < 0 ? r : judge_record(intake, record);
}

int intake_flush(struct intake *intake)
{
	return merge_flush(intake->merge, take_record, intake);
}

int intake_judge(struct intake *intake, uint64_t watermark, double *ret_observed)
{
	return verdict_advance(intake->verdict, watermark, ret_observed);
}

const struct merge *intake_merge(const struct intake *intake)
{
	return intake->merge;
}
