/* SPDX-License-Identifier: Apache-2.0 */
/* When a run's scenarios ran, as it really was, and how long each agent was due. ns since T0. */
#pragma once

#include "coordinator/replay/replay_due.h"

struct scenario_span {
	_Bool ran;
	uint64_t start_ns, end_ns; /* of the schedule; what is in flight at its end goes on */
};

struct span {
	struct scenario_span *scenarios;
	uint64_t cut_ns;        /* where the run was ended early, UINT64_MAX: it was not */
	uint64_t warmup_end_ns; /* at most schedule_end_ns */
	uint64_t schedule_end_ns;
	uint64_t end_ns;      /* of the last operation */
	uint64_t measured_ns; /* [warm-up's end, schedule's end] */
	struct due *dues;     /* by agent: the seconds of which it owed a snapshot */
	size_t agent_count;
};

/* 0 or -ENOMEM. */
int span_make(const struct facts *facts, struct span *ret_span);
void span_deinit(struct span *span);

/* The global indices (arrivals, or VUs) of a scenario that an agent owned in division `division`. To be released. */
int span_indices(const struct facts *facts, size_t division, uint32_t agent, uint32_t scenario,
                 struct share *ret_indices);
