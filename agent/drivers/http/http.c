/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP driver.
 *
 * A session is a virtual user: its cookies, its channel (a connection that lives on) and the memory of one request and
 * one answer, used again for each operation. Requests are rendered in submit and handed to the transport; what comes
 * back is judged and taken apart here, so that this file, request.c and answer.c would work on any transport.
 *
 * A session is idle or has one operation under way, in which case it is in the driver's list of busy ones. */
#include "agent/drivers/http/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/drivers/http/answer.h"
#include "agent/drivers/http/request.h"
#include "agent/drivers/http/transport.h"
#include "agent/drivers/http/url.h"
#include "agent/drivers/kit/reach.h"
#include "agent/drivers/kit/step_map.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"

struct form {
	struct request_form request;
	struct answer_form answer;
};

struct driver {
	struct driver_config config;
	const struct transport_ops *transport_ops;
	struct transport *transport;
	struct url url;
	struct step_map map;
	struct form *forms; /* by the map's numbers */
	struct driver_session *busy;
	uint64_t in_flight;
	char server[128]; /* the Server header of the first answer that had one */
};

struct driver_session {
	struct driver *driver;
	struct channel *channel;
	struct cookies cookies;
	struct request request;
	struct answer answer;
	struct operation *operation; /* under way, or NULL */
	const struct form *form;     /* of its step */
	struct driver_session *next; /* in the list of busy ones */
	struct driver_session *previous;
};

static void add_busy(struct driver *driver, struct driver_session *session, struct operation *operation)
{
	session->operation = operation;
	session->previous = NULL;
	session->next = driver->busy;
	if (driver->busy)
		driver->busy->previous = session;
	driver->busy = session;
	driver->in_flight++;
}

static struct operation *remove_busy(struct driver *driver, struct driver_session *session)
{
	struct operation *operation = session->operation;

	if (session->previous)
		session->previous->next = session->next;
	else
		driver->busy = session->next;
	if (session->next)
		session->next->previous = session->previous;
	session->operation = NULL;
	driver->in_flight--;
	return operation;
}

/* What the transport tells. */

static void answer_begins(void *user)
{
	struct driver_session *session = user;

	answer_clear(&session->answer);
}

static _Bool is_name(const char *name, size_t size, const char *wanted)
{
	return strncasecmp(name, wanted, size) == 0 && !wanted[size];
}

static void header_came(void *user, const char *name, size_t name_size, const char *value, size_t value_size)
{
	struct driver_session *session = user;
	struct driver *driver = session->driver;

	answer_header(&session->answer, &session->form->answer, name, name_size, value, value_size);
	if (is_name(name, name_size, "Set-Cookie")) {
		if (cookies_take(&session->cookies, value, value_size, driver->url.host, session->request.target,
		                 clock_now_ns()) < 0)
			session->answer.headers.failed = -ENOMEM;
	} else if (!driver->server[0] && is_name(name, name_size, "Server")) {
		if (value_size >= sizeof(driver->server))
			value_size = sizeof(driver->server) - 1;
		memcpy(driver->server, value, value_size);
	}
}

static void body_came(void *user, const void *data, size_t size)
{
	struct driver_session *session = user;

	answer_body(&session->answer, &session->form->answer, data, size);
}

static void sample(struct operation *operation, const struct exchange *exchange)
{
	operation_sample(operation, METRIC_HTTP_REQ_DURATION, exchange->duration_ns, NULL);
	operation_sample(operation, METRIC_HTTP_REQ_WAITING, exchange->waiting_ns, NULL);
	if (exchange->connected)
		operation_sample(operation, METRIC_HTTP_REQ_CONNECTING, exchange->connecting_ns, NULL);
	if (exchange->connected && exchange->secured)
		operation_sample(operation, METRIC_HTTP_REQ_TLS_HANDSHAKING, exchange->handshaking_ns, NULL);
}

