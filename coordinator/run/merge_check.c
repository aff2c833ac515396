/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a snapshot agrees with itself, with its agent's series and with the plan. */
#include <errno.h>
#include <string.h>

#include "common/stats/error_class.h"
#include "common/stats/ledger_delta.h"
#include "common/stats/stamp.h"
#include "coordinator/run/merge_internal.h"
#include "coordinator/run/outcomes.h"

static _Bool has_step(const struct scenario *scenario, const char *name)
{
	for (uint32_t i = 0; i < scenario->step_count; i++)
		if (strcmp(scenario->steps[i].name, name) == 0)
			return 1;
	return 0;
}

/* Of the metric; of null's readings the label is the reader's name, "" any one's. */
static _Bool has_reader(const struct plan *plan, enum metric_id metric, const char *label)
{
	_Bool any = metric != METRIC_NULL_READING || !label[0];

	for (uint32_t i = 0; i < plan->duty_count; i++) {
		const struct duty *duty = &plan->duties[i];

		if (duty->kind == DUTY_READER && duty_yields(duty, metric) && (any || strcmp(duty->name, label) == 0))
			return 1;
	}
	return 0;
}

static int check_of_run(const struct plan *plan, const struct series *series, struct failure *failure)
{
	if (series->scenario[0] || series->step[0] || series->group[0])
		return failure_set(failure, -EBADMSG, "%s is of scenario \"%s\"", metrics[series->metric].name,
		                   series->scenario);
	if (metrics[series->metric].reading && !has_reader(plan, series->metric, series->label))
		return failure_set(failure, -EBADMSG, "the plan has no reader \"%s\"", series->label);
	return 0;
}

static int check_series(const struct plan *plan, const struct series *series, struct failure *failure)
{
	enum error_class class;
	const char *code, *text;
	size_t code_size;
	uint32_t scenario;

	if ((unsigned)series->metric >= METRIC_COUNT || metrics[series->metric].derived)
		return failure_set(failure, -EBADMSG, "metric %d can't be sent", (int)series->metric);
	if (metrics[series->metric].of_run)
		return check_of_run(plan, series, failure);
	scenario = plan_find_scenario(plan, series->scenario);
	if (scenario == PLAN_NONE)
		return failure_set(failure, -EBADMSG, "the plan has no scenario \"%s\"", series->scenario);
	if (series->step[0] && !has_step(&plan->scenarios[scenario], series->step))
		return failure_set(failure, -EBADMSG, "scenario \"%s\" has no step \"%s\"", series->scenario,
		                   series->step);
	if (series->metric == METRIC_ERRORS && error_label_parse(series->label, &class, &code, &code_size, &text) < 0)
		return failure_set(failure, -EBADMSG, "\"%s\" is no error's label", series->label);
	return 0;
}

static int check_all_series(const struct merge *merge, const struct merge_agent *agent,
                            const struct message_snapshot *snapshot, struct failure *failure)
{
	for (uint32_t i = 0; i < snapshot->series_count; i++) {
		const struct wire_series *series = &snapshot->series[i];
		int r;

		if (series->id != agent->series_count + i || series->id >= LIMIT_SERIES)
			return failure_set(failure, -EBADMSG, "series %u comes where %zu is due", series->id,
			                   agent->series_count + i);
		r = check_series(merge->config.plan, &series->series, failure);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The series behind an agent's id, old or coming with this snapshot; NULL: there is none. */
static const struct series *find_series(const struct merge *merge, const struct merge_agent *agent,
                                        const struct message_snapshot *snapshot, uint32_t id)
{
	if (id < agent->series_count)
		return series_table_get(merge->series, agent->series[id]);
	if (id - agent->series_count < snapshot->series_count)
		return &snapshot->series[id - agent->series_count].series;
	return NULL;
}

static int check_cell(struct merge *merge, const struct series *series, const struct wire_cell *cell, struct told *told)
{
	struct cell *scratch = &merge->scratch[metrics[series->metric].kind];
	int r;

	cell_reset(scratch);
	r = cell_decode_merge(scratch, metrics[series->metric].merge, cell->data, cell->size);
	if (r < 0)
		return r;
	if (outcomes_counts_operations(series->metric))
		told->operations += scratch->rate.total;
	if (series->metric == METRIC_ITERATIONS)
		told->iterations += scratch->counter;
	return 0;
}

static int check_cells(struct merge *merge, const struct merge_agent *agent, const struct message_snapshot *snapshot,
                       struct told *told, struct failure *failure)
{
	for (uint32_t i = 0; i < snapshot->cell_count; i++) {
		const struct wire_cell *cell = &snapshot->cells[i];
		const struct series *series = find_series(merge, agent, snapshot, cell->series_id);
		int r;

		if (!series)
			return failure_set(failure, -EBADMSG, "series %u was never named", cell->series_id);
		if (i > 0 && cell->series_id <= snapshot->cells[i - 1].series_id)
			return failure_set(failure, -EBADMSG, "series %u comes after series %u", cell->series_id,
			                   snapshot->cells[i - 1].series_id);
		r = check_cell(merge, series, cell, told);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			return failure_set(failure, -EBADMSG, "the values of %s of step \"%s\" are damaged",
			                   metrics[series->metric].name, series->step);
	}
	return 0;
}

/* What an agent says of messages is of its own streams. */
static int check_ledger(uint32_t index, const struct message_snapshot *snapshot, struct failure *failure)
{
	struct reader reader = {.data = snapshot->ledger, .size = snapshot->ledger_size};
	int r = 0;

	while (r == 0 && reader.at < reader.size) {
		struct sent_delta delta = {0};

		r = sent_delta_decode(&reader, &delta);
		if (r == 0 && stamp_agent(delta.stream) != index)
			r = failure_set(failure, -EBADMSG, "it tells of messages of agent %u",
			                stamp_agent(delta.stream));
		else if (r == -EBADMSG)
			failure_set(failure, r, "what it tells of messages is damaged");
		sent_delta_deinit(&delta);
	}
	return r;
}

int merge_check(struct merge *merge, uint32_t index, const struct merge_agent *agent,
                const struct message_snapshot *snapshot, struct told *told, struct failure *failure)
{
	int r;

	if (snapshot->second >= MERGE_SECONDS_MAX || (int64_t)snapshot->second < agent->second)
		return failure_set(failure, -EBADMSG, "second %llu comes after second %lld",
		                   (unsigned long long)snapshot->second, (long long)agent->second);
	if (snapshot->scenario_count != merge->config.plan->scenario_count)
		return failure_set(failure, -EBADMSG, "it accounts for %u scenarios of %u", snapshot->scenario_count,
		                   merge->config.plan->scenario_count);
	r = check_all_series(merge, agent, snapshot, failure);
	if (r == 0)
		r = check_cells(merge, agent, snapshot, told, failure);
	return r < 0 ? r : check_ledger(index, snapshot, failure);
}
