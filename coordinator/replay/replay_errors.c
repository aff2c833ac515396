/* SPDX-License-Identifier: Apache-2.0 */
/* The errors of a run. Agents bound their texts each for itself; over agents and groups they are bounded here. */
#include "coordinator/replay/replay_errors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/limits.h"
#include "common/stats/error_class.h"

struct entry {
	const struct series *series;
	const char *group;
	uint32_t scenario, step; /* in the plan */
	uint64_t count;
	uint64_t first_s, last_s;
	enum error_class class;
	const char *code;
	size_t code_size;
	const char *text;
};

struct errors {
	struct report *report;
	uint32_t *by_series; /* index of the entry + 1; 0: none yet */
	size_t series_count, series_capacity;
	struct entry *entries;
	size_t count, capacity;
	uint64_t in_warmup;
};

struct errors *errors_new(struct report *report)
{
	struct errors *errors = calloc(1, sizeof(*errors));

	if (errors)
		errors->report = report;
	return errors;
}

struct errors *errors_free(struct errors *errors)
{
	if (!errors)
		return NULL;
	free(errors->by_series);
	free(errors->entries);
	free(errors);
	return NULL;
}

static int entry_of(struct errors *errors, uint32_t id, const struct series *series, struct entry **ret_entry)
{
	int r = 0;

	while (r == 0 && errors->series_count <= id) {
		r = array_reserve(&errors->by_series, &errors->series_capacity, errors->series_count,
		                  sizeof(*errors->by_series));
		if (r == 0)
			errors->by_series[errors->series_count++] = 0;
	}
	if (r < 0)
		return r;
	if (errors->by_series[id] == 0) {
		r = array_reserve(&errors->entries, &errors->capacity, errors->count, sizeof(*errors->entries));
		if (r < 0)
			return r;
		errors->entries[errors->count++] =
		        (struct entry){.series = series, .group = series->group, .first_s = UINT64_MAX};
		errors->by_series[id] = (uint32_t)errors->count;
	}
	*ret_entry = &errors->entries[errors->by_series[id] - 1];
	return 0;
}

static int draw(struct report *report, const struct series *series, uint64_t second, uint64_t count)
{
	enum error_class class = ERROR_DATA;
	const char *code, *text;
	size_t size;

	error_label_parse(series->label, &class, &code, &size, &text);
	if (!report->error_lines[class])
		report->error_lines[class] = report_alloc(report, report->second_count, sizeof(double));
	if (!report->error_lines[class])
		return -ENOMEM;
	report->error_lines[class][second] += (double)count;
	return 0;
}

int errors_add(struct errors *errors, uint32_t id, const struct series *series, uint64_t second, uint64_t count)
{
	struct entry *entry;
	int r;

	if (count == 0)
		return 0;
	r = draw(errors->report, series, second, count);
	if (r < 0)
		return r;
	if (series->warmup) {
		errors->in_warmup += count;
		return 0;
	}
	r = entry_of(errors, id, series, &entry);
	if (r < 0)
		return r;
	entry->count += count;
	entry->first_s = second < entry->first_s ? second : entry->first_s;
	entry->last_s = second > entry->last_s ? second : entry->last_s;
	return 0;
}

uint64_t errors_in_warmup(const struct errors *errors)
{
	return errors->in_warmup;
}

/* ---- giving out ---- */

static uint32_t step_index(const struct plan *plan, uint32_t scenario, const char *name)
{
	if (scenario == PLAN_NONE)
		return PLAN_NONE;
	for (uint32_t i = 0; i < plan->scenarios[scenario].step_count; i++)
		if (strcmp(plan->scenarios[scenario].steps[i].name, name) == 0)
			return i;
	return PLAN_NONE;
}

static void complete(struct errors *errors, const struct plan *plan)
{
	for (size_t i = 0; i < errors->count; i++) {
		struct entry *entry = &errors->entries[i];

		entry->scenario = plan_find_scenario(plan, entry->series->scenario);
		entry->step = step_index(plan, entry->scenario, entry->series->step);
		if (error_label_parse(entry->series->label, &entry->class, &entry->code, &entry->code_size,
		                      &entry->text) == 0)
			continue;
		entry->class = ERROR_DATA;
		entry->code = "";
		entry->code_size = 0;
		entry->text = entry->series->label;
	}
}

