/* SPDX-License-Identifier: Apache-2.0 */
/* What a stretch of exchanges without a jump says of a peer's clock. Pure; internal to common/link/. */
#pragma once

#include <stdint.h>

enum {
	CLOCK_WINDOWS = 32, /* a few minutes, so that a drift that changes with warmth is still the same */
	CLOCK_RECENT = 8,   /* the newest ones, for what has happened just now */
};

struct clock_exchange {
	uint64_t sent_ns;
	uint64_t in_ns;  /* the latest that the ping can have come in */
	uint64_t out_ns; /* the earliest that the pong can have left */
	uint64_t received_ns;
	uint64_t delay_ns; /* the round trip without the peer's own time */
	int64_t high_ns;   /* the offset when the ping came in was no more */
	int64_t low_ns;    /* and when the pong left no less */
};

/* 0, or -EINVAL for an exchange that can't have been. */
int clock_exchange_read(uint64_t sent_ns, uint64_t peer_in_ns, uint64_t peer_out_ns, uint64_t received_ns,
                        struct clock_exchange *ret_exchange);

/* Zero is a model of nothing: clock_model_init() before the first exchange. */
struct clock_model {
	struct clock_exchange best[CLOCK_WINDOWS]; /* of each window the one of least delay; a ring */
	uint64_t kept;
	uint64_t window;                            /* the number of the newest one's window */
	struct clock_exchange recent[CLOCK_RECENT]; /* a ring */
	uint64_t count;
	double rate_low, rate_high; /* what the peer's rate against ours can be about, without the wander */
	double drift, drift_error;  /* the mean rate between the two kept exchanges that tell it best */
};

/* An interval of offsets, relative to some base. */
struct clock_range {
	double low, high;
};

void clock_model_init(struct clock_model *model);
void clock_model_add(struct clock_model *model, const struct clock_exchange *exchange);
/* The offsets that the model allows at a time, relative to `base`. Everything if it has no exchange. */
struct clock_range clock_model_at(const struct clock_model *model, uint64_t at_ns, int64_t base);
/* Those that one exchange allows, at a time, by the model's rates. */
struct clock_range clock_model_of(const struct clock_model *model, const struct clock_exchange *exchange,
                                  uint64_t at_ns, int64_t base);
/* How far what an exchange says lies from what the model allows, in ns; 0 if the two can be reconciled. */
double clock_model_gap(const struct clock_model *model, const struct clock_exchange *exchange);
/* Forgets the exchanges that were sent after a time. */
void clock_model_cut(struct clock_model *model, uint64_t at_ns);
/* When the newest kept exchange was sent that contradicts `other`, both brought to at_ns, it by the rates of `rates`:
 * the peer's clock was by this model until then. False if there is none. */
_Bool clock_model_until(const struct clock_model *model, const struct clock_model *other,
                        const struct clock_model *rates, uint64_t at_ns, uint64_t *ret_sent_ns);
