// SPDX-License-Identifier: Apache-2.0
// Walks a table of keys over a mapping: reads each value by its type, fills in defaults, and says for every key
// that doesn't fit what was probably meant.
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "common/plan/reading.h"

enum { OPTIONS_MAX = 64 };

/* Keys that a later part of Stampede brings. Refused by name, so that nobody takes them for misspelt. */
static const char *const not_built[] = {
        "consume",
        "retry",
        "loop",
        NULL,
};

/* What users of other tools write, and what it is called here. */
static const struct {
	const char *key, *here;
} other_words[] = {
        {"sleep", "think"},
        {"url", "baseUrl"},
        {"bootstrap.servers", "brokers"},
        {"bootstrapServers", "brokers"},
        {"value", "payload"},
        {"statement", "query"},
        {"arguments", "params"},
        {"args", "params"},
        {"tasks", "steps"},
        {"exec", "steps"},
        {"users", "vus"},
        {"poolSize", "connections"},
        {"messageSize", "size"},
        {"producersPerTopic", "producers"},
        {"limit", "threshold"},
};

static _Bool applies(const struct option_map *map, const struct option *option)
{
	return option->kinds == 0 || map->kind == 0 || (option->kinds & map->kind) != 0;
}

static const struct option *find(const struct option_map *map, const char *key)
{
	for (const struct option *option = map->options; option->key; option++)
		if (strcmp(option->key, key) == 0)
			return option;
	return NULL;
}

/* ` (it is a key of shared-iterations and per-vu-iterations)`. */
static void list_kinds(const struct option_map *map, const struct option *option, char *buffer, size_t size)
{
	size_t used = 0;
	buffer[0] = '\0';
	for (uint32_t i = 0; i < map->kind_count; i++) {
		if (!(option->kinds & 1u << i))
			continue;
		_Bool last = option->kinds >> (i + 1) == 0;
		int n = snprintf(buffer + used, size - used, "%s%s",
		                 used == 0 ? ""
		                 : last    ? " and "
		                           : ", ",
		                 map->kind_names[i]);
		used = n < 0 || used + (size_t)n >= size ? size - 1 : used + (size_t)n;
	}
}

static void refuse_kind(struct reading *reading, const struct option_map *map, const struct option *option,
                        const struct node *key)
{
	char kinds[256];
	list_kinds(map, option, kinds, sizeof(kinds));
	reading_error(reading, key->place, "\"%s\" in %s is not a key of %s %s (it belongs to %s)", key->text,
	              reading->where.text, map->kind_word, map->kind_names[__builtin_ctz(map->kind)], kinds);
}

static _Bool is_built(const char *key)
{
	for (size_t i = 0; not_built[i]; i++)
		if (strcmp(not_built[i], key) == 0)
			return 0;
	return 1;
}

/* The key that was probably meant, or NULL. */
static const struct option *find_meant(const struct option_map *map, const char *key)
{
	const char *candidates[OPTIONS_MAX + 1], *meant;
	size_t count = 0;
	for (const struct option *option = map->options; option->key && count < OPTIONS_MAX; option++)
		if (applies(map, option))
			candidates[count++] = option->key;
	candidates[count] = NULL;
	meant = text_nearest(key, candidates);
	for (size_t i = 0; i < sizeof(other_words) / sizeof(*other_words) && !meant; i++)
		if (strcmp(other_words[i].key, key) == 0)
			meant = other_words[i].here;
	return meant ? find(map, meant) : NULL;
}

/* Returns the key that was probably meant, or NULL. */
static const struct option *refuse_unknown(struct reading *reading, const struct option_map *map,
                                           const struct node *key)
{
	const struct option *meant = is_built(key->text) ? find_meant(map, key->text) : NULL;
	if (!is_built(key->text))
		reading_error(reading, key->place, "\"%s\" in %s is not built yet", key->text, reading->where.text);
	else if (meant)
		reading_error(reading, key->place, "unknown key \"%s\" in %s (did you mean \"%s\"?)", key->text,
		              reading->where.text, meant->key);
	else
		reading_error(reading, key->place, "unknown key \"%s\" in %s", key->text, reading->where.text);
	return meant;
}

static void refuse(struct reading *reading, const struct option *option, const struct node *node, const char *problem)
{
	reading_error(reading, node->place, "\"%s\" in %s: \"%s\" %s", option->key, reading->where.text, node->text,
	              problem);
}

