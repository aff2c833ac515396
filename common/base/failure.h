/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, in words for a user, with the place in the file where it did. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

enum {
	FAILURE_TEXT_MAX = 1024, /* bytes with the NUL; a longer text is cut and ends in "..." */
	FAILURE_FILE_MAX = 256,
};

/* A value: copied freely, owns nothing. `code` is 0 (nothing failed) or a negative errno. */
struct failure {
	int code;
	int line;   /* from 1; 0 where there is no place */
	int column; /* from 1; 0 where there is no column */
	char file[FAILURE_FILE_MAX];
	char text[FAILURE_TEXT_MAX];
};

/* Fills *failure (which may be NULL: then nothing is kept) and returns `code`, so that a caller
 * can write `return failure_set(failure, -EINVAL, "...")`. `code` must be negative. */
int failure_set(struct failure *failure, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with a place; file may be NULL. */
int failure_set_at(struct failure *failure, int code, const char *file, int line, int column, const char *format, ...)
        __attribute__((format(printf, 6, 7)));

/* Writes "file:line:col: text" (the parts that are known) into buffer, always NUL-terminated.
 * Returns the length that the whole text has, as snprintf does. */
size_t failure_format(const struct failure *failure, char *buffer, size_t size);

/* A growing list: a plan's checks report every error, not the first alone. */
struct failures {
	struct failure *items;
	size_t count;
	size_t capacity;
	size_t left_out; /* those past FAILURES_MAX */
};

enum { FAILURES_MAX = 200 };

/* Adds one; past FAILURES_MAX it is only counted. Never fails: without memory it is counted as left out. */
void failures_add(struct failures *failures, const struct failure *failure);
void failures_add_at(struct failures *failures, const char *file, int line, int column, const char *format, ...)
        __attribute__((format(printf, 5, 6)));
/* Orders by file, line and column (stable). */
void failures_sort(struct failures *failures);
/* Releases what the list holds and makes it empty. */
void failures_deinit(struct failures *failures);
