/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP request: what a step says, compiled once, and what is sent, rendered for each operation. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/drivers/http/cookies.h"
#include "agent/drivers/http/url.h"
#include "common/plan/plan.h"

/* A step's own, read-only while operations run. */
struct request_form {
	const struct http_step *step;
	const struct url *url;
	const struct template_pair **headers; /* the target's, and the step's in place of those of the same name */
	uint32_t header_count;
	_Bool has_cookie; /* the plan's own Cookie header stands in place of the user's cookies */
};

/* Keeps pointers to all three. 0 or -ENOMEM. */
int request_form_init(struct request_form *form, const struct target *target, const struct url *url,
                      const struct http_step *step);
void request_form_deinit(struct request_form *form);

/* One request, made again and again in the same memory. What it points to lies in `text` and holds until it is rendered
 * again. */
struct request {
	const char *method;
	const char *target;   /* path and query, "/" at least, safe for a request line */
	char *const *headers; /* "Name: value" */
	uint32_t header_count;
	const void *body; /* NULL: none */
	size_t body_size;
	uint64_t timeout_ns; /* 0: none */

	struct buffer text;
	struct buffer scratch;
	char **lines;
	size_t line_capacity;
};

void request_deinit(struct request *request);
/* Fills in the step's templates and adds the user's cookies. 0, -ENOMEM, -ENOKEY (a value isn't set: its name is in
 * *ret_problem) or -EINVAL (a header's value with a line break: its name). */
int request_render(struct request *request, const struct request_form *form, const struct template_scope *scope,
                   const struct cookies *cookies, uint64_t now_ns, const char **ret_problem);
