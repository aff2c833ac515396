/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that only a consume step has. Internal to common/plan/. */
#pragma once

#include "common/plan/option.h"

struct node;
struct reading;
struct writing;

/* Says what only the step as a whole can tell. */
void finish_consume(struct reading *reading, const struct node *mapping, struct step *step);

/* Of the rows of the table. */
extern const char *const consume_from_names[];
extern const char *const consume_isolation_names[];
extern const char *const consume_commit_names[];
void read_consume_topic(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_consume_topic(struct writing *writing, const struct option *option, const void *base);
void read_consume_topics(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_consume_topics(struct writing *writing, const struct option *option, const void *base);
void check_group_id(struct reading *reading, const struct option *option, const struct node *value, void *base);
void read_consume_partitions(struct reading *reading, const struct option *option, const struct node *value,
                             void *base);
void write_consume_partitions(struct writing *writing, const struct option *option, const void *base);
