// SPDX-License-Identifier: Apache-2.0
// What every part of the plan's reader uses: errors with places, copies, names and templates.
#include "common/plan/reading.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/text.h"

__attribute__((format(printf, 4, 0))) static void add(struct failures *failures, const char *file, struct place place,
                                                      const char *format, va_list arguments)
{
	char text[FAILURE_TEXT_MAX];
	vsnprintf(text, sizeof(text), format, arguments);
	failures_add_at(failures, file, place.line, place.column, "%s", text);
}

void reading_error(struct reading *reading, struct place place, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add(reading->failures, reading->file, place, format, arguments);
	va_end(arguments);
}

void reading_warn(struct reading *reading, struct place place, const char *format, ...)
{
	va_list arguments;
	if (!reading->warnings)
		return;
	va_start(arguments, format);
	add(reading->warnings, reading->file, place, format, arguments);
	va_end(arguments);
}

size_t reading_errors(const struct reading *reading)
{
	return reading->failures->count + reading->failures->left_out - reading->errors_before;
}

/* Past the bound errors are only counted: then the work for a good text is saved. */
static _Bool are_kept(const struct reading *reading)
{
	return reading->failures->left_out == 0;
}

struct place reading_place_in(const struct reading *reading, const struct node *node, size_t offset)
{
	return are_kept(reading) ? document_place_in(reading->document, node, offset) : node->place;
}

const char *reading_suggest(const char *word, const char *const *candidates, char *buffer, size_t size)
{
	const char *nearest = text_nearest(word, candidates);
	buffer[0] = '\0';
	if (nearest)
		snprintf(buffer, size, " (did you mean \"%s\"?)", nearest);
	return buffer;
}

char *reading_copy(struct reading *reading, const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		reading->failed = -ENOMEM;
	return copy;
}

void *reading_array(struct reading *reading, size_t count, size_t item_size)
{
	void *array = calloc(count ? count : 1, item_size);
	if (!array)
		reading->failed = -ENOMEM;
	return array;
}

struct where reading_enter(struct reading *reading, struct place place, const char *format, ...)
{
	struct where outer = reading->where;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reading->where.text, sizeof(reading->where.text), format, arguments);
	va_end(arguments);
	reading->where.place = place;
	return outer;
}

void reading_leave(struct reading *reading, const struct where *outer)
{
	reading->where = *outer;
}

static _Bool expect(struct reading *reading, const struct node *node, enum node_kind kind, const char *what,
                    const char *quote)
{
	static const char *const words[] = {"a single value", "a list", "a mapping"};
	if (node->broken)
		return 0;
	if (node_is_empty(node))
		reading_error(reading, node->place, "%s%s%s in %s has no value", quote, what, quote,
		              reading->where.text);
	else if (node->kind != kind)
		reading_error(reading, node->place, "%s%s%s in %s must be %s, not %s", quote, what, quote,
		              reading->where.text, words[kind], node_kind_text(node));
	return node->kind == kind && !node_is_empty(node);
}

_Bool reading_expect(struct reading *reading, const struct node *node, enum node_kind kind, const char *key)
{
	return expect(reading, node, kind, key, "\"");
}

_Bool reading_expect_item(struct reading *reading, const struct node *node, enum node_kind kind, const char *what)
{
	return expect(reading, node, kind, what, "");
}

_Bool reading_name(struct reading *reading, struct place place, const char *what, const char *name,
                   const char *forbidden)
{
	const char *bad = NULL;
	for (const char *at = name; *at && !bad; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f || strchr(forbidden, *at))
			bad = at;
	if (name[0] == '\0')
		reading_error(reading, place, "the name of %s is empty", what);
	else if (strlen(name) > LIMIT_NAME_BYTES)
		reading_error(reading, place, "the name of %s has %zu bytes; a name may have %d", what, strlen(name),
		              LIMIT_NAME_BYTES);
	else if (bad && (unsigned char)*bad <= ' ')
		reading_error(reading, place, "the name \"%s\" of %s holds a %s", name, what,
		              *bad == ' ' ? "blank" : "control character");
	else if (bad)
		reading_error(reading, place, "the name \"%s\" of %s holds a '%c'", name, what, *bad);
	else
		return 1;
	return 0;
}

_Bool reading_outside_text(struct reading *reading, const char *what, const char *name, const char *value)
{
	if (!text_is_utf8(value, strlen(value)))
		reading_error(reading, (struct place){0}, "the value of %s \"%s\" is not UTF-8", what, name);
	else if (strlen(value) > LIMIT_TEMPLATE_BYTES)
		reading_error(reading, (struct place){0}, "the value of %s \"%s\" has %zu bytes; it may have %d", what,
		              name, strlen(value), LIMIT_TEMPLATE_BYTES);
	else
		return 1;
	return 0;
}