static void exchange_done(void *user, const struct exchange *exchange)
{
	struct driver_session *session = user;
	struct driver *driver = session->driver;
	const struct answer_form *form = &session->form->answer;
	struct operation *operation = remove_busy(driver, session);

	operation->completed_ns = exchange->completed_ns;
	operation->sent_bytes = exchange->sent_bytes;
	operation->received_bytes = exchange->received_bytes;
	if (exchange->error != ERROR_NONE) {
		operation_fail(operation, exchange->error, exchange->error_code, "%s", exchange->error_text);
	} else {
		sample(operation, exchange);
		answer_judge(form, exchange->status, operation);
		if (operation->error == ERROR_NONE &&
		    answer_extract(&session->answer, form, &driver->config, operation) < 0)
			operation_fail(operation, ERROR_DATA, "SAVE", "no memory for the answer");
	}
	driver->config.complete(driver->config.context, operation);
}

static const struct transport_events transport_events = {
        .begin = answer_begins,
        .header = header_came,
        .body = body_came,
        .done = exchange_done,
};

/* Operations. */

static int http_submit(struct driver *driver, struct operation *operation)
{
	struct driver_session *session = operation->session;
	const struct form *form = &driver->forms[step_map_find(&driver->map, operation->step)];
	const char *problem = "";
	int r;

	if (session->operation)
		return SUBMIT_FULL;
	r = request_render(&session->request, &form->request, operation->scope, &session->cookies,
	                   operation->started_ns, &problem);
	if (r == -ENOKEY)
		operation_fail(operation, ERROR_DATA, "TEMPLATE", "{{%s}} is not set", problem);
	else if (r == -EINVAL)
		operation_fail(operation, ERROR_DATA, "HEADER", "the header %s would hold a line break", problem);
	if (r == -ENOKEY || r == -EINVAL)
		return SUBMIT_FAILED;
	if (r < 0)
		return r;
	session->form = form;
	answer_clear(&session->answer);
	add_busy(driver, session, operation);
	r = driver->transport_ops->send(driver->transport, session->channel, &session->request, session);
	if (r < 0) {
		remove_busy(driver, session);
		return r;
	}
	return SUBMIT_ACCEPTED;
}

static void interrupt(struct driver *driver, struct driver_session *session)
{
	struct operation *operation = remove_busy(driver, session);

	driver->transport_ops->cancel(driver->transport, session->channel);
	operation->completed_ns = clock_now_ns();
	operation_fail(operation, ERROR_TIMEOUT, "INTERRUPTED", "given up");
	driver->config.complete(driver->config.context, operation);
}

static void http_cancel(struct driver *driver, struct operation *operation)
{
	if (operation->session->operation == operation)
		interrupt(driver, operation->session);
}

static void http_abandon(struct driver *driver)
{
	while (driver->busy)
		interrupt(driver, driver->busy);
}

static uint64_t http_in_flight(const struct driver *driver)
{
	return driver->in_flight;
}

/* Sessions. */

static void http_session_close(struct driver *driver, struct driver_session *session)
{
	if (!session)
		return;
	assert(!session->operation);
	driver->transport_ops->channel_close(driver->transport, session->channel);
	cookies_deinit(&session->cookies);
	request_deinit(&session->request);
	answer_deinit(&session->answer);
	free(session);
}

static int http_session_open(struct driver *driver, uint64_t vu, struct driver_session **ret_session)
{
	struct driver_session *session = calloc(1, sizeof(*session));
	int r;

	(void)vu;
	if (!session)
		return -ENOMEM;
	session->driver = driver;
	r = driver->transport_ops->channel_open(driver->transport, &session->channel);
	if (r < 0) {
		free(session);
		return r;
	}
	*ret_session = session;
	return 0;
}

/* The driver. */

