/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statistics.c - io.postern.Statistics: what a service does, for people who watch it
 *
 * Only numbers that exist anyway, and one that does not: how long calls took. That needs two readings of the clock a
 * call, some 25 ns each, which a service without POSTERN_SERVICE_STATISTICS does not pay. Whoever watches asks at his own pace and
 * subtracts: nothing here runs by itself, and nothing is kept for a watcher.
 *
 * The numbers tell who else is connected, and how much they do. So they are for root and the service's own uid, which could
 * find out in any case.
 */
#include <errno.h>

#include "core/latency.h"
#include "service/service.h"

static const char statistics_text[] =
	"# What a service has done since it began. All numbers but those named \"now\" only grow: read them twice, and subtract.\n"
	"# Only root and the uid that the service runs as may ask.\n"
	"interface io.postern.Statistics\n"
	"\n"
	"# Calls that were answered in less than this time, and not in less than that of the bucket before. Without a bound:\n"
	"# the rest. Buckets without calls are left out.\n"
	"type Bucket (belowNs: ?int, calls: int)\n"
	"\n"
	"# What connections of one user hold and have done, while it has any: with its last one .calls begins again.\n"
	"type User (uid: int, connectionsNow: int, bytesNow: int, descriptorsNow: int, calls: int)\n"
	"\n"
	"# atNs: CLOCK_MONOTONIC, when these numbers were read; sinceNs: when the service began. bytesNow: memory that is held\n"
	"# for peers. descriptorsNow: passed by peers, or to them, and not taken or read yet, as far as is known; and one for each\n"
	"# connection that has ended and whose peer has not read those.\n"
	"# descriptorsRefused: for which there was no room. refused: connections that a rule or a limit did not admit. pauses: how\n"
	"# often accepting stopped. latency: from when a call was read to its answer, of those that asked for one answer.\n"
	"method Get() -> (\n"
	"  atNs: int,\n"
	"  sinceNs: int,\n"
	"  connectionsNow: int,\n"
	"  openNow: int,\n"
	"  upgradedNow: int,\n"
	"  bytesNow: int,\n"
	"  descriptorsNow: int,\n"
	"  descriptorsRefused: int,\n"
	"  accepted: int,\n"
	"  refused: int,\n"
	"  pauses: int,\n"
	"  calls: int,\n"
	"  answers: int,\n"
	"  abandoned: int,\n"
	"  cancelled: int,\n"
	"  dropped: int,\n"
	"  violations: int,\n"
	"  bytesReceived: int,\n"
	"  bytesSent: int,\n"
	"  latency: []Bucket,\n"
	"  users: []User\n"
	")\n";

struct statistics {
	int64_t since_ns;
	uint64_t received, sent; /* by connections that have ended */
	struct latency latency;
};

/* ---- counting ---- */

