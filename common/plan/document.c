// SPDX-License-Identifier: Apache-2.0
// Builds the tree of nodes from libyaml's events, with every bound checked at the event that breaks it.
#include "common/plan/document.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/names.h"

DEFINE_CLEANUP(struct document *, document_free)
DEFINE_CLEANUP(struct names *, names_free)

/* What is being built: the open mappings and sequences, and what each anchor stands for. */
struct builder {
	yaml_parser_t parser;
	const char *file;
	const struct document_limits *limits;
	struct failures *failures;
	struct document *document;
	struct names *anchors; /* id of an anchor's name: its place in anchored */
	struct node **anchored;
	size_t anchored_capacity;
	struct node *stack[LIMIT_PLAN_DEPTH];
	uint32_t depth;
	uint64_t alias_nodes; /* what aliases have brought so far */
	uint64_t alias_bytes;
	_Bool duplicates; /* a duplicate or a merge key was found: go on, but fail */
};

static struct place place_of(yaml_mark_t mark)
{
	return (struct place){.line = (int)mark.line + 1, .column = (int)mark.column + 1};
}

static int refuse(struct builder *builder, struct place place, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int refuse(struct builder *builder, struct place place, const char *format, ...)
{
	char text[FAILURE_TEXT_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	failures_add_at(builder->failures, builder->file, place.line, place.column, "%s", text);
	return -EINVAL;
}

static struct node *node_free(struct node *node)
{
	if (!node)
		return NULL;
	free(node->text);
	free(node->items);
	free(node);
	return NULL;
}

struct document *document_free(struct document *document)
{
	if (!document)
		return NULL;
	for (size_t i = 0; i < document->count; i++)
		node_free(document->nodes[i]);
	free(document->nodes);
	free(document);
	return NULL;
}

/* A new node that the document owns. */
static int make_node(struct builder *builder, enum node_kind kind, struct place place, struct node **ret_node)
{
	struct document *document = builder->document;
	struct node *node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	if (array_reserve(&document->nodes, &document->capacity, document->count, sizeof(*document->nodes)) < 0) {
		free(node);
		return -ENOMEM;
	}
	*node = (struct node){.kind = kind, .place = place, .expanded = 1, .height = 1};
	document->nodes[document->count++] = node;
	*ret_node = node;
	return 0;
}

static int set_anchor(struct builder *builder, const yaml_char_t *anchor, struct node *node)
{
	uint32_t id;
	if (!anchor)
		return 0;
	if (names_intern(builder->anchors, anchor, strlen((const char *)anchor), &id, NULL) < 0 ||
	    array_reserve(&builder->anchored, &builder->anchored_capacity, id, sizeof(*builder->anchored)) < 0)
		return -ENOMEM;
	builder->anchored[id] = node;
	return 0;
}

/* Checks the key that has just been added to a mapping (the last item). */
static int check_key(struct builder *builder, struct node *key)
{
	if (key->kind != NODE_SCALAR)
		return refuse(builder, key->place, "a key must be a text, not %s", node_kind_text(key));
	key->key = 1;
	if (strcmp(key->text, "<<") == 0 && !key->quoted) {
		refuse(builder, key->place,
		       "unknown key \"<<\": mappings are not merged; write the keys out, or let an alias "
		       "stand for the whole value");
		builder->duplicates = 1;
	}
	return 0;
}

/* Puts a finished or opening node where it belongs: in the innermost open node, or at the root. */
static int attach(struct builder *builder, struct node *node)
{
	if (builder->depth == 0) {
		builder->document->root = node;
		return 0;
	}
	struct node *parent = builder->stack[builder->depth - 1];
	if (array_reserve(&parent->items, &parent->capacity, parent->count, sizeof(*parent->items)) < 0)
		return -ENOMEM;
	parent->items[parent->count++] = node;
	return parent->kind == NODE_MAPPING && parent->count % 2 == 1 ? check_key(builder, node) : 0;
}

/* Every key of a mapping once. */
static int check_duplicates(struct builder *builder, const struct node *mapping)
{
	cleanup(names_freep) struct names *seen = names_new();
	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i + 1 < mapping->count; i += 2) {
		const struct node *key = mapping->items[i];
		uint32_t id;
		_Bool added;
		if (names_intern(seen, key->text, strlen(key->text), &id, &added) < 0)
			return -ENOMEM;
		if (added)
			continue;
		const struct place first = mapping->items[2 * (size_t)id]->place;
		refuse(builder, key->place, "duplicate key \"%s\" (first at line %d)", key->text, first.line);
		builder->duplicates = 1;
		return 0; /* ids and keys no longer go together */
	}
	return 0;
}

/* Adds up what an ended mapping or sequence holds with its aliases expanded. */
static int check_depth(struct builder *builder, struct node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		const struct node *item = node->items[i];
		node->expanded += item->expanded;
		node->bytes += item->bytes;
		if (item->height + 1 > node->height)
			node->height = item->height + 1;
	}
	if (builder->depth + node->height > LIMIT_PLAN_DEPTH)
		return refuse(builder, node->place, "the plan is nested deeper than %d levels", LIMIT_PLAN_DEPTH);
	return 0;
}

