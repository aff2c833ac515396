/* SPDX-License-Identifier: Apache-2.0 */
/* Key figures, steps, groups and errors of a report, gathered in one pass over its rows. */
#include "coordinator/report/digest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/names.h"
#include "coordinator/report/stats.h"

/* What a metric says of a step of some kind. */
enum role { ROLE_NONE, ROLE_COUNT, ROLE_FAILED, ROLE_RESPONSE, ROLE_DURATION, ROLE_FAILED_DURATION, ROLE_MESSAGES };

struct roles {
	enum role role[METRIC_COUNT + 1];
	enum step_kind kind[METRIC_COUNT + 1];
};

/* Entries found so far, by scenario, step and group. */
struct gathering {
	const struct report *report;
	struct roles roles;
	struct names *names;
	struct digest_entry *entries;
	size_t capacity;
	struct buffer key;
};

static void gathering_deinit(struct gathering *gathering)
{
	names_free(gathering->names);
	free(gathering->entries);
	buffer_deinit(&gathering->key);
}

enum metric_id digest_duration(enum step_kind kind)
{
	return kind == STEP_HTTP ? METRIC_HTTP_REQ_DURATION : metric_sets[kind].duration;
}

enum metric_id digest_response(enum step_kind kind)
{
	return kind == STEP_CONSUME ? METRIC_KAFKA_END_TO_END_LATENCY : metric_sets[kind].response_time;
}

static void roles_init(struct roles *roles)
{
	memset(roles, 0, sizeof(*roles));
	for (int kind = 0; kind < STEP_KIND_COUNT; kind++) {
		const struct metric_set *set = &metric_sets[kind];
		const struct {
			enum metric_id metric;
			enum role role;
		} pairs[] = {{set->count, ROLE_COUNT},
		             {set->failed, ROLE_FAILED},
		             {digest_response(kind), ROLE_RESPONSE},
		             {digest_duration(kind), ROLE_DURATION},
		             {set->failed_duration, ROLE_FAILED_DURATION}};

		for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
			roles->role[pairs[i].metric] = pairs[i].role;
			roles->kind[pairs[i].metric] = kind;
		}
	}
	roles->role[METRIC_KAFKA_MESSAGES_CONSUMED] = ROLE_MESSAGES;
	roles->kind[METRIC_KAFKA_MESSAGES_CONSUMED] = STEP_CONSUME;
	roles->role[METRIC_COUNT] = ROLE_NONE;
}

static const struct report_scenario *find_scenario(const struct report *report, const char *name)
{
	for (uint32_t i = 0; i < report->scenario_count; i++)
		if (strcmp(report->scenarios[i].name, name) == 0)
			return &report->scenarios[i];
	return NULL;
}

/* The entry of that name, added if it is new; NULL without memory. */
static struct digest_entry *gathering_get(struct gathering *gathering, const char *scenario, const char *step,
                                          const char *group, enum step_kind kind)
{
	const struct report_scenario *of;
	struct digest_entry *entry;
	uint32_t id;
	_Bool added;

	buffer_clear(&gathering->key);
	buffer_append_string(&gathering->key, scenario);
	buffer_append_string(&gathering->key, step);
	buffer_append_string(&gathering->key, group);
	if (gathering->key.failed ||
	    names_intern(gathering->names, gathering->key.data, gathering->key.size, &id, &added) < 0)
		return NULL;
	if (!added)
		return &gathering->entries[id];
	if (array_reserve(&gathering->entries, &gathering->capacity, id, sizeof(*entry)) < 0)
		return NULL;
	of = find_scenario(gathering->report, scenario);
	entry = &gathering->entries[id];
	*entry = (struct digest_entry){.scenario = scenario,
	                               .step = step,
	                               .group = group,
	                               .kind = kind,
	                               .load = of ? of->load : LOAD_NONE,
	                               .is_warmup = of && of->is_warmup,
	                               .p95_ms = NAN,
	                               .order = id};
	return entry;
}

