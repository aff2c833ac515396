/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled template: what the compiler makes and what filling in reads. Internal to common/plan/. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum part_kind {
	PART_TEXT,
	PART_VALUE,
	PART_VU,
	PART_ITERATION,
	PART_AGENT,
	PART_RANDOM,
	PART_UUID,
	PART_NOW,
	PART_NOW_ISO,
	PART_SECRET,
};

struct part {
	enum part_kind kind;
	uint32_t slot;    /* PART_VALUE */
	const char *text; /* PART_TEXT: the bytes; PART_VALUE and PART_SECRET: the name, with a NUL */
	size_t size;      /* of a PART_TEXT */
	int64_t low;      /* PART_RANDOM */
	uint64_t span;    /* PART_RANDOM: high - low */
};

struct template {
	char *source;
	char *pool; /* what the parts' texts point into */
	struct part *parts;
	uint32_t count;
};
