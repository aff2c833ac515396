/* SPDX-License-Identifier: Apache-2.0 */
/* The command that runs beside the targets, and the signals that end both. On the main thread alone. */
#pragma once

#include "common/base/failure.h"
#include "deploy/lab/child.h"
#include "deploy/lab/lab.h"

/* What the lab was started with and hands on: signals that it takes itself, descriptors, limits. */
struct heritage {
	int signal_fd;    /* readable on SIGINT, SIGTERM, SIGHUP or SIGQUIT, which are blocked */
	int *descriptors; /* above 2, open when the lab was started */
	size_t descriptor_count;
	struct rlimit descriptor_limit;
};

/* To be called first of all, before there is a second thread. Raises the limit of open files. */
int heritage_init(struct heritage *heritage, struct failure *failure);
void heritage_deinit(struct heritage *heritage);

/* Runs the command with the variables set and waits for its end. A Ctrl-C of the terminal, which reaches the command as
 * well, is left to it; signals sent to the lab are handed on. Says on stderr when `database_pidfd` (-1: none) becomes
 * readable. Sets the exit code that a shell would give. */
int command_run(const struct heritage *heritage, char *const *arguments, const struct lab_variable *variables,
                size_t count, int database_pidfd, struct failure *failure, int *ret_exit_code);
/* Waits for a signal, or for the end of the database: then -EPIPE. */
int command_serve(const struct heritage *heritage, int database_pidfd, struct failure *failure);
