/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of keys: what each kind of step and target, each executor and the plan itself may hold.
 * The reader walks them, so that a key is read, checked, documented and suggested from one row. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum option_type {
	OPTION_TEXT,       /* char * */
	OPTION_TEMPLATE,   /* struct template * */
	OPTION_BOOL,       /* _Bool */
	OPTION_COUNT,      /* uint64_t, or uint32_t by `size` */
	OPTION_NUMBER,     /* double */
	OPTION_SHARE,      /* double 0..1, "5%" */
	OPTION_DURATION,   /* uint64_t ns */
	OPTION_DURATIONS,  /* struct range of ns: "1s..3s" */
	OPTION_SIZES,      /* struct range of bytes: "100..10240" */
	OPTION_CHOICE,     /* enum (int) by `choices` */
	OPTION_PAIRS,      /* struct pairs */
	OPTION_TEMPLATES,  /* struct template_pairs */
	OPTION_CUSTOM,     /* read by the owner's own function */
};

enum option_flag {
	OPTION_REQUIRED = 1 << 0,
	OPTION_POSITIVE = 1 << 1, /* zero is an error */
};

/* One key. `offset` and `size` are those of the member it fills. */
struct option {
	const char *key;
	enum option_type type;
	unsigned flags;
	size_t offset;
	size_t size;
	const char *const *choices; /* OPTION_CHOICE, ends with NULL */
	const char *fallback;       /* the default in the plan's own syntax, NULL: zero or none */
	const char *help;           /* a line for docs and `stampede check` */
};

/* Tables end with a row whose key is NULL. */
