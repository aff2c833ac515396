/* SPDX-License-Identifier: Apache-2.0 */
/* How `run` and `resume` end. */
#include "coordinator/run_exit.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/base/exit_code.h"
#include "coordinator/print.h"
#include "coordinator/replay/replay.h"

void run_exit_block_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGHUP);
	sigaddset(ret_set, SIGCHLD);
	sigprocmask(SIG_BLOCK, ret_set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

void run_exit_unblock_signals(const sigset_t *set)
{
	while (sigtimedwait(set, NULL, &(struct timespec){0}) > 0)
		;
	sigprocmask(SIG_UNBLOCK, set, NULL);
}

int run_exit_code(int r)
{
	switch (r) {
	case -EADDRINUSE:
		return EXIT_CODE_ADDRESS_TAKEN;
	case -EADDRNOTAVAIL:
	case -EPERM:
	case -EACCES:
	case -EINVAL:
	case -EEXIST:
	case -ENOENT:
	case -ENOTDIR:
	case -EISDIR:
	case -EBUSY:
	case -ENODATA:
	case -EBADMSG:
		return EXIT_CODE_BAD_PLAN;
	case -ECHILD:
		return EXIT_CODE_AGENTS;
	default:
		return EXIT_CODE_FAULT;
	}
}

/* Before T0 there is nothing to report but why. */
static int exit_before_start(const struct conductor_result *result)
{
	print_notice(result->text[0] ? result->text : "the run ended before it began");
	return result->cause == STOP_INTERRUPTED ? EXIT_CODE_INTERRUPTED : EXIT_CODE_AGENTS;
}

static int make_report(const struct run_exit_style *style, const char *run_folder, struct failure *failure)
{
	struct report *report = NULL;
	int exit_code;
	int r = replay_report(run_folder, failure, &report);

	if (r == 0)
		r = print_report_and_files(report, run_folder, style->trend, style->no_colour, failure);
	exit_code = r == 0 ? report->exit_code : EXIT_CODE_FAULT;
	report_free(report);
	return exit_code;
}

int run_exit_finish(int r, const struct conductor_result *result, const char *run_folder,
                    const struct run_exit_style *style, struct failure *failure)
{
	struct failure report_failure = {0};

	if (r < 0 && !result->started)
		return run_exit_code(r);
	if (!result->started)
		return exit_before_start(result);
	if (r == 0)
		return make_report(style, run_folder, failure);
	/* A run that broke off is reported with what it held; why comes first, and once is enough. */
	print_failure(failure);
	make_report(style, run_folder, &report_failure);
	if (report_failure.code && strcmp(report_failure.text, failure->text) != 0)
		print_failure(&report_failure);
	*failure = (struct failure){0};
	return EXIT_CODE_FAULT;
}
