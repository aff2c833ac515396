/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of keys: what each kind of step and target, each executor and the plan itself may hold.
 * The reader and the writer walk them, so that a key is read, checked, written and suggested from one row. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/plan/plan.h"

struct reading;
struct writing;
struct node;

enum option_type {
	OPTION_TEXT,          /* char * */
	OPTION_TEMPLATE,      /* struct template * */
	OPTION_BOOL,          /* _Bool */
	OPTION_COUNT,         /* uint64_t, or uint32_t by `size` */
	OPTION_NUMBER,        /* double, not negative */
	OPTION_SHARE,         /* double 0..1, "5%" */
	OPTION_DURATION,      /* uint64_t ns */
	OPTION_DURATIONS,     /* struct range of ns: "1s..3s" */
	OPTION_SIZES,         /* struct range of bytes: "100..10240" */
	OPTION_CHOICE,        /* enum (int) by `choices` */
	OPTION_PAIRS,         /* struct pairs: a mapping of texts */
	OPTION_TEMPLATES,     /* struct template_pairs: a mapping of templates */
	OPTION_TEMPLATE_LIST, /* struct template_pairs without names: a list of templates */
	OPTION_TEXTS,         /* struct texts: a list of texts */
	OPTION_CUSTOM,        /* read and written by `read` and `write` */
};

enum option_flag {
	OPTION_REQUIRED = 1 << 0,
	OPTION_SHORT = 1 << 2,    /* a duration that is usually in ms */
	OPTION_POSITIVE = 1 << 1, /* zero is an error; a zero that nobody wrote means "not given" */
};

/* One key. `offset` and `size` are those of the member it fills, in the structure that the table is for. */
struct option {
	const char *key;
	enum option_type type;
	unsigned flags;
	unsigned kinds; /* 1 << executor for each that has the key; 0: all have it */
	size_t offset;
	size_t size;
	uint64_t max;               /* of a count, duration (ns) or size; 0: what the member holds */
	const char *const *choices; /* OPTION_CHOICE, ends with NULL */
	const char *fallback;       /* the default in the plan's own syntax, NULL: zero or none */
	const char *help;           /* a line for docs and `stampede check` */
	/* What more than its type a value must be; called once it has been read. NULL: nothing. */
	void (*check)(struct reading *reading, const struct option *option, const struct node *value, void *base);
	/* OPTION_CUSTOM. NULL: the owner of the table does it before or after the others. */
	void (*read)(struct reading *reading, const struct option *option, const struct node *value, void *base);
	void (*write)(struct writing *writing, const struct option *option, const void *base);
};

#define OPTION_MEMBER(type, member) .offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)

/* The tables; each ends with a row whose key is NULL. */
extern const struct option plan_options[];                       /* of struct plan: the top level */
extern const struct option scenario_options[];                   /* of struct scenario: every executor's keys */
extern const struct option stage_options[];                      /* of struct stage */
extern const struct option *const step_options[STEP_KIND_COUNT]; /* of struct step, by kind */
/* Of struct duty, by kind and task; NULL where a plan has no such duty. */
extern const struct option *const duty_options[DUTY_KIND_COUNT][DUTY_TASK_COUNT];
extern const struct option *const target_options[TARGET_KIND_COUNT]; /* of struct target, by kind */
extern const struct option kafka_topic_options[];                    /* of struct kafka_topic */
extern const struct option threshold_options[];                      /* of struct threshold */
extern const struct option feed_options[]; /* of struct feed_notes (reading.h): an entry of `data` */
