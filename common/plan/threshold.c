// SPDX-License-Identifier: Apache-2.0
// Parses what a threshold says: `metric{key:value,...}` and `aggregate operator limit`.
#include "common/plan/threshold.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"

enum { PART_COUNT = 4, WORD_MAX = 64 };
static const char *const part_names[] = {"scenario", "step", "group", "label", NULL};
static const char *const kind_names[] = {
        [METRIC_COUNTER] = "counter", [METRIC_RATE] = "rate", [METRIC_GAUGE] = "gauge", [METRIC_LATENCY] = "latency"};

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* Fails with a text about `word`, and the nearest candidate behind it. */
static int refuse_word(struct failure *failure, const char *what, const char *word, const char *const *candidates)
{
	const char *nearest = text_nearest(word, candidates);
	return failure_set(failure, -EINVAL, "unknown %s \"%s\"%s%s%s", what, word, nearest ? " (did you mean \"" : "",
	                   nearest ? nearest : "", nearest ? "\"?)" : "");
}

static int find_metric(const char *text, size_t length, struct failure *failure, enum metric_id *ret_metric)
{
	const char *names[METRIC_COUNT + 1] = {0};
	char word[WORD_MAX];
	int used = snprintf(word, sizeof(word), "%.*s", (int)(length < WORD_MAX ? length : WORD_MAX), text);
	while (used > 0 && (size_t)used < sizeof(word) && isspace((unsigned char)word[used - 1]))
		word[--used] = '\0';
	enum metric_id metric = metric_find(word);
	if (metric != METRIC_COUNT && length < WORD_MAX) {
		*ret_metric = metric;
		return 0;
	}
	size_t count = 0;
	for (int i = 0; i < METRIC_COUNT; i++)
		if (i != METRIC_ERRORS && metrics[i].name)
			names[count++] = metrics[i].name;
	return word[0] ? refuse_word(failure, "metric", word, names)
	               : failure_set(failure, -EINVAL, "no metric stands before the \"{\"");
}

/* "key" up to its ':'; the index in part_names. */
static int parse_part_name(const char **at, struct failure *failure, int *ret_part)
{
	char word[WORD_MAX];
	size_t length = strcspn(*at, ":,}\"");
	snprintf(word, sizeof(word), "%.*s", (int)(length < WORD_MAX ? length : WORD_MAX), *at);
	for (size_t n = strlen(word); n > 0 && isspace((unsigned char)word[n - 1]); n--)
		word[n - 1] = '\0';
	for (int part = 0; part < PART_COUNT; part++) {
		if (strcmp(word, part_names[part]) != 0)
			continue;
		if ((*at)[length] != ':')
			return failure_set(failure, -EINVAL, "\"%s\" has no ':' with a value behind it", word);
		*at = skip_blanks(*at + length + 1);
		*ret_part = part;
		return 0;
	}
	return refuse_word(failure, "part of a selector", word, part_names);
}

/* A value up to ',' or '}', or "..." with any of both in it. */
static int parse_part_value(const char **at, struct failure *failure, char **ret_value)
{
	const char *start = *at, *end;
	if (*start == '"') {
		end = strchr(++start, '"');
		if (!end)
			return failure_set(failure, -EINVAL, "a value's closing quote is missing");
		*at = skip_blanks(end + 1);
	} else {
		end = start + strcspn(start, ",}");
		*at = end;
		while (end > start && isspace((unsigned char)end[-1]))
			end--;
	}
	if (end == start)
		return failure_set(failure, -EINVAL, "a part of the selector has no value");
	*ret_value = strndup(start, (size_t)(end - start));
	return *ret_value ? 0 : failure_set(failure, -ENOMEM, "no memory");
}