/* True if the text is a number and nothing else. */
static _Bool is_bare_number(const char *text)
{
	char *end;
	if (!isdigit((unsigned char)text[0]) && text[0] != '.')
		return 0;
	strtod(text, &end);
	return *end == '\0';
}

static _Bool parse_duration(struct reading *reading, const struct option *option, const struct node *node,
                            const char *text, uint64_t *ret_ns)
{
	uint64_t ns;
	int r = units_parse_duration(text, &ns);
	if (r == 0 && option->max && ns > option->max)
		r = -ERANGE;
	if (r == 0) {
		*ret_ns = ns;
		return 1;
	}
	if (r == -ERANGE)
		refuse(reading, option, node, "is too long");
	else if (text[0] == '-')
		refuse(reading, option, node, "is negative");
	else if (is_bare_number(text))
		reading_error(reading, node->place, "\"%s\" in %s: \"%s\" has no unit (did you mean \"%s%s\"?)",
		              option->key, reading->where.text, text, text, option->flags & OPTION_SHORT ? "ms" : "s");
	else
		refuse(reading, option, node, "is not a duration like 500ms, 30s or 1h30m");
	return 0;
}

static _Bool parse_size(struct reading *reading, const struct option *option, const struct node *node, const char *text,
                        uint64_t *ret_bytes)
{
	uint64_t bytes;
	int r = units_parse_size(text, &bytes);
	if (r == 0 && (!option->max || bytes <= option->max)) {
		*ret_bytes = bytes;
		return 1;
	}
	if (r == 0 || r == -ERANGE)
		reading_error(reading, node->place, "\"%s\" in %s: \"%s\" is more than %llu bytes", option->key,
		              reading->where.text, text, (unsigned long long)option->max);
	else
		refuse(reading, option, node, "is not a size like 512, 10KiB or 1MB");
	return 0;
}

typedef _Bool (*parse_fn)(struct reading *reading, const struct option *option, const struct node *node,
                          const char *text, uint64_t *ret_value);

/* "LOW..HIGH", or one value for both. */
static _Bool parse_range(struct reading *reading, const struct option *option, const struct node *node, parse_fn parse,
                         struct range *ret_range)
{
	const char *dots = strstr(node->text, "..");
	cleanup(cleanup_free) char *low = dots ? strndup(node->text, (size_t)(dots - node->text)) : NULL;
	struct range range;
	if (dots && !low) {
		reading->failed = -ENOMEM;
		return 0;
	}
	if (!parse(reading, option, node, dots ? low : node->text, &range.low))
		return 0;
	range.high = range.low;
	if (dots && !parse(reading, option, node, dots + 2, &range.high))
		return 0;
	if (range.low > range.high) {
		refuse(reading, option, node, "begins above its end");
		return 0;
	}
	if (range.high == 0 && option->flags & OPTION_POSITIVE) {
		refuse(reading, option, node, "must be more than 0");
		return 0;
	}
	*ret_range = range;
	return 1;
}

static void read_count(struct reading *reading, const struct option *option, const struct node *node, void *member)
{
	uint64_t limit = option->size == sizeof(uint32_t) ? UINT32_MAX : UINT64_MAX / 2, count;
	int r = units_parse_count(node->text, &count);
	if (option->max && option->max < limit)
		limit = option->max;
	if (r < 0 && r != -ERANGE)
		refuse(reading, option, node, "is not a whole number");
	else if (r == -ERANGE || count > limit)
		reading_error(reading, node->place, "\"%s\" in %s: \"%s\" is more than %llu", option->key,
		              reading->where.text, node->text, (unsigned long long)limit);
	else if (count == 0 && option->flags & OPTION_POSITIVE)
		refuse(reading, option, node, "must be more than 0");
	else if (option->size == sizeof(uint32_t))
		*(uint32_t *)member = (uint32_t)count;
	else
		*(uint64_t *)member = count;
}

static void read_number(struct reading *reading, const struct option *option, const struct node *node, double *member)
{
	char *end;
	errno = 0;
	double number = strtod(node->text, &end);
	if (end == node->text || *end != '\0' || !isfinite(number) || strchr("xX", node->text[1] ? node->text[1] : '-'))
		refuse(reading, option, node, "is not a number");
	else if (number < 0)
		refuse(reading, option, node, "is negative");
	else if (number == 0 && option->flags & OPTION_POSITIVE)
		refuse(reading, option, node, "must be more than 0");
	else if (number > (option->max ? (double)option->max : 1e12))
		refuse(reading, option, node, "is too much");
	else
		*member = number;
}