static void entry_take(struct digest_entry *entry, const struct report_row *row, enum role role)
{
	switch (role) {
	case ROLE_COUNT:
		entry->peak_per_s = row->peak_per_s;
		break;
	case ROLE_FAILED:
		entry->outcome = row;
		entry->count = row->cell.rate.total;
		entry->failed = row->cell.rate.hits;
		entry->per_s = row->rate_per_s;
		entry->warmup_count = row->warmup_count;
		break;
	case ROLE_RESPONSE:
		entry->response = row;
		break;
	case ROLE_DURATION:
		entry->duration = row;
		break;
	case ROLE_FAILED_DURATION:
		entry->failed_duration = row;
		break;
	case ROLE_MESSAGES:
		entry->messages = row;
		if (!entry->group[0])
			break;
		entry->count = row->cell.counter;
		entry->per_s = row->rate_per_s;
		entry->peak_per_s = row->peak_per_s;
		break;
	case ROLE_NONE:
		break;
	}
}

static int gather_plan(struct gathering *gathering)
{
	const struct report *report = gathering->report;

	for (uint32_t i = 0; i < report->scenario_count; i++)
		for (uint32_t j = 0; j < report->scenarios[i].step_count; j++)
			if (!gathering_get(gathering, report->scenarios[i].name, report->scenarios[i].steps[j], "",
			                   report->scenarios[i].step_kinds[j]))
				return -ENOMEM;
	return 0;
}

static int gather_rows(struct gathering *gathering)
{
	for (uint32_t i = 0; i < gathering->report->row_count; i++) {
		const struct report_row *row = &gathering->report->rows[i];
		enum role role = gathering->roles.role[row->metric];
		enum step_kind kind = gathering->roles.kind[row->metric];
		struct digest_entry *entry;
		uint32_t step_id;

		if (role == ROLE_NONE || row->step[0] == '\0' || row->label[0] != '\0')
			continue;
		entry = gathering_get(gathering, row->scenario, row->step, "", kind);
		if (!entry)
			return -ENOMEM;
		step_id = (uint32_t)entry->order;
		if (row->group[0])
			entry = gathering_get(gathering, row->scenario, row->step, row->group, kind);
		if (!entry)
			return -ENOMEM;
		entry->order = (uint64_t)step_id << 32 | (uint32_t)entry->order;
		entry_take(entry, row, role);
	}
	return 0;
}

static int compare_order(const void *a, const void *b)
{
	uint64_t one = ((const struct digest_entry *)a)->order;
	uint64_t other = ((const struct digest_entry *)b)->order;

	return one < other ? -1 : one > other;
}

/* Steps first, then groups in the order of their steps. */
static int divide(struct digest *digest, const struct gathering *gathering)
{
	uint32_t count = names_count(gathering->names);

	digest->steps = calloc(count + 1, sizeof(*digest->steps));
	digest->groups = calloc(count + 1, sizeof(*digest->groups));
	if (!digest->steps || !digest->groups)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		if (gathering->entries[i].group[0] == '\0')
			digest->steps[digest->step_count++] = gathering->entries[i];
		else
			digest->groups[digest->group_count++] = gathering->entries[i];
	qsort(digest->groups, digest->group_count, sizeof(*digest->groups), compare_order);
	return 0;
}

static int compare_worst(const void *a, const void *b)
{
	const struct digest_entry *one = *(struct digest_entry *const *)a;
	const struct digest_entry *other = *(struct digest_entry *const *)b;
	double one_ms = fmax(one->p95_ms, 0);
	double other_ms = fmax(other->p95_ms, 0);

	if (one->failed != other->failed)
		return one->failed > other->failed ? -1 : 1;
	if (one_ms != other_ms)
		return one_ms > other_ms ? -1 : 1;
	return one < other ? -1 : one > other;
}

static uint64_t count_above(const struct report_row *row, uint64_t limit_ns)
{
	const struct histogram *histogram = row ? row->cell.latency.histogram : NULL;

	return histogram ? histogram_count(histogram) - histogram_count_up_to(histogram, limit_ns / NS_PER_US) : 0;
}

