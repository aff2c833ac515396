/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that a test starts: processes that end with it, their folder, and waiting for what they do. Everything here
 * ends the test by a failed assertion where it can't go on. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* A folder of its own under the system's temporary one, readable by all. Allocated. */
char *folder_make(void);
/* Removes it with all that lies in it, and frees its name. Returns NULL. */
char *folder_remove(char *folder);
/* Writes a text file in a folder. */
void folder_write(const char *folder, const char *name, const char *text);
/* The file's text, allocated; "" if there is none. */
char *folder_read(const char *folder, const char *name);

/* A loopback port that nobody listens on now. */
uint16_t port_free(void);
/* True if something accepts connections there. */
_Bool port_answers(uint16_t port);

/* Runs `arguments` (ends with NULL; the first one is looked up in PATH) as `user` (NULL: as this process) in a session
 * of its own, its output going to a file. It is killed when the test ends. */
pid_t process_start(const char *const *arguments, const char *user, const char *output_path);
/* Runs it to its end and asserts that it succeeds. */
void process_run(const char *const *arguments, const char *user, const char *output_path);
/* Sends the signal and waits for the end; kills after 10 s. Ignores pid <= 0. Returns 0. */
pid_t process_stop(pid_t pid, int signal_number);
/* Waits until the condition holds; asserts that it does within 10 s and that the process lives (pid 0: none). */
void process_await(pid_t pid, _Bool (*holds)(void *context), void *context);
/* Waits until the port answers. */
void process_await_port(pid_t pid, uint16_t port);
