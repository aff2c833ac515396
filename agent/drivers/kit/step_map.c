/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of a target's steps: a sorted array of addresses. */
#include "agent/drivers/kit/step_map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/base/array.h"

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)(*(const struct step *const *)a);
	uintptr_t y = (uintptr_t)(*(const struct step *const *)b);

	return (x > y) - (x < y);
}

int step_map_init(struct step_map *map, const struct plan *plan, const struct target *target, enum step_kind kind)
{
	const struct step **steps = NULL;
	size_t capacity = 0;
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		const struct scenario *scenario = &plan->scenarios[i];

		for (uint32_t j = 0; j < scenario->step_count; j++) {
			const struct step *step = &scenario->steps[j];

			if (step->kind != kind || step->target == PLAN_NONE || &plan->targets[step->target] != target)
				continue;
			if (array_reserve(&steps, &capacity, count, sizeof(*steps)) < 0) {
				free(steps);
				return -ENOMEM;
			}
			steps[count++] = step;
		}
	}
	if (count > 0)
		qsort(steps, count, sizeof(*steps), by_address);
	*map = (struct step_map){.steps = steps, .count = count};
	return 0;
}

void step_map_deinit(struct step_map *map)
{
	free(map->steps);
	*map = (struct step_map){0};
}

uint32_t step_map_find(struct step_map *map, const struct step *step)
{
	const struct step **found;

	assert(map->count > 0);
	if (map->steps[map->last] == step)
		return map->last;
	found = bsearch(&step, map->steps, map->count, sizeof(*map->steps), by_address);
	assert(found);
	map->last = (uint32_t)(found - map->steps);
	return map->last;
}