static int compare_places(const struct entry *a, const struct entry *b)
{
	if (a->scenario != b->scenario)
		return a->scenario < b->scenario ? -1 : 1;
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	return 0;
}

static int compare_codes(const struct entry *a, const struct entry *b)
{
	size_t size = a->code_size < b->code_size ? a->code_size : b->code_size;
	int c = memcmp(a->code, b->code, size);

	if (c == 0 && a->code_size != b->code_size)
		c = a->code_size < b->code_size ? -1 : 1;
	return c;
}

/* By step, class, code, text and group: equals lie together. */
static int compare_kinds(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int c = compare_places(a, b);

	if (c == 0 && a->class != b->class)
		c = a->class < b->class ? -1 : 1;
	if (c == 0)
		c = compare_codes(a, b);
	if (c == 0)
		c = strcmp(a->text, b->text);
	return c ? c : strcmp(a->group, b->group);
}

/* By step, then the most frequent first. */
static int compare_counts(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int c = compare_places(a, b);

	if (c == 0 && a->count != b->count)
		c = a->count > b->count ? -1 : 1;
	return c ? c : compare_kinds(a, b);
}

static void sort(struct errors *errors, int (*compare)(const void *, const void *))
{
	if (errors->count > 1)
		qsort(errors->entries, errors->count, sizeof(*errors->entries), compare);
}

static void join(struct entry *into, const struct entry *from)
{
	into->count += from->count;
	into->first_s = from->first_s < into->first_s ? from->first_s : into->first_s;
	into->last_s = from->last_s > into->last_s ? from->last_s : into->last_s;
}

/* Joins equal neighbours. */
static void join_equals(struct errors *errors)
{
	size_t kept = 0;

	for (size_t i = 0; i < errors->count; i++) {
		if (kept > 0 && compare_kinds(&errors->entries[kept - 1], &errors->entries[i]) == 0)
			join(&errors->entries[kept - 1], &errors->entries[i]);
		else
			errors->entries[kept++] = errors->entries[i];
	}
	errors->count = kept;
}

/* Calls `shorten` for the entries of each step that has too many. */
static void for_long_steps(struct errors *errors, void (*shorten)(struct entry *entries, size_t count))
{
	for (size_t i = 0, n; i < errors->count; i += n) {
		for (n = 1; i + n < errors->count; n++)
			if (compare_places(&errors->entries[i], &errors->entries[i + n]) != 0)
				break;
		if (n > LIMIT_ERROR_TEXTS)
			shorten(&errors->entries[i], n);
	}
}

static void forget_groups(struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		entries[i].group = "";
}

/* The entries are sorted by count. */
static void forget_texts(struct entry *entries, size_t count)
{
	for (size_t i = LIMIT_ERROR_TEXTS; i < count; i++) {
		entries[i].group = "";
		entries[i].code_size = 0;
		entries[i].text = "other";
	}
}

static int give(const struct entry *entry, struct report *report, struct report_error *ret_error)
{
	*ret_error = (struct report_error){
	        .scenario = report_copy(report, entry->series->scenario),
	        .step = report_copy(report, entry->series->step),
	        .group = report_copy(report, entry->group),
	        .class = entry->class,
	        .code = report_format_text(report, "%.*s", (int)entry->code_size, entry->code),
	        .text = report_copy(report, entry->text),
	        .count = entry->count,
	        .first_s = entry->first_s,
	        .last_s = entry->last_s,
	};
	return ret_error->scenario && ret_error->step && ret_error->group && ret_error->code && ret_error->text
	               ? 0
	               : -ENOMEM;
}

int errors_give(struct errors *errors, const struct plan *plan, struct report *report)
{
	int r = 0;

	complete(errors, plan);
	sort(errors, compare_kinds);
	for_long_steps(errors, forget_groups);
	sort(errors, compare_kinds);
	join_equals(errors);
	sort(errors, compare_counts);
	for_long_steps(errors, forget_texts);
	sort(errors, compare_kinds);
	join_equals(errors);
	sort(errors, compare_counts);
	report->errors = report_alloc(report, errors->count, sizeof(*report->errors));
	if (!report->errors)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < errors->count; i++)
		r = give(&errors->entries[i], report, &report->errors[report->error_count++]);
	return r;
}
