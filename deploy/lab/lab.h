/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded targets together: started in parallel, named by variables, counted, taken down. On the main thread
 * alone. */
#pragma once

#include <stdio.h>

#include "common/base/failure.h"
#include "deploy/lab/options.h"

struct lab;

enum { LAB_VARIABLES_MAX = 4 };

struct lab_variable {
	const char *name; /* STAMPEDE_VAR_... */
	const char *value;
};

/* Starts what the options name and waits until all of it can be used. Gives up with -EINTR when `interrupt_fd` becomes
 * readable (-1: never). The options outlive it. */
int lab_start(const struct options *options, int interrupt_fd, struct failure *failure, struct lab **ret_lab);
/* What its clients need to know; ret_variables lives as long as the lab. Returns how many. */
size_t lab_variables(const struct lab *lab, struct lab_variable ret_variables[LAB_VARIABLES_MAX]);
/* Readable when the database has ended by itself; -1 where there is none. */
int lab_database_pidfd(const struct lab *lab);
/* Ends the API, asks every target what it counted, prints that to `out` and writes it to the options' file. Once only.
 */
int lab_count(struct lab *lab, FILE *out, struct failure *failure);
/* Takes everything down and removes the temporary folder. Accepts NULL. Returns NULL. */
struct lab *lab_stop(struct lab *lab);
