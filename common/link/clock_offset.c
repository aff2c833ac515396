/* SPDX-License-Identifier: Apache-2.0 */
/* A peer's clock from exchanges of messages.
 *
 * Between jumps a model takes the exchanges. One that the model's interval can't be reconciled with raises a suspicion,
 * and another model takes those that were sent after it (itself it may have been under way when the clock jumped, and
 * then says nothing true). While the suspicion lasts either may be right, and the answer is what both allow. An
 * exchange that the first model allows and the other one doesn't ends the suspicion; CONFIRMATIONS that the first one
 * doesn't allow confirm it. The model before a jump is kept, for times before it. */
#include "common/link/clock_offset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/link/clock_model.h"

enum { CONFIRMATIONS = 2 };

#define PPM 1e-6

struct clock_offset {
	struct clock_model *model;
	uint64_t since_ns;            /* from when on it holds */
	struct clock_model *previous; /* before the newest jump; NULL: there was none */
	uint64_t previous_since_ns;
	uint64_t previous_until_ns;    /* it is known to have held until then */
	struct clock_model *suspected; /* NULL: there is no suspicion */
	struct clock_exchange trigger; /* that raised it */
	double gap_ns;                 /* the widest since then between what the model allows and an exchange said */
	uint32_t confirmations;
	uint64_t count;
	int64_t jump_ns;
	uint64_t jump_bound_ns;
};

static struct clock_model *model_new(void)
{
	struct clock_model *model = malloc(sizeof(*model));

	if (model)
		clock_model_init(model);
	return model;
}

struct clock_offset *clock_offset_new(void)
{
	struct clock_offset *offset = calloc(1, sizeof(*offset));

	if (offset)
		offset->model = model_new();
	return offset && offset->model ? offset : clock_offset_free(offset);
}

struct clock_offset *clock_offset_free(struct clock_offset *offset)
{
	if (offset) {
		free(offset->model);
		free(offset->previous);
		free(offset->suspected);
		free(offset);
	}
	return NULL;
}

static void drop_suspicion(struct clock_offset *offset)
{
	free(steal(offset->suspected));
	offset->confirmations = 0;
}

static int suspect(struct clock_offset *offset, const struct clock_exchange *trigger, double gap_ns)
{
	struct clock_model *model = model_new();

	if (!model)
		return -ENOMEM;
	drop_suspicion(offset);
	offset->suspected = model;
	offset->trigger = *trigger;
	offset->gap_ns = gap_ns;
	return 0;
}

static double middle(const struct clock_range *range)
{
	return range->low + (range->high - range->low) / 2;
}

/* A double that a liar's numbers may have made anything. */
static int64_t to_ns(double ns)
{
	return fabs(ns) < 9e18 ? (int64_t)llrint(ns) : 0;
}

/* Half the width, in whole ns. */
static uint64_t bound_of(const struct clock_range *range)
{
	double half = fabs(range->high - range->low) / 2;

	return half < 9e18 ? (uint64_t)ceil(half) + 1 : UINT64_MAX;
}

/* The suspected model takes over. CLOCK_JUMPED if the two are so far apart that no new rate explains it, else 0. */
static int turn_over(struct clock_offset *offset, uint64_t now_ns)
{
	int64_t base = offset->trigger.low_ns;
	struct clock_range before = clock_model_at(offset->model, now_ns, base);
	struct clock_range after = clock_model_at(offset->suspected, now_ns, base);
	uint64_t until_ns = offset->since_ns;

	/* What was sent later may have met the clock after its jump without contradicting the model. The new model's
	 * rates are safe, but after a long silence too wide to tell; then those from before the jump must do. */
	if (!clock_model_until(offset->model, offset->suspected, offset->suspected, now_ns, &until_ns))
		(void)clock_model_until(offset->model, offset->suspected, offset->model, now_ns, &until_ns);
	clock_model_cut(offset->model, until_ns);
	if (offset->model->count > 0)
		before = clock_model_at(offset->model, now_ns, base);
	free(offset->previous);
	offset->previous_since_ns = offset->since_ns;
	offset->previous_until_ns = until_ns;
	offset->previous = offset->model;
	offset->model = steal(offset->suspected);
	offset->since_ns = offset->trigger.received_ns;
	offset->confirmations = 0;
	if (offset->gap_ns < (double)CLOCK_JUMP_NS_MIN)
		return 0;
	offset->jump_ns = to_ns(middle(&after) - middle(&before));
	if (__builtin_add_overflow(bound_of(&after), bound_of(&before), &offset->jump_bound_ns))
		offset->jump_bound_ns = UINT64_MAX;
	return CLOCK_JUMPED;
}

