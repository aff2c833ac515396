/* SPDX-License-Identifier: Apache-2.0 */
/* Dealing a share out to heirs.
 *
 * A class that makes up much of what is dealt is split among all heirs, by weight. Splitting every class each time
 * would double the number of classes of every heir with each agent that is lost; so small ones go whole, to the heir
 * that has least for its weight. What a part comes to is a number of VUs or producers where there are so many and no
 * more, and its density among arrivals otherwise. */
#include "coordinator/run/division_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"

enum { SMALL_PARTS = 8 /* a class of less than this part of an heir's part is small */ };

struct heir {
	uint32_t agent;
	uint32_t weight;
	double size;        /* of what it has */
	struct share small; /* classes that are dealt to it whole */
};

struct deal {
	const struct scenario *scenario;
	_Bool endless;
	uint64_t domain;
	struct heir *heirs;
	uint32_t heir_count;
	struct share big;
	struct share_class *small; /* largest first */
	uint32_t small_count;
};

static void deal_deinit(struct deal *deal)
{
	for (uint32_t i = 0; deal->heirs && i < deal->heir_count; i++)
		share_deinit(&deal->heirs[i].small);
	free(deal->heirs);
	share_deinit(&deal->big);
	free(deal->small);
}

static double class_size(const struct deal *deal, const struct share_class *class)
{
	const struct share one = {.classes = (struct share_class *)class, .count = 1};

	return deal->endless ? 1.0 / (double)class->modulus : (double)share_count(&one, deal->domain);
}

static double share_size(const struct deal *deal, const struct share *share)
{
	double size = 0;

	for (uint32_t i = 0; i < share->count; i++)
		size += class_size(deal, &share->classes[i]);
	return size;
}

static int compare_classes(const void *left, const void *right)
{
	const struct share_class *a = left, *b = right;

	if (a->modulus != b->modulus)
		return a->modulus < b->modulus ? -1 : 1;
	return a->residue < b->residue ? -1 : a->residue > b->residue;
}

/* Sorts what is dealt into big classes and small ones. */
static int sort_classes(struct deal *deal, const struct share *whole)
{
	double bound = share_size(deal, whole) / (SMALL_PARTS * (double)deal->heir_count);

	deal->big.classes = calloc(whole->count, sizeof(*deal->big.classes));
	deal->small = calloc(whole->count, sizeof(*deal->small));
	if (!deal->big.classes || !deal->small)
		return -ENOMEM;
	deal->big.capacity = whole->count;
	for (uint32_t i = 0; i < whole->count; i++) {
		double size = class_size(deal, &whole->classes[i]);

		/* One thing can't be split. */
		if (size < bound || (!deal->endless && size <= 1))
			deal->small[deal->small_count++] = whole->classes[i];
		else
			deal->big.classes[deal->big.count++] = whole->classes[i];
	}
	qsort(deal->small, deal->small_count, sizeof(*deal->small), compare_classes);
	return 0;
}

static int compare_heirs(const void *left, const void *right)
{
	const struct heir *a = left, *b = right;
	double x = a->size * b->weight, y = b->size * a->weight;

	if (x != y)
		return x < y ? -1 : 1;
	return a->agent < b->agent ? -1 : 1;
}

static int find_heirs(struct deal *deal, const struct division *division, uint32_t scenario, const uint32_t *weights)
{
	deal->heirs = calloc(division->agent_count, sizeof(*deal->heirs));
	if (!deal->heirs)
		return -ENOMEM;
	for (uint32_t i = 0; i < division->agent_count; i++) {
		if (!weights[i])
			continue;
		deal->heirs[deal->heir_count++] =
		        (struct heir){.agent = i,
		                      .weight = weights[i],
		                      .size = share_size(deal, &division_of(division, i)[scenario])};
	}
	qsort(deal->heirs, deal->heir_count, sizeof(*deal->heirs), compare_heirs);
	return 0;
}