static void read_bool(struct reading *reading, const struct option *option, const struct node *node, _Bool *member)
{
	if (strcmp(node->text, "true") == 0)
		*member = 1;
	else if (strcmp(node->text, "false") == 0)
		*member = 0;
	else
		refuse(reading, option, node, "is neither true nor false");
}

static void read_choice(struct reading *reading, const struct option *option, const struct node *node, int *member)
{
	char suggestion[SUGGESTION_SIZE], all[256] = "";
	size_t used = 0;
	for (int i = 0; option->choices[i]; i++) {
		if (strcmp(option->choices[i], node->text) == 0) {
			*member = i;
			return;
		}
		int n = snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", option->choices[i]);
		used = n < 0 || used + (size_t)n >= sizeof(all) ? sizeof(all) - 1 : used + (size_t)n;
	}
	reading_suggest(node->text, option->choices, suggestion, sizeof(suggestion));
	reading_error(reading, node->place, "\"%s\" in %s: \"%s\" is not one of %s%s", option->key, reading->where.text,
	              node->text, all, suggestion);
}

static void read_pairs(struct reading *reading, const struct option *option, const struct node *node,
                       struct pairs *member)
{
	struct pair *items = reading_array(reading, node->count / 2, sizeof(*items));
	if (!items)
		return;
	*member = (struct pairs){.items = items};
	for (size_t i = 0; i + 1 < node->count; i += 2) {
		const struct node *key = node->items[i], *value = node->items[i + 1];
		if (!reading_expect(reading, value, NODE_SCALAR, key->text))
			continue;
		items[member->count++] = (struct pair){.name = reading_copy(reading, key->text),
		                                       .value = reading_copy(reading, value->text),
		                                       .place = value->place};
	}
	if (option->max && member->count > option->max)
		reading_error(reading, node->place, "\"%s\" in %s has %u entries; it may have %llu", option->key,
		              reading->where.text, member->count, (unsigned long long)option->max);
}

static void read_texts(struct reading *reading, const struct option *option, const struct node *node,
                       struct texts *member)
{
	char **items = reading_array(reading, node->count, sizeof(*items));
	if (!items)
		return;
	*member = (struct texts){.items = items};
	for (size_t i = 0; i < node->count; i++) {
		if (!reading_expect_item(reading, node->items[i], NODE_SCALAR, "an entry"))
			continue;
		if (node->items[i]->text[0] == '\0')
			reading_error(reading, node->items[i]->place, "\"%s\" in %s has an empty entry", option->key,
			              reading->where.text);
		else
			items[member->count++] = reading_copy(reading, node->items[i]->text);
	}
	if (option->max && member->count > option->max)
		reading_error(reading, node->place, "\"%s\" in %s has %u entries; it may have %llu", option->key,
		              reading->where.text, member->count, (unsigned long long)option->max);
}

static void read_templates(struct reading *reading, const struct option *option, const struct node *node,
                           struct template_pairs *member)
{
	const size_t step = option->type == OPTION_TEMPLATES ? 2 : 1;
	struct template_pair *items = reading_array(reading, node->count / step, sizeof(*items));
	if (!items)
		return;
	*member = (struct template_pairs){.items = items};
	for (size_t i = 0; i + step <= node->count; i += step) {
		const char *name = step == 2 ? node->items[i]->text : NULL;
		struct template *value =
		        reading_template(reading, node->items[i + step - 1], name ? name : option->key);
		if (!value)
			continue;
		items[member->count++] =
		        (struct template_pair){.name = name ? reading_copy(reading, name) : NULL, .value = value};
	}
}

static void read_duration(struct reading *reading, const struct option *option, const struct node *node,
                          uint64_t *member)
{
	uint64_t ns;
	if (!parse_duration(reading, option, node, node->text, &ns))
		return;
	if (ns == 0 && option->flags & OPTION_POSITIVE)
		refuse(reading, option, node, "must be more than 0");
	else
		*member = ns;
}