static int parse_parts(const char **at, struct failure *failure, struct selector *selector)
{
	char **const parts[PART_COUNT] = {&selector->scenario, &selector->step, &selector->group, &selector->label};
	if (**at == '}')
		return failure_set(failure, -EINVAL, "the selector's {} holds nothing");
	do {
		if (**at == '\0')
			return failure_set(failure, -EINVAL, "the selector's closing \"}\" is missing");
		int part = 0, r = parse_part_name(at, failure, &part);
		if (r < 0)
			return r;
		if (*parts[part])
			return failure_set(failure, -EINVAL, "\"%s\" stands twice in the selector", part_names[part]);
		r = parse_part_value(at, failure, parts[part]);
		if (r < 0)
			return r;
		if (**at == ',')
			*at = skip_blanks(*at + 1);
		else if (**at != '}')
			return failure_set(failure, -EINVAL, "the selector's closing \"}\" is missing");
	} while (**at != '}');
	return 0;
}

int selector_parse(const char *text, struct failure *failure, struct selector *ret_selector)
{
	cleanup(selector_deinit) struct selector selector = {0};
	const char *at = skip_blanks(text);
	const size_t length = strcspn(at, "{");
	int r = find_metric(at, length, failure, &selector.metric);
	if (r < 0)
		return r;
	at += length;
	if (*at == '{') {
		at = skip_blanks(at + 1);
		r = parse_parts(&at, failure, &selector);
		if (r < 0)
			return r;
		if (*skip_blanks(at + 1) != '\0')
			return failure_set(failure, -EINVAL, "text stands behind the selector's \"}\"");
	}
	*ret_selector = selector;
	selector = (struct selector){0};
	return 0;
}

void selector_deinit(struct selector *selector)
{
	free(selector->scenario);
	free(selector->step);
	free(selector->group);
	free(selector->label);
	*selector = (struct selector){0};
}

enum {
	COUNTER = 1 << METRIC_COUNTER,
	RATE = 1 << METRIC_RATE,
	GAUGE = 1 << METRIC_GAUGE,
	LATENCY = 1 << METRIC_LATENCY
};

static const struct {
	const char *name;
	enum aggregate aggregate;
	unsigned kinds;
} aggregates[] = {
        {"count", AGGREGATE_COUNT, COUNTER},     {"rate", AGGREGATE_RATE, COUNTER | RATE},
        {"value", AGGREGATE_VALUE, GAUGE},       {"avg", AGGREGATE_AVG, GAUGE | LATENCY},
        {"min", AGGREGATE_MIN, GAUGE | LATENCY}, {"med", AGGREGATE_MED, LATENCY},
        {"max", AGGREGATE_MAX, GAUGE | LATENCY}, {"p(N)", AGGREGATE_PERCENTILE, LATENCY},
};
enum { AGGREGATE_ROWS = sizeof(aggregates) / sizeof(*aggregates) };

static int check_aggregate(size_t row, const char *word, enum metric_kind kind, struct failure *failure)
{
	char fitting[128] = "";
	size_t used = 0;
	if (aggregates[row].kinds & 1u << kind)
		return 0;
	for (size_t i = 0; i < AGGREGATE_ROWS; i++) {
		if (!(aggregates[i].kinds & 1u << kind))
			continue;
		int n = snprintf(fitting + used, sizeof(fitting) - used, "%s%s", used ? ", " : "", aggregates[i].name);
		used += n > 0 && used + (size_t)n < sizeof(fitting) ? (size_t)n : 0;
	}
	return failure_set(failure, -EINVAL, "\"%s\" is nothing that a %s has (it has %s)", word, kind_names[kind],
	                   fitting);
}

static int parse_percentile(const char *word, struct failure *failure, double *ret_percentile)
{
	char *end;
	double percentile = strtod(word + 2, &end);
	if (end == word + 2 || strcmp(end, ")") != 0)
		return failure_set(failure, -EINVAL, "\"%s\" is no percentile like p(95) or p(99.9)", word);
	if (!(percentile >= 0 && percentile <= 100))
		return failure_set(failure, -EINVAL, "\"%s\" is not between p(0) and p(100)", word);
	*ret_percentile = percentile;
	return 0;
}

