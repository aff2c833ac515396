/* SPDX-License-Identifier: Apache-2.0 */
/* What a produce step's messages are made of: topic, key, payload, headers and stamp. */
#pragma once

#include "agent/drivers/kafka/producer.h"
#include "agent/drivers/kafka/source.h"
#include "common/base/buffer.h"

/* Zero-initialised is empty. */
struct composer {
	const struct driver_config *config;
	struct sources sources;
	struct buffer topic;
	const struct template *lasting; /* what the topic was made of, if it is always the same; else NULL */
	struct buffer key;
	struct buffer payload;
	struct buffer header;
	struct buffer stamped; /* a stamp, and the payload behind it */
};

/* Both must outlive it. 0 or -ENOMEM. */
int composer_init(struct composer *composer, const struct driver_config *config, const struct step_map *map);
/* When no message is on its way any more. */
void composer_deinit(struct composer *composer);
/* Fills in all but what says how it is sent. Set before: step, and stream where the step stamps its messages. What it
 * points to holds until the next call, or as payload_lasts says. 0, -ENOMEM, or -ENOKEY: *ret_missing has no value. */
int composer_make(struct composer *composer, const struct operation *operation, struct message *message,
                  const char **ret_missing);
/* The message made last, or not quite, was not sent. */
void composer_take_back(const struct message *message);
