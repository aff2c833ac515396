/* SPDX-License-Identifier: Apache-2.0 */
/* A sliding sum of what cannot be subtracted.
 *
 * Histograms, minima and maxima only add up, so a second can't be taken out of a sum again. The window is kept in two
 * parts: of the older one there is for each second the sum from it to the part's end; the newer one has one sum. The
 * window's sum is that of its first second plus the newer part's. When the older part has slid out, the newer becomes
 * the older: each second is then added twice in all, whatever the window's length. */
#include "coordinator/run/sliding.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/base/cleanup.h"

struct sliding {
	enum metric_kind kind;
	uint64_t seconds;
	uint64_t next;       /* the second that comes next */
	uint64_t newer_from; /* the newer part's first second */
	struct cell **ring;  /* each second's own, by second modulo seconds; NULL: never used */
	struct cell *
	        *sums; /* likewise: the sum from this second to newer_from, exclusive. Of the older part's seconds */
	struct cell newer;
	struct cell window;
};

DEFINE_CLEANUP(struct sliding *, sliding_free)

static void release(struct cell **cells, uint64_t count)
{
	for (uint64_t i = 0; cells && i < count; i++) {
		if (cells[i])
			cell_deinit(cells[i]);
		free(cells[i]);
	}
	free(cells);
}

struct sliding *sliding_free(struct sliding *sliding)
{
	if (!sliding)
		return NULL;
	release(sliding->ring, sliding->seconds);
	release(sliding->sums, sliding->seconds);
	cell_deinit(&sliding->newer);
	cell_deinit(&sliding->window);
	free(sliding);
	return NULL;
}

int sliding_new(enum metric_kind kind, uint64_t seconds, struct sliding **ret_sliding)
{
	struct sliding *sliding cleanup(sliding_freep) = calloc(1, sizeof(*sliding));

	assert(seconds > 0);
	if (!sliding)
		return -ENOMEM;
	sliding->kind = kind;
	sliding->seconds = seconds;
	sliding->ring = calloc(seconds, sizeof(struct cell *));
	sliding->sums = calloc(seconds, sizeof(struct cell *));
	if (!sliding->ring || !sliding->sums || cell_init(&sliding->newer, kind) < 0 ||
	    cell_init(&sliding->window, kind) < 0)
		return -ENOMEM;
	*ret_sliding = steal(sliding);
	return 0;
}

/* The slot of a second, made at its first use. NULL without memory. */
static struct cell *slot_of(const struct sliding *sliding, struct cell **cells, uint64_t second)
{
	struct cell **slot = &cells[second % sliding->seconds];

	if (*slot)
		return *slot;
	*slot = calloc(1, sizeof(**slot));
	if (*slot && cell_init(*slot, sliding->kind) < 0) {
		free(*slot);
		*slot = NULL;
	}
	return *slot;
}

static int add(struct cell *into, const struct cell *from)
{
	if (!into)
		return -ENOMEM;
	return !from || cell_is_empty(from) ? 0 : cell_add_later(into, from);
}

/* The window's first second. */
static uint64_t first_of(const struct sliding *sliding)
{
	return sliding->next > sliding->seconds ? sliding->next - sliding->seconds : 0;
}

/* The newer part becomes the older. */
static int turn_over(struct sliding *sliding)
{
	const struct cell *later = NULL;
	int r = 0;

	for (uint64_t second = sliding->next; r == 0 && second-- > first_of(sliding);) {
		struct cell *sum = slot_of(sliding, sliding->sums, second);

		if (sum)
			cell_reset(sum);
		r = add(sum, sliding->ring[second % sliding->seconds]);
		if (r == 0)
			r = add(sum, later);
		later = sum;
	}
	cell_reset(&sliding->newer);
	sliding->newer_from = sliding->next;
	return r;
}

int sliding_next(struct sliding *sliding, const struct cell *cell)
{
	struct cell *own = slot_of(sliding, sliding->ring, sliding->next);
	int r;

	if (!own)
		return -ENOMEM;
	cell_reset(own);
	r = add(own, cell);
	if (r == 0)
		r = add(&sliding->newer, cell);
	sliding->next++;
	if (r == 0 && first_of(sliding) >= sliding->newer_from)
		r = turn_over(sliding);
	return r;
}

int sliding_amend(struct sliding *sliding, uint64_t second, const struct cell *cell)
{
	int r;

	if (sliding->kind == METRIC_GAUGE || second >= sliding->next || second < first_of(sliding))
		return 0;
	r = add(sliding->ring[second % sliding->seconds], cell);
	if (second >= sliding->newer_from)
		return r < 0 ? r : add(&sliding->newer, cell);
	for (uint64_t from = first_of(sliding); r == 0 && from <= second; from++)
		r = add(sliding->sums[from % sliding->seconds], cell);
	return r;
}

const struct cell *sliding_sum(struct sliding *sliding)
{
	uint64_t first = first_of(sliding);
	int r = 0;

	cell_reset(&sliding->window);
	if (first < sliding->newer_from)
		r = add(&sliding->window, sliding->sums[first % sliding->seconds]);
	if (r == 0)
		r = add(&sliding->window, &sliding->newer);
	return r == 0 ? &sliding->window : NULL;
}
