/* SPDX-License-Identifier: Apache-2.0 */
/* One statement to run: an operation with its parameters filled in, in memory that is used again. */
#pragma once

#include <stdint.h>

#include "agent/drivers/driver.h"

struct job {
	struct operation *operation;
	uint32_t statement; /* the step's number: names the prepared statement */
	const char *query;
	const char *const *values; /* as text */
	uint32_t value_count;
	uint64_t timeout_ns;           /* 0: none */
	struct loop_timer timer;       /* the owner's */
	struct connection *connection; /* that runs it; NULL: it waits */
	struct job *next;              /* in whichever list of the owner it is */
	struct job *previous;
	void *owner;

	struct buffer text;
	const char **pointers;
	size_t pointer_capacity;
};

/* NULL without memory. */
struct job *job_new(void);
struct job *job_free(struct job *job);
/* Takes the operation on and fills in its parameters. 0, -ENOMEM or -ENOKEY with the missing name. */
int job_render(struct job *job, struct operation *operation, const char **ret_missing);

/* Jobs in a row; zero is empty. */
struct job_list {
	struct job *first;
	struct job *last;
	uint64_t count;
};

void job_list_add(struct job_list *list, struct job *job);
void job_list_remove(struct job_list *list, struct job *job);
/* The first one, or NULL. */
struct job *job_list_take(struct job_list *list);
