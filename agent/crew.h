/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that lives as long as an agent's run: the plan, the workers, and the snapshots they add up to.
 *
 * Opening blocks (data files are parsed, names resolved, drivers opened, targets probed), so it happens on a thread of
 * its own. All functions are the main thread's; news ring the doorbell. */
#pragma once

#include <stdint.h>

#include "agent/allow.h"
#include "agent/drivers/driver.h"
#include "agent/snapshots.h"
#include "common/base/failure.h"
#include "common/base/log.h"
#include "common/wire/message.h"

struct crew;

struct crew_config {
	const struct message_assign *assignment;
	const struct plan_file *files; /* one for each of the assignment's */
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

/* Tell all workers: T0 on our clock; when a scenario with startAfter begins (0 or -ENOMEM); when no iteration starts
 * any more, and how long those in progress may take. Times of the latter two count from T0. */
void crew_start(struct crew *crew, uint64_t t0_ns);
int crew_begin(struct crew *crew, uint32_t scenario, uint64_t at_ns);
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
