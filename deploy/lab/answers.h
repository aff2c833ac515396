/* SPDX-License-Identifier: Apache-2.0 */
/* What the stock API answers: a function of the question, without sockets or clocks.
 *
 * GET  /health                            {"status":"ok"}
 * GET  /api/stocks?limit=100&offset=0     {"total":3000,"stocks":[{"symbol":...,"name":...},...]}
 * GET  /api/stocks/{symbol}               {"symbol","name","price","change","volume","ts"}
 * GET  /api/stocks/{symbol}/history?days=30   {"symbol","days":[{"date","open","high","low","close","volume"},...]}
 * POST /api/orders                        {"symbol","side":"buy|sell","quantity"}: 201 {"id","status":"accepted"}
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "deploy/lab/faults.h"
#include "deploy/lab/symbols.h"

enum { ANSWERS_BODY_MAX = 64 * 1024 }; /* bytes of a question's body that are read */

struct question {
	const char *method;
	const char *path;                  /* decoded, without the query */
	const char *limit, *offset, *days; /* of the query; NULL: not there */
	const void *body;
	size_t body_size;
	_Bool body_too_large; /* it went on past ANSWERS_BODY_MAX */
	enum fault fault;
	int64_t wall_ms;
	uint64_t number; /* of the question: makes ids of orders */
};

struct answer {
	int status;
	struct buffer body; /* JSON */
	const char *header; /* one more header that the status asks for, or NULL */
	const char *header_value;
};

/* Fills a zeroed answer; the caller deinits its body (without memory body.failed is set). */
void answer_fill(const struct symbols *symbols, const struct question *question, struct answer *answer);
/* Whether a fault or a delay may befall it: all but /health. */
_Bool answer_may_fail(const char *path);
