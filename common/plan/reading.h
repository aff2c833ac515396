/* SPDX-License-Identifier: Apache-2.0 */
/* One reading of a plan: what the parts of the reader share. Internal to common/plan/. */
#pragma once

#include "common/plan/document.h"
#include "common/plan/option.h"
#include "common/plan/plan.h"

/* What a slot of the plan's names is set by. */
enum slot_owner { SLOT_VARIABLE, SLOT_FEED, SLOT_SAVE, SLOT_SETUP };

/* What the reader must remember of a feed beyond the feed. */
struct feed_notes {
	char *name;
	char *csv;   /* the file */
	_Bool lines; /* it is one of lines, not of columns */
	char *column;
	enum feed_pick pick;
	double exponent;
	char **columns; /* `columns`: must be there; without rows they give the names */
	uint32_t column_count;
	const struct node *csv_node;
	const char *file_key; /* that names the file */
	struct place place;
	_Bool broken; /* an error was said: its names are unknown, more errors would mislead */
	struct feed *feed;
};

/* What the reader must remember of a scenario until all are read. */
struct scenario_notes {
	const struct node *start_after;
	_Bool sound; /* it was read without an error */
};

/* Where the reader is, for errors: `scenario "ticks"`, and the place of its key. */
struct where {
	char text[320];
	struct place place;
};

struct reading {
	const char *file; /* for errors */
	const struct document *document;
	struct plan *plan;
	struct failures *failures;
	struct failures *warnings;              /* may be NULL */
	const struct plan_overrides *overrides; /* may be NULL */
	_Bool environment;                      /* STAMPEDE_VAR_* are looked up */
	_Bool rows;                             /* feeds get their rows */
	const char *folder; /* of the plan: data files are relative to it; NULL: they are in `files` */
	const struct plan_file *files;
	uint32_t file_count;
	int failed; /* 0 or -ENOMEM */
	struct document_limits limits;
	size_t errors_before; /* in *failures before the reading began */

	struct where where;

	struct feed_notes *feeds;
	uint32_t feed_count;
	struct scenario_notes *scenarios;
	_Bool rate_per_producer; /* of the scenario being read */
	_Bool rate_max;          /* likewise: `rate: max` */
	_Bool misspelt;          /* likewise: it has an unknown key, which may be one that it needs */
	_Bool in_setup;          /* a setup is being read, which runs outside of iterations */
	enum slot_owner *owners; /* by slot */
	_Bool *set;              /* by slot: set before the step or setup being read; outside of those all are */
	const char **savers;     /* by slot: a scenario that saves it, or NULL */
	_Bool *used;             /* by slot: a template reads it */
	_Bool *given_used;       /* by index of overrides->variables: a ${NAME} took it */
	uint32_t slot_count;
};

