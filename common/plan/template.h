/* SPDX-License-Identifier: Apache-2.0 */
/* Text with {{...}} in it, compiled once and filled in for each operation.
 *
 * {{name}} (a feed's column, a variable of the plan, a saved value), {{vu}}, {{iteration}}, {{agent}},
 * {{random LOW HIGH}} (both included), {{uuid}}, {{now}} (Unix time in ms; {{now iso}} is ISO 8601 UTC),
 * {{secret.NAME}}. `{{{{` gives a literal `{{`. */
#pragma once

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/failure.h"
#include "common/base/random.h"

struct template;
struct template_names;

/* Every name that a template may use, each with a slot. */
struct template_names *template_names_new(void);
struct template_names *template_names_free(struct template_names *names);
/* The slot of `name`, made if it is new. 0, -ENOMEM, -EINVAL (not a name: letters, digits, _ - . , not
 * starting with a digit), -EEXIST (a built-in name). */
int template_names_add(struct template_names *names, const char *name, uint32_t *ret_slot);
uint32_t template_names_count(const struct template_names *names);
/* Slot, or UINT32_MAX. */
uint32_t template_names_find(const struct template_names *names, const char *name);
const char *template_names_get(const struct template_names *names, uint32_t slot);

/* One value of a scope; text need not end with NUL. text == NULL: not set. */
struct template_value {
	const char *text;
	size_t size;
};

/* What a template is filled in from. Belongs to one VU's running iteration. */
struct template_scope {
	uint64_t vu;        /* from 1 */
	uint64_t iteration; /* from 0 */
	const char *agent;
	struct random *random;
	const struct template_value *values; /* by slot */
	uint32_t value_count;
	/* Gives a secret's value or NULL; never logged. May be NULL: then every secret is missing. */
	const char *(*secret)(void *context, const char *name);
	void *secret_context;
};

/* Compiles `text`. -EINVAL with the reason in *failure (a name that nothing can set, with the nearest one
 * that exists; an unknown function; unbalanced braces) and, in failure->column, the byte offset + 1. */
int template_compile(const char *text, const struct template_names *names, struct failure *failure,
                     struct template **ret_template);
struct template *template_free(struct template *template);
/* Appends the filled-in text. 0, -ENOMEM, or -ENOKEY if a value or secret isn't set: then
 * *ret_missing (may be NULL) is its name. */
int template_render(const struct template *template, const struct template_scope *scope, struct buffer *buffer,
                    const char **ret_missing);
/* The source text. */
const char *template_source(const struct template *template);
/* True if it has no {{...}}: then template_source() without escapes is its value. */
_Bool template_is_constant(const struct template *template);
/* True if nothing but secrets stands in its {{...}}. */
_Bool template_holds_secrets_only(const struct template *template);
/* True if it reads the value in `slot`. */
_Bool template_uses(const struct template *template, uint32_t slot);
/* True if it reads {{vu}} or {{iteration}}: it can be filled in for iterations alone. */
_Bool template_needs_vu(const struct template *template);
