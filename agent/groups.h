/* SPDX-License-Identifier: Apache-2.0 */
/* The groups (`group: "{{symbol}}"`) that one worker's operations belong to, as small numbers.
 *
 * A group keeps its number as long as the worker lives, so that both of its recorders find an operation's cells without
 * hashing the text again. Past maxGroups of a step further ones are folded into "(other)". One thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/plan/plan.h"

struct groups;

enum {
	GROUP_NONE = 0,  /* the step has no group: "" */
	GROUP_OTHER = 1, /* "(other)" */
};

#define GROUP_OTHER_TEXT "(other)"

/* Keeps a pointer to the plan. 0 or -ENOMEM. */
int groups_new(const struct plan *plan, struct groups **ret_groups);
/* Accepts NULL. */
struct groups *groups_free(struct groups *groups);
/* The number of this text under the step; texts are cut at LIMIT_LABEL_BYTES (whole characters), and what is not UTF-8
 * in them becomes '?'. A folded one is counted. 0 or -ENOMEM. */
int groups_intern(struct groups *groups, uint32_t scenario, uint32_t step, const char *text, size_t size,
                  uint32_t *ret_group);
/* Holds until groups_free(). */
const char *groups_text(const struct groups *groups, uint32_t scenario, uint32_t step, uint32_t group);
/* How often a group was folded. */
uint64_t groups_folded(const struct groups *groups);

/* Every step of the plan has a number over all scenarios; (scenario_count, 0) gives the number of all steps. */
uint32_t groups_step_number(const struct groups *groups, uint32_t scenario, uint32_t step);
