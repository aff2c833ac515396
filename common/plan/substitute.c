// SPDX-License-Identifier: Apache-2.0
// ${NAME} in scalars: -e NAME=value, then STAMPEDE_VAR_NAME from the environment, then the plan's variables.
// A variable of the plan may use others; what refers to itself is an error. $${ stands for ${.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/plan/reading.h"

enum { ENVIRONMENT_NAME_MAX = sizeof("STAMPEDE_VAR_") + LIMIT_NAME_BYTES };
/* A text that grows past this while its variables are filled in is refused: they could multiply each other. */
enum { SUBSTITUTED_MAX = LIMIT_PLAN_BYTES };

enum state { STATE_WAITING, STATE_RESOLVING, STATE_RESOLVED };

struct variable {
	const char *name;
	struct node *value; /* in the document */
	const struct node *key;
	enum state state;
};

struct substitution {
	struct reading *reading;
	struct variable *variables;
	size_t count;
	size_t bytes; /* of all texts made, bounded as a whole */
};

static void resolve(struct substitution *substitution, struct variable *variable);

/* What the last -e of this name says, or NULL. */
static const char *find_given(const struct reading *reading, const char *name)
{
	const struct pairs *given = reading->overrides ? reading->overrides->variables : NULL;
	for (uint32_t i = given ? given->count : 0; i-- > 0;)
		if (strcmp(given->items[i].name, name) == 0)
			return given->items[i].value;
	return NULL;
}

static void note_use(struct reading *reading, const char *name)
{
	const struct pairs *given = reading->overrides ? reading->overrides->variables : NULL;
	for (uint32_t i = 0; given && i < given->count; i++)
		reading->given_used[i] |= strcmp(given->items[i].name, name) == 0;
}

/* What -e or the environment says; NULL if neither does. */
static const char *find_outside(struct reading *reading, const char *name)
{
	char environment_name[ENVIRONMENT_NAME_MAX];
	const char *value = find_given(reading, name);
	note_use(reading, name);
	if (value)
		return value;
	if (!reading->environment)
		return NULL;
	int n = snprintf(environment_name, sizeof(environment_name), "STAMPEDE_VAR_%s", name);
	if (n < 0 || (size_t)n >= sizeof(environment_name))
		return NULL;
	for (char *at = environment_name; *at; at++)
		*at = *at == '-' || *at == '.' ? '_' : (char)toupper((unsigned char)*at);
	return getenv(environment_name);
}

static struct variable *find_variable(const struct substitution *substitution, const char *name)
{
	for (size_t i = 0; i < substitution->count; i++)
		if (strcmp(substitution->variables[i].name, name) == 0)
			return &substitution->variables[i];
	return NULL;
}

static void refuse_unset(struct substitution *substitution, const struct node *node, size_t at, const char *name)
{
	struct reading *reading = substitution->reading;
	const struct pairs *given = reading->overrides ? reading->overrides->variables : NULL;
	size_t count = 0, given_count = given ? given->count : 0;
	char suggestion[SUGGESTION_SIZE];
	cleanup(cleanup_free) const char **candidates =
	        reading_array(reading, substitution->count + given_count + 1, sizeof(*candidates));
	if (!candidates)
		return;
	for (size_t i = 0; i < substitution->count; i++)
		candidates[count++] = substitution->variables[i].name;
	for (size_t i = 0; i < given_count; i++)
		candidates[count++] = given->items[i].name;
	reading_suggest(name, candidates, suggestion, sizeof(suggestion));
	reading_error(reading, reading_place_in(reading, node, at),
	              "variable \"%s\" is never set%s: set it by -e %s=..., the environment or \"variables\"", name,
	              suggestion, name);
}

