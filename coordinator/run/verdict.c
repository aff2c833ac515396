/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds judged on merged data.
 *
 * Each threshold sums up the series that its selector matches. What comes above the watermark waits in its second,
 * merged as agents are merged (gauges by the metric's rule); when the watermark passes a second, it is folded into the
 * threshold's total and into its sliding window. Folding goes in the order of
 * time, so a gauge's last value and the windows are the same whatever the order of arrival. */
#include "coordinator/run/verdict.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "coordinator/run/outcomes.h"
#include "coordinator/run/sliding.h"

/* A threshold and what it has seen. */
struct watch {
	const struct threshold *threshold;
	enum metric_kind kind;
	struct cell total;
	uint64_t window_s; /* 0: no window, and none of the following */
	struct sliding *window;
	_Bool judged; /* a full window has been seen */
	double worst; /* NAN: those had no data */
	_Bool worst_few;
};

/* A second above the watermark: a cell for each threshold. */
struct waiting {
	uint64_t second;
	struct cell *cells;
};

struct verdict {
	struct watch *watches;
	uint32_t count;
	uint32_t
	        *by_metric[METRIC_COUNT]; /* the thresholds that look at a series of this metric, ended by UINT32_MAX */
	struct waiting *waiting;          /* ascending */
	size_t waiting_count, waiting_capacity;
	uint64_t next;         /* the first second that isn't folded */
	uint64_t first_second; /* the first with a measured value; UINT64_MAX: none yet */
	uint64_t from_ns, until_ns;
};

DEFINE_CLEANUP(struct verdict *, verdict_free)

static struct cell *cells_release(struct cell *cells, uint64_t count)
{
	for (uint64_t i = 0; cells && i < count; i++)
		cell_deinit(&cells[i]);
	free(cells);
	return NULL;
}

static void watch_deinit(struct watch *watch)
{
	cell_deinit(&watch->total);
	watch->window = sliding_free(watch->window);
}

struct verdict *verdict_free(struct verdict *verdict)
{
	if (!verdict)
		return NULL;
	for (uint32_t i = 0; i < verdict->count; i++)
		watch_deinit(&verdict->watches[i]);
	free(verdict->watches);
	for (size_t i = 0; i < METRIC_COUNT; i++)
		free(verdict->by_metric[i]);
	for (size_t i = 0; i < verdict->waiting_count; i++)
		cells_release(verdict->waiting[i].cells, verdict->count);
	free(verdict->waiting);
	free(verdict);
	return NULL;
}

static int watch_init(struct watch *watch, const struct threshold *threshold)
{
	enum metric_kind kind = metrics[threshold->selector.metric].kind;

	watch->threshold = threshold;
	watch->kind = kind;
	watch->worst = NAN;
	if (cell_init(&watch->total, kind) < 0)
		return -ENOMEM;
	if (threshold->window_ns == 0)
		return 0;
	watch->window_s = (threshold->window_ns + NS_PER_S - 1) / NS_PER_S;
	return sliding_new(kind, watch->window_s, &watch->window);
}

static _Bool is_availability(const struct watch *watch)
{
	return watch->threshold->selector.metric == METRIC_AVAILABILITY;
}

static _Bool looks_at(const struct watch *watch, enum metric_id metric)
{
	return watch->threshold->selector.metric == metric ||
	       (is_availability(watch) && outcomes_counts_operations(metric));
}

static int list_by_metric(struct verdict *verdict)
{
	for (uint32_t metric = 0; metric < METRIC_COUNT; metric++) {
		uint32_t *list = malloc(((size_t)verdict->count + 1) * sizeof(*list));
		uint32_t count = 0;

		if (!list)
			return -ENOMEM;
		for (uint32_t i = 0; i < verdict->count; i++)
			if (looks_at(&verdict->watches[i], metric))
				list[count++] = i;
		list[count] = UINT32_MAX;
		verdict->by_metric[metric] = list;
	}
	return 0;
}

int verdict_new(const struct plan *plan, struct verdict **ret_verdict)
{
	struct verdict *verdict cleanup(verdict_freep) = calloc(1, sizeof(*verdict));
	int r = 0;

	if (!verdict)
		return -ENOMEM;
	verdict->first_second = UINT64_MAX;
	verdict->from_ns = plan->warmup_ns;
	verdict->until_ns = UINT64_MAX;
	verdict->watches = calloc(plan->threshold_count ? plan->threshold_count : 1, sizeof(*verdict->watches));
	if (!verdict->watches)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < plan->threshold_count; i++) {
		verdict->count++;
		r = watch_init(&verdict->watches[i], &plan->thresholds[i]);
	}
	if (r == 0)
		r = list_by_metric(verdict);
	if (r == 0)
		*ret_verdict = steal(verdict);
	return r;
}

void verdict_set_span(struct verdict *verdict, uint64_t from_ns, uint64_t until_ns)
{
	verdict->from_ns = from_ns;
	verdict->until_ns = until_ns;
}

/* ---- taking values in ---- */

static _Bool part_matches(const char *wanted, const char *part)
{
	return !wanted || strcmp(wanted, part) == 0;
}

