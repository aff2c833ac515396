/* SPDX-License-Identifier: Apache-2.0 */
/* The consumers of a driver: one for each VU and consume step. A VU's is made with its first poll, so that no group
 * hears of it before the run, and closed with its session. */
#pragma once

#include <stdint.h>

#include "agent/drivers/driver.h"

struct consumers;

/* `config` must outlive it. 0, -ENOMEM, or -EINVAL (the run's id is none). */
int consumers_new(const struct driver_config *config, struct consumers **ret_consumers);
/* Blocks until all clients are closed. No session may be open. Accepts NULL. */
struct consumers *consumers_free(struct consumers *consumers);

/* *ret_session is NULL where the VU's scenario consumes nothing of the target. 0 or -ENOMEM. */
int consumers_session_open(struct consumers *consumers, uint64_t vu, struct driver_session **ret_session);
/* Accepts NULL. */
void consumers_session_close(struct consumers *consumers, struct driver_session *session);

/* As the driver's slots, for operations of consume steps. */
int consumers_submit(struct consumers *consumers, struct operation *operation);
void consumers_cancel(struct consumers *consumers, struct operation *operation);
uint64_t consumers_in_flight(const struct consumers *consumers);
void consumers_abandon(struct consumers *consumers);
