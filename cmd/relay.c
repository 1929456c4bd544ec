/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.c - postern relay: a name whose connections go on to another one, with faults; relay-plan.c says which, when
 *
 * A pair is a client's connection and ours to the server, and belongs to the relay until both have ended. It has two
 * lanes, one for each direction. The bytes of a lane wait in the connection that they came from: what its other side does not
 * take stays untaken there, then in the kernel, and then makes the sender wait. So there is no buffer here.
 *
 * A lane that waits, for time or for room, pauses its source; resuming offers the bytes again. One that has met its
 * end (--then) takes no more.
 *
 * Reset: the kernel makes it of a socket that is closed with bytes unread. So nothing is read for a moment before that, in
 * which a peer that still sends makes it happen to itself; one that only waits sees an end.
 */
#include "command.h"
#include "relay-plan.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RELAY_CONNECTIONS 1024u
#define RELAY_QUEUE       65536u
#define RELAY_RESET_AFTER POSTERN_MS(100)

struct relay_values {
	struct common common;
	const char *as, *to, *then, *framing;
	struct relay_faults faults; /* but for the words */
	uint32_t random, count;
};

struct pair;

/* While it waits, its source is paused. */
enum lane_waits { WAITS_NOT, WAITS_FOR_ROOM, WAITS_FOR_TIME };

struct lane {
	struct pair *pair;
	struct postern_conn *from, *to; /* NULL: ended */
	struct postern_timer *timer;
	struct relay_plan plan;
	const char *target; /* for messages */
	enum lane_waits waits;
	bool over; /* takes no more */
};

enum { TO_SERVER, TO_CLIENT, LANES };

struct pair {
	struct relay *relay;
	struct pair *next, **at; /* at: what points here */
	uint64_t number;
	bool connected; /* to the server */
	struct postern_timer *reset;
	struct lane lanes[LANES];
};

struct relay {
	const struct relay_values *values;
	struct relay_faults faults;
	struct postern_loop *loop;
	struct postern_server *server;
	struct postern_signal *terminate, *interrupt;
	struct pair *pairs;
	uint64_t accepted;
	int status;
};

#define RELAY_OPTION(field) .offset = offsetof(struct relay_values, field)

static const struct option relay_options[] = {
	{ .name = "as",
	  .type = OPTION_TEXT,
	  .argument = "TEST",
	  .help = "the name to serve, for the clients",
	  RELAY_OPTION(as) },
	{ .name = "to",
	  .type = OPTION_TEXT,
	  .argument = "WHO",
	  .standard = "client",
	  .help = "whose input has faults: client, server, both",
	  RELAY_OPTION(to) },
	{ .name = "delay",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .help = "hold each message for so long",
	  RELAY_OPTION(faults.delay_ns) },
	{ .name = "rate",
	  .type = OPTION_SIZE32,
	  .argument = "SIZE",
	  .help = "bytes a second",
	  RELAY_OPTION(faults.rate) },
	{ .name = "split",
	  .type = OPTION_SIZE32,
	  .argument = "SIZE",
	  .help = "bytes a write",
	  RELAY_OPTION(faults.split) },
	{ .name = "glue",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .help = "hold messages until there are N, send them at once",
	  RELAY_OPTION(faults.glue) },
	{ .name = "drop",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .help = "leave out message N, from 1",
	  RELAY_OPTION(faults.drop) },
	{ .name = "duplicate",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .help = "send message N twice",
	  RELAY_OPTION(faults.duplicate) },
	{ .name = "corrupt",
	  .type = OPTION_SIZE32,
	  .argument = "N",
	  .help = "garble byte N, from 1",
	  RELAY_OPTION(faults.corrupt) },
	{ .name = "half",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .help = "send a half of message N, then --then",
	  RELAY_OPTION(faults.half) },
	{ .name = "after",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .help = "send message N, then --then",
	  RELAY_OPTION(faults.after) },
	{ .name = "at-byte",
	  .type = OPTION_SIZE32,
	  .argument = "N",
	  .help = "in place of byte N, --then",
	  RELAY_OPTION(faults.at_byte) },
	{ .name = "then",
	  .type = OPTION_TEXT,
	  .argument = "END",
	  .standard = "close",
	  .help = "close, reset, half-close, or stall: read no more",
	  RELAY_OPTION(then) },
	{ .name = "random",
	  .type = OPTION_COUNT,
	  .argument = "SEED",
	  .help = "faults chosen by the seed, printed as options",
	  RELAY_OPTION(random) },
	{ .name = "count",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .standard = "all",
	  .help = "connections with faults; later ones have none",
	  RELAY_OPTION(count) },
	{ .name = "framing",
	  .type = OPTION_TEXT,
	  .argument = "END",
	  .standard = "the first of both",
	  .help = "what ends a message: lines, nul",
	  RELAY_OPTION(framing) },
	{ .name = "verbose",
	  .letter = 'v',
	  .plain = true,
	  .help = "show each connection and fault",
	  RELAY_OPTION(common.verbose) },
	{ .name = NULL },
};

