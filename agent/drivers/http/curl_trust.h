/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl reads and parses the host's certificates, some 40 ms, when a multi handle makes its first TLS connection. */
#pragma once

#include <curl/curl.h>

/* Has it done now, before any time is measured: a handshake is begun with nobody. The multi handle must have no
 * callbacks yet. Where that fails, libcurl does it later. */
void curl_trust_load(CURLM *multi);