/* Counts what an alias brings: without a bound a few lines would become gigabytes. */
static int check_alias_size(struct builder *builder, struct place place, const struct node *target)
{
	builder->alias_nodes += target->expanded;
	builder->alias_bytes += target->bytes;
	if (builder->alias_nodes > LIMIT_PLAN_NODES)
		return refuse(builder, place, "the aliases up to here stand for more than %d values", LIMIT_PLAN_NODES);
	if (builder->alias_bytes > LIMIT_PLAN_BYTES)
		return refuse(builder, place, "the aliases up to here stand for more than %d bytes", LIMIT_PLAN_BYTES);
	return 0;
}

static int open_node(struct builder *builder, enum node_kind kind, const yaml_event_t *event, const yaml_char_t *anchor)
{
	struct place place = place_of(event->start_mark);
	struct node *node;
	if (builder->depth == LIMIT_PLAN_DEPTH)
		return refuse(builder, place, "the plan is nested deeper than %d levels", LIMIT_PLAN_DEPTH);
	int r = make_node(builder, kind, place, &node);
	if (r < 0)
		return r;
	node->open = 1;
	r = set_anchor(builder, anchor, node);
	if (r < 0)
		return r;
	r = attach(builder, node);
	if (r < 0)
		return r;
	builder->stack[builder->depth++] = node;
	return 0;
}

static int close_node(struct builder *builder)
{
	struct node *node = builder->stack[--builder->depth];
	node->open = 0;
	int r = check_depth(builder, node);
	return r < 0 || node->kind != NODE_MAPPING ? r : check_duplicates(builder, node);
}

static int add_scalar(struct builder *builder, struct place place, const char *text, size_t size, _Bool quoted,
                      struct node **ret_node)
{
	struct node *node;
	if (memchr(text, '\0', size))
		return refuse(builder, place, "a text must not hold a NUL byte");
	int r = make_node(builder, NODE_SCALAR, place, &node);
	if (r < 0)
		return r;
	node->quoted = quoted;
	node->bytes = size;
	node->text = strndup(text, size);
	if (!node->text)
		return -ENOMEM;
	*ret_node = node;
	return attach(builder, node);
}

/* An alias of a scalar becomes a scalar at the alias's own place; one of a mapping or sequence shares it. */
static int add_alias(struct builder *builder, const yaml_event_t *event)
{
	const char *anchor = (const char *)event->data.alias.anchor;
	struct place place = place_of(event->start_mark);
	uint32_t id = names_find(builder->anchors, anchor, strlen(anchor));
	if (id == NAMES_NONE)
		return refuse(builder, place, "alias \"*%s\" has no anchor \"&%s\" before it", anchor, anchor);
	struct node *target = builder->anchored[id];
	if (target->open)
		return refuse(builder, place, "alias \"*%s\" refers to itself", anchor);
	int r = check_alias_size(builder, place, target);
	if (r < 0)
		return r;
	if (target->kind != NODE_SCALAR)
		return attach(builder, target);
	struct node *copy;
	return add_scalar(builder, place, target->text, strlen(target->text), target->quoted, &copy);
}

static int add_scalar_event(struct builder *builder, const yaml_event_t *event)
{
	struct node *node = NULL;
	int r = add_scalar(builder, place_of(event->start_mark), (const char *)event->data.scalar.value,
	                   event->data.scalar.length, event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE, &node);
	return r < 0 ? r : set_anchor(builder, event->data.scalar.anchor, node);
}