/* ---- pairs ---- */

static void relay_tell(const struct pair *pair, const char *what)
{
	if (pair->relay->values->common.verbose)
		output_error("relay", pair->relay->values->as, "connection %" PRIu64 ": %s",
			     pair->number, what);
}

static void pair_free(struct pair *pair)
{
	for (int i = 0; i < LANES; i++) {
		postern_timer_free(pair->lanes[i].timer);
		postern_conn_free(pair->lanes[i].from);
	}
	postern_timer_free(pair->reset);
	*pair->at = pair->next;
	if (pair->next)
		pair->next->at = pair->at;
	free(pair);
}

static struct lane *lane_other(const struct lane *lane)
{
	return &lane->pair->lanes[lane == &lane->pair->lanes[TO_SERVER] ? TO_CLIENT : TO_SERVER];
}

static void pair_close(struct pair *pair)
{
	for (int i = 0; i < LANES; i++) {
		pair->lanes[i].over = true;
		postern_conn_close(pair->lanes[i].from);
	}
}

/* Not by the library, which ends the stream before it closes: a peer that reads in between sees an end. */
static void pair_reset(struct postern_timer *t, void *data)
{
	struct pair *pair = data;
	int fd;

	(void)t;
	for (int i = 0; i < LANES; i++) {
		fd = postern_conn_detach(pair->lanes[i].from);
		if (fd >= 0)
			close(fd);
	}
	pair_free(pair);
}

/* ---- a lane ---- */

static void lane_wait(struct lane *lane, int64_t ns)
{
	lane->waits = ns ? WAITS_FOR_TIME : WAITS_FOR_ROOM;
	postern_conn_pause(lane->from);
	if (ns)
		postern_timer_set(lane->timer, ns);
}

static void lane_say(struct lane *lane, const char *more)
{
	char text[160];

	if (!*lane->plan.said && !*more)
		return;
	snprintf(text, sizeof(text), "to %s: %s%s%s", lane->target, lane->plan.said,
		 *lane->plan.said && *more ? ": " : "", more);
	lane->plan.said[0] = '\0';
	relay_tell(lane->pair, text);
}

static void lane_end(struct lane *lane)
{
	struct pair *pair = lane->pair;
	enum relay_then then = lane->plan.faults.then;

	lane_say(lane, relay_then_words[then]);
	lane->over = true;
	postern_conn_pause(lane->from);
	switch (then) {
	case RELAY_CLOSE:
		pair_close(pair);
		break;
	case RELAY_RESET:
		lane_other(lane)->over = true;
		postern_conn_pause(lane->to);
		postern_timer_set(pair->reset, RELAY_RESET_AFTER);
		break;
	case RELAY_HALF_CLOSE:
		postern_conn_shutdown(lane->to);
		break;
	case RELAY_STALL:
		break;
	}
}

