/* SPDX-License-Identifier: Apache-2.0 */
/* What the stock API answers: a table of routes, and a function for each. Texts that go into JSON come from
 * the list of symbols, which has none that would need escaping; nothing of a question is repeated. */
#include "deploy/lab/answers.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/units.h"
#include "deploy/lab/quotes.h"

#define MS_PER_DAY 86400000

enum { LIST_DEFAULT = 100, DAYS_DEFAULT = 30, DAYS_MAX = 365 };

static void free_json(json_t **json)
{
	json_decref(*json);
}

static void answer_error(struct answer *answer, int status, const char *text)
{
	answer->status = status;
	buffer_append_format(&answer->body, "{\"error\":\"%s\"}\n", text);
}

static void answer_with(struct answer *answer, int status, const char *header, const char *value, const char *text)
{
	answer->header = header;
	answer->header_value = value;
	answer_error(answer, status, text);
}

/* A count from the query, or `fallback` where it isn't there. False where it is nothing of the kind. */
static _Bool read_count(const char *text, uint64_t fallback, uint64_t max, uint64_t *ret_count)
{
	if (!text) {
		*ret_count = fallback;
		return 1;
	}
	return units_parse_count(text, ret_count) == 0 && *ret_count <= max;
}

static void answer_health(const struct symbols *symbols, const struct symbol *symbol, const struct question *question,
                          struct answer *answer)
{
	(void)symbols;
	(void)symbol;
	(void)question;
	buffer_append_text(&answer->body, "{\"status\":\"ok\"}\n");
}

static void answer_list(const struct symbols *symbols, const struct symbol *symbol, const struct question *question,
                        struct answer *answer)
{
	uint64_t total = symbols_count(symbols), limit, offset;

	(void)symbol;
	if (!read_count(question->limit, LIST_DEFAULT, UINT32_MAX, &limit) ||
	    !read_count(question->offset, 0, UINT32_MAX, &offset)) {
		answer_error(answer, 400, "limit and offset are counts");
		return;
	}
	buffer_append_format(&answer->body, "{\"total\":%" PRIu64 ",\"stocks\":[", total);
	for (uint64_t i = offset; i < total && i - offset < limit; i++) {
		const struct symbol *item = symbols_at(symbols, i);

		buffer_append_format(&answer->body, "%s{\"symbol\":\"%s\",\"name\":\"%s\"}", i > offset ? "," : "",
		                     item->ticker, item->name);
	}
	buffer_append_text(&answer->body, "]}\n");
}

static void answer_quote(const struct symbols *symbols, const struct symbol *symbol, const struct question *question,
                         struct answer *answer)
{
	struct quote quote;

	(void)symbols;
	quote_at(symbol, question->wall_ms, &quote);
	buffer_append_format(&answer->body,
	                     "{\"symbol\":\"%s\",\"name\":\"%s\",\"price\":%.2f,\"change\":%.2f,\"volume\":%" PRIu64
	                     ",\"ts\":%" PRId64 "}\n",
	                     symbol->ticker, symbol->name, quote.price, quote.change, quote.volume, question->wall_ms);
}

static void append_day(struct buffer *body, const struct symbol *symbol, int64_t day)
{
	time_t seconds = (time_t)(day * (MS_PER_DAY / 1000));
	struct day_quote quote;
	struct tm date;
	char text[16];

	gmtime_r(&seconds, &date);
	strftime(text, sizeof(text), "%Y-%m-%d", &date);
	quote_of_day(symbol, day, &quote);
	buffer_append_format(
	        body,
	        "{\"date\":\"%s\",\"open\":%.2f,\"high\":%.2f,\"low\":%.2f,\"close\":%.2f,\"volume\":%" PRIu64 "}",
	        text, quote.open, quote.high, quote.low, quote.close, quote.volume);
}

static void answer_history(const struct symbols *symbols, const struct symbol *symbol, const struct question *question,
                           struct answer *answer)
{
	int64_t today = question->wall_ms / MS_PER_DAY;
	uint64_t days;