/* Adds an error at a place. The text ends without a full stop. */
void reading_error(struct reading *reading, struct place place, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void reading_warn(struct reading *reading, struct place place, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The place of byte `offset` of a scalar; its beginning where so many errors were said that none is kept. */
struct place reading_place_in(const struct reading *reading, const struct node *node, size_t offset);
/* How many errors there are so far. */
size_t reading_errors(const struct reading *reading);
/* ` (did you mean "rate"?)` for the nearest of `candidates` (ends with NULL), or "". Returns `buffer`. */
const char *reading_suggest(const char *word, const char *const *candidates, char *buffer, size_t size);
enum { SUGGESTION_SIZE = 200 };

/* Copies and arrays of the plan; without memory they return NULL and set reading->failed. */
char *reading_copy(struct reading *reading, const char *text);
void *reading_array(struct reading *reading, size_t count, size_t item_size);

/* Sets where the reader is; returns where it was, for reading_leave(). */
struct where reading_enter(struct reading *reading, struct place place, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void reading_leave(struct reading *reading, const struct where *outer);

/* True if the node is of this kind; else says what `key` must be. */
_Bool reading_expect(struct reading *reading, const struct node *node, enum node_kind kind, const char *key);
/* The same for an item of a list: `what` is like "a stage". */
_Bool reading_expect_item(struct reading *reading, const struct node *node, enum node_kind kind, const char *what);
/* True for a name: not empty, at most LIMIT_NAME_BYTES, no control characters and none of `forbidden`. Else says
 * what is wrong with the name of `what`. */
_Bool reading_name(struct reading *reading, struct place place, const char *what, const char *name,
                   const char *forbidden);
#define NAME_FORBIDDEN "|,\"{} "     /* what selectors, logs and tags take apart; of scenarios, targets, data */
#define STEP_NAME_FORBIDDEN "|,\"{}" /* steps may be called by words */

/* True if what came from the command line or the environment can stand in a plan; else says so. */
_Bool reading_outside_text(struct reading *reading, const char *what, const char *name, const char *value);

/* Replaces ${NAME} in every scalar, after resolving the plan's variables (which it puts into the plan). False if
 * what -e says can't stand in a plan. */
_Bool reading_substitute(struct reading *reading);
/* Warns of each -e NAME=value that nothing in the plan took: it was probably misspelt. */
void reading_warn_unused(struct reading *reading);

/* Compiles a template; NULL after an error. Slots that no earlier step sets are an error within a step. */
struct template *reading_template(struct reading *reading, const struct node *node, const char *key);
/* The template's first slot that only a later step or another scenario saves, or UINT32_MAX. */
uint32_t reading_unset_slot(const struct reading *reading, const struct template *template);
/* Says that all slots without an owner are owned by `owner`. False without memory. */
_Bool reading_own_slots(struct reading *reading, enum slot_owner owner);
/* Gives `name` a slot owned by `owner`. UINT32_MAX after an error said at `place`. */
uint32_t reading_add_name(struct reading *reading, struct place place, const char *name, enum slot_owner owner);

/* What a table of options is walked for. */
struct option_map {
	const struct option *options;
	unsigned kind;                 /* the bit of an executor; 0 where kinds don't matter */
	const char *const *kind_names; /* by the bit's number */
	uint32_t kind_count;
	const char *kind_word; /* "executor" */
};

/* Reads `mapping` into `base`: every key once, by its row; then the defaults; then what is missing. False if it
 * holds an unknown key: then the one that was meant isn't missed. */
_Bool options_read(struct reading *reading, const struct option_map *map, const struct node *mapping, void *base);
/* Reports the unknown keys of a mapping that can't be read as a whole, because its kind isn't known. True if one of
 * them was meant to be `wanted`. */
_Bool options_check_keys(struct reading *reading, const struct option_map *map, const struct node *mapping,
                         const char *wanted);
/* Reads one value by its row. */
void option_read(struct reading *reading, const struct option *option, const struct node *value, void *base);

/* The sections of a plan. */
void read_feeds(struct reading *reading, const struct node *section);
/* A feed of the file's lines, picked at random, made where there is none yet: its name, or NULL after an error. */
const char *read_line_feed(struct reading *reading, const char *key, const struct node *file);
void read_targets(struct reading *reading, const struct node *section);
void read_scenarios(struct reading *reading, const struct node *section);
void read_steps(struct reading *reading, struct scenario *scenario, const struct node *list);
void read_thresholds(struct reading *reading, const struct node *section);
void read_setup(struct reading *reading, const struct node *section);
void read_teardown(struct reading *reading, const struct node *section);
void read_readers(struct reading *reading, const struct node *section);
/* Gives each name that a step saves its slot, so that templates can be compiled in any order. */
void collect_saves(struct reading *reading, const struct node *scenarios);
/* Likewise the names that setups give values to. */
void collect_values(struct reading *reading, const struct node *setup);
/* Appends the duties that follow from the rest of the plan, which must be sound. */
void imply_duties(struct reading *reading);
/* True if a threshold on the metric makes a reader of it, or something else in the plan did. */
_Bool implies_reading(const struct plan *plan, enum metric_id metric);
/* Puts the groups whose lag is read into `ret_groups` (up to `max`), as written; implied ones, too. How many, or -1:
 * not all are known before the run. */
int lag_groups(const struct plan *plan, const char **ret_groups, int max);

/* Turns the overrides -u and -d into the plan's values. */
void apply_overrides(struct reading *reading);
/* What only the whole plan can tell: startAfter, feeds that are too short, a warm-up longer than the run.
 * Resolves startAfter. */
void check_plan(struct reading *reading);

/* `groupStatus`. */
void read_group_status(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_group_status(struct writing *writing, const struct option *option, const void *base);

/* The names of a mapping's keys must be those of HTTP headers (an option's check). */
void check_header_names(struct reading *reading, const struct option *option, const struct node *value, void *base);

/* Likewise for the path of a request. */
void http_path_check(struct reading *reading, const struct option *option, const struct node *value, void *base);

/* The names of a mapping's keys must be those of tags (an option's check). */
void check_tag_names(struct reading *reading, const struct option *option, const struct node *value, void *base);

/* The target that a step or duty names, which must be of this kind; PLAN_NONE after an error. */
uint32_t reading_target(struct reading *reading, const struct node *value, enum target_kind kind);

/* The target's kind that a kind of step works on, and the metrics that it yields. */
enum target_kind step_target_kind(enum step_kind kind);
_Bool step_yields(const struct step *step, enum metric_id metric);
