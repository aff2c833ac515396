/* SPDX-License-Identifier: Apache-2.0 */
/* What a session wants done, in order. What an effect points to is the session's, good until its next call. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/wire/message.h"

enum effect_type {
	EFFECT_SEND,   /* message */
	EFFECT_OPEN,   /* parse the plan, open workers and drivers, probe targets: then session_opened() or
	                  session_failed() */
	EFFECT_ASSIGN, /* assignment of a later epoch, in force from at_ns on (since T0, a whole second). Before
	                  EFFECT_START with 0: instead of the one that was opened */
	EFFECT_VALUES, /* values, count: what setups found out, all of it. Before EFFECT_START, and when they change */
	EFFECT_START,  /* at_ns: T0 on our clock; past where the agent joins late */
	EFFECT_CLOCK,  /* at_ns: T0 on our clock, by what is known of it now; after EFFECT_START, which holds */
	EFFECT_BEGIN,  /* scenario, at_ns since T0 */
	EFFECT_DUTIES, /* duties, count: those that the agent has from now on */
	EFFECT_VERIFIERS, /* verifiers, count, closing: those that the agent has from now on */
	EFFECT_SEEN,      /* seen: what a verifier told is safe */
	EFFECT_STOP,      /* at_ns since T0 (0: at once), grace_ns; text says why */
	EFFECT_CLOSE,     /* forget the run: its workers, drivers and plan */
	EFFECT_NOTE,      /* text for the log */
};

struct effect {
	enum effect_type type;
	uint32_t scenario;
	uint32_t epoch; /* of the assignment */
	uint32_t count;
	uint64_t at_ns;
	uint64_t grace_ns;
	const struct message_assign *assignment; /* without plan and files: those of the one that was opened hold */
	const struct text_pair *values;
	const uint32_t *duties;
	const struct wire_verifier *verifiers;
	_Bool closing;
	struct message_seen_ack seen;
	const char *text; /* never NULL */
	struct message message;
};

/* Zero is empty. */
struct effects {
	struct effect *items;
	size_t count;
	size_t capacity;
	size_t next; /* to be taken */
	char **texts;
	size_t text_count;
	size_t text_capacity;
	int error; /* -ENOMEM: one could not be added */
};

void effects_deinit(struct effects *effects);
/* A new one at the end, zeroed but for its type; NULL without memory. */
struct effect *effects_add(struct effects *effects, enum effect_type type);
/* Frees the text (NULL: none) when the effects that there are have been taken, and others are added. */
void effects_keep(struct effects *effects, char *text);
/* False if there is none. */
_Bool effects_take(struct effects *effects, struct effect *ret_effect);
/* 0 or -ENOMEM, which is then forgotten. */
int effects_result(struct effects *effects);
