/* SPDX-License-Identifier: Apache-2.0 */
/* Paths into a JSON document: $, $.a.b, $.list[0].name, $['a b'][2]; an index below 0 counts from the end. */
#pragma once

#include "common/base/buffer.h"
#include "common/base/failure.h"

struct json_path;

/* -EINVAL with the reason, -ENOMEM. */
int json_path_compile(const char *text, struct failure *failure, struct json_path **ret_path);
/* Accepts NULL. */
struct json_path *json_path_free(struct json_path *path);

/* A parsed document: NULL if it is no JSON (or there is no memory for it). */
struct json_document;
struct json_document *json_document_parse(const void *text, size_t size);
struct json_document *json_document_free(struct json_document *document);

/* Appends what the path finds in the document: a string's text, numbers, true, false and null as JSON writes them,
 * objects and arrays as compact JSON. 0, -ENOMEM, -ENOENT (nothing there). */
int json_path_extract(const struct json_path *path, const struct json_document *document, struct buffer *buffer);
