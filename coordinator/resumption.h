/* SPDX-License-Identifier: Apache-2.0 */
/* What a run's journal says of how to go on with it: its plan, its data files, its place, its processes. */
#pragma once

#include "common/base/buffer.h"
#include "common/base/failure.h"
#include "common/plan/plan.h"
#include "coordinator/journal/journal.h"
#include "coordinator/run/run.h"

enum { BOOT_ID_SIZE = 64 };

/* A value; zero is empty. */
struct resumption {
	struct journal_record first; /* JOURNAL_RUN */
	struct plan *plan;
	struct buffer *data;          /* of its files */
	struct failure files_failure; /* why they can't be had any more; code 0: they can */
	struct journal_child *children;
	uint32_t child_count;
	_Bool has_t0;
	uint64_t t0_ns; /* by the clock of the boot that boot_id names */
	int64_t t0_unix_ns;
	char boot_id[BOOT_ID_SIZE];
	uint64_t cut_bytes; /* of a torn record */
};

/* This host's boot: what its monotonic clock holds for. "" if the kernel doesn't tell. */
void resumption_boot_id(char ret_boot_id[BOOT_ID_SIZE]);

/* Reads the run's first record, its plan, and its data files if they are still the same. -ENODATA: the folder has no
 * run; other errors as journal_read(). Deinit in any case. */
int resumption_read(const char *run_folder, struct failure *failure, struct resumption *ret_resumption);
void resumption_deinit(struct resumption *resumption);
/* Locks the journal and gives every record to the run, and to `also` (borrowed). -EBUSY: another process runs it. The
 * run must be one of run_restore_new() with the resumption's plan. */
int resumption_open(struct resumption *resumption, const char *run_folder, struct run *run,
                    int (*also)(void *context, const struct journal_record *record), void *context,
                    struct failure *failure, struct journal **ret_journal);
/* What is to be added to this host's monotonic clock to go on with the one that T0 was journaled by; wraps. 0 in the
 * same boot; else told by the wall clock. */
uint64_t resumption_clock_shift(const struct resumption *resumption, uint64_t now_ns, int64_t wall_ns);
