/* SPDX-License-Identifier: Apache-2.0 */
/* How brokers look from a client: round trip, queue and throttle time, from librdkafka's statistics. */
#pragma once

#include "agent/drivers/driver.h"

/* Each client that tells statistics costs half a millisecond of CPU a second and some 200 KiB, so of a worker's clients
 * on one target only so many do: all see the same brokers. */
enum { BROKER_VIEW_CLIENTS = 16 };

/* Gives config->gauge what a client's statistics (librdkafka's JSON) say of each broker that it had answers of since
 * the statistics before: means, in ms; the label is the broker's id. Of consumers no round trip. */
void broker_view_tell(const struct driver_config *config, const char *statistics);