/* Its source offers the bytes again, if there are any. */
static void lane_go_on(struct lane *lane, enum lane_waits what)
{
	if (lane->waits != what || lane->over)
		return;
	lane->waits = WAITS_NOT;
	if (relay_plan_is_over(&lane->plan))
		lane_end(lane);
	else
		postern_conn_resume(lane->from);
}

static void lane_due(struct postern_timer *t, void *data)
{
	(void)t;
	lane_go_on(data, WAITS_FOR_TIME);
}

/* What the queue does not take waits until that has drained. */
static size_t lane_send(struct lane *lane, const char *bytes, const struct relay_step *step)
{
	char garbled = relay_corrupt(*bytes);
	ssize_t sent = postern_conn_write(lane->to, step->corrupt ? &garbled : bytes, step->n);
	int64_t wait = 0;
	size_t taken;

	if (sent <= 0) {
		lane_wait(lane, 0);
		return 0;
	}
	taken = relay_plan_sent(&lane->plan, (size_t)sent, &wait);
	if (wait) {
		(void)postern_conn_flush(lane->to);
		lane_wait(lane, wait);
	}
	return taken;
}

static size_t relay_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct lane *lane = data;
	const char *at = bytes;
	size_t left = n;

	while (!lane->over && !lane->waits && lane->to) {
		struct relay_step step =
			relay_plan_next(&lane->plan, at, left, postern_conn_at_end(c) == 1);
		size_t taken = 0;

		if (step.does == RELAY_WANT)
			break;
		if (step.does == RELAY_END) {
			lane_end(lane);
			break;
		}
		lane_say(lane, "");
		if (step.does == RELAY_WAIT)
			lane_wait(lane, step.wait_ns);
		else if (step.does == RELAY_SKIP)
			taken = step.n;
		else
			taken = lane_send(lane, at + step.from, &step);
		at += taken;
		left -= taken;
	}
	return n - left;
}

/* ---- the ends of connections ---- */

static void relay_state(struct postern_conn *c, int state, void *data)
{
	struct lane *lane = data;

	(void)c;
	if (state != POSTERN_STATE_CONNECTED)
		return;
	lane->pair->connected = true;
	lane_go_on(lane_other(lane), WAITS_FOR_ROOM);
}

static void relay_ended(struct postern_conn *c, void *data)
{
	struct lane *lane = data, *other = lane_other(lane);
	bool was_over = lane->over;

	(void)c;
	lane->over = true;
	if (was_over)
		return;
	if (other->over)
		pair_close(lane->pair);
	else
		postern_conn_shutdown(lane->to);
}

static void relay_drained(struct postern_conn *c, void *data)
{
	(void)c;
	lane_go_on(lane_other(data), WAITS_FOR_ROOM);
}

static void relay_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct lane *lane = data, *other = lane_other(lane);
	struct pair *pair = lane->pair;
	bool failed = output_status(why);

	(void)c;
	if (!pair->connected && lane == &pair->lanes[TO_CLIENT])
		output_reason("relay", pair->relay->values->common.name, why);
	else if (!lane->over)
		relay_tell(pair, lane == &pair->lanes[TO_CLIENT] ? "the server has gone"
								 : "the client has gone");
	lane->from = postern_conn_free(lane->from);
	other->to = NULL;
	if (!other->from) {
		pair_free(pair);
		return;
	}
	lane->over = other->over = true;
	if (failed)
		postern_conn_abort(other->from);
	else
		postern_conn_close(other->from);
}

static const struct postern_conn_events relay_conn_events = {
	.size = sizeof(relay_conn_events),
	.state = relay_state,
	.received = relay_received,
	.ended = relay_ended,
	.drained = relay_drained,
	.closed = relay_closed,
};

/* ---- a new pair ---- */

static const struct postern_conn_options relay_conn_options = {
	.size = sizeof(relay_conn_options),
	.high_water = RELAY_QUEUE,
	.unread = RELAY_HELD,
	.idle_ns = POSTERN_FOREVER,
};

