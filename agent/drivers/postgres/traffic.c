/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of PostgreSQL's messages. Each has a type of one byte and a length of four. */
#include "agent/drivers/postgres/traffic.h"

#include <stdlib.h>
#include <string.h>

enum {
	HEAD = 5,
	SYNC = HEAD,
	READY = HEAD + 1,
	BIND_COMPLETE = HEAD,
	PARSE_COMPLETE = HEAD,
	NO_DATA = HEAD,
	FIELD_FIXED = 18, /* of a column in RowDescription, beside its name */
};

uint64_t traffic_of_prepare(const char *name, const char *query)
{
	return HEAD + strlen(name) + 1 + strlen(query) + 1 + 2 + SYNC;
}

uint64_t traffic_of_execute(const char *name, const char *const *values, uint32_t count)
{
	uint64_t bind = HEAD + 1 + strlen(name) + 1 + 2 + 2 + 2 + 2;
	const uint64_t describe = HEAD + 2, execute = HEAD + 1 + 4;

	for (uint32_t i = 0; i < count; i++)
		bind += 4 + strlen(values[i]);
	return bind + describe + execute + SYNC;
}

static uint64_t value_bytes(const PGresult *result)
{
	int rows = PQntuples(result);
	int columns = PQnfields(result);
	uint64_t bytes = 0;

	for (int row = 0; row < rows; row++)
		for (int column = 0; column < columns; column++)
			bytes += (uint64_t)PQgetlength(result, row, column);
	return bytes;
}

static uint64_t description_bytes(const PGresult *result)
{
	uint64_t bytes = HEAD + 2;

	for (int column = 0; column < PQnfields(result); column++)
		bytes += strlen(PQfname(result, column)) + 1 + FIELD_FIXED;
	return bytes;
}

static uint64_t framing_bytes(const PGresult *result)
{
	uint64_t rows = (uint64_t)PQntuples(result);
	uint64_t complete = HEAD + strlen(PQcmdStatus((PGresult *)result)) + 1;

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return BIND_COMPLETE + description_bytes(result) + rows * (HEAD + 2 + 4 * (uint64_t)PQnfields(result)) +
		       complete + READY;
	return BIND_COMPLETE + NO_DATA + complete + READY;
}

void traffic_take(const PGresult *result, _Bool executed, struct operation *operation)
{
	uint64_t rows, bytes;

	if (!executed) {
		operation->received_bytes += PARSE_COMPLETE + READY;
		return;
	}
	rows = (uint64_t)PQntuples(result);
	bytes = value_bytes(result);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		rows = strtoull(PQcmdTuples((PGresult *)result), NULL, 10);
	operation->received_bytes += framing_bytes(result) + bytes;
	operation_sample(operation, METRIC_SQL_ROWS, rows, NULL);
	operation_sample(operation, METRIC_SQL_BYTES, bytes, NULL);
}
