/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets themselves counted, to hold a report against. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/failure.h"

enum { COUNTERS_STATUS_MAX = 600 };

struct topic_count {
	char *name;
	uint64_t messages; /* the sum of its partitions' end offsets */
};

struct kafka_counters {
	struct topic_count *topics; /* by name */
	size_t count;
	size_t capacity;
	uint64_t messages;
};

struct api_counters {
	uint64_t requests;                       /* answers sent whole */
	uint64_t by_status[COUNTERS_STATUS_MAX]; /* of them, by HTTP status */
	uint64_t unanswered;                     /* requests whose client left before its answer was sent */
};

struct postgres_counters {
	_Bool known; /* false: this PostgreSQL has no pg_stat_statements */
	uint64_t calls;
	uint64_t rows;
};

/* A NULL part is of a target that wasn't started. */
struct counters {
	const struct kafka_counters *kafka;
	const struct api_counters *api;
	const struct postgres_counters *postgres;
};

/* Adds a topic (the name is copied). 0 or -ENOMEM. */
int kafka_counters_add(struct kafka_counters *counters, const char *name, uint64_t messages);
void kafka_counters_deinit(struct kafka_counters *counters);

/* The table for people, in less than 80 columns. */
void counters_print(const struct counters *counters, FILE *out);
/* The same as JSON. Written whole or not at all. */
int counters_write(const struct counters *counters, const char *path, struct failure *failure);