static int add_event(struct builder *builder, const yaml_event_t *event)
{
	if (builder->document->count > builder->limits->nodes)
		return refuse(builder, place_of(event->start_mark), "the plan has more than %zu values",
		              builder->limits->nodes);
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (builder->document->root)
			return refuse(builder, place_of(event->start_mark),
			              "a second YAML document begins here; a plan is one");
		return 0;
	case YAML_SCALAR_EVENT:
		return add_scalar_event(builder, event);
	case YAML_ALIAS_EVENT:
		return add_alias(builder, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(builder, NODE_SEQUENCE, event, event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return open_node(builder, NODE_MAPPING, event, event->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_node(builder);
	default:
		return 0;
	}
}

/* The place of a byte that libyaml could not read as UTF-8. */
static struct place place_of_byte(const struct document *document, size_t offset)
{
	struct place place = {.line = 1, .column = 1};
	for (size_t i = 0; i < offset && i < document->size; i++) {
		place.column++;
		if (document->source[i] == '\n')
			place = (struct place){.line = place.line + 1, .column = 1};
	}
	return place;
}

/* The byte at a place, or NUL. */
static char byte_at(const struct document *document, struct place place)
{
	const char *at = document->source, *end = at + document->size;
	for (int line = 1; line < place.line && at < end; line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		at = newline ? newline + 1 : end;
	}
	return at && at + place.column - 1 < end ? at[place.column - 1] : '\0';
}

static int syntax_error(struct builder *builder)
{
	const yaml_parser_t *parser = &builder->parser;
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return refuse(builder, place_of_byte(builder->document, parser->problem_offset), "not a YAML text: %s",
		              parser->problem);
	struct place place = place_of(parser->problem_mark);
	const char *tab = byte_at(builder->document, place) == '\t' ? " (a tab; YAML indents with blanks)" : "";
	if (!parser->context)
		return refuse(builder, place, "not YAML: %s%s", parser->problem, tab);
	return refuse(builder, place, "not YAML: %s %s from line %zu%s", parser->problem, parser->context,
	              parser->context_mark.line + 1, tab);
}

static int read_events(struct builder *builder)
{
	yaml_event_type_t type;
	do {
		yaml_event_t event;
		if (!yaml_parser_parse(&builder->parser, &event))
			return syntax_error(builder);
		type = event.type;
		int r = add_event(builder, &event);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
	} while (type != YAML_STREAM_END_EVENT);
	if (!builder->document->root || node_is_empty(builder->document->root))
		return refuse(builder, (struct place){.line = 1, .column = 1}, "the plan is empty");
	return builder->duplicates ? -EINVAL : 0;
}

int document_parse(const char *file, const void *source, size_t size, const struct document_limits *limits,
                   struct failures *failures, struct document **ret_document)
{
	struct builder builder = {.file = file, .limits = limits, .failures = failures};
	cleanup(document_freep) struct document *document = calloc(1, sizeof(*document));
	if (!document)
		return -ENOMEM;
	document->source = source;
	document->size = size;
	if (size > limits->bytes) {
		failures_add_at(failures, file, 0, 0, "the plan has %zu bytes; a plan may have %zu", size,
		                limits->bytes);
		return -EINVAL;
	}
	builder.document = document;
	builder.anchors = names_new();
	if (!builder.anchors)
		return -ENOMEM;
	int r = -ENOMEM;
	if (yaml_parser_initialize(&builder.parser)) {
		yaml_parser_set_input_string(&builder.parser, source, size);
		r = read_events(&builder);
		yaml_parser_delete(&builder.parser);
	}
	names_free(builder.anchors);
	free(builder.anchored);
	if (r == 0)
		*ret_document = steal(document);
	return r;
}

const struct node *node_get(const struct node *mapping, const char *key)
{
	if (!mapping || mapping->kind != NODE_MAPPING)
		return NULL;
	for (size_t i = 0; i + 1 < mapping->count; i += 2)
		if (strcmp(mapping->items[i]->text, key) == 0)
			return mapping->items[i + 1];
	return NULL;
}

_Bool node_is_empty(const struct node *node)
{
	return node->kind == NODE_SCALAR && !node->quoted && (node->text[0] == '\0' || strcmp(node->text, "~") == 0);
}

const char *node_kind_text(const struct node *node)
{
	if (node->kind == NODE_SEQUENCE)
		return "a list";
	if (node->kind == NODE_MAPPING)
		return "a mapping";
	return node_is_empty(node) ? "nothing" : "a text";
}

struct place document_place_in(const struct document *document, const struct node *node, size_t offset)
{
	const char *at = document->source, *end = at + document->size;
	for (int line = 1; line < node->place.line && at < end; line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		at = newline ? newline + 1 : end;
	}
	for (int column = 1; column < node->place.column && at < end; column++)
		for (at++; at < end && ((unsigned char)*at & 0xC0) == 0x80; at++)
			;
	int column = node->place.column;
	if (at < end && (*at == '"' || *at == '\'')) {
		at++;
		column++;
	}
	if ((size_t)(end - at) < offset || memcmp(at, node->text, offset) != 0)
		return node->place;
	for (size_t i = 0; i < offset; i++) {
		if (at[i] == '\n')
			return node->place;
		column += ((unsigned char)at[i] & 0xC0) != 0x80;
	}
	return (struct place){.line = node->place.line, .column = column};
}
