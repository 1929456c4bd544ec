/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certify-service.c - org.varlink.certification as a service: certify-service NAME, until SIGTERM
 *
 * Each step answers with what the next one is to be called with, and whoever calls with another value gets
 * CertificationError. Test11 is oneway, so what is wrong with it shows in End alone. The description does not say that Test10
 * is for more, so no function is generated for that, and it is asked of the library itself.
 */
#include "org.varlink.certification.h"

#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "certify.h"

#define N_CLIENTS 100

struct client {
	bool here;         /* it has not ended */
	bool replies_came; /* Test11 had what Test10 was answered with */
};

struct desk {
	unsigned n; /* that came so far: a client's number is in its id */
	struct client clients[N_CLIENTS];
};

static int id_write(char *text, size_t size, size_t number)
{
	return snprintf(text, size, "client-%zu", number);
}

static struct client *desk_find(struct desk *desk, const char *id)
{
	char text[32];
	size_t i;

	for (i = 0; i < desk->n; i++) {
		id_write(text, sizeof text, i);
		if (!strcmp(text, id))
			return desk->clients[i].here ? &desk->clients[i] : NULL;
	}
	return NULL;
}

/* Is the call from a client that has started, with what it should be? Else it is answered. */
static struct client *admit(struct postern_request *r, void *data, const char *id, bool right)
{
	const struct certification_CertificationError error = {
		.wants = { "{}", 2 },
		.got = postern_request_parameters(r),
	};
	struct client *client = desk_find((struct desk *)data, id);

	if (!client)
		certification_fail_ClientIdError(r);
	else if (!right)
		certification_fail_CertificationError(r, &error);
	return right ? client : NULL;
}

static void start(struct postern_request *r, void *data)
{
	struct desk *desk = (struct desk *)data;
	char text[32];
	const struct certification_Start_out out = { .client_id = text };

	/* Then it ends unanswered, and the peer gets an error. */
	if (desk->n == N_CLIENTS)
		return;
	id_write(text, sizeof text, desk->n);
	desk->clients[desk->n++].here = true;
	certification_reply_Start(r, &out);
}

static void test01(struct postern_request *r, const struct certification_Test01_in *in, void *data)
{
	static const struct certification_Test01_out out = { .bool_ = true };

	if (admit(r, data, in->client_id, true))
		certification_reply_Test01(r, &out);
}

static void test02(struct postern_request *r, const struct certification_Test02_in *in, void *data)
{
	static const struct certification_Test02_out out = { .int_ = 1 };

	if (admit(r, data, in->client_id, in->bool_))
		certification_reply_Test02(r, &out);
}

static void test03(struct postern_request *r, const struct certification_Test03_in *in, void *data)
{
	static const struct certification_Test03_out out = { .float_ = 1.0 };

	if (admit(r, data, in->client_id, in->int_ == 1))
		certification_reply_Test03(r, &out);
}

static void test04(struct postern_request *r, const struct certification_Test04_in *in, void *data)
{
	static const struct certification_Test04_out out = { .string = "ping" };

	if (admit(r, data, in->client_id, same_double(in->float_, 1.0)))
		certification_reply_Test04(r, &out);
}

static void test05(struct postern_request *r, const struct certification_Test05_in *in, void *data)
{
	static const struct certification_Test05_out out = { .int_ = 2,
							     .float_ = PI,
							     .string = LOT };

	if (admit(r, data, in->client_id, !strcmp(in->string, "ping")))
		certification_reply_Test05(r, &out);
}

static void test06(struct postern_request *r, const struct certification_Test06_in *in, void *data)
{
	static const struct certification_Test06_out out = {
		.struct_ = { .int_ = 2, .float_ = PI, .string = LOT },
	};

	if (admit(r, data, in->client_id,
		  !in->bool_ && in->int_ == 2 && same_double(in->float_, PI) &&
			  !strcmp(in->string, LOT)))
		certification_reply_Test06(r, &out);
}