static void relay_choose(struct relay *r, struct pair *pair)
{
	const struct relay_values *v = r->values;
	struct relay_faults faults = r->faults;
	char text[256];

	if (v->count && pair->number > v->count) {
		faults = (struct relay_faults){ .to = 0 };
	} else if (v->random) {
		faults = relay_random(v->random, pair->number);
		faults.framing = r->faults.framing;
		relay_faults_text(&faults, text, sizeof(text));
		output_error("relay", v->as, "connection %" PRIu64 ": %s", pair->number, text);
	}
	if (faults.to & RELAY_TO_CLIENT)
		pair->lanes[TO_CLIENT].plan.faults = faults;
	if (faults.to & RELAY_TO_SERVER)
		pair->lanes[TO_SERVER].plan.faults = faults;
}

/* The client's connection is ours on success. */
static int pair_start(struct relay *r, struct pair *pair, struct postern_conn *client)
{
	const struct postern_connect_options options = {
		.size = sizeof(options),
		.conn = &relay_conn_options,
	};
	struct lane *up = &pair->lanes[TO_SERVER], *down = &pair->lanes[TO_CLIENT];
	int error = postern_timer_new(&up->timer, r->loop, lane_due, up);

	if (error == 0)
		error = postern_timer_new(&down->timer, r->loop, lane_due, down);
	if (error == 0)
		error = postern_timer_new(&pair->reset, r->loop, pair_reset, pair);
	if (error == 0)
		error = postern_connect(&down->from, r->loop, r->values->common.name, &options,
					&relay_conn_events, down);
	if (error < 0)
		return error;
	up->from = down->to = postern_conn_keep(client);
	up->to = down->from;
	postern_conn_set_events(client, &relay_conn_events, up);
	/* No byte is read before the server is there. */
	lane_wait(up, 0);
	return 0;
}

static void relay_accepted(struct postern_server *server, struct postern_conn *c, void *data)
{
	struct relay *r = data;
	struct pair *pair = calloc(1, sizeof(*pair));
	int error;

	(void)server;
	r->accepted++;
	if (!pair) {
		output_error("relay", r->values->as, "out of memory for a connection");
		postern_conn_abort(c);
		return;
	}
	*pair = (struct pair){
		.relay = r, .next = r->pairs, .at = &r->pairs, .number = r->accepted
	};
	pair->lanes[TO_SERVER] = (struct lane){ .pair = pair, .target = "server" };
	pair->lanes[TO_CLIENT] = (struct lane){ .pair = pair, .target = "client" };
	if (r->pairs)
		r->pairs->at = &pair->next;
	r->pairs = pair;
	relay_choose(r, pair);
	relay_tell(pair, "accepted");
	error = pair_start(r, pair, c);
	if (error < 0) {
		output_errno("relay", r->values->common.name, "cannot connect", error);
		pair_free(pair);
		postern_conn_abort(c);
	}
}

/* ---- the command ---- */

static void relay_error(struct postern_server *server, const struct postern_reason *why, void *data)
{
	struct relay *r = data;

	(void)server;
	output_text("relay", r->values->as, why->text);
	if (why->code == POSTERN_REASON_NAME_LOST) {
		r->status = EXIT_NAME_IN_USE;
		postern_loop_stop(r->loop);
	}
}

static const struct postern_server_events relay_events = {
	.size = sizeof(relay_events),
	.conn = &relay_conn_events,
	.accepted = relay_accepted,
	.error = relay_error,
};

static void relay_signalled(struct postern_signal *s, int sig, void *data)
{
	struct relay *r = data;

	(void)s;
	(void)sig;
	postern_loop_stop(r->loop);
}

/* The place of a word among some; -1: an error has been printed. */
static int relay_word(const char *option, const char *word, const char *const *words, int standard)
{
	if (!word)
		return standard;
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	output_error("relay", NULL, "--%s: '%s' is unknown; see: postern relay --help", option,
		     word);
	return -1;
}

