/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of SQLSTATEs. */
#pragma once

#include "common/stats/error_class.h"

enum { SQLSTATE_SIZE = 6 }; /* with the NUL */

/* The class of a five-character SQLSTATE (PostgreSQL 15 manual, appendix A). NULL or another length: server. */
enum error_class sqlstate_class(const char *sqlstate);
/* Finds the SQLSTATE in what libpq says of a failed connection at the verbosity PQERRORS_VERBOSE ("FATAL:  28P01:
 * ..."). 0 or -ENOENT. */
int sqlstate_find(const char *message, char ret_sqlstate[SQLSTATE_SIZE]);
