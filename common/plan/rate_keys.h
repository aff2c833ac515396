/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that say how fast the iterations of a scenario come. Internal to common/plan/. */
#pragma once

#include "common/plan/option.h"

struct node;
struct reading;
struct writing;

/* Of the rows of the table. */
void read_rate(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_rate(struct writing *writing, const struct option *option, const void *base);
void read_rate_per_producer(struct reading *reading, const struct option *option, const struct node *value, void *base);
void read_burst(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_burst(struct writing *writing, const struct option *option, const void *base);
void read_pattern(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_pattern(struct writing *writing, const struct option *option, const void *base);

/* What an arrival-rate scenario is as a whole: the rates of all its producers, its VUs, and what is wrong with it. */
void finish_open(struct reading *reading, const struct node *mapping, struct scenario *scenario);
/* Makes the closed loop of a scenario with `rate: max`. */
void finish_rate_max(struct reading *reading, const struct node *mapping, struct scenario *scenario);
/* With its pattern and all, a scenario is cut into no more than LIMIT_PLAN_PHASES; else says so. */
void check_phases(struct reading *reading, const struct scenario *scenario);
_Bool scenario_has_step(const struct scenario *scenario, enum step_kind kind);
