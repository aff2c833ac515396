/* SPDX-License-Identifier: Apache-2.0 */
/* A run whose coordinator died is made again from its journal and gone on with. Pure, as run.h. */
#pragma once

#include "coordinator/run/run.h"

/* A run before its first record: nothing leaves. The config is that of the run that died (JOURNAL_RUN has most of it;
 * its times aren't looked at). 0 or -ENOMEM. */
int run_restore_new(const struct run_config *config, struct run **ret_run);
/* Takes the next record of the journal, from the first to the last whole one; what is kept is moved out of it. 0,
 * -ENOMEM, or -EBADMSG (it contradicts those before it: the run is then good for nothing but run_free()). */
int run_restore_record(struct run *run, struct journal_record *record);
/* All records are in. Journals that the run was taken up again, and goes on where they end; each agent is told all that
 * it must know as soon as it says anything. `now_ns` is by the clock that T0 was journaled by, wall_ns the wall clock
 * at the same moment. Not to be called once the run is reporting (run_state()): then there is
 * nothing to go on with. Errors as those of run_tick(). */
int run_resume(struct run *run, uint64_t now_ns, int64_t wall_ns);
