/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of errors, and the label that carries one. */
#include "common/stats/error_class.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"

enum { CODE_BYTES = 64 }; /* the longest code there is: a librdkafka error's name */

const char *const error_class_names[ERROR_CLASS_COUNT] = {
        [ERROR_NONE] = "",
        [ERROR_TIMEOUT] = "timeout",
        [ERROR_CONNECTION] = "connection",
        [ERROR_RATE_LIMITED] = "rate_limited",
        [ERROR_AUTH] = "auth",
        [ERROR_SERVER] = "server",
        [ERROR_CLIENT] = "client",
        [ERROR_CHECK] = "check",
        [ERROR_DATA] = "data",
};

static_assert(CODE_BYTES + LIMIT_ERROR_TEXT_BYTES + 32 < ERROR_LABEL_SIZE, "class, code and text fit");

/* Copies at most `most` bytes, whole characters, with what would break a line or the label made
 * harmless: a text that is not UTF-8 has its odd bytes replaced. Returns the end. */
static char *copy_clean(char *at, const char *text, size_t most, _Bool is_code)
{
	size_t size = strlen(text);
	_Bool utf8;

	if (size > most) {
		size = most;
		while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
			size--;
	}
	utf8 = text_is_utf8(text, size);
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			*at++ = ' ';
		else if ((c >= 0x80 && !utf8) || (is_code && c == '|'))
			*at++ = '?';
		else
			*at++ = (char)c;
	}
	return at;
}

void error_label_format(enum error_class class, const char *code, const char *text, char ret_label[ERROR_LABEL_SIZE])
{
	char *at = copy_clean(ret_label, error_class_names[class], CODE_BYTES, 1);

	*at++ = '|';
	at = copy_clean(at, code ? code : "", CODE_BYTES, 1);
	*at++ = '|';
	at = copy_clean(at, text ? text : "", LIMIT_ERROR_TEXT_BYTES, 0);
	*at = '\0';
}

int error_label_parse(const char *label, enum error_class *ret_class, const char **ret_code, size_t *ret_code_size,
                      const char **ret_text)
{
	const char *code = strchr(label, '|');
	const char *text = code ? strchr(code + 1, '|') : NULL;
	size_t size;

	if (!text)
		return -EBADMSG;
	size = (size_t)(code - label);
	for (int i = ERROR_NONE; i < ERROR_CLASS_COUNT; i++) {
		if (strlen(error_class_names[i]) != size || memcmp(error_class_names[i], label, size) != 0)
			continue;
		*ret_class = (enum error_class)i;
		*ret_code = code + 1;
		*ret_code_size = (size_t)(text - code - 1);
		*ret_text = text + 1;
		return 0;
	}
	return -EBADMSG;
}