/* The value for `name`, or NULL after an error said at byte `at` of the node. */
static const char *value_of(struct substitution *substitution, const struct node *node, size_t at, const char *name)
{
	const char *outside = find_outside(substitution->reading, name);
	if (outside)
		return reading_outside_text(substitution->reading, "variable", name, outside) ? outside : NULL;
	struct variable *variable = find_variable(substitution, name);
	if (!variable) {
		refuse_unset(substitution, node, at, name);
		return NULL;
	}
	if (variable->state == STATE_RESOLVING) {
		reading_error(substitution->reading, reading_place_in(substitution->reading, node, at),
		              "variable \"%s\" refers to itself", name);
		return NULL;
	}
	resolve(substitution, variable);
	return variable->value->text;
}

static size_t name_length(const char *text)
{
	size_t length = 0;
	while (isalnum((unsigned char)text[length]) || (text[length] && strchr("_-.", text[length])))
		length++;
	return length;
}

/* Handles the "${" at text + at: appends the value and returns how many bytes it took. */
static size_t replace_one(struct substitution *substitution, struct node *node, size_t at, struct buffer *buffer)
{
	const char *text = node->text + at;
	const size_t length = name_length(text + 2);
	const _Bool was_broken = node->broken;
	struct reading *reading = substitution->reading;
	char name[LIMIT_NAME_BYTES + 1];
	node->broken = 1;
	if (text[2 + length] != '}' || length == 0 || length > LIMIT_NAME_BYTES) {
		reading_error(reading, reading_place_in(reading, node, at),
		              "\"${\" begins no ${NAME} here (write \"$${\" for the two characters themselves)");
		return 2;
	}
	memcpy(name, text + 2, length);
	name[length] = '\0';
	const char *value = value_of(substitution, node, at, name);
	node->broken = was_broken || !value;
	if (value)
		buffer_append_text(buffer, value);
	return length + 3;
}

/* Replaces all in one scalar, once. */
static void replace(struct substitution *substitution, struct node *node)
{
	struct reading *reading = substitution->reading;
	cleanup_buffer struct buffer buffer = {0};
	if (node->replaced)
		return;
	node->replaced = 1;
	if (!strstr(node->text, "${"))
		return;
	for (size_t at = 0; node->text[at];) {
		if (strncmp(node->text + at, "$${", 3) == 0) {
			buffer_append_text(&buffer, "${");
			at += 3;
		} else if (strncmp(node->text + at, "${", 2) == 0) {
			at += replace_one(substitution, node, at, &buffer);
		} else {
			buffer_append_byte(&buffer, (uint8_t)node->text[at++]);
		}
		if (buffer.size + substitution->bytes > SUBSTITUTED_MAX) {
			reading_error(reading, node->place,
			              "the plan has more than %d bytes once its variables are filled in",
			              SUBSTITUTED_MAX);
			break;
		}
	}
	const char *made = buffer_text(&buffer);
	char *text = made ? reading_copy(reading, made) : NULL;
	if (!text) {
		reading->failed = -ENOMEM;
		return;
	}
	substitution->bytes += buffer.size;
	free(node->text);
	node->text = text;
	node->quoted = 1; /* a value that is given, even if it is "" */
}

static void resolve(struct substitution *substitution, struct variable *variable)
{
	if (variable->state != STATE_WAITING)
		return;
	variable->state = STATE_RESOLVING;
	const char *outside = find_outside(substitution->reading, variable->name);
	if (outside && reading_outside_text(substitution->reading, "variable", variable->name, outside)) {
		char *text = reading_copy(substitution->reading, outside);
		if (text) {
			free(variable->value->text);
			variable->value->text = text;
		}
		variable->value->replaced = 1;
	} else {
		replace(substitution, variable->value);
	}
	variable->state = STATE_RESOLVED;
}

static void collect_variables(struct substitution *substitution, const struct node *section)
{
	struct reading *reading = substitution->reading;
	if (!section || !reading_expect(reading, section, NODE_MAPPING, "variables"))
		return;
	if (section->count / 2 > LIMIT_PLAN_VARIABLES) {
		reading_error(reading, section->place, "the plan has %zu variables; it may have %d", section->count / 2,
		              LIMIT_PLAN_VARIABLES);
		return;
	}
	const struct where outer = reading_enter(reading, section->place, "the plan's variables");
	substitution->variables = reading_array(reading, section->count / 2, sizeof(*substitution->variables));
	for (size_t i = 0; substitution->variables && i + 1 < section->count; i += 2) {
		struct node *key = section->items[i], *value = section->items[i + 1];
		if (reading_add_name(reading, key->place, key->text, SLOT_VARIABLE) == UINT32_MAX ||
		    (!node_is_empty(value) && !reading_expect(reading, value, NODE_SCALAR, key->text)))
			continue;
		substitution->variables[substitution->count++] =
		        (struct variable){.name = key->text, .value = value, .key = key};
	}
	reading_leave(reading, &outer);
}

