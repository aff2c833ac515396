/* SPDX-License-Identifier: Apache-2.0 */
/* What one client sends by one step whose messages carry a stamp: numbered, so that each can be accounted for. */
#pragma once

#include <stdint.h>

#include "agent/drivers/driver.h"
#include "agent/drivers/kit/step_map.h"
#include "common/stats/sent_log.h"
#include "common/stats/stamp.h"

struct stream {
	struct stamper stamper;
	uint64_t next;            /* number */
	struct sent_stream *sent; /* NULL: not verified */
};

/* Of a client, by the steps' numbers in `map`; those of steps without stamps are empty. `client` is its number, which
 * no other one of this target on this agent has ever had. `log` (which may be NULL where nothing is verified) must
 * outlive them. NULL with *failure. */
struct stream *streams_new(const struct driver_config *config, const struct step_map *map, uint32_t client,
                           struct sent_log *log, struct failure *failure);
/* True if some step stamps its messages, or has them verified. */
_Bool streams_needed(const struct step_map *map);
_Bool streams_verified(const struct step_map *map);

/* Writes the stamp of the next message, which is the next one still until stream_sent(). */
static inline void stream_stamp(const struct stream *stream, const struct driver_clock *clock, uint64_t intended_ns,
                                uint8_t ret_stamp[STAMP_SIZE])
{
	stamp_write(&stream->stamper, stream->next, driver_clock_since_t0(clock, intended_ns), ret_stamp);
}
