/* SPDX-License-Identifier: Apache-2.0 */
/* An answer: what of it is kept, whether it is a success, and what it leaves for the user. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/driver.h"

struct json_path;

enum extraction_kind { EXTRACTION_JSON, EXTRACTION_HEADER };

/* One `save`, compiled. */
struct extraction {
	enum extraction_kind kind;
	uint32_t slot;
	const char *expression;
	const char *header; /* within expression */
	struct json_path *path;
};

/* What a step does with its answers, read-only while operations run. */
struct answer_form {
	const struct http_step *step;
	struct extraction *extractions;
	uint32_t extraction_count;
	_Bool keeps_body;
	_Bool keeps_headers;
};

/* -EINVAL with place and reason for an expression that is not understood, -ENOMEM. */
int answer_form_init(struct answer_form *form, const struct http_step *step, struct failure *failure);
void answer_form_deinit(struct answer_form *form);

/* What came, in memory that is used again and again. */
struct answer {
	struct buffer body;
	_Bool body_too_large;  /* past LIMIT_HTTP_BODY_KEPT: none of it is kept */
	struct buffer headers; /* those that the form wants: extraction's number, size and value */
	struct buffer scratch;
};

/* Forgets what came, keeps the memory. */
void answer_clear(struct answer *answer);
void answer_deinit(struct answer *answer);
/* Keeps a header that the form saves from, and the body if it does. What finds no memory fails answer_extract(). */
void answer_header(struct answer *answer, const struct answer_form *form, const char *name, size_t name_size,
                   const char *value, size_t value_size);
void answer_body(struct answer *answer, const struct answer_form *form, const void *data, size_t size);

/* Says by the status whether the operation succeeded, with its error and the `checks` sample if not:
 * a check that holds is a success whatever the status; without one, or with one that doesn't hold, 400 and above fail
 * by class. */
void answer_judge(const struct answer_form *form, int status, struct operation *operation);
/* Hands the saved values to `save`. What isn't there fails the operation with ERROR_DATA. 0 or a negative errno of save
 * or for want of memory. */
int answer_extract(struct answer *answer, const struct answer_form *form, const struct driver_config *config,
                   struct operation *operation);
