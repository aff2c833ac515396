/* SPDX-License-Identifier: Apache-2.0 */
/* What agents really did, whatever of it was reported: what targets would have counted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/plan/schedule.h"
#include "tests/sim/sim.h"

struct deeds {
	struct deed *started;
	size_t started_count, started_capacity;
	uint64_t dropped;
	uint8_t *taken; /* by arrival: how often it was started or dropped */
	uint64_t count;
};

struct truth {
	const struct plan *plan;
	struct deeds *scenarios;
	uint8_t **rows; /* by feed, by row: by whom + 1 */
};

struct truth *truth_new(const struct plan *plan)
{
	struct truth *truth = calloc(1, sizeof(*truth));

	sim_must(truth ? 0 : -ENOMEM, "truth");
	truth->plan = plan;
	truth->scenarios = calloc(plan->scenario_count + 1, sizeof(*truth->scenarios));
	truth->rows = calloc(plan->feed_count + 1, sizeof(*truth->rows));
	sim_must(truth->scenarios && truth->rows ? 0 : -ENOMEM, "truth");
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		if (!executor_is_open(plan->scenarios[i].executor))
			continue;
		truth->scenarios[i].count = scenario_planned(&plan->scenarios[i]);
		truth->scenarios[i].taken = calloc(truth->scenarios[i].count + 1, 1);
		sim_must(truth->scenarios[i].taken ? 0 : -ENOMEM, "truth");
	}
	for (uint32_t i = 0; i < plan->feed_count; i++) {
		truth->rows[i] = calloc(feed_rows(plan->feeds[i]) + 1, 1);
		sim_must(truth->rows[i] ? 0 : -ENOMEM, "truth");
	}
	return truth;
}

struct truth *truth_free(struct truth *truth)
{
	if (!truth)
		return NULL;
	for (uint32_t i = 0; i < truth->plan->scenario_count; i++) {
		free(truth->scenarios[i].taken);
		free(truth->scenarios[i].started);
	}
	for (uint32_t i = 0; i < truth->plan->feed_count; i++)
		free(truth->rows[i]);
	free(truth->scenarios);
	free(truth->rows);
	free(truth);
	return NULL;
}

static void take(struct sim *sim, struct deeds *deeds, uint32_t process, uint64_t index)
{
	if (index == UINT64_MAX)
		return;
	if (index >= deeds->count)
		sim_break(sim, "agent %u took arrival %llu of %llu", process, (unsigned long long)index,
		          (unsigned long long)deeds->count);
	else if (deeds->taken[index] < UINT8_MAX)
		deeds->taken[index]++;
}

void truth_start(struct sim *sim, uint32_t process, uint32_t scenario, uint64_t index, uint64_t intended_ns)
{
	struct deeds *deeds = &sim->truth->scenarios[scenario];

	sim_must(
	        array_reserve(&deeds->started, &deeds->started_capacity, deeds->started_count, sizeof(*deeds->started)),
	        "deeds");
	deeds->started[deeds->started_count++] = (struct deed){intended_ns, index, process};
	take(sim, deeds, process, index);
}

void truth_drop(struct sim *sim, uint32_t process, uint32_t scenario, uint64_t index)
{
	struct deeds *deeds = &sim->truth->scenarios[scenario];

	deeds->dropped++;
	take(sim, deeds, process, index);
}

void truth_row(struct sim *sim, uint32_t process, uint32_t feed, uint64_t row)
{
	uint8_t *by;

	if (row >= feed_rows(sim->plan->plan->feeds[feed]))
		return;
	by = &sim->truth->rows[feed][row];
	if (*by)
		sim_break(sim, "row %llu of the unique feed %s was used by agent %u and by agent %u",
		          (unsigned long long)row, feed_name(sim->plan->plan->feeds[feed]), *by - 1U, process);
	*by = (uint8_t)(process + 1);
}

uint64_t truth_started(const struct truth *truth, uint32_t scenario, uint32_t processes, uint64_t before_ns)
{
	const struct deeds *deeds = &truth->scenarios[scenario];
	uint64_t count = 0;

	for (size_t i = 0; i < deeds->started_count; i++)
		count += (processes & 1U << deeds->started[i].process) && deeds->started[i].intended_ns < before_ns;
	return count;
}

const struct deed *truth_deeds(const struct truth *truth, uint32_t scenario, size_t *ret_count)
{
	*ret_count = truth->scenarios[scenario].started_count;
	return truth->scenarios[scenario].started;
}

uint64_t truth_dropped(const struct truth *truth, uint32_t scenario)
{
	return truth->scenarios[scenario].dropped;
}

uint64_t truth_repeated(const struct truth *truth, uint32_t scenario)
{
	const struct deeds *deeds = &truth->scenarios[scenario];
	uint64_t count = 0;

	for (uint64_t i = 0; i < deeds->count; i++)
		count += deeds->taken[i] > 1 ? deeds->taken[i] - 1U : 0;
	return count;
}

uint64_t truth_missed(const struct truth *truth, uint32_t scenario, uint64_t limit)
{
	const struct deeds *deeds = &truth->scenarios[scenario];
	uint64_t count = 0;

	for (uint64_t i = 0; i < deeds->count && i < limit; i++)
		count += deeds->taken[i] == 0;
	return count;
}
