/* SPDX-License-Identifier: Apache-2.0 */
/* The plan's steps of one kind on one target, numbered from 0, so that a driver can keep what it compiled of each. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"

/* Zero-initialised is empty. Points into the plan, which must outlive it. */
struct step_map {
	const struct step **steps; /* in the order of their addresses */
	uint32_t count;
	uint32_t last; /* where the search before ended: the next one is mostly for the same step */
};

/* Those of one kind. 0 or -ENOMEM. `target` must be one of the plan's. */
int step_map_init(struct step_map *map, const struct plan *plan, const struct target *target, enum step_kind kind);
void step_map_deinit(struct step_map *map);
/* The number of a step; asserts that it is one of the target's. */
uint32_t step_map_find(struct step_map *map, const struct step *step);
