/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML document as a tree of nodes that know their place, read with bounds.
 *
 * Built from libyaml's events rather than its document: depth and size are bounded while reading, before
 * memory is spent, and an alias is seen where it stands. Scalars are text; what they mean is the reader's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/failure.h"
#include "common/plan/plan.h"

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node {
	enum node_kind kind;
	_Bool quoted;   /* a scalar that isn't plain: "" is a text then, and not a missing value */
	_Bool key;      /* of a mapping */
	_Bool replaced; /* its ${...} have been filled in */
	_Bool broken;   /* an error about its text has been said: the reader passes over it */
	_Bool open;     /* while reading: its end hasn't come */
	struct place place;
	char *text;          /* of a scalar: UTF-8 without NUL inside */
	struct node **items; /* of a mapping: key, value, key, value ... */
	size_t count;        /* of items */
	size_t capacity;
	uint64_t expanded; /* nodes in it, aliases expanded, itself included */
	uint64_t bytes;    /* of the texts in it, likewise */
	uint32_t height;   /* 1 for a scalar */
};

struct document {
	struct node *root;   /* a shared node stands for each alias of a mapping or sequence */
	struct node **nodes; /* all, in the order of the text */
	size_t count;
	size_t capacity;
	const char *source; /* the caller's bytes, which must outlive the document */
	size_t size;
};

/* What a text may hold itself. Aliases may bring LIMIT_PLAN_NODES and LIMIT_PLAN_BYTES on top. */
struct document_limits {
	size_t bytes;
	size_t nodes;
};

/* Reads one document. Refuses what is over the limits or nested deeper than LIMIT_PLAN_DEPTH, aliases that refer
 * to themselves, duplicate keys, merge keys, NUL bytes and a second document. 0, -ENOMEM, or -EINVAL with what is
 * wrong added to *failures. */
int document_parse(const char *file, const void *source, size_t size, const struct document_limits *limits,
                   struct failures *failures, struct document **ret_document);
struct document *document_free(struct document *document);

/* The value of `key` in a mapping, or NULL (also when `mapping` is NULL or no mapping). */
const struct node *node_get(const struct node *mapping, const char *key);
/* True for `key:` with nothing behind it (or `~`). */
_Bool node_is_empty(const struct node *node);
/* "a text", "a list", "a mapping": for errors. */
const char *node_kind_text(const struct node *node);
/* The place of byte `offset` of a scalar's text, where the text stands so in the source; else the scalar's. */
struct place document_place_in(const struct document *document, const struct node *node, size_t offset);
