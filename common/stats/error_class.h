/* SPDX-License-Identifier: Apache-2.0 */
/* Why an operation failed: a class of ours, the protocol's own code and a text. */
#pragma once

#include <stddef.h>

enum error_class {
	ERROR_NONE, /* it succeeded */
	ERROR_TIMEOUT,
	ERROR_CONNECTION,
	ERROR_RATE_LIMITED,
	ERROR_AUTH,
	ERROR_SERVER,
	ERROR_CLIENT,
	ERROR_CHECK,
	ERROR_DATA,
	ERROR_CLASS_COUNT,
};

/* "timeout", "connection", ...; "" for ERROR_NONE. */
extern const char *const error_class_names[ERROR_CLASS_COUNT];

enum { ERROR_LABEL_SIZE = 512 };

/* Errors travel as series of METRIC_ERRORS whose label is "class|code|text". Writes it into
 * `ret_label`, cutting the text at LIMIT_ERROR_TEXT_BYTES (whole UTF-8 characters; control
 * characters become spaces; '|' in class or code cannot occur). */
void error_label_format(enum error_class class, const char *code, const char *text, char ret_label[ERROR_LABEL_SIZE]);
/* Takes a label apart; the outputs point into `label`. 0 or -EBADMSG. */
int error_label_parse(const char *label, enum error_class *ret_class, const char **ret_code, size_t *ret_code_size,
                      const char **ret_text);