static bool relay_read_words(const struct relay_values *v, struct relay_faults *f)
{
	static const char *const to[] = { "client", "server", "both", NULL };
	static const char *const framing[] = { "lines", "nul", NULL };
	int t = relay_word("to", v->to, to, 0),
	    e = relay_word("then", v->then, relay_then_words, 0);
	int b = relay_word("framing", v->framing, framing, -2);

	if (t < 0 || e < 0 || b == -1)
		return false;
	f->to = t == 2 ? RELAY_TO_CLIENT | RELAY_TO_SERVER : 1u << t;
	f->then = (enum relay_then)e;
	f->framing = b < 0 ? 0 : b ? POSTERN_FRAMING_NUL : POSTERN_FRAMING_LINES;
	return true;
}

static int relay_check(const struct relay_values *v, struct relay_faults *f)
{
	static const struct relay_faults none = { 0 };
	int ends = !!v->faults.half + !!v->faults.after + !!v->faults.at_byte;
	bool has_fault = memcmp(&v->faults, &none, sizeof(none)) != 0;

	if (!v->common.name)
		output_error("relay", NULL, "missing NAME, the server; see: postern relay --help");
	else if (!v->as)
		output_error("relay", v->common.name,
			     "missing --as TEST, the name that clients connect to in its place");
	else if (!strcmp(v->as, v->common.name))
		output_error("relay", v->as, "--as must be another name than that of the server");
	else if (v->random && (has_fault || v->to || v->then))
		output_error("relay", v->as, "--random chooses the faults; leave out the others");
	else if (ends > 1)
		output_error("relay", v->as, "--half, --after and --at-byte exclude each other");
	else if (v->then && !ends)
		output_error("relay", v->as,
			     "--then needs --half, --after or --at-byte to say when");
	else if (v->faults.delay_ns == POSTERN_FOREVER)
		output_error("relay", v->as,
			     "--delay has an end; to hold one for ever: --half 1 --then stall");
	else if (relay_read_words(v, f))
		return EXIT_DONE;
	return EXIT_USAGE;
}

static int relay_go(struct relay *r)
{
	const struct postern_server_options options = {
		.size = sizeof(options),
		.connections = RELAY_CONNECTIONS,
		.connections_per_uid = RELAY_CONNECTIONS,
		.bytes_per_uid = (size_t)256 << 20,
		.conn = &relay_conn_options,
	};
	const char *as = r->values->as;
	int error = postern_loop_new(&r->loop);

	if (error == 0)
		error = postern_signal_new(&r->terminate, r->loop, SIGTERM, relay_signalled, r);
	if (error == 0)
		error = postern_signal_new(&r->interrupt, r->loop, SIGINT, relay_signalled, r);
	if (error < 0)
		return output_errno("relay", as, "cannot start: a loop with signals", error);
	if (postern_server_new(&r->server, r->loop, as, &options, &relay_events, r) < 0)
		return output_reason("relay", as, postern_why());
	output_line("ready %s %s", as, postern_server_path(r->server));
	error = postern_loop_run(r->loop);
	return error < 0 ? output_errno("relay", as, "the loop failed", error) : r->status;
}

static int relay_run(void *data)
{
	const struct relay_values *v = data;
	struct relay r = { .values = v, .faults = v->faults };
	int status = relay_check(v, &r.faults);

	if (status)
		return status;
	signal(SIGTTOU, SIG_IGN);
	status = relay_go(&r);
	for (struct pair *pair = r.pairs, *next; pair; pair = next) {
		next = pair->next;
		pair_free(pair);
	}
	postern_server_free(r.server);
	postern_signal_free(r.interrupt);
	postern_signal_free(r.terminate);
	postern_loop_free(r.loop);
	return status;
}

const struct verb verb_relay = {
	.name = "relay",
	.operands = "NAME --as TEST",
	.about = "Passes connections on to NAME, with faults, to test either side.",
	.notes = "SIZE: 100, 64K. TIME: 20ms, 1s. Faults at both sides: one relay behind another.",
	.takes_name = true,
	.options = relay_options,
	.size = sizeof(struct relay_values),
	.run = relay_run,
};