	(void)symbols;
	if (!read_count(question->days, DAYS_DEFAULT, DAYS_MAX, &days)) {
		answer_error(answer, 400, "days is a count of at most 365");
		return;
	}
	buffer_append_format(&answer->body, "{\"symbol\":\"%s\",\"days\":[", symbol->ticker);
	for (uint64_t i = days; i > 0; i--) {
		append_day(&answer->body, symbol, today - (int64_t)i);
		if (i > 1)
			buffer_append_text(&answer->body, ",");
	}
	buffer_append_text(&answer->body, "]}\n");
}

static void answer_order(const struct symbols *symbols, const struct symbol *symbol, const struct question *question,
                         struct answer *answer)
{
	cleanup(free_json) json_t *order = json_loadb(question->body, question->body_size, 0, NULL);
	const char *ticker, *side;
	json_int_t quantity;

	(void)symbol;
	if (json_unpack(order, "{ss ss sI}", "symbol", &ticker, "side", &side, "quantity", &quantity) < 0)
		answer_error(answer, 400, "an order has symbol, side and quantity");
	else if (strcmp(side, "buy") != 0 && strcmp(side, "sell") != 0)
		answer_error(answer, 400, "side is buy or sell");
	else if (quantity < 1)
		answer_error(answer, 400, "quantity is at least 1");
	else if (!symbols_find(symbols, ticker, strlen(ticker)))
		answer_error(answer, 404, "no such symbol");
	else {
		answer->status = 201;
		buffer_append_format(&answer->body, "{\"id\":%" PRIu64 ",\"status\":\"accepted\"}\n", question->number);
	}
}

struct route {
	const char *method;
	const char *before; /* the path, up to the symbol if it has one */
	const char *after;  /* what follows the symbol; NULL: there is none in it */
	void (*fill)(const struct symbols *symbols, const struct symbol *symbol, const struct question *question,
	             struct answer *answer);
};

static const struct route routes[] = {
        {"GET", "/health", NULL, answer_health},     {"GET", "/api/stocks", NULL, answer_list},
        {"GET", "/api/stocks/", "", answer_quote},   {"GET", "/api/stocks/", "/history", answer_history},
        {"POST", "/api/orders", NULL, answer_order},
};

/* Whether the path is the route's; the symbol's part of it then is *ret_ticker. */
static _Bool matches(const struct route *route, const char *path, const char **ret_ticker, size_t *ret_size)
{
	size_t before = strlen(route->before), size = strlen(path), after;

	if (!route->after)
		return strcmp(path, route->before) == 0;
	after = strlen(route->after);
	if (size <= before + after || memcmp(path, route->before, before) != 0 ||
	    strcmp(path + size - after, route->after) != 0 || memchr(path + before, '/', size - before - after))
		return 0;
	*ret_ticker = path + before;
	*ret_size = size - before - after;
	return 1;
}

static _Bool method_fits(const char *wanted, const char *method)
{
	return strcmp(wanted, method) == 0 || (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void answer_route(const struct symbols *symbols, const struct question *question, struct answer *answer)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *route = &routes[i];
		const struct symbol *symbol = NULL;
		const char *ticker = NULL;
		size_t size = 0;

		if (!matches(route, question->path, &ticker, &size))
			continue;
		if (ticker)
			symbol = symbols_find(symbols, ticker, size);
		if (!method_fits(route->method, question->method))
			answer_with(answer, 405, "Allow", route->method, "no such method here");
		else if (ticker && !symbol)
			answer_error(answer, 404, "no such symbol");
		else
			route->fill(symbols, symbol, question, answer);
		return;
	}
	answer_error(answer, 404, "no such path");
}

void answer_fill(const struct symbols *symbols, const struct question *question, struct answer *answer)
{
	answer->status = 200;
	switch (fault_status(question->fault)) {
	case 429:
		answer_with(answer, 429, "Retry-After", "1", "too many requests");
		return;
	case 500:
		answer_error(answer, 500, "internal error");
		return;
	case 401:
		answer_with(answer, 401, "WWW-Authenticate", "Bearer", "not authorised");
		return;
	}
	if (question->body_too_large)
		answer_error(answer, 413, "the body is too large");
	else
		answer_route(symbols, question, answer);
}

_Bool answer_may_fail(const char *path)
{
	return strcmp(path, "/health") != 0;
}
