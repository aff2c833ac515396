/* SPDX-License-Identifier: Apache-2.0 */
/* Intervals of offsets, brought from the time of an exchange to another by the rates that are possible.
 *
 * Let the peer's rate against ours be within w of some r, for the minutes that are kept. Of two exchanges the older one
 * bounds the offset then, the newer one the offset later, and the difference bounds r: a range of r that every pair
 * allows. An exchange of long ago then says of now: its own interval, shifted by between r_low - w and r_high + w times
 * the time between. Each of these intervals holds the truth, so their intersection does. */
#include "common/link/clock_model.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/link/clock_offset.h"

#define WINDOW_NS (10 * NS_PER_S)
#define HOLD_NS (CLOCK_WINDOWS * WINDOW_NS) /* how far from an exchange its time's rate is believed */
#define PPM 1e-6
#define RATE_MAX (CLOCK_DRIFT_PPM_MAX * PPM)
#define WANDER (CLOCK_WANDER_PPM * PPM)
#define ROUNDING_NS 2 /* of times to ns, and of numbers of this size as floating-point ones */

int clock_exchange_read(uint64_t sent_ns, uint64_t peer_in_ns, uint64_t peer_out_ns, uint64_t received_ns,
                        struct clock_exchange *ret_exchange)
{
	uint64_t round_trip_ns, peer_ns, delay_ns, way_ns;

	if (received_ns < sent_ns || peer_out_ns < peer_in_ns)
		return -EINVAL;
	round_trip_ns = received_ns - sent_ns;
	peer_ns = peer_out_ns - peer_in_ns;
	/* By its own, faster clock the peer may have taken a little longer than we saw. */
	if (peer_ns > round_trip_ns + round_trip_ns / 1000)
		return -EINVAL;
	delay_ns = peer_ns < round_trip_ns ? round_trip_ns - peer_ns : 0;
	way_ns = delay_ns + peer_ns / 1000;
	if (way_ns > round_trip_ns)
		way_ns = round_trip_ns;
	*ret_exchange = (struct clock_exchange){
	        .sent_ns = sent_ns,
	        .in_ns = sent_ns + way_ns,
	        .out_ns = received_ns - way_ns,
	        .received_ns = received_ns,
	        .delay_ns = delay_ns,
	        .high_ns = (int64_t)(peer_in_ns - sent_ns),
	        .low_ns = (int64_t)(peer_out_ns - received_ns),
	};
	return 0;
}

void clock_model_init(struct clock_model *model)
{
	*model = (struct clock_model){.rate_low = -RATE_MAX, .rate_high = RATE_MAX, .drift_error = RATE_MAX};
}

static uint32_t kept_count(const struct clock_model *model)
{
	return model->kept < CLOCK_WINDOWS ? (uint32_t)model->kept : CLOCK_WINDOWS;
}

static uint32_t recent_count(const struct clock_model *model)
{
	return model->count < CLOCK_RECENT ? (uint32_t)model->count : CLOCK_RECENT;
}

/* later - earlier; any two values are allowed. */
static double difference(uint64_t later, uint64_t earlier)
{
	return (double)(int64_t)(later - earlier);
}

static double offset_from(int64_t offset_ns, int64_t base)
{
	return difference((uint64_t)offset_ns, (uint64_t)base);
}

/* What a rate adds to the offset in ns_apart (negative: back in time). Rates are known for some minutes about an
 * exchange; beyond those only the greatest one is. `outermost` is the greatest rate, of the sign that is looked for. */
static double climb(double rate, double ns_apart, double outermost)
{
	double held = fmin(fabs(ns_apart), (double)HOLD_NS);
	double beyond = fabs(ns_apart) - held;

	return (ns_apart < 0 ? -rate : rate) * held + outermost * beyond;
}

/* The most that the offset can have gained between a moment in [from, to] and `at`. */
static double most_gained(const struct clock_model *model, uint64_t at_ns, uint64_t from_ns, uint64_t to_ns)
{
	double low = fmax(model->rate_low - WANDER, -RATE_MAX), high = fmin(model->rate_high + WANDER, RATE_MAX);
	double first = difference(at_ns, from_ns), last = difference(at_ns, to_ns);

	return fmax(climb(first < 0 ? low : high, first, RATE_MAX), climb(last < 0 ? low : high, last, RATE_MAX));
}

static double least_gained(const struct clock_model *model, uint64_t at_ns, uint64_t from_ns, uint64_t to_ns)
{
	double low = fmax(model->rate_low - WANDER, -RATE_MAX), high = fmin(model->rate_high + WANDER, RATE_MAX);
	double first = difference(at_ns, from_ns), last = difference(at_ns, to_ns);

	return fmin(climb(first < 0 ? high : low, first, -RATE_MAX), climb(last < 0 ? high : low, last, -RATE_MAX));
}

struct clock_range clock_model_of(const struct clock_model *model, const struct clock_exchange *exchange,
                                  uint64_t at_ns, int64_t base)
{
	return (struct clock_range){
	        .low = offset_from(exchange->low_ns, base) - ROUNDING_NS +
	               least_gained(model, at_ns, exchange->out_ns, exchange->received_ns),
	        .high = offset_from(exchange->high_ns, base) + ROUNDING_NS +
	                most_gained(model, at_ns, exchange->sent_ns, exchange->in_ns),
	};
}

static void narrow(struct clock_range *range, const struct clock_range *by)
{
	range->low = fmax(range->low, by->low);
	range->high = fmin(range->high, by->high);
}

/* The best of each window, then the newest ones. */
static const struct clock_exchange *kept_at(const struct clock_model *model, uint32_t i)
{
	return i < kept_count(model) ? &model->best[i] : &model->recent[i - kept_count(model)];
}