static _Bool selects(const struct selector *selector, const struct series *series)
{
	return part_matches(selector->scenario, series->scenario) && part_matches(selector->step, series->step) &&
	       part_matches(selector->group, series->group) && part_matches(selector->label, series->label);
}

static struct cell *make_cells(const struct verdict *verdict)
{
	struct cell *cells = calloc(verdict->count, sizeof(*cells));

	for (uint32_t i = 0; cells && i < verdict->count; i++)
		if (cell_init(&cells[i], verdict->watches[i].kind) < 0)
			return cells_release(cells, verdict->count);
	return cells;
}

/* The waiting cells of a second, in their place among the others. NULL without memory. */
static struct cell *waiting_of(struct verdict *verdict, uint64_t second)
{
	size_t at = verdict->waiting_count;
	struct cell *cells;

	while (at > 0 && verdict->waiting[at - 1].second > second)
		at--;
	if (at > 0 && verdict->waiting[at - 1].second == second)
		return verdict->waiting[at - 1].cells;
	if (array_reserve(&verdict->waiting, &verdict->waiting_capacity, verdict->waiting_count,
	                  sizeof(*verdict->waiting)) < 0)
		return NULL;
	cells = make_cells(verdict);
	if (!cells)
		return NULL;
	memmove(&verdict->waiting[at + 1], &verdict->waiting[at],
	        (verdict->waiting_count - at) * sizeof(*verdict->waiting));
	verdict->waiting[at] = (struct waiting){second, cells};
	verdict->waiting_count++;
	return cells;
}

/* A second that was folded already gets more. */
static int amend(struct watch *watch, uint64_t second, const struct cell *cell)
{
	int r;

	if (watch->kind == METRIC_GAUGE || is_availability(watch))
		return 0;
	r = cell_add_later(&watch->total, cell);
	if (r == 0 && watch->window)
		r = sliding_amend(watch->window, second, cell);
	return r;
}

/* Series that the selector sums up differ in their labels unless it names one. */
static enum metric_merge merge_of(const struct watch *watch, enum metric_id metric)
{
	return watch->threshold->selector.label ? metrics[metric].merge : metric_merge_labels(metric);
}

static int add_to(struct verdict *verdict, uint32_t index, uint64_t second, const struct series *series,
                  const struct cell *cell)
{
	struct watch *watch = &verdict->watches[index];
	struct cell *cells;

	if (!selects(&watch->threshold->selector, series))
		return 0;
	if (second < verdict->next)
		return amend(watch, second, cell);
	cells = waiting_of(verdict, second);
	return cells ? cell_merge(&cells[index], cell, merge_of(watch, series->metric)) : -ENOMEM;
}