_Bool reading_own_slots(struct reading *reading, enum slot_owner owner)
{
	const uint32_t count = template_names_count(reading->plan->names);
	if (count <= reading->slot_count)
		return 1;
	void *owners = realloc(reading->owners, count * sizeof(*reading->owners));
	reading->owners = owners ? owners : reading->owners;
	void *set = realloc(reading->set, count * sizeof(*reading->set));
	reading->set = set ? set : reading->set;
	void *savers = realloc(reading->savers, count * sizeof(*reading->savers));
	reading->savers = savers ? savers : reading->savers;
	void *used = realloc(reading->used, count * sizeof(*reading->used));
	reading->used = used ? used : reading->used;
	if (!owners || !set || !savers || !used) {
		reading->failed = -ENOMEM;
		return 0;
	}
	for (uint32_t slot = reading->slot_count; slot < count; slot++) {
		reading->owners[slot] = owner;
		reading->set[slot] = 1;
		reading->savers[slot] = NULL;
		reading->used[slot] = 0;
	}
	reading->slot_count = count;
	return 1;
}

uint32_t reading_add_name(struct reading *reading, struct place place, const char *name, enum slot_owner owner)
{
	uint32_t slot;
	int r = strlen(name) > LIMIT_NAME_BYTES ? -ENAMETOOLONG : template_names_add(reading->plan->names, name, &slot);
	if (r == -EEXIST)
		reading_error(reading, place, "\"%s\" is a built-in name of templates and cannot be set", name);
	else if (r == -EINVAL)
		reading_error(reading, place,
		              "\"%s\" is not a name: it takes letters, digits, _ - and ., and starts with no digit",
		              name);
	else if (r == -ENAMETOOLONG)
		reading_error(reading, place, "a name may have %d bytes, not %zu", LIMIT_NAME_BYTES, strlen(name));
	else if (r < 0)
		reading->failed = r;
	if (r < 0)
		return UINT32_MAX;
	return reading_own_slots(reading, owner) ? slot : UINT32_MAX;
}

uint32_t reading_unset_slot(const struct reading *reading, const struct template *template)
{
	for (uint32_t slot = 0; slot < reading->slot_count; slot++)
		if (!reading->set[slot] && template_uses(template, slot))
			return slot;
	return UINT32_MAX;
}

/* True if the name at the failure belongs to a feed that could not be read: it has been said already. */
static _Bool concerns_broken_feed(const struct reading *reading, const char *text, const struct failure *failure)
{
	size_t length = strlen(text);
	const char *at = failure->column > 0 && (size_t)failure->column <= length ? text + failure->column - 1 : text;
	while (*at == '{' || isspace((unsigned char)*at))
		at++;
	for (uint32_t i = 0; i < reading->feed_count; i++) {
		const struct feed_notes *notes = &reading->feeds[i];
		size_t size = notes->name ? strlen(notes->name) : 0;
		if (notes->broken && notes->name && strncmp(at, notes->name, size) == 0 && strchr(".} ", at[size]))
			return 1;
	}
	return 0;
}

static void check_set(struct reading *reading, const struct node *node, const char *key,
                      const struct template *template)
{
	uint32_t slot = reading_unset_slot(reading, template);
	if (reading->in_setup && template_needs_vu(template))
		reading_error(reading, node->place,
		              "\"%s\" in %s needs {{vu}} or {{iteration}}, which only iterations have", key,
		              reading->where.text);
	if (slot == UINT32_MAX)
		return;
	const char *name = template_names_get(reading->plan->names, slot);
	if (reading->in_setup)
		reading_error(reading, node->place, "\"%s\" in %s needs {{%s}}, which %s", key, reading->where.text,
		              name,
		              reading->owners[slot] == SLOT_SETUP ? "no setup before it sets" : "only iterations have");
	else
		reading_error(reading, node->place,
		              "\"%s\" in %s needs {{%s}}, which no step before it saves (scenario \"%s\" does)", key,
		              reading->where.text, name, reading->savers[slot] ? reading->savers[slot] : "");
}

struct template *reading_template(struct reading *reading, const struct node *node, const char *key)
{
	struct failure failure = {0};
	struct template *template = NULL;
	if (!reading_expect(reading, node, NODE_SCALAR, key))
		return NULL;
	if (strlen(node->text) > LIMIT_TEMPLATE_BYTES) {
		reading_error(reading, node->place, "\"%s\" in %s has %zu bytes; a template may have %d", key,
		              reading->where.text, strlen(node->text), LIMIT_TEMPLATE_BYTES);
		return NULL;
	}
	int r = template_compile(node->text, reading->plan->names, &failure, &template);
	if (r == -ENOMEM)
		reading->failed = r;
	else if (r < 0 && !concerns_broken_feed(reading, node->text, &failure))
		reading_error(reading,
		              failure.column > 0 ? reading_place_in(reading, node, (size_t)failure.column - 1)
		                                 : node->place,
		              "\"%s\" in %s: %s", key, reading->where.text, failure.text);
	if (r < 0)
		return NULL;
	check_set(reading, node, key, template);
	for (uint32_t slot = 0; slot < reading->slot_count; slot++)
		reading->used[slot] |= template_uses(template, slot);
	return template;
}