struct clock_range clock_model_at(const struct clock_model *model, uint64_t at_ns, int64_t base)
{
	struct clock_range range = {-INFINITY, INFINITY};

	for (uint32_t i = 0; i < kept_count(model) + recent_count(model); i++) {
		struct clock_range one = clock_model_of(model, kept_at(model, i), at_ns, base);

		narrow(&range, &one);
	}
	return range;
}

double clock_model_gap(const struct clock_model *model, const struct clock_exchange *exchange)
{
	uint64_t at_ns = exchange->received_ns;
	struct clock_range allowed = clock_model_at(model, at_ns, exchange->low_ns);
	struct clock_range said = clock_model_of(model, exchange, at_ns, exchange->low_ns);

	return fmax(0, fmax(said.low - allowed.high, allowed.low - said.high));
}

_Bool clock_model_until(const struct clock_model *model, const struct clock_model *other,
                        const struct clock_model *rates, uint64_t at_ns, uint64_t *ret_sent_ns)
{
	_Bool found = 0;

	for (uint32_t i = 0; i < kept_count(model) + recent_count(model); i++) {
		const struct clock_exchange *exchange = kept_at(model, i);
		struct clock_range said = clock_model_of(rates, exchange, at_ns, exchange->low_ns);
		struct clock_range allowed = clock_model_at(other, at_ns, exchange->low_ns);

		if (said.low <= allowed.high && allowed.low <= said.high)
			continue;
		if (!found || exchange->sent_ns > *ret_sent_ns)
			*ret_sent_ns = exchange->sent_ns;
		found = 1;
	}
	return found;
}

/* The least that the rate can be if the offset gained at least `gained` in a time between `shortest` and `longest`. */
static double least_rate(double gained, double shortest, double longest)
{
	return gained / (gained > 0 ? longest : shortest);
}

/* The mean rate between two exchanges, as a range. False if they are too near each other. */
static _Bool mean_rate(const struct clock_exchange *older, const struct clock_exchange *newer,
                       struct clock_range *ret_rate)
{
	double least = offset_from(newer->low_ns, older->high_ns) - 2 * ROUNDING_NS;
	double most = offset_from(newer->high_ns, older->low_ns) + 2 * ROUNDING_NS;
	double apart_ns = difference(newer->sent_ns, older->received_ns);

	if (apart_ns <= 0)
		return 0;
	ret_rate->low = least_rate(least, difference(newer->out_ns, older->in_ns),
	                           difference(newer->received_ns, older->sent_ns));
	ret_rate->high = -least_rate(-most, apart_ns, difference(newer->in_ns, older->out_ns));
	return 1;
}

static void learn_rate(struct clock_model *model, const struct clock_exchange *older,
                       const struct clock_exchange *newer)
{
	struct clock_range rate;

	if (!mean_rate(older, newer, &rate))
		return;
	model->rate_low = fmax(model->rate_low, rate.low - WANDER);
	model->rate_high = fmin(model->rate_high, rate.high + WANDER);
	if ((rate.high - rate.low) / 2 < model->drift_error) {
		model->drift = (rate.low + rate.high) / 2;
		model->drift_error = (rate.high - rate.low) / 2;
	}
}

/* From all that is kept: what went out of the ring no longer counts. */
static void learn_rates(struct clock_model *model)
{
	model->rate_low = -RATE_MAX;
	model->rate_high = RATE_MAX;
	model->drift_error = RATE_MAX;
	for (uint64_t newer = model->kept - kept_count(model); newer < model->kept; newer++)
		for (uint64_t older = model->kept - kept_count(model); older < newer; older++)
			learn_rate(model, &model->best[older % CLOCK_WINDOWS], &model->best[newer % CLOCK_WINDOWS]);
}

void clock_model_cut(struct clock_model *model, uint64_t at_ns)
{
	struct clock_exchange best[CLOCK_WINDOWS], recent[CLOCK_RECENT];
	uint32_t kept = 0, count = 0;

	for (uint64_t i = model->kept - kept_count(model); i < model->kept; i++)
		if (model->best[i % CLOCK_WINDOWS].sent_ns <= at_ns)
			best[kept++] = model->best[i % CLOCK_WINDOWS];
	for (uint64_t i = model->count - recent_count(model); i < model->count; i++)
		if (model->recent[i % CLOCK_RECENT].sent_ns <= at_ns)
			recent[count++] = model->recent[i % CLOCK_RECENT];
	memcpy(model->best, best, kept * sizeof(*best));
	memcpy(model->recent, recent, count * sizeof(*recent));
	model->kept = kept;
	model->count = count;
	learn_rates(model);
}

/* No rate fits all that is kept: it isn't what it was. The newest exchange is all that can still be believed. */
static void forget_rates(struct clock_model *model, const struct clock_exchange *newest)
{
	clock_model_init(model);
	model->best[0] = model->recent[0] = *newest;
	model->kept = model->count = 1;
	model->window = newest->received_ns / WINDOW_NS;
}

void clock_model_add(struct clock_model *model, const struct clock_exchange *exchange)
{
	uint64_t window = exchange->received_ns / WINDOW_NS;
	struct clock_exchange *newest;

	if (model->kept == 0 || window != model->window) {
		model->kept++;
		model->window = window;
		model->best[(model->kept - 1) % CLOCK_WINDOWS] = *exchange;
		learn_rates(model);
	}
	newest = &model->best[(model->kept - 1) % CLOCK_WINDOWS];
	if (exchange->delay_ns <= newest->delay_ns)
		*newest = *exchange;
	model->recent[model->count++ % CLOCK_RECENT] = *exchange;
	for (uint32_t i = 0; i < kept_count(model); i++)
		learn_rate(model, &model->best[i], exchange);
	if (model->rate_low > model->rate_high)
		forget_rates(model, exchange);
}