static void judge(struct digest_entry *group, const struct group_status_limits *limits)
{
	const struct report_row *response = group->response;
	_Bool any = response && stats_count(response) > 0;
	struct group_figures figures;

	group->slow = count_above(response, limits->slow_ns) + count_above(group->failed_duration, limits->slow_ns);
	figures = (struct group_figures){.count = group->count,
	                                 .failed = group->failed,
	                                 .slow = group->slow,
	                                 .mean = any ? stats_mean_ms(response) : 0,
	                                 .max = any ? stats_max_ms(response) : 0};
	group->status = group_status_judge(limits, &figures);
}

static int rank(struct digest *digest, const struct group_status_limits *limits)
{
	digest->worst = calloc(digest->group_count + 1, sizeof(struct digest_entry *));
	if (!digest->worst)
		return -ENOMEM;
	for (uint32_t i = 0; i < digest->group_count; i++) {
		struct digest_entry *group = &digest->groups[i];

		if (group->response)
			group->p95_ms = report_percentile_ms(group->response, 95);
		judge(group, limits);
		digest->worst[i] = group;
	}
	qsort(digest->worst, digest->group_count, sizeof(struct digest_entry *), compare_worst);
	return 0;
}

/* Operations of all kinds in one second: the totals of the `*_failed` rates. */
static double operations_in(const struct report *report, const struct roles *roles, uint32_t second, _Bool *ret_any)
{
	double operations = 0;

	for (uint32_t i = 0; i < report->line_count; i++) {
		const struct report_line *line = &report->lines[i];

		if (roles->role[line->metric] != ROLE_FAILED || line->scenario[0] || !line->total)
			continue;
		operations += line->total[second];
		*ret_any = 1;
	}
	return operations;
}

static void find_peak(struct figures *figures, const struct report *report, const struct roles *roles)
{
	figures->peak_per_s = NAN;
	for (uint32_t second = 0; second < report->second_count; second++) {
		_Bool any = 0;
		double operations;

		if (report->warmup && report->warmup[second])
			continue;
		operations = operations_in(report, roles, second, &any);
		if (any && !(operations <= figures->peak_per_s)) {
			figures->peak_per_s = operations;
			figures->peak_second = second;
		}
	}
}

static void find_figures(struct figures *figures, const struct report *report, const struct roles *roles)
{
	uint32_t kinds = 0;

	*figures = (struct figures){0};
	for (int kind = 0; kind < STEP_KIND_COUNT; kind++) {
		const struct metric_set *set = &metric_sets[kind];
		const struct report_row *row =
		        set->failed == METRIC_COUNT ? NULL : report_find(report, set->failed, "", "", "", "");

		if (!row)
			continue;
		figures->total += row->cell.rate.total;
		figures->failed += row->cell.rate.hits;
		figures->mean_per_s += row->rate_per_s;
		if (set->response_time == METRIC_COUNT)
			continue;
		kinds++;
		figures->response = report_find(report, set->response_time, "", "", "", "");
	}
	if (kinds != 1)
		figures->response = NULL;
	figures->succeeded = figures->total - figures->failed;
	find_peak(figures, report, roles);
}

int digest_init(struct digest *digest, const struct report *report)
{
	cleanup(gathering_deinit) struct gathering gathering = {.report = report, .names = names_new()};
	int r;

	*digest = (struct digest){0};
	if (!gathering.names)
		return -ENOMEM;
	roles_init(&gathering.roles);
	find_figures(&digest->figures, report, &gathering.roles);
	r = gather_plan(&gathering);
	if (r == 0)
		r = gather_rows(&gathering);
	if (r == 0)
		r = divide(digest, &gathering);
	if (r == 0)
		r = rank(digest, &report->group_status);
	if (r == 0)
		r = digest_gather_errors(digest, report);
	return r < 0 ? r : digest_gather_gauges(digest, report);
}

void digest_deinit(struct digest *digest)
{
	free(digest->steps);
	free(digest->groups);
	free(digest->worst);
	free(digest->errors);
	free(digest->details);
	free(digest->gauges);
	*digest = (struct digest){0};
}
