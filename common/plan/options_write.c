// SPDX-License-Identifier: Apache-2.0
// Walks a table of keys over a structure and writes each member that has something to say.
#include <stdio.h>
#include <string.h>

#include "common/plan/writing.h"

/* Zero is not written where a reader would refuse it: it means that nobody gave the key. */
static _Bool is_left_out(const struct option *option, uint64_t value)
{
	return value == 0 && option->flags & OPTION_POSITIVE;
}

static void write_range(struct writing *writing, const struct option *option, const struct range *range)
{
	char low[32], high[32];
	if (is_left_out(option, range->high))
		return;
	if (option->type == OPTION_DURATIONS) {
		writing_format_duration(range->low, low, sizeof(low));
		writing_format_duration(range->high, high, sizeof(high));
	} else {
		snprintf(low, sizeof(low), "%llu", (unsigned long long)range->low);
		snprintf(high, sizeof(high), "%llu", (unsigned long long)range->high);
	}
	if (range->low == range->high)
		writing_raw(writing, option->key, "%s", low);
	else
		writing_raw(writing, option->key, "%s..%s", low, high);
}

static void write_pairs(struct writing *writing, const struct option *option, const struct pairs *pairs)
{
	if (pairs->count == 0)
		return;
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < pairs->count; i++)
		writing_text(writing, pairs->items[i].name, pairs->items[i].value);
	writing_end(writing);
}

static void write_templates(struct writing *writing, const struct option *option, const struct template_pairs *pairs)
{
	if (pairs->count == 0)
		return;
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < pairs->count; i++) {
		const char *source = template_source(pairs->items[i].value);
		if (pairs->items[i].name)
			writing_text(writing, pairs->items[i].name, source);
		else
			writing_element(writing, source);
	}
	writing_end(writing);
}

static void write_texts(struct writing *writing, const struct option *option, const struct texts *texts)
{
	if (texts->count == 0)
		return;
	writing_begin(writing, option->key);
	for (uint32_t i = 0; i < texts->count; i++)
		writing_element(writing, texts->items[i]);
	writing_end(writing);
}

static void write_integer(struct writing *writing, const struct option *option, uint64_t value)
{
	char text[32];
	if (is_left_out(option, value))
		return;
	if (option->type == OPTION_DURATION)
		writing_raw(writing, option->key, "%s", writing_format_duration(value, text, sizeof(text)));
	else
		writing_raw(writing, option->key, "%llu", (unsigned long long)value);
}

static void write_number(struct writing *writing, const struct option *option, double number)
{
	char text[64];
	if (number != 0 || !(option->flags & OPTION_POSITIVE))
		writing_raw(writing, option->key, "%s", writing_format_number(number, text, sizeof(text)));
}

static void write_option(struct writing *writing, const struct option *option, const void *base)
{
	const void *member = (const char *)base + option->offset;
	const struct template *template;
	const char *text;
	switch (option->type) {
	case OPTION_TEXT:
		text = *(char *const *)member;
		if (text)
			writing_text(writing, option->key, text);
		break;
	case OPTION_TEMPLATE:
		template = *(struct template *const *)member;
		if (template)
			writing_text(writing, option->key, template_source(template));
		break;
	case OPTION_BOOL:
		writing_raw(writing, option->key, "%s", *(const _Bool *)member ? "true" : "false");
		break;
	case OPTION_COUNT:
		write_integer(writing, option,
		              option->size == sizeof(uint32_t) ? *(const uint32_t *)member : *(const uint64_t *)member);
		break;
	case OPTION_DURATION:
		write_integer(writing, option, *(const uint64_t *)member);
		break;
	case OPTION_NUMBER:
	case OPTION_SHARE:
		write_number(writing, option, *(const double *)member);
		break;
	case OPTION_DURATIONS:
	case OPTION_SIZES:
		write_range(writing, option, member);
		break;
	case OPTION_CHOICE:
		writing_raw(writing, option->key, "%s", option->choices[*(const int *)member]);
		break;
	case OPTION_PAIRS:
		write_pairs(writing, option, member);
		break;
	case OPTION_TEXTS:
		write_texts(writing, option, member);
		break;
	case OPTION_TEMPLATES:
	case OPTION_TEMPLATE_LIST:
		write_templates(writing, option, member);
		break;
	case OPTION_CUSTOM:
		if (option->write)
			option->write(writing, option, base);
		break;
	}
}

void options_write(struct writing *writing, const struct option_map *map, const void *base)
{
	for (const struct option *option = map->options; option->key; option++)
		if (option->kinds == 0 || map->kind == 0 || option->kinds & map->kind)
			write_option(writing, option, base);
}
