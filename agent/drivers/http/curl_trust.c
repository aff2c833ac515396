/* SPDX-License-Identifier: Apache-2.0 */
/* The host's certificates, read before they are needed.
 *
 * libcurl keeps them in the multi handle and has no call that only reads them. So it is sent to a listening socket of
 * our own: when the handshake's first message has come there, they are read. */
#include "agent/drivers/http/curl_trust.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"

enum { TRIES = 500, TRY_MS = 1 };

/* On a free port of 127.0.0.1; -1 if there is none. */
static int listen_somewhere(char *ret_url, size_t size)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *any = (struct sockaddr *)&address;
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, any, length) < 0 || listen(fd, 1) < 0 || getsockname(fd, any, &length) < 0) {
		close(fd);
		return -1;
	}
	snprintf(ret_url, size, "https://127.0.0.1:%u/", ntohs(address.sin_port));
	return fd;
}

/* Until the handshake's first message has come. */
static void begin_handshake(CURLM *multi, int listener)
{
	cleanup(cleanup_close) int peer = -1;
	int running = 1;

	for (int i = 0; i < TRIES && running > 0; i++) {
		struct pollfd ours = {.events = POLLIN};

		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return;
		if (peer < 0)
			peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		ours.fd = peer < 0 ? listener : peer;
		if (poll(&ours, 1, TRY_MS) > 0 && ours.fd == peer)
			return;
	}
}

void curl_trust_load(CURLM *multi)
{
	char url[64];
	cleanup(cleanup_close) int listener = listen_somewhere(url, sizeof(url));
	CURL *easy = listener >= 0 ? curl_easy_init() : NULL;

	if (!easy)
		return;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* as channels do */
	if (curl_multi_add_handle(multi, easy) == CURLM_OK) {
		begin_handshake(multi, listener);
		curl_multi_remove_handle(multi, easy);
	}
	curl_easy_cleanup(easy);
}
