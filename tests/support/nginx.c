/* SPDX-License-Identifier: Apache-2.0 */
/* nginx for tests: one process in the foreground, everything in its own folder. */
#include "tests/support/nginx.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/process.h"

static char *configuration(const struct nginx *nginx, const char *locations)
{
	char *text = NULL;

	assert_true(asprintf(&text,
	                     "daemon off; master_process off; pid %1$s/pid; error_log %1$s/error.log warn;\n"
	                     "worker_rlimit_nofile 20000; events { worker_connections 8000; }\n"
	                     "http {\n"
	                     "  log_format plain '$connection $connection_requests $status $request_length $bytes_sent "
	                     "$request_method $request_uri $http_cookie';\n"
	                     "  access_log %1$s/access.log plain;\n"
	                     "  client_body_temp_path %1$s/a; proxy_temp_path %1$s/b; fastcgi_temp_path %1$s/c;\n"
	                     "  uwsgi_temp_path %1$s/d; scgi_temp_path %1$s/e;\n"
	                     "  keepalive_requests 1000000; keepalive_timeout 120s; client_max_body_size 100m;\n"
	                     "  server { listen 127.0.0.1:%2$u backlog=4096; root %1$s;\n%3$s\n }\n"
	                     "}\n",
	                     nginx->folder, nginx->port, locations) > 0);
	return text;
}

void nginx_start(struct nginx *nginx, const char *locations)
{
	char *text, *file = NULL, *output = NULL;

	*nginx = (struct nginx){.folder = folder_make(), .port = port_free()};
	text = configuration(nginx, locations);
	folder_write(nginx->folder, "nginx.conf", text);
	assert_true(asprintf(&file, "%s/nginx.conf", nginx->folder) > 0);
	assert_true(asprintf(&output, "%s/output", nginx->folder) > 0);
	nginx->pid = process_start((const char *const[]){"nginx", "-c", file, "-e", "stderr", NULL}, NULL, output);
	process_await_port(nginx->pid, nginx->port);
	free(text);
	free(file);
	free(output);
}

void nginx_stop(struct nginx *nginx)
{
	nginx->pid = process_stop(nginx->pid, SIGTERM);
	nginx->folder = folder_remove(nginx->folder);
}

char *nginx_log(const struct nginx *nginx)
{
	return folder_read(nginx->folder, "access.log");
}

struct line_wait {
	const struct nginx *nginx;
	uint32_t lines;
};

static _Bool has_lines(void *context)
{
	const struct line_wait *wait = context;
	char *log = nginx_log(wait->nginx);
	uint32_t lines = 0;

	for (const char *at = strchr(log, '\n'); at; at = strchr(at + 1, '\n'))
		lines++;
	free(log);
	return lines >= wait->lines;
}

void nginx_await_lines(const struct nginx *nginx, uint32_t lines)
{
	struct line_wait wait = {nginx, lines};

	process_await(nginx->pid, has_lines, &wait);
}
