/* SPDX-License-Identifier: Apache-2.0 */
/* Requests from templates.
 *
 * Everything that is rendered is appended to one buffer, which moves while it grows; so offsets are kept first and
 * become pointers when the last byte is in. */
#include "agent/drivers/http/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/array.h"

static _Bool overridden(const struct template_pairs *by, const char *name)
{
	for (uint32_t i = 0; i < by->count; i++)
		if (strcasecmp(by->items[i].name, name) == 0)
			return 1;
	return 0;
}

static void add_header(struct request_form *form, const struct template_pair *header)
{
	form->headers[form->header_count++] = header;
	form->has_cookie |= strcasecmp(header->name, "Cookie") == 0;
}

int request_form_init(struct request_form *form, const struct target *target, const struct url *url,
                      const struct http_step *step)
{
	const struct template_pairs *common = &target->http.headers;

	*form = (struct request_form){.step = step, .url = url};
	form->headers = calloc((size_t)common->count + step->headers.count + 1, sizeof(struct template_pair *));
	if (!form->headers)
		return -ENOMEM;
	for (uint32_t i = 0; i < common->count; i++)
		if (!overridden(&step->headers, common->items[i].name))
			add_header(form, &common->items[i]);
	for (uint32_t i = 0; i < step->headers.count; i++)
		add_header(form, &step->headers.items[i]);
	return 0;
}

void request_form_deinit(struct request_form *form)
{
	free(form->headers);
	*form = (struct request_form){0};
}

void request_deinit(struct request *request)
{
	buffer_deinit(&request->text);
	buffer_deinit(&request->scratch);
	free(request->lines);
	*request = (struct request){0};
}

/* "stocks" after the base URL and an empty path after none need a '/' between. */
static _Bool needs_slash(const char *base, const struct buffer *path)
{
	if (path->size > 0 && path->data[0] == '/')
		return 0;
	return *base == '\0' || (path->size > 0 && path->data[0] != '?');
}

static int render_target(struct request *request, const struct request_form *form, const struct template_scope *scope,
                         const char **ret_problem)
{
	struct buffer *path = &request->scratch;
	int r;

	buffer_clear(path);
	r = template_render(form->step->path, scope, path, ret_problem);
	if (r < 0)
		return r;
	buffer_append_text(&request->text, form->url->path);
	if (needs_slash(form->url->path, path))
		buffer_append_byte(&request->text, '/');
	if (path->size > 0)
		url_append_encoded(&request->text, path->data, path->size);
	return buffer_append_byte(&request->text, '\0');
}

static int render_header(struct request *request, const struct template_pair *header,
                         const struct template_scope *scope, const char **ret_problem)
{
	struct buffer *text = &request->text;
	size_t start;
	int r;

	buffer_append_text(text, header->name);
	buffer_append(text, ": ", 2);
	start = text->size;
	r = template_render(header->value, scope, text, ret_problem);
	if (r < 0)
		return r;
	for (size_t i = start; i < text->size; i++) {
		if (text->data[i] == '\r' || text->data[i] == '\n' || text->data[i] == '\0') {
			*ret_problem = header->name;
			return -EINVAL;
		}
	}
	return buffer_append_byte(text, '\0');
}

static int render_cookies(struct request *request, const struct request_form *form, const struct cookies *cookies,
                          uint64_t now_ns)
{
	struct buffer *line = &request->scratch;
	int r;

	if (cookies->count == 0 || form->has_cookie)
		return 0;
	buffer_clear(line);
	/* The target stands at the text's start. */
	r = cookies_render(cookies, (const char *)request->text.data, form->url->secure, now_ns, line);
	if (r < 0 || line->size == 0)
		return r;
	request->header_count++;
	buffer_append_text(&request->text, "Cookie: ");
	buffer_append(&request->text, line->data, line->size);
	return buffer_append_byte(&request->text, '\0');
}

/* Turns the NUL-parted text (target, headers, body) into pointers. */
static int point(struct request *request, size_t body_start, _Bool has_body)
{
	char *at = (char *)request->text.data;

	if (array_reserve(&request->lines, &request->line_capacity, request->header_count, sizeof(*request->lines)) < 0)
		return -ENOMEM;
	request->target = at;
	for (uint32_t i = 0; i < request->header_count; i++) {
		at += strlen(at) + 1;
		request->lines[i] = at;
	}
	request->headers = request->lines;
	request->body = has_body ? request->text.data + body_start : NULL;
	request->body_size = has_body ? request->text.size - body_start : 0;
	return 0;
}

int request_render(struct request *request, const struct request_form *form, const struct template_scope *scope,
                   const struct cookies *cookies, uint64_t now_ns, const char **ret_problem)
{
	const struct http_step *step = form->step;
	size_t body_start;
	int r;

	buffer_clear(&request->text);
	request->method = step->method;
	request->timeout_ns = step->timeout_ns;
	request->header_count = form->header_count;
	r = render_target(request, form, scope, ret_problem);
	for (uint32_t i = 0; i < form->header_count && r == 0; i++)
		r = render_header(request, form->headers[i], scope, ret_problem);
	if (r == 0)
		r = render_cookies(request, form, cookies, now_ns);
	body_start = request->text.size;
	if (r == 0 && step->body)
		r = template_render(step->body, scope, &request->text, ret_problem);
	if (r == 0)
		r = request->text.failed;
	return r < 0 ? r : point(request, body_start, step->body != NULL);
}