static void test07(struct postern_request *r, const struct certification_Test07_in *in, void *data)
{
	static const struct certification_Test07_out_map_entry entries[] = { { "foo", "Foo" },
									     { "bar", "Bar" } };
	static const struct certification_Test07_out out = { .map = { entries, 2 } };

	if (admit(r, data, in->client_id,
		  !in->struct_.bool_ && in->struct_.int_ == 2 &&
			  same_double(in->struct_.float_, PI) && !strcmp(in->struct_.string, LOT)))
		certification_reply_Test07(r, &out);
}

static void test08(struct postern_request *r, const struct certification_Test08_in *in, void *data)
{
	static const struct certification_Test08_out_set_entry entries[] = { { "one" },
									     { "two" },
									     { "three" } };
	static const struct certification_Test08_out out = { .set = { entries, 3 } };

	if (admit(r, data, in->client_id,
		  in->map.n == 2 && has_pair(&in->map, "foo", "Foo") &&
			  has_pair(&in->map, "bar", "Bar")))
		certification_reply_Test08(r, &out);
}

static void test09(struct postern_request *r, const struct certification_Test09_in *in, void *data)
{
	const struct certification_Test09_out out = { .mytype = *mytype() };

	if (admit(r, data, in->client_id,
		  in->set.n == 3 && has_key(&in->set, "one") && has_key(&in->set, "two") &&
			  has_key(&in->set, "three")))
		certification_reply_Test09(r, &out);
}

static void test10(struct postern_request *r, const struct certification_Test10_in *in, void *data)
{
	char text[32];
	const struct certification_Test10_out out = { .string = text };
	unsigned i;

	if (!admit(r, data, in->client_id,
		   mytype_wrong(&in->mytype) == NULL &&
			   postern_request_flags(r) & POSTERN_CALL_MORE))
		return;
	for (i = 1; i < N_REPLIES; i++) {
		reply_write(text, sizeof text, i);
		if (postern_request_continue(r, certification_Test10_method.out, &out) < 0)
			return;
	}
	reply_write(text, sizeof text, i);
	certification_reply_Test10(r, &out);
}

static void test11(struct postern_request *r, const struct certification_Test11_in *in, void *data)
{
	bool right = in->last_more_replies.n == N_REPLIES &&
		     postern_request_flags(r) & POSTERN_CALL_ONEWAY;
	struct client *client;
	char text[32];
	unsigned i;

	for (i = 0; right && i < N_REPLIES; i++) {
		reply_write(text, sizeof text, i + 1);
		right = !strcmp(in->last_more_replies.items[i], text);
	}
	client = admit(r, data, in->client_id, right);
	if (!client)
		return;
	client->replies_came = true;
	certification_reply_Test11(r);
}

static void end(struct postern_request *r, const struct certification_End_in *in, void *data)
{
	struct client *client = admit(r, data, in->client_id, true);
	struct certification_End_out out;

	if (!client)
		return;
	client->here = false;
	out.all_ok = client->replies_came;
	certification_reply_End(r, &out);
}

static void stop(struct postern_signal *s, int sig, void *loop)
{
	(void)s, (void)sig;
	postern_loop_stop((struct postern_loop *)loop);
}

static void wrong(struct postern_service *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)data;
	fprintf(stderr, "certify-service: %s\n", why->text);
}

static const struct certification_methods methods = {
	.Start = start,
	.Test01 = test01,
	.Test02 = test02,
	.Test03 = test03,
	.Test04 = test04,
	.Test05 = test05,
	.Test06 = test06,
	.Test07 = test07,
	.Test08 = test08,
	.Test09 = test09,
	.Test10 = test10,
	.Test11 = test11,
	.End = end,
};

int main(int argc, char **argv)
{
	static const struct postern_service_events events = { .size = sizeof events,
							      .error = wrong };
	static struct desk desk;
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(service) service = NULL;
	POSTERN_AUTO(signal) terminate = NULL;

	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_service_new(&service, loop, argv[1], NULL, &events, NULL) < 0 ||
	    certification_provide(service, &methods, &desk) < 0 ||
	    postern_signal_new(&terminate, loop, SIGTERM, stop, loop) < 0) {
		fprintf(stderr, "certify-service: %s\n", postern_why()->text);
		return 1;
	}
	return postern_loop_run(loop) < 0;
}