static struct driver *http_close(struct driver *driver)
{
	if (!driver)
		return NULL;
	assert(driver->in_flight == 0);
	if (driver->transport)
		driver->transport_ops->close(driver->transport);
	for (uint32_t i = 0; driver->forms && i < driver->map.count; i++) {
		request_form_deinit(&driver->forms[i].request);
		answer_form_deinit(&driver->forms[i].answer);
	}
	free(driver->forms);
	step_map_deinit(&driver->map);
	url_deinit(&driver->url);
	free(driver);
	return NULL;
}

static int make_forms(struct driver *driver, struct failure *failure)
{
	const struct target *target = driver->config.target;

	if (step_map_init(&driver->map, driver->config.plan, target, STEP_HTTP) < 0)
		return failure_set(failure, -ENOMEM, "no memory");
	driver->forms = calloc((size_t)driver->map.count + 1, sizeof(*driver->forms));
	if (!driver->forms)
		return failure_set(failure, -ENOMEM, "no memory");
	for (uint32_t i = 0; i < driver->map.count; i++) {
		const struct http_step *step = &driver->map.steps[i]->http;
		int r;

		if (request_form_init(&driver->forms[i].request, target, &driver->url, step) < 0)
			return failure_set(failure, -ENOMEM, "no memory");
		r = answer_form_init(&driver->forms[i].answer, step, failure);
		if (r < 0)
			return r;
	}
	return 0;
}

static _Bool is_numeric(const char *host)
{
	struct in_addr address;

	return strchr(host, ':') || inet_pton(AF_INET, host, &address) == 1;
}

/* Names are resolved once, here: else each user's first request would start a thread for it. A name that is not known
 * now is left to the transport, whose error then says so. */
static int open_transport(struct driver *driver, struct failure *failure)
{
	cleanup(cleanup_free) char *addresses = NULL;
	char problem[256];
	struct transport_config config = {
	        .loop = driver->config.loop, .url = &driver->url, .events = &transport_events};

	if (!is_numeric(driver->url.host) &&
	    reach_resolve(driver->url.host, ',', &addresses, problem, sizeof(problem)) < 0)
		log_write(driver->config.log, LOG_WARNING, "target %s: %s", driver->config.target->name, problem);
	config.addresses = addresses;
	return driver->transport_ops->open(&config, failure, &driver->transport);
}

static int http_open(const struct driver_config *config, struct failure *failure, struct driver **ret_driver)
{
	struct driver *driver = calloc(1, sizeof(*driver));
	int r;

	if (!driver)
		return failure_set(failure, -ENOMEM, "no memory");
	driver->config = *config;
	driver->transport_ops = &transport_curl;
	r = url_parse(config->target->http.base_url, failure, &driver->url);
	if (r == 0)
		r = make_forms(driver, failure);
	if (r == 0)
		r = open_transport(driver, failure);
	if (r < 0) {
		http_close(driver);
		return r;
	}
	*ret_driver = driver;
	return 0;
}

static void http_probe(const struct driver_config *config, int timeout_ms, struct target_facts *ret_facts)
{
	struct failure failure = {0};
	struct url url = {0};

	if (url_parse(config->target->http.base_url, &failure, &url) < 0) {
		snprintf(ret_facts->problem, sizeof(ret_facts->problem), "%.255s", failure.text);
		return;
	}
	reach_probe(url.host, url.port, timeout_ms, ret_facts);
	url_deinit(&url);
}

static void http_facts(const struct driver *driver, struct target_facts *ret_facts)
{
	if (driver->server[0])
		memcpy(ret_facts->version, driver->server, sizeof(ret_facts->version));
}

static void http_library_version(char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%s", transport_curl.version());
}

const struct driver_ops http_driver = {
        .kind = TARGET_HTTP,
        .library = "libcurl",
        .library_version = http_library_version,
        .open = http_open,
        .session_open = http_session_open,
        .session_close = http_session_close,
        .submit = http_submit,
        .cancel = http_cancel,
        .in_flight = http_in_flight,
        .abandon = http_abandon,
        .probe = http_probe,
        .facts = http_facts,
        .close = http_close,
};
