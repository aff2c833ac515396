/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that lives as long as an agent's run: the plan, the workers, and the snapshots they add up to.
 *
 * Opening blocks (data files are parsed, names resolved, drivers opened, targets probed), so it happens on a thread of
 * its own. All functions are the main thread's; news ring the doorbell. */
#pragma once

#include <stdint.h>

#include "agent/allow.h"
#include "agent/drivers/driver.h"
#include "agent/duties.h"
#include "agent/snapshots.h"
#include "common/base/failure.h"
#include "common/base/log.h"
#include "common/wire/message.h"

struct crew;

struct crew_config {
	const struct message_assign *assignment; /* the first one; crew_assign() gives those of later epochs */
	uint32_t epoch;                          /* of that assignment */
	const struct plan_file *files;           /* one for each of the assignment's */
	const char *run_id;
	uint32_t workers;
	const struct driver_ops *const *drivers; /* by target_kind */
	const struct allow_rule *allowed;
	uint32_t allowed_count;
	const char *secrets_folder; /* may be NULL */
	struct log *log;            /* may be NULL */
	int doorbell;               /* an eventfd */
};

enum crew_state {
	CREW_OPENING,
	CREW_OPEN,   /* targets are known; waits for T0, or runs */
	CREW_FAILED, /* crew_failure() says why */
};

/* Starts opening. What the config points to must outlive the crew. 0 or a negative errno. */
int crew_new(const struct crew_config *config, struct crew **ret_crew);
/* Ends it, whatever it does; waits for its threads while drivers close. Snapshots made must not be used any more: their
 * series' texts go with it. */
struct crew *crew_free(struct crew *crew);

/* Looks at the workers. */
enum crew_state crew_state(struct crew *crew);
/* Of a crew that failed; holds until crew_free(). */
const struct failure *crew_failure(const struct crew *crew);

/* What the agent runs from `effective_ns` on (since T0, a whole second), whatever it had until then: all of it. What
 * the crew keeps it reads at once; the plan and the files of the first assignment stay. Before crew_start() with
 * effective_ns 0 it is the first assignment that is replaced. Later ones must not come into effect before earlier ones.
 * 0 or a negative errno (-EINVAL: its shares are not the plan's), which ends the crew. */
int crew_assign(struct crew *crew, const struct message_assign *assignment, uint32_t epoch, uint64_t effective_ns);
/* The duties that this agent has from now on, by their number in the plan, whatever it had until then (copied). One
 * that is taken away while it is performed is cancelled. 0 or -ENOMEM. */
int crew_duties(struct crew *crew, const uint32_t *duties, uint32_t count);
/* The verifiers that it has from now on, and whether all load is over (copied). 0 or a negative errno. */
int crew_verifiers(struct crew *crew, const struct wire_verifier *verifiers, uint32_t count, _Bool closing);
/* What `{{name}}` is from now on, for every virtual user and duty (copied). Names that the plan doesn't know are passed
 * over. 0 or -ENOMEM. */
int crew_values(struct crew *crew, const struct text_pair *values, uint32_t count);
/* News of a setup or teardown step, once: false if there is none. What it points to holds until the next call. */
_Bool crew_duty_over(struct crew *crew, struct duty_over *ret_over);

/* What a verifier saw, once: 1, 0 if there is none, or -ENOMEM. What it points to holds until the next call. */
int crew_seen(struct crew *crew, struct message_seen *ret_seen);
/* That is safe: the verifier may go on. */
void crew_seen_acked(struct crew *crew, const struct message_seen_ack *ack);

/* Tell all workers: T0 on our clock (past for an agent that joins late: its first snapshot then is of the second that
 * is running, unless its first assignment gave it something to do); when a scenario with startAfter begins (0 or
 * -ENOMEM); when no iteration starts any more, and how long those in progress may take. Times of the latter two count
 * from T0. */
void crew_start(struct crew *crew, uint64_t t0_ns);
int crew_begin(struct crew *crew, uint32_t scenario, uint64_t at_ns);
/* T0 on our clock, by what is known of it now: what drivers stamp and receive is corrected by the difference. After
 * crew_start(). */
void crew_clock(struct crew *crew, uint64_t t0_ns);
void crew_stop(struct crew *crew, uint64_t at_ns, uint64_t grace_ns);

/* Collects what the workers handed over, and makes the next snapshot if its second is complete: 1, with *ret_snapshot
 * the caller's; 0: not yet; or a negative errno. After the one marked as last there is none. */
int crew_snapshot(struct crew *crew, struct snapshot **ret_snapshot);
/* Since T0: when the last schedule ended. After the last snapshot. */
uint64_t crew_end_ns(const struct crew *crew);
/* True once every worker is done and has told what its drivers learned (shortly after its last second). */
_Bool crew_done(struct crew *crew);
/* What is known of the targets: from the probes, and, once crew_done(), from the run's answers. Holds until
 * crew_free(). */
const struct wire_target *crew_targets(struct crew *crew, uint32_t *ret_count);
