/* SPDX-License-Identifier: Apache-2.0 */
/* Performs the agent's duties on a thread of their own: what exactly one agent of the fleet does at a time.
 *
 * One is performed at a time (see rota.h). All functions are the main thread's; news of setup and teardown ring the
 * doorbell. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/driver.h"
#include "agent/engine.h"
#include "common/base/log.h"
#include "common/wire/message.h"

struct duties;

/* A setup or teardown step that is over. */
struct duty_over {
	uint32_t duty;                  /* by the plan's number */
	const char *problem;            /* "" or why it failed */
	const struct text_pair *values; /* what it found out, for `{{name}}` */
	uint32_t value_count;
};

/* Also of verifiers. */
struct duties_config {
	const struct plan *plan;
	const struct driver_ops *const *drivers; /* by target_kind */
	const char *agent_name;
	const char *run_id;
	const char *secrets_folder; /* may be NULL */
	struct log *log;            /* may be NULL */
	int doorbell;               /* an eventfd */
};

/* What the config points to must outlive it. 0 or a negative errno. */
int duties_new(const struct duties_config *config, struct duties **ret_duties);
/* Cancels what is being performed and waits for it. Accepts NULL. */
struct duties *duties_free(struct duties *duties);

/* Those that the agent has from now on. One that is taken away while it is performed is cancelled. Numbers that the
 * plan hasn't are passed over. */
void duties_set(struct duties *duties, const uint32_t *numbers, uint32_t count);
/* What `{{name}}`s are from now on, in duties that begin; the texts must outlive it. */
void duties_set_values(struct duties *duties, const struct engine_value *values, size_t count);
/* A step that is over, once; false: there is none. Holds until the next call. */
_Bool duties_take_over(struct duties *duties, struct duty_over *ret_over);
/* Hands what readers have read since the last call to `take`, until it says a negative errno; that or 0. */
int duties_take_readings(struct duties *duties, int (*take)(void *context, const struct duty_reading *reading),
                         void *context);
