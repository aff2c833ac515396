/* SPDX-License-Identifier: Apache-2.0 */
/* JSON paths by jansson. */
#include "agent/drivers/http/json_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"

/* One move down: into a member or, where name is NULL, to an element. */
struct move {
	char *name;
	long index;
};

struct json_path {
	struct move *moves;
	size_t count;
	size_t capacity;
};

DEFINE_CLEANUP(struct json_path *, json_path_free)

struct json_path *json_path_free(struct json_path *path)
{
	if (!path)
		return NULL;
	for (size_t i = 0; i < path->count; i++)
		free(path->moves[i].name);
	free(path->moves);
	free(path);
	return NULL;
}

static int add_move(struct json_path *path, const char *name, size_t size, long index)
{
	char *copy = NULL;

	if (array_reserve(&path->moves, &path->capacity, path->count, sizeof(*path->moves)) < 0)
		return -ENOMEM;
	if (name) {
		copy = strndup(name, size);
		if (!copy)
			return -ENOMEM;
	}
	path->moves[path->count++] = (struct move){.name = copy, .index = index};
	return 0;
}

/* ".name": up to the next '.' or '['. */
static int compile_member(struct json_path *path, const char **at)
{
	size_t size = strcspn(*at + 1, ".[");
	int r;

	if (size == 0)
		return -EINVAL;
	r = add_move(path, *at + 1, size, 0);
	*at += 1 + size;
	return r;
}

/* "[3]", "[-1]", "['name']" or with double quotes. */
static int compile_bracket(struct json_path *path, const char **at)
{
	const char *start = *at + 1;
	const char *close;
	char *end;
	long index;

	if (*start == '\'' || *start == '"') {
		close = strchr(start + 1, *start);
		if (!close || close[1] != ']')
			return -EINVAL;
		*at = close + 2;
		return add_move(path, start + 1, (size_t)(close - start - 1), 0);
	}
	errno = 0;
	index = strtol(start, &end, 10);
	if (end == start || errno || *end != ']' || (*start != '-' && (*start < '0' || *start > '9')))
		return -EINVAL;
	*at = end + 1;
	return add_move(path, NULL, 0, index);
}

int json_path_compile(const char *text, struct failure *failure, struct json_path **ret_path)
{
	cleanup(json_path_freep) struct json_path *path = calloc(1, sizeof(*path));
	const char *at = text + 1;
	int r = 0;

	if (!path)
		return failure_set(failure, -ENOMEM, "no memory");
	if (*text != '$')
		return failure_set(failure, -EINVAL, "JSON path \"%s\" does not start with \"$\"", text);
	while (*at && r == 0) {
		if (*at == '.')
			r = compile_member(path, &at);
		else if (*at == '[')
			r = compile_bracket(path, &at);
		else
			r = -EINVAL;
	}
	if (r == -EINVAL)
		return failure_set(failure, r,
		                   "JSON path \"%s\" is not understood from \"%s\" on (\"$.a.b[0]\" is one)", text, at);
	if (r < 0)
		return failure_set(failure, r, "no memory");
	*ret_path = steal(path);
	return 0;
}

static const json_t *follow(const struct json_path *path, const json_t *node)
{
	for (size_t i = 0; node && i < path->count; i++) {
		const struct move *move = &path->moves[i];
		long index = move->index;

		if (move->name) {
			node = json_object_get(node, move->name);
			continue;
		}
		if (index < 0)
			index += (long)json_array_size(node);
		node = index < 0 ? NULL : json_array_get(node, (size_t)index);
	}
	return node;
}

/* The shorter of the two usual precisions that reads back as the same number. */
static int append_real(struct buffer *buffer, double value)
{
	char text[40];

	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	return buffer_append_text(buffer, text);
}

static int append_chunk(const char *text, size_t size, void *context)
{
	return buffer_append(context, text, size);
}

static int append_value(struct buffer *buffer, const json_t *node)
{
	if (json_is_string(node))
		return buffer_append(buffer, json_string_value(node), json_string_length(node));
	if (json_is_real(node))
		return append_real(buffer, json_real_value(node));
	json_dump_callback(node, append_chunk, buffer, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	return buffer->failed;
}

/* A document is jansson's root under a name of ours: no header of ours includes jansson's. */
struct json_document *json_document_parse(const void *text, size_t size)
{
	return (struct json_document *)json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

struct json_document *json_document_free(struct json_document *document)
{
	json_decref((json_t *)document);
	return NULL;
}

int json_path_extract(const struct json_path *path, const struct json_document *document, struct buffer *buffer)
{
	const json_t *node = follow(path, (const json_t *)document);

	return node ? append_value(buffer, node) : -ENOENT;
}