static int split_big(struct deal *deal, struct share *parts)
{
	uint32_t *weights cleanup(cleanup_free) = calloc(deal->heir_count, sizeof(*weights));
	struct share *split cleanup(cleanup_free) = calloc(deal->heir_count, sizeof(*split));
	int r;

	if (!weights || !split)
		return -ENOMEM;
	for (uint32_t i = 0; i < deal->heir_count; i++)
		weights[i] = deal->heirs[i].weight;
	r = share_divide(&deal->big, weights, deal->heir_count, split);
	for (uint32_t i = 0; r == 0 && i < deal->heir_count; i++) {
		deal->heirs[i].size += share_size(deal, &split[i]);
		parts[deal->heirs[i].agent] = split[i];
	}
	return r;
}

static struct heir *poorest(struct deal *deal)
{
	struct heir *best = &deal->heirs[0];

	for (uint32_t i = 1; i < deal->heir_count; i++)
		if (compare_heirs(&deal->heirs[i], best) < 0)
			best = &deal->heirs[i];
	return best;
}

static int deal_small(struct deal *deal, struct share *parts)
{
	int r = 0;

	for (uint32_t i = 0; i < deal->small_count; i++) {
		struct heir *heir = poorest(deal);
		struct share *into = &heir->small;

		if (!into->classes) {
			into->classes = calloc(deal->small_count - i, sizeof(*into->classes));
			if (!into->classes)
				return -ENOMEM;
			into->capacity = deal->small_count - i;
		}
		into->classes[into->count++] = deal->small[i];
		heir->size += class_size(deal, &deal->small[i]);
	}
	for (uint32_t i = 0; r == 0 && i < deal->heir_count; i++)
		r = share_add(&parts[deal->heirs[i].agent], &deal->heirs[i].small);
	return r;
}

static int deal_to(const struct plan *plan, const struct division *division, uint32_t scenario,
                   const struct share *whole, const uint32_t *weights, struct share *parts)
{
	struct deal deal cleanup(deal_deinit) = {.scenario = &plan->scenarios[scenario],
	                                         .endless = division_is_endless(&plan->scenarios[scenario]),
	                                         .domain = division_domain(&plan->scenarios[scenario])};
	int r = find_heirs(&deal, division, scenario, weights);

	if (r < 0 || deal.heir_count == 0)
		return r;
	r = sort_classes(&deal, whole);
	if (r == 0)
		r = split_big(&deal, parts);
	if (r == 0)
		r = deal_small(&deal, parts);
	return r < 0 ? r : 1;
}

static void drop_parts(struct share *parts, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		share_deinit(&parts[i]);
}

/* Arrivals need a VU of their agent's own. Takes its weight from each heir that would have none; true if there was one.
 */
static _Bool leave_out_idle(const struct plan *plan, const struct division *division, uint32_t scenario,
                            const struct share *parts, uint32_t *weights)
{
	const struct scenario *of = &plan->scenarios[scenario];
	uint64_t vus = scenario_max_vus(of);
	_Bool any = 0;

	if (of->producers)
		return 0;
	for (uint32_t i = 0; i < division->agent_count; i++) {
		if (!weights[i] || share_count(&parts[i], vus) > 0 ||
		    share_count(&division_of(division, i)[scenario], vus) > 0)
			continue;
		weights[i] = 0;
		any = 1;
	}
	return any;
}

int division_deal(const struct plan *plan, const struct division *division, uint32_t scenario,
                  const struct share *whole, const uint32_t *weights, struct share *ret_parts)
{
	uint32_t *kept cleanup(cleanup_free) = calloc(division->agent_count + 1, sizeof(*kept));
	int r;

	if (!kept)
		return -ENOMEM;
	memcpy(kept, weights, division->agent_count * sizeof(*kept));
	do {
		drop_parts(ret_parts, division->agent_count);
		r = deal_to(plan, division, scenario, whole, kept, ret_parts);
	} while (r == 1 && leave_out_idle(plan, division, scenario, ret_parts, kept));
	if (r < 0)
		drop_parts(ret_parts, division->agent_count);
	return r;
}
