/* SPDX-License-Identifier: Apache-2.0 */
/* A peer's clock from exchanges of messages.
 *
 * Half a round trip bounds an exchange's error whatever the two ways took, as long as the clocks keep their distance.
 * They drift, so an old exchange with a short round trip and a new one with a long one compete: each one's bound is
 * brought to the time that is asked for, and the least wins. The drift is taken from the pair of kept exchanges that
 * tells it best (least error over the time between them). */
#include "common/link/clock_offset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/clock.h"

enum { WINDOWS = 32 }; /* kept: a few minutes, so that a drift that changes with warmth is still the same */

#define WINDOW_NS (10 * NS_PER_S)
#define PPM 1e-6

struct exchange {
	uint64_t sent_ns;
	uint64_t received_ns;
	uint64_t delay_ns; /* the round trip without the peer's own time */
	int64_t offset_ns;
};

struct clock_offset {
	struct exchange best[WINDOWS]; /* a ring; the newest is best[(kept - 1) % WINDOWS] */
	uint64_t kept;
	uint64_t window; /* the number of the newest one's window */
	uint64_t count;
	double drift;       /* of the peer's clock against ours: 0.0001 is 100 ppm */
	double drift_error; /* its bound; CLOCK_DRIFT_PPM_MAX and drift 0 until it is measured */
};

struct clock_offset *clock_offset_new(void)
{
	struct clock_offset *offset = calloc(1, sizeof(*offset));

	if (offset)
		offset->drift_error = CLOCK_DRIFT_PPM_MAX * PPM;
	return offset;
}

struct clock_offset *clock_offset_free(struct clock_offset *offset)
{
	free(offset);
	return NULL;
}

static uint32_t kept_count(const struct clock_offset *offset)
{
	return offset->kept < WINDOWS ? (uint32_t)offset->kept : WINDOWS;
}

static int read_exchange(uint64_t sent_ns, uint64_t peer_in_ns, uint64_t peer_out_ns, uint64_t received_ns,
                         struct exchange *ret_exchange)
{
	uint64_t round_trip_ns, peer_ns;

	if (received_ns < sent_ns || peer_out_ns < peer_in_ns)
		return -EINVAL;
	round_trip_ns = received_ns - sent_ns;
	peer_ns = peer_out_ns - peer_in_ns;
	/* By its own, faster clock the peer may have taken a little longer than we saw. */
	if (peer_ns > round_trip_ns + round_trip_ns / 1000)
		return -EINVAL;
	*ret_exchange = (struct exchange){
	        .sent_ns = sent_ns,
	        .received_ns = received_ns,
	        .delay_ns = peer_ns < round_trip_ns ? round_trip_ns - peer_ns : 0,
	        /* The middle of the peer's time minus the middle of ours; the halves can't overflow. */
	        .offset_ns = (int64_t)(peer_in_ns + peer_ns / 2 - (sent_ns + round_trip_ns / 2)),
	};
	return 0;
}

/* later - earlier; any two values are allowed. */
static double difference(uint64_t later, uint64_t earlier)
{
	return (double)(int64_t)(later - earlier);
}

/* The drift between two exchanges, and how wrong it can be. */
static void measure_drift(const struct exchange *older, const struct exchange *newer, double *ret_drift,
                          double *ret_error)
{
	double between_ns = difference(newer->sent_ns, older->sent_ns);
	double error_ns = ((double)older->delay_ns + (double)newer->delay_ns) / 2 + 2;
	/* Each one's offset holds at some moment of its round trip, not at its start. */
	double blur_ns = (double)(older->received_ns - older->sent_ns) + (double)(newer->received_ns - newer->sent_ns);

	if (between_ns <= blur_ns) {
		*ret_drift = 0;
		*ret_error = INFINITY;
		return;
	}
	*ret_drift = difference((uint64_t)newer->offset_ns, (uint64_t)older->offset_ns) / between_ns;
	*ret_error = error_ns / between_ns + CLOCK_DRIFT_PPM_MAX * PPM * blur_ns / between_ns;
}

static void update_drift(struct clock_offset *offset)
{
	const struct exchange *newest = &offset->best[(offset->kept - 1) % WINDOWS];
	double best_drift = 0, best_error = INFINITY;

	for (uint32_t i = 0; i < kept_count(offset); i++) {
		double drift, error;

		measure_drift(&offset->best[i], newest, &drift, &error);
		if (error < best_error) {
			best_drift = drift;
			best_error = error;
		}
	}
	/* A pair that tells less than what is known beforehand tells nothing. */
	if (best_error < CLOCK_DRIFT_PPM_MAX * PPM) {
		offset->drift = best_drift;
		offset->drift_error = best_error;
	}
}

int clock_offset_add(struct clock_offset *offset, uint64_t sent_ns, uint64_t peer_in_ns, uint64_t peer_out_ns,
                     uint64_t received_ns)
{
	struct exchange exchange, *newest;
	uint64_t window = received_ns / WINDOW_NS;
	int r = read_exchange(sent_ns, peer_in_ns, peer_out_ns, received_ns, &exchange);

	if (r < 0)
		return r;
	if (offset->kept == 0 || window != offset->window) {
		offset->kept++;
		offset->window = window;
		offset->best[(offset->kept - 1) % WINDOWS] = exchange;
	}
	newest = &offset->best[(offset->kept - 1) % WINDOWS];
	if (exchange.delay_ns <= newest->delay_ns)
		*newest = exchange;
	offset->count++;
	update_drift(offset);
	return 0;
}

uint64_t clock_offset_count(const struct clock_offset *offset)
{
	return offset->count;
}

/* How fast a bound grows. */
static double growth(const struct clock_offset *offset)
{
	double most = CLOCK_DRIFT_PPM_MAX * PPM, least = CLOCK_DRIFT_PPM_MIN * PPM;
	double rate = fabs(offset->drift) + offset->drift_error;

	if (fabs(offset->drift) - offset->drift_error <= most)
		rate = fmin(rate, most);
	return fmax(rate, least);
}

static double bound_at(const struct exchange *exchange, double growth, uint64_t now_ns)
{
	/* From the farther end of the round trip: the offset held somewhere in it. */
	double since_sent = fabs(difference(now_ns, exchange->sent_ns));
	double since_received = fabs(difference(now_ns, exchange->received_ns));

	return (double)exchange->delay_ns / 2 + 1 + growth * fmax(since_sent, since_received);
}

int clock_offset_get(const struct clock_offset *offset, uint64_t now_ns, int64_t *ret_offset_ns, uint64_t *ret_bound_ns)
{
	const struct exchange *chosen = NULL;
	double rate = growth(offset), least = INFINITY;

	for (uint32_t i = 0; i < kept_count(offset); i++) {
		double bound = bound_at(&offset->best[i], rate, now_ns);

		if (bound < least) {
			least = bound;
			chosen = &offset->best[i];
		}
	}
	if (!chosen)
		return -ENODATA;
	*ret_offset_ns = chosen->offset_ns;
	*ret_bound_ns = least < (double)UINT64_MAX ? (uint64_t)ceil(least) : UINT64_MAX;
	return 0;
}

double clock_offset_drift_ppm(const struct clock_offset *offset)
{
	return offset->drift_error < CLOCK_DRIFT_PPM_MIN * PPM ? offset->drift / PPM : 0;
}
