/* SPDX-License-Identifier: Apache-2.0 */
/* tag.h - marks sockets as those of Varlink, for whoever lists them (user.varlink); best effort, and nothing after a failure */
#ifndef POSTERN_SERVICE_TAG_H
#define POSTERN_SERVICE_TAG_H

#include <stdatomic.h>
#include <stdbool.h>

struct postern_server;

extern atomic_bool tag_failed;
void tag_listener(const struct postern_server *server);
void tag_accepted(int fd);
/* At a caller. */
void tag_connected(int fd);

#endif