/* Whether the exchange contradicts what is suspected: the other model, or while that has none the first exchange. */
static _Bool contradicts_suspicion(const struct clock_offset *offset, const struct clock_exchange *exchange)
{
	struct clock_model only;

	if (offset->suspected->count > 0)
		return clock_model_gap(offset->suspected, exchange) > 0;
	clock_model_init(&only);
	clock_model_add(&only, &offset->trigger);
	return clock_model_gap(&only, exchange) > 0;
}

static int add_under_suspicion(struct clock_offset *offset, const struct clock_exchange *exchange)
{
	double gap_ns = clock_model_gap(offset->model, exchange);
	_Bool against_model = gap_ns > 0;
	_Bool against_suspicion = contradicts_suspicion(offset, exchange);

	if (against_model && against_suspicion && offset->suspected->count > 0)
		return suspect(offset, exchange, gap_ns);
	if (!against_model && against_suspicion)
		drop_suspicion(offset);
	if (!against_model)
		clock_model_add(offset->model, exchange);
	if (offset->suspected)
		clock_model_add(offset->suspected, exchange);
	offset->gap_ns = fmax(offset->gap_ns, gap_ns);
	offset->confirmations += against_model;
	if (offset->confirmations < CONFIRMATIONS)
		return 0;
	return turn_over(offset, exchange->received_ns);
}

int clock_offset_add(struct clock_offset *offset, uint64_t sent_ns, uint64_t peer_in_ns, uint64_t peer_out_ns,
                     uint64_t received_ns)
{
	struct clock_exchange exchange;
	double gap_ns;
	int r = clock_exchange_read(sent_ns, peer_in_ns, peer_out_ns, received_ns, &exchange);

	if (r < 0)
		return r;
	offset->count++;
	if (offset->suspected) {
		/* One that was under way with it tells neither. */
		return sent_ns < offset->trigger.received_ns ? 0 : add_under_suspicion(offset, &exchange);
	}
	gap_ns = clock_model_gap(offset->model, &exchange);
	if (gap_ns > 0)
		return suspect(offset, &exchange, gap_ns);
	clock_model_add(offset->model, &exchange);
	return 0;
}

uint64_t clock_offset_count(const struct clock_offset *offset)
{
	return offset->count;
}

static void widen(struct clock_range *range, const struct clock_range *by)
{
	range->low = fmin(range->low, by->low);
	range->high = fmax(range->high, by->high);
}

/* What may have been at a time, by every model that may hold then. */
static struct clock_range range_at(const struct clock_offset *offset, uint64_t at_ns, int64_t base)
{
	_Bool now = at_ns >= offset->since_ns || !offset->previous;
	struct clock_range range = clock_model_at(now ? offset->model : offset->previous, at_ns, base), other;

	if (!now && at_ns > offset->previous_until_ns) {
		other = clock_model_at(offset->model, at_ns, base);
		widen(&range, &other);
	}
	if (now && offset->suspected) {
		other = clock_model_of(offset->suspected, &offset->trigger, at_ns, base);
		widen(&range, &other);
		if (offset->suspected->count > 0) {
			other = clock_model_at(offset->suspected, at_ns, base);
			widen(&range, &other);
		}
	}
	return range;
}

int clock_offset_at(const struct clock_offset *offset, uint64_t at_ns, int64_t *ret_offset_ns, uint64_t *ret_bound_ns)
{
	const struct clock_exchange *newest;
	struct clock_range range;

	if (offset->count == 0 || (offset->previous && at_ns < offset->previous_since_ns))
		return -ENODATA;
	newest = &offset->model->recent[(offset->model->count - 1) % CLOCK_RECENT];
	range = range_at(offset, at_ns, newest->low_ns);
	*ret_offset_ns = (int64_t)((uint64_t)newest->low_ns + (uint64_t)to_ns(middle(&range)));
	*ret_bound_ns = bound_of(&range);
	return 0;
}

int clock_offset_get(const struct clock_offset *offset, uint64_t now_ns, int64_t *ret_offset_ns, uint64_t *ret_bound_ns)
{
	return clock_offset_at(offset, now_ns, ret_offset_ns, ret_bound_ns);
}

double clock_offset_drift_ppm(const struct clock_offset *offset)
{
	return offset->model->drift_error < CLOCK_DRIFT_PPM_MAX * PPM ? offset->model->drift / PPM : 0;
}

double clock_offset_drift_bound_ppm(const struct clock_offset *offset)
{
	return fmin(offset->model->drift_error / PPM, CLOCK_DRIFT_PPM_MAX);
}

int64_t clock_offset_jump_ns(const struct clock_offset *offset, uint64_t *ret_bound_ns)
{
	if (ret_bound_ns)
		*ret_bound_ns = offset->jump_bound_ns;
	return offset->jump_ns;
}
