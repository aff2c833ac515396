/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes, tracked by pid: none outlives the lab. Call these on the main thread alone: a child's
 * death signal comes when the thread that started it ends. */
#pragma once

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "common/base/cleanup.h"
#include "common/base/failure.h"

struct account {
	_Bool used; /* false: the lab's own */
	uid_t uid;
	gid_t gid;
};

struct child_config {
	const char *const *arguments;  /* end with NULL; the first is looked up in PATH */
	const struct account *account; /* NULL: the lab's own */
	const char *folder;            /* to run in; NULL: the lab's */
	char **environment;            /* NULL: the lab's */
	int death_signal;              /* sent to it when the lab dies */
	_Bool own_session;             /* out of reach of the terminal's Ctrl-C */
	const char
	        *output; /* file that stdout and stderr are appended to, stdin being empty; NULL: the lab's own three */
	const int *inherited; /* descriptors above 2 that it gets as well, `inherited_count` of them */
	size_t inherited_count;
	const struct rlimit *descriptors; /* its RLIMIT_NOFILE; NULL: the lab's */
};

struct child {
	pid_t pid; /* 0: none */
	int pidfd;
};

#define CHILD_NONE ((struct child){.pidfd = -1})

enum child_outcome {
	CHILD_ENDED,       /* it has ended, and is reaped */
	CHILD_INTERRUPTED, /* `interrupt_fd` became readable first */
	CHILD_LATE,        /* the deadline came first */
};

/* Starts it with no signal blocked and none ignored. A program that can't be run is an error here already. */
int child_start(const struct child_config *config, struct failure *failure, struct child *ret_child);
/* Waits for its end. `interrupt_fd` may be -1. *ret_status is as waitpid(2) has it, set with CHILD_ENDED alone. */
enum child_outcome child_wait(struct child *child, int interrupt_fd, uint64_t deadline_ns, int *ret_status);
/* Sends the signal, waits 10 s for its end, then kills it. Does nothing where there is no child. */
void child_stop(struct child *child, int signal_number);
/* Starts it, waits, and fails (with the end of its output) unless it ends 0. -EINTR when interrupted; then it is
 * killed. */
int child_run(const struct child_config *config, int interrupt_fd, struct failure *failure);
/* What a shell makes of a status: the exit code, or 128 + the signal. */
int child_exit_code(int status);
