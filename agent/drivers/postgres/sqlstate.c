/* SPDX-License-Identifier: Apache-2.0 */
/* SQLSTATEs by prefix, the longest first; what is in no row is the server's. */
#include "agent/drivers/postgres/sqlstate.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *prefix;
	enum error_class class;
} classes[] = {
        {"57014", ERROR_TIMEOUT},    /* query_canceled: statement_timeout as well */
        {"55P03", ERROR_TIMEOUT},    /* lock_not_available: lock_timeout */
        {"42501", ERROR_AUTH},       /* insufficient_privilege */
        {"25P03", ERROR_CONNECTION}, /* idle_in_transaction_session_timeout: the session is gone */
        {"57P0", ERROR_CONNECTION},  /* shutdown, crash, starting up, idle session */
        {"08", ERROR_CONNECTION},    /* connection exception */
        {"28", ERROR_AUTH},          /* invalid authorization */
        {"22", ERROR_DATA},          /* data exception */
        {"23", ERROR_DATA},          /* integrity constraint violation */
        {"21", ERROR_DATA},          /* cardinality violation: a subquery of several rows */
        {"0A", ERROR_CLIENT},        /* feature not supported */
        {"26", ERROR_CLIENT},        /* no such prepared statement */
        {"3D", ERROR_CLIENT},        /* no such database */
        {"3F", ERROR_CLIENT},        /* no such schema */
        {"42", ERROR_CLIENT},        /* syntax, unknown names */
        {"54", ERROR_CLIENT},        /* statement too complex */
};

enum error_class sqlstate_class(const char *sqlstate)
{
	if (!sqlstate || strlen(sqlstate) != SQLSTATE_SIZE - 1)
		return ERROR_SERVER;
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		if (strncmp(sqlstate, classes[i].prefix, strlen(classes[i].prefix)) == 0)
			return classes[i].class;
	return ERROR_SERVER;
}

static _Bool is_sqlstate(const char *text)
{
	for (int i = 0; i < SQLSTATE_SIZE - 1; i++)
		if (!isupper((unsigned char)text[i]) && !isdigit((unsigned char)text[i]))
			return 0;
	return text[SQLSTATE_SIZE - 1] == ':';
}

int sqlstate_find(const char *message, char ret_sqlstate[SQLSTATE_SIZE])
{
	for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
		if (!is_sqlstate(at + 3))
			continue;
		memcpy(ret_sqlstate, at + 3, SQLSTATE_SIZE - 1);
		ret_sqlstate[SQLSTATE_SIZE - 1] = '\0';
		return 0;
	}
	return -ENOENT;
}
