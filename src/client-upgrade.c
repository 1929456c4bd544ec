/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client-upgrade.c - a waiting call for its connection, which becomes a client
 *
 * The caller's loop is the caller's, and it makes other calls after this one. So the socket moves to a loop of the client's:
 * what was glued behind the answer has filled the client's buffer by then, and what did not fit into that moves as it is.
 */
#include "client.h"
#include "service/caller.h"

/* A connection of a caller has no account, so that nothing is charged for what it keeps. */
static void client_keep(struct postern_client *k, struct kept *kept)
{
	if (!kept)
		return;
	k->conn->kept = kept;
	conn_due(k->conn, CONN_DUE_OFFER);
}

static int client_move(struct postern_client *k, struct postern_conn *conn,
		       const struct postern_conn_options *options)
{
	struct kept *kept = conn->kept;
	int fd, r;

	/* Its end came with the answer: so there is only that to read, and what was before. */
	if (!conn_is_open(conn)) {
		k->conn = conn;
		return 0;
	}
	conn->kept = NULL;
	fd = r = postern_conn_detach(conn);
	postern_conn_free(conn);
	if (fd >= 0)
		r = postern_conn_adopt(&k->conn, k->loop, fd, options, &client_events, k);
	if (r == 0) {
		/* It is nobody's any more who takes descriptors. */
		conn_admit_rights(k->conn, false);
		client_keep(k, kept);
		return 0;
	}
	if (fd >= 0)
		sys_close(fd);
	sys_free(kept);
	return r;
}

static int client_upgrade(struct postern_client **ret, struct postern_caller *c,
			  struct caller_ask *a, void *out, struct postern_json *out_json)
{
	struct caller_taker taker = { .events = &client_events };
	struct postern_conn_options options;
	struct postern_client *k;
	int r;

	if (!ret || !c)
		return why_argument(a->what, "client or c is NULL");
	options = c->conn;
	options.framing = 0;
	options.unread = c->unread;
	options.idle_ns = c->idle_ns;
	r = client_make(&k, &options);
	if (r < 0)
		return r;
	taker.data = k;
	r = caller_wait_upgrade(c, a, out, out_json, &taker);
	if (r == 0)
		r = client_move(k, taker.conn, &options);
	if (r < 0)
		postern_client_free(k);
	else
		*ret = k;
	return r;
}

int postern_caller_upgrade(struct postern_client **client, struct postern_caller *c,
			   const struct postern_method *method, const void *in,
			   const struct postern_fds *fds, void *ret, int64_t deadline_ns)
{
	CALLER_ASK a = { .what = "postern_caller_upgrade", .deadline_ns = deadline_ns };
	int r = caller_ask_fds(&a, fds);

	if (r == 0)
		r = caller_ask_method(&a, method, in);
	return r < 0 ? r : client_upgrade(client, c, &a, ret, NULL);
}

int postern_caller_upgrade_json(struct postern_client **client, struct postern_caller *c,
				const char *method, const char *parameters, size_t n,
				const struct postern_fds *fds, struct postern_json *ret,
				int64_t deadline_ns)
{
	CALLER_ASK a = { .what = "postern_caller_upgrade_json", .deadline_ns = deadline_ns };
	int r = caller_ask_json(&a, method, parameters, n, fds);

	return r < 0 ? r : client_upgrade(client, c, &a, NULL, ret);
}
