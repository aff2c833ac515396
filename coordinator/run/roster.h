/* SPDX-License-Identifier: Apache-2.0 */
/* The agents of a run: who they are, how their clocks stand, and when they were last heard. Pure. */
#pragma once

#include <stdint.h>

#include "common/link/clock_offset.h"
#include "common/wire/message.h"

enum agent_state {
	AGENT_CAME,     /* welcomed */
	AGENT_ASSIGNED, /* has its share */
	AGENT_READY,
	AGENT_RUNNING,
	AGENT_DONE, /* has sent all it had, and it is journaled */
	AGENT_LOST, /* not heard for lostAfter (comes back if it is heard again), failed, or its process is gone */
};

enum { ROSTER_PINGS = 16 }; /* whose sending times are remembered */

/* How an agent's clock stands to ours. */
struct roster_clock {
	int64_t offset_ns;
	uint64_t bound_ns;
	double drift_ppm, drift_bound_ppm;
};

/* One agent, numbered from 0 in the order of arrival. The run owns the fields' values. */
struct roster_agent {
	struct incarnation incarnation;
	struct message_hello hello; /* owned; its name is the agent's own */
	char *name;                 /* unique in the run */
	enum agent_state state;
	struct clock_offset *clock;
	struct roster_clock last_clock; /* as it was before a resume: until the clock is known again */
	uint64_t last_heard_ns;
	uint64_t next_ping_ns;
	uint64_t pings;                      /* sent; the newest one's id */
	uint64_t ping_sent_ns[ROSTER_PINGS]; /* by id; 0: answered */
	uint64_t t0_bound_ns;                /* of the offset that its T0 was computed with */
	int64_t t0_offset_ns;
	uint64_t pinged_t0_ns; /* T0 on its clock, as the newest ping says it; 0: it said none */
	uint64_t pinged_bound_ns;
	uint64_t pinged_at_ns;
	uint64_t t0_at_ns;       /* our time for which that offset was meant: T0, or when it joined */
	uint64_t start_error_ns; /* of that offset, by what is known now */
	uint64_t start_bound_ns; /* and the bound of that */
	uint64_t acked_seq;
	uint64_t final_seq; /* of the snapshot that said it is the last; 0 before */
	uint64_t last_seq;  /* from done; 0 before */
	uint64_t end_ns;    /* from done */
	uint64_t next_status_ns;
	uint64_t ready_deadline_ns; /* of one that joins a run under way */
	uint64_t stop_at_ns;        /* since T0: when it alone was told to stop; 0: it was not */
	enum agent_state before_loss;
	uint64_t came_ns;
	_Bool gone;       /* to be taken out by roster_sweep() */
	_Bool away;       /* had no connection when it was pinged */
	_Bool silent;     /* lost for its silence alone */
	_Bool returned;   /* was lost and came back */
	_Bool leaving;    /* wants to hand its share back */
	_Bool exited;     /* its process is known to have ended */
	_Bool kept_told;  /* that nobody could take over what it had */
	_Bool considered; /* as one that joins */
	_Bool released;   /* has its last acknowledgement */
	_Bool journaled;  /* its record is written: it keeps its number */
	_Bool unheard;    /* has said nothing since the run was taken up again */
	_Bool done_told;  /* done came; AGENT_DONE once all its snapshots are journaled */
};

struct roster;

struct roster *roster_new(void); /* NULL without memory */
struct roster *roster_free(struct roster *roster);
/* Adds an agent by its hello, which is moved out of the message. A name that is taken gets "-2", "-3" ... appended. 0
 * or -ENOMEM. */
int roster_add(struct roster *roster, const struct incarnation *incarnation, struct message_hello *hello,
               struct roster_agent **ret_agent);
/* Takes those out that are `gone`; those behind them move up, so that numbers change. 0 or -ENOMEM (nothing is
 * changed).
 */
int roster_sweep(struct roster *roster);
uint32_t roster_count(const struct roster *roster);
struct roster_agent *roster_get(struct roster *roster, uint32_t index);
/* The agent's index, or UINT32_MAX. */
uint32_t roster_find(const struct roster *roster, const struct incarnation *incarnation);
/* How many are in this state. */
uint32_t roster_count_in(const struct roster *roster, enum agent_state state);
