/* SPDX-License-Identifier: Apache-2.0 */
/* The run's state machine: gathering -> assigned -> ready -> running -> draining -> reporting -> done. Pure: time and
 * messages come in as arguments, effects go out as values through one sink, in the order in which they must happen. */
#pragma once

#include <stdint.h>

#include "common/plan/plan.h"
#include "common/wire/message.h"
#include "coordinator/journal/journal.h"
#include "coordinator/run/roster.h"

enum run_effect_type {
	RUN_SEND, /* a message to message->incarnation. An error is not fatal: what matters is sent again when the agent
	             says hello */
	RUN_JOURNAL, /* a record, to be on its way to the disk when the sink returns. An error ends the run */
	RUN_TELL,    /* words for the user and the log */
};

/* Borrowed for the call. */
struct run_effect {
	enum run_effect_type type;
	const struct message *message;
	const struct journal_record *record;
	_Bool warning;
	const char *text;
};

typedef int (*run_effect_fn)(void *context, const struct run_effect *effect);

struct run_config {
	const struct plan *plan;
	const char *plan_text; /* resolved, as agents get it */
	size_t plan_size;
	const char *run_id;
	const char *version;
	_Bool require_trust;              /* kept for the report */
	struct journal_place place;       /* kept for a resume */
	const struct journal_file *files; /* likewise: one for each of the plan's feeds */
	uint32_t file_count;
	const char *files_problem; /* why they can't be handed out any more; NULL: they can */
	const char *boot_id;       /* of this host: what its monotonic clock holds for */
	uint32_t expect_agents;
	uint64_t wait_ns; /* how long agents may take to come */
	/* The link is closed by keys, or never leaves this host: what a setup finds out may travel on it. */
	_Bool closed_or_loopback;
	uint64_t now_ns;
	int64_t wall_offset_ns; /* wall clock minus monotonic clock, for labels */
	run_effect_fn effect;
	void *context;
};

struct run;

/* -EACCES with the reason if the plan must not be run this way: what a setup finds out would travel in plain text. */
int run_check(const struct run_config *config, struct failure *failure);
/* Enters gathering (journaled). Keeps the pointers of the config. */
int run_new(const struct run_config *config, struct run **ret_run);
struct run *run_free(struct run *run);

/* A message came. What the run keeps of it is moved out of it. Bad ones are told and dropped; a negative errno is fatal
 * (no memory, journal not writable): call run_abandon(), and end the program. */
int run_message(struct run *run, struct message *message, uint64_t now_ns);
/* Time passes: call at run_next_ns() at the latest. */
int run_tick(struct run *run, uint64_t now_ns);
uint64_t run_next_ns(const struct run *run);
/* The user wants it to end: agents stop, what ran is reported. */
int run_interrupt(struct run *run, uint64_t now_ns);
/* A local agent's process has ended: it is lost at once, unless it was done. `how` says how, and where to look. */
int run_child_exited(struct run *run, uint64_t pid, const char *how, uint64_t now_ns);
/* Takes what has been held so far into the journal and goes to reporting without waiting any longer. */
int run_end_now(struct run *run, uint64_t now_ns);
/* A call failed and nothing can be journaled any more: agents are told to stop. */
void run_abandon(struct run *run, uint64_t now_ns);
/* Nothing more will be journaled but this, the last state; the report is made from the journal afterwards. */
int run_reported(struct run *run, uint64_t now_ns);

/* An agent of which something is missing now: it isn't heard, or what it should have delivered is not here. */
struct run_missing {
	uint32_t agent;
	const char *name; /* the roster's */
	_Bool lost;
	uint64_t silent_ns; /* since when nothing was heard */
	uint64_t lacking_s; /* whole seconds of the run so far that are not held */
};
/* The agents of which something is missing: at most `count` of them, in the order of their numbers. Returns how many
 * there are. */
uint32_t run_missing(struct run *run, uint64_t now_ns, struct run_missing *ret_items, uint32_t count);

enum run_state run_state(const struct run *run);
/* All load is over, and verifiers read what it produced. */
_Bool run_is_verifying(const struct run *run);
_Bool run_started(const struct run *run);  /* T0 was set */
uint64_t run_t0_ns(const struct run *run); /* coordinator's clock; 0 before */
/* Why it was ended early: STOP_CAUSE_COUNT if it was not. */
enum stop_cause run_stop_cause(const struct run *run);
const char *run_stop_text(const struct run *run); /* "" if it was not */
struct roster *run_roster(struct run *run);
