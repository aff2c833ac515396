/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes, rows and values that go to and fro. Bytes are those of the protocol's messages (PostgreSQL 15 manual, 55.7), without TLS. */
#pragma once

#include <stdint.h>

#include <libpq-fe.h>

#include "agent/drivers/driver.h"

uint64_t traffic_of_prepare(const char *name, const char *query);
uint64_t traffic_of_execute(const char *name, const char *const *values, uint32_t count);
/* What came with a result; an error's own fields are not counted. */
uint64_t traffic_of_result(const PGresult *result);
/* Adds rows (those returned, else those affected) and bytes of values to a successful operation's samples. */
void traffic_sample(const PGresult *result, struct operation *operation);