/* "avg", "p(99.9)": up to the operator. */
static int parse_aggregate(const char **at, enum metric_kind kind, struct failure *failure,
                           struct expression *expression)
{
	const char *names[AGGREGATE_ROWS + 1] = {0};
	char word[WORD_MAX];
	size_t length = strcspn(*at, "<>=!"), used = 0;
	for (size_t i = 0; i < length && used + 1 < sizeof(word); i++)
		if (!isspace((unsigned char)(*at)[i]))
			word[used++] = (*at)[i];
	word[used] = '\0';
	*at += length;
	for (size_t row = 0; row < AGGREGATE_ROWS; row++) {
		_Bool percentile = aggregates[row].aggregate == AGGREGATE_PERCENTILE;
		names[row] = aggregates[row].name;
		if (percentile ? strncmp(word, "p(", 2) != 0 : strcmp(word, aggregates[row].name) != 0)
			continue;
		expression->aggregate = aggregates[row].aggregate;
		int r = check_aggregate(row, word, kind, failure);
		return r < 0 || !percentile ? r : parse_percentile(word, failure, &expression->percentile);
	}
	if (word[0] == '\0')
		return failure_set(failure, -EINVAL, "nothing stands before the comparison (like p(95) or rate)");
	return refuse_word(failure, "figure", word, names);
}

static const struct {
	const char *text;
	enum comparison comparison;
} comparisons[] = {
        {"<=", COMPARE_LESS_EQUAL}, {">=", COMPARE_GREATER_EQUAL}, {"==", COMPARE_EQUAL},
        {"!=", COMPARE_NOT_EQUAL},  {"<", COMPARE_LESS},           {">", COMPARE_GREATER},
};

static int parse_comparison(const char **at, struct failure *failure, struct expression *expression)
{
	for (size_t i = 0; i < sizeof(comparisons) / sizeof(*comparisons); i++) {
		const size_t length = strlen(comparisons[i].text);
		if (strncmp(*at, comparisons[i].text, length) != 0)
			continue;
		expression->comparison = comparisons[i].comparison;
		*at += length;
		return 0;
	}
	if (**at == '=')
		return failure_set(failure, -EINVAL, "\"=\" is no comparison (did you mean \"==\"?)");
	return failure_set(failure, -EINVAL, "it has no comparison: one of < <= > >= == !=");
}

static int parse_limit(const char *at, enum metric_kind kind, struct failure *failure, struct expression *expression)
{
	char *end;
	at = skip_blanks(at);
	double limit = strtod(at, &end);
	if (end == at || !isfinite(limit))
		return failure_set(failure, -EINVAL, "\"%s\" is no number to compare with", at);
	const char *rest = skip_blanks(end);
	if (*rest == '%' && kind == METRIC_RATE)
		return failure_set(failure, -EINVAL, "\"%s\" must be a share from 0 to 1 (5%% is 0.05)", at);
	if (*rest != '\0')
		return failure_set(failure, -EINVAL, "\"%s\" stands behind the limit%s", rest,
		                   kind == METRIC_LATENCY ? " (latencies are in ms, without a unit)" : "");
	if (kind == METRIC_RATE && (limit < 0 || limit > 1))
		return failure_set(failure, -EINVAL, "a rate lies between 0 and 1, and the limit is %s", at);
	expression->limit = limit;
	return 0;
}

int expression_parse(const char *text, enum metric_kind kind, struct failure *failure,
                     struct expression *ret_expression)
{
	struct expression expression = {0};
	const char *at = skip_blanks(text);
	int r = parse_aggregate(&at, kind, failure, &expression);
	if (r == 0)
		r = parse_comparison(&at, failure, &expression);
	if (r == 0)
		r = parse_limit(at, kind, failure, &expression);
	if (r == 0)
		*ret_expression = expression;
	return r;
}

_Bool expression_holds(const struct expression *expression, double observed)
{
	if (isnan(observed))
		return 0;
	switch (expression->comparison) {
	case COMPARE_LESS:
		return observed < expression->limit;
	case COMPARE_LESS_EQUAL:
		return observed <= expression->limit;
	case COMPARE_GREATER:
		return observed > expression->limit;
	case COMPARE_GREATER_EQUAL:
		return observed >= expression->limit;
	case COMPARE_EQUAL:
		return observed == expression->limit;
	case COMPARE_NOT_EQUAL:
		return observed != expression->limit;
	}
	return 0;
}
