/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes, rows and values that go to and fro. Bytes are those of the protocol's messages (PostgreSQL 15 manual, 55.7),
 * without TLS. */
#pragma once

#include <stdint.h>

#include <libpq-fe.h>

#include "agent/drivers/driver.h"

/* Bytes of the messages that libpq sends for a statement, heads included. */
uint64_t traffic_of_prepare(const char *name, const char *query);
uint64_t traffic_of_execute(const char *name, const char *const *values, uint32_t count);
/* Adds what came with a successful result to the operation's bytes and, if `executed` (not only prepared), samples of
 * its rows (those returned, else those affected) and of the bytes of its values. */
void traffic_take(const PGresult *result, _Bool executed, struct operation *operation);