static void read_share(struct reading *reading, const struct option *option, const struct node *node, double *member)
{
	double share;
	if (units_parse_share(node->text, &share) < 0)
		refuse(reading, option, node, "is not a share like 5% or 0.05");
	else
		*member = share;
}

static enum node_kind kind_wanted(const struct option *option)
{
	if (option->type == OPTION_PAIRS || option->type == OPTION_TEMPLATES)
		return NODE_MAPPING;
	return option->type == OPTION_TEMPLATE_LIST || option->type == OPTION_TEXTS ? NODE_SEQUENCE : NODE_SCALAR;
}

/* Reads a value of the right kind by its type. */
static void read_typed(struct reading *reading, const struct option *option, const struct node *value, void *member)
{
	switch (option->type) {
	case OPTION_TEXT:
		free(*(char **)member);
		*(char **)member = reading_copy(reading, value->text);
		break;
	case OPTION_TEMPLATE:
		template_free(*(struct template **)member);
		*(struct template **)member = reading_template(reading, value, option->key);
		break;
	case OPTION_BOOL:
		read_bool(reading, option, value, member);
		break;
	case OPTION_COUNT:
		read_count(reading, option, value, member);
		break;
	case OPTION_NUMBER:
		read_number(reading, option, value, member);
		break;
	case OPTION_SHARE:
		read_share(reading, option, value, member);
		break;
	case OPTION_DURATION:
		read_duration(reading, option, value, member);
		break;
	case OPTION_DURATIONS:
		parse_range(reading, option, value, parse_duration, member);
		break;
	case OPTION_SIZES:
		parse_range(reading, option, value, parse_size, member);
		break;
	case OPTION_CHOICE:
		read_choice(reading, option, value, member);
		break;
	case OPTION_PAIRS:
		read_pairs(reading, option, value, member);
		break;
	case OPTION_TEXTS:
		read_texts(reading, option, value, member);
		break;
	case OPTION_TEMPLATES:
	case OPTION_TEMPLATE_LIST:
		read_templates(reading, option, value, member);
		break;
	case OPTION_CUSTOM:
		break;
	}
}

void option_read(struct reading *reading, const struct option *option, const struct node *value, void *base)
{
	if (option->type == OPTION_CUSTOM) {
		if (option->read)
			option->read(reading, option, value, base);
		return;
	}
	if (!reading_expect(reading, value, kind_wanted(option), option->key))
		return;
	read_typed(reading, option, value, (char *)base + option->offset);
	if (option->check)
		option->check(reading, option, value, base);
}

/* The default of a key that the plan doesn't have, read like a value. */
static void read_fallback(struct reading *reading, const struct option *option, void *base)
{
	struct node node = {.kind = NODE_SCALAR, .place = reading->where.place};
	node.text = (char *)option->fallback;
	option_read(reading, option, &node, base);
}

_Bool options_check_keys(struct reading *reading, const struct option_map *map, const struct node *mapping,
                         const char *wanted)
{
	_Bool misspelt = 0;
	for (size_t i = 0; i + 1 < mapping->count; i += 2) {
		const struct node *key = mapping->items[i];
		const struct option *meant = find(map, key->text) ? NULL : refuse_unknown(reading, map, key);
		misspelt |= meant && strcmp(meant->key, wanted) == 0;
	}
	return misspelt;
}

_Bool options_read(struct reading *reading, const struct option_map *map, const struct node *mapping, void *base)
{
	_Bool seen[OPTIONS_MAX] = {0}, known = 1;
	for (size_t i = 0; i + 1 < mapping->count; i += 2) {
		const struct node *key = mapping->items[i];
		const struct option *option = find(map, key->text);
		if (!option) {
			option = refuse_unknown(reading, map, key);
			known = 0;
			if (option)
				seen[option - map->options] = 1;
			continue;
		}
		seen[option - map->options] = 1;
		if (!applies(map, option))
			refuse_kind(reading, map, option, key);
		else
			option_read(reading, option, mapping->items[i + 1], base);
	}
	for (const struct option *option = map->options; option->key; option++) {
		if (seen[option - map->options] || !applies(map, option))
			continue;
		if (option->fallback)
			read_fallback(reading, option, base);
		else if (option->flags & OPTION_REQUIRED)
			reading_error(reading, reading->where.place, "%s needs a key \"%s\"", reading->where.text,
			              option->key);
	}
	return known;
}
