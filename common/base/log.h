/* SPDX-License-Identifier: Apache-2.0 */
/* The programs' log: JSON lines to a file, and words to a terminal. Libraries don't log. */
#pragma once

#include <stdio.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log;

/* One JSON line a call to `path` (appended; NULL: none) and, from `echo_level` on, the text to
 * `echo` (NULL: none), prefixed with `program`. Each call is one write, so threads may share it. */
int log_open(const char *program, const char *path, FILE *echo, enum log_level echo_level, struct log **ret_log);
struct log *log_close(struct log *log);
/* `log` may be NULL: then nothing happens. Never pass a secret. */
void log_write(struct log *log, enum log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));
