/* SPDX-License-Identifier: Apache-2.0 */
/* Between conductor.c, which carries a run out, and conductor_open.c and conductor_resume.c, which begin it. */
#pragma once

#include "common/base/clock.h"
#include "common/link/address.h"
#include "common/link/link.h"
#include "coordinator/conductor.h"
#include "coordinator/local_agents.h"
#include "coordinator/progress.h"
#include "coordinator/run/ration.h"
#include "coordinator/resumption.h"
#include "coordinator/run/run.h"

struct conductor {
	struct conductor_config config;
	struct link *link;
	struct journal *journal;
	struct run *run;
	struct local_agents *children;
	struct progress *progress;
	struct failure *failure; /* of the journal */
	int signals;
	uint64_t clock_shift_ns; /* from our monotonic clock to that of the run, after this host was started anew; wraps
	                          */
	uint64_t next_draw_ns;
	unsigned interrupts;
	struct ration complaints;   /* lines in the log about what peers do */
	struct journal_file *files; /* of the plan's feeds */
	char *keys_path;
	char address[ADDRESS_TEXT_SIZE]; /* that was bound */
	char run_id[RUN_ID_SIZE];
	char boot_id[BOOT_ID_SIZE];
};

/* The run's time. */
static inline uint64_t conductor_now_ns(const struct conductor *conductor)
{
	return clock_now_ns() + conductor->clock_shift_ns;
}

/* ---- conductor.c ---- */

/* The form that the run calls. */
int conductor_take_effect(void *context, const struct run_effect *effect);
int conductor_write(struct conductor *conductor, const struct journal_record *record);
void conductor_say(struct conductor *conductor, _Bool warning, const char *text);
/* Everything is open (if r is 0): carries it out and closes it. */
int conductor_carry_out(struct conductor *conductor, int r, struct conductor_result *ret_result);

/* ---- conductor_open.c ---- */

int conductor_open_signals(struct conductor *conductor);
/* Signals that ask for the end. */
void conductor_ending_signals(sigset_t *ret_set);
/* The live line, where there is a terminal for it. */
int conductor_open_progress(struct conductor *conductor);
int conductor_open_link(struct conductor *conductor, const char *address, struct failure *failure);
/* True if nobody else can read what goes over the link. */
_Bool conductor_is_private(const struct conductor *conductor);
struct local_agents_config conductor_local_agents(const struct conductor *conductor, const char *address);
/* So that a resume finds them. */
int conductor_journal_children(struct conductor *conductor);
