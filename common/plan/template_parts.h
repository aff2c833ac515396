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

/* The formatter takes the word for C++'s. */
/* clang-format off */
struct template {
	char *source;
	char *pool; /* what the parts' texts point into */
	struct part *parts;
	uint32_t count;
};
/* clang-format on */

enum { ISO_SIZE = 24 }; /* 2026-01-02T03:04:05.678Z */

/* Writes ISO_SIZE characters, without a NUL, up to the year 9999. */
void template_format_iso(uint64_t unix_ms, char ret_text[ISO_SIZE]);