int verdict_add(struct verdict *verdict, uint64_t second, const struct series *series, const struct cell *cell)
{
	const uint32_t *list = verdict->by_metric[series->metric];

	if (series->warmup)
		return 0;
	if (second < verdict->first_second && cell->kind != METRIC_GAUGE)
		verdict->first_second = second;
	for (; *list != UINT32_MAX; list++) {
		int r = add_to(verdict, *list, second, series, cell);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- judging ---- */

/* What an expression compares. NAN: no data. */
static double value_of(const struct expression *expression, const struct cell *cell, double span_s, _Bool *ret_few)
{
	const struct histogram *histogram;

	*ret_few = 0;
	if (cell->kind == METRIC_COUNTER) {
		if (expression->aggregate == AGGREGATE_COUNT)
			return (double)cell->counter;
		return span_s > 0 ? (double)cell->counter / span_s : NAN;
	}
	if (cell_is_empty(cell))
		return NAN;
	if (cell->kind == METRIC_RATE)
		return (double)cell->rate.hits / (double)cell->rate.total;
	histogram = cell->kind == METRIC_LATENCY ? cell->latency.histogram : NULL;
	switch (expression->aggregate) {
	case AGGREGATE_VALUE:
		return cell->gauge.last;
	case AGGREGATE_AVG:
		return histogram ? histogram_mean_us(histogram) / 1000 : cell->gauge.sum / (double)cell->gauge.count;
	case AGGREGATE_MIN:
		return histogram ? (double)histogram_min_us(histogram) / 1000 : cell->gauge.min;
	case AGGREGATE_MAX:
		return histogram ? (double)histogram_max_us(histogram) / 1000 : cell->gauge.max;
	case AGGREGATE_MED:
		*ret_few = histogram_few_samples(histogram_count(histogram), 50);
		return (double)histogram_percentile_us(histogram, 50) / 1000;
	case AGGREGATE_PERCENTILE:
		*ret_few = histogram_few_samples(histogram_count(histogram), expression->percentile);
		return (double)histogram_percentile_us(histogram, expression->percentile) / 1000;
	default:
		return NAN;
	}
}

static _Bool is_worse(const struct expression *expression, double value, double than)
{
	if (isnan(value))
		return 0;
	if (isnan(than))
		return 1;
	switch (expression->comparison) {
	case COMPARE_LESS:
	case COMPARE_LESS_EQUAL:
		return value > than;
	case COMPARE_GREATER:
	case COMPARE_GREATER_EQUAL:
		return value < than;
	default:
		return expression_holds(expression, than) && !expression_holds(expression, value);
	}
}

/* How much of the judged span lies in the seconds up to and including `second`, and of the last window_s of them alone
 * (0: all). */
static double span_s(const struct verdict *verdict, uint64_t second, uint64_t window_s)
{
	uint64_t end = (second + 1) * NS_PER_S;
	uint64_t begin = window_s > 0 && second + 1 > window_s ? (second + 1 - window_s) * NS_PER_S : 0;

	if (begin < verdict->from_ns)
		begin = verdict->from_ns;
	if (end > verdict->until_ns)
		end = verdict->until_ns;
	return end > begin ? (double)(end - begin) / 1e9 : 0;
}

static _Bool window_counts(const struct verdict *verdict, const struct watch *watch, uint64_t second)
{
	_Bool goes_on = watch->kind == METRIC_RATE || watch->kind == METRIC_LATENCY;

	if (second + 1 < watch->window_s || (second + 1 - watch->window_s) * NS_PER_S < verdict->from_ns)
		return 0;
	return goes_on || (second + 1) * NS_PER_S <= verdict->until_ns;
}

static void keep_worst(struct watch *watch, double value, _Bool few)
{
	watch->judged = 1;
	if (!is_worse(&watch->threshold->expression, value, watch->worst))
		return;
	watch->worst = value;
	watch->worst_few = few;
}

static int fold(struct watch *watch, const struct cell *cell)
{
	struct cell derived;
	int r = 0;

	if (cell && is_availability(watch)) {
		derived = outcomes_availability(cell);
		cell = &derived;
	}
	if (cell)
		r = cell_add_later(&watch->total, cell);
	if (r == 0 && watch->window)
		r = sliding_next(watch->window, cell);
	return r;
}

/* Where the threshold stands after `second`: what it would abort for. */
static int stand(struct verdict *verdict, struct watch *watch, uint64_t second, double *ret_value)
{
	const struct expression *expression = &watch->threshold->expression;
	const struct cell *sum = &watch->total;
	_Bool few;

	if (watch->window)
		sum = sliding_sum(watch->window);
	if (!sum)
		return -ENOMEM;
	*ret_value = value_of(expression, sum, span_s(verdict, second, watch->window_s), &few);
	if (watch->window && window_counts(verdict, watch, second))
		keep_worst(watch, *ret_value, few);
	return 0;
}

static _Bool may_abort(const struct verdict *verdict, const struct watch *watch, uint64_t second)
{
	uint64_t end = (second + 1) * NS_PER_S;

	return watch->threshold->abort_on_fail && second >= verdict->first_second && end > verdict->from_ns &&
	       end >= watch->threshold->delay_abort_eval_ns;
}

/* Folds one second. *failed is set to the first threshold that fails in a way that aborts, unless it is set already. */
static int advance_one(struct verdict *verdict, uint64_t second, const struct cell *cells, int *failed,
                       double *ret_observed)
{
	for (uint32_t i = 0; i < verdict->count; i++) {
		struct watch *watch = &verdict->watches[i];
		double value = NAN;
		int r = fold(watch, cells ? &cells[i] : NULL);

		if (r == 0 && (watch->window || watch->threshold->abort_on_fail))
			r = stand(verdict, watch, second, &value);
		if (r < 0)
			return r;
		if (*failed >= 0 || isnan(value) || !may_abort(verdict, watch, second) ||
		    expression_holds(&watch->threshold->expression, value))
			continue;
		*failed = (int)i;
		*ret_observed = value;
	}
	return 0;
}

int verdict_advance(struct verdict *verdict, uint64_t watermark, double *ret_observed)
{
	size_t used = 0;
	int failed = -1;
	int r = 0;

	for (; r == 0 && verdict->count > 0 && verdict->next <= watermark; verdict->next++) {
		struct cell *cells = NULL;

		if (used < verdict->waiting_count && verdict->waiting[used].second == verdict->next)
			cells = verdict->waiting[used++].cells;
		r = advance_one(verdict, verdict->next, cells, &failed, ret_observed);
		cells_release(cells, verdict->count);
	}
	verdict->waiting_count -= used;
	if (used > 0)
		memmove(verdict->waiting, verdict->waiting + used, verdict->waiting_count * sizeof(*verdict->waiting));
	return r < 0 ? r : failed;
}

struct verdict_result verdict_result(const struct verdict *verdict, uint32_t index, uint64_t measured_ns)
{
	const struct watch *watch = &verdict->watches[index];
	const struct expression *expression = &watch->threshold->expression;
	struct verdict_result result = {.observed = watch->worst, .few_samples = watch->worst_few};
	double span = (double)measured_ns / 1e9;

	if (measured_ns == 0 && verdict->next > 0)
		span = span_s(verdict, verdict->next - 1, 0);
	if (!watch->judged)
		result.observed = value_of(expression, &watch->total, span, &result.few_samples);
	result.no_data = isnan(result.observed);
	result.pass = !result.no_data && expression_holds(expression, result.observed);
	return result;
}