int statistics_new(struct statistics **ret)
{
	struct statistics *k = sys_alloc(sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->since_ns = sys_now();
	*ret = k;
	return 0;
}

void statistics_conn_ended(struct statistics *k, const struct postern_conn *c)
{
	k->received += c->received;
	/* What is queued is of this service too: the answer that confirms an upgrade. */
	k->sent += c->sent + c->out.bytes;
}

void statistics_answered(struct statistics *k, const struct postern_request *r)
{
	if (!(r->flags & (POSTERN_CALL_MORE | POSTERN_CALL_ONEWAY | POSTERN_CALL_UPGRADE)))
		latency_count(&k->latency, sys_now() - r->since_ns);
}

/* ---- telling ---- */

static void statistics_number(struct postern_json_writer *w, const char *name, uint64_t value)
{
	postern_json_write_name(w, name);
	/* Where an integer of Varlink ends. */
	postern_json_write_int(w, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void statistics_latency(struct postern_json_writer *w, const struct latency *l)
{
	postern_json_write_name(w, "latency");
	postern_json_write_array(w);
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		if (l->counts[i] == 0)
			continue;
		postern_json_write_object(w);
		if (i < LATENCY_BUCKETS - 1)
			statistics_number(w, "belowNs", (uint64_t)latency_below(i));
		statistics_number(w, "calls", l->counts[i]);
		postern_json_write_end(w);
	}
	postern_json_write_end(w);
}

static void statistics_users(struct postern_json_writer *w, const struct list *accounts)
{
	postern_json_write_name(w, "users");
	postern_json_write_array(w);
	for (const struct list *l = accounts->next; l != accounts; l = l->next) {
		const struct account *a = container_of(l, struct account, node);

		postern_json_write_object(w);
		statistics_number(w, "uid", a->uid);
		statistics_number(w, "connectionsNow", a->connections);
		statistics_number(w, "bytesNow", a->charged[ACCOUNT_BYTES]);
		statistics_number(w, "descriptorsNow", a->charged[ACCOUNT_FDS]);
		statistics_number(w, "calls", a->calls);
		postern_json_write_end(w);
	}
	postern_json_write_end(w);
}

static void statistics_bytes(struct postern_json_writer *w, const struct postern_service *s)
{
	uint64_t received = s->statistics->received, sent = s->statistics->sent;
	const struct list *const all[] = { &s->serves, &s->retired };

	for (int i = 0; i < 2; i++)
		for (const struct list *l = all[i]->next; l != all[i]; l = l->next) {
			const struct serve *p = container_of(l, struct serve, node);

			received += p->conn->received;
			sent += p->conn->sent;
		}
	statistics_number(w, "bytesReceived", received);
	statistics_number(w, "bytesSent", sent);
}

static int statistics_write(struct postern_json_writer *w, const struct answer *a,
			    struct shape_fault *ret_fault)
{
	const struct postern_service *s = a->value;
	const struct postern_service_counters *k = &s->counters;
	const struct postern_server_counters *server = &s->server->counters;
	const struct account_owner *accounts = &s->server->accounts;

	(void)ret_fault;
	postern_json_write_object(w);
	statistics_number(w, "atNs", (uint64_t)sys_now());
	statistics_number(w, "sinceNs", (uint64_t)s->statistics->since_ns);
	statistics_number(w, "connectionsNow", server->connections);
	statistics_number(w, "openNow", k->open);
	statistics_number(w, "upgradedNow", k->upgraded);
	statistics_number(w, "bytesNow", account_owner_sum(accounts, ACCOUNT_BYTES));
	statistics_number(w, "descriptorsNow", account_owner_sum(accounts, ACCOUNT_FDS));
	statistics_number(w, "descriptorsRefused", accounts->limits[ACCOUNT_FDS].refused);
	statistics_number(w, "accepted", server->accepted);
	statistics_number(w, "refused", server->refused);
	statistics_number(w, "pauses", server->paused);
	statistics_number(w, "calls", k->calls);
	statistics_number(w, "answers", k->answers);
	statistics_number(w, "abandoned", k->abandoned);
	statistics_number(w, "cancelled", k->cancelled);
	statistics_number(w, "dropped", k->dropped);
	statistics_number(w, "violations", k->violations);
	statistics_bytes(w, s);
	statistics_latency(w, &s->statistics->latency);
	statistics_users(w, &accounts->accounts);
	postern_json_write_end(w);
	return 0;
}

static void statistics_get(struct postern_request *r, struct postern_service *s)
{
	struct answer a = { .write = statistics_write, .value = s };

	if (r->peer.uid == 0 || r->peer.uid == sys_geteuid())
		request_answer(r, &a);
	else
		request_refuse(r, ERROR_PERMISSION_DENIED, NULL, NULL);
}

/* ---- as it is generated, with the service as data ---- */

const struct builtin_method statistics_methods = { statistics_get };

static const struct postern_method statistics_get_method = {
	.name = "io.postern.Statistics.Get",
	.in = &builtin_nothing,
	.handle = builtin_handle,
};
static const struct postern_method *const statistics_table[] = { &statistics_get_method };

const struct postern_interface statistics_interface = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = 1,
	.name = "io.postern.Statistics",
	.description = statistics_text,
	.methods = statistics_table,
};
