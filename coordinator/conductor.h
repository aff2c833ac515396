/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out one run: gives the state machine its messages and time, and its effects to the sockets, the journal and
 * the terminal. */
#pragma once

#include <stdint.h>

#include "common/base/failure.h"
#include "common/base/log.h"
#include "common/link/key.h"
#include "common/plan/plan.h"
#include "coordinator/journal/journal.h"

struct conductor_config {
	const struct plan *plan;
	const char *plan_text; /* resolved */
	size_t plan_size;
	const char *run_folder;
	const char *listen; /* NULL: local agents on a free port of 127.0.0.1 */
	_Bool insecure;
	const struct link_keys *keys; /* NULL: none */
	const char *keys_folder;      /* where they were read, for a resume; NULL: none */
	uint32_t agents;              /* local ones to start, or remote ones to expect */
	uint64_t wait_ns;
	_Bool fsync_each;
	_Bool require_trust; /* kept for the report */
	_Bool quiet;         /* no progress and no notices */
	_Bool colour;
	struct log *log;
};

/* How it went. */
struct conductor_result {
	_Bool started;         /* T0 came: there is something to report */
	enum stop_cause cause; /* STOP_CAUSE_COUNT: by its schedule */
	char text[1024];       /* why it ended early */
};

/* Blocks until the run is over (reporting). The journal is complete then and closed. 0 or a negative errno with the
 * reason: -EADDRINUSE if the address is taken, -EACCES if the plan's setup needs a closed link. SIGINT, SIGTERM, SIGHUP
 * and SIGCHLD must be blocked in every thread. */
int conductor_run(const struct conductor_config *config, struct failure *failure, struct conductor_result *ret_result);

struct conductor_resume_config {
	const char *run_folder;
	_Bool quiet;
	_Bool colour;
	struct log *log;
};

/* Goes on with a run whose coordinator died, as conductor_run(). One that was over already only loses the local agents
 * that are left of it. -EBUSY: another process runs it. -ENODATA: it never began. -EINVAL: its data files are not what
 * they were, or its keys can't be read. -EADDRINUSE: somebody else has the address that its agents come to. */
int conductor_resume(const struct conductor_resume_config *config, struct failure *failure,
                     struct conductor_result *ret_result);
