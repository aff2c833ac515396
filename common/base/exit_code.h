/* SPDX-License-Identifier: Apache-2.0 */
/* The exit codes of `stampede`: k6's, plus ours. The first that applies, in this order, is used. */
#pragma once

enum exit_code {
	EXIT_CODE_BAD_PLAN = 104,      /* bad plan or options */
	EXIT_CODE_ADDRESS_TAKEN = 106, /* an address is taken */
	EXIT_CODE_INTERRUPTED = 105,   /* Ctrl-C or SIGTERM */
	EXIT_CODE_AGENTS = 96,         /* too few agents, or agents lost under `onAgentLoss: fail` */
	EXIT_CODE_THRESHOLDS = 99,     /* a threshold failed or aborted the run */
	EXIT_CODE_UNTRUSTED = 97,      /* suspect or incomplete, with --require-trust */
	EXIT_CODE_PASSED = 0,
	EXIT_CODE_FAULT = 1, /* a fault of Stampede's own */
};
