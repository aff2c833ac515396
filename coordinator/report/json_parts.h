/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON values that summary.json and report.html are put together from. */
#pragma once

#include <jansson.h>

#include "coordinator/report/report.h"

/* Writes a value compactly and releases it; NULL (no memory) is -ENOMEM. */
int json_append(struct buffer *buffer, json_t *value);
/* object[key] = value, taking the reference. Without memory the object is released and *object becomes NULL, so that
 * a sequence of puts is checked once, by json_append(). */
void json_put(json_t **object, const char *key, json_t *value);
void json_put_text(json_t **object, const char *key, const char *text);

/* What is not UTF-8 becomes U+FFFD; NULL is "". */
json_t *json_text(const char *text);
/* Rounded; null for what is not finite. */
json_t *json_number(double value, int decimals);
json_t *json_whole(uint64_t value);
/* A second of the run; null if it is negative. */
json_t *json_second(int64_t second);
/* {name: value, ...} */
json_t *json_pairs(const struct report_texts *texts);
/* The account of a topic's messages (json_ledger.c). */
json_t *json_ledger(const struct report_ledger *ledger);
/* Numbers one after another without nodes of their own: "[1,2.5,null]". `decimals` at most, NAN is null. */
int json_append_doubles(struct buffer *buffer, const double *values, uint32_t count, int decimals);
int json_append_floats(struct buffer *buffer, const float *values, uint32_t count, int decimals);
int json_append_flags(struct buffer *buffer, const _Bool *flags, uint32_t count);
/* One number as above. */
int json_append_double(struct buffer *buffer, double value, int decimals);
