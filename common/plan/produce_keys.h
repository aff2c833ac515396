/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that only a produce step has. Internal to common/plan/. */
#pragma once

#include "common/plan/option.h"

struct node;
struct reading;
struct writing;

/* What a produce step is before its keys are read. */
void produce_init(struct produce_step *step);
/* Says what only the step as a whole can tell. */
void finish_produce(struct reading *reading, const struct node *mapping, struct step *step);

/* Of the rows of the table. */
void read_size(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_size(struct writing *writing, const struct option *option, const void *base);
void read_compressibility(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_compressibility(struct writing *writing, const struct option *option, const void *base);
void read_keys_made(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_keys_made(struct writing *writing, const struct option *option, const void *base);
void read_payloads(struct reading *reading, const struct option *option, const struct node *value, void *base);
void check_message_headers(struct reading *reading, const struct option *option, const struct node *value, void *base);
void read_partitioner(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_partitioner(struct writing *writing, const struct option *option, const void *base);
void read_acks(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_acks(struct writing *writing, const struct option *option, const void *base);
void read_await(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_await(struct writing *writing, const struct option *option, const void *base);
