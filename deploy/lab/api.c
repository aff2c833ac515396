/* SPDX-License-Identifier: Apache-2.0 */
/* The stock API: a few workers that share one listening socket. */
#include "deploy/lab/api.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "deploy/lab/api_worker.h"

#define LATE_NS (90 * NS_PER_S)

enum { WORKERS = 2, BACKLOG = 4096 };

struct api {
	struct api_config config;
	int listen_fd;
	uint16_t port;
	_Atomic uint64_t numbers;
	struct api_worker *workers[WORKERS];
};

DEFINE_CLEANUP(struct api *, api_free)

static int listen_somewhere(struct api *api)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	api->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (api->listen_fd < 0 || bind(api->listen_fd, (struct sockaddr *)&address, size) < 0 ||
	    listen(api->listen_fd, BACKLOG) < 0 || getsockname(api->listen_fd, (struct sockaddr *)&address, &size) < 0)
		return -errno;
	api->port = ntohs(address.sin_port);
	return 0;
}

int api_start(const struct api_config *config, struct failure *failure, struct api **ret_api)
{
	cleanup(api_freep) struct api *api = calloc(1, sizeof(*api));
	int r;

	if (!api)
		return failure_set(failure, -ENOMEM, "no memory");
	api->listen_fd = -1;
	api->config = *config;
	if (api->config.late_ns == 0)
		api->config.late_ns = LATE_NS;
	r = listen_somewhere(api);
	if (r < 0)
		return failure_set(failure, r, "the API cannot listen on 127.0.0.1: %s", strerror(-r));
	for (size_t i = 0; i < WORKERS; i++) {
		r = api_worker_start(&api->config, api->listen_fd, &api->numbers, &api->workers[i]);
		if (r < 0)
			return failure_set(failure, r, "cannot start the API's HTTP server: %s", strerror(-r));
	}
	*ret_api = steal(api);
	return 0;
}

uint16_t api_port(const struct api *api)
{
	return api->port;
}

uint64_t api_begun(const struct api *api)
{
	return api->numbers;
}

void api_finish(struct api *api, struct api_counters *ret_counters)
{
	*ret_counters = (struct api_counters){0};
	for (size_t i = 0; i < WORKERS; i++)
		api_worker_finish(api->workers[i], ret_counters);
}

struct api *api_free(struct api *api)
{
	if (!api)
		return NULL;
	for (size_t i = 0; i < WORKERS; i++)
		api_worker_free(api->workers[i]);
	if (api->listen_fd >= 0)
		close(api->listen_fd);
	free(api);
	return NULL;
}
