/* SPDX-License-Identifier: Apache-2.0 */
/* The programs' log. */
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/text.h"

struct log {
	char *program;
	int fd; /* -1: no file */
	FILE *echo;
	enum log_level echo_level;
};

static const char *const level_names[] = {
        [LOG_DEBUG] = "debug",
        [LOG_INFO] = "info",
        [LOG_WARNING] = "warning",
        [LOG_ERROR] = "error",
};

DEFINE_CLEANUP(struct log *, log_close)

int log_open(const char *program, const char *path, FILE *echo, enum log_level echo_level, struct log **ret_log)
{
	cleanup(log_closep) struct log *log = calloc(1, sizeof(*log));

	if (!log)
		return -ENOMEM;
	*log = (struct log){.fd = -1, .echo = echo, .echo_level = echo_level};
	log->program = strdup(program);
	if (!log->program)
		return -ENOMEM;
	if (path) {
		log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (log->fd < 0)
			return -errno;
	}
	*ret_log = steal(log);
	return 0;
}

struct log *log_close(struct log *log)
{
	if (!log)
		return NULL;
	if (log->fd >= 0)
		close(log->fd);
	free(log->program);
	free(log);
	return NULL;
}

/* A JSON string. What isn't UTF-8 (a library's message in a foreign encoding) has its odd bytes
 * replaced, so that the line stays JSON. */
static void append_json_string(struct buffer *line, const char *text)
{
	_Bool utf8 = text_is_utf8(text, strlen(text));

	buffer_append_byte(line, '"');
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at == '"' || *at == '\\')
			buffer_append_format(line, "\\%c", *at);
		else if (*at == '\n')
			buffer_append_text(line, "\\n");
		else if (*at < 0x20 || *at == 0x7f)
			buffer_append_format(line, "\\u%04x", *at);
		else
			buffer_append_byte(line, *at < 0x80 || utf8 ? *at : '?');
	}
	buffer_append_byte(line, '"');
}

static void append_time(struct buffer *line)
{
	int64_t now_ns = clock_wall_ns();
	time_t seconds = (time_t)(now_ns / (int64_t)NS_PER_S);
	struct tm utc;
	char day[32];

	gmtime_r(&seconds, &utc);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc);
	buffer_append_format(line, "%s.%03dZ", day, (int)(now_ns % (int64_t)NS_PER_S / (int64_t)NS_PER_MS));
}

static void write_line(const struct log *log, enum log_level level, const char *text)
{
	cleanup_buffer struct buffer line = {0};
	ssize_t written;

	buffer_append_text(&line, "{\"time\":\"");
	append_time(&line);
	buffer_append_format(&line, "\",\"level\":\"%s\",\"program\":", level_names[level]);
	append_json_string(&line, log->program);
	buffer_append_text(&line, ",\"text\":");
	append_json_string(&line, text);
	buffer_append_text(&line, "}\n");
	if (line.failed)
		return;
	do
		written = write(log->fd, line.data, line.size);
	while (written < 0 && errno == EINTR);
}

static void write_echo(const struct log *log, enum log_level level, const char *text)
{
	cleanup_buffer struct buffer line = {0};
	const char *mark = level >= LOG_WARNING ? level_names[level] : "";

	buffer_append_format(&line, "%s: %s%s%s\n", log->program, mark, mark[0] ? ": " : "", text);
	if (line.failed)
		return;
	fwrite(line.data, 1, line.size, log->echo);
	fflush(log->echo);
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
	cleanup(cleanup_free) char *text = NULL;
	va_list arguments;
	int length;

	if (!log)
		return;
	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0) {
		text = NULL;
		return;
	}
	if (log->fd >= 0)
		write_line(log, level, text);
	if (log->echo && level >= log->echo_level)
		write_echo(log, level, text);
}