static void add_pair(struct reading *reading, const char *name, const char *value, struct place place)
{
	struct pairs *pairs = &reading->plan->variables;
	size_t capacity = pairs->count;
	if (array_reserve(&pairs->items, &capacity, pairs->count, sizeof(*pairs->items)) < 0) {
		reading->failed = -ENOMEM;
		return;
	}
	pairs->items[pairs->count++] = (struct pair){
	        .name = reading_copy(reading, name), .value = reading_copy(reading, value), .place = place};
}

/* The plan's own variables, then those that -e brings on top. */
static void keep_variables(struct substitution *substitution)
{
	struct reading *reading = substitution->reading;
	const struct pairs *given = reading->overrides ? reading->overrides->variables : NULL;
	for (size_t i = 0; i < substitution->count; i++)
		add_pair(reading, substitution->variables[i].name, substitution->variables[i].value->text,
		         substitution->variables[i].key->place);
	for (uint32_t i = 0; given && i < given->count; i++) {
		const char *name = given->items[i].name;
		if (template_names_find(reading->plan->names, name) == UINT32_MAX &&
		    reading_add_name(reading, (struct place){0}, name, SLOT_VARIABLE) != UINT32_MAX)
			add_pair(reading, name, find_given(reading, name), (struct place){0});
	}
}

static _Bool check_given(struct reading *reading)
{
	const struct pairs *given = reading->overrides ? reading->overrides->variables : NULL;
	_Bool good = 1;
	reading->given_used = reading_array(reading, given ? given->count : 0, sizeof(*reading->given_used));
	for (uint32_t i = 0; given && i < given->count; i++)
		good &= reading_outside_text(reading, "variable", given->items[i].name, given->items[i].value);
	return good && reading->given_used;
}

_Bool reading_substitute(struct reading *reading)
{
	struct substitution substitution = {.reading = reading};
	const struct document *document = reading->document;
	if (!check_given(reading))
		return 0;
	collect_variables(&substitution, node_get(document->root, "variables"));
	for (size_t i = 0; i < substitution.count; i++)
		resolve(&substitution, &substitution.variables[i]);
	for (size_t i = 0; i < document->count; i++)
		if (document->nodes[i]->kind == NODE_SCALAR && !document->nodes[i]->key)
			replace(&substitution, document->nodes[i]);
	keep_variables(&substitution);
	free(substitution.variables);
	return 1;
}

void reading_warn_unused(struct reading *reading)
{
	const struct pairs *given = reading->overrides ? reading->overrides->variables : NULL;
	const struct pairs *variables = &reading->plan->variables;
	char suggestion[SUGGESTION_SIZE];
	cleanup(cleanup_free) const char **names = reading_array(reading, variables->count + 1, sizeof(*names));
	for (uint32_t i = 0; names && given && i < given->count; i++) {
		const char *name = given->items[i].name;
		const uint32_t slot = template_names_find(reading->plan->names, name);
		size_t count = 0;
		if (reading->given_used[i] || (slot != UINT32_MAX && reading->used[slot]))
			continue;
		for (uint32_t j = 0; j < variables->count; j++)
			if (strcmp(variables->items[j].name, name) != 0)
				names[count++] = variables->items[j].name;
		names[count] = NULL;
		reading_suggest(name, names, suggestion, sizeof(suggestion));
		reading_warn(reading, (struct place){0}, "-e %s=... sets a variable that the plan doesn't use%s", name,
		             suggestion);
	}
}
