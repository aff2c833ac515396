/* SPDX-License-Identifier: Apache-2.0 */
/* What a session wants done, in order. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/wire/message.h"

enum effect_type {
	EFFECT_SEND,  /* message: borrowed from the session, good until its next call */
	EFFECT_OPEN,  /* parse the plan, open workers and drivers, probe targets: then session_opened() or
	                 session_failed() */
	EFFECT_START, /* at_ns: T0 on our clock */
	EFFECT_BEGIN, /* scenario, at_ns since T0 */
	EFFECT_STOP,  /* at_ns since T0 (0: at once), grace_ns; text says why */
	EFFECT_CLOSE, /* forget the run: its workers, drivers and plan */
	EFFECT_NOTE,  /* text for the log */
};

struct effect {
	enum effect_type type;
	struct message message;
	uint32_t scenario;
	uint64_t at_ns;
	uint64_t grace_ns;
	const char *text; /* never NULL */
};

/* Zero is empty. */
struct effects {
	struct effect *items;
	size_t count;
	size_t capacity;
	size_t next; /* to be taken */
	int error;   /* -ENOMEM: one could not be added */
};

void effects_deinit(struct effects *effects);
/* A new one at the end, zeroed but for its type; NULL without memory. */
struct effect *effects_add(struct effects *effects, enum effect_type type);
/* False if there is none. */
_Bool effects_take(struct effects *effects, struct effect *ret_effect);
/* 0 or -ENOMEM, which is then forgotten. */
int effects_result(struct effects *effects);
