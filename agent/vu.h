/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual user of one worker: its variables, its sessions with the drivers, and where it stands in its iteration.
 *
 * The flow runs its iterations, a runner says when they start. A VU is in at most one list at a time. */
#pragma once

#include <stdint.h>

#include "common/base/loop.h"
#include "common/base/random.h"
#include "common/plan/template.h"

struct engine_value;
struct flight;
struct runner;
struct vu;

struct vu_list {
	struct vu *first;
	struct vu *last;
	uint32_t count;
};

struct vu {
	struct runner *runner;
	struct vu_list *list; /* NULL: in none */
	struct vu *next, *previous;
	size_t place;          /* among the runner's */
	uint64_t index;        /* over the scenario; {{vu}} is the plan's base + index + 1 */
	uint32_t lane;         /* of the running iteration */
	uint32_t step;         /* the next one */
	uint32_t chosen;       /* of the weighted steps */
	_Bool busy;            /* an iteration is in progress */
	_Bool failed;          /* its last operation has failed */
	_Bool interrupted;     /* it no longer waits for its flight */
	_Bool submitted;       /* an operation of it was accepted */
	_Bool out_of_data;     /* a unique feed had nothing left for it: it never will again */
	_Bool active;          /* closed loops: within its span */
	_Bool gone;            /* its index is not ours, or not yet: it starts nothing */
	_Bool adopted;         /* closed loops: its index came to us in mid-run */
	struct flight *flight; /* the operation that the iteration waits for, or that was interrupted and has not
	                          completed yet */
	uint64_t intended_ns;  /* of the next step */
	uint64_t iteration_intended_ns;
	uint64_t iteration_started_ns;
	struct loop_timer timer;  /* a think pause, a span's start, a tick of its pace */
	struct loop_timer curfew; /* closed loops: the end of a span's grace */
	uint64_t span_end_ns;
	uint64_t tick_ns;
	uint64_t iterations; /* started */
	struct random random;
	struct template_scope scope;
	struct template_value *values;    /* by the plan's slots */
	char **saved;                     /* by slot: the texts of values that answers left; NULL until the first */
	struct driver_session **sessions; /* by the flow's targets */
};

/* Appends. The VU must be in no list. */
void vu_list_add(struct vu_list *list, struct vu *vu);
void vu_list_add_first(struct vu_list *list, struct vu *vu);
/* Takes the first, or NULL. */
struct vu *vu_list_take(struct vu_list *list);
/* Takes the last, or NULL. */
struct vu *vu_list_take_last(struct vu_list *list);
/* Takes the VU out of the list it is in, if any. */
void vu_list_remove(struct vu *vu);

/* Makes VU `index` of the runner's scenario, with the plan's variables set and its sessions open. 0 or a negative
 * errno. */
int vu_new(struct runner *runner, uint64_t index, struct vu **ret_vu);
/* Closes its sessions: nothing may be in flight. Accepts NULL. */
struct vu *vu_free(struct vu *vu);
/* Seeds its random choices for what has this number in the scenario: an arrival, so that a run's choices don't hang on
 * which VU takes it. */
void vu_seed(struct vu *vu, uint64_t number);
/* Opens the sessions that aren't open. 0 or a negative errno. */
int vu_open(struct vu *vu);
/* Closes the sessions that are open; nothing may be in flight. */
void vu_close(struct vu *vu);
/* Sets what `{{name}}`s are, but those that an answer left. */
void vu_set_values(struct vu *vu, const struct engine_value *values, size_t count);
/* Copies a value that an answer left for the following steps and iterations. 0 or -ENOMEM. */
int vu_save(struct vu *vu, uint32_t slot, const char *text, size_t size);
